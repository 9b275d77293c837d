//! A backup to read: a directory or an archive.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::{BackupError, MANIFEST, MANIFEST_BYTES_MAX, Manifest, cannot, catalog_name, snapshot::checksum};
use crate::{
    Damage,
    files::{Files, SystemFiles},
};

/// A backup whose manifest was read.
pub struct BackupSource {
    manifest: Manifest,
    place: Place,
}

enum Place {
    Directory(PathBuf),
    Archive { map: Bytes, files: BTreeMap<String, Range<usize>> },
}

fn damage(file: &str, reason: impl Into<String>) -> Damage {
    Damage { file: file.to_owned(), place: "the backup".to_owned(), reason: reason.into() }
}

impl BackupSource {
    /// Opens a directory or an archive and reads its manifest.
    ///
    /// # Errors
    /// When there is no backup, or a newer program made it.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let read = || cannot(format!("read {}", path.display()));
        if fs::metadata(path).map_err(read())?.is_dir() {
            let manifest = path.join(MANIFEST);
            let what = format!("read {} (is {} a backup?)", manifest.display(), path.display());
            let length = fs::metadata(&manifest).map_err(cannot(what.clone()))?.len();
            if length > MANIFEST_BYTES_MAX {
                return Err(damage(MANIFEST, "it is too long").into());
            }
            let manifest = Manifest::read(&fs::read(manifest).map_err(cannot(what))?)?;
            return Ok(Self { manifest, place: Place::Directory(path.to_owned()) });
        }
        let map = SystemFiles.map(path).map_err(read())?;
        let files = entries(&map)?;
        let place = Place::Archive { map, files };
        let manifest = Manifest::read(&contents(&place, MANIFEST)?)?;
        Ok(Self { manifest, place })
    }

    /// What it says that it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The contents of a file that the manifest names.
    pub(crate) fn contents(&self, name: &str) -> Result<Bytes, Damage> {
        let contents = contents(&self.place, name)?;
        let named = self.manifest.files().find(|file| file.name == name);
        if named.is_none_or(|file| file.bytes != contents.len() as u64) {
            return Err(damage(
                name,
                format!("it has {} bytes, the manifest says otherwise", contents.len()),
            ));
        }
        Ok(contents)
    }

    /// Writes the catalog to a file, after its checksum was found to be right.
    pub(crate) fn write_catalog(&self, path: &Path) -> Result<(), BackupError> {
        let name = &self.manifest.catalog.name;
        let contents = self.contents(name)?;
        let (_, found) = checksum(&*contents).map_err(cannot(format!("read {name}")))?;
        if catalog_name(found) != *name {
            return Err(damage(name, "its checksum does not fit its name").into());
        }
        write_file(path, &contents)
    }
}

/// Writes a file to the disk.
pub(super) fn write_file(path: &Path, contents: &[u8]) -> Result<(), BackupError> {
    let written = fs::File::create(path).and_then(|mut file| {
        file.write_all(contents)?;
        file.sync_all()
    });
    written.map_err(cannot(format!("write {}", path.display())))
}

fn contents(place: &Place, name: &str) -> Result<Bytes, Damage> {
    match place {
        Place::Directory(path) => {
            SystemFiles.map(&path.join(name)).map_err(|error| damage(name, error.to_string()))
        }
        Place::Archive { map, files } => {
            let range = files.get(name).ok_or_else(|| damage(name, "it is not in the archive"))?;
            if range.end > map.len() {
                return Err(damage(name, "the archive ends in the middle of it"));
            }
            Ok(map.slice(range.clone()))
        }
    }
}

/// Where each file lies in an archive, as far as it goes.
fn entries(map: &Bytes) -> Result<BTreeMap<String, Range<usize>>, BackupError> {
    let mut archive = tar::Archive::new(Cursor::new(map));
    let mut files = BTreeMap::new();
    let bad = |error: std::io::Error| damage("the archive", error.to_string());
    for entry in archive.entries_with_seek().map_err(bad)? {
        // An archive that was cut lacks what comes next, and what it lacks is named when it is looked for.
        let Ok(entry) = entry else { break };
        let name = entry.path().map_err(bad)?.to_string_lossy().into_owned();
        let start = entry.raw_file_position() as usize;
        files.insert(name, start..start.saturating_add(entry.size() as usize));
    }
    Ok(files)
}
