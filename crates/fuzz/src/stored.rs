//! What the store reads from the disk: events and rows of the log, segment files. Disks and backups lie; a damaged or a
//! hostile file is refused or answers wrongly, but it does no harm.

use std::sync::OnceLock;

use annals_model::Event;
use annals_store::fuzzing::{
    ask_segment, encode_event, encode_row, read_event, read_row, reseal_segment, write_segment_file,
};

use crate::{Target, seeds};

/// Events of the segment file that is changed: some terms have more than the 256 docs from which on postings are chunks.
const SEGMENT_EVENTS: usize = 300;
/// Bytes of one change: where, and what to put there.
const CHANGE_BYTES: usize = 4;

pub(crate) fn targets() -> Vec<Target> {
    let samples = seeds::sample_events();
    let encoded = samples.iter().take(30).map(encode_event);
    let rows = [1, 3, 60].map(|count| encode_row(samples.iter().take(count).cloned().collect()));
    let changes = [b"".to_vec(), vec![0x40, 0, 0, 0xff], (0..64).collect(), vec![0x55; 400]];
    vec![
        Target::new("log-event", log_event).with_seeds(encoded),
        Target::new("log-row", log_row).with_seeds(rows),
        Target::new("segment-contents", segment_contents).with_seeds(changes).costing(40),
        Target::new("segment-file", segment_file).with_seeds([segment().to_vec()]).costing(5),
    ]
}

fn log_event(input: &[u8]) {
    if let Some(event) = read_event(input) {
        assert_eq!(read_event(&encode_event(&event)), Some(event), "an event comes back from the log");
    }
}

fn log_row(input: &[u8]) {
    if let Some(events) = read_row(input) {
        assert_eq!(read_row(&encode_row(events.clone())), Some(events), "a row comes back from the log");
    }
}

/// A segment file of sample events.
fn segment() -> &'static [u8] {
    static SEGMENT: OnceLock<Vec<u8>> = OnceLock::new();
    SEGMENT.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("segment");
        write_segment_file(&path, &segment_events()).unwrap();
        std::fs::read(&path).unwrap()
    })
}

fn segment_events() -> Vec<Event> {
    let samples = seeds::sample_events().iter().cycle().take(SEGMENT_EVENTS).zip(1..);
    samples.map(|(event, seq)| Event { seq, ..event.clone() }).collect()
}

/// Changes of the contents behind checksums that fit.
fn segment_contents(input: &[u8]) {
    let mut is_changed = false;
    let bytes = reseal_segment(segment().to_vec(), |contents| {
        for change in input.chunks_exact(CHANGE_BYTES) {
            let at = usize::from(change[0]) << 16 | usize::from(change[1]) << 8 | usize::from(change[2]);
            let length = contents.len();
            let byte = &mut contents[at % length];
            is_changed |= *byte != change[3];
            *byte = change[3];
        }
    });
    let answer = ask(&bytes.unwrap());
    if !is_changed {
        assert_eq!(answer.unwrap().len(), SEGMENT_EVENTS);
    }
}

/// Any file. Only the one that was written is whole.
fn segment_file(input: &[u8]) {
    if let Ok(events) = ask(input) {
        assert!(!events.is_empty(), "a segment holds one event at least");
    }
}

fn ask(bytes: &[u8]) -> Result<Vec<Event>, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    ask_segment(file.path()).map_err(|damage| {
        assert_eq!(damage.file, "fuzzed", "damage names its file");
        damage.to_string()
    })
}
