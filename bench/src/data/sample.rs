//! The values of one event, to ask for it: what stands for `:organization` and the like in a query's path and SQL.

use annals_model::{Event, Timestamp};
use annals_testkit::Profile;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::event;

const NANOS_OF_DAY: i64 = 86_400_000_000_000;
const NANOS_OF_MILLI: i64 = 1_000_000;
/// The type that is asked for beside an event's own.
const OTHER_TYPE: &str = "app.restart";

/// A value in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    /// Milliseconds since 1970.
    Instant(i64),
    Id(Uuid),
}

/// An event that queries are made of.
pub(crate) struct Sample {
    event: Event,
}

impl Sample {
    /// The n-th of a number of samples from all over the first `events` events: busy organizations, actors and targets come up as
    /// often as they do among the events.
    pub(crate) fn of(n: u64, events: u64, profile: Profile) -> Self {
        Self { event: event((n * 7_919 + 13) % events, profile) }
    }

    /// The value of a name in a query.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        let event = &self.event;
        let text = |text: &Option<String>| text.clone().map(Value::Text);
        let day = event.time.nanos().div_euclid(NANOS_OF_DAY);
        let midnight = |day: i64| Some(Value::Instant(day * (NANOS_OF_DAY / NANOS_OF_MILLI)));
        match name {
            "organization" => event.organization.as_ref().map(|named| Value::Text(named.id.clone())),
            "type" => Some(Value::Text(event.kind.clone())),
            "other_type" if event.kind == OTHER_TYPE => Some(Value::Text("app.scale".to_owned())),
            "other_type" => Some(Value::Text(OTHER_TYPE.to_owned())),
            "actor" => text(&event.actor.id),
            "target" => text(&event.target.id),
            "from" => midnight(day),
            "to" => midnight(day + 1),
            "id" => Some(Value::Id(event.id)),
            _ => None,
        }
    }

    /// A path with its names replaced.
    pub(crate) fn path(&self, template: &str) -> Result<String, String> {
        replace(template, |name| {
            Ok(match self.value(name).ok_or_else(|| unknown(name))? {
                Value::Text(text) => utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string(),
                Value::Instant(millis) => {
                    Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX).to_string()
                }
                Value::Id(id) => id.to_string(),
            })
        })
    }
}

pub(crate) fn unknown(name: &str) -> String {
    format!("a query has the unknown name `:{name}`")
}

/// A text with every `:name` replaced; a colon with anything but a letter behind it stays.
pub(crate) fn replace(
    template: &str,
    mut value: impl FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut parts = template.split(':');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        if name.is_empty() {
            text.push(':');
        } else {
            text.push_str(&value(name)?);
        }
        text.push_str(rest);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_values() {
        let sample = Sample::of(3, 1_000, Profile::Small454);
        let event = event((3 * 7_919 + 13) % 1_000, Profile::Small454);
        let path = sample.path("/api/v1/events?type=:type&from=:from&to=:to&limit=50").unwrap();
        assert!(path.starts_with("/api/v1/events?type="), "{path}");
        assert!(path.contains("&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&limit=50"), "{path}");
        assert_eq!(sample.path("/api/v1/events/:id").unwrap(), format!("/api/v1/events/{}", event.id));
        assert!(sample.path("/:colour").is_err());
    }

    #[test]
    fn texts_are_encoded_for_an_address() {
        let sample = Sample::of(0, 1, Profile::Small454);
        assert!(sample.path("?actor=:actor").unwrap().contains("%40tenant%2D"));
    }

    #[test]
    fn colons_of_other_uses_stay() {
        assert_eq!(replace("a::b: c:d", |name| Ok(format!("<{name}>"))), Ok("a:<b>: c<d>".to_owned()));
    }
}
