//! A disk in memory that fails as real ones do: writes that fail, come short or are torn, syncs that fail, a disk that
//! is full, a process that is killed and power that is lost at any step, bytes that rot.
//!
//! Everything follows from a seed and from the order of the operations. Nothing is on the disk before it is synced:
//! when power is lost, each unsynced write is kept, lost or torn at sectors of [`SECTOR_BYTES`], and each unsynced
//! change of a name is kept or lost. What POSIX promises is kept, and nothing more.

mod contents;
mod mount;
mod names;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use self::mount::{DiskFile, DiskLock, Mount};
use self::{contents::Contents, names::Names};
use crate::Random;

/// What is written at once: a torn write keeps or loses whole sectors.
pub const SECTOR_BYTES: usize = 512;

/// `EIO`.
const INPUT_OUTPUT: i32 = 5;
/// `ENOSPC`.
const NO_SPACE: i32 = 28;

/// A change of what a disk holds, as far as whoever makes it can tell. Reading is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A file or a directory is made.
    Make,
    /// Bytes are written to a file.
    Write,
    /// A file gets another length.
    Truncate,
    /// A file's contents are brought to the disk.
    Sync,
    /// A directory's names are brought to the disk.
    SyncDirectory,
    /// A file gets another name.
    Rename,
    /// A file is removed.
    Remove,
}

/// What happens to one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accident {
    /// It fails with an input/output error. A write is done in part; after a sync nobody knows what is on the disk.
    Error,
    /// From now on the disk has no room.
    Full,
    /// It is begun, and then power is lost.
    PowerLoss,
    /// It is done, and then the process is killed.
    Kill,
}

/// How often operations go wrong, of a thousand each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Writes that fail.
    pub writes: u64,
    /// Writes that take fewer bytes than they were given.
    pub short_writes: u64,
    /// Syncs of files and of directories that fail.
    pub syncs: u64,
    /// Makings, renamings and removals that fail.
    pub names: u64,
    /// Openings and readings that fail.
    pub reads: u64,
    /// Whether syncing says that it worked and does nothing, as disks do that lie about their cache.
    pub syncs_lie: bool,
    /// Whether a sync that failed leaves what it was to write unsynced, so that a later sync writes it, as a process
    /// might hope. Linux forgets it.
    pub failed_syncs_forget_nothing: bool,
}

/// A disk. Clones are the same disk.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Clone)]
struct State {
    random: Random,
    names: Names,
    files: BTreeMap<u64, Contents>,
    directories: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    next_file: u64,
    capacity: u64,
    faults: Faults,
    /// Counts the starts of the machine and of its process; whoever mounted the disk before is dead.
    boot: u64,
    operations: u64,
    planned: Option<(u64, Accident)>,
    /// Every operation, mixed.
    trace: u64,
}

impl Disk {
    /// An empty disk without limit.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            names: Names::default(),
            files: BTreeMap::new(),
            directories: BTreeSet::from([PathBuf::from("/")]),
            locked: BTreeSet::new(),
            next_file: 0,
            capacity: u64::MAX,
            faults: Faults::default(),
            boot: 0,
            operations: 0,
            planned: None,
            trace: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk as a process sees it, from a start of that process to its end.
    pub fn mount(&self) -> Mount {
        Mount { boot: self.state().boot, disk: self.clone() }
    }

    /// Another disk that holds the same, with a seed of its own.
    pub fn copy(&self, seed: u64) -> Self {
        let mut state = self.state().clone();
        state.random = Random::new(seed);
        state.boot += 1;
        state.locked.clear();
        Self(Arc::new(Mutex::new(state)))
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// A number that follows from every operation there was, its file and its length, but not from what was written.
    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    /// How often operations go wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Plans an accident for the operation that comes after `after` others; instead of the one that was planned.
    pub fn plan(&self, after: u64, accident: Accident) {
        let mut state = self.state();
        state.planned = Some((state.operations + 1 + after, accident));
    }

    /// Forgets the planned accident; whether there was one that had not happened.
    pub fn forget_plan(&self) -> bool {
        self.state().planned.take().is_some()
    }

    /// Bytes that the disk holds at most.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// Bytes of all files.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// Power is lost now.
    pub fn lose_power(&self) {
        self.state().lose_power();
    }

    /// The process is killed now. What it wrote stays, on the disk or in the system's cache.
    pub fn kill(&self) {
        self.state().kill();
    }

    /// Whether this start of the process is over.
    pub fn is_over(&self, mount: &Mount) -> bool {
        self.state().boot != mount.boot
    }

    /// The paths of all files, sorted, with their lengths.
    pub fn files(&self) -> Vec<(PathBuf, u64)> {
        let state = self.state();
        let length = |file: &u64| state.files.get(file).map_or(0, |contents| contents.now.len() as u64);
        state.names.now.iter().map(|(path, file)| (path.clone(), length(file))).collect()
    }

    /// Changes the bits of one byte of a file, as rot does; whether there is such a byte.
    pub fn rot(&self, path: &Path, at: u64, bits: u8) -> bool {
        let mut state = self.state();
        let Some(file) = state.names.now.get(path).copied() else { return false };
        state.files.get_mut(&file).is_some_and(|contents| contents.rot(at as usize, bits))
    }
}

impl State {
    fn used(&self) -> u64 {
        let length = |file| self.files.get(file).map_or(0, |contents| contents.now.len() as u64);
        self.names.now.values().map(length).sum()
    }

    fn lose_power(&mut self) {
        self.boot += 1;
        self.planned = None;
        self.locked.clear();
        // Nothing unsynced is kept, or all of it, or some.
        let of_ten = match self.random.below(4) {
            0 => 0,
            1 => 10,
            _ => 1 + self.random.below(9),
        };
        let Self { random, names, files, .. } = self;
        names.lose_power(random, of_ten);
        files.retain(|file, _| names.now.values().any(|named| named == file));
        files.values_mut().for_each(|contents| contents.lose_power(random, of_ten));
    }

    fn kill(&mut self) {
        self.boot += 1;
        self.planned = None;
        self.locked.clear();
        let Self { random, names, files, .. } = self;
        files.retain(|file, _| names.now.values().any(|named| named == file));
        files.values_mut().for_each(|contents| contents.leave_cache(random));
    }

    fn is_alive(&self, boot: u64) -> io::Result<()> {
        if self.boot == boot { Ok(()) } else { Err(error(INPUT_OUTPUT)) }
    }

    /// Whether something that happens `of_thousand` times does so now.
    fn happens(&mut self, of_thousand: u64) -> bool {
        of_thousand != 0 && self.random.below(1_000) < of_thousand
    }

    /// Notes an operation, and says what happens to it.
    fn begin(
        &mut self,
        boot: u64,
        operation: Operation,
        path: &Path,
        length: u64,
    ) -> io::Result<Option<Accident>> {
        self.is_alive(boot)?;
        self.operations += 1;
        let mut mix = Random::new(self.trace ^ length ^ ((operation as u64) << 56));
        self.trace = mix.next_u64();
        for byte in path.as_os_str().as_encoded_bytes() {
            self.trace = (self.trace ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        if self.planned.is_some_and(|(at, _)| at == self.operations) {
            let accident = self.planned.take().map(|(_, accident)| accident);
            if accident != Some(Accident::Full) {
                return Ok(accident);
            }
            self.capacity = self.used();
            return Ok(None);
        }
        let rate = match operation {
            Operation::Write | Operation::Truncate => self.faults.writes,
            Operation::Sync | Operation::SyncDirectory => self.faults.syncs,
            Operation::Make | Operation::Rename | Operation::Remove => self.faults.names,
        };
        Ok(self.happens(rate).then_some(Accident::Error))
    }

    /// What becomes of an operation that was done or begun.
    fn end<T>(&mut self, accident: Option<Accident>, done: T) -> io::Result<T> {
        match accident {
            None | Some(Accident::Full) => Ok(done),
            Some(Accident::Error) => Err(error(INPUT_OUTPUT)),
            Some(Accident::PowerLoss) => {
                self.lose_power();
                Err(error(INPUT_OUTPUT))
            }
            Some(Accident::Kill) => {
                self.kill();
                Err(error(INPUT_OUTPUT))
            }
        }
    }
}

fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

#[cfg(test)]
mod tests;
