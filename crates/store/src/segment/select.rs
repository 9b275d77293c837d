//! From a condition to docs: which docs certainly satisfy it, and which may.
//!
//! Conditions on indexed fields and on time are answered by the indexes alone. Text searches, and conditions on fields
//! without an index, leave candidates that somebody has to look at. The model's `Filter::matches` is the meaning.

use std::{collections::BTreeSet, ops::Range};

use annals_model::{Bounds, Field, Filter, Position, TimeRange};
use roaring::RoaringBitmap;

use super::{
    Segment,
    fields::ORGANIZATION,
    matches::{Selection, Shape},
    postings::Posting,
    sets::{Docs, found_by_condition},
    terms::Dictionary,
    words::word_hashes,
};
use crate::Damage;

/// Up to so many organizations are walked side by side; more are walked in the order of the whole segment.
pub(super) const LANES_MAX: usize = 16;

/// The docs of a condition among those it is asked about.
pub(super) struct Found {
    /// No other doc of these satisfies it.
    pub(super) may: Docs,
    /// These do; `None` when all that may do.
    pub(super) must: Option<Docs>,
}

impl Found {
    pub(super) const fn exactly(docs: Docs) -> Self {
        Self { may: docs, must: None }
    }

    const fn certain(&self) -> &Docs {
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
        let all = Docs::All(self.docs);
        let (shape, within, is_shape) = match ranges {
            Some(ranges) if ranges.len() <= LANES_MAX => {
                let lanes = narrowed(ranges)?;
                let within = if rest.is_empty() { all } else { all.among(union(&lanes)) };
                (Shape::Lanes(lanes), within, true)
            }
            Some(ranges) => {
                let within = all.among(union(&narrowed(ranges)?));
                (Shape::Order(self.ranks_within(window)?), within, false)
            }
            None => {
                let ranks = self.ranks_within(window)?;
                let within = if rest.is_empty() { all } else { self.docs_within(window)? };
                (Shape::Order(ranks), within, true)
            }
        };
        let found = self.conjunction(&rest, &within)?;
        // What leaves nothing out need not be looked at again.
        let may = if is_shape && found.may.len() == within.len() { Docs::All(self.docs) } else { found.may };
        let check = found.must.map(|must| (must, condition.clone()));
        Ok(Selection::new(self, shape, may, check))
    }

    /// How many docs satisfy a condition, where the indexes tell without a selection being made.
    pub(super) fn count_by_index(&self, condition: &Filter) -> Result<Option<u64>, Damage> {
        let mut conjuncts = Vec::new();
        flatten(condition, &mut conjuncts);
        let is_direct = |condition: &&Filter| match condition {
            Filter::Term(Field::Organization, _) => conjuncts.len() == 1,
            Filter::AnyOf(Field::Organization, _) | Filter::Time(_) => false,
            other => is_exact(other),
        };
        if !conjuncts.iter().all(is_direct) {
            return Ok(None);
        }
        if let [Filter::Term(field, value)] = conjuncts.as_slice() {
            let Some(index) = self.field_index(field)? else { return Ok(Some(0)) };
            let dictionary = self.dictionary(index)?;
            return Ok(Some(match dictionary.find(value)? {
                None => 0,
                Some(code) if index as usize == ORGANIZATION => {
                    let docs = self.organization_range(code)?;
                    u64::from(docs.end - docs.start)
                }
                Some(code) => dictionary.cardinality(code)?,
            }));
        }
        conjuncts.sort_by_key(|condition| complexity(condition));
        let all = Docs::All(self.docs);
        let Some((last, first)) = conjuncts.split_last() else { return Ok(Some(all.len())) };
        let Found { may: among, must: None } = self.conjunction(first, &all)? else { return Ok(None) };
        if among.is_empty() {
            return Ok(Some(0));
        }
        // Of two large sets only the number of common docs is made, not the set of them.
        let Found { may: last, must: None } = self.conjunction(&[last], &all)? else { return Ok(None) };
        Ok(Some(among.count_and(&last)))
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
    pub(super) fn docs_at(&self, ranks: Range<u32>) -> Result<Docs, Damage> {
        let all = Docs::All(self.docs);
        if ranks == (0..self.docs) || self.is_in_time_order() {
            return Ok(all.among(union(&[ranks])));
        }
        let mut docs = Vec::with_capacity(ranks.len());
        self.each_doc_at(ranks, |doc| docs.push(doc))?;
        docs.sort_unstable();
        Ok(all.among(docs.into_iter().collect()))
    }

    fn docs_within(&self, window: TimeRange) -> Result<Docs, Damage> {
        if window == TimeRange::ALL {
            return Ok(Docs::All(self.docs));
        }
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
        Ok(Docs::All(self.docs).among(docs))
    }

    /// The docs of `within` that satisfy a condition.
    fn found(&self, condition: &Filter, within: &Docs) -> Result<Found, Damage> {
        match condition {
            Filter::And(list) => self.conjunction(&list.iter().collect::<Vec<_>>(), within),
            Filter::Or(list) => {
                let mut may = Union::new(within);
                let mut must = Union::new(within);
                let mut exact = true;
                for one in list {
                    let found = self.found(one, within)?;
                    exact &= found.must.is_none();
                    must.add(found.certain());
                    may.add(&found.may);
                }
                let must = must.finish();
                Ok(if exact { Found::exactly(must) } else { Found { may: may.finish(), must: Some(must) } })
            }
            Filter::Not(inner) => {
                let found = self.found(inner, within)?;
                let may = within.minus(found.certain());
                Ok(Found { may, must: found.must.map(|_| within.minus(&found.may)) })
            }
            Filter::Time(range) => Ok(Found::exactly(within.and(&self.docs_within(*range)?))),
            Filter::Text(text) | Filter::Phrase(text) => self.with_words(&[hashes_of(text)], within),
            Filter::At(place, criterion) => self.with_words(&[hashes_of(&place.words(criterion))], within),
            Filter::Value(field, criterion) => self.with_value(field, criterion, within),
            Filter::Term(field, value) if !field.is_indexed() => self.with_words(&[hashes_of(value)], within),
            Filter::AnyOf(field, values) if !field.is_indexed() => {
                let words: Vec<Vec<u64>> = values.iter().map(|value| hashes_of(value)).collect();
                self.with_words(&words, within)
            }
            Filter::Range(field, _) | Filter::Prefix(field, _) | Filter::Exists(field)
                if !field.is_indexed() =>
            {
                Ok(Found { may: within.clone(), must: Some(within.among(RoaringBitmap::new())) })
            }
            Filter::Term(field, _)
            | Filter::AnyOf(field, _)
            | Filter::Range(field, _)
            | Filter::Prefix(field, _)
            | Filter::Exists(field) => {
                let Some(index) = self.field_index(field)? else {
                    return Ok(Found::exactly(within.among(RoaringBitmap::new())));
                };
                let dictionary = self.dictionary(index)?;
                let docs = match condition {
                    Filter::Exists(_) => within.and(&dictionary.present()?),
                    Filter::Term(_, value) => {
                        let code = dictionary.find(value)?;
                        self.docs_of_codes(index, &dictionary, code.as_slice(), within)?
                    }
                    Filter::AnyOf(_, values) => {
                        let mut codes = Vec::with_capacity(values.len());
                        for value in values {
                            codes.extend(dictionary.find(value)?);
                        }
                        self.docs_of_codes(index, &dictionary, &codes, within)?
                    }
                    Filter::Range(_, bounds) => {
                        let codes: Vec<u32> = codes_within(&dictionary, bounds)?.collect();
                        self.docs_of_codes(index, &dictionary, &codes, within)?
                    }
                    Filter::Prefix(_, prefix) => {
                        let prefix = prefix.as_bytes();
                        let start = dictionary.partition_point(|term| term < prefix)?;
                        let end =
                            dictionary.partition_point(|term| term < prefix || term.starts_with(prefix))?;
                        let codes: Vec<u32> = (start..end).collect();
                        self.docs_of_codes(index, &dictionary, &codes, within)?
                    }
                    _ => within.among(RoaringBitmap::new()),
                };
                Ok(Found::exactly(docs))
            }
        }
    }

    /// The docs of `within` that satisfy all of these conditions.
    fn conjunction(&self, list: &[&Filter], within: &Docs) -> Result<Found, Damage> {
        // What the indexes answer comes first, the simple before the complicated, and leaves less for the others to
        // look through.
        let mut sorted = list.to_vec();
        sorted.sort_by_key(|condition| complexity(condition));
        let mut found = Found::exactly(within.clone());
        for condition in sorted {
            if found.may.is_empty() {
                break;
            }
            let next = if is_exact(condition) {
                found_by_condition(self, condition, &found.may, |among| self.found(condition, among))?
            } else {
                self.found(condition, &found.may)?
            };
            let must = match (&found.must, &next.must) {
                (None, None) => None,
                _ => Some(found.certain().and(next.certain())),
            };
            found = Found { may: next.may, must };
        }
        Ok(found)
    }

    /// The docs of `within` that have one of these terms; no code comes twice.
    pub(super) fn docs_of_codes(
        &self,
        index: u32,
        dictionary: &Dictionary<'_>,
        codes: &[u32],
        within: &Docs,
    ) -> Result<Docs, Damage> {
        if codes.len() == dictionary.terms() as usize {
            return Ok(within.and(&dictionary.present()?));
        }
        let mut docs = Union::new(within);
        if index as usize == ORGANIZATION {
            let mut ranges = Vec::with_capacity(codes.len());
            for code in codes {
                ranges.push(self.organization_range(*code)?);
            }
            return Ok(within.among(union(&ranges)));
        }
        let mut few = Vec::new();
        if let Some(range) = within.narrow_range(self.docs) {
            for code in codes {
                dictionary.docs_within(*code, &range, &mut few)?;
            }
            few.sort_unstable();
            return Ok(within.among(few.into_iter().collect()));
        }
        for code in codes {
            match dictionary.posting(index, *code)? {
                Posting::Few(list) => few.extend(list),
                Posting::Many(set) => docs.add(&within.and(&Docs::Set(set))),
            }
        }
        few.sort_unstable();
        docs.add(&within.among(few.into_iter().collect()));
        Ok(docs.finish())
    }

    /// The docs of blocks that may have all of one of these lists of words.
    pub(super) fn with_words(&self, any: &[Vec<u64>], within: &Docs) -> Result<Found, Damage> {
        let must = Some(within.among(RoaringBitmap::new()));
        let mut may = RoaringBitmap::new();
        if !self.has_word_filters() {
            let mut blocks = RoaringBitmap::new();
            for words in any {
                match self.blocks_with(words)? {
                    Some(some) => blocks |= some,
                    None => return Ok(Found { may: within.clone(), must }),
                }
            }
            for block in blocks {
                within.add_range_to(self.block_docs(block)?, &mut may);
            }
            return Ok(Found { may: within.among(may), must });
        }
        let mut next = within.next_from(0);
        while let Some(doc) = next {
            let block = self.block_of(doc)?;
            let docs = self.block_docs(block)?;
            let mut possible = false;
            for words in any {
                possible = possible || self.block_may_have(block, words)?;
            }
            if possible {
                within.add_range_to(docs.clone(), &mut may);
            }
            // A damaged index may tell of docs that were looked at already.
            next = within.next_from(docs.end.max(doc + 1));
        }
        Ok(Found { may: within.among(may), must })
    }
}

/// Docs that are added up. A single set among them is passed on as it is, with what it knows of its order.
struct Union<'w> {
    within: &'w Docs,
    first: Option<Docs>,
    sum: Option<RoaringBitmap>,
}

impl<'w> Union<'w> {
    const fn new(within: &'w Docs) -> Self {
        Self { within, first: None, sum: None }
    }

    /// Adds docs that are among those within which it is added up.
    fn add(&mut self, docs: &Docs) {
        if docs.is_empty() || matches!(self.first, Some(Docs::All(_))) {
            return;
        }
        match (docs, &self.first) {
            (Docs::All(_), _) | (_, None) => self.first = Some(docs.clone()),
            (Docs::Set(set), Some(Docs::Set(first))) => {
                let sum = self.sum.get_or_insert_with(|| RoaringBitmap::clone(first));
                *sum |= &***set;
            }
            (_, Some(Docs::All(_))) => {}
        }
    }

    fn finish(self) -> Docs {
        match (self.first, self.sum) {
            (Some(all @ Docs::All(_)), _) => all,
            (_, Some(sum)) => self.within.among(sum),
            (Some(first), None) => first,
            (None, None) => self.within.among(RoaringBitmap::new()),
        }
    }
}

fn flatten<'f>(condition: &'f Filter, out: &mut Vec<&'f Filter>) {
    match condition {
        Filter::And(list) => list.iter().for_each(|one| flatten(one, out)),
        other => out.push(other),
    }
}

/// The docs of these ranges.
pub(super) fn union(ranges: &[Range<u32>]) -> RoaringBitmap {
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

/// Whether the indexes decide about a condition. Of a pattern that fits very many terms they may leave it open all the
/// same.
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

/// In which order conditions are evaluated.
fn complexity(condition: &Filter) -> (bool, usize) {
    let size = match condition {
        Filter::Term(..) => 0,
        Filter::Exists(_) | Filter::Time(_) => 1,
        Filter::AnyOf(_, values) => values.len().max(1),
        _ => usize::MAX,
    };
    (!is_exact(condition), size)
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
