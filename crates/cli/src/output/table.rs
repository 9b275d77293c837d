//! Events as aligned columns for people.
//!
//! Widths are those of the first page, so that the rest can be written as it comes. Names come from whoever sent the
//! events, so nothing in them may steer the terminal.

use std::io::{self, Write};

use serde_json::{Value, value::RawValue};

use super::{EventWriter, cell, printable};

/// Characters of a column at most; what is longer ends in `…`.
const COLUMN_CHARACTERS_MAX: usize = 40;
/// Characters between columns.
const GAP: &str = "  ";

/// A column: its heading, and the paths of which the first that is there is shown.
struct Column {
    heading: &'static str,
    paths: &'static [&'static str],
}

const COLUMNS: [Column; 8] = [
    Column { heading: "TIME", paths: &["time"] },
    Column { heading: "SOURCE", paths: &["source"] },
    Column { heading: "ORGANIZATION", paths: &["organization.name", "organization.id"] },
    Column { heading: "TYPE", paths: &["type"] },
    Column { heading: OUTCOME, paths: &["outcome"] },
    Column { heading: "ACTOR", paths: &["actor.name", "actor.id", "actor.type"] },
    Column { heading: "TARGET", paths: &["target.name", "target.id"] },
    Column { heading: "TARGET TYPE", paths: &["target.type"] },
];

/// The column that is coloured.
const OUTCOME: &str = "OUTCOME";

const BOLD: &str = "\u{1b}[1m";
const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
const PLAIN: &str = "\u{1b}[0m";

/// Writes a line of headings, then one line per event.
pub(super) struct TableWriter<'w> {
    sink: Box<dyn Write + 'w>,
    colours: bool,
    /// Known after the first page.
    widths: Option<[usize; COLUMNS.len()]>,
}

impl<'w> TableWriter<'w> {
    pub(super) fn new(sink: Box<dyn Write + 'w>, colours: bool) -> Self {
        Self { sink, colours, widths: None }
    }

    fn line(
        &mut self,
        cells: &[String],
        widths: &[usize],
        colour: impl Fn(usize) -> Option<&'static str>,
    ) -> io::Result<()> {
        let last = cells.len().saturating_sub(1);
        for (position, (text, width)) in cells.iter().zip(widths).enumerate() {
            let padding = if position == last { 0 } else { width.saturating_sub(text.chars().count()) };
            match colour(position).filter(|_| self.colours) {
                Some(code) => write!(self.sink, "{code}{text}{PLAIN}")?,
                None => write!(self.sink, "{text}")?,
            }
            let gap = if position == last { "" } else { GAP };
            write!(self.sink, "{:padding$}{gap}", "")?;
        }
        writeln!(self.sink)
    }
}

impl EventWriter for TableWriter<'_> {
    fn write(&mut self, events: &[&RawValue]) -> io::Result<()> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let event: Value = serde_json::from_str(event.get())?;
            rows.push(COLUMNS.map(|column| shown(&event, column.paths)));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let widths = match self.widths {
            Some(widths) => widths,
            None => {
                let mut widths = COLUMNS.map(|column| column.heading.len());
                for row in &rows {
                    for (width, text) in widths.iter_mut().zip(row) {
                        *width = (*width).max(text.chars().count());
                    }
                }
                self.widths = Some(widths);
                let headings = COLUMNS.map(|column| column.heading.to_owned());
                self.line(&headings, &widths, |_| Some(BOLD))?;
                widths
            }
        };
        for row in rows {
            let colour = |position: usize| {
                let is_outcome = COLUMNS.get(position).is_some_and(|column| column.heading == OUTCOME);
                match row.get(position).map(String::as_str) {
                    Some("success") if is_outcome => Some(GREEN),
                    Some("failure") if is_outcome => Some(RED),
                    Some("pending") if is_outcome => Some(YELLOW),
                    _ => None,
                }
            };
            self.line(&row, &widths, colour)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// The first of these fields that says something, fit for one line of a terminal.
fn shown(event: &Value, paths: &[&str]) -> String {
    let text = paths.iter().map(|path| cell(event, path)).find(|text| !text.is_empty()).unwrap_or_default();
    let text = printable(&text).replace(['\n', '\t'], " ");
    if text.chars().count() <= COLUMN_CHARACTERS_MAX {
        return text;
    }
    let mut cut: String = text.chars().take(COLUMN_CHARACTERS_MAX - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(colours: bool, events: &[Value]) -> String {
        let events: Vec<Box<RawValue>> =
            events.iter().map(|event| RawValue::from_string(event.to_string()).unwrap()).collect();
        let events: Vec<&RawValue> = events.iter().map(AsRef::as_ref).collect();
        let mut out = Vec::new();
        let mut writer = TableWriter::new(Box::new(&mut out), colours);
        writer.write(&events).unwrap();
        writer.finish().unwrap();
        drop(writer);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_plain_without_colours() {
        let table = written(
            false,
            &[
                serde_json::json!({"time": "2026-01-31T00:00:00Z", "type": "a", "outcome": "success"}),
                serde_json::json!({"time": "2026-01-31T00:00:00.123Z", "type": "audit.app.create", "outcome": "failure",
                    "actor": {"id": "7"}, "target": {"name": "n".repeat(50), "type": "app"}}),
            ],
        );
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("TIME "), "{table}");
        assert_eq!(lines[0].find("OUTCOME"), lines[2].find("failure"), "{table}");
        assert_eq!(lines[1].find("success"), lines[2].find("failure"), "{table}");
        assert!(lines[2].contains(&format!("{}…", "n".repeat(39))), "{table}");
        assert!(!table.contains('\u{1b}'));
    }

    #[test]
    fn events_cannot_steer_the_terminal() {
        let table = written(true, &[serde_json::json!({"outcome": "failure", "type": "x\u{1b}[2J\ny"})]);
        assert!(table.contains("x\u{fffd}[2J y"), "{table:?}");
        assert!(table.contains(&format!("{RED}failure{PLAIN}")), "{table:?}");
    }

    #[test]
    fn no_event_is_no_line() {
        assert_eq!(written(false, &[]), "");
    }
}
