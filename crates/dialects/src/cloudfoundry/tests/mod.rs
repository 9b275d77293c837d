//! The dialect as its clients see it: requests in, answers out, over events in memory.

mod first_contact;
mod login;
mod other_sources;
mod reading;
mod v2_list;
mod v2_one;
mod v3;
mod v3_places;

use std::sync::Arc;

use annals_model::{Entity, Event, Named, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{CloudFoundry, Config};
use crate::{
    Dialect,
    host::Import,
    testing::{Answer, MemoryHost, get},
};

/// The answer that Cloud Foundry's documentation of 2015 shows.
const DOCUMENTED_LIST: &str = include_str!("documented_list.json");

fn dialect() -> CloudFoundry {
    CloudFoundry::new(Config::default())
}

/// Sends a request as the reader of everything.
fn ask(host: &Arc<MemoryHost>, target: &str) -> Answer {
    ask_as(host, target, "all")
}

fn ask_as(host: &Arc<MemoryHost>, target: &str, token: &str) -> Answer {
    get(&dialect(), host, target, &[("authorization", &format!("bearer {token}"))])
}

/// The identifiers on a page, cut to their last two digits where they were made by [`guid`].
fn guids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let body = answer.json();
    let of = |resource: &Value| {
        let guid = resource.get("metadata").unwrap_or(resource)["guid"].as_str().unwrap().to_owned();
        guid[guid.len() - 2..].to_owned()
    };
    body["resources"].as_array().unwrap().iter().map(of).collect()
}

fn guid(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{number:02}")
}

/// Reads one v2 resource with these columns changed.
fn resource(number: u8, changes: &Value) -> Value {
    let mut entity = json!({
        "type": "audit.app.create",
        "actor": "uaa-id-150",
        "actor_type": "user",
        "actor_name": "user@email.com",
        "actor_username": "user",
        "actee": "app-1",
        "actee_type": "app",
        "actee_name": "name-474",
        "timestamp": "2015-02-13T22:34:52Z",
        "metadata": { "request": { "name": "new" } },
        "space_guid": "space-1",
        "organization_guid": "org-1",
    });
    let mut metadata = json!({
        "guid": guid(number),
        "url": format!("/v2/events/{}", guid(number)),
        "created_at": changes.get("timestamp").unwrap_or(&entity["timestamp"]),
        "updated_at": changes.get("timestamp").unwrap_or(&entity["timestamp"]),
    });
    for (key, value) in changes.as_object().unwrap() {
        if metadata.get(key).is_some() && key != "metadata" {
            metadata[key] = value.clone();
        } else {
            entity[key] = value.clone();
        }
    }
    json!({ "metadata": metadata, "entity": entity })
}

fn read(body: &Value) -> Vec<Event> {
    let events = dialect().read(body.to_string().as_bytes(), &Import::default()).unwrap();
    events.into_iter().map(Result::unwrap).collect()
}

fn event(number: u8, changes: &Value) -> Event {
    read(&resource(number, changes)).remove(0)
}

/// A host with these v2 resources: numbers from 1 on, in this order of arrival.
fn host(changes: &[Value]) -> Arc<MemoryHost> {
    let numbered = (1..).zip(changes).map(|(number, changes)| event(number, changes));
    Arc::new(MemoryHost::new(numbered.collect()))
}

/// An event of another source.
fn native(number: u8, action: &str, kind: &str) -> Event {
    Event {
        id: Uuid::parse_str(&guid(number)).unwrap(),
        time: Timestamp::parse("2015-02-13T22:34:52.75Z").unwrap(),
        source: "native".into(),
        kind: "whatever".into(),
        action: action.into(),
        organization: Named::new("org-1", None),
        target: Entity { kind: Some(kind.into()), id: Some("app-1".into()), name: None },
        ..Event::default()
    }
}
