//! Single events, each acknowledged when it is durable, over few and many connections.

use std::{
    ops::Range,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use annals_testkit::Profile;

use super::{
    ingest::{file, remove},
    ours,
    threads::on_connections,
};
use crate::{
    data::json,
    report::results::{LIMIT, OURS, Run, Unit},
    systems::{
        annals::{Annals, success},
        fixed::Fixed,
        peer::Peer,
    },
};

const CONNECTIONS: [usize; 3] = [1, 8, 64];
/// How long each level lasts, and how many events are made for it.
const AT_MOST: Duration = Duration::from_secs(4);
const EVENTS: u64 = 100_000;

pub(crate) fn measure(
    annals: &Annals,
    fixed: &Fixed,
    peers: &mut [Box<dyn Peer>],
    directory: &Path,
    profile: Profile,
    first: &mut u64,
    run: &mut Run,
) -> Result<(), String> {
    for connections in CONNECTIONS {
        let range = *first..*first + EVENTS;
        *first = range.end;
        let work = format!("posts_{connections}");
        let bodies = bodies(range.clone(), profile)?;
        let recorded = post(&bodies, |end, next| {
            on_connections(&annals.door()?, connections, |connection| {
                take(&bodies, end, next, |body| ours::record(connection, "application/json", body))
            })
        })?;
        note(&work, OURS, recorded, run);
        let taken = post(&bodies, |end, next| {
            on_connections(&fixed.door(), connections, |connection| {
                take(&bodies, end, next, |body| {
                    let answer = connection.post("/fixed", "application/json", body)?;
                    let took = answer.took;
                    success(answer, "/fixed").map(|_| took)
                })
            })
        })?;
        note(&work, LIMIT, taken, run);
        let rows = file(directory, range, profile)?;
        for peer in peers.iter_mut() {
            if let Some(singles) = peer.singles(&rows, connections, AT_MOST)? {
                note(&work, peer.key(), (singles.took, singles.times), run);
            }
        }
        remove(&rows)?;
    }
    Ok(())
}

fn bodies(range: Range<u64>, profile: Profile) -> Result<Vec<Vec<u8>>, String> {
    range.map(|index| json(index, profile)).collect()
}

type Timed = (Duration, Vec<Duration>);

fn post(
    bodies: &[Vec<u8>],
    work: impl FnOnce(Instant, &AtomicUsize) -> Result<Timed, String>,
) -> Result<Timed, String> {
    let next = AtomicUsize::new(0);
    let end = Instant::now() + AT_MOST;
    let timed = work(end, &next)?;
    debug_assert!(timed.1.len() <= bodies.len());
    Ok(timed)
}

/// Sends one body after the other until the time or the bodies are used up.
fn take(
    bodies: &[Vec<u8>],
    end: Instant,
    next: &AtomicUsize,
    mut send: impl FnMut(&[u8]) -> Result<Duration, String>,
) -> Result<Vec<Duration>, String> {
    let mut times = Vec::new();
    while Instant::now() < end
        && let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed))
    {
        times.push(send(body)?);
    }
    Ok(times)
}

fn note(work: &str, system: &str, (took, times): Timed, run: &mut Run) {
    let rate = times.len() as f64 / took.as_secs_f64();
    println!("bench:   {work}: {system} {rate:.0}/s");
    run.note(work, system, Unit::PerSecond, rate);
    run.note_times(&format!("{work}_time"), system, times);
}
