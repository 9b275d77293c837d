//! A histogram that is being counted: buckets of time, each with the number of its events and how many of these have
//! each of some values of a field. Parts add to it.

use std::collections::BTreeMap;

use annals_model::{Field, Timestamp, limits::BUCKETS_MAX};

use super::part::bucket_of;

pub(crate) struct Split<'v> {
    /// The width of a bucket in nanoseconds.
    pub(crate) width: i64,
    pub(crate) field: &'v Field,
    pub(crate) values: &'v [String],
    /// By the first nanosecond of each bucket: all its events, then those with each value.
    rows: BTreeMap<i64, Vec<u64>>,
}

impl<'v> Split<'v> {
    pub(crate) const fn new(width: i64, field: &'v Field, values: &'v [String]) -> Self {
        Self { width, field, values, rows: BTreeMap::new() }
    }

    /// The bucket an instant lies in.
    pub(crate) fn bucket(&self, time: Timestamp) -> i64 {
        bucket_of(time, self.width)
    }

    /// Counts an event in its bucket; its values are another matter.
    pub(crate) fn add(&mut self, bucket: i64) {
        self.add_at(bucket, 0);
    }

    /// Counts an event that has the value at this place among [`Split::values`].
    pub(crate) fn add_value(&mut self, bucket: i64, place: usize) {
        self.add_at(bucket, place + 1);
    }

    fn add_at(&mut self, bucket: i64, column: usize) {
        if let Some(count) = self.row(bucket).get_mut(column) {
            *count += 1;
        }
    }

    /// The counts of a bucket: all its events, then those with each value.
    pub(crate) fn row(&mut self, bucket: i64) -> &mut [u64] {
        self.rows.entry(bucket).or_insert_with(|| vec![0; self.values.len() + 1])
    }

    /// Whether there are more buckets than may be answered.
    pub(crate) fn is_too_long(&self) -> bool {
        self.rows.len() > BUCKETS_MAX
    }

    /// The buckets that are not empty, ascending.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (i64, Vec<u64>)> {
        self.rows.into_iter()
    }
}
