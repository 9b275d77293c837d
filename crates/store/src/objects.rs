//! Where segment files live: an object store, which on one machine is a directory.
//!
//! Segments are written to a scratch file first and then streamed into the store, which makes them durable before it
//! says so. They are read by mapping a local file: [`Objects::fetch`] gives its path, and is where another store than
//! a directory would bring a copy into a local cache. Everything here blocks; only the store's own threads call it,
//! never an async task.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path as ObjectPath,
};
use tokio::runtime::{Builder, Runtime};

use crate::error::MaintenanceError;

/// Bytes that are handed to the object store at once.
const PART_BYTES: usize = 8 << 20;

/// A handle to the object store, for one thread.
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
    directory: PathBuf,
}

fn failed(what: &str, name: &str) -> impl FnOnce(String) -> MaintenanceError {
    move |error| MaintenanceError::Failed(format!("cannot {what} {name}: {error}"))
}

impl Objects {
    /// The objects in a directory that exists.
    pub(crate) fn local(directory: &Path) -> Result<Self, MaintenanceError> {
        let cannot = |error: String| failed("use the directory", &directory.display().to_string())(error);
        let store = LocalFileSystem::new_with_prefix(directory)
            .map_err(|error| cannot(error.to_string()))?
            .with_fsync(true);
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|error| cannot(error.to_string()))?;
        Ok(Self { store: Arc::new(store), runtime, directory: directory.to_owned() })
    }

    /// Stores a file under a name. It is durable when this returns.
    pub(crate) fn put(&self, name: &str, path: &Path) -> Result<(), MaintenanceError> {
        let stored = self.runtime.block_on(async {
            let mut file = File::open(path).map_err(|error| error.to_string())?;
            let mut upload =
                self.store.put_multipart(&ObjectPath::from(name)).await.map_err(|error| error.to_string())?;
            let sent: Result<(), String> = async {
                loop {
                    let mut part = Vec::with_capacity(PART_BYTES);
                    (&mut file)
                        .take(PART_BYTES as u64)
                        .read_to_end(&mut part)
                        .map_err(|error| error.to_string())?;
                    if part.is_empty() {
                        break;
                    }
                    upload.put_part(PutPayload::from(part)).await.map_err(|error| error.to_string())?;
                }
                upload.complete().await.map(|_| ()).map_err(|error| error.to_string())
            }
            .await;
            if sent.is_err()
                && let Err(error) = upload.abort().await
            {
                tracing::warn!(name, %error, "cannot take back a half-stored segment");
            }
            sent
        });
        stored.map_err(failed("store the segment", name))
    }

    /// A local file with the contents of an object.
    pub(crate) fn fetch(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The names of all objects.
    pub(crate) fn list(&self) -> Result<Vec<String>, MaintenanceError> {
        let objects = self.runtime.block_on(self.store.list(None).try_collect::<Vec<_>>());
        let objects = objects.map_err(|error| failed("list", "the segments")(error.to_string()))?;
        Ok(objects.into_iter().map(|object| object.location.to_string()).collect())
    }

    /// Removes an object.
    pub(crate) fn delete(&self, name: &str) -> Result<(), MaintenanceError> {
        let deleted = self.runtime.block_on(self.store.delete(&ObjectPath::from(name)));
        deleted.map_err(|error| failed("remove the segment", name)(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_whole() {
        let directory = tempfile::tempdir().unwrap();
        let objects = Objects::local(directory.path()).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        for (name, length) in [("a.segment", 0), ("b.segment", PART_BYTES), ("c.segment", 2 * PART_BYTES + 1)]
        {
            let contents: Vec<u8> = (0..length).map(|n| n as u8).collect();
            std::fs::write(&path, &contents).unwrap();
            objects.put(name, &path).unwrap();
            assert!(std::fs::read(objects.fetch(name)).unwrap() == contents, "{name}");
        }
        let mut names = objects.list().unwrap();
        names.sort();
        assert_eq!(names, ["a.segment", "b.segment", "c.segment"]);
        objects.delete("b.segment").unwrap();
        assert_eq!(objects.list().unwrap().len(), 2);
        assert!(objects.put("d.segment", &scratch.path().join("missing")).is_err());
        assert_eq!(objects.list().unwrap().len(), 2);
    }
}
