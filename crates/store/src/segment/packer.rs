//! Writes blocks and what belongs to each of them: made of events one by one, or copied from another segment.

use zstd::bulk::Compressor;

use super::{
    WriteError,
    bits::{put_varint, zigzag},
    block::{BLOCK_DOCS_MAX, Codes, ENTRIES_MAX, SINGLE_FIELDS, TEXT_INSIDE_BYTES_MAX, value_limit},
    block_index::{BlockCopy, RECORD_BYTES},
    columns::{TextsWriter, put_numbers},
    ranks::{Column, ORDER, Table, Widths},
    record::{PLAIN_COLUMNS, Record, TEXT_COLUMNS},
    sink::Sink,
    texts::{self, ID_VALUE},
    word_index::WordIndexWriter,
    words::{BlockWords, TermWords},
};
use crate::pace;

/// Compression level of blocks: above it, time grows faster than bytes shrink.
const ZSTD_LEVEL: i32 = 3;

/// Makes the section `blocks` and the sections that have an entry for each block.
pub(super) struct BlockPacker {
    widths: Widths,
    docs: usize,
    /// Docs of the blocks that are written.
    written: u32,
    recorded: Vec<u64>,
    single: [Column; SINGLE_FIELDS],
    flags: Vec<u64>,
    status: Vec<u64>,
    elapsed: Vec<u64>,
    category_counts: Vec<u64>,
    categories: Vec<u64>,
    category_codes: Vec<u32>,
    label_counts: Vec<u64>,
    labels: Vec<u64>,
    label_codes: Vec<(u32, u32)>,
    texts: [TextsWriter; TEXT_COLUMNS],
    uuid_counts: Vec<u64>,
    uuids: Vec<u8>,
    number_counts: Vec<u64>,
    /// The first numbers of all events, the second ones, and so on.
    numbers: Vec<Vec<u64>>,
    event_numbers: Vec<u64>,
    /// Frames of texts that lie beside the block.
    beside: Vec<u8>,
    raw: Vec<u8>,
    frame: Vec<u8>,
    table: Vec<u8>,
    compressor: Compressor<'static>,
    block_words: BlockWords,
    /// The words of the codes, where whoever adds events does not add them.
    pub(super) term_words: Option<TermWords>,
    /// The section `block_index`.
    pub(super) index: Vec<u8>,
    /// The words of the blocks that were made.
    pub(super) words: WordIndexWriter,
}

/// The place of a value in a list, to which it is added if it is missing.
fn rank_in<T: PartialEq + Copy>(list: &mut Vec<T>, value: T) -> u64 {
    let rank = list.iter().position(|known| *known == value).unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    });
    rank as u64
}

impl BlockPacker {
    pub(super) fn new(widths: Widths) -> Result<Self, WriteError> {
        Ok(Self {
            widths,
            docs: 0,
            written: 0,
            recorded: Vec::new(),
            single: Default::default(),
            flags: Vec::new(),
            status: Vec::new(),
            elapsed: Vec::new(),
            category_counts: Vec::new(),
            categories: Vec::new(),
            category_codes: Vec::new(),
            label_counts: Vec::new(),
            labels: Vec::new(),
            label_codes: Vec::new(),
            texts: Default::default(),
            uuid_counts: Vec::new(),
            uuids: Vec::new(),
            number_counts: Vec::new(),
            numbers: Vec::new(),
            event_numbers: Vec::new(),
            beside: Vec::new(),
            raw: Vec::new(),
            frame: Vec::new(),
            table: Vec::new(),
            compressor: Compressor::new(ZSTD_LEVEL)?,
            block_words: BlockWords::default(),
            term_words: None,
            index: Vec::new(),
            words: WordIndexWriter::default(),
        })
    }

    /// Events of the block that is open.
    pub(super) const fn open_docs(&self) -> usize {
        self.docs
    }

    /// Adds the next event; `words` adds its words to those of the block. The section `blocks` must be open in `sink`.
    pub(super) fn push(
        &mut self,
        record: &Record<'_>,
        codes: &Codes,
        words: impl FnOnce(&mut BlockWords),
        sink: &mut Sink,
    ) -> Result<(), WriteError> {
        pace::small_step();
        self.recorded.push(record.recorded.nanos() as u64 ^ (1 << 63));
        for (column, code) in self.single.iter_mut().zip(codes.single) {
            column.push(code);
        }
        self.flags.push(u64::from(record.status.is_some()) | u64::from(record.elapsed_ms.is_some()) << 1);
        self.status.push(record.status.map_or(0, zigzag));
        self.elapsed.push(record.elapsed_ms.map_or(0, zigzag));
        if codes.categories.len() as u64 > ENTRIES_MAX || codes.labels.len() as u64 > ENTRIES_MAX {
            return Err(WriteError::Event(record.id));
        }
        self.category_counts.push(codes.categories.len() as u64);
        for code in &codes.categories {
            self.categories.push(rank_in(&mut self.category_codes, *code));
        }
        self.label_counts.push(codes.labels.len() as u64);
        for label in &codes.labels {
            self.labels.push(rank_in(&mut self.label_codes, *label));
        }
        self.push_texts(record)?;
        words(&mut self.block_words);
        self.docs += 1;
        if self.docs == BLOCK_DOCS_MAX as usize { self.flush(sink) } else { Ok(()) }
    }

    fn push_texts(&mut self, record: &Record<'_>) -> Result<(), WriteError> {
        if record.texts.iter().all(Option::is_none) {
            self.texts.iter_mut().for_each(TextsWriter::absent);
            self.uuid_counts.push(0);
            self.number_counts.push(0);
            return Ok(());
        }
        let mut buffer = uuid::Uuid::encode_buffer();
        let mut values = record.values;
        values[ID_VALUE] = Some(record.id.hyphenated().encode_lower(&mut buffer));
        let encoder = texts::Encoder::new(&values);
        let uuids_before = self.uuids.len();
        self.event_numbers.clear();
        for (column, text) in record.texts.into_iter().enumerate() {
            let Some(text) = text else {
                self.texts[column].absent();
                continue;
            };
            let (compressor, frame, beside) = (&mut self.compressor, &mut self.frame, &mut self.beside);
            let (uuids, event_numbers) = (&mut self.uuids, &mut self.event_numbers);
            self.texts[column].push(|out| {
                if text.len() > TEXT_INSIDE_BYTES_MAX {
                    compress(compressor, text.as_bytes(), frame)?;
                    put_varint(out, beside.len() as u64);
                    put_varint(out, frame.len() as u64);
                    put_varint(out, text.len() as u64);
                    beside.extend_from_slice(frame);
                    return Ok::<_, WriteError>(true);
                }
                let numbers = (column >= PLAIN_COLUMNS).then_some(event_numbers);
                encoder.encode(text, value_limit(column), out, uuids, numbers);
                Ok(false)
            })?;
        }
        self.uuid_counts.push(((self.uuids.len() - uuids_before) / 16) as u64);
        self.number_counts.push(self.event_numbers.len() as u64);
        if self.numbers.len() < self.event_numbers.len() {
            self.numbers.resize(self.event_numbers.len(), Vec::new());
        }
        self.numbers.iter_mut().zip(&self.event_numbers).for_each(|(column, number)| column.push(*number));
        Ok(())
    }

    /// Writes the block that is open, if any.
    pub(super) fn flush(&mut self, sink: &mut Sink) -> Result<(), WriteError> {
        if self.docs == 0 {
            return Ok(());
        }
        pace::step();
        let raw = &mut self.raw;
        raw.clear();
        put_numbers(raw, &self.recorded);
        self.recorded.clear();
        for (column, parent) in ORDER {
            self.single[column].write(parent.map(|parent| &self.single[parent]), raw);
        }
        let counts = [&mut self.flags, &mut self.status, &mut self.elapsed]
            .into_iter()
            .chain([&mut self.category_counts, &mut self.label_counts, &mut self.uuid_counts])
            .chain([&mut self.number_counts]);
        // A place that no event of this block has a number at has no column.
        let places = self.numbers.iter_mut().filter(|column| !column.is_empty());
        for column in counts.chain(places).chain([&mut self.categories, &mut self.labels]) {
            put_numbers(raw, column);
            column.clear();
        }
        for column in &mut self.texts {
            column.finish(raw);
        }
        raw.extend_from_slice(&self.uuids);
        self.uuids.clear();
        compress(&mut self.compressor, raw, &mut self.frame)?;
        let columns = self.single.iter().map(|column| column.codes.as_slice());
        let columns = columns.chain([self.category_codes.as_slice()]);
        self.table.clear();
        Table::write(columns, &self.label_codes, &self.widths, &mut self.table);
        if let Some(words) = &self.term_words {
            let columns = self.single.iter().map(|column| &column.codes).zip(&words.columns);
            for (codes, words) in columns.chain([(&self.category_codes, &words.categories)]) {
                codes.iter().for_each(|code| self.block_words.hashes(words.of(*code)));
            }
            for (label, code) in &self.label_codes {
                let words = words.labels.get(*label as usize).map(|words| words.of(*code));
                self.block_words.hashes(words.unwrap_or_default());
            }
        }
        self.single.iter_mut().for_each(Column::clear);
        self.category_codes.clear();
        self.label_codes.clear();
        let (docs, frame_bytes, raw_bytes) = (self.docs as u32, self.frame.len() as u32, raw.len() as u32);
        self.frame.append(&mut self.beside);
        let frame = std::mem::take(&mut self.frame);
        self.words.block(self.blocks(), self.block_words.finish());
        self.put(docs, frame_bytes, raw_bytes, &frame, sink)?;
        self.frame = frame;
        self.docs = 0;
        Ok(())
    }

    /// How many blocks are written.
    pub(super) fn blocks(&self) -> u32 {
        (self.index.len() as u64 / RECORD_BYTES) as u32
    }

    /// Copies a block whose codes are those of this segment already; gives its number. Its words are not known here. No
    /// block may be open.
    pub(super) fn copy(&mut self, block: &BlockCopy<'_>, sink: &mut Sink) -> Result<u32, WriteError> {
        debug_assert_eq!(self.docs, 0, "no block is open");
        pace::step();
        self.table.clear();
        Table::write(block.table.columns(), &block.table.labels, &self.widths, &mut self.table);
        let number = self.blocks();
        self.put(block.place.docs, block.frame_bytes, block.raw_bytes, block.bytes, sink)?;
        Ok(number)
    }

    /// Writes a block whose table is made.
    fn put(
        &mut self,
        docs: u32,
        frame_bytes: u32,
        raw_bytes: u32,
        bytes: &[u8],
        sink: &mut Sink,
    ) -> Result<(), WriteError> {
        self.index.extend_from_slice(&sink.offset().to_le_bytes());
        for number in [self.written, self.table.len() as u32, frame_bytes, raw_bytes] {
            self.index.extend_from_slice(&number.to_le_bytes());
        }
        self.written += docs;
        sink.write(&self.table)?;
        sink.write(bytes)
    }
}

fn compress(compressor: &mut Compressor<'_>, bytes: &[u8], frame: &mut Vec<u8>) -> Result<(), WriteError> {
    frame.clear();
    frame.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
    compressor.compress_to_buffer(bytes, frame)?;
    Ok(())
}
