//! Events as files for other programs: NDJSON and CSV. What is written here is read by tools that know nothing of
//! Annals, and gives back what is stored, field by field. It knows no HTTP.

pub mod csv;

use std::{io, sync::Arc};

use annals_model::Event;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One event in its native JSON form a line.
    Ndjson,
    /// Comma-separated values with a line of names.
    Csv,
}

impl Format {
    /// Every kind, by name.
    pub(crate) const NAMED: [(&'static str, Self); 2] = [("ndjson", Self::Ndjson), ("csv", Self::Csv)];

    /// The kind of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// What writes it; `None` when the store itself does, which is faster.
    pub(crate) fn writer(self) -> Option<Box<dyn FileWriter>> {
        match self {
            Self::Ndjson => None,
            Self::Csv => Some(Box::new(Csv { named: false })),
        }
    }
}

/// Writes a file piece by piece, in bounded memory.
pub(crate) trait FileWriter: Send {
    /// Adds events, and appends to `out` what of the file is ready.
    fn write(&mut self, events: &[Arc<Event>], out: &mut Vec<u8>) -> io::Result<()>;

    /// Appends the rest of the file.
    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()>;
}

struct Csv {
    named: bool,
}

impl FileWriter for Csv {
    fn write(&mut self, events: &[Arc<Event>], out: &mut Vec<u8>) -> io::Result<()> {
        if !self.named {
            self.named = true;
            csv::write_names(out);
        }
        events.iter().for_each(|event| csv::write_event(event, out));
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        // A table without rows is a table.
        self.write(&[], out)
    }
}
