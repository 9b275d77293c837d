//! Backups: a consistent set of the catalog and the segments it lists, taken while the store works.
//!
//! The catalog is copied in one read transaction, which is the moment the backup stands for; segments never change, and
//! none is removed while a [`Snapshot`] lives. A backup is a directory or a tar archive with the same files in it; its
//! manifest names all of them. `docs/formats/backup.md` describes them.

mod restore;
mod snapshot;
mod source;
mod target;

use annals_model::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::snapshot::{copy_catalog, lock_stopped};
pub use self::{restore::restore, snapshot::Snapshot, source::BackupSource, target::BackupDirectory};
use crate::{Damage, catalog::CatalogError};

/// The version of the manifest that this program writes and reads.
const MANIFEST_FORMAT: u32 = 1;
/// The file that names all others.
const MANIFEST: &str = "manifest.json";
/// Bytes of a manifest: some hundred thousand segments.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// Bytes of the name of a file in a backup.
const NAME_BYTES_MAX: usize = 64;
/// What a segment's file ends with.
const SEGMENT_SUFFIX: &str = ".segment";
/// How the catalog of a backup is named: this, its checksum, and the suffix.
const CATALOG_PREFIX: &str = "catalog-";
const CATALOG_SUFFIX: &str = ".sqlite";
/// What is added to a file's name until it is whole.
const PARTIAL_SUFFIX: &str = ".partial";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this description.
    pub(crate) format: u32,
    /// When it was made.
    pub made: Timestamp,
    /// The `seq` behind the last event in it.
    pub next_seq: u64,
    /// The catalog; its name carries its checksum.
    pub catalog: StoredFile,
    /// The segments, the lowest `seq` first.
    pub segments: Vec<StoredFile>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

impl Manifest {
    /// Reads and checks one.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BackupError> {
        let bad = |reason: String| {
            BackupError::Damage(Damage { file: MANIFEST.to_owned(), place: "the whole".to_owned(), reason })
        };
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if head.format > MANIFEST_FORMAT {
            return Err(BackupError::Newer(head.format));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        // A name becomes part of a path when the backup is restored.
        if let Some(file) = manifest.files().find(|file| !is_file_name(&file.name)) {
            return Err(bad(format!("`{}` is no name of a file in a backup", file.name)));
        }
        Ok(manifest)
    }

    /// Every file but the manifest itself.
    pub fn files(&self) -> impl Iterator<Item = &StoredFile> {
        std::iter::once(&self.catalog).chain(&self.segments)
    }
}

fn is_file_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let is_known = name.ends_with(SEGMENT_SUFFIX)
        || (name.starts_with(CATALOG_PREFIX) && name.ends_with(CATALOG_SUFFIX));
    is_known && name.len() <= NAME_BYTES_MAX && !name.starts_with('.') && name.bytes().all(is_plain)
}

/// The name of a catalog with that checksum.
fn catalog_name(checksum: u64) -> String {
    format!("{CATALOG_PREFIX}{checksum:016x}{CATALOG_SUFFIX}")
}

/// Why a backup was not made or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The operating system refused something.
    #[error("cannot {what}: {error}")]
    Io {
        /// What was tried, and on which file.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The catalog could not be copied.
    #[error("{0}")]
    Catalog(String),
    /// A running server has the directory.
    #[error("the data directory {} is in use: back it up through the server (--url), or stop it", .0.display())]
    InUse(std::path::PathBuf),
    /// Something of it is damaged or missing.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// It was made by a newer program.
    #[error(
        "the backup has format {0}, this program understands format {MANIFEST_FORMAT}: use the newer program"
    )]
    Newer(u32),
    /// What was restored cannot be right; it was removed again.
    #[error("the backup is damaged in {} places, the first: {}; nothing was restored", .0.len(), first(.0))]
    Unsound(Vec<Damage>),
    /// The directory to restore to has something in it.
    #[error("{} is not empty: restore to a new or empty directory", .0.display())]
    NotEmpty(std::path::PathBuf),
}

fn first(damages: &[Damage]) -> String {
    damages.first().map(ToString::to_string).unwrap_or_default()
}

impl From<CatalogError> for BackupError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error.to_string())
    }
}

/// Turns an error of the system into one that says what was tried.
fn cannot(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> BackupError {
    let what = what.into();
    move |error| BackupError::Io { what, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_directory() {
        for good in ["0123456789abcdef.segment", "catalog-0123456789abcdef.sqlite"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in
            ["../x.segment", "a/b.segment", ".segment", "x", "catalog.sqlite", "manifest.json", "ä.segment"]
        {
            assert!(!is_file_name(bad), "{bad}");
        }
        assert!(!is_file_name(&format!("{}.segment", "0".repeat(60))));
    }

    #[test]
    fn manifests_of_newer_programs_are_refused_by_number() {
        let error = Manifest::read(br#"{"format":9,"parts":[]}"#).unwrap_err();
        assert!(error.to_string().contains("format 9"), "{error}");
        assert!(matches!(Manifest::read(b"{"), Err(BackupError::Damage(_))));
    }
}
