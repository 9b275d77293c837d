//! Reading Cloud Foundry's own events, and giving them back.

use annals_model::Outcome;
use proptest::prelude::*;

use super::*;
use crate::cloudfoundry::v2::wire;

fn written(event: &Event) -> Value {
    let mut out = Vec::new();
    wire::append_resource(event, &mut out);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn an_event_is_told_in_the_words_of_all_platforms() {
    let event = event(1, &json!({ "type": "audit.space.delete-request", "actee_type": "space" }));
    assert_eq!(event.id.to_string(), guid(1));
    assert_eq!((event.source.as_str(), event.source_id.as_deref()), ("cloudfoundry", None));
    assert_eq!((event.action.as_str(), event.outcome), ("delete", Outcome::Pending));
    assert_eq!(event.target.kind.as_deref(), Some("project"));
    assert_eq!(event.organization, Named::new("org-1", None));
    assert_eq!(event.project, Named::new("space-1", None));
    assert_eq!(event.actor.name.as_deref(), Some("user@email.com"));
    assert_eq!(
        event.data.as_ref().unwrap().as_str(),
        r#"{"metadata":{"request":{"name":"new"}},"actor_username":"user"}"#
    );
}

#[test]
fn no_metadata_is_shown_as_an_empty_object() {
    let event = event(1, &json!({ "metadata": null }));
    assert_eq!(written(&event)["entity"]["metadata"], json!({}));
}

#[test]
fn every_shape_is_read() {
    let one = resource(1, &json!({}));
    let two = resource(2, &json!({}));
    let v3 = json!({
        "guid": guid(3),
        "created_at": "2015-02-13T22:34:52Z",
        "updated_at": "2015-02-13T22:34:52Z",
        "type": "audit.app.create",
        "actor": { "guid": "uaa-id-150", "type": "user", "name": "user@email.com" },
        "target": { "guid": "app-1", "type": "app", "name": "name-474" },
        "data": { "request": { "name": "new" } },
        "space": { "guid": "space-1" },
        "organization": { "guid": "org-1" },
    });
    let numbers = |text: &str| {
        let events = dialect().read(text.as_bytes(), &Import::default()).unwrap();
        events.into_iter().map(|event| event.unwrap().id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&one.to_string()), [guid(1)]);
    assert_eq!(numbers(&json!([one, v3]).to_string()), [guid(1), guid(3)]);
    assert_eq!(
        numbers(&json!({ "total_results": 2, "resources": [one, two] }).to_string()),
        [guid(1), guid(2)]
    );
    assert_eq!(numbers(&json!({ "pagination": {}, "resources": [v3] }).to_string()), [guid(3)]);
    assert_eq!(numbers(&format!("{one}\n{v3}\n")), [guid(1), guid(3)]);
    assert_eq!(numbers("[]"), Vec::<String>::new());

    let event = read(&v3).remove(0);
    let mut expected = resource(3, &json!({}));
    expected["entity"]["actor_username"] = Value::Null;
    assert_eq!(written(&event), expected);
}

#[test]
fn a_v3_event_comes_back_as_it_was() {
    let v3 = json!({
        "guid": guid(1),
        "created_at": "2015-02-13T22:34:52Z",
        "updated_at": "2015-02-13T22:34:52Z",
        "type": "blob.remove_orphan",
        "actor": { "guid": "system", "type": "system", "name": "system" },
        "target": { "guid": "dir/key", "type": "blob", "name": "" },
        "data": {},
        "space": null,
        "organization": null,
        "links": { "self": { "href": format!("http://annals.test/v3/audit_events/{}", guid(1)) } },
    });
    let host = Arc::new(MemoryHost::new(read(&v3)));
    assert_eq!(ask(&host, &format!("/v3/audit_events/{}", guid(1))).json(), v3);
    let bare = json!({ "guid": guid(2), "type": "t", "created_at": "2015-02-13T22:34:52Z", "actor": null, "target": null });
    let host = Arc::new(MemoryHost::new(read(&bare)));
    let shown = ask(&host, &format!("/v3/audit_events/{}", guid(2))).json();
    assert_eq!((&shown["actor"], &shown["target"], &shown["data"]), (&Value::Null, &Value::Null, &json!({})));
}

#[test]
fn what_is_derived_is_not_kept() {
    let plain = event(1, &json!({ "actor_username": null, "metadata": {} }));
    assert_eq!(plain.data.unwrap().as_str(), r#"{"metadata":{}}"#);
    let odd =
        event(1, &json!({ "updated_at": "2016-01-01T00:00:00Z", "created_at": "2015-12-31T00:00:00Z" }));
    assert_eq!(
        odd.data.unwrap().as_str(),
        r#"{"metadata":{"request":{"name":"new"}},"created_at":"2015-12-31T00:00:00Z","updated_at":"2016-01-01T00:00:00Z","actor_username":"user"}"#
    );
}

#[test]
fn what_old_rows_lack_is_filled_in() {
    let mut old = resource(1, &json!({}));
    old["entity"].as_object_mut().unwrap().remove("actor_username");
    old["entity"].as_object_mut().unwrap().remove("metadata");
    old["metadata"].as_object_mut().unwrap().remove("updated_at");
    let shown = written(&read(&old)[0]);
    assert_eq!(shown["entity"]["actor_username"], Value::Null);
    assert_eq!(shown["entity"]["metadata"], json!({}));
    assert_eq!(shown["metadata"]["updated_at"], "2015-02-13T22:34:52Z");
}

#[test]
fn numbers_keep_their_digits() {
    let body = resource(1, &json!({ "metadata": "HERE" }))
        .to_string()
        .replace("\"HERE\"", r#"{"a":1.50,"b":12345678901234567890123,"a":2}"#);
    let event = dialect().read(body.as_bytes(), &Import::default()).unwrap().remove(0).unwrap();
    let mut out = Vec::new();
    wire::append_resource(&event, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), body);
}

#[test]
fn a_bad_event_is_told_at_its_place() {
    for (body, message) in [
        (
            json!({ "type": "x" }),
            "neither a v2 resource (`metadata` and `entity`) nor a v3 audit event (`guid` and `type`)",
        ),
        (json!(1), "not a JSON object: invalid type: integer `1`, expected a map at line 1 column 1"),
        (json!({ "entity": {} }), "`metadata`: is missing: a v2 resource has its guid there"),
        (json!({ "metadata": {}, "entity": {} }), "`metadata.guid`: is missing: every event has one"),
        (
            resource(1, &json!({ "timestamp": "yesterday" })),
            "`entity.timestamp`: `yesterday` is not an RFC 3339 time such as 2026-01-31T23:59:59.123Z",
        ),
        (resource(1, &json!({ "actor": 5 })), "`entity.actor`: must be a text or null"),
        (resource(1, &json!({ "type": "" })), "`entity.type`: is missing: every event has one"),
        (json!({ "guid": "a", "type": "t" }), "`created_at`: is missing: every event has one"),
    ] {
        let body = json!([resource(9, &json!({})), body]).to_string();
        let mut events = dialect().read(body.as_bytes(), &Import::default()).unwrap();
        assert_eq!(events.pop().unwrap().unwrap_err().to_string(), message);
        assert!(events.pop().unwrap().is_ok());
    }
    for body in ["", "{", "[{}", "{\"resources\":5}"] {
        assert!(dialect().read(body.as_bytes(), &Import::default()).is_err(), "{body}");
    }
}

#[test]
fn data_of_another_making_is_no_obstacle() {
    for data in ["5", "[]", r#"{"metadata":5,"updated_at":7}"#, r#"{"x":1}"#] {
        let mut event = event(1, &json!({}));
        event.data = Some(annals_model::Json::parse(data).unwrap());
        assert_eq!(written(&event)["entity"]["type"], "audit.app.create", "{data}");
    }
}

fn instants() -> impl Strategy<Value = String> {
    (0_i64..4_000_000_000).prop_map(|seconds| Timestamp::from_seconds(seconds).unwrap().to_rfc3339_seconds())
}

/// A text, or null.
fn nullable() -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), "\\PC{0,12}".prop_map(Value::from)]
}

fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn resources()(
        guid in prop_oneof!["[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", "\\PC{1,40}"],
        kind in prop_oneof![Just("audit.app.create".to_owned()), "\\PC{1,20}"],
        (time, created_at) in (instants(), instants()),
        same_time in any::<bool>(),
        updated_at in prop_oneof![Just(Value::Null), instants().prop_map(Value::from)],
        same_update in any::<bool>(),
        (actor, actor_type, actor_name, actor_username) in ("\\PC{0,12}", "[a-z]{0,8}", nullable(), nullable()),
        (actee, actee_name) in ("\\PC{0,12}", "\\PC{0,12}"),
        actee_type in prop_oneof![Just("space".to_owned()), Just("project".to_owned()), "\\PC{0,12}"],
        // Cloud Controller shows a null as an empty object.
        metadata in json_values().prop_map(|value| if value.is_null() { json!({}) } else { value }),
        (space, organization) in ("[a-z0-9-]{0,8}", "[a-z0-9-]{0,8}"),
    ) -> Value {
        let created_at = if same_time { time.clone() } else { created_at };
        let updated_at = if same_update { Value::from(created_at.clone()) } else { updated_at };
        json!({
            "metadata": {
                "guid": guid,
                "url": format!("/v2/events/{guid}"),
                "created_at": created_at,
                "updated_at": updated_at,
            },
            "entity": {
                "type": kind,
                "actor": actor,
                "actor_type": actor_type,
                "actor_name": actor_name,
                "actor_username": actor_username,
                "actee": actee,
                "actee_type": actee_type,
                "actee_name": actee_name,
                "timestamp": time,
                "metadata": metadata,
                "space_guid": space,
                "organization_guid": organization,
            },
        })
    }
}

proptest! {
    #[test]
    fn what_went_in_comes_out(resource in resources()) {
        let events = read(&resource);
        prop_assert_eq!(written(&events[0]), resource.clone());
        // And through the form in which events are stored and exported.
        let clock = annals_model::SystemClock;
        let stored = serde_json::to_vec(&events[0]).unwrap();
        let again = Event::from_json(&stored, &clock).unwrap();
        prop_assert_eq!(written(&again), resource);
    }
}
