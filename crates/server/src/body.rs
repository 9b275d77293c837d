//! Reads bodies of requests: within their limit before and after decompression, and within the memory that all bodies
//! together may fill. What a body means is not known here.

use std::{error::Error, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    app::App,
    limits::BODY_UNIT_BYTES,
    native::problem::{Kind, Problem},
    observe::trail::Trail,
};

/// Encodings a body may have.
const ENCODINGS: [&str; 3] = ["gzip", "zstd", "identity"];

/// A body in memory, and its place in the memory for bodies.
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

/// The layer around decompression: refuses encodings that are not understood.
pub(crate) async fn check_encoding(mut request: Request, next: Next) -> Response {
    let mut encodings = request.headers().get_all(header::CONTENT_ENCODING).iter();
    let (given, second) = (encodings.next(), encodings.next());
    let Some(given) = given else { return next.run(request).await };
    let known = ENCODINGS.iter().find(|known| given.as_bytes().eq_ignore_ascii_case(known.as_bytes()));
    let Some(known) = known.filter(|_| second.is_none()) else {
        let given = String::from_utf8_lossy(given.as_bytes());
        let detail = format!("the content encoding `{given}` is not understood: send gzip, zstd or none");
        return Problem::new(Kind::UnsupportedMediaType, detail)
            .header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"))
            .into_response();
    };
    // The layer within compares byte by byte.
    request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(known));
    next.run(request).await
}

/// The layer that ends a body after so many bytes as they are sent.
pub(crate) fn limit_sent(request: Request, bytes_max: usize) -> Request {
    request.map(|body| Body::new(Limited::new(body, bytes_max)))
}

/// Reads a body to its end.
pub(crate) async fn read(app: &App, trail: &Trail, body: Body, bytes_max: usize) -> Result<Held, Problem> {
    let mut body = body;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut place: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| cannot_read(&error, bytes_max))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = first.len() + all.len() + data.len();
        if length > bytes_max {
            return Err(too_large(bytes_max));
        }
        take_place(app, &mut place, length)?;
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if !first.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    trail.set_body_read();
    Ok(Held { bytes: if all.is_empty() { first } else { all.freeze() }, _place: place })
}

/// Makes the place in memory large enough for `length` bytes.
fn take_place(app: &App, place: &mut Option<OwnedSemaphorePermit>, length: usize) -> Result<(), Problem> {
    let held = place.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let missing = length.div_ceil(BODY_UNIT_BYTES).saturating_sub(held);
    if missing == 0 {
        return Ok(());
    }
    let missing = u32::try_from(missing).map_err(|_| too_large(length))?;
    let more = Arc::clone(&app.bodies).try_acquire_many_owned(missing).map_err(|_| {
        let most = app.limits.bodies_bytes_max;
        let detail = format!("bodies of more than {most} bytes are being received at once: try again later");
        Problem::new(Kind::BodiesTooLarge, detail)
    })?;
    match place {
        Some(place) => place.merge(more),
        None => *place = Some(more),
    }
    Ok(())
}

fn too_large(bytes_max: usize) -> Problem {
    let detail =
        format!("more than {bytes_max} bytes, sent or decompressed: send the events in several requests");
    Problem::new(Kind::BodyTooLarge, detail)
}

fn cannot_read(error: &axum::Error, bytes_max: usize) -> Problem {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<LengthLimitError>() {
            return too_large(bytes_max);
        }
        cause = inner.source();
    }
    Problem::new(Kind::BadBody, format!("the body broke off or is not in its content encoding: {error}"))
}
