//! The write path: a group of batches becomes one row of the log, and when that is durable its events come into the
//! tail. Replaying the log after a start takes the same steps, so that it decides alike which events are duplicates.

use std::{collections::VecDeque, sync::atomic::Ordering::Relaxed, thread, time::Instant};

use annals_model::Timestamp;
use hashbrown::{HashTable, hash_table::Entry};

use crate::{
    Damage,
    batch::{Chunk, Row},
    catalog::CatalogError,
    codec::{CodecError, identity_of},
    error::AppendError,
    layout::Layout,
    maintenance::SealerOrder,
    query::part::{Identity, Part},
    queue::Pending,
    segment::hash_of_id,
    shared::{Appender, Shared},
    space::Low,
    status::{add, keep},
    tail::{Arrival, hash_of},
};

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appended {
    /// Events that were new.
    pub accepted: u64,
    /// Events that were there before, or twice in the batch.
    pub duplicates: u64,
    /// What became of each event, in the order of the batch.
    pub outcomes: Vec<Taken>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is stored.
    New {
        /// Its place in the log.
        seq: u64,
    },
    /// An event of the same organization, source and id was stored before.
    Duplicate,
}

/// Runs until the queue is closed and empty.
pub(crate) fn run(shared: &Shared) {
    while let Some(group) = shared.queue.take(shared.options.group_bytes_max) {
        write_group(shared, group);
    }
}

/// Writes a group and tells everybody in it what became of it.
pub(crate) fn write_group(shared: &Shared, group: Vec<Pending>) {
    // Dropped in reverse: should this thread panic, the reason is known before anybody hears of it.
    let mut group = VecDeque::from(group);
    let _guard = PoisonOnPanic(shared);
    if let Err(refusal) = write(shared, &mut group) {
        for pending in group.drain(..) {
            let _ = pending.reply.send(Err(refusal.clone()));
        }
    }
}

struct PoisonOnPanic<'s>(&'s Shared);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.health.poison("the writer thread panicked");
        }
    }
}

/// Writes a group and tells everybody in it, the first to come first. What is left in the group when this fails is to
/// be told why.
fn write(shared: &Shared, group: &mut VecDeque<Pending>) -> Result<(), AppendError> {
    if let Some(reason) = shared.health.poisoned() {
        return Err(AppendError::Poisoned(reason));
    }
    if let Some(Low { free, needed }) = shared.space.low().or_else(|| shared.stuck()) {
        return Err(AppendError::DiskLow { free, needed });
    }
    if !shared.wait_for_room(shared.options.room_wait) {
        return Err(match shared.stuck() {
            Some(Low { free, needed }) => AppendError::DiskLow { free, needed },
            None => AppendError::Overloaded,
        });
    }

    let mut appender = shared.appender();
    let (mut seq, recorded) = commit(shared, &mut appender, group)?;
    let layout = shared.layout();
    while let Some(pending) = group.front() {
        let mut outcomes = Vec::with_capacity(pending.batch.len());
        for chunk in &pending.batch.chunks {
            let taken = apply(&layout, chunk, seq, recorded).map_err(|damage| {
                // The events are in the log, but whether they are new cannot be known.
                let reason = damage.to_string();
                shared.health.poison(&reason);
                AppendError::Poisoned(reason)
            })?;
            outcomes.extend(taken);
            seq += chunk.bounds.len() as u64;
        }
        let accepted = outcomes.iter().filter(|taken| **taken != Taken::Duplicate).count() as u64;
        let duplicates = outcomes.len() as u64 - accepted;
        add(&shared.counters.appended, accepted);
        add(&shared.counters.duplicates, duplicates);
        // Who is told that their events are stored finds them in the log from now on.
        shared.applied.send_replace(seq.saturating_sub(1));
        if let Some(pending) = group.pop_front() {
            // Nobody listens when the request was given up; the events are stored all the same.
            let _ = pending.reply.send(Ok(Appended { accepted, duplicates, outcomes }));
        }
    }

    if shared.is_full(&appender) {
        shared.freeze(&mut appender);
        shared.mailboxes.tell_sealer(SealerOrder::Look);
    }
    Ok(())
}

/// Makes a group one row of the log. It is durable when this returns.
fn commit(
    shared: &Shared,
    appender: &mut Appender,
    group: &VecDeque<Pending>,
) -> Result<(u64, Timestamp), AppendError> {
    let events = group.iter().map(|pending| pending.batch.len() as u64).sum();
    let bytes = group.iter().map(|pending| pending.batch.payload.len()).sum();
    let mut payload = Vec::with_capacity(bytes);
    group.iter().for_each(|pending| payload.extend_from_slice(&pending.batch.payload));
    let row = Row::new(appender.next_seq, events, shared.clock.now(), payload);
    let begun = Instant::now();
    shared.change(|catalog| catalog.append(&row)).map_err(|error| match error {
        CatalogError::Busy(_) => AppendError::Overloaded,
        CatalogError::Full(_) => {
            let Low { free, needed } = shared.space.shortage();
            AppendError::DiskLow { free, needed }
        }
        error => AppendError::Poisoned(error.to_string()),
    })?;
    keep(&shared.counters.commit_us_last, begun.elapsed());
    add(&shared.counters.groups, 1);
    shared.count_log(1, row.payload.len() as i64);
    shared.last_seq.store(row.end_seq() - 1, Relaxed);
    appender.took(&row);
    Ok((row.first_seq, row.recorded))
}

/// Brings the events of a chunk that is in the log into the active tail, except those that are known already.
/// Their places in the log begin at `first_seq`; a duplicate's place stays empty.
pub(crate) fn apply(
    layout: &Layout,
    chunk: &Chunk,
    first_seq: u64,
    recorded: Timestamp,
) -> Result<Vec<Taken>, Damage> {
    let unreadable = |error: CodecError| Damage {
        file: "the log".to_owned(),
        place: format!("the events from {first_seq} on"),
        reason: error.to_string(),
    };
    let identities: Vec<(Identity<'_>, u64)> = chunk
        .bounds
        .iter()
        .map(|&bounds| {
            let identity = identity_of(chunk.event(bounds))?;
            Ok((identity, hash_of(&identity)))
        })
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    let mut known = vec![false; identities.len()];
    for tail in layout.tails() {
        for (known, held) in known.iter_mut().zip(tail.holds_each(&identities)) {
            *known |= held;
        }
    }
    // Segment by segment: the processor then waits for the memory of many events at once.
    let id_hashes: Vec<u64> =
        identities.iter().map(|(identity, _)| hash_of_id(identity.id.as_bytes())).collect();
    for listed in &layout.segments {
        for ((known, (identity, _)), id_hash) in known.iter_mut().zip(&identities).zip(&id_hashes) {
            *known = *known || listed.segment.may_hold_id(*id_hash)? && listed.segment.holds(identity)?;
        }
    }
    let mut here = HashTable::with_capacity(identities.len());
    for (place, (known, (identity, hash))) in known.iter_mut().zip(&identities).enumerate() {
        if *known {
            continue;
        }
        let of = |place: usize| identities.get(place);
        let is_same = |&place: &usize| of(place).is_some_and(|(other, _)| other == identity);
        match here.entry(*hash, is_same, |&place| of(place).map_or(0, |(_, hash)| *hash)) {
            Entry::Occupied(_) => *known = true,
            Entry::Vacant(vacant) => drop(vacant.insert(place)),
        }
    }

    let mut outcomes = Vec::with_capacity(identities.len());
    let mut arrivals = Vec::with_capacity(identities.len());
    for (((known, (_, hash)), &bounds), seq) in
        known.into_iter().zip(identities).zip(&chunk.bounds).zip(first_seq..)
    {
        if known {
            outcomes.push(Taken::Duplicate);
        } else {
            outcomes.push(Taken::New { seq });
            arrivals.push(Arrival { bounds, seq, identity_hash: hash });
        }
    }
    layout.active.insert(chunk, recorded, &arrivals).map_err(unreadable)?;
    Ok(outcomes)
}
