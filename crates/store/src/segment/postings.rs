//! Postings: which docs have a term. One doc lies in the reference itself, a few are deltas, many are a Roaring bitmap
//! in its published serialised form. Decoded bitmaps are remembered, as totals ask for the same ones again.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{
    WriteError,
    bits::{Bad, Parsed, Reader, pack, put_varint, width_of},
    fields::{FieldRecord, Presence},
    file::Section,
    sets::{DocSet, Docs, docs_of_term},
    sink::Sink,
    terms::Dictionary,
};
use crate::Damage;

/// Up to so many docs are written as deltas.
const FEW_MAX: usize = 256;

/// The docs of one term.
#[derive(Debug, Clone)]
pub(super) enum Posting {
    /// In ascending order.
    Few(Vec<u32>),
    Many(Arc<DocSet>),
}

impl Posting {
    pub(super) fn contains(&self, doc: u32) -> bool {
        match self {
            Self::Few(docs) => docs.binary_search(&doc).is_ok(),
            Self::Many(bitmap) => bitmap.contains(doc),
        }
    }
}

/// Writes the postings of one field.
pub(super) struct PostingsWriter {
    references: Vec<u64>,
    postings: Vec<u8>,
    /// One bit per doc that has a value.
    present: Vec<u8>,
    docs: u32,
}

impl PostingsWriter {
    pub(super) fn new(docs: u32) -> Self {
        let present = vec![0; (docs as usize).div_ceil(8)];
        Self { references: Vec::new(), postings: Vec::new(), present, docs }
    }

    /// Adds the docs of the next term in ascending order. `with_postings` is false where the docs are a range that is
    /// written elsewhere.
    pub(super) fn push(&mut self, docs: &[u32], with_postings: bool) -> std::io::Result<()> {
        debug_assert!(docs.is_sorted_by(|a, b| a < b) && !docs.is_empty(), "docs are sorted and distinct");
        for doc in docs {
            self.present[*doc as usize / 8] |= 1 << (doc % 8);
        }
        if !with_postings {
            return Ok(());
        }
        if let [doc] = docs {
            self.references.push(u64::from(*doc) << 1);
            return Ok(());
        }
        self.references.push((self.postings.len() as u64) << 1 | 1);
        put_varint(&mut self.postings, docs.len() as u64);
        if docs.len() <= FEW_MAX {
            let mut next = 0;
            for doc in docs {
                put_varint(&mut self.postings, u64::from(doc - next));
                next = doc + 1;
            }
            return Ok(());
        }
        let mut bitmap =
            RoaringBitmap::from_sorted_iter(docs.iter().copied()).map_err(std::io::Error::other)?;
        bitmap.optimize();
        put_varint(&mut self.postings, bitmap.serialized_size() as u64);
        bitmap.serialize_into(&mut self.postings)
    }

    /// Appends everything to the section `postings` and says in the field's record where it is.
    pub(super) fn finish(self, sink: &mut Sink, record: &mut FieldRecord) -> Result<(), WriteError> {
        let reference_width = width_of(self.references.iter().copied().max().unwrap_or(0));
        let mut references = Vec::new();
        pack(&mut references, self.references.iter().copied(), reference_width);
        let mut present = RoaringBitmap::from_lsb0_bytes(0, &self.present);
        let count = present.len() as u32;
        record.presence = match count {
            0 => Presence::Nowhere,
            count if count == self.docs => Presence::All,
            count if count > self.docs / 2 => {
                let mut absent = RoaringBitmap::new();
                absent.insert_range(0..self.docs);
                present = absent - present;
                Presence::Absent
            }
            _ => Presence::Present,
        };
        let mut presence = Vec::new();
        if matches!(record.presence, Presence::Present | Presence::Absent) {
            present.optimize();
            present.serialize_into(&mut presence)?;
        }
        let mut place = |bytes: &[u8]| -> Result<u64, WriteError> {
            let at = sink.offset();
            sink.write(bytes)?;
            Ok(at)
        };
        record.present = count;
        record.reference_width = reference_width as u8;
        record.references = place(&references)?;
        record.postings = place(&self.postings)?;
        record.postings_bytes = self.postings.len() as u64;
        record.presence_at = place(&presence)?;
        record.presence_bytes = presence.len() as u64;
        Ok(())
    }
}

/// Where the docs of a term are.
enum Place<'s> {
    One(u32),
    Few(usize, Reader<'s>),
    Many(u64, &'s [u8]),
}

impl<'s> Dictionary<'s> {
    fn place(&self, code: u32) -> Result<Place<'s>, Damage> {
        if code >= self.terms() {
            return Err(self.damage(Bad("a term code without a term")));
        }
        let (start, width) = self.references();
        let reference = self.segment.file.packed(Section::Postings, start, u64::from(code), width)?;
        let value = reference >> 1;
        if reference & 1 == 0 {
            let doc = u32::try_from(value).ok().filter(|doc| *doc < self.segment.docs);
            return doc
                .map(Place::One)
                .ok_or_else(|| self.damage(Bad("a posting of a doc that is not there")));
        }
        if value > self.record.postings_bytes {
            return Err(self.damage(Bad("a posting outside of its field")));
        }
        // What follows is read from as many bytes as the longest short posting can have; a bitmap says its length.
        let most = (FEW_MAX as u64 + 2) * 10;
        let end = self.record.postings_bytes.min(value.saturating_add(most));
        let head_at = self.record.postings + value;
        let head = self.segment.file.bytes(Section::Postings, head_at..self.record.postings + end)?;
        let mut reader = Reader::new(head);
        let count = reader.varint().map_err(|bad| self.damage(bad))?;
        if count == 0 {
            return Err(self.damage(Bad("a term without docs")));
        }
        if count <= FEW_MAX as u64 {
            return Ok(Place::Few(count as usize, reader));
        }
        let length = reader.varint().map_err(|bad| self.damage(bad))?;
        let bitmap_at = head_at + reader.at() as u64;
        let bytes =
            self.segment.file.bytes(Section::Postings, bitmap_at..bitmap_at.saturating_add(length))?;
        Ok(Place::Many(count, bytes))
    }

    fn damage(&self, Bad(reason): Bad) -> Damage {
        self.segment.file.damage(Section::Postings, self.record.postings, reason)
    }

    fn visit_few(
        &self,
        count: usize,
        mut reader: Reader<'s>,
        mut visit: impl FnMut(u32),
    ) -> Result<(), Damage> {
        let mut next = 0_u64;
        for _ in 0..count {
            let doc = reader.varint().map_err(|bad| self.damage(bad))?.saturating_add(next);
            if doc >= u64::from(self.segment.docs) {
                return Err(self.damage(Bad("a posting of a doc that is not there")));
            }
            visit(doc as u32);
            next = doc + 1;
        }
        Ok(())
    }

    fn few(&self, count: usize, reader: Reader<'s>, docs: &mut Vec<u32>) -> Result<(), Damage> {
        self.visit_few(count, reader, |doc| docs.push(doc))
    }

    fn bitmap(&self, bytes: &[u8], count: u64) -> Result<RoaringBitmap, Damage> {
        let bitmap = read_bitmap(bytes, self.segment.docs).map_err(|bad| self.damage(bad))?;
        if bitmap.len() == count {
            Ok(bitmap)
        } else {
            Err(self.damage(Bad("a bitmap of another cardinality")))
        }
    }

    /// How many docs have a term.
    pub(super) fn cardinality(&self, code: u32) -> Result<u64, Damage> {
        Ok(match self.place(code)? {
            Place::One(_) => 1,
            Place::Few(count, _) => count as u64,
            Place::Many(count, _) => count,
        })
    }

    /// The docs of a term. `index` is the field's: those of a frequent term are remembered.
    pub(super) fn posting(&self, index: u32, code: u32) -> Result<Posting, Damage> {
        match self.place(code)? {
            Place::One(doc) => Ok(Posting::Few(vec![doc])),
            Place::Few(count, reader) => {
                let mut docs = Vec::with_capacity(count);
                self.few(count, reader, &mut docs)?;
                Ok(Posting::Few(docs))
            }
            Place::Many(count, bytes) => {
                docs_of_term(self.segment, index, code, || self.bitmap(bytes, count)).map(Posting::Many)
            }
        }
    }

    /// How many docs of a term are among these, which come both as a set and as bits: terms are many, so that looking
    /// into a set for every doc of every one of them would cost most.
    pub(super) fn count_among(
        &self,
        index: u32,
        code: u32,
        docs: &RoaringBitmap,
        bits: &[u64],
    ) -> Result<u64, Damage> {
        let is_in = |doc: u32| bits.get(doc as usize / 64).is_some_and(|word| word >> (doc % 64) & 1 == 1);
        match self.place(code)? {
            Place::One(doc) => Ok(u64::from(is_in(doc))),
            Place::Few(count, reader) => {
                let mut common = 0;
                self.visit_few(count, reader, |doc| common += u64::from(is_in(doc)))?;
                Ok(common)
            }
            Place::Many(count, bytes) => {
                let set = docs_of_term(self.segment, index, code, || self.bitmap(bytes, count))?;
                Ok(set.intersection_len(docs))
            }
        }
    }

    /// Appends the docs of a term; decodes large ones every time, as merging wants each once.
    pub(super) fn append_docs(&self, code: u32, docs: &mut Vec<u32>) -> Result<(), Damage> {
        match self.place(code)? {
            Place::One(doc) => docs.push(doc),
            Place::Few(count, reader) => self.few(count, reader, docs)?,
            Place::Many(count, bytes) => docs.extend(self.bitmap(bytes, count)?),
        }
        Ok(())
    }

    /// The docs that have any value.
    pub(super) fn present(&self) -> Result<Docs, Damage> {
        let record = &self.record;
        let all = Docs::All(self.segment.docs);
        let stored = || {
            let range = record.presence_at..record.presence_at + record.presence_bytes;
            let bytes = self.segment.file.bytes(Section::Postings, range)?;
            read_bitmap(bytes, self.segment.docs).map_err(|bad| self.damage(bad))
        };
        Ok(match record.presence {
            Presence::Nowhere => all.among(RoaringBitmap::new()),
            Presence::All => all,
            Presence::Present => all.among(stored()?),
            Presence::Absent => all.minus(&all.among(stored()?)),
        })
    }
}

/// Reads a serialised bitmap of docs below `docs`.
pub(super) fn read_bitmap(bytes: &[u8], docs: u32) -> Parsed<RoaringBitmap> {
    let bitmap = RoaringBitmap::deserialize_from(bytes).map_err(|_| Bad("a bitmap that cannot be read"))?;
    match bitmap.max() {
        Some(max) if max >= docs => Err(Bad("a posting of a doc that is not there")),
        _ => Ok(bitmap),
    }
}
