//! A directory that holds a backup and is brought up to date: segments that are there already are not sent again.
//!
//! What is there stays good until the new one is whole: new files are added first, the manifest is replaced last, and
//! what it no longer names is removed after that.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    BackupError, MANIFEST, MANIFEST_BYTES_MAX, Manifest, PARTIAL_SUFFIX, SEGMENT_SUFFIX, cannot,
    catalog_name, is_file_name, snapshot::checksum,
};
use crate::Damage;

/// A directory to keep a backup in.
pub struct BackupDirectory {
    path: PathBuf,
    have: BTreeSet<String>,
}

impl BackupDirectory {
    /// Makes the directory, or looks at what is in it.
    ///
    /// # Errors
    /// When it cannot be read, or holds something that is no backup.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        fs::create_dir_all(path).map_err(cannot(format!("make {}", path.display())))?;
        let read = || format!("read {}", path.display());
        let mut have = BTreeSet::new();
        for entry in fs::read_dir(path).map_err(cannot(read()))? {
            let name = entry.map_err(cannot(read()))?.file_name().to_string_lossy().into_owned();
            let whole = name.strip_suffix(PARTIAL_SUFFIX).unwrap_or(&name);
            if whole != MANIFEST && whole != "lost+found" && !is_file_name(whole) {
                // The wrong directory, perhaps one that somebody still needs.
                return Err(BackupError::NotEmpty(path.to_owned()));
            }
            if name.ends_with(SEGMENT_SUFFIX) {
                have.insert(name);
            }
        }
        // One that is not as long as it was is sent again.
        if let Ok(Ok(manifest)) = fs::read(path.join(MANIFEST)).map(|bytes| Manifest::read(&bytes)) {
            for file in &manifest.segments {
                let found = fs::metadata(path.join(&file.name)).map(|metadata| metadata.len());
                if found.ok() != Some(file.bytes) {
                    have.remove(&file.name);
                }
            }
        }
        Ok(Self { path: path.to_owned(), have })
    }

    /// The segments that need not be sent.
    pub fn have(&self) -> &BTreeSet<String> {
        &self.have
    }

    /// Takes an archive that [`super::Snapshot::write`] made for what this directory has, and makes it the backup.
    ///
    /// # Errors
    /// When the archive breaks off or is damaged, or a file cannot be written. What was there before is then still a
    /// good backup.
    pub fn receive(&self, archive: impl Read) -> Result<Manifest, BackupError> {
        let broken = || cannot("read the archive");
        let mut archive = tar::Archive::new(archive);
        let mut manifest: Option<Manifest> = None;
        for entry in archive.entries().map_err(broken())? {
            let mut entry = entry.map_err(broken())?;
            let name = entry.path().map_err(broken())?.to_string_lossy().into_owned();
            let Some(known) = &manifest else {
                if name != MANIFEST {
                    return Err(damage(&name, "an archive begins with its manifest").into());
                }
                let mut bytes = Vec::new();
                entry.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes).map_err(broken())?;
                manifest = Some(Manifest::read(&bytes)?);
                continue;
            };
            let Some(file) = known.files().find(|file| file.name == name) else {
                return Err(damage(&name, "the manifest does not name it").into());
            };
            if entry.size() != file.bytes {
                return Err(damage(&name, "it is not as long as the manifest says").into());
            }
            self.write(&name, file.bytes, &mut entry)?;
        }
        let Some(manifest) = manifest else { return Err(damage(MANIFEST, "it is missing").into()) };
        for file in manifest.files() {
            let found = fs::metadata(self.path.join(&file.name)).map(|metadata| metadata.len());
            if found.ok() != Some(file.bytes) {
                return Err(damage(&file.name, "it is missing or cut short").into());
            }
        }
        let path = self.path.join(&manifest.catalog.name);
        let read = || cannot(format!("read {}", path.display()));
        let (_, found) = checksum(File::open(&path).map_err(read())?).map_err(read())?;
        if catalog_name(found) != manifest.catalog.name {
            return Err(damage(&manifest.catalog.name, "its checksum does not fit its name").into());
        }
        let mut text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| BackupError::Catalog(format!("the manifest has no JSON: {error}")))?;
        text.push(b'\n');
        self.write(MANIFEST, text.len() as u64, &mut &*text)?;
        self.remove_old(&manifest).map_err(cannot(format!("tidy {}", self.path.display())))?;
        Ok(manifest)
    }

    /// Writes a file; it has its name when it is whole and on disk.
    fn write(&self, name: &str, bytes: u64, contents: &mut impl Read) -> Result<(), BackupError> {
        let path = self.path.join(name);
        let partial = self.path.join(format!("{name}{PARTIAL_SUFFIX}"));
        let written = (|| {
            let mut file = File::create(&partial)?;
            if io::copy(contents, &mut file)? != bytes {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the archive ends in the middle of it",
                ));
            }
            file.sync_all()?;
            fs::rename(&partial, &path)?;
            File::open(&self.path)?.sync_all()
        })();
        written.map_err(cannot(format!("write {}", path.display())))
    }

    /// Removes what the manifest does not name.
    fn remove_old(&self, manifest: &Manifest) -> io::Result<()> {
        let named: BTreeSet<&str> = manifest.files().map(|file| file.name.as_str()).collect();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_old = name.ends_with(PARTIAL_SUFFIX) || (is_file_name(&name) && !named.contains(&*name));
            if is_old {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn damage(file: &str, reason: &str) -> Damage {
    Damage { file: file.to_owned(), place: "the backup".to_owned(), reason: reason.to_owned() }
}
