//! Events as aligned columns for people.
//!
//! Widths are those of the first page, so that the rest can be written as it comes. Names come from whoever sent the
//! events, so nothing in them may steer the terminal.

use std::io::{self, IsTerminal, Write};

use serde_json::{Value, value::RawValue};

use super::{EventWriter, Style, cell, one_line, size};

/// Characters of a column at most; what is longer ends in `…`.
const COLUMN_CHARACTERS_MAX: usize = 40;
/// Characters between columns.
const GAP: usize = 2;

/// A column: its heading, the paths of which the first that is there is shown, and how wide it is where its events are
/// not known yet.
struct Column {
    heading: &'static str,
    paths: &'static [&'static str],
    usual: usize,
}

/// What is asked for most comes first: a narrow terminal shows the beginning of a line.
const COLUMNS: [Column; 8] = [
    Column { heading: "TIME", paths: &["time"], usual: 24 },
    Column { heading: "SOURCE", paths: &["source"], usual: 12 },
    Column { heading: OUTCOME, paths: &["outcome"], usual: 7 },
    Column { heading: "TYPE", paths: &["type"], usual: 24 },
    Column { heading: "ACTOR", paths: &["actor.name", "actor.id", "actor.type"], usual: 20 },
    Column { heading: "TARGET", paths: &["target.name", "target.id"], usual: 24 },
    Column { heading: "TARGET TYPE", paths: &["target.type"], usual: 11 },
    Column { heading: "ORGANIZATION", paths: &["organization.name", "organization.id"], usual: 16 },
];

/// The column that is coloured by what it says.
const OUTCOME: &str = "OUTCOME";
/// Paths of ids, which say less to people than names: they are dim.
const ID: &str = ".id";

/// Writes a line of headings, then one line per event.
pub(super) struct TableWriter<'w> {
    sink: Box<dyn Write + 'w>,
    colours: bool,
    /// Known after the first page.
    widths: Option<[usize; COLUMNS.len()]>,
    headed: bool,
    /// Characters of a line at most: what goes on for ever is read as it runs by, one line an event.
    line_characters_max: usize,
}

/// What stands in one column, and how.
struct Cell {
    text: String,
    style: Option<Style>,
}

impl<'w> TableWriter<'w> {
    pub(super) fn new(sink: Box<dyn Write + 'w>, colours: bool, endless: bool) -> Self {
        let widths = endless.then(|| COLUMNS.map(|column| column.usual.max(column.heading.len())));
        let line_characters_max =
            if endless && io::stdout().is_terminal() { size::columns() } else { usize::MAX };
        Self { sink, colours, widths, headed: false, line_characters_max }
    }

    fn line(&mut self, cells: &[Cell], widths: &[usize]) -> io::Result<()> {
        let last = cells.len().saturating_sub(1);
        let mut room = self.line_characters_max;
        for (position, (Cell { text, style }, width)) in cells.iter().zip(widths).enumerate() {
            if room == 0 {
                break;
            }
            let text = one_line(text, room);
            let used = text.chars().count();
            match style.filter(|_| self.colours) {
                Some(style) => write!(self.sink, "{}", style.on(text))?,
                None => write!(self.sink, "{text}")?,
            }
            room -= used;
            let gap = if position == last { 0 } else { width.saturating_sub(used) + GAP };
            let gap = gap.min(room);
            write!(self.sink, "{:gap$}", "")?;
            room -= gap;
        }
        writeln!(self.sink)
    }
}

impl EventWriter for TableWriter<'_> {
    fn write(&mut self, events: &[&RawValue]) -> io::Result<()> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let event: Value = serde_json::from_str(event.get())?;
            rows.push(COLUMNS.map(|column| shown(&event, &column)));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let widths = self.widths.unwrap_or_else(|| {
            let mut widths = COLUMNS.map(|column| column.heading.len());
            for row in &rows {
                for (width, cell) in widths.iter_mut().zip(row) {
                    *width = (*width).max(cell.text.chars().count());
                }
            }
            widths
        });
        self.widths = Some(widths);
        if !self.headed {
            self.headed = true;
            let headings =
                COLUMNS.map(|column| Cell { text: column.heading.to_owned(), style: Some(Style::Bold) });
            self.line(&headings, &widths)?;
        }
        for row in rows {
            self.line(&row, &widths)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// The first of a column's fields that says something, fit for one line of a terminal.
fn shown(event: &Value, column: &Column) -> Cell {
    let found = column.paths.iter().map(|path| (*path, cell(event, path))).find(|(_, text)| !text.is_empty());
    let (path, text) = found.unwrap_or_default();
    let style = match &*text {
        outcome if column.heading == OUTCOME => Style::of_outcome(outcome),
        _ => path.ends_with(ID).then_some(Style::Dim),
    };
    Cell { text: one_line(&text, COLUMN_CHARACTERS_MAX), style }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(colours: bool, events: &[Value]) -> String {
        let events: Vec<Box<RawValue>> =
            events.iter().map(|event| RawValue::from_string(event.to_string()).unwrap()).collect();
        let events: Vec<&RawValue> = events.iter().map(AsRef::as_ref).collect();
        let mut out = Vec::new();
        let mut writer = TableWriter::new(Box::new(&mut out), colours, false);
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
        assert!(table.contains("\u{1b}[31mfailure\u{1b}[0m"), "{table:?}");
    }

    #[test]
    fn ids_are_dim_and_names_are_not() {
        let table =
            written(true, &[serde_json::json!({"actor": {"id": "7"}, "target": {"id": "8", "name": "n"}})]);
        assert!(table.contains("\u{1b}[2m7\u{1b}[0m") && !table.contains("\u{1b}[2mn"), "{table:?}");
    }

    #[test]
    fn an_endless_table_has_its_widths_before_its_events() {
        let mut out = Vec::new();
        let mut writer = TableWriter::new(Box::new(&mut out), false, true);
        for kind in ["a", "audit.app.create"] {
            let event = serde_json::json!({"type": kind, "outcome": "success"}).to_string();
            writer.write(&[&RawValue::from_string(event).unwrap()]).unwrap();
        }
        drop(writer);
        let table = String::from_utf8(out).unwrap();
        let places: Vec<_> = table.lines().map(|l| l.find("success").or_else(|| l.find("OUTCOME"))).collect();
        assert_eq!(places.len(), 3);
        assert!(places[0].is_some() && places.iter().all(|place| *place == places[0]), "{table}");
    }

    #[test]
    fn a_line_ends_where_the_terminal_does() {
        let event = serde_json::json!({"time": "2026-01-31T00:00:00Z", "source": "s", "outcome": "failure"})
            .to_string();
        for most in 1..60 {
            let mut out = Vec::new();
            let mut writer = TableWriter::new(Box::new(&mut out), false, true);
            writer.line_characters_max = most;
            writer.write(&[&RawValue::from_string(event.clone()).unwrap()]).unwrap();
            drop(writer);
            let table = String::from_utf8(out).unwrap();
            assert_eq!(table.lines().count(), 2);
            assert!(table.lines().all(|line| line.chars().count() == most), "{most}: {table}");
        }
    }

    #[test]
    fn no_event_is_no_line() {
        assert_eq!(written(false, &[]), "");
    }
}
