//! Each platform's own sample events, imported into the real server, come back from that platform's list as they went in;
//! and an event posted natively is seen through every dialect that can express it.
//!
//! The samples in `fixtures/` are the examples of the platforms' own API documentation.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::{path::Path, time::Duration};

use annals_testkit::ServerProcess;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The tenant that the samples without one are imported for.
const ORGANIZATION: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
/// A signing key for the dialect that wants signatures.
const KEY: &str = "EXO0123456789abcdef01234567";
const SECRET: &str = "tC5sYb0Jv2Qn8eWm4Lr7Xk1Zp9Hd3Ug6Fa_0-BtNqVs";

struct Server {
    process: ServerProcess,
    agent: ureq::Agent,
    _directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = format!(
            "[[credential]]\nname = \"signer\"\nkey = \"{KEY}\"\nsecret = \"{SECRET}\"\n\
             grants = [{{ role = \"reader\", organization = \"{ORGANIZATION}\" }}]\n"
        );
        let process =
            ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_annals")), directory.path(), &settings)
                .unwrap();
        let timeout = Some(Duration::from_secs(60));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(timeout)
            .build()
            .new_agent();
        Self { process, agent, _directory: directory }
    }

    fn import(&self, dialect: &str, body: &str) -> Value {
        let url = self.process.url(&format!("/api/v1/import/{dialect}?organization={ORGANIZATION}"));
        self.post(&url, body)
    }

    fn record(&self, event: &Value) {
        let answer = self.post(&self.process.url("/api/v1/events"), &event.to_string());
        assert_eq!(answer, json!({"accepted": 1, "duplicates": 0, "rejected": []}));
    }

    fn post(&self, url: &str, body: &str) -> Value {
        let request = self.agent.post(url).header("authorization", self.process.authorization());
        let mut answer = request.header("content-type", "application/json").send(body).unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.body_mut().read_to_string().unwrap());
        answer.body_mut().read_json().unwrap()
    }

    fn get(&self, path: &str, header: &str, value: &str) -> Value {
        let mut answer = self.agent.get(self.process.url(path)).header(header, value).call().unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status(), 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn cloudfoundry(&self, query: &str) -> Value {
        self.get(&format!("/v2/events?{query}"), "authorization", &self.process.authorization())
    }

    /// Signs as Exoscale's clients do; `from` and `to` must need no percent-encoding.
    fn exoscale(&self, from: &str, to: &str) -> Value {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let expires = now.as_secs() + 600;
        let message = format!("GET /v2/event\n\n{from}{to}\n\n{expires}");
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
        let signature = STANDARD.encode(ring::hmac::sign(&key, message.as_bytes()));
        let header = format!(
            "EXO2-HMAC-SHA256 credential={KEY},signed-query-args=from;to,expires={expires},signature={signature}"
        );
        self.get(&format!("/v2/event?from={from}&to={to}"), "authorization", &header)
    }

    fn qovery(&self, query: &str) -> Value {
        let path = format!("/organization/{ORGANIZATION}/events?pageSize=100&{query}");
        self.get(&path, "authorization", &self.process.authorization())
    }

    fn rafay(&self, kind: &str, query: &str) -> Value {
        let path = format!("/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/{kind}/instance?{query}");
        self.get(&path, "x-api-key", self.process.authorization().trim_start_matches("Bearer "))
    }

    fn fujitsu(&self, query: &str) -> Value {
        let path = format!("/v1.0/{ORGANIZATION}/events?{query}");
        self.get(&path, "x-auth-token", self.process.authorization().trim_start_matches("Bearer "))
    }
}

fn sample(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn cloud_foundry_events_come_back() {
    let server = Server::start();
    let text = include_str!("fixtures/cloudfoundry.json");
    assert_eq!(server.import("cloudfoundry", text), json!({"accepted": 3, "duplicates": 0, "rejected": []}));
    assert_eq!(server.import("cloudfoundry", text), json!({"accepted": 0, "duplicates": 3, "rejected": []}));
    let query = "q=actee:cc272319-7e45-4e87-9de1-763f6402f398&q=timestamp%3E2014-01-01+00%3A00%3A00-04%3A00";
    let mut answer = server.cloudfoundry(query);
    for resource in answer["resources"].as_array_mut().unwrap() {
        // The documentation of 2015 does not have this key yet; servers of today always send it.
        assert_eq!(resource["entity"].as_object_mut().unwrap().remove("actor_username"), Some(Value::Null));
    }
    assert_eq!(answer, sample(text));
    let one = server.get(
        "/v2/events/470f1fd2-5cda-45f5-8e31-8058c40cf33a",
        "authorization",
        &server.process.authorization(),
    );
    assert_eq!(one["entity"]["type"], "audit.app.update");
}

#[test]
fn exoscale_events_come_back() {
    let server = Server::start();
    for text in [include_str!("fixtures/exoscale.json"), include_str!("fixtures/exoscale-all-fields.json")] {
        let events = sample(text);
        let count = events.as_array().unwrap().len();
        assert_eq!(
            server.import("exoscale", text),
            json!({"accepted": count, "duplicates": 0, "rejected": []})
        );
        assert_eq!(
            server.import("exoscale", text),
            json!({"accepted": 0, "duplicates": count, "rejected": []})
        );
    }
    assert_eq!(server.exoscale("2026-08-11", "2026-08-12"), sample(include_str!("fixtures/exoscale.json")));
    assert_eq!(
        server.exoscale("2025-05-04", "2025-05-05"),
        sample(include_str!("fixtures/exoscale-all-fields.json"))
    );
}

#[test]
fn qovery_events_come_back() {
    let server = Server::start();
    let text = include_str!("fixtures/qovery.json");
    assert_eq!(server.import("qovery", text), json!({"accepted": 1, "duplicates": 0, "rejected": []}));
    let answer =
        server.qovery("eventType=CREATE&targetType=APPLICATION&origin=API&subTargetType=ADVANCED_SETTINGS");
    assert_eq!(answer["events"], sample(text)["events"]);
    assert_eq!(server.qovery("eventType=DELETE")["events"], json!([]));
}

#[test]
fn rafay_events_come_back() {
    let server = Server::start();
    let text = include_str!("fixtures/rafay.json");
    assert_eq!(server.import("rafay", text), json!({"accepted": 2, "duplicates": 0, "rejected": []}));
    let items = sample(text)["items"].clone();
    let range = "range_from=2026-02-12T00:00:00Z&range_to=2026-02-13T10:20:46Z";
    let compute = server.rafay("compute", range);
    assert_eq!((&compute["items"], &compute["count"]), (&json!([items[0]]), &json!(1)));
    let service = server.rafay("service", &format!("{range}&status=failed&org_id=lk5xnd2"));
    assert_eq!(service["items"], json!([items[1]]));
}

#[test]
fn fujitsu_events_come_back() {
    let server = Server::start();
    let text = include_str!("fixtures/fujitsu.json");
    assert_eq!(server.import("fujitsu", text), json!({"accepted": 1, "duplicates": 0, "rejected": []}));
    let answer =
        server.fujitsu("startTime=2013-03-18T19:00Z&endTime=2013-03-18T20:00Z&eventCategories=backup");
    assert_eq!(answer, sample(text));
}

#[test]
fn a_native_event_is_seen_by_every_dialect_that_can_express_it() {
    let server = Server::start();
    let base = |serial: u32, target: &str| {
        json!({
            "id": format!("00000000-0000-7000-8000-{serial:012}"),
            "time": format!("2026-05-01T10:00:{serial:02}Z"),
            "type": "made.natively",
            "action": "create",
            "outcome": "success",
            "organization": {"id": ORGANIZATION, "name": "Acme"},
            "project": {"id": "9bf82354-1f5d-45f8-a060-e0bfbfe2b1bb", "name": "shop"},
            "actor": {"type": "user", "id": "u-1", "name": "alice@example.com"},
            "target": {"type": target, "id": format!("8561ee34-09f0-42da-a765-{serial:012}"), "name": format!("{target}-1")},
        })
    };
    for (serial, target) in [(1, "app"), (2, "instance"), (3, "database"), (4, "service_instance")] {
        server.record(&base(serial, target));
    }

    let app = server.cloudfoundry("q=type:audit.app.create");
    assert_eq!(app["total_results"], 1);
    assert_eq!(app["resources"][0]["entity"]["actee"], "8561ee34-09f0-42da-a765-000000000001");
    assert_eq!(app["resources"][0]["entity"]["type"], "audit.app.create");

    let created = server.exoscale("2026-05-01", "2026-05-02");
    let handlers: Vec<_> = created.as_array().unwrap().iter().map(|event| event["handler"].clone()).collect();
    assert!(handlers.contains(&json!("create-instance")), "{handlers:?}");

    let application = server.qovery("eventType=CREATE&targetType=APPLICATION");
    assert_eq!(application["events"][0]["target_name"], "app-1");
    assert_eq!(application["events"].as_array().unwrap().len(), 1);
    assert_eq!(
        server.qovery("eventType=CREATE&targetType=DATABASE")["events"][0]["target_name"],
        "database-1"
    );

    let range = "range_from=2026-05-01&range_to=2026-05-02";
    let compute = server.rafay("compute", range);
    assert_eq!((&compute["count"], &compute["items"][0]["instance_name"]), (&json!(1), &json!("instance-1")));
    assert_eq!(server.rafay("service", range)["items"][0]["instance_name"], "service_instance-1");

    let database =
        server.fujitsu("startTime=2026-05-01T00:00Z&endTime=2026-05-02T00:00Z&eventCategories=creation");
    assert_eq!(database["events"].as_array().unwrap().len(), 1);
    assert_eq!(database["events"][0]["sourceIdentifier"], "8561ee34-09f0-42da-a765-000000000003");
    assert_eq!(database["events"][0]["sourceType"], "db-instance");
}
