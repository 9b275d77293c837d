//! What a store does when something goes wrong: disks that fill, commits that fail, threads that die, files that rot,
//! and crashes at every step of sealing and merging.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use annals_model::{
    Clock, Event, Field, Filter, Grant, Order, Principal, Query, Role, Scope, Start, Timestamp,
    limits::{BUCKETS_MAX, PAGE_BYTES_MAX},
};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::{
    AppendError, Appended, Batch, MaintenanceError, OpenError, Options, QueryError, Refusing, SavedSearch,
    Store,
    batch::Row,
    catalog::{Catalog, CatalogError, Head, SegmentRow, SqliteCatalog},
    files::SystemFiles,
    recovery::Ground,
    shared::CATALOG,
    space::FreeSpace,
};

/// How long a test waits for what a thread does by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Called before and after every change of the catalog.
type Hook = dyn FnMut(&str) -> Result<(), CatalogError> + Send;

/// An SQLite catalog that does what a test wants at every change.
struct Hooked {
    inner: SqliteCatalog,
    hook: Arc<Mutex<Box<Hook>>>,
}

impl Hooked {
    fn around<T>(
        &mut self,
        what: &str,
        change: impl FnOnce(&mut SqliteCatalog) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        self.hook.lock().unwrap_or_else(std::sync::PoisonError::into_inner)(what)?;
        let changed = change(&mut self.inner)?;
        self.hook.lock().unwrap()(&format!("{what} done"))?;
        Ok(changed)
    }
}

impl Catalog for Hooked {
    fn head(&mut self) -> Result<Head, CatalogError> {
        self.inner.head()
    }

    fn append(&mut self, row: &Row) -> Result<(), CatalogError> {
        self.around("append", |inner| inner.append(row))
    }

    fn read(&mut self, seq: u64) -> Result<Option<Row>, CatalogError> {
        self.inner.read(seq)
    }

    fn segments(&mut self) -> Result<Vec<SegmentRow>, CatalogError> {
        self.inner.segments()
    }

    fn seal(&mut self, segment: Option<&SegmentRow>, cut_seq: u64) -> Result<(), CatalogError> {
        self.around("seal", |inner| inner.seal(segment, cut_seq))
    }

    fn replace(&mut self, old: &[String], new: &SegmentRow) -> Result<(), CatalogError> {
        self.around("replace", |inner| inner.replace(old, new))
    }

    fn trim(&mut self, bytes_max: u64) -> Result<bool, CatalogError> {
        self.around("trim", |inner| inner.trim(bytes_max))
    }

    fn searches(&mut self, owner: &str) -> Result<Vec<SavedSearch>, CatalogError> {
        self.inner.searches(owner)
    }

    fn save_search(&mut self, search: &SavedSearch, most: usize) -> Result<bool, CatalogError> {
        self.around("save_search", |inner| inner.save_search(search, most))
    }

    fn delete_search(&mut self, owner: &str, name: &str, is_shared: bool) -> Result<bool, CatalogError> {
        self.around("delete_search", |inner| inner.delete_search(owner, name, is_shared))
    }
}

struct Disk(Arc<AtomicU64>);

impl FreeSpace for Disk {
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.0.load(SeqCst))
    }
}

#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(SeqCst))
    }
}

/// A directory, and the ground a store stands on in it.
struct World {
    directory: tempfile::TempDir,
    options: Options,
    hook: Arc<Mutex<Box<Hook>>>,
    free: Arc<AtomicU64>,
    clock: Arc<TestClock>,
    runtime: Runtime,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            options: Options { free_bytes_min: 1_000, ..Options::new(directory.path()) },
            directory,
            hook: Arc::new(Mutex::new(Box::new(|_| Ok(())))),
            free: Arc::new(AtomicU64::new(u64::MAX)),
            clock: Arc::default(),
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap(),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn try_open(&self) -> Result<Store, OpenError> {
        let hook = Arc::clone(&self.hook);
        let ground = Ground {
            files: Arc::new(SystemFiles),
            random: Arc::new(|| getrandom::u64().map_err(|error| io::Error::other(error.to_string()))),
            catalog: Box::new(|path, number| {
                Ok(Box::new(Hooked { inner: SqliteCatalog::open(path, number)?, hook }))
            }),
            space: Box::new(Disk(Arc::clone(&self.free))),
            space_keep: Duration::ZERO,
        };
        Store::open_on(self.options.clone(), Arc::clone(&self.clock) as Arc<dyn Clock>, ground)
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    fn hook(&self, hook: impl FnMut(&str) -> Result<(), CatalogError> + Send + 'static) {
        *self.hook.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Box::new(hook);
    }

    fn append(&self, store: &Store, numbers: std::ops::Range<u64>) -> Result<Appended, AppendError> {
        self.runtime.block_on(store.append(batch(numbers)))
    }

    /// Appends in a task, as a request would.
    fn spawn(&self, store: &Store, numbers: std::ops::Range<u64>) -> Answer {
        let (store, batch) = (store.clone(), batch(numbers));
        self.runtime.spawn(async move { store.append(batch).await })
    }
}

fn batch(numbers: std::ops::Range<u64>) -> Batch {
    Batch::new(numbers.map(|number| Event {
        id: Uuid::from_u64_pair(1, number),
        time: Timestamp::from_nanos(number as i64),
        source: "native".to_owned(),
        kind: format!("kind {number}"),
        ..Event::default()
    }))
}

pub(crate) fn everything() -> Scope {
    let grants = vec![Grant { role: Role::Reader, organization: None, project: None }];
    Principal { name: "test".to_owned(), subject: None, token_scopes: None, grants }.read_scope()
}

fn query() -> Query {
    Query::new(everything()).order(Order::Ascending)
}

/// The numbers of all events, in order of time.
fn numbers(store: &Store) -> Vec<u64> {
    store.query(&query()).unwrap().events.iter().map(|event| event.id.as_u64_pair().1).collect()
}

fn upto(end: u64) -> Vec<u64> {
    (0..end).collect()
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A gate in the catalog's way: closed until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        drop(self.opened.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }
}

/// A gate that is opened at the latest when the test ends, so that a test that fails does not hang.
struct Barred(Arc<Gate>);

impl Drop for Barred {
    fn drop(&mut self) {
        self.0.open();
    }
}

type Answer = tokio::task::JoinHandle<Result<Appended, AppendError>>;

/// Appends event 0, and returns while the writer is held up before committing it.
fn hold_up_the_writer(world: &World, store: &Store) -> (Barred, Answer) {
    let gate = Arc::new(Gate::default());
    let entered = Arc::new(AtomicU64::new(0));
    world.hook({
        let (gate, entered) = (Arc::clone(&gate), Arc::clone(&entered));
        move |what| {
            if what == "append" {
                entered.fetch_add(1, SeqCst);
                gate.pass();
            }
            Ok(())
        }
    });
    let barred = Barred(gate);
    let answer = world.spawn(store, 0..1);
    eventually("the writer takes the batch", || entered.load(SeqCst) == 1);
    (barred, answer)
}

fn segment_files(world: &World) -> Vec<PathBuf> {
    let directory = world.path().join("segments");
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn one_process_a_directory() {
    let world = World::new();
    let store = world.open();
    let error = world.try_open().err().unwrap();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    assert!(error.to_string().contains("in use by another process"));
    drop(store);
    world.open();
}

#[test]
fn a_failed_commit_ends_all_writing_and_no_reading() {
    let world = World::new();
    let store = world.open();
    world.append(&store, 0..3).unwrap();
    world.hook(|what| match what {
        "append" => Err(CatalogError::Failed("fsync: input/output error".to_owned())),
        _ => Ok(()),
    });
    let refused =
        |result| matches!(result, Err(AppendError::Poisoned(reason)) if reason.contains("input/output"));
    assert!(refused(world.append(&store, 3..4)));
    world.hook(|_| Ok(()));
    assert!(refused(world.append(&store, 4..5)), "a failed fsync is never tried again");
    assert_eq!(numbers(&store), upto(3));
    assert!(matches!(store.status().refusing, Some(Refusing::Poisoned { .. })));
    assert!(store.seal().is_err());
    drop(store);
    let store = world.open();
    assert_eq!(numbers(&store), upto(3));
    world.append(&store, 3..4).unwrap();
}

#[test]
fn a_locked_catalog_is_no_reason_to_give_up() {
    let world = World::new();
    let store = world.open();
    world.hook(|what| if what == "append" { Err(CatalogError::Busy("locked".to_owned())) } else { Ok(()) });
    assert_eq!(world.append(&store, 0..1), Err(AppendError::Overloaded));
    world.hook(|_| Ok(()));
    world.append(&store, 0..1).unwrap();
    assert_eq!(numbers(&store), [0]);
}

#[test]
fn a_thread_that_dies_leaves_nobody_waiting() {
    let world = World::new();
    let store = world.open();
    world.append(&store, 0..2).unwrap();
    world.hook(|_| panic!("of a test"));
    let waiting: Vec<_> = (0..3).map(|n| world.spawn(&store, n + 2..n + 3)).collect();
    for answer in waiting {
        let answer = world.runtime.block_on(answer).unwrap();
        assert!(
            matches!(&answer, Err(AppendError::Poisoned(reason)) if reason.contains("writer thread panicked")),
            "{answer:?}"
        );
    }
    assert_eq!(numbers(&store), upto(2));
    store.close();
}

#[test]
fn a_full_disk_stops_writing_until_there_is_room() {
    let world = World::new();
    let store = world.open();
    world.append(&store, 0..1).unwrap();
    world.free.store(999, SeqCst);
    assert_eq!(world.append(&store, 1..2), Err(AppendError::DiskLow { free: 999, needed: 1_000 }));
    assert_eq!(store.status().refusing, Some(Refusing::DiskLow { free: 999, needed: 1_000 }));
    assert_eq!(numbers(&store), [0]);
    world.free.store(1_000, SeqCst);
    world.append(&store, 1..2).unwrap();
    assert_eq!(store.status().refusing, None);
}

#[test]
fn a_full_queue_refuses_and_requests_share_a_commit() {
    let mut world = World::new();
    world.options.queue_events_max = 10;
    let store = world.open();
    let (barred, first) = hold_up_the_writer(&world, &store);
    let waiting: Vec<_> = (0..5).map(|n| world.spawn(&store, 1 + 2 * n..3 + 2 * n)).collect();
    eventually("the queue fills", || store.status().queue_events == 10);
    assert_eq!(world.append(&store, 11..12), Err(AppendError::Overloaded));
    assert!(matches!(world.append(&store, 0..11), Err(AppendError::TooLarge { events: 11, .. })));
    drop(barred);
    for answer in waiting {
        assert_eq!(world.runtime.block_on(answer).unwrap().unwrap().accepted, 2);
    }
    assert_eq!(world.runtime.block_on(first).unwrap().unwrap().accepted, 1);
    assert_eq!(numbers(&store), upto(11));
    let counters = store.status().counters;
    assert_eq!((counters.groups, counters.overloads), (2, 1));
}

#[test]
fn closing_writes_what_waits() {
    let world = World::new();
    let store = world.open();
    let (barred, first) = hold_up_the_writer(&world, &store);
    let waiting: Vec<_> = (1..4).map(|n| world.spawn(&store, n..n + 1)).collect();
    eventually("three batches wait", || store.status().queue_events == 3);
    let closing = thread::spawn({
        let store = store.clone();
        move || store.close()
    });
    eventually("closing begins", || store.status().refusing == Some(Refusing::Closed));
    assert_eq!(world.append(&store, 4..5), Err(AppendError::Closed));
    drop(barred);
    closing.join().unwrap();
    for answer in [first].into_iter().chain(waiting) {
        assert_eq!(world.runtime.block_on(answer).unwrap().unwrap().accepted, 1);
    }
    assert_eq!(numbers(&store), upto(4));
    assert_eq!(store.seal(), Err(MaintenanceError::Closed));
    drop(store);
    assert_eq!(numbers(&world.open()), upto(4));
}

#[test]
fn a_damaged_row_of_the_log_is_named_and_nothing_is_opened() {
    for (damage, place) in [
        ("UPDATE log SET payload = zeroblob(length(payload)) WHERE first_seq = 4", "row 4 with 2 events"),
        ("UPDATE log SET recorded = recorded + 1 WHERE first_seq = 1", "row 1 with 3 events"),
        ("DELETE FROM log WHERE first_seq = 1", "rows from 1 to 4"),
        ("DELETE FROM log WHERE first_seq = 4", "rows from 4 to 6"),
    ] {
        let world = World::new();
        let store = world.open();
        world.append(&store, 0..3).unwrap();
        world.append(&store, 3..5).unwrap();
        drop(store);
        rusqlite::Connection::open(world.path().join(CATALOG)).unwrap().execute(damage, []).unwrap();
        let error = world.try_open().err().unwrap();
        assert!(matches!(error, OpenError::Damage(_)), "{error}");
        assert!(error.to_string().contains(place), "{error}");
    }
}

#[test]
fn a_damaged_segment_is_an_error_and_never_an_answer() {
    let world = World::new();
    let store = world.open();
    world.append(&store, 0..500).unwrap();
    store.seal().unwrap();
    drop(store);
    let [path] = &segment_files(&world)[..] else { panic!("one segment") };
    let good = fs::read(path).unwrap();
    let step = good.len() / 60;
    for at in (0..good.len()).step_by(step.max(1)) {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        fs::write(path, &bad).unwrap();
        match world.try_open() {
            Err(error) => assert!(matches!(error, OpenError::Damage(_)), "{error}"),
            Ok(store) => {
                let damages = store.verify().unwrap_err();
                assert!(damages[0].file.ends_with(".segment"), "{damages:?}");
                match store.query(&query()) {
                    Ok(page) => assert_eq!(page.events.len(), 500, "what was not read may be damaged"),
                    Err(error) => assert!(matches!(error, QueryError::Damage(_)), "{error}"),
                }
            }
        }
    }
    fs::remove_file(path).unwrap();
    assert!(matches!(world.try_open(), Err(OpenError::Damage(_))));
    fs::write(path, good).unwrap();
    assert_eq!(numbers(&world.open()), upto(500));
}

#[test]
fn files_that_nobody_lists_are_swept() {
    let world = World::new();
    let store = world.open();
    world.append(&store, 0..5).unwrap();
    store.seal().unwrap();
    drop(store);
    let orphans = ["segments/0123.segment", "segments/4567.segment#1", "scratch/89ab.segment"];
    for orphan in orphans {
        fs::write(world.path().join(orphan), "left behind").unwrap();
    }
    let store = world.open();
    eventually("orphans are swept", || orphans.iter().all(|orphan| !world.path().join(orphan).exists()));
    assert_eq!(segment_files(&world).len(), 1);
    assert_eq!(numbers(&store), upto(5));

    // What was merged goes as well, but not while somebody reads it.
    let reader = store.reader_for_test();
    world.append(&store, 5..9).unwrap();
    store.seal().unwrap();
    store.compact().unwrap();
    assert_eq!(store.status().segments, 1);
    assert_eq!(segment_files(&world).len(), 2);
    assert_eq!(reader.page(&query()).unwrap().events.len(), 5);
    drop(reader);
    eventually("the merged segment goes", || segment_files(&world).len() == 1);
    assert_eq!(numbers(&store), upto(9));
}

#[test]
fn sealing_is_tried_again_and_writers_are_held_back_meanwhile() {
    let mut world = World::new();
    world.options.seal_events = 2;
    world.options.frozen_parts_max = 1;
    world.options.room_wait = Duration::from_millis(50);
    let store = world.open();
    world.hook(|what| if what == "seal" { Err(CatalogError::Busy("locked".to_owned())) } else { Ok(()) });
    world.append(&store, 0..2).unwrap();
    world.append(&store, 2..4).unwrap();
    assert_eq!(world.append(&store, 4..6), Err(AppendError::Overloaded));
    eventually("the failure is shown", || store.status().maintenance_error.is_some());
    assert_eq!(numbers(&store), upto(4));
    world.hook(|_| Ok(()));
    eventually("sealing succeeds", || store.status().frozen_parts == 0);
    eventually("the failure is forgotten", || store.status().maintenance_error.is_none());
    world.append(&store, 4..6).unwrap();
    assert_eq!(numbers(&store), upto(6));
}

#[test]
fn tails_that_find_no_room_on_the_disk_are_a_full_disk_to_writers() {
    let mut world = World::new();
    world.options.seal_events = 2;
    world.options.frozen_parts_max = 1;
    let store = world.open();
    world.hook(|what| if what == "seal" { Err(CatalogError::Full("no room".to_owned())) } else { Ok(()) });
    world.append(&store, 0..2).unwrap();
    world.append(&store, 2..4).unwrap();
    eventually("the failure is shown", || store.status().maintenance_error.is_some());
    assert!(matches!(world.append(&store, 4..6), Err(AppendError::DiskLow { .. })));
    assert!(matches!(store.status().refusing, Some(Refusing::DiskLow { .. })));
    assert_eq!(numbers(&store), upto(4));
    world.hook(|_| Ok(()));
    eventually("sealing succeeds", || store.status().frozen_parts == 0);
    assert_eq!(store.status().refusing, None);
    world.append(&store, 4..6).unwrap();
    assert_eq!(numbers(&store), upto(6));
}

#[test]
fn an_old_tail_is_sealed_by_itself() {
    let mut world = World::new();
    world.options.seal_age = Duration::from_secs(60);
    let store = world.open();
    world.append(&store, 0..3).unwrap();
    world.clock.0.fetch_add(59_000_000_000, SeqCst);
    thread::sleep(Duration::from_millis(600));
    assert_eq!(store.status().segments, 0);
    world.clock.0.fetch_add(1_000_000_000, SeqCst);
    eventually("the tail is sealed", || store.status().segments == 1);
    eventually("the log is empty", || store.status().log_batches == 0);
    assert_eq!(numbers(&store), upto(3));
}

#[test]
fn a_log_of_nothing_but_duplicates_is_cut() {
    let world = World::new();
    let store = world.open();
    world.append(&store, 0..10).unwrap();
    store.seal().unwrap();
    for _ in 0..3 {
        let again = world.append(&store, 0..10).unwrap();
        assert_eq!((again.accepted, again.duplicates), (0, 10));
    }
    assert_eq!(store.status().log_batches, 3);
    store.seal().unwrap();
    let status = store.status();
    assert_eq!((status.log_batches, status.log_bytes, status.segments), (0, 0, 1));
    drop(store);
    let store = world.open();
    assert_eq!(store.status().last_seq, 40, "places in the log are never given away twice");
    assert_eq!(numbers(&store), upto(10));
}

#[test]
fn a_long_log_becomes_segments_while_it_is_replayed() {
    let mut world = World::new();
    let store = world.open();
    (0..20).for_each(|n| drop(world.append(&store, n * 10..n * 10 + 10).unwrap()));
    drop(store);
    world.options.seal_events = 50;
    let store = world.open();
    assert!(store.status().tail_events <= 50);
    assert_eq!(store.status().events, 200);
    assert_eq!(numbers(&store), upto(200));
}

#[test]
fn a_page_ends_where_its_bytes_end() {
    let world = World::new();
    let store = world.open();
    let large = |number| Event {
        id: Uuid::from_u64_pair(1, number),
        time: Timestamp::from_nanos(number as i64),
        message: Some("x".repeat(PAGE_BYTES_MAX / 3 + 1)),
        ..Event::default()
    };
    world.runtime.block_on(store.append(Batch::new((0..5).map(large)))).unwrap();
    let page = store.query(&query()).unwrap();
    assert_eq!((page.events.len(), page.more), (3, true));
    let rest = store.query(&query().start(Start::After(page.next().unwrap()))).unwrap();
    assert_eq!((rest.events.len(), rest.more), (2, false));
}

#[test]
fn answers_that_would_be_too_large_are_refused() {
    let world = World::new();
    let store = world.open();
    world.append(&store, 0..BUCKETS_MAX as u64 + 1).unwrap();
    let histogram = |width| store.histogram(&query(), width);
    assert!(matches!(histogram(Duration::from_nanos(1)), Err(QueryError::TooManyBuckets)));
    assert_eq!(histogram(Duration::from_nanos(2)).unwrap().len(), BUCKETS_MAX / 2 + 1);
    for width in [Duration::ZERO, Duration::MAX] {
        assert!(matches!(histogram(width), Err(QueryError::BucketWidth)));
    }
    let deep = (0..100).fold(Filter::all(), |filter, _| Filter::Not(Box::new(filter)));
    assert!(matches!(store.query(&query().filter(deep)), Err(QueryError::TooLarge(_))));
    let nobody = Query::new(Scope::nothing());
    assert_eq!(store.query(&nobody.clone().with_total()).unwrap().total, Some(0));
    assert!(store.group(&nobody, &Field::Kind, 9).unwrap().is_empty());
    assert!(store.histogram(&nobody, Duration::from_secs(1)).unwrap().is_empty());
    assert!(store.event(&Scope::nothing(), Uuid::from_u64_pair(1, 0)).unwrap().is_none());
}

#[test]
fn a_thread_that_outlives_its_store_changes_nothing() {
    let world = World::new();
    let store = world.open();
    world.append(&store, 0..3).unwrap();
    let shared = store.shared_for_test();
    store.close();
    let late = shared.change(|catalog| catalog.seal(None, 4));
    assert!(matches!(late, Err(CatalogError::Busy(_))), "{late:?}");
    drop((store, shared));
    assert_eq!(numbers(&world.open()), upto(3));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_crash_at_any_step_loses_and_repeats_nothing() {
    let mut world = World::new();
    world.options.merge_factor = 2;
    let store = world.open();
    let copies = tempfile::tempdir().unwrap();
    let taken = Arc::new(Mutex::new(Vec::new()));
    world.hook({
        let (from, to, taken) = (world.path().to_owned(), copies.path().to_owned(), Arc::clone(&taken));
        move |what| {
            let mut taken = taken.lock().unwrap();
            let target = to.join(taken.len().to_string());
            copy(&from, &target);
            taken.push((what.to_owned(), target));
            Ok(())
        }
    });
    // After every step: how many events were acknowledged before it began, and how many were when it ended.
    let mut steps = Vec::new();
    for round in 0..3 {
        let before = taken.lock().unwrap().len();
        world.append(&store, round * 20..round * 20 + 20).unwrap();
        // Duplicates of what is in the tail and of what is in segments.
        world.append(&store, round * 10..round * 20 + 20).unwrap();
        steps.push((before, round * 20, round * 20 + 20));
        let before = taken.lock().unwrap().len();
        store.compact().unwrap();
        steps.push((before, round * 20 + 20, round * 20 + 20));
    }
    drop(store);
    world.hook(|_| Ok(()));
    let taken = taken.lock().unwrap();
    for kind in ["append", "append done", "seal", "seal done", "replace", "replace done", "trim", "trim done"]
    {
        assert!(taken.iter().any(|(what, _)| what == kind), "{kind}");
    }
    for (index, (what, directory)) in taken.iter().enumerate() {
        let (_, least, most) = *steps.iter().rev().find(|(before, ..)| *before <= index).unwrap();
        world.options.data_dir = directory.clone();
        let store = world.open();
        let found = numbers(&store);
        let count = found.len() as u64;
        assert!((least..=most).contains(&count), "crash at {what}: {count} of {least} to {most}");
        assert_eq!(found, upto(count), "crash at {what}");
        store.verify().unwrap();
        store.compact().unwrap();
        assert_eq!(numbers(&store), upto(count), "crash at {what}");
        let again = world.append(&store, 0..most).unwrap();
        assert_eq!(again.duplicates, count, "crash at {what}");
        assert_eq!(numbers(&store), upto(most), "crash at {what}");
    }
}
