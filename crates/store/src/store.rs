//! The store as the rest of the program sees it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use annals_model::{Clock, Event, Field, GroupCount, Page, Query, Scope, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    Damage,
    batch::Batch,
    error::{AppendError, MaintenanceError, OpenError, QueryError},
    maintenance::{MergerOrder, SealerOrder, run_merger, run_sealer, wait_for},
    options::Options,
    query::{
        Reader, WrittenPage,
        counts::{Facets, SplitHistogram},
        follow::{LogPage, Stretch},
    },
    recovery::{Ground, Recovered, damaged, recover},
    shared::Shared,
    status::{Refusing, Status, add},
    writer::{self, Appended},
};

/// How long closing waits for sealing and merging to end.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// How often it looks whether they have.
const CLOSE_LOOK: Duration = Duration::from_millis(1);

/// Keeps events and answers queries. Clones are the same store; when the last one is dropped it is closed.
#[derive(Clone)]
pub struct Store {
    handle: Arc<Handle>,
}

/// What is left when the last clone goes.
struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Store {
    /// Opens the store in a directory, or makes one there. What was acknowledged before a crash is there again.
    ///
    /// It blocks until the log is replayed, which may take seconds.
    ///
    /// # Errors
    /// When another process uses the directory, when it cannot be read or written, or when stored events are damaged.
    pub fn open(options: Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let ground = Ground::real(&options);
        Self::open_on(options, clock, ground)
    }

    pub(crate) fn open_on(
        options: Options,
        clock: Arc<dyn Clock>,
        ground: Ground,
    ) -> Result<Self, OpenError> {
        let Recovered { shared, objects } = recover(options, clock, ground)?;
        let (sealer, merger) = shared.mailboxes.connect();
        let store =
            Self { handle: Arc::new(Handle { shared: Arc::clone(&shared), threads: Mutex::default() }) };
        store.handle.start("annals-writer", |shared| {
            writer::run(shared);
        })?;
        let for_sealer = objects.clone();
        store.handle.start("annals-sealer", move |shared| run_sealer(shared, &for_sealer, &sealer))?;
        store.handle.start("annals-merger", move |shared| run_merger(shared, &objects, &merger))?;
        shared.mailboxes.tell_sealer(SealerOrder::Look);
        Ok(store)
    }

    /// A random number made with the store; cursors carry it.
    pub fn number(&self) -> u32 {
        self.handle.shared.number
    }

    /// Records events. When this returns they are on disk, deduplicated, and seen by every query that begins later.
    ///
    /// # Errors
    /// When nothing of the batch was taken; see [`AppendError`]. After [`AppendError::Poisoned`] a batch may turn out
    /// to be stored all the same; sending it again later is safe, because duplicates are recognised.
    pub async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
        if batch.is_empty() {
            return Ok(Appended::default());
        }
        let shared = &self.handle.shared;
        shared.health.check()?;
        let answer = shared.queue.push(batch).inspect_err(|error| {
            if *error == AppendError::Overloaded {
                add(&shared.counters.overloads, 1);
            }
        })?;
        answer.await.unwrap_or_else(|_| Err(shared.health.abandoned()))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    fn reader(&self) -> Reader {
        Reader::new(self.handle.shared.layout().parts())
    }

    /// A store whose writing, sealing and merging is left to the caller.
    #[cfg(test)]
    pub(crate) fn without_threads(shared: Arc<Shared>) -> Self {
        Self { handle: Arc::new(Handle { shared, threads: Mutex::default() }) }
    }

    #[cfg(test)]
    pub(crate) fn shared_for_test(&self) -> Arc<Shared> {
        Arc::clone(&self.handle.shared)
    }

    #[cfg(test)]
    pub(crate) fn reader_for_test(&self) -> Reader {
        self.reader()
    }

    /// Whether a query, the total included, is answered in about the time that handing it to another thread takes,
    /// as long as what it reads is in memory. The answer is an estimate.
    pub fn is_brief(&self, query: &Query) -> bool {
        self.reader().is_brief(query)
    }

    /// The same of finding an event by its id.
    pub fn is_brief_by_id(&self) -> bool {
        self.reader().is_brief_by_id()
    }

    /// Answers a query. It blocks on the processor and at most on reading files.
    ///
    /// # Errors
    /// When the filter is too large or a segment is damaged.
    pub fn query(&self, query: &Query) -> Result<Page, QueryError> {
        self.reader().page(query)
    }

    /// Answers a query with the JSON form of the events, appended to `out` with `separator` between them, and what else
    /// is to be known of the page. The page ends early when its JSON is as long as a page's bytes may be.
    ///
    /// # Errors
    /// When the filter is too large or a segment is damaged; what was appended then is to be thrown away.
    pub fn write_page(
        &self,
        query: &Query,
        separator: u8,
        out: &mut Vec<u8>,
    ) -> Result<WrittenPage, QueryError> {
        self.reader().write_page(query, separator, out)
    }

    /// The event of that id within a scope; if several sources have one of that id, the one that came first.
    ///
    /// # Errors
    /// When a segment is damaged.
    pub fn event(&self, scope: &Scope, id: Uuid) -> Result<Option<Arc<Event>>, QueryError> {
        self.reader().event(scope, id)
    }

    /// Whether an event of that id is stored at all.
    ///
    /// # Errors
    /// When a segment is damaged.
    pub fn exists(&self, id: Uuid) -> Result<bool, QueryError> {
        self.reader().exists(id)
    }

    /// How often each value of a field occurs among the events a query selects, the most frequent first, ties by
    /// value; at most `limit` and [`annals_model::limits::GROUPS_MAX`] of them. Order, start and limit of the query do
    /// not matter.
    ///
    /// # Errors
    /// When the filter is too large, a segment is damaged, or there are too many values.
    pub fn group(&self, query: &Query, field: &Field, limit: usize) -> Result<Vec<GroupCount>, QueryError> {
        self.reader().group(query, field, limit)
    }

    /// How many events a query selects, and for each of some fields its `limit` most frequent values
    /// ([`annals_model::limits::GROUPS_MAX`] at most). Everything is counted on the same state of the store.
    ///
    /// # Errors
    /// When the filter is too large, a segment is damaged, or all fields together have too many values.
    pub fn facets(&self, query: &Query, fields: &[Field], limit: usize) -> Result<Facets, QueryError> {
        self.reader().facets(query, fields, limit)
    }

    /// The values of a field that begin with a text, upper and lower case alike, among the events a query selects, with
    /// how many of these have them; the most frequent first, ties by value, at most `limit` and
    /// [`annals_model::limits::GROUPS_MAX`]. Order, start and limit of the query do not matter.
    ///
    /// # Errors
    /// When the filter is too large, a segment is damaged, or there are too many values.
    pub fn values(
        &self,
        query: &Query,
        field: &Field,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<GroupCount>, QueryError> {
        self.reader().values(query, field, prefix, limit)
    }

    /// How many of the events a query selects lie in each bucket of time, ascending by the bucket's first instant (a
    /// multiple of `width` since the Unix epoch). Empty buckets are left out.
    ///
    /// # Errors
    /// When the filter is too large, a segment is damaged, or there are more than
    /// [`annals_model::limits::BUCKETS_MAX`] buckets.
    pub fn histogram(&self, query: &Query, width: Duration) -> Result<Vec<(Timestamp, u64)>, QueryError> {
        self.reader().histogram(query, width)
    }

    /// The same with each bucket's events counted by the `limit` most frequent values of a field. Events with other
    /// values, or without one, are in a bucket's count alone.
    ///
    /// # Errors
    /// As [`Store::histogram`], or when there are too many values.
    pub fn split_histogram(
        &self,
        query: &Query,
        width: Duration,
        field: &Field,
        limit: usize,
    ) -> Result<SplitHistogram, QueryError> {
        self.reader().split_histogram(query, width, field, limit)
    }

    /// When the first and the last event that a query selects happened; `None` when it selects none.
    ///
    /// # Errors
    /// When the filter is too large or a segment is damaged.
    pub fn extent(&self, query: &Query) -> Result<Option<(Timestamp, Timestamp)>, QueryError> {
        self.reader().extent(query)
    }

    /// The events behind a place in the log that a query selects, in the order in which they were taken: a page of them,
    /// and how far it came. Only what is durable and seen by every query comes. The query's order and start do not
    /// matter.
    ///
    /// # Errors
    /// When the filter is too large or a segment is damaged.
    pub fn follow(&self, query: &Query, after: u64) -> Result<LogPage, QueryError> {
        // In this order: the parts hold everything up to what was applied before they were taken.
        let through = self.last_applied();
        self.reader().follow(query, Stretch { after, through })
    }

    /// The place of the last event that can be followed.
    pub fn last_applied(&self) -> u64 {
        *self.handle.shared.applied.borrow()
    }

    /// Tells when [`Store::last_applied`] grows.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.handle.shared.applied.subscribe()
    }

    /// What it holds, what waits, and how it is.
    pub fn status(&self) -> Status {
        let shared = &self.handle.shared;
        let layout = shared.layout();
        let tail_events = layout.tails().map(|tail| tail.len() as u64).sum();
        let segments = || layout.segments.iter().map(|listed| listed.segment.meta());
        let (queue_events, queue_bytes) = shared.queue.load();
        let refusing = match shared.health.poisoned() {
            Some(error) => Some(Refusing::Poisoned { error }),
            None if shared.health.is_closed() => Some(Refusing::Closed),
            None => shared
                .space
                .low_or_refused()
                .or_else(|| shared.stuck())
                .map(|low| Refusing::DiskLow { free: low.free, needed: low.needed }),
        };
        Status {
            events: segments().map(|meta| meta.events).sum::<u64>() + tail_events,
            segments: layout.segments.len() as u64,
            segment_bytes: segments().map(|meta| meta.bytes).sum(),
            tail_events,
            tail_bytes: layout.tails().map(|tail| tail.bytes() as u64).sum(),
            frozen_parts: layout.frozen.len() as u64,
            log_batches: shared.log_rows.load(Relaxed),
            log_bytes: shared.log_bytes.load(Relaxed),
            queue_events: queue_events as u64,
            queue_bytes: queue_bytes as u64,
            last_seq: shared.last_seq.load(Relaxed),
            refusing,
            maintenance_error: shared
                .maintenance_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            counters: shared.counters.snapshot(),
        }
    }

    /// Makes segments of everything that is in the tail now. It blocks until that is done.
    ///
    /// # Errors
    /// When it failed; it is tried again by itself.
    pub fn seal(&self) -> Result<(), MaintenanceError> {
        let shared = &self.handle.shared;
        shared.freeze(&mut shared.appender());
        wait_for(|reply| shared.mailboxes.tell_sealer(SealerOrder::Seal(reply)))
    }

    /// Seals, and merges all segments into as few as are allowed. It blocks until that is done.
    ///
    /// # Errors
    /// When it failed.
    pub fn compact(&self) -> Result<(), MaintenanceError> {
        self.seal()?;
        let shared = &self.handle.shared;
        wait_for(|reply| shared.mailboxes.tell_merger(MergerOrder::Compact(reply)))
    }

    /// Reads everything that is stored and checks it.
    ///
    /// # Errors
    /// Everything that is damaged.
    pub fn verify(&self) -> Result<(), Vec<Damage>> {
        let shared = &self.handle.shared;
        let layout = shared.layout();
        let mut damages = Vec::new();
        for listed in &layout.segments {
            damages.extend(listed.segment.verify().err());
        }
        let mut seq = 0;
        loop {
            match shared.ask(|catalog| catalog.read(seq)) {
                Ok(None) => break,
                Ok(Some(row)) => {
                    damages.extend(row.chunks().err().map(|error| damaged(&row, &error)));
                    seq = row.first_seq + 1;
                }
                Err(error) => {
                    damages.push(Damage {
                        file: crate::shared::CATALOG.to_owned(),
                        place: format!("the log from {seq} on"),
                        reason: error.to_string(),
                    });
                    break;
                }
            }
        }
        if damages.is_empty() { Ok(()) } else { Err(damages) }
    }

    /// Writes what waits to be written and stops the threads. Appends fail from now on; queries are still answered.
    ///
    /// A merge that is under way is given up. Should that or sealing take long, it is left to itself: it changes nothing
    /// any more, but the directory stays locked until it ends with the process or is done.
    pub fn close(&self) {
        self.handle.close();
    }
}

fn no_thread(error: &std::io::Error) -> OpenError {
    OpenError::Catalog(format!("cannot start a thread: {error}"))
}

impl Handle {
    /// Starts a thread. If it panics nothing is written any more, and nobody waits for it in vain.
    fn start(
        &self,
        name: &'static str,
        run: impl FnOnce(&Arc<Shared>) + Send + 'static,
    ) -> Result<(), OpenError> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                if catch_unwind(AssertUnwindSafe(|| run(&shared))).is_err() {
                    shared.health.poison(&format!("the thread {name} panicked"));
                    shared.queue.close();
                    // Dropping the batches that wait tells those who wait for them.
                    while shared.queue.take(usize::MAX).is_some() {}
                }
            })
            .map_err(|error| no_thread(&error))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    fn close(&self) {
        self.shared.health.close();
        self.shared.queue.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        // The writer first: what it still writes may have to be sealed.
        if !threads.is_empty() {
            let _ = threads.remove(0).join();
        }
        self.shared.mailboxes.tell_sealer(SealerOrder::Stop);
        self.shared.mailboxes.tell_merger(MergerOrder::Stop);
        let begun = Instant::now();
        while threads.iter().any(|thread| !thread.is_finished()) && begun.elapsed() < CLOSE_WAIT {
            thread::sleep(CLOSE_LOOK);
        }
        self.shared.shut();
        for thread in threads.drain(..).filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}
