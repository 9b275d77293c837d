//! The texts that the codes of a block stand for, spelled out when they are first asked for: the events of a block share
//! most of their terms, and who reads one event of it often reads the next.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use super::ranks::Table;

/// Bytes in memory of a text, about.
const TEXT_BYTES: usize = 48;

/// A place for the text of every entry of a block's table.
pub(super) struct Spelled {
    texts: Box<[OnceLock<Arc<str>>]>,
}

impl Spelled {
    pub(super) fn of(table: &Table) -> Self {
        Self { texts: (0..table.entries()).map(|_| OnceLock::new()).collect() }
    }

    /// The place for the text of an entry of the table.
    pub(super) fn place(&self, entry: usize) -> Option<&OnceLock<Arc<str>>> {
        self.texts.get(entry)
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
