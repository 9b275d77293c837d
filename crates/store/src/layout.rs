//! Where the events are at one moment: segments, frozen parts of the tail, and the active one. A layout never changes;
//! a new one takes its place, so that a reader who holds one sees every event once.

use std::sync::Arc;

use crate::{query::part::Part, segment::Segment, tail::TailPart};

/// A segment that is open.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) name: Arc<str>,
    pub(crate) segment: Arc<Segment>,
}

/// A full part of the tail that waits to become a segment. It may be empty: then everything in its rows of the log was
/// there before, and only the log has to be cut.
#[derive(Clone)]
pub(crate) struct Frozen {
    pub(crate) part: Arc<TailPart>,
    /// The `seq` behind its rows of the log.
    pub(crate) end_seq: u64,
    /// Rows of the log and their bytes.
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

#[derive(Clone)]
pub(crate) struct Layout {
    /// Ordered by the lowest `seq`.
    pub(crate) segments: Vec<Listed>,
    /// The oldest first.
    pub(crate) frozen: Vec<Frozen>,
    pub(crate) active: Arc<TailPart>,
}

impl Layout {
    pub(crate) fn new(segments: Vec<Listed>) -> Self {
        Self { segments, frozen: Vec::new(), active: Arc::new(TailPart::new()) }
    }

    /// Everything that can be asked. Taken once a query, so that an event that moves meanwhile is seen once.
    pub(crate) fn parts(&self) -> Vec<Arc<dyn Part>> {
        let segments = self.segments.iter().map(|listed| Arc::clone(&listed.segment) as Arc<dyn Part>);
        segments
            .chain(self.tails().filter_map(|tail| Some(Arc::new(tail.view()?) as Arc<dyn Part>)))
            .collect()
    }

    /// The frozen parts and the active one.
    pub(crate) fn tails(&self) -> impl Iterator<Item = &Arc<TailPart>> {
        self.frozen.iter().map(|frozen| &frozen.part).chain([&self.active])
    }

    /// Without the oldest frozen part, with a segment in its place.
    pub(crate) fn with_sealed(&self, segment: Option<Listed>) -> Self {
        let mut next = self.clone();
        if !next.frozen.is_empty() {
            next.frozen.remove(0);
        }
        next.segments.extend(segment);
        next.segments.sort_by_key(|listed| listed.segment.meta().seq_first);
        next
    }

    /// With one segment in place of others.
    pub(crate) fn with_merged(&self, old: &[Listed], new: Listed) -> Self {
        let mut next = self.clone();
        next.segments.retain(|listed| old.iter().all(|gone| gone.name != listed.name));
        next.segments.push(new);
        next.segments.sort_by_key(|listed| listed.segment.meta().seq_first);
        next
    }
}
