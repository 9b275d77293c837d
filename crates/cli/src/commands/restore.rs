//! `annals restore`: makes a data directory of a backup.

use std::process::ExitCode;

use annals_store::{BackupSource, restore};

use super::backup::refused;
use crate::{cli::RestoreArgs, failure::Failure, output};

pub(super) fn run(arguments: &RestoreArgs) -> Result<ExitCode, Failure> {
    let source = BackupSource::open(&arguments.backup).map_err(|error| refused(&error))?;
    let bar = output::progress_bytes("restore", None);
    let restored = restore(&source, &arguments.data_dir, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let manifest = restored.map_err(|error| refused(&error))?;
    output::note(&format!(
        "{}: {} segments and the log up to seq {}, as of {}; all checksums are right",
        arguments.data_dir.display(),
        manifest.segments.len(),
        manifest.next_seq.saturating_sub(1),
        manifest.made
    ));
    Ok(ExitCode::SUCCESS)
}
