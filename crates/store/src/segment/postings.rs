//! Postings: which docs have a term. One doc lies in the reference itself, a few are the distances between them, many
//! are cut into chunks. Decoded sets of many are remembered, as totals ask for the same ones again.

use std::{ops::RangeInclusive, sync::Arc};

use roaring::RoaringBitmap;

use super::{
    WriteError,
    bits::{Bad, BitWriter, Parsed, Reader, pack, put_varint, unpack, width_of},
    chunks::{self, Marked},
    fields::{FieldRecord, Presence},
    file::Section,
    old_postings, rice,
    sets::{DocSet, Docs, docs_of_term},
    sink::Sink,
    terms::Dictionary,
};
use crate::{Damage, pace};

/// Up to so many docs are the distances between them.
pub(super) const FEW_MAX: usize = 256;
/// Bits that say how many low bits the distances have.
const LOW_WIDTH: u32 = 5;
/// Bytes that a posting of a few docs has at most: with the number of low bits that the mean distance suggests, each doc
/// takes no more bits than a doc's number has and three.
const FEW_BYTES_MAX: u64 = 1_024;

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
    /// The chunks of the term that is written.
    chunks: Vec<u8>,
    /// One bit per doc that has a value.
    present: Vec<u8>,
    docs: u32,
}

impl PostingsWriter {
    pub(super) fn new(docs: u32) -> Self {
        let present = vec![0; (docs as usize).div_ceil(8)];
        Self { references: Vec::new(), postings: Vec::new(), chunks: Vec::new(), present, docs }
    }

    /// Adds the docs of the next term in ascending order. `with_postings` is false where the docs are a range that is
    /// written elsewhere.
    pub(super) fn push(&mut self, docs: &[u32], with_postings: bool) {
        debug_assert!(docs.is_sorted_by(|a, b| a < b) && !docs.is_empty(), "docs are sorted and distinct");
        pace::small_step();
        for doc in docs {
            self.present[*doc as usize / 8] |= 1 << (doc % 8);
        }
        if !with_postings {
            return;
        }
        if let [doc] = docs {
            self.references.push(u64::from(*doc) << 1);
            return;
        }
        self.references.push((self.postings.len() as u64) << 1 | 1);
        put_varint(&mut self.postings, docs.len() as u64);
        if docs.len() <= FEW_MAX {
            let (low, _) = rice::best_low(docs);
            let mut bits = BitWriter::new(&mut self.postings);
            bits.put(docs.first().copied().map_or(0, u64::from), doc_width(self.docs));
            bits.put(u64::from(low), LOW_WIDTH);
            rice::write(&mut bits, docs, low);
            bits.finish();
            return;
        }
        self.chunks.clear();
        chunks::write(docs, &mut self.chunks);
        put_varint(&mut self.postings, self.chunks.len() as u64);
        self.postings.extend_from_slice(&self.chunks);
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

/// Bits of a doc's number, of so many docs.
const fn doc_width(docs: u32) -> u32 {
    width_of(docs.saturating_sub(1) as u64)
}

/// Where the docs of a term are.
enum Place<'s> {
    One(u32),
    Few(usize, &'s [u8]),
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
        // What follows is read from as many bytes as the longest short posting can have; a long one says its length.
        let most = if self.is_old() { old_postings::FEW_BYTES_MAX } else { FEW_BYTES_MAX };
        let end = self.record.postings_bytes.min(value.saturating_add(most));
        let head_at = self.record.postings + value;
        let head = self.segment.file.bytes(Section::Postings, head_at..self.record.postings + end)?;
        let mut reader = Reader::new(head);
        let count = reader.varint().map_err(|bad| self.damage(bad))?;
        if count == 0 {
            return Err(self.damage(Bad("a term without docs")));
        }
        if count <= FEW_MAX as u64 {
            return Ok(Place::Few(count as usize, head.get(reader.at()..).unwrap_or_default()));
        }
        let length = reader.varint().map_err(|bad| self.damage(bad))?;
        let at = head_at + reader.at() as u64;
        let bytes = self.segment.file.bytes(Section::Postings, at..at.saturating_add(length))?;
        Ok(Place::Many(count, bytes))
    }

    /// Whether the postings are those of versions 1 to 3.
    fn is_old(&self) -> bool {
        self.segment.file.version() < 4
    }

    fn damage(&self, Bad(reason): Bad) -> Damage {
        self.segment.file.damage(Section::Postings, self.record.postings, reason)
    }

    fn visit_few(&self, count: usize, bytes: &'s [u8], visit: impl FnMut(u32)) -> Result<(), Damage> {
        let docs = self.segment.docs;
        let visited = if self.is_old() {
            old_postings::visit_few(bytes, count, docs, visit)
        } else {
            visit_few(bytes, count, docs, visit)
        };
        visited.map_err(|bad| self.damage(bad))
    }

    fn many(&self, bytes: &[u8], count: u64) -> Result<RoaringBitmap, Damage> {
        let docs = self.segment.docs;
        let set = if self.is_old() {
            old_postings::many(bytes, count, docs)
        } else {
            chunks::bitmap(bytes, count, docs)
        };
        set.map_err(|bad| self.damage(bad))
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
            Place::Few(count, bytes) => {
                let mut docs = Vec::with_capacity(count);
                self.visit_few(count, bytes, |doc| docs.push(doc))?;
                Ok(Posting::Few(docs))
            }
            Place::Many(count, bytes) => {
                docs_of_term(self.segment, index, code, || self.many(bytes, count)).map(Posting::Many)
            }
        }
    }

    /// The docs of a term that lie in a range. What is remembered of a frequent term is not asked, nor is anything
    /// remembered: to read what lies in a small range of it is fast, and there are more terms than can be remembered.
    pub(super) fn docs_within(
        &self,
        code: u32,
        range: &RangeInclusive<u32>,
        out: &mut Vec<u32>,
    ) -> Result<(), Damage> {
        let mut visit = |doc| {
            if range.contains(&doc) {
                out.push(doc);
            }
        };
        match self.place(code)? {
            Place::One(doc) => visit(doc),
            Place::Few(count, bytes) => self.visit_few(count, bytes, visit)?,
            Place::Many(count, bytes) if self.is_old() => self.many(bytes, count)?.iter().for_each(visit),
            Place::Many(count, bytes) => {
                let read = chunks::append_within(bytes, count, self.segment.docs, range, out);
                read.map_err(|bad| self.damage(bad))?;
            }
        }
        Ok(())
    }

    /// How many docs of a term are marked.
    pub(super) fn count_marked(&self, code: u32, marked: &Marked) -> Result<u64, Damage> {
        let is_in = |doc: u32| u64::from(marked.docs.contains(doc));
        match self.place(code)? {
            Place::One(doc) => Ok(is_in(doc)),
            Place::Few(count, bytes) => {
                let mut common = 0;
                self.visit_few(count, bytes, |doc| common += is_in(doc))?;
                Ok(common)
            }
            Place::Many(count, bytes) if self.is_old() => {
                Ok(self.many(bytes, count)?.iter().map(is_in).sum())
            }
            Place::Many(count, bytes) => {
                chunks::count_marked(bytes, count, marked).map_err(|bad| self.damage(bad))
            }
        }
    }

    /// Appends the docs of a term; decodes large ones every time, as merging wants each once.
    pub(super) fn append_docs(&self, code: u32, docs: &mut Vec<u32>) -> Result<(), Damage> {
        match self.place(code)? {
            Place::One(doc) => docs.push(doc),
            Place::Few(count, bytes) => self.visit_few(count, bytes, |doc| docs.push(doc))?,
            Place::Many(count, bytes) if self.is_old() => docs.extend(self.many(bytes, count)?),
            Place::Many(count, bytes) => {
                let appended = chunks::append(bytes, count, self.segment.docs, docs);
                appended.map_err(|bad| self.damage(bad))?;
            }
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

/// Visits a few docs, all of them below `docs`.
fn visit_few(bytes: &[u8], count: usize, docs: u32, visit: impl FnMut(u32)) -> Parsed<()> {
    const SHORT: Bad = Bad("a posting that ends too early");
    let width = doc_width(docs);
    let first = unpack(bytes, 0, width).ok_or(SHORT)?;
    let low = unpack(bytes, u64::from(width), LOW_WIDTH).ok_or(SHORT)?;
    let start = u64::from(width + LOW_WIDTH);
    rice::read(bytes, start, low as u32, first as u32, count as u64 - 1, docs, visit)
}

/// Reads a serialised bitmap of docs below `docs`.
pub(super) fn read_bitmap(bytes: &[u8], docs: u32) -> Parsed<RoaringBitmap> {
    let bitmap = RoaringBitmap::deserialize_from(bytes).map_err(|_| Bad("a bitmap that cannot be read"))?;
    match bitmap.max() {
        Some(max) if max >= docs => Err(Bad("a posting of a doc that is not there")),
        _ => Ok(bitmap),
    }
}
