//! Events as files for other programs: NDJSON, CSV and Parquet. What is written here is read by tools that know nothing of
//! Annals, and gives back what is stored, field by field. It knows no HTTP.

pub mod csv;
mod parquet;

use std::{io, sync::Arc};

use annals_model::Event;

/// The media type of Apache Parquet.
pub(crate) const PARQUET: &str = "application/vnd.apache.parquet";

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One event in its native JSON form a line.
    Ndjson,
    /// Comma-separated values with a line of names.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Every kind, by name.
    pub(crate) const NAMED: [(&'static str, Self); 3] =
        [("ndjson", Self::Ndjson), ("csv", Self::Csv), ("parquet", Self::Parquet)];

    /// The kind of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => PARQUET,
        }
    }

    /// What writes it; `None` when the store itself does, which is faster.
    pub(crate) fn writer(self) -> io::Result<Option<Box<dyn FileWriter>>> {
        Ok(match self {
            Self::Ndjson => None,
            Self::Csv => Some(Box::new(Csv { named: false })),
            Self::Parquet => Some(Box::new(parquet::Parquet::new()?)),
        })
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
