//! The events of a run in the forms that the systems take them in.

mod ndjson;
pub(crate) mod sample;
mod table;

use annals_model::Event;
use annals_testkit::{Profile, bench_event};

pub(crate) use ndjson::{batches, json};
pub(crate) use sample::{Sample, Value};
pub(crate) use table::{Column, Kind, columns, rows};

/// The seed of the generated events: the same events in every run.
const SEED: u64 = 42;
/// Events of one request, and of one transaction of a peer that is loaded in small ones.
pub(crate) const BATCH_EVENTS: u64 = 1_000;

/// The event at a position.
pub(crate) fn event(index: u64, profile: Profile) -> Event {
    bench_event(SEED, index, profile)
}
