//! Events as comma-separated values (RFC 4180) that a spreadsheet opens without running anything.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return would be a formula to a spreadsheet; such a
//! cell gets a `'` in front (OWASP's advice on CSV injection). Whoever reads the file by program takes it off again
//! where it stands before one of these.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde_json::{Value, value::RawValue};

use super::{EventWriter, cell};

/// The columns, each the path of a field in the native JSON form.
const COLUMNS: [&str; 38] = [
    "id",
    "seq",
    "time",
    "recorded",
    "source",
    "source_id",
    "type",
    "action",
    "outcome",
    "status",
    "organization.id",
    "organization.name",
    "project.id",
    "project.name",
    "environment.id",
    "environment.name",
    "actor.type",
    "actor.id",
    "actor.name",
    "target.type",
    "target.id",
    "target.name",
    "part",
    "origin",
    "zone",
    "categories",
    "labels",
    "request.id",
    "request.method",
    "request.uri",
    "request.ip",
    "request.user_agent",
    "request.status",
    "request.elapsed_ms",
    "message",
    "before",
    "after",
    "data",
];

/// Writes a line of names, then one line per event.
pub(super) struct CsvWriter<'w> {
    writer: csv::Writer<Box<dyn Write + 'w>>,
    named: bool,
}

impl<'w> CsvWriter<'w> {
    pub(super) fn new(sink: Box<dyn Write + 'w>) -> Self {
        Self { writer: csv::Writer::from_writer(sink), named: false }
    }

    fn write_names(&mut self) -> io::Result<()> {
        if !self.named {
            self.named = true;
            self.writer.write_record(COLUMNS).map_err(into_io)?;
        }
        Ok(())
    }
}

impl EventWriter for CsvWriter<'_> {
    fn write(&mut self, events: &[&RawValue]) -> io::Result<()> {
        self.write_names()?;
        for event in events {
            let event: Value = serde_json::from_str(event.get())?;
            let cells = COLUMNS.iter().map(|path| safe(cell(&event, path)).into_owned());
            self.writer.write_record(cells).map_err(into_io)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write_names()?;
        self.writer.flush()
    }
}

/// The error of the sink as it was, so that a broken pipe stays one.
fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A cell that no spreadsheet takes for a formula.
fn safe(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { Cow::Owned(format!("'{text}")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(events: &[&str]) -> Vec<csv::StringRecord> {
        let events: Vec<Box<RawValue>> =
            events.iter().map(|text| RawValue::from_string((*text).to_owned()).unwrap()).collect();
        let events: Vec<&RawValue> = events.iter().map(AsRef::as_ref).collect();
        let mut out = Vec::new();
        let mut writer = CsvWriter::new(Box::new(&mut out));
        writer.write(&events).unwrap();
        writer.finish().unwrap();
        drop(writer);
        csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(out.as_slice())
            .records()
            .map(Result::unwrap)
            .collect()
    }

    fn column(name: &str) -> usize {
        COLUMNS.iter().position(|column| *column == name).unwrap()
    }

    #[test]
    fn formulas_are_defused() {
        for dangerous in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            let event = serde_json::json!({"message": dangerous}).to_string();
            let rows = written(&[&event]);
            assert_eq!(&rows[1][column("message")], format!("'{dangerous}"));
        }
        for harmless in ["a=1", "", "'", "1-2"] {
            let event = serde_json::json!({"message": harmless}).to_string();
            assert_eq!(&written(&[&event])[1][column("message")], harmless);
        }
    }

    #[test]
    fn every_shape_of_value_has_its_cell() {
        let rows = written(&[
            r#"{"id":"i","actor":{"name":"a, \"b\"\nc"},"categories":["x","y"],"labels":{"k":"v"},"data":{"n":1.0},
                "request":{"status":404}}"#,
        ]);
        assert_eq!(rows.len(), 2);
        let cell = |name| &rows[1][column(name)];
        assert_eq!(cell("actor.name"), "a, \"b\"\nc");
        assert_eq!(cell("categories"), r#"["x","y"]"#);
        assert_eq!(cell("labels"), r#"{"k":"v"}"#);
        assert_eq!(cell("data"), r#"{"n":1.0}"#);
        assert_eq!(cell("request.status"), "404");
        assert_eq!(cell("target.id"), "");
    }

    #[test]
    fn no_event_is_still_a_table() {
        assert_eq!(written(&[]).len(), 1);
    }
}
