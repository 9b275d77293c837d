//! Finds the place behind so many matches without walking over them.
//!
//! Parts that lie apart in time are skipped by their counts. Among parts that overlap, the match of a given rank is
//! found by selection: a position that halves what is still in question is ranked in every part by binary search, and
//! one side of it is dropped.

use annals_model::{Order, Position};

use super::slot::Slot;
use crate::Damage;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Beginning,
    After(Position),
    /// Behind the last match.
    Beyond,
}

/// The place behind `offset` matches.
pub(super) fn place(slots: &mut [Slot<'_>], order: Order, offset: u64) -> Result<Place, Damage> {
    if offset == 0 {
        return Ok(Place::Beginning);
    }
    let mut left = offset;
    for cluster in clusters(slots, order) {
        let mut ranges = Vec::new();
        let mut total = 0;
        for slot in cluster {
            let Some(matches) = slots.get_mut(slot) else { continue };
            let count = matches.count()?;
            total += count;
            ranges.push(Range { slot, low: 0, high: count });
        }
        if left > total {
            left -= total;
            continue;
        }
        // The last of the skipped matches, by its rank among those of the cluster in ascending order.
        let rank = match order {
            Order::Ascending => left - 1,
            Order::Descending => total - left,
        };
        return Ok(match nth(slots, ranges, rank)? {
            Some(position) => Place::After(position),
            None => Place::Beyond,
        });
    }
    Ok(Place::Beyond)
}

/// Groups of slots whose spans overlap, in order.
fn clusters(slots: &[Slot<'_>], order: Order) -> Vec<Vec<usize>> {
    let mut spans: Vec<_> = slots.iter().map(|slot| slot.span).enumerate().collect();
    spans.sort_by_key(|(_, span)| span.first);
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    let mut end = None;
    for (slot, span) in spans {
        match clusters.last_mut().filter(|_| end >= Some(span.first)) {
            Some(cluster) => cluster.push(slot),
            None => clusters.push(vec![slot]),
        }
        end = end.max(Some(span.last));
    }
    if order == Order::Descending {
        clusters.reverse();
    }
    clusters
}

/// The matches of a slot that are still in question, by index in ascending order.
struct Range {
    slot: usize,
    low: u64,
    high: u64,
}

/// The position of the match with this rank among all of these.
fn nth(slots: &mut [Slot<'_>], mut ranges: Vec<Range>, rank: u64) -> Result<Option<Position>, Damage> {
    loop {
        // The middle of each range, and of these the one that has half of everything on either side.
        let mut middles = Vec::with_capacity(ranges.len());
        for (at, range) in ranges.iter().enumerate().filter(|(_, range)| range.low < range.high) {
            let Some(slot) = slots.get_mut(range.slot) else { return Ok(None) };
            let middle = range.low.midpoint(range.high);
            let Some(position) = slot.matches()?.position_at(middle)? else { return Ok(None) };
            middles.push((position, range.high - range.low, at, middle));
        }
        middles.sort_unstable();
        let half = middles.iter().map(|(_, length, ..)| length).sum::<u64>() / 2;
        let mut passed = 0;
        let pivot = middles.into_iter().find(|(_, length, ..)| {
            passed += length;
            passed > half
        });
        let Some((pivot, _, pivot_range, pivot_index)) = pivot else { return Ok(None) };

        let mut before = Vec::with_capacity(ranges.len());
        for (at, range) in ranges.iter().enumerate() {
            let Some(slot) = slots.get_mut(range.slot) else { return Ok(None) };
            // Most parts lie before or behind the place and need not be searched.
            before.push(if at == pivot_range {
                pivot_index
            } else if slot.span.last < pivot {
                slot.count()?
            } else if slot.span.first >= pivot {
                0
            } else {
                slot.matches()?.count_before(pivot)?
            });
        }
        // Ranges with nothing left in question are ranked all the same: what was dropped from them lies before it.
        let pivot_rank: u64 = before.iter().sum();
        if pivot_rank == rank {
            return Ok(Some(pivot));
        }
        for ((at, range), before) in ranges.iter_mut().enumerate().zip(before) {
            if pivot_rank < rank {
                let first_left = if at == pivot_range { before + 1 } else { before };
                range.low = range.low.max(first_left);
            } else {
                range.high = range.high.min(before);
            }
        }
    }
}
