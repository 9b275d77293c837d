//! The store against the simplest thing that could be right: a list of events and [`Filter::matches`].
//!
//! Random operations append, seal, merge and open the store again; after each of them random queries must be answered
//! as the list answers them. The store seals and merges by itself all the while.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message, in its helpers too")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use annals_model::{
    Bounds, Clock, Criterion, Entity, Event, Field, Filter, Glyph, Grant, GroupCount, Json, Named,
    NumberBounds, Order, Outcome, Pattern, Place, Position, Principal, Query, Request, Role, Scope, Start,
    TimeRange, Timestamp,
};
use annals_store::{Batch, Options, Store, Taken};
use proptest::{collection, option, prelude::*, sample::select};
use uuid::Uuid;

/// A clock that stands still until it is moved.
#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(SeqCst))
    }
}

/// Few different values, so that events have much in common.
fn word() -> impl Strategy<Value = String> {
    select(vec!["a", "ab", "b", "ba", "Backup done", "ü"]).prop_map(str::to_owned)
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    option::of(word())
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -9..9_i64, 1 => -2_000_000_000..2_000_000_000_i64]
}

prop_compose! {
    fn event()(
        (id, time) in (0..60_u128, time()),
        (source, kind) in (select(vec!["native", "rafay", "rafay/1"]), word()),
        (status, zone, actor, request, message) in (maybe(), maybe(), maybe(), maybe(), maybe()),
        (organization, project) in (option::of(select(vec!["o1", "o2", "o3"])), option::of(select(vec!["p1", "p2"]))),
        outcome in 0..4_usize,
        categories in collection::vec(word(), 0..3),
        labels in collection::btree_map(select(vec!["x".to_owned(), "y".to_owned()]), word(), 0..2),
        data in option::of(word()),
    ) -> Event {
        Event {
            id: Uuid::from_u128(id),
            time: Timestamp::from_nanos(time),
            source: source.to_owned(),
            action: kind.clone(),
            kind,
            status,
            zone,
            outcome: Outcome::ALL[outcome],
            organization: organization.and_then(|id| Named::new(id, None)),
            project: project.and_then(|id| Named::new(id, Some("name".to_owned()))),
            actor: Entity { id: actor, ..Entity::default() },
            request: Request { id: request, ..Request::default() },
            categories,
            labels,
            message,
            data: data.map(|text| {
                let number = id % 50;
                Json::from_value(&serde_json::json!({ "said": text, "in": [{ "number": number as u64 }] })).unwrap()
            }),
            ..Event::default()
        }
    }
}

fn field() -> impl Strategy<Value = Field> {
    let fixed = vec![
        Field::Source,
        Field::Kind,
        Field::Status,
        Field::Zone,
        Field::Outcome,
        Field::Organization,
        Field::Project,
        Field::ProjectName,
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
    let end = || option::of(time().prop_map(Timestamp::from_nanos));
    (end(), end()).prop_map(|(from, to)| TimeRange { from, to })
}

/// Texts in other case, patterns and numbers that hit some of the values.
fn criterion() -> impl Strategy<Value = Criterion> {
    let glyph = |sign: char| match sign {
        '*' => Glyph::Many,
        '?' => Glyph::One,
        other => Glyph::Is(other),
    };
    let shape = (select(vec!["*", "a*", "*A*", "?", "BACKUP d*", "*done", "ra?ay*"]), any::<bool>());
    prop_oneof![
        Just(Criterion::Any),
        word().prop_map(Criterion::Is),
        word().prop_map(|text| Criterion::alike(&text.to_uppercase())),
        shape.prop_map(move |(shape, ignores_case)| {
            Criterion::Like(Pattern::new(shape.chars().map(glyph), ignores_case))
        }),
        word().prop_map(|text| Criterion::Within(Bounds { lower: Some((text, false)), upper: None })),
        (-3..40_i64).prop_map(|number| {
            let lower = Some((number.to_string(), true));
            Criterion::Between(NumberBounds { lower, upper: Some(("30".to_owned(), false)) })
        }),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    let path = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    select(vec![
        Place::Message,
        Place::RequestUri,
        Place::Before(Vec::new()),
        Place::Data(path(&["said"])),
        Place::Data(path(&["in", "number"])),
    ])
}

fn filter() -> impl Strategy<Value = Filter> {
    let bound = || option::of((word(), any::<bool>()));
    let value = || prop_oneof![6 => word(), 1 => select(vec!["native", "rafay", "o1", "p1", "success"]).prop_map(str::to_owned)];
    let leaf = prop_oneof![
        (field(), value()).prop_map(|(field, value)| Filter::Term(field, value)),
        (field(), collection::btree_set(value(), 0..3))
            .prop_map(|(field, values)| Filter::AnyOf(field, values)),
        (field(), bound(), bound())
            .prop_map(|(field, lower, upper)| Filter::Range(field, Bounds { lower, upper })),
        (field(), value()).prop_map(|(field, value)| Filter::Prefix(field, value)),
        field().prop_map(Filter::Exists),
        (field(), criterion()).prop_map(|(field, criterion)| Filter::Value(field, criterion)),
        (place(), criterion()).prop_map(|(place, criterion)| Filter::At(place, criterion)),
        select(vec!["backup DONE", "done backup", "done"]).prop_map(|text| Filter::Phrase(text.to_owned())),
        range().prop_map(Filter::Time),
        select(vec!["", "backup", "done a", "Ü", "nowhere"]).prop_map(|text| Filter::Text(text.to_owned())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..3).prop_map(Filter::And),
            collection::vec(inner.clone(), 0..3).prop_map(Filter::Or),
            inner.prop_map(Filter::negate),
        ]
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    let grant = || {
        (
            select(vec![Role::Reader, Role::Admin, Role::Writer]),
            option::of(select(vec!["o1", "o2"])),
            option::of(select(vec!["p1", "p2"])),
        )
            .prop_map(|(role, organization, project)| Grant {
                role,
                organization: organization.map(str::to_owned),
                project: project.map(str::to_owned),
            })
    };
    let everything = Grant { role: Role::Reader, organization: None, project: None };
    prop_oneof![3 => Just(vec![everything]), 4 => collection::vec(grant(), 0..3)].prop_map(|grants| {
        Principal { name: "test".to_owned(), subject: None, token_scopes: None, grants }.read_scope()
    })
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        2 => Just(Start::Beginning),
        2 => (0..90_u64).prop_map(Start::Offset),
        2 => (-9..9_i64, 0..200_u64)
            .prop_map(|(time, seq)| Start::After(Position { time: Timestamp::from_nanos(time), seq })),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let ranges = prop_oneof![2 => Just(TimeRange::ALL), 1 => range()];
    let filters = prop_oneof![1 => Just(Filter::all()), 4 => filter()];
    (scope(), filters, ranges, any::<bool>(), start(), 0..30_u32, any::<bool>()).prop_map(
        |(scope, filter, range, ascending, start, limit, total)| {
            let order = if ascending { Order::Ascending } else { Order::Descending };
            let query = Query::new(scope).filter(filter).range(range).order(order).start(start).limit(limit);
            if total { query.with_total() } else { query }
        },
    )
}

#[derive(Debug, Clone)]
struct Question {
    query: Query,
    field: Field,
    width: i64,
    id: u128,
}

prop_compose! {
    fn question()(query in query(), field in field(), width in 1..7_i64, id in 0..70_u128) -> Question {
        Question { query, field, width, id }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Event>),
    Seal,
    Compact,
    Reopen,
}

fn step() -> impl Strategy<Value = (Step, Vec<Question>)> {
    let step = prop_oneof![
        6 => collection::vec(event(), 0..25).prop_map(Step::Append),
        2 => Just(Step::Seal),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ];
    (step, collection::vec(question(), 1..4))
}

/// The list.
#[derive(Default)]
struct Model {
    /// In the order they came.
    events: Vec<Event>,
    identities: BTreeSet<(Option<String>, String, Uuid)>,
}

impl Model {
    fn is_new(&mut self, event: &Event) -> bool {
        let organization = event.organization.as_ref().map(|organization| organization.id.clone());
        self.identities.insert((organization, event.source.clone(), event.id))
    }

    /// What a query selects, in its order.
    fn select(&self, query: &Query) -> Vec<&Event> {
        let selected = |event: &&Event| {
            query.scope().permits(event) && query.filter.matches(event) && query.range.contains(event.time)
        };
        let mut events: Vec<&Event> = self.events.iter().filter(selected).collect();
        events.sort_by_key(|event| event.position());
        if query.order == Order::Descending {
            events.reverse();
        }
        events
    }
}

fn behind<'e>(events: &[&'e Event], query: &Query) -> Vec<&'e Event> {
    let skipped = match query.start {
        Start::Beginning => 0,
        Start::Offset(offset) => usize::try_from(offset).unwrap().min(events.len()),
        Start::After(place) => events
            .iter()
            .take_while(|event| match query.order {
                Order::Ascending => event.position() <= place,
                Order::Descending => event.position() >= place,
            })
            .count(),
    };
    events[skipped..].to_vec()
}

fn check(store: &Store, model: &Model, question: &Question) -> Result<(), TestCaseError> {
    let Question { query, field, width, id } = question;
    let selected = model.select(query);
    let rest = behind(&selected, query);

    let page = store.query(query).unwrap();
    let limit = query.limit_events() as usize;
    let expected = &rest[..limit.min(rest.len())];
    let answered: Vec<&Event> = page.events.iter().map(AsRef::as_ref).collect();
    prop_assert_eq!(&answered, expected, "{:?}", query);
    prop_assert_eq!(page.more, limit > 0 && rest.len() > limit, "{:?}", query);
    let total = (query.total == annals_model::Total::Exact).then_some(selected.len() as u64);
    prop_assert_eq!(page.total, total, "{:?}", query);

    // Page by page it is the whole answer, without repeats.
    let mut walked: Vec<Event> = Vec::new();
    let mut next = query.clone().limit((limit as u32).max(3));
    loop {
        let page = store.query(&next).unwrap();
        walked.extend(page.events.iter().map(|event| Event::clone(event)));
        let Some(place) = page.next() else { break };
        next = next.start(Start::After(place));
        prop_assert!(walked.len() <= rest.len());
    }
    prop_assert_eq!(walked.iter().collect::<Vec<_>>(), rest, "{:?}", query);

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
        *buckets.entry(event.time.nanos().div_euclid(*width) * width).or_default() += 1;
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(value, count)| GroupCount { value, count }).collect();
    groups.sort_by(|one, two| two.count.cmp(&one.count).then_with(|| one.value.cmp(&two.value)));
    prop_assert_eq!(store.group(query, field, 1_000).unwrap(), groups.clone(), "{} {:?}", field, query);
    let values = groups.len();
    groups.truncate(2);
    prop_assert_eq!(store.group(query, field, 2).unwrap(), groups.clone());
    let facets = store.facets(query, &[Field::Kind, field.clone(), Field::Outcome], 2).unwrap();
    prop_assert_eq!(facets.total, selected.len() as u64);
    prop_assert_eq!((&facets.fields[1].values, facets.fields[1].more), (&groups, values > 2), "{:?}", query);
    prop_assert_eq!(&facets.fields[2].values, &store.group(query, &Field::Outcome, 2).unwrap());
    let times = selected.iter().map(|event| event.time);
    prop_assert_eq!(store.extent(query).unwrap(), times.clone().min().zip(times.max()));
    let buckets: Vec<_> =
        buckets.into_iter().map(|(start, count)| (Timestamp::from_nanos(start), count)).collect();
    let bucket_width = Duration::from_nanos(*width as u64);
    prop_assert_eq!(store.histogram(query, bucket_width).unwrap(), buckets.clone());
    let split = store.split_histogram(query, bucket_width, field, 2).unwrap();
    let frequent: Vec<String> = groups.iter().filter_map(|group| group.value.clone()).collect();
    prop_assert!(frequent.iter().all(|value| split.values.contains(value)) && split.values.len() <= 2);
    let counted: Vec<_> = split.buckets.iter().map(|bucket| (bucket.start, bucket.count)).collect();
    prop_assert_eq!(counted, buckets);
    for bucket in &split.buckets {
        for (value, count) in split.values.iter().zip(&bucket.counts) {
            let has = |event: &&&Event| {
                let mut found = false;
                field.visit(event, |text| found |= text == value);
                found && event.time.nanos().div_euclid(*width) * width == bucket.start.nanos()
            };
            prop_assert_eq!(*count, selected.iter().filter(has).count() as u64, "{:?} {}", query, value);
        }
    }

    // Followed page by page from any place, the log gives what it holds, once and in its order.
    let begin = model.events.get(model.events.len() / 2).map_or(0, |event| event.seq);
    for after in [0, begin] {
        let mut reached = after;
        let mut followed: Vec<Event> = Vec::new();
        while reached < store.last_applied() {
            let page = store.follow(&query.clone().limit((limit as u32).clamp(1, 3)), reached).unwrap();
            prop_assert!(page.reached > reached, "{:?}", query);
            followed.extend(page.events.iter().map(|event| Event::clone(event)));
            reached = page.reached;
        }
        let mut expected: Vec<&Event> = selected.iter().copied().filter(|event| event.seq > after).collect();
        expected.sort_by_key(|event| event.seq);
        prop_assert_eq!(followed.iter().collect::<Vec<_>>(), expected, "{:?} after {}", query, after);
    }

    let id = Uuid::from_u128(*id);
    let found = store.event(query.scope(), id).unwrap();
    let expected = model.events.iter().find(|event| event.id == id && query.scope().permits(event));
    prop_assert_eq!(found.as_deref(), expected);
    prop_assert_eq!(store.exists(id).unwrap(), model.events.iter().any(|event| event.id == id));
    Ok(())
}

fn options(directory: &Path, seal_events: usize) -> Options {
    Options {
        seal_events,
        merge_factor: 2,
        segment_events_max: 150,
        free_bytes_min: 0,
        seal_age: Duration::from_secs(1_000_000),
        ..Options::new(directory)
    }
}

fn run(seal_events: usize, steps: Vec<(Step, Vec<Question>)>) -> Result<(), TestCaseError> {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let open =
        || Store::open(options(directory.path(), seal_events), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let mut store = Some(open());
    let mut model = Model::default();
    let (number, mut last_seq) = (store.as_ref().unwrap().number(), 0);
    for (step, questions) in steps {
        let current = store.as_ref().unwrap();
        match step {
            Step::Append(events) => {
                clock.0.fetch_add(1, SeqCst);
                let recorded = clock.now();
                let appended = runtime.block_on(current.append(Batch::new(events.clone()))).unwrap();
                prop_assert_eq!(appended.outcomes.len(), events.len());
                prop_assert_eq!(appended.accepted + appended.duplicates, events.len() as u64);
                for (event, taken) in events.into_iter().zip(appended.outcomes) {
                    match (model.is_new(&event), taken) {
                        (true, Taken::New { seq }) => {
                            prop_assert!(seq > last_seq);
                            last_seq = seq;
                            model.events.push(Event { seq, recorded, ..event });
                        }
                        (false, Taken::Duplicate) => {}
                        (new, taken) => prop_assert!(false, "new: {}, but {:?}: {:?}", new, taken, event),
                    }
                }
            }
            Step::Seal => current.seal().unwrap(),
            Step::Compact => current.compact().unwrap(),
            Step::Reopen => {
                drop(store.take());
                store = Some(open());
            }
        }
        let current = store.as_ref().unwrap();
        for question in &questions {
            check(current, &model, question)?;
        }
        prop_assert_eq!(current.status().events, model.events.len() as u64);
        prop_assert_eq!(current.status().refusing, None);
        prop_assert_eq!(current.number(), number);
    }
    let store = store.unwrap();
    prop_assert_eq!(store.status().maintenance_error, None);
    if let Err(damages) = store.verify() {
        prop_assert!(false, "{:?}", damages);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn answers_like_a_list(seal_events in 3..60_usize, steps in collection::vec(step(), 1..14)) {
        run(seal_events, steps)?;
    }
}
