//! One event of each platform looked at through every dialect. What is shown, and what of it, stands in
//! `docs/dialects/README.md`; these tests hold the page to it. `UPDATE_SNAPSHOTS=1` writes the page anew.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::{fs, path::Path, time::Duration};

use annals_model::Timestamp;
use annals_testkit::ServerProcess;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{digest, hmac};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The organization of all events: a UUID, because one platform addresses no other.
const ORGANIZATION: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const PROJECT: &str = "9bf82354-1f5d-45f8-a060-e0bfbfe2b1bb";
const ENVIRONMENT: &str = "b3a1a0cf-58c1-4c11-9d0f-8f4a64a1c9a1";
const KEY: &str = "EXO0123456789abcdef01234567";
const SECRET: &str = "tC5sYb0Jv2Qn8eWm4Lr7Xk1Zp9Hd3Ug6Fa_0-BtNqVs";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The dialects, with the heads of their columns.
const DIALECTS: [(&str, &str); 6] = [
    ("cloudfoundry", "Cloud Foundry"),
    ("exoscale", "Exoscale"),
    ("qovery", "Qovery"),
    ("rafay", "Rafay"),
    ("fujitsu", "Fujitsu K5"),
    ("rds", "Amazon RDS"),
];

struct Server {
    process: ServerProcess,
    agent: ureq::Agent,
    _directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = format!(
            "[[credential]]\nname = \"signer\"\nkey = \"{KEY}\"\nsecret = \"{SECRET}\"\ngrants = [{{ role = \"reader\" }}]\n"
        );
        let binary = Path::new(env!("CARGO_BIN_EXE_annals"));
        let process = ServerProcess::start(binary, directory.path(), &settings).unwrap();
        let agent =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).build().new_agent();
        Self { process, agent, _directory: directory }
    }

    /// Records one event.
    fn record(&self, path: &str, event: &Value) {
        let request =
            self.agent.post(self.process.url(path)).header("authorization", self.process.authorization());
        let mut answer = request.header("content-type", "application/json").send(event.to_string()).unwrap();
        let counts: Value = answer.body_mut().read_json().unwrap();
        assert_eq!(counts, json!({ "accepted": 1, "duplicates": 0, "rejected": [] }), "{path}");
    }

    fn get(&self, path: &str, header: &str, value: &str) -> String {
        let mut answer = self.agent.get(self.process.url(path)).header(header, value).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    }

    /// What a dialect shows of the one event of that day; `None` when it shows nothing.
    fn seen(&self, dialect: &str, day: Timestamp) -> Option<String> {
        let authorization = self.process.authorization();
        let token = authorization.trim_start_matches("Bearer ");
        let (from, to) = (day.to_rfc3339_seconds(), day.plus(DAY).to_rfc3339_seconds());
        let events = match dialect {
            "cloudfoundry" => {
                let path = format!("/v2/events?q=timestamp%3E%3D{from}&q=timestamp%3C{to}");
                list(&self.get(&path, "authorization", &authorization), "resources")
            }
            "exoscale" => {
                let path = format!("/v2/event?from={from}&to={to}");
                let events = self.get(&path, "authorization", &exoscale_signature(&from, &to));
                list(&format!("{{\"events\":{events}}}"), "events")
            }
            "qovery" => {
                let path = format!(
                    "/organization/{ORGANIZATION}/events?fromTimestamp={}&toTimestamp={}",
                    day.seconds(),
                    day.plus(DAY).seconds() - 1
                );
                list(&self.get(&path, "authorization", &authorization), "events")
            }
            "rafay" => {
                let of = |kind: &str| {
                    let path = format!(
                        "/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/{kind}/instance?range_from={from}&range_to={to}"
                    );
                    list(&self.get(&path, "x-api-key", token), "items")
                };
                [of("compute"), of("service")].concat()
            }
            "fujitsu" => {
                let path = format!("/v1.0/{ORGANIZATION}/events?startTime={from}&endTime={to}");
                list(&self.get(&path, "x-auth-token", token), "events")
            }
            _ => self.rds(&from, &to),
        };
        assert!(events.len() <= 1, "{dialect} shows one event as several: {events:#?}");
        events.into_iter().next()
    }

    fn rds(&self, from: &str, to: &str) -> Vec<String> {
        let body = format!("Action=DescribeEvents&Version=2014-10-31&StartTime={from}&EndTime={to}");
        let url = self.process.url("/");
        let host = url.trim_start_matches("http://").trim_end_matches('/');
        let (date, authorization) = aws_signature(host, &body);
        let request = self.agent.post(&url).header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("x-amz-date", date).header("authorization", authorization);
        let answer = request.send(&body).unwrap().body_mut().read_to_string().unwrap();
        let (events, _) = answer.split_once("</Events>").unwrap();
        events.split("<Event>").skip(1).map(str::to_owned).collect()
    }
}

/// The members of a list in an answer, as texts.
fn list(answer: &str, name: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(answer).unwrap();
    answer[name].as_array().unwrap().iter().map(Value::to_string).collect()
}

fn sign(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()).as_ref().to_vec()
}

fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_seconds(now.as_secs().cast_signed()).unwrap()
}

/// EXO2-HMAC-SHA256.
fn exoscale_signature(from: &str, to: &str) -> String {
    let expires = now().seconds() + 600;
    let message = format!("GET /v2/event\n\n{from}{to}\n\n{expires}");
    let signature = STANDARD.encode(sign(SECRET.as_bytes(), &message));
    format!(
        "EXO2-HMAC-SHA256 credential={KEY},signed-query-args=from;to,expires={expires},signature={signature}"
    )
}

/// The date and the authorization of AWS's Signature Version 4.
fn aws_signature(host: &str, body: &str) -> (String, String) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sha256 = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    let date = now().to_rfc3339_seconds().replace(['-', ':'], "");
    let steps = [&date[..8], "eu-central-1", "rds", "aws4_request"];
    let canonical = format!("POST\n/\n\nhost:{host}\nx-amz-date:{date}\n\nhost;x-amz-date\n{}", sha256(body));
    let scope = steps.join("/");
    let message = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(&canonical));
    let key = steps.iter().fold(format!("AWS4{SECRET}").into_bytes(), |key, step| sign(&key, step));
    let signature = hex(&sign(&key, &message));
    let header = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    );
    (date, header)
}

/// The words a dialect has for the event it shows.
fn words(dialect: &str, shown: &str) -> String {
    if dialect == "rds" {
        let between = |name: &str| {
            let (_, rest) = shown.split_once(&format!("<{name}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        return format!("`{}` {}", between("SourceType"), between("EventCategory"));
    }
    let event: Value = serde_json::from_str(shown).unwrap();
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    match dialect {
        "cloudfoundry" => format!("`{}`", event["entity"]["type"].as_str().unwrap()),
        "exoscale" => match event["status"].as_u64() {
            Some(status) => format!("`{}` {status}", text("handler")),
            None => format!("`{}`", text("handler")),
        },
        "qovery" => format!("`{}` {}", text("event_type"), text("target_type")),
        "rafay" => format!("{} {} `{}`", text("kind"), text("action"), text("status")),
        _ => format!("`{}` {}", text("sourceType"), event["eventCategories"][0].as_str().unwrap()),
    }
}

/// Events in their platforms' own shapes, one a day.
fn samples() -> Vec<(&'static str, &'static str, Value)> {
    let cloudfoundry = |day: u32, kind: &str, actee_type: &str, name: &str| {
        let time = format!("2026-03-{day:02}T10:00:00Z");
        json!({
            "metadata": {
                "guid": format!("cf000000-0000-4000-8000-{day:012}"), "url": "", "created_at": time, "updated_at": time,
            },
            "entity": {
                "type": kind, "actor": "uaa-id-1", "actor_type": "user", "actor_name": "alice@example.com",
                "actor_username": "alice@example.com", "actee": format!("8561ee34-09f0-42da-a765-{day:012}"),
                "actee_type": actee_type, "actee_name": name, "timestamp": time, "metadata": { "request": {} },
                "space_guid": PROJECT, "organization_guid": ORGANIZATION,
            },
        })
    };
    let exoscale = |day: u32, handler: &str, path: Value, status: u32| {
        json!({
            "request-id": format!("3f0b9c10-9551-11f1-8d6e-{day:012}"), "zone": "ch-gva-2", "handler": handler,
            "iam-api-key": { "name": "ci-deployer", "key": "EXO4a1c09be77d2f3586e1b90cd" }, "source-ip": "203.0.113.7",
            "uri": "/v2/thing", "path-params": path, "status": status, "elapsed-ms": 311,
            "timestamp": format!("2026-03-{day:02}T10:00:00.500Z"), "message": format!("POST [{handler}]"),
        })
    };
    let qovery = |day: u32, event_type: &str, target_type: &str| {
        json!({
            "id": format!("90000000-0000-4000-8000-{day:012}"), "timestamp": format!("2026-03-{day:02}T10:00:00.5Z"),
            "event_type": event_type, "target_id": format!("8561ee34-09f0-42da-a765-{day:012}"), "target_name": "shop",
            "target_type": target_type, "sub_target_type": null, "change": "{}", "origin": "CONSOLE",
            "triggered_by": "alice@example.com", "project_id": PROJECT, "project_name": "web",
            "environment_id": ENVIRONMENT, "environment_name": "production", "user_agent": null, "original_change": null,
        })
    };
    let rafay = |day: u32, kind: &str, action: &str, status: &str| {
        json!({
            "id": format!("019c510c-8800-7aef-8715-{day:012}"), "kind": kind, "status": status, "action": action,
            "message": "as it was said", "instance_id": format!("019c510c-86c4-707d-aef7-{day:012}"),
            "instance_name": "dev-1", "partner_id": "d27v024", "organization_id": ORGANIZATION,
            "project_id": "7krxjzk", "project_name": "development", "created_by": "user@example.com",
            "created_at": format!("2026-03-{day:02}T10:00:00.500Z"),
        })
    };
    let id = |day: u32| json!({ "id": format!("8561ee34-09f0-42da-a765-{day:012}") });
    vec![
        ("cloudfoundry", "an application was created", cloudfoundry(1, "audit.app.create", "app", "shop")),
        (
            "cloudfoundry",
            "a service instance was deleted",
            cloudfoundry(2, "audit.service_instance.delete", "service_instance", "orders"),
        ),
        (
            "cloudfoundry",
            "a role was given",
            cloudfoundry(3, "audit.user.space_developer_add", "user", "bob@example.com"),
        ),
        ("exoscale", "an instance was created", exoscale(4, "create-instance", id(4), 200)),
        (
            "exoscale",
            "a database was created",
            exoscale(5, "create-dbaas-service-pg", json!({ "name": "orders" }), 200),
        ),
        ("exoscale", "deleting an instance was refused", exoscale(6, "delete-instance", id(6), 409)),
        ("exoscale", "somebody logged in", exoscale(7, "authenticate", json!({}), 200)),
        ("qovery", "an application was deployed", qovery(8, "DEPLOYED", "APPLICATION")),
        ("qovery", "deploying an application failed", qovery(9, "DEPLOY_FAILED", "APPLICATION")),
        ("qovery", "a database was created", qovery(10, "CREATE", "DATABASE")),
        ("rafay", "a compute instance was deployed", rafay(11, "compute", "deploy", "success")),
        ("rafay", "a service instance was deleted", rafay(12, "service", "delete", "deleted")),
        (
            "fujitsu",
            "a database was backed up",
            json!({
                "date": "2026-03-13T10:00:00", "eventCategories": ["backup"], "message": "Finished DB Instance backup",
                "sourceIdentifier": "orders", "sourceType": "db-instance",
            }),
        ),
        (
            "fujitsu",
            "a snapshot was deleted",
            json!({
                "date": "2026-03-14T10:00:00", "eventCategories": ["deletion"], "message": "Deleted user snapshot",
                "sourceIdentifier": "orders-snapshot", "sourceType": "db-snapshot",
            }),
        ),
        (
            "rds",
            "a database was created",
            json!({
                "SourceIdentifier": "orders", "SourceType": "db-instance", "Message": "DB instance created",
                "EventCategories": ["creation"], "Date": "2026-03-15T10:00:00.500Z",
                "SourceArn": "arn:aws:rds:eu-central-1:123456789012:db:orders",
            }),
        ),
    ]
}

fn head_of_columns(first: &str) -> String {
    let titles: Vec<&str> = DIALECTS.iter().map(|(_, title)| *title).collect();
    format!("| {first} | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(DIALECTS.len()))
}

#[test]
fn each_dialect_shows_what_the_page_says_of_the_others_events() {
    let server = Server::start();
    let mut table = head_of_columns("event");
    for (position, (source, what, event)) in samples().iter().enumerate() {
        server.record(&format!("/api/v1/import/{source}?organization={ORGANIZATION}"), event);
        let day = Timestamp::parse(&format!("2026-03-{:02}T00:00:00Z", position + 1)).unwrap();
        let (_, title) = DIALECTS.iter().find(|(name, _)| name == source).unwrap();
        table += &format!("| {title}: {what} |");
        for (dialect, _) in DIALECTS {
            let seen = server.seen(dialect, day);
            assert!(seen.is_some() || dialect != *source, "{source} does not show its own event: {event}");
            table += &format!(" {} |", seen.map_or_else(|| "–".to_owned(), |shown| words(dialect, &shown)));
        }
        table.push('\n');
    }
    hold("words", &table);
}

/// Every field of an event, and a text that is in it and nowhere else.
const FIELDS: [(&str, &str); 30] = [
    ("`id`", "00000000-0000-7000-8000-00000000beef"),
    ("`type`", "marked-type"),
    ("`status`", "marked-status"),
    ("`organization.id`", ORGANIZATION),
    ("`organization.name`", "marked-organization"),
    ("`project.id`", PROJECT),
    ("`project.name`", "marked-project"),
    ("`environment.id`", ENVIRONMENT),
    ("`environment.name`", "marked-environment"),
    ("`actor.id`", "marked-actor-id"),
    ("`actor.name`", "marked-actor-name"),
    ("`target.id`", "8561ee34-09f0-42da-a765-abde807f944b"),
    ("`target.name`", "marked-target"),
    ("`part`", "CONFIG"),
    ("`origin`", "CONSOLE"),
    ("`zone`", "marked-zone"),
    ("`categories`", "marked-category"),
    ("label `profile_id`", "marked-profile"),
    ("other labels", "marked-label"),
    ("`request.id`", "marked-request-id"),
    ("`request.method`", "PATCH"),
    ("`request.uri`", "/marked/uri"),
    ("`request.ip`", "203.0.113.77"),
    ("`request.user_agent`", "marked-agent"),
    ("`request.status`", "207"),
    ("`request.elapsed_ms`", "47110815"),
    ("`message`", "marked-message"),
    ("`before`", "marked-before"),
    ("`after`", "marked-after"),
    ("`data`", "marked-data"),
];

/// An event with all its fields, about a thing of that kind, at noon of that day.
fn full_event(day: u32, kind: &str) -> Value {
    let text = |field: &str| FIELDS.iter().find(|(name, _)| *name == format!("`{field}`")).unwrap().1;
    let named =
        |field: &str| json!({ "id": text(&format!("{field}.id")), "name": text(&format!("{field}.name")) });
    let of = |field: &str, kind: &str| {
        let mut entity = named(field);
        entity["type"] = kind.into();
        entity
    };
    json!({
        "id": text("id"), "time": format!("2026-04-{day:02}T12:00:00.123456789Z"), "type": text("type"),
        "action": "create", "outcome": "success", "status": text("status"), "organization": named("organization"),
        "project": named("project"), "environment": named("environment"), "actor": of("actor", "user"),
        "target": of("target", kind), "part": text("part"), "origin": text("origin"), "zone": text("zone"),
        "categories": [text("categories")], "labels": { "profile_id": "marked-profile", "team": "marked-label" },
        "request": {
            "id": text("request.id"), "method": text("request.method"), "uri": text("request.uri"),
            "ip": text("request.ip"), "user_agent": text("request.user_agent"), "status": 207, "elapsed_ms": 47_110_815,
        },
        "message": text("message"), "before": { "state": text("before") }, "after": { "state": text("after") },
        "data": { "more": text("data") },
    })
}

#[test]
fn each_dialect_shows_the_fields_that_the_page_says() {
    let seen: Vec<String> = DIALECTS
        .iter()
        .map(|(dialect, _)| {
            // No kind of thing is shown by all of them: Rafay's are instances, the database services' databases.
            let kind = if *dialect == "rafay" { "instance" } else { "database" };
            let server = Server::start();
            server.record("/api/v1/events", &full_event(1, kind));
            let day = Timestamp::parse("2026-04-01T00:00:00Z").unwrap();
            server.seen(dialect, day).unwrap_or_else(|| panic!("{dialect} does not show a {kind}"))
        })
        .collect();
    let mut table = head_of_columns("field");
    let mut row = |field: &str, cell: &dyn Fn(&str) -> &'static str| {
        let cells: Vec<&str> = seen.iter().map(|shown| cell(shown)).collect();
        table += &format!("| {field} | {} |\n", cells.join(" | "));
    };
    row("`time`", &|shown| {
        let exactness = [("123456789", "nanosecond"), (".123", "millisecond"), ("T12:00:00", "second")];
        exactness.iter().find(|(digits, _)| shown.contains(digits)).map_or("–", |(_, name)| *name)
    });
    for (field, text) in FIELDS {
        row(field, &|shown| if shown.contains(text) { "✓" } else { "–" });
    }
    hold("fields", &table);
}

/// Holds a table of the page to what was seen.
fn hold(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects/README.md");
    let page = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- table: {name} -->\n"), format!("<!-- end of table: {name} -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (kept, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        fs::write(&path, format!("{before}{begin}\n{table}\n{end}{after}")).unwrap();
        return;
    }
    assert!(
        kept.trim() == table.trim(),
        "docs/dialects/README.md no longer says what is shown; if that is meant, run\n    \
         UPDATE_SNAPSHOTS=1 cargo test -p annals --test across -- --test-threads 1\nand commit the page\n{table}"
    );
}
