//! The machine a simulated store runs on: a disk that fails, a clock that is set, and no threads. What the store's own
//! threads would do is done step by step when the schedule says so.

use std::{
    future::Future,
    io::{self, Write},
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use annals_model::Clock;
use annals_testkit::{Disk, DiskFile, FakeClock, Mount, Random};
use bytes::Bytes;

use super::vfs::Vfs;
use crate::{
    AppendError, Appended, Batch, MaintenanceError, OpenError, Options, SavedSearch, Store,
    batch::Row,
    catalog::{Catalog, CatalogError, Head, SegmentRow, SqliteCatalog},
    files::{Files, Lock, NewFile},
    merging::{merge_by_policy, merge_everything},
    objects::Objects,
    recovery::{Ground, Recovered, recover},
    sealing::{seal_all, sweep},
    shared::Shared,
    space::FreeSpace,
    writer,
};

/// Where the store lives on the simulated disk.
pub(super) const DATA: &str = "/data";

struct Writing {
    file: DiskFile,
    at: u64,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write_at(self.at, bytes)?;
        self.at += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for Writing {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

impl Files for Mount {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.make_directory(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = self.open(path, true)?;
        if file.length()? != 0 {
            file.truncate(0)?;
        }
        Ok(Box::new(Writing { file, at: 0 }))
    }

    fn map(&self, path: &Path) -> io::Result<Bytes> {
        Ok(self.open(path, false)?.contents()?.into())
    }

    fn rewrite(&self, path: &Path) -> io::Result<()> {
        let file = self.open(path, false)?;
        let bytes = file.contents()?;
        let mut writing = Writing { file, at: 0 };
        writing.write_all(&bytes)?;
        writing.sync()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Mount::rename(self, from, to)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        Mount::sync_directory(self, path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Mount::remove(self, path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Mount::list(self, path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        Ok(Mount::lock(self, path)?.map(|lock| Box::new(lock) as Lock))
    }
}

impl FreeSpace for Mount {
    fn free_bytes(&self) -> io::Result<u64> {
        Mount::free_bytes(self)
    }
}

/// How often a change of the catalog goes wrong, of a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CatalogFaults {
    /// Somebody else has it locked, and nothing is changed.
    pub(super) busy: u64,
    /// It fails, and nothing is changed.
    pub(super) before: u64,
    /// It fails, and is changed all the same.
    pub(super) after: u64,
    /// Broken: a row is not added to the log, and nobody is told.
    pub(super) lost_rows: u64,
    /// Broken: the log is cut and the segment is not listed.
    pub(super) unlisted_seals: u64,
}

type SharedFaults = Arc<Mutex<(CatalogFaults, Random)>>;

/// SQLite on the simulated disk. The connection is dropped before the way to the disk.
struct SimulatedCatalog {
    inner: SqliteCatalog,
    faults: SharedFaults,
    _vfs: Vfs,
}

impl SimulatedCatalog {
    /// Whether something happens now that does so this often, of a thousand.
    fn happens(&self, rate: impl FnOnce(&CatalogFaults) -> u64) -> bool {
        let (faults, random) = &mut *self.faults.lock().unwrap();
        let of_thousand = rate(faults);
        of_thousand != 0 && random.below(1_000) < of_thousand
    }

    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut SqliteCatalog) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        if self.happens(|faults| faults.busy) {
            return Err(CatalogError::Busy("simulated".to_owned()));
        }
        if self.happens(|faults| faults.before) {
            return Err(CatalogError::Failed("simulated, before".to_owned()));
        }
        let changed = change(&mut self.inner)?;
        if self.happens(|faults| faults.after) {
            Err(CatalogError::Failed("simulated, after".to_owned()))
        } else {
            Ok(changed)
        }
    }
}

impl Catalog for SimulatedCatalog {
    fn head(&mut self) -> Result<Head, CatalogError> {
        self.inner.head()
    }

    fn append(&mut self, row: &Row) -> Result<(), CatalogError> {
        if self.happens(|faults| faults.lost_rows) {
            return Ok(());
        }
        self.change(|inner| inner.append(row))
    }

    fn read(&mut self, seq: u64) -> Result<Option<Row>, CatalogError> {
        self.inner.read(seq)
    }

    fn segments(&mut self) -> Result<Vec<SegmentRow>, CatalogError> {
        self.inner.segments()
    }

    fn seal(&mut self, segment: Option<&SegmentRow>, cut_seq: u64) -> Result<(), CatalogError> {
        let segment = segment.filter(|_| !self.happens(|faults| faults.unlisted_seals));
        self.change(|inner| inner.seal(segment, cut_seq))
    }

    fn replace(&mut self, old: &[String], new: &SegmentRow) -> Result<(), CatalogError> {
        self.change(|inner| inner.replace(old, new))
    }

    fn trim(&mut self, bytes_max: u64) -> Result<bool, CatalogError> {
        self.change(|inner| inner.trim(bytes_max))
    }

    fn searches(&mut self, owner: &str) -> Result<Vec<SavedSearch>, CatalogError> {
        self.inner.searches(owner)
    }

    fn save_search(&mut self, search: &SavedSearch, most: usize) -> Result<bool, CatalogError> {
        self.change(|inner| inner.save_search(search, most))
    }

    fn delete_search(&mut self, owner: &str, name: &str, is_shared: bool) -> Result<bool, CatalogError> {
        self.change(|inner| inner.delete_search(owner, name, is_shared))
    }
}

/// A disk and a clock.
pub(super) struct Machine {
    pub(super) disk: Disk,
    pub(super) clock: FakeClock,
    pub(super) options: Options,
    checkpoint_pages: u32,
    catalog_faults: SharedFaults,
    random: Arc<Mutex<Random>>,
}

/// A store that runs on it, until it is killed or closed.
pub(super) struct Running {
    pub(super) store: Store,
    pub(super) shared: Arc<Shared>,
    objects: Objects,
    pub(super) mount: Mount,
}

/// A batch that waits to be written.
pub(super) struct Waiting(Pin<Box<dyn Future<Output = Result<Appended, AppendError>>>>);

impl Machine {
    /// A machine with an empty disk; sizes are so small that a few dozen events make several segments.
    pub(super) fn new(seed: u64) -> Self {
        let options = Options {
            seal_events: 24,
            merge_factor: 2,
            segment_events_max: 150,
            free_bytes_min: 100_000,
            seal_age: Duration::from_secs(60),
            room_wait: Duration::ZERO,
            ..Options::new(DATA)
        };
        Self::on(Disk::new(seed), options, seed)
    }

    pub(super) fn on(disk: Disk, options: Options, seed: u64) -> Self {
        Self {
            disk,
            clock: FakeClock::default(),
            options,
            checkpoint_pages: 1_000,
            catalog_faults: Arc::new(Mutex::new((CatalogFaults::default(), Random::new(seed ^ 1)))),
            random: Arc::new(Mutex::new(Random::new(seed ^ 2))),
        }
    }

    /// Pages after which SQLite moves its log into its file.
    pub(super) fn set_checkpoint_pages(&mut self, pages: u32) {
        self.checkpoint_pages = pages;
    }

    pub(super) fn set_catalog_faults(&self, faults: CatalogFaults) {
        self.catalog_faults.lock().unwrap().0 = faults;
    }

    /// Starts a store, and none of its threads.
    pub(super) fn start(&self) -> Result<Running, OpenError> {
        let mount = self.disk.mount();
        let random = Arc::clone(&self.random);
        let (for_catalog, faults) = (mount.clone(), Arc::clone(&self.catalog_faults));
        let checkpoint_pages = self.checkpoint_pages;
        let ground = Ground {
            files: Arc::new(mount.clone()),
            random: Arc::new(move || Ok(random.lock().unwrap().next_u64())),
            catalog: Box::new(move |path, number| {
                let vfs = Vfs::new(for_catalog);
                let inner = SqliteCatalog::open_on(path, Some(vfs.name()), number)?;
                inner.set_checkpoint_pages(checkpoint_pages)?;
                Ok(Box::new(SimulatedCatalog { inner, faults, _vfs: vfs }))
            }),
            space: Box::new(mount.clone()),
            space_keep: Duration::ZERO,
        };
        let clock = Arc::new(self.clock.clone()) as Arc<dyn Clock>;
        let Recovered { shared, objects } = recover(self.options.clone(), clock, ground)?;
        Ok(Running { store: Store::without_threads(Arc::clone(&shared)), shared, objects, mount })
    }
}

impl Running {
    /// Hands a batch over, as a request does.
    pub(super) fn append(&self, batch: Batch) -> Waiting {
        let store = self.store.clone();
        let mut waiting = Waiting(Box::pin(async move { store.append(batch).await }));
        // The first poll puts it into the queue or is refused; the answer of a refusal is kept for the second.
        match waiting.poll() {
            None => waiting,
            Some(answer) => Waiting(Box::pin(std::future::ready(answer))),
        }
    }

    /// Writes everything that waits, a group at a time.
    pub(super) fn write(&self) {
        while self.shared.queue.load().0 != 0 {
            if let Some(group) = self.shared.queue.take(self.shared.options.group_bytes_max) {
                writer::write_group(&self.shared, group);
            }
        }
    }

    /// Freezes an old tail, and seals what is frozen.
    pub(super) fn seal_by_itself(&self) -> Result<(), MaintenanceError> {
        {
            let mut appender = self.shared.appender();
            if self.shared.is_old(&appender) {
                self.shared.freeze(&mut appender);
            }
        }
        seal_all(&self.shared, &self.objects)
    }

    /// Freezes the tail, and seals it.
    pub(super) fn seal(&self) -> Result<(), MaintenanceError> {
        self.shared.freeze(&mut self.shared.appender());
        seal_all(&self.shared, &self.objects)
    }

    pub(super) fn merge(&self) -> Result<(), MaintenanceError> {
        merge_by_policy(&self.shared, &self.objects)
    }

    pub(super) fn compact(&self) -> Result<(), MaintenanceError> {
        self.seal()?;
        merge_everything(&self.shared, &self.objects)
    }

    pub(super) fn sweep(&self) -> Result<(), MaintenanceError> {
        sweep(&self.shared, &self.objects)
    }
}

impl Waiting {
    /// The answer, if there is one.
    pub(super) fn poll(&mut self) -> Option<Result<Appended, AppendError>> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}
