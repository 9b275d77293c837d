//! Exoscale's API as its clients see it, and its events there and back.

use std::sync::Arc;

use annals_model::{Event, Json, Named, Outcome, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Exoscale, wire};
use crate::{
    Dialect,
    host::Import,
    testing::{Answer, MemoryHost, get},
};

/// Console sign-ins, API calls by people and keys, a refusal, a database, deletions: one of each, one per line.
const EVENTS: &str = include_str!("testdata/events.ndjson");
/// The example of Exoscale's API reference: every documented member.
const FULL: &str = include_str!("testdata/full.json");
const ORGANIZATION: &str = "acme";
const SIGNED: &str =
    "EXO2-HMAC-SHA256 credential=all,signed-query-args=from;to,expires=1795348800,signature=Z29vZA==";

fn import() -> Import {
    Import { organization: Some(ORGANIZATION.to_owned()), installation: None }
}

fn read(body: &str) -> Vec<Event> {
    Exoscale.read(body.as_bytes(), &import()).unwrap().into_iter().map(Result::unwrap).collect()
}

fn shown(event: &Event) -> Value {
    let mut out = Vec::new();
    wire::encode(event, &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn samples() -> Vec<Value> {
    EVENTS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sample(number: usize) -> Event {
    read(EVENTS.lines().nth(number).unwrap()).remove(0)
}

fn ask(host: &Arc<MemoryHost>, target: &str) -> Answer {
    get(&Exoscale, host, target, &[("authorization", SIGNED)])
}

fn message(answer: &Answer) -> String {
    answer.json()["message"].as_str().unwrap().to_owned()
}

/// An event at an instant, told apart by its handler.
fn at(time: &str) -> Event {
    let text = json!({"timestamp": time, "handler": format!("at {time}")}).to_string();
    read(&text).remove(0)
}

fn handlers(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.json());
    let list = answer.json();
    list.as_array().unwrap().iter().map(|e| e["handler"].as_str().unwrap()[3..].to_owned()).collect()
}

#[test]
fn documented_events_come_back_as_they_went_in() {
    let samples = samples();
    assert_eq!(samples.len(), 9);
    for sample in &samples {
        assert_eq!(shown(&read(&sample.to_string())[0]), *sample);
    }
    let full: Value = serde_json::from_str(FULL).unwrap();
    assert_eq!(Value::from(read(FULL).iter().map(shown).collect::<Vec<_>>()), full);
}

#[test]
fn an_array_is_read_event_by_event() {
    let body = format!("[{},{{\"handler\":\"x\"}},7]", EVENTS.lines().collect::<Vec<_>>().join(","));
    let read = Exoscale.read(body.as_bytes(), &import()).unwrap();
    assert_eq!(read.len(), 11);
    assert!(read[..9].iter().all(Result::is_ok));
    assert_eq!(read[9].as_ref().unwrap_err().to_string(), "`timestamp`: is missing");
    assert_eq!(read[10].as_ref().unwrap_err().to_string(), "an event must be a JSON object");
    assert!(Exoscale.read(b"{", &import()).is_err());
}

#[test]
fn wrong_types_are_refused_by_name() {
    for (member, value) in [
        ("status", json!("200")),
        ("elapsed-ms", json!(1.5)),
        ("zone", json!(7)),
        ("iam-user", json!("alice")),
        ("body-params", json!([])),
        ("timestamp", json!("2026-08-11 07:58")),
    ] {
        let mut event = json!({"timestamp": "2026-08-11T07:58:02Z", "handler": "x"});
        event[member] = value;
        let read = Exoscale.read(event.to_string().as_bytes(), &import()).unwrap().remove(0);
        assert_eq!(read.unwrap_err().field, member);
    }
}

#[test]
fn a_sign_in_is_read() {
    let event = sample(0);
    assert_eq!((event.kind.as_str(), event.action.as_str()), ("authenticate", "login"));
    assert_eq!((event.outcome, event.status.as_deref()), (Outcome::Success, Some("200")));
    assert_eq!(event.actor.kind.as_deref(), Some("user"));
    assert_eq!(event.actor.name.as_deref(), Some("alice@example.com"));
    assert_eq!(event.target, event.actor);
    assert_eq!(event.origin.as_deref(), Some("CONSOLE"));
    assert_eq!(event.time.to_string(), "2026-08-11T07:58:02.417Z");
    assert_eq!(event.data, None);
    assert_eq!(event.organization, Named::new(ORGANIZATION, None));
    assert_eq!(event.source, "exoscale");
}

#[test]
fn an_api_call_is_read() {
    let event = sample(3);
    assert_eq!((event.kind.as_str(), event.action.as_str()), ("create-instance", "create"));
    assert_eq!(event.actor.kind.as_deref(), Some("api_key"));
    assert_eq!(event.actor.id.as_deref(), Some("EXO4a1c09be77d2f3586e1b90cd"));
    assert_eq!(event.actor.name.as_deref(), Some("ci-deployer"));
    assert_eq!(event.target.kind.as_deref(), Some("instance"));
    assert_eq!((event.target.id.as_deref(), event.target.name.as_deref()), (None, Some("web-1")));
    assert_eq!((event.zone.as_deref(), event.origin.as_deref()), (Some("ch-gva-2"), Some("API")));
    let request = &event.request;
    assert_eq!((request.status, request.elapsed_ms), (Some(200), Some(726)));
    assert_eq!((request.method.as_deref(), request.uri.as_deref()), (Some("POST"), Some("/v2/instance")));
    assert_eq!(request.ip.as_deref(), Some("203.0.113.7"));
    assert_eq!(request.id.as_deref(), Some("7a51e4c0-9551-11f1-8d6e-5f2c9a7b1e44"));
    // What has a field of its own is not kept twice.
    let data = event.data.unwrap().to_value();
    assert_eq!(
        data.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["iam-api-key", "iam-role", "body-params"]
    );
}

#[test]
fn targets_and_failures_are_read() {
    let rule = sample(4);
    assert_eq!((rule.action.as_str(), rule.part.as_deref()), ("update", Some("rule")));
    assert_eq!(rule.target.kind.as_deref(), Some("security_group"));
    assert_eq!(rule.target.id.as_deref(), Some("edece478-f019-4fa1-ab25-b5a547f252bf"));
    let refused = sample(5);
    assert_eq!((refused.outcome, refused.status.as_deref()), (Outcome::Failure, Some("403")));
    assert_eq!(refused.actor.id.as_deref(), Some("5d7b7a5c-9b0e-4f5b-8d0f-7c1a2e3b4c5d"));
    assert_eq!(refused.actor.name.as_deref(), Some("bob@example.com"));
    let database = sample(6);
    assert_eq!(database.target.kind.as_deref(), Some("database"));
    assert_eq!(
        (database.target.id.as_deref(), database.target.name.as_deref()),
        (Some("orders"), Some("orders"))
    );
    assert_eq!((sample(7).action.as_str(), sample(8).outcome), ("delete", Outcome::Failure));
}

#[test]
fn identity_is_the_text_and_the_source() {
    let line = EVENTS.lines().nth(3).unwrap();
    let value: Value = serde_json::from_str(line).unwrap();
    let reordered: serde_json::Map<String, Value> =
        value.as_object().unwrap().clone().into_iter().rev().collect();
    let again = serde_json::to_string_pretty(&reordered).unwrap();
    assert_eq!(read(line)[0].id, read(&again)[0].id);
    assert_ne!(read(line)[0].id, sample(4).id);
    let elsewhere = Import { installation: Some("second".into()), ..import() };
    let event = Exoscale.read(line.as_bytes(), &elsewhere).unwrap().remove(0).unwrap();
    assert_eq!(event.source, "exoscale/second");
    assert_ne!(event.id, read(line)[0].id);
    assert_eq!(shown(&event), value);
}

#[test]
fn nothing_is_null_and_no_number_zero() {
    let text =
        r#"{"timestamp":"2026-08-11T07:58:02+02:00","handler":null,"status":0,"elapsed-ms":0,"zone":null}"#;
    assert_eq!(shown(&read(text)[0]), json!({"timestamp": "2026-08-11T05:58:02Z"}));
}

#[test]
fn another_sources_event_is_shown_within_the_schema() {
    let event = Event {
        id: uuid::Uuid::from_u128(9),
        time: Timestamp::parse("2026-08-11T07:58:02.417999Z").unwrap(),
        source: "native".into(),
        kind: "audit.app.update".into(),
        action: "update".into(),
        outcome: Outcome::Failure,
        after: Some(Json::parse(r#"{"memory":512}"#).unwrap()),
        ..Event::default()
    };
    let mut event = event;
    event.actor.kind = Some("user".into());
    event.actor.name = Some("alice@example.com".into());
    event.actor.id = Some("not-a-uuid".into());
    event.target.kind = Some("app".into());
    event.target.id = Some("a-1".into());
    event.request.elapsed_ms = Some(0);
    assert_eq!(
        shown(&event),
        json!({
            "request-id": "00000000-0000-0000-0000-000000000009",
            "status": 400,
            "timestamp": "2026-08-11T07:58:02.417Z",
            "handler": "update-app",
            "iam-user": {"email": "alice@example.com", "role": {}},
            "path-params": {"id": "a-1"},
            "body-params": {"memory": 512},
            "message": "User alice@example.com: update-app",
        })
    );
    event.actor.kind = Some("api_key".into());
    event.time = Timestamp::parse("2026-08-11T07:58:02.000999Z").unwrap();
    event.outcome = Outcome::Unknown;
    let shown = shown(&event);
    assert_eq!(shown["iam-api-key"], json!({"name": "alice@example.com", "key": "not-a-uuid"}));
    assert_eq!(shown["timestamp"], "2026-08-11T07:58:02Z");
    assert!(shown.get("status").is_none() && shown.get("iam-user").is_none());
}

#[test]
fn the_last_day_comes_oldest_first() {
    let times = [
        "2026-11-22T12:00:00Z",
        "2026-11-21T11:59:59.999Z",
        "2026-11-22T07:00:00Z",
        "2026-11-21T12:00:00Z",
        "2026-11-22T12:00:00.001Z",
    ];
    let host = Arc::new(MemoryHost::new(times.map(at).into()));
    let answer = ask(&host, "/v2/event");
    assert_eq!(handlers(&answer), ["2026-11-21T12:00:00Z", "2026-11-22T07:00:00Z", "2026-11-22T12:00:00Z"]);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
}

#[test]
fn bounds_are_half_open_and_either_may_be_absent() {
    let times =
        ["2026-08-01T00:00:00Z", "2026-08-01T12:00:00Z", "2026-08-02T00:00:00Z", "2026-11-22T11:00:00Z"];
    let host = Arc::new(MemoryHost::new(times.map(at).into()));
    for (query, expected) in [
        ("from=2026-08-01T00%3A00%3A00Z&to=2026-08-02T00%3A00%3A00Z", &times[..2]),
        ("from=2026-08-01&to=2026-08-02T00:00:00.001Z", &times[..3]),
        ("from=2026-08-01T12", &times[1..]),
        ("to=2026-08-02", &times[..2]),
        ("to=2026-08-01T12:00:00Z", &times[..1]),
        ("from=2026-08-02&to=2026-08-01", &[]),
        ("from=1600&to=1700", &[]),
        ("from=1999&to=9999", &times),
    ] {
        assert_eq!(handlers(&ask(&host, &format!("/v2/event?{query}"))), expected, "{query}");
    }
    assert_eq!(&ask(&host, "/v2/event?to=2020").body[..], b"[]");
}

#[test]
fn a_long_list_is_streamed_whole() {
    let mut host = MemoryHost::new(
        (0..250).map(|n| at(&format!("2026-11-22T{:02}:{:02}:00Z", n / 60, n % 60))).collect(),
    );
    host.page_events = 7;
    let answer = ask(&Arc::new(host), "/v2/event");
    let found = handlers(&answer);
    assert_eq!(found.len(), 250);
    assert!(found.is_sorted());
}

#[test]
fn bad_instants_are_named_in_the_platforms_words() {
    let host = Arc::new(MemoryHost::new(Vec::new()));
    let one = "Invalid value `2025-09-25 00:00:00 +0000 UTC` at 'from': should be a Instant";
    let two = "Invalid value `2025-09-26 00:00:00 +0000 UTC` at 'to': should be a Instant";
    let answer = ask(&host, "/v2/event?from=2025-09-25+00%3A00%3A00+%2B0000+UTC");
    assert_eq!((answer.status, message(&answer).as_str()), (400, one));
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let answer = ask(
        &host,
        "/v2/event?to=2025-09-26+00%3A00%3A00+%2B0000+UTC&from=2025-09-25+00%3A00%3A00+%2B0000+UTC",
    );
    assert_eq!((answer.status, message(&answer)), (400, format!("{one}\n{two}")));
    let answer = ask(&host, "/v2/event?from=2026-08-02T00:00:00+02:00");
    assert_eq!(
        (answer.status, message(&answer).as_str()),
        (400, "Invalid value `2026-08-02T00:00:00 02:00` at 'from': should be a Instant")
    );
    let answer = ask(&host, "/v2/event?from=2025&from=2026");
    assert_eq!(
        (answer.status, message(&answer).as_str()),
        (400, r#"Invalid value `["2025" "2026"]` at 'from': should be a Instant"#)
    );
    assert_eq!(ask(&host, "/v2/event?from=").status, 400);
}

#[test]
fn credentials_are_judged() {
    let host = MemoryHost::new(vec![at("2026-11-22T11:00:00Z")])
        .with_reader("theirs", Some("other"), None)
        .with_reader("ours", Some(ORGANIZATION), None);
    let mut host = host;
    host.principals.insert(
        "none".into(),
        annals_model::Principal { name: "none".into(), subject: None, token_scopes: None, grants: vec![] },
    );
    let host = Arc::new(host);
    let with = |credential: &str, signature: &str, expires: &str| {
        let header =
            format!("EXO2-HMAC-SHA256 credential={credential},expires={expires},signature={signature}");
        let answer = get(&Exoscale, &host, "/v2/event", &[("authorization", &header)]);
        (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
    };
    let soon = "1795349400";
    let refused = (403, r#"{"message":"Invalid request signature"}"#.to_owned());
    assert_eq!(with("ours", "Z29vZA==", soon).0, 200);
    assert!(with("ours", "Z29vZA==", soon).1.contains("at 2026-11-22T11:00:00Z"));
    assert_eq!(with("theirs", "Z29vZA==", soon), (200, "[]".to_owned()));
    assert_eq!(with("ours", "YmFk", soon), refused);
    assert_eq!(with("nobody", "Z29vZA==", soon), refused);
    assert_eq!(with("ours", "***", soon), refused);
    let (status, body) = with("ours", "Z29vZA==", "1795348799");
    assert!(status == 403 && body.contains("expired"), "{body}");
    let (status, body) = with("none", "Z29vZA==", soon);
    assert!(status == 403 && body.contains("Forbidden by role policy for"), "{body}");
    let answer = get(&Exoscale, &host, "/v2/event", &[]);
    assert!(answer.status == 403 && message(&answer).starts_with("Missing request signature"));
}

#[test]
fn zones_need_no_signature_and_lead_here() {
    let host = Arc::new(MemoryHost::new(Vec::new()));
    let answer = get(&Exoscale, &host, "/v2/zone", &[]);
    let zones = answer.json()["zones"].as_array().unwrap().clone();
    assert_eq!((answer.status, zones.len()), (200, 8));
    assert!(zones.iter().any(|zone| zone["name"] == "ch-dk-2"));
    assert!(zones.iter().all(|zone| zone["api-endpoint"] == "http://annals.test/v2"));
    let answer = get(&Exoscale, &host, "/v2/zone/ch-dk-2", &[]);
    assert_eq!((answer.status, message(&answer).as_str()), (404, "Not Found"));
}

#[test]
fn other_methods_are_refused() {
    let host: Arc<dyn crate::Host> = Arc::new(MemoryHost::new(Vec::new()));
    for path in ["/v2/event", "/v2/zone"] {
        let call = crate::Call {
            route: None,
            method: http::Method::POST,
            path: path.to_owned(),
            parameters: Vec::new(),
            query: String::new(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            base_url: "http://annals.test".to_owned(),
            request_id: uuid::Uuid::from_u128(7),
            host: Arc::clone(&host),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let reply = runtime.block_on(Exoscale.serve(call));
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["allow"]),
            (405, &http::HeaderValue::from_static("GET, HEAD"))
        );
    }
}

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 _./:é\"-]{0,20}"
}

fn free() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), object(inner),]
    });
    object(nested)
}

fn object(value: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = Value> + Clone {
    let key =
        prop_oneof![Just("id".to_owned()), Just("name".to_owned()), Just("email".to_owned()), "[a-z-]{1,8}"];
    prop::collection::btree_map(key, value, 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
        .boxed()
}

prop_compose! {
    fn documented()(
        texts in prop::collection::vec(prop::option::of(word()), 6),
        handler in prop::option::of(prop_oneof![
            Just("authenticate".to_owned()),
            Just("event".to_owned()),
            "(create|add|delete|attach)-[a-z-]{1,20}",
            word(),
        ]),
        objects in prop::collection::vec(prop::option::of(free()), 6),
        numbers in prop::collection::vec(prop::option::of(1..=i64::MAX), 2),
        millis in 0..4_102_444_800_000_i64,
        extra in prop::option::of(word()),
    ) -> Value {
        let mut event = serde_json::Map::new();
        let texts_named = ["request-id", "zone", "source-ip", "uri", "message", "request-method"];
        for (key, text) in texts_named.into_iter().zip(texts) {
            text.map(|text| event.insert(key.to_owned(), text.into()));
        }
        for (key, object) in wire::OBJECTS.into_iter().zip(objects) {
            object.map(|object| event.insert(key.to_owned(), object));
        }
        for (key, number) in ["status", "elapsed-ms"].into_iter().zip(numbers) {
            number.map(|number| event.insert(key.to_owned(), number.into()));
        }
        handler.map(|handler| event.insert("handler".to_owned(), handler.into()));
        extra.map(|extra| event.insert("not-documented".to_owned(), extra.into()));
        event.insert("timestamp".to_owned(), Timestamp::from_millis(millis).unwrap().to_string().into());
        Value::Object(event)
    }
}

proptest! {
    #[test]
    fn every_documented_event_comes_back(event in documented()) {
        let read = read(&event.to_string()).remove(0);
        prop_assert_eq!(shown(&read), event);
        prop_assert_eq!(read.validate(), Ok(()));
    }

    #[test]
    fn every_event_is_shown_within_the_schema(event in foreign()) {
        let shown = shown(&event);
        for (member, value) in shown.as_object().unwrap() {
            let fits = match member.as_str() {
                "status" | "elapsed-ms" => value.as_i64().is_some_and(|number| number > 0),
                "iam-user" => value["email"].is_string()
                    && value["role"].is_object()
                    && value.get("id").is_none_or(|id| uuid::Uuid::try_parse(id.as_str().unwrap()).is_ok()),
                "iam-api-key" => value.as_object().unwrap().values().all(Value::is_string),
                "path-params" | "body-params" => value.is_object(),
                "timestamp" => Timestamp::parse(value.as_str().unwrap()).is_ok(),
                "request-id" | "zone" | "source-ip" | "uri" | "handler" | "message" => value.is_string(),
                other => panic!("{other} is not documented"),
            };
            prop_assert!(fits, "{member} {shown}");
        }
        prop_assert!(!shown["handler"].as_str().unwrap().is_empty());
    }
}

prop_compose! {
    fn foreign()(
        texts in prop::collection::vec(prop::option::of(word()), 10),
        outcome in prop::sample::select(Outcome::ALL.to_vec()),
        numbers in prop::collection::vec(prop::option::of(-5..600_i64), 2),
        after in prop::option::of(free()),
        actor_is_key in any::<bool>(),
        nanos in any::<i64>(),
    ) -> Event {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().flatten();
        let mut event = Event {
            time: Timestamp::from_nanos(nanos),
            source: "native".into(),
            kind: "Some.Type".into(),
            action: text().unwrap_or_default(),
            outcome,
            zone: text(),
            message: text(),
            after: after.and_then(|value| Json::from_value(&value).ok()),
            ..Event::default()
        };
        event.actor.kind = if actor_is_key { Some("api_key".into()) } else { text() };
        (event.actor.id, event.actor.name) = (text(), text());
        (event.target.kind, event.target.id, event.target.name) = (text(), text(), text());
        (event.request.ip, event.request.status, event.request.elapsed_ms) = (text(), numbers[0], numbers[1]);
        event
    }
}
