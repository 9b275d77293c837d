//! `GET /api/v1/events/stream`: events as they are recorded, as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! A stream goes through the log in its order, page by page from the store, and waits at its end until something is
//! recorded. It holds one page in memory at most, and goes on only when its client has taken that: a slow client slows
//! nobody. The id of a message is a place in the log; whoever comes back with it misses nothing and sees nothing twice.

use std::{io, sync::Arc};

use annals_model::{LogCursor, Presented, Principal, Query, Role};
use axum::{
    Extension,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, header};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep_until},
};

use crate::{
    app::{App, blocking, streamed},
    limits::{STREAM_PAGE_BYTES, STREAM_PAGE_EVENTS, STREAM_PAUSE, STREAM_RETRY_MILLIS},
    native::{
        access::{caller_with, token},
        filters::Parameters,
        problem::{Kind, Problem},
        read::unanswered,
    },
    observe::trail::Trail,
};

/// Where a client that comes back says which message it saw last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Streams events as they are recorded.
#[utoipa::path(
    get, path = "/api/v1/events/stream", operation_id = "stream_events", tag = "events",
    params(
        ("since" = Option<String>, Query, description = "Where to begin: `now` (the default), `start`, or behind the event with this `seq`"),
        ("cursor" = Option<String>, Query, description = "The `id` of the last message seen; the header `Last-Event-ID` comes before it"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last message seen"),
    ),
    responses((
        status = 200, body = String, content_type = "text/event-stream",
        description = "Messages without end: `event: event` with an event as JSON in `data`; comments and messages that have an `id` alone come in between",
    )),
)]
pub(crate) async fn stream(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let parameters =
        Parameters::parse(request.uri().query().unwrap_or_default(), &["since", "cursor"], app.clock.now())?;
    let query = parameters.query(&reader)?.limit(STREAM_PAGE_EVENTS).page_bytes(STREAM_PAGE_BYTES);
    query.check().map_err(|error| unanswered(&trail, &error.into()))?;
    let after = begin(&app, request.headers(), &parameters)?;
    let Ok(place) = Arc::clone(&app.streams).try_acquire_owned() else {
        let detail = format!("{} streams are open: close one, or try again later", app.limits.streams_max);
        return Err(Problem::new(Kind::Overloaded, detail));
    };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Some proxies gather an answer before they pass it on unless they are told not to.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    // The stream has a place of its own and does not take one of the short requests for hours.
    trail.release();
    let follower = Follower {
        token: token(request.headers()).unwrap_or_default(),
        reader,
        query,
        after,
        applied: app.store.applied(),
        stopping: app.stopping.clone(),
        next_beat: Instant::now(),
        next_read: Instant::now(),
        state: Stage::Opening,
        trail,
        app,
        _place: place,
    };
    let pieces = stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((piece, follower))
    });
    Ok((headers, streamed(pieces)).into_response())
}

/// The place in the log behind which a stream begins.
fn begin(app: &App, headers: &HeaderMap, parameters: &Parameters) -> Result<u64, Problem> {
    let last = app.store.last_applied();
    let of_cursor = |text: &str| {
        let cursor = text.parse().and_then(|cursor: LogCursor| cursor.check(app.store.number(), last));
        cursor.map_err(|error| Problem::new(Kind::BadCursor, error.to_string()))
    };
    // A browser that comes back repeats the address it began with, and says in the header how far it came.
    if let Some(value) = headers.get(&LAST_EVENT_ID).filter(|value| !value.is_empty()) {
        return of_cursor(value.to_str().unwrap_or_default());
    }
    match (parameters.own("cursor"), parameters.own("since")) {
        (Some(_), Some(_)) => {
            Err(Problem::parameter("`cursor` and `since` both say where to begin: give one of them"))
        }
        (Some(cursor), None) => of_cursor(cursor),
        (None, None | Some("now")) => Ok(last),
        (None, Some("start")) => Ok(0),
        (None, Some(text)) => match text.parse::<u64>() {
            Ok(seq) if seq <= last => Ok(seq),
            Ok(seq) => Err(Problem::parameter(format!(
                "`since` is {seq}: the log ends with {last}; begin there, or with now"
            ))),
            Err(_) => Err(Problem::parameter(format!(
                "`since` is `{text}`: must be now, start, or the `seq` of an event"
            ))),
        },
    }
}

/// What a stream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was sent yet.
    Opening,
    Following,
    /// Nothing more is sent.
    Over,
}

/// One stream.
struct Follower {
    app: Arc<App>,
    trail: Arc<Trail>,
    /// What the caller presented: it is judged again now and then.
    token: String,
    reader: Principal,
    query: Query,
    /// Everything up to here was sent, or did not match.
    after: u64,
    applied: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    next_beat: Instant,
    /// The store is not asked before.
    next_read: Instant,
    state: Stage,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next piece of the answer; `None` when the stream is over.
    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        match self.state {
            Stage::Over => return None,
            Stage::Opening => {
                self.state = Stage::Following;
                return Some(Ok(Bytes::from(format!("retry: {STREAM_RETRY_MILLIS}\n{}", self.beat()))));
            }
            Stage::Following => {}
        }
        loop {
            if *self.stopping.borrow() {
                self.state = Stage::Over;
                return None;
            }
            if Instant::now() >= self.next_beat {
                if !self.is_still_good().await {
                    self.state = Stage::Over;
                    return Some(Ok(Bytes::from_static(b": the credential is not good any more\n\n")));
                }
                return Some(Ok(Bytes::from(self.beat())));
            }
            let is_behind = *self.applied.borrow_and_update() > self.after;
            if is_behind && Instant::now() >= self.next_read {
                match self.read().await {
                    Ok(piece) if piece.is_empty() => {}
                    Ok(piece) => return Some(Ok(piece)),
                    Err(error) => {
                        self.state = Stage::Over;
                        return Some(Err(error));
                    }
                }
                continue;
            }
            // While the log grows steadily it is read now and then, many events at once.
            let until = if is_behind { self.next_read.min(self.next_beat) } else { self.next_beat };
            tokio::select! {
                () = sleep_until(until) => {}
                _ = self.stopping.wait_for(|stopping| *stopping) => {}
                // Without a sender the store is gone, and with it the server.
                grown = self.applied.changed(), if !is_behind => if grown.is_err() {
                    self.state = Stage::Over;
                    return None;
                },
            }
        }
    }

    /// Reads a page; an empty piece when nothing matched.
    async fn read(&mut self) -> Result<Bytes, io::Error> {
        let (app, query, after) = (Arc::clone(&self.app), self.query.clone(), self.after);
        let number = app.store.number();
        let page = blocking(&self.trail, move || {
            let page = app.store.follow(&query, after)?;
            let mut piece = Vec::new();
            for event in &page.events {
                let id = LogCursor { store: number, seq: event.seq };
                piece.extend(format!("id: {id}\nevent: event\ndata: ").as_bytes());
                // An event's JSON has no line ends, so it is one line of data.
                event.write_json(&mut piece);
                piece.extend(b"\n\n");
            }
            Ok((piece, page.reached))
        });
        // A stream that ended well would be taken for one that had nothing more to say: it breaks off instead.
        let page = page.await.map_err(|problem| io::Error::other(problem.detail))?;
        let (piece, reached) =
            page.map_err(|error| io::Error::other(unanswered(&self.trail, &error).detail))?;
        self.after = reached;
        if reached >= *self.applied.borrow() {
            self.next_read = Instant::now() + STREAM_PAUSE;
        }
        Ok(piece.into())
    }

    /// A sign of life that moves on the place where the client comes back, also when nothing matched for long.
    fn beat(&mut self) -> String {
        self.next_beat = Instant::now() + self.app.limits.stream_heartbeat();
        let id = LogCursor { store: self.app.store.number(), seq: self.after };
        format!(": {}\nid: {id}\n\n", self.app.clock.now().to_rfc3339_seconds())
    }

    /// Whether the credential is what it was when the stream began.
    async fn is_still_good(&self) -> bool {
        let presented = Presented::Token(self.token.clone());
        self.app.authenticator.authenticate(&presented).await.is_ok_and(|reader| reader == self.reader)
    }
}
