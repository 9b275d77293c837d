//! Reading while others write: pages on one connection, batches at a steady pace on another, and what both take while the store
//! is sealing and while it is not.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use annals_testkit::Profile;

use super::{ours, queries::queries};
use crate::{
    data::{BATCH_EVENTS, Sample, batches},
    report::results::{OURS, Run},
    systems::annals::{Annals, metrics},
};

/// How long nobody writes, and how long somebody does.
const IDLE: Duration = Duration::from_secs(5);
const WRITING: Duration = Duration::from_secs(20);
/// Between the beginnings of two batches: 15,000 events a second.
const PACE: Duration = Duration::from_micros(66_667);
/// How often the server is asked whether it is sealing.
const LOOK: Duration = Duration::from_millis(20);
/// Different pages that are asked for.
const SAMPLES: u64 = 50;

/// When something began, and what it took.
type Timed = (Instant, Duration);

pub(crate) fn measure(
    annals: &Annals,
    profile: Profile,
    first: &mut u64,
    run: &mut Run,
) -> Result<(), String> {
    let idle = reads_until(annals, profile, run.events, &AtomicBool::new(false), IDLE)?;
    run.note_times("mixed_read_idle", OURS, idle.into_iter().map(|(_, took)| took).collect());

    let count = (WRITING.as_secs_f64() / PACE.as_secs_f64()) as u64 * BATCH_EVENTS;
    let bodies = batches(*first..*first + count, profile)?;
    *first += count;
    let done = AtomicBool::new(false);
    let events = run.events;
    let (reads, seals, writes) = thread::scope(|scope| {
        let reads = scope.spawn(|| reads_until(annals, profile, events, &done, WRITING * 10));
        let seals = scope.spawn(|| sealing_until(annals, &done));
        let writes = write(annals, &bodies);
        done.store(true, Ordering::Relaxed);
        (reads.join(), seals.join(), writes)
    });
    let gone = |_| "a thread of the benchmark broke".to_owned();
    let (reads, seals, writes) = (reads.map_err(gone)??, seals.map_err(gone)??, writes?);
    let split = |all: Vec<Timed>| -> (Vec<Duration>, Vec<Duration>) {
        let (busy, calm): (Vec<Timed>, Vec<Timed>) =
            all.into_iter().partition(|timed| is_while(&seals, timed));
        let times = |timed: Vec<Timed>| timed.into_iter().map(|(_, took)| took).collect();
        (times(busy), times(calm))
    };
    let (busy, calm) = split(reads);
    run.note_times("mixed_read_sealing", OURS, busy);
    run.note_times("mixed_read_writing", OURS, calm);
    let (busy, calm) = split(writes);
    run.note_times("mixed_write_sealing", OURS, busy);
    run.note_times("mixed_write", OURS, calm);
    println!("bench:   mixed: {} times of sealing in {} s", seals.len(), WRITING.as_secs());
    Ok(())
}

/// Asks for pages until told to stop, or for so long.
fn reads_until(
    annals: &Annals,
    profile: Profile,
    events: u64,
    done: &AtomicBool,
    at_most: Duration,
) -> Result<Vec<Timed>, String> {
    let queries = queries(profile, events);
    let query = queries.iter().find(|query| query.key == "org_50").ok_or("there is no page of 50")?;
    let samples: Vec<Sample> = (0..SAMPLES).map(|n| Sample::of(n, events, profile)).collect();
    let mut connection = annals.connect()?;
    let (begun, mut times) = (Instant::now(), Vec::new());
    for sample in samples.iter().cycle() {
        if done.load(Ordering::Relaxed) || begun.elapsed() > at_most {
            break;
        }
        let start = Instant::now();
        times.push((start, ours::ask(&mut connection, query, sample)?.took));
    }
    Ok(times)
}

/// Writes one batch after the other at the pace. What is late waits for nobody: the next one begins at once.
fn write(annals: &Annals, bodies: &[Vec<u8>]) -> Result<Vec<Timed>, String> {
    let mut connection = annals.connect()?;
    let (begun, mut times) = (Instant::now(), Vec::new());
    for (n, body) in (0..).zip(bodies) {
        if begun.elapsed() > WRITING {
            break;
        }
        thread::sleep((PACE * n).saturating_sub(begun.elapsed()));
        let start = Instant::now();
        times.push((start, ours::record(&mut connection, "application/x-ndjson", body)?));
    }
    Ok(times)
}

/// The times in which the server had full tails that were becoming segments.
fn sealing_until(annals: &Annals, done: &AtomicBool) -> Result<Vec<(Instant, Instant)>, String> {
    let mut connection = annals.connect()?;
    let mut all = Vec::<(Instant, Instant)>::new();
    let mut is_sealing = false;
    while !done.load(Ordering::Relaxed) {
        let look = Instant::now();
        let now = metrics(&mut connection)?.value("annals_store_frozen_parts") > 0.0;
        match all.last_mut() {
            Some((_, end)) if now && is_sealing => *end = Instant::now(),
            // It began at some time since the last look.
            _ if now => all.push((look.checked_sub(LOOK).unwrap_or(look), Instant::now())),
            _ => {}
        }
        is_sealing = now;
        thread::sleep(LOOK);
    }
    Ok(all)
}

fn is_while(seals: &[(Instant, Instant)], (start, took): &Timed) -> bool {
    seals.iter().any(|(from, to)| *start <= *to && *start + *took >= *from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_touches_a_seal_counts_as_while_sealing() {
        let zero = Instant::now();
        let at = |millis| zero + Duration::from_millis(millis);
        let seals = [(at(100), at(200))];
        for (start, took, expected) in [(50, 49, false), (50, 50, true), (150, 1, true), (201, 5, false)] {
            assert_eq!(is_while(&seals, &(at(start), Duration::from_millis(took))), expected, "{start}");
        }
    }
}
