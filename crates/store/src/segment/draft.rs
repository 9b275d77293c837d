//! A segment file in the making: what sealing and merging have in common. Events come in doc order with their codes,
//! then the orders, then the fields one by one, then the ids.

use super::{
    SEGMENT_EVENTS_MAX, SegmentMeta, WriteError,
    bits::{pack, width_of},
    block::{BlocksWriter, Codes},
    fields::{FIXED_FIELDS, FieldRecord},
    file::Section,
    ids,
    positions::PositionsWriter,
    postings::FieldWriter,
    record::Record,
    sink::Sink,
    words::BlockWords,
};
use crate::files::NewFile;

/// A segment file in the making.
pub(super) struct Draft {
    sink: Sink,
    docs: u32,
    blocks: BlocksWriter,
    positions: PositionsWriter,
    meta: Option<SegmentMeta>,
}

/// A draft whose events are written.
pub(super) struct DraftFields {
    sink: Sink,
    docs: u32,
    meta: SegmentMeta,
    records: Vec<u8>,
    label_keys: Vec<u8>,
    fields: usize,
}

impl Draft {
    pub(super) fn new(file: Box<dyn NewFile>, events: usize) -> Result<Self, WriteError> {
        let docs = u32::try_from(events).ok().filter(|_| (1..=SEGMENT_EVENTS_MAX).contains(&events));
        Ok(Self {
            docs: docs.ok_or(WriteError::Size(events))?,
            sink: Sink::new(file)?,
            blocks: BlocksWriter::new()?,
            positions: PositionsWriter::default(),
            meta: None,
        })
    }

    /// Adds the next event in doc order; `words` adds its words to those of its block.
    pub(super) fn push(
        &mut self,
        record: &Record<'_>,
        codes: &Codes,
        words: impl FnOnce(&mut BlockWords),
    ) -> Result<(), WriteError> {
        let position = record.position;
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
        self.blocks.push(record, codes, words, &mut self.sink)
    }

    /// Ends the events. `organizations` are the first docs of each organization in the order of their codes;
    /// `time_order` gives the docs in the total order.
    pub(super) fn end_events(
        mut self,
        organizations: &[u32],
        time_order: impl IntoIterator<Item = Result<u32, WriteError>>,
    ) -> Result<DraftFields, WriteError> {
        self.blocks.flush(&mut self.sink)?;
        self.positions.flush();
        let meta = self.meta.take().filter(|meta| meta.events == u64::from(self.docs));
        let meta = meta.ok_or(WriteError::Size(0))?;
        let Self { mut sink, docs, blocks, positions, .. } = self;
        sink.end_section(Section::Blocks);
        sink.section(Section::BlockIndex, &blocks.index)?;
        sink.section(Section::Words, &blocks.words)?;
        sink.section(Section::WordIndex, &blocks.word_index)?;
        drop(blocks);
        sink.section(Section::Positions, &positions.packed)?;
        sink.section(Section::PositionIndex, &positions.index)?;
        drop(positions);
        let mut starts = Vec::with_capacity(organizations.len() * 4);
        organizations.iter().for_each(|start| starts.extend_from_slice(&start.to_le_bytes()));
        sink.section(Section::Organizations, &starts)?;
        let order = time_order.into_iter().collect::<Result<Vec<u32>, _>>()?;
        let mut packed = Vec::new();
        if !order.iter().zip(0_u32..).all(|(doc, rank)| *doc == rank) {
            pack(&mut packed, order.iter().map(|doc| u64::from(*doc)), width_of(u64::from(docs) - 1));
        }
        sink.section(Section::TimeOrder, &packed)?;
        Ok(DraftFields { sink, docs, meta, records: Vec::new(), label_keys: Vec::new(), fields: 0 })
    }
}

impl DraftFields {
    /// Begins the terms of a field. Fixed fields come by number, all of them; labels behind them by name.
    pub(super) fn field(&self) -> FieldWriter {
        FieldWriter::new(self.docs)
    }

    /// Ends the terms of a field; `key` is a label's name.
    pub(super) fn end_field(&mut self, field: FieldWriter, key: &str) -> Result<(), WriteError> {
        let sink = &mut self.sink;
        let written = sink.offset();
        let record = field.finish(written, |bytes| sink.write(bytes))?;
        let record = FieldRecord { key: self.label_keys.len() as u64, key_bytes: key.len() as u32, ..record };
        self.label_keys.extend_from_slice(key.as_bytes());
        record.write(&mut self.records);
        self.fields += 1;
        Ok(())
    }

    /// Writes the ids in doc order and everything that ends the file.
    pub(super) fn finish(
        mut self,
        ids: impl IntoIterator<Item = Result<[u8; 16], WriteError>>,
    ) -> Result<SegmentMeta, WriteError> {
        debug_assert!(self.fields >= FIXED_FIELDS, "every fixed field has a record");
        self.sink.end_section(Section::Terms);
        self.sink.section(Section::LabelKeys, &self.label_keys)?;
        self.sink.section(Section::Fields, &self.records)?;
        let mut table = ids::TableWriter::new(self.docs);
        for id in ids {
            let id = id?;
            table.push(&id);
            self.sink.write(&id)?;
        }
        self.sink.end_section(Section::Ids);
        self.sink.section(Section::IdTable, &table.finish())?;
        self.sink.finish(&mut self.meta)?;
        Ok(self.meta)
    }
}
