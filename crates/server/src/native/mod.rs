//! The native API: `/api/v1`. It knows no platform.

pub(crate) mod access;
pub(crate) mod counts;
pub(crate) mod filters;
pub(crate) mod import;
pub(crate) mod ingest;
pub(crate) mod problem;
pub(crate) mod read;

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
pub(crate) const ROUTES: [(&str, &str); 7] = [
    ("GET", "/api/v1/events"),
    ("POST", "/api/v1/events"),
    ("GET", "/api/v1/events/{id}"),
    ("GET", "/api/v1/facets"),
    ("GET", "/api/v1/fields/{field}"),
    ("GET", "/api/v1/histogram"),
    ("POST", "/api/v1/import/{dialect}"),
];

/// The native API.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/events", get(read::list).post(ingest::events))
        .route("/api/v1/events/{id}", get(read::event))
        .route("/api/v1/facets", get(counts::facets))
        .route("/api/v1/fields/{field}", get(counts::field))
        .route("/api/v1/histogram", get(counts::histogram))
        .route("/api/v1/import/{dialect}", post(import::events))
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
    let is_post_only = path.starts_with("/api/v1/import/");
    let allowed = match path {
        "/api/v1/events" => "GET, HEAD, POST",
        _ if is_post_only => "POST",
        _ => "GET, HEAD",
    };
    let detail = format!("`{path}` answers {allowed}, not {}", request.method());
    Problem::new(Kind::MethodNotAllowed, detail).header(header::ALLOW, HeaderValue::from_static(allowed))
}
