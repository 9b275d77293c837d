//! Opening a store: one process a directory, every listed segment, and the log replayed into the tail by the same
//! steps that wrote it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use annals_model::Clock;

use crate::{
    Damage,
    batch::Row,
    catalog::{Catalog, CatalogError, Head, SqliteCatalog},
    error::OpenError,
    layout::{Layout, Listed},
    objects::Objects,
    options::Options,
    sealing::seal_all,
    segment::Segment,
    shared::{CATALOG, Foundation, LOCK, SCRATCH, SEGMENTS, Shared},
    space::{Disk, FreeSpace, SPACE_KEEP, Space},
    writer::apply,
};

/// Opens the catalog in a file.
type OpenCatalog = Box<dyn FnOnce(&Path) -> Result<Box<dyn Catalog>, CatalogError> + Send>;

/// What a store stands on and tests replace.
pub(crate) struct Ground {
    pub(crate) catalog: OpenCatalog,
    pub(crate) space: Box<dyn FreeSpace>,
    pub(crate) space_keep: std::time::Duration,
}

impl Ground {
    /// SQLite, and the disk the directory lies on.
    pub(crate) fn real(options: &Options) -> Self {
        Self {
            catalog: Box::new(|path| {
                let number = getrandom::u32().map_err(|error| CatalogError::Failed(error.to_string()))?;
                Ok(Box::new(SqliteCatalog::open(path, number)?))
            }),
            space: Box::new(Disk(options.data_dir.clone())),
            space_keep: SPACE_KEEP,
        }
    }
}

/// A store whose threads do not run yet, and an object store for each of the two threads that need one.
pub(crate) struct Recovered {
    pub(crate) shared: Arc<Shared>,
    pub(crate) objects: [Objects; 2],
}

/// Opens everything. It blocks, and may not be called by an async task.
pub(crate) fn recover(
    options: Options,
    clock: Arc<dyn Clock>,
    ground: Ground,
) -> Result<Recovered, OpenError> {
    let options = options.held_to_limits();
    let directory = options.data_dir.clone();
    let segments = directory.join(SEGMENTS);
    let scratch = directory.join(SCRATCH);
    for path in [&directory, &segments, &scratch] {
        fs::create_dir_all(path).map_err(|error| OpenError::Io {
            what: "create the directory",
            path: path.clone(),
            error,
        })?;
    }
    let lock = lock(&directory)?;
    clean(&scratch, |_| true)?;
    // An upload that was cut short leaves a file that no listing of objects shows.
    clean(&segments, |name| name.contains('#'))?;

    let mut catalog =
        (ground.catalog)(&directory.join(CATALOG)).map_err(|error| OpenError::Catalog(error.to_string()))?;
    let refused = |error: CatalogError| OpenError::Catalog(error.to_string());
    let head = catalog.head().map_err(refused)?;
    let objects = [Objects::local(&segments)?, Objects::local(&segments)?];
    let mut listed = Vec::new();
    for row in catalog.segments().map_err(refused)? {
        let segment = Segment::open(&objects[0].fetch(&row.name), &row.name)?;
        listed.push(Listed { name: row.name.into(), segment: Arc::new(segment) });
    }

    let shared = Shared::new(Foundation {
        space: Space::new(ground.space, options.free_bytes_min, ground.space_keep),
        options,
        clock,
        number: head.number,
        catalog,
        layout: Layout::new(listed),
        next_seq: head.cut_seq,
        lock,
    });
    replay(&shared, &objects[0], head)?;
    Ok(Recovered { shared: Arc::new(shared), objects })
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let cannot = |error| OpenError::Io { what: "lock", path: path.clone(), error };
    let file = File::options().create(true).append(true).open(&path).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

/// Removes the files whose names are unwanted.
fn clean(directory: &Path, is_unwanted: impl Fn(&str) -> bool) -> Result<(), OpenError> {
    let cannot = |error: io::Error| OpenError::Io { what: "clean", path: directory.to_owned(), error };
    for entry in fs::read_dir(directory).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.file_type().map_err(cannot)?.is_file() && is_unwanted(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).map_err(cannot)?;
        }
    }
    Ok(())
}

/// Brings the log's events into the tail, and full tails into segments, so that memory stays bounded.
fn replay(shared: &Shared, objects: &Objects, head: Head) -> Result<(), OpenError> {
    let mut appender = shared.appender();
    loop {
        let row = shared
            .ask(|catalog| catalog.read(appender.next_seq))
            .map_err(|error| OpenError::Catalog(error.to_string()))?;
        let Some(row) = row else { break };
        if row.first_seq != appender.next_seq {
            return Err(missing(appender.next_seq, row.first_seq).into());
        }
        let layout = shared.layout();
        let mut seq = row.first_seq;
        for chunk in row.chunks().map_err(|error| damaged(&row, &error))? {
            apply(&layout, &chunk, seq, row.recorded)?;
            seq += chunk.bounds.len() as u64;
        }
        shared.count_log(1, row.payload.len() as i64);
        appender.took(&row);
        if shared.is_full(&appender) {
            shared.freeze(&mut appender);
            seal_all(shared, objects)?;
        }
    }
    if appender.next_seq != head.next_seq {
        return Err(missing(appender.next_seq, head.next_seq).into());
    }
    shared.last_seq.store(head.next_seq.saturating_sub(1), std::sync::atomic::Ordering::Relaxed);
    Ok(())
}

/// What to say of a row that cannot be read.
pub(crate) fn damaged(row: &Row, error: &crate::batch::RowError) -> Damage {
    Damage {
        file: CATALOG.to_owned(),
        place: format!("the log's row {} with {} events", row.first_seq, row.events),
        reason: error.to_string(),
    }
}

fn missing(from: u64, to: u64) -> Damage {
    Damage {
        file: CATALOG.to_owned(),
        place: format!("the log's rows from {from} to {to}"),
        reason: "they are missing".to_owned(),
    }
}
