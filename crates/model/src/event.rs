//! The event: one immutable fact. At `time`, `actor` did `action` to `target`, with `outcome`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Json, Timestamp};

/// One immutable fact about a platform.
///
/// An absent text is `None`; an empty text is a value of its own, because some platforms tell the two apart. The
/// exception is an organization, project or environment whose id is empty: that is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Identity within (organization, source). A source id that is not a UUID is kept in `source_id`, and this is
    /// its UUIDv5 over source and source id; see [`crate::derived_id`].
    pub id: Uuid,
    /// Position in the log; assigned by the store, 0 before.
    pub seq: u64,
    /// When it happened, as the source said. Never rewritten.
    pub time: Timestamp,
    /// When the store took it; assigned by the store.
    pub recorded: Timestamp,
    /// Who said so: a dialect's name, optionally with an installation, as in `cloudfoundry/eu10`.
    pub source: String,
    /// The source's own identifier where that is not a UUID.
    pub source_id: Option<String>,
    /// The source's own name for what happened: `audit.app.create`, `create-instance`, `DEPLOY_FAILED`.
    pub kind: String,
    /// The verb, in the words of all platforms: `create`, `update`, `delete`, `deploy`, `login` …
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The source's own word or code for how it ended.
    pub status: Option<String>,
    /// The tenant. An event without one is the platform's own and is seen only by scopes over everything.
    pub organization: Option<Named>,
    /// A subdivision of the tenant: a Cloud Foundry space, a Qovery project.
    pub project: Option<Named>,
    /// A subdivision of the project.
    pub environment: Option<Named>,
    /// Who did it.
    pub actor: Entity,
    /// What it was done to.
    pub target: Entity,
    /// What of the target: a Qovery sub target such as `VARIABLE`.
    pub part: Option<String>,
    /// How the actor reached the platform: `API`, `CLI`, `CONSOLE` …
    pub origin: Option<String>,
    /// The region or zone it concerns.
    pub zone: Option<String>,
    /// The source's categories, in its order.
    pub categories: Vec<String>,
    /// Further names and values, every one of them indexed.
    pub labels: BTreeMap<String, String>,
    /// The request that caused it.
    pub request: Request,
    /// A sentence for people.
    pub message: Option<String>,
    /// The target's state before.
    pub before: Option<Json>,
    /// The target's state after.
    pub after: Option<Json>,
    /// Everything the source said that has no field above, verbatim.
    pub data: Option<Json>,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused or went wrong.
    Failure,
    /// It was asked for or begun.
    Pending,
    /// The source does not say.
    #[default]
    Unknown,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Pending, Self::Unknown];

    /// Its name in JSON and in filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// Something with an identifier and perhaps a name: an organization, a project, an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The identifier, never empty.
    pub id: String,
    /// The name at the time of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Named {
    /// The thing of that id, or nothing where the id is empty.
    pub fn new(id: impl Into<String>, name: Option<String>) -> Option<Self> {
        let id = id.into();
        (!id.is_empty()).then_some(Self { id, name })
    }
}

/// An actor or a target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// What kind of thing: `user`, `app`, `instance` …
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name at the time of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Entity {
    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.kind.is_none() && self.id.is_none() && self.name.is_none()
    }
}

/// The request that caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The platform's identifier of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The HTTP method or its like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The address that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The address of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// What the caller called itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The HTTP status or its like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<i64>,
}

impl Request {
    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
