//! The list of events: from a request's parameters to a query, and from its answer to the body. It knows how the
//! answer is framed and ordered, not what an event looks like.

use std::sync::Arc;

use annals_model::{
    Field, Filter, Order, Page, Position, Principal, Query, Role, Scope, Start, TimeRange, Total,
};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::StatusCode;

use super::{
    Config,
    event::{self, Item},
    problem::Problem,
    request::{Asked, CREATED_AT},
    vocabulary::{self, Kind},
};
use crate::{
    host::{Body, Call, Failure, Host, Reply, json_reply},
    listing::{self, Frame, Render},
    object::json_text,
};

/// Matching events that are ordered by another column than the time. The store orders by time only; ordering by
/// anything else means to look at every match, and the memory for that is bounded by this.
pub(super) const ORDERED_EVENTS_MAX: u64 = 10_000;

/// Answers a list request of somebody who may read.
pub(super) async fn answer(
    call: &Call,
    kind: Kind,
    principal: &Principal,
    config: &Arc<Config>,
) -> Result<Reply, Problem> {
    let scope = partner_scope(principal)?;
    let asked = Asked::by(call)?;
    let query = query(scope, kind, &asked);
    let body = if asked.order_by == CREATED_AT {
        in_time_order(call, kind, &asked, query, config).await?
    } else {
        in_column_order(call, kind, &asked, query, config).await?
    };
    Ok(json_reply(StatusCode::OK, body))
}

/// The scope of a caller that may read everything: the list spans all organizations of the partner.
fn partner_scope(principal: &Principal) -> Result<Scope, Problem> {
    let scope = principal.read_scope();
    if !principal.has(Role::Reader) || !scope.is_everything() {
        return Err(Problem::forbidden());
    }
    Ok(scope)
}

fn query(scope: Scope, kind: Kind, asked: &Asked) -> Query {
    let mut query = Query::new(scope)
        .range(asked.range())
        .order(asked.order)
        .filter(vocabulary::shown(kind, asked.status.as_deref()));
    if let Some(organization) = &asked.organization {
        query = query.filter(Filter::term(Field::Organization, organization));
    }
    if let Some(profile) = &asked.profile {
        query = query.filter(Filter::term(Field::Label(event::PROFILE_ID.to_owned()), profile));
    }
    query
}

async fn in_time_order(
    call: &Call,
    kind: Kind,
    asked: &Asked,
    query: Query,
    config: &Arc<Config>,
) -> Result<Body, Problem> {
    let failed = |failure: Failure| Problem::failed(&failure, call.request_id);
    let mut query = query.start(Start::Offset(asked.offset)).limit(asked.limit).with_total();
    let first = call.host.page(query.clone()).await.map_err(failed)?;
    let count = total(&first).map_err(failed)?;
    // Counted once is enough, should the body need more pages.
    query.total = Total::Unwanted;
    let frame = frame(kind, asked, count, config);
    let config = Arc::clone(config);
    let render: Render = Arc::new(move |event, out| event::write(event, &config.partner_id, out));
    Ok(listing::body(Arc::clone(&call.host), query, first, asked.limit.into(), frame, render))
}

/// Orders by a column: reads the column of every match, keeps the places of those on the page, and then writes them
/// one by one. Ties are in the order of time, in the same direction.
async fn in_column_order(
    call: &Call,
    kind: Kind,
    asked: &Asked,
    query: Query,
    config: &Arc<Config>,
) -> Result<Body, Problem> {
    let failed = |failure: Failure| Problem::failed(&failure, call.request_id);
    let counted = call.host.page(query.clone().limit(0).with_total()).await.map_err(failed)?;
    let too_many = |count: u64| {
        Problem::invalid(format!(
            "{count} events match and at most {ORDERED_EVENTS_MAX} can be ordered by {}: order by created_at, or narrow the range or the filters",
            asked.order_by
        ))
    };
    let count = total(&counted).map_err(failed)?;
    if count > ORDERED_EVENTS_MAX {
        return Err(too_many(count));
    }

    let mut keys: Vec<(String, Position)> = Vec::new();
    let mut next = Some(Start::Beginning);
    while let Some(start) = next {
        let page = call.host.page(query.clone().start(start)).await.map_err(failed)?;
        for event in &page.events {
            let item = Item::of(event, &config.partner_id);
            keys.push((item.get(asked.order_by).unwrap_or_default().to_owned(), event.position()));
        }
        // Events may have come since they were counted.
        let found = keys.len() as u64;
        if found > ORDERED_EVENTS_MAX {
            return Err(too_many(found));
        }
        next = page.next().map(Start::After);
    }
    keys.sort_unstable();
    if asked.order == Order::Descending {
        keys.reverse();
    }

    let count = keys.len() as u64;
    let offset = usize::try_from(asked.offset).unwrap_or(usize::MAX);
    let page = keys.into_iter().skip(offset).take(asked.limit as usize).map(|(_, position)| position);
    let frame = frame(kind, asked, count, config);
    Ok(written_one_by_one(Arc::clone(&call.host), query, page.collect(), frame, Arc::clone(config)))
}

/// A body of the events at these places.
fn written_one_by_one(
    host: Arc<dyn Host>,
    query: Query,
    positions: Vec<Position>,
    frame: Frame,
    config: Arc<Config>,
) -> Body {
    let Frame { open, separator, close } = frame;
    let state = (positions.into_iter(), true);
    let events = stream::try_unfold(state, move |(mut positions, first)| {
        let (host, query, config) = (Arc::clone(&host), query.clone(), Arc::clone(&config));
        async move {
            let Some(position) = positions.next() else { return Ok::<_, Failure>(None) };
            let page = host.page(at(query, position)).await?;
            let mut piece = Vec::new();
            // An event whose retention ended in between is gone: the list is shorter then, not broken.
            if let Some(event) = page.events.first() {
                if !first {
                    piece.extend(separator.as_bytes());
                }
                event::write(event, &config.partner_id, &mut piece);
            }
            let first = first && piece.is_empty();
            Ok(Some((Bytes::from(piece), (positions, first))))
        }
    });
    let open = stream::once(async move { Ok(Bytes::from(open)) });
    let close = stream::once(async move { Ok(Bytes::from(close)) });
    Body::Stream(open.chain(events).chain(close).boxed())
}

/// The query for the one event at a place.
fn at(query: Query, position: Position) -> Query {
    let before = Position { time: position.time, seq: position.seq.saturating_sub(1) };
    let instant = TimeRange::closed(Some(position.time), Some(position.time));
    query.range(instant).order(Order::Ascending).start(Start::After(before)).limit(1)
}

fn total(page: &Page) -> Result<u64, Failure> {
    page.total.ok_or_else(|| Failure::Internal("a total was asked for and is not there".to_owned()))
}

/// What stands around the events: the envelope of Rafay's sister API for usage metrics, with `items`.
fn frame(kind: Kind, asked: &Asked, count: u64, config: &Config) -> Frame {
    let (word, partner) = (kind.word, json_text(&config.partner_id));
    let organization = json_text(&config.organization_id);
    let open = format!(
        r#"{{"kind":"{word}","partner_id":{},"organization_id":{},"items":["#,
        partner.as_str(),
        organization.as_str()
    );
    let (offset, limit) = (asked.offset, asked.limit);
    let (from, to) = (asked.from.to_rfc3339_seconds(), asked.to.to_rfc3339_seconds());
    let close = format!(
        r#"],"count":{count},"offset":{offset},"limit":{limit},"range_from":"{from}","range_to":"{to}"}}"#
    );
    Frame { open, separator: ",", close }
}
