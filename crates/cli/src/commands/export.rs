//! `annals export`: has the server write every matching event, oldest first. A file appears under its name only when it
//! is whole, and an answer that broke off is an error.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::walk::{Question, Walk};
use crate::{
    cli::{ExportArgs, ExportFormat, Order},
    client::Client,
    failure::Failure,
    output,
};

/// What is added to the file's name until it is whole.
const PARTIAL_SUFFIX: &str = ".partial";
/// Bytes of the answer that are read at once.
const PIECE_BYTES: usize = 64 << 10;

pub(super) fn run(arguments: &ExportArgs) -> Result<ExitCode, Failure> {
    if arguments.format == ExportFormat::Parquet && arguments.output.is_none() && io::stdout().is_terminal() {
        return Err(Failure::Usage("Parquet is not for a terminal: give --output FILE".to_owned()));
    }
    let client = Client::new(&arguments.connection)?;
    let question = Question::new(&arguments.selection)?.between(&arguments.times)?.order(Order::Asc);
    let written = match &arguments.output {
        None => write(
            &client,
            &question,
            arguments.format,
            output::unsteered(output::stdout()),
            io::stdout().is_terminal(),
        )?,
        Some(path) => {
            let partial = partial_name(path);
            let bad =
                |error: io::Error| Failure::Refused(format!("cannot write {}: {error}", partial.display()));
            let file = File::create(&partial).map_err(bad)?;
            let sink = Box::new(BufWriter::with_capacity(PIECE_BYTES, &file));
            let written = write(&client, &question, arguments.format, sink, false)
                .and_then(|written| {
                    file.sync_all().and_then(|()| fs::rename(&partial, path)).map_err(bad)?;
                    Ok(written)
                })
                // A part of a file is of no use to anybody. That it stays is no reason to hide why.
                .inspect_err(|_| drop(fs::remove_file(&partial)))?;
            sync_directory_of(path).map_err(bad)?;
            written
        }
    };
    output::note(&match written.events {
        Some(events) => format!("{} events written", output::grouped(events)),
        None => format!("{} bytes written", output::grouped(written.bytes)),
    });
    Ok(ExitCode::SUCCESS)
}

/// What was written; the events, where they can be counted in passing.
struct Written {
    bytes: u64,
    events: Option<u64>,
}

fn write(
    client: &Client,
    question: &Question,
    format: ExportFormat,
    mut sink: Box<dyn Write + '_>,
    to_terminal: bool,
) -> Result<Written, Failure> {
    let name = match format {
        ExportFormat::Ndjson => "ndjson",
        ExportFormat::Csv => "csv",
        ExportFormat::Parquet => "parquet",
    };
    let path = question.clone().and("format", name.to_owned()).path("/api/v1/export");
    let (mut answer, has_end) =
        client.get_stream(&path)?.map_err(|refusal| Failure::Refused(refusal.to_string()))?;
    if !has_end {
        return Err(Failure::Unreachable(
            "the answer does not tell where it ends, so that one cut short would look whole: is a proxy between?"
                .to_owned(),
        ));
    }
    let mut counter = Counter::of(format);
    let bar = match counter {
        // It would be drawn between the events.
        _ if to_terminal => output::no_progress(),
        Some(_) => output::progress("export", None),
        None => output::progress_bytes("export", None),
    };
    if !bar.is_hidden()
        && let Some(total) = total(client, question)?
    {
        bar.set_message(format!("of {} events", output::grouped(total)));
    }
    let (mut piece, mut bytes) = (vec![0; PIECE_BYTES], 0);
    loop {
        let read = match answer.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Failure::Unreachable(format!(
                    "the export broke off after {} bytes: {error}",
                    output::grouped(bytes)
                )));
            }
        };
        let piece = piece.get(..read).unwrap_or_default();
        sink.write_all(piece)?;
        bytes += read as u64;
        if let Some(counter) = &mut counter {
            counter.take(piece);
        }
        bar.set_position(counter.as_ref().map_or(bytes, Counter::events));
    }
    sink.flush()?;
    bar.finish_and_clear();
    Ok(Written { bytes, events: counter.as_ref().map(Counter::events) })
}

/// How many events there will be.
fn total(client: &Client, question: &Question) -> Result<Option<u64>, Failure> {
    let page = Walk::new(client, question.clone().with_total(), 1).next()?;
    Ok(page.and_then(|page| page.total()))
}

/// Counts the events in a file that passes by.
struct Counter {
    lines: u64,
    /// Lines that are no events.
    headings: u64,
    has_quotes: bool,
    /// Inside of quotation marks the end of a line is none.
    quoted: bool,
}

impl Counter {
    const fn of(format: ExportFormat) -> Option<Self> {
        match format {
            ExportFormat::Ndjson => Some(Self { lines: 0, headings: 0, has_quotes: false, quoted: false }),
            ExportFormat::Csv => Some(Self { lines: 0, headings: 1, has_quotes: true, quoted: false }),
            ExportFormat::Parquet => None,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        for byte in piece {
            match byte {
                b'"' if self.has_quotes => self.quoted = !self.quoted,
                b'\n' if !self.quoted => self.lines += 1,
                _ => {}
            }
        }
    }

    const fn events(&self) -> u64 {
        self.lines.saturating_sub(self.headings)
    }
}

fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL_SUFFIX);
    name.into()
}

/// Makes the new name of a file durable.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(format: ExportFormat, pieces: &[&str]) -> u64 {
        let mut counter = Counter::of(format).unwrap();
        pieces.iter().for_each(|piece| counter.take(piece.as_bytes()));
        counter.events()
    }

    #[test]
    fn events_are_counted_in_passing() {
        assert_eq!(count(ExportFormat::Ndjson, &[]), 0);
        assert_eq!(count(ExportFormat::Ndjson, &["{\"a\":\"\\\"\"}", "\n{}\n"]), 2);
        assert_eq!(count(ExportFormat::Csv, &["a,b\r\n"]), 0);
        assert_eq!(count(ExportFormat::Csv, &["a,b\r\n1,\"x\n", "\"\"y\n\"\r\n2,\r\n"]), 2);
    }
}
