//! The texts that the codes of a block stand for, spelled out when they are first asked for: the events of a block share
//! most of their terms, and who reads one event of it often reads the next.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use super::{
    ranks::{TABLE_COLUMNS, Table, Widths},
    small_terms::is_small,
};

/// Bytes in memory of a text, about.
const TEXT_BYTES: usize = 48;

/// A place for the text of every entry of a block's table, but for those of fields with few terms, whose texts the
/// segment keeps.
pub(super) struct Spelled {
    /// Where the places of each column begin, and those of the labels; one more at the end.
    starts: [u32; TABLE_COLUMNS + 2],
    texts: Box<[OnceLock<Arc<str>>]>,
}

impl Spelled {
    pub(super) fn of(table: &Table, widths: &Widths) -> Self {
        let mut starts = [0; TABLE_COLUMNS + 2];
        let columns = table.columns().zip(widths.columns);
        let lengths = columns.map(|(codes, width)| if is_small(width) { 0 } else { codes.len() });
        let mut end = 0;
        for (start, length) in starts.iter_mut().skip(1).zip(lengths.chain([table.labels.len()])) {
            end += length as u32;
            *start = end;
        }
        Self { starts, texts: (0..end).map(|_| OnceLock::new()).collect() }
    }

    /// The place for the text of a rank of a column; `None` when there is no such rank or it is a small field's.
    pub(super) fn place(&self, column: usize, rank: usize) -> Option<&OnceLock<Arc<str>>> {
        let at = (*self.starts.get(column)? as usize).checked_add(rank)?;
        if at < *self.starts.get(column + 1)? as usize { self.texts.get(at) } else { None }
    }

    /// Bytes it takes in memory when everything is spelled out, about.
    pub(super) fn bytes(&self) -> usize {
        self.texts.len() * TEXT_BYTES
    }
}

/// The text of a term, from the block or from elsewhere.
pub(super) enum Spelling<'b> {
    Kept(&'b str),
    Own(Arc<str>),
}

impl Deref for Spelling<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Kept(text) => text,
            Self::Own(text) => text,
        }
    }
}
