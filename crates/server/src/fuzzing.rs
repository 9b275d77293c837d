//! What reads bodies and parameters, opened for fuzzing.
//!
//! It is no part of a server: it is there with the feature `fuzzing` alone. It judges nothing; what must hold is said
//! by the targets.

use annals_dialects::{Dialect, Import};
use annals_model::{Clock, Event, Query, Scope, Timestamp};
use bytes::Bytes;

use crate::{
    body::{self, Held},
    native::{
        counts,
        filters::Parameters,
        import,
        ingest::{self, Form},
        problem::Problem,
    },
};

/// Memory for one body and its events.
const MEMORY_BYTES: usize = 64 << 20;

/// The good events of a body, and how many bad ones it has.
pub type Parsed = Result<(Vec<Event>, usize), String>;

fn detail(problem: Problem) -> String {
    problem.detail
}

fn form(is_lines: bool) -> Form {
    if is_lines { Form::Lines } else { Form::Json }
}

/// Reads the body of a recording: one JSON document, or one a line.
pub fn ingest(body: &[u8], is_lines: bool, clock: &dyn Clock) -> Parsed {
    let mut held = Held::alone(Bytes::copy_from_slice(body), MEMORY_BYTES);
    let parsed = ingest::parse(&mut held, form(is_lines), clock, Vec::new()).map_err(detail)?;
    Ok(parsed.into_events())
}

/// Reads the body of an import.
pub fn import(dialect: &dyn Dialect, body: &[u8], is_lines: bool, import: &Import) -> Parsed {
    let mut held = Held::alone(Bytes::copy_from_slice(body), MEMORY_BYTES);
    let parsed = import::parse(dialect, &mut held, form(is_lines), import, Vec::new()).map_err(detail)?;
    Ok(parsed.into_events())
}

/// For how many events of a body an import takes memory before it reads them.
pub fn events_expected(body: &[u8]) -> usize {
    import::events_max(body)
}

/// Reads the parameters of an import.
pub fn import_parameters(query: &str) -> Result<Import, String> {
    import::parameters(query).map_err(detail)
}

/// Reads the parameters of a native list and of a histogram.
pub fn list_parameters(query: &str, now: Timestamp) -> Result<Query, String> {
    let parameters = Parameters::parse(query, &["limit", "width"], now).map_err(detail)?;
    parameters.own("width").and_then(counts::width);
    let limit = parameters.number("limit", 1, 0..=1_000).map_err(detail)?;
    Ok(parameters.within(Scope::nothing()).limit(limit))
}

/// Decompresses a body, gzip or else zstd.
pub fn decompress(body: &[u8], is_gzip: bool, bytes_max: usize) -> Result<Vec<u8>, String> {
    body::decompress_alone(body, is_gzip, bytes_max).map_err(detail)
}
