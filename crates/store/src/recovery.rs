//! Opening a store: one process a directory, every listed segment, and the log replayed into the tail by the same
//! steps that wrote it.

use std::{io, path::Path, sync::Arc};

use annals_model::Clock;

use crate::{
    Damage,
    batch::Row,
    catalog::{Catalog, CatalogError, Head, SqliteCatalog, check_wal},
    error::OpenError,
    files::{Files, SystemFiles},
    layout::{Layout, Listed},
    objects::Objects,
    options::Options,
    sealing::seal_all,
    segment::{self, Segment},
    shared::{CATALOG, Foundation, LOCK, Random, SCRATCH, SEGMENTS, Shared},
    space::{Disk, FreeSpace, SPACE_KEEP, Space},
    writer::apply,
};

/// Opens the catalog in a file, or makes it with this number.
type OpenCatalog = Box<dyn FnOnce(&Path, u32) -> Result<Box<dyn Catalog>, CatalogError> + Send>;

/// What a store stands on and tests replace.
pub(crate) struct Ground {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) random: Random,
    pub(crate) catalog: OpenCatalog,
    pub(crate) space: Box<dyn FreeSpace>,
    pub(crate) space_keep: std::time::Duration,
}

impl Ground {
    /// The system's files, SQLite, and the disk the directory lies on.
    pub(crate) fn real(options: &Options) -> Self {
        Self {
            files: Arc::new(SystemFiles),
            random: Arc::new(|| getrandom::u64().map_err(|error| io::Error::other(error.to_string()))),
            catalog: Box::new(|path, number| Ok(Box::new(SqliteCatalog::open(path, number)?))),
            space: Box::new(Disk(options.data_dir.clone())),
            space_keep: SPACE_KEEP,
        }
    }
}

/// A store whose threads do not run yet.
pub(crate) struct Recovered {
    pub(crate) shared: Arc<Shared>,
    pub(crate) objects: Objects,
}

/// Opens everything. It blocks.
pub(crate) fn recover(
    options: Options,
    clock: Arc<dyn Clock>,
    ground: Ground,
) -> Result<Recovered, OpenError> {
    let Ground { files, random, catalog, space, space_keep } = ground;
    let options = options.held_to_limits();
    let directory = options.data_dir.clone();
    let segments = directory.join(SEGMENTS);
    let scratch = directory.join(SCRATCH);
    for path in [&directory, &segments, &scratch] {
        files.create_directory(path).map_err(|error| OpenError::Io {
            what: "create the directory",
            path: path.clone(),
            error,
        })?;
    }
    let lock_file = directory.join(LOCK);
    let lock =
        files.lock(&lock_file).map_err(|error| OpenError::Io { what: "lock", path: lock_file, error })?;
    let lock = lock.ok_or_else(|| OpenError::InUse(directory.clone()))?;

    let number = random().map_err(|error| OpenError::Catalog(format!("no random numbers: {error}")))?;
    let catalog_file = directory.join(CATALOG);
    check_wal(files.as_ref(), &catalog_file)?;
    let mut catalog = catalog(&catalog_file, number as u32).map_err(refused)?;
    // SQLite does this too, and does not mind when it fails.
    files.sync_directory(&directory).map_err(|error| OpenError::Io {
        what: "sync the directory",
        path: directory.clone(),
        error,
    })?;
    let head = catalog.head().map_err(refused)?;
    let objects = Objects::new(Arc::clone(&files), segments);
    let rows = catalog.segments().map_err(refused)?;
    if head.next_seq == 1 && !objects.list()?.is_empty() {
        return Err(Damage {
            file: CATALOG.to_owned(),
            place: "all of it".to_owned(),
            reason: format!("it is new, but there are files in {SEGMENTS}, which would be removed"),
        }
        .into());
    }
    let mut listed = Vec::new();
    for row in rows {
        let contents = objects.open(&row.name)?;
        if let Some(found) = segment::newer_format(&contents) {
            return Err(OpenError::Newer { file: row.name, found, known: segment::FORMAT_VERSION });
        }
        let segment = Segment::open(contents, &row.name)?;
        listed.push(Listed { name: row.name.into(), segment: Arc::new(segment) });
    }

    // Not before it is known that no newer program's files are among these.
    empty(files.as_ref(), &scratch)?;

    let shared = Shared::new(Foundation {
        space: Space::new(space, options.free_bytes_min, space_keep),
        options,
        clock,
        number: head.number,
        catalog,
        layout: Layout::new(listed),
        next_seq: head.cut_seq,
        files,
        random,
        lock,
    });
    replay(&shared, &objects, head)?;
    Ok(Recovered { shared: Arc::new(shared), objects })
}

/// Removes the files of a directory.
fn empty(files: &dyn Files, directory: &Path) -> Result<(), OpenError> {
    let cannot = |error: io::Error| OpenError::Io { what: "clean", path: directory.to_owned(), error };
    for name in files.list(directory).map_err(cannot)? {
        files.remove(&directory.join(name)).map_err(cannot)?;
    }
    Ok(())
}

fn refused(error: CatalogError) -> OpenError {
    match error {
        CatalogError::Damaged { place, reason } => Damage { file: CATALOG.to_owned(), place, reason }.into(),
        error => OpenError::Catalog(error.to_string()),
    }
}

/// Brings the log's events into the tail, and full tails into segments, so that memory stays bounded.
fn replay(shared: &Shared, objects: &Objects, head: Head) -> Result<(), OpenError> {
    let mut appender = shared.appender();
    loop {
        let row = shared.ask(|catalog| catalog.read(appender.next_seq)).map_err(refused)?;
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
    shared.applied.send_replace(head.next_seq.saturating_sub(1));
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
