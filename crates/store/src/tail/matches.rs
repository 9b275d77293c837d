//! The events of a tail that satisfy a condition: their numbers in the total order, and a place among them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use annals_model::{Event, Field, Order, Position};
use hashbrown::HashMap;

use super::{
    READ_AHEAD, TailPart,
    contents::{Contents, Kept},
    unreadable,
    values::Values,
};
use crate::{
    Damage,
    bits::Bits,
    query::{
        part::{Keep, Matches, bucket_of},
        split::Split,
    },
};

/// Matches per event of the tail below which it is cheaper to read them than to walk a whole index.
const READ_SHARE: usize = 32;

pub(super) struct TailMatches<'p> {
    part: &'p Arc<TailPart>,
    length: u32,
    /// In the total order.
    numbers: Vec<u32>,
    order: Order,
    /// Ascending: the index of the next match. Descending: one more than it.
    at: usize,
    /// The next match and those behind it, as far as they were taken.
    ahead: VecDeque<Kept>,
}

impl<'p> TailMatches<'p> {
    pub(super) fn new(part: &'p Arc<TailPart>, length: u32, numbers: Vec<u32>) -> Self {
        Self { part, length, numbers, order: Order::Ascending, at: 0, ahead: VecDeque::new() }
    }

    /// The next match.
    fn next(&mut self) -> Result<Option<&Kept>, Damage> {
        if self.ahead.is_empty() {
            let (before, after) = self.numbers.split_at(self.at);
            let next: &mut dyn Iterator<Item = &u32> = match self.order {
                Order::Ascending => &mut after.iter(),
                Order::Descending => &mut before.iter().rev(),
            };
            let growing = self.part.read();
            for &number in next.take(READ_AHEAD) {
                self.ahead.push_back(growing.contents.kept(number).map_err(unreadable)?);
            }
        }
        Ok(self.ahead.front())
    }

    fn advance(&mut self) {
        self.ahead.pop_front();
        self.at = match self.order {
            Order::Ascending => (self.at + 1).min(self.numbers.len()),
            Order::Descending => self.at.saturating_sub(1),
        };
    }

    fn group_by_index(
        &self,
        contents: &Contents,
        field: &Field,
        counts: &mut HashMap<Option<String>, u64>,
    ) -> bool {
        let Some(values) = contents.values(field) else { return false };
        let mut chosen = Bits::none(self.length);
        self.numbers.iter().for_each(|&number| chosen.insert(number));
        let mut absent = chosen.clone();
        for (value, postings) in values.into_iter().flat_map(Values::iter) {
            let mut count = 0;
            for number in postings.iter().filter(|&number| chosen.contains(number)) {
                absent.remove(number);
                count += 1;
            }
            if count != 0 {
                *counts.entry(Some(value.to_owned())).or_default() += count;
            }
        }
        let absent = absent.count() as u64;
        if absent != 0 {
            *counts.entry(None).or_default() += absent;
        }
        true
    }

    fn group_by_reading(
        &self,
        field: &Field,
        counts: &mut HashMap<Option<String>, u64>,
    ) -> Result<(), Damage> {
        for &number in &self.numbers {
            let growing = self.part.read();
            let view = growing.contents.view(number).map_err(unreadable)?;
            let mut values = Vec::new();
            view.visit(field, |value| values.push(value));
            values.sort_unstable();
            values.dedup();
            if values.is_empty() {
                *counts.entry(None).or_default() += 1;
            }
            for value in &values {
                *counts.entry(Some((*value).to_owned())).or_default() += 1;
            }
        }
        Ok(())
    }
}

impl TailMatches<'_> {
    fn split_by_reading(&self, split: &mut Split<'_>) -> Result<(), Damage> {
        for &number in &self.numbers {
            let growing = self.part.read();
            let view = growing.contents.view(number).map_err(unreadable)?;
            let bucket = split.bucket(view.time);
            split.add(bucket);
            let mut places = Vec::new();
            view.visit(split.field, |text| {
                places.extend(split.values.iter().position(|value| value == text));
            });
            places.sort_unstable();
            places.dedup();
            places.into_iter().for_each(|place| split.add_value(bucket, place));
        }
        Ok(())
    }
}

impl Matches for TailMatches<'_> {
    fn count(&mut self) -> Result<u64, Damage> {
        Ok(self.numbers.len() as u64)
    }

    fn count_before(&mut self, position: Position) -> Result<u64, Damage> {
        let growing = self.part.read();
        let before = |&number: &u32| growing.contents.position(number) < Some(position);
        Ok(self.numbers.partition_point(before) as u64)
    }

    fn position_at(&mut self, index: u64) -> Result<Option<Position>, Damage> {
        let Some(&number) = usize::try_from(index).ok().and_then(|index| self.numbers.get(index)) else {
            return Ok(None);
        };
        Ok(self.part.read().contents.position(number))
    }

    fn begin(&mut self, order: Order, after: Option<Position>) -> Result<(), Damage> {
        self.order = order;
        self.ahead.clear();
        self.at = match (order, after) {
            (Order::Ascending, None) => 0,
            (Order::Descending, None) => self.numbers.len(),
            (Order::Ascending, Some(after)) => {
                let growing = self.part.read();
                self.numbers.partition_point(|&number| growing.contents.position(number) <= Some(after))
            }
            (Order::Descending, Some(after)) => {
                let growing = self.part.read();
                self.numbers.partition_point(|&number| growing.contents.position(number) < Some(after))
            }
        };
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<Position>, Damage> {
        Ok(self.next()?.map(|next| next.position))
    }

    fn take(&mut self) -> Result<Option<Event>, Damage> {
        let Some(next) = self.next()? else { return Ok(None) };
        let event = next.event().map_err(unreadable)?;
        self.advance();
        Ok(Some(event))
    }

    fn write(&mut self, out: &mut Vec<u8>, _keep: Keep) -> Result<bool, Damage> {
        let Some(next) = self.next()? else { return Ok(false) };
        next.write_json(out).map_err(unreadable)?;
        self.advance();
        Ok(true)
    }

    fn skip(&mut self) -> Result<(), Damage> {
        self.advance();
        Ok(())
    }

    fn group(&mut self, field: &Field, counts: &mut HashMap<Option<String>, u64>) -> Result<(), Damage> {
        // Locked for one index or for one event at a time, because the writer waits meanwhile.
        let few = self.numbers.len() < self.length as usize / READ_SHARE;
        if few || !self.group_by_index(&self.part.read().contents, field, counts) {
            self.group_by_reading(field, counts)?;
        }
        Ok(())
    }

    fn buckets(&mut self, width: i64, counts: &mut BTreeMap<i64, u64>) -> Result<(), Damage> {
        let growing = self.part.read();
        for position in self.numbers.iter().filter_map(|&number| growing.contents.position(number)) {
            *counts.entry(bucket_of(position.time, width)).or_default() += 1;
        }
        Ok(())
    }

    fn split(&mut self, split: &mut Split<'_>) -> Result<(), Damage> {
        // Locked for one value or for one event at a time, because the writer waits meanwhile.
        let few = self.numbers.len() < self.length as usize / READ_SHARE;
        if few || !split.field.is_indexed() {
            return self.split_by_reading(split);
        }
        let mut buckets: Vec<Option<i64>> = vec![None; self.length as usize];
        {
            let growing = self.part.read();
            for &number in &self.numbers {
                let position = growing.contents.position(number);
                if let (Some(place), Some(position)) = (buckets.get_mut(number as usize), position) {
                    let bucket = split.bucket(position.time);
                    *place = Some(bucket);
                    split.add(bucket);
                }
            }
        }
        let (field, values) = (split.field, split.values);
        for (place, value) in values.iter().enumerate() {
            let growing = self.part.read();
            let contents = &growing.contents;
            let numbers =
                contents.values(field).flatten().and_then(|values| values.get(contents.hasher(), value));
            for number in numbers.into_iter().flat_map(|numbers| numbers.iter()) {
                if let Some(bucket) = buckets.get(number as usize).copied().flatten() {
                    split.add_value(bucket, place);
                }
            }
        }
        Ok(())
    }
}
