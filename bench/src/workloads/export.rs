//! Everything out of the store, as somebody gets it who wants all events.

use std::time::{Duration, Instant};

use crate::{
    report::results::{LIMIT, OURS, Run, Unit},
    systems::{
        annals::{Annals, success},
        fixed::Fixed,
        peer::Peer,
    },
};

const PATH: &str = "/api/v1/export";
const MEGABYTE: f64 = 1e6;

pub(crate) fn measure(
    annals: &Annals,
    fixed: &Fixed,
    peers: &mut [Box<dyn Peer>],
    run: &mut Run,
) -> Result<(), String> {
    let watch = annals.watch();
    let mut connection = annals.connect()?;
    let (cpu_before, begun) = (watch.cpu(), Instant::now());
    let (mut bytes, mut events) = (0, 0);
    let status = connection.drain(PATH, |piece| {
        bytes += piece.len();
        events += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
    })?;
    let took = begun.elapsed();
    if status != 200 || events != run.events {
        return Err(format!(
            "WRONG ANSWER: the export has status {status} and {events} events of {}",
            run.events
        ));
    }
    let cpu = watch.cpu().saturating_sub(cpu_before);
    let rate = |bytes: f64, took: Duration| bytes / MEGABYTE / took.as_secs_f64();
    run.note("export", OURS, Unit::MegabytesPerSecond, rate(bytes as f64, took));
    run.note("export_core", OURS, Unit::MegabytesPerSecond, rate(bytes as f64, cpu));

    let mut bare = fixed.door().open()?;
    let begun = Instant::now();
    let mut left = bytes;
    while left > 0 {
        let path = Fixed::path(left);
        left -= success(bare.get(&path)?, &path)?.len().min(left);
    }
    run.note("export", LIMIT, Unit::MegabytesPerSecond, rate(bytes as f64, begun.elapsed()));
    for peer in peers {
        let (bytes, took) = peer.export()?;
        run.note("export", peer.key(), Unit::MegabytesPerSecond, rate(bytes as f64, took));
    }
    println!("bench:   annals gives {:.0} MB/s", rate(bytes as f64, took));
    Ok(())
}
