//! Rot at any place of any file: it is named, or it changes nothing that is answered.

use std::path::Path;

use annals_model::Event;
use annals_testkit::Random;

use super::{
    machine::{Machine, Running},
    model::try_stored,
    world::leave,
};

/// Bytes of a file between one that rots and the next, on average; few when the code is optimised.
const STRIDE: u64 = if cfg!(debug_assertions) { 4_001 } else { 61 };

/// What a store says of a disk with a rotten byte.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// It is not opened, or something is not answered, and the file is named.
    Named,
    /// Everything is answered; so many events.
    Answered(usize),
}

fn names(text: &str, path: &Path) -> bool {
    // SQLite's log is part of the catalog.
    let name = path.file_name().unwrap().to_str().unwrap();
    text.contains(name) || (name.starts_with("catalog") && text.contains("the catalog"))
}

fn ask(machine: &Machine, path: &Path, events: &[Event]) -> Said {
    let running: Running = match machine.start() {
        Ok(running) => running,
        Err(error) => {
            assert!(names(&error.to_string(), path), "{error}");
            return Said::Named;
        }
    };
    let verified = running.store.verify();
    for damage in verified.as_ref().err().into_iter().flatten() {
        assert!(names(&damage.file, path), "{damage}");
    }
    match try_stored(&running.store.reader_for_test()) {
        Ok(found) => {
            assert_eq!(found, events[..found.len().min(events.len())], "what is answered is right");
            Said::Answered(found.len())
        }
        Err(error) => {
            assert!(names(&error.to_string(), path), "{error}");
            assert!(verified.is_err(), "what a query finds is found by verifying");
            Said::Named
        }
    }
}

fn rot_everywhere(is_closed: bool) {
    let (machine, events, before) = leave(is_closed);
    let mut random = Random::new(3);
    let files = machine.disk.files();
    assert!(
        files.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "segment")).count() >= 2
    );
    assert_eq!(files.iter().any(|(path, _)| path.ends_with("catalog.sqlite-wal")), !is_closed);
    let mut named = 0;
    for (path, length) in files {
        let is_wal = path.ends_with("catalog.sqlite-wal");
        // The first bytes of SQLite's files are headers.
        let mut at = 0;
        while at < length {
            let disk = machine.disk.copy(at);
            let bits = 1 << random.below(8);
            assert!(disk.rot(&path, at, bits));
            let rotten = Machine::on(disk, machine.options.clone(), 5);
            match ask(&rotten, &path, &events) {
                Said::Named => named += 1,
                Said::Answered(found) if found == events.len() => {}
                Said::Answered(found) => {
                    // Nobody can tell rot in the last transaction from a write that a crash tore.
                    assert!(is_wal && found == before, "{found} of {} events: {path:?} {at}", events.len());
                }
            }
            at += if at < 128 { 1 + STRIDE / 100 } else { 1 + random.below(2 * STRIDE) };
        }
    }
    assert!(named > 10, "{named} times a file was named");
}

#[test]
fn rot_in_what_was_closed_is_named_or_harmless() {
    rot_everywhere(true);
}

#[test]
fn rot_in_what_was_killed_is_named_or_harmless() {
    rot_everywhere(false);
}
