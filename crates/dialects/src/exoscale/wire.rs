//! Between an event and Exoscale's JSON shape of one. It knows no request and no list.

use annals_model::{
    Entity, Event, InvalidEvent, Json, Named, Outcome, Timestamp, canonical_json, identity_of_text,
    vocabulary::kind,
};
use uuid::Uuid;

use super::vocabulary;
use crate::object::{Members, leftover};

/// The type of an event whose `handler` is absent or empty; every field of Exoscale's shape is optional.
const KIND_UNNAMED: &str = "event";
/// Members that are free-form objects.
pub(super) const OBJECTS: [&str; 6] =
    ["iam-user", "iam-role", "iam-api-key", "path-params", "get-params", "body-params"];
/// Members that Exoscale's schema wants greater than zero.
const POSITIVE: [&str; 2] = ["status", "elapsed-ms"];
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// Whether an event was said by Exoscale.
fn is_own(event: &Event) -> bool {
    event.source.strip_prefix(super::NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads one event in Exoscale's shape.
///
/// # Errors
/// When it is not an object, has no `timestamp`, or a documented member has another type than Exoscale documents.
pub(super) fn decode(text: &str, source: &str, organization: Option<&str>) -> Result<Event, InvalidEvent> {
    let mut said = Members::parse(text)?;
    let whole: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| InvalidEvent::whole(format!("not valid JSON: {error}")))?;
    let positive = |key: &str| Ok(said.integer(key)?.filter(|number| *number > 0));
    let (status, elapsed_ms): (Option<i64>, Option<i64>) = (positive("status")?, positive("elapsed-ms")?);
    for key in OBJECTS {
        said.object(key)?;
    }
    // Nothing in the schema is nullable, and its numbers are greater than zero: what is not is as good as absent.
    said.retain(|key, value| {
        let absent = match key {
            "status" => status.is_none(),
            "elapsed-ms" => elapsed_ms.is_none(),
            _ => false,
        };
        value.as_str() != "null" && !absent
    });

    let time = said.text("timestamp")?.ok_or_else(|| InvalidEvent::new("timestamp", "is missing"))?;
    let time = Timestamp::parse(&time).map_err(|error| InvalidEvent::new("timestamp", error.to_string()))?;
    let handler = said.text("handler")?.unwrap_or_default();
    let message = said.text("message")?;
    let operation = vocabulary::read(&handler);
    let (actor, origin) = actor(&said, &handler, message.as_deref())?;

    let mut event = Event {
        id: identity_of_text(source, &canonical_json(&whole)),
        time,
        source: source.to_owned(),
        kind: if handler.is_empty() { KIND_UNNAMED.to_owned() } else { handler },
        action: operation.action,
        outcome: outcome(status),
        status: status.map(|status| status.to_string()),
        organization: organization.and_then(|id| Named::new(id, None)),
        target: target(&said, operation.kind, &actor)?,
        part: operation.part,
        origin: origin.map(str::to_owned),
        zone: said.text("zone")?,
        ..Event::default()
    };
    event.actor = actor;
    event.request.id = said.text("request-id")?;
    event.request.method = message.as_deref().and_then(method).map(str::to_owned);
    event.request.uri = said.text("uri")?;
    event.request.ip = said.text("source-ip")?;
    event.request.status = status;
    event.request.elapsed_ms = elapsed_ms;
    event.message = message;

    // An instant is kept as an instant; its text need not be.
    said.retain(|key, _| key != "timestamp");
    event.data = leftover(&said, &own_members(&event));
    Ok(event)
}

fn outcome(status: Option<i64>) -> Outcome {
    match status {
        Some(200..=299) => Outcome::Success,
        Some(400..) => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// The method of `POST https://api-… [create-instance] status 200`.
fn method(message: &str) -> Option<&str> {
    let (first, rest) = message.split_once(' ')?;
    (rest.starts_with("http") && METHODS.contains(&first)).then_some(first)
}

/// Who acted, and how they reached the platform: keys sign API calls, people come through the portal.
fn actor(
    said: &Members,
    handler: &str,
    message: Option<&str>,
) -> Result<(Entity, Option<&'static str>), InvalidEvent> {
    if let Some(user) = said.object("iam-user")? {
        let entity = Entity {
            kind: Some(kind::USER.to_owned()),
            id: member_text(&user, "id"),
            name: member_text(&user, "email"),
        };
        return Ok((entity, Some("CONSOLE")));
    }
    if let Some(api_key) = said.object("iam-api-key")? {
        let entity = Entity {
            kind: Some(kind::API_KEY.to_owned()),
            id: member_text(&api_key, "key"),
            name: member_text(&api_key, "name"),
        };
        return Ok((entity, Some("API")));
    }
    if !vocabulary::CONSOLE.contains(&handler) {
        return Ok((Entity::default(), None));
    }
    // `User alice@example.com: authenticate`
    let suffix = format!(": {handler}");
    let name = message.and_then(|text| text.strip_prefix("User ")?.strip_suffix(&suffix)).map(str::to_owned);
    Ok((Entity { kind: Some(kind::USER.to_owned()), id: None, name }, Some("CONSOLE")))
}

fn target(said: &Members, kind: Option<String>, actor: &Entity) -> Result<Entity, InvalidEvent> {
    if said.get("uri").is_none() && actor.kind.is_some() && kind == actor.kind {
        // Signing in is done to the user who does it.
        return Ok(actor.clone());
    }
    let path = said.object("path-params")?.unwrap_or_default();
    let body = said.object("body-params")?.unwrap_or_default();
    let path_name = member_text(&path, "name").or_else(|| member_text(&path, "service-name"));
    let id = member_text(&path, "id").or_else(|| path_name.clone());
    let name = path_name.or_else(|| member_text(&body, "name"));
    Ok(Entity { kind, id, name })
}

/// A text in a free-form object; anything else there is not ours to judge.
fn member_text(members: &Members, key: &str) -> Option<String> {
    members.text(key).ok().flatten()
}

/// Appends one event in Exoscale's shape.
pub(super) fn encode(event: &Event, out: &mut Vec<u8>) {
    if !is_own(event) {
        return foreign_members(event).write(out);
    }
    let mut members = own_members(event);
    if let Some(data) = &event.data {
        for (key, value) in Members::of(data).iter().filter(|(_, value)| value.as_str() != "null") {
            members.set(key.to_owned(), value.clone());
        }
    }
    members.write(out);
}

/// What an event's own fields say, for events that Exoscale said.
fn own_members(event: &Event) -> Members {
    let handler = Some(event.kind.as_str()).filter(|kind| *kind != KIND_UNNAMED);
    common_members(event, event.request.id.as_deref(), event.request.status, &event.time.to_string(), handler)
}

fn common_members(
    event: &Event,
    request_id: Option<&str>,
    status: Option<i64>,
    timestamp: &str,
    handler: Option<&str>,
) -> Members {
    let mut members = Members::default();
    members.set_some("request-id", request_id);
    members.set_some("zone", event.zone.as_deref());
    members.set_some("source-ip", event.request.ip.as_deref());
    members.set_some("uri", event.request.uri.as_deref());
    for (key, number) in POSITIVE.into_iter().zip([status, event.request.elapsed_ms]) {
        if let Some(number) = number.filter(|number| *number > 0) {
            members.set_integer(key, number);
        }
    }
    members.set_text("timestamp", timestamp);
    members.set_some("handler", handler);
    members.set_some("message", event.message.as_deref());
    members
}

/// An event of another source in Exoscale's shape.
fn foreign_members(event: &Event) -> Members {
    let handler = vocabulary::write(&event.action, event.target.kind.as_deref(), &event.kind);
    let id = event.id.to_string();
    // Exoscale tells how a call ended by its HTTP status only.
    let status = event.request.status.or(match event.outcome {
        Outcome::Success => Some(200),
        Outcome::Pending => Some(202),
        Outcome::Failure => Some(400),
        Outcome::Unknown => None,
    });
    let request_id = event.request.id.as_deref().unwrap_or(&id);
    let mut members =
        common_members(event, Some(request_id), status, &millis(event.time), Some(handler.as_str()));

    let actor = &event.actor;
    if actor.kind.as_deref() == Some(kind::API_KEY) {
        let mut key = Members::default();
        key.set_some("name", actor.name.as_deref());
        key.set_some("key", actor.id.as_deref());
        members.set("iam-api-key", key.to_json());
    } else if let Some(email) = actor.name.as_deref().or(actor.id.as_deref()) {
        let mut user = Members::default();
        user.set_some("id", actor.id.as_deref().filter(|id| Uuid::try_parse(id).is_ok()));
        user.set_text("email", email);
        // Required in a user, and nothing in it is.
        user.set("role", Members::default().to_json());
        members.set("iam-user", user.to_json());
    }
    let mut path = Members::default();
    path.set_some("id", event.target.id.as_deref());
    path.set_some("name", event.target.name.as_deref());
    if !path.is_empty() {
        members.set("path-params", path.to_json());
    }
    if let Some(after) = event.after.as_ref().filter(|json: &&Json| json.as_str().starts_with('{')) {
        members.set("body-params", after.clone());
    }
    if let (None, Some(who)) = (&event.message, actor.name.as_deref().or(actor.id.as_deref())) {
        members.set_text("message", &format!("User {who}: {handler}"));
    }
    members
}

/// Exoscale's resolution: three fraction digits, or none where they are zero.
fn millis(time: Timestamp) -> String {
    if time.nanos().rem_euclid(1_000_000_000) < 1_000_000 {
        time.to_rfc3339_seconds()
    } else {
        time.to_rfc3339_millis()
    }
}
