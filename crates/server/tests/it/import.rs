//! `POST /api/v1/import/{dialect}`.

use annals_dialects::Dialect;
use annals_dialects::{Body, Call, Import, Reply, Route, Shown};
use annals_model::{Event, InvalidEvent, Named, Timestamp};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::fixture::{ACME, Fixture, READER, Setup, WRITER, types};

/// A platform whose events are `{"what": …, "when": …}` and whose list is `{"items": […]}`.
struct Plain;

impl Dialect for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }
    fn routes(&self) -> &'static [Route] {
        &[]
    }
    fn prefixes(&self) -> &'static [&'static str] {
        &[]
    }
    fn openapi(&self) -> &'static str {
        "{}"
    }
    fn serve(&self, _: Call) -> BoxFuture<'_, Reply> {
        Box::pin(async { Reply::new(Body::from(String::new())) })
    }
    fn read(&self, body: &[u8], import: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| InvalidEvent::whole(error.to_string()))?;
        let events = match &value {
            Value::Array(events) => events.clone(),
            Value::Object(object) if object.contains_key("items") => {
                object["items"].as_array().cloned().unwrap_or_default()
            }
            _ => vec![value],
        };
        let read = |event: Value| {
            let what = event["what"].as_str().ok_or_else(|| InvalidEvent::new("what", "is missing"))?;
            let time = event["when"].as_str().and_then(|text| text.parse().ok());
            let time = time.ok_or_else(|| InvalidEvent::new("when", "is no time"))?;
            let organization = import.organization.clone().unwrap_or_default();
            Ok(Event {
                id: annals_model::identity_of_text(&import.source("plain"), &event.to_string()),
                time,
                source: import.source("plain"),
                kind: what.to_owned(),
                organization: Named::new(organization, None),
                ..Event::default()
            })
        };
        Ok(events.into_iter().map(read).collect())
    }
    fn show(&self, _: &Event, _: &str, _: Timestamp) -> Result<Shown, String> {
        Err("it shows nothing".to_owned())
    }
}

fn server() -> Fixture {
    Fixture::with(Setup { dialects: vec![Box::new(Plain)], ..Setup::default() })
}

const ONE: &str = r#"{"what": "one", "when": "2026-03-01T10:00:00Z"}"#;
const TWO: &str = r#"{"what": "two", "when": "2026-03-01T10:01:00Z"}"#;

#[test]
fn a_platforms_shapes_are_imported() {
    let server = server();
    let path = "/api/v1/import/plain?organization=acme&installation=eu10";
    for (body, accepted, duplicates) in [
        (ONE.to_owned(), 1, 0),
        (format!("[{ONE}, {TWO}]"), 1, 1),
        (format!(r#"{{"items": [{ONE}, {TWO}]}}"#), 0, 2),
    ] {
        let answer = server.post(path).token(ACME).json(body).send().json();
        assert_eq!(answer, json!({ "accepted": accepted, "duplicates": duplicates, "rejected": [] }));
    }
    let list = server.list("organization=acme&source=plain/eu10&order=asc");
    assert_eq!(types(&list), ["one", "two"]);
}

#[test]
fn a_bad_event_is_named() {
    let server = server();
    let bad = r#"{"what": "bad", "when": "yesterday"}"#;
    let answer =
        server.post("/api/v1/import/plain").token(WRITER).json(format!("[{ONE},{bad},{TWO}]")).send();
    let expected = json!({ "accepted": 2, "duplicates": 0, "rejected": [{ "index": 1, "error": "`when`: is no time" }] });
    assert_eq!(answer.json(), expected);
    let lines = format!("{ONE}\n\n{{\n[{ONE},{bad}]\n{TWO}");
    let answer = server.post("/api/v1/import/plain?organization=b").token(WRITER).lines(lines).send().json();
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(2), &json!(1)));
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!((&rejected[0]["index"], &rejected[0]["line"]), (&json!(1), &json!(3)));
    assert_eq!((&rejected[1]["index"], &rejected[1]["line"]), (&json!(3), &json!(4)));
    let detail = server.post("/api/v1/import/plain").token(WRITER).json("{").send().problem(400, "bad-body");
    assert!(detail.starts_with("not events of plain: EOF"), "{detail}");
}

#[test]
fn too_many_events_are_refused_before_they_are_read() {
    let server = server();
    for body in
        [format!("[{}1]", "1,".repeat(100_000)), format!("{{\"items\":[{}1]}}", "{},".repeat(100_000))]
    {
        let answer = server.post("/api/v1/import/plain").token(WRITER).json(body).send();
        assert_eq!(
            answer.problem(413, "body-too-large"),
            "more than 100000 events: send them in several requests"
        );
    }
}

#[test]
fn what_is_wrong_with_an_import_is_named() {
    let server = server();
    let detail = server.post("/api/v1/import/plane").token(WRITER).json(ONE).send().problem(404, "not-found");
    assert_eq!(detail, "there is no dialect `plane`; there are plain");
    let answer = server.post("/api/v1/import/plain?org=a").token(WRITER).json(ONE).send();
    assert!(answer.problem(400, "bad-parameter").starts_with("unknown parameter `org`"));
    server.post("/api/v1/import/plain").token(WRITER).body(ONE).send().problem(415, "unsupported-media-type");
    server.post("/api/v1/import/plain").token(READER).json(ONE).send().problem(403, "forbidden");
    server
        .post("/api/v1/import/plain?organization=other")
        .token(ACME)
        .json(ONE)
        .send()
        .problem(403, "forbidden");
    server.post("/api/v1/import/plain").json(ONE).send().problem(401, "unauthorized");
    let answer = server.get("/api/v1/import/plain").token(WRITER).send();
    answer.problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[test]
fn every_dialect_can_be_imported_by_its_name() {
    let server = Fixture::start();
    for dialect in annals_dialects::all(&Default::default()) {
        let path = format!("/api/v1/import/{}?organization=acme", dialect.name());
        let answer = server.post(&path).token(WRITER).json("[]").send();
        assert_eq!(answer.json(), json!({ "accepted": 0, "duplicates": 0, "rejected": [] }), "{path}");
        server.post(&path).token(WRITER).json("]").send().problem(400, "bad-body");
    }
}
