//! The values of one field of a part of the tail, and which events have them. Nothing here is allocated by itself: texts
//! lie one behind the other, and the events of a value are a chain through one list, the last one first.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::contents::with_spare;
use crate::segment::{Link, Numbers};

/// A value.
#[derive(Debug)]
struct Value {
    /// Where its text begins, and how long it is.
    start: usize,
    length: u32,
    hash: u64,
    /// The last link of its chain, and the event in it.
    last: u32,
    last_number: u32,
}

/// The values of one field.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// Places in `values`, by text.
    table: HashTable<u32>,
    values: Vec<Value>,
    texts: String,
    links: Vec<Link>,
}

impl Values {
    /// None, with room for about as many as others are.
    pub(super) fn with_room_of(other: &Self) -> Self {
        Self {
            table: HashTable::with_capacity(with_spare(other.values.len())),
            values: Vec::with_capacity(with_spare(other.values.len())),
            texts: String::with_capacity(with_spare(other.texts.len())),
            links: Vec::with_capacity(with_spare(other.links.len())),
        }
    }

    fn text(&self, value: &Value) -> &str {
        self.texts.get(value.start..value.start + value.length as usize).unwrap_or_default()
    }

    fn numbers(&self, value: &Value) -> Numbers<'_> {
        Numbers::new(&self.links, value.last)
    }

    /// Notes that an event has a value. Events come in ascending order of their numbers; one that says a value twice
    /// counts once.
    pub(crate) fn add(&mut self, hasher: &DefaultHashBuilder, text: &str, number: u32) {
        let hash = hasher.hash_one(text);
        let next = self.links.len() as u32;
        let Self { table, values, texts, links } = self;
        let is_same = |&place: &u32| {
            values.get(place as usize).is_some_and(|value| {
                value.hash == hash
                    && texts.as_bytes().get(value.start..value.start + value.length as usize)
                        == Some(text.as_bytes())
            })
        };
        if let Some(&place) = table.find(hash, is_same)
            && let Some(value) = values.get_mut(place as usize)
        {
            if value.last_number != number {
                links.push(Link { number, before: value.last });
                (value.last, value.last_number) = (next, number);
            }
            return;
        }
        links.push(Link { number, before: next });
        values.push(Value {
            start: texts.len(),
            length: text.len() as u32,
            hash,
            last: next,
            last_number: number,
        });
        texts.push_str(text);
        table.insert_unique(hash, values.len() as u32 - 1, |&place| {
            values.get(place as usize).map_or(0, |value| value.hash)
        });
    }

    /// The events that have a value.
    pub(crate) fn get(&self, hasher: &DefaultHashBuilder, text: &str) -> Option<Numbers<'_>> {
        let hash = hasher.hash_one(text);
        let value = |place: u32| self.values.get(place as usize);
        let is_same = |&place: &u32| value(place).is_some_and(|value| self.text(value) == text);
        self.table.find(hash, is_same).and_then(|&place| value(place)).map(|value| self.numbers(value))
    }

    /// Every value, in the order they came, with the events that have it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Numbers<'_>)> {
        self.values.iter().map(|value| (self.text(value), self.numbers(value)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_map(entries in proptest::collection::vec(("[a-dé]{0,2}", 0_u32..3), 0..200)) {
            let hasher = DefaultHashBuilder::default();
            let mut values = Values::default();
            let mut model: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
            let mut number = 0;
            for (text, step) in &entries {
                number += step;
                values.add(&hasher, text, number);
                model.entry(text.clone()).or_default().insert(number);
            }
            let found: BTreeMap<String, BTreeSet<u32>> =
                values.iter().map(|(text, numbers)| (text.to_owned(), numbers.iter().collect())).collect();
            prop_assert_eq!(&found, &model);
            for (text, wanted) in &model {
                let numbers = values.get(&hasher, text).unwrap();
                prop_assert_eq!(numbers.iter().count(), wanted.len());
                prop_assert!(numbers.iter().is_sorted_by(|a, b| a > b));
            }
            prop_assert!(values.get(&hasher, "nobody").is_none());
        }
    }
}
