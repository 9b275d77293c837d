//! A segment file in the making: what sealing and merging have in common. The terms of the fields come first, which
//! gives every code its width, then events in doc order or whole blocks of them, then the orders, then the postings
//! field by field, then the ids.

use annals_model::Position;

use super::{
    SEGMENT_EVENTS_MAX, SegmentMeta, WriteError,
    bits::{pack, width_of},
    block::{BLOCK_DOCS, Codes},
    block_index::BlockCopy,
    fields::{FIXED_FIELDS, FieldRecord},
    file::Section,
    ids,
    packer::BlockPacker,
    positions::PositionsWriter,
    postings::PostingsWriter,
    ranks::Widths,
    record::Record,
    sink::Sink,
    terms::TermsWriter,
    word_index::CopiedBlocks,
    words::{BlockWords, TermWords},
};
use crate::files::NewFile;

/// A segment file in the making, whose terms are being written.
pub(super) struct Draft {
    sink: Sink,
    docs: u32,
    records: Vec<FieldRecord>,
    label_keys: Vec<u8>,
}

/// A draft whose terms are written.
pub(super) struct DraftEvents {
    sink: Sink,
    docs: u32,
    records: Vec<FieldRecord>,
    blocks: BlockPacker,
    positions: PositionsWriter,
    meta: Option<SegmentMeta>,
}

/// A draft whose events are written.
pub(super) struct DraftPostings {
    sink: Sink,
    docs: u32,
    meta: SegmentMeta,
    records: Vec<FieldRecord>,
    /// Fields whose postings are written.
    fields: usize,
}

/// Takes the ids in doc order.
pub(super) struct DraftIds<'d> {
    sink: &'d mut Sink,
    table: ids::TableWriter,
}

impl Draft {
    pub(super) fn new(file: Box<dyn NewFile>, events: usize) -> Result<Self, WriteError> {
        let docs = u32::try_from(events).ok().filter(|_| (1..=SEGMENT_EVENTS_MAX).contains(&events));
        Ok(Self {
            docs: docs.ok_or(WriteError::Size(events))?,
            sink: Sink::new(file)?,
            records: Vec::with_capacity(FIXED_FIELDS),
            label_keys: Vec::new(),
        })
    }

    /// Adds the terms of the next field; `key` is a label's name. Fixed fields come by number, all of them; labels
    /// behind them by name.
    pub(super) fn field(&mut self, terms: &TermsWriter, key: &str) -> Result<(), WriteError> {
        let (groups, group_width) = terms.packed_groups();
        let groups_at = self.sink.offset();
        self.sink.write(&groups)?;
        let texts = self.sink.offset();
        self.sink.write(&terms.bytes)?;
        self.records.push(FieldRecord {
            terms: terms.terms,
            group_width: group_width as u8,
            key_bytes: key.len() as u32,
            key: self.label_keys.len() as u64,
            groups: groups_at,
            texts,
            texts_bytes: terms.bytes.len() as u64,
            ..FieldRecord::default()
        });
        self.label_keys.extend_from_slice(key.as_bytes());
        Ok(())
    }

    /// Ends the terms.
    pub(super) fn end_terms(mut self) -> Result<DraftEvents, WriteError> {
        debug_assert!(self.records.len() >= FIXED_FIELDS, "every fixed field has a record");
        self.sink.end_section(Section::Terms);
        self.sink.section(Section::LabelKeys, &self.label_keys)?;
        let widths = Widths::of(&self.records, self.records.len().saturating_sub(FIXED_FIELDS));
        let Self { sink, docs, records, .. } = self;
        let (blocks, positions) = (BlockPacker::new(widths)?, PositionsWriter::default());
        Ok(DraftEvents { sink, docs, records, blocks, positions, meta: None })
    }
}

impl DraftEvents {
    fn place(&mut self, position: Position) {
        self.positions.push(position);
        let meta = self.meta.get_or_insert(SegmentMeta {
            events: 0,
            first: position,
            last: position,
            seq_first: position.seq,
            seq_last: position.seq,
            bytes: 0,
        });
        meta.events += 1;
        meta.first = meta.first.min(position);
        meta.last = meta.last.max(position);
        meta.seq_first = meta.seq_first.min(position.seq);
        meta.seq_last = meta.seq_last.max(position.seq);
    }

    /// Takes the words of all terms; who adds events then need not add those of their codes.
    pub(super) fn take_words(&mut self, words: TermWords) {
        self.blocks.term_words = Some(words);
    }

    /// Adds the next event in doc order; `words` adds its words to those of its block.
    pub(super) fn push(
        &mut self,
        record: &Record<'_>,
        codes: &Codes,
        words: impl FnOnce(&mut BlockWords),
    ) -> Result<(), WriteError> {
        self.place(record.position);
        self.blocks.push(record, codes, words, &mut self.sink)
    }

    /// Begins a new block with the next event.
    pub(super) fn end_block(&mut self) -> Result<(), WriteError> {
        self.blocks.flush(&mut self.sink)
    }

    /// Begins a new block with the next event if the open one is large enough to stand for itself.
    pub(super) fn end_large_block(&mut self) -> Result<(), WriteError> {
        if self.blocks.open_docs() >= BLOCK_DOCS as usize * 3 / 4 { self.end_block() } else { Ok(()) }
    }

    /// Copies a whole block whose codes are the new ones already; gives its number. `positions` are those of its events.
    pub(super) fn copy(&mut self, block: &BlockCopy<'_>, positions: &[Position]) -> Result<u32, WriteError> {
        self.end_block()?;
        positions.iter().for_each(|position| self.place(*position));
        self.blocks.copy(block, &mut self.sink)
    }

    /// Ends the events. `organizations` are the first docs of each organization in the order of their codes;
    /// `time_order` gives the docs in the total order, and is asked when the places of events need no memory any more;
    /// `copied` says which blocks came from where.
    pub(super) fn end_events(
        mut self,
        copied: &[CopiedBlocks<'_>],
        organizations: &[u32],
        time_order: impl FnOnce() -> Result<Vec<u32>, WriteError>,
    ) -> Result<DraftPostings, WriteError> {
        self.blocks.flush(&mut self.sink)?;
        self.positions.flush();
        let meta = self.meta.take().filter(|meta| meta.events == u64::from(self.docs));
        let meta = meta.ok_or(WriteError::Size(0))?;
        let Self { mut sink, docs, records, blocks, positions, .. } = self;
        sink.end_section(Section::Blocks);
        sink.section(Section::BlockIndex, &blocks.index)?;
        let number = blocks.blocks();
        blocks.words.finish(number, copied, &mut sink)?;
        sink.section(Section::Positions, &positions.packed)?;
        sink.section(Section::PositionIndex, &positions.index)?;
        drop(positions);
        let mut starts = Vec::with_capacity(organizations.len() * 4);
        organizations.iter().for_each(|start| starts.extend_from_slice(&start.to_le_bytes()));
        sink.section(Section::Organizations, &starts)?;
        let time_order = time_order()?;
        let mut packed = Vec::new();
        if !time_order.iter().zip(0_u32..).all(|(doc, rank)| *doc == rank) {
            let order = time_order.iter().map(|doc| u64::from(*doc));
            pack(&mut packed, order, width_of(u64::from(docs) - 1));
        }
        sink.section(Section::TimeOrder, &packed)?;
        Ok(DraftPostings { sink, docs, meta, records, fields: 0 })
    }
}

impl DraftPostings {
    /// Begins the postings of the next field.
    pub(super) fn field(&self) -> PostingsWriter {
        PostingsWriter::new(self.docs)
    }

    /// Ends the postings of a field.
    pub(super) fn end_field(&mut self, postings: PostingsWriter) -> Result<(), WriteError> {
        if let Some(record) = self.records.get_mut(self.fields) {
            postings.finish(&mut self.sink, record)?;
            self.fields += 1;
        }
        Ok(())
    }

    /// Writes the ids in doc order, which `give` hands over, and everything that ends the file.
    pub(super) fn finish(
        mut self,
        give: impl FnOnce(&mut DraftIds<'_>) -> Result<(), WriteError>,
    ) -> Result<SegmentMeta, WriteError> {
        debug_assert_eq!(self.fields, self.records.len(), "every field has postings");
        self.sink.end_section(Section::Postings);
        let mut records = Vec::new();
        self.records.iter().for_each(|record| record.write(&mut records));
        self.sink.section(Section::Fields, &records)?;
        let mut ids = DraftIds { sink: &mut self.sink, table: ids::TableWriter::new(self.docs) };
        give(&mut ids)?;
        let table = ids.table;
        self.sink.end_section(Section::Ids);
        table.finish(&mut self.sink)?;
        self.sink.finish(&mut self.meta)?;
        Ok(self.meta)
    }
}

impl DraftIds<'_> {
    pub(super) fn push(&mut self, id: &[u8; 16]) -> Result<(), WriteError> {
        self.table.push(id);
        self.sink.write(id)
    }
}
