//! `GET /api/v1/events/{id}/dialects`: one event as each platform's API shows it.

use std::sync::Arc;

use annals_dialects::{Dialect, Shown};
use annals_model::{Event, Role, Timestamp};
use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    app::{App, json, json_response},
    native::{
        Segment,
        access::caller_with,
        filters::Parameters,
        problem::Problem,
        read::{Readable, readable},
        segment,
    },
    observe::trail::Trail,
};

/// One event as each platform's API shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Renditions {
    /// One for each platform.
    dialects: Vec<Rendition>,
}

/// One event as a platform's API shows it, or why it does not.
#[derive(Serialize, ToSchema)]
struct Rendition {
    /// The platform.
    dialect: &'static str,
    /// Whether its API shows the event.
    shown: bool,
    /// The media type of the body.
    #[schema(required)]
    content_type: Option<&'static str>,
    /// The event as its API shows it: JSON as it is, anything else as a text.
    #[schema(value_type = serde_json::Value, required)]
    body: Option<Box<RawValue>>,
    /// A request of its API, for a shell, whose answer holds the event; `$TOKEN`, or `$KEY` and `$SECRET`, are the
    /// caller's credential.
    #[schema(required)]
    curl: Option<String>,
    /// Why it does not show the event.
    #[schema(required)]
    why: Option<String>,
}

/// Shows an event as each platform's API does.
#[utoipa::path(
    get, path = "/api/v1/events/{id}/dialects", operation_id = "event_in_dialects", tag = "views",
    params(("id" = String, Path, description = "The event's `id`")),
    responses((status = 200, description = "The event as each platform's API shows it, or why it does not", body = Renditions)),
)]
pub(crate) async fn dialects(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    id: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let id = segment(id)?;
    Parameters::none(request.uri().query())?;
    let (base_url, now) = (app.base_url(request.headers()), app.clock.now());
    let asked = Arc::clone(&app);
    let show = move |event: &Event| {
        let each =
            asked.dialects.iter().map(|dialect| rendition(dialect.as_ref(), event, &base_url, now)).collect();
        json(&Renditions { dialects: each })
    };
    readable(Readable { app, trail, reader, id }, show).await.map(json_response)
}

fn rendition(dialect: &dyn Dialect, event: &Event, base_url: &str, now: Timestamp) -> Rendition {
    let none = Rendition {
        dialect: dialect.name(),
        shown: false,
        content_type: None,
        body: None,
        curl: None,
        why: None,
    };
    match dialect.show(event, base_url, now) {
        Err(why) => Rendition { why: Some(why), ..none },
        Ok(Shown { content_type, body, request }) => Rendition {
            shown: true,
            content_type: Some(content_type),
            curl: Some(request.curl(base_url)),
            body: raw(content_type, &body),
            ..none
        },
    }
}

/// A body inside of JSON: itself when it is JSON, else as a text.
fn raw(content_type: &str, body: &str) -> Option<Box<RawValue>> {
    let quoted = |body: &str| serde_json::value::to_raw_value(body).ok();
    if content_type != "application/json" {
        return quoted(body);
    }
    serde_json::from_str::<&RawValue>(body).ok().map(ToOwned::to_owned).or_else(|| quoted(body))
}
