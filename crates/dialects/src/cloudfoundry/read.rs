//! Cloud Foundry's events to ours: v2 resources and lists, v3 resources and lists, and the lines that Cloud Controller
//! logs when `log_audit_events` is on (a v3 resource without links).
//!
//! What has no field of its own is kept in `data`, so that `row` gives back exactly what came in: `metadata` always, and
//! of the rest only what cannot be derived. It must know nothing of requests.

use std::collections::BTreeMap;

use annals_model::{
    Entity, Event, InvalidEvent, Json, Named, Timestamp, derived_id, limits::EVENT_BYTES_MAX,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{NAME, vocabulary};
use crate::host::Import;

/// A JSON object whose values are not read yet.
type Object<'b> = BTreeMap<String, &'b RawValue>;

/// Keys of a v2 entity that have a place.
const ENTITY_KEYS: [&str; 12] = [
    "type",
    "actor",
    "actor_type",
    "actor_name",
    "actor_username",
    "actee",
    "actee_type",
    "actee_name",
    "timestamp",
    "metadata",
    "space_guid",
    "organization_guid",
];

/// Reads one event, an array, an answer of either list, or any number of these behind each other (as lines).
pub(super) fn events(body: &[u8], import: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
    let source = import.source(NAME);
    let text = std::str::from_utf8(body)
        .map_err(|error| InvalidEvent::whole(format!("the body is not UTF-8: {error}")))?;
    let mut found = Vec::new();
    let mut values = 0_usize;
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let value = value.map_err(|error| InvalidEvent::whole(format!("the body is not JSON: {error}")))?;
        values += 1;
        match list_of(value)? {
            Some(items) => found.extend(items.into_iter().map(|item| event(item, &source))),
            None => found.push(event(value, &source)),
        }
    }
    if values == 0 {
        return Err(InvalidEvent::whole(
            "the body is empty: send an event, an array of them, or a list answer",
        ));
    }
    Ok(found)
}

/// The events of a value that is a list; `None` when it is one event.
fn list_of(value: &RawValue) -> Result<Option<Vec<&RawValue>>, InvalidEvent> {
    #[derive(serde::Deserialize)]
    struct List<'b> {
        #[serde(borrow)]
        resources: Option<Vec<&'b RawValue>>,
    }
    let not_a_list =
        |error: serde_json::Error| InvalidEvent::new("resources", format!("not an array: {error}"));
    match value.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(value.get()).map(Some).map_err(not_a_list),
        Some(b'{') => {
            serde_json::from_str::<List<'_>>(value.get()).map(|list| list.resources).map_err(not_a_list)
        }
        _ => Ok(None),
    }
}

fn event(value: &RawValue, source: &str) -> Result<Event, InvalidEvent> {
    if value.get().len() > EVENT_BYTES_MAX {
        let found = value.get().len();
        return Err(InvalidEvent::whole(format!("{found} bytes, at most {EVENT_BYTES_MAX} an event")));
    }
    let object = object(value, "")?;
    let columns = if let Some(entity) = object.get("entity") {
        v2_columns(&object, entity)?
    } else if object.contains_key("guid") {
        v3_columns(&object)?
    } else {
        return Err(InvalidEvent::whole(
            "neither a v2 resource (`metadata` and `entity`) nor a v3 audit event (`guid` and `type`)",
        ));
    };
    let event = columns.into_event(source)?;
    event.validate()?;
    Ok(event)
}

/// What both generations say, before it is arranged as an event.
struct Columns<'b> {
    guid: String,
    kind: String,
    time: Timestamp,
    created_at: Option<String>,
    /// `Some(None)` when it is null.
    updated_at: Option<Option<String>>,
    actor: Entity,
    actor_username: Option<String>,
    actee: Entity,
    metadata: Option<&'b RawValue>,
    space: Option<String>,
    organization: Option<String>,
    /// What is not documented.
    others: Vec<(String, &'b RawValue)>,
}

fn v2_columns<'b>(resource: &Object<'b>, entity: &'b RawValue) -> Result<Columns<'b>, InvalidEvent> {
    let Some(metadata) = resource.get("metadata") else {
        return Err(InvalidEvent::new("metadata", "is missing: a v2 resource has its guid there"));
    };
    let metadata = object(metadata, "metadata")?;
    let entity = object(entity, "entity")?;
    let of_entity = |name: &str| Ok(text(&entity, "entity", name)?.flatten());
    let party = |id: &str| {
        Ok::<_, InvalidEvent>(Entity {
            kind: of_entity(&format!("{id}_type"))?,
            id: of_entity(id)?,
            name: of_entity(&format!("{id}_name"))?,
        })
    };
    Ok(Columns {
        guid: required(&metadata, "metadata", "guid")?,
        kind: required(&entity, "entity", "type")?,
        time: instant(&entity, "entity", "timestamp")?,
        created_at: text(&metadata, "metadata", "created_at")?.flatten(),
        updated_at: text(&metadata, "metadata", "updated_at")?,
        actor: party("actor")?,
        actor_username: of_entity("actor_username")?,
        actee: party("actee")?,
        metadata: said(entity.get("metadata")),
        space: of_entity("space_guid")?,
        organization: of_entity("organization_guid")?,
        others: entity
            .iter()
            .filter(|(key, _)| !ENTITY_KEYS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), *value))
            .collect(),
    })
}

fn v3_columns<'b>(resource: &Object<'b>) -> Result<Columns<'b>, InvalidEvent> {
    let inner = |name: &str| match resource.get(name) {
        Some(value) if value.get() != "null" => object(value, name),
        _ => Ok(Object::new()),
    };
    let party = |name: &str| {
        let party = inner(name)?;
        Ok::<_, InvalidEvent>(Entity {
            kind: text(&party, name, "type")?.flatten(),
            id: text(&party, name, "guid")?.flatten(),
            name: text(&party, name, "name")?.flatten(),
        })
    };
    let guid_of = |name: &str| Ok::<_, InvalidEvent>(text(&inner(name)?, name, "guid")?.flatten());
    Ok(Columns {
        guid: required(resource, "", "guid")?,
        kind: required(resource, "", "type")?,
        time: instant(resource, "", "created_at")?,
        created_at: text(resource, "", "created_at")?.flatten(),
        updated_at: text(resource, "", "updated_at")?,
        actor: party("actor")?,
        actor_username: None,
        actee: party("target")?,
        metadata: said(resource.get("data")),
        space: guid_of("space")?,
        organization: guid_of("organization")?,
        others: Vec::new(),
    })
}

/// What was said; null says nothing, and Cloud Controller never shows it.
fn said<'b>(value: Option<&&'b RawValue>) -> Option<&'b RawValue> {
    value.copied().filter(|value| value.get() != "null")
}

impl Columns<'_> {
    fn into_event(self, source: &str) -> Result<Event, InvalidEvent> {
        let (action, outcome) = vocabulary::meaning(&self.kind);
        let data = self.data()?;
        // Only the spelling that an id is shown in is an id; any other text must come back as it was.
        let uuid = Uuid::try_parse(&self.guid).ok().filter(|uuid| uuid.to_string() == self.guid);
        let (id, source_id) = match uuid {
            Some(uuid) => (uuid, None),
            None => (derived_id(source, &self.guid), Some(self.guid)),
        };
        let entity = |party: Entity| Entity {
            kind: party.kind.map(|kind| vocabulary::our_kind(&kind).to_owned()),
            ..party
        };
        Ok(Event {
            id,
            source_id,
            time: self.time,
            source: source.to_owned(),
            kind: self.kind,
            action,
            outcome,
            organization: Named::new(self.organization.unwrap_or_default(), None),
            project: Named::new(self.space.unwrap_or_default(), None),
            actor: entity(self.actor),
            target: entity(self.actee),
            data,
            ..Event::default()
        })
    }

    /// What has no field of its own, as one JSON object; nothing when there is nothing.
    fn data(&self) -> Result<Option<Json>, InvalidEvent> {
        let mut kept: Vec<(&str, String)> = Vec::new();
        if let Some(metadata) = self.metadata {
            kept.push(("metadata", metadata.get().to_owned()));
        }
        let shown = self.time.to_rfc3339_seconds();
        let created_at = self.created_at.as_deref().filter(|created_at| *created_at != shown);
        if let Some(created_at) = created_at {
            kept.push(("created_at", quoted(created_at)));
        }
        match &self.updated_at {
            None => {}
            Some(None) => kept.push(("updated_at", "null".to_owned())),
            Some(Some(updated_at)) if updated_at == created_at.unwrap_or(&shown) => {}
            Some(Some(updated_at)) => kept.push(("updated_at", quoted(updated_at))),
        }
        if let Some(username) = &self.actor_username {
            kept.push(("actor_username", quoted(username)));
        }
        for (key, kind) in [("actor_type", &self.actor.kind), ("actee_type", &self.actee.kind)] {
            // A kind that would come back under another name.
            let changed =
                |kind: &&String| vocabulary::their_kind(vocabulary::our_kind(kind)) != kind.as_str();
            if let Some(kind) = kind.as_ref().filter(changed) {
                kept.push((key, quoted(kind)));
            }
        }
        for (key, value) in &self.others {
            // Not these two: they would be taken for the row's own.
            if key != "created_at" && key != "updated_at" {
                kept.push((key, value.get().to_owned()));
            }
        }
        if kept.is_empty() {
            return Ok(None);
        }
        let members: Vec<String> =
            kept.into_iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
        let json = Json::parse(&format!("{{{}}}", members.join(",")));
        json.map(Some).map_err(|error| InvalidEvent::new("entity.metadata", error.to_string()))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn at(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn object<'b>(value: &'b RawValue, path: &str) -> Result<Object<'b>, InvalidEvent> {
    serde_json::from_str(value.get())
        .map_err(|error| InvalidEvent::new(path, format!("not a JSON object: {error}")))
}

/// `None` when the key is absent, `Some(None)` when it is null.
fn text(object: &Object<'_>, path: &str, name: &str) -> Result<Option<Option<String>>, InvalidEvent> {
    let Some(value) = object.get(name) else { return Ok(None) };
    serde_json::from_str(value.get())
        .map(Some)
        .map_err(|_| InvalidEvent::new(at(path, name), "must be a text or null"))
}

fn required(object: &Object<'_>, path: &str, name: &str) -> Result<String, InvalidEvent> {
    match text(object, path, name)?.flatten() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(InvalidEvent::new(at(path, name), "is missing: every event has one")),
    }
}

fn instant(object: &Object<'_>, path: &str, name: &str) -> Result<Timestamp, InvalidEvent> {
    let text = required(object, path, name)?;
    Timestamp::parse(&text).map_err(|error| InvalidEvent::new(at(path, name), error.to_string()))
}
