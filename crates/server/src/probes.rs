//! What machines ask about the server itself: is it alive, is it ready, how is it, what does it speak.

use std::sync::Arc;

use annals_store::Refusing;
use axum::{
    Extension, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{App, blocking, json, json_response},
    native::{
        Segment,
        access::caller,
        problem::{self, Kind, Problem},
        segment,
    },
    observe::{metrics::MEDIA_TYPE, trail::Trail},
    openapi,
};

/// Their paths.
pub(crate) const ROUTES: [(&str, &str); 5] = [
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/openapi/{file}"),
];

/// Whether requests will be answered, and if not, why.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether all is well.
    ready: bool,
    /// Each thing that was looked at.
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Serialize, ToSchema)]
pub(crate) struct Check {
    /// What was looked at.
    name: &'static str,
    /// Whether it is well.
    ok: bool,
    /// What is wrong, and what helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
}

/// The probes.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(description))
        .route("/openapi/{file}", get(dialect_description))
}

/// Says that the process answers.
#[utoipa::path(
    get, path = "/livez", operation_id = "livez", tag = "probes", security(()),
    responses((status = 200, description = "The process answers", body = String, content_type = "text/plain")),
)]
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Says whether events can be read and recorded.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "probes", security(()),
    responses(
        (status = 200, description = "Events can be read and recorded", body = Readiness),
        (status = 503, description = "Events cannot be recorded now", body = Readiness),
    ),
)]
pub(crate) async fn ready(State(app): State<Arc<App>>, Extension(trail): Extension<Arc<Trail>>) -> Response {
    let status = match blocking(&trail, move || app.store.status()).await {
        Ok(status) => status,
        Err(problem) => return problem.into_response(),
    };
    let refusing = status.refusing.as_ref();
    // Why a write failed is for the log: this answer needs no credential.
    let writes = refusing.map(|refusing| match refusing {
        Refusing::DiskLow { free, needed } => {
            format!("{free} bytes are free on the disk, {needed} are needed: free some space")
        }
        Refusing::Poisoned { .. } => {
            "an earlier write failed: see the log, and restart the server".to_owned()
        }
        Refusing::Closed => "the server is stopping".to_owned(),
    });
    let upkeep = status
        .maintenance_error
        .as_ref()
        .map(|_| "sealing or merging failed and is tried again: see the log".to_owned());
    let ready = writes.is_none();
    let checks = vec![
        Check { name: "writes", ok: writes.is_none(), detail: writes },
        Check { name: "upkeep", ok: upkeep.is_none(), detail: upkeep },
    ];
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, json_response(json(&Readiness { ready, checks }))).into_response()
}

/// Metrics for Prometheus. They hold no event, but say how much happens: any good credential may read them.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "probes",
    responses((status = 200, description = "Metrics in the OpenMetrics text format", body = String, content_type = "application/openmetrics-text")),
)]
pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    if !app.authenticator.is_empty() {
        caller(&app, &trail, request.headers()).await?;
    }
    let text = blocking(&trail, move || app.metrics.render()).await?;
    let text = text.map_err(|_| Problem::internal())?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}

async fn description() -> Response {
    json_response(openapi::text())
}

/// Describes a platform's API as it is served here.
#[utoipa::path(
    get, path = "/openapi/{dialect}.json", operation_id = "dialect_description", tag = "probes", security(()),
    params(("dialect" = String, Path, description = "A platform")),
    responses(
        (status = 200, description = "An OpenAPI document, in the version that the platform publishes its own in", body = serde_json::Value),
        (status = 404, description = "There is no such platform", body = problem::Written<'static>, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn dialect_description(
    State(app): State<Arc<App>>,
    file: Segment,
) -> Result<Response, Problem> {
    let file = segment(file)?;
    let found = app.dialects.iter().find(|dialect| file.strip_suffix(".json") == Some(dialect.name()));
    found.map(|dialect| json_response(dialect.openapi())).ok_or_else(|| {
        let files: Vec<_> = app.dialects.iter().map(|dialect| format!("{}.json", dialect.name())).collect();
        Problem::new(Kind::NotFound, format!("there is no `{file}` here, only {}", files.join(", ")))
    })
}
