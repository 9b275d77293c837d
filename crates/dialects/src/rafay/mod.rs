//! Rafay's PaaS events: `GET /apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/{kind}/instance`.
//!
//! The path of a request through this folder: `request` checks its parameters, `list` asks the store and frames the
//! answer, `event` writes each event, `vocabulary` says which events Rafay has words for, `problem` says what went
//! wrong. `event` also reads Rafay's own events. `docs/dialects/rafay.md` states what is supported and what was
//! chosen where Rafay's documentation is silent.

mod event;
mod list;
mod problem;
mod request;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::sync::Arc;

use annals_model::{Event, InvalidEvent, Presented, Principal, Timestamp};
use futures_util::{FutureExt, future::BoxFuture};
use serde::{Deserialize, de::IgnoredAny};

use self::{
    problem::Problem,
    vocabulary::{KINDS, Kind, NAME},
};
use crate::{
    Dialect,
    host::{Call, Import, Reply, Route},
    object::read_events,
    shown::{Listing, Proof, Shown, described},
};

/// What of this dialect can be configured: `[dialect.rafay]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The partner whose organizations these are: `partner_id` of the answer, and of events that name none.
    pub partner_id: String,
    /// The partner's default organization, the one API keys belong to: `organization_id` of the answer.
    pub organization_id: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { partner_id: "partner".to_owned(), organization_id: "default".to_owned() }
    }
}

const PREFIX: &str = "/apis/dashboard.envmgmt.io/";
const KIND_PATH: &str = "/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/";
const ROUTES: &[Route] =
    &[Route::get("/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/{kind}/instance")];

/// Headers that carry the API key, in the spelling of Rafay's newer and older APIs.
const KEY_HEADERS: [&str; 2] = ["x-api-key", "x-rafay-api-keyid"];

/// The dialect.
pub(crate) struct Rafay {
    config: Arc<Config>,
}

impl Rafay {
    /// The dialect with that configuration.
    pub(crate) fn new(config: Config) -> Self {
        Self { config: Arc::new(config) }
    }

    async fn answer(&self, call: &Call) -> Result<Reply, Problem> {
        if call.route.is_none() {
            return Err(unrouted(&call.path));
        }
        let principal = authenticate(call).await?;
        let word = call.parameters.first().map(String::as_str).unwrap_or_default();
        let kind = Kind::from_word(word).ok_or_else(|| {
            Problem::not_found(format!("there are no events of kind \"{word}\", only of compute and service"))
        })?;
        list::answer(call, kind, &principal, &self.config).await
    }
}

impl Dialect for Rafay {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(&self) -> &'static [Route] {
        ROUTES
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &[PREFIX]
    }

    fn openapi(&self) -> &'static str {
        include_str!("openapi.json")
    }

    fn serve(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move { self.answer(&call).await.unwrap_or_else(|problem| problem.reply()) }.boxed()
    }

    fn read(&self, body: &[u8], import: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
        let answer: Option<WholeAnswer> = serde_json::from_slice(body).ok();
        let kind = answer.and_then(|answer| Kind::from_word(&answer.kind)).unwrap_or(KINDS[0]);
        read_events(body, Some("items"), |text| event::read(text, kind, import))
    }

    fn show(&self, event: &Event, _: &str, _: Timestamp) -> Result<Shown, String> {
        let Some(kind) = Kind::of(event) else {
            return Err(format!(
                "Rafay's events are about compute and service instances, not about {}",
                described(event)
            ));
        };
        if event.target.id.is_none() {
            return Err("Rafay's events name their instance by id, and this one's target has none".to_owned());
        }
        if !vocabulary::shown(kind, None).matches(event) {
            return Err(format!("Rafay has no status for {}", described(event)));
        }
        let mut body = Vec::new();
        event::write(event, &self.config.partner_id, &mut body);
        let instant = event.time.to_string();
        let mut parameters = vec![("range_from", instant.clone()), ("range_to", instant)];
        let organization = event.organization.as_ref().map(|named| named.id.clone());
        parameters.extend(organization.filter(|id| !id.is_empty()).map(|id| ("org_id", id)));
        parameters.push(("limit", request::LIMIT_MAX.to_string()));
        let request = Listing {
            path: format!("{KIND_PATH}{}/instance", kind.word),
            parameters,
            proof: Proof::Header("x-api-key: "),
        };
        Ok(Shown {
            content_type: "application/json",
            body: String::from_utf8_lossy(&body).into_owned(),
            request,
        })
    }
}

/// What of a whole answer concerns its events: they are of its kind. An event that stands alone and names no kind is of
/// the first there is.
#[derive(Deserialize)]
struct WholeAnswer {
    kind: String,
    #[serde(rename = "items")]
    _items: IgnoredAny,
}

async fn authenticate(call: &Call) -> Result<Principal, Problem> {
    let key = KEY_HEADERS.into_iter().find_map(|name| call.header(name)).filter(|key| !key.is_empty());
    let key = key.ok_or_else(Problem::unauthenticated)?;
    call.host.authenticate(Presented::Token(key.to_owned())).await.map_err(Problem::refused)
}

/// Why no route fits: the method when the path is one of ours, else the path.
fn unrouted(path: &str) -> Problem {
    let kind = path.strip_prefix(KIND_PATH).and_then(|rest| rest.strip_suffix("/instance"));
    match kind {
        Some(kind) if !kind.is_empty() && !kind.contains('/') => Problem::method(),
        _ => Problem::not_found("Not Found"),
    }
}
