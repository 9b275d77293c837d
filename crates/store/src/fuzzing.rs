//! What reads bytes from the disk, opened for fuzzing: the log's events and rows, and segment files.
//!
//! It is no part of a server: it is there with the feature `fuzzing` alone. It judges nothing; what must hold is said
//! by the targets.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use annals_model::{Event, Field, Filter, Order, Timestamp};
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Batch, Damage,
    batch::{Chunk, Row, RowError},
    codec::{View, encode},
    files::{Files, SystemFiles},
    objects::Objects,
    query::part::Part,
    segment::{PAGE_BYTES, Segment},
    tail::TailPart,
};

/// Where a segment file's trailer begins, from the end of the file: the footer's offset.
const TRAILER_FROM_END: usize = 32;
/// Where the digest of the footer is, from the end of the file.
const FOOTER_DIGEST_FROM_END: usize = 16;
/// Where in the footer the offset of the page checksums is.
const CHECKSUMS_IN_FOOTER: usize = 64;
/// Where in the footer the digest of the page checksums is.
const CHECKSUMS_DIGEST_IN_FOOTER: usize = 80;
/// Magic and version, which are compared and not read.
const HEAD_BYTES: usize = 12;

/// The bytes of an event in the log.
pub fn encode_event(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(event, &mut bytes);
    bytes
}

/// Reads the bytes of one event of the log.
pub fn read_event(bytes: &[u8]) -> Option<Event> {
    let view = View::read(bytes).ok()?;
    for field in Field::FIXED {
        view.visit(field, |_| {});
    }
    Some(view.to_event(0, Timestamp::default()))
}

/// What the row of a log holds for these events.
pub fn encode_row(events: Vec<Event>) -> Vec<u8> {
    Batch::new(events).payload
}

/// Reads what a row of the log holds, behind a checksum that fits.
pub fn read_row(payload: &[u8]) -> Option<Vec<Event>> {
    let row = |events| Row::new(1, events, Timestamp::default(), payload.to_owned());
    let chunks = match row(0).chunks() {
        Err(RowError::Count { found, .. }) => row(found).chunks().ok()?,
        answer => answer.ok()?,
    };
    let views = chunks.iter().flat_map(Chunk::views);
    views.map(|view| view.map(|view| view.to_event(0, Timestamp::default())).ok()).collect()
}

/// Writes a segment file.
///
/// # Errors
/// When it cannot be written.
pub fn write_segment_file(path: &Path, events: &[Event]) -> Result<(), String> {
    let part = TailPart::of_events(events).map_err(|error| error.to_string())?;
    let file = SystemFiles.create(path).map_err(|error| error.to_string())?;
    part.seal(file).map(drop).map_err(|error| error.to_string())
}

/// Changes the contents of a whole segment file and writes the checksums anew, as somebody would who wants to harm the
/// reader; `None` when the bytes are no such file.
pub fn reseal_segment(mut bytes: Vec<u8>, change: impl FnOnce(&mut [u8])) -> Option<Vec<u8>> {
    let end = bytes.len();
    let number = |bytes: &[u8], at: usize| {
        let eight = bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        usize::try_from(u64::from_le_bytes(eight)).ok()
    };
    let footer_at = number(&bytes, end.checked_sub(TRAILER_FROM_END)?)?;
    let checksums_at = number(&bytes, footer_at.checked_add(CHECKSUMS_IN_FOOTER)?)?;
    change(bytes.get_mut(HEAD_BYTES..checksums_at)?);
    let pages = bytes.get(..checksums_at)?.chunks(PAGE_BYTES);
    let sums: Vec<u8> = pages.flat_map(|page| xxh3_64(page).to_le_bytes()).collect();
    let place = bytes.get_mut(checksums_at..footer_at).filter(|place| place.len() == sums.len())?;
    place.copy_from_slice(&sums);
    let digest_at = footer_at.checked_add(CHECKSUMS_DIGEST_IN_FOOTER)?;
    bytes.get_mut(digest_at..digest_at.checked_add(8)?)?.copy_from_slice(&xxh3_64(&sums).to_le_bytes());
    let digest = xxh3_64(bytes.get(footer_at..end - TRAILER_FROM_END)?).to_le_bytes();
    bytes.get_mut(end - FOOTER_DIGEST_FROM_END..end - 8)?.copy_from_slice(&digest);
    Some(bytes)
}

/// Opens a segment file, asks everything that can be asked of it and checks it.
///
/// # Errors
/// The first damage that was met.
pub fn ask_segment(path: &Path) -> Result<Vec<Event>, Damage> {
    let objects = Objects::new(Arc::new(SystemFiles), PathBuf::new());
    let segment = Segment::open(objects.open(&path.to_string_lossy())?, "fuzzed")?;
    let filters = [
        Filter::all(),
        Filter::Prefix(Field::TargetId, "a".to_owned()),
        Filter::term(Field::Outcome, "success").negate(),
        Filter::Exists(Field::Label("profile_id".to_owned())),
        Filter::Text("create".to_owned()),
    ];
    let mut answers = Vec::new();
    for filter in &filters {
        answers.push(ask(&segment, filter));
    }
    // What the checksums hide in one index need not keep the others from being read.
    let verified = segment.verify();
    let mut events = Vec::new();
    let mut matches = segment.select(&Filter::all())?;
    matches.begin(Order::Ascending, None)?;
    while let Some(event) = matches.take()? {
        events.push(event);
    }
    if let Some(event) = events.first() {
        segment.find(event.id)?;
    }
    answers.into_iter().collect::<Result<Vec<()>, Damage>>()?;
    verified?;
    Ok(events)
}

fn ask(segment: &Segment, filter: &Filter) -> Result<(), Damage> {
    /// Events that are looked at in each direction.
    const TAKEN: usize = 20;
    let mut matches = segment.select(filter)?;
    let count = matches.count()?;
    matches.position_at(count / 2)?;
    for order in [Order::Ascending, Order::Descending] {
        matches.begin(order, None)?;
        for _ in 0..TAKEN {
            if matches.peek()?.is_none() || matches.take()?.is_none() {
                break;
            }
        }
    }
    matches.group(&Field::Action, &mut HashMap::new())
}
