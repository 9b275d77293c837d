//! From a backup to a data directory. The catalog gets its name last, when everything it lists was found to be whole.

use std::{
    fs::{self, File},
    path::Path,
};

use super::{BackupError, BackupSource, Manifest, cannot, source::write_file};
use crate::{
    files::{Files, SystemFiles},
    inspect::{Contents, Depth, Inspection},
    shared::{CATALOG, LOCK, SEGMENTS},
};

/// The catalog's name until everything was checked.
const CATALOG_UNCHECKED: &str = "catalog.restoring";

/// Makes a data directory of a backup: new, or empty but for `lost+found`. All checksums are checked on what was
/// written before it counts as restored.
///
/// # Errors
/// When the directory is not empty, something cannot be written, or the backup is damaged. Nothing stays behind then.
pub fn restore(
    source: &BackupSource,
    data_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, BackupError> {
    let read = || cannot(format!("read {}", data_dir.display()));
    let is_new = !data_dir.exists();
    if !is_new {
        for entry in fs::read_dir(data_dir).map_err(read())? {
            if entry.map_err(read())?.file_name() != "lost+found" {
                return Err(BackupError::NotEmpty(data_dir.to_owned()));
            }
        }
    }
    let restored = write(source, data_dir, progress);
    if restored.is_err() {
        // The backup is still there; half a data directory would only be mistaken for a whole one.
        for name in [CATALOG_UNCHECKED, LOCK] {
            let _ = fs::remove_file(data_dir.join(name));
        }
        let _ = fs::remove_dir_all(data_dir.join(SEGMENTS));
        if is_new {
            let _ = fs::remove_dir(data_dir);
        }
    }
    restored
}

fn write(
    source: &BackupSource,
    data_dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, BackupError> {
    let manifest = source.manifest();
    let segments = data_dir.join(SEGMENTS);
    fs::create_dir_all(&segments).map_err(cannot(format!("make {}", segments.display())))?;
    // No server starts on it meanwhile.
    let path = data_dir.join(LOCK);
    let lock = SystemFiles.lock(&path).map_err(cannot(format!("lock {}", path.display())))?;
    let _lock = lock.ok_or_else(|| BackupError::InUse(data_dir.to_owned()))?;
    let total = manifest.files().map(|file| file.bytes).sum::<u64>() * 2;
    let mut done = 0;
    for segment in &manifest.segments {
        write_file(&segments.join(&segment.name), &source.contents(&segment.name)?)?;
        done += segment.bytes;
        progress(done, total);
    }
    let catalog = data_dir.join(CATALOG_UNCHECKED);
    source.write_catalog(&catalog)?;
    let written = Contents::Directory(segments.clone());
    let (inspection, _) = Inspection::run(&catalog, &written, Depth::Checksums, &mut |checked, _| {
        progress(done + checked, total);
    });
    if !inspection.damages.is_empty() {
        return Err(BackupError::Unsound(inspection.damages));
    }
    let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
    let ended = sync(&segments)
        .and_then(|()| sync(&catalog))
        .and_then(|()| fs::rename(&catalog, data_dir.join(CATALOG)))
        .and_then(|()| sync(data_dir))
        .and_then(|()| data_dir.canonicalize()?.parent().map_or(Ok(()), sync));
    ended.map_err(cannot(format!("finish {}", data_dir.display())))?;
    Ok(manifest.clone())
}
