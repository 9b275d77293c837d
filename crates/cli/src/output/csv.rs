//! Events as comma-separated values. How a line is written, and what makes it safe to open in a spreadsheet, is the
//! server's: a table is the same wherever it comes from.

use std::io::{self, Write};

use annals_model::Event;
use annals_server::export::csv;
use serde_json::value::RawValue;

use super::EventWriter;

/// Writes a line of names, then one line per event.
pub(super) struct CsvWriter<'w> {
    sink: Box<dyn Write + 'w>,
    line: Vec<u8>,
    named: bool,
}

impl<'w> CsvWriter<'w> {
    pub(super) fn new(sink: Box<dyn Write + 'w>) -> Self {
        Self { sink, line: Vec::new(), named: false }
    }
}

impl EventWriter for CsvWriter<'_> {
    fn write(&mut self, events: &[&RawValue]) -> io::Result<()> {
        self.line.clear();
        if !self.named {
            self.named = true;
            csv::write_names(&mut self.line);
        }
        for event in events {
            let event = Event::from_answer(event.get().as_bytes()).map_err(io::Error::other)?;
            csv::write_event(&event, &mut self.line);
        }
        self.sink.write_all(&self.line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write(&[])?;
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_below_the_names() {
        let event = r#"{"id":"00000000-0000-0000-0000-000000000001","seq":7,"time":"2026-03-01T10:00:00Z",
            "recorded":"2026-03-01T10:00:01Z","source":"native","type":"=a","action":"a","outcome":"success"}"#;
        let event = RawValue::from_string(event.to_owned()).unwrap();
        for (events, lines) in [(vec![], 1), (vec![&*event, &*event], 3)] {
            let mut out = Vec::new();
            let mut writer = CsvWriter::new(Box::new(&mut out));
            writer.write(&events).unwrap();
            writer.finish().unwrap();
            drop(writer);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.lines().count(), lines);
            assert!(text.starts_with("id,seq,time,"));
            assert_eq!(
                text.contains(",7,2026-03-01T10:00:00Z,2026-03-01T10:00:01Z,native,,'=a,a,success,"),
                lines > 1
            );
        }
    }
}
