//! Where segment files live: on one machine, a directory.
//!
//! Segments are written to a scratch file in the same file system first, and then moved to their place, which is
//! durable when [`Objects::put`] returns. They are read by mapping a local file: [`Objects::open`] does that, and is
//! where another store than a directory would bring a copy into a local cache. Everything here blocks.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;

use crate::{Damage, error::MaintenanceError, files::Files};

/// The objects in a directory. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Objects {
    files: Arc<dyn Files>,
    directory: PathBuf,
}

fn failed(what: &str, name: &str) -> impl FnOnce(std::io::Error) -> MaintenanceError {
    move |error| MaintenanceError::of_file(&format!("cannot {what} {name}"), &error)
}

impl Objects {
    /// The objects in a directory that exists.
    pub(crate) fn new(files: Arc<dyn Files>, directory: PathBuf) -> Self {
        Self { files, directory }
    }

    /// Stores a file, whose contents are on disk already, under a name, and takes it away from its own. It is durable
    /// when this returns.
    pub(crate) fn put(&self, name: &str, path: &Path) -> Result<(), MaintenanceError> {
        let stored = self
            .files
            .rename(path, &self.directory.join(name))
            .and_then(|()| self.files.sync_directory(&self.directory));
        stored.map_err(failed("store the segment", name))
    }

    /// The contents of an object.
    pub(crate) fn open(&self, name: &str) -> Result<Bytes, Damage> {
        self.files.map(&self.directory.join(name)).map_err(|error| Damage {
            file: name.to_owned(),
            place: "opening it".to_owned(),
            reason: error.to_string(),
        })
    }

    /// The names of all objects, sorted.
    pub(crate) fn list(&self) -> Result<Vec<String>, MaintenanceError> {
        let mut names = self.files.list(&self.directory).map_err(failed("list", "the segments"))?;
        names.sort_unstable();
        Ok(names)
    }

    /// Removes an object. After a crash it may be there again.
    pub(crate) fn delete(&self, name: &str) -> Result<(), MaintenanceError> {
        self.files.remove(&self.directory.join(name)).map_err(failed("remove the segment", name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::SystemFiles;

    #[test]
    fn files_come_back_whole() {
        let directory = tempfile::tempdir().unwrap();
        let objects = Objects::new(Arc::new(SystemFiles), directory.path().join("objects"));
        SystemFiles.create_directory(&objects.directory).unwrap();
        let path = directory.path().join("file");
        for (name, length) in [("b.segment", 10), ("a.segment", 1), ("c.segment", 20_000_001)] {
            let contents: Vec<u8> = (0..length).map(|n| n as u8).collect();
            std::fs::write(&path, &contents).unwrap();
            objects.put(name, &path).unwrap();
            assert!(objects.open(name).unwrap() == contents, "{name}");
        }
        assert_eq!(objects.list().unwrap(), ["a.segment", "b.segment", "c.segment"]);
        objects.delete("b.segment").unwrap();
        let damage = objects.open("b.segment").unwrap_err();
        assert!(damage.to_string().contains("b.segment"), "{damage}");
        assert_eq!(objects.list().unwrap().len(), 2);
        assert!(objects.put("d.segment", &path).is_err(), "the file was moved away");
        assert_eq!(objects.list().unwrap().len(), 2);
    }
}
