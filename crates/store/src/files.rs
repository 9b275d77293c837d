//! The file system under the store: every file but the catalog's own is made, read, moved and removed through [`Files`].
//!
//! The trait is the seam at which tests put a disk that fails, fills and loses power in place of the real one. It
//! promises what POSIX promises and no more: what was written is on disk after [`NewFile::sync`], a name is on disk
//! after [`Files::sync_directory`], and a rename is whole or not at all.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use memmap2::Mmap;

/// Bytes that are written over themselves at once.
const REWRITE_BYTES: usize = 1 << 20;

/// A file system. Everything here blocks.
pub(crate) trait Files: Send + Sync {
    /// Makes a directory, and those above it, unless they are there. They are on disk when this returns.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Makes a file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// The contents of a file that never changes any more; they stay readable when it is removed.
    fn map(&self, path: &Path) -> io::Result<Bytes>;

    /// Writes a file's own bytes over themselves and brings them to the disk: after a sync that failed in an earlier
    /// process, they may be in the system's cache and nowhere else, and would not be written by syncing alone.
    fn rewrite(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name. On disk it has one of the two until [`Self::sync_directory`] returned.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Brings the names in a directory to the disk.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in a directory, without the directories in it.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Makes a file that no other process, and no other store in this one, locks until the lock is dropped; `None`
    /// when somebody has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>>;
}

/// A file that is being written, from its beginning to its end.
pub(crate) trait NewFile: Write + Send {
    /// Brings everything that was written to the disk. After a failure nobody knows what is there, and syncing again
    /// does not tell: the file is good for nothing then.
    fn sync(&mut self) -> io::Result<()>;
}

/// Held as long as it lives.
pub(crate) type Lock = Box<dyn Send + Sync>;

/// The operating system's files.
pub(crate) struct SystemFiles;

impl NewFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Files for SystemFiles {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        let path = std::path::absolute(path)?;
        let missing: Vec<PathBuf> =
            path.ancestors().take_while(|ancestor| !ancestor.is_dir()).map(Path::to_owned).collect();
        for directory in missing.iter().rev() {
            match fs::create_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            if let Some(parent) = directory.parent() {
                self.sync_directory(parent)?;
            }
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(File::create(path)?))
    }

    fn map(&self, path: &Path) -> io::Result<Bytes> {
        let file = File::open(path)?;
        #[expect(unsafe_code, reason = "reading a mapped file is what makes a page cost microseconds")]
        // SAFETY: a segment file is never written again after it was moved to its place, and only this process has
        // its directory. Whoever truncates it under us breaks the process, as with any mapped file.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Bytes::from_owner(map))
    }

    fn rewrite(&self, path: &Path) -> io::Result<()> {
        let file = File::options().read(true).write(true).open(path)?;
        let mut bytes = vec![0; REWRITE_BYTES];
        let mut at = 0;
        loop {
            let count = file.read_at(&mut bytes, at)?;
            let Some(read) = bytes.get(..count).filter(|read| !read.is_empty()) else { break };
            file.write_all_at(read, at)?;
            at += count as u64;
        }
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(names)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let file = File::options().create(true).append(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_made_moved_read_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let files = SystemFiles;
        let (one, two) = (directory.path().join("a/b/one"), directory.path().join("a/b/two"));
        assert!(files.create(&one).is_err(), "the directory is missing");
        let parent = one.parent().unwrap();
        files.create_directory(parent).unwrap();
        files.create_directory(parent).unwrap();
        files.create_directory(&parent.join("directory")).unwrap();
        let mut file = files.create(&one).unwrap();
        file.write_all(b"contents").unwrap();
        file.sync().unwrap();
        files.rename(&one, &two).unwrap();
        files.sync_directory(parent).unwrap();
        files.rewrite(&two).unwrap();
        assert_eq!(files.list(parent).unwrap(), ["two"]);
        let map = files.map(&two).unwrap();
        files.remove(&two).unwrap();
        assert_eq!(&map[..], b"contents");
        assert!(files.map(&two).is_err());
        assert!(files.list(&two).is_err());
    }

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("LOCK");
        let lock = SystemFiles.lock(&path).unwrap();
        assert!(lock.is_some());
        assert!(SystemFiles.lock(&path).unwrap().is_none());
        drop(lock);
        assert!(SystemFiles.lock(&path).unwrap().is_some());
    }
}
