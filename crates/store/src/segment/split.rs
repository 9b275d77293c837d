//! Counting the selected docs by time and by a field's values at once: each doc's bucket is found once, and each value's
//! docs are gone through once.

use std::ops::Range;

use annals_model::limits::BUCKETS_MAX;
use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::{
    matches::{Selection, Shape},
    sets::Docs,
};
use crate::{
    Damage,
    query::{part::bucket_of, split::Split},
};

/// Below one selected doc in so many of a shape, looking at the time of each costs less than finding the ends of all
/// buckets.
const LOOKED_AT_SHARE: u64 = 16;

/// Which bucket each doc lies in.
struct Buckets {
    /// By doc; what it says of docs that are not selected means nothing.
    of_docs: Vec<u32>,
    /// The first nanosecond of each bucket.
    starts: Vec<i64>,
    numbers: HashMap<i64, u32>,
}

impl Buckets {
    fn number(&mut self, bucket: i64) -> u32 {
        let next = self.starts.len() as u32;
        let starts = &mut self.starts;
        *self.numbers.entry(bucket).or_insert_with(|| {
            starts.push(bucket);
            next
        })
    }

    fn set(&mut self, docs: Range<u32>, number: u32) {
        if let Some(docs) = self.of_docs.get_mut(docs.start as usize..docs.end as usize) {
            docs.fill(number);
        }
    }
}

impl Selection<'_> {
    /// Adds up the selected docs by time and by the values of an indexed field.
    pub(super) fn split_by_index(&self, split: &mut Split<'_>) -> Result<(), Damage> {
        let segment = self.segment;
        let docs = self.docs()?;
        let buckets = self.buckets_of(&docs, split.width)?;
        if buckets.starts.len() > BUCKETS_MAX {
            // Nobody will see the counts.
            for start in buckets.starts {
                split.row(start);
                if split.is_too_long() {
                    break;
                }
            }
            return Ok(());
        }
        let columns = split.values.len() + 1;
        let mut counts = vec![0_u64; buckets.starts.len() * columns];
        let mut add = |doc: u32, column: usize| {
            let bucket = buckets.of_docs.get(doc as usize).copied().unwrap_or(0);
            if let Some(count) = counts.get_mut(bucket as usize * columns + column) {
                *count += 1;
            }
        };
        docs.iter().for_each(|doc| add(doc, 0));
        if let Some(index) = segment.field_index(split.field)? {
            let dictionary = segment.dictionary(index)?;
            let within = Docs::All(segment.docs).among(docs);
            for (place, value) in split.values.iter().enumerate() {
                let Some(code) = dictionary.find(value)? else { continue };
                match segment.docs_of_codes(index, &dictionary, &[code], &within)? {
                    Docs::All(all) => (0..all).for_each(|doc| add(doc, place + 1)),
                    Docs::Set(set) => set.iter().for_each(|doc| add(doc, place + 1)),
                }
            }
        }
        for (start, found) in buckets.starts.iter().zip(counts.chunks_exact(columns)) {
            for (count, more) in split.row(*start).iter_mut().zip(found) {
                *count += more;
            }
        }
        Ok(())
    }

    /// The bucket of each of the selected docs.
    fn buckets_of(&self, docs: &RoaringBitmap, width: i64) -> Result<Buckets, Damage> {
        let segment = self.segment;
        let mut buckets =
            Buckets { of_docs: vec![0; segment.docs as usize], starts: Vec::new(), numbers: HashMap::new() };
        let shape = match &self.shape {
            Shape::Lanes(lanes) => lanes.iter().map(|lane| u64::from(lane.end - lane.start)).sum(),
            Shape::Order(ranks) => u64::from(ranks.end - ranks.start),
        };
        match &self.shape {
            _ if docs.len() < shape / LOOKED_AT_SHARE => {
                for doc in docs {
                    let number = buckets.number(bucket_of(segment.position(doc)?.time, width));
                    buckets.set(doc..doc + 1, number);
                }
            }
            Shape::Lanes(lanes) => {
                for lane in lanes {
                    let position = |doc| segment.position(doc);
                    Self::bucket_runs(lane.clone(), width, Some, position, |bucket, docs| {
                        if self.count_docs(docs.clone()) > 0 {
                            let number = buckets.number(bucket);
                            buckets.set(docs, number);
                        }
                        Ok(())
                    })?;
                }
            }
            Shape::Order(ranks) => {
                let position = |rank| segment.position(segment.doc_at(rank)?);
                Self::bucket_runs(ranks.clone(), width, Some, position, |bucket, ranks| {
                    let mut number = None;
                    segment.each_doc_at(ranks, |doc| {
                        if self.set.contains(doc) {
                            let number = *number.get_or_insert_with(|| buckets.number(bucket));
                            buckets.set(doc..doc + 1, number);
                        }
                    })
                })?;
            }
        }
        Ok(buckets)
    }
}
