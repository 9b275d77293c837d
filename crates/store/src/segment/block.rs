//! Blocks: the events themselves, column by column, one zstd frame each.
//!
//! A block holds what the other sections do not: codes of the indexed fields, numbers, and the texts that have no
//! dictionary. A single event of a block can be made without making the others.

use std::{borrow::Cow, cell::RefCell, rc::Rc};

use annals_model::{EntityRef, EventRef, Outcome, RequestRef, Timestamp, limits::EVENT_BYTES_MAX};
use zstd::bulk::{Compressor, Decompressor};

use super::{
    BLOCK_DOCS, Segment, WriteError,
    bits::{Bad, Parsed, Reader, put_varint, unzigzag, zigzag},
    columns::{Numbers, TextEntry, Texts, TextsWriter, put_numbers},
    decoder::TermCache,
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    file::Section,
    record::{Record, TEXT_COLUMNS},
    sink::Sink,
    texts::{self, ID_VALUE, VALUES, VALUES_BEFORE_TEXTS, Values, values_of_ref},
    words::BlockWords,
};
use crate::Damage;

/// Compression level of blocks: above it, time grows faster than bytes shrink.
const ZSTD_LEVEL: i32 = 3;
/// A longer text is compressed by itself beside the block, so that it costs only those who want it.
const TEXT_INSIDE_BYTES_MAX: usize = 16 << 10;
/// The longest text elsewhere that is believed.
const TEXT_ELSEWHERE_BYTES_MAX: u64 = 2 * EVENT_BYTES_MAX as u64;
/// The largest block that is believed, uncompressed.
const BLOCK_BYTES_MAX: u32 = 64 << 20;
/// The most categories, labels or UUIDs of one event that are believed.
const ENTRIES_MAX: u64 = 1 << 16;
/// Bytes of one record of the block index.
const RECORD_BYTES: u64 = 16;

/// How many fields have one code per event and a column for it.
pub(super) const SINGLE_FIELDS: usize = 21;
/// The fields that have one code per event, by column. The organization is told by the doc's range.
pub(super) const SINGLE: [usize; SINGLE_FIELDS] =
    [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22];

/// The column of a fixed field that has one code per event.
pub(super) fn column_of(field: usize) -> Option<usize> {
    SINGLE.binary_search(&field).ok()
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
const fn value_limit(column: usize) -> usize {
    match column {
        0 => VALUES_BEFORE_TEXTS,
        1 => VALUES_BEFORE_TEXTS + 1,
        _ => VALUES,
    }
}

/// Writes blocks and what belongs to each of them.
pub(super) struct BlocksWriter {
    docs: usize,
    recorded: Vec<u64>,
    single: [Vec<u64>; SINGLE_FIELDS],
    flags: Vec<u64>,
    status: Vec<u64>,
    elapsed: Vec<u64>,
    category_counts: Vec<u64>,
    categories: Vec<u64>,
    label_counts: Vec<u64>,
    label_fields: Vec<u64>,
    label_codes: Vec<u64>,
    texts: [TextsWriter; TEXT_COLUMNS],
    uuid_counts: Vec<u64>,
    uuids: Vec<u8>,
    raw: Vec<u8>,
    frame: Vec<u8>,
    compressor: Compressor<'static>,
    block_words: BlockWords,
    /// The section `block_index`.
    pub(super) index: Vec<u8>,
    /// The section `words`.
    pub(super) words: Vec<u8>,
    /// The section `word_index`.
    pub(super) word_index: Vec<u8>,
}

impl BlocksWriter {
    pub(super) fn new() -> Result<Self, WriteError> {
        Ok(Self {
            docs: 0,
            recorded: Vec::new(),
            single: Default::default(),
            flags: Vec::new(),
            status: Vec::new(),
            elapsed: Vec::new(),
            category_counts: Vec::new(),
            categories: Vec::new(),
            label_counts: Vec::new(),
            label_fields: Vec::new(),
            label_codes: Vec::new(),
            texts: Default::default(),
            uuid_counts: Vec::new(),
            uuids: Vec::new(),
            raw: Vec::new(),
            frame: Vec::new(),
            compressor: Compressor::new(ZSTD_LEVEL)?,
            block_words: BlockWords::default(),
            index: Vec::new(),
            words: Vec::new(),
            word_index: 0_u64.to_le_bytes().to_vec(),
        })
    }

    /// Adds the next event; `words` adds its words to those of the block. The section `blocks` must be open in `sink`.
    pub(super) fn push(
        &mut self,
        record: &Record<'_>,
        codes: &Codes,
        words: impl FnOnce(&mut BlockWords),
        sink: &mut Sink,
    ) -> Result<(), WriteError> {
        self.recorded.push(record.recorded.nanos() as u64 ^ (1 << 63));
        for (column, code) in self.single.iter_mut().zip(codes.single) {
            column.push(u64::from(code));
        }
        self.flags.push(u64::from(record.status.is_some()) | u64::from(record.elapsed_ms.is_some()) << 1);
        self.status.push(record.status.map_or(0, zigzag));
        self.elapsed.push(record.elapsed_ms.map_or(0, zigzag));
        if codes.categories.len() as u64 > ENTRIES_MAX || codes.labels.len() as u64 > ENTRIES_MAX {
            return Err(WriteError::Event(record.id));
        }
        self.category_counts.push(codes.categories.len() as u64);
        self.categories.extend(codes.categories.iter().map(|code| u64::from(*code)));
        self.label_counts.push(codes.labels.len() as u64);
        self.label_fields.extend(codes.labels.iter().map(|(field, _)| u64::from(*field)));
        self.label_codes.extend(codes.labels.iter().map(|(_, code)| u64::from(*code)));
        self.push_texts(record, sink)?;
        words(&mut self.block_words);
        self.docs += 1;
        if self.docs == BLOCK_DOCS { self.flush(sink) } else { Ok(()) }
    }

    fn push_texts(&mut self, record: &Record<'_>, sink: &mut Sink) -> Result<(), WriteError> {
        if record.texts.iter().all(Option::is_none) {
            self.texts.iter_mut().for_each(TextsWriter::absent);
            self.uuid_counts.push(0);
            return Ok(());
        }
        let mut buffer = uuid::Uuid::encode_buffer();
        let mut values = record.values;
        values[ID_VALUE] = Some(record.id.hyphenated().encode_lower(&mut buffer));
        let encoder = texts::Encoder::new(&values);
        let uuids_before = self.uuids.len();
        for (column, text) in record.texts.into_iter().enumerate() {
            let Some(text) = text else {
                self.texts[column].absent();
                continue;
            };
            let (compressor, frame, uuids) = (&mut self.compressor, &mut self.frame, &mut self.uuids);
            self.texts[column].push(|out| {
                if text.len() > TEXT_INSIDE_BYTES_MAX {
                    compress(compressor, text.as_bytes(), frame)?;
                    put_varint(out, sink.offset());
                    put_varint(out, frame.len() as u64);
                    put_varint(out, text.len() as u64);
                    sink.write(frame)?;
                    return Ok::<_, WriteError>(true);
                }
                encoder.encode(text, value_limit(column), out, uuids);
                Ok(false)
            })?;
        }
        self.uuid_counts.push(((self.uuids.len() - uuids_before) / 16) as u64);
        Ok(())
    }

    /// Writes the block that is open, if any.
    pub(super) fn flush(&mut self, sink: &mut Sink) -> Result<(), WriteError> {
        if self.docs == 0 {
            return Ok(());
        }
        let raw = &mut self.raw;
        raw.clear();
        let numbers = std::iter::once(&mut self.recorded)
            .chain(&mut self.single)
            .chain([&mut self.flags, &mut self.status, &mut self.elapsed])
            .chain([&mut self.category_counts, &mut self.label_counts, &mut self.uuid_counts])
            .chain([&mut self.categories, &mut self.label_fields, &mut self.label_codes]);
        for column in numbers {
            put_numbers(raw, column);
            column.clear();
        }
        for column in &mut self.texts {
            column.finish(raw);
        }
        raw.extend_from_slice(&self.uuids);
        self.uuids.clear();
        compress(&mut self.compressor, raw, &mut self.frame)?;
        self.index.extend_from_slice(&sink.offset().to_le_bytes());
        self.index.extend_from_slice(&(self.frame.len() as u32).to_le_bytes());
        self.index.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        sink.write(&self.frame)?;
        self.block_words.finish(&mut self.words);
        self.word_index.extend_from_slice(&(self.words.len() as u64).to_le_bytes());
        self.docs = 0;
        Ok(())
    }
}

fn compress(compressor: &mut Compressor<'_>, bytes: &[u8], frame: &mut Vec<u8>) -> Result<(), WriteError> {
    frame.clear();
    frame.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
    compressor.compress_to_buffer(bytes, frame)?;
    Ok(())
}

/// A decompressed block.
pub(super) struct Block {
    raw: Vec<u8>,
    docs: usize,
    recorded: Numbers,
    single: [Numbers; SINGLE_FIELDS],
    flags: Numbers,
    status: Numbers,
    elapsed: Numbers,
    categories: Numbers,
    label_fields: Numbers,
    label_codes: Numbers,
    /// Where the categories, labels and UUIDs of each doc begin.
    category_starts: Vec<usize>,
    label_starts: Vec<usize>,
    uuid_starts: Vec<usize>,
    texts: [Texts; TEXT_COLUMNS],
    uuids: usize,
}

impl Block {
    fn parse(raw: Vec<u8>, docs: usize) -> Parsed<Self> {
        let mut reader = Reader::new(&raw);
        let recorded = Numbers::parse(&mut reader, docs)?;
        let mut single = [Numbers::default(); SINGLE_FIELDS];
        for column in &mut single {
            *column = Numbers::parse(&mut reader, docs)?;
        }
        let mut next = || Numbers::parse(&mut reader, docs);
        let (flags, status, elapsed) = (next()?, next()?, next()?);
        let (category_counts, label_counts, uuid_counts) = (next()?, next()?, next()?);
        let starts = |counts: &Numbers| -> Parsed<Vec<usize>> {
            let mut starts = Vec::with_capacity(docs + 1);
            let mut sum = 0;
            starts.push(0);
            for index in 0..docs {
                let count = counts.get(&raw, index)?;
                if count > ENTRIES_MAX {
                    return Err(Bad("more entries in one event than there can be"));
                }
                sum += count as usize;
                starts.push(sum);
            }
            Ok(starts)
        };
        let (category_starts, label_starts) = (starts(&category_counts)?, starts(&label_counts)?);
        let uuid_starts = starts(&uuid_counts)?;
        let total = |starts: &[usize]| starts.last().copied().unwrap_or(0);
        let categories = Numbers::parse(&mut reader, total(&category_starts))?;
        let label_fields = Numbers::parse(&mut reader, total(&label_starts))?;
        let label_codes = Numbers::parse(&mut reader, total(&label_starts))?;
        let mut texts: [Texts; TEXT_COLUMNS] = Default::default();
        for column in &mut texts {
            *column = Texts::parse(&mut reader, &raw, docs)?;
        }
        let uuids = reader.at();
        reader.take(total(&uuid_starts) * 16)?;
        if !reader.is_empty() {
            return Err(Bad("a block is longer than its columns"));
        }
        Ok(Self {
            docs,
            recorded,
            single,
            flags,
            status,
            elapsed,
            categories,
            label_fields,
            label_codes,
            category_starts,
            label_starts,
            uuid_starts,
            texts,
            uuids,
            raw,
        })
    }

    /// How many events it has.
    pub(super) const fn docs(&self) -> usize {
        self.docs
    }

    /// Whether an event has a text without a dictionary.
    pub(super) fn has_texts(&self) -> bool {
        self.texts.iter().any(|texts| !texts.is_empty())
    }

    /// Bytes it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.raw.len() + self.docs * 256
    }

    /// Code + 1 of a column, or 0.
    pub(super) fn single(&self, column: usize, index: usize) -> Parsed<u32> {
        let column = self.single.get(column).ok_or(Bad("a column that is not there"))?;
        u32::try_from(column.get(&self.raw, index)?).map_err(|_| Bad("a code that is too large"))
    }

    fn entries(starts: &[usize], index: usize) -> std::ops::Range<usize> {
        starts.get(index).copied().unwrap_or(0)..starts.get(index + 1).copied().unwrap_or(0)
    }

    fn code(&self, column: &Numbers, index: usize) -> Parsed<u32> {
        u32::try_from(column.get(&self.raw, index)?).map_err(|_| Bad("a code that is too large"))
    }

    /// Appends the codes of the categories of an event.
    pub(super) fn categories(&self, index: usize, out: &mut Vec<u32>) -> Parsed<()> {
        for entry in Self::entries(&self.category_starts, index) {
            out.push(self.code(&self.categories, entry)?);
        }
        Ok(())
    }

    /// Appends labels and codes of an event.
    pub(super) fn labels(&self, index: usize, out: &mut Vec<(u32, u32)>) -> Parsed<()> {
        for entry in Self::entries(&self.label_starts, index) {
            out.push((self.code(&self.label_fields, entry)?, self.code(&self.label_codes, entry)?));
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

    fn uuids(&self, index: usize) -> &[u8] {
        let range = Self::entries(&self.uuid_starts, index);
        self.raw.get(self.uuids + range.start * 16..self.uuids + range.end * 16).unwrap_or_default()
    }
}

thread_local! {
    /// A decompressor keeps a window's worth of memory; one per thread is enough.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn decompress(frame: &[u8], length: usize) -> Parsed<Vec<u8>> {
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
    /// How many blocks there are.
    pub(super) const fn blocks(&self) -> u32 {
        self.docs.div_ceil(BLOCK_DOCS as u32)
    }

    /// Reads and decompresses a block.
    pub(super) fn block(&self, block: u32) -> Result<Block, Damage> {
        let at = u64::from(block) * RECORD_BYTES;
        let mut reader = Reader::new(self.file.bytes(Section::BlockIndex, at..at + RECORD_BYTES)?);
        let parse = |reader: &mut Reader<'_>| Ok((reader.u64()?, reader.u32()?, reader.u32()?));
        let (offset, length, raw) =
            parse(&mut reader).map_err(|bad| self.bad(Section::BlockIndex, at, bad))?;
        if raw > BLOCK_BYTES_MAX {
            return Err(self.bad(Section::BlockIndex, at, Bad("a block larger than there can be")));
        }
        let frame = self.file.bytes(Section::Blocks, offset..offset.saturating_add(u64::from(length)))?;
        let docs = (self.docs - (block * BLOCK_DOCS as u32).min(self.docs)).min(BLOCK_DOCS as u32) as usize;
        decompress(frame, raw as usize)
            .and_then(|raw| Block::parse(raw, docs))
            .map_err(|bad| self.bad(Section::Blocks, offset, bad))
    }

    fn text_elsewhere(&self, place: &[u8]) -> Result<String, Damage> {
        let mut reader = Reader::new(place);
        let parse = |reader: &mut Reader<'_>| Ok((reader.varint()?, reader.varint()?, reader.varint()?));
        let bad = |bad| self.bad(Section::Blocks, 0, bad);
        let (offset, length, raw) = parse(&mut reader).map_err(bad)?;
        if raw > TEXT_ELSEWHERE_BYTES_MAX {
            return Err(bad(Bad("a text longer than there can be")));
        }
        let frame = self.file.bytes(Section::Blocks, offset..offset.saturating_add(length))?;
        let text = decompress(frame, raw as usize).map_err(|bad| self.bad(Section::Blocks, offset, bad))?;
        String::from_utf8(text)
            .map_err(|_| self.bad(Section::Blocks, offset, Bad("a text that is not UTF-8")))
    }

    /// Reads one event of a block and shows it to `visit`.
    pub(super) fn read_event<R>(
        &self,
        block: &Block,
        doc: u32,
        terms: &mut TermCache<'_>,
        visit: impl FnOnce(&EventRef<'_>) -> R,
    ) -> Result<R, Damage> {
        let index = doc as usize % BLOCK_DOCS;
        let bad = |Bad(reason): Bad| Damage {
            file: self.file.name().to_owned(),
            place: format!("section blocks, block {}", doc as usize / BLOCK_DOCS),
            reason: reason.to_owned(),
        };
        let mut single: [Option<Rc<str>>; SINGLE_FIELDS] = Default::default();
        for (column, field) in SINGLE.iter().enumerate() {
            if let Some(code) = block.single(column, index).map_err(bad)?.checked_sub(1) {
                single[column] = Some(terms.term(*field as u32, code)?);
            }
        }
        let text = |field: usize| column_of(field).and_then(|column| single[column].as_deref());
        let required = |field: usize| text(field).ok_or_else(|| bad(Bad("a required field is absent")));
        let organization = match self.organization_of(doc)? {
            None => None,
            Some(code) => Some(terms.term(ORGANIZATION as u32, code)?),
        };
        let mut codes = Vec::new();
        block.categories(index, &mut codes).map_err(bad)?;
        let mut category_texts = Vec::with_capacity(codes.len());
        for code in codes {
            category_texts.push(terms.term(CATEGORY as u32, code)?);
        }
        let categories: Vec<&str> = category_texts.iter().map(|text| &**text).collect();
        let mut codes = Vec::new();
        block.labels(index, &mut codes).map_err(bad)?;
        let mut label_texts = Vec::with_capacity(codes.len());
        for (label, code) in codes {
            let field = (FIXED_FIELDS as u32).saturating_add(label);
            label_texts.push((self.label_key(field)?, terms.term(field, code)?));
        }
        let labels: Vec<(&str, &str)> = label_texts.iter().map(|(name, text)| (*name, &**text)).collect();
        let flags = block.flags.get(&block.raw, index).map_err(bad)?;
        let number = |bit: u64, column: &Numbers| -> Result<Option<i64>, Damage> {
            if flags & bit == 0 {
                return Ok(None);
            }
            column.get(&block.raw, index).map(|value| Some(unzigzag(value))).map_err(bad)
        };

        let position = self.position(doc)?;
        let mut event = EventRef {
            id: self.id(doc)?,
            seq: position.seq,
            time: position.time,
            recorded: Timestamp::from_nanos(
                (block.recorded.get(&block.raw, index).map_err(bad)? ^ (1 << 63)) as i64,
            ),
            source: required(0)?,
            kind: required(1)?,
            action: required(2)?,
            outcome: Outcome::from_name(required(3)?).ok_or_else(|| bad(Bad("an unknown outcome")))?,
            status: text(4),
            organization: organization.as_deref().map(|id| (id, text(6))),
            project: text(7).map(|id| (id, text(8))),
            environment: text(9).map(|id| (id, text(10))),
            actor: EntityRef { kind: text(11), id: text(12), name: text(13) },
            target: EntityRef { kind: text(14), id: text(15), name: text(16) },
            part: text(17),
            origin: text(18),
            zone: text(19),
            categories: &categories,
            labels: &labels,
            request: RequestRef {
                method: text(21),
                ip: text(22),
                status: number(1, &block.status)?,
                elapsed_ms: number(2, &block.elapsed)?,
                ..RequestRef::default()
            },
            ..EventRef::default()
        };
        let mut buffer = uuid::Uuid::encode_buffer();
        let id: &str = event.id.hyphenated().encode_lower(&mut buffer);
        let mut uuids = block.uuids(index);
        let mut values = values_of_ref(&event, id);
        // The first two are values that those behind them may refer to.
        let source_id = self.text(block, index, 0, &values, &mut uuids)?.map_err(bad)?;
        values[VALUES_BEFORE_TEXTS] = source_id.as_deref();
        let request_id = self.text(block, index, 1, &values, &mut uuids)?.map_err(bad)?;
        values[VALUES_BEFORE_TEXTS + 1] = request_id.as_deref();
        let mut texts: [Option<Cow<'_, str>>; TEXT_COLUMNS - 2] = Default::default();
        for (text, column) in texts.iter_mut().zip(2..) {
            *text = self.text(block, index, column, &values, &mut uuids)?.map_err(bad)?;
        }
        event.source_id = source_id.as_deref();
        event.request.id = request_id.as_deref();
        event.request.uri = texts[0].as_deref();
        event.request.user_agent = texts[1].as_deref();
        event.message = texts[2].as_deref();
        event.before = texts[3].as_deref();
        event.after = texts[4].as_deref();
        event.data = texts[5].as_deref();
        Ok(visit(&event))
    }

    /// One of the texts that have no dictionary.
    fn text<'b>(
        &self,
        block: &'b Block,
        index: usize,
        column: usize,
        values: &Values<'_>,
        uuids: &mut &[u8],
    ) -> Result<Parsed<Option<Cow<'b, str>>>, Damage> {
        let entry = match block.texts.get(column).map(|texts| texts.get(&block.raw, index)) {
            Some(Ok(entry)) => entry,
            Some(Err(bad)) => return Ok(Err(bad)),
            None => None,
        };
        Ok(match entry {
            None => Ok(None),
            Some(TextEntry { bytes, elsewhere: true }) => Ok(Some(Cow::Owned(self.text_elsewhere(bytes)?))),
            Some(TextEntry { bytes, .. }) => {
                texts::decode(bytes, values, value_limit(column), uuids).map(Some)
            }
        })
    }
}
