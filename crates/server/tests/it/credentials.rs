//! Every kind of wrong credential on every route: refused, and never answered with data.

use annals_dialects::Verb;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Request},
    fixture::{ACME, ADMIN, Fixture, NOBODY, READER, WEB, WRITER},
};

/// A word that every event holds, and no answer to somebody who may not read.
const SECRET: &str = "confidential";

/// Another tenant, whose events are at stake.
const TENANT: &str = "7d3f0c52-6e3a-4a0e-9b57-2b0f4ad3c901";

/// An event of that tenant.
const EVENT: &str = "0192d3a4-0000-7000-8000-000000000000";

/// Routes of dialects that answer everybody, because the platform's do: they say where to sign in.
const OPEN: [&str; 7] = ["/", "/login", "/v2/info", "/v2/zone", "/v3", "/v3/info", "/oauth/token"];

fn server() -> Fixture {
    let server = Fixture::start();
    // One event for each kind of thing that some platform tells events about.
    let events: Vec<Value> = ["app", "database", "instance"].into_iter().enumerate().map(event).collect();
    server.record(&events);
    server
}

fn event((number, target): (usize, &str)) -> Value {
    json!({
        "id": format!("{}{number}", &EVENT[..EVENT.len() - 1]),
        "time": "2026-03-01T10:00:00Z",
        "type": format!("{SECRET}.create"),
        "action": "create",
        "outcome": "success",
        "organization": { "id": TENANT, "name": SECRET },
        "project": { "id": "web", "name": SECRET },
        "actor": { "type": "user", "id": SECRET, "name": SECRET },
        "target": { "type": target, "id": SECRET, "name": SECRET },
        "message": SECRET,
        "labels": { "team": SECRET },
        "data": { "more": SECRET },
    })
}

/// Every request of the native API that needs a credential, and of `/metrics`.
fn native() -> Vec<(&'static str, String)> {
    vec![
        ("GET", "/api/v1/events".to_owned()),
        ("GET", format!("/api/v1/events?organization={TENANT}")),
        ("HEAD", "/api/v1/events".to_owned()),
        ("POST", "/api/v1/events".to_owned()),
        ("GET", format!("/api/v1/events/{EVENT}")),
        ("GET", "/api/v1/fields/actor".to_owned()),
        ("GET", "/api/v1/export".to_owned()),
        ("GET", "/api/v1/me".to_owned()),
        ("GET", "/api/v1/searches".to_owned()),
        ("GET", "/api/v1/searches/shared".to_owned()),
        ("PUT", "/api/v1/searches/shared".to_owned()),
        ("DELETE", "/api/v1/searches/shared".to_owned()),
        ("GET", "/api/v1/events/stream?since=start".to_owned()),
        ("GET", format!("/api/v1/events/{EVENT}/dialects")),
        ("GET", "/api/v1/facets?field=actor".to_owned()),
        ("GET", "/api/v1/values/actor".to_owned()),
        ("GET", "/api/v1/histogram".to_owned()),
        ("GET", "/api/v1/histogram?buckets=5&by=actor".to_owned()),
        ("POST", "/api/v1/import/rafay".to_owned()),
        ("POST", "/api/v1/admin/backup".to_owned()),
        ("GET", "/metrics".to_owned()),
    ]
}

/// Every route of every dialect, led to the tenant's events.
fn dialects() -> Vec<(&'static str, &'static str, String)> {
    let mut requests = Vec::new();
    for dialect in annals_dialects::all(&Default::default()) {
        for route in dialect.routes() {
            let segments = route.path.split('/').map(|segment| match segment.starts_with('{') {
                true if segment == "{kind}" => "compute",
                true if segment.contains("guid") || segment.contains("vent") => EVENT,
                true => TENANT,
                false => segment,
            });
            let method = match route.verb {
                Verb::Get => "GET",
                Verb::Post => "POST",
            };
            let mut path = segments.collect::<Vec<_>>().join("/");
            // Two platforms answer only for a time.
            path.push_str(match dialect.name() {
                "rafay" => "?range_from=2026-02-01T00:00:00Z&range_to=2026-04-01T00:00:00Z",
                "fujitsu" => "?startTime=2026-02-01T00:00:00Z&endTime=2026-04-01T00:00:00Z",
                _ => "",
            });
            requests.push((method, route.path, path));
        }
    }
    requests
}

/// Credentials that are none: what they are, and how they are sent.
fn wrong() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    vec![
        ("nothing", vec![]),
        ("an unknown token", vec![("authorization", "Bearer nobody-has-this".into())]),
        ("an empty token", vec![("authorization", "Bearer ".into())]),
        ("no token", vec![("authorization", "Bearer".into())]),
        ("another scheme", vec![("authorization", format!("Basic {READER}"))]),
        ("a bare token", vec![("authorization", READER.into())]),
        ("an unknown key", vec![("x-api-key", "nobody-has-this".into())]),
        ("an unknown auth token", vec![("x-auth-token", "nobody-has-this".into())]),
        ("half a token", vec![("authorization", format!("Bearer {}", &READER[..8]))]),
        ("a token and more", vec![("authorization", format!("Bearer {READER}x"))]),
        ("a name", vec![("authorization", "Bearer reader".into())]),
        (
            "a JSON Web Token nobody signed",
            vec![("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.".into())],
        ),
        ("a very long token", vec![("authorization", format!("Bearer {}", "x".repeat(30_000)))]),
    ]
}

fn send(server: &Fixture, method: &str, path: &str, headers: &[(&'static str, String)]) -> Answer {
    let mut request = Request::new(server.address, method, path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if method == "POST" { request.json("{}").send() } else { request.send() }
}

#[test]
fn the_native_api_refuses_wrong_credentials() {
    let server = server();
    for (method, path) in native() {
        for (what, headers) in wrong() {
            let answer = send(&server, method, &path, &headers);
            assert_eq!(answer.status, 401, "{method} {path} with {what}: {}", answer.text());
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"annals\""), "{method} {path}");
            assert!(!answer.text().contains(SECRET), "{method} {path} with {what}");
            if method != "HEAD" {
                answer.problem(401, "unauthorized");
            }
        }
    }
}

#[test]
fn the_native_api_refuses_those_without_the_right() {
    let server = server();
    let readers = [
        format!("/api/v1/events?organization={TENANT}"),
        "/api/v1/events".to_owned(),
        format!("/api/v1/events/{EVENT}"),
        "/api/v1/fields/actor".to_owned(),
        "/api/v1/facets?field=actor&field=organization.name".to_owned(),
        "/api/v1/values/actor?prefix=con".to_owned(),
        "/api/v1/histogram".to_owned(),
        "/api/v1/histogram?by=target.name".to_owned(),
        "/api/v1/export?format=csv".to_owned(),
    ];
    for path in &readers {
        for token in [WRITER, NOBODY] {
            let detail = server.get(path).token(token).send().problem(403, "forbidden");
            assert_eq!(detail, "this credential is not allowed to read events");
        }
    }
    // Of another organization nothing is seen.
    for path in &readers {
        let answer = server.get(path).token(ACME).send();
        assert!(!answer.text().contains(SECRET), "{path}");
    }
    server.get(&readers[0]).token(ACME).send().problem(403, "forbidden");
    server.get(&readers[2]).token(ACME).send().problem(404, "not-found");
    let shown = format!("/api/v1/events/{EVENT}/dialects");
    server.get(&shown).token(ACME).send().problem(404, "not-found");
    for token in [WRITER, NOBODY] {
        server.get(&shown).token(token).send().problem(403, "forbidden");
    }
    assert!(server.get(&shown).token(READER).send().text().contains(SECRET));
    assert_eq!(server.list_as(ACME, "").json()["events"], json!([]));
    for (path, body) in [
        (
            "/api/v1/events",
            format!(r#"{{"type":"a","time":"2026-03-01T10:00:00Z","organization":{{"id":"{TENANT}"}}}}"#),
        ),
        ("/api/v1/import/rafay", "[]".to_owned()),
    ] {
        for token in [READER, NOBODY] {
            server.post(path).token(token).json(&body).send().problem(403, "forbidden");
        }
    }
    for token in [READER, WRITER, ACME, WEB, NOBODY] {
        let answer = server.post("/api/v1/admin/backup").token(token).json("{}").send();
        assert!(!answer.text().contains(SECRET));
        answer.problem(403, "forbidden");
    }
    assert_eq!(server.list("total=true")["total"], 3);
    // The test can fail: who may read does see the word.
    assert!(server.list_as(READER, "").text().contains(SECRET));
}

#[test]
fn every_header_for_a_token_is_understood() {
    let server = server();
    for (name, value) in [
        ("authorization", format!("Bearer {READER}")),
        ("Authorization", format!("Token {READER}")),
        ("x-api-key", READER.to_owned()),
        ("X-Auth-Token", READER.to_owned()),
    ] {
        let answer = server.get("/api/v1/events").header(name, &value).send();
        assert_eq!(answer.status, 200, "{name}");
        assert!(answer.text().contains(SECRET));
    }
}

#[test]
fn no_dialect_answers_data_to_wrong_credentials() {
    let server = server();
    let requests = dialects();
    for open in OPEN {
        assert!(requests.iter().any(|(_, route, _)| *route == open), "{open} is no route any more");
    }
    for (method, route, path) in &requests {
        for (what, headers) in wrong() {
            let answer = send(&server, method, path, &headers);
            assert!(!answer.text().contains(SECRET), "{method} {path} with {what}: {}", answer.text());
            if !OPEN.contains(route) {
                let refused = matches!(answer.status, 401 | 403);
                assert!(refused, "{method} {path} with {what}: {} {}", answer.status, answer.text());
            }
        }
    }
}

#[test]
fn no_dialect_answers_data_to_those_without_the_right() {
    let server = server();
    for (method, _, path) in dialects() {
        for token in [WRITER, NOBODY, ACME] {
            for name in ["authorization", "x-api-key", "x-auth-token"] {
                let value =
                    if name == "authorization" { format!("Bearer {token}") } else { token.to_owned() };
                let answer = send(&server, method, &path, &[(name, value)]);
                assert!(!answer.text().contains(SECRET), "{method} {path} as {token}: {}", answer.text());
                assert!(answer.status < 500, "{method} {path} as {token}: {}", answer.text());
            }
        }
    }
}

#[test]
fn who_may_read_does_see_the_word_through_dialects() {
    // Without this the tests above could not fail.
    let server = server();
    let mut seen = std::collections::BTreeSet::new();
    for (method, route, path) in dialects() {
        for (name, value) in [
            ("authorization", format!("Bearer {READER}")),
            ("x-api-key", READER.into()),
            ("x-auth-token", READER.into()),
        ] {
            let answer = send(&server, method, &path, &[(name, value)]);
            if answer.text().contains(SECRET) {
                seen.insert(route);
            }
        }
    }
    // Exoscale's API takes no tokens, only signatures.
    for route in [
        "/v2/events",
        "/v2/events/{guid}",
        "/v3/audit_events",
        "/organization/{organizationId}/events",
        "/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/{kind}/instance",
        "/v1.0/{tenantId}/events",
    ] {
        assert!(seen.contains(route), "{route} is not in {seen:?}");
    }
}

#[test]
fn an_unknown_credential_is_not_told_what_there_is() {
    let server = server();
    let known = server.get(&format!("/api/v1/events/{EVENT}")).send();
    let unknown = server.get("/api/v1/events/0192d3a4-0000-7000-8000-0000000000ff").send();
    let strip = |answer: &Answer| {
        let mut problem = answer.json();
        problem["request_id"] = Value::Null;
        problem
    };
    assert_eq!(strip(&known), strip(&unknown));
    assert_eq!(server.get("/metrics").token(NOBODY).send().status, 200);
    assert_eq!(server.get("/metrics").token(ADMIN).send().status, 200);
}
