//! A set of small numbers as one bit each: the events of a tail that are still in question.

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
        }
    }
}
