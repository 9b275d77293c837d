//! The tail against a plain list of events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use annals_model::{
    Bounds, Event, Field, Filter, Json, Named, Order, Outcome, Position, Request, TimeRange, Timestamp,
};
use hashbrown::HashMap;
use proptest::{collection, prelude::*, sample::select};
use uuid::Uuid;

use super::{TailPart, TailView};
use crate::{
    batch::Batch,
    query::part::{Identity, Part, bucket_of},
};

/// Few different values, so that events have much in common.
fn word() -> impl Strategy<Value = String> {
    select(vec!["", "a", "ab", "b", "ba", "Backup done", "ü"]).prop_map(str::to_owned)
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(word())
}

prop_compose! {
    pub(crate) fn event()(
        (id, time) in (0..40_u128, -5..5_i64),
        (source, kind) in (word(), word()),
        (status, zone, actor, request, message) in (maybe(), maybe(), maybe(), maybe(), maybe()),
        (organization, project) in (maybe(), maybe()),
        outcome in 0..4_usize,
        categories in collection::vec(word(), 0..3),
        labels in collection::btree_map(select(vec!["x".to_owned(), "y".to_owned()]), word(), 0..2),
    ) -> Event {
        Event {
            id: Uuid::from_u128(id),
            time: Timestamp::from_nanos(time),
            source,
            kind,
            status,
            zone,
            outcome: Outcome::ALL[outcome],
            organization: organization.and_then(|id| Named::new(id, None)),
            project: project.and_then(|id| Named::new(id, None)),
            actor: annals_model::Entity { id: actor, ..Default::default() },
            request: Request { id: request, ..Request::default() },
            categories,
            labels,
            message,
            ..Event::default()
        }
    }
}

pub(crate) fn field() -> impl Strategy<Value = Field> {
    let fixed = vec![
        Field::Source,
        Field::Kind,
        Field::Status,
        Field::Zone,
        Field::Outcome,
        Field::Organization,
        Field::Project,
        Field::ActorId,
        Field::RequestId,
        Field::Category,
        Field::Part,
    ];
    prop_oneof![
        8 => select(fixed),
        1 => select(vec!["x", "y", "z"]).prop_map(|key| Field::Label(key.to_owned())),
    ]
}

fn range() -> impl Strategy<Value = TimeRange> {
    let end = || proptest::option::of((-6..6_i64).prop_map(Timestamp::from_nanos));
    (end(), end()).prop_map(|(from, to)| TimeRange { from, to })
}

pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    let bound = || proptest::option::of((word(), any::<bool>()));
    let leaf = prop_oneof![
        (field(), word()).prop_map(|(field, value)| Filter::Term(field, value)),
        (field(), collection::btree_set(word(), 0..3))
            .prop_map(|(field, values)| Filter::AnyOf(field, values)),
        (field(), bound(), bound())
            .prop_map(|(field, lower, upper)| Filter::Range(field, Bounds { lower, upper })),
        (field(), word()).prop_map(|(field, value)| Filter::Prefix(field, value)),
        field().prop_map(Filter::Exists),
        range().prop_map(Filter::Time),
        select(vec!["", "backup", "done a", "Ü"]).prop_map(|text| Filter::Text(text.to_owned())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..3).prop_map(Filter::And),
            collection::vec(inner.clone(), 0..3).prop_map(Filter::Or),
            inner.prop_map(Filter::negate),
        ]
    })
}

/// A tail of these events and the same events as they should come back, in the total order.
fn tail(events: Vec<Event>, first_seq: u64) -> (Arc<TailPart>, Vec<Event>) {
    let part = Arc::new(TailPart::new());
    let mut list = Vec::new();
    add(&part, &mut list, events, first_seq);
    (part, list)
}

fn add(part: &Arc<TailPart>, list: &mut Vec<Event>, events: Vec<Event>, first_seq: u64) {
    let recorded = Timestamp::from_nanos(99);
    list.extend(events.iter().cloned().zip(first_seq..).map(|(event, seq)| Event { seq, recorded, ..event }));
    list.sort_by_key(Event::position);
    let mut seq = first_seq;
    for chunk in Batch::new(events).chunks {
        part.insert(&chunk, recorded, &chunk.arrivals(seq).unwrap()).unwrap();
        seq += chunk.bounds.len() as u64;
    }
}

fn walk(view: &TailView, condition: &Filter, order: Order, after: Option<Position>) -> Vec<Event> {
    let mut matches = view.select(condition).unwrap();
    matches.begin(order, after).unwrap();
    let mut found = Vec::new();
    while let Some(position) = matches.peek().unwrap() {
        let event = matches.take().unwrap().unwrap();
        assert_eq!(event.position(), position);
        found.push(event);
    }
    assert!(matches.take().unwrap().is_none());
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn answers_like_a_list(
        events in collection::vec(event(), 1..60),
        condition in filter(),
        (time, seq) in (-6..6_i64, 0..70_u64),
        field in field(),
        width in 1..7_i64,
    ) {
        let (part, list) = tail(events, 5);
        let view = part.view().unwrap();
        prop_assert_eq!(view.span().events, list.len() as u64);
        prop_assert_eq!(view.span().first, list[0].position());
        prop_assert_eq!(view.span().last, list[list.len() - 1].position());
        let expected: Vec<&Event> = list.iter().filter(|event| condition.matches(event)).collect();

        let ascending = walk(&view, &condition, Order::Ascending, None);
        prop_assert_eq!(ascending.iter().collect::<Vec<_>>(), expected.clone());
        let mut descending = walk(&view, &condition, Order::Descending, None);
        descending.reverse();
        prop_assert_eq!(descending, ascending);

        let place = Position { time: Timestamp::from_nanos(time), seq };
        let behind = |order| walk(&view, &condition, order, Some(place)).len();
        let mut matches = view.select(&condition).unwrap();
        let before = expected.iter().filter(|event| event.position() < place).count();
        let at = expected.iter().filter(|event| event.position() == place).count();
        prop_assert_eq!(matches.count_before(place).unwrap(), before as u64);
        prop_assert_eq!(behind(Order::Descending), before);
        prop_assert_eq!(behind(Order::Ascending), expected.len() - before - at);
        prop_assert_eq!(matches.count().unwrap(), expected.len() as u64);
        for index in 0..=expected.len() {
            let position = expected.get(index).map(|event| event.position());
            prop_assert_eq!(matches.position_at(index as u64).unwrap(), position);
        }

        let mut groups = HashMap::new();
        let mut buckets = BTreeMap::new();
        for event in &expected {
            let mut values = BTreeSet::new();
            field.visit(event, |value| { values.insert(Some(value.to_owned())); });
            if values.is_empty() {
                values.insert(None);
            }
            values.into_iter().for_each(|value| *groups.entry(value).or_insert(0_u64) += 1);
            *buckets.entry(bucket_of(event.time, width)).or_insert(0_u64) += 1;
        }
        let (mut found_groups, mut found_buckets) = (HashMap::new(), BTreeMap::new());
        matches.group(&field, &mut found_groups).unwrap();
        matches.buckets(width, &mut found_buckets).unwrap();
        prop_assert_eq!(found_groups, groups, "{}", field);
        prop_assert_eq!(found_buckets, buckets);

        for event in &list {
            prop_assert!(view.holds(&Identity::of(event)).unwrap());
            let same: Vec<&Event> = list.iter().filter(|other| other.id == event.id).collect();
            let mut found = view.find(event.id).unwrap();
            found.sort_by_key(Event::position);
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), same);
        }
        let stranger = Identity { organization: Some("nobody"), source: "a", id: list[0].id };
        prop_assert!(!view.holds(&stranger).unwrap());
        let mut all = part.events().unwrap();
        prop_assert!(all.is_sorted_by_key(|event| event.seq));
        all.sort_by_key(Event::position);
        prop_assert_eq!(all, list);
    }

    #[test]
    fn a_view_does_not_see_what_comes_later(
        before in collection::vec(event(), 1..30),
        later in collection::vec(event(), 1..30),
        condition in filter(),
    ) {
        let (part, mut list) = tail(before, 1);
        let view = part.view().unwrap();
        let seen: Vec<Event> = list.iter().filter(|event| condition.matches(event)).cloned().collect();
        add(&part, &mut list, later, 100);
        prop_assert_eq!(&walk(&view, &condition, Order::Ascending, None), &seen);
        let mut descending = walk(&view, &condition, Order::Descending, None);
        descending.reverse();
        prop_assert_eq!(&descending, &seen);
        let mut groups = HashMap::new();
        view.select(&condition).unwrap().group(&Field::Kind, &mut groups).unwrap();
        prop_assert_eq!(groups.values().sum::<u64>(), seen.len() as u64);
        let all: Vec<Event> = list.iter().filter(|event| condition.matches(event)).cloned().collect();
        prop_assert_eq!(walk(&part.view().unwrap(), &condition, Order::Ascending, None), all);
    }
}

#[test]
fn buckets_are_rounded_towards_the_past() {
    for (time, width, bucket) in [(-1, 10, -10), (0, 10, 0), (19, 10, 10), (5, 0, 5), (i64::MIN, 7, i64::MIN)]
    {
        assert_eq!(bucket_of(Timestamp::from_nanos(time), width), bucket);
    }
}

#[test]
fn words_are_found_however_they_are_spelled() {
    let json = |text: &str| Json::parse(text).unwrap();
    let said = |message: &str| Event { message: Some(message.to_owned()), ..Event::default() };
    let events = [
        said("BACKUP of db-7"),
        said("measured 300\u{212a}elvin"),
        said("Größe"),
        Event { data: Some(json(r#"{"at":"\u0061pple pie","n":1200}"#)), ..Event::default() },
        Event { before: Some(json(r#"{"text":"one\ntwo"}"#)), ..Event::default() },
        Event { outcome: Outcome::Failure, ..Event::default() },
        Event { labels: BTreeMap::from([("tier".to_owned(), "Gold".to_owned())]), ..Event::default() },
    ];
    let events: Vec<Event> = (1..)
        .zip(events)
        .map(|(n, event)| Event { id: Uuid::from_u128(n), seq: n as u64, source: "s".into(), ..event })
        .collect();
    let part = Arc::new(TailPart::of_events(&events).unwrap());
    let view = part.view().unwrap();
    let words =
        ["backup", "DB 7", "300kelvin", "größe", "apple", "1200", "two", "failure", "gold", "nobody", "tier"];
    for word in words {
        for condition in [Filter::Text(word.into()), Filter::Phrase(word.into())] {
            let expected = events.iter().filter(|event| condition.matches(event)).count();
            assert_eq!(view.select(&condition).unwrap().count().unwrap(), expected as u64, "{condition:?}");
            assert_eq!(expected, usize::from(!["nobody", "tier"].contains(&word)), "{word}");
        }
    }
}
