//! Values that sample events are made of: identifiers, skewed choices, addresses. It knows no platform.
//!
//! Integers only: floating-point functions differ in their last digit between machines, and samples must not.

use annals_model::Timestamp;
use uuid::{Builder, Uuid};

use crate::Random;

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// How often a choice out of range is repeated before any choice is taken.
const RETRIES_MAX: usize = 16;
/// 100-nanosecond steps from 1582-10-15, where UUIDs of version 1 begin, to 1970-01-01 (RFC 9562, section 5.1).
const GREGORIAN_OFFSET: i64 = 0x01B2_1DD2_1381_4000;

impl Random {
    /// The sequence that belongs to a name: the same for the same name, for ever (FNV-1a).
    pub(crate) fn of_name(name: &str) -> Self {
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Self::new(hash)
    }

    /// Whether something that happens so many times in a hundred happens now.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A position below `count`, small ones much more often: roughly Zipf's law. 0 when there is nothing to choose.
    pub(crate) fn skewed(&mut self, count: u64) -> u64 {
        let magnitudes = u64::from(u64::BITS - count.leading_zeros());
        for _ in 0..RETRIES_MAX {
            // Each power of two is as likely as the next one, which is twice as wide.
            let width = 1 << self.below(magnitudes);
            let position = width - 1 + self.below(width);
            if position < count {
                return position;
            }
        }
        self.below(count)
    }

    /// One of the items, the first ones much more often. The slice must not be empty.
    pub(crate) fn favour<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.skewed(items.len() as u64) as usize]
    }

    /// One of the items, each as often as its weight says. The slice must not be empty.
    pub(crate) fn weighted<'i, T>(&mut self, items: &'i [(u64, T)]) -> &'i T {
        let mut left = self.below(items.iter().map(|(weight, _)| weight).sum());
        let chosen = items.iter().find(|(weight, _)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        &chosen.unwrap_or(&items[0]).1
    }

    /// A random UUID (version 4).
    pub(crate) fn uuid(&mut self) -> Uuid {
        let bytes = (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64());
        Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }

    /// A UUID that tells its time (version 7).
    pub(crate) fn uuid_at(&mut self, time: Timestamp) -> Uuid {
        let millis = u64::try_from(time.nanos() / 1_000_000).unwrap_or(0);
        let bytes = self.uuid().into_bytes();
        let mut tail = [0; 10];
        tail.copy_from_slice(&bytes[6..]);
        Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }

    /// A UUID that tells its time in the older way (version 1).
    pub(crate) fn uuid_v1_at(&mut self, time: Timestamp) -> Uuid {
        let steps = (time.nanos() / 100).saturating_add(GREGORIAN_OFFSET) as u64;
        let mut bytes = self.uuid().into_bytes();
        bytes[..4].copy_from_slice(&(steps as u32).to_be_bytes());
        bytes[4..6].copy_from_slice(&((steps >> 32) as u16).to_be_bytes());
        bytes[6..8].copy_from_slice(&(((steps >> 48) as u16 & 0x0FFF) | 0x1000).to_be_bytes());
        Uuid::from_bytes(bytes)
    }

    /// So many lower-case hex digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(HEX))).collect()
    }

    /// So many digits and lower-case letters.
    pub(crate) fn base36(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(BASE36))).collect()
    }

    /// An address of the blocks that are kept for documentation (RFC 5737, RFC 3849).
    pub(crate) fn ip(&mut self) -> String {
        match self.below(10) {
            0 => format!("2001:db8:{:x}::{:x}", self.below(16), 1 + self.below(200)),
            1..=4 => format!("198.51.100.{}", 1 + self.below(40)),
            _ => format!("203.0.113.{}", 1 + self.below(40)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skewed_choices_favour_the_first_and_reach_the_last() {
        let mut random = Random::new(7);
        let mut counts = [0; 100];
        for _ in 0..100_000 {
            counts[random.skewed(100) as usize] += 1;
        }
        assert!(counts[0] > 10_000 && counts[0] < 20_000, "{}", counts[0]);
        assert!(counts[0] > 10 * counts[20] && counts.iter().all(|count| *count > 0), "{counts:?}");
        assert_eq!((random.skewed(0), random.skewed(1)), (0, 0));
    }

    #[test]
    fn weights_are_kept() {
        let mut random = Random::new(7);
        let items = [(1, 'a'), (0, 'b'), (3, 'c')];
        let chosen: Vec<_> = (0..4_000).map(|_| *random.weighted(&items)).collect();
        let count = |item| chosen.iter().filter(|chosen| **chosen == item).count();
        assert!((800..1_200).contains(&count('a')), "{}", count('a'));
        assert_eq!((count('b'), count('a') + count('c')), (0, 4_000));
    }

    #[test]
    fn identifiers_have_their_versions_and_times() {
        let mut random = Random::new(7);
        let time = Timestamp::parse("2026-08-11T08:04:20.812Z").unwrap();
        assert_eq!(random.uuid().get_version_num(), 4);
        let seventh = random.uuid_at(time);
        assert_eq!(seventh.get_version_num(), 7);
        assert_eq!(seventh.get_timestamp().unwrap().to_unix(), (1_786_435_460, 812_000_000));
        let first = random.uuid_v1_at(time);
        assert_eq!(first.get_version_num(), 1);
        assert_eq!(first.get_timestamp().unwrap().to_unix(), (1_786_435_460, 812_000_000));
        assert_eq!(Random::of_name("a").next_u64(), Random::of_name("a").next_u64());
        assert_ne!(Random::of_name("a").next_u64(), Random::of_name("b").next_u64());
        assert_eq!(random.hex(7).len() + random.base36(5).len(), 12);
    }
}
