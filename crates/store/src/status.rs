//! What a store says about itself.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use serde::Serialize;

/// What a store holds, what waits, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Status {
    /// All events.
    pub events: u64,
    /// Segment files.
    pub segments: u64,
    /// Bytes of segment files.
    pub segment_bytes: u64,
    /// Events that are not in a segment yet.
    pub tail_events: u64,
    /// Bytes of those in memory, without their indexes.
    pub tail_bytes: u64,
    /// Full tails that wait to become segments.
    pub frozen_parts: u64,
    /// Groups of batches in the log that are not in a segment yet.
    pub log_batches: u64,
    /// Bytes of those.
    pub log_bytes: u64,
    /// Events that wait to be written.
    pub queue_events: u64,
    /// Bytes of those.
    pub queue_bytes: u64,
    /// The last place in the log that was given away; 0 before the first.
    pub last_seq: u64,
    /// Why appends are refused now, if they are.
    pub refusing: Option<Refusing>,
    /// The last failure of sealing or merging, until one succeeds.
    pub maintenance_error: Option<String>,
    /// What was done since the store was opened.
    pub counters: Counters,
}

/// Why appends are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Refusing {
    /// The disk is nearly full; ends by itself when there is space again.
    DiskLow {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be free.
        needed: u64,
    },
    /// A write failed; ends with a restart.
    Poisoned {
        /// What failed.
        error: String,
    },
    /// The store was closed.
    Closed,
}

macro_rules! counters {
    ($($name:ident: $doc:literal,)*) => {
        /// What was done since the store was opened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
        pub struct Counters {
            $(#[doc = $doc] pub $name: u64,)*
        }

        /// The same, counted by several threads.
        #[derive(Debug, Default)]
        pub(crate) struct AtomicCounters {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl AtomicCounters {
            pub(crate) fn snapshot(&self) -> Counters {
                Counters { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

counters! {
    appended: "Events taken that were new.",
    duplicates: "Events taken that were there before.",
    groups: "Groups of batches that were committed together.",
    overloads: "Batches refused because too much waited.",
    seals: "Tails that became segments.",
    merges: "Merges of segments.",
    merged_events: "Events written again by merges.",
    swept: "Files removed that were not or no longer needed.",
    failures: "Seals and merges that failed and were tried again.",
    commit_us_last: "Duration of the last commit, in microseconds.",
    seal_us_last: "Duration of the last seal, in microseconds.",
    merge_us_last: "Duration of the last merge, in microseconds.",
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Relaxed);
}

/// Keeps a duration in a counter of microseconds.
pub(crate) fn keep(counter: &AtomicU64, duration: Duration) {
    counter.store(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX), Relaxed);
}
