//! `annals verify`: checks the data directory of a stopped server, or a backup, and names everything that is wrong.

use std::process::ExitCode;

use annals_store::{BackupSource, Damage, Depth, Inspection, inspect_backup, inspect_directory};
use serde_json::json;

use super::backup::refused;
use crate::{
    cli::VerifyArgs,
    failure::{self, Failure},
    output,
};

pub(super) fn run(arguments: &VerifyArgs) -> Result<ExitCode, Failure> {
    let depth = if arguments.checksums_only { Depth::Checksums } else { Depth::Everything };
    let bar = output::progress_bytes("verify", None);
    let mut progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let found = match (&arguments.data_dir, &arguments.backup) {
        (Some(data_dir), _) => inspect_directory(data_dir, depth, &mut progress),
        (None, Some(backup)) => {
            BackupSource::open(backup).and_then(|source| inspect_backup(&source, depth, &mut progress))
        }
        (None, None) => {
            return Err(Failure::Usage(
                "say what to check: --data-dir DIRECTORY or --backup PATH".to_owned(),
            ));
        }
    };
    bar.finish_and_clear();
    let found = found.map_err(|error| refused(&error))?;
    if arguments.json {
        output::print(&format!("{}\n", report(&found)))?;
    } else {
        for note in &found.notes {
            output::note(note);
        }
        for damage in &found.damages {
            output::print(&format!("{}\n", output::printable(&line(damage))))?;
        }
        output::print(&summary(&found))?;
    }
    Ok(if found.damages.is_empty() { ExitCode::SUCCESS } else { failure::incomplete() })
}

/// One damage in a line.
pub(super) fn line(damage: &Damage) -> String {
    format!("damaged: {}, {}: {}", damage.file, damage.place, damage.reason)
}

fn summary(found: &Inspection) -> String {
    let verdict = match found.damages.len() {
        0 => "everything is as it was written".to_owned(),
        1 => "1 damage".to_owned(),
        count => format!("{count} damages"),
    };
    format!(
        "{} events in {} segments of {} bytes, {} rows with {} events in the log: {verdict}\n",
        output::grouped(found.events),
        output::grouped(found.segments),
        output::grouped(found.segment_bytes),
        output::grouped(found.log_rows),
        output::grouped(found.log_events),
    )
}

fn report(found: &Inspection) -> serde_json::Value {
    let damages: Vec<_> = found
        .damages
        .iter()
        .map(|damage| json!({ "file": damage.file, "place": damage.place, "reason": damage.reason }))
        .collect();
    json!({
        "ok": found.damages.is_empty(),
        "events": found.events,
        "segments": found.segments,
        "segment_bytes": found.segment_bytes,
        "log_rows": found.log_rows,
        "log_events": found.log_events,
        "next_seq": found.next_seq,
        "damages": damages,
        "notes": found.notes,
    })
}
