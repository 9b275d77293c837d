//! The engine over several parts against one plain list: walking, seeking, counting.

use std::sync::Arc;

use annals_model::{Event, Filter, Order, Position, Start, Timestamp};
use proptest::{collection, prelude::*};
use uuid::Uuid;

use super::{
    part::Part,
    seek::{Place, place},
    slot::Slot,
    walk::Walk,
};
use crate::{batch::Batch, tail::TailPart};

/// Parts made of events of the given times; the `seq` counts through all of them.
fn parts(times: &[Vec<i64>]) -> (Vec<Arc<dyn Part>>, Vec<Position>) {
    let mut seq = 0;
    let mut all = Vec::new();
    let mut parts: Vec<Arc<dyn Part>> = Vec::new();
    for times in times.iter().filter(|times| !times.is_empty()) {
        let part = Arc::new(TailPart::new());
        let events = times.iter().map(|&time| Event {
            id: Uuid::from_u128(time.cast_unsigned().into()),
            time: Timestamp::from_nanos(time),
            ..Event::default()
        });
        for chunk in Batch::new(events).chunks {
            let arrivals = chunk.arrivals(seq).unwrap();
            let places = chunk.views().zip(&arrivals);
            all.extend(places.map(|(view, arrival)| Position { time: view.unwrap().time, seq: arrival.seq }));
            part.insert(&chunk, Timestamp::default(), &arrivals).unwrap();
            seq += arrivals.len() as u64;
        }
        parts.push(Arc::new(part.view().unwrap()));
    }
    all.sort();
    (parts, all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn walking_and_seeking_agree_with_a_list(
        times in collection::vec(collection::vec(-8..8_i64, 0..20), 0..6),
        spread in 0..3_i64,
        is_descending: bool,
        offset in 0..130_u64,
    ) {
        // From parts that lie on top of each other to parts that lie apart.
        let times: Vec<Vec<i64>> = times
            .into_iter()
            .zip(0..)
            .map(|(times, n)| times.into_iter().map(|time| time + n * spread * 9).collect())
            .collect();
        let (parts, mut list) = parts(&times);
        let order = if is_descending { Order::Descending } else { Order::Ascending };
        if is_descending {
            list.reverse();
        }
        let condition = Filter::Not(Box::new(Filter::none()));
        let slots = || parts.iter().map(|part| Slot::new(part.as_ref(), &condition)).collect::<Vec<_>>();

        let skipped = usize::try_from(offset).unwrap();
        let expected = match skipped.checked_sub(1) {
            None => Place::Beginning,
            Some(last) => list.get(last).map_or(Place::Beyond, |&position| Place::After(position)),
        };
        let mut opened = slots();
        prop_assert_eq!(place(&mut opened, order, offset).unwrap(), expected);

        let start = match expected {
            Place::Beginning => Start::Beginning,
            Place::After(position) => Start::After(position),
            Place::Beyond => return Ok(()),
        };
        let after = if let Start::After(position) = start { Some(position) } else { None };
        let mut walk = Walk::new(&mut opened, order, after);
        for expected in &list[skipped..] {
            prop_assert!(walk.has_next().unwrap());
            prop_assert_eq!(walk.next().unwrap().map(|event| event.position()), Some(*expected));
        }
        prop_assert!(!walk.has_next().unwrap());
        prop_assert!(walk.next().unwrap().is_none());
    }
}
