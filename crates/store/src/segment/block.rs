//! Blocks: the events themselves, column by column, one zstd frame each, and a table before it that says which codes
//! the frame's ranks stand for. Here they are read; `packer` makes them.
//!
//! A block holds what the other sections do not: codes of the indexed fields, numbers, and the texts that have no
//! dictionary. A single event of a block can be made without making the others.

use std::{
    cell::RefCell,
    ops::Range,
    sync::{Arc, Mutex, OnceLock},
};

use zstd::bulk::Decompressor;

use super::{
    Segment,
    bits::{Bad, Parsed, Reader},
    block_index::BlockPlace,
    columns::{Numbers, Texts},
    decoder::TermCache,
    fields::{CATEGORY, FIXED_FIELDS},
    file::Section,
    ranks::{CATEGORIES, LABELS, RankColumns, Table},
    record::TEXT_COLUMNS,
    spelled::{Place, Spelled},
    texts::{self, VALUES, VALUES_BEFORE_TEXTS},
};
use crate::Damage;

/// Events of one block, about; in version 1 exactly.
pub(super) const BLOCK_DOCS: u32 = 64;
/// Events of the largest block.
pub(super) const BLOCK_DOCS_MAX: u32 = 128;
/// A longer text is compressed by itself beside the block, so that it costs only those who want it.
pub(super) const TEXT_INSIDE_BYTES_MAX: usize = 16 << 10;
/// The most categories, labels or UUIDs of one event that are believed.
pub(super) const ENTRIES_MAX: u64 = 1 << 16;

/// How many fields have one code per event and a column for it.
pub(super) const SINGLE_FIELDS: usize = 21;
/// The fields that have one code per event, by column. The organization is told by the doc's range.
pub(super) const SINGLE: [usize; SINGLE_FIELDS] =
    [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22];

/// The columns of the fixed fields that have one code per event.
const COLUMNS: [Option<usize>; FIXED_FIELDS] = {
    let mut columns = [None; FIXED_FIELDS];
    let mut column = 0;
    while column < SINGLE_FIELDS {
        columns[SINGLE[column]] = Some(column);
        column += 1;
    }
    columns
};

/// The column of a fixed field that has one code per event.
pub(super) const fn column_of(field: usize) -> Option<usize> {
    if field < FIXED_FIELDS { COLUMNS[field] } else { None }
}

/// The codes of one event: which terms it has.
#[derive(Debug, Clone, Default)]
pub(super) struct Codes {
    /// By column; code + 1, or 0 when absent.
    pub(super) single: [u32; SINGLE_FIELDS],
    /// Codes of the categories in the event's order.
    pub(super) categories: Vec<u32>,
    /// The labels by index (0 is the first label) and code, in the order of their names.
    pub(super) labels: Vec<(u32, u32)>,
}

/// How many values the text of a column may refer to.
pub(super) const fn value_limit(column: usize) -> usize {
    match column {
        0 => VALUES_BEFORE_TEXTS,
        1 => VALUES_BEFORE_TEXTS + 1,
        _ => VALUES,
    }
}

/// The codes of a block: in its columns, or behind ranks in its columns.
pub(super) enum CodeColumns {
    /// As in version 1.
    Codes {
        single: Box<[Numbers; SINGLE_FIELDS]>,
        categories: Numbers,
        label_fields: Numbers,
        label_codes: Numbers,
    },
    Ranks(Box<RankedCodes>),
}

/// The codes of a block since version 2.
pub(super) struct RankedCodes {
    single: RankColumns,
    categories: Numbers,
    labels: Numbers,
    table: Table,
    /// Held while one event is read.
    pub(super) spelled: Mutex<Spelled>,
    spelled_bytes: usize,
}

impl RankedCodes {
    /// Spells out the text of a rank of a column of the table, or of a label, which is a term of `field`.
    #[inline]
    fn spell(
        &self,
        column: usize,
        rank: usize,
        field: u32,
        spelled: &mut Spelled,
        terms: &mut TermCache<'_>,
    ) -> Result<Parsed<Place>, Damage> {
        let number = spelled.number(column, rank);
        if let Some(place) = number.and_then(|number| spelled.known(number)) {
            return Ok(Ok(place));
        }
        let code = match self.code(column, rank) {
            Ok(code) => code,
            Err(bad) => return Ok(Err(bad)),
        };
        let place = spelled.add(|texts| terms.push(field, code, texts))?;
        if let (Some(number), Ok(place)) = (number, place) {
            spelled.know(number, place);
        }
        Ok(place)
    }

    /// The code of a rank of a column of the table, or of a label.
    fn code(&self, column: usize, rank: usize) -> Parsed<u32> {
        match self.table.labels.get(rank) {
            Some((_, code)) if column == LABELS => Ok(*code),
            _ => self.table.column_code(column, rank),
        }
    }
}

/// Where the entries of each doc begin in a column of entries.
#[derive(Default)]
pub(super) struct Starts {
    /// One more than there are docs; empty when no doc has an entry.
    starts: Vec<u32>,
}

impl Starts {
    /// Adds up how many entries each doc has.
    fn of(counts: &Numbers, raw: &[u8], docs: usize) -> Parsed<Self> {
        if counts.constant() == Some(0) {
            return Ok(Self::default());
        }
        let mut starts = Vec::with_capacity(docs + 1);
        let mut sum = 0;
        starts.push(0);
        for index in 0..docs {
            let count = counts.get(raw, index)?;
            if count > ENTRIES_MAX {
                return Err(Bad("more entries in one event than there can be"));
            }
            // A block has so few docs that this cannot overflow.
            sum += count as u32;
            starts.push(sum);
        }
        Ok(Self { starts })
    }

    fn total(&self) -> usize {
        self.starts.last().map_or(0, |end| *end as usize)
    }

    /// The entries of a doc.
    pub(super) fn entries(&self, index: usize) -> Range<usize> {
        let at = |index: usize| self.starts.get(index).map_or(0, |start| *start as usize);
        at(index)..at(index + 1)
    }

    fn bytes(&self) -> usize {
        size_of_val(self.starts.as_slice())
    }
}

/// A decompressed block.
pub(super) struct Block {
    pub(super) raw: Vec<u8>,
    pub(super) first: u32,
    pub(super) docs: usize,
    /// Where texts beside the block are counted from.
    pub(super) beside: u64,
    pub(super) codes: CodeColumns,
    /// The organization of all of its events; `None` when they are of several.
    pub(super) organization: OnceLock<Option<Option<Arc<str>>>>,
    pub(super) recorded: Numbers,
    pub(super) flags: Numbers,
    pub(super) status: Numbers,
    pub(super) elapsed: Numbers,
    /// Where the categories, labels and UUIDs of each doc begin.
    pub(super) category_starts: Starts,
    pub(super) label_starts: Starts,
    uuid_starts: Starts,
    /// How many numbers each doc has, and the columns of the first, second … of them.
    number_counts: Vec<u8>,
    numbers: Vec<Numbers>,
    pub(super) texts: [Texts; TEXT_COLUMNS],
    /// Where the columns of texts begin; they end where the UUIDs begin.
    texts_at: usize,
    uuids: usize,
}

/// The columns of numbers by place: how many numbers each doc has, and then a column for each place that one has.
fn parse_numbers(reader: &mut Reader<'_>, raw: &[u8], docs: usize) -> Parsed<(Vec<u8>, Vec<Numbers>)> {
    let column = Numbers::parse(reader, docs)?;
    if column.constant() == Some(0) {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut counts = Vec::with_capacity(docs);
    for index in 0..docs {
        counts.push(u8::try_from(column.get(raw, index)?).map_err(|_| Bad("too many numbers in one event"))?);
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let columns = (0..most)
        .map(|place| Numbers::parse(reader, counts.iter().filter(|count| **count > place).count()))
        .collect::<Parsed<_>>()?;
    Ok((counts, columns))
}

impl Block {
    /// Reads a decompressed block; `table` is what stands before it since version 2.
    fn parse(raw: Vec<u8>, place: &BlockPlace, table: Option<Table>) -> Parsed<Self> {
        let docs = place.docs as usize;
        let mut reader = Reader::new(&raw);
        let recorded = Numbers::parse(&mut reader, docs)?;
        let mut codes = match table {
            Some(table) => {
                let single = RankColumns::parse(&mut reader, docs)?;
                let (spelled, none) = (Spelled::of(&table), Numbers::default());
                let spelled_bytes = spelled.bytes();
                let spelled = Mutex::new(spelled);
                let (categories, labels) = (none, none);
                let codes = RankedCodes { single, categories, labels, table, spelled, spelled_bytes };
                CodeColumns::Ranks(Box::new(codes))
            }
            None => {
                let mut single = Box::new([Numbers::default(); SINGLE_FIELDS]);
                for column in &mut *single {
                    *column = Numbers::parse(&mut reader, docs)?;
                }
                let none = Numbers::default();
                CodeColumns::Codes { single, categories: none, label_fields: none, label_codes: none }
            }
        };
        let mut next = || Numbers::parse(&mut reader, docs);
        let (flags, status, elapsed) = (next()?, next()?, next()?);
        let (category_counts, label_counts, uuid_counts) = (next()?, next()?, next()?);
        let category_starts = Starts::of(&category_counts, &raw, docs)?;
        let label_starts = Starts::of(&label_counts, &raw, docs)?;
        let uuid_starts = Starts::of(&uuid_counts, &raw, docs)?;
        let (mut number_counts, mut numbers) = (Vec::new(), Vec::new());
        if matches!(codes, CodeColumns::Ranks(_)) {
            (number_counts, numbers) = parse_numbers(&mut reader, &raw, docs)?;
        }
        let mut entries = |starts: &Starts| Numbers::parse(&mut reader, starts.total());
        match &mut codes {
            CodeColumns::Codes { categories, label_fields, label_codes, .. } => {
                *categories = entries(&category_starts)?;
                *label_fields = entries(&label_starts)?;
                *label_codes = entries(&label_starts)?;
            }
            CodeColumns::Ranks(codes) => {
                codes.categories = entries(&category_starts)?;
                codes.labels = entries(&label_starts)?;
            }
        }
        let texts_at = reader.at();
        let mut texts: [Texts; TEXT_COLUMNS] = Default::default();
        for column in &mut texts {
            *column = Texts::parse(&mut reader, &raw, docs)?;
        }
        let uuids = reader.at();
        reader.take(uuid_starts.total() * 16)?;
        if !reader.is_empty() {
            return Err(Bad("a block is longer than its columns"));
        }
        Ok(Self {
            first: place.first,
            docs,
            beside: place.beside,
            codes,
            organization: OnceLock::new(),
            recorded,
            flags,
            status,
            elapsed,
            category_starts,
            label_starts,
            uuid_starts,
            number_counts,
            numbers,
            texts,
            texts_at,
            uuids,
            raw,
        })
    }

    /// Its first doc.
    pub(super) const fn first(&self) -> u32 {
        self.first
    }

    /// The place of a doc in the block.
    pub(super) const fn index_of(&self, doc: u32) -> usize {
        doc.wrapping_sub(self.first) as usize
    }

    /// Whether a doc lies in the block.
    pub(super) const fn holds(&self, doc: u32) -> bool {
        self.index_of(doc) < self.docs
    }

    /// How many events it has.
    pub(super) const fn docs(&self) -> usize {
        self.docs
    }

    /// The columns of texts as they are stored.
    pub(super) fn stored_texts(&self) -> &[u8] {
        self.raw.get(self.texts_at..self.uuids).unwrap_or_default()
    }

    /// Where each text of an event lies in what [`Self::stored_texts`] gives.
    pub(super) fn text_places(&self, index: usize) -> impl Iterator<Item = Parsed<Range<usize>>> + '_ {
        let places = self.texts.iter().filter_map(move |texts| texts.place(&self.raw, index).transpose());
        places.map(|place| {
            place
                .map(|(start, end, _)| start.saturating_sub(self.texts_at)..end.saturating_sub(self.texts_at))
        })
    }

    /// Whether a text refers to a UUID, or may refer to the event's own id, which is one.
    pub(super) fn has_uuids(&self) -> bool {
        self.uuid_starts.total() > 0 || texts::refers_to_id(self.stored_texts())
    }

    /// Whether a text lies beside the block.
    pub(super) fn has_texts_beside(&self) -> bool {
        self.texts.iter().any(Texts::is_any_elsewhere)
    }

    /// Bytes it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let codes = match &self.codes {
            CodeColumns::Codes { .. } => size_of::<[Numbers; SINGLE_FIELDS]>(),
            CodeColumns::Ranks(codes) => {
                let RankedCodes { single, table, spelled_bytes, .. } = &**codes;
                size_of::<RankedCodes>() + single.bytes() + table.bytes() + spelled_bytes
            }
        };
        let starts = [&self.category_starts, &self.label_starts, &self.uuid_starts].map(Starts::bytes);
        let texts = self.texts.iter().map(Texts::bytes).sum::<usize>();
        let numbers = self.number_counts.len() + size_of_val(self.numbers.as_slice());
        size_of::<Self>() + self.raw.len() + codes + starts.iter().sum::<usize>() + texts + numbers
    }

    /// Code + 1 of a column, or 0.
    pub(super) fn single(&self, column: usize, index: usize) -> Parsed<u32> {
        const MISSING: Bad = Bad("a column that is not there");
        match &self.codes {
            CodeColumns::Codes { single, .. } => self.code(single.get(column).ok_or(MISSING)?, index),
            CodeColumns::Ranks(codes) => codes.table.code(column, codes.single.get(column, index)),
        }
    }

    /// Spells out the terms of an event of each column; `None` where it has none.
    pub(super) fn spell_single(
        &self,
        index: usize,
        spelled: &mut Spelled,
        terms: &mut TermCache<'_>,
    ) -> Result<Parsed<[Option<Place>; SINGLE_FIELDS]>, Damage> {
        let mut places = [None; SINGLE_FIELDS];
        for (column, (field, place)) in SINGLE.iter().zip(&mut places).enumerate() {
            let field = *field as u32;
            let spelling = match &self.codes {
                CodeColumns::Codes { single, .. } => {
                    let Some(numbers) = single.get(column) else { continue };
                    match self.code(numbers, index).map(|code| code.checked_sub(1)) {
                        Ok(None) => continue,
                        Ok(Some(code)) => spelled.add(|texts| terms.push(field, code, texts))?,
                        Err(bad) => Err(bad),
                    }
                }
                CodeColumns::Ranks(codes) => match codes.single.get(column, index).checked_sub(1) {
                    None => continue,
                    Some(rank) => codes.spell(column, usize::from(rank), field, spelled, terms)?,
                },
            };
            match spelling {
                Ok(spelling) => *place = Some(spelling),
                Err(bad) => return Ok(Err(bad)),
            }
        }
        Ok(Ok(places))
    }

    /// Spells out an entry of the categories.
    pub(super) fn spell_category(
        &self,
        entry: usize,
        spelled: &mut Spelled,
        terms: &mut TermCache<'_>,
    ) -> Result<Parsed<Place>, Damage> {
        let field = CATEGORY as u32;
        match &self.codes {
            CodeColumns::Codes { categories, .. } => match self.code(categories, entry) {
                Ok(code) => spelled.add(|texts| terms.push(field, code, texts)),
                Err(bad) => Ok(Err(bad)),
            },
            CodeColumns::Ranks(codes) => match self.code(&codes.categories, entry) {
                Ok(rank) => codes.spell(CATEGORIES, rank as usize, field, spelled, terms),
                Err(bad) => Ok(Err(bad)),
            },
        }
    }

    /// Spells out an entry of the labels; gives the number of the label too.
    pub(super) fn spell_label(
        &self,
        entry: usize,
        spelled: &mut Spelled,
        terms: &mut TermCache<'_>,
    ) -> Result<Parsed<(u32, Place)>, Damage> {
        let field = |label: u32| (FIXED_FIELDS as u32).saturating_add(label);
        match &self.codes {
            CodeColumns::Codes { label_fields, label_codes, .. } => {
                match (self.code(label_fields, entry), self.code(label_codes, entry)) {
                    (Ok(label), Ok(code)) => {
                        let place = spelled.add(|texts| terms.push(field(label), code, texts))?;
                        Ok(place.map(|place| (label, place)))
                    }
                    (Err(bad), _) | (_, Err(bad)) => Ok(Err(bad)),
                }
            }
            CodeColumns::Ranks(codes) => {
                let rank = match self.code(&codes.labels, entry) {
                    Ok(rank) => rank as usize,
                    Err(bad) => return Ok(Err(bad)),
                };
                let Some((label, _)) = codes.table.labels.get(rank) else {
                    return Ok(Err(Bad("a rank without a label")));
                };
                let place = codes.spell(LABELS, rank, field(*label), spelled, terms)?;
                Ok(place.map(|place| (*label, place)))
            }
        }
    }

    fn code(&self, column: &Numbers, index: usize) -> Parsed<u32> {
        u32::try_from(column.get(&self.raw, index)?).map_err(|_| Bad("a code that is too large"))
    }

    /// Appends the codes of the categories of an event.
    pub(super) fn categories(&self, index: usize, out: &mut Vec<u32>) -> Parsed<()> {
        for entry in self.category_starts.entries(index) {
            out.push(match &self.codes {
                CodeColumns::Codes { categories, .. } => self.code(categories, entry)?,
                CodeColumns::Ranks(codes) => {
                    codes.table.column_code(CATEGORIES, self.code(&codes.categories, entry)? as usize)?
                }
            });
        }
        Ok(())
    }

    /// Appends labels and codes of an event.
    pub(super) fn labels(&self, index: usize, out: &mut Vec<(u32, u32)>) -> Parsed<()> {
        for entry in self.label_starts.entries(index) {
            out.push(match &self.codes {
                CodeColumns::Codes { label_fields, label_codes, .. } => {
                    (self.code(label_fields, entry)?, self.code(label_codes, entry)?)
                }
                CodeColumns::Ranks(codes) => {
                    let rank = self.code(&codes.labels, entry)? as usize;
                    codes.table.labels.get(rank).copied().ok_or(Bad("a rank without a label"))?
                }
            });
        }
        Ok(())
    }

    /// All codes of an event.
    pub(super) fn codes(&self, index: usize, codes: &mut Codes) -> Parsed<()> {
        for (column, code) in codes.single.iter_mut().enumerate() {
            *code = self.single(column, index)?;
        }
        codes.categories.clear();
        codes.labels.clear();
        self.categories(index, &mut codes.categories)?;
        self.labels(index, &mut codes.labels)
    }

    pub(super) fn uuids(&self, index: usize) -> &[u8] {
        let range = self.uuid_starts.entries(index);
        self.raw.get(self.uuids + range.start * 16..self.uuids + range.end * 16).unwrap_or_default()
    }

    /// Appends the numbers of an event.
    pub(super) fn numbers(&self, index: usize, out: &mut Vec<u64>) -> Parsed<()> {
        let count = self.number_counts.get(index).copied().unwrap_or(0);
        let before = self.number_counts.get(..index).unwrap_or_default();
        for (place, column) in (0..count).zip(&self.numbers) {
            out.push(column.get(&self.raw, before.iter().filter(|count| **count > place).count())?);
        }
        Ok(())
    }
}

thread_local! {
    /// A decompressor keeps a window's worth of memory; one per thread is enough.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub(super) fn decompress(frame: &[u8], length: usize) -> Parsed<Vec<u8>> {
    const UNREADABLE: Bad = Bad("a frame that cannot be decompressed");
    DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(Decompressor::new().map_err(|_| UNREADABLE)?),
        };
        let bytes = decompressor.decompress(frame, length).map_err(|_| UNREADABLE)?;
        if bytes.len() == length { Ok(bytes) } else { Err(Bad("a frame of another length")) }
    })
}

impl Segment {
    /// Reads and decompresses a block.
    pub(super) fn block(&self, block: u32) -> Result<Block, Damage> {
        let place = self.block_place(block)?;
        let table = self.block_table(&place)?;
        let end = if table.is_some() { place.beside } else { place.end };
        let frame = self.file.bytes(Section::Blocks, place.frame..end)?;
        decompress(frame, place.raw_bytes as usize)
            .and_then(|raw| Block::parse(raw, &place, table))
            .map_err(|bad| self.bad(Section::Blocks, place.start, bad))
    }
}
