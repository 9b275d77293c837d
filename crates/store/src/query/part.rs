//! What the query engine asks of a part of the store. A part is one immutable segment, or a part of the tail in memory;
//! the engine merges their answers and knows nothing of how each finds them.

use std::{collections::BTreeMap, ops::RangeInclusive};

use annals_model::{Event, Field, Filter, Order, Position, Timestamp};
use hashbrown::HashMap;
use uuid::Uuid;

use super::{
    follow::{Gathering, Stretch},
    split::Split,
};
use crate::Damage;

/// What an event is deduplicated by, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity<'e> {
    pub(crate) organization: Option<&'e str>,
    pub(crate) source: &'e str,
    pub(crate) id: Uuid,
}

#[cfg(test)]
impl<'e> Identity<'e> {
    pub(crate) fn of(event: &'e Event) -> Self {
        let organization = event.organization.as_ref().map(|organization| organization.id.as_str());
        Self { organization, source: &event.source, id: event.id }
    }
}

/// Where a part lies in the total order. A part is never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: Position,
    pub(crate) last: Position,
    pub(crate) events: u64,
}

/// A collection of events that can be asked.
pub(crate) trait Part: Send + Sync {
    /// Where it lies in the total order.
    fn span(&self) -> Span;

    /// The stretch of the log in which its events lie: the lowest and the highest `seq`.
    fn seqs(&self) -> RangeInclusive<u64>;

    /// Adds the events of a stretch of the log that satisfy a condition to a page, in the order of the log. Answers how
    /// far it came when the page is full, and `None` when there is nothing more here.
    fn follow(
        &self,
        condition: &Filter,
        stretch: Stretch,
        page: &mut Gathering,
    ) -> Result<Option<u64>, Damage>;

    /// The events that satisfy a condition (scope, filter and time range in one tree).
    fn select<'p>(&'p self, condition: &Filter) -> Result<Box<dyn Matches + 'p>, Damage>;

    /// How many events satisfy a condition, if that can be told without selecting them.
    fn count(&self, condition: &Filter) -> Result<Option<u64>, Damage> {
        let _ = condition;
        Ok(None)
    }

    /// Whether it holds an event of this identity.
    fn holds(&self, identity: &Identity<'_>) -> Result<bool, Damage>;

    /// Every event of that id, of whatever organization and source.
    fn find(&self, id: Uuid) -> Result<Vec<Event>, Damage>;
}

/// Whether what was made of an event is worth keeping for the next who asks: a page is asked for again, an export is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Yes,
    No(Left),
}

/// How many events, and bytes of them, a page still takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) events: u32,
    pub(crate) bytes: usize,
}

/// The events of one part that satisfy a condition, in the total order (time, seq).
///
/// It is walked like an iterator that shows where it stands before it decodes anything: `begin`, then `peek` and `take`
/// or `skip`. Counting and walking do not disturb each other.
pub(crate) trait Matches {
    /// How many there are.
    fn count(&mut self) -> Result<u64, Damage>;

    /// How many lie before this place in ascending order.
    fn count_before(&mut self, position: Position) -> Result<u64, Damage>;

    /// The place of the match with this index in ascending order; `None` behind the last.
    fn position_at(&mut self, index: u64) -> Result<Option<Position>, Damage>;

    /// Stands before the first match in `order`, or before the first one strictly behind `after` in `order`.
    fn begin(&mut self, order: Order, after: Option<Position>) -> Result<(), Damage>;

    /// The place of the next match; `None` at the end.
    fn peek(&mut self) -> Result<Option<Position>, Damage>;

    /// Decodes the match that `peek` showed and moves on.
    fn take(&mut self) -> Result<Option<Event>, Damage>;

    /// Appends the JSON form of the match that `peek` showed and moves on; `false` at the end.
    fn write(&mut self, out: &mut Vec<u8>, keep: Keep) -> Result<bool, Damage> {
        let _ = keep;
        Ok(self.take()?.map(|event| event.write_json(out)).is_some())
    }

    /// Moves on without decoding.
    fn skip(&mut self) -> Result<(), Damage>;

    /// Adds to `counts` how many matches have each value of a field; `None` counts those in which it is absent.
    fn group(&mut self, field: &Field, counts: &mut HashMap<Option<String>, u64>) -> Result<(), Damage>;

    /// Adds to `counts` how many matches lie in each bucket of `width` nanoseconds, by the bucket's first nanosecond
    /// (a multiple of `width`, rounded towards the past).
    fn buckets(&mut self, width: i64, counts: &mut BTreeMap<i64, u64>) -> Result<(), Damage>;

    /// Adds the matches to a histogram that is split by values.
    fn split(&mut self, split: &mut Split<'_>) -> Result<(), Damage>;
}

/// The first nanosecond of the bucket an instant lies in: a multiple of `width`, rounded towards the past and held at
/// the beginning of time. A `width` below one counts as one.
pub(crate) fn bucket_of(time: Timestamp, width: i64) -> i64 {
    let width = width.max(1);
    time.nanos().div_euclid(width).checked_mul(width).unwrap_or(i64::MIN)
}
