//! Limit lines of recording: what this machine does for single parts of that work, with nothing else.

use std::{
    fs,
    io::Write,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use annals_model::{Event, SystemClock};
use annals_testkit::Profile;

use super::{ingest::CONNECTIONS, threads::on_connections};
use crate::{
    data::{batches, json},
    report::results::{LIMIT, Run, Unit},
    systems::{annals::success, fixed::Fixed},
};

/// Events of one limit line.
const EVENTS: u64 = 100_000;
/// Commits of single events that are tried.
const COMMITS: u64 = 2_000;

pub(crate) fn measure(
    fixed: &Fixed,
    directory: &Path,
    profile: Profile,
    run: &mut Run,
) -> Result<(), String> {
    let bodies = batches(0..EVENTS, profile)?;
    let mut note = |work: &str, events: u64, took: Duration| {
        let rate = events as f64 / took.as_secs_f64();
        run.note(work, LIMIT, Unit::PerSecond, rate);
        println!("bench:   {work}: {rate:.0}/s");
    };
    note("limit_parse", EVENTS, parse(&bodies)?);
    note("limit_sync_batches", EVENTS, write_and_sync(directory, bodies.iter().map(Vec::as_slice))?);
    let single = json(0, profile)?;
    let singles = (0..COMMITS).map(|_| single.as_slice());
    note("limit_sync_singles", COMMITS, write_and_sync(directory, singles)?);
    let next = AtomicUsize::new(0);
    let (took, _) = on_connections(&fixed.door(), CONNECTIONS, |connection| {
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            success(connection.post("/fixed", "application/x-ndjson", body)?, "/fixed")?;
        }
        Ok(Vec::<()>::new())
    })?;
    note("limit_http", EVENTS, took);
    Ok(())
}

/// Every line becomes an event and is checked, on all cores.
fn parse(bodies: &[Vec<u8>]) -> Result<Duration, String> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, bad) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                        let event = Event::from_json(line, &SystemClock);
                        if !event.is_ok_and(|event| event.validate().is_ok()) {
                            bad.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let took = begun.elapsed();
    match bad.into_inner() {
        0 => Ok(took),
        bad => Err(format!("{bad} generated events are no events")),
    }
}

/// Appends every piece to a file and makes it durable.
fn write_and_sync<'p>(directory: &Path, pieces: impl Iterator<Item = &'p [u8]>) -> Result<Duration, String> {
    let path = directory.join("limit");
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = fs::File::create(&path).map_err(failed)?;
    let begun = Instant::now();
    for piece in pieces {
        file.write_all(piece).and_then(|()| file.sync_data()).map_err(failed)?;
    }
    let took = begun.elapsed();
    fs::remove_file(&path).map_err(failed)?;
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsing_finds_what_is_no_event() {
        let bodies = batches(0..2_000, Profile::Large1017).unwrap();
        assert!(parse(&bodies).is_ok());
        assert!(parse(&[b"{}\n".to_vec()]).is_err());
    }
}
