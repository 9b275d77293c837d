//! Caches of what was read from segments: shared by all segments of the process, bounded in bytes, the least recently
//! used leaves first. A segment never changes, so nothing here is ever out of date; what belonged to a segment goes
//! when the segment is closed.

use std::{
    hash::{BuildHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};

/// Parts of a cache with a lock each, so that threads rarely wait for each other.
const SHARDS: usize = 4;
/// What is kept when a part of a cache is full: so many of eight entries, those used last.
const KEPT_OF_EIGHT: usize = 6;

/// A key that says which segment it belongs to.
pub(super) trait OfSegment: Hash + Eq {
    /// The number of the segment.
    fn segment(&self) -> u64;
}

/// A bounded map from keys to values that are cheap to clone.
pub(super) struct Cache<K, V> {
    shards: [Mutex<Shard<K, V>>; SHARDS],
    hasher: DefaultHashBuilder,
    shard_bytes_max: usize,
}

struct Shard<K, V> {
    entries: HashMap<K, Entry<V>>,
    bytes: usize,
    clock: u64,
}

struct Entry<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: OfSegment, V: Clone> Cache<K, V> {
    /// A cache of so many bytes, as its users count them.
    pub(super) fn new(bytes_max: usize) -> Self {
        let shard = || Mutex::new(Shard { entries: HashMap::new(), bytes: 0, clock: 0 });
        Self {
            shards: [(); SHARDS].map(|()| shard()),
            hasher: DefaultHashBuilder::default(),
            shard_bytes_max: bytes_max / SHARDS,
        }
    }

    fn shard(&self, key: &impl Hash) -> MutexGuard<'_, Shard<K, V>> {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &(impl Hash + Equivalent<K>)) -> Option<V> {
        let mut shard = self.shard(key);
        shard.clock += 1;
        let now = shard.clock;
        let entry = shard.entries.get_mut(key)?;
        entry.used = now;
        Some(entry.value.clone())
    }

    /// Keeps a value of about so many bytes, in place of the one that was there.
    pub(super) fn put(&self, key: K, value: V, bytes: usize) {
        // The entry itself takes memory too, whatever it points to.
        let bytes = bytes + size_of::<K>() + size_of::<Entry<V>>();
        if bytes > self.shard_bytes_max {
            return;
        }
        let mut shard = self.shard(&key);
        shard.clock += 1;
        let used = shard.clock;
        if let Some(before) = shard.entries.insert(key, Entry { value, bytes, used }) {
            shard.bytes -= before.bytes;
        }
        shard.bytes += bytes;
        if shard.bytes > self.shard_bytes_max {
            shard.shrink(self.shard_bytes_max / 8 * KEPT_OF_EIGHT);
        }
    }

    /// Drops everything of a segment.
    pub(super) fn forget(&self, segment: u64) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|key, _| key.segment() != segment);
        }
    }
}

impl<K, V> Shard<K, V>
where
    K: Hash + Eq,
{
    fn retain(&mut self, keep: impl Fn(&K, &Entry<V>) -> bool) {
        let mut bytes = 0;
        self.entries.retain(|key, entry| {
            let kept = keep(key, entry);
            bytes += if kept { entry.bytes } else { 0 };
            kept
        });
        self.bytes = bytes;
    }

    /// Drops the entries that were used longest ago, so many at once that it is rarely done.
    fn shrink(&mut self, bytes_max: usize) {
        let mut ages: Vec<(u64, usize)> =
            self.entries.values().map(|entry| (entry.used, entry.bytes)).collect();
        ages.sort_unstable_by(|one, two| two.cmp(one));
        let mut bytes = 0;
        let oldest_kept = ages
            .into_iter()
            .take_while(|(_, entry)| {
                bytes += entry;
                bytes <= bytes_max
            })
            .last()
            .map_or(u64::MAX, |(used, _)| used);
        self.retain(|_, entry| entry.used >= oldest_kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Hash, PartialEq, Eq)]
    struct Key(u64, u32);

    impl OfSegment for Key {
        fn segment(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn what_was_used_last_stays() {
        let cache = Cache::new(400_000);
        for number in 0..1_000 {
            cache.put(Key(1, number), number, 1_000);
            assert_eq!(cache.get(&Key(1, number)), Some(number));
            // One that is asked for all the time.
            assert_eq!(cache.get(&Key(1, 0)), Some(0));
        }
        let kept = (0..1_000).filter(|number| cache.get(&Key(1, *number)).is_some()).count();
        assert!((100..400).contains(&kept), "{kept}");
        assert_eq!(cache.get(&Key(1, 999)), Some(999));
    }

    #[test]
    fn nothing_larger_than_its_share_is_kept() {
        let cache = Cache::new(4_000);
        cache.put(Key(1, 1), 1, 2_000);
        assert_eq!(cache.get(&Key(1, 1)), None);
    }

    #[test]
    fn a_segment_takes_its_own_along() {
        let cache = Cache::new(400_000);
        for segment in 1..3 {
            (0..9).for_each(|number| cache.put(Key(segment, number), number, 10));
        }
        cache.forget(1);
        assert!((0..9).all(|number| cache.get(&Key(1, number)).is_none()));
        assert!((0..9).all(|number| cache.get(&Key(2, number)).is_some()));
    }
}
