//! Columns of codes inside a block. A block numbers the distinct codes of a column in the order they appear and keeps
//! these ranks in its frame; which codes they stand for is in the block's table, outside of the frame. So a frame does
//! not depend on the segment's dictionaries, and merging copies it and writes the table anew.

use std::ops::Range;

use super::{
    bits::{Bad, BitWriter, Parsed, Reader, put_varint, unpack, width_of},
    block::{SINGLE, SINGLE_FIELDS},
    fields::{CATEGORY, FieldRecord},
};

/// Kinds of columns of ranks: one rank for all, one byte each, or one byte each that tells a rank that is new from one
/// that was there before.
const CONSTANT: u8 = 0;
const PLAIN: u8 = 1;
const NEWS: u8 = 2;
/// Added to the kind when the entries belong to the ranks of another column, which determines this one.
const BY_PARENT: u8 = 4;

/// In which order the columns are written, and by which other column each is determined more often than not; that one
/// comes before it.
pub(super) const ORDER: [(usize, Option<usize>); SINGLE_FIELDS] = [
    (0, None),      // source
    (1, None),      // type
    (3, None),      // outcome
    (4, None),      // status
    (5, None),      // organization.name
    (10, None),     // actor.type
    (11, None),     // actor.id
    (14, None),     // target.id
    (16, None),     // part
    (17, None),     // origin
    (18, None),     // zone
    (20, None),     // request.ip
    (2, Some(1)),   // action by type
    (13, Some(1)),  // target.type by type
    (19, Some(1)),  // request.method by type
    (6, Some(14)),  // project.id by target.id
    (7, Some(6)),   // project.name by project.id
    (8, Some(6)),   // environment.id by project.id
    (9, Some(8)),   // environment.name by environment.id
    (12, Some(11)), // actor.name by actor.id
    (15, Some(14)), // target.name by target.id
];

/// The codes of one column of a block.
#[derive(Default)]
pub(super) struct Column {
    /// The distinct codes in the order they appeared.
    pub(super) codes: Vec<u32>,
    /// By doc: rank + 1, or 0 when absent.
    pub(super) ranks: Vec<u8>,
}

impl Column {
    /// Adds the next doc's code + 1, or 0.
    pub(super) fn push(&mut self, code: u32) {
        let Some(code) = code.checked_sub(1) else {
            self.ranks.push(0);
            return;
        };
        let last = self.ranks.last().and_then(|rank| rank.checked_sub(1)).map(usize::from);
        if let Some(rank) = last.filter(|rank| self.codes.get(*rank) == Some(&code)) {
            self.ranks.push(rank as u8 + 1);
            return;
        }
        // Whether it is there at all is told several codes at a time.
        let known = self.codes.contains(&code).then(|| self.codes.iter().position(|known| *known == code));
        let rank = known.flatten().unwrap_or_else(|| {
            self.codes.push(code);
            self.codes.len() - 1
        });
        self.ranks.push(rank as u8 + 1);
    }

    pub(super) fn clear(&mut self) {
        self.codes.clear();
        self.ranks.clear();
    }

    /// Appends the ranks.
    pub(super) fn write(&self, parent: Option<&Self>, out: &mut Vec<u8>) {
        if let Some(parent) = parent.filter(|parent| parent.codes.len() + 1 < self.ranks.len())
            && let Some(entries) = by_parent(&parent.ranks, parent.codes.len(), &self.ranks)
            && !is_constant(&self.ranks)
        {
            put(&entries, BY_PARENT, out);
            return;
        }
        put(&self.ranks, 0, out);
    }
}

/// The rank that belongs to each rank of the parent, if there is one for each.
fn by_parent(parent: &[u8], distinct: usize, ranks: &[u8]) -> Option<Vec<u8>> {
    let mut entries: Vec<Option<u8>> = vec![None; distinct + 1];
    for (of, rank) in parent.iter().zip(ranks) {
        if *entries.get_mut(usize::from(*of))?.get_or_insert(*rank) != *rank {
            return None;
        }
    }
    Some(entries.into_iter().map(Option::unwrap_or_default).collect())
}

fn is_constant(entries: &[u8]) -> bool {
    entries.windows(2).all(|two| two[0] == two[1])
}

fn put(entries: &[u8], base: u8, out: &mut Vec<u8>) {
    if is_constant(entries) {
        out.extend_from_slice(&[base + CONSTANT, entries.first().copied().unwrap_or(0)]);
        return;
    }
    let most = entries.iter().copied().max().unwrap_or(0);
    if usize::from(most) * 2 <= entries.len() {
        out.push(base + PLAIN);
        out.extend_from_slice(entries);
        return;
    }
    out.push(base + NEWS);
    let mut newest = 0;
    for &entry in entries {
        out.push(if entry == newest + 1 {
            newest += 1;
            0
        } else {
            entry + 1
        });
    }
}

/// The ranks of one column.
#[derive(Debug, Clone, Copy)]
enum RankColumn {
    /// All docs have this one.
    Constant(u8),
    /// Each doc has its own; where they begin.
    Each(u32),
}

/// How many ranks a byte can be, 0 included.
const RANKS: usize = 1 << 8;

/// Makes ranks of what is stored for them.
fn ranks_of(kind: u8, entries: &mut [u8]) -> Parsed<()> {
    match kind {
        PLAIN => Ok(()),
        NEWS => {
            let mut newest = 0_u8;
            for entry in entries {
                *entry = entry.checked_sub(1).unwrap_or_else(|| {
                    newest = newest.saturating_add(1);
                    newest
                });
            }
            Ok(())
        }
        _ => Err(Bad("an unknown kind of column")),
    }
}

/// The columns of ranks of a block, as they are read: all in one piece of memory, as a block is read for a few events
/// more often than not.
#[derive(Debug, Clone)]
pub(super) struct RankColumns {
    docs: usize,
    bytes: Vec<u8>,
    columns: [RankColumn; SINGLE_FIELDS],
}

impl RankColumns {
    /// Takes all columns for `docs` docs from the front.
    pub(super) fn parse(reader: &mut Reader<'_>, docs: usize) -> Parsed<Self> {
        let columns = [RankColumn::Constant(0); SINGLE_FIELDS];
        let mut all = Self { docs, bytes: Vec::with_capacity(docs * SINGLE_FIELDS), columns };
        for (column, parent) in ORDER {
            let read = all.parse_column(reader, parent)?;
            if let Some(column) = all.columns.get_mut(column) {
                *column = read;
            }
        }
        Ok(all)
    }

    fn parse_column(&mut self, reader: &mut Reader<'_>, parent: Option<usize>) -> Parsed<RankColumn> {
        let kind = reader.u8()?;
        let parent = match (kind & BY_PARENT != 0, parent) {
            (false, _) => None,
            (true, Some(parent)) => Some(parent),
            (true, None) => return Err(Bad("a column that no other one determines")),
        };
        match (kind & !BY_PARENT, parent) {
            (CONSTANT, _) => Ok(RankColumn::Constant(reader.u8()?)),
            (kind, None) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(reader.take(self.docs)?);
                ranks_of(kind, self.bytes.get_mut(start..).unwrap_or_default())?;
                Ok(RankColumn::Each(start as u32))
            }
            (kind, Some(parent)) => {
                let mut by_rank = [0; RANKS];
                let read = reader.take(usize::from(self.most(parent)) + 1)?;
                let entries = by_rank.get_mut(..read.len()).unwrap_or_default();
                entries.copy_from_slice(read);
                ranks_of(kind, entries)?;
                let rank = |of: u8| by_rank.get(usize::from(of)).copied().unwrap_or(0);
                let start = match self.columns.get(parent) {
                    Some(RankColumn::Each(start)) => *start as usize,
                    Some(RankColumn::Constant(of)) => return Ok(RankColumn::Constant(rank(*of))),
                    None => return Ok(RankColumn::Constant(0)),
                };
                let at = self.bytes.len();
                self.bytes.extend_from_within(start..start + self.docs);
                self.bytes.iter_mut().skip(at).for_each(|of| *of = rank(*of));
                Ok(RankColumn::Each(at as u32))
            }
        }
    }

    /// Rank + 1 of a doc in a column, or 0.
    pub(super) fn get(&self, column: usize, doc: usize) -> u8 {
        match self.columns.get(column) {
            Some(RankColumn::Each(start)) if doc < self.docs => {
                self.bytes.get(*start as usize + doc).copied().unwrap_or(0)
            }
            Some(RankColumn::Constant(rank)) => *rank,
            _ => 0,
        }
    }

    /// The largest rank of a column.
    fn most(&self, column: usize) -> u8 {
        match self.columns.get(column) {
            Some(RankColumn::Each(start)) => {
                let start = *start as usize;
                let ranks = self.bytes.get(start..start + self.docs).unwrap_or_default();
                ranks.iter().copied().max().unwrap_or(0)
            }
            Some(RankColumn::Constant(rank)) => *rank,
            None => 0,
        }
    }

    /// Bytes it takes in memory, but for itself.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Parts of a table: the columns with one code an event, and the categories.
pub(super) const TABLE_COLUMNS: usize = SINGLE_FIELDS + 1;
/// The place of the categories among them.
pub(super) const CATEGORIES: usize = SINGLE_FIELDS;
/// The place of the labels behind the columns.
pub(super) const LABELS: usize = TABLE_COLUMNS;
/// The bit that says that there are labels.
const LABELS_BIT: u32 = 1 << LABELS;
/// The most entries of one part of a table that are believed.
const ENTRIES_MAX: u64 = 1 << 20;

/// How many bits the codes of each part of a segment's tables have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Widths {
    pub(super) columns: [u8; TABLE_COLUMNS],
    /// The names of labels; how wide their codes are is said by each table.
    pub(super) labels: u8,
}

impl Widths {
    /// The widths that belong to the records of the fixed fields and to so many labels.
    pub(super) fn of(fixed: &[FieldRecord], labels: usize) -> Self {
        let width = |count: u64| width_of(count.saturating_sub(1)) as u8;
        let mut columns = [0; TABLE_COLUMNS];
        for (width_of_column, field) in columns.iter_mut().zip(SINGLE.into_iter().chain([CATEGORY])) {
            *width_of_column = fixed.get(field).map_or(0, |record| width(u64::from(record.terms)));
        }
        Self { columns, labels: width(labels as u64) }
    }
}

/// Which codes the ranks of a block stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// The codes of one column after the other.
    codes: Vec<u32>,
    /// Where each column ends in them.
    ends: [u32; TABLE_COLUMNS],
    /// Label and code.
    pub(super) labels: Vec<(u32, u32)>,
}

impl Table {
    /// Appends the table.
    pub(super) fn write<'c>(
        columns: impl Iterator<Item = &'c [u32]> + Clone,
        labels: &[(u32, u32)],
        widths: &Widths,
        out: &mut Vec<u8>,
    ) {
        let mut mask = if labels.is_empty() { 0 } else { LABELS_BIT };
        for (bit, codes) in columns.clone().enumerate() {
            mask |= u32::from(!codes.is_empty()) << bit;
        }
        out.extend_from_slice(&mask.to_le_bytes()[..3]);
        for codes in columns.clone().filter(|codes| !codes.is_empty()) {
            put_varint(out, codes.len() as u64);
        }
        let label_codes = width_of(labels.iter().map(|(_, code)| u64::from(*code)).max().unwrap_or(0));
        if !labels.is_empty() {
            put_varint(out, labels.len() as u64);
            out.push(label_codes as u8);
        }
        let mut bits = BitWriter::new(out);
        for (codes, width) in columns.zip(widths.columns) {
            codes.iter().for_each(|code| bits.put(u64::from(*code), u32::from(width)));
        }
        for (label, code) in labels {
            bits.put(u64::from(*label), u32::from(widths.labels));
            bits.put(u64::from(*code), label_codes);
        }
        bits.finish();
    }

    /// Reads a table that fills `bytes`.
    pub(super) fn parse(bytes: &[u8], widths: &Widths) -> Parsed<Self> {
        const SAME: Bad = Bad("a table has a code twice");
        let mut reader = Reader::new(bytes);
        let mask = [reader.u8()?, reader.u8()?, reader.u8()?, 0];
        let mask = u32::from_le_bytes(mask);
        let count = |reader: &mut Reader<'_>, bit: usize| match mask >> bit & 1 {
            0 => Ok(0),
            _ => reader.varint().and_then(|count| {
                if count <= ENTRIES_MAX {
                    Ok(count as usize)
                } else {
                    Err(Bad("more codes than there can be"))
                }
            }),
        };
        let mut counts = [0; TABLE_COLUMNS];
        for (bit, entry) in counts.iter_mut().enumerate() {
            *entry = count(&mut reader, bit)?;
        }
        let labels = count(&mut reader, TABLE_COLUMNS)?;
        let label_codes = if labels > 0 { u32::from(reader.u8()?) } else { 0 };
        if label_codes > 64 {
            return Err(Bad("an impossible width"));
        }
        let rest = bytes.get(reader.at()..).unwrap_or_default();
        let mut bit = 0_u64;
        let mut next = |width: u32| -> Parsed<u32> {
            let code = unpack(rest, bit, width).ok_or(Bad("a table that is too short"))?;
            bit += u64::from(width);
            u32::try_from(code).map_err(|_| Bad("a code that is too large"))
        };
        let mut table = Self::default();
        // No more than there are bytes, whatever the counts say; a code without bits is alone in its column.
        table.codes.reserve_exact(counts.iter().sum::<usize>().min(rest.len() * 8 + TABLE_COLUMNS));
        for ((end, count), width) in table.ends.iter_mut().zip(counts).zip(widths.columns) {
            if count > 1 && width == 0 {
                return Err(SAME);
            }
            for _ in 0..count {
                table.codes.push(next(u32::from(width))?);
            }
            *end = table.codes.len() as u32;
        }
        if labels > 1 && u32::from(widths.labels) + label_codes == 0 {
            return Err(SAME);
        }
        for _ in 0..labels {
            table.labels.push((next(u32::from(widths.labels))?, next(label_codes)?));
        }
        Ok(table)
    }

    /// Code + 1 of a rank + 1 of a column; 0 of 0.
    pub(super) fn code(&self, column: usize, rank: u8) -> Parsed<u32> {
        let Some(rank) = rank.checked_sub(1) else { return Ok(0) };
        self.column_code(column, usize::from(rank)).map(|code| code.saturating_add(1))
    }

    /// The code of a rank of a column.
    pub(super) fn column_code(&self, column: usize, rank: usize) -> Parsed<u32> {
        self.column(column).get(rank).copied().ok_or(Bad("a rank without a code"))
    }

    fn place(&self, column: usize) -> Range<usize> {
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start as usize..self.ends.get(column).copied().unwrap_or(start) as usize
    }

    /// The codes of a column.
    pub(super) fn column(&self, column: usize) -> &[u32] {
        self.codes.get(self.place(column)).unwrap_or_default()
    }

    /// The codes of a column, to be replaced.
    pub(super) fn column_mut(&mut self, column: usize) -> &mut [u32] {
        let place = self.place(column);
        self.codes.get_mut(place).unwrap_or_default()
    }

    /// The codes of every column.
    pub(super) fn columns(&self) -> impl Iterator<Item = &[u32]> + Clone {
        (0..TABLE_COLUMNS).map(|column| self.column(column))
    }

    /// Bytes it takes in memory, but for itself.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.codes.as_slice()) + size_of_val(self.labels.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn every_column_comes_once_and_behind_its_parent() {
        let mut seen = [false; SINGLE_FIELDS];
        for (column, parent) in ORDER {
            assert!(!seen[column] && parent.is_none_or(|parent| seen[parent]));
            seen[column] = true;
        }
    }

    proptest! {
        #[test]
        fn columns_come_back(
            codes in vec((0_u32..12, 0_u32..90), 1..96),
            modulo in 1_u32..12,
        ) {
            // Column 1 is the parent of 2 and 13; nothing determines 3.
            let mut columns: [Column; SINGLE_FIELDS] = Default::default();
            for (one, two) in &codes {
                for (number, column) in columns.iter_mut().enumerate() {
                    column.push(match number {
                        1 => *one,
                        3 | 13 => *two,
                        2 => one % modulo,
                        _ => 7,
                    });
                }
            }
            let mut bytes = Vec::new();
            for (column, parent) in ORDER {
                columns[column].write(parent.map(|parent| &columns[parent]), &mut bytes);
            }
            let mut reader = Reader::new(&bytes);
            let read = RankColumns::parse(&mut reader, codes.len()).unwrap();
            prop_assert!(reader.is_empty());
            for (number, column) in columns.iter().enumerate() {
                for doc in 0..codes.len() {
                    prop_assert_eq!(read.get(number, doc), column.ranks[doc]);
                }
                prop_assert_eq!(read.get(number, codes.len()), if is_constant(&column.ranks) { column.ranks[0] } else { 0 });
            }
            for (rank, (_, code)) in columns[3].ranks.iter().zip(&codes) {
                let spelled = rank.checked_sub(1).map_or(0, |rank| columns[3].codes[usize::from(rank)] + 1);
                prop_assert_eq!(spelled, *code);
            }
        }

        #[test]
        fn tables_come_back(
            columns in vec(vec(0_u32..1 << 17, 0..90), TABLE_COLUMNS),
            labels in vec((0_u32..9, 0_u32..1000), 0..9),
        ) {
            let widths = Widths { columns: [17; TABLE_COLUMNS], labels: 4 };
            let mut bytes = Vec::new();
            Table::write(columns.iter().map(Vec::as_slice), &labels, &widths, &mut bytes);
            let table = Table::parse(&bytes, &widths).unwrap();
            prop_assert_eq!(table.columns().map(<[u32]>::to_vec).collect::<Vec<_>>(), columns);
            prop_assert_eq!(table.labels, labels);
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, docs in 0_usize..100, width in 0_u8..70) {
            let _ = Table::parse(&bytes, &Widths { columns: [width; TABLE_COLUMNS], labels: width });
            let mut reader = Reader::new(&bytes);
            if let Ok(columns) = RankColumns::parse(&mut reader, docs) {
                let _ = columns.get(SINGLE_FIELDS, docs);
            }
        }
    }
}
