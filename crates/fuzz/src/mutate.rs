//! Mutations of seeds that follow from a number alone, for runs without coverage: the same on every machine.

use annals_testkit::Random;

use crate::Target;

/// Changes made to one seed.
const CHANGES_MAX: u64 = 6;
/// Bytes of a mutated input.
const INPUT_BYTES_MAX: usize = 64 << 10;
/// Texts that readers of numbers, times, JSON, percent-encoding and UTF-8 stumble over.
const STUMBLES: [&[u8]; 28] = [
    b"0",
    b"-1",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1e400",
    b"-0.0",
    b"NaN",
    b"null",
    b"\"\"",
    b"[]",
    b"{}",
    b"[[[[[[[[",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\xc3",
    b"\0",
    b"%",
    b"%00",
    b"%FF",
    b"+",
    b" ",
    b"\n",
    b"\r\n",
    b"9999-12-31T23:59:60Z",
    b"0000-00-00T00:00:00Z",
    b"\xf0\x9f\x92\xa9",
];

/// An endless sequence of mutated seeds.
pub struct Mutations<'t> {
    seeds: &'t [Vec<u8>],
    words: Vec<String>,
    random: Random,
}

impl<'t> Mutations<'t> {
    /// The sequence of that number.
    pub fn new(target: &'t Target, number: u64) -> Self {
        Self { seeds: target.seeds(), words: target.dictionary(), random: Random::new(number) }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    /// A range within so many bytes, mostly short.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = if self.below(4) == 0 { length - start } else { (length - start).min(8) };
        let end = start + self.below(most + 1);
        start..end
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let range = self.range(input.len());
        match self.below(8) {
            0 => {
                if let Some(byte) = input.get_mut(range.start) {
                    *byte ^= 1 << self.random.below(8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(range.start) {
                    *byte = self.random.next_u64() as u8;
                }
            }
            2 => drop(input.drain(range)),
            3 => {
                let copy = input[range].to_vec();
                let place = self.below(input.len() + 1);
                input.splice(place..place, copy);
            }
            4 => {
                let other = self.random.pick(self.seeds);
                let from = self.range(other.len());
                input.splice(range, other[from].iter().copied());
            }
            5 if !self.words.is_empty() => {
                let word = self.words[self.random.below(self.words.len() as u64) as usize].clone();
                input.splice(range, word.into_bytes());
            }
            6 => {
                // A number, wherever one stands, becomes another.
                let digit = input[range.start..].iter().position(u8::is_ascii_digit);
                let Some(start) = digit.map(|at| range.start + at) else { return };
                let length = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let stumble = *self.random.pick(&STUMBLES[..7]);
                input.splice(start..start + length, stumble.iter().copied());
            }
            _ => {
                let stumble = *self.random.pick(&STUMBLES);
                input.splice(range, stumble.iter().copied());
            }
        }
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.random.pick(self.seeds).clone();
        for _ in 0..=self.random.below(CHANGES_MAX) {
            self.change(&mut input);
            input.truncate(INPUT_BYTES_MAX);
        }
        Some(input)
    }
}
