//! A set of small numbers as one bit each: the events of a tail that are still in question, the docs of a segment that
//! others are counted against.

use std::ops::{Range, RangeInclusive};

const WORD: usize = u64::BITS as usize;

/// A set of numbers below a fixed length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    length: u32,
}

impl Bits {
    /// No number.
    pub(crate) fn none(length: u32) -> Self {
        Self { words: vec![0; (length as usize).div_ceil(WORD)], length }
    }

    /// Every number below `length`.
    pub(crate) fn all(length: u32) -> Self {
        let mut words = vec![u64::MAX; (length as usize).div_ceil(WORD)];
        let rest = length as usize % WORD;
        if let Some(last) = words.last_mut().filter(|_| rest != 0) {
            *last = (1 << rest) - 1;
        }
        Self { words, length }
    }

    /// Adds a number; one beyond the length is left out.
    pub(crate) fn insert(&mut self, number: u32) {
        if number < self.length
            && let Some(word) = self.words.get_mut(number as usize / WORD)
        {
            *word |= 1 << (number as usize % WORD);
        }
    }

    /// Adds the numbers of a range; those beyond the length are left out.
    pub(crate) fn insert_range(&mut self, range: Range<u32>) {
        if let Some(range) = self.within(range) {
            let words = self.words.iter_mut().zip((0..).step_by(WORD));
            let (first, last) = (*range.start() as usize / WORD, *range.end() as usize / WORD);
            for (word, place) in words.take(last + 1).skip(first) {
                *word |= mask(place, &range);
            }
        }
    }

    /// How many numbers of a range there are.
    pub(crate) fn count_in(&self, range: Range<u32>) -> u64 {
        self.within(range).map_or(0, |range| ones(&self.words, &range))
    }

    /// What of a range is below the length.
    fn within(&self, range: Range<u32>) -> Option<RangeInclusive<u32>> {
        let last = range.end.min(self.length).checked_sub(1)?;
        (range.start <= last).then_some(range.start..=last)
    }

    /// Numbers below this may be added.
    pub(crate) const fn length(&self) -> u32 {
        self.length
    }

    /// The bits, 64 a word, the lowest first.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn remove(&mut self, number: u32) {
        if let Some(word) = self.words.get_mut(number as usize / WORD) {
            *word &= !(1 << (number as usize % WORD));
        }
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.words.get(number as usize / WORD).is_some_and(|word| word >> (number as usize % WORD) & 1 == 1)
    }

    /// Keeps what is in both.
    pub(crate) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Adds what is in the other.
    pub(crate) fn unite(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Removes what is in the other.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The numbers, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                Some((at * WORD) as u32 + bit)
            })
        })
    }
}

/// Of a word with the numbers from `place` on, the bits that lie in a range which touches it.
pub(crate) fn mask(place: u32, range: &RangeInclusive<u32>) -> u64 {
    let below = range.start().saturating_sub(place);
    let above = (place + u64::BITS - 1).saturating_sub(*range.end());
    (u64::MAX << below) & (u64::MAX >> above)
}

/// How many bits of a range are set; none where the words end before the range does.
pub(crate) fn ones(words: &[u64], range: &RangeInclusive<u32>) -> u64 {
    let (first, last) = (range.start() / u64::BITS, range.end() / u64::BITS);
    let words = words.get(first as usize..=last as usize).unwrap_or_default();
    words
        .iter()
        .zip((first * u64::BITS..).step_by(WORD))
        .map(|(word, place)| u64::from((word & mask(place, range)).count_ones()))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(numbers: &BTreeSet<u32>, length: u32) -> Bits {
        let mut bits = Bits::none(length);
        numbers.iter().for_each(|&number| bits.insert(number));
        bits
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(
            length in 0..200_u32,
            one in proptest::collection::btree_set(0..200_u32, 0..40),
            two in proptest::collection::btree_set(0..200_u32, 0..40),
            (start, end) in (0..220_u32, 0..220_u32),
        ) {
            let inside = |set: &BTreeSet<u32>| set.iter().copied().filter(|n| *n < length).collect::<BTreeSet<_>>();
            let (left, right) = (inside(&one), inside(&two));
            let members = |bits: &Bits| bits.iter().collect::<BTreeSet<_>>();
            let (a, b) = (bits(&one, length), bits(&two, length));
            prop_assert_eq!(members(&a), left.clone());
            prop_assert_eq!(a.count(), left.len());
            prop_assert_eq!(a.is_empty(), left.is_empty());
            for number in 0..260 {
                prop_assert_eq!(a.contains(number), left.contains(&number));
            }
            let mut both = a.clone();
            both.intersect(&b);
            prop_assert_eq!(members(&both), &left & &right);
            let mut either = a.clone();
            either.unite(&b);
            prop_assert_eq!(members(&either), &left | &right);
            let mut rest = a.clone();
            rest.subtract(&b);
            prop_assert_eq!(members(&rest), &left - &right);
            let mut others = Bits::all(length);
            others.subtract(&a);
            prop_assert_eq!(others.count(), length as usize - left.len());
            right.iter().for_each(|&number| rest.remove(number));
            prop_assert_eq!(members(&rest), &left - &right);
            let range = start..end;
            let in_range = |set: &BTreeSet<u32>| set.iter().filter(|number| range.contains(number)).count();
            prop_assert_eq!(a.count_in(range.clone()), in_range(&left) as u64);
            let mut more = a;
            more.insert_range(range.clone());
            prop_assert_eq!(members(&more), &left | &inside(&range.collect()));
        }
    }
}
