//! `GET /api/v1/events`: lists events and gives one event.

use std::sync::Arc;

use annals_model::{Cursor, Event, Order, Principal, Role, Start, Total};
use annals_store::QueryError;
use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderValue, header};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::{App, brief, json_response},
    limits::{LIST_EVENTS_DEFAULT, LIST_EVENTS_MAX},
    native::{
        Segment,
        access::caller_with,
        filters::Parameters,
        problem::{Kind, Problem},
        segment,
    },
    observe::trail::Trail,
};

/// Memory that the answer of a list begins with: about a page of 50 events.
const LIST_BYTES_GUESS: usize = 32 << 10;

/// One page of a list.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the answer is written piece by piece; this describes it")]
pub(crate) struct EventList {
    /// The events, in the order asked for.
    events: Vec<serde_json::Value>,
    /// The cursor of the next page; null when no more events match.
    #[schema(required)]
    next: Option<String>,
    /// How many events match, if `total=true` was asked for.
    #[schema(nullable = false)]
    total: Option<u64>,
}

/// Lists events.
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "list_events", tag = "events",
    params(
        ("order" = Option<String>, Query, description = "`desc` (the default) = newest first, `asc` = oldest first"),
        ("limit" = Option<u32>, Query, description = "Events on the page: 0 (for the total alone) to 1000, 100 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before; the other parameters stay the same"),
        ("total" = Option<bool>, Query, description = "`true` = also count all events that match"),
    ),
    responses((
        status = 200, description = "A page of events", body = EventList,
        headers(("link" = String, description = "The next page (RFC 8288, `rel=\"next\"`), if there is one")),
    )),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let text = request.uri().query().unwrap_or_default();
    let parameters = Parameters::parse(text, &["order", "limit", "cursor", "total"], app.clock.now())?;
    let order = match parameters.own("order") {
        None | Some("desc") => Order::Descending,
        Some("asc") => Order::Ascending,
        Some(other) => {
            return Err(Problem::parameter(format!("`order` is `{other}`: must be asc or desc")));
        }
    };
    let total = match parameters.own("total") {
        None | Some("false") => Total::Unwanted,
        Some("true") => Total::Exact,
        Some(other) => {
            return Err(Problem::parameter(format!("`total` is `{other}`: must be true or false")));
        }
    };
    let limit = parameters.number("limit", LIST_EVENTS_DEFAULT, 0..=LIST_EVENTS_MAX)?;
    let mut query = parameters.query(&reader)?.order(order).limit(limit);
    query.total = total;
    if let Some(cursor) = parameters.own("cursor") {
        let position = cursor
            .parse()
            .and_then(|cursor: Cursor| cursor.check(&query, app.store.number()))
            .map_err(|error| Problem::new(Kind::BadCursor, error.to_string()))?;
        query = query.start(Start::After(position));
    }

    let link = format!("{}{}", app.base_url(request.headers()), request.uri().path());
    let kept: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).into_owned().filter(|(name, _)| name != "cursor").collect();
    let asked = Arc::clone(&app);
    let is_brief = app.store.is_brief(&query);
    let (body, next) = brief(&app, &trail, is_brief, move || {
        let mut body = Vec::with_capacity(LIST_BYTES_GUESS);
        body.extend(b"{\"events\":[");
        let page = asked.store.write_page(&query, b',', &mut body)?;
        let next = page.next().map(|position| query.cursor_after(position, asked.store.number()).to_string());
        finish_list(&mut body, next.as_deref(), page.total);
        Ok((body, next))
    })
    .await?
    .map_err(|error| unanswered(&trail, &error))?;

    let mut response = json_response(body);
    if let Some(next) = next {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .append_pair("cursor", &next)
            .finish();
        if let Ok(value) = HeaderValue::from_str(&format!("<{link}?{query}>; rel=\"next\"")) {
            response.headers_mut().insert(header::LINK, value);
        }
    }
    Ok(response)
}

/// Gives one event.
#[utoipa::path(
    get, path = "/api/v1/events/{id}", operation_id = "get_event", tag = "events",
    params(("id" = String, Path, description = "The event's `id`")),
    responses((status = 200, description = "The event", body = serde_json::Value)),
)]
pub(crate) async fn event(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    id: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let id = segment(id)?;
    Parameters::none(request.uri().query())?;
    let write = |event: &Event| {
        let mut body = Vec::new();
        event.write_json(&mut body);
        body
    };
    readable(Readable { app, trail, reader, id }, write).await.map(json_response)
}

/// An event asked for by its id, and who asks.
pub(crate) struct Readable {
    pub(crate) app: Arc<App>,
    pub(crate) trail: Arc<Trail>,
    pub(crate) reader: Principal,
    pub(crate) id: String,
}

/// Finds an event and makes something of it.
///
/// # Errors
/// 404 when there is none that the reader may read.
pub(crate) async fn readable<T: Send + 'static>(
    asked: Readable,
    make: impl FnOnce(&Event) -> T + Send + 'static,
) -> Result<T, Problem> {
    let Readable { app, trail, reader, id } = asked;
    let missing =
        || Problem::new(Kind::NotFound, format!("there is no event `{id}` that this credential may read"));
    let uuid = Uuid::try_parse(&id).map_err(|_| missing())?;
    let scope = reader.read_scope();
    let (is_brief, asked) = (app.store.is_brief_by_id(), Arc::clone(&app));
    let found = move || Ok(asked.store.event(&scope, uuid)?.map(|event| make(&event)));
    let made = brief(&app, &trail, is_brief, found).await?.map_err(|error| unanswered(&trail, &error))?;
    made.ok_or_else(missing)
}

/// Writes what follows the events of a list, as [`EventList`] describes it.
fn finish_list(body: &mut Vec<u8>, next: Option<&str>, total: Option<u64>) {
    body.extend(b"],\"next\":");
    match next {
        // A cursor is base64url: nothing in it needs escaping.
        Some(cursor) => body.extend(format!("\"{cursor}\"").as_bytes()),
        None => body.extend(b"null"),
    }
    if let Some(total) = total {
        body.extend(format!(",\"total\":{total}").as_bytes());
    }
    body.push(b'}');
}

/// The problem that a question to the store without an answer is.
pub(crate) fn unanswered(trail: &Trail, error: &QueryError) -> Problem {
    match error {
        QueryError::TooLarge(_) => Problem::new(Kind::QueryTooLarge, error.to_string()),
        QueryError::TooManyBuckets | QueryError::BucketWidth | QueryError::TooManyGroups => {
            Problem::new(Kind::QueryTooLarge, error.to_string())
        }
        QueryError::Damage(_) => {
            tracing::error!(request_id = trail.id(), %error, "a query has no answer");
            Problem::internal()
        }
    }
}
