//! Who asks and what they may see: roles, grants, principals and scopes, and what a caller presents to prove itself.
//!
//! This file says what these things are. Only the `auth` crate makes principals, and scopes come only from
//! principals: a policy test holds the workspace to that.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Event, Field, Filter};

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To read events.
    Reader,
    /// To record events.
    Writer,
    /// To do both, and whatever the server is administered by.
    Admin,
}

impl Role {
    /// Whether this role includes what `wanted` allows.
    pub const fn allows(self, wanted: Self) -> bool {
        matches!(
            (self, wanted),
            (Self::Admin, _) | (Self::Reader, Self::Reader) | (Self::Writer, Self::Writer)
        )
    }
}

/// A role over all events, over one organization's, or over one project's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What is allowed.
    pub role: Role,
    /// On which organization; absent = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// On which project; absent = all of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

impl Grant {
    fn covers(&self, organization: Option<&str>, project: Option<&str>) -> bool {
        self.organization.as_deref().is_none_or(|granted| Some(granted) == organization)
            && self.project.as_deref().is_none_or(|granted| Some(granted) == project)
    }
}

/// A caller whose credential was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The credential's name in the configuration, or the token's user; for logs and for people.
    pub name: String,
    /// The identity inside a token (`user_id`, `client_id` or `sub`), where there is one.
    pub subject: Option<String>,
    /// The OAuth scopes of a token; `None` for credentials that are not tokens with scopes.
    pub token_scopes: Option<Vec<String>>,
    /// What it may do.
    pub grants: Vec<Grant>,
}

impl Principal {
    /// What it may read.
    pub fn read_scope(&self) -> Scope {
        let readable = self.grants.iter().filter(|grant| grant.role.allows(Role::Reader));
        let mut areas = BTreeSet::new();
        for grant in readable {
            if grant.organization.is_none() && grant.project.is_none() {
                return Scope(Reach::Everything);
            }
            areas.insert(Area { organization: grant.organization.clone(), project: grant.project.clone() });
        }
        Scope(Reach::Areas(areas))
    }

    /// Whether it may do what `role` allows to an event of this organization and project.
    pub fn may(&self, role: Role, organization: Option<&str>, project: Option<&str>) -> bool {
        self.grants.iter().any(|grant| grant.role.allows(role) && grant.covers(organization, project))
    }

    /// Whether it has `role` over anything at all.
    pub fn has(&self, role: Role) -> bool {
        self.grants.iter().any(|grant| grant.role.allows(role))
    }
}

/// The events a caller may see. Made only from a [`Principal`], and only ever narrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(Reach);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    Everything,
    Areas(BTreeSet<Area>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Area {
    organization: Option<String>,
    project: Option<String>,
}

impl Scope {
    /// No event at all.
    pub const fn nothing() -> Self {
        Self(Reach::Areas(BTreeSet::new()))
    }

    /// Whether it covers everything, events without an organization included.
    pub const fn is_everything(&self) -> bool {
        matches!(self.0, Reach::Everything)
    }

    /// Whether it covers nothing.
    pub fn is_nothing(&self) -> bool {
        matches!(&self.0, Reach::Areas(areas) if areas.is_empty())
    }

    /// Whether it covers all of an organization.
    pub fn covers_organization(&self, organization: &str) -> bool {
        match &self.0 {
            Reach::Everything => true,
            Reach::Areas(areas) => areas
                .iter()
                .any(|area| area.organization.as_deref() == Some(organization) && area.project.is_none()),
        }
    }

    /// Whether it covers anything of an organization. A grant on a project of any organization counts.
    pub fn touches_organization(&self, organization: &str) -> bool {
        match &self.0 {
            Reach::Everything => true,
            Reach::Areas(areas) => areas
                .iter()
                .any(|area| area.organization.as_deref().is_none_or(|granted| granted == organization)),
        }
    }

    /// The organizations it names, sorted; `None` when it covers everything.
    pub fn organizations(&self) -> Option<Vec<&str>> {
        match &self.0 {
            Reach::Everything => None,
            Reach::Areas(areas) => {
                let names: BTreeSet<&str> =
                    areas.iter().filter_map(|area| area.organization.as_deref()).collect();
                Some(names.into_iter().collect())
            }
        }
    }

    /// What of it lies in one organization.
    #[must_use]
    pub fn narrow_to_organization(&self, organization: &str) -> Self {
        let areas = match &self.0 {
            Reach::Everything => [Area { organization: Some(organization.to_owned()), project: None }].into(),
            Reach::Areas(areas) => areas
                .iter()
                .filter(|area| area.organization.as_deref().is_none_or(|granted| granted == organization))
                .map(|area| Area {
                    organization: Some(organization.to_owned()),
                    project: area.project.clone(),
                })
                .collect(),
        };
        Self(Reach::Areas(areas))
    }

    /// Whether an event lies in it.
    pub fn permits(&self, event: &Event) -> bool {
        let organization = event.organization.as_ref().map(|named| named.id.as_str());
        let project = event.project.as_ref().map(|named| named.id.as_str());
        match &self.0 {
            Reach::Everything => true,
            Reach::Areas(areas) => areas.iter().any(|area| {
                area.organization.as_deref().is_none_or(|granted| Some(granted) == organization)
                    && area.project.as_deref().is_none_or(|granted| Some(granted) == project)
            }),
        }
    }

    /// The same as a condition on events.
    pub fn to_filter(&self) -> Filter {
        let areas = match &self.0 {
            Reach::Everything => return Filter::all(),
            Reach::Areas(areas) => areas,
        };
        let mut whole = BTreeSet::new();
        let mut parts = Vec::new();
        for area in areas {
            match (&area.organization, &area.project) {
                (Some(organization), None) => {
                    whole.insert(organization.clone());
                }
                (organization, project) => {
                    let organization = organization.iter().map(|id| Filter::term(Field::Organization, id));
                    let project = project.iter().map(|id| Filter::term(Field::Project, id));
                    parts.push(Filter::And(organization.chain(project).collect()));
                }
            }
        }
        if !whole.is_empty() {
            parts.insert(0, Filter::AnyOf(Field::Organization, whole));
        }
        if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) }
    }
}

/// What a caller presents to prove who it is. A dialect reads it from a request; `auth` judges it.
#[derive(Clone, PartialEq, Eq)]
pub enum Presented {
    /// A secret in itself: a static token, an API key, or a JWT.
    Token(String),
    /// A token that OpenStack's identity service may know; else a static token.
    KeystoneToken(String),
    /// A signature over a message by a key's secret: HMAC-SHA256 with a chain of derived keys.
    Signature {
        /// Which key signed.
        key: String,
        /// Put before the secret to make the first HMAC key (`AWS4` for SigV4; empty for most).
        secret_prefix: &'static str,
        /// Messages that derive the signing key, one HMAC each; empty when the secret signs by itself.
        derivation: Vec<Vec<u8>>,
        /// What was signed.
        message: Vec<u8>,
        /// The signature, decoded.
        signature: Vec<u8>,
    },
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Secrets never reach a log.
        match self {
            Self::Token(_) => f.write_str("Token(…)"),
            Self::KeystoneToken(_) => f.write_str("KeystoneToken(…)"),
            Self::Signature { key, .. } => write!(f, "Signature {{ key: {key:?}, … }}"),
        }
    }
}

/// Why a credential was refused. Dialects turn it into their platform's body; the text is for logs and native errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has this token or key.
    #[error("the credential is not known")]
    Unknown,
    /// It was good once.
    #[error("the credential has expired")]
    Expired,
    /// The signature does not fit the message.
    #[error("the signature does not match the request")]
    BadSignature,
    /// A token of the right kind, but for another audience, from another issuer, without a required claim, or a
    /// refresh token.
    #[error("the token is not valid for this server")]
    Unacceptable,
    /// The credential cannot be judged now because a key server cannot be reached.
    #[error("the credential cannot be checked now: the key server does not answer")]
    Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Named;

    type Granted = (Role, Option<&'static str>, Option<&'static str>);

    fn principal(grants: &[Granted]) -> Principal {
        let grants = grants
            .iter()
            .map(|(role, organization, project)| Grant {
                role: *role,
                organization: organization.map(Into::into),
                project: project.map(Into::into),
            })
            .collect();
        Principal { name: "test".into(), subject: None, token_scopes: None, grants }
    }

    fn event(organization: &str, project: &str) -> Event {
        Event {
            organization: Named::new(organization, None),
            project: Named::new(project, None),
            ..Event::default()
        }
    }

    #[test]
    fn scope_and_its_filter_agree() {
        let events = [
            event("a", ""),
            event("a", "p"),
            event("b", "p"),
            event("b", "q"),
            event("", ""),
            event("", "p"),
        ];
        let cases: [(&[Granted], [bool; 6]); 6] = [
            (&[], [false; 6]),
            (&[(Role::Writer, None, None)], [false; 6]),
            (&[(Role::Reader, None, None)], [true; 6]),
            (&[(Role::Reader, Some("a"), None)], [true, true, false, false, false, false]),
            (
                &[(Role::Admin, Some("b"), Some("q")), (Role::Reader, Some("a"), None)],
                [true, true, false, true, false, false],
            ),
            (&[(Role::Reader, None, Some("p"))], [false, true, true, false, false, true]),
        ];
        for (grants, expected) in cases {
            let scope = principal(grants).read_scope();
            for (event, expected) in events.iter().zip(expected) {
                assert_eq!(scope.permits(event), expected, "{grants:?} {event:?}");
                assert_eq!(scope.to_filter().matches(event), expected, "{grants:?} {event:?}");
            }
            let narrow = scope.narrow_to_organization("b");
            for event in &events {
                let inside = event.organization.as_ref().is_some_and(|o| o.id == "b");
                assert_eq!(narrow.permits(event), inside && scope.permits(event), "{grants:?} {event:?}");
            }
        }
    }

    #[test]
    fn writing_needs_a_writer() {
        let writer = principal(&[(Role::Writer, Some("a"), None)]);
        assert!(writer.may(Role::Writer, Some("a"), Some("p")));
        assert!(!writer.may(Role::Writer, Some("b"), None));
        assert!(!writer.may(Role::Writer, None, None));
        assert!(!writer.may(Role::Reader, Some("a"), None));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Presented::Token("s3cret".into())), "Token(…)");
        assert_eq!(format!("{:?}", Presented::KeystoneToken("s3cret".into())), "KeystoneToken(…)");
    }
}
