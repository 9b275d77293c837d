//! Generation 2 of Cloud Foundry's API: `GET /v2/events` and `GET /v2/events/{guid}`.
//!
//! `request` reads parameters, `query` the `q`s among them, `timestamp` their instants; `urls` spells the links and
//! `wire` the resources; `places` are the organizations, spaces and applications that events tell of.

pub(super) mod places;
pub(super) mod query;
mod request;
mod timestamp;
mod urls;
pub(super) mod wire;

use std::sync::Arc;

use annals_model::{Principal, Query, Start};

pub(super) use request::{PER_PAGE_MAX, Paging, Parameters};

use super::{Config, access, errors::Problem, lookup};
use crate::{
    host::{Body, Call},
    listing::{self, Frame},
};

/// Columns that events may be ordered by, without any effect: they come in the order of their time and arrival.
const ORDER_BY: [&str; 2] = ["timestamp", "id"];

/// Answers `GET /v2/events` to a caller whose credential is good.
pub(super) async fn list(
    call: &Call,
    settings: &Config,
    parameters: &Parameters,
    principal: &Principal,
) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    parameters.order_by(&ORDER_BY)?;
    let filter = query::filter(&parameters.queries, call.host.now())?;
    let paging = parameters.paging(settings)?;

    let query = Query::new(principal.read_scope())
        .filter(filter)
        .order(paging.order)
        .start(Start::Offset(paging.offset))
        .limit(paging.per_page)
        .with_total();
    let first = call.host.page(query.clone()).await?;
    let total = first.total.unwrap_or_default();
    let frame = frame("/v2/events", &ORDER_BY, parameters, &paging, total);
    let wanted = u64::from(paging.per_page);
    Ok(listing::body(Arc::clone(&call.host), query, first, wanted, frame, Arc::new(wire::append_resource)))
}

/// What surrounds the resources of one page of a v2 list.
pub(super) fn frame(
    path: &str,
    order_by: &[&str],
    parameters: &Parameters,
    paging: &Paging,
    total: u64,
) -> Frame {
    // Cloud Foundry counts one page even when there is nothing on it.
    let pages = total.div_ceil(u64::from(paging.per_page)).max(1);
    let url = |page: Option<u64>| match page {
        Some(page) => {
            let url = urls::of_page(path, order_by, parameters, paging, page);
            serde_json::Value::from(url).to_string()
        }
        None => "null".to_owned(),
    };
    let previous = url((paging.page > 1).then(|| paging.page - 1));
    let next = url((paging.page < pages).then(|| paging.page + 1));
    Frame {
        open: format!(
            r#"{{"total_results":{total},"total_pages":{pages},"prev_url":{previous},"next_url":{next},"resources":["#
        ),
        separator: ",",
        close: if parameters.shows_orphans() { r#"],"orphans":{}}"#.to_owned() } else { "]}".to_owned() },
    }
}

/// Answers `GET /v2/events/{guid}` to a caller whose credential is good. An event is looked for before anybody asks
/// whether it may be seen, so an unknown one is "not found" even to those who may see nothing.
pub(super) async fn one(call: &Call, guid: &str, principal: &Principal) -> Result<Body, Problem> {
    let found = lookup::event(&*call.host, principal.read_scope(), guid).await?;
    if found.is_none() && !lookup::exists(&*call.host, guid).await? {
        return Err(Problem::EventNotFound(guid.to_owned()));
    }
    access::check_scopes(principal)?;
    let event = found.ok_or(Problem::NotAuthorized)?;
    let mut body = Vec::new();
    wire::append_resource(&event, &mut body);
    // An event that none of Cloud Foundry's words tells is not there for this API.
    if body.is_empty() { Err(Problem::EventNotFound(guid.to_owned())) } else { Ok(body.into()) }
}
