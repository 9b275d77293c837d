//! The tail: events that are in the log but not in a segment yet, indexed in memory.
//!
//! One part of it is active and grows; full parts are frozen and wait to be sealed. Both are a [`TailPart`]; readers
//! ask a [`TailView`] of it, which holds what was there when it was taken. The part's lock is held only while a
//! condition is evaluated or one event is read, never between.

mod contents;
mod matches;
mod select;
#[cfg(test)]
mod tests;
mod values;

use std::{
    ops::RangeInclusive,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use annals_model::{Event, Filter, Timestamp};
use uuid::Uuid;

use self::contents::Contents;
use crate::{
    Damage,
    batch::Chunk,
    codec::{CodecError, View},
    files::NewFile,
    query::{
        follow::{Gathering, Stretch},
        part::{Identity, Matches, Part, Span},
    },
    segment::{SegmentMeta, WriteError, write_segment},
};

pub(crate) use self::contents::{Arrival, hash_of};

/// Events that are added while the lock is held once and before other threads may go first, so that readers never wait
/// long.
const INSERT_SLICE: usize = 32;

/// How long the writer lets readers go before it takes the lock again: a lock goes to whoever asks first when it is free,
/// and that is the thread that just held it.
const HAND_OVER_MAX: Duration = Duration::from_millis(1);

/// Events that a reader takes while the part is locked once, to read them when it is not: whoever locked it for every
/// event would wait for the writer as often.
const READ_AHEAD: usize = 64;

/// New events up to which following the tail reads them one by one.
const READ_MAX: u32 = 256;

/// A part of the tail.
#[derive(Debug)]
pub(crate) struct TailPart {
    contents: RwLock<Growing>,
    /// Readers that wait for the lock.
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Growing {
    contents: Contents,
    span: Option<Span>,
}

impl TailPart {
    pub(crate) fn new() -> Self {
        Self {
            contents: RwLock::new(Growing { contents: Contents::new(), span: None }),
            waiting: AtomicUsize::new(0),
        }
    }

    /// An empty part with room for about as much as another one holds, so that hardly anything is copied while it grows.
    pub(crate) fn with_room_of(other: &Self) -> Self {
        let contents = Contents::with_room_of(&other.read().contents);
        Self { contents: RwLock::new(Growing { contents, span: None }), waiting: AtomicUsize::new(0) }
    }

    /// Readers of a part whose writer died mid-way still find everything that has a number.
    fn read(&self) -> RwLockReadGuard<'_, Growing> {
        match self.contents.try_read() {
            Ok(growing) => return growing,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
        self.waiting.fetch_add(1, Relaxed);
        let growing = self.contents.read().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Relaxed);
        growing
    }

    /// Locks the part for its writer, behind those who wait to read.
    fn write(&self) -> RwLockWriteGuard<'_, Growing> {
        if self.waiting.load(Relaxed) > 0 {
            let begun = Instant::now();
            while self.waiting.load(Relaxed) > 0 && begun.elapsed() < HAND_OVER_MAX {
                thread::yield_now();
            }
        }
        self.contents.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds events of a chunk, of which the caller has made sure that they are new and that their `seq` ascends. Where
    /// this fails, those before are there.
    pub(crate) fn insert(
        &self,
        chunk: &Chunk,
        recorded: Timestamp,
        arrivals: &[Arrival],
    ) -> Result<(), CodecError> {
        if arrivals.is_empty() {
            return Ok(());
        }
        let bytes = chunk.bytes.clone();
        let (place, first_new) = {
            let mut growing = self.write();
            (growing.contents.add_chunk(bytes, recorded), growing.contents.len())
        };
        let mut read = Ok(());
        let mut slice = Vec::with_capacity(INSERT_SLICE);
        for (number, arrivals) in arrivals.chunks(INSERT_SLICE).enumerate() {
            if number > 0 {
                thread::yield_now();
            }
            slice.clear();
            read = arrivals.iter().try_for_each(|arrival| {
                slice.push((*arrival, View::read(chunk.event(arrival.bounds))?));
                Ok(())
            });
            self.write().contents.insert(place, &slice);
            if read.is_err() {
                break;
            }
        }
        // Nobody sees them before they are among those that the span counts.
        let mut growing = self.write();
        let growing = &mut *growing;
        growing.contents.put_in_order(first_new);
        for position in (first_new..growing.contents.len()).filter_map(|new| growing.contents.position(new)) {
            let span = growing.span.get_or_insert(Span { first: position, last: position, events: 0 });
            span.first = span.first.min(position);
            span.last = span.last.max(position);
            span.events += 1;
        }
        read
    }

    /// Which of these are here; each with [`hash_of`] it.
    pub(crate) fn holds_each(&self, identities: &[(Identity<'_>, u64)]) -> Vec<bool> {
        let growing = self.read();
        identities.iter().map(|(identity, hash)| growing.contents.holds(identity, *hash)).collect()
    }

    /// How many events.
    pub(crate) fn len(&self) -> usize {
        self.read().contents.len() as usize
    }

    /// Bytes of the encoded events.
    pub(crate) fn bytes(&self) -> usize {
        self.read().contents.bytes()
    }

    /// What is here now; `None` when that is nothing.
    pub(crate) fn view(self: &Arc<Self>) -> Option<TailView> {
        let growing = self.read();
        let span = growing.span?;
        let length = span.events as u32;
        let seq = |number: u32| growing.contents.position(number).map(|position| position.seq);
        // Numbers are given in the order of the log.
        let seqs = seq(0)?..=seq(length.checked_sub(1)?)?;
        Some(TailView { part: Arc::clone(self), length, span, seqs })
    }

    /// Writes everything that is here into a segment file.
    pub(crate) fn seal(&self, file: Box<dyn NewFile>) -> Result<SegmentMeta, WriteError> {
        write_segment(file, &self.read().contents)
    }

    /// Every event, in order of `seq`.
    #[cfg(test)]
    pub(crate) fn events(&self) -> Result<Vec<Event>, Damage> {
        let growing = self.read();
        let contents = &growing.contents;
        (0..contents.len()).map(|number| contents.event(number).map_err(unreadable)).collect()
    }

    /// A part of events that have their `seq` and `recorded` already.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of_events(events: &[Event]) -> Result<Self, CodecError> {
        let part = Self::new();
        for event in events {
            let mut bytes = Vec::new();
            crate::codec::encode(event, &mut bytes);
            let bounds = (0, bytes.len() as u32);
            let chunk = Chunk { bytes: bytes.into(), bounds: vec![bounds] };
            part.insert(&chunk, event.recorded, &chunk.arrivals(event.seq)?)?;
        }
        Ok(part)
    }
}

/// The bytes of every event were read when it came in, so this says that memory was overwritten.
fn unreadable(error: CodecError) -> Damage {
    Damage { file: "the tail".into(), place: "an event in memory".into(), reason: error.to_string() }
}

/// What was in a part of the tail at one moment.
#[derive(Debug)]
pub(crate) struct TailView {
    part: Arc<TailPart>,
    length: u32,
    span: Span,
    seqs: RangeInclusive<u64>,
}

impl Part for TailView {
    fn span(&self) -> Span {
        self.span
    }

    fn seqs(&self) -> RangeInclusive<u64> {
        self.seqs.clone()
    }

    fn follow(
        &self,
        condition: &Filter,
        stretch: Stretch,
        page: &mut Gathering,
    ) -> Result<Option<u64>, Damage> {
        let numbers = {
            let (from, to) = self.part.read().contents.numbers_within(stretch, self.length);
            // For a few new events it costs less to read them than to ask the indexes of all.
            if to - from <= READ_MAX {
                Vec::from_iter(from..to)
            } else {
                select::among(&self.part, self.length, from..to, condition).map_err(unreadable)?
            }
        };
        // A page that parts before this one filled ends where they did.
        let mut reached = stretch.after.max(self.seqs.start().saturating_sub(1));
        for number in numbers {
            if page.is_full() {
                return Ok(Some(reached));
            }
            // The lock is not held while others wait to write.
            let event = self.part.read().contents.event(number).map_err(unreadable)?;
            reached = event.seq;
            page.judge(condition, event);
        }
        Ok(None)
    }

    fn select<'p>(&'p self, condition: &Filter) -> Result<Box<dyn Matches + 'p>, Damage> {
        let chosen = select::select(&self.part, self.length, condition).map_err(unreadable)?;
        Ok(Box::new(matches::TailMatches::new(&self.part, self.length, chosen)))
    }

    fn holds(&self, identity: &Identity<'_>) -> Result<bool, Damage> {
        Ok(self.part.read().contents.holds(identity, hash_of(identity)))
    }

    fn find(&self, id: Uuid) -> Result<Vec<Event>, Damage> {
        let growing = self.part.read();
        let contents = &growing.contents;
        contents
            .find(id)
            .filter(|&number| number < self.length)
            .map(|number| contents.event(number).map_err(unreadable))
            .collect()
    }
}
