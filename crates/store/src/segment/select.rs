//! From a condition to docs: which docs certainly satisfy it, and which may.
//!
//! Conditions on indexed fields and on time are answered by the indexes alone. Text searches, and conditions on fields
//! without an index, leave candidates that somebody has to look at. The model's `Filter::matches` is the meaning.

use std::{collections::BTreeSet, ops::Range};

use annals_model::{Bounds, Field, Filter, Position, TimeRange};
use roaring::RoaringBitmap;

use super::{
    BLOCK_DOCS, Segment,
    fields::ORGANIZATION,
    matches::{Selection, Shape},
    postings::Posting,
    terms::Dictionary,
    words::word_hashes,
};
use crate::Damage;

/// Up to so many organizations are walked side by side; more are walked in the order of the whole segment.
pub(super) const LANES_MAX: usize = 16;

/// The docs of a condition within some universe.
pub(super) struct Found {
    /// No other doc satisfies it.
    pub(super) may: RoaringBitmap,
    /// These do; `None` when all that may do.
    pub(super) must: Option<RoaringBitmap>,
}

impl Found {
    pub(super) const fn exactly(docs: RoaringBitmap) -> Self {
        Self { may: docs, must: None }
    }

    const fn certain(&self) -> &RoaringBitmap {
        match &self.must {
            Some(must) => must,
            None => &self.may,
        }
    }
}

impl Segment {
    /// What a query asks of this segment.
    pub(super) fn selection(&self, condition: &Filter) -> Result<Selection<'_>, Damage> {
        let mut conjuncts = Vec::new();
        flatten(condition, &mut conjuncts);
        let mut window = TimeRange::ALL;
        let mut organizations: Option<BTreeSet<u32>> = None;
        let mut rest = Vec::new();
        for conjunct in conjuncts {
            if let Filter::Time(range) = conjunct {
                window = window.intersect(*range);
                continue;
            }
            if let Some(bound) = self.organizations_of(conjunct)? {
                organizations = Some(match organizations {
                    None => bound,
                    Some(one) => one.intersection(&bound).copied().collect(),
                });
            }
            if !matches!(
                conjunct,
                Filter::Term(Field::Organization, _) | Filter::AnyOf(Field::Organization, _)
            ) {
                rest.push(conjunct);
            }
        }
        let ranges = self.ranges(organizations.as_ref())?;
        let narrowed = |ranges: Vec<Range<u32>>| -> Result<Vec<Range<u32>>, Damage> {
            let mut narrow = Vec::with_capacity(ranges.len());
            for range in ranges {
                narrow.push(if window == TimeRange::ALL { range } else { self.within(range, window)? });
            }
            narrow.retain(|range| !range.is_empty());
            Ok(narrow)
        };
        let (shape, universe) = match ranges {
            Some(ranges) if ranges.len() <= LANES_MAX => {
                let lanes = narrowed(ranges)?;
                let universe = (!rest.is_empty()).then(|| union(&lanes));
                (Shape::Lanes(lanes), universe)
            }
            ranges => {
                let ranks = self.ranks_within(window)?;
                let restricted = !rest.is_empty() || organizations.is_some();
                let universe = if !restricted {
                    None
                } else if let Some(ranges) = ranges {
                    Some(union(&narrowed(ranges)?))
                } else {
                    Some(self.docs_within(window)?)
                };
                (Shape::Order(ranks), universe)
            }
        };
        let Some(universe) = universe else {
            return Ok(Selection::new(self, shape, None, None));
        };
        let found = self.conjunction(&rest, &universe)?;
        let check = found.must.map(|must| (must, condition.clone()));
        Ok(Selection::new(self, shape, Some(found.may), check))
    }

    /// The doc ranges of organizations, or of all of them when there are few; `None` when all are wanted and many.
    fn ranges(&self, codes: Option<&BTreeSet<u32>>) -> Result<Option<Vec<Range<u32>>>, Damage> {
        if let Some(codes) = codes {
            return codes
                .iter()
                .map(|code| self.organization_range(*code))
                .collect::<Result<_, _>>()
                .map(Some);
        }
        if self.organizations() as usize >= LANES_MAX {
            return Ok(None);
        }
        self.all_ranges().map(Some)
    }

    /// Every range that is in time order: the docs without an organization, and those of each.
    pub(super) fn all_ranges(&self) -> Result<Vec<Range<u32>>, Damage> {
        let mut ranges = vec![self.absent_range()?];
        for code in 0..self.organizations() {
            ranges.push(self.organization_range(code)?);
        }
        ranges.retain(|range| !range.is_empty());
        Ok(ranges)
    }

    /// The organizations outside of which a condition is never satisfied, by code; `None` when it says nothing of them.
    fn organizations_of(&self, condition: &Filter) -> Result<Option<BTreeSet<u32>>, Damage> {
        Ok(match condition {
            Filter::Term(Field::Organization, id) => {
                Some(self.dictionary(ORGANIZATION as u32)?.find(id)?.into_iter().collect())
            }
            Filter::AnyOf(Field::Organization, ids) => {
                let dictionary = self.dictionary(ORGANIZATION as u32)?;
                let mut codes = BTreeSet::new();
                for id in ids {
                    codes.extend(dictionary.find(id)?);
                }
                Some(codes)
            }
            Filter::And(list) => {
                let mut both: Option<BTreeSet<u32>> = None;
                for bound in list.iter().map(|one| self.organizations_of(one)) {
                    both = match (both, bound?) {
                        (Some(one), Some(two)) => Some(one.intersection(&two).copied().collect()),
                        (one, two) => one.or(two),
                    };
                }
                both
            }
            Filter::Or(list) => {
                let mut either = BTreeSet::new();
                for one in list {
                    let Some(bound) = self.organizations_of(one)? else {
                        return Ok(None);
                    };
                    either.extend(bound);
                }
                Some(either)
            }
            _ => None,
        })
    }

    /// The first doc of a range in time order whose position is no longer `before`.
    pub(super) fn partition_docs(
        &self,
        range: Range<u32>,
        before: impl Fn(Position) -> bool,
    ) -> Result<u32, Damage> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.position(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The same over the total order of the segment.
    pub(super) fn partition_ranks(
        &self,
        range: Range<u32>,
        before: impl Fn(Position) -> bool,
    ) -> Result<u32, Damage> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.position(self.doc_at(middle)?)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn within(&self, range: Range<u32>, window: TimeRange) -> Result<Range<u32>, Damage> {
        let start = match window.from {
            None => range.start,
            Some(from) => self.partition_docs(range.clone(), |position| position.time < from)?,
        };
        let end = match window.to {
            None => range.end,
            Some(to) => self.partition_docs(start..range.end, |position| position.time < to)?,
        };
        Ok(start..end)
    }

    fn ranks_within(&self, window: TimeRange) -> Result<Range<u32>, Damage> {
        let start = match window.from {
            None => 0,
            Some(from) => self.partition_ranks(0..self.docs, |position| position.time < from)?,
        };
        let end = match window.to {
            None => self.docs,
            Some(to) => self.partition_ranks(start..self.docs, |position| position.time < to)?,
        };
        Ok(start..end)
    }

    /// The docs at these places of the total order.
    pub(super) fn docs_at(&self, ranks: Range<u32>) -> Result<RoaringBitmap, Damage> {
        if ranks == (0..self.docs) || self.is_in_time_order() {
            return Ok(union(&[ranks]));
        }
        let mut docs = ranks.map(|rank| self.doc_at(rank)).collect::<Result<Vec<_>, _>>()?;
        docs.sort_unstable();
        Ok(docs.into_iter().collect())
    }

    fn docs_within(&self, window: TimeRange) -> Result<RoaringBitmap, Damage> {
        let ranks = self.ranks_within(window)?;
        // Two binary searches per organization, or one look per doc.
        let searches = u64::from(self.organizations()) * 32;
        if ranks == (0..self.docs) || u64::from(ranks.end - ranks.start) < searches {
            return self.docs_at(ranks);
        }
        let mut docs = RoaringBitmap::new();
        for range in self.all_ranges()? {
            docs.insert_range(self.within(range, window)?);
        }
        Ok(docs)
    }

    /// The docs of `universe` that satisfy a condition.
    fn found(&self, condition: &Filter, universe: &RoaringBitmap) -> Result<Found, Damage> {
        match condition {
            Filter::And(list) => self.conjunction(&list.iter().collect::<Vec<_>>(), universe),
            Filter::Or(list) => {
                let mut may = RoaringBitmap::new();
                let mut must = RoaringBitmap::new();
                let mut exact = true;
                for one in list {
                    let found = self.found(one, universe)?;
                    exact &= found.must.is_none();
                    must |= found.certain();
                    may |= found.may;
                }
                Ok(if exact { Found::exactly(may) } else { Found { may, must: Some(must) } })
            }
            Filter::Not(inner) => {
                let found = self.found(inner, universe)?;
                let may = universe - found.certain();
                Ok(Found { may, must: found.must.map(|_| universe - found.may) })
            }
            Filter::Time(range) => Ok(Found::exactly(self.docs_within(*range)? & universe)),
            Filter::Text(text) | Filter::Phrase(text) => self.with_words(&[hashes_of(text)], universe),
            Filter::At(place, criterion) => self.with_words(&[hashes_of(&place.words(criterion))], universe),
            Filter::Value(field, criterion) => self.with_value(field, criterion, universe),
            Filter::Term(field, value) if !field.is_indexed() => {
                self.with_words(&[hashes_of(value)], universe)
            }
            Filter::AnyOf(field, values) if !field.is_indexed() => {
                let words: Vec<Vec<u64>> = values.iter().map(|value| hashes_of(value)).collect();
                self.with_words(&words, universe)
            }
            Filter::Range(field, _) | Filter::Prefix(field, _) | Filter::Exists(field)
                if !field.is_indexed() =>
            {
                Ok(Found { may: universe.clone(), must: Some(RoaringBitmap::new()) })
            }
            Filter::Term(field, _)
            | Filter::AnyOf(field, _)
            | Filter::Range(field, _)
            | Filter::Prefix(field, _)
            | Filter::Exists(field) => {
                let Some(index) = self.field_index(field)? else {
                    return Ok(Found::exactly(RoaringBitmap::new()));
                };
                let dictionary = self.dictionary(index)?;
                let docs = match condition {
                    Filter::Exists(_) => dictionary.present()? & universe,
                    Filter::Term(_, value) => {
                        self.docs_of_codes(index, &dictionary, dictionary.find(value)?, universe)?
                    }
                    Filter::AnyOf(_, values) => {
                        let mut codes = Vec::with_capacity(values.len());
                        for value in values {
                            codes.extend(dictionary.find(value)?);
                        }
                        self.docs_of_codes(index, &dictionary, codes, universe)?
                    }
                    Filter::Range(_, bounds) => {
                        let codes = codes_within(&dictionary, bounds)?;
                        self.docs_of_interval(index, &dictionary, codes, universe)?
                    }
                    Filter::Prefix(_, prefix) => {
                        let prefix = prefix.as_bytes();
                        let start = dictionary.partition_point(|term| term < prefix)?;
                        let end =
                            dictionary.partition_point(|term| term < prefix || term.starts_with(prefix))?;
                        self.docs_of_interval(index, &dictionary, start..end, universe)?
                    }
                    _ => RoaringBitmap::new(),
                };
                Ok(Found::exactly(docs))
            }
        }
    }

    fn conjunction(&self, list: &[&Filter], universe: &RoaringBitmap) -> Result<Found, Damage> {
        // What the indexes answer comes first and leaves less for the others to look through.
        let mut sorted = list.to_vec();
        sorted.sort_by_key(|condition| (!is_exact(condition), matches!(condition, Filter::Value(..))));
        let mut found = Found::exactly(universe.clone());
        for condition in sorted {
            if found.may.is_empty() {
                break;
            }
            let next = self.found(condition, &found.may)?;
            let must = match (&found.must, &next.must) {
                (None, None) => None,
                _ => Some(found.certain() & next.certain()),
            };
            found = Found { may: next.may, must };
        }
        Ok(found)
    }

    fn docs_of_interval(
        &self,
        index: u32,
        dictionary: &Dictionary<'_>,
        codes: Range<u32>,
        universe: &RoaringBitmap,
    ) -> Result<RoaringBitmap, Damage> {
        if codes == (0..dictionary.terms()) {
            return Ok(dictionary.present()? & universe);
        }
        self.docs_of_codes(index, dictionary, codes, universe)
    }

    pub(super) fn docs_of_codes(
        &self,
        index: u32,
        dictionary: &Dictionary<'_>,
        codes: impl IntoIterator<Item = u32>,
        universe: &RoaringBitmap,
    ) -> Result<RoaringBitmap, Damage> {
        let mut docs = RoaringBitmap::new();
        if index as usize == ORGANIZATION {
            for code in codes {
                docs.insert_range(self.organization_range(code)?);
            }
            return Ok(docs & universe);
        }
        let mut few = Vec::new();
        for code in codes {
            match dictionary.posting(index, code)? {
                Posting::Few(list) => few.extend(list),
                Posting::Many(bitmap) => docs |= &*bitmap & universe,
            }
        }
        few.sort_unstable();
        let few: RoaringBitmap = few.into_iter().collect();
        docs |= few & universe;
        Ok(docs)
    }

    /// The docs of blocks that may have all of one of these lists of words.
    pub(super) fn with_words(&self, any: &[Vec<u64>], universe: &RoaringBitmap) -> Result<Found, Damage> {
        let mut may = RoaringBitmap::new();
        let mut next = universe.min();
        while let Some(doc) = next {
            let block = doc / BLOCK_DOCS as u32;
            let docs = block * BLOCK_DOCS as u32..(block + 1).saturating_mul(BLOCK_DOCS as u32);
            let mut possible = false;
            for words in any {
                possible = possible || self.block_may_have(block, words)?;
            }
            if possible {
                // Blocks come in ascending order, so each doc is larger than all before.
                for doc in universe.range(docs.clone()) {
                    may.insert(doc);
                }
            }
            next = universe.range(docs.end..).next();
        }
        Ok(Found { may, must: Some(RoaringBitmap::new()) })
    }
}

fn flatten<'f>(condition: &'f Filter, out: &mut Vec<&'f Filter>) {
    match condition {
        Filter::And(list) => list.iter().for_each(|one| flatten(one, out)),
        other => out.push(other),
    }
}

fn union(ranges: &[Range<u32>]) -> RoaringBitmap {
    let mut docs = RoaringBitmap::new();
    for range in ranges {
        docs.insert_range(range.clone());
    }
    docs
}

pub(super) fn hashes_of(text: &str) -> Vec<u64> {
    let mut hashes = Vec::new();
    word_hashes(text, &mut String::new(), |hash| hashes.push(hash));
    hashes
}

fn is_exact(condition: &Filter) -> bool {
    match condition {
        Filter::And(list) | Filter::Or(list) => list.iter().all(is_exact),
        Filter::Not(inner) => is_exact(inner),
        Filter::Time(_) => true,
        Filter::Text(_) | Filter::Phrase(_) | Filter::At(..) => false,
        Filter::Term(field, _)
        | Filter::Value(field, _)
        | Filter::AnyOf(field, _)
        | Filter::Range(field, _)
        | Filter::Prefix(field, _)
        | Filter::Exists(field) => field.is_indexed(),
    }
}

/// The codes of the terms within bounds.
fn codes_within(dictionary: &Dictionary<'_>, bounds: &Bounds) -> Result<Range<u32>, Damage> {
    let start = match &bounds.lower {
        None => 0,
        Some((lower, true)) => dictionary.partition_point(|term| term < lower.as_bytes())?,
        Some((lower, false)) => dictionary.partition_point(|term| term <= lower.as_bytes())?,
    };
    let end = match &bounds.upper {
        None => dictionary.terms(),
        Some((upper, true)) => dictionary.partition_point(|term| term <= upper.as_bytes())?,
        Some((upper, false)) => dictionary.partition_point(|term| term < upper.as_bytes())?,
    };
    Ok(start..end.max(start))
}
