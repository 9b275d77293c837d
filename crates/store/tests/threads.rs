//! Many writers and readers at once, while the store seals and merges: what was acknowledged before a query began is in
//! its answer, and nothing is in it twice.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message, in its helpers too")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use annals_model::{Event, Grant, Order, Principal, Query, Role, Scope, Start, SystemClock, Timestamp};
use annals_store::{Batch, Options, Store};
use uuid::Uuid;

const WRITERS: u64 = 3;
const READERS: usize = 2;
const BATCHES: u64 = 60;
const BATCH_EVENTS: u64 = 20;

fn everything() -> Scope {
    let grants = vec![Grant { role: Role::Reader, organization: None, project: None }];
    Principal { name: "test".to_owned(), subject: None, token_scopes: None, grants }.read_scope()
}

fn event(writer: u64, number: u64) -> Event {
    Event {
        id: Uuid::from_u64_pair(writer, number),
        // Late, early and equal times.
        time: Timestamp::from_nanos(((number * 7_919 + writer) % 500) as i64),
        source: "native".to_owned(),
        kind: "test".to_owned(),
        ..Event::default()
    }
}

fn write(store: &Store, writer: u64, acknowledged: &Mutex<BTreeSet<Uuid>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for batch in 0..BATCHES {
        let numbers = batch * BATCH_EVENTS..(batch + 1) * BATCH_EVENTS;
        let events: Vec<Event> = numbers.map(|number| event(writer, number)).collect();
        let appended = runtime.block_on(store.append(Batch::new(events.clone()))).unwrap();
        assert_eq!((appended.accepted, appended.duplicates), (BATCH_EVENTS, 0));
        acknowledged.lock().unwrap().extend(events.iter().map(|event| event.id));
        if batch % 4 == writer {
            // The same once more, and an event that everybody sends.
            let again = events.into_iter().chain([event(9, batch)]);
            let appended = runtime.block_on(store.append(Batch::new(again))).unwrap();
            assert!(appended.duplicates >= BATCH_EVENTS);
            acknowledged.lock().unwrap().insert(event(9, batch).id);
        }
    }
}

fn read(store: &Store, acknowledged: &Mutex<BTreeSet<Uuid>>, done: &AtomicBool) {
    let mut order = Order::Ascending;
    loop {
        let is_last = done.load(SeqCst);
        let before = acknowledged.lock().unwrap().clone();
        let page = store.query(&Query::new(everything()).order(order).with_total()).unwrap();
        let ids: BTreeSet<Uuid> = page.events.iter().map(|event| event.id).collect();
        assert_eq!(ids.len(), page.events.len(), "nothing twice");
        assert!(!page.more);
        assert_eq!(page.total, Some(page.events.len() as u64), "one answer is one moment");
        assert!(
            before.is_subset(&ids),
            "{} acknowledged events are missing",
            before.difference(&ids).count()
        );
        let positions: Vec<_> = page.events.iter().map(|event| event.position()).collect();
        match order {
            Order::Ascending => assert!(positions.is_sorted()),
            Order::Descending => assert!(positions.iter().rev().is_sorted()),
        }
        if let Some(id) = before.first() {
            assert!(store.event(&everything(), *id).unwrap().is_some());
        }
        // A page in the middle begins where counting says.
        let offset = positions.len() as u64 / 2;
        let half = store
            .query(&Query::new(everything()).order(order).start(Start::Offset(offset)).limit(5))
            .unwrap();
        assert!(half.events.len() == 5 || before.len() < 10);
        order = order.reverse();
        if is_last {
            return;
        }
    }
}

#[test]
fn nothing_is_missed_or_seen_twice() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        seal_events: 70,
        merge_factor: 2,
        segment_events_max: 2_000,
        free_bytes_min: 0,
        seal_age: Duration::from_millis(100),
        ..Options::new(directory.path())
    };
    let store = Store::open(options.clone(), Arc::new(SystemClock)).unwrap();
    let acknowledged = Mutex::new(BTreeSet::new());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> =
            (0..READERS).map(|_| scope.spawn(|| read(&store, &acknowledged, &done))).collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, acknowledged) = (&store, &acknowledged);
                scope.spawn(move || write(store, writer, acknowledged))
            })
            .collect();
        scope.spawn(|| {
            while !done.load(SeqCst) {
                store.compact().unwrap();
                thread::sleep(Duration::from_millis(20));
            }
        });
        let written: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, SeqCst);
        assert!(
            written
                .iter()
                .chain(&readers.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>())
                .all(Result::is_ok)
        );
    });
    let expected = acknowledged.into_inner().unwrap();
    let status = store.status();
    assert_eq!(status.events, expected.len() as u64);
    assert_eq!(status.counters.appended, expected.len() as u64);
    assert!(status.counters.seals > 0 && status.counters.merges > 0, "{status:?}");
    drop(store);

    let store = Store::open(options, Arc::new(SystemClock)).unwrap();
    let page = store.query(&Query::new(everything())).unwrap();
    assert_eq!(page.events.iter().map(|event| event.id).collect::<BTreeSet<_>>(), expected);
    assert_eq!(page.events.len(), expected.len());
}
