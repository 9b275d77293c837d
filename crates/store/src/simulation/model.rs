//! What a simulated store must answer: a list of events and [`Filter::matches`], and random events and questions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use annals_model::{
    Bounds, Entity, Event, Field, Filter, Grant, Named, Order, Outcome, Position, Principal, Query, Role,
    Scope, Start, TimeRange, Timestamp, Total,
};
use annals_testkit::Random;
use uuid::Uuid;

use crate::{QueryError, Taken, query::Reader};

/// What events are deduplicated by.
type Identity = (Option<String>, String, Uuid);

/// Ids that events have; few, so that many are duplicates.
const IDS: u64 = 500;
const WORDS: [&str; 4] = ["create", "delete", "backup done", "ü"];
const ORGANIZATIONS: [&str; 3] = ["o1", "o2", "o3"];
const PROJECTS: [&str; 2] = ["p1", "p2"];
const SOURCES: [&str; 2] = ["native", "rafay/1"];

/// The events that are stored, in the order of the log.
#[derive(Default)]
pub(super) struct Model {
    pub(super) events: Vec<Event>,
    identities: BTreeSet<Identity>,
}

fn identity(event: &Event) -> Identity {
    (event.organization.as_ref().map(|named| named.id.clone()), event.source.clone(), event.id)
}

pub(super) fn everything() -> Scope {
    scope(vec![Grant { role: Role::Reader, organization: None, project: None }])
}

fn scope(grants: Vec<Grant>) -> Scope {
    Principal { name: "test".to_owned(), subject: None, token_scopes: None, grants }.read_scope()
}

impl Model {
    /// Notes an acknowledged batch, whose outcomes must be what they have to be.
    pub(super) fn take(&mut self, batch: &[Event], outcomes: &[Taken], recorded: Timestamp) {
        assert_eq!(batch.len(), outcomes.len(), "an outcome for every event");
        for (event, taken) in batch.iter().zip(outcomes) {
            match (self.identities.insert(identity(event)), *taken) {
                (true, Taken::New { seq }) => {
                    let last = self.events.last().map_or(0, |last| last.seq);
                    assert!(seq > last, "{seq} comes behind {last}");
                    self.events.push(Event { seq, recorded, ..event.clone() });
                }
                (false, Taken::Duplicate) => {}
                (is_new, taken) => panic!("new: {is_new}, but {taken:?}: {event:?}"),
            }
        }
    }

    /// Takes over of the batches nobody answered for what is stored, each whole or not at all; the rest must be what
    /// was acknowledged, no more and no less. `found` is everything that is stored, in the order of the log.
    pub(super) fn reconcile(&mut self, doubtful: Vec<Vec<Event>>, found: &[Event]) {
        for batch in doubtful {
            let mut here = BTreeSet::new();
            let new: Vec<&Event> = batch
                .iter()
                .filter(|event| !self.identities.contains(&identity(event)) && here.insert(identity(event)))
                .collect();
            // No two events have the same message.
            let stored: Vec<&Event> = new
                .iter()
                .filter_map(|event| found.iter().find(|found| found.message == event.message))
                .collect();
            assert!(
                stored.is_empty() || stored.len() == new.len(),
                "{} of the {} new events of a batch that was not answered are stored",
                stored.len(),
                new.len()
            );
            for (event, stored) in new.into_iter().zip(stored) {
                self.identities.insert(identity(event));
                self.events.push(Event { seq: stored.seq, recorded: stored.recorded, ..event.clone() });
            }
        }
        for (event, found) in self.events.iter().zip(found) {
            assert_eq!(event, found, "the events that were acknowledged");
        }
        assert_eq!(self.events.len(), found.len(), "events that were acknowledged, and that are stored");
    }

    /// Asks something and holds the answer against the list.
    pub(super) fn ask(&self, reader: &Reader, random: &mut Random) {
        check(&self.events, reader, random);
    }
}

/// Asks something and holds the answer against a list of events.
pub(super) fn check(events: &[Event], reader: &Reader, random: &mut Random) {
    let query = query(random);
    let selected = |event: &&Event| {
        query.scope().permits(event) && query.filter.matches(event) && query.range.contains(event.time)
    };
    let mut selected: Vec<&Event> = events.iter().filter(selected).collect();
    selected.sort_by_key(|event| event.position());
    if query.order == Order::Descending {
        selected.reverse();
    }
    let skipped = match query.start {
        Start::Beginning => 0,
        Start::Offset(offset) => (offset as usize).min(selected.len()),
        Start::After(place) => selected
            .iter()
            .take_while(|event| match query.order {
                Order::Ascending => event.position() <= place,
                Order::Descending => event.position() >= place,
            })
            .count(),
    };
    let rest = &selected[skipped..];
    let limit = query.limit_events() as usize;
    let page = reader.page(&query).unwrap();
    let answered: Vec<&Event> = page.events.iter().map(AsRef::as_ref).collect();
    assert_eq!(answered, rest[..limit.min(rest.len())], "{query:?}");
    assert_eq!(page.more, limit > 0 && rest.len() > limit, "{query:?}");
    let total = (query.total == Total::Exact).then_some(selected.len() as u64);
    assert_eq!(page.total, total, "{query:?}");

    let field = field(random);
    let mut groups: BTreeMap<Option<String>, u64> = BTreeMap::new();
    let mut buckets: BTreeMap<i64, u64> = BTreeMap::new();
    for event in &selected {
        let mut values = BTreeSet::new();
        field.visit(event, |value| {
            values.insert(Some(value.to_owned()));
        });
        if values.is_empty() {
            values.insert(None);
        }
        values.into_iter().for_each(|value| *groups.entry(value).or_default() += 1);
        *buckets.entry(event.time.nanos().div_euclid(7) * 7).or_default() += 1;
    }
    let counted: BTreeMap<Option<String>, u64> = reader
        .group(&query, &field, 1_000)
        .unwrap()
        .into_iter()
        .map(|group| (group.value, group.count))
        .collect();
    assert_eq!(counted, groups, "{field} {query:?}");
    let counted: BTreeMap<i64, u64> = reader
        .histogram(&query, Duration::from_nanos(7))
        .unwrap()
        .into_iter()
        .map(|(time, count)| (time.nanos(), count))
        .collect();
    assert_eq!(counted, buckets, "{query:?}");

    let id = id(random);
    let found = reader.event(query.scope(), id).unwrap();
    let expected = events.iter().find(|event| event.id == id && query.scope().permits(event));
    assert_eq!(found.as_deref(), expected);
    assert_eq!(reader.exists(id).unwrap(), events.iter().any(|event| event.id == id));
}

/// Everything that is stored, in the order of the log.
pub(super) fn stored(reader: &Reader) -> Vec<Event> {
    try_stored(reader).unwrap()
}

/// The same, of what may be damaged.
pub(super) fn try_stored(reader: &Reader) -> Result<Vec<Event>, QueryError> {
    let mut events: Vec<Event> = Vec::new();
    let mut query = Query::new(everything()).order(Order::Ascending).limit(10_000);
    loop {
        let page = reader.page(&query)?;
        events.extend(page.events.iter().map(|event| Event::clone(event)));
        let Some(place) = page.next() else { break };
        query = query.start(Start::After(place));
    }
    events.sort_by_key(|event| event.seq);
    Ok(events)
}

fn id(random: &mut Random) -> Uuid {
    Uuid::from_u128(u128::from(random.below(IDS)))
}

fn word(random: &mut Random) -> String {
    (*random.pick(&WORDS)).to_owned()
}

fn maybe<T>(random: &mut Random, make: impl FnOnce(&mut Random) -> T) -> Option<T> {
    (random.below(2) == 0).then(|| make(random))
}

fn time(random: &mut Random) -> Timestamp {
    Timestamp::from_nanos(random.below(60) as i64 - 20)
}

/// A random event whose message no other has.
pub(super) fn event(random: &mut Random, serial: u64) -> Event {
    // Now and then one that fills several pages of the catalog.
    let large = if random.below(100) == 0 { random.below(40_000) } else { 0 };
    let filling: String = (0..large / 16).map(|_| format!("{:016x}", random.next_u64())).collect();
    let kind = word(random);
    Event {
        id: id(random),
        time: time(random),
        source: (*random.pick(&SOURCES)).to_owned(),
        action: kind.clone(),
        kind,
        outcome: *random.pick(&Outcome::ALL),
        status: maybe(random, word),
        organization: maybe(random, |random| *random.pick(&ORGANIZATIONS))
            .and_then(|id| Named::new(id, None)),
        project: maybe(random, |random| *random.pick(&PROJECTS)).and_then(|id| Named::new(id, None)),
        actor: Entity { id: maybe(random, word), ..Entity::default() },
        labels: maybe(random, word).map(|value| ("x".to_owned(), value)).into_iter().collect(),
        message: Some(format!("write {serial} {filling}")),
        ..Event::default()
    }
}

fn field(random: &mut Random) -> Field {
    let fields = [
        Field::Source,
        Field::Kind,
        Field::Status,
        Field::Outcome,
        Field::Organization,
        Field::Project,
        Field::ActorId,
        Field::Label("x".to_owned()),
    ];
    random.pick(&fields).clone()
}

fn filter(random: &mut Random, depth: u32) -> Filter {
    let value = |random: &mut Random| match random.below(3) {
        0 => (*random.pick(&ORGANIZATIONS)).to_owned(),
        _ => word(random),
    };
    let several = |random: &mut Random| {
        let count = random.below(3);
        (0..count).map(|_| filter(random, depth + 1)).collect()
    };
    match random.below(if depth < 2 { 10 } else { 7 }) {
        0 | 1 => Filter::Term(field(random), value(random)),
        2 => Filter::AnyOf(field(random), (0..2).map(|_| value(random)).collect()),
        3 => Filter::Range(field(random), Bounds { lower: maybe(random, |r| (word(r), true)), upper: None }),
        4 => Filter::Exists(field(random)),
        5 => Filter::Text(word(random)),
        6 => Filter::Prefix(field(random), "b".to_owned()),
        7 => Filter::And(several(random)),
        8 => Filter::Or(several(random)),
        _ => filter(random, depth + 1).negate(),
    }
}

fn query(random: &mut Random) -> Query {
    let scope = match random.below(3) {
        0 => scope(vec![Grant {
            role: Role::Reader,
            organization: Some((*random.pick(&ORGANIZATIONS)).to_owned()),
            project: maybe(random, |random| (*random.pick(&PROJECTS)).to_owned()),
        }]),
        _ => everything(),
    };
    let filter = if random.below(3) == 0 { Filter::all() } else { filter(random, 0) };
    let range = match random.below(3) {
        0 => TimeRange { from: maybe(random, time), to: maybe(random, time) },
        _ => TimeRange::ALL,
    };
    let start = match random.below(4) {
        0 => Start::Offset(random.below(100)),
        1 => Start::After(Position { time: time(random), seq: random.below(300) }),
        _ => Start::Beginning,
    };
    let order = if random.below(2) == 0 { Order::Ascending } else { Order::Descending };
    let query = Query::new(scope).filter(filter).range(range).order(order).start(start);
    let query = query.limit(random.below(30) as u32);
    if random.below(2) == 0 { query.with_total() } else { query }
}
