//! A disk as one process sees it: the operations. When the process is over, every one of them fails.

use std::{
    io,
    path::{Path, PathBuf},
    sync::MutexGuard,
};

use super::{Accident, Disk, INPUT_OUTPUT, NO_SPACE, Operation, SECTOR_BYTES, State, error};

/// The disk, until the process is over. Clones are of the same process.
#[derive(Clone)]
pub struct Mount {
    pub(super) disk: Disk,
    pub(super) boot: u64,
}

/// An open file.
pub struct DiskFile {
    mount: Mount,
    file: u64,
    path: PathBuf,
}

/// A lock, held until it is dropped.
pub struct DiskLock {
    mount: Mount,
    path: PathBuf,
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Mount {
    fn state(&self) -> MutexGuard<'_, State> {
        self.disk.state()
    }

    /// Whether reading works now.
    fn read(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.is_alive(self.boot)?;
        let rate = state.faults.reads;
        if state.happens(rate) { Err(error(INPUT_OUTPUT)) } else { Ok(state) }
    }

    /// Makes a directory and those above it. They are on the disk at once.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn make_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.directories.contains(path) {
            return state.is_alive(self.boot);
        }
        let accident = state.begin(self.boot, Operation::Make, path, 0)?;
        if accident.is_none() {
            state.directories.extend(path.ancestors().map(Path::to_owned));
        }
        state.end(accident, ())
    }

    /// Opens a file, and makes it if it is missing and that is wanted.
    ///
    /// # Errors
    /// When the file or its directory is missing, or the disk fails.
    pub fn open(&self, path: &Path, make: bool) -> io::Result<DiskFile> {
        let mut state = self.read()?;
        let file = match state.names.now.get(path).copied() {
            Some(file) => file,
            None if make && path.parent().is_some_and(|parent| state.directories.contains(parent)) => {
                let accident = state.begin(self.boot, Operation::Make, path, 0)?;
                let file = state.next_file;
                if accident != Some(Accident::Error) {
                    state.next_file += 1;
                    state.files.entry(file).or_default();
                    state.names.link(path, file);
                }
                state.end(accident, file)?
            }
            None => return Err(missing()),
        };
        Ok(DiskFile { mount: self.clone(), file, path: path.to_owned() })
    }

    /// Whether there is a file of that name.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.read()?.names.now.contains_key(path))
    }

    /// Gives a file another name, and takes that from whoever had it.
    ///
    /// # Errors
    /// When the file is missing, or the disk fails.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.is_alive(self.boot)?;
        let file = state.names.now.get(from).copied().ok_or_else(missing)?;
        let accident = state.begin(self.boot, Operation::Rename, to, 0)?;
        if accident != Some(Accident::Error) {
            state.names.rename(from, to, file);
        }
        state.end(accident, ())
    }

    /// Removes a file. Whoever has it open still reads it.
    ///
    /// # Errors
    /// When it is missing, or the disk fails.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.is_alive(self.boot)?;
        if !state.names.now.contains_key(path) {
            return Err(missing());
        }
        let accident = state.begin(self.boot, Operation::Remove, path, 0)?;
        if accident != Some(Accident::Error) {
            state.names.unlink(path);
        }
        state.end(accident, ())
    }

    /// Brings the names in a directory to the disk.
    ///
    /// # Errors
    /// When the disk fails; the names are as unsynced as before then.
    pub fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let accident = state.begin(self.boot, Operation::SyncDirectory, path, 0)?;
        if matches!(accident, None | Some(Accident::Kill)) && !state.faults.syncs_lie {
            state.names.sync(path);
        }
        state.end(accident, ())
    }

    /// The names of the files in a directory, sorted.
    ///
    /// # Errors
    /// When it is missing, or the disk fails.
    pub fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.read()?;
        if !state.directories.contains(path) {
            return Err(missing());
        }
        let here = state.names.now.keys().filter(|name| name.parent() == Some(path));
        Ok(here.filter_map(|name| name.file_name()).map(|name| name.to_string_lossy().into_owned()).collect())
    }

    /// Bytes that are free.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let state = self.state();
        state.is_alive(self.boot)?;
        Ok(state.capacity.saturating_sub(state.used()))
    }

    /// Locks a name; `None` when it is locked.
    ///
    /// # Errors
    /// When the process is over.
    pub fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        let mut state = self.state();
        state.is_alive(self.boot)?;
        let is_free = state.locked.insert(path.to_owned());
        Ok(is_free.then(|| DiskLock { mount: self.clone(), path: path.to_owned() }))
    }
}

impl Drop for DiskLock {
    fn drop(&mut self) {
        let mut state = self.mount.state();
        if state.is_alive(self.mount.boot).is_ok() {
            state.locked.remove(&self.path);
        }
    }
}

impl DiskFile {
    /// How long it is.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn length(&self) -> io::Result<u64> {
        let state = self.mount.state();
        state.is_alive(self.mount.boot)?;
        Ok(state.files.get(&self.file).map_or(0, |contents| contents.now.len() as u64))
    }

    /// Reads what there is of the wanted bytes; how many that were.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let state = self.mount.read()?;
        let bytes = state.files.get(&self.file).map_or(&[][..], |contents| &contents.now);
        let rest = bytes.get(at as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    /// Everything it holds.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn contents(&self) -> io::Result<Vec<u8>> {
        let state = self.mount.read()?;
        Ok(state.files.get(&self.file).map(|contents| contents.now.clone()).unwrap_or_default())
    }

    /// Writes some of the bytes; how many that were.
    ///
    /// # Errors
    /// When the disk fails or is full; some of the bytes may have been written.
    pub fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.mount.state();
        let accident = state.begin(self.mount.boot, Operation::Write, &self.path, bytes.len() as u64)?;
        let rate = state.faults.short_writes;
        let mut count = bytes.len();
        let comes_short = state.happens(rate);
        if accident == Some(Accident::Error) || comes_short {
            // Up to the end of a sector: one is written whole or not at all.
            let end = at as usize + state.random.below(count as u64 + 1) as usize;
            let whole = (end - end % SECTOR_BYTES).saturating_sub(at as usize);
            if whole != 0 || accident.is_some() {
                count = whole;
            }
        }
        let length = state.files.get(&self.file).map_or(0, |contents| contents.now.len() as u64);
        let room = state.capacity.saturating_sub(state.used());
        let fits = (length + room).saturating_sub(at) as usize;
        let is_full = bytes.len() > fits;
        let count = count.min(fits);
        if let Some(contents) = state.files.get_mut(&self.file)
            && count != 0
        {
            contents.write(at as usize, &bytes[..count]);
        }
        state.end(accident, ())?;
        if count == 0 && is_full && !bytes.is_empty() { Err(error(NO_SPACE)) } else { Ok(count) }
    }

    /// Gives it another length.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.mount.state();
        let accident = state.begin(self.mount.boot, Operation::Truncate, &self.path, length)?;
        if accident != Some(Accident::Error)
            && let Some(contents) = state.files.get_mut(&self.file)
        {
            contents.truncate(length as usize);
        }
        state.end(accident, ())
    }

    /// Brings its contents to the disk.
    ///
    /// # Errors
    /// When the disk fails. What was not synced before may or may not be on the disk then, and stays that way.
    pub fn sync(&self) -> io::Result<()> {
        let mut state = self.mount.state();
        let accident = state.begin(self.mount.boot, Operation::Sync, &self.path, 0)?;
        let State { files, random, faults, .. } = &mut *state;
        if let Some(contents) = files.get_mut(&self.file) {
            match accident {
                Some(Accident::Error) if !faults.failed_syncs_forget_nothing => contents.fail_to_sync(random),
                None | Some(Accident::Kill) if !faults.syncs_lie => contents.sync(),
                _ => {}
            }
        }
        state.end(accident, ())
    }
}
