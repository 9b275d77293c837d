//! Fujitsu K5's database service: `GET /v1.0/{tenantId}/events` and `GET /v1.0/{tenantId}/eventcategories`.
//!
//! The path of a request through this folder: `request` checks its parameters, `list` asks the store and frames the
//! answer, `event` writes each event, `vocabulary` says which events K5 has words for, `time` reads and writes its
//! times, `problem` says what went wrong. `event` also reads K5's own events. `docs/dialects/fujitsu.md` states what
//! is supported and what was chosen where the manual is silent.

mod event;
mod list;
mod problem;
mod request;
#[cfg(test)]
mod tests;
mod time;
mod vocabulary;

use annals_model::{Event, InvalidEvent, Presented, Principal, Role, Scope, Timestamp};
use futures_util::{FutureExt, future::BoxFuture};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use self::{
    problem::Problem,
    vocabulary::{K5, NAME, short_word},
};
use crate::{
    Dialect,
    database_events::vocabulary::{SourceType, listed_as},
    host::{Call, Import, Reply, Route, json_reply},
    object::{Members, read_events},
    shown::{Listing, Proof, Shown},
};

/// What of this dialect can be configured: `[dialect.fujitsu]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether a list that goes on says so by a `marker` (an event's id), as the manual of 2016 shows. Off by default:
    /// later manuals have none and let the client send the last `date`. Both are accepted either way.
    pub emit_marker: bool,
    /// Where clients get their tokens when Keystone judges them, as in `https://keystone.example.org/v3`; absent where it
    /// does not. Not a key of this table: it follows from `[keystone]`.
    #[serde(skip)]
    pub keystone_uri: Option<String>,
}

const PREFIX: &str = "/v1.0/";
const EVENTS: &str = "events";
const CATEGORIES: &str = "eventcategories";

// The manual writes some paths with a final slash and some without: each is served both ways.
const ROUTES: &[Route] = &[
    Route::get("/v1.0/{tenantId}/events"),
    Route::get("/v1.0/{tenantId}/events/"),
    Route::get("/v1.0/{tenantId}/eventcategories"),
    Route::get("/v1.0/{tenantId}/eventcategories/"),
    Route::get("/v1.0/{tenantId}/eventcategories/{sourceType}"),
    Route::get("/v1.0/{tenantId}/eventcategories/{sourceType}/"),
];

/// The dialect.
pub(crate) struct Fujitsu {
    config: Config,
}

impl Fujitsu {
    /// The dialect with that configuration.
    pub(crate) fn new(config: Config) -> Self {
        Self { config }
    }

    async fn answer(&self, call: &Call) -> Result<Reply, Problem> {
        // As in the platform, nothing is told to somebody without a token, not even which paths there are.
        let principal = self.authenticate(call).await?;
        let Some(route) = call.route else { return Err(unrouted(&call.path)) };
        let mut parameters = call.parameters.iter().map(String::as_str);
        let tenant = parameters.next().unwrap_or_default();
        let scope = tenant_scope(&principal, tenant)?;
        match parameters.next() {
            Some(word) => categories_of(word),
            None if what(route.path) == Some(CATEGORIES) => Ok(categories_reply(K5.source_types.iter())),
            None => list::answer(call, scope, &self.config).await,
        }
    }

    async fn authenticate(&self, call: &Call) -> Result<Principal, Problem> {
        let keystone = self.config.keystone_uri.as_deref();
        let token = call.header("x-auth-token").filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Problem::unauthorized(keystone))?.to_owned();
        let presented = match keystone {
            Some(_) => Presented::KeystoneToken(token),
            None => Presented::Token(token),
        };
        let verdict = call.host.authenticate(presented).await;
        verdict.map_err(|refusal| Problem::refused(refusal, keystone))
    }
}

impl Dialect for Fujitsu {
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
        if import.organization.as_deref().unwrap_or_default().is_empty() {
            let message = "is missing: the events name no tenant, so the import must";
            return Err(InvalidEvent::new("organization", message));
        }
        read_events(body, Some(EVENTS), |text| event::read(text, import))
    }

    fn show(&self, event: &Event, _: &str, _: Timestamp) -> Result<Shown, String> {
        let Some(tenant) = &event.organization else {
            return Err("K5 shows a tenant's events, and this one has no organization".to_owned());
        };
        let (target, source_type) = listed_as(&K5, "K5", event)?;
        let mut body = Vec::new();
        event::write(event, &mut body);
        let second = event.time.to_rfc3339_seconds();
        let request = Listing {
            path: format!("{PREFIX}{}/{EVENTS}", utf8_percent_encode(&tenant.id, NON_ALPHANUMERIC)),
            parameters: vec![
                ("startTime", second.clone()),
                ("endTime", second),
                ("sourceType", source_type.word.to_owned()),
                ("sourceId", target.to_owned()),
                ("limit", request::LIMIT_MAX.to_string()),
            ],
            proof: Proof::Header("X-Auth-Token: "),
        };
        Ok(Shown {
            content_type: "application/json",
            body: String::from_utf8_lossy(&body).into_owned(),
            request,
        })
    }
}

/// What a caller may see of a tenant; forbidden when that is nothing. The text names the caller's tenant, as
/// OpenStack's does, where its token is of one tenant.
fn tenant_scope(principal: &Principal, tenant: &str) -> Result<Scope, Problem> {
    let scope = principal.read_scope();
    if principal.has(Role::Reader) && scope.touches_organization(tenant) {
        return Ok(scope.narrow_to_organization(tenant));
    }
    match scope.organizations().as_deref() {
        Some([own]) => Err(Problem::forbidden(own)),
        _ => Err(Problem::forbidden(tenant)),
    }
}

/// The word behind the tenant in a path.
fn what(path: &str) -> Option<&str> {
    path.strip_prefix(PREFIX)?.split('/').nth(1)
}

/// Why no route fits: the method when the path is one of ours, else the path.
fn unrouted(path: &str) -> Problem {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let behind_tenant = trimmed.strip_prefix(PREFIX).map_or(0, |rest| rest.split('/').skip(1).count());
    match (what(trimmed), behind_tenant) {
        (Some(EVENTS), 1) | (Some(CATEGORIES), 1 | 2) => Problem::method(),
        _ => Problem::not_found(),
    }
}

/// The categories of one source type, in either of the manual's spellings.
fn categories_of(word: &str) -> Result<Reply, Problem> {
    let found = K5.source_types.iter().find(|it| it.word == word || short_word(it) == word);
    found.map(|it| categories_reply(std::iter::once(it))).ok_or_else(Problem::not_found)
}

fn categories_reply<'t>(source_types: impl Iterator<Item = &'t SourceType>) -> Reply {
    let mut body = br#"{"eventCategoriesMaps":["#.to_vec();
    for (position, source_type) in source_types.enumerate() {
        if position > 0 {
            body.push(b',');
        }
        let categories: Vec<&str> = source_type.rows.iter().map(|row| row.category).collect();
        let mut members = Members::default();
        members.set("eventCategories", event::array(&categories));
        members.set_text("sourceType", source_type.word);
        members.write(&mut body);
    }
    body.extend(b"]}");
    json_reply(StatusCode::OK, body.into())
}
