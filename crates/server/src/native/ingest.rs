//! `POST /api/v1/events`: records events in their native form. Every event is judged by itself; a bad one among good
//! ones is named by its index, and in NDJSON by its line, and the others are stored.

use std::{sync::Arc, thread};

use annals_model::{Clock, Event, InvalidEvent, Principal, Role};
use annals_store::{AppendError, Batch, BatchWriter};
use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    app::{App, blocking, brief, json, json_response},
    body::{self, Held},
    limits::{BRIEF_BODY_BYTES_MAX, EVENTS_PER_REQUEST_MAX},
    native::{
        access::caller_with,
        filters::Parameters,
        problem::{Kind, Problem},
    },
    observe::{metrics::Rejection, trail::Trail},
};

/// Events that are read before other threads may go first: some 100 µs of work.
const EVENTS_PER_TURN: usize = 32;

/// How the events of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Lines,
}

/// What became of the events of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recorded {
    /// How many were new and are stored now.
    accepted: u64,
    /// How many had been stored before, by organization, source and id; nothing was changed.
    duplicates: u64,
    /// Those that were not stored, and why.
    rejected: Vec<Rejected>,
}

/// An event that was not stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rejected {
    /// Its place among the events of the request, from 0.
    index: usize,
    /// The line it is on, from 1; for NDJSON alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    line: Option<usize>,
    /// Which field, and which rule it breaks.
    error: String,
}

/// Takes the good events of a body, one after the other.
pub(crate) trait Taker {
    /// Prepares for so many events that are written in so many bytes.
    fn expect(&mut self, events: usize, bytes: usize) {
        let _ = (events, bytes);
    }

    /// Takes one.
    ///
    /// # Errors
    /// Why the writer may not write it.
    fn take(&mut self, event: Event) -> Result<(), String>;
}

/// The events of a body, each good or bad.
pub(crate) struct Parsed<T> {
    taker: T,
    taken: usize,
    rejected: Vec<Rejected>,
    /// How many of those the writer may not write.
    forbidden: usize,
}

/// Where in a body an event stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    index: usize,
    line: Option<usize>,
}

/// Records events.
///
/// One event, an array of events, or NDJSON with one event a line; optionally compressed with gzip or zstd.
/// Every event is judged by itself. Sending an event again is harmless: it is counted as a duplicate.
#[utoipa::path(
    post, path = "/api/v1/events", operation_id = "record_events", tag = "events",
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "What became of each event", body = Recorded)),
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let writer = caller_with(&app, &trail, request.headers(), Role::Writer).await?;
    Parameters::none(request.uri().query())?;
    let form = form(request.headers())?;
    let (parts, body) = request.into_parts();
    let held = body::read(&app, &trail, &parts.headers, body, app.limits.body_bytes_max).await?;
    let clock = Arc::clone(&app.clock);
    let mut held = held;
    let is_brief = held.bytes.len() <= BRIEF_BODY_BYTES_MAX;
    let (checked, held) = brief(&app, &trail, is_brief, move || {
        let parsed = parse(&mut held, form, &*clock, Encoding::new(&writer));
        (parsed.map(Checked::new), held)
    })
    .await?;
    let recorded = record(&app, &trail, checked?).await;
    drop(held);
    recorded
}

/// How the content type says the events are written.
///
/// # Errors
/// 415 for every other content type, and for none.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(Form::Json);
    }
    if essence.eq_ignore_ascii_case("application/x-ndjson") {
        return Ok(Form::Lines);
    }
    let detail = if given.is_empty() {
        "the content type is missing: send application/json or application/x-ndjson".to_owned()
    } else {
        format!("the content type `{given}` is not understood: send application/json or application/x-ndjson")
    };
    Err(Problem::new(Kind::UnsupportedMediaType, detail)
        .header(header::ACCEPT, HeaderValue::from_static("application/json, application/x-ndjson")))
}

/// Reads the events of a body in their native form.
pub(crate) fn parse<T: Taker>(
    held: &mut Held,
    form: Form,
    clock: &dyn Clock,
    taker: T,
) -> Result<Parsed<T>, Problem> {
    let body = held.bytes.clone();
    let mut parsed = Parsed::new(taker);
    match form {
        Form::Json => {
            let elements = elements(&body)?;
            make_room(held, elements.len())?;
            parsed.taker.expect(elements.len(), body.len());
            for (index, raw) in elements.into_iter().enumerate() {
                parsed.add(Place { index, line: None }, Event::from_json(raw.get().as_bytes(), clock))?;
            }
        }
        Form::Lines => {
            let events = lines(&body).count();
            make_room(held, events)?;
            parsed.taker.expect(events, body.len());
            for (index, (line, text)) in lines(&body).enumerate() {
                parsed.add(Place { index, line: Some(line) }, Event::from_json(text, clock))?;
            }
        }
    }
    Ok(parsed)
}

/// Takes the memory for so many events before they are made, as if all were there at once: a short text becomes a much
/// larger [`Event`].
pub(crate) fn make_room(held: &mut Held, events: usize) -> Result<(), Problem> {
    if events > EVENTS_PER_REQUEST_MAX {
        let detail = format!("more than {EVENTS_PER_REQUEST_MAX} events: send them in several requests");
        return Err(Problem::new(Kind::BodyTooLarge, detail));
    }
    held.make_room(events * size_of::<Event>())
}

/// The elements of an array, or the one object.
fn elements(body: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    let malformed = |error: serde_json::Error| {
        Problem::new(Kind::BadBody, format!("the body is not valid JSON: {error}"))
    };
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => serde_json::from_slice(body).map_err(malformed),
        Some(b'{') => serde_json::from_slice::<&RawValue>(body).map(|raw| vec![raw]).map_err(malformed),
        Some(_) => {
            serde_json::from_slice::<&RawValue>(body).map_err(malformed)?;
            Err(Problem::new(Kind::BadBody, "the body is neither an event nor an array of events"))
        }
        None => Err(Problem::new(Kind::BadBody, "the body is empty: send an event or an array of events")),
    }
}

/// The lines that are not blank, with their numbers from 1.
pub(crate) fn lines(body: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = Some(body);
    let split = std::iter::from_fn(move || {
        let bytes = rest?;
        let end = memchr::memchr(b'\n', bytes);
        rest = end.and_then(|end| bytes.get(end + 1..));
        bytes.get(..end.unwrap_or(bytes.len()))
    });
    split.enumerate().map(|(index, line)| (index + 1, line.trim_ascii())).filter(|(_, line)| !line.is_empty())
}

impl<T: Taker> Parsed<T> {
    pub(crate) fn new(taker: T) -> Self {
        Self { taker, taken: 0, rejected: Vec::new(), forbidden: 0 }
    }

    fn add(&mut self, place: Place, event: Result<Event, InvalidEvent>) -> Result<(), Problem> {
        if self.taken + self.rejected.len() == EVENTS_PER_REQUEST_MAX {
            let detail = format!("more than {EVENTS_PER_REQUEST_MAX} events: send them in several requests");
            return Err(Problem::new(Kind::BodyTooLarge, detail));
        }
        if (place.index + 1).is_multiple_of(EVENTS_PER_TURN) {
            // A page that comes meanwhile would otherwise wait until all are read.
            thread::yield_now();
        }
        match event.map(|event| self.taker.take(event)) {
            Ok(Ok(())) => self.taken += 1,
            Ok(Err(error)) => {
                self.forbidden += 1;
                self.rejected.push(Rejected { index: place.index, line: place.line, error });
            }
            Err(error) => {
                let error = error.to_string();
                self.rejected.push(Rejected { index: place.index, line: place.line, error });
            }
        }
        Ok(())
    }

    /// Adds the next event of a body that is one document, or of a line.
    pub(crate) fn add_next(
        &mut self,
        line: Option<usize>,
        event: Result<Event, InvalidEvent>,
    ) -> Result<(), Problem> {
        let index = self.taken + self.rejected.len();
        self.add(Place { index, line }, event)
    }
}

#[cfg(feature = "fuzzing")]
impl Taker for Vec<Event> {
    fn take(&mut self, event: Event) -> Result<(), String> {
        self.push(event);
        Ok(())
    }
}

#[cfg(feature = "fuzzing")]
impl Parsed<Vec<Event>> {
    /// The good events, and how many bad ones there are.
    pub(crate) fn into_events(self) -> (Vec<Event>, usize) {
        (self.taker, self.rejected.len())
    }
}

/// Encodes events for the log, those that the writer may write.
pub(crate) struct Encoding<'w> {
    writer: &'w Principal,
    batch: BatchWriter,
}

impl<'w> Encoding<'w> {
    pub(crate) fn new(writer: &'w Principal) -> Self {
        Self { writer, batch: BatchWriter::default() }
    }
}

impl Taker for Encoding<'_> {
    fn expect(&mut self, events: usize, bytes: usize) {
        self.batch.reserve(events, bytes);
    }

    fn take(&mut self, event: Event) -> Result<(), String> {
        let organization = event.organization.as_ref().map(|named| named.id.as_str());
        let project = event.project.as_ref().map(|named| named.id.as_str());
        if self.writer.may(Role::Writer, organization, project) {
            self.batch.push(&event);
            return Ok(());
        }
        Err(match (organization, project) {
            (None, _) => "not allowed to write events without an organization".to_owned(),
            (Some(organization), None) => {
                format!("not allowed to write to organization `{organization}`")
            }
            (Some(organization), Some(project)) => {
                format!("not allowed to write to organization `{organization}`, project `{project}`")
            }
        })
    }
}

/// The events of a body that may be stored, ready for the log, and those that may not.
pub(crate) struct Checked {
    /// `None` when there are none.
    batch: Option<Batch>,
    rejected: Vec<Rejected>,
    /// How many of those the writer may not write.
    forbidden: usize,
}

impl Checked {
    /// Ends the encoding. It takes its time when there are many events.
    pub(crate) fn new(parsed: Parsed<Encoding<'_>>) -> Self {
        let Parsed { taker, taken, rejected, forbidden } = parsed;
        Self { batch: (taken > 0).then(|| taker.batch.finish()), rejected, forbidden }
    }
}

/// Stores what of the events may be stored.
///
/// # Errors
/// 403 when the writer may write none of them; otherwise what the store answers.
pub(crate) async fn record(app: &App, trail: &Arc<Trail>, checked: Checked) -> Result<Response, Problem> {
    let Checked { batch, rejected, forbidden } = checked;
    app.metrics.rejected(Rejection::Forbidden, forbidden);
    app.metrics.rejected(Rejection::Invalid, rejected.len() - forbidden);
    let Some(batch) = batch else {
        if let Some(first) = rejected.first().filter(|_| forbidden == rejected.len()) {
            return Err(Problem::new(Kind::Forbidden, format!("this credential is {}", first.error)));
        }
        return answer(trail, Recorded { accepted: 0, duplicates: 0, rejected }).await;
    };
    let appended = app.store.append(batch).await.map_err(|error| refused(trail, &error))?;
    app.metrics.recorded(appended.accepted, appended.duplicates);
    answer(trail, Recorded { accepted: appended.accepted, duplicates: appended.duplicates, rejected }).await
}

async fn answer(trail: &Arc<Trail>, recorded: Recorded) -> Result<Response, Problem> {
    if recorded.rejected.is_empty() {
        return Ok(json_response(json(&recorded)));
    }
    blocking(trail, move || json(&recorded)).await.map(json_response)
}

fn refused(trail: &Trail, error: &AppendError) -> Problem {
    let kind = match error {
        AppendError::Overloaded => Kind::Overloaded,
        AppendError::TooLarge { .. } => Kind::BodyTooLarge,
        AppendError::DiskLow { .. } => Kind::DiskLow,
        AppendError::Poisoned(_) => {
            tracing::error!(request_id = trail.id(), %error, "events were not stored");
            let detail = "the store refuses to write since an earlier write failed; it has to be restarted";
            return Problem::new(Kind::StoreStopped, detail);
        }
        AppendError::Closed => Kind::StoreStopped,
    };
    Problem::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn what_the_store_refuses_is_told_with_the_time_to_come_back() {
        let trail = Trail::begin(&HeaderMap::new());
        for (error, status, retry_after) in [
            (AppendError::Overloaded, StatusCode::TOO_MANY_REQUESTS, Some("1")),
            (AppendError::TooLarge { bytes: 1, events: 1 }, StatusCode::PAYLOAD_TOO_LARGE, None),
            (AppendError::DiskLow { free: 1, needed: 2 }, StatusCode::SERVICE_UNAVAILABLE, Some("30")),
            (
                AppendError::Poisoned("disk sda1 is gone".to_owned()),
                StatusCode::SERVICE_UNAVAILABLE,
                Some("30"),
            ),
            (AppendError::Closed, StatusCode::SERVICE_UNAVAILABLE, Some("30")),
        ] {
            let problem = refused(&trail, &error);
            assert!(!problem.detail.contains("sda1"), "{}", problem.detail);
            let response = problem.write(trail.id(), false);
            assert_eq!(response.status(), status, "{error}");
            let found = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(found, retry_after, "{error}");
        }
    }

    #[test]
    fn lines_are_numbered_from_one_and_blank_ones_left_out() {
        let found: Vec<(usize, &[u8])> = lines(b"a\r\n\n \t\nb\n\nc").collect();
        assert_eq!(found, [(1, &b"a"[..]), (4, b"b"), (6, b"c")]);
        assert_eq!(lines(b"").count(), 0);
    }
}
