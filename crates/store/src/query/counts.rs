//! Counting what a query selects: by the values of fields, by time, and by both. Order, start and limit of the query do
//! not matter here.

use std::{collections::BTreeMap, time::Duration};

use annals_model::{
    Field, GroupCount, Order, Query, Start, Timestamp, Total,
    limits::{BUCKETS_MAX, GROUPS_MAX},
};
use hashbrown::HashMap;

use super::{Reader, split::Split};
use crate::error::QueryError;

/// Different values that a grouping, or all groupings of one question together, can keep in memory.
pub(crate) const GROUP_VALUES_MAX: usize = 2_000_000;

/// How many events a query selects, and how often each value of some fields occurs among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    /// How many events.
    pub total: u64,
    /// One for each field, in the order asked for.
    pub fields: Vec<Facet>,
}

/// The most frequent values of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facet {
    /// The most frequent first, ties by value.
    pub values: Vec<GroupCount>,
    /// Whether there are further values.
    pub more: bool,
}

/// How many events lie in each bucket of time, and how many of them have each value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SplitHistogram {
    /// The values that are told apart, the most frequent first.
    pub values: Vec<String>,
    /// Ascending; empty buckets are left out.
    pub buckets: Vec<SplitBucket>,
}

/// One bucket of a [`SplitHistogram`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitBucket {
    /// Its first instant.
    pub start: Timestamp,
    /// How many events lie in it, whatever their value.
    pub count: u64,
    /// How many of them have each of [`SplitHistogram::values`].
    pub counts: Vec<u64>,
}

type Counts = HashMap<Option<String>, u64>;

impl Reader {
    /// How often each value occurs, the most frequent first, ties by value.
    pub(crate) fn group(
        &self,
        query: &Query,
        field: &Field,
        limit: usize,
    ) -> Result<Vec<GroupCount>, QueryError> {
        let facets = self.facets(query, std::slice::from_ref(field), limit)?;
        Ok(facets.fields.into_iter().next().unwrap_or_default().values)
    }

    /// The same for several fields and with the total: what a query selects is found once for all of them.
    pub(crate) fn facets(&self, query: &Query, fields: &[Field], limit: usize) -> Result<Facets, QueryError> {
        query.check()?;
        let mut total = 0;
        let mut counts: Vec<Counts> = fields.iter().map(|_| Counts::new()).collect();
        if !query.scope().is_nothing() {
            let condition = query.condition();
            for mut slot in self.slots(&condition) {
                total += slot.count()?;
                for (field, counts) in fields.iter().zip(&mut counts) {
                    slot.matches()?.group(field, counts)?;
                }
                if counts.iter().map(HashMap::len).sum::<usize>() > GROUP_VALUES_MAX {
                    return Err(QueryError::TooManyGroups);
                }
            }
        }
        let limit = limit.min(GROUPS_MAX);
        let fields = counts.into_iter().map(|counts| most_frequent(counts, limit)).collect();
        Ok(Facets { total, fields })
    }

    /// How many events lie in each bucket of time, ascending; empty buckets are left out.
    pub(crate) fn histogram(
        &self,
        query: &Query,
        width: Duration,
    ) -> Result<Vec<(Timestamp, u64)>, QueryError> {
        query.check()?;
        let width = nanos(width)?;
        let mut counts = BTreeMap::new();
        if !query.scope().is_nothing() {
            for mut slot in self.slots(&query.condition()) {
                slot.matches()?.buckets(width, &mut counts)?;
                if counts.len() > BUCKETS_MAX {
                    return Err(QueryError::TooManyBuckets);
                }
            }
        }
        Ok(counts.into_iter().map(|(start, count)| (Timestamp::from_nanos(start), count)).collect())
    }

    /// The same, split by the `limit` most frequent values of a field.
    pub(crate) fn split_histogram(
        &self,
        query: &Query,
        width: Duration,
        field: &Field,
        limit: usize,
    ) -> Result<SplitHistogram, QueryError> {
        let width = nanos(width)?;
        let groups = self.group(query, field, limit.saturating_add(1))?;
        let values: Vec<String> = groups.into_iter().filter_map(|group| group.value).take(limit).collect();
        let mut split = Split::new(width, field, &values);
        if !query.scope().is_nothing() {
            for mut slot in self.slots(&query.condition()) {
                slot.matches()?.split(&mut split)?;
                if split.is_too_long() {
                    return Err(QueryError::TooManyBuckets);
                }
            }
        }
        let bucket = |(start, mut counts): (i64, Vec<u64>)| {
            let count = if counts.is_empty() { 0 } else { counts.remove(0) };
            SplitBucket { start: Timestamp::from_nanos(start), count, counts }
        };
        let buckets = split.into_rows().map(bucket).collect();
        Ok(SplitHistogram { values, buckets })
    }

    /// When the first and the last event that a query selects happened; `None` when it selects none.
    pub(crate) fn extent(&self, query: &Query) -> Result<Option<(Timestamp, Timestamp)>, QueryError> {
        let mut one = query.clone().start(Start::Beginning).limit(1);
        one.total = Total::Unwanted;
        let edge = |order| {
            let page = self.page(&one.clone().order(order))?;
            Ok::<_, QueryError>(page.events.first().map(|event| event.time))
        };
        Ok(edge(Order::Ascending)?.zip(edge(Order::Descending)?))
    }
}

/// A width in nanoseconds.
fn nanos(width: Duration) -> Result<i64, QueryError> {
    i64::try_from(width.as_nanos()).ok().filter(|width| *width > 0).ok_or(QueryError::BucketWidth)
}

/// The `limit` most frequent values in order. Sorting all of many to show few would cost more than counting them.
fn most_frequent(counts: Counts, limit: usize) -> Facet {
    let mut values: Vec<GroupCount> =
        counts.into_iter().map(|(value, count)| GroupCount { value, count }).collect();
    let by_count = |one: &GroupCount, two: &GroupCount| {
        two.count.cmp(&one.count).then_with(|| one.value.cmp(&two.value))
    };
    let more = values.len() > limit;
    if more {
        if limit > 0 {
            values.select_nth_unstable_by(limit - 1, by_count);
        }
        values.truncate(limit);
    }
    values.sort_unstable_by(by_count);
    Facet { values, more }
}
