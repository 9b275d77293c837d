//! `annals export`: writes every matching event, oldest first. A file appears under its name only when it is whole.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::walk::Walk;
use crate::{
    cli::{ExportArgs, ExportFormat, Order},
    client::Client,
    failure::Failure,
    output::{self, Format},
};

/// What is added to the file's name until it is whole.
const PARTIAL_SUFFIX: &str = ".partial";

pub(super) fn run(arguments: &ExportArgs) -> Result<ExitCode, Failure> {
    let client = Client::new(&arguments.connection)?;
    let walk = Walk::new(&client, &arguments.selection, Order::Asc, true)?;
    let format = match arguments.format {
        ExportFormat::Ndjson => Format::Ndjson,
        ExportFormat::Csv => Format::Csv,
    };
    let written = match &arguments.output {
        None => write(&walk, format, output::stdout())?,
        Some(path) => {
            let partial = partial_name(path);
            let bad =
                |error: io::Error| Failure::Refused(format!("cannot write {}: {error}", partial.display()));
            let file = File::create(&partial).map_err(bad)?;
            let written = write(&walk, format, Box::new(BufWriter::new(&file)))?;
            file.sync_all().map_err(bad)?;
            fs::rename(&partial, path).map_err(bad)?;
            written
        }
    };
    output::note(&format!("{} events written", output::grouped(written)));
    Ok(ExitCode::SUCCESS)
}

fn write(walk: &Walk<'_>, format: Format, sink: Box<dyn Write + '_>) -> Result<u64, Failure> {
    let mut writer = output::event_writer(format, sink);
    let bar = output::progress("export", None);
    let mut written = 0;
    walk.run(u64::MAX, |events, total| {
        if let Some(total) = total {
            bar.set_message(format!("of {}", output::grouped(total)));
        }
        writer.write(events)?;
        written += events.len() as u64;
        bar.set_position(written);
        Ok(())
    })?;
    writer.finish()?;
    bar.finish_and_clear();
    Ok(written)
}

fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL_SUFFIX);
    name.into()
}
