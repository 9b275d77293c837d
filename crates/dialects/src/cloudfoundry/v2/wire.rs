//! A v2 resource: `{"metadata": …, "entity": …}`.

use annals_model::Event;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use super::super::row::Row;

#[derive(Serialize)]
struct Resource<'r> {
    metadata: Metadata<'r>,
    entity: Entity<'r>,
}

#[derive(Serialize)]
struct Metadata<'r> {
    guid: &'r str,
    url: String,
    created_at: String,
    updated_at: Option<String>,
}

#[derive(Serialize)]
struct Entity<'r> {
    r#type: &'r str,
    actor: &'r str,
    actor_type: &'r str,
    actor_name: Option<&'r str>,
    actor_username: Option<&'r str>,
    actee: &'r str,
    actee_type: &'r str,
    actee_name: &'r str,
    timestamp: String,
    metadata: Details<'r>,
    space_guid: &'r str,
    organization_guid: &'r str,
}

/// A value as it was said, or an empty object.
pub(in super::super) struct Details<'r>(pub(in super::super) Option<&'r RawValue>);

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(raw) => raw.serialize(serializer),
            None => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

/// Appends an event as a resource; nothing when Cloud Foundry has no word for it.
pub(in super::super) fn append_resource(event: &Event, out: &mut Vec<u8>) {
    let Some(row) = Row::of(event) else { return };
    let resource = Resource {
        metadata: Metadata {
            guid: &row.guid,
            url: format!("/v2/events/{}", row.guid),
            created_at: row.created_at(),
            updated_at: row.updated_at(),
        },
        entity: Entity {
            r#type: row.kind,
            actor: row.actor.id.unwrap_or_default(),
            actor_type: row.actor.kind.as_deref().unwrap_or_default(),
            actor_name: row.actor.name,
            actor_username: row.actor_username.as_deref(),
            actee: row.actee.id.unwrap_or_default(),
            actee_type: row.actee.kind.as_deref().unwrap_or_default(),
            actee_name: row.actee.name.unwrap_or_default(),
            timestamp: row.time.to_rfc3339_seconds(),
            metadata: Details(row.metadata),
            space_guid: row.space,
            organization_guid: row.organization,
        },
    };
    let start = out.len();
    if serde_json::to_writer(&mut *out, &resource).is_err() {
        // Half a resource would break the whole answer. Texts, numbers and checked JSON do not fail to serialise.
        out.truncate(start);
    }
}
