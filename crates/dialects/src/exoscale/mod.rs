//! Exoscale's audit trail: `GET /v2/event`, and the list of zones that its clients ask for first.
//!
//! The list has no paging and no filter but `from` and `to`, so it is streamed: everything the credential may read,
//! oldest first, in constant memory. Facts and choices are in `docs/dialects/exoscale.md`.

mod instant;
mod signature;
#[cfg(test)]
mod tests;
mod vocabulary;
mod wire;

use std::{sync::Arc, time::Duration};

use annals_model::{Event, InvalidEvent, Order, Query, Refusal, Scope, TimeRange, Timestamp};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, StatusCode, header};

use crate::{
    Dialect,
    host::{Body, Call, Failure, Import, Reply, Route},
    listing::{self, Frame},
    shown::{Listing, Proof, Shown, second_of},
};

const NAME: &str = "exoscale";
const EVENT: &str = "/v2/event";
const ZONE: &str = "/v2/zone";
/// What a request without `from` answers for.
const SPAN_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a client should wait when the server has too much to do.
const RETRY_SECONDS: &str = "1";
/// Exoscale's zones. Its command line looks its own up by name, so all of them must be there.
const ZONES: [&str; 8] =
    ["at-vie-1", "at-vie-2", "bg-sof-1", "ch-dk-2", "ch-gva-2", "de-fra-1", "de-muc-1", "hr-zag-1"];

/// The dialect.
pub(crate) struct Exoscale;

impl Dialect for Exoscale {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(&self) -> &'static [Route] {
        const { &[Route::get(EVENT), Route::get(ZONE)] }
    }

    fn prefixes(&self) -> &'static [&'static str] {
        // Not all of `/v2/`: other platforms live there too.
        &["/v2/event/", "/v2/zone/"]
    }

    fn openapi(&self) -> &'static str {
        include_str!("openapi.json")
    }

    fn serve(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move {
            match call.route.map(|route| route.path) {
                Some(EVENT) => events(&call).await.unwrap_or_else(|problem| problem.reply(&call)),
                Some(ZONE) => zones(&call.base_url),
                // The path is one of ours and the method is not.
                _ if [EVENT, ZONE].contains(&call.path.as_str()) => Problem::MethodNotAllowed.reply(&call),
                _ => Problem::NotFound.reply(&call),
            }
        }
        .boxed()
    }

    fn read(&self, body: &[u8], import: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
        let source = import.source(NAME);
        let organization = import.organization.as_deref();
        crate::object::read_events(body, None, |text| wire::decode(text, &source, organization))
    }

    fn show(&self, event: &Event, _: &str, _: Timestamp) -> Result<Shown, String> {
        let mut body = Vec::new();
        wire::encode(event, &mut body);
        let (from, to) = second_of(event);
        let request = Listing {
            path: EVENT.to_owned(),
            parameters: vec![("from", from.to_rfc3339_seconds()), ("to", to.to_rfc3339_seconds())],
            proof: Proof::ExoscaleSignature,
        };
        Ok(Shown {
            content_type: "application/json",
            body: String::from_utf8_lossy(&body).into_owned(),
            request,
        })
    }
}

/// What goes wrong with a request, in Exoscale's terms.
enum Problem {
    /// 400, with the text the platform has for it.
    BadRequest(String),
    /// 403: the platform's answer to everything about credentials.
    Forbidden(String),
    /// 404.
    NotFound,
    /// 405: these paths are for reading.
    MethodNotAllowed,
    /// 503.
    Unavailable(&'static str),
    /// 500. What is broken is in the server's log under the request's id.
    Internal,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Overloaded => Self::Unavailable("Too many requests at once, try again later"),
            Failure::TooLarge(_) | Failure::Internal(_) => Self::Internal,
        }
    }
}

impl Problem {
    fn reply(self, call: &Call) -> Reply {
        let (status, message) = match self {
            Self::BadRequest(message) => (StatusCode::BAD_REQUEST, message),
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, message),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found".to_owned()),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed".to_owned()),
            Self::Unavailable(message) => (StatusCode::SERVICE_UNAVAILABLE, message.to_owned()),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("Internal server error, request {}", call.request_id),
            ),
        };
        let mut reply = json(serde_json::json!({ "message": message }).to_string().into());
        *reply.status_mut() = status;
        let extra = match status {
            StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "GET, HEAD")),
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
    let media_type = HeaderValue::from_static("application/json; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, media_type);
    reply
}

async fn events(call: &Call) -> Result<Reply, Problem> {
    let scope = authorize(call).await?;
    let query = Query::new(scope).range(range(call)?).order(Order::Ascending);
    let first = call.host.page(query.clone()).await?;
    let frame = Frame { open: "[".to_owned(), separator: ",", close: "]".to_owned() };
    let body = listing::body(Arc::clone(&call.host), query, first, u64::MAX, frame, Arc::new(wire::encode));
    Ok(json(body))
}

/// What the signer of the request may read.
async fn authorize(call: &Call) -> Result<Scope, Problem> {
    let presented =
        signature::read(call, call.host.now()).map_err(|fault| Problem::Forbidden(fault.message()))?;
    let principal = call.host.authenticate(presented).await.map_err(|refusal| match refusal {
        Refusal::Unavailable => Problem::Unavailable("The credential cannot be checked now, try again later"),
        // An unknown key is told nothing that a wrong secret is not told.
        Refusal::Unknown | Refusal::Expired | Refusal::BadSignature | Refusal::Unacceptable => {
            Problem::Forbidden("Invalid request signature".to_owned())
        }
    })?;
    let scope = principal.read_scope();
    if scope.is_nothing() {
        return Err(Problem::Forbidden("Forbidden by role policy for audit-trail".to_owned()));
    }
    Ok(scope)
}

/// The instants a request asks for: the last 24 hours, from `from` to now, or up to `to` (24 hours without `from`).
fn range(call: &Call) -> Result<TimeRange, Problem> {
    let query = call.query_pairs();
    let mut wrong = Vec::new();
    let mut bound = |name: &str| {
        let values: Vec<&str> =
            query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
        let shown = match values.as_slice() {
            [] => return None,
            [one] => match instant::parse(one) {
                Some(time) => return Some(time),
                None => (*one).to_owned(),
            },
            // How the platform's language shows a list of texts.
            many => {
                format!("[{}]", many.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" "))
            }
        };
        wrong.push(format!("Invalid value `{shown}` at '{name}': should be a Instant"));
        None
    };
    let (from, to) = (bound("from"), bound("to"));
    if !wrong.is_empty() {
        return Err(Problem::BadRequest(wrong.join("\n")));
    }
    let now: Timestamp = call.host.now();
    // An event of this very instant has happened.
    let to_or_now = to.unwrap_or(now.plus_nanos(1));
    Ok(TimeRange::new(Some(from.unwrap_or_else(|| to.unwrap_or(now).minus(SPAN_DEFAULT))), Some(to_or_now)))
}

/// Every zone at this server's address: the history of an organization is not divided by zones.
fn zones(base_url: &str) -> Reply {
    let zone = |name| {
        serde_json::json!({
            "name": name,
            "api-endpoint": format!("{base_url}/v2"),
            "sos-endpoint": format!("https://sos-{name}.exo.io"),
        })
    };
    json(serde_json::json!({ "zones": ZONES.map(zone) }).to_string().into())
}
