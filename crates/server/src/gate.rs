//! Lets only so many requests in at once, fewer of those that record, and none for longer than it may take. Probes pass: a server with too much
//! to do is alive, and must be able to say how it is.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::Method;

use crate::{
    app::App,
    native::{
        self,
        problem::{Kind, Problem},
    },
    observe::trail::Trail,
    probes,
};

/// The layer. The time ends with the beginning of the answer: a long answer may take as long as its reader takes some
/// of it now and then.
pub(crate) async fn gate(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
    next: Next,
) -> Response {
    if probes::ROUTES.iter().any(|(_, path)| *path == request.uri().path()) {
        return next.run(request).await;
    }
    let Ok(permit) = Arc::clone(&app.requests).try_acquire_owned() else {
        let detail = format!("{} requests are in progress: try again later", app.limits.requests_max);
        return Problem::new(Kind::Overloaded, detail).into_response();
    };
    let is_write = *request.method() == Method::POST
        && native::WRITES.iter().any(|write| request.uri().path().starts_with(write));
    let mut write_permit = None;
    if is_write {
        let Ok(permit) = Arc::clone(&app.writes).try_acquire_owned() else {
            let detail = format!(
                "{} requests that record events are in progress: try again later",
                app.limits.writes_max()
            );
            return Problem::new(Kind::Overloaded, detail).into_response();
        };
        write_permit = Some(permit);
    }
    trail.hold((permit, write_permit));
    let seconds = app.limits.request_timeout_seconds;
    match tokio::time::timeout(app.limits.request_timeout(), next.run(request)).await {
        Ok(response) => response,
        Err(_) if trail.is_body_read() => {
            let detail = format!(
                "the answer did not begin within {seconds} seconds: ask for less, or try again later"
            );
            Problem::new(Kind::TooSlow, detail).into_response()
        }
        Err(_) => {
            let detail = format!("the request was not complete within {seconds} seconds: send less at once");
            Problem::new(Kind::RequestTimeout, detail).into_response()
        }
    }
}
