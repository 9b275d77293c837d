//! Segments: immutable files of many events with their indexes, mapped into memory and asked in place.
//!
//! `docs/formats/segment.md` describes the file byte by byte. Here: `writer` and `merge` make one, `file` guards every
//! byte that is read, `select` turns a filter into docs, `matches` counts and walks them, `verify` checks everything.
//! A segment knows nothing of the log, of where files are kept, and of how the answers of several parts are merged.
//!
//! A doc is an event's number in the file: its rank by (organization, absent first; time; seq).

mod ahead;
mod bits;
mod block;
mod block_index;
mod cache;
mod chunks;
mod columns;
mod criteria;
mod decoder;
mod draft;
mod fields;
mod file;
mod follow;
mod ids;
mod matches;
mod merge;
mod old_postings;
mod packer;
mod positions;
mod postings;
mod ranks;
mod read;
mod record;
mod rice;
mod search;
mod select;
mod sets;
mod sink;
mod small_terms;
mod spelled;
mod split;
mod terms;
#[cfg(test)]
mod tests;
mod texts;
mod verify;
mod walk;
mod word_index;
mod words;
mod writer;

use std::{
    ops::{Range, RangeInclusive},
    sync::atomic::{AtomicU64, Ordering},
};

use annals_model::{Event, Filter, Position};
use bytes::Bytes;
use uuid::Uuid;

#[cfg(feature = "fuzzing")]
pub(crate) use self::file::PAGE_BYTES;
pub(crate) use self::file::{FORMAT_VERSION, newer_format};
use self::{
    bits::{Bad, unpack, width_of},
    decoder::Decoder,
    fields::{FIXED_FIELDS, FieldRecord, ORGANIZATION, SOURCE},
    file::{Section, SegmentFile},
    ranks::Widths,
    small_terms::SmallTerms,
};
pub(crate) use self::{
    ids::hash_of_id,
    merge::merge_segments,
    writer::{Link, Numbers, Sealable, Values, write_segment},
};
use crate::{
    Damage,
    query::{
        follow::{Gathering, Stretch},
        part::{Identity, Matches, Part, Span},
    },
};

/// Events of the largest segment.
pub(crate) const SEGMENT_EVENTS_MAX: usize = 4 << 20;

/// What a segment's footer says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentMeta {
    /// How many events it holds.
    pub(crate) events: u64,
    /// Where its first event stands in the total order.
    pub(crate) first: Position,
    /// Where its last event stands in the total order.
    pub(crate) last: Position,
    /// The smallest seq.
    pub(crate) seq_first: u64,
    /// The largest seq.
    pub(crate) seq_last: u64,
    /// Length of the file.
    pub(crate) bytes: u64,
}

/// Why a segment was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The file could not be written.
    #[error("cannot write the segment file: {0}")]
    Io(#[from] std::io::Error),
    /// One of the segments to merge cannot be read.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// A segment holds one event at least and [`SEGMENT_EVENTS_MAX`] at most.
    #[error("a segment of {0} events; it must have 1 to {SEGMENT_EVENTS_MAX}")]
    Size(usize),
    /// An event that the format cannot hold.
    #[error("event {0} has more categories or labels than a segment can hold")]
    Event(Uuid),
    /// Somebody wanted it to stop.
    #[error("it was stopped")]
    Stopped,
}

/// The number of the next segment that is opened.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// An open segment.
#[derive(Debug)]
pub(crate) struct Segment {
    file: SegmentFile,
    /// No other segment that this process opens has it.
    number: u64,
    meta: SegmentMeta,
    docs: u32,
    /// The records of the fixed fields.
    fixed: Vec<FieldRecord>,
    /// How wide the codes in the tables of its blocks are.
    widths: Widths,
    small_terms: SmallTerms,
}

impl Drop for Segment {
    fn drop(&mut self) {
        sets::forget(self.number);
        decoder::forget(self.number);
    }
}

impl Segment {
    /// Reads the footer of a file that is mapped; what else it holds is checked when it is first touched.
    pub(crate) fn open(map: Bytes, name: &str) -> Result<Self, Damage> {
        let (file, meta) = SegmentFile::open(map, name)?;
        let docs =
            u32::try_from(meta.events).ok().filter(|docs| (1..=SEGMENT_EVENTS_MAX as u32).contains(docs));
        let docs = docs.ok_or_else(|| file.damage(Section::Fields, 0, "an impossible number of events"))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let widths = Widths::default();
        let small_terms = SmallTerms::default();
        let mut segment = Self { file, number, meta, docs, fixed: Vec::new(), widths, small_terms };
        segment.fixed =
            (0..FIXED_FIELDS as u32).map(|index| segment.field_record(index)).collect::<Result<_, _>>()?;
        segment.widths = Widths::of(&segment.fixed, segment.labels() as usize);
        Ok(segment)
    }

    /// What the footer says.
    pub(crate) const fn meta(&self) -> &SegmentMeta {
        &self.meta
    }

    /// Every event, in doc order: organization by organization.
    #[cfg(test)]
    pub(crate) fn events(&self) -> impl Iterator<Item = Result<Event, Damage>> + '_ {
        let mut decoder = Decoder::new(self);
        (0..self.docs).map(move |doc| decoder.event(doc))
    }

    /// Bytes of each section, by name.
    #[cfg(test)]
    fn section_bytes(&self) -> Vec<(&'static str, u64)> {
        Section::ALL.into_iter().map(|section| (section.name(), self.file.section_bytes(section))).collect()
    }

    fn bad(&self, section: Section, offset: u64, Bad(reason): Bad) -> Damage {
        self.file.damage(section, offset, reason)
    }

    /// How many organizations there are, not counting the absent one.
    fn organizations(&self) -> u32 {
        self.fixed.get(ORGANIZATION).map_or(0, |record| record.terms)
    }

    /// The docs of an organization, by code; the code behind the last one begins behind the last doc.
    fn organization_start(&self, code: u32) -> Result<u32, Damage> {
        if code >= self.organizations() {
            return Ok(self.docs);
        }
        let start = self.file.packed(Section::Organizations, 0, u64::from(code), 32)?;
        let start = u32::try_from(start).ok().filter(|start| *start < self.docs);
        start.ok_or_else(|| {
            self.bad(Section::Organizations, u64::from(code) * 4, Bad("a doc that is not there"))
        })
    }

    fn organization_range(&self, code: u32) -> Result<Range<u32>, Damage> {
        let range = self.organization_start(code)?..self.organization_start(code + 1)?;
        if range.is_empty() {
            return Err(self.bad(
                Section::Organizations,
                u64::from(code) * 4,
                Bad("an organization without docs"),
            ));
        }
        Ok(range)
    }

    /// The docs that have no organization.
    fn absent_range(&self) -> Result<Range<u32>, Damage> {
        Ok(0..self.organization_start(0)?)
    }

    /// The organization of a doc, by code.
    fn organization_of(&self, doc: u32) -> Result<Option<u32>, Damage> {
        let (mut low, mut high) = (0, self.organizations());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.organization_start(middle)? <= doc {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.checked_sub(1))
    }

    /// The doc at this place of the total order.
    fn doc_at(&self, rank: u32) -> Result<u32, Damage> {
        if self.file.section_bytes(Section::TimeOrder) == 0 {
            return Ok(rank);
        }
        let width = width_of(u64::from(self.docs) - 1);
        let doc = self.file.packed(Section::TimeOrder, 0, u64::from(rank), width)?;
        let doc = u32::try_from(doc).ok().filter(|doc| *doc < self.docs);
        doc.ok_or_else(|| self.bad(Section::TimeOrder, 0, Bad("a doc that is not there")))
    }

    /// The docs at these places of the total order, one after the other; much faster than one by one.
    fn each_doc_at(&self, ranks: Range<u32>, mut visit: impl FnMut(u32)) -> Result<(), Damage> {
        if self.is_in_time_order() {
            ranks.for_each(visit);
            return Ok(());
        }
        let width = u64::from(width_of(u64::from(self.docs) - 1));
        let (first, last) = (u64::from(ranks.start) * width, u64::from(ranks.end) * width);
        let bytes = self.file.bytes(Section::TimeOrder, first / 8..last.div_ceil(8))?;
        let mut bit = first % 8;
        for _ in ranks {
            let doc = unpack(bytes, bit, width as u32).and_then(|doc| u32::try_from(doc).ok());
            let Some(doc) = doc.filter(|doc| *doc < self.docs) else {
                return Err(self.bad(Section::TimeOrder, first / 8, Bad("a doc that is not there")));
            };
            visit(doc);
            bit += width;
        }
        Ok(())
    }

    /// Whether docs are in the total order as they are.
    fn is_in_time_order(&self) -> bool {
        self.file.section_bytes(Section::TimeOrder) == 0
    }
}

impl Part for Segment {
    fn span(&self) -> Span {
        Span { first: self.meta.first, last: self.meta.last, events: self.meta.events }
    }

    fn seqs(&self) -> RangeInclusive<u64> {
        self.meta.seq_first..=self.meta.seq_last
    }

    fn follow(
        &self,
        condition: &Filter,
        stretch: Stretch,
        page: &mut Gathering,
    ) -> Result<Option<u64>, Damage> {
        self.follow_log(condition, stretch, page)
    }

    fn select<'p>(&'p self, condition: &Filter) -> Result<Box<dyn Matches + 'p>, Damage> {
        Ok(Box::new(self.selection(condition)?))
    }

    fn count(&self, condition: &Filter) -> Result<Option<u64>, Damage> {
        self.count_by_index(condition)
    }

    fn holds(&self, identity: &Identity<'_>) -> Result<bool, Damage> {
        self.any_doc_of_id(identity.id, |doc| {
            let organization = match self.organization_of(doc)? {
                None => None,
                Some(code) => Some(self.dictionary(ORGANIZATION as u32)?.text(code)?),
            };
            if organization.as_deref() != identity.organization {
                return Ok(false);
            }
            let sources = self.dictionary(SOURCE)?;
            let Some(code) = sources.find(identity.source)? else {
                return Ok(false);
            };
            Ok(sources.posting(SOURCE, code)?.contains(doc))
        })
    }

    fn find(&self, id: Uuid) -> Result<Vec<Event>, Damage> {
        let mut decoder = Decoder::new(self);
        let mut events = Vec::new();
        self.any_doc_of_id(id, |doc| {
            events.push(decoder.event(doc)?);
            Ok(false)
        })?;
        Ok(events)
    }
}
