//! Generation 3 of Cloud Foundry's API: `GET /v3/audit_events` and `GET /v3/audit_events/{guid}`.
//!
//! `request` reads and judges parameters, `links` spells addresses, `wire` the resources; `places` are the organizations,
//! spaces and applications that events tell of.

mod links;
pub(super) mod places;
mod request;
mod wire;

use std::sync::Arc;

use annals_model::{Event, Filter, Order, Principal, Query, Scope, Start};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use self::request::ListRequest;
use super::{Config, access, condition, errors::Problem, lookup};
use crate::{
    host::{Body, Call, Failure, Host},
    listing::{self, Frame},
    shown::{Listing, Proof, Shown, described},
};

/// An event as the list shows it.
pub(super) fn show(event: &Event, base_url: &str) -> Result<Shown, String> {
    let mut body = Vec::new();
    wire::append_resource(event, base_url, &mut body);
    if body.is_empty() {
        return Err(format!("Cloud Foundry has no event type for {}", described(event)));
    }
    let second = event.time.to_rfc3339_seconds();
    let mut parameters = vec![("created_ats[gte]", second.clone()), ("created_ats[lte]", second)];
    // A comma would be two targets.
    let target = event.target.id.as_deref().filter(|id| !id.is_empty() && !id.contains(','));
    parameters.extend(target.map(|id| ("target_guids", id.to_owned())));
    parameters.push(("per_page", request::PER_PAGE_MAX.to_string()));
    let request = Listing {
        path: "/v3/audit_events".to_owned(),
        parameters,
        proof: Proof::Header("Authorization: bearer "),
    };
    Ok(Shown { content_type: "application/json", body: String::from_utf8_lossy(&body).into_owned(), request })
}

/// Answers `GET /v3/audit_events` to a caller whose credential is good.
pub(super) async fn list(call: &Call, settings: &Config, principal: &Principal) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    let request = ListRequest::read(&call.query, settings.max_total_results).map_err(Problem::BadQuery)?;
    let filter = request.filter();
    let base = call.base_url.clone();
    let render = move |event: &Event, out: &mut Vec<u8>| wire::append_resource(event, &base, out);
    let page = request.page_of(&call.base_url);

    if !request.guids.is_empty() {
        let found = by_guid(&*call.host, principal, &request, &filter).await?;
        let frame = page.frame(found.len() as u64);
        let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let shown = found.into_iter().skip(skipped).take(request.paging.per_page as usize).collect();
        return Ok(one_by_one(Arc::clone(&call.host), principal.read_scope(), shown, frame, render));
    }

    let query = Query::new(principal.read_scope())
        .filter(filter)
        .order(request.paging.order())
        .start(Start::Offset(page.offset()))
        .limit(request.paging.per_page)
        .with_total();
    let first = call.host.page(query.clone()).await?;
    let frame = page.frame(first.total.unwrap_or_default());
    let wanted = u64::from(request.paging.per_page);
    Ok(listing::body(Arc::clone(&call.host), query, first, wanted, frame, Arc::new(render)))
}

/// Those of the identifiers asked for whose events satisfy the other conditions, in order. Each is looked up by itself:
/// there are few, and the store finds an event by its identifier faster than by any condition.
async fn by_guid(
    host: &dyn Host,
    principal: &Principal,
    request: &ListRequest,
    filter: &Filter,
) -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    for guid in &request.guids {
        let event = lookup::event(host, principal.read_scope(), guid).await?;
        // Only where it is: a thousand events may be more than fits into memory.
        found.extend(
            event.filter(|event| filter.matches(event)).map(|event| (event.position(), guid.clone())),
        );
    }
    found.sort_unstable();
    if request.paging.order() == Order::Descending {
        found.reverse();
    }
    Ok(found.into_iter().map(|(_, guid)| guid).collect())
}

/// A list of these events, each read when its turn comes.
fn one_by_one(
    host: Arc<dyn Host>,
    scope: Scope,
    guids: Vec<String>,
    frame: Frame,
    render: impl Fn(&Event, &mut Vec<u8>) + Send + Sync + 'static,
) -> Body {
    let render = Arc::new(render);
    let events = stream::try_unfold((guids.into_iter(), false), move |(mut guids, mut begun)| {
        let (host, scope, render) = (Arc::clone(&host), scope.clone(), Arc::clone(&render));
        async move {
            let Some(guid) = guids.next() else { return Ok(None) };
            let mut piece = Vec::new();
            // It was there a moment ago, but retention may have taken it since.
            if let Some(event) = lookup::event(&*host, scope, &guid).await? {
                if begun {
                    piece.extend(frame.separator.as_bytes());
                }
                render(&event, &mut piece);
                begun = true;
            }
            Ok(Some((Bytes::from(piece), (guids, begun))))
        }
    });
    let text = |text: String| stream::once(async move { Ok::<_, Failure>(Bytes::from(text)) });
    Body::Stream(text(frame.open).chain(events).chain(text(frame.close)).boxed())
}

/// Answers `GET /v3/audit_events/{guid}` to a caller whose credential is good. What may not be seen is not found.
pub(super) async fn one(call: &Call, guid: &str, principal: &Principal) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    let found = lookup::event(&*call.host, principal.read_scope(), guid).await?;
    let event = found.filter(|event| condition::shown().matches(event)).ok_or(Problem::ResourceNotFound)?;
    let mut body = Vec::new();
    wire::append_resource(&event, &call.base_url, &mut body);
    Ok(body.into())
}
