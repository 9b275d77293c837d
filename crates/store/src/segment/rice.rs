//! Ascending numbers in few bits: the first is known, of the others the distances from one to the next are Rice-coded.
//!
//! The lowest bits of all distances come first, a fixed number each, and then what is above them in unary. Reading walks
//! through the words of the second part and knows without waiting where in the first part the rest of a number is. It
//! knows nothing of postings.

use std::cmp::Reverse;

use super::bits::{Bad, BitWriter, Parsed, unpack};

/// The most low bits that a distance can have.
pub(super) const LOW_MAX: u32 = 31;
/// Numbers of low bits that are tried: so many below what the mean distance suggests, and as many less one above.
const LOW_TRIED_BELOW: u32 = 3;
/// Bits of a word of eight bytes that are there wherever in its first byte it begins.
const WHOLE_BITS: u32 = 57;
/// Zeros that are written at once.
const ZEROS_AT_ONCE: u64 = 32;

const SHORT: Bad = Bad("distances that end too early");
const OUTSIDE: Bad = Bad("a posting of a doc that is not there");

/// How many low bits make these numbers shortest, and how many bits they then take.
pub(super) fn best_low(numbers: &[u32]) -> (u32, u64) {
    let [first, .., last] = numbers else { return (0, 0) };
    let gaps = numbers.len() as u64 - 1;
    let mean = (u64::from(last - first) - gaps) / gaps;
    let least = mean.checked_ilog2().unwrap_or(0).saturating_sub(LOW_TRIED_BELOW);
    // One pass for all of them.
    let mut zeros = [0_u64; 2 * LOW_TRIED_BELOW as usize];
    for two in numbers.windows(2) {
        let distance = (two[1] - two[0] - 1) >> least;
        for (shift, zeros) in (0_u32..).zip(&mut zeros) {
            *zeros += u64::from(distance >> shift);
        }
    }
    let costs = (least..).zip(zeros).map(|(low, zeros)| (zeros + gaps * u64::from(low + 1), Reverse(low)));
    // Of two that are as short, the one with fewer zeros to go through.
    costs.filter(|(_, low)| low.0 <= LOW_MAX).min().map_or((0, 0), |(bits, low)| (low.0, bits))
}

/// Writes the distances between ascending numbers.
pub(super) fn write(out: &mut BitWriter<'_>, numbers: &[u32], low: u32) {
    let distances = || numbers.windows(2).map(|two| u64::from(two[1] - two[0] - 1));
    if low > 0 {
        let mask = (1 << low) - 1;
        distances().for_each(|distance| out.put(distance & mask, low));
    }
    for distance in distances() {
        let mut zeros = distance >> low;
        while zeros > ZEROS_AT_ONCE {
            out.put(0, ZEROS_AT_ONCE as u32);
            zeros -= ZEROS_AT_ONCE;
        }
        out.put(1 << zeros, zeros as u32 + 1);
    }
}

/// Whether the bytes from this bit on can be so many distances at all, so that it may be known before room is made for
/// the numbers.
pub(super) fn fits(bytes: &[u8], bit: u64, low: u32, gaps: u64) -> bool {
    low <= LOW_MAX && bit.saturating_add(gaps.saturating_mul(u64::from(low + 1))) <= bytes.len() as u64 * 8
}

/// Visits `first` and the numbers behind it, `gaps` of them, whose distances begin at this bit. Those it visits before it
/// fails may be anything; when it does not, all are below `limit`.
#[inline]
pub(super) fn read(
    bytes: &[u8],
    bit: u64,
    low: u32,
    first: u32,
    gaps: u64,
    limit: u32,
    mut visit: impl FnMut(u32),
) -> Parsed<()> {
    if !fits(bytes, bit, low, gaps) {
        return Err(SHORT);
    }
    let limit = u64::from(limit);
    let mut number = u64::from(first);
    visit(first);
    // The lowest bits: a word of them at once, as many as are whole in it wherever in a byte it begins.
    let mask = (1_u64 << low) - 1;
    let at_once = WHOLE_BITS / low.max(1);
    let (mut low_bit, mut lows, mut lows_left) = (bit, 0, 0);
    // What is above them: the zeros before a one are the bits before it less the ones and less what lies in the first
    // byte before all of them.
    let high_bit = bit + gaps * u64::from(low);
    let mut at = (high_bit / 8) as usize;
    let (mut bits, mut ones) = (0_u64, high_bit % 8);
    let mut word = word_at(bytes, at) >> ones << ones;
    let mut least = number;
    let mut left = gaps;
    loop {
        // No shift below can overflow then.
        if bits.saturating_sub(ones) > limit >> low {
            return Err(OUTSIDE);
        }
        let here = left.min(u64::from(word.count_ones()));
        for _ in 0..here {
            let zeros = bits + u64::from(word.trailing_zeros()) - ones;
            word &= word - 1;
            ones += 1;
            if lows_left == 0 {
                lows = word_at(bytes, (low_bit / 8) as usize) >> (low_bit % 8);
                low_bit += u64::from(at_once * low);
                lows_left = at_once;
            }
            least += (lows & mask) + 1;
            lows >>= low;
            lows_left -= 1;
            number = least + (zeros << low);
            visit(number as u32);
        }
        // They rise, so that the last of a word tells of all.
        if number >= limit {
            return Err(OUTSIDE);
        }
        left -= here;
        if left == 0 {
            return Ok(());
        }
        (at, bits) = (at + 8, bits + 64);
        if at >= bytes.len() {
            return Err(SHORT);
        }
        word = word_at(bytes, at);
    }
}

/// Eight bytes, with zeros for those that are not there.
#[inline]
fn word_at(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(bytes, at),
    }
}

#[cold]
fn last_word(bytes: &[u8], at: usize) -> u64 {
    let tail = bytes.get(at..).unwrap_or_default();
    unpack(tail, 0, tail.len() as u32 * 8).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn packed(numbers: &[u32], before: u32, low: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = BitWriter::new(&mut bytes);
        out.put(0, before);
        write(&mut out, numbers, low);
        out.finish();
        bytes
    }

    fn unpacked(bytes: &[u8], before: u32, low: u32, first: u32, gaps: u64, limit: u32) -> Parsed<Vec<u32>> {
        let mut found = Vec::new();
        read(bytes, u64::from(before), low, first, gaps, limit, |number| found.push(number))?;
        Ok(found)
    }

    proptest! {
        #[test]
        fn numbers_come_back(
            first in 0_u32..1_000_000,
            steps in vec(prop_oneof![4 => 1_u32..4, 4 => 1_u32..300, 1 => 1_u32..1_000_000], 0..600),
            before in 0_u32..27,
            other in 0_u32..12,
        ) {
            let numbers: Vec<u32> = std::iter::once(0).chain(steps).scan(first, |at, step| {
                *at += step;
                Some(*at)
            }).collect();
            let (best, bits) = best_low(&numbers);
            let gaps = numbers.len() as u64 - 1;
            let limit = numbers[numbers.len() - 1] + 1;
            for low in [best, other] {
                // Few low bits and large distances are long.
                if low == best || low + 12 > best {
                    let bytes = packed(&numbers, before, low);
                    prop_assert_eq!(&unpacked(&bytes, before, low, first, gaps, limit), &Ok(numbers.clone()));
                    prop_assert!(unpacked(&bytes, before, low, first, gaps, limit - 1).is_err());
                    if low == best {
                        prop_assert_eq!(bytes.len() as u64, (bits + u64::from(before)).div_ceil(8));
                        let short = bytes.len() - usize::from(gaps > 0);
                        prop_assert_eq!(unpacked(&bytes[..short], before, low, first, gaps, limit).is_err(), gaps > 0);
                    }
                }
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, bit in 0_u64..100, low in 0_u32..40, first: u32, gaps in 0_u64..300, limit: u32) {
            let mut count = 0;
            if read(&bytes, bit, low, first, gaps, limit, |_| count += 1).is_ok() {
                prop_assert_eq!(count, gaps + 1);
            }
        }
    }

    #[test]
    fn the_shortest_coding_is_chosen() {
        let every = |step: usize| -> Vec<u32> { (0..4_000_000).step_by(step).take(200).collect() };
        assert_eq!(best_low(&every(1)), (0, 199));
        assert_eq!(best_low(&every(1_000)).0, 10);
        assert_eq!(best_low(&every(19_000)).0, 15);
        assert_eq!(best_low(&[7]), (0, 0));
        assert_eq!(best_low(&[0, u32::MAX]).0, LOW_MAX);
    }
}
