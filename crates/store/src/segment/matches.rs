//! The docs that a query selected: counting, finding places, grouping. Walking them is in `walk`.
//!
//! A selection has a shape, in which docs are in the total order or can be brought into it, and perhaps a set of docs
//! within the shape. Nothing here looks at an event unless the indexes could not decide about it.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use annals_model::{Event, Field, Filter, Order, Position};
use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::{
    Segment,
    block::column_of,
    chunks::Marked,
    decoder::Decoder,
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    search::WordSearch,
    select::union,
    sets::Docs,
    terms::Dictionary,
    walk::Walk,
};
use crate::{
    Damage,
    bits::Bits,
    query::{
        part::{Keep, Matches, bucket_of},
        split::Split,
    },
};

/// How many terms' postings can be read in the time it takes to decompress a block.
const TERMS_PER_BLOCK: u64 = 400;
/// Docs that can be looked at in the time it takes to find a place in the order of a large set.
const DOCS_PER_PLACE: u64 = 64;
/// Docs of one organization and one bucket from which on finding both ends costs less than looking at each of them.
const BUCKET_RUN_DOCS: u64 = 32;

/// What holds the selected docs.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Ranges of docs, each in the total order.
    Lanes(Vec<Range<u32>>),
    /// Places of the segment's total order.
    Order(Range<u32>),
}

/// The docs that a query selected.
pub(super) struct Selection<'s> {
    pub(super) segment: &'s Segment,
    pub(super) decoder: Decoder<'s>,
    pub(super) shape: Shape,
    /// Which docs of the shape; a set has none outside of it.
    pub(super) set: Docs,
    /// Which of the set are certain, and what the others must be held against; `None` when all are certain.
    pub(super) check: Option<(Docs, Filter)>,
    /// The words that every match has.
    search: Option<WordSearch>,
    /// The same as bits, once somebody counted against them.
    marked: Option<Marked>,
    pub(super) walk: Walk,
}

impl<'s> Selection<'s> {
    pub(super) fn new(segment: &'s Segment, shape: Shape, set: Docs, check: Option<(Docs, Filter)>) -> Self {
        // With everything certain there is nothing to check.
        let check = check.filter(|(must, _)| set.len() > must.len());
        let decoder = Decoder::new(segment);
        let search = check.as_ref().and_then(|(_, condition)| WordSearch::of(condition));
        Self { segment, decoder, shape, set, check, search, marked: None, walk: Walk::default() }
    }

    /// Looks at every event that the indexes could not decide about.
    fn resolve(&mut self) -> Result<(), Damage> {
        let Some((must, filter)) = self.check.take() else {
            return Ok(());
        };
        let mut exact = RoaringBitmap::new();
        for doc in &self.docs()? {
            let is_match = if must.contains(doc) {
                Ok(true)
            } else {
                self.look(doc, &filter).map(|event| event.is_some())
            };
            match is_match {
                Ok(true) => {
                    exact.insert(doc);
                }
                Ok(false) => {}
                Err(damage) => {
                    self.check = Some((must, filter));
                    return Err(damage);
                }
            }
        }
        self.set = Docs::Set(Arc::new(exact.into()));
        Ok(())
    }

    /// The event of a doc that the indexes could not decide about, if it satisfies the condition.
    pub(super) fn look(&mut self, doc: u32, condition: &Filter) -> Result<Option<Event>, Damage> {
        if let Some(search) = &mut self.search
            && !search.finds(&mut self.decoder, doc)?
        {
            return Ok(None);
        }
        let event = self.decoder.event(doc)?;
        Ok(condition.matches(&event).then_some(event))
    }

    fn len(&self) -> u64 {
        match (&self.set, &self.shape) {
            (Docs::Set(set), _) => set.len(),
            (Docs::All(_), Shape::Lanes(lanes)) => {
                lanes.iter().map(|lane| u64::from(lane.end - lane.start)).sum()
            }
            (Docs::All(_), Shape::Order(ranks)) => u64::from(ranks.end - ranks.start),
        }
    }

    pub(super) fn count_docs(&self, docs: Range<u32>) -> u64 {
        match &self.set {
            _ if docs.is_empty() => 0,
            Docs::All(_) => u64::from(docs.end - docs.start),
            Docs::Set(set) => set.range_cardinality(docs),
        }
    }

    /// How many matches of these lanes come before a place; `before` says which positions do.
    fn count_lanes(&self, lanes: &[Range<u32>], before: impl Fn(Position) -> bool) -> Result<u64, Damage> {
        let mut count = 0;
        for lane in lanes {
            let end = self.segment.partition_docs(lane.clone(), &before)?;
            count += self.count_docs(lane.start..end);
        }
        Ok(count)
    }

    /// Everything selected as one set.
    pub(super) fn docs(&self) -> Result<RoaringBitmap, Damage> {
        let docs = match (&self.set, &self.shape) {
            (Docs::Set(set), _) => return Ok(RoaringBitmap::clone(set)),
            (Docs::All(_), Shape::Lanes(lanes)) => return Ok(union(lanes)),
            (Docs::All(_), Shape::Order(ranks)) => self.segment.docs_at(ranks.clone())?,
        };
        Ok(match docs {
            Docs::Set(set) => RoaringBitmap::clone(&set),
            Docs::All(docs) => union(std::slice::from_ref(&(0..docs))),
        })
    }

    /// A bit for each selected doc, made once for all fields that are grouped by.
    fn mark(&self) -> Result<Marked, Damage> {
        let mut marks = Bits::none(self.segment.docs);
        match (&self.set, &self.shape) {
            (Docs::Set(set), _) => set.iter().for_each(|doc| marks.insert(doc)),
            (Docs::All(_), Shape::Lanes(lanes)) => {
                lanes.iter().for_each(|lane| marks.insert_range(lane.clone()));
            }
            (Docs::All(_), Shape::Order(ranks)) => {
                self.segment.each_doc_at(ranks.clone(), |doc| marks.insert(doc))?;
            }
        }
        Ok(Marked::new(marks))
    }

    fn group_by_terms(
        &mut self,
        index: u32,
        dictionary: &Dictionary<'_>,
        counts: &mut HashMap<Option<String>, u64>,
    ) -> Result<(), Damage> {
        let whole = self.len() == u64::from(self.segment.docs);
        if !whole && self.marked.is_none() {
            self.marked = Some(self.mark()?);
        }
        let mut terms = dictionary.walk();
        while let Some(code) = terms.advance()? {
            let count = if index as usize == ORGANIZATION {
                let range = self.segment.organization_range(code)?;
                self.marked
                    .as_ref()
                    .map_or(u64::from(range.end - range.start), |marked| marked.docs.count_in(range))
            } else if let Some(marked) = &self.marked {
                dictionary.count_marked(code, marked)?
            } else {
                dictionary.cardinality(code)?
            };
            if count > 0 {
                *counts.entry_ref(&Some(terms.text()?.to_owned())).or_insert(0) += count;
            }
        }
        let present = dictionary.present()?;
        let with_value = match (&self.marked, &present) {
            (None, present) => present.len(),
            (Some(_), Docs::All(_)) => self.len(),
            (Some(marked), Docs::Set(set)) => {
                set.iter().filter(|doc| marked.docs.contains(*doc)).count() as u64
            }
        };
        let absent = self.len().saturating_sub(with_value);
        if absent > 0 {
            *counts.entry(None).or_insert(0) += absent;
        }
        Ok(())
    }

    /// Reads the codes of every selected doc from its block.
    fn group_by_docs(
        &mut self,
        index: u32,
        dictionary: &Dictionary<'_>,
        counts: &mut HashMap<Option<String>, u64>,
    ) -> Result<(), Damage> {
        let mut by_code: HashMap<Option<u32>, u64> = HashMap::new();
        let mut codes = Vec::new();
        let mut labels = Vec::new();
        for doc in &self.docs()? {
            let block = self.decoder.block_of(doc)?;
            let within = block.index_of(doc);
            codes.clear();
            labels.clear();
            let read = if let Some(column) = column_of(index as usize) {
                block.single(column, within).map(|code| codes.extend(code.checked_sub(1)))
            } else if index as usize == CATEGORY {
                block.categories(within, &mut codes)
            } else {
                let label = index.wrapping_sub(FIXED_FIELDS as u32);
                block.labels(within, &mut labels).map(|()| {
                    codes.extend(labels.iter().filter(|(field, _)| *field == label).map(|(_, code)| *code));
                })
            };
            read.map_err(|bad| self.segment.bad(super::Section::Blocks, 0, bad))?;
            codes.sort_unstable();
            codes.dedup();
            for code in &codes {
                *by_code.entry(Some(*code)).or_insert(0) += 1;
            }
            if codes.is_empty() {
                *by_code.entry(None).or_insert(0) += 1;
            }
        }
        for (code, count) in by_code {
            let text = code.map(|code| dictionary.text(code)).transpose()?;
            *counts.entry(text).or_insert(0) += count;
        }
        Ok(())
    }

    /// Into how many buckets the segment may fall.
    fn buckets_max(&self, width: i64) -> u64 {
        let meta = self.segment.meta();
        let span = meta.last.time.nanos().abs_diff(meta.first.time.nanos());
        (span / width.max(1).unsigned_abs()).saturating_add(1)
    }

    /// Whether the docs of an organization that lie in the same bucket are many, on average.
    fn has_long_runs(&self, set: &RoaringBitmap, width: i64) -> bool {
        let runs = (u64::from(self.segment.organizations()) + 1).saturating_mul(self.buckets_max(width));
        set.len() / runs >= BUCKET_RUN_DOCS
    }

    /// Adds up the selected docs of ranges that are each in time order.
    fn bucket_lanes(
        &self,
        lanes: &[Range<u32>],
        width: i64,
        counts: &mut BTreeMap<i64, u64>,
    ) -> Result<(), Damage> {
        let next = |doc| self.set.next_from(doc);
        for lane in lanes {
            let position = |doc| self.segment.position(doc);
            Self::bucket_runs(lane.clone(), width, next, position, |bucket, docs| {
                add(counts, bucket, self.count_docs(docs));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Shows runs of docs (or ranks) that lie in the same bucket. `position` says where an index stands.
    pub(super) fn bucket_runs(
        run: Range<u32>,
        width: i64,
        next: impl Fn(u32) -> Option<u32>,
        position: impl Fn(u32) -> Result<Position, Damage>,
        mut visit: impl FnMut(i64, Range<u32>) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        let mut from = next(run.start).filter(|at| *at < run.end);
        while let Some(start) = from {
            let bucket = bucket_of(position(start)?.time, width);
            let is_inside = |position: Position| bucket_of(position.time, width) == bucket;
            // Steps that double find the end of a long run as fast as that of a short one.
            let (mut low, mut step) = (start, 1_u32);
            let mut high = run.end;
            while let Some(probe) = low.checked_add(step).filter(|probe| *probe < run.end) {
                if !is_inside(position(probe)?) {
                    high = probe;
                    break;
                }
                low = probe;
                step = step.saturating_mul(2);
            }
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if is_inside(position(middle)?) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let end = low + 1;
            visit(bucket, start..end)?;
            from = if end < run.end { next(end).filter(|at| *at < run.end) } else { None };
        }
        Ok(())
    }
}

/// Counts so many events in a bucket; an empty one is left out.
fn add(counts: &mut BTreeMap<i64, u64>, bucket: i64, events: u64) {
    if events > 0 {
        *counts.entry(bucket).or_insert(0) += events;
    }
}

impl Matches for Selection<'_> {
    fn count(&mut self) -> Result<u64, Damage> {
        self.resolve()?;
        Ok(self.len())
    }

    fn count_before(&mut self, position: Position) -> Result<u64, Damage> {
        self.resolve()?;
        match (&self.shape, &self.set) {
            (Shape::Lanes(lanes), _) => self.count_lanes(lanes, |at| at < position),
            (Shape::Order(ranks), Docs::All(_)) => {
                let end = self.segment.partition_ranks(ranks.clone(), |at| at < position)?;
                Ok(u64::from(end - ranks.start))
            }
            (Shape::Order(ranks), Docs::Set(set)) => {
                let end = self.segment.partition_ranks(ranks.clone(), |at| at < position)?;
                set.count_before_rank(self.segment, end)
            }
        }
    }

    fn position_at(&mut self, index: u64) -> Result<Option<Position>, Damage> {
        self.resolve()?;
        if index >= self.len() {
            return Ok(None);
        }
        // Smaller than the number of docs, which is a u32.
        let index_u32 = index as u32;
        let doc = match (&self.shape, &self.set) {
            (Shape::Order(ranks), Docs::All(_)) => Some(self.segment.doc_at(ranks.start + index_u32)?),
            (Shape::Order(_), Docs::Set(set)) => set.select_in_order(self.segment, index_u32)?,
            (Shape::Lanes(lanes), set) if lanes.len() == 1 => match set {
                Docs::All(_) => lanes.first().map(|lane| lane.start + index_u32),
                Docs::Set(set) => set.select(index_u32),
            },
            (Shape::Lanes(lanes), _) => {
                // The first place of the total order up to which there are more matches than `index`.
                let (mut low, mut high) = (0, self.segment.docs);
                while low < high {
                    let middle = low + (high - low) / 2;
                    let place = self.segment.position(self.segment.doc_at(middle)?)?;
                    if self.count_lanes(lanes, |at| at <= place)? <= index {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                if low < self.segment.docs { Some(self.segment.doc_at(low)?) } else { None }
            }
        };
        doc.map(|doc| self.segment.position(doc)).transpose()
    }

    fn begin(&mut self, order: Order, after: Option<Position>) -> Result<(), Damage> {
        self.begin_walk(order, after)
    }

    fn peek(&mut self) -> Result<Option<Position>, Damage> {
        self.peek_walk()
    }

    fn take(&mut self) -> Result<Option<Event>, Damage> {
        self.take_walk()
    }

    fn write(&mut self, out: &mut Vec<u8>, keep: Keep) -> Result<bool, Damage> {
        self.write_walk(out, keep)
    }

    fn skip(&mut self) -> Result<(), Damage> {
        self.skip_walk()
    }

    fn group(&mut self, field: &Field, counts: &mut HashMap<Option<String>, u64>) -> Result<(), Damage> {
        self.resolve()?;
        if self.len() == 0 {
            return Ok(());
        }
        if !field.is_indexed() {
            for doc in &self.docs()? {
                let event = self.decoder.event(doc)?;
                let mut value = None;
                field.visit(&event, |text| value = Some(text.to_owned()));
                *counts.entry(value).or_insert(0) += 1;
            }
            return Ok(());
        }
        let Some(index) = self.segment.field_index(field)? else {
            *counts.entry(None).or_insert(0) += self.len();
            return Ok(());
        };
        let dictionary = self.segment.dictionary(index)?;
        let blocks = self.len().min(u64::from(self.segment.blocks()));
        let by_docs = blocks * TERMS_PER_BLOCK < u64::from(dictionary.terms());
        if by_docs && index as usize != ORGANIZATION {
            self.group_by_docs(index, &dictionary, counts)
        } else {
            self.group_by_terms(index, &dictionary, counts)
        }
    }

    fn buckets(&mut self, width: i64, counts: &mut BTreeMap<i64, u64>) -> Result<(), Damage> {
        self.resolve()?;
        let segment = self.segment;
        match (&self.shape, &self.set) {
            (Shape::Lanes(lanes), _) => self.bucket_lanes(lanes, width, counts)?,
            (Shape::Order(ranks), Docs::All(_)) => {
                let position = |rank| segment.position(segment.doc_at(rank)?);
                Self::bucket_runs(ranks.clone(), width, Some, position, |bucket, ranks| {
                    add(counts, bucket, u64::from(ranks.end - ranks.start));
                    Ok(())
                })?;
            }
            (Shape::Order(_), Docs::Set(set)) if self.has_long_runs(set, width) => {
                self.bucket_lanes(&segment.all_ranges()?, width, counts)?;
            }
            (Shape::Order(ranks), Docs::Set(set))
                if self.buckets_max(width).saturating_mul(DOCS_PER_PLACE) < set.len() =>
            {
                let position = |rank| segment.position(segment.doc_at(rank)?);
                let mut before = set.count_before_rank(segment, ranks.start)?;
                Self::bucket_runs(ranks.clone(), width, Some, position, |bucket, ranks| {
                    let after = set.count_before_rank(segment, ranks.end)?;
                    add(counts, bucket, after - std::mem::replace(&mut before, after));
                    Ok(())
                })?;
            }
            (Shape::Order(_), Docs::Set(set)) => {
                // Docs of one organization follow in time order, so most stay in the bucket of the one before.
                let mut open: Option<(i64, u64)> = None;
                for doc in &***set {
                    let bucket = bucket_of(segment.position(doc)?.time, width);
                    open = match open {
                        Some((last, count)) if last == bucket => Some((last, count + 1)),
                        Some((last, count)) => {
                            *counts.entry(last).or_insert(0) += count;
                            Some((bucket, 1))
                        }
                        None => Some((bucket, 1)),
                    };
                }
                if let Some((last, count)) = open {
                    *counts.entry(last).or_insert(0) += count;
                }
            }
        }
        Ok(())
    }

    fn split(&mut self, split: &mut Split<'_>) -> Result<(), Damage> {
        self.resolve()?;
        if self.len() == 0 {
            return Ok(());
        }
        if split.field.is_indexed() {
            return self.split_by_index(split);
        }
        for doc in &self.docs()? {
            let event = self.decoder.event(doc)?;
            let bucket = split.bucket(event.time);
            split.add(bucket);
            let mut places = Vec::new();
            split
                .field
                .visit(&event, |text| places.extend(split.values.iter().position(|value| value == text)));
            places.into_iter().for_each(|place| split.add_value(bucket, place));
            if split.is_too_long() {
                return Ok(());
            }
        }
        Ok(())
    }
}
