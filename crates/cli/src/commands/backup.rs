//! `annals backup`: a consistent copy of everything, of a running server or of a stopped one's data directory, into one
//! archive or into a directory that is brought up to date.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use annals_model::{Clock, SystemClock};
use annals_store::{BackupDirectory, BackupError, BackupSource, Depth, Manifest, Snapshot, inspect_backup};
use serde_json::json;

use super::verify;
use crate::{
    cli::BackupArgs,
    client::Client,
    failure::{self, Failure},
    output,
};

/// Where a running server makes backups.
const PATH: &str = "/api/v1/admin/backup";
/// What is added to the file's name until it is whole.
const PARTIAL_SUFFIX: &str = ".partial";

pub(super) fn refused(error: &BackupError) -> Failure {
    Failure::Refused(error.to_string())
}

pub(super) fn run(arguments: &BackupArgs) -> Result<ExitCode, Failure> {
    match (&arguments.out, &arguments.to) {
        (Some(file), _) => to_file(arguments, file),
        (None, Some(directory)) => to_directory(arguments, directory),
        (None, None) => Err(Failure::Usage("say where to: --out FILE or --to DIRECTORY".to_owned())),
    }
}

/// Has an archive written to `take`, without the segments in `have`.
fn fetch<T>(
    arguments: &BackupArgs,
    have: &BTreeSet<String>,
    take: impl FnOnce(&mut dyn Read) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let bar = output::progress_bytes("backup", None);
    let taken = match &arguments.data_dir {
        None => {
            let body = json!({ "have": have }).to_string();
            let answer = Client::new(&arguments.connection)?.post_for_stream(PATH, body.as_bytes())?;
            let answer = answer.map_err(|refusal| Failure::Refused(refusal.to_string()))?;
            take(&mut bar.wrap_read(answer))
        }
        Some(data_dir) => {
            let snapshot =
                Snapshot::of_stopped(data_dir, SystemClock.now()).map_err(|error| refused(&error))?;
            let (reader, writer) =
                io::pipe().map_err(|error| Failure::Refused(format!("cannot make a pipe: {error}")))?;
            std::thread::scope(|scope| {
                let writing = scope.spawn(|| snapshot.write(have, io::BufWriter::new(writer)));
                let taken = take(&mut bar.wrap_read(reader));
                let written =
                    writing.join().unwrap_or_else(|_| Err(io::Error::other("the archive broke off")));
                // What could not be read says more than that the archive broke off.
                match written {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                        Err(Failure::Refused(format!("cannot read {}: {error}", data_dir.display())))
                    }
                    _ => taken,
                }
            })
        }
    };
    bar.finish_and_clear();
    taken
}

fn to_file(arguments: &BackupArgs, path: &Path) -> Result<ExitCode, Failure> {
    let partial = {
        let mut name = path.as_os_str().to_owned();
        name.push(PARTIAL_SUFFIX);
        PathBuf::from(name)
    };
    let bad = |error: io::Error| Failure::Refused(format!("cannot write {}: {error}", partial.display()));
    let mut file = File::create(&partial).map_err(bad)?;
    fetch(arguments, &BTreeSet::new(), |archive| copy(archive, &mut file, &partial))?;
    file.sync_all().map_err(bad)?;
    let source = BackupSource::open(&partial).map_err(|error| refused(&error))?;
    let checked = check(&source)?;
    if checked != ExitCode::SUCCESS {
        return Ok(checked);
    }
    fs::rename(&partial, path).map_err(bad)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(bad)?;
    report(source.manifest(), path);
    Ok(ExitCode::SUCCESS)
}

/// Copies the archive and tells whose fault it is when that ends early.
fn copy(from: &mut dyn Read, to: &mut File, path: &Path) -> Result<(), Failure> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = from
            .read(&mut buffer)
            .map_err(|error| Failure::Unreachable(format!("the archive broke off: {error}")))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        to.write_all(bytes)
            .map_err(|error| Failure::Refused(format!("cannot write {}: {error}", path.display())))?;
    }
}

fn to_directory(arguments: &BackupArgs, path: &Path) -> Result<ExitCode, Failure> {
    let directory = BackupDirectory::open(path).map_err(|error| match error {
        BackupError::NotEmpty(_) => Failure::Refused(format!(
            "{} holds other files than a backup: give a new directory, or one of an earlier backup",
            path.display()
        )),
        error => refused(&error),
    })?;
    let manifest = fetch(arguments, directory.have(), |archive| {
        directory.receive(archive).map_err(|error| refused(&error))
    })?;
    let sent = manifest.segments.iter().filter(|segment| !directory.have().contains(&segment.name)).count();
    report(&manifest, path);
    output::note(&format!("{sent} of {} segments were new", manifest.segments.len()));
    Ok(ExitCode::SUCCESS)
}

/// Checks every checksum of an archive that was just written.
fn check(source: &BackupSource) -> Result<ExitCode, Failure> {
    let found = inspect_backup(source, Depth::Checksums, &mut |_, _| {}).map_err(|error| refused(&error))?;
    for damage in &found.damages {
        output::note(&verify::line(damage));
    }
    Ok(if found.damages.is_empty() { ExitCode::SUCCESS } else { failure::incomplete() })
}

fn report(manifest: &Manifest, path: &Path) {
    let bytes: u64 = manifest.files().map(|file| file.bytes).sum();
    output::note(&format!(
        "{}: {} segments and the log up to seq {}, {} bytes",
        path.display(),
        manifest.segments.len(),
        manifest.next_seq.saturating_sub(1),
        output::grouped(bytes)
    ));
}
