//! Every question to a segment against the same question to a list.

use std::collections::BTreeMap;

use annals_model::{Event, Field, Filter, Order, Position, Timestamp};
use hashbrown::HashMap;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Place, events};
use crate::{
    query::part::{Identity, Keep, Left, Part},
    segment::{Segment, hash_of_id},
};

/// Asks everything there is to ask about one condition.
pub(super) fn check(segment: &Segment, events: &[Event], filter: &Filter, after: Option<Position>) {
    let mut wanted: Vec<&Event> = events.iter().filter(|event| filter.matches(event)).collect();
    wanted.sort_by_key(|event| event.position());
    let places: Vec<Position> = wanted.iter().map(|event| event.position()).collect();

    for order in [Order::Ascending, Order::Descending] {
        // Walked before anything was counted.
        let mut matches = segment.select(filter).unwrap();
        matches.begin(order, after).unwrap();
        let mut behind: Vec<&Event> = match order {
            Order::Ascending => {
                wanted.iter().filter(|e| after.is_none_or(|a| e.position() > a)).copied().collect()
            }
            Order::Descending => {
                wanted.iter().filter(|e| after.is_none_or(|a| e.position() < a)).copied().collect()
            }
        };
        if order == Order::Descending {
            behind.reverse();
        }
        for (step, event) in behind.iter().enumerate() {
            assert_eq!(matches.peek().unwrap(), Some(event.position()), "{filter:?}");
            if step == 1 {
                assert_eq!(matches.count().unwrap(), wanted.len() as u64, "counting between two steps");
            }
            if step % 3 == 2 {
                matches.skip().unwrap();
            } else if step % 3 == 1 {
                let mut json = Vec::new();
                let left = Left { events: (behind.len() - step) as u32, bytes: 1_000 };
                let keep = if step % 2 == 0 { Keep::Yes } else { Keep::No(left) };
                assert!(matches.write(&mut json, keep).unwrap());
                assert_eq!(json, serde_json::to_vec(event).unwrap());
            } else {
                assert_eq!(matches.take().unwrap().as_ref(), Some(*event));
            }
        }
        assert_eq!(matches.peek().unwrap(), None);
        assert_eq!(matches.take().unwrap(), None);
        assert!(!matches.write(&mut Vec::new(), Keep::Yes).unwrap());
    }
    if let Some(count) = segment.count(filter).unwrap() {
        assert_eq!(count, wanted.len() as u64, "{filter:?}");
    }

    let mut matches = segment.select(filter).unwrap();
    assert_eq!(matches.count().unwrap(), wanted.len() as u64, "{filter:?}");
    for (index, place) in places.iter().enumerate() {
        assert_eq!(matches.position_at(index as u64).unwrap(), Some(*place));
        assert_eq!(matches.count_before(*place).unwrap(), index as u64);
    }
    assert_eq!(matches.position_at(places.len() as u64).unwrap(), None);
    if let Some(after) = after {
        let before = places.iter().filter(|place| **place < after).count();
        assert_eq!(matches.count_before(after).unwrap(), before as u64);
    }

    for width in [1, 60_000_000_000, i64::MAX] {
        let mut buckets = BTreeMap::new();
        matches.buckets(width, &mut buckets).unwrap();
        let mut wanted_buckets = BTreeMap::new();
        for place in &places {
            let nanos = place.time.nanos();
            *wanted_buckets.entry(nanos.saturating_sub(nanos.rem_euclid(width))).or_insert(0_u64) += 1;
        }
        assert_eq!(buckets, wanted_buckets);
    }
    for field in [
        Field::Kind,
        Field::Organization,
        Field::Category,
        Field::TargetId,
        Field::SourceId,
        Field::Label("k".into()),
    ] {
        check_group(segment, &wanted, filter, &field);
    }
}

fn check_group(segment: &Segment, wanted: &[&Event], filter: &Filter, field: &Field) {
    let mut counts = HashMap::new();
    segment.select(filter).unwrap().group(field, &mut counts).unwrap();
    let mut wanted_counts: HashMap<Option<String>, u64> = HashMap::new();
    for event in wanted {
        let mut values = std::collections::BTreeSet::new();
        field.visit(event, |value| {
            values.insert(value.to_owned());
        });
        if values.is_empty() {
            *wanted_counts.entry(None).or_insert(0) += 1;
        }
        for value in values {
            *wanted_counts.entry(Some(value)).or_insert(0) += 1;
        }
    }
    assert_eq!(counts, wanted_counts, "{field} of {filter:?}");
}

fn check_ids(segment: &Segment, events: &[Event]) {
    for event in events {
        assert!(segment.holds(&Identity::of(event)).unwrap());
        assert!(segment.may_hold_id(hash_of_id(event.id.as_bytes())).unwrap());
        let mut found = segment.find(event.id).unwrap();
        found.sort_by_key(Event::position);
        let mut wanted: Vec<&Event> = events.iter().filter(|other| other.id == event.id).collect();
        wanted.sort_by_key(|event| event.position());
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted);
        for (organization, source) in [(Some("elsewhere"), event.source.as_str()), (None, "nobody")] {
            let other = Identity { organization, source, id: event.id };
            assert_eq!(
                segment.holds(&other).unwrap(),
                events.iter().any(|event| Identity::of(event) == other)
            );
        }
    }
    let absent = Uuid::from_u128(0xdead_beef);
    if events.iter().all(|event| event.id != absent) {
        assert!(segment.find(absent).unwrap().is_empty());
    }
}

pub(super) fn check_events(segment: &Segment, events: &[Event]) {
    let mut wanted: Vec<&Event> = events.iter().collect();
    wanted.sort_by_key(|event| (event.organization.as_ref().map(|named| &named.id), event.position()));
    let found: Vec<Event> = segment.events().map(Result::unwrap).collect();
    assert_eq!(found.iter().collect::<Vec<_>>(), wanted);
    segment.verify().unwrap();
}

fn place() -> impl Strategy<Value = Option<Position>> {
    proptest::option::of((0_i64..300, 0_u64..20_000).prop_map(|(seconds, seq)| Position {
        time: Timestamp::from_seconds(1_700_000_000 + seconds).unwrap(),
        seq,
    }))
}

proptest! {
    #![proptest_config(super::cases(96))]

    #[test]
    fn few_organizations(
        events in events::events(200),
        queries in proptest::collection::vec((events::query(), place()), 1..12),
    ) {
        let place = Place::new();
        let segment = place.write("one", &events);
        check_events(&segment, &events);
        check_ids(&segment, &events);
        for (filter, after) in &queries {
            check(&segment, &events, filter, *after);
        }
    }

    #[test]
    fn many_organizations(
        events in events::events_of_many(300),
        queries in proptest::collection::vec((events::query(), place()), 1..12),
    ) {
        let place = Place::new();
        let segment = place.write("one", &events);
        check_events(&segment, &events);
        for (filter, after) in &queries {
            check(&segment, &events, filter, *after);
        }
    }
}
