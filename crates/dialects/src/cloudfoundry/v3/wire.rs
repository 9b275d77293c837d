//! A v3 audit event.

use annals_model::Event;
use serde::Serialize;

use super::super::{
    row::{Party, Row},
    v2::wire::Details,
};

#[derive(Serialize)]
struct Resource<'r> {
    guid: &'r str,
    created_at: &'r str,
    updated_at: &'r str,
    r#type: &'r str,
    actor: Option<Related<'r>>,
    target: Option<Related<'r>>,
    data: Details<'r>,
    space: Option<Reference<'r>>,
    organization: Option<Reference<'r>>,
    links: Links,
}

#[derive(Serialize)]
struct Related<'r> {
    guid: &'r str,
    r#type: Option<&'r str>,
    name: Option<&'r str>,
}

#[derive(Serialize)]
struct Reference<'r> {
    guid: &'r str,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    own: Link,
}

#[derive(Serialize)]
struct Link {
    href: String,
}

/// Appends an event as a resource; nothing when Cloud Foundry has no word for it.
pub(super) fn append_resource(event: &Event, base_url: &str, out: &mut Vec<u8>) {
    let Some(row) = Row::of(event) else { return };
    // Both times are the event's, whatever the row's are: so Cloud Controller presents them.
    let time = row.time.to_rfc3339_seconds();
    let reference = |guid| Some(Reference { guid }).filter(|reference| !reference.guid.is_empty());
    let resource = Resource {
        guid: &row.guid,
        created_at: &time,
        updated_at: &time,
        r#type: row.kind,
        actor: related(&row.actor),
        target: related(&row.actee),
        data: Details(row.metadata),
        space: reference(row.space),
        organization: reference(row.organization),
        links: Links { own: Link { href: format!("{base_url}/v3/audit_events/{}", row.guid) } },
    };
    let start = out.len();
    if serde_json::to_writer(&mut *out, &resource).is_err() {
        // Half a resource would break the whole answer. Texts, numbers and checked JSON do not fail to serialise.
        out.truncate(start);
    }
}

fn related<'r>(party: &'r Party<'_>) -> Option<Related<'r>> {
    let guid = party.id?;
    Some(Related { guid, r#type: party.kind.as_deref(), name: party.name })
}
