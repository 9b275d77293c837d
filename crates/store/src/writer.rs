//! The write path: a group of batches becomes one row of the log, and when that is durable its events come into the
//! tail. Replaying the log after a start takes the same steps, so that it decides alike which events are duplicates.

use std::{
    collections::HashSet,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use annals_model::Timestamp;

use crate::{
    Damage,
    batch::{Chunk, Row},
    catalog::CatalogError,
    error::AppendError,
    layout::Layout,
    maintenance::SealerOrder,
    query::part::{Identity, Part},
    queue::Pending,
    shared::Shared,
    space::Low,
    status::{add, keep},
    tail::{Arrival, identity_of},
};

/// How long a group waits for full tails to be sealed before it is refused.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(5);

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
        write(shared, group);
    }
}

/// Writes a group and tells everybody in it.
fn write(shared: &Shared, group: Vec<Pending>) {
    let refusal = match shared.health.poisoned() {
        Some(reason) => Some(AppendError::Poisoned(reason)),
        None => match shared.space.low() {
            Some(Low { free, needed }) => Some(AppendError::DiskLow { free, needed }),
            None if !shared.wait_for_room(ROOM_WAIT_MAX) => Some(AppendError::Overloaded),
            None => None,
        },
    };
    if let Some(refusal) = refusal {
        return refuse(group, &refusal);
    }

    let mut appender = shared.appender();
    let events = group.iter().map(|pending| pending.batch.len() as u64).sum();
    let payload = group.iter().flat_map(|pending| &pending.batch.payload[..]).copied().collect();
    let row = Row::new(appender.next_seq, events, shared.clock.now(), payload);
    let begun = Instant::now();
    match shared.change(|catalog| catalog.append(&row)) {
        Ok(()) => {}
        Err(CatalogError::Busy(_)) => return refuse(group, &AppendError::Overloaded),
        Err(error) => return refuse(group, &AppendError::Poisoned(error.to_string())),
    }
    keep(&shared.counters.commit_us_last, begun.elapsed());
    add(&shared.counters.groups, 1);
    shared.count_log(1, row.payload.len() as i64);
    appender.took(&row);
    shared.last_seq.store(row.end_seq() - 1, Relaxed);
    let (mut seq, recorded) = (row.first_seq, row.recorded);
    drop(row);

    let layout = shared.layout();
    let mut group = group.into_iter();
    while let Some(Pending { batch, reply }) = group.next() {
        let mut outcomes = Vec::with_capacity(batch.len());
        for chunk in &batch.chunks {
            match apply(&layout, chunk, seq, recorded) {
                Ok(taken) => outcomes.extend(taken),
                Err(damage) => {
                    // The events are in the log, but whether they are new cannot be known.
                    let reason = damage.to_string();
                    shared.health.poison(&reason);
                    let refusal = AppendError::Poisoned(reason);
                    let _ = reply.send(Err(refusal.clone()));
                    return refuse(group.collect(), &refusal);
                }
            }
            seq += chunk.bounds.len() as u64;
        }
        let accepted = outcomes.iter().filter(|taken| **taken != Taken::Duplicate).count() as u64;
        let duplicates = outcomes.len() as u64 - accepted;
        add(&shared.counters.appended, accepted);
        add(&shared.counters.duplicates, duplicates);
        // Nobody listens when the request was given up; the events are stored all the same.
        let _ = reply.send(Ok(Appended { accepted, duplicates, outcomes }));
    }

    if shared.is_full(&appender) {
        shared.freeze(&mut appender);
        shared.mailboxes.tell_sealer(SealerOrder::Look);
    }
}

fn refuse(group: Vec<Pending>, refusal: &AppendError) {
    for pending in group {
        let _ = pending.reply.send(Err(refusal.clone()));
    }
}

/// Brings the events of a chunk that is in the log into the active tail, except those that are known already.
/// Their places in the log begin at `first_seq`; a duplicate's place stays empty.
pub(crate) fn apply(
    layout: &Layout,
    chunk: &Chunk,
    first_seq: u64,
    recorded: Timestamp,
) -> Result<Vec<Taken>, Damage> {
    let views: Vec<_> = chunk.views().collect::<Result<_, _>>().map_err(|error| Damage {
        file: "the log".to_owned(),
        place: format!("the events from {first_seq} on"),
        reason: error.to_string(),
    })?;
    let identities: Vec<Identity<'_>> = views.iter().map(identity_of).collect();
    let mut known = vec![false; views.len()];
    for tail in layout.tails() {
        for (known, held) in known.iter_mut().zip(tail.holds_each(identities.iter().copied())) {
            *known |= held;
        }
    }
    let mut here = HashSet::with_capacity(identities.len());
    for (known, identity) in known.iter_mut().zip(&identities) {
        *known = *known || !here.insert(*identity);
        for listed in &layout.segments {
            *known = *known || listed.segment.holds(identity)?;
        }
    }

    let mut outcomes = Vec::with_capacity(views.len());
    let mut arrivals = Vec::with_capacity(views.len());
    for (((view, known), &bounds), seq) in views.into_iter().zip(known).zip(&chunk.bounds).zip(first_seq..) {
        if known {
            outcomes.push(Taken::Duplicate);
        } else {
            outcomes.push(Taken::New { seq });
            arrivals.push(Arrival { view, seq, bounds });
        }
    }
    layout.active.insert(chunk, recorded, &arrivals);
    Ok(outcomes)
}
