//! Measures reading from a store that is kept: it is made once and asked as often as one likes.
//!
//! `cargo bench -p annals-store --bench read -- <directory> [events] [small|large] [part of a name]`
//!
//! The directory is filled when it is empty. With `ANNALS_BENCH_REPEATS` each question is asked so often (default 200),
//! with values that really occur, after a few rounds that are not counted.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]
#![expect(clippy::unwrap_used, reason = "a benchmark that fails has no result")]

use std::{
    hint::black_box,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use annals_model::{
    Event, Field, Filter, Grant, Order, Principal, Query, Role, Scope, Start, SystemClock, TimeRange,
};
use annals_store::{Batch, Options, Store};
use annals_testkit::{Profile, bench_event};

const SEED: u64 = 42;
const BATCH_EVENTS: u64 = 1_000;
const REPEATS_DEFAULT: usize = 200;
/// Rounds that are not counted.
const WARM_UP: usize = 5;

fn scope(organization: Option<&str>) -> Scope {
    let organization = organization.map(str::to_owned);
    let grants = vec![Grant { role: Role::Reader, organization, project: None }];
    Principal { name: "bench".to_owned(), subject: None, token_scopes: None, grants }.read_scope()
}

fn fill(store: &Store, events: u64, profile: Profile) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let begun = Instant::now();
    for batch in 0..events / BATCH_EVENTS {
        let events =
            (batch * BATCH_EVENTS..(batch + 1) * BATCH_EVENTS).map(|n| bench_event(SEED, n, profile));
        runtime.block_on(store.append(Batch::new(events))).unwrap();
    }
    store.compact().unwrap();
    println!("made {events} events in {:.0} s", begun.elapsed().as_secs_f64());
}

struct Bench {
    repeats: usize,
    wanted: String,
}

impl Bench {
    fn run<T>(&self, what: &str, mut ask: impl FnMut(usize) -> T) {
        if !what.contains(&self.wanted) {
            return;
        }
        let first = Instant::now();
        black_box(ask(0));
        let first = first.elapsed();
        for turn in 1..WARM_UP {
            black_box(ask(turn));
        }
        let mut times: Vec<Duration> = (0..self.repeats)
            .map(|turn| {
                let begun = Instant::now();
                black_box(ask(turn));
                begun.elapsed()
            })
            .collect();
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
        println!(
            "{what:<46} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
            first.as_secs_f64() * 1_000.0,
            at(0.0),
            at(0.5),
            at(0.99)
        );
    }
}

/// A condition as a dialect's vocabulary makes it: a union over most of what happens to most kinds of things.
fn vocabulary() -> Filter {
    let pair = |actions: &[&str], kinds: &[&str]| {
        Filter::And(vec![
            Filter::any_of(Field::Action, actions.iter().copied()),
            Filter::any_of(Field::TargetKind, kinds.iter().copied()),
            Filter::any_of(Field::Outcome, ["success", "unknown"]),
        ])
    };
    Filter::of_source("cloudfoundry").or(Filter::Or(vec![
        pair(&["create", "update", "delete"], &["app", "route", "service_instance", "user", "space"]),
        pair(&["deploy", "restart", "scale", "start", "stop"], &["app", "process", "task"]),
        pair(&["bind", "unbind"], &["service_instance", "route"]),
        pair(&["grant", "revoke"], &["role", "user", "organization"]),
    ]))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let argument = |place: usize, default: &str| arguments.get(place).cloned().unwrap_or(default.to_owned());
    let Some(directory) = arguments.first().map(PathBuf::from) else {
        // `cargo bench` runs every benchmark of the crate; this one needs to be told where.
        println!("read: names no directory, does nothing");
        return;
    };
    let events: u64 = argument(1, "1000000").parse().unwrap();
    let profile = if argument(2, "small") == "large" { Profile::Large1017 } else { Profile::Small454 };
    let repeats = std::env::var("ANNALS_BENCH_REPEATS").ok().and_then(|text| text.parse().ok());
    let bench = Bench { repeats: repeats.unwrap_or(REPEATS_DEFAULT), wanted: argument(3, "") };

    let begun = Instant::now();
    // Filling waits for sealing as long as it takes.
    let options = Options { room_wait: Duration::from_secs(3_600), ..Options::new(directory) };
    let store = Store::open(options, Arc::new(SystemClock)).unwrap();
    println!("opened in {:.3} s", begun.elapsed().as_secs_f64());
    if store.status().events == 0 {
        fill(&store, events, profile);
    }
    let status = store.status();
    println!("{} events in {} segments, {} in the tail", status.events, status.segments, status.tail_events);

    let sample = |turn: usize| -> Event { bench_event(SEED, (turn as u64 * 7_919) % events, profile) };
    let organization = |turn: usize| sample(turn).organization.unwrap().id;
    let everything = scope(None);
    let all = || Query::new(everything.clone());
    let term = |field: Field, value: String| all().filter(Filter::term(field, value));
    let day =
        |event: &Event| TimeRange::new(Some(event.time), Some(event.time.plus(Duration::from_secs(86_400))));
    let page = |query: Query| store.query(&query).unwrap();

    println!("{:<46} {:>9} {:>9} {:>9} {:>9}", "milliseconds", "first", "best", "median", "p99");
    bench
        .run("organization, latest 50", |turn| page(term(Field::Organization, organization(turn)).limit(50)));
    bench.run("tenant's scope, latest 50", |turn| {
        page(Query::new(scope(Some(&organization(turn)))).limit(50))
    });
    bench.run("actor, latest 100", |turn| {
        page(term(Field::ActorId, sample(turn).actor.id.unwrap()).limit(100))
    });
    bench.run("target, latest 100", |turn| {
        page(term(Field::TargetId, sample(turn).target.id.unwrap()).limit(100))
    });
    bench.run("type, latest 50", |turn| page(term(Field::Kind, sample(turn).kind).limit(50)));
    bench.run("organization + type, latest 50", |turn| {
        let event = sample(turn);
        let query = term(Field::Organization, event.organization.unwrap().id);
        page(query.filter(Filter::term(Field::Kind, event.kind)).limit(50))
    });
    bench.run("actor + type, latest 50", |turn| {
        let event = sample(turn);
        let query = term(Field::ActorId, event.actor.id.unwrap());
        page(query.filter(Filter::term(Field::Kind, event.kind)).limit(50))
    });
    bench.run("organization + type + day, latest 50", |turn| {
        let event = sample(turn);
        let range = day(&event);
        let query = term(Field::Organization, event.organization.unwrap().id).range(range);
        page(query.filter(Filter::term(Field::Kind, event.kind)).limit(50))
    });
    bench.run("type + day, latest 50", |turn| {
        let event = sample(turn);
        let range = day(&event);
        page(term(Field::Kind, event.kind).range(range).limit(50))
    });
    bench.run("everything, latest 50", |_| page(all().limit(50)));

    let total = |query: Query| store.query(&query.limit(0).with_total()).unwrap().total.unwrap();
    bench.run("total: everything", |_| total(all()));
    bench.run("total: organization", |turn| total(term(Field::Organization, organization(turn))));
    bench.run("total: type", |turn| total(term(Field::Kind, sample(turn).kind)));
    bench.run("total: actor", |turn| total(term(Field::ActorId, sample(turn).actor.id.unwrap())));
    bench.run("total: organization + type", |turn| {
        let event = sample(turn);
        let query = term(Field::Organization, event.organization.unwrap().id);
        total(query.filter(Filter::term(Field::Kind, event.kind)))
    });
    bench.run("total: type + outcome", |turn| {
        let event = sample(turn);
        total(term(Field::Kind, event.kind).filter(Filter::term(Field::Outcome, event.outcome.as_str())))
    });
    bench.run("total: type + zone", |turn| {
        let event = sample(turn);
        total(term(Field::Kind, event.kind).filter(Filter::term(Field::Zone, event.zone.unwrap())))
    });
    bench.run("total: type + day", |turn| {
        let event = sample(turn);
        let range = day(&event);
        total(term(Field::Kind, event.kind).range(range))
    });

    let listed = |number: u64| {
        let query = all().filter(vocabulary()).limit(100).with_total().order(Order::Ascending);
        page(query.start(Start::Offset((number - 1) * 100)))
    };
    let pages = total(all().filter(vocabulary())) / 100;
    bench.run("vocabulary, page 1 of 100, total", |_| listed(1));
    bench.run("vocabulary, page 1,000, total", |turn| listed(pages.min(1_000) - turn as u64 % 100));
    bench.run("vocabulary, middle page, total", |turn| listed(pages / 2 - turn as u64 * 7));
    bench.run("tenant's vocabulary, page 1, total", |turn| {
        page(Query::new(scope(Some(&organization(turn)))).filter(vocabulary()).limit(100).with_total())
    });
    bench.run("everything, middle page of 100", |turn| {
        page(all().start(Start::Offset(events / 2 - turn as u64 * 777)).limit(100))
    });
    bench.run("organization, offset 5,000, 50", |_| {
        page(term(Field::Organization, organization(1)).start(Start::Offset(5_000)).limit(50))
    });

    // What an export does: everything in time order, page by page, as JSON.
    bench.run("100,000 events as NDJSON", |_| {
        let mut query = all().order(Order::Ascending).limit(10_000);
        let (mut bytes, mut json) = (0, Vec::new());
        for _ in 0..10 {
            json.clear();
            let written = store.write_page(&query, b'\n', &mut json).unwrap();
            bytes += json.len();
            let Some(next) = written.next() else { break };
            query = query.start(Start::After(next));
        }
        bytes
    });
    let mut json = Vec::new();
    bench.run("organization, latest 50 as JSON, asked again", |_| {
        json.clear();
        let query = term(Field::Organization, organization(1)).limit(50);
        store.write_page(&query, b',', &mut json).unwrap()
    });
    bench.run("vocabulary, pages one by one as JSON", |turn| {
        json.clear();
        let query = all().filter(vocabulary()).limit(100).order(Order::Ascending).with_total();
        store.write_page(&query.start(Start::Offset(turn as u64 * 100)), b',', &mut json).unwrap()
    });
    bench.run("by id", |turn| store.event(&everything, sample(turn).id).unwrap().unwrap());
    let group = |query: Query, field: Field| store.group(&query, &field, 100).unwrap();
    bench.run("organization, count by type", |turn| {
        group(term(Field::Organization, organization(turn)), Field::Kind)
    });
    bench.run("organization, count by actor", |turn| {
        group(term(Field::Organization, organization(turn)), Field::ActorId)
    });
    bench.run("everything, count by type", |_| group(all(), Field::Kind));
    bench.run("type, count by organization", |turn| {
        group(term(Field::Kind, sample(turn).kind), Field::Organization)
    });
    bench.run("type, count by actor", |turn| group(term(Field::Kind, sample(turn).kind), Field::ActorId));
    let hour = Duration::from_secs(3_600);
    let hours = |query: Query| store.histogram(&query, hour).unwrap_or_default();
    bench.run("everything by hour", |_| hours(all()));
    bench.run("organization by hour", |turn| hours(term(Field::Organization, organization(turn))));
    bench.run("type by hour", |turn| hours(term(Field::Kind, sample(turn).kind)));
    bench.run("vocabulary by hour", |_| hours(all().filter(vocabulary())));

    let words = |text: &str| Filter::Text(text.to_owned());
    bench.run("text, two common words, latest 50", |_| {
        page(all().filter(words("terraform update")).limit(50))
    });
    bench.run("text, an address, latest 50", |turn| {
        page(all().filter(words(&sample(turn).request.ip.unwrap())).limit(50))
    });
    bench.run("organization, text, an address, latest 50", |turn| {
        let event = sample(turn);
        let query = term(Field::Organization, event.organization.unwrap().id);
        page(query.filter(words(&event.request.ip.unwrap())).limit(50))
    });
    // Of the large profile: what one event in 20,011 says, and what one in six says.
    bench.run("text, a rare word, latest 50", |_| page(all().filter(words("quarantined")).limit(50)));
    bench.run("text, a common word, latest 50", |_| page(all().filter(words("autoscaler")).limit(50)));
    bench.run("organization, text, a common word, latest 50", |turn| {
        let query = term(Field::Organization, organization(turn));
        page(query.filter(words("autoscaler")).limit(50))
    });
    bench.run("text, a word nobody said", |_| page(all().filter(words("nowhere")).limit(50)));
}
