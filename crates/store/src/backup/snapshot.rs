//! The moment a backup stands for: a copy of the catalog, and the segments it lists, none of which is removed meanwhile.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use annals_model::Timestamp;
use tempfile::TempDir;
use xxhash_rust::xxh3::Xxh3;

use super::{BackupError, MANIFEST, MANIFEST_FORMAT, Manifest, StoredFile, cannot, catalog_name};
use crate::{
    Store,
    catalog::{Catalog, SqliteCatalog},
    files::{Files, Lock, SystemFiles},
    shared::{CATALOG, LOCK, SCRATCH, SEGMENTS, Shared},
};

/// Bytes that are read at once.
const COPY_BYTES: usize = 256 << 10;
/// What SQLite keeps beside a database that was not closed.
const WAL_SUFFIX: &str = "-wal";

/// A consistent set of files. While it lives, the store removes none of its segments.
pub struct Snapshot {
    manifest: Manifest,
    catalog: PathBuf,
    segments: PathBuf,
    _copy: TempDir,
    _hold: Hold,
}

/// What keeps the segments where they are.
enum Hold {
    Running { _keep: KeepSegments },
    Stopped { _lock: Lock },
}

/// Lets no segment be removed as long as it lives.
struct KeepSegments(Arc<Shared>);

impl KeepSegments {
    fn new(shared: Arc<Shared>) -> Self {
        // Sweeping holds this lock from its first look to its last removal.
        *shared.keepers.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(shared)
    }
}

impl Drop for KeepSegments {
    fn drop(&mut self) {
        *self.0.keepers.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

impl Store {
    /// A consistent set of the files that hold everything acknowledged until now. Writing, sealing and merging go on.
    ///
    /// It blocks while the catalog is copied, which takes as much room below the data directory as the log has bytes.
    ///
    /// # Errors
    /// When the catalog cannot be copied.
    pub fn snapshot(&self) -> Result<Snapshot, BackupError> {
        let shared = Arc::clone(self.shared());
        // Before the catalog is copied: what it lists is there from now on.
        let keep = KeepSegments::new(Arc::clone(&shared));
        let copy = TempDir::new_in(shared.scratch()).map_err(cannot("make a temporary directory"))?;
        let catalog = copy.path().join(CATALOG);
        SqliteCatalog::copy(&shared.options.data_dir.join(CATALOG), &catalog)?;
        let segments = shared.options.data_dir.join(SEGMENTS);
        Snapshot::of(copy, segments, shared.clock.now(), Hold::Running { _keep: keep })
    }
}

impl Snapshot {
    /// The same of a data directory that no process has open.
    ///
    /// # Errors
    /// When a process has it open, or something cannot be read.
    pub fn of_stopped(data_dir: &Path, now: Timestamp) -> Result<Self, BackupError> {
        let lock = lock_stopped(data_dir)?;
        let scratch = data_dir.join(SCRATCH);
        fs::create_dir_all(&scratch).map_err(cannot(format!("make {}", scratch.display())))?;
        let copy = TempDir::new_in(scratch).map_err(cannot("make a temporary directory"))?;
        copy_catalog(data_dir, copy.path())?;
        Self::of(copy, data_dir.join(SEGMENTS), now, Hold::Stopped { _lock: lock })
    }

    fn of(copy: TempDir, segments: PathBuf, made: Timestamp, hold: Hold) -> Result<Self, BackupError> {
        let path = copy.path().join(CATALOG);
        let mut catalog = SqliteCatalog::open(&path, 0)?;
        let head = catalog.head()?;
        let rows = catalog.segments()?;
        // Closing brings everything into the one file.
        drop(catalog);
        let file = File::open(&path).map_err(cannot(format!("read {}", path.display())))?;
        let (bytes, checksum) = checksum(file).map_err(cannot(format!("read {}", path.display())))?;
        let manifest = Manifest {
            format: MANIFEST_FORMAT,
            made,
            next_seq: head.next_seq,
            catalog: StoredFile { name: catalog_name(checksum), bytes },
            segments: rows.into_iter().map(|row| StoredFile { name: row.name, bytes: row.bytes }).collect(),
        };
        Ok(Self { manifest, catalog: path, segments, _copy: copy, _hold: hold })
    }

    /// What is in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes it as a tar archive, without the segments that the receiver has already.
    ///
    /// # Errors
    /// When a file cannot be read, or is not as long as the catalog says, or `out` refuses.
    pub fn write(&self, have: &BTreeSet<String>, out: impl Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(out);
        let manifest = serde_json::to_vec_pretty(&self.manifest)?;
        self.append(&mut archive, MANIFEST, manifest.len() as u64, &*manifest)?;
        let catalog = File::open(&self.catalog)?;
        self.append(&mut archive, &self.manifest.catalog.name, self.manifest.catalog.bytes, catalog)?;
        for segment in self.manifest.segments.iter().filter(|segment| !have.contains(&segment.name)) {
            let file = File::open(self.segments.join(&segment.name))?;
            let found = file.metadata()?.len();
            if found != segment.bytes {
                return Err(io::Error::other(format!(
                    "the segment {} has {found} bytes instead of {}",
                    segment.name, segment.bytes
                )));
            }
            self.append(&mut archive, &segment.name, segment.bytes, file)?;
        }
        archive.into_inner()?.flush()
    }

    fn append<W: Write>(
        &self,
        archive: &mut tar::Builder<W>,
        name: &str,
        bytes: u64,
        contents: impl Read,
    ) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o640);
        header.set_mtime(self.manifest.made.seconds().max(0).cast_unsigned());
        archive.append_data(&mut header, name, contents.take(bytes))
    }
}

/// Locks a data directory that is there.
pub(crate) fn lock_stopped(data_dir: &Path) -> Result<Lock, BackupError> {
    let path = data_dir.join(CATALOG);
    fs::metadata(&path).map_err(cannot(format!("read {}", path.display())))?;
    let path = data_dir.join(LOCK);
    let lock = SystemFiles.lock(&path).map_err(cannot(format!("lock {}", path.display())))?;
    lock.ok_or_else(|| BackupError::InUse(data_dir.to_owned()))
}

/// Copies the catalog of a locked data directory, with what SQLite has not brought into its file yet.
pub(crate) fn copy_catalog(data_dir: &Path, to: &Path) -> Result<(), BackupError> {
    for name in [CATALOG.to_owned(), format!("{CATALOG}{WAL_SUFFIX}")] {
        let from = data_dir.join(&name);
        match fs::copy(&from, to.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && name != CATALOG => {}
            copied => {
                copied.map_err(cannot(format!("copy {}", from.display())))?;
            }
        }
    }
    Ok(())
}

/// Length and XXH3-64 of what can be read.
pub(crate) fn checksum(mut input: impl Read) -> io::Result<(u64, u64)> {
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; COPY_BYTES];
    let mut bytes = 0;
    loop {
        let count = input.read(&mut buffer)?;
        if count == 0 {
            return Ok((bytes, hash.digest()));
        }
        hash.update(buffer.get(..count).unwrap_or_default());
        bytes += count as u64;
    }
}
