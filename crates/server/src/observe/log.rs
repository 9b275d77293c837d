//! The outermost layer: gives every request its identifier, writes out problems, and leaves one log line and its
//! metrics when the last byte of the answer is gone or the client is.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    body::{Body, HttpBody},
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::{Frame, SizeHint};

use super::trail::{REQUEST_ID, Trail};
use crate::{app::App, linger, native::problem::Problem};

/// Where no route fits.
const NO_ROUTE: &str = "none";

/// Methods by name; every other one is `OTHER`, so that a client cannot make up labels.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// The layer.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let trail = Arc::new(Trail::begin(request.headers()));
    let is_head = request.method() == Method::HEAD;
    let route = request.extensions().get::<MatchedPath>().map(|path| Arc::from(path.as_str()));
    let is_dialects = app.prefixes.owns(route.as_deref(), request.uri().path());
    let mut record = Record {
        app: Arc::clone(&app),
        trail: Arc::clone(&trail),
        method: METHODS
            .iter()
            .find(|known| *known == request.method())
            .map_or("OTHER", Method::as_str)
            .to_owned(),
        route,
        started: Instant::now(),
        status: None,
        bytes: 0,
    };
    request.extensions_mut().insert(Arc::clone(&trail));
    let request = request.map(linger::hold);

    let mut response = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        // What the panic says may hold what the client sent; it went to the panic hook and goes no further.
        tracing::error!(request_id = trail.id(), "a handler panicked");
        Problem::internal().into_response()
    });
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        app.metrics.refused(problem.kind.slug());
        response = problem.write(trail.id(), is_dialects);
    }
    if !response.headers().contains_key(&REQUEST_ID)
        && let Ok(id) = HeaderValue::from_str(trail.id())
    {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    record.status = Some(response.status());
    if is_head {
        return without_body(response);
    }
    response.map(|body| Body::new(Watched { body, record }))
}

/// The answer to `HEAD`: the headers of `GET` and nothing else.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact()
        && length > 0
        && !response.headers().contains_key(header::CONTENT_LENGTH)
    {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response.map(|_| Body::empty())
}

/// What the log and the metrics say of one request, once it is over.
struct Record {
    app: Arc<App>,
    trail: Arc<Trail>,
    method: String,
    route: Option<Arc<str>>,
    started: Instant,
    /// `None` when the client went away before there was an answer.
    status: Option<StatusCode>,
    bytes: u64,
}

impl Drop for Record {
    fn drop(&mut self) {
        let route = self.route.as_deref().unwrap_or(NO_ROUTE);
        let elapsed = self.started.elapsed();
        let status = self.status.map_or(0, |status| status.as_u16());
        self.app.metrics.request(&self.method, route, status, elapsed);
        tracing::info!(
            method = self.method,
            route,
            status,
            duration_ms = elapsed.as_secs_f64() * 1_000.0,
            bytes = self.bytes,
            principal = self.trail.principal(),
            request_id = self.trail.id(),
            "request"
        );
    }
}

/// A body that counts what passes.
struct Watched {
    body: Body,
    record: Record,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.record.bytes += length as u64;
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::error!(request_id = self.record.trail.id(), %error, "an answer broke off");
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
