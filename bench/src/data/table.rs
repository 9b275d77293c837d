//! Events as rows of a table, for the peers: columns, and tab-separated text that all of them read.

use std::{fmt::Write, ops::Range};

use annals_model::Event;
use annals_testkit::Profile;

use super::event;

/// What a column holds; every peer gives it the type that suits it best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A UUID.
    Id,
    /// Milliseconds since 1970.
    Millis,
    /// One of few words.
    Word,
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// An IPv4 or IPv6 address; there are few.
    Address,
    /// JSON as text.
    Json,
}

/// A column, and how it is made of an event.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    write: fn(&Event, &mut String),
}

/// Writes a text that may be absent; generated events have it.
macro_rules! text {
    ($($path:tt)+) => {
        |event, row| row.push_str(event.$($path)+.as_deref().unwrap_or_default())
    };
}

/// Writes a field of an organization, project or environment.
macro_rules! named {
    ($field:ident, id) => {
        |event, row| row.push_str(event.$field.as_ref().map_or("", |named| named.id.as_str()))
    };
    ($field:ident, name) => {
        |event, row| {
            row.push_str(event.$field.as_ref().and_then(|named| named.name.as_deref()).unwrap_or_default());
        }
    };
}

/// Writes what can be shown. Writing to a String cannot fail.
macro_rules! shown {
    ($event:ident => $value:expr) => {
        |$event, row| {
            let _ = write!(row, "{}", $value);
        }
    };
}

/// The columns of a profile's events: everything that such an event says.
pub(crate) fn columns(profile: Profile) -> Vec<Column> {
    let column = |name, kind, write| Column { name, kind, write };
    let mut columns = vec![
        column("id", Kind::Id, shown!(event => event.id)),
        column("time", Kind::Millis, shown!(event => event.time.nanos() / 1_000_000)),
        column("source", Kind::Word, |event, row| row.push_str(&event.source)),
        column("type", Kind::Word, |event, row| row.push_str(&event.kind)),
        column("action", Kind::Word, |event, row| row.push_str(&event.action)),
        column("outcome", Kind::Word, |event, row| row.push_str(event.outcome.as_str())),
        column("organization", Kind::Word, named!(organization, id)),
        column("project", Kind::Word, named!(project, id)),
        column("actor_type", Kind::Word, text!(actor.kind)),
        column("actor", Kind::Word, text!(actor.id)),
        column("target_type", Kind::Word, text!(target.kind)),
        column("target", Kind::Text, text!(target.id)),
        column("target_name", Kind::Word, text!(target.name)),
        column("origin", Kind::Word, text!(origin)),
        column("zone", Kind::Word, text!(zone)),
        column("ip", Kind::Address, text!(request.ip)),
        column("method", Kind::Word, text!(request.method)),
    ];
    if profile == Profile::Large1017 {
        columns.extend([
            column("status", Kind::Word, text!(status)),
            column("organization_name", Kind::Word, named!(organization, name)),
            column("project_name", Kind::Word, named!(project, name)),
            column("environment", Kind::Word, named!(environment, id)),
            column("environment_name", Kind::Word, named!(environment, name)),
            column("actor_name", Kind::Word, text!(actor.name)),
            column("category", Kind::Word, |event, row| row.push_str(&event.categories.join(","))),
            column("team", Kind::Word, |event, row| {
                row.push_str(event.labels.get("team").map_or("", String::as_str));
            }),
            column("request_id", Kind::Id, text!(request.id)),
            column("uri", Kind::Text, text!(request.uri)),
            column("user_agent", Kind::Word, text!(request.user_agent)),
            column("request_status", Kind::Number, shown!(event => event.request.status.unwrap_or_default())),
            column("elapsed_ms", Kind::Number, shown!(event => event.request.elapsed_ms.unwrap_or_default())),
            column("message", Kind::Text, text!(message)),
            column("data", Kind::Json, |event, row| {
                row.push_str(event.data.as_ref().map_or("", annals_model::Json::as_str));
            }),
        ]);
    }
    columns
}

/// The events of these positions as lines of tab-separated values.
///
/// # Errors
/// When a value has a character that the peers' readers do not take alike.
pub(crate) fn rows(range: Range<u64>, profile: Profile) -> Result<String, String> {
    let columns = columns(profile);
    let mut text = String::new();
    for index in range {
        let event = event(index, profile);
        for (place, column) in columns.iter().enumerate() {
            let start = text.len();
            (column.write)(&event, &mut text);
            if text[start..].contains(['\t', '\n', '\r', '\\']) {
                return Err(format!("event {index}: column {} needs escaping", column.name));
            }
            text.push(if place + 1 == columns.len() { '\n' } else { '\t' });
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_there() {
        for (profile, count) in [(Profile::Small454, 17), (Profile::Large1017, 32)] {
            let text = rows(10..13, profile).unwrap();
            let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
            assert_eq!(lines.len(), 3);
            for line in &lines {
                assert_eq!(line.len(), count);
                assert!(line.iter().all(|value| !value.is_empty()), "{line:?}");
            }
            let event = event(10, profile);
            assert_eq!(lines[0][0], event.id.to_string());
            assert_eq!(lines[0][1], (event.time.nanos() / 1_000_000).to_string());
            assert_eq!(lines[0][3], event.kind);
        }
    }
}
