//! Starting on what is there: after a clean stop, and after a kill under load. With it, memory at rest and bytes on disk
//! when everything is compacted.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use annals_testkit::Profile;

use super::{ingest::CONNECTIONS, ours};
use crate::{
    data::{Sample, batches},
    report::results::{OURS, Run, Unit},
    systems::annals::{Annals, metrics, success},
    workloads::queries::queries,
};

const MIB: f64 = 1024.0 * 1024.0;
/// How often the server is stopped and started.
const STARTS: usize = 5;
/// How often it is killed.
const KILLS: usize = 3;
/// How long it is under load before it is killed.
const LOAD: Duration = Duration::from_secs(2);
/// Events that are made for each of those loads: more than can be recorded.
const LOAD_EVENTS: u64 = 600_000;

/// Clean stops: the time until ready and the first page, and memory after that; then the bytes when everything is compacted.
pub(crate) fn clean(annals: &mut Annals, profile: Profile, run: &mut Run) -> Result<(), String> {
    note_memory(annals, "memory_used", run);
    run.note("disk_rest", OURS, Unit::BytesPerEvent, annals.disk_bytes() as f64 / run.events as f64);
    let queries = queries(profile, run.events);
    let query = queries.iter().find(|query| query.key == "org_50").ok_or("there is no page of 50")?;
    let sample = Sample::of(0, run.events, profile);
    let (mut starts, mut pages) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        starts.push(annals.restart()?);
        pages.push(ours::ask(&mut annals.connect()?, query, &sample)?.took);
    }
    run.note_times("start_clean", OURS, starts);
    run.note_times("start_first_page", OURS, pages);
    thread::sleep(Duration::from_secs(1));
    note_memory(annals, "memory_idle", run);
    let bytes = annals.compact()?;
    run.note("disk", OURS, Unit::BytesPerEvent, bytes as f64 / run.events as f64);
    Ok(())
}

/// Kills under load: the time until ready. What was acknowledged must be there.
pub(crate) fn killed(
    annals: &mut Annals,
    profile: Profile,
    first: &mut u64,
    run: &mut Run,
) -> Result<(), String> {
    let mut starts = Vec::new();
    for _ in 0..KILLS {
        let bodies = batches(*first..*first + LOAD_EVENTS, profile)?;
        *first += LOAD_EVENTS;
        let before = events(annals)?;
        let door = annals.door()?;
        let (next, acknowledged) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let end = Instant::now() + LOAD;
        thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| {
                    let Ok(mut connection) = door.open() else { return };
                    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // The connection breaks when the server is killed.
                        if ours::record(&mut connection, "application/x-ndjson", body).is_err() {
                            return;
                        }
                        let lines = body.iter().filter(|byte| **byte == b'\n').count();
                        acknowledged.fetch_add(lines, Ordering::Relaxed);
                    }
                });
            }
            thread::sleep(end.saturating_duration_since(Instant::now()));
            annals.kill()
        })?;
        starts.push(annals.start_again()?);
        let (after, acknowledged) = (events(annals)?, acknowledged.into_inner() as f64);
        if after < before + acknowledged {
            return Err(format!("LOST: {before} and {acknowledged} acknowledged, but {after} after a kill"));
        }
    }
    run.note_times("start_killed", OURS, starts);
    Ok(())
}

fn events(annals: &Annals) -> Result<f64, String> {
    let mut connection = annals.connect()?;
    // Ready for reading, too: the metric alone could be of a server that cannot answer.
    success(connection.get("/readyz")?, "/readyz")?;
    Ok(metrics(&mut connection)?.value("annals_store_events"))
}

fn note_memory(annals: &Annals, work: &str, run: &mut Run) {
    let resident = annals.watch().resident();
    run.note(work, OURS, Unit::Mebibytes, resident.own as f64 / MIB);
    run.note(&format!("{work}_mapped"), OURS, Unit::Mebibytes, resident.mapped as f64 / MIB);
}
