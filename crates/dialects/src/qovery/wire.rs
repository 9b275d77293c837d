//! Between an event and Qovery's JSON shape of one (`OrganizationEventResponse`). It knows no request and no list.

use annals_model::{
    Entity, Event, InvalidEvent, Json, Named, Timestamp, canonical_json, derived_id, identity_of_text,
    vocabulary::kind,
};
use uuid::Uuid;

use super::{
    enums::{EVENT_TYPES, ORIGINS, SUB_TARGET_TYPES, TARGET_TYPES, canonical},
    vocabulary,
};
use crate::object::{Members, leftover};

/// The type of an event whose `event_type` is absent; no field of Qovery's shape is required.
const KIND_UNNAMED: &str = "event";
/// Every documented member; all are texts.
const TEXTS: [&str; 16] = [
    "id",
    "timestamp",
    "event_type",
    "target_id",
    "target_name",
    "target_type",
    "sub_target_type",
    "change",
    "origin",
    "triggered_by",
    "project_id",
    "project_name",
    "environment_id",
    "environment_name",
    "user_agent",
    "original_change",
];
/// Those that may be `null`.
const NULLABLE: [&str; 6] =
    ["target_id", "sub_target_type", "project_id", "environment_id", "user_agent", "original_change"];
/// Those whose values are listed.
const ENUMS: [(&str, &[&str]); 4] = [
    ("event_type", EVENT_TYPES),
    ("target_type", TARGET_TYPES),
    ("sub_target_type", SUB_TARGET_TYPES),
    ("origin", ORIGINS),
];

/// The lower-case form of a UUID in its usual notation; `None` for every other text.
pub(super) fn uuid_text(text: &str) -> Option<String> {
    let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)?;
    Some(uuid.to_string())
}

/// Reads one event in Qovery's shape.
///
/// # Errors
/// When it is not an object, has no `timestamp`, or a documented member is not a text.
pub(super) fn decode(text: &str, source: &str, organization: &Named) -> Result<Event, InvalidEvent> {
    let mut said = Members::parse(text)?;
    said.retain(|key, value| value.as_str() != "null" || NULLABLE.contains(&key) || !TEXTS.contains(&key));
    for key in TEXTS {
        said.text(key)?;
    }
    let time = said.text("timestamp")?.ok_or_else(|| InvalidEvent::new("timestamp", "is missing"))?;
    let time = Timestamp::parse(&time).map_err(|error| InvalidEvent::new("timestamp", error.to_string()))?;
    let (id, source_id) = identity(&said, text, source)?;
    let event_type = said.text("event_type")?.filter(|name| !name.is_empty());
    let (action, outcome) = event_type.as_deref().map_or_else(Default::default, vocabulary::meaning);
    let part = said.text("sub_target_type")?;
    let target_type = said.text("target_type")?;
    let named = |id, name| -> Result<Option<Named>, InvalidEvent> {
        Ok(Named::new(said.text(id)?.unwrap_or_default(), said.text(name)?))
    };
    let mut event = Event {
        id,
        source_id,
        time,
        source: source.to_owned(),
        kind: event_type.unwrap_or_else(|| KIND_UNNAMED.to_owned()),
        action,
        outcome,
        organization: Some(organization.clone()),
        project: named("project_id", "project_name")?,
        environment: named("environment_id", "environment_name")?,
        actor: said.text("triggered_by")?.map(actor).unwrap_or_default(),
        target: Entity {
            kind: target_type.and_then(|name| vocabulary::kind_of(&name, part.as_deref())).map(str::to_owned),
            id: said.text("target_id")?,
            name: said.text("target_name")?,
        },
        part,
        origin: said.text("origin")?,
        after: document(&said, "change")?,
        before: document(&said, "original_change")?,
        ..Event::default()
    };
    event.request.user_agent = said.text("user_agent")?;
    // An instant is kept as an instant; its text need not be.
    said.retain(|key, _| key != "timestamp");
    event.data = leftover(&said, &own_members(&event));
    Ok(event)
}

fn identity(said: &Members, text: &str, source: &str) -> Result<(Uuid, Option<String>), InvalidEvent> {
    let Some(id) = said.text("id")?.filter(|id| !id.is_empty()) else {
        let whole: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| InvalidEvent::whole(format!("not valid JSON: {error}")))?;
        return Ok((identity_of_text(source, &canonical_json(&whole)), None));
    };
    Ok(match Uuid::try_parse(&id) {
        Ok(uuid) => (uuid, None),
        Err(_) => (derived_id(source, &id), Some(id)),
    })
}

/// `triggered_by` is free text: a user's name or mail address, a token's name, `policy:<id>:<name>`, an automatism.
fn actor(triggered_by: String) -> Entity {
    let kind = if triggered_by.starts_with("policy:") {
        Some(kind::API_KEY)
    } else if triggered_by.contains('@') {
        Some(kind::USER)
    } else {
        None
    };
    Entity { kind: kind.map(str::to_owned), id: None, name: Some(triggered_by) }
}

/// A state that is told as a text holding JSON; `None` when the text does not.
fn document(said: &Members, key: &str) -> Result<Option<Json>, InvalidEvent> {
    Ok(said.text(key)?.and_then(|text| Json::parse(&text).ok()))
}

/// Appends one event in Qovery's shape. Never a value outside of the definition's lists, and never without a `change`
/// that holds something: Qovery's console parses it unasked.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) {
    let mut members = if vocabulary::is_own(event) { own_members(event) } else { foreign_members(event) };
    if let Some(data) = event.data.as_ref().filter(|_| vocabulary::is_own(event)) {
        for (key, value) in Members::of(data).iter().filter(|(key, _)| *key != "timestamp") {
            members.set(key.to_owned(), value.clone());
        }
    }
    for (key, list) in ENUMS {
        let Some(value) = members.get(key).filter(|value| value.as_str() != "null").cloned() else {
            continue;
        };
        let listed = serde_json::from_str::<String>(value.as_str()).ok();
        match listed.and_then(|text| canonical(list, &text)) {
            Some(text) => members.set_text(key, text),
            None => members.retain(|name, _| name != key),
        }
    }
    // Blank is what Qovery's console cannot parse; every other text is Qovery's own, or JSON that was checked.
    let blank = |members: &Members, key| {
        members.text(key).is_ok_and(|text| text.is_none_or(|text| text.trim().is_empty()))
    };
    if blank(&members, "change") {
        members.set_text("change", "{}");
    }
    if members.get("original_change").is_some() && blank(&members, "original_change") {
        members.set("original_change", Json::from_stored("null"));
    }
    members.write(out);
}

/// What an event's own fields say, for events that Qovery said.
fn own_members(event: &Event) -> Members {
    let mut members = Members::default();
    members.set_text("id", &event.id.to_string());
    members.set_text("timestamp", &event.time.to_string());
    members.set_some("event_type", Some(event.kind.as_str()).filter(|kind| *kind != KIND_UNNAMED));
    members.set_some("target_id", event.target.id.as_deref());
    members.set_some("target_name", event.target.name.as_deref());
    members.set_some("target_type", event.target.kind.as_deref().and_then(vocabulary::target_type));
    members.set_some("sub_target_type", event.part.as_deref());
    members.set_some("change", event.after.as_ref().map(Json::as_str));
    members.set_some("origin", event.origin.as_deref());
    members.set_some("triggered_by", event.actor.name.as_deref());
    let places = [
        ("project_id", "project_name", &event.project),
        ("environment_id", "environment_name", &event.environment),
    ];
    for (id, name, place) in places {
        members.set_some(id, place.as_ref().map(|place| place.id.as_str()));
        members.set_some(name, place.as_ref().and_then(|place| place.name.as_deref()));
    }
    members.set_some("user_agent", event.request.user_agent.as_deref());
    members.set_some("original_change", event.before.as_ref().map(Json::as_str));
    members
}

/// An event of another source in Qovery's words. Ids that are not UUIDs cannot be said; they stand in for a name.
fn foreign_members(event: &Event) -> Members {
    let mut members = Members::default();
    members.set_text("id", &event.id.to_string());
    members.set_text("timestamp", &event.time.to_string());
    members.set_some("event_type", vocabulary::event_type(&event.action, event.outcome));
    members.set_some("target_type", event.target.kind.as_deref().and_then(vocabulary::target_type));
    members.set_some("sub_target_type", vocabulary::sub_target_type(event));
    let target = (event.target.id.as_deref(), event.target.name.as_deref());
    set_id_and_name(&mut members, "target_id", "target_name", target);
    // The state after, or else whatever else the source said.
    members.set_some("change", event.after.as_ref().or(event.data.as_ref()).map(Json::as_str));
    members.set_some("origin", vocabulary::origin(event));
    members.set_some("triggered_by", event.actor.name.as_deref().or(event.actor.id.as_deref()));
    let place = |place: &'_ Option<Named>| place.clone().map(|place| (place.id, place.name)).unzip();
    for (id, name, (place_id, place_name)) in [
        ("project_id", "project_name", place(&event.project)),
        ("environment_id", "environment_name", place(&event.environment)),
    ] {
        set_id_and_name(&mut members, id, name, (place_id.as_deref(), place_name.flatten().as_deref()));
    }
    members.set_some("user_agent", event.request.user_agent.as_deref());
    members.set_some("original_change", event.before.as_ref().map(Json::as_str));
    members
}

fn set_id_and_name(
    members: &mut Members,
    id_key: &'static str,
    name_key: &'static str,
    (id, name): (Option<&str>, Option<&str>),
) {
    let uuid = id.and_then(uuid_text);
    members.set_some(id_key, uuid.as_deref());
    members.set_some(name_key, name.or(id.filter(|_| uuid.is_none())));
}
