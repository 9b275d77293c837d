//! Everything the command line prints. Results go to stdout, everything else to stderr; nothing else in this crate
//! writes to either.

mod csv;
mod json;
mod pager;
pub(crate) mod size;
mod style;
mod table;
mod unsteered;

use std::{
    borrow::Cow,
    io::{self, BufWriter, IsTerminal, Write},
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, value::RawValue};

pub(crate) use pager::Pager;
pub(crate) use style::{Style, When};
pub(crate) use unsteered::unsteered;

/// Bytes of output that are gathered before they are written.
const OUTPUT_BUFFER_BYTES: usize = 64 << 10;
/// How often a progress line is drawn.
const PROGRESS_PER_SECOND: u8 = 5;

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns for people; the default on a terminal
    Table,
    /// One JSON array
    Json,
    /// One event in JSON per line; the default when not on a terminal
    Ndjson,
    /// Comma-separated values with a line of names, safe to open in a spreadsheet
    Csv,
}

impl Format {
    /// What fits where the output goes.
    pub(crate) fn of_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Table } else { Self::Ndjson }
    }
}

/// Writes events one after the other, in constant memory.
pub(crate) trait EventWriter {
    /// Writes some events, each in its native JSON form.
    fn write(&mut self, events: &[&RawValue]) -> io::Result<()>;

    /// Hands on what was written so far.
    fn flush(&mut self) -> io::Result<()>;

    /// Writes what comes after the last event.
    fn finish(&mut self) -> io::Result<()>;
}

/// A writer of that format. The widths of a table's columns are those of the first events, or where these come one by
/// one and without end, what usually suits.
pub(crate) fn event_writer<'w>(
    format: Format,
    sink: Box<dyn Write + 'w>,
    colours: bool,
    endless: bool,
) -> Box<dyn EventWriter + 'w> {
    // A table replaces control characters itself, and has colours.
    let sink = if format == Format::Table { sink } else { unsteered(sink) };
    match format {
        Format::Table => Box::new(table::TableWriter::new(sink, colours, endless)),
        Format::Json => Box::new(json::ArrayWriter::new(sink)),
        Format::Ndjson => Box::new(json::LinesWriter::new(sink)),
        Format::Csv => Box::new(csv::CsvWriter::new(sink)),
    }
}

/// The text of the field at a dotted path of an event; lists and objects in JSON, nothing for what is absent.
fn cell<'e>(event: &'e Value, path: &str) -> Cow<'e, str> {
    let value = path.split('.').try_fold(event, |value, key| value.get(key));
    match value {
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(other) => Cow::Owned(other.to_string()),
    }
}

/// Stdout, buffered.
pub(crate) fn stdout() -> Box<dyn Write> {
    Box::new(BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, io::stdout().lock()))
}

/// Writes a text to stdout as it is.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line to stderr. That nobody reads stderr is no reason to fail.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(line));
}

/// A text with every control character that could steer a terminal replaced; line ends and tabs stay.
pub(crate) fn printable(text: &str) -> String {
    let steers = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    text.chars().map(|character| if steers(character) { '\u{fffd}' } else { character }).collect()
}

/// A text fit for one line of a terminal; what has more than so many characters ends in `…`.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let text = printable(text).replace(['\n', '\t'], " ");
    if text.chars().count() <= most {
        return text;
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A progress line on stderr that counts things, drawn only when that is a terminal.
pub(crate) fn progress(what: &str, total: Option<u64>) -> ProgressBar {
    let template = if total.is_some() {
        "{prefix} {bar:30} {human_pos}/{human_len} {per_sec} {msg}"
    } else {
        "{prefix} {human_pos} {per_sec} {msg}"
    };
    bar(what, total, template)
}

/// No progress line, where one would be in the way.
pub(crate) fn no_progress() -> ProgressBar {
    ProgressBar::hidden()
}

/// A progress line on stderr that counts bytes, drawn only when that is a terminal.
pub(crate) fn progress_bytes(what: &str, total: Option<u64>) -> ProgressBar {
    let template = if total.is_some() {
        "{prefix} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {msg}"
    } else {
        "{prefix} {binary_bytes} {binary_bytes_per_sec} {msg}"
    };
    bar(what, total, template)
}

fn bar(what: &str, total: Option<u64>, template: &str) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(PROGRESS_PER_SECOND)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(total, target);
    // The templates are constants; should one be wrong, the library's own style will do.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what.to_owned());
    bar
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_thousands() {
        for (number, text) in [
            (0, "0"),
            (12, "12"),
            (123, "123"),
            (1_234, "1,234"),
            (12_345, "12,345"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}c\r\td\n"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}\td\n");
    }
}
