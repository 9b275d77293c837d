//! Which events of a tail satisfy a condition: by index where there is one, else by reading what is still in question.

use std::ops::Range;

use annals_model::{Field, Filter, Position};

use super::{
    READ_AHEAD, TailPart,
    contents::{Contents, Kept},
};
use crate::{
    bits::Bits,
    codec::CodecError,
    query::needle::{Needle, has_escapes},
};

/// The numbers below `length` of the events that satisfy a condition, in the total order.
///
/// The part is locked for one index or for one event at a time, because its writer waits meanwhile. What comes in
/// between has higher numbers and is left out.
pub(super) fn select(part: &TailPart, length: u32, condition: &Filter) -> Result<Vec<u32>, CodecError> {
    let selector = Selector { part, length };
    let mut among = Bits::all(length);
    selector.narrow(condition, &mut among)?;
    Ok(in_order(&part.read().contents, &among, length))
}

/// Those of some numbers whose events satisfy a condition, ascending: in the order of the log.
pub(super) fn among(
    part: &TailPart,
    length: u32,
    numbers: Range<u32>,
    condition: &Filter,
) -> Result<Vec<u32>, CodecError> {
    let selector = Selector { part, length };
    let mut among = Bits::none(length);
    numbers.for_each(|number| among.insert(number));
    selector.narrow(condition, &mut among)?;
    Ok(among.iter().collect())
}

/// Sorting few costs less than walking all, walking all costs less than sorting many.
fn in_order(contents: &Contents, chosen: &Bits, length: u32) -> Vec<u32> {
    const SORT_SHARE: usize = 16;
    let count = chosen.count();
    if count > length as usize / SORT_SHARE {
        return contents.order().iter().copied().filter(|&number| chosen.contains(number)).collect();
    }
    let mut numbers: Vec<u32> = chosen.iter().collect();
    numbers.sort_unstable_by_key(|&number| contents.position(number));
    numbers
}

/// Whether an event may have all of these words. Its bytes hold all its texts but the name of its outcome.
fn may_have(needles: &[Needle], kept: &Kept, lower: &mut Vec<u8>) -> bool {
    if needles.is_empty() {
        return true;
    }
    lower.clear();
    lower.extend_from_slice(kept.bytes());
    lower.make_ascii_lowercase();
    let may_have = |needle: &Needle| {
        needle.is_in(lower) || needle.is_outcome() || needle.may_be_disguised(lower) || has_escapes(lower)
    };
    needles.iter().all(may_have)
}

struct Selector<'p> {
    part: &'p TailPart,
    length: u32,
}

impl Selector<'_> {
    /// Removes from `among` what does not satisfy the condition.
    fn narrow(&self, condition: &Filter, among: &mut Bits) -> Result<(), CodecError> {
        match condition {
            Filter::And(list) => {
                // What the indexes leave over is all that must be read for the rest.
                let (indexed, read): (Vec<_>, Vec<_>) =
                    list.iter().partition(|filter| self.is_indexed(filter));
                for filter in indexed.into_iter().chain(read) {
                    if among.is_empty() {
                        return Ok(());
                    }
                    self.narrow(filter, among)?;
                }
            }
            Filter::Or(list) => {
                let mut found = Bits::none(self.length);
                for filter in list {
                    if !self.add_indexed(filter, &mut found) {
                        let mut rest = among.clone();
                        rest.subtract(&found);
                        self.narrow(filter, &mut rest)?;
                        found.unite(&rest);
                    }
                }
                among.intersect(&found);
            }
            Filter::Not(inner) => {
                let mut excluded = among.clone();
                self.narrow(inner, &mut excluded)?;
                among.subtract(&excluded);
            }
            leaf => {
                let mut found = Bits::none(self.length);
                if self.add_indexed(leaf, &mut found) {
                    among.intersect(&found);
                } else {
                    self.read(leaf, among)?;
                }
            }
        }
        Ok(())
    }

    /// Whether no event has to be read to decide it.
    fn is_indexed(&self, condition: &Filter) -> bool {
        match condition {
            Filter::And(list) | Filter::Or(list) => list.iter().all(|filter| self.is_indexed(filter)),
            Filter::Not(inner) => self.is_indexed(inner),
            Filter::Term(field, _)
            | Filter::AnyOf(field, _)
            | Filter::Range(field, _)
            | Filter::Prefix(field, _)
            | Filter::Value(field, _)
            | Filter::Exists(field) => field.is_indexed(),
            Filter::Time(_) => true,
            Filter::Text(_) | Filter::Phrase(_) | Filter::At(..) => false,
        }
    }

    /// Adds to `found` every event that satisfies a single condition, if an index tells; else says `false`.
    fn add_indexed(&self, leaf: &Filter, found: &mut Bits) -> bool {
        match leaf {
            Filter::And(_)
            | Filter::Or(_)
            | Filter::Not(_)
            | Filter::Text(_)
            | Filter::Phrase(_)
            | Filter::At(..) => false,
            Filter::Time(range) => {
                let growing = self.part.read();
                let order = growing.contents.order();
                let place = |bound: Option<annals_model::Timestamp>, open: usize| {
                    bound.map_or(open, |time| {
                        let start = Position { time, seq: 0 };
                        order.partition_point(|&number| growing.contents.position(number) < Some(start))
                    })
                };
                let (from, to) = (place(range.from, 0), place(range.to, order.len()));
                order.get(from..to.max(from)).unwrap_or_default().iter().for_each(|&n| found.insert(n));
                true
            }
            Filter::Term(field, wanted) => self.add_named(field, std::iter::once(wanted.as_str()), found),
            Filter::AnyOf(field, wanted) => self.add_named(field, wanted.iter().map(String::as_str), found),
            Filter::Range(field, bounds) => self.add_values(field, |value| bounds.contain(value), found),
            Filter::Prefix(field, prefix) => {
                self.add_values(field, |value| value.starts_with(prefix.as_str()), found)
            }
            Filter::Value(field, criterion) => {
                self.add_values(field, |value| criterion.accepts(value), found)
            }
            Filter::Exists(field) => self.add_values(field, |_| true, found),
        }
    }

    /// Adds the events that have one of these values.
    fn add_named<'w>(&self, field: &Field, wanted: impl Iterator<Item = &'w str>, found: &mut Bits) -> bool {
        let growing = self.part.read();
        let Some(values) = growing.contents.values(field) else { return false };
        let Some(values) = values else { return true };
        for postings in wanted.filter_map(|value| values.get(growing.contents.hasher(), value)) {
            postings.iter().for_each(|number| found.insert(number));
        }
        true
    }

    /// Adds the events that have a value that passes the test.
    fn add_values(&self, field: &Field, test: impl Fn(&str) -> bool, found: &mut Bits) -> bool {
        let growing = self.part.read();
        let Some(values) = growing.contents.values(field) else { return false };
        let Some(values) = values else { return true };
        for (_, postings) in values.iter().filter(|(value, _)| test(value)) {
            postings.iter().for_each(|number| found.insert(number));
        }
        true
    }

    /// Decides a single condition by reading every event that is still in question.
    fn read(&self, leaf: &Filter, among: &mut Bits) -> Result<(), CodecError> {
        let numbers: Vec<u32> = among.iter().collect();
        let (needles, mut lower) = (Needle::all_of(leaf), Vec::new());
        let mut taken = Vec::with_capacity(READ_AHEAD);
        for some in numbers.chunks(READ_AHEAD) {
            {
                let growing = self.part.read();
                for &number in some {
                    taken.push((number, growing.contents.kept(number)?));
                }
            }
            for (number, kept) in taken.drain(..) {
                if !may_have(&needles, &kept, &mut lower) || !leaf.matches(&kept.event()?) {
                    among.remove(number);
                }
            }
        }
        Ok(())
    }
}
