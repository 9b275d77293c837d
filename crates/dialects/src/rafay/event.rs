//! One event in Rafay's shape, read and written. It knows no requests.
//!
//! Rafay publishes no schema of these events. The field names are those of its sister API for usage metrics and those
//! that published clients read (`id`, `status`, `instance_id`, `organization_id`). What has no place in our event,
//! and every value that would not be written back as it was read, is kept in `data` and written from there.

use std::borrow::Cow;

use annals_model::{
    Entity, Event, InvalidEvent, Named, Outcome, Timestamp, derived_id,
    vocabulary::{action, kind},
};
use uuid::Uuid;

use super::vocabulary::{self, Kind, NAME};
use crate::{
    host::Import,
    object::{Members, json_text, leftover},
};

/// Labels that carry fields of Rafay's by the same name.
pub(super) const PROFILE_ID: &str = "profile_id";
const PROFILE_NAME: &str = "profile_name";
const PARTNER_ID: &str = "partner_id";
const WORKSPACE_NAME: &str = "workspace_name";
const LABELS: [&str; 4] = [PROFILE_ID, PROFILE_NAME, PARTNER_ID, WORKSPACE_NAME];

/// Fields that an own event always has in fields of ours, and by which it is found: `data` never speaks for them.
const NEVER_FROM_DATA: [&str; 4] = ["id", "kind", "status", "instance_id"];

/// An event's fields in Rafay's order; absent ones are not written.
pub(super) struct Item<'e>([(&'static str, Option<Cow<'e, str>>); 17]);

/// The name of a field by which a list can be ordered; `None` when there is no such field.
pub(super) fn column(name: &str) -> Option<&'static str> {
    let event = Event::default();
    Item::of(&event, "").0.iter().map(|(field, _)| *field).find(|field| *field == name)
}

impl<'e> Item<'e> {
    /// What of an event Rafay shows. `partner` is the partner of events that name none and are not Rafay's.
    pub(super) fn of(event: &'e Event, partner: &'e str) -> Self {
        let own = vocabulary::is_own(event);
        let kind = Kind::of(event).map(|kind| kind.word);
        let label = |key: &str| event.labels.get(key).map(|value| Cow::Borrowed(value.as_str()));
        let text = |text: &'e Option<String>| text.as_deref().map(Cow::Borrowed);
        let id = |named: &'e Option<Named>| named.as_ref().map(|named| Cow::Borrowed(named.id.as_str()));
        let name = |named: &'e Option<Named>| {
            named.as_ref().and_then(|named| named.name.as_deref()).map(Cow::Borrowed)
        };
        // Only within Rafay is a source's own identifier one of Rafay's; a UUID is unique among all sources.
        let source_id = event.source_id.as_deref().filter(|_| own).map(Cow::Borrowed);
        // The type of an own event is its kind, a dot and its verb as Rafay wrote it, or its kind alone.
        let own_type = kind.filter(|_| own).and_then(|kind| event.kind.strip_prefix(kind));
        let action = match own_type {
            Some("") => None,
            Some(rest) if rest.starts_with('.') => rest.strip_prefix('.'),
            _ => Some(event.action.as_str()).filter(|action| !action.is_empty()),
        };
        // The filter lets through only events that have a status; this word is never seen.
        let status = vocabulary::status(event).unwrap_or(Outcome::Unknown.as_str());
        let partner = label(PARTNER_ID).or_else(|| (!own).then_some(Cow::Borrowed(partner)));
        let actor = &event.actor;
        Self([
            ("id", Some(source_id.unwrap_or_else(|| Cow::Owned(event.id.to_string())))),
            ("kind", kind.map(Cow::Borrowed)),
            ("status", Some(Cow::Borrowed(status))),
            ("action", action.map(Cow::Borrowed)),
            ("message", text(&event.message)),
            ("instance_id", text(&event.target.id)),
            ("instance_name", text(&event.target.name)),
            (PROFILE_ID, label(PROFILE_ID)),
            (PROFILE_NAME, label(PROFILE_NAME)),
            (PARTNER_ID, partner),
            ("organization_id", id(&event.organization)),
            ("organization_name", name(&event.organization)),
            ("project_id", id(&event.project)),
            ("project_name", name(&event.project)),
            (WORKSPACE_NAME, label(WORKSPACE_NAME)),
            ("created_by", text(&actor.name).or_else(|| text(&actor.id))),
            ("created_at", Some(Cow::Owned(event.time.to_string()))),
        ])
    }

    /// The fields that have a value.
    fn members(&self) -> Members {
        let mut members = Members::default();
        for (field, value) in &self.0 {
            members.set_some(field, value.as_deref());
        }
        members
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| *field == name).and_then(|(_, value)| value.as_deref())
    }
}

/// Appends an event in Rafay's shape.
pub(super) fn write(event: &Event, partner: &str, out: &mut Vec<u8>) {
    let item = Item::of(event, partner);
    let kept = match &event.data {
        Some(data) if vocabulary::is_own(event) => Members::of(data),
        _ => Members::default(),
    };
    let mut members = Members::default();
    for (field, value) in &item.0 {
        match (kept.get(field).filter(|_| !NEVER_FROM_DATA.contains(field)), value) {
            (Some(json), _) => members.push(*field, json.clone()),
            (None, Some(text)) => members.push(*field, json_text(text)),
            (None, None) => {}
        }
    }
    for (name, json) in kept.iter() {
        if item.0.iter().all(|(field, _)| *field != name) {
            members.push(name.to_owned(), json.clone());
        }
    }
    members.write(out);
}

/// Reads an event in Rafay's shape. `kind` is that of events that name none.
pub(super) fn read(text: &str, kind: Kind, import: &Import) -> Result<Event, InvalidEvent> {
    let members = Members::parse(text)?;
    let kind = match members.get("kind") {
        None => kind,
        Some(_) => {
            let word = members.required_text("kind")?;
            Kind::from_word(&word).ok_or_else(|| {
                InvalidEvent::new("kind", format!("`{word}` is neither `compute` nor `service`"))
            })?
        }
    };
    let own_id = members.required_text("id")?;
    let status = members.required_text("status")?;
    let instance_id = members.required_text("instance_id")?;
    let created_at = members.required_text("created_at")?;
    let time =
        Timestamp::parse(&created_at).map_err(|error| InvalidEvent::new("created_at", error.to_string()))?;

    // A value of another type has no place in our event and is kept in `data`.
    let optional = |name: &str| members.text(name).ok().flatten();
    let source = import.source(NAME);
    let (id, source_id) = identity(&source, own_id)?;
    let verb = optional("action");
    let (outcome, action) = meaning(&status, verb.as_deref());
    let organization = optional("organization_id").filter(|id| !id.is_empty());
    let organization = match organization {
        Some(id) => Named::new(id, optional("organization_name")),
        None => import.organization.clone().and_then(|id| Named::new(id, None)),
    };
    let created_by = optional("created_by");
    let actor = Entity {
        kind: created_by.is_some().then(|| kind::USER.to_owned()),
        id: created_by.clone(),
        name: created_by,
    };
    let mut event = Event {
        id,
        source_id,
        time,
        source,
        kind: verb.map_or_else(|| kind.word.to_owned(), |verb| format!("{}.{verb}", kind.word)),
        action,
        outcome,
        status: Some(status),
        organization,
        project: optional("project_id").and_then(|id| Named::new(id, optional("project_name"))),
        actor,
        target: Entity {
            kind: Some(kind.target.to_owned()),
            id: Some(instance_id),
            name: optional("instance_name"),
        },
        labels: LABELS.into_iter().filter_map(|key| Some((key.to_owned(), optional(key)?))).collect(),
        message: optional("message"),
        ..Event::default()
    };
    event.data = leftover(&members, &Item::of(&event, "").members());
    Ok(event)
}

/// The identity of an event of that `id`: a UUID as it is, any other text by way of `source_id`. A UUID that is not
/// written in lower case keeps its spelling there too.
fn identity(source: &str, own_id: String) -> Result<(Uuid, Option<String>), InvalidEvent> {
    if own_id.is_empty() {
        return Err(InvalidEvent::new("id", "must not be empty"));
    }
    const HYPHENATED_LENGTH: usize = 36;
    match Uuid::try_parse(&own_id) {
        Ok(uuid) if own_id.len() == HYPHENATED_LENGTH => {
            Ok((uuid, Some(own_id).filter(|text| *text != uuid.to_string())))
        }
        _ => Ok((derived_id(source, &own_id), Some(own_id))),
    }
}

/// Outcome and verb of an event of that status that says that verb.
fn meaning(status: &str, verb: Option<&str>) -> (Outcome, String) {
    let verb = verb.filter(|verb| !verb.is_empty()).map(str::to_lowercase);
    match vocabulary::meaning(status) {
        Some((outcome, implied)) => (outcome, verb.unwrap_or_else(|| implied.to_owned())),
        // A status we do not know says nothing but itself.
        None => (Outcome::Unknown, verb.unwrap_or_else(|| action::NOTIFY.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::{
        rafay::vocabulary::KINDS,
        testing::{with, without},
    };

    fn sample() -> Value {
        json!({
            "id": "019c510c-8800-7aef-8715-fa6af0422e01", "kind": "compute", "status": "success",
            "action": "deploy", "message": "instance deployed",
            "instance_id": "019c510c-86c4-707d-aef7-15fa6af0422e", "instance_name": "dev-vm-1",
            "profile_id": "019c2891-3cd2-7aec-a429-283874929fbd", "profile_name": "small-gpu-vm",
            "partner_id": "d27v024", "organization_id": "lk5xnd2", "organization_name": "Goodlife",
            "project_id": "7krxjzk", "project_name": "development", "workspace_name": "default-ws",
            "created_by": "user@example.com", "created_at": "2026-02-12T08:51:41.123Z"
        })
    }

    fn decode(value: &Value) -> Result<Event, InvalidEvent> {
        read(&value.to_string(), KINDS[0], &Import::default())
    }

    fn encode(event: &Event) -> String {
        let mut out = Vec::new();
        write(event, "filled", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_field_has_its_place() {
        let event = decode(&sample()).unwrap();
        assert_eq!(event.id.to_string(), "019c510c-8800-7aef-8715-fa6af0422e01");
        assert_eq!((event.source.as_str(), event.source_id.as_deref()), ("rafay", None));
        assert_eq!((event.kind.as_str(), event.action.as_str()), ("compute.deploy", "deploy"));
        assert_eq!((event.outcome, event.status.as_deref()), (Outcome::Success, Some("success")));
        assert_eq!(event.time.to_string(), "2026-02-12T08:51:41.123Z");
        assert_eq!(event.organization, Named::new("lk5xnd2", Some("Goodlife".into())));
        assert_eq!(event.project, Named::new("7krxjzk", Some("development".into())));
        assert_eq!(event.target.kind.as_deref(), Some("instance"));
        assert_eq!(event.target.id.as_deref(), Some("019c510c-86c4-707d-aef7-15fa6af0422e"));
        assert_eq!(event.target.name.as_deref(), Some("dev-vm-1"));
        assert_eq!(event.actor.kind.as_deref(), Some("user"));
        assert_eq!(event.actor.name.as_deref(), Some("user@example.com"));
        assert_eq!(event.message.as_deref(), Some("instance deployed"));
        let labels: Vec<_> = event.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            labels,
            [
                "partner_id=d27v024",
                "profile_id=019c2891-3cd2-7aec-a429-283874929fbd",
                "profile_name=small-gpu-vm",
                "workspace_name=default-ws"
            ]
        );
        assert_eq!(event.data, None);
        assert_eq!(encode(&event), sample().to_string(), "fields come in the documented order");
    }

    #[test]
    fn service_events_act_on_service_instances() {
        let event = decode(&with(sample(), "kind", json!("service"))).unwrap();
        assert_eq!(event.target.kind.as_deref(), Some("service_instance"));
        assert_eq!(event.kind, "service.deploy");
    }

    #[test]
    fn what_has_no_place_comes_back() {
        let mut odd = sample();
        for (name, value) in [
            ("created_at", json!("2026-02-12T09:51:41.12+01:00")),
            ("profile_id", Value::Null),
            ("organization_name", json!(7)),
            ("extra", json!({"b": [1.5, null], "a": "é"})),
            ("action", json!("Scale Up")),
            ("project_id", json!("")),
        ] {
            odd[name] = value;
        }
        let event = decode(&odd).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&encode(&event)).unwrap(), odd);
        assert_eq!(event.time.to_string(), "2026-02-12T08:51:41.120Z");
        assert_eq!(event.action, "scale up");
        let digits = sample().to_string().replace('}', r#","n":1.00e400}"#);
        let event = read(&digits, KINDS[0], &Import::default()).unwrap();
        assert_eq!(encode(&event), digits);
    }

    #[test]
    fn identifiers_that_are_no_lower_case_uuids_are_kept() {
        let upper = "019C510C-8800-7AEF-8715-FA6AF0422E01";
        for (id, derived) in [("event-7", true), (upper, false), ("019c510c88007aef8715fa6af0422e01", true)] {
            let event = decode(&with(sample(), "id", json!(id))).unwrap();
            assert_eq!(event.source_id.as_deref(), Some(id));
            assert_eq!(event.id == derived_id("rafay", id), derived);
            assert_eq!(serde_json::from_str::<Value>(&encode(&event)).unwrap()["id"], id);
        }
    }

    #[test]
    fn statuses_become_outcomes() {
        for (status, outcome, action) in [
            ("created", Outcome::Success, "create"),
            ("success", Outcome::Success, "deploy"),
            ("updated", Outcome::Success, "update"),
            ("deleted", Outcome::Success, "delete"),
            ("inprogress", Outcome::Pending, "deploy"),
            ("failed", Outcome::Failure, "deploy"),
            ("paused", Outcome::Unknown, "notify"),
        ] {
            let mut item = without(sample(), "action");
            item["status"] = json!(status);
            let event = decode(&item).unwrap();
            assert_eq!((event.outcome, event.action.as_str()), (outcome, action), "{status}");
            assert_eq!(event.kind, "compute");
            assert_eq!(serde_json::from_str::<Value>(&encode(&event)).unwrap(), item);
        }
    }

    #[test]
    fn bad_events_name_the_field() {
        for (item, message) in [
            (without(sample(), "id"), "`id`: is missing"),
            (with(sample(), "id", json!("")), "`id`: must not be empty"),
            (with(sample(), "id", json!(5)), "`id`: must be a text"),
            (without(sample(), "status"), "`status`: is missing"),
            (without(sample(), "instance_id"), "`instance_id`: is missing"),
            (without(sample(), "created_at"), "`created_at`: is missing"),
            (
                with(sample(), "kind", json!("storage")),
                "`kind`: `storage` is neither `compute` nor `service`",
            ),
        ] {
            assert_eq!(decode(&item).unwrap_err().to_string(), message);
        }
        assert!(
            decode(&with(sample(), "created_at", json!("yesterday")))
                .unwrap_err()
                .to_string()
                .contains("created_at")
        );
    }

    #[test]
    fn an_import_fills_in_what_is_missing() {
        let import = Import { organization: Some("o-1".into()), installation: Some("eu".into()) };
        let read = |item: Value| read(&item.to_string(), KINDS[1], &import).unwrap();
        let event = read(without(sample(), "organization_id"));
        assert_eq!((event.source.as_str(), event.organization.unwrap().id.as_str()), ("rafay/eu", "o-1"));
        assert_eq!(read(sample()).organization.unwrap().id, "lk5xnd2", "what the event says comes first");
        assert_eq!(read(without(sample(), "kind")).target.kind.as_deref(), Some("service_instance"));
    }

    #[test]
    fn events_of_other_sources_are_shown() {
        let event = Event {
            id: Uuid::from_u128(9),
            source: "exoscale".into(),
            source_id: Some("their-own".into()),
            kind: "start-instance".into(),
            action: "start".into(),
            outcome: Outcome::Success,
            status: Some("200".into()),
            organization: Named::new("org", None),
            target: Entity { kind: Some("instance".into()), id: Some("i-1".into()), name: None },
            actor: Entity { kind: None, id: Some("u-1".into()), name: None },
            data: Some(annals_model::Json::parse(r#"{"status":"x","more":1}"#).unwrap()),
            ..Event::default()
        };
        let expected = json!({
            "id": "00000000-0000-0000-0000-000000000009", "kind": "compute", "status": "success", "action": "start",
            "instance_id": "i-1", "partner_id": "filled", "organization_id": "org", "created_by": "u-1",
            "created_at": "1970-01-01T00:00:00Z"
        });
        assert_eq!(encode(&event), expected.to_string());
    }

    #[test]
    fn columns_are_fields() {
        assert_eq!(column("instance_name"), Some("instance_name"));
        assert_eq!(column("password"), None);
    }

    /// Any value a member may have, with odd ones among them.
    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            6 => "[ -~]{0,12}".prop_map(Value::from),
            1 => any::<String>().prop_map(Value::from),
            1 => Just(Value::Null),
            1 => any::<i64>().prop_map(Value::from),
            1 => any::<bool>().prop_map(Value::from),
            1 => Just(json!({"x": ["y", 1.5, {"z": null}]})),
        ]
    }

    fn id() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<u128>().prop_map(|bits| Uuid::from_u128(bits).to_string()),
            any::<u128>().prop_map(|bits| Uuid::from_u128(bits).to_string().to_uppercase()),
            "[a-z0-9.-]{1,20}",
        ]
    }

    fn created_at() -> impl Strategy<Value = String> {
        let zone = prop_oneof![Just("Z"), Just("+00:00"), Just("-04:30"), Just("z")];
        let fraction = prop_oneof![Just(""), Just(".5"), Just(".123"), Just(".123000"), Just(".123456789")];
        (0..4_000_000_000_i64, fraction, zone).prop_map(|(seconds, fraction, zone)| {
            let time = Timestamp::from_seconds(seconds).unwrap().to_string();
            format!("{}{fraction}{zone}", time.trim_end_matches('Z'))
        })
    }

    fn item() -> impl Strategy<Value = Value> {
        let names = prop_oneof![
            8 => proptest::sample::select(vec![
                "action", "message", "instance_name", "profile_id", "profile_name", "partner_id",
                "organization_id", "organization_name", "project_id", "project_name", "workspace_name",
                "created_by",
            ]).prop_map(str::to_owned),
            1 => "[a-z_]{1,6}",
        ];
        let optional = proptest::collection::vec((names, value()), 0..14);
        let kind = prop_oneof![Just("compute"), Just("service")];
        let status = prop_oneof![
            Just("created".to_owned()),
            Just("success".to_owned()),
            Just("failed".to_owned()),
            "[a-zA-Z ]{0,8}"
        ];
        (optional, kind, status, id(), any::<String>(), created_at()).prop_map(
            |(optional, kind, status, id, instance, created_at)| {
                let mut item: Map<String, Value> = optional.into_iter().collect();
                let required = [
                    ("id", id),
                    ("kind", kind.to_owned()),
                    ("status", status),
                    ("instance_id", instance),
                    ("created_at", created_at),
                ];
                item.extend(required.map(|(name, text)| (name.to_owned(), text.into())));
                item.into()
            },
        )
    }

    proptest! {
        #[test]
        fn own_events_come_back_as_they_went_in(item in item()) {
            let event = decode(&item).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&encode(&event)).unwrap(), item.clone());
            // A second pass is the same event; only the order of what has no place may differ.
            let again = read(&encode(&event), KINDS[0], &Import::default()).unwrap();
            let apart = |event: &Event| Event { data: None, ..event.clone() };
            prop_assert_eq!(apart(&again), apart(&event));
            prop_assert_eq!(encode(&again).len(), encode(&event).len());
        }
    }
}
