//! The JSON form of an event. Its JSON Schema is `schema/event.schema.json` in this crate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};
use uuid::Uuid;

use crate::{
    Clock, Entity, Event, InvalidEvent, Json, Named, Outcome, Request, Timestamp, derived_id, fresh_id,
    limits::EVENT_BYTES_MAX,
};

/// The published JSON Schema (draft 2020-12) of an event.
pub const EVENT_SCHEMA: &str = include_str!("../schema/event.schema.json");

/// The source of an event that does not name one.
const SOURCE_DEFAULT: &str = "native";

/// What a writer may say of an event. `seq` and `recorded` are not used then: the store assigns them, and an exported event
/// must be importable as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: Option<String>,
    seq: Option<u64>,
    time: Timestamp,
    recorded: Option<Timestamp>,
    source: Option<String>,
    source_id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    action: Option<String>,
    outcome: Option<Outcome>,
    status: Option<String>,
    organization: Option<Named>,
    project: Option<Named>,
    environment: Option<Named>,
    actor: Option<Entity>,
    target: Option<Entity>,
    part: Option<String>,
    origin: Option<String>,
    zone: Option<String>,
    categories: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    request: Option<Request>,
    message: Option<String>,
    before: Option<Json>,
    after: Option<Json>,
    data: Option<Json>,
}

impl Event {
    /// Reads one event in its JSON form and checks it.
    ///
    /// `time` and `type` are required. Without `id` a UUIDv7 is made; an `id` that is not a UUID becomes `source_id`.
    /// Without `source` it is `native`; without `action` it is the last dotted part of `type`.
    ///
    /// # Errors
    /// When the text is too long, is not JSON, has an unknown or a wrong field, or breaks a rule of [`Event::validate`].
    pub fn from_json(json: &[u8], clock: &dyn Clock) -> Result<Self, InvalidEvent> {
        if json.len() > EVENT_BYTES_MAX {
            return Err(InvalidEvent::whole(format!(
                "{} bytes, at most {EVENT_BYTES_MAX} an event",
                json.len()
            )));
        }
        // Of a text that is known to be UTF-8 not every part is checked again.
        let written: Result<Written, _> = match std::str::from_utf8(json) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(json),
        };
        let written = written.map_err(|error| InvalidEvent::whole(format!("not an event: {error}")))?;
        let event = written.into_event(clock);
        event.validate()?;
        Ok(event)
    }

    /// Reads one event as a store answered it, with what the store assigned.
    ///
    /// # Errors
    /// When it is not JSON, has an unknown or a wrong field, or is not a store's: without `id`, `seq` or `recorded`.
    pub fn from_answer(json: &[u8]) -> Result<Self, InvalidEvent> {
        let written: Written = serde_json::from_slice(json)
            .map_err(|error| InvalidEvent::whole(format!("not an event: {error}")))?;
        let (Some(seq), Some(recorded), true) = (written.seq, written.recorded, written.id.is_some()) else {
            return Err(InvalidEvent::whole("an event without `id`, `seq` or `recorded` is not a store's"));
        };
        // With an identifier there is nothing that a clock would be asked for.
        Ok(Self { seq, recorded, ..written.into_event(&crate::SystemClock) })
    }
}

impl Written {
    fn into_event(self, clock: &dyn Clock) -> Event {
        let source = self.source.unwrap_or_else(|| SOURCE_DEFAULT.to_owned());
        let (id, source_id) = match (self.id, self.source_id) {
            (Some(id), source_id) => match Uuid::try_parse(&id) {
                Ok(uuid) => (uuid, source_id),
                Err(_) => (derived_id(&source, &id), Some(id)),
            },
            (None, Some(source_id)) => (derived_id(&source, &source_id), Some(source_id)),
            (None, None) => (fresh_id(clock.now()), None),
        };
        let action =
            self.action.unwrap_or_else(|| self.kind.rsplit('.').next().unwrap_or(&self.kind).to_lowercase());
        Event {
            id,
            seq: 0,
            time: self.time,
            recorded: Timestamp::default(),
            source,
            source_id,
            kind: self.kind,
            action,
            outcome: self.outcome.unwrap_or_default(),
            status: self.status,
            organization: self.organization.filter(|named| !named.id.is_empty()),
            project: self.project.filter(|named| !named.id.is_empty()),
            environment: self.environment.filter(|named| !named.id.is_empty()),
            actor: self.actor.unwrap_or_default(),
            target: self.target.unwrap_or_default(),
            part: self.part,
            origin: self.origin,
            zone: self.zone,
            categories: self.categories.unwrap_or_default(),
            labels: self.labels.unwrap_or_default(),
            request: self.request.unwrap_or_default(),
            message: self.message,
            before: self.before,
            after: self.after,
            data: self.data,
        }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The number is a hint that serde_json does not need.
        let mut out = serializer.serialize_struct("Event", 25)?;
        macro_rules! some {
            ($($name:literal: $value:expr,)*) => {
                $(if let Some(value) = $value { out.serialize_field($name, &value)?; } else { out.skip_field($name)?; })*
            };
        }
        out.serialize_field("id", &self.id)?;
        some! { "seq": (self.seq != 0).then_some(self.seq), }
        out.serialize_field("time", &self.time)?;
        some! { "recorded": (self.seq != 0).then_some(self.recorded), }
        out.serialize_field("source", &self.source)?;
        some! { "source_id": self.source_id.as_ref(), }
        out.serialize_field("type", &self.kind)?;
        out.serialize_field("action", &self.action)?;
        out.serialize_field("outcome", &self.outcome)?;
        some! {
            "status": self.status.as_ref(),
            "organization": self.organization.as_ref(),
            "project": self.project.as_ref(),
            "environment": self.environment.as_ref(),
            "actor": Some(&self.actor).filter(|entity| !entity.is_empty()),
            "target": Some(&self.target).filter(|entity| !entity.is_empty()),
            "part": self.part.as_ref(),
            "origin": self.origin.as_ref(),
            "zone": self.zone.as_ref(),
            "categories": Some(&self.categories).filter(|list| !list.is_empty()),
            "labels": Some(&self.labels).filter(|map| !map.is_empty()),
            "request": Some(&self.request).filter(|request| !request.is_empty()),
            "message": self.message.as_ref(),
            "before": self.before.as_ref(),
            "after": self.after.as_ref(),
            "data": self.data.as_ref(),
        }
        out.end()
    }
}
