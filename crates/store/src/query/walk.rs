//! Walks the matches of several parts as one sequence in the total order. A part is evaluated only when the next event
//! could be in it: the latest page of years of events touches one or two parts.

use std::collections::BinaryHeap;

use annals_model::{Event, Order, Position};

use super::{
    part::{Keep, Matches},
    slot::Slot,
};
use crate::Damage;

pub(super) struct Walk<'w, 'r> {
    slots: &'w mut [Slot<'r>],
    order: Order,
    after: Option<Position>,
    /// Slots that were not needed so far, the next one last.
    waiting: Vec<usize>,
    /// The next match of each slot that was needed, the first in order on top.
    heads: BinaryHeap<(i128, usize)>,
}

/// A number that is larger the earlier a position comes in this order.
fn rank(order: Order, position: Position) -> i128 {
    let ascending = (i128::from(position.time.nanos()) << u64::BITS) | i128::from(position.seq);
    match order {
        Order::Ascending => !ascending,
        Order::Descending => ascending,
    }
}

impl<'w, 'r> Walk<'w, 'r> {
    pub(super) fn new(slots: &'w mut [Slot<'r>], order: Order, after: Option<Position>) -> Self {
        let is_ahead = |slot: &Slot<'_>| {
            after.is_none_or(|after| match order {
                Order::Ascending => slot.span.last > after,
                Order::Descending => slot.span.first < after,
            })
        };
        let mut waiting: Vec<usize> =
            slots.iter().enumerate().filter(|(_, slot)| is_ahead(slot)).map(|(at, _)| at).collect();
        waiting.sort_by_key(|&at| slots.get(at).map(|slot| rank(order, front(slot, order))));
        Self { slots, order, after, waiting, heads: BinaryHeap::new() }
    }

    /// Evaluates the slots that could hold the next match.
    fn open_what_is_needed(&mut self) -> Result<(), Damage> {
        while let Some(&at) = self.waiting.last() {
            let Some(slot) = self.slots.get_mut(at) else { break };
            let best = rank(self.order, front(slot, self.order));
            if self.heads.peek().is_some_and(|&(head, _)| head > best) {
                break;
            }
            self.waiting.pop();
            let matches = slot.matches()?;
            matches.begin(self.order, self.after)?;
            if let Some(position) = matches.peek()? {
                self.heads.push((rank(self.order, position), at));
            }
        }
        Ok(())
    }

    /// Whether anything follows.
    pub(super) fn has_next(&mut self) -> Result<bool, Damage> {
        self.open_what_is_needed()?;
        Ok(!self.heads.is_empty())
    }

    /// Passes over the next event without reading it; whether there was one.
    pub(super) fn skip(&mut self) -> Result<bool, Damage> {
        self.step(|matches, _| matches.skip()).map(|skipped| skipped.is_some())
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Damage> {
        self.step(|matches, _| matches.take()).map(Option::flatten)
    }

    /// Appends the next event as JSON; gives its place.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, keep: Keep) -> Result<Option<Position>, Damage> {
        self.step(|matches, position| Ok(matches.write(out, keep)?.then_some(position))).map(Option::flatten)
    }

    /// Does something with the match that comes next, which moves on behind it.
    fn step<T>(
        &mut self,
        act: impl FnOnce(&mut (dyn Matches + 'r), Position) -> Result<T, Damage>,
    ) -> Result<Option<T>, Damage> {
        self.open_what_is_needed()?;
        let Some((_, at)) = self.heads.pop() else { return Ok(None) };
        let Some(slot) = self.slots.get_mut(at) else { return Ok(None) };
        let matches = slot.matches()?;
        let Some(position) = matches.peek()? else { return Ok(None) };
        let result = act(matches, position)?;
        if let Some(position) = matches.peek()? {
            self.heads.push((rank(self.order, position), at));
        }
        Ok(Some(result))
    }
}

/// Where a slot begins in this order.
fn front(slot: &Slot<'_>, order: Order) -> Position {
    match order {
        Order::Ascending => slot.span.first,
        Order::Descending => slot.span.last,
    }
}
