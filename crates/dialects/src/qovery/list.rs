//! `GET /organization/{organizationId}/events`: one page of events, newest first, with links to its neighbours.

use std::sync::Arc;

use annals_model::{Event, Order, Page, Query, Start, TimeRange};

use super::{
    Problem,
    access::Access,
    json,
    parameters::{Asked, Place, Token},
    wire,
};
use crate::host::{Call, Reply};

/// The parameters that a link repeats, so that it shows the same list.
const LINKED: [&str; 11] = [
    "pageSize",
    "fromTimestamp",
    "toTimestamp",
    "eventType",
    "targetType",
    "targetId",
    "subTargetType",
    "triggeredBy",
    "origin",
    "serviceProjectId",
    "serviceEnvironmentId",
];

/// The events of a page, newest first, and whether there are matching events on either side.
struct Shown {
    events: Vec<Arc<Event>>,
    newer: bool,
    older: bool,
}

pub(super) async fn serve(call: &Call, access: &Access<'_>) -> Result<Reply, Problem> {
    let asked = Asked::of(call);
    let page_size = asked.page_size()?;
    let token = asked.token()?;
    let (filter, range) = (asked.filter()?, asked.range()?);
    let all = access.unlimited_query().filter(filter).range(range);
    let readable = all.clone().range(TimeRange::new(access.read_limit, None));
    let shown = page(access, &readable, token, page_size).await?;
    if shown.events.is_empty() {
        access.require_known().await?;
    }
    let withheld = match access.read_limit {
        Some(limit) => access.any(all.range(TimeRange::new(None, Some(limit)))).await?,
        None => false,
    };

    let mut links = serde_json::Map::new();
    let edges = [
        ("previous", "stepBackToken", shown.events.first().filter(|_| shown.newer)),
        ("next", "continueToken", shown.events.last().filter(|_| shown.older)),
    ];
    for (name, parameter, event) in edges {
        if let Some(event) = event {
            links.insert(name.to_owned(), link(&call.path, &asked, parameter, event)?.into());
        }
    }
    let links = serde_json::Value::Object(links);
    let mut body =
        format!(r#"{{"links":{links},"organization_max_limit_reached":{withheld},"events":["#).into_bytes();
    for (position, event) in shown.events.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        wire::encode(event, &mut body);
    }
    body.extend(b"]}");
    Ok(json(body.into()))
}

async fn page(
    access: &Access<'_>,
    readable: &Query,
    token: Option<Token>,
    page_size: u32,
) -> Result<Shown, Problem> {
    let sized = readable.clone().limit(page_size);
    match token {
        None => {
            let Page { events, more, .. } = access.page(sized).await?;
            Ok(Shown { events, newer: false, older: more })
        }
        Some(Token::Continue(place)) => {
            let Page { events, more, .. } = access.page(behind(sized, place, Order::Descending)).await?;
            let newer = neighbour(access, readable, events.first(), Order::Ascending).await?;
            Ok(Shown { events, newer, older: more })
        }
        Some(Token::StepBack(place)) => {
            let Page { mut events, more, .. } = access.page(behind(sized, place, Order::Ascending)).await?;
            events.reverse();
            let older = neighbour(access, readable, events.last(), Order::Descending).await?;
            Ok(Shown { events, newer: more, older })
        }
    }
}

/// The query from a place on, in either direction, without the place itself. A place that is only an instant stands
/// for all events of that instant.
fn behind(query: Query, place: Place, order: Order) -> Query {
    let query = query.order(order);
    match (place.seq, order) {
        (Some(seq), _) => query.start(Start::After(annals_model::Position { time: place.time, seq })),
        (None, Order::Descending) => query.range(TimeRange::new(None, Some(place.time))),
        (None, Order::Ascending) => query.range(TimeRange::new(Some(place.time.plus_nanos(1)), None)),
    }
}

/// Whether an event follows behind this one in an order.
async fn neighbour(
    access: &Access<'_>,
    readable: &Query,
    event: Option<&Arc<Event>>,
    order: Order,
) -> Result<bool, Problem> {
    let Some(event) = event else { return Ok(false) };
    access.any(readable.clone().order(order).start(Start::After(event.position()))).await
}

/// A link to the neighbouring page: this request's path with its filters and its page size, and the token.
fn link(path: &str, asked: &Asked, parameter: &'static str, event: &Event) -> Result<String, Problem> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in LINKED {
        if let Some(value) = asked.text(name)? {
            query.append_pair(name, value);
        }
    }
    // Digits and a hyphen: scripts take the token out of the link without decoding it.
    query.append_pair(parameter, &format!("{}-{}", event.time.nanos(), event.seq));
    Ok(format!("{path}?{}", query.finish()))
}
