//! Merging any split of events answers as writing them at once does, and copies the blocks it need not make anew.

use std::collections::BTreeSet;

use annals_model::{Event, Field, Filter, Json, Named, Timestamp};
use proptest::prelude::*;

use super::{Place, answers, events};
use crate::segment::{Segment, SegmentMeta, WriteError, merge_segments};

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn any_split(
        all in prop_oneof![events::events(200), events::events_of_many(200)],
        parts in proptest::collection::vec(0_usize..4, 230),
        queries in proptest::collection::vec(events::query(), 1..6),
    ) {
        let place = Place::new();
        let mut split = vec![Vec::new(); 4];
        for (event, part) in all.iter().zip(parts) {
            split[part].push(event.clone());
        }
        let mut inputs = Vec::new();
        for (number, part) in split.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
            inputs.push(place.write(&format!("part-{number}"), part));
        }
        let merged = place.merge("merged", &inputs);
        answers::check_events(&merged, &all);
        let whole = place.write("whole", &all);
        let bytes = 0;
        prop_assert_eq!(
            SegmentMeta { bytes, ..merged.meta().clone() },
            SegmentMeta { bytes, ..whole.meta().clone() }
        );
        merged.verify().unwrap();
        for filter in &queries {
            answers::check(&merged, &all, filter, None);
        }
    }
}

/// Events of some organizations, one after the other in time but for their neighbours.
fn busy(count: u64) -> Vec<Event> {
    let event = |seq: u64| Event {
        id: uuid::Uuid::from_u128(
            u128::from(seq.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 40 | u128::from(seq),
        ),
        seq,
        time: Timestamp::from_nanos((seq * 10 + seq % 7 * 9) as i64),
        source: "test".into(),
        kind: format!("kind-{}", seq % 5),
        organization: (!seq.is_multiple_of(4))
            .then(|| Named { id: format!("o{}", seq % 4), name: Some("O".into()) }),
        categories: vec![format!("c{}", seq % 3)],
        labels: [("k".to_owned(), (seq % 9).to_string())].into(),
        message: Some(if seq == 300 { "needle ".repeat(5_000) } else { format!("event {seq} of many") }),
        data: Some(Json::parse(&format!("{{\"n\":{},\"m\":[{seq},\"x\"]}}", seq % 50)).unwrap()),
        ..Event::default()
    };
    (0..count).map(event).collect()
}

fn frames(segment: &Segment) -> Vec<Vec<u8>> {
    (0..segment.blocks()).map(|block| segment.block_copy(block).unwrap().unwrap().bytes.to_vec()).collect()
}

#[test]
fn blocks_are_copied() {
    let place = Place::new();
    let all = busy(4_000);
    let thirds: Vec<_> =
        (0..4).map(|part| place.write(&format!("{part}"), &all[part * 1_000..(part + 1) * 1_000])).collect();
    let pairs = [place.merge("one", &thirds[..2]), place.merge("two", &thirds[2..])];
    let merged = place.merge("merged", &pairs);
    let sources: BTreeSet<Vec<u8>> = thirds.iter().flat_map(|segment| frames(segment)).collect();
    let result = frames(&merged);
    let copied = result.iter().filter(|frame| sources.contains(*frame)).count();
    assert!(copied * 10 >= result.len() * 7, "{copied} of {}", result.len());
    merged.verify().unwrap();
    answers::check_events(&merged, &all);
    for filter in [
        Filter::Text("needle".into()),
        Filter::Text("event 1234".into()),
        Filter::term(Field::Label("k".into()), "3"),
        Filter::term(Field::Category, "c1"),
        Filter::term(Field::Organization, "o2"),
    ] {
        answers::check(&merged, &all, &filter, None);
    }
}

#[test]
fn a_merge_stops_when_it_is_told() {
    let place = Place::new();
    let one = place.write("one", &busy(100));
    let stopped = merge_segments(place.create("merged"), &[one], &|| true);
    assert!(matches!(stopped, Err(WriteError::Stopped)));
}
