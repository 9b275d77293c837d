//! Single cases at the edges of the format.

use std::collections::BTreeMap;

use annals_model::{
    Criterion, Event, Field, Filter, Glyph, Json, NumberBounds, Order, Pattern, TimeRange, Timestamp,
};
use hashbrown::HashMap;
use uuid::Uuid;

use super::{Place, answers, write_segment};
use crate::{
    query::part::Part,
    segment::{WriteError, merge_segments},
};

fn event(seq: u64) -> Event {
    Event {
        id: Uuid::from_u128(u128::from(seq)),
        seq,
        time: Timestamp::from_nanos(seq as i64),
        source: "test".into(),
        kind: "k".into(),
        ..Event::default()
    }
}

#[test]
fn no_events_make_no_segment() {
    let place = Place::new();
    assert!(matches!(write_segment(place.create("none"), &[]), Err(WriteError::Size(0))));
    assert!(matches!(merge_segments(place.create("none"), &[], &|| false), Err(WriteError::Size(0))));
}

#[test]
fn one_event_and_block_boundaries() {
    for count in [1, 63, 64, 65, 128, 129] {
        let place = Place::new();
        let events: Vec<Event> = (0..count).map(event).collect();
        let segment = place.write("one", &events);
        answers::check_events(&segment, &events);
        answers::check(&segment, &events, &Filter::all(), None);
    }
}

#[test]
fn long_texts_lie_beside_their_block() {
    let place = Place::new();
    let long = "long text ".repeat(10_000);
    let mut events: Vec<Event> = (0..100).map(event).collect();
    events[70].message = Some(long.clone());
    events[70].data = Some(Json::parse(&format!("{{\"x\":\"{long}needle\"}}")).unwrap());
    let segment = place.write("one", &events);
    answers::check_events(&segment, &events);
    answers::check(&segment, &events, &Filter::Text("needle".into()), None);
    let merged = place.merge("merged", &[segment]);
    answers::check_events(&merged, &events);
}

#[test]
fn patterns_look_through_the_dictionary_or_the_docs_whichever_is_less() {
    let place = Place::new();
    let mut events: Vec<Event> = (0..300).map(event).collect();
    for (event, number) in events.iter_mut().zip(0..) {
        event.actor.name = Some(format!("{} {number}", if number % 2 == 0 { "Alice" } else { "bob" }));
        event.data = Some(Json::parse(&format!("{{\"size\":{number}}}")).unwrap());
    }
    let segment = place.write("one", &events);
    let shape = |text: &str, ignores_case| {
        let glyph = |sign| if sign == '*' { Glyph::Many } else { Glyph::Is(sign) };
        Criterion::Like(Pattern::new(text.chars().map(glyph), ignores_case))
    };
    // One doc and 300 terms; then all docs; then a few of both.
    for (from, to) in [(120, 121), (0, 300), (100, 110)] {
        let time = TimeRange::new(Some(Timestamp::from_nanos(from)), Some(Timestamp::from_nanos(to)));
        for criterion in
            [shape("*ice*", false), shape("ALI*", true), shape("bob 1*", false), Criterion::alike("BOB 101")]
        {
            let condition = Filter::Value(Field::ActorName, criterion);
            let negated = Filter::Not(Box::new(condition.clone()));
            for condition in [condition, negated] {
                answers::check(&segment, &events, &Filter::Time(time).and(condition), None);
            }
        }
        let more = NumberBounds { lower: Some(("105".to_owned(), false)), upper: None };
        let sizes = Filter::At(annals_model::Place::Data(vec!["size".to_owned()]), Criterion::Between(more));
        answers::check(&segment, &events, &Filter::Time(time).and(sizes), None);
    }
}

#[test]
fn every_event_may_have_the_same_id() {
    let place = Place::new();
    let mut events: Vec<Event> = (0..5_000).map(event).collect();
    events.iter_mut().for_each(|event| event.id = Uuid::from_u128(7));
    let segment = place.write("one", &events);
    assert_eq!(segment.find(Uuid::from_u128(7)).unwrap().len(), 5_000);
    assert!(segment.find(Uuid::from_u128(8)).unwrap().is_empty());
}

#[test]
fn large_postings_are_counted_and_found() {
    let place = Place::new();
    let mut events: Vec<Event> = (0..9_000).map(event).collect();
    for (event, number) in events.iter_mut().zip(0_u64..) {
        event.kind = format!("kind-{}", number % 3);
        event.target.id = Some(format!("target-{number}"));
        event.zone = (number % 5 == 0).then(|| "zone".to_owned());
        event.origin = (number % 5 != 0).then(|| "origin".to_owned());
    }
    let segment = place.write("one", &events);
    segment.verify().unwrap();
    let count = |filter: Filter| segment.select(&filter).unwrap().count().unwrap();
    assert_eq!(count(Filter::term(Field::Kind, "kind-1")), 3_000);
    assert_eq!(count(Filter::term(Field::Kind, "kind-1")), 3_000, "from the cache");
    assert_eq!(count(Filter::Exists(Field::Zone)), 1_800);
    assert_eq!(count(Filter::Exists(Field::Origin)), 7_200);
    assert_eq!(count(Filter::Prefix(Field::TargetId, "target-12".into())), 111);
    // Few events in few blocks and many terms: counted from the events.
    let mut groups = HashMap::new();
    let few = Filter::any_of(Field::TargetId, ["target-1", "target-2"]);
    segment.select(&few).unwrap().group(&Field::TargetId, &mut groups).unwrap();
    let wanted = [("target-1", 1), ("target-2", 1)].map(|(target, count)| (Some(target.to_owned()), count));
    assert_eq!(groups, HashMap::from(wanted));
    let mut buckets = BTreeMap::new();
    segment.select(&few).unwrap().buckets(2, &mut buckets).unwrap();
    assert_eq!(buckets, BTreeMap::from([(0, 1), (2, 1)]));
}

#[test]
fn a_page_far_behind_is_found() {
    let place = Place::new();
    let mut events: Vec<Event> = (0..3_000).map(event).collect();
    for (event, number) in events.iter_mut().zip(0_u64..) {
        event.organization = annals_model::Named::new(format!("org-{}", number % 30), None);
        event.kind = format!("kind-{}", number % 2);
    }
    let segment = place.write("one", &events);
    let filter = Filter::term(Field::Kind, "kind-1");
    let mut matches = segment.select(&filter).unwrap();
    let place = matches.position_at(1_000).unwrap().unwrap();
    assert_eq!(place.seq, 2_001);
    matches.begin(Order::Ascending, Some(place)).unwrap();
    assert_eq!(matches.take().unwrap().unwrap().seq, 2_003);
    matches.begin(Order::Descending, Some(place)).unwrap();
    assert_eq!(matches.take().unwrap().unwrap().seq, 1_999);
}

#[test]
fn sections_account_for_the_file() {
    let place = Place::new();
    let events: Vec<Event> = (0..1_000).map(event).collect();
    let segment = place.write("one", &events);
    let sections: HashMap<&str, u64> = segment.section_bytes().into_iter().collect();
    assert_eq!(sections["ids"], 16_000);
    assert_eq!(sections["time_order"], 0, "one organization is in the total order as it is");
    assert_eq!(sections["fields"], 25 * 96);
    let inside: u64 = sections.values().sum();
    let around = segment.meta().bytes - inside;
    assert!(around < 1_000, "magic, checksums, footer and trailer take {around} bytes");
}
