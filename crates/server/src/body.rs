//! Reads bodies of requests: within their limit before and after decompression, and within the memory that all bodies
//! together may fill. What a body means is not known here.
//!
//! A body is decompressed when all of it is there, on a blocking thread. Several gzip members or zstd frames one after
//! another are one body (RFC 1952, RFC 8878); what follows them and is neither is an error, because leaving it out would
//! lose events without a word.

use std::{error::Error, io::Read, sync::Arc};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    app::{App, blocking},
    limits::{BODY_RESERVED_BYTES_MAX, BODY_UNIT_BYTES, ZSTD_WINDOW_LOG_MAX},
    native::problem::{Kind, Problem},
    observe::trail::Trail,
};

/// A body in memory, and its place in the memory for bodies.
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    place: Place,
}

impl Held {
    /// A body that nobody else has to share memory with.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn alone(bytes: Bytes, memory_bytes: usize) -> Self {
        Self { bytes, place: Place::alone(memory_bytes) }
    }

    /// Takes memory for so many bytes beside the body, until the body is dropped.
    ///
    /// # Errors
    /// 429 when there is not so much.
    pub(crate) fn make_room(&mut self, bytes: usize) -> Result<(), Problem> {
        self.place.grow(self.bytes.len() + bytes)
    }
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// Reads a body to its end and decompresses it.
///
/// # Errors
/// 415 for an unknown encoding, 413 for a body that is too large, 429 when all bodies together are, 400 when it
/// breaks off or is not in its encoding.
pub(crate) async fn read(
    app: &App,
    trail: &Arc<Trail>,
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Held, Problem> {
    let encoding = encoding(headers)?;
    let mut place = Place::new(app);
    let bytes = receive(body, bytes_max, &mut place).await?;
    trail.set_body_read();
    if encoding == Encoding::Identity {
        return Ok(Held { bytes, place });
    }
    blocking(trail, move || {
        let mut place = place;
        let bytes = decompress(&bytes, encoding, bytes_max, &mut place)?;
        Ok(Held { bytes: bytes.into(), place })
    })
    .await?
}

async fn receive(body: Body, bytes_max: usize, place: &mut Place) -> Result<Bytes, Problem> {
    let mut body = Limited::new(body, bytes_max);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&*error, bytes_max))?;
        let Ok(data) = frame.into_data() else { continue };
        place.grow(first.len() + all.len() + data.len())?;
        if first.is_empty() && all.is_empty() {
            // Most bodies come in one piece and need not be copied.
            first = data;
            continue;
        }
        if all.is_empty() {
            let announced = usize::try_from(body.size_hint().lower()).unwrap_or(bytes_max);
            all.reserve(first.len() + data.len() + announced.min(BODY_RESERVED_BYTES_MAX));
        }
        all.extend_from_slice(&std::mem::take(&mut first));
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn decompress(
    sent: &[u8],
    encoding: Encoding,
    bytes_max: usize,
    place: &mut Place,
) -> Result<Vec<u8>, Problem> {
    let wrong = |error: std::io::Error| {
        let name = if encoding == Encoding::Gzip { "gzip" } else { "zstd" };
        Problem::new(Kind::BadBody, format!("the body is not whole and valid {name}: {error}"))
    };
    let mut decoder: Box<dyn Read + '_> = match encoding {
        Encoding::Identity => Box::new(sent),
        Encoding::Gzip => Box::new(MultiGzDecoder::new(sent)),
        Encoding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(sent).map_err(wrong)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(wrong)?;
            Box::new(decoder)
        }
    };
    let mut all = Vec::new();
    loop {
        let before = all.len();
        // The place is taken before it is filled; what was sent stays in memory beside it.
        place.grow(sent.len() + before + BODY_UNIT_BYTES)?;
        decoder.by_ref().take(BODY_UNIT_BYTES as u64).read_to_end(&mut all).map_err(wrong)?;
        if all.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        if all.len() == before {
            return Ok(all);
        }
    }
}

/// Decompresses gzip or zstd within so many bytes.
#[cfg(feature = "fuzzing")]
pub(crate) fn decompress_alone(sent: &[u8], is_gzip: bool, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let encoding = if is_gzip { Encoding::Gzip } else { Encoding::Zstd };
    decompress(sent, encoding, bytes_max, &mut Place::alone(bytes_max * 2))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let mut given = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(first) = given.next() else { return Ok(Encoding::Identity) };
    let text = String::from_utf8_lossy(first.as_bytes());
    match text.to_ascii_lowercase().as_str() {
        _ if given.next().is_some() => {}
        "identity" => return Ok(Encoding::Identity),
        "gzip" => return Ok(Encoding::Gzip),
        "zstd" => return Ok(Encoding::Zstd),
        _ => {}
    }
    let detail = format!("the content encoding `{text}` is not understood: send gzip, zstd or none");
    Err(Problem::new(Kind::UnsupportedMediaType, detail)
        .header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd")))
}

/// A place in the memory for bodies; it grows, and is given back when it is dropped.
struct Place {
    memory: Arc<Semaphore>,
    memory_bytes: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn new(app: &App) -> Self {
        Self { memory: Arc::clone(&app.bodies), memory_bytes: app.limits.bodies_bytes_max, held: None }
    }

    #[cfg(feature = "fuzzing")]
    fn alone(memory_bytes: usize) -> Self {
        Self { memory: Arc::new(Semaphore::new(memory_bytes / BODY_UNIT_BYTES)), memory_bytes, held: None }
    }

    /// Makes it large enough for so many bytes. Who needs more than there is takes all of it and goes on alone:
    /// otherwise it would be told for ever to come back later.
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = bytes.min(self.memory_bytes).div_ceil(BODY_UNIT_BYTES);
        let missing = wanted.saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.memory).try_acquire_many_owned(missing).map_err(|_| {
            let detail = format!(
                "all bodies together would fill more than {} bytes: try again later",
                self.memory_bytes
            );
            Problem::new(Kind::BodiesTooLarge, detail)
        })?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

fn too_large(bytes_max: usize) -> Problem {
    let detail =
        format!("more than {bytes_max} bytes, sent or decompressed: send the events in several requests");
    Problem::new(Kind::BodyTooLarge, detail)
}

fn broken(error: &(dyn Error + 'static), bytes_max: usize) -> Problem {
    if error.is::<LengthLimitError>() {
        return too_large(bytes_max);
    }
    Problem::new(Kind::BadBody, format!("the body broke off: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bytes: usize) -> Place {
        Place { memory: Arc::new(Semaphore::new(bytes / BODY_UNIT_BYTES)), memory_bytes: bytes, held: None }
    }

    #[test]
    fn one_may_have_all_memory_but_two_may_not() {
        let mut one = place(1 << 20);
        let mut two = Place { memory: Arc::clone(&one.memory), memory_bytes: 1 << 20, held: None };
        assert!(two.grow(1).is_ok());
        assert!(one.grow(2 << 20).is_err());
        drop(two);
        assert!(one.grow(2 << 20).is_ok());
        assert_eq!(one.memory.available_permits(), 0);
        let memory = Arc::clone(&one.memory);
        drop(one);
        assert_eq!(memory.available_permits(), 16);
    }

    fn kind(result: Result<Vec<u8>, Problem>) -> Result<Vec<u8>, Kind> {
        result.map_err(|problem| problem.kind)
    }

    #[test]
    fn frames_follow_each_other() {
        let one = zstd::encode_all(&b"one"[..], 1).unwrap();
        let two = zstd::encode_all(&b"two"[..], 1).unwrap();
        let both = [one.clone(), two].concat();
        let read = |bytes: &[u8]| kind(decompress(bytes, Encoding::Zstd, 100, &mut place(1 << 20)));
        assert_eq!(read(&both), Ok(b"onetwo".to_vec()));
        assert_eq!(read(&both[..both.len() - 1]), Err(Kind::BadBody));
        assert_eq!(read(&[one, b"more".to_vec()].concat()), Err(Kind::BadBody));
    }

    #[test]
    fn what_decompresses_to_too_much_is_refused_early() {
        let zeros = vec![0; 8 << 20];
        let sent = zstd::encode_all(&zeros[..], 1).unwrap();
        let read = |most, memory| kind(decompress(&sent, Encoding::Zstd, most, &mut place(memory)));
        assert_eq!(read(8 << 20, 16 << 20).map(|bytes| bytes.len()), Ok(8 << 20));
        assert_eq!(read((8 << 20) - 1, 16 << 20), Err(Kind::BodyTooLarge));
    }

    #[test]
    fn a_window_that_is_too_wide_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(25).unwrap();
        std::io::Write::write_all(&mut encoder, &vec![7; 40 << 20]).unwrap();
        let sent = encoder.finish().unwrap();
        assert_eq!(
            kind(decompress(&sent, Encoding::Zstd, 64 << 20, &mut place(128 << 20))),
            Err(Kind::BadBody)
        );
    }
}
