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

/// Events of one page: the most that one request gives.
const PAGE_EVENTS: usize = 1_000;
/// After so long the rate is known well enough.
const AT_MOST: Duration = Duration::from_secs(20);
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
    let (mut bytes, mut events, mut sizes) = (0, 0, Vec::new());
    let mut cursor = None;
    loop {
        let mut path = format!("/api/v1/events?order=asc&limit={PAGE_EVENTS}");
        if let Some(cursor) = &cursor {
            path.push_str(&format!("&cursor={cursor}"));
        }
        let body = success(connection.get(&path)?, &path)?;
        bytes += body.len();
        sizes.push(body.len());
        events += PAGE_EVENTS as u64;
        cursor = next(&body).map(str::to_owned);
        if cursor.is_none() || begun.elapsed() > AT_MOST {
            break;
        }
    }
    let took = begun.elapsed();
    if cursor.is_none() && events < run.events {
        return Err(format!("WRONG ANSWER: the export ended after {events} events of {}", run.events));
    }
    let cpu = watch.cpu().saturating_sub(cpu_before);
    let rate = |bytes: f64, took: Duration| bytes / MEGABYTE / took.as_secs_f64();
    run.note("export", OURS, Unit::MegabytesPerSecond, rate(bytes as f64, took));
    run.note("export_core", OURS, Unit::MegabytesPerSecond, rate(bytes as f64, cpu));

    let mut bare = fixed.door().open()?;
    let begun = Instant::now();
    for size in &sizes {
        let path = Fixed::path(*size);
        success(bare.get(&path)?, &path)?;
    }
    run.note("export", LIMIT, Unit::MegabytesPerSecond, rate(bytes as f64, begun.elapsed()));
    for peer in peers {
        let (bytes, took) = peer.export()?;
        run.note("export", peer.key(), Unit::MegabytesPerSecond, rate(bytes as f64, took));
    }
    println!("bench:   annals gives {:.0} MB/s", rate(bytes as f64, took));
    Ok(())
}

/// The cursor at the end of a page. Parsing all of it would cost more than sending it.
fn next(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.rsplit_once("\"next\":\"")?;
    rest.split_once('"').map(|(cursor, _)| cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stands_at_the_end() {
        assert_eq!(next(br#"{"events":[{"message":"x"}],"next":"AQ-_"}"#), Some("AQ-_"));
        assert_eq!(next(br#"{"events":[],"next":null}"#), None);
    }
}
