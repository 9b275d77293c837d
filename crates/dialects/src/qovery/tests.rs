//! Qovery's events there and back, and through its vocabulary. What its API answers is in `tests/api.rs`.

mod api;
mod directory;

use std::sync::Arc;

use annals_model::{Entity, Event, Field, Filter, Json, Named, Outcome, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Config, Qovery,
    enums::{EVENT_TYPES, ORIGINS, SUB_TARGET_TYPES, TARGET_TYPES},
    vocabulary, wire,
};
use crate::{
    Dialect,
    host::Import,
    testing::{Answer, MemoryHost, get},
};

/// The example of Qovery's API reference, `<string>` being what it writes for any text.
const LIST: &str = include_str!("testdata/list.json");
const ORGANIZATION: &str = "0a1b2c3d-0000-4000-8000-00000000000a";

fn dialect() -> Qovery {
    Qovery::new(Config::default())
}

fn import() -> Import {
    Import { organization: Some(ORGANIZATION.to_owned()), installation: None }
}

fn read(body: &str) -> Vec<Event> {
    dialect().read(body.as_bytes(), &import()).unwrap().into_iter().map(Result::unwrap).collect()
}

fn shown(event: &Event) -> Value {
    let mut out = Vec::new();
    wire::encode(event, &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn uuid(number: u128) -> String {
    Uuid::from_u128(0x1000_0000_0000_4000_8000_0000_0000_0000 + number).to_string()
}

/// A Qovery event of an application, `seconds` after an hour, changed by `members`.
fn said(number: u128, seconds: i64, members: &Value) -> Value {
    let time = Timestamp::parse("2026-11-20T10:00:00Z").unwrap().plus_nanos(seconds * 1_000_000_000);
    let mut event = json!({
        "id": uuid(number),
        "timestamp": time.to_string(),
        "event_type": "UPDATE",
        "target_id": uuid(500),
        "target_name": "shop",
        "target_type": "APPLICATION",
        "sub_target_type": null,
        "change": "{\"name\":\"shop\"}",
        "origin": "CONSOLE",
        "triggered_by": "alice@example.com",
        "project_id": uuid(600),
        "project_name": "web",
        "environment_id": uuid(700),
        "environment_name": "production",
        "user_agent": null,
        "original_change": null,
    });
    for (key, value) in members.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

fn host(events: &[Value]) -> MemoryHost {
    MemoryHost::new(read(&Value::from(events).to_string()))
}

fn ask(host: &Arc<MemoryHost>, target: &str) -> Answer {
    ask_as(&dialect(), host, "Token all", target)
}

fn ask_as(dialect: &Qovery, host: &Arc<MemoryHost>, authorization: &str, target: &str) -> Answer {
    get(dialect, host, target, &[("authorization", authorization)])
}

/// The path of this organization's list or of one beside it.
fn path(rest: &str) -> String {
    format!("/organization/{ORGANIZATION}{rest}")
}

/// Another platform's event in this organization.
fn foreign(action: &str, outcome: Outcome, kind: &str) -> Event {
    Event {
        id: Uuid::from_u128(77),
        time: Timestamp::parse("2026-11-20T10:00:00.123456789Z").unwrap(),
        source: "native".into(),
        kind: "something.happened".into(),
        action: action.into(),
        outcome,
        organization: Named::new(ORGANIZATION, None),
        target: Entity { kind: Some(kind.into()), ..Entity::default() },
        ..Event::default()
    }
}

#[test]
fn the_documented_answer_comes_back() {
    let list: Value = serde_json::from_str(LIST).unwrap();
    let expected = list["events"][0].clone();
    for body in [LIST.to_owned(), list["events"].to_string(), list["events"][0].to_string()] {
        let read = read(&body);
        assert_eq!(Value::from(read.iter().map(shown).collect::<Vec<_>>()), json!([expected]));
    }
}

#[test]
fn an_event_is_read_into_the_words_of_all() {
    let change = r#"{"service_source":{"image":{"tag":"1.0"}}}"#;
    let event = said(
        1,
        0,
        &json!({"event_type": "DEPLOY_FAILED", "change": change, "original_change": "{}", "origin": "CLI",
               "user_agent": "curl", "sub_target_type": "CONFIG", "timestamp": "2026-11-20T10:00:00.123456789Z"}),
    );
    let event = read(&event.to_string()).remove(0);
    assert_eq!(event.id.to_string(), uuid(1));
    assert_eq!((event.source.as_str(), event.kind.as_str()), ("qovery", "DEPLOY_FAILED"));
    assert_eq!((event.action.as_str(), event.outcome), ("deploy", Outcome::Failure));
    assert_eq!(event.organization, Named::new(ORGANIZATION, None));
    assert_eq!(event.project, Named::new(uuid(600), Some("web".into())));
    assert_eq!(event.environment, Named::new(uuid(700), Some("production".into())));
    let user = Entity { kind: Some("user".into()), id: None, name: Some("alice@example.com".into()) };
    assert_eq!(event.actor, user);
    let target = Entity { kind: Some("app".into()), id: Some(uuid(500)), name: Some("shop".into()) };
    assert_eq!(event.target, target);
    assert_eq!((event.part.as_deref(), event.origin.as_deref()), (Some("CONFIG"), Some("CLI")));
    assert_eq!(event.request.user_agent.as_deref(), Some("curl"));
    assert_eq!(event.after.as_ref().map(Json::as_str), Some(change));
    assert_eq!(event.before.as_ref().map(Json::as_str), Some("{}"));
    assert_eq!(event.data, None, "what has a field of its own is not kept twice");
    assert_eq!(event.time.to_string(), "2026-11-20T10:00:00.123456789Z");
    assert_eq!(shown(&event)["timestamp"], "2026-11-20T10:00:00.123456789Z");
}

#[test]
fn nulls_white_space_and_undeclared_members_survive() {
    let event = said(
        1,
        0,
        &json!({"target_id": null, "project_id": null, "environment_id": null, "environment_type": "PRODUCTION",
               "change": "{ \"a\" : 1.0 }", "original_change": "[\n]"}),
    );
    let read = read(&event.to_string()).remove(0);
    assert_eq!(shown(&read), event);
    assert_eq!(read.after.unwrap().as_str(), r#"{"a":1.0}"#);
}

#[test]
fn change_is_never_blank() {
    for (change, expected) in [
        (json!(""), "{}"),
        (json!(" "), "{}"),
        (json!(null), "{}"),
        (json!("null"), "null"),
        (json!("[1, 2]"), "[1, 2]"),
        // What Qovery itself said is Qovery's to answer for.
        (json!("not json"), "not json"),
    ] {
        let event = said(1, 0, &json!({"change": change, "original_change": change}));
        let shown = shown(&read(&event.to_string())[0]);
        assert_eq!(shown["change"], expected);
        let before = if expected == "{}" { Value::Null } else { json!(expected) };
        assert_eq!(shown["original_change"], before);
    }
    let mut event = said(1, 0, &json!({}));
    event.as_object_mut().unwrap().remove("change");
    assert_eq!(shown(&read(&event.to_string())[0])["change"], "{}");
}

#[test]
fn values_outside_of_the_lists_are_kept_and_not_shown() {
    let event = said(
        1,
        0,
        &json!({"event_type": "REJECTED", "target_type": "ROBOT", "sub_target_type": "ARM", "origin": "MOON"}),
    );
    let read = read(&event.to_string()).remove(0);
    assert_eq!((read.kind.as_str(), read.action.as_str()), ("REJECTED", "rejected"));
    let shown = shown(&read);
    for member in ["event_type", "target_type", "sub_target_type", "origin"] {
        assert!(shown.get(member).is_none(), "{member}");
    }
    assert_eq!(shown["target_name"], "shop");
    assert_eq!(read.data.unwrap().to_value()["target_type"], "ROBOT");
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = |body: &str| {
        let read = dialect().read(body.as_bytes(), &import()).unwrap().remove(0);
        read.unwrap_err().to_string()
    };
    assert_eq!(error("{}"), "`timestamp`: is missing");
    assert_eq!(error(r#"{"timestamp":"x","id":7}"#), "`id`: must be a text");
    assert!(error(r#"{"timestamp":"yesterday"}"#).starts_with("`timestamp`: "));
    assert!(dialect().read(b"nonsense", &import()).is_err());
    let unnamed = dialect().read(LIST.as_bytes(), &Import::default()).unwrap_err();
    assert_eq!(unnamed.field, "organization");
}

#[test]
fn identity_is_the_id_or_else_the_text() {
    let mut event = said(1, 0, &json!({"id": "event-17"}));
    let one = read(&event.to_string()).remove(0);
    assert_eq!((one.source_id.as_deref(), one.id.get_version_num()), (Some("event-17"), 5));
    event.as_object_mut().unwrap().remove("id");
    let two = read(&event.to_string()).remove(0);
    assert_eq!(two.id, read(&event.to_string())[0].id);
    assert_ne!(one.id, two.id);
}

#[test]
fn other_sources_are_shown_in_qoverys_words() {
    let mut event = foreign("deploy", Outcome::Failure, "app");
    event.target.id = Some("cafe0000-0000-4000-8000-000000000001".into());
    event.target.name = Some("shop".into());
    event.project = Named::new("space-1", None);
    event.actor.id = Some("u-1".into());
    event.origin = Some("cli".into());
    event.part = Some("variable".into());
    event.data = Some(Json::parse(r#"{"instances":2}"#).unwrap());
    assert_eq!(
        shown(&event),
        json!({
            "id": "00000000-0000-0000-0000-00000000004d",
            "timestamp": "2026-11-20T10:00:00.123456789Z",
            "event_type": "DEPLOY_FAILED",
            "target_type": "APPLICATION",
            "sub_target_type": "VARIABLE",
            "target_id": "cafe0000-0000-4000-8000-000000000001",
            "target_name": "shop",
            "change": "{\"instances\":2}",
            "origin": "CLI",
            "triggered_by": "u-1",
            "project_name": "space-1",
        })
    );
    let key = shown(&foreign("create", Outcome::Success, "api_key"));
    assert_eq!((&key["target_type"], &key["sub_target_type"]), (&json!("ORGANIZATION"), &json!("API_TOKEN")));
    assert_eq!(key["change"], "{}");
}

fn option_of(list: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(list).prop_map(Value::from)
}

fn free_text() -> impl Strategy<Value = Value> {
    "[a-zA-Z0-9 @:._é\"\\\\-]{0,20}".prop_map(Value::from)
}

fn id() -> impl Strategy<Value = Value> {
    any::<u128>().prop_map(|number| Uuid::from_u128(number).to_string().into())
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1.50".to_owned()),
        Just("1e400".to_owned()),
        "[a-z\u{e9} ]{0,8}".prop_map(|text| json!(text).to_string())
    ];
    let tree = leaf.prop_recursive(3, 10, 3, |inner| {
        let space = prop::sample::select(vec!["", " ", "\n\t"]);
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..3), space.clone())
                .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(","))),
            (inner, space).prop_map(|(value, space)| format!("{{{space}\"key\":{space}{value}}}")),
        ]
    });
    tree.prop_map(Value::from)
}

fn nullable(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![4 => value.prop_map(Some), 1 => Just(Some(Value::Null)), 1 => Just(None)]
}

prop_compose! {
    fn documented()(
        required in (id(), any::<i64>(), document()),
        enums in (
            prop::option::of(option_of(EVENT_TYPES)),
            prop::option::of(option_of(TARGET_TYPES)),
            nullable(option_of(SUB_TARGET_TYPES)),
            prop::option::of(option_of(ORIGINS)),
        ),
        ids in (nullable(id()), nullable(id()), nullable(id())),
        names in prop::collection::vec(prop::option::of(free_text()), 4),
        rest in (nullable(free_text()), nullable(document()), prop::option::of(free_text())),
    ) -> Value {
        let (id, nanos, change) = required;
        let mut event = serde_json::Map::new();
        event.insert("id".into(), id);
        event.insert("timestamp".into(), Timestamp::from_nanos(nanos).to_string().into());
        event.insert("change".into(), change);
        let mut names = names.into_iter();
        let mut name = || names.next().flatten();
        for (key, value) in [
            ("event_type", enums.0),
            ("target_type", enums.1),
            ("sub_target_type", enums.2),
            ("origin", enums.3),
            ("target_id", ids.0),
            ("project_id", ids.1),
            ("environment_id", ids.2),
            ("target_name", name()),
            ("triggered_by", name()),
            ("project_name", name()),
            ("environment_name", name()),
            ("user_agent", rest.0),
            ("original_change", rest.1),
            ("environment_type", rest.2),
        ] {
            if let Some(value) = value {
                event.insert(key.into(), value);
            }
        }
        Value::Object(event)
    }
}

/// Words of all platforms, and some that no platform knows.
fn any_event() -> impl Strategy<Value = Event> {
    let actions = prop::sample::select(vec![
        "create",
        "update",
        "delete",
        "deploy",
        "start",
        "stop",
        "restart",
        "run",
        "connect",
        "login",
        "scale",
        "cancel",
        "maintain",
        "unlock",
        "force_unlock",
        "dry_run",
        "authorize",
        "juggle",
        "",
    ]);
    let kinds = prop::option::of(prop::sample::select(vec![
        "app",
        "container",
        "user",
        "role",
        "api_key",
        "organization",
        "project",
        "environment",
        "database",
        "instance",
        "helm",
        "robot",
    ]));
    let parts = prop::option::of(prop::sample::select(vec!["VARIABLE", "variable", "API_TOKEN", "wheel"]));
    let origins = prop::option::of(prop::sample::select(vec!["API", "cli", "CONSOLE", "moon"]));
    let source = prop::sample::select(vec!["native", "cloudfoundry", "qovery", "qovery/two", "qoveryish"]);
    let event_type = prop::sample::select(EVENT_TYPES);
    let names = prop::option::of(prop::sample::select(vec!["alice", "bob"]));
    let ids = prop::option::of(prop::sample::select(vec!["alice", "u-1"]));
    (
        actions,
        prop::sample::select(Outcome::ALL.to_vec()),
        kinds,
        parts,
        origins,
        source,
        event_type,
        (names, ids),
    )
        .prop_map(|(action, outcome, kind, part, origin, source, event_type, (name, id))| {
            let mut event = foreign(action, outcome, "");
            event.source = source.to_owned();
            event.target.kind = kind.map(str::to_owned);
            event.part = part.map(str::to_owned);
            event.origin = origin.map(str::to_owned);
            event.kind = event_type.to_owned();
            if vocabulary::is_own(&event) {
                // As reading makes them.
                (event.action, event.outcome) = vocabulary::meaning(event_type);
                event.target.kind = event.target.kind.filter(|kind| kind != "api_key");
            }
            event.actor.name = name.map(str::to_owned);
            if !vocabulary::is_own(&event) {
                event.target.id = Some(if name.is_some() { "t-1".to_owned() } else { uuid(1) });
                event.data = Json::parse("{\"any\":1}").ok().filter(|_| id.is_some());
            }
            event.actor.id = id.filter(|_| !vocabulary::is_own(&event)).map(str::to_owned);
            event
        })
}

proptest! {
    #[test]
    fn every_documented_event_comes_back(event in documented()) {
        let read = read(&event.to_string()).remove(0);
        prop_assert_eq!(shown(&read), event);
        prop_assert_eq!(read.validate(), Ok(()));
    }

    #[test]
    fn what_is_shown_is_within_the_definition(event in any_event()) {
        let shown = shown(&event);
        for (member, list) in [
            ("event_type", EVENT_TYPES),
            ("target_type", TARGET_TYPES),
            ("sub_target_type", SUB_TARGET_TYPES),
            ("origin", ORIGINS),
        ] {
            if let Some(value) = shown.get(member) {
                prop_assert!(list.contains(&value.as_str().unwrap()), "{member} {shown}");
            }
        }
        for member in ["id", "target_id", "project_id", "environment_id"] {
            prop_assert!(shown.get(member).is_none_or(|id| wire::uuid_text(id.as_str().unwrap()).is_some()));
        }
        prop_assert!(shown.as_object().unwrap().values().all(Value::is_string));
        let change: Result<Value, _> = serde_json::from_str(shown["change"].as_str().unwrap());
        prop_assert!(change.is_ok());
    }

    #[test]
    fn what_is_shown_is_what_is_found(event in any_event()) {
        let shown = shown(&event);
        let visible = vocabulary::visible().matches(&event);
        let own = vocabulary::is_own(&event);
        let expressible = shown.get("event_type").is_some() && shown.get("target_type").is_some();
        prop_assert_eq!(visible, own || expressible, "{}", shown);
        let check = |member: &str, value: &str, filter: Filter| {
            let found = vocabulary::visible().and(filter).matches(&event);
            assert_eq!(found, visible && shown[member] == value, "{member} {value} {shown}");
        };
        for name in EVENT_TYPES {
            check("event_type", name, vocabulary::of_event_type(name));
            assert!(visible || !vocabulary::of_event_type(name).matches(&event));
        }
        for name in TARGET_TYPES {
            check("target_type", name, vocabulary::of_target_type(name));
        }
        for name in SUB_TARGET_TYPES {
            check("sub_target_type", name, vocabulary::of_sub_target_type(name));
        }
        for name in ORIGINS {
            check("origin", name, vocabulary::of_origin(name));
        }
        for who in ["alice", "bob", "u-1"] {
            check("triggered_by", who, vocabulary::of_triggered_by(who));
        }
    }
}

#[test]
fn projects_and_environments_match_themselves_too() {
    let mut event = foreign("update", Outcome::Success, "project");
    event.target.id = Some("p".into());
    assert!(vocabulary::of_project("p").matches(&event));
    event.target.kind = Some("app".into());
    assert!(!vocabulary::of_project("p").matches(&event));
    event.project = Named::new("p", None);
    assert!(vocabulary::of_project("p").matches(&event));
    assert!(Filter::Exists(Field::Project).and(vocabulary::of_environment("e").negate()).matches(&event));
}
