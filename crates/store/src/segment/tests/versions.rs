//! Files of older versions stay readable, and merging makes files of the present version of them.

use annals_model::{Event, Field, Filter, Timestamp};

use super::{Place, answers};
use crate::{batch::Chunk, segment::file::FORMAT_VERSION};

/// What version 1 wrote.
const SEGMENT_1: &[u8] = include_bytes!("fixtures/version1.segment");
/// The events in it: `seq` and `recorded` as eight bytes, a length as four, and the event as the log has it.
const EVENTS_1: &[u8] = include_bytes!("fixtures/version1.events");

fn events_1() -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = EVENTS_1;
    while let Some((head, tail)) = rest.split_first_chunk::<20>() {
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        let length = u32::from_le_bytes(head[16..].try_into().unwrap()) as usize;
        let bytes = tail[..length].to_vec();
        let chunk = Chunk { bounds: vec![(0, length as u32)], bytes: bytes.into() };
        let recorded = Timestamp::from_nanos(number(8) as i64);
        events.extend(chunk.views().map(|view| view.unwrap().to_event(number(0), recorded)));
        rest = &tail[length..];
    }
    events
}

#[test]
fn version_1_is_read_and_merged_into_the_present_one() {
    let place = Place::new();
    std::fs::write(place.path("old"), SEGMENT_1).unwrap();
    let old = std::sync::Arc::new(place.try_open("old").unwrap());
    let events = events_1();
    assert_eq!(events.len(), 300);
    assert_eq!(old.file.version(), 1);
    let filters = [
        Filter::all(),
        Filter::term(Field::Organization, "org-07"),
        Filter::Prefix(Field::TargetId, "a".into()),
        Filter::Exists(Field::Label("k".into())).negate(),
        Filter::Text("alice example".into()),
    ];
    let check = |segment: &crate::segment::Segment, events: &[Event]| {
        segment.verify().unwrap();
        answers::check_events(segment, events);
        filters.iter().for_each(|filter| answers::check(segment, events, filter, None));
    };
    check(&old, &events);

    let last = events.iter().map(|event| event.seq).max().unwrap();
    let more: Vec<Event> = events
        .iter()
        .enumerate()
        .map(|(index, event)| Event {
            id: uuid::Uuid::from_u128(index as u128),
            seq: last + 1 + index as u64,
            ..event.clone()
        })
        .collect();
    let new = place.write("new", &more);
    let merged = place.merge("merged", &[old, new]);
    assert_eq!(merged.file.version(), FORMAT_VERSION);
    let all: Vec<Event> = events.into_iter().chain(more).collect();
    check(&merged, &all);
}
