//! Events as JSON: one array, or one event per line. Each event is written as the server sent it.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::EventWriter;

/// One JSON array, an event per line in it.
pub(super) struct ArrayWriter<'w> {
    sink: Box<dyn Write + 'w>,
    empty: bool,
}

impl<'w> ArrayWriter<'w> {
    pub(super) fn new(sink: Box<dyn Write + 'w>) -> Self {
        Self { sink, empty: true }
    }
}

impl EventWriter for ArrayWriter<'_> {
    fn write(&mut self, events: &[&RawValue]) -> io::Result<()> {
        for event in events {
            self.sink.write_all(if self.empty { b"[\n" } else { b",\n" })?;
            self.empty = false;
            self.sink.write_all(event.get().as_bytes())?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.sink.write_all(if self.empty { b"[]\n" } else { b"\n]\n" })?;
        self.sink.flush()
    }
}

/// One event per line: what `annals ingest` reads.
pub(super) struct LinesWriter<'w> {
    sink: Box<dyn Write + 'w>,
}

impl<'w> LinesWriter<'w> {
    pub(super) fn new(sink: Box<dyn Write + 'w>) -> Self {
        Self { sink }
    }
}

impl EventWriter for LinesWriter<'_> {
    fn write(&mut self, events: &[&RawValue]) -> io::Result<()> {
        for event in events {
            // The server writes compact JSON; should it not, a line must still be one event. Raw line ends cannot
            // be part of a JSON text, so those between tokens are the only ones.
            for piece in event.get().split(['\n', '\r']) {
                self.sink.write_all(piece.as_bytes())?;
            }
            self.sink.write_all(b"\n")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn an_array_is_whole_whatever_the_pages() {
        let (one, two) = (raw(r#"{"a":1}"#), raw(r#"{"a":2}"#));
        let pages: [&[&[&RawValue]]; 3] = [&[], &[&[], &[&one]], &[&[&one, &two], &[], &[&one]]];
        for (page, count) in pages.iter().zip([0, 1, 3]) {
            let mut out = Vec::new();
            let mut writer = ArrayWriter::new(Box::new(&mut out));
            page.iter().for_each(|events| writer.write(events).unwrap());
            writer.finish().unwrap();
            drop(writer);
            let read: Vec<serde_json::Value> = serde_json::from_slice(&out).unwrap();
            assert_eq!(read.len(), count);
        }
    }

    #[test]
    fn a_line_is_an_event() {
        let mut out = Vec::new();
        let mut writer = LinesWriter::new(Box::new(&mut out));
        writer.write(&[&raw("{\n \"a\": 1\r\n}"), &raw("{}")]).unwrap();
        writer.finish().unwrap();
        drop(writer);
        assert_eq!(String::from_utf8(out).unwrap(), "{ \"a\": 1}\n{}\n");
    }
}
