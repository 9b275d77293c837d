//! How a store is set up: where it lives and every limit it keeps, with their defaults.

use std::{path::PathBuf, time::Duration};

use crate::segment;

/// Events after which the tail becomes a segment.
pub(crate) const SEAL_EVENTS: usize = 65_536;
/// Bytes of events in memory after which the tail becomes a segment, however few they are.
pub(crate) const SEAL_BYTES: usize = 40 << 20;
/// Age of its oldest event after which the tail becomes a segment, however small it is.
pub(crate) const SEAL_AGE: Duration = Duration::from_secs(15 * 60);
/// Neighbouring segments of about the same size that are merged into one.
pub(crate) const MERGE_FACTOR: usize = 8;
/// Events beyond which a segment is not merged any further.
pub(crate) const SEGMENT_EVENTS_MAX: usize = 64 * SEAL_EVENTS;
/// Free bytes on the disk below which nothing is written any more.
pub(crate) const FREE_BYTES_MIN: u64 = 512 << 20;
/// Bytes of events that wait to be written; beyond it appends are refused.
pub(crate) const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Events that wait to be written; beyond it appends are refused.
pub(crate) const QUEUE_EVENTS_MAX: usize = 200_000;
/// Bytes of events that are committed together.
pub(crate) const GROUP_BYTES_MAX: usize = 16 << 20;
/// Full tails that are not segments yet; beyond it writes wait, and are refused if that takes long. With one, a tail fills
/// while another is sealed; more let nobody write faster and cost their memory.
pub(crate) const FROZEN_PARTS_MAX: usize = 1;

/// How long a write waits for full tails to become segments before it is refused.
pub(crate) const ROOM_WAIT: Duration = Duration::from_secs(5);

/// How a store is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory everything lies in. One process at a time may use it.
    pub data_dir: PathBuf,
    /// Events after which the tail becomes a segment.
    pub seal_events: usize,
    /// Bytes of events in memory after which the tail becomes a segment.
    pub seal_bytes: usize,
    /// Age of its oldest event after which the tail becomes a segment.
    pub seal_age: Duration,
    /// Neighbouring segments of about the same size that are merged into one; 2 at least.
    pub merge_factor: usize,
    /// Events beyond which a segment is not merged any further.
    pub segment_events_max: usize,
    /// Free bytes on the disk below which appends are refused.
    pub free_bytes_min: u64,
    /// Bytes of events that wait to be written; beyond it appends are refused. One batch may not be larger.
    pub queue_bytes_max: usize,
    /// Events that wait to be written; beyond it appends are refused. One batch may not have more.
    pub queue_events_max: usize,
    /// Bytes of events that are committed together.
    pub group_bytes_max: usize,
    /// Full tails that are not segments yet; beyond it writes wait, and are refused if that takes long.
    pub frozen_parts_max: usize,
    /// How long a write waits for full tails to become segments before it is refused.
    pub room_wait: Duration,
}

impl Options {
    /// The defaults, in this directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            seal_events: SEAL_EVENTS,
            seal_bytes: SEAL_BYTES,
            seal_age: SEAL_AGE,
            merge_factor: MERGE_FACTOR,
            segment_events_max: SEGMENT_EVENTS_MAX,
            free_bytes_min: FREE_BYTES_MIN,
            queue_bytes_max: QUEUE_BYTES_MAX,
            queue_events_max: QUEUE_EVENTS_MAX,
            group_bytes_max: GROUP_BYTES_MAX,
            frozen_parts_max: FROZEN_PARTS_MAX,
            room_wait: ROOM_WAIT,
        }
    }

    /// The same, with what no store can do brought down to what it can: no part may outgrow a segment file.
    pub(crate) fn held_to_limits(self) -> Self {
        let events_max = segment::SEGMENT_EVENTS_MAX;
        Self {
            seal_events: self.seal_events.clamp(1, events_max / 2),
            queue_events_max: self.queue_events_max.min(events_max / 2),
            segment_events_max: self.segment_events_max.min(events_max),
            merge_factor: self.merge_factor.max(2),
            ..self
        }
    }
}
