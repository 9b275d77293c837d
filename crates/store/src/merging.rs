//! Small neighbouring segments become larger ones, so that a query never has many files to ask. Which ones is decided
//! from their sizes alone; the old ones are replaced in one transaction and removed when nobody reads them any more.

use std::{ops::Range, sync::Arc, time::Instant};

use crate::{
    error::MaintenanceError,
    layout::Listed,
    objects::Objects,
    sealing::{NewSegment, sweep},
    segment::merge_segments,
    shared::Shared,
    status::{add, keep},
};

/// Segments that one merge reads at most.
const MERGE_INPUTS_MAX: usize = 64;

/// Times the merge factor: how many neighbours are looked at to find some that together outweigh their largest.
const WINDOW_FACTORS: usize = 4;

/// Merges until the policy is content.
pub(crate) fn merge_by_policy(shared: &Shared, objects: &Objects) -> Result<(), MaintenanceError> {
    let (factor, events_max) = limits(shared);
    merge_while(shared, objects, |sizes| next_merge(sizes, factor, events_max))
}

/// Merges everything into as few segments as are allowed.
pub(crate) fn merge_everything(shared: &Shared, objects: &Objects) -> Result<(), MaintenanceError> {
    let (_, events_max) = limits(shared);
    merge_while(shared, objects, |sizes| first_that_fit(sizes, events_max))
}

fn limits(shared: &Shared) -> (usize, u64) {
    (shared.options.merge_factor.min(MERGE_INPUTS_MAX), shared.options.segment_events_max as u64)
}

fn merge_while(
    shared: &Shared,
    objects: &Objects,
    choose: impl Fn(&[u64]) -> Option<Range<usize>>,
) -> Result<(), MaintenanceError> {
    loop {
        let layout = shared.layout();
        let sizes: Vec<u64> = layout.segments.iter().map(|listed| listed.segment.meta().events).collect();
        let Some(chosen) = choose(&sizes).and_then(|range| layout.segments.get(range)) else { break };
        let chosen = chosen.to_vec();
        drop(layout);
        let bytes = chosen.iter().map(|listed| listed.segment.meta().bytes).sum();
        if let Some(low) = shared.space.low_for(bytes) {
            return Err(MaintenanceError::Full(format!(
                "the disk has {} bytes left, merging needs {}",
                low.free, low.needed
            )));
        }
        merge(shared, objects, &chosen)?;
        shared.retire(&chosen);
        drop(chosen);
        sweep(shared, objects)?;
        if shared.health.is_closed() {
            break;
        }
    }
    Ok(())
}

fn merge(shared: &Shared, objects: &Objects, old: &[Listed]) -> Result<(), MaintenanceError> {
    let begun = Instant::now();
    let inputs: Vec<_> = old.iter().map(|listed| Arc::clone(&listed.segment)).collect();
    let stop = || shared.health.is_closed();
    let new = NewSegment::store(shared, objects, |file| Ok(merge_segments(file, &inputs, &stop)?))?;
    let row = new.row(shared);
    let events: u64 = inputs.iter().map(|segment| segment.meta().events).sum();
    if row.events != events {
        return Err(MaintenanceError::Failed(format!("a merge of {events} events gave {}", row.events)));
    }
    let names: Vec<String> = old.iter().map(|listed| listed.name.to_string()).collect();
    shared.change(|catalog| catalog.replace(&names, &row))?;
    shared.change_layout(|layout| layout.with_merged(old, new.listed.clone()));
    keep(&shared.counters.merge_us_last, begun.elapsed());
    add(&shared.counters.merges, 1);
    add(&shared.counters.merged_events, events);
    tracing::debug!(name = row.name, segments = names.len(), events, bytes = row.bytes, "merged segments");
    Ok(())
}

/// The neighbours to merge next: `factor` or more of about the same size, those that make the smallest result first.
/// The largest of them may not be more than half of the result: a large segment is not written again for the sake of a
/// few events. Where the limit does not allow `factor` of them, fewer do, if they fill at least half of it.
fn next_merge(sizes: &[u64], factor: usize, events_max: u64) -> Option<Range<usize>> {
    let mut best: Option<(u64, Range<usize>)> = None;
    for start in 0..sizes.len() {
        let (mut total, mut largest) = (0, 0);
        let last = sizes.len().min(start + WINDOW_FACTORS * factor);
        for end in start..=last {
            let next = sizes.get(end).copied();
            let is_full = next.is_some_and(|next| total + next > events_max);
            let fills_the_limit = is_full && end - start >= 2 && total * 2 >= events_max;
            if (end - start >= factor || fills_the_limit) && largest * 2 <= total {
                if best.as_ref().is_none_or(|(smallest, _)| total < *smallest) {
                    best = Some((total, start..end));
                }
                break;
            }
            let Some(next) = next.filter(|_| !is_full) else { break };
            (total, largest) = (total + next, largest.max(next));
        }
    }
    best.map(|(_, range)| range)
}

/// The first neighbours that together are within the limit.
fn first_that_fit(sizes: &[u64], events_max: u64) -> Option<Range<usize>> {
    (0..sizes.len()).find_map(|start| {
        let mut total = 0;
        let count = sizes
            .iter()
            .skip(start)
            .take(MERGE_INPUTS_MAX)
            .take_while(|&&size| {
                total += size;
                total <= events_max
            })
            .count();
        (count >= 2).then_some(start..start + count)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_of_a_size_are_merged_the_smallest_first() {
        let next = |sizes: &[u64]| next_merge(sizes, 4, 1_000);
        assert_eq!(next(&[10, 10, 10]), None, "too few");
        assert_eq!(next(&[10, 10, 10, 10]), Some(0..4));
        assert_eq!(next(&[100, 100, 100, 100, 10, 10, 10, 10]), Some(4..8));
        assert_eq!(next(&[800, 10, 10, 10]), None, "a large one is not written again for little");
        assert_eq!(next(&[10, 3, 10, 10]), Some(0..4));
        assert_eq!(next(&[500, 500, 500]), Some(0..2), "as many as the limit allows");
        assert_eq!(next(&[900, 900, 900, 900]), None);
        assert_eq!(next(&[2_000, 1, 2_000]), None);
    }

    #[test]
    fn everything_fits_into_few() {
        assert_eq!(first_that_fit(&[900, 50, 50, 1], 1_000), Some(0..3));
        assert_eq!(first_that_fit(&[1_000, 1], 1_000), None);
        assert_eq!(first_that_fit(&[], 1_000), None);
    }

    proptest! {
        #[test]
        fn segments_stay_few_and_are_rarely_written_again(
            seals in proptest::collection::vec(1_u64..=100, 1..400),
            factor in 2_usize..9,
        ) {
            const EVENTS_MAX: u64 = 5_000;
            let mut sizes: Vec<u64> = Vec::new();
            let mut written = 0;
            for size in &seals {
                sizes.push(*size);
                while let Some(range) = next_merge(&sizes, factor, EVENTS_MAX) {
                    let total = sizes[range.clone()].iter().sum::<u64>();
                    prop_assert!(range.len() >= 2 && total <= EVENTS_MAX);
                    written += total;
                    sizes.splice(range, [total]);
                }
            }
            let events: u64 = seals.iter().sum();
            prop_assert_eq!(sizes.iter().sum::<u64>(), events);
            // Every merge at least doubles the size of every segment in it, so no event is written more often.
            prop_assert!(written <= events * u64::from(EVENTS_MAX.ilog2() + 1), "{} of {}", written, events);
            let whole = events.div_ceil(EVENTS_MAX) as usize;
            prop_assert!(sizes.len() <= 4 * whole + 12 * factor, "{:?}", sizes);
        }
    }
}
