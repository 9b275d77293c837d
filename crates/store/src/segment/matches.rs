//! The docs that a query selected: counting, finding places, grouping. Walking them is in `walk`.
//!
//! A selection has a shape, in which docs are in the total order or can be brought into it, and perhaps a set of docs
//! within the shape. Nothing here looks at an event unless the indexes could not decide about it.

use std::{collections::BTreeMap, ops::Range, rc::Rc};

use annals_model::{Event, Field, Filter, Order, Position};
use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::{
    BLOCK_DOCS, Segment,
    block::column_of,
    decoder::Decoder,
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    terms::Dictionary,
    walk::Walk,
};
use crate::{
    Damage,
    query::part::{Matches, bucket_of},
};

/// How many terms' postings can be read in the time it takes to decompress a block.
const TERMS_PER_BLOCK: u64 = 400;
/// A set of less than one doc in so many is put in order by sorting it, a denser one by walking the total order.
const SORTED_SET_SHARE: u64 = 16;
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
    /// The docs within the shape; `None` when it is all of them.
    pub(super) set: Option<RoaringBitmap>,
    /// Which of the set are certain, and what the others must be held against; `None` when all are certain.
    pub(super) check: Option<(RoaringBitmap, Filter)>,
    /// The docs of the set in the total order, once somebody needed them.
    pub(super) ordered: Option<Rc<[u32]>>,
    pub(super) walk: Walk,
}

impl<'s> Selection<'s> {
    pub(super) fn new(
        segment: &'s Segment,
        shape: Shape,
        set: Option<RoaringBitmap>,
        check: Option<(RoaringBitmap, Filter)>,
    ) -> Self {
        // With everything certain there is nothing to check.
        let check = check.filter(|(must, _)| set.as_ref().is_none_or(|set| set.len() > must.len()));
        let decoder = Decoder::new(segment);
        Self { segment, decoder, shape, set, check, ordered: None, walk: Walk::default() }
    }

    /// Looks at every event that the indexes could not decide about.
    fn resolve(&mut self) -> Result<(), Damage> {
        let Some((must, filter)) = self.check.take() else {
            return Ok(());
        };
        let mut exact = must.clone();
        for doc in self.set.as_ref().map(|set| set - &must).unwrap_or_default() {
            match self.decoder.event(doc) {
                Ok(event) => {
                    if filter.matches(&event) {
                        exact.insert(doc);
                    }
                }
                Err(damage) => {
                    self.check = Some((must, filter));
                    return Err(damage);
                }
            }
        }
        self.set = Some(exact);
        self.ordered = None;
        Ok(())
    }

    fn len(&self) -> u64 {
        match (&self.set, &self.shape) {
            (Some(set), _) => set.len(),
            (None, Shape::Lanes(lanes)) => lanes.iter().map(|lane| u64::from(lane.end - lane.start)).sum(),
            (None, Shape::Order(ranks)) => u64::from(ranks.end - ranks.start),
        }
    }

    fn count_docs(&self, docs: Range<u32>) -> u64 {
        match &self.set {
            _ if docs.is_empty() => 0,
            None => u64::from(docs.end - docs.start),
            Some(set) => set.range_cardinality(docs),
        }
    }

    /// The docs of a set in the total order.
    pub(super) fn in_order(&self, set: &RoaringBitmap, ranks: &Range<u32>) -> Result<Rc<[u32]>, Damage> {
        if set.len() * SORTED_SET_SHARE < u64::from(ranks.end - ranks.start) {
            let mut docs = Vec::with_capacity(set.len() as usize);
            for doc in set {
                docs.push((self.segment.position(doc)?, doc));
            }
            docs.sort_unstable();
            return Ok(docs.into_iter().map(|(_, doc)| doc).collect());
        }
        let mut docs = Vec::with_capacity(set.len() as usize);
        for rank in ranks.clone() {
            let doc = self.segment.doc_at(rank)?;
            if set.contains(doc) {
                docs.push(doc);
            }
        }
        Ok(docs.into())
    }

    /// The docs of the set in the total order, made once.
    fn ordered(&mut self, ranks: &Range<u32>) -> Result<Rc<[u32]>, Damage> {
        if let Some(ordered) = &self.ordered {
            return Ok(Rc::clone(ordered));
        }
        let ordered = match &self.set {
            Some(set) => self.in_order(set, ranks)?,
            None => Rc::default(),
        };
        self.ordered = Some(Rc::clone(&ordered));
        Ok(ordered)
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
    fn docs(&self) -> Result<RoaringBitmap, Damage> {
        match (&self.set, &self.shape) {
            (Some(set), _) => Ok(set.clone()),
            (None, Shape::Lanes(lanes)) => {
                let mut docs = RoaringBitmap::new();
                for lane in lanes {
                    docs.insert_range(lane.clone());
                }
                Ok(docs)
            }
            (None, Shape::Order(ranks)) => self.segment.docs_at(ranks.clone()),
        }
    }

    fn group_by_terms(
        &self,
        index: u32,
        dictionary: &Dictionary<'_>,
        counts: &mut HashMap<Option<String>, u64>,
    ) -> Result<(), Damage> {
        let whole = self.len() == u64::from(self.segment.docs);
        let docs = if whole { RoaringBitmap::new() } else { self.docs()? };
        let mut terms = dictionary.walk();
        while let Some(code) = terms.advance()? {
            let count = if index as usize == ORGANIZATION {
                let range = self.segment.organization_range(code)?;
                if whole { u64::from(range.end - range.start) } else { docs.range_cardinality(range) }
            } else if whole {
                dictionary.cardinality(code)?
            } else {
                dictionary.posting(index, code)?.count_in(&docs)
            };
            if count > 0 {
                *counts.entry_ref(&Some(terms.text()?.to_owned())).or_insert(0) += count;
            }
        }
        let present = dictionary.present()?;
        let with_value = if whole { present.len() } else { present.intersection_len(&docs) };
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
            let within = doc as usize % BLOCK_DOCS;
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

    /// Whether the docs of an organization that lie in the same bucket are many, on average.
    fn has_long_runs(&self, set: &RoaringBitmap, width: i64) -> bool {
        let meta = self.segment.meta();
        let span = meta.last.time.nanos().abs_diff(meta.first.time.nanos());
        let buckets = (span / width.max(1).unsigned_abs()).saturating_add(1);
        let runs = (u64::from(self.segment.organizations()) + 1).saturating_mul(buckets);
        set.len() / runs >= BUCKET_RUN_DOCS
    }

    /// Adds up the selected docs of ranges that are each in time order.
    fn bucket_lanes(
        &self,
        lanes: &[Range<u32>],
        width: i64,
        counts: &mut BTreeMap<i64, u64>,
    ) -> Result<(), Damage> {
        let next = |doc: u32| match &self.set {
            None => Some(doc),
            Some(set) => set.range(doc..).next(),
        };
        for lane in lanes {
            let position = |doc| self.segment.position(doc);
            let count = |docs| self.count_docs(docs);
            Self::bucket_runs(lane.clone(), width, counts, next, position, count)?;
        }
        Ok(())
    }

    /// Adds up runs of docs (or ranks) that lie in the same bucket. `position` says where an index stands.
    fn bucket_runs(
        run: Range<u32>,
        width: i64,
        counts: &mut BTreeMap<i64, u64>,
        next: impl Fn(u32) -> Option<u32>,
        position: impl Fn(u32) -> Result<Position, Damage>,
        count: impl Fn(Range<u32>) -> u64,
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
            *counts.entry(bucket).or_insert(0) += count(start..end);
            from = if end < run.end { next(end).filter(|at| *at < run.end) } else { None };
        }
        Ok(())
    }
}

impl Matches for Selection<'_> {
    fn count(&mut self) -> Result<u64, Damage> {
        self.resolve()?;
        Ok(self.len())
    }

    fn count_before(&mut self, position: Position) -> Result<u64, Damage> {
        self.resolve()?;
        match (self.shape.clone(), self.set.is_some()) {
            (Shape::Lanes(lanes), _) => self.count_lanes(&lanes, |at| at < position),
            (Shape::Order(ranks), false) => {
                let end = self.segment.partition_ranks(ranks.clone(), |at| at < position)?;
                Ok(u64::from(end - ranks.start))
            }
            (Shape::Order(ranks), true) => {
                let ordered = self.ordered(&ranks)?;
                let (mut low, mut high) = (0, ordered.len());
                while low < high {
                    let middle = low + (high - low) / 2;
                    if self.segment.position(ordered[middle])? < position {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                Ok(low as u64)
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
        let doc = match (self.shape.clone(), &self.set) {
            (Shape::Order(ranks), None) => Some(self.segment.doc_at(ranks.start + index_u32)?),
            (Shape::Order(ranks), Some(_)) => self.ordered(&ranks)?.get(index as usize).copied(),
            (Shape::Lanes(lanes), set) if lanes.len() == 1 => match set {
                None => lanes.first().map(|lane| lane.start + index_u32),
                Some(set) => set.select(index_u32),
            },
            (Shape::Lanes(lanes), _) => {
                // The first place of the total order up to which there are more matches than `index`.
                let (mut low, mut high) = (0, self.segment.docs);
                while low < high {
                    let middle = low + (high - low) / 2;
                    let place = self.segment.position(self.segment.doc_at(middle)?)?;
                    if self.count_lanes(&lanes, |at| at <= place)? <= index {
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
            (Shape::Order(ranks), None) => {
                let position = |rank| segment.position(segment.doc_at(rank)?);
                let count = |ranks: Range<u32>| u64::from(ranks.end - ranks.start);
                Self::bucket_runs(ranks.clone(), width, counts, Some, position, count)?;
            }
            (Shape::Order(_), Some(set)) if self.has_long_runs(set, width) => {
                self.bucket_lanes(&segment.all_ranges()?, width, counts)?;
            }
            (Shape::Order(_), Some(set)) => {
                // Docs of one organization follow in time order, so most stay in the bucket of the one before.
                let mut open: Option<(i64, u64)> = None;
                for doc in set {
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
}
