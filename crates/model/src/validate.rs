//! The rules an event must keep, and the error that names the field and the rule.

use std::fmt::Display;

use crate::{
    Event,
    limits::{CATEGORIES_MAX, LABEL_KEY_BYTES_MAX, LABELS_MAX, LONG_TEXT_BYTES_MAX, SHORT_TEXT_BYTES_MAX},
};

/// Why an event is refused: which field, and which rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if field.is_empty() { String::new() } else { format!("`{field}`: ") })]
pub struct InvalidEvent {
    /// The path of the field in the JSON form, as in `target.id`; empty when the event as a whole is at fault.
    pub field: String,
    /// The rule, and what was found.
    pub message: String,
}

impl InvalidEvent {
    /// A field and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// Something wrong with the event as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self::new("", message)
    }
}

impl Event {
    /// Checks every limit and rule; see `docs/limits.md`.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        required("source", &self.source)?;
        required("type", &self.kind)?;
        short("action", &self.action)?;
        for (name, value) in [
            ("source_id", &self.source_id),
            ("status", &self.status),
            ("actor.type", &self.actor.kind),
            ("actor.id", &self.actor.id),
            ("actor.name", &self.actor.name),
            ("target.type", &self.target.kind),
            ("target.id", &self.target.id),
            ("target.name", &self.target.name),
            ("part", &self.part),
            ("origin", &self.origin),
            ("zone", &self.zone),
            ("request.id", &self.request.id),
            ("request.method", &self.request.method),
            ("request.ip", &self.request.ip),
        ] {
            value.as_ref().map_or(Ok(()), |text| short(name, text))?;
        }
        for (name, value) in [
            ("message", &self.message),
            ("request.uri", &self.request.uri),
            ("request.user_agent", &self.request.user_agent),
        ] {
            value.as_ref().map_or(Ok(()), |text| at_most(name, text, LONG_TEXT_BYTES_MAX))?;
        }
        for (id, name, value) in [
            ("organization.id", "organization.name", &self.organization),
            ("project.id", "project.name", &self.project),
            ("environment.id", "environment.name", &self.environment),
        ] {
            if let Some(named) = value {
                required(id, &named.id)?;
                named.name.as_ref().map_or(Ok(()), |text| short(name, text))?;
            }
        }
        if self.categories.len() > CATEGORIES_MAX {
            let found = self.categories.len();
            return Err(InvalidEvent::new(
                "categories",
                format!("{found} entries, at most {CATEGORIES_MAX}"),
            ));
        }
        for (position, category) in self.categories.iter().enumerate() {
            short(format_args!("categories[{position}]"), category)?;
        }
        if self.labels.len() > LABELS_MAX {
            let found = self.labels.len();
            return Err(InvalidEvent::new("labels", format!("{found} entries, at most {LABELS_MAX}")));
        }
        for (key, value) in &self.labels {
            if key.is_empty() || key.len() > LABEL_KEY_BYTES_MAX {
                let message = format!("a name of {} bytes, must have 1 to {LABEL_KEY_BYTES_MAX}", key.len());
                return Err(InvalidEvent::new("labels", message));
            }
            short(format_args!("labels.{key}"), value)?;
        }
        Ok(())
    }
}

fn required(field: &str, text: &str) -> Result<(), InvalidEvent> {
    if text.is_empty() {
        return Err(InvalidEvent::new(field, "must not be empty"));
    }
    short(field, text)
}

fn short(field: impl Display, text: &str) -> Result<(), InvalidEvent> {
    at_most(field, text, SHORT_TEXT_BYTES_MAX)
}

fn at_most(field: impl Display, text: &str, limit: usize) -> Result<(), InvalidEvent> {
    if text.len() > limit {
        return Err(InvalidEvent::new(field.to_string(), format!("{} bytes, at most {limit}", text.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Named;

    fn valid() -> Event {
        Event { source: "native".into(), kind: "a".into(), ..Event::default() }
    }

    #[test]
    fn names_the_field_and_the_rule() {
        assert_eq!(valid().validate(), Ok(()));
        let long = "x".repeat(SHORT_TEXT_BYTES_MAX + 1);
        let cases = [
            (Event { kind: String::new(), ..valid() }, "`type`: must not be empty"),
            (Event { zone: Some(long.clone()), ..valid() }, "`zone`: 4097 bytes, at most 4096"),
            (
                Event { organization: Some(Named { id: String::new(), name: None }), ..valid() },
                "`organization.id`: must not be empty",
            ),
            (
                Event { categories: vec![String::new(); 33], ..valid() },
                "`categories`: 33 entries, at most 32",
            ),
            (
                Event { labels: [("k".to_owned(), long)].into(), ..valid() },
                "`labels.k`: 4097 bytes, at most 4096",
            ),
        ];
        for (event, message) in cases {
            assert_eq!(event.validate().unwrap_err().to_string(), message);
        }
    }
}
