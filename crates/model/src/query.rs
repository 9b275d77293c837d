//! A query and its answer: scope, filter, time range, order, start, limit, total; and the page that comes back.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    Cursor, Event, Filter, Scope, Timestamp,
    filter::FilterTooLarge,
    limits::{PAGE_BYTES_MAX, PAGE_EVENTS_MAX},
    search::Search,
};

/// A half-open range of instants: `from` inclusive, `to` exclusive; an absent end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct TimeRange {
    /// The first instant that belongs to it.
    pub from: Option<Timestamp>,
    /// The first instant that no longer belongs to it.
    pub to: Option<Timestamp>,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { from: None, to: None };

    /// From `from` inclusive to `to` exclusive.
    pub const fn new(from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        Self { from, to }
    }

    /// From `from` to `to`, both inclusive.
    pub fn closed(from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        // The last instant of all cannot be excluded by a later one: an open end means the same.
        Self { from, to: to.filter(|to| *to != Timestamp::MAX).map(|to| to.plus_nanos(1)) }
    }

    /// Whether an instant belongs to it.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }

    /// What belongs to both.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: match (self.to, other.to) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            },
        }
    }
}

/// Which end of the total order (time, seq) comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

impl Order {
    /// The other one.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// A place in the total order. No two events share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When the event happened.
    pub time: Timestamp,
    /// Its place in the log.
    pub seq: u64,
}

impl Event {
    /// Its place in the total order.
    pub const fn position(&self) -> Position {
        Position { time: self.time, seq: self.seq }
    }
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// At the first event in order.
    #[default]
    Beginning,
    /// Behind this place, in order.
    After(Position),
    /// Behind this many matching events.
    Offset(u64),
}

/// Whether the number of all matching events is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Total {
    /// No.
    #[default]
    Unwanted,
    /// Yes, exactly. It counts everything that scope, filter and range select, wherever the page begins.
    Exact,
}

/// A question to the store. It cannot be made without a scope, and the scope cannot be taken away again.
#[derive(Debug, Clone)]
pub struct Query {
    scope: Scope,
    /// What the events must satisfy.
    pub filter: Filter,
    /// What they must satisfy too, in the search language.
    search: Option<Search>,
    /// When they must have happened.
    pub range: TimeRange,
    /// Which end comes first.
    pub order: Order,
    /// Where the page begins.
    pub start: Start,
    /// How many events at most; held to 1..=[`PAGE_EVENTS_MAX`] by [`Query::limit`].
    limit: u32,
    /// How many bytes of events at most (their stored form); one event comes at least.
    bytes: usize,
    /// Whether the number of all matching events is wanted.
    pub total: Total,
}

impl Query {
    /// Everything the scope can see, newest first, at most [`PAGE_EVENTS_MAX`] events a page.
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            filter: Filter::all(),
            search: None,
            range: TimeRange::ALL,
            order: Order::Descending,
            start: Start::Beginning,
            limit: PAGE_EVENTS_MAX,
            bytes: PAGE_BYTES_MAX,
            total: Total::Unwanted,
        }
    }

    /// With this condition added to those it has.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = std::mem::replace(&mut self.filter, Filter::all()).and(filter);
        self
    }

    /// With this search in place of the one it has; its condition is added to the others.
    #[must_use]
    pub fn search(mut self, search: Search) -> Self {
        self.search = Some(search);
        self
    }

    /// Within this range and the one it has.
    #[must_use]
    pub fn range(mut self, range: TimeRange) -> Self {
        self.range = self.range.intersect(range);
        self
    }

    /// In this order.
    #[must_use]
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Beginning there.
    #[must_use]
    pub const fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// With so many events at most; held to 0..=[`PAGE_EVENTS_MAX`]. With 0 only the total is answered.
    #[must_use]
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = if limit > PAGE_EVENTS_MAX { PAGE_EVENTS_MAX } else { limit };
        self
    }

    /// With so many bytes of events on a page at most (their stored form), one event at least; never more than
    /// [`PAGE_BYTES_MAX`].
    #[must_use]
    pub const fn page_bytes(mut self, bytes: usize) -> Self {
        self.bytes = if bytes > PAGE_BYTES_MAX { PAGE_BYTES_MAX } else { bytes };
        self
    }

    /// With the number of all matching events.
    #[must_use]
    pub const fn with_total(mut self) -> Self {
        self.total = Total::Exact;
        self
    }

    /// Who asks.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// How many events at most.
    pub const fn limit_events(&self) -> u32 {
        self.limit
    }

    /// How many bytes of events at most.
    pub const fn limit_bytes(&self) -> usize {
        self.bytes
    }

    /// Scope, filter and range as one condition: what an event must satisfy to be counted.
    pub fn condition(&self) -> Filter {
        let mut condition = self.scope.to_filter().and(self.filter.clone());
        if let Some(search) = &self.search {
            condition = condition.and(search.filter.clone());
        }
        if self.range == TimeRange::ALL { condition } else { condition.and(Filter::Time(self.range)) }
    }

    /// Checks the size of the filter.
    ///
    /// # Errors
    /// When it is too large to answer.
    pub fn check(&self) -> Result<(), FilterTooLarge> {
        self.filter.check_size()?;
        self.search.iter().try_for_each(|search| search.filter.check_size())
    }

    /// A number that equal conditions and orders share: cursors carry it, so that one is not used with another query.
    pub fn fingerprint(&self) -> u32 {
        // Of a search what it says, not what it means at this instant: `time:-7d` is one question on every page.
        let search = self.search.as_ref().map(|search| search.identity.as_str());
        let mut text = format!("{:?} {:?} {}", self.range, self.order, self.filter.canonical());
        search.iter().for_each(|search| text.push_str(search));
        // Any 32 bits of a good hash will do; this is a guard against mistakes, not against forgery.
        xxhash_rust::xxh3::xxh3_64(text.as_bytes()) as u32
    }

    /// The cursor that goes on behind a place of this query's order. `store` is the number of the store that answered.
    pub fn cursor_after(&self, position: Position, store: u32) -> Cursor {
        Cursor { store, query: self.fingerprint(), order: self.order, position }
    }
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The events, in the order asked for.
    pub events: Vec<Arc<Event>>,
    /// Whether matching events follow behind the last one. Always known.
    pub more: bool,
    /// The number of all matching events, if it was wanted.
    pub total: Option<u64>,
}

impl Page {
    /// The place of the last event, behind which the next page begins; `None` when nothing follows.
    pub fn next(&self) -> Option<Position> {
        self.events.last().filter(|_| self.more).map(|event| event.position())
    }
}

/// One line of a grouping: a value of the field and how many matching events have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupCount {
    /// The value; `None` counts the events in which the field is absent.
    pub value: Option<String>,
    /// How many events.
    pub count: u64,
}
