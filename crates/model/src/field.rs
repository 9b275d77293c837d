//! The fields of an event that a filter can name.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Event, limits::LABEL_KEY_BYTES_MAX};

macro_rules! fields {
    ($($variant:ident = $number:literal, $name:literal, $doc:literal, |$event:ident, $visit:ident| $values:expr;)*) => {
        /// A field of an event that a filter can name. All of them hold texts; most hold one, `categories` many.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = $doc] $variant,)*
            /// The value of the label of that name.
            Label(String),
        }

        impl Field {
            /// Every field but the labels, in the order of their numbers.
            pub const FIXED: &[Field] = &[$(Field::$variant,)*];

            /// The number of a fixed field in stored files; never reused. Labels have none.
            pub const fn number(&self) -> Option<u8> {
                match self {
                    $(Self::$variant => Some($number),)*
                    Self::Label(_) => None,
                }
            }

            /// Its name in the JSON form, in the search language and in errors.
            pub fn name(&self) -> Cow<'static, str> {
                match self {
                    $(Self::$variant => Cow::Borrowed($name),)*
                    Self::Label(key) => Cow::Owned(format!("labels.{key}")),
                }
            }

            /// Calls `visit` with every value this field has in an event.
            pub fn visit<'e>(&self, event: &'e Event, mut visit: impl FnMut(&'e str)) {
                match self {
                    $(Self::$variant => { let $event = event; let $visit = &mut visit; $values })*
                    Self::Label(key) => event.labels.get(key).into_iter().for_each(|value| visit(value)),
                }
            }
        }

        impl FromStr for Field {
            type Err = UnknownField;

            fn from_str(name: &str) -> Result<Self, UnknownField> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => match name.strip_prefix("labels.") {
                        Some(key) if !key.is_empty() && key.len() <= LABEL_KEY_BYTES_MAX => Ok(Self::Label(key.to_owned())),
                        _ => Err(UnknownField(name.to_owned())),
                    },
                }
            }
        }
    };
}

fields! {
    Source = 0, "source", "[`Event::source`]", |e, v| v(&e.source);
    Kind = 1, "type", "[`Event::kind`]", |e, v| v(&e.kind);
    Action = 2, "action", "[`Event::action`]", |e, v| v(&e.action);
    Outcome = 3, "outcome", "[`Event::outcome`]", |e, v| v(e.outcome.as_str());
    Status = 4, "status", "[`Event::status`]", |e, v| e.status.iter().for_each(|t| v(t));
    Organization = 5, "organization.id", "The tenant's id.", |e, v| e.organization.iter().for_each(|o| v(&o.id));
    OrganizationName = 6, "organization.name", "The tenant's name.",
        |e, v| e.organization.iter().filter_map(|o| o.name.as_deref()).for_each(v);
    Project = 7, "project.id", "The project's id.", |e, v| e.project.iter().for_each(|p| v(&p.id));
    ProjectName = 8, "project.name", "The project's name.",
        |e, v| e.project.iter().filter_map(|p| p.name.as_deref()).for_each(v);
    Environment = 9, "environment.id", "The environment's id.", |e, v| e.environment.iter().for_each(|x| v(&x.id));
    EnvironmentName = 10, "environment.name", "The environment's name.",
        |e, v| e.environment.iter().filter_map(|x| x.name.as_deref()).for_each(v);
    ActorKind = 11, "actor.type", "What kind of thing acted.", |e, v| e.actor.kind.iter().for_each(|t| v(t));
    ActorId = 12, "actor.id", "Who acted, by id.", |e, v| e.actor.id.iter().for_each(|t| v(t));
    ActorName = 13, "actor.name", "Who acted, by name.", |e, v| e.actor.name.iter().for_each(|t| v(t));
    TargetKind = 14, "target.type", "What kind of thing was acted on.", |e, v| e.target.kind.iter().for_each(|t| v(t));
    TargetId = 15, "target.id", "What was acted on, by id.", |e, v| e.target.id.iter().for_each(|t| v(t));
    TargetName = 16, "target.name", "What was acted on, by name.", |e, v| e.target.name.iter().for_each(|t| v(t));
    Part = 17, "part", "[`Event::part`]", |e, v| e.part.iter().for_each(|t| v(t));
    Origin = 18, "origin", "[`Event::origin`]", |e, v| e.origin.iter().for_each(|t| v(t));
    Zone = 19, "zone", "[`Event::zone`]", |e, v| e.zone.iter().for_each(|t| v(t));
    Category = 20, "categories", "Each of [`Event::categories`].", |e, v| e.categories.iter().for_each(|t| v(t));
    RequestMethod = 21, "request.method", "The request's method.", |e, v| e.request.method.iter().for_each(|t| v(t));
    RequestIp = 22, "request.ip", "The caller's address.", |e, v| e.request.ip.iter().for_each(|t| v(t));
    RequestId = 23, "request.id", "The platform's id of the request.", |e, v| e.request.id.iter().for_each(|t| v(t));
    SourceId = 24, "source_id", "[`Event::source_id`]", |e, v| e.source_id.iter().for_each(|t| v(t));
}

impl Field {
    /// The fixed field of a number that [`Field::number`] gave.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::FIXED.get(usize::from(number)).cloned()
    }

    /// Whether the store keeps a dictionary and postings for it. The others nearly always hold a different text in
    /// every event; a filter on them reads the events that the word filters leave over.
    pub fn is_indexed(&self) -> bool {
        !matches!(self, Self::RequestId | Self::SourceId)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A name that is no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown field `{0}`")]
pub struct UnknownField(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back() {
        for (position, field) in Field::FIXED.iter().enumerate() {
            assert_eq!(field.number().map(usize::from), Some(position), "{field}: numbers are positions");
            assert_eq!(field.name().parse::<Field>().unwrap(), *field);
            assert_eq!(Field::from_number(position as u8).as_ref(), Some(field));
        }
        assert_eq!("labels.profile_id".parse::<Field>().unwrap(), Field::Label("profile_id".into()));
        for name in ["", "labels.", "Type", "kind", "data.x"] {
            assert_eq!(name.parse::<Field>(), Err(UnknownField(name.to_owned())));
        }
    }
}
