//! The words of events, and which blocks may have them: by the index of words, or by the filters that versions 1 and 2
//! have instead, per block a Bloom filter over the words of its events.

use std::hash::{BuildHasherDefault, Hasher};

use annals_model::{tokens, visit_json_text};
use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_64;

use super::{Segment, file::Section};
use crate::{Damage, pace};

/// Bits that each word sets in a filter of version 2.
const PROBES_2: u32 = 4;
/// The same in version 1.
const PROBES_1: u32 = 5;

/// Words of this shape are in no index and cannot be searched by it: four or twelve hexadecimal digits, letters and
/// digits mixed. Four of the five words of every UUID are; a search for a UUID is decided by its first word. Filters of
/// version 1 hold the longer ones, which then are not asked for.
fn is_left_out(word: &str) -> bool {
    let bytes = word.as_bytes();
    matches!(bytes.len(), 4 | 12)
        && bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().any(u8::is_ascii_lowercase)
}

/// The hashes of the words of a text that the index can know.
pub(super) fn word_hashes(text: &str, buffer: &mut String, mut visit: impl FnMut(u64)) {
    tokens(text, buffer, |word| {
        if !is_left_out(word) {
            visit(xxh3_64(word.as_bytes()));
        }
    });
}

fn probes(hash: u64, bits: u64, probes: u32) -> impl Iterator<Item = u64> {
    let (start, step) = (hash as u32, (hash >> 32) as u32 | 1);
    (0..probes).map(move |probe| (u64::from(start.wrapping_add(step.wrapping_mul(probe))) * bits) >> 32)
}

/// Gathers the words of a block.
#[derive(Default)]
pub(super) struct BlockWords {
    hashes: HashSet<u64, BuildHasherDefault<IsHash>>,
    /// How many blocks were finished.
    blocks: u32,
    buffer: String,
    json: String,
}

/// Hashes of words are hashes already.
#[derive(Default)]
struct IsHash(u64);

impl Hasher for IsHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl BlockWords {
    /// The number of the block among those that were made here.
    pub(super) const fn block(&self) -> u32 {
        self.blocks
    }

    pub(super) fn hashes(&mut self, hashes: &[u64]) {
        self.hashes.extend(hashes);
    }

    pub(super) fn text(&mut self, text: &str) {
        word_hashes(text, &mut self.buffer, |hash| {
            self.hashes.insert(hash);
        });
    }

    pub(super) fn json(&mut self, json: &str) {
        let mut buffer = std::mem::take(&mut self.json);
        visit_json_text(json, |text| {
            word_hashes(text, &mut buffer, |hash| {
                self.hashes.insert(hash);
            });
        });
        self.json = buffer;
    }

    /// Gives the words of the block and begins the next one.
    pub(super) fn finish(&mut self) -> impl Iterator<Item = u64> + '_ {
        self.blocks += 1;
        self.hashes.drain()
    }
}

/// The words of the values of a field, cut once a segment.
pub(super) struct FieldWords {
    /// By code: where its hashes end.
    ends: Vec<u32>,
    hashes: Vec<u64>,
}

impl FieldWords {
    /// Of the values in the order of their codes.
    pub(super) fn new<'v>(values: impl Iterator<Item = &'v str>, buffer: &mut String) -> Self {
        let mut hashes = Vec::new();
        let mut ends = Vec::with_capacity(values.size_hint().0);
        for text in values {
            pace::small_step();
            word_hashes(text, buffer, |hash| hashes.push(hash));
            ends.push(hashes.len() as u32);
        }
        Self { ends, hashes }
    }

    /// The hashes of the words of a value.
    pub(super) fn of(&self, code: u32) -> &[u64] {
        let code = code as usize;
        let end = |code: usize| self.ends.get(code).map_or(0, |end| *end as usize);
        self.hashes.get(code.checked_sub(1).map_or(0, end)..end(code)).unwrap_or_default()
    }
}

/// The words of all terms that blocks have codes of.
pub(super) struct TermWords {
    /// By column.
    pub(super) columns: Vec<FieldWords>,
    pub(super) categories: FieldWords,
    /// By label.
    pub(super) labels: Vec<FieldWords>,
}

impl Segment {
    /// The filter of a block.
    fn block_filter(&self, block: u32) -> Result<&[u8], Damage> {
        let at = u64::from(block) * 8;
        let offset = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        let record = self.file.bytes(Section::WordIndex, at..at + 16)?;
        self.file.bytes(Section::Words, offset(&record[..8])..offset(&record[8..]))
    }

    /// Whether there is a filter for each block instead of an index.
    pub(super) fn has_word_filters(&self) -> bool {
        self.file.version() < 3
    }

    /// Whether a block may have all of these words, by its filter.
    pub(super) fn block_may_have(&self, block: u32, hashes: &[u64]) -> Result<bool, Damage> {
        let filter = self.block_filter(block)?;
        let bits = filter.len() as u64 * 8;
        let count = if self.file.version() == 1 { PROBES_1 } else { PROBES_2 };
        Ok(hashes.iter().all(|hash| {
            probes(*hash, bits, count)
                .all(|bit| filter.get(bit as usize / 8).is_none_or(|byte| byte >> (bit % 8) & 1 == 1))
        }))
    }
}
