//! An event as Cloud Foundry's database has it: every column either generation of the API shows.
//!
//! Own events come back as they were read (see `read`); events of other sources are told in Cloud Foundry's words,
//! or not at all. It must know nothing of how the columns are arranged in answers.

use std::borrow::Cow;

use annals_model::{Event, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{NAME, vocabulary};

/// The columns of one event.
pub(super) struct Row<'e> {
    pub(super) guid: Cow<'e, str>,
    pub(super) kind: &'e str,
    pub(super) actor: Party<'e>,
    pub(super) actor_username: Option<String>,
    pub(super) actee: Party<'e>,
    pub(super) time: Timestamp,
    /// `None` when it is the event's time.
    created_at: Option<String>,
    /// `None` when it is `created_at`; `Some(None)` when it is null.
    updated_at: Option<Option<String>>,
    /// `None` when there is none, which is shown as `{}`.
    pub(super) metadata: Option<&'e RawValue>,
    pub(super) space: &'e str,
    pub(super) organization: &'e str,
}

/// Who did it, or what it was done to.
pub(super) struct Party<'e> {
    pub(super) id: Option<&'e str>,
    pub(super) kind: Option<Cow<'e, str>>,
    pub(super) name: Option<&'e str>,
}

/// What of an own event has no field of its own: what `read` put into `data`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept<'e> {
    #[serde(borrow, deserialize_with = "raw")]
    metadata: Option<&'e RawValue>,
    created_at: Option<String>,
    #[serde(deserialize_with = "present")]
    updated_at: Option<Option<String>>,
    actor_username: Option<String>,
    actor_type: Option<String>,
    actee_type: Option<String>,
}

fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// Whether an event is one of Cloud Foundry's own.
pub(super) fn is_own(event: &Event) -> bool {
    event.source.strip_prefix(NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The identifier under which this API shows an event.
pub(super) fn guid_of(event: &Event) -> Cow<'_, str> {
    match event.source_id.as_deref().filter(|_| is_own(event)) {
        Some(source_id) => Cow::Borrowed(source_id),
        None => Cow::Owned(event.id.to_string()),
    }
}

impl<'e> Row<'e> {
    /// The row of an event; `None` when Cloud Foundry has no word for it.
    pub(super) fn of(event: &'e Event) -> Option<Self> {
        if is_own(event) { Some(Self::of_own(event)) } else { Self::of_foreign(event) }
    }

    fn of_own(event: &'e Event) -> Self {
        let data = event.data.as_ref().map(annals_model::Json::as_str);
        // Data that was not written by `read` is nobody's columns.
        let kept: Kept<'e> = data.and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
        let party = |entity: &'e annals_model::Entity, kept: Option<String>| Party {
            id: entity.id.as_deref(),
            kind: kept
                .map(Cow::Owned)
                .or_else(|| entity.kind.as_deref().map(vocabulary::their_kind).map(Cow::Borrowed)),
            name: entity.name.as_deref(),
        };
        Self {
            guid: guid_of(event),
            kind: &event.kind,
            actor: party(&event.actor, kept.actor_type),
            actor_username: kept.actor_username,
            actee: party(&event.target, kept.actee_type),
            time: event.time,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
            metadata: kept.metadata,
            space: project_of(event),
            organization: organization_of(event),
        }
    }

    fn of_foreign(event: &'e Event) -> Option<Self> {
        let word = vocabulary::word_for(event)?;
        let text = |text: &'e Option<String>| Some(text.as_deref().unwrap_or_default());
        let actor_kind = event.actor.kind.as_deref().unwrap_or_default();
        let data = event.data.as_ref().map(annals_model::Json::as_str);
        Some(Self {
            guid: guid_of(event),
            kind: word.name,
            actor: Party {
                id: text(&event.actor.id),
                kind: Some(Cow::Borrowed(vocabulary::their_kind(actor_kind))),
                name: event.actor.name.as_deref(),
            },
            actor_username: None,
            actee: Party {
                id: text(&event.target.id),
                kind: Some(Cow::Borrowed(word.thing.actee_type)),
                name: text(&event.target.name),
            },
            time: event.time,
            created_at: None,
            updated_at: None,
            // Clients expect an object.
            metadata: data
                .filter(|data| data.starts_with('{'))
                .and_then(|data| serde_json::from_str(data).ok()),
            space: project_of(event),
            organization: organization_of(event),
        })
    }

    /// When the row was made.
    pub(super) fn created_at(&self) -> String {
        self.created_at.clone().unwrap_or_else(|| self.time.to_rfc3339_seconds())
    }

    /// When the row was last changed.
    pub(super) fn updated_at(&self) -> Option<String> {
        self.updated_at.clone().unwrap_or_else(|| Some(self.created_at()))
    }
}

fn project_of(event: &Event) -> &str {
    event.project.as_ref().map_or("", |project| &project.id)
}

fn organization_of(event: &Event) -> &str {
    event.organization.as_ref().map_or("", |organization| &organization.id)
}
