//! The JSON form of an event leads back to the event and keeps to the published schema.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::collections::BTreeMap;

use annals_model::{
    Clock, EVENT_SCHEMA, Entity, Event, Json, Named, Outcome, Request, Timestamp, derived_id,
    limits::{EVENT_BYTES_MAX, SHORT_TEXT_BYTES_MAX},
};
use proptest::{collection, option, prelude::*};
use serde_json::{Value, json};
use uuid::Uuid;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-01-31T12:00:00Z").unwrap()
    }
}

fn read(json: &Value) -> Result<Event, String> {
    Event::from_json(json.to_string().as_bytes(), &Noon).map_err(|error| error.to_string())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.-]{0,8}", "\\PC{0,12}"]
}

fn named() -> impl Strategy<Value = Option<Named>> {
    option::of(("[a-z0-9]{1,8}", option::of(text())).prop_map(|(id, name)| Named { id, name }))
}

fn entity() -> impl Strategy<Value = Entity> {
    (option::of(text()), option::of(text()), option::of(text())).prop_map(|(kind, id, name)| Entity {
        kind,
        id,
        name,
    })
}

fn any_json() -> impl Strategy<Value = Option<Json>> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    option::of(tree.prop_map(|value| Json::from_value(&value).unwrap()))
}

prop_compose! {
    fn request()(
        id in option::of(text()), method in option::of(text()), uri in option::of(text()), ip in option::of(text()),
        user_agent in option::of(text()), status in option::of(any::<i64>()), elapsed_ms in option::of(any::<i64>()),
    ) -> Request {
        Request { id, method, uri, ip, user_agent, status, elapsed_ms }
    }
}

prop_compose! {
    fn event()(
        (id, time, source_id, source, kind) in
            (any::<u128>(), any::<i64>(), option::of(text()), "[a-z/]{1,8}", "[a-zA-Z._]{1,12}"),
        (action, outcome, status, part, origin, zone) in
            (text(), 0..4_usize, option::of(text()), option::of(text()), option::of(text()), option::of(text())),
        (organization, project, environment, actor, target, request) in
            (named(), named(), named(), entity(), entity(), request()),
        (categories, labels) in
            (collection::vec(text(), 0..4), collection::btree_map("[a-z]{1,5}", text(), 0..4)),
        (message, before, after, data) in (option::of(text()), any_json(), any_json(), any_json()),
    ) -> Event {
        Event {
            id: Uuid::from_u128(id), seq: 0, time: Timestamp::from_nanos(time), recorded: Timestamp::default(),
            source, source_id, kind, action, outcome: Outcome::ALL[outcome], status, organization, project,
            environment, actor, target, part, origin, zone, categories, labels: labels.into_iter().collect::<BTreeMap<_, _>>(),
            request, message, before, after, data,
        }
    }
}

proptest! {
    #[test]
    fn json_leads_back_and_keeps_to_the_schema(event in event()) {
        let json = serde_json::to_value(&event).unwrap();
        prop_assert_eq!(read(&json), Ok(event.clone()));
        let schema: Value = serde_json::from_str(EVENT_SCHEMA).unwrap();
        let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        // Instants before the year 1 and after 9999 do not exist here, so every one of them has an RFC 3339 text.
        prop_assert!(schema.is_valid(&json), "{:?}", schema.iter_errors(&json).map(|e| e.to_string()).collect::<Vec<_>>());
        let mut stored = event;
        (stored.seq, stored.recorded) = (7, Timestamp::from_nanos(1));
        let exported = serde_json::to_value(&stored).unwrap();
        prop_assert!(schema.is_valid(&exported));
        prop_assert_eq!(read(&exported).unwrap().id, stored.id);
    }
}

#[test]
fn absent_fields_have_their_defaults() {
    let event = read(&json!({"time": "2026-01-31T11:00:00Z", "type": "audit.app.Create"})).unwrap();
    assert_eq!((event.source.as_str(), event.action.as_str()), ("native", "create"));
    assert_eq!(event.outcome, Outcome::Unknown);
    assert_eq!(event.id.get_version_num(), 7);
}

#[test]
fn an_id_that_is_no_uuid_is_kept_and_derived_from() {
    let event = read(&json!({"time": "2026-01-31T11:00:00Z", "type": "a", "source": "s", "id": "event1192"}))
        .unwrap();
    assert_eq!(event.source_id.as_deref(), Some("event1192"));
    assert_eq!(event.id, derived_id("s", "event1192"));
}

#[test]
fn refusals_name_what_is_wrong() {
    let base = || json!({"time": "2026-01-31T11:00:00Z", "type": "a"});
    let with = |key: &str, value: Value| {
        let mut event = base();
        event[key] = value;
        read(&event).unwrap_err()
    };
    assert!(with("time", json!("yesterday")).contains("`yesterday` is not an RFC 3339 time"));
    assert!(with("colour", json!("red")).contains("unknown field `colour`"));
    assert!(with("actor", json!({"mail": "a"})).contains("unknown field `mail`"));
    assert!(with("outcome", json!("fine")).contains("unknown variant `fine`"));
    assert!(
        with("zone", json!("z".repeat(SHORT_TEXT_BYTES_MAX + 1)))
            .contains("`zone`: 4097 bytes, at most 4096")
    );
    assert!(with("organization", json!({"name": "n"})).contains("missing field `id`"));
    assert!(read(&json!({"type": "a"})).unwrap_err().contains("missing field `time`"));
    assert!(read(&json!([])).unwrap_err().contains("not an event"));
    let huge = with("data", json!("x".repeat(EVENT_BYTES_MAX)));
    assert!(huge.contains("at most 4194304 an event"), "{huge}");
}
