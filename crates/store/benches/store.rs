//! Measures a store without a server: appending from several threads, then pages, totals, offsets and single events.
//!
//! `cargo bench -p annals-store -- [events] [threads] [small|large] [tail|segments|compact] [events of a batch]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]
#![expect(clippy::unwrap_used, reason = "a benchmark that fails has no result")]

use std::{
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use annals_model::{
    Event, Field, Filter, Grant, Principal, Query, Role, Scope, Start, SystemClock, Timestamp,
};
use annals_store::{Batch, Options, Store};
use annals_testkit::{Profile, bench_event};

const SEED: u64 = 42;
/// How often each query is asked.
const REPEATS: usize = 40;

fn scope(organization: Option<&str>) -> Scope {
    let organization = organization.map(str::to_owned);
    let grants = vec![Grant { role: Role::Reader, organization, project: None }];
    Principal { name: "bench".to_owned(), subject: None, token_scopes: None, grants }.read_scope()
}

/// Appends the events and gives back how long that took without making them.
fn append(store: &Store, events: u64, batch_events: u64, threads: u64, profile: Profile) -> Duration {
    let mut spent = Duration::ZERO;
    let batches = events / batch_events;
    // Rounds, so that not all events are in memory at once.
    let round_batches = (64_000 / batch_events).max(1);
    for round in 0..batches.div_ceil(round_batches) {
        let numbers: Vec<u64> = (round * round_batches..batches.min((round + 1) * round_batches)).collect();
        let made: Vec<Vec<Event>> = numbers
            .iter()
            .map(|batch| {
                (batch * batch_events..(batch + 1) * batch_events)
                    .map(|n| bench_event(SEED, n, profile))
                    .collect()
            })
            .collect();
        let begun = Instant::now();
        let queue = std::sync::Mutex::new(made.into_iter());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    loop {
                        let next = queue.lock().unwrap().next();
                        let Some(events) = next else { break };
                        runtime.block_on(store.append(Batch::new(events))).unwrap();
                    }
                });
            }
        });
        spent += begun.elapsed();
    }
    spent
}

/// Asks a few times and prints the best, the median and the worst.
fn measure<T>(what: &str, mut ask: impl FnMut(usize) -> T) {
    black_box(ask(0));
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|turn| {
            let begun = Instant::now();
            black_box(ask(turn));
            begun.elapsed()
        })
        .collect();
    times.sort();
    let at = |place: usize| times[place].as_secs_f64() * 1_000.0;
    println!("{what:<44} {:>9.3} {:>9.3} {:>9.3} ms", at(0), at(REPEATS / 2), at(REPEATS - 1));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let argument = |place: usize, default: &str| arguments.get(place).cloned().unwrap_or(default.to_owned());
    let events: u64 = argument(0, "200000").parse().unwrap();
    let threads: u64 = argument(1, "1").parse().unwrap();
    let profile = if argument(2, "large") == "small" { Profile::Small454 } else { Profile::Large1017 };
    let batch_events: u64 = argument(4, "1000").parse().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(directory.path()), Arc::new(SystemClock)).unwrap();

    let spent = append(&store, events, batch_events, threads, profile);
    println!(
        "appended {events} events in batches of {batch_events} from {threads} threads: {:.0} events/s",
        events as f64 / spent.as_secs_f64()
    );
    let begun = Instant::now();
    match argument(3, "segments").as_str() {
        "compact" => store.compact().unwrap(),
        "segments" => store.seal().unwrap(),
        _ => {}
    }
    let status = store.status();
    println!(
        "{} segments of {} bytes in all, {} events in the tail, {:.1} bytes/event; the rest took {:.2} s",
        status.segments,
        status.segment_bytes,
        status.tail_events,
        status.segment_bytes as f64 / (events - status.tail_events).max(1) as f64,
        begun.elapsed().as_secs_f64()
    );
    println!("{:?}", status.counters);

    let sample = |turn: usize| bench_event(SEED, turn as u64 * 997 % events, profile);
    let first = sample(1);
    let organization = first.organization.as_ref().unwrap().id.clone();
    let all = || Query::new(scope(None)).limit(50);
    let tenant = || Query::new(scope(Some(&organization))).limit(50);
    let kinds = || tenant().filter(Filter::any_of(Field::Kind, ["app.update", "app.deploy"]));
    println!("{:<44} {:>9} {:>9} {:>9}", "", "best", "median", "worst");
    measure("all organizations, latest 50", |_| store.query(&all()).unwrap());
    measure("organization, latest 50", |_| store.query(&tenant()).unwrap());
    measure("organization + 2 types, latest 50", |_| store.query(&kinds()).unwrap());
    measure("organization + 2 types, exact count", |_| store.query(&kinds().limit(0).with_total()).unwrap());
    measure("one type, all organizations, count", |_| {
        store.query(&all().filter(Filter::term(Field::Kind, "app.scale")).limit(0).with_total()).unwrap()
    });
    measure("everything, count", |_| store.query(&all().limit(0).with_total()).unwrap());
    measure("actor, latest 100", |turn| {
        let actor = sample(turn).actor.id.unwrap();
        store.query(&all().filter(Filter::term(Field::ActorId, actor)).limit(100)).unwrap()
    });
    measure("target, latest 100", |turn| {
        let target = sample(turn).target.id.unwrap();
        store.query(&all().filter(Filter::term(Field::TargetId, target)).limit(100)).unwrap()
    });
    measure("all organizations, offset half, 100", |_| {
        store.query(&all().start(Start::Offset(events / 2)).limit(100)).unwrap()
    });
    measure("organization, offset 1 in 400, 50", |_| {
        store.query(&tenant().start(Start::Offset(events / 400)).limit(50)).unwrap()
    });
    measure("by id", |turn| store.event(&scope(None), sample(turn).id).unwrap().unwrap());
    measure("organization, count by type", |_| store.group(&tenant(), &Field::Kind, 100).unwrap());
    measure("everything by hour", |_| store.histogram(&all(), Duration::from_secs(3_600)).unwrap());
    measure("organization, text of two words, latest 50", |_| {
        store.query(&tenant().filter(Filter::Text("scheduled maintenance".to_owned()))).unwrap()
    });
    let reopening = Instant::now();
    drop(store);
    let store = Store::open(Options::new(directory.path()), Arc::new(SystemClock)).unwrap();
    println!("closed and opened again in {:.3} s", reopening.elapsed().as_secs_f64());
    assert!(store.query(&all()).unwrap().events.iter().all(|event| event.recorded > Timestamp::default()));
}
