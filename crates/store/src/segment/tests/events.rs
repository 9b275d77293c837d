//! Random events and conditions: few distinct values, so that conditions hit.

use std::collections::BTreeMap;

use annals_model::{
    Bounds, Criterion, Entity, Event, Field, Filter, Glyph, Json, Named, NumberBounds, Outcome, Pattern,
    Place, Request, TimeRange, Timestamp,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use uuid::Uuid;

const ID: &str = "6e5b2a52-7f1b-4f0a-8f5e-0d9b2f6c1a11";
const TEXTS: [&str; 12] = [
    "",
    "a",
    "alice",
    "alice@example.com",
    "audit.app.create",
    "audit.app",
    "Größe 2",
    ID,
    "0d9b2f6c-7f1b-4f0a-8f5e-6e5b2a521a11",
    "b",
    "b7a2 2026",
    "𝒳\u{1}",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => select(&TEXTS[..]).prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

fn some() -> impl Strategy<Value = Option<String>> {
    option::weighted(0.6, text())
}

fn named() -> impl Strategy<Value = Option<Named>> {
    let ids = select(&["o1", "o2", "o3", ID][..]);
    option::weighted(0.7, (ids, some()).prop_map(|(id, name)| Named { id: id.to_owned(), name }))
}

fn entity() -> impl Strategy<Value = Entity> {
    (some(), some(), some()).prop_map(|(kind, id, name)| Entity { kind, id, name })
}

fn request() -> impl Strategy<Value = Request> {
    let numbers = option::of(prop_oneof![Just(200_i64), Just(i64::MIN), any::<i64>()]);
    ((some(), some(), some(), some(), some()), numbers.clone(), numbers).prop_map(
        |((id, method, path, ip, user_agent), status, elapsed_ms)| {
            let uri = path.map(|path| format!("/v2/apps/{path}?by={path}&x={ID}"));
            Request { id, method, uri, ip, user_agent, status, elapsed_ms }
        },
    )
}

fn json() -> impl Strategy<Value = Option<Json>> {
    option::weighted(
        0.5,
        (text(), text(), any::<i32>()).prop_map(|(one, two, number)| {
            Json::from_value(
                &serde_json::json!({"one": one, "list": [two, number, null], "in": {"x": "alice"}}),
            )
            .unwrap()
        }),
    )
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        20 => (0_i64..6).prop_map(|seconds| Timestamp::from_seconds(1_700_000_000 + seconds * 50).unwrap()),
        4 => (0_i64..1_000_000_000).prop_map(|nanos| Timestamp::from_nanos(1_700_000_000_000_000_000 + nanos)),
        1 => Just(Timestamp::MIN),
        1 => Just(Timestamp::MAX),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let ids = prop_oneof![4 => any::<u128>(), 1 => 0_u128..4].prop_map(Uuid::from_u128);
    (
        (ids, time(), time(), text(), some(), text(), text(), select(&Outcome::ALL[..])),
        (some(), named(), named(), named(), entity(), entity(), some(), some(), some()),
        (
            vec(text(), 0..4),
            proptest::collection::btree_map(select(&["k", "profile_id", "z"][..]), text(), 0..3),
        ),
        (request(), some(), json(), json(), json()),
    )
        .prop_map(|(first, second, (categories, labels), (request, message, before, after, data))| {
            let (id, time, recorded, source, source_id, kind, action, outcome) = first;
            let (status, organization, project, environment, actor, target, part, origin, zone) = second;
            let message =
                message.map(|message| format!("{} did {message}", actor.name.as_deref().unwrap_or("who")));
            let labels: BTreeMap<String, String> =
                labels.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
            Event {
                id,
                seq: 0,
                time,
                recorded,
                source,
                source_id,
                kind,
                action,
                outcome,
                status,
                organization,
                project,
                environment,
                actor,
                target,
                part,
                origin,
                zone,
                categories,
                labels,
                request,
                message,
                before,
                after,
                data,
            }
        })
}

/// Events in any order; their seqs are those of a log with gaps.
pub(super) fn events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    // A few events repeated with small changes make larger segments without making them slow to generate.
    (vec(event(), 1..24), vec((any::<prop::sample::Index>(), time(), any::<u128>()), 0..most)).prop_map(
        |(mut events, copies)| {
            for (of, time, id) in copies {
                let mut copy = of.get(&events).clone();
                copy.time = time;
                copy.id = Uuid::from_u128(id);
                events.push(copy);
            }
            for (event, number) in events.iter_mut().zip(0_u64..) {
                event.seq = 1_000 + number * 3 % 7_919 * 2;
            }
            events
        },
    )
}

/// Events of more organizations than are walked side by side.
pub(super) fn events_of_many(most: usize) -> impl Strategy<Value = Vec<Event>> {
    (events(most), vec(0_u32..40, 24 + most)).prop_map(|(mut events, organizations)| {
        for (event, organization) in events.iter_mut().zip(organizations) {
            event.organization =
                if organization == 0 { None } else { Named::new(format!("org-{organization:02}"), None) };
        }
        events
    })
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        8 => select(Field::FIXED),
        2 => Just(Field::Organization),
        2 => select(&["k", "profile_id", "none"][..]).prop_map(|key| Field::Label(key.to_owned())),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => text(),
        3 => select(&["o1", "o2", "org-07", "org-31", "success", "org-"][..]).prop_map(str::to_owned),
    ]
}

pub(super) fn range() -> impl Strategy<Value = TimeRange> {
    (option::of(time()), option::of(time())).prop_map(|(from, to)| TimeRange::new(from, to))
}

/// Texts in other case, patterns and numbers that hit some of the values.
fn criterion() -> impl Strategy<Value = Criterion> {
    let glyph = |sign: char| match sign {
        '*' => Glyph::Many,
        '?' => Glyph::One,
        other => Glyph::Is(other),
    };
    let shapes =
        &["*", "a*", "AL?CE*", "*example.com", "audit.*.create", "*", "?", "gRöße*", "/v2/apps/*?by=*"][..];
    let number =
        || option::of((select(&["0", "-1e3", "200", "2e9"][..]).prop_map(str::to_owned), any::<bool>()));
    prop_oneof![
        1 => Just(Criterion::Any),
        2 => value().prop_map(Criterion::Is),
        2 => value().prop_map(|text| Criterion::alike(&text.to_uppercase())),
        3 => (select(shapes), any::<bool>())
            .prop_map(move |(shape, ignores_case)| Criterion::Like(Pattern::new(shape.chars().map(glyph), ignores_case))),
        2 => (value(), value(), any::<bool>()).prop_map(|(lower, upper, inclusive)| {
            Criterion::Within(Bounds { lower: Some((lower, inclusive)), upper: Some((upper, true)) })
        }),
        2 => (number(), number()).prop_map(|(lower, upper)| Criterion::Between(NumberBounds { lower, upper })),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    let paths = select(&["one", "list", "in", "in.x", "nowhere", ""][..]);
    let path = paths.prop_map(|path: &str| {
        path.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    });
    prop_oneof![
        1 => select(&Place::FIXED[..]).prop_map(|(_, place)| place),
        1 => (path, 0..3).prop_map(|(path, root)| match root {
            0 => Place::Before(path),
            1 => Place::After(path),
            _ => Place::Data(path),
        }),
    ]
}

/// Conditions of every kind.
pub(super) fn filter() -> impl Strategy<Value = Filter> {
    let bound = || option::of((value(), any::<bool>()));
    let leaf = prop_oneof![
        4 => (field(), value()).prop_map(|(field, value)| Filter::Term(field, value)),
        2 => (field(), vec(value(), 0..4)).prop_map(|(field, values)| Filter::any_of(field, values)),
        2 => (field(), bound(), bound())
            .prop_map(|(field, lower, upper)| Filter::Range(field, Bounds { lower, upper })),
        2 => (field(), value()).prop_map(|(field, value)| Filter::Prefix(field, value)),
        2 => field().prop_map(Filter::Exists),
        2 => range().prop_map(Filter::Time),
        3 => (field(), criterion()).prop_map(|(field, criterion)| Filter::Value(field, criterion)),
        3 => (place(), criterion()).prop_map(|(place, criterion)| Filter::At(place, criterion)),
        1 => select(&["alice EXAMPLE", "example alice", "app create", "größe 2", ""][..])
            .prop_map(|words| Filter::Phrase(words.to_owned())),
        2 => select(&["alice", "GRÖSSE 2", "größe", "6e5b2a52", "did example", "b7a2", "", "nowhere"][..])
            .prop_map(|words| Filter::Text(words.to_owned())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Filter::And),
            2 => vec(inner.clone(), 0..4).prop_map(Filter::Or),
            1 => inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

/// What a query usually looks like: organizations, a range, and something else.
pub(super) fn query() -> impl Strategy<Value = Filter> {
    let organizations = vec(select(&["o1", "o2", "org-07", "org-31", ID][..]), 0..3);
    prop_oneof![
        2 => filter(),
        1 => Just(Filter::all()),
        1 => range().prop_map(Filter::Time),
        2 => (organizations.clone(), range(), filter()).prop_map(|(organizations, range, filter)| {
            Filter::any_of(Field::Organization, organizations).and(Filter::Time(range)).and(filter)
        }),
        1 => (organizations, range()).prop_map(|(organizations, range)| {
            Filter::any_of(Field::Organization, organizations).and(Filter::Time(range))
        }),
        1 => (range(), filter()).prop_map(|(range, filter)| Filter::Time(range).and(filter)),
    ]
}
