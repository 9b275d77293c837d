//! What all requests share, and how work that would hold up an async thread is kept off it.

use std::{
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use annals_auth::Authenticator;
use annals_dialects::Dialect;
use annals_model::Clock;
use annals_store::Store;
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, header, uri::Authority};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use crate::{
    limits::Limits,
    mount::Prefixes,
    native::problem::Problem,
    observe::{metrics::Metrics, trail::Trail},
    settings::Mask,
};

/// What all requests share.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) authenticator: Authenticator,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dialects: Vec<Arc<dyn Dialect>>,
    /// Which dialect a path belongs to.
    pub(crate) prefixes: Prefixes,
    pub(crate) limits: Limits,
    pub(crate) mask: Mask,
    pub(crate) metrics: Metrics,
    /// One permit for each request that may be worked on.
    pub(crate) requests: Arc<Semaphore>,
    /// One permit for each stream that may be open.
    pub(crate) streams: Arc<Semaphore>,
    /// Whether the server stops; streams end then.
    pub(crate) stopping: watch::Receiver<bool>,
    /// One permit for each of them that may record events.
    pub(crate) writes: Arc<Semaphore>,
    /// One permit for each unit of memory that bodies may fill.
    pub(crate) bodies: Arc<Semaphore>,
    /// One permit for each async thread but one: so many may do [`brief`] work.
    pub(crate) threads: Semaphore,
    /// One permit for each backup that may be made at once.
    pub(crate) backups: Arc<Semaphore>,
    /// One permit for each Parquet export that may be made at once.
    pub(crate) parquet_exports: Arc<Semaphore>,
    /// Without a final slash.
    pub(crate) external_url: Option<String>,
    pub(crate) address: SocketAddr,
}

impl App {
    /// The server's address as a client sees it, without a final slash.
    pub(crate) fn base_url(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.external_url {
            return url.clone();
        }
        // What a client says of itself is put into links only when it can be nothing but an address.
        let host = headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .filter(|text| text.parse::<Authority>().is_ok_and(|authority| authority == *text))
            .filter(|text| !text.contains('@'));
        match host {
            Some(host) => format!("http://{host}"),
            None => format!("http://{}", self.address),
        }
    }
}

/// A value as JSON text. A large one is written on a blocking thread.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    // Our own answers hold texts, numbers and times, which all have a JSON form.
    serde_json::to_vec(value).unwrap_or_default()
}

/// An answer that is JSON. It may hold what only this caller may see, so nothing on the way keeps it.
pub(crate) fn json_response(body: impl Into<Body>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, body.into()).into_response()
}

/// A body that is made while it is sent.
///
/// Compression asks once more after the end, and not every stream bears that.
pub(crate) fn streamed<P>(pieces: impl Stream<Item = io::Result<P>> + Send + 'static) -> Body
where
    P: Into<Bytes> + 'static,
{
    Body::from_stream(pieces.fuse())
}

/// Does work that takes long on a thread of its own. The request counts as in progress until the work is done, even
/// when nobody waits for it any longer.
///
/// # Errors
/// When the work panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    trail: &Arc<Trail>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let held = Arc::clone(trail);
    let done = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(held);
        result
    });
    done.await.map_err(|error| cut_short(trail, error.is_panic()))
}

/// Does work that most likely takes no longer than handing it to another thread would: at once, on this thread, while
/// another async thread is left to everybody else. Otherwise as [`blocking`] does.
///
/// # Errors
/// When the work panicked.
pub(crate) async fn brief<T: Send + 'static>(
    app: &App,
    trail: &Arc<Trail>,
    is_brief: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    if is_brief && let Ok(_place) = app.threads.try_acquire() {
        return catch_unwind(AssertUnwindSafe(work)).map_err(|_| cut_short(trail, true));
    }
    blocking(trail, work).await
}

/// The text of a panic may hold what a client sent, and is not told.
fn cut_short(trail: &Trail, panicked: bool) -> Problem {
    tracing::error!(request_id = trail.id(), panicked, "work on a request was cut short");
    Problem::internal()
}
