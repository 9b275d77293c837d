//! Generation 3 of Cloud Foundry's API: `GET /v3/audit_events` and `GET /v3/audit_events/{guid}`.
//!
//! `request` reads and judges parameters, `links` spells addresses, `wire` the resources.

mod links;
mod request;
mod wire;

use std::sync::Arc;

use annals_model::{Event, Filter, Order, Principal, Query, Start};
use serde_json::Value;

use self::request::ListRequest;
use super::{Config, access, condition, errors::Problem, lookup};
use crate::{
    host::{Body, Call},
    listing::{self, Frame},
};

/// Answers `GET /v3/audit_events` to a caller whose credential is good.
pub(super) async fn list(call: &Call, settings: &Config, principal: &Principal) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    let request = ListRequest::read(&call.query, settings.max_total_results).map_err(Problem::BadQuery)?;
    let filter = request.filter();
    let base = call.base_url.clone();
    let render = move |event: &Event, out: &mut Vec<u8>| wire::append_resource(event, &base, out);
    let offset = (request.page - 1).saturating_mul(u64::from(request.per_page));

    if !request.guids.is_empty() {
        let mut found = by_guid(call, principal, &request, &filter).await?;
        let frame = frame(&call.base_url, &request, found.len() as u64);
        let skipped = usize::try_from(offset).unwrap_or(usize::MAX).min(found.len());
        let shown = found.drain(skipped..).take(request.per_page as usize);
        let pieces = shown.map(|event| {
            let mut piece = Vec::new();
            render(&event, &mut piece);
            piece
        });
        let resources = pieces.collect::<Vec<_>>().join(frame.separator.as_bytes());
        return Ok([frame.open.into_bytes(), resources, frame.close.into_bytes()].concat().into());
    }

    let query = Query::new(principal.read_scope())
        .filter(filter)
        .order(request.order())
        .start(Start::Offset(offset))
        .limit(request.per_page)
        .with_total();
    let first = call.host.page(query.clone()).await?;
    let frame = frame(&call.base_url, &request, first.total.unwrap_or_default());
    let wanted = u64::from(request.per_page);
    Ok(listing::body(Arc::clone(&call.host), query, first, wanted, frame, Arc::new(render)))
}

/// The events with the identifiers asked for that satisfy the other conditions. Each is looked up by itself: there are
/// few, and the store finds one by its identifier faster than by any condition.
async fn by_guid(
    call: &Call,
    principal: &Principal,
    request: &ListRequest,
    filter: &Filter,
) -> Result<Vec<Arc<Event>>, Problem> {
    let mut found = Vec::new();
    for guid in &request.guids {
        let event = lookup::event(call, principal.read_scope(), guid).await?;
        found.extend(event.filter(|event| filter.matches(event)));
    }
    found.sort_unstable_by_key(|event| event.position());
    if request.order() == Order::Descending {
        found.reverse();
    }
    Ok(found)
}

fn frame(base_url: &str, request: &ListRequest, total: u64) -> Frame {
    let pages = total.div_ceil(u64::from(request.per_page)).max(1);
    let link = |page: u64| {
        let href = Value::from(links::of_page(base_url, request, page));
        format!(r#"{{"href":{href}}}"#)
    };
    let maybe = |page: Option<u64>| page.map_or_else(|| "null".to_owned(), link);
    let next = maybe((request.page < pages).then(|| request.page + 1));
    let previous = maybe((request.page > 1).then(|| request.page - 1));
    let (first, last) = (link(1), link(pages));
    Frame {
        open: format!(
            r#"{{"pagination":{{"total_results":{total},"total_pages":{pages},"first":{first},"last":{last},"next":{next},"previous":{previous}}},"resources":["#
        ),
        separator: ",",
        close: "]}".to_owned(),
    }
}

/// Answers `GET /v3/audit_events/{guid}` to a caller whose credential is good. What may not be seen is not found.
pub(super) async fn one(call: &Call, guid: &str, principal: &Principal) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    let found = lookup::event(call, principal.read_scope(), guid).await?;
    let event = found.filter(|event| condition::shown().matches(event)).ok_or(Problem::ResourceNotFound)?;
    let mut body = Vec::new();
    wire::append_resource(&event, &call.base_url, &mut body);
    Ok(body.into())
}
