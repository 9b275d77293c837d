//! Qovery's organization events: `GET /organization/{organizationId}/events` and what its console and command line
//! ask around it. Facts and choices are in `docs/dialects/qovery.md`.

mod access;
mod directory;
mod enums;
mod list;
mod parameters;
#[cfg(test)]
mod tests;
mod vocabulary;
mod wire;

use std::collections::BTreeMap;

use annals_model::{Event, InvalidEvent, Named, Timestamp};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::{
    Dialect,
    host::{Body, Call, Failure, Import, Reply, Route},
    shown::{Listing, Proof, Shown, described},
};

const NAME: &str = "qovery";
const ORGANIZATIONS: &str = "/organization";
const ORGANIZATION: &str = "/organization/{organizationId}";
const EVENTS: &str = "/organization/{organizationId}/events";
const TARGETS: &str = "/organization/{organizationId}/targets";
const PROJECTS: &str = "/organization/{organizationId}/project";
const ENVIRONMENTS: &str = "/organization/{organizationId}/environments";
const SERVICES: &str = "/organization/{organizationId}/services";
/// How long a client should wait when the server has too much to do.
const RETRY_SECONDS: &str = "1";

/// What can be configured: the table `[dialect.qovery]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many days back an organization's events may be read, by the organization's id. Older ones are kept and
    /// withheld, and answers say so. Without an entry everything that is kept may be read.
    pub read_limit_days: BTreeMap<String, u32>,
}

/// The dialect.
pub(crate) struct Qovery {
    read_limit_days: BTreeMap<String, u32>,
}

impl Qovery {
    pub(crate) fn new(config: Config) -> Self {
        // Ids are compared in lower case, as they are shown.
        let lower = |(id, days): (String, u32)| (id.to_ascii_lowercase(), days);
        Self { read_limit_days: config.read_limit_days.into_iter().map(lower).collect() }
    }

    fn read_limit_days(&self, organization: &str) -> Option<u32> {
        self.read_limit_days.get(organization).copied()
    }

    async fn answer(&self, call: &Call) -> Result<Reply, Problem> {
        let Some(route) = call.route else {
            access::principal(call).await?;
            return Err(Problem::NotFound);
        };
        if route.path == ORGANIZATIONS {
            return directory::organizations(self, call).await;
        }
        let access = access::organization(self, call).await?;
        match route.path {
            ORGANIZATION => directory::organization(self, &access).await,
            EVENTS => list::serve(call, &access).await,
            TARGETS => directory::targets(call, &access).await,
            PROJECTS => directory::projects(&access).await,
            ENVIRONMENTS => directory::environments(&access).await,
            SERVICES => directory::services(&access).await,
            _ => Err(Problem::NotFound),
        }
    }
}

impl Dialect for Qovery {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(&self) -> &'static [Route] {
        const {
            &[
                Route::get(ORGANIZATIONS),
                Route::get(ORGANIZATION),
                Route::get(EVENTS),
                Route::get(TARGETS),
                Route::get(PROJECTS),
                Route::get(ENVIRONMENTS),
                Route::get(SERVICES),
            ]
        }
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/organization/"]
    }

    fn openapi(&self) -> &'static str {
        include_str!("openapi.json")
    }

    fn serve(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move { self.answer(&call).await.unwrap_or_else(|problem| problem.reply(&call)) }.boxed()
    }

    fn read(&self, body: &[u8], import: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
        let organization = import.organization.as_ref().and_then(|id| Named::new(id, None)).ok_or_else(|| {
            InvalidEvent::new(
                "organization",
                "Qovery's events do not name their organization, so the import must: add `?organization=<id>`",
            )
        })?;
        let source = import.source(NAME);
        crate::object::read_events(body, Some("events"), |text| wire::decode(text, &source, &organization))
    }

    fn show(&self, event: &Event, _: &str, now: Timestamp) -> Result<Shown, String> {
        let organization = event.organization.as_ref().map(|named| named.id.as_str()).unwrap_or_default();
        let Some(path_id) = wire::uuid_text(organization) else {
            return Err(format!(
                "Qovery shows the events of organizations whose id is a UUID; this one's is `{organization}`"
            ));
        };
        if path_id != organization {
            return Err(format!(
                "Qovery writes ids in lower case and would look for organization `{path_id}`, not `{organization}`"
            ));
        }
        if !vocabulary::visible().matches(event) {
            return Err(format!("Qovery has no event type for {}", described(event)));
        }
        let limit = self.read_limit_days(&path_id);
        if let Some(days) = limit
            && event.time < access::read_limit(now, days)
        {
            return Err(format!(
                "it is older than the {days} days that `read_limit_days` of `[dialect.qovery]` lets be read"
            ));
        }
        let mut body = Vec::new();
        wire::encode(event, &mut body);
        let second = event.time.seconds().to_string();
        let mut parameters = vec![("fromTimestamp", second.clone()), ("toTimestamp", second)];
        parameters.extend(event.target.id.as_deref().and_then(wire::uuid_text).map(|id| ("targetId", id)));
        parameters.push(("pageSize", parameters::PAGE_SIZE_MAX.to_string()));
        let request = Listing {
            path: format!("{ORGANIZATIONS}/{path_id}/events"),
            parameters,
            proof: Proof::Header("Authorization: Token "),
        };
        Ok(Shown {
            content_type: "application/json",
            body: String::from_utf8_lossy(&body).into_owned(),
            request,
        })
    }
}

/// What goes wrong with a request, in Qovery's terms.
#[derive(Debug)]
enum Problem {
    /// 400, with what is wrong.
    BadRequest(String),
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 503.
    Unavailable,
    /// 500. What is broken is in the server's log under the request's id.
    Internal,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Overloaded => Self::Unavailable,
            Failure::TooLarge(_) | Failure::Internal(_) => Self::Internal,
        }
    }
}

impl Problem {
    fn reply(self, call: &Call) -> Reply {
        let (status, message) = match self {
            Self::BadRequest(message) => (StatusCode::BAD_REQUEST, message),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Access token is missing or invalid".to_owned()),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Access forbidden".to_owned()),
            Self::NotFound => (StatusCode::NOT_FOUND, "Resource not found".to_owned()),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "The server is overloaded, try again later".to_owned())
            }
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("Something is broken, request {}", call.request_id),
            ),
        };
        let body = serde_json::json!({
            "status": status.as_u16(),
            "error": status.canonical_reason().unwrap_or_default(),
            "message": message,
        });
        let mut reply = json(body.to_string().into());
        *reply.status_mut() = status;
        let extra = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, RETRY_SECONDS)),
            _ => None,
        };
        if let Some((name, value)) = extra {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        reply
    }
}

fn json(body: Body) -> Reply {
    let mut reply = Reply::new(body);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
