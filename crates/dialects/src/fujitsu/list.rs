//! The list of events: from a request's parameters to a query, and from its answer to the body. It knows how the
//! answer is framed and where its pages end, not what an event looks like.
//!
//! The manual's marker is the last `date` of the page before, and a date is a whole second. A page that ended amid the
//! events of one second would therefore lose or repeat the rest of them, so a page goes on to the end of its last
//! second: walking by date yields every event once. How many events a second holds is not bounded, so they are
//! streamed. A page behind an event's id needs none of that and is exact.

use std::{sync::Arc, time::Duration};

use annals_model::{Event, Order, Page, Query, Scope, Start, TimeRange};
use http::StatusCode;
use uuid::Uuid;

use super::{Config, event, problem::Problem, request::Asked};
use crate::{
    host::{Body, Call, Failure, Host, Reply, json_reply},
    listing::{self, Frame, Render},
};

/// Answers a list request of somebody who may read that scope.
pub(super) async fn answer(call: &Call, scope: Scope, config: &Config) -> Result<Reply, Problem> {
    let asked = Asked::by(call)?;
    let failed = |failure: Failure| Problem::failed(&failure, call.request_id);
    let start = match asked.after {
        None => Start::Beginning,
        Some(id) => {
            let event = call.host.event(scope.clone(), id).await.map_err(failed)?;
            let event = event.ok_or_else(|| Problem::bad_request("marker names no event of this tenant"))?;
            Start::After(event.position())
        }
    };
    let query =
        Query::new(scope).range(asked.range).filter(asked.filter.clone()).start(start).limit(asked.limit);
    let body = body(&call.host, query, &asked, config).await.map_err(failed)?;
    Ok(json_reply(StatusCode::OK, body))
}

async fn body(host: &Arc<dyn Host>, query: Query, asked: &Asked, config: &Config) -> Result<Body, Failure> {
    let first = host.page(query.clone()).await?;
    let edge = edge(&**host, &query, &first).await?;
    let (query, wanted, marker) = match edge {
        // Everything that matches is on this page.
        None => (query, u64::MAX, None),
        Some(edge) if asked.after.is_some() => (query, asked.limit.into(), Some(edge.id)),
        Some(edge) => {
            let second = edge.time.floor_second();
            let marker =
                if config.emit_marker { last_of_second(&**host, &query, &edge).await? } else { None };
            (query.range(TimeRange::new(Some(second), None)), u64::MAX, marker)
        }
    };
    let open = match marker.filter(|_| config.emit_marker) {
        Some(marker) => format!(r#"{{"marker":"{marker}","events":["#),
        None => r#"{"events":["#.to_owned(),
    };
    let frame = Frame { open, separator: ",", close: "]}".to_owned() };
    let render: Render = Arc::new(event::write);
    Ok(listing::body(Arc::clone(host), query, first, wanted, frame, render))
}

/// The last event within the limit when more follow it. The store may end a page early, so it may lie behind `first`.
async fn edge(host: &dyn Host, query: &Query, first: &Page) -> Result<Option<Arc<Event>>, Failure> {
    let limit = query.limit_events();
    let (mut last, mut more, mut seen) = (first.events.last().cloned(), first.more, first.events.len());
    while more && seen < limit as usize {
        let Some(event) = &last else { break };
        let remaining = limit.saturating_sub(u32::try_from(seen).unwrap_or(limit));
        let page = host.page(query.clone().start(Start::After(event.position())).limit(remaining)).await?;
        if page.events.is_empty() {
            more = false;
        }
        seen += page.events.len();
        more &= page.more;
        last = page.events.last().cloned().or(last);
    }
    Ok(last.filter(|_| more))
}

/// The last event that a page shows which goes on to the end of the edge's second; `None` when nothing follows it.
async fn last_of_second(host: &dyn Host, query: &Query, edge: &Event) -> Result<Option<Uuid>, Failure> {
    const SECOND: Duration = Duration::from_secs(1);
    let second = edge.time.floor_second();
    let older = query.clone().range(TimeRange::new(None, Some(second))).limit(1);
    if host.page(older).await?.events.is_empty() {
        return Ok(None);
    }
    let within = TimeRange::new(Some(second), Some(second.plus(SECOND)));
    let oldest = query.clone().range(within).order(Order::Ascending).limit(1);
    Ok(host.page(oldest).await?.events.first().map(|event| event.id))
}
