//! The native API: `/api/v1`. It knows no platform.

pub(crate) mod access;
pub(crate) mod backup;
pub(crate) mod complete;
pub(crate) mod counts;
pub(crate) mod export;
pub(crate) mod filters;
pub(crate) mod import;
pub(crate) mod ingest;
mod lines;
pub(crate) mod me;
pub(crate) mod problem;
pub(crate) mod read;
pub(crate) mod searches;
pub(crate) mod shown;
pub(crate) mod stream;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, rejection::PathRejection},
    routing::{get, post},
};
use http::{HeaderValue, header};

use crate::{
    app::App,
    native::problem::{Kind, Problem},
};

/// Paths of the native API with the methods they answer.
pub(crate) const ROUTES: [(&str, &str); 18] = [
    ("POST", "/api/v1/admin/backup"),
    ("GET", "/api/v1/complete"),
    ("GET", "/api/v1/events"),
    ("POST", "/api/v1/events"),
    ("GET", "/api/v1/events/stream"),
    ("GET", "/api/v1/events/{id}"),
    ("GET", "/api/v1/events/{id}/dialects"),
    ("GET", "/api/v1/export"),
    ("GET", "/api/v1/facets"),
    ("GET", "/api/v1/fields/{field}"),
    ("GET", "/api/v1/histogram"),
    ("POST", "/api/v1/import/{dialect}"),
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/searches"),
    ("GET", "/api/v1/searches/{name}"),
    ("PUT", "/api/v1/searches/{name}"),
    ("DELETE", "/api/v1/searches/{name}"),
    ("GET", "/api/v1/values/{field}"),
];

/// How the paths begin at which a `POST` records events.
pub(crate) const WRITES: [&str; 2] = ["/api/v1/events", "/api/v1/import/"];

/// The native API.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/admin/backup", post(backup::make))
        .route("/api/v1/complete", get(complete::complete))
        .route("/api/v1/events", get(read::list).post(ingest::events))
        .route("/api/v1/events/stream", get(stream::stream))
        .route("/api/v1/events/{id}", get(read::event))
        .route("/api/v1/events/{id}/dialects", get(shown::dialects))
        .route("/api/v1/export", get(export::export))
        .route("/api/v1/facets", get(counts::facets))
        .route("/api/v1/values/{field}", get(counts::values))
        .route("/api/v1/fields/{field}", get(counts::field))
        .route("/api/v1/histogram", get(counts::histogram))
        .route("/api/v1/import/{dialect}", post(import::events))
        .route("/api/v1/me", get(me::me))
        .route("/api/v1/searches", get(searches::list))
        .route("/api/v1/searches/{name}", get(searches::get).put(searches::put).delete(searches::delete))
}

/// The one parameter of a path.
pub(crate) type Segment = Result<Path<String>, PathRejection>;

/// The one parameter of a path as text.
///
/// # Errors
/// 404 when it is not UTF-8: no identifier and no name is.
pub(crate) fn segment(segment: Segment) -> Result<String, Problem> {
    match segment {
        Ok(Path(text)) => Ok(text),
        Err(_) => Err(Problem::new(Kind::NotFound, "the last part of the path is not text")),
    }
}

/// Answers where nothing is.
pub(crate) fn not_found(path: &str) -> Problem {
    Problem::new(
        Kind::NotFound,
        format!("nothing is at `{path}`; the native API is described at /openapi.json"),
    )
}

/// Answers a method that a native path does not have.
pub(crate) async fn method_not_allowed(request: Request) -> Problem {
    let path = request.uri().path();
    let is_post_only = path.starts_with("/api/v1/import/") || path == "/api/v1/admin/backup";
    let allowed = match path {
        "/api/v1/events" => "GET, HEAD, POST",
        _ if is_post_only => "POST",
        _ if path.starts_with("/api/v1/searches/") => "GET, HEAD, PUT, DELETE",
        _ => "GET, HEAD",
    };
    let detail = format!("`{path}` answers {allowed}, not {}", request.method());
    Problem::new(Kind::MethodNotAllowed, detail).header(header::ALLOW, HeaderValue::from_static(allowed))
}
