//! Loading: NDJSON batches over HTTP for ours, transactions of as many rows for the peers, and what is fastest for them.

use std::{
    fs,
    ops::Range,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use annals_testkit::Profile;

use super::{ours, threads::on_connections};
use crate::{
    data::{batches, rows},
    report::results::{OURS, Run, Unit},
    systems::{
        annals::{Annals, Resident, Watch},
        peer::{Peer, TableFile},
    },
};

/// Events that are made before they are sent, so that making them is not counted: about a gigabyte of large ones.
const SLICE_EVENTS: u64 = 1_000_000;
/// Events that are loaded with one connection, on the side.
const SIDE_EVENTS: u64 = 200_000;
/// Sizes up to this are loaded by the peers in small durable transactions where they can; beyond it, in bulk.
const DURABLE_EVENTS_MAX: u64 = 1_000_000;
/// Connections of the main load.
pub(crate) const CONNECTIONS: usize = 8;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
const MIB: f64 = 1024.0 * 1024.0;
const NDJSON: &str = "application/x-ndjson";

/// Loads everything into ours: the rate of acknowledgements, that until everything is sealed and merged, times of batches, processor time, memory.
pub(crate) fn ours(
    annals: &Annals,
    profile: Profile,
    events: u64,
    connections: usize,
    run: &mut Run,
) -> Result<(), String> {
    let watch = annals.watch();
    let door = annals.door()?;
    let cpu_before = watch.cpu();
    let (mut sending, mut resting, mut times) = (Duration::ZERO, Duration::ZERO, Vec::new());
    let mut peak = Resident::default();
    let mut json_bytes = 0;
    for slice in slices(events) {
        let bodies = batches(slice.clone(), profile)?;
        json_bytes += bodies.iter().map(|body| body.len() - count_lines(body)).sum::<usize>();
        let next = AtomicUsize::new(0);
        let (took, mut slice_times) = with_peak(&watch, &mut peak, || {
            on_connections(&door, connections, |connection| {
                let mut mine = Vec::new();
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    mine.push(ours::record(connection, NDJSON, body)?);
                }
                Ok(mine)
            })
        })?;
        sending += took;
        times.append(&mut slice_times);
        resting += annals.wait_for_rest()?;
        println!(
            "bench:   annals: {} of {events} events, {:.0}/s so far",
            slice.end,
            slice.end as f64 / sending.as_secs_f64()
        );
    }
    run.json_bytes = json_bytes as f64 / events as f64;
    let cpu = watch.cpu().saturating_sub(cpu_before);
    let work = format!("ingest_{connections}");
    run.note(&work, OURS, Unit::PerSecond, events as f64 / sending.as_secs_f64());
    run.note(
        &format!("{work}_rest"),
        OURS,
        Unit::PerSecond,
        events as f64 / (sending + resting).as_secs_f64(),
    );
    run.note(&format!("{work}_cpu"), OURS, Unit::Seconds, cpu.as_secs_f64() * 1e6 / events as f64);
    run.note_times(&format!("{work}_batch"), OURS, times);
    if connections == CONNECTIONS {
        run.note("memory_load", OURS, Unit::Mebibytes, peak.own as f64 / MIB);
        run.note("memory_load_mapped", OURS, Unit::Mebibytes, peak.mapped as f64 / MIB);
    }
    Ok(())
}

/// One connection, on a server of its own.
pub(crate) fn ours_on_the_side(
    binary: &Path,
    directory: &Path,
    profile: Profile,
    events: u64,
    run: &mut Run,
) -> Result<(), String> {
    let directory = directory.join("annals-side");
    let annals = Annals::start(binary, &directory)?;
    ours(&annals, profile, events.min(SIDE_EVENTS), 1, run)?;
    drop(annals);
    fs::remove_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))
}

/// Loads the same events into the peers.
pub(crate) fn peers(
    peers: &mut [Box<dyn Peer>],
    directory: &Path,
    profile: Profile,
    events: u64,
    with_side: bool,
    run: &mut Run,
) -> Result<(), String> {
    if with_side {
        let side = file(directory, 0..events.min(SIDE_EVENTS), profile)?;
        for peer in peers.iter_mut() {
            peer.create("side", true)?;
            if let Some(loaded) = peer.load_batches("side", &side, 1)? {
                run.note("ingest_1", peer.key(), Unit::PerSecond, loaded.per_second());
                println!("bench:   {}: {:.0}/s in transactions of 1,000", peer.key(), loaded.per_second());
            }
            peer.remove("side")?;
        }
        remove(&side)?;
    }
    // The main tables: durable and indexed from the start for who can do that with several clients, else in bulk.
    let mut is_durable: Vec<bool> = Vec::new();
    let mut spent = vec![Duration::ZERO; peers.len()];
    for slice in slices(events) {
        let file = file(directory, slice.clone(), profile)?;
        for (place, peer) in peers.iter_mut().enumerate() {
            if slice.start == 0 {
                let durable = events <= DURABLE_EVENTS_MAX && peer.key() == "postgresql";
                is_durable.push(durable);
                peer.create("events", durable)?;
            }
            let loaded = match is_durable[place] {
                true => peer.load_batches("events", &file, CONNECTIONS)?,
                false => Some(peer.load_bulk("events", &file)?),
            };
            let loaded = loaded.ok_or_else(|| format!("{}: did not load", peer.key()))?;
            spent[place] += loaded.took;
            println!(
                "bench:   {}: {} of {events} events, {:.0}/s",
                peer.key(),
                slice.end,
                loaded.per_second()
            );
        }
        remove(&file)?;
    }
    for (place, peer) in peers.iter_mut().enumerate() {
        let finishing = peer.finish("events", is_durable[place])?;
        let rate = |took: Duration| events as f64 / took.as_secs_f64();
        let key = peer.key();
        if is_durable[place] {
            run.note(&format!("ingest_{CONNECTIONS}"), key, Unit::PerSecond, rate(spent[place]));
            run.note(
                &format!("ingest_{CONNECTIONS}_rest"),
                key,
                Unit::PerSecond,
                rate(spent[place] + finishing),
            );
        } else {
            run.note("ingest_bulk", key, Unit::PerSecond, rate(spent[place] + finishing));
        }
        println!("bench:   {key}: indexes, statistics, merges took {:.0} s", finishing.as_secs_f64());
    }
    Ok(())
}

/// The rows of these events in a file.
pub(crate) fn file(directory: &Path, range: Range<u64>, profile: Profile) -> Result<TableFile, String> {
    let path = directory.join(format!("rows-{}-{}.tsv", range.start, range.end));
    let count = range.end - range.start;
    fs::write(&path, rows(range, profile)?).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(TableFile { path, rows: count })
}

pub(crate) fn remove(file: &TableFile) -> Result<(), String> {
    fs::remove_file(&file.path).map_err(|error| format!("{}: {error}", file.path.display()))
}

fn slices(events: u64) -> impl Iterator<Item = Range<u64>> {
    (0..events.div_ceil(SLICE_EVENTS)).map(move |n| n * SLICE_EVENTS..events.min((n + 1) * SLICE_EVENTS))
}

fn count_lines(body: &[u8]) -> usize {
    body.iter().filter(|byte| **byte == b'\n').count()
}

/// Does the work and keeps the most memory that was seen meanwhile.
fn with_peak<T>(watch: &Watch, peak: &mut Resident, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut most = Resident::default();
            while !done.load(Ordering::Relaxed) {
                let now = watch.resident();
                most = Resident { own: most.own.max(now.own), mapped: most.mapped.max(now.mapped) };
                thread::sleep(LOOK);
            }
            most
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        if let Ok(most) = looks.join() {
            *peak = Resident { own: peak.own.max(most.own), mapped: peak.mapped.max(most.mapped) };
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_hold_every_event_once() {
        assert_eq!(
            slices(2_500_000).collect::<Vec<_>>(),
            [0..1_000_000, 1_000_000..2_000_000, 2_000_000..2_500_000]
        );
        assert_eq!(slices(10).next(), Some(0..10));
        assert_eq!(slices(10).count(), 1);
    }

    #[test]
    fn files_have_as_many_rows_as_they_say() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(directory.path(), 5..25, Profile::Small454).unwrap();
        let text = fs::read_to_string(&file.path).unwrap();
        assert_eq!((file.rows, text.lines().count()), (20, 20));
        remove(&file).unwrap();
        assert!(!file.path.exists());
    }
}
