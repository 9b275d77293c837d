//! Cloud Foundry: `GET /v2/events`, `GET /v3/audit_events`, and what clients ask before they get there.
//!
//! Facts are from Cloud Foundry's API documentation and the source of cloud_controller_ng. `docs/dialects/cloudfoundry.md`
//! says what is served and where it differs.
//!
//! The way of a request: `access` (who asks), `v2` or `v3` (parameters to a query), `condition` and `vocabulary`
//! (Cloud Foundry's words to conditions), `row` (an event as Cloud Foundry has it), `v2::wire` or `v3::wire`, `envelope`
//! (headers). The way of an imported event: `read`, `vocabulary`.

mod access;
mod condition;
mod envelope;
mod errors;
mod info;
mod lookup;
mod places;
mod read;
mod row;
#[cfg(test)]
mod tests;
mod token;
mod v2;
mod v3;
mod vocabulary;

use annals_model::{Event, InvalidEvent, Timestamp};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Deserializer};

use self::{envelope::Envelope, errors::Problem};
use crate::{
    Dialect,
    host::{Body, Call, Import, Reply, Route},
    shown::Shown,
};

/// Its name in paths, in the configuration and in sources.
const NAME: &str = "cloudfoundry";

/// The `[dialect.cloudfoundry]` table of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Events on a v2 page when the request does not say; 1 to 100.
    #[serde(deserialize_with = "results_per_page")]
    pub default_results_per_page: u8,
    /// Refuse pages that reach behind this many events; absent = never.
    pub max_total_results: Option<u64>,
    /// Where clients get their tokens, without a final slash; absent = this server.
    pub login_url: Option<String>,
    /// What `/v2/info` and `/v3/info` call this installation.
    pub name: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_results_per_page: 50,
            max_total_results: None,
            login_url: None,
            name: "Annals".to_owned(),
        }
    }
}

fn results_per_page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let value = u8::deserialize(deserializer)?;
    if !(1..=v2::PER_PAGE_MAX).contains(&i64::from(value)) {
        let limit = v2::PER_PAGE_MAX;
        let message = format!("default_results_per_page must be 1 to {limit}, but is {value}");
        return Err(serde::de::Error::custom(message));
    }
    Ok(value)
}

/// The dialect.
pub(crate) struct CloudFoundry {
    settings: Config,
}

impl CloudFoundry {
    /// With these settings.
    pub(crate) fn new(settings: Config) -> Self {
        Self { settings }
    }
}

const ROOT: Route = Route::get("/");
const V2_INFO: Route = Route::get("/v2/info");
const V2_EVENTS: Route = Route::get("/v2/events");
const V2_EVENT: Route = Route::get("/v2/events/{guid}");
const V2_ORGANIZATIONS: Route = Route::get("/v2/organizations");
const V2_SPACES: Route = Route::get("/v2/spaces");
const V2_APPS: Route = Route::get("/v2/spaces/{guid}/apps");
const V3_ROOT: Route = Route::get("/v3");
const V3_INFO: Route = Route::get("/v3/info");
const V3_EVENTS: Route = Route::get("/v3/audit_events");
const V3_EVENT: Route = Route::get("/v3/audit_events/{guid}");
const V3_ORGANIZATIONS: Route = Route::get("/v3/organizations");
const V3_SPACES: Route = Route::get("/v3/spaces");
const V3_APPS: Route = Route::get("/v3/apps");
const LOGIN: Route = Route::get("/login");
const TOKEN: Route = Route::post("/oauth/token");

const ROUTES: &[Route] = &[
    ROOT,
    V2_INFO,
    V2_EVENTS,
    V2_EVENT,
    V2_ORGANIZATIONS,
    V2_SPACES,
    V2_APPS,
    V3_ROOT,
    V3_INFO,
    V3_EVENTS,
    V3_EVENT,
    V3_ORGANIZATIONS,
    V3_SPACES,
    V3_APPS,
    LOGIN,
    TOKEN,
];

impl Dialect for CloudFoundry {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(&self) -> &'static [Route] {
        ROUTES
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/v2/", "/v3/"]
    }

    fn openapi(&self) -> &'static str {
        include_str!("openapi.json")
    }

    fn serve(&self, call: Call) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            if call.route == Some(TOKEN) && self.settings.login_url.is_none() {
                return token::answer(&call).await;
            }
            let mut envelope = Envelope::of(&call);
            match self.answer(&call, &mut envelope).await {
                Ok(body) => envelope.answer(body),
                Err(problem) => envelope.refuse(&problem),
            }
        })
    }

    fn read(&self, body: &[u8], import: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
        read::events(body, import)
    }

    fn show(&self, event: &Event, base_url: &str, _: Timestamp) -> Result<Shown, String> {
        v3::show(event, base_url)
    }
}

impl CloudFoundry {
    async fn answer(&self, call: &Call, envelope: &mut Envelope) -> Result<Body, Problem> {
        let settings = &self.settings;
        let route = call.route.ok_or(Problem::UnknownRequest)?;
        match route {
            ROOT => return Ok(info::root(call, settings).into()),
            V3_ROOT => return Ok(info::v3_root(call).into()),
            V3_INFO => return Ok(info::v3_info(call, settings).into()),
            LOGIN => return Ok(info::login(call, settings).into()),
            // Tokens come from elsewhere.
            TOKEN => return Err(Problem::UnknownRequest),
            V2_INFO => {
                // Anonymous; a good token adds who its user is.
                let user = access::authenticate(call).await.ok();
                if let Some(user) = &user {
                    envelope.name(user);
                }
                return Ok(info::v2_info(call, settings, user.as_ref()).into());
            }
            _ => {}
        }
        // Cloud Controller reads integers before it asks who is there.
        let parameters = match route {
            V2_EVENTS | V2_ORGANIZATIONS | V2_SPACES | V2_APPS => v2::Parameters::read(&call.query)?,
            _ => v2::Parameters::default(),
        };
        let principal = access::authenticate(call).await?;
        envelope.name(&principal);
        let guid = call.parameters.first().map(String::as_str).unwrap_or_default();
        match route {
            V2_EVENTS => v2::list(call, settings, &parameters, &principal).await,
            V2_EVENT => v2::one(call, guid, &principal).await,
            V3_EVENTS => v3::list(call, settings, &principal).await,
            V3_EVENT => v3::one(call, guid, &principal).await,
            V2_ORGANIZATIONS => v2::places::organizations(call, settings, &parameters, &principal).await,
            V2_SPACES => v2::places::spaces(call, settings, &parameters, &principal).await,
            V2_APPS => v2::places::apps(call, settings, &parameters, &principal, guid).await,
            V3_ORGANIZATIONS => v3::places::organizations(call, settings, &principal).await,
            V3_SPACES => v3::places::spaces(call, settings, &principal).await,
            V3_APPS => v3::places::apps(call, settings, &principal).await,
            _ => Err(Problem::UnknownRequest),
        }
    }
}
