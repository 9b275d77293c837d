//! What the threads of a store share, and the few steps that more than one of them takes.

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use annals_model::{Clock, Timestamp};
use tokio::sync::watch;

use crate::{
    batch::Row,
    catalog::{Catalog, CatalogError},
    files::{Files, Lock},
    health::Health,
    layout::{Frozen, Layout, Listed},
    maintenance::Mailboxes,
    options::Options,
    queue::Queue,
    segment::Segment,
    space::{Low, Space},
    status::AtomicCounters,
    tail::TailPart,
};

/// Where the log stands. Whoever holds its lock is the only one that writes to the log and the active tail.
#[derive(Debug, Default)]
pub(crate) struct Appender {
    pub(crate) next_seq: u64,
    /// Rows in the log whose events are in the active tail, and their bytes.
    rows: u64,
    bytes: u64,
    /// When the oldest of them was taken.
    oldest: Option<Timestamp>,
}

impl Appender {
    /// Notes a row that is in the log now.
    pub(crate) fn took(&mut self, row: &Row) {
        self.next_seq = row.end_seq();
        self.rows += 1;
        self.bytes += row.payload.len() as u64;
        self.oldest.get_or_insert(row.recorded);
    }
}

/// Where numbers come from that nobody can foretell.
pub(crate) type Random = Arc<dyn Fn() -> io::Result<u64> + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) number: u32,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) random: Random,
    catalog: Mutex<Box<dyn Catalog>>,
    layout: RwLock<Arc<Layout>>,
    appender: Mutex<Appender>,
    pub(crate) queue: Queue,
    pub(crate) health: Health,
    pub(crate) space: Space,
    pub(crate) counters: AtomicCounters,
    /// Everything up to this `seq` is durable and can be asked for: what follows the log waits for it to grow.
    pub(crate) applied: watch::Sender<u64>,
    /// The last `seq` that was given away.
    pub(crate) last_seq: AtomicU64,
    /// Rows in the log and their bytes.
    pub(crate) log_rows: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) mailboxes: Mailboxes,
    /// Segment files that are being written and are not listed yet; sweeping spares them.
    pub(crate) unlisted: Mutex<HashSet<String>>,
    /// Segments that were merged into others, until no query reads them any more.
    retired: Mutex<Vec<(Arc<str>, Weak<Segment>)>>,
    /// How many snapshots need the segments they list; held while segments are removed.
    pub(crate) keepers: Mutex<u64>,
    pub(crate) maintenance_error: Mutex<Option<String>>,
    room: (Mutex<()>, Condvar),
    is_shut: AtomicBool,
    /// Held as long as the store lives: one process a directory.
    _lock: Lock,
}

/// What [`Shared::new`] is made of.
pub(crate) struct Foundation {
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) number: u32,
    pub(crate) catalog: Box<dyn Catalog>,
    pub(crate) layout: Layout,
    pub(crate) space: Space,
    pub(crate) next_seq: u64,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) random: Random,
    pub(crate) lock: Lock,
}

impl Shared {
    pub(crate) fn new(foundation: Foundation) -> Self {
        let Foundation { options, clock, number, catalog, layout, space, next_seq, files, random, lock } =
            foundation;
        Self {
            queue: Queue::new(options.queue_events_max, options.queue_bytes_max),
            options,
            clock,
            number,
            files,
            random,
            catalog: Mutex::new(catalog),
            layout: RwLock::new(Arc::new(layout)),
            appender: Mutex::new(Appender { next_seq, ..Appender::default() }),
            health: Health::default(),
            space,
            counters: AtomicCounters::default(),
            applied: watch::Sender::new(next_seq.saturating_sub(1)),
            last_seq: AtomicU64::new(next_seq.saturating_sub(1)),
            log_rows: AtomicU64::new(0),
            log_bytes: AtomicU64::new(0),
            mailboxes: Mailboxes::default(),
            unlisted: Mutex::default(),
            retired: Mutex::default(),
            keepers: Mutex::default(),
            maintenance_error: Mutex::default(),
            room: Default::default(),
            is_shut: AtomicBool::new(false),
            _lock: lock,
        }
    }

    /// The directory in which files are written before they become objects.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.options.data_dir.join(SCRATCH)
    }

    /// Lets nobody change the catalog any more, not even a thread that closing did not wait for.
    pub(crate) fn shut(&self) {
        let _catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_shut.store(true, Relaxed);
    }

    /// Asks the catalog.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&mut dyn Catalog) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        question(self.catalog.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
    }

    /// Changes the catalog. After a change that failed nothing is written any more.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut dyn Catalog) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        let mut catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_shut.load(Relaxed) {
            return Err(CatalogError::Busy("the store is closed".to_owned()));
        }
        if let Some(reason) = self.health.poisoned() {
            return Err(CatalogError::Failed(reason));
        }
        let changed = change(catalog.as_mut());
        match &changed {
            Ok(_) => self.space.note(true),
            Err(CatalogError::Full(_)) => self.space.note(false),
            Err(CatalogError::Busy(_)) => {}
            Err(error) => self.health.poison(&error.to_string()),
        }
        changed
    }

    /// Where the events are now.
    pub(crate) fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a changed layout in place of the present one.
    pub(crate) fn change_layout(&self, change: impl FnOnce(&Layout) -> Layout) {
        let mut layout = self.layout.write().unwrap_or_else(PoisonError::into_inner);
        let next = Arc::new(change(&layout));
        let past = std::mem::replace(&mut *layout, next);
        drop(layout);
        // Nobody waits while the last of a tail or of a segment is given back to the system.
        drop(past);
        drop(self.room.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.room.1.notify_all();
    }

    pub(crate) fn appender(&self) -> MutexGuard<'_, Appender> {
        self.appender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the active tail is full.
    pub(crate) fn is_full(&self, appender: &Appender) -> bool {
        let active = &self.layout().active;
        active.len() >= self.options.seal_events
            || active.bytes() >= self.options.seal_bytes
            || appender.bytes >= self.options.seal_bytes as u64
    }

    /// Whether the active tail is old enough to be sealed.
    pub(crate) fn is_old(&self, appender: &Appender) -> bool {
        appender.oldest.is_some_and(|oldest| oldest.plus(self.options.seal_age) <= self.clock.now())
    }

    /// Puts the active tail among those that wait to be sealed, unless nothing came since the last time.
    pub(crate) fn freeze(&self, appender: &mut Appender) {
        if appender.rows == 0 {
            return;
        }
        let (rows, bytes, end_seq) = (appender.rows, appender.bytes, appender.next_seq);
        *appender = Appender { next_seq: end_seq, ..Appender::default() };
        // Its memory is taken before anybody waits for the layout; whoever has the appender changes the active tail.
        let empty = Arc::new(TailPart::with_room_of(&self.layout().active));
        self.change_layout(|layout| {
            let mut next = layout.clone();
            let part = std::mem::replace(&mut next.active, empty);
            next.frozen.push(Frozen { part, end_seq, rows, bytes });
            next
        });
    }

    /// Whether more tails wait to be sealed than are allowed.
    fn is_crowded(&self) -> bool {
        self.layout().frozen.len() > self.options.frozen_parts_max
    }

    /// Whether writers will soon wait for a tail to be sealed.
    pub(crate) fn is_pressed(&self) -> bool {
        let layout = self.layout();
        let (events, bytes) = (layout.active.len(), layout.active.bytes());
        !layout.frozen.is_empty()
            && (events >= self.options.seal_events / 2 || bytes >= self.options.seal_bytes / 2)
    }

    /// What to say when writers would wait for tails that find no room on the disk.
    pub(crate) fn stuck(&self) -> Option<Low> {
        self.space.sealing_refused().filter(|_| self.is_crowded())
    }

    /// Waits until fewer than the allowed number of tails wait to be sealed; `false` when that takes too long.
    pub(crate) fn wait_for_room(&self, longest: Duration) -> bool {
        let is_crowded = |_: &mut ()| self.is_crowded() && self.health.poisoned().is_none();
        let (lock, sealed) = &self.room;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let (_guard, waited) =
            sealed.wait_timeout_while(guard, longest, is_crowded).unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    /// Remembers segments that are not listed any more, so that their files go when nobody reads them.
    pub(crate) fn retire(&self, segments: &[Listed]) {
        let retired =
            segments.iter().map(|listed| (Arc::clone(&listed.name), Arc::downgrade(&listed.segment)));
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).extend(retired);
    }

    /// The names of segments that are not listed any more but still read.
    pub(crate) fn still_read(&self) -> Vec<String> {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|(_, segment)| segment.strong_count() > 0);
        retired.iter().map(|(name, _)| name.to_string()).collect()
    }

    /// Whether files wait for their readers.
    pub(crate) fn has_retired(&self) -> bool {
        !self.retired.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Notes rows that came to the log or were cut from it.
    pub(crate) fn count_log(&self, rows: i64, bytes: i64) {
        self.log_rows.fetch_add(rows.cast_unsigned(), Relaxed);
        self.log_bytes.fetch_add(bytes.cast_unsigned(), Relaxed);
    }
}

/// Names inside the data directory.
pub(crate) const LOCK: &str = "LOCK";
pub(crate) const CATALOG: &str = "catalog.sqlite";
pub(crate) const SEGMENTS: &str = "segments";
pub(crate) const SCRATCH: &str = "scratch";
