//! A damaged file gives the right answer or says that it is damaged; never another answer, never a panic.

use annals_model::{Event, Field, Filter, Order};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{Place, events};
use crate::{
    Damage,
    query::part::{Identity, Part},
    segment::Segment,
};

fn sample_events() -> Vec<Event> {
    let mut runner = TestRunner::deterministic();
    let mut all = Vec::new();
    for _ in 0..12 {
        all.extend(events::events_of_many(120).new_tree(&mut runner).unwrap().current());
    }
    for (event, seq) in all.iter_mut().zip(1..) {
        event.seq = seq;
    }
    all
}

fn queries() -> Vec<Filter> {
    vec![
        Filter::all(),
        Filter::term(Field::Organization, "org-07"),
        Filter::term(Field::Kind, "alice"),
        Filter::Prefix(Field::TargetId, "a".into()),
        Filter::Exists(Field::Label("k".into())).negate(),
        Filter::Text("alice example".into()),
    ]
}

/// Count, page and groups.
type Answer = (u64, Vec<Event>, Vec<(Option<String>, u64)>);

/// Everything a query can ask, as one value to compare.
fn ask(segment: &Segment, filter: &Filter) -> Result<Answer, Damage> {
    let mut matches = segment.select(filter)?;
    matches.begin(Order::Descending, None)?;
    let mut page = Vec::new();
    while page.len() < 20 {
        match matches.take()? {
            Some(event) => page.push(event),
            None => break,
        }
    }
    let mut groups = hashbrown::HashMap::new();
    matches.group(&Field::Action, &mut groups)?;
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort();
    Ok((matches.count()?, page, groups))
}

/// Holds a damaged file against the whole one.
fn check_damaged(place: &Place, bytes: &[u8], whole: &Segment, probe: &Event) {
    std::fs::write(place.path("damaged"), bytes).unwrap();
    let Ok(segment) = place.try_open("damaged") else {
        return;
    };
    for filter in queries() {
        if let Ok(answer) = ask(&segment, &filter) {
            assert_eq!(answer, ask(whole, &filter).unwrap(), "{filter:?}");
        }
    }
    if let Ok(found) = segment.find(probe.id) {
        assert_eq!(found, whole.find(probe.id).unwrap());
    }
    if let Ok(holds) = segment.holds(&Identity::of(probe)) {
        assert!(holds);
    }
    let damage = segment.verify().unwrap_err();
    assert_eq!(damage.file, "damaged");
}

#[test]
fn every_flipped_byte_is_noticed() {
    let place = Place::new();
    let events = sample_events();
    let whole = place.write("whole", &events);
    let bytes = std::fs::read(place.path("whole")).unwrap();
    let step = bytes.len() / 300;
    for at in (0..bytes.len()).step_by(step).chain(bytes.len() - 700..bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        check_damaged(&place, &damaged, &whole, &events[at % events.len()]);
    }
}

#[test]
fn every_truncation_is_noticed() {
    let place = Place::new();
    let events = sample_events();
    place.write("whole", &events);
    let bytes = std::fs::read(place.path("whole")).unwrap();
    for length in (0..bytes.len()).step_by(bytes.len() / 200).chain(bytes.len() - 40..bytes.len()) {
        std::fs::write(place.path("cut"), &bytes[..length]).unwrap();
        let damage = place.try_open("cut").unwrap_err();
        assert!(damage.to_string().contains("cut"), "{damage}");
    }
}

/// Writes the checksums anew after `change`, as somebody would who wants to harm the reader.
fn reseal(mut bytes: Vec<u8>, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    use xxhash_rust::xxh3::xxh3_64;
    let end = bytes.len();
    let number = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let footer_at = number(&bytes, end - 32);
    let checksums_at = number(&bytes, footer_at + 64);
    change(&mut bytes[12..checksums_at]);
    let sums: Vec<u8> =
        bytes[..checksums_at].chunks(16 << 10).flat_map(|page| xxh3_64(page).to_le_bytes()).collect();
    bytes[checksums_at..footer_at].copy_from_slice(&sums);
    let digest = xxh3_64(&sums).to_le_bytes();
    bytes[footer_at + 80..footer_at + 88].copy_from_slice(&digest);
    let digest = xxh3_64(&bytes[footer_at..end - 32]).to_le_bytes();
    bytes[end - 16..end - 8].copy_from_slice(&digest);
    bytes
}

proptest! {
    #![proptest_config(super::cases(400))]

    /// With valid checksums over hostile contents answers may be wrong, but nothing may panic or run away.
    #[test]
    fn hostile_contents_do_no_harm(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        let place = Place::new();
        let mut runner = TestRunner::deterministic();
        let events = events::events_of_many(120).new_tree(&mut runner).unwrap().current();
        place.write("whole", &events);
        let bytes = std::fs::read(place.path("whole")).unwrap();
        let hostile = reseal(bytes, |contents| {
            for (at, value) in &changes {
                contents[at.index(contents.len())] = *value;
            }
        });
        std::fs::write(place.path("hostile"), hostile).unwrap();
        if let Ok(segment) = place.try_open("hostile") {
            for filter in queries() {
                let _ = ask(&segment, &filter);
            }
            let _ = segment.find(events[0].id);
            let _ = segment.verify();
            let merged = crate::segment::merge_segments(
                place.create("merged"),
                &[std::sync::Arc::new(segment)],
                &|| false,
            );
            drop(merged);
        }
    }
}

#[test]
fn resealing_nothing_changes_nothing() {
    let place = Place::new();
    place.write("whole", &sample_events());
    let bytes = std::fs::read(place.path("whole")).unwrap();
    assert!(reseal(bytes.clone(), |_| {}) == bytes, "the test knows where the checksums are");
}
