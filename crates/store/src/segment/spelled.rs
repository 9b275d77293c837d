//! The texts that the codes of a block stand for, spelled out when they are first asked for: the events of a block share
//! most of their terms, and who reads one event of it often reads the next. They lie one behind the other in one piece
//! of memory.

use super::{
    bits::{Bad, Parsed},
    ranks::{TABLE_COLUMNS, Table},
};

/// Bytes in memory of a text and its place, about.
const TEXT_BYTES: usize = 32;

/// Where a text lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    start: u32,
    end: u32,
}

impl Place {
    /// That of a text that was not asked for yet.
    const UNKNOWN: Self = Self { start: u32::MAX, end: u32::MAX };
}

/// A place for the text of every entry of a block's table.
#[derive(Default)]
pub(super) struct Spelled {
    /// Where the places of each column begin, and those of the labels; one more at the end.
    starts: [u32; TABLE_COLUMNS + 2],
    places: Box<[Place]>,
    texts: String,
}

impl Spelled {
    pub(super) fn of(table: &Table) -> Self {
        let mut starts = [0; TABLE_COLUMNS + 2];
        let lengths = table.columns().map(<[u32]>::len).chain([table.labels.len()]);
        let mut end = 0;
        for (start, length) in starts.iter_mut().skip(1).zip(lengths) {
            end += length as u32;
            *start = end;
        }
        Self { starts, places: vec![Place::UNKNOWN; end as usize].into(), texts: String::new() }
    }

    /// The number of the place for a rank of a column, if there is such a rank.
    #[inline]
    pub(super) fn number(&self, column: usize, rank: usize) -> Option<usize> {
        let at = (*self.starts.get(column)? as usize).checked_add(rank)?;
        (at < *self.starts.get(column + 1)? as usize).then_some(at)
    }

    /// The place of that number, once its text is there.
    #[inline]
    pub(super) fn known(&self, number: usize) -> Option<Place> {
        self.places.get(number).copied().filter(|place| *place != Place::UNKNOWN)
    }

    /// Remembers where a text lies.
    pub(super) fn know(&mut self, number: usize, place: Place) {
        if let Some(known) = self.places.get_mut(number) {
            *known = place;
        }
    }

    /// Adds the text that `spell` appends.
    pub(super) fn add<E>(
        &mut self,
        spell: impl FnOnce(&mut String) -> Result<(), E>,
    ) -> Result<Parsed<Place>, E> {
        let start = self.texts.len();
        spell(&mut self.texts)?;
        Ok(match (u32::try_from(start), u32::try_from(self.texts.len())) {
            (Ok(start), Ok(end)) => Ok(Place { start, end }),
            _ => Err(Bad("a block whose terms are longer than there can be")),
        })
    }

    /// The text that lies there.
    #[inline]
    pub(super) fn text(&self, place: Place) -> &str {
        self.texts.get(place.start as usize..place.end as usize).unwrap_or_default()
    }

    /// Bytes it takes in memory when everything is spelled out, about.
    pub(super) fn bytes(&self) -> usize {
        self.places.len() * TEXT_BYTES
    }
}
