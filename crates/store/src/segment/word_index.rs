//! The index of words: which blocks have a word, by the highest bits of the word's hash. Words of many blocks leave hardly
//! anything out; they are listed by themselves and taken to be in all blocks. The index may say yes where there is
//! nothing; it never says no where there is something.
//!
//! Here it is written and read; `words` says what a word is.

use std::{cmp::Reverse, collections::BinaryHeap};

use hashbrown::HashSet;
use roaring::RoaringBitmap;

use super::{
    Segment, WriteError,
    bits::{Bad, BitWriter, Parsed, Reader, put_varint, unpack},
    file::Section,
    sink::Sink,
};
use crate::{Damage, pace};

/// Bits of a word's hash that the index knows it by: with one more, half as many blocks are looked through in vain, and
/// every word of a block costs one bit.
const HASH_BITS: u32 = 18;
/// A word that more than one of so many blocks have is taken to be in all of them.
const EVERYWHERE_SHARE: u64 = 16;
/// Up to so many blocks a word is never taken to be in all of them.
const EVERYWHERE_BLOCKS_MIN: u64 = 8;
/// Entries that are packed together.
const GROUP_ENTRIES: usize = 256;
/// Bytes of the record of a group.
const RECORD_BYTES: u64 = 16;
/// Bytes before the words that are everywhere.
const HEAD_BYTES: u64 = 16;
/// The most zeros before a one that are believed.
const ZEROS_MAX: u64 = 1 << 40;
/// Entries that are sorted in memory at once.
const RUN_ENTRIES: usize = 1 << 20;

/// Stands for a block that was not copied.
pub(super) const NOT_COPIED: u32 = u32::MAX;

/// The part of a hash by which words that are everywhere are listed, and by which runs are sorted.
const fn word_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The part of it by which the other words are known.
const fn short_of(word: u32) -> u64 {
    (word >> (32 - HASH_BITS)) as u64
}

/// Pairs of word and block in order, packed.
struct Run {
    bytes: Vec<u8>,
}

impl Run {
    fn of(pairs: &mut Vec<u64>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let mut bytes = Vec::with_capacity(pairs.len() * 4);
        let (mut last_word, mut last_block) = (0, 0);
        for pair in pairs.drain(..) {
            let (word, block) = ((pair >> 32) as u32, pair as u32);
            if word != last_word {
                last_block = 0;
            }
            put_varint(&mut bytes, u64::from(word - last_word));
            put_varint(&mut bytes, u64::from(block - last_block));
            (last_word, last_block) = (word, block);
        }
        Self { bytes }
    }

    fn pairs(&self) -> impl Iterator<Item = u64> + '_ {
        let mut reader = Reader::new(&self.bytes);
        let (mut word, mut block) = (0_u64, 0_u64);
        std::iter::from_fn(move || {
            let step = reader.varint().ok()?;
            block = if step > 0 { 0 } else { block } + reader.varint().ok()?;
            word += step;
            Some(word << 32 | block)
        })
    }
}

/// Blocks of another segment that were copied into the one that is written.
pub(super) struct CopiedBlocks<'s> {
    pub(super) segment: &'s Segment,
    /// By its own number: the block's new number, or [`NOT_COPIED`].
    pub(super) blocks: &'s [u32],
}

/// Gathers the words of blocks and writes the index over them.
#[derive(Default)]
pub(super) struct WordIndexWriter {
    pending: Vec<u64>,
    runs: Vec<Run>,
}

impl WordIndexWriter {
    /// Adds the words of a block.
    pub(super) fn block(&mut self, block: u32, hashes: impl Iterator<Item = u64>) {
        self.pending.extend(hashes.map(|hash| u64::from(word_of(hash)) << 32 | u64::from(block)));
        if self.pending.len() >= RUN_ENTRIES {
            self.runs.push(Run::of(&mut self.pending));
        }
    }

    fn pair(&mut self, word: u32, block: u32) {
        self.pending.push(u64::from(word) << 32 | u64::from(block));
        if self.pending.len() >= RUN_ENTRIES {
            self.runs.push(Run::of(&mut self.pending));
        }
    }

    /// Writes the sections `words` and `word_index` of a segment of so many blocks, `copied` among them.
    pub(super) fn finish(
        mut self,
        blocks: u32,
        copied: &[CopiedBlocks<'_>],
        sink: &mut Sink,
    ) -> Result<(), WriteError> {
        let most = (u64::from(blocks) / EVERYWHERE_SHARE).max(EVERYWHERE_BLOCKS_MIN);
        let mut everywhere = self.everywhere_in_copies(copied, most)?;
        self.runs.push(Run::of(&mut self.pending));
        let mut runs: Vec<_> = self.runs.iter().map(Run::pairs).collect();
        let mut heads: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            heads.extend(run.next().map(|pair| Reverse((pair, number))));
        }
        let mut others = Vec::with_capacity(copied.len());
        for source in copied {
            let mut entries = source.segment.word_entries(0)?;
            let next = entries.next().transpose()?;
            others.push((source, entries, next));
        }
        let mut packer = Packer { packed: Vec::new(), records: Vec::new(), group: Vec::new(), entries: 0 };
        let (mut found, mut of_word) = (Vec::new(), Vec::new());
        loop {
            let of_runs = heads.peek().map(|Reverse((pair, _))| short_of((pair >> 32) as u32));
            let of_copies = others.iter().filter_map(|(.., next)| next.map(|(short, _)| short)).min();
            let Some(short) = of_runs.into_iter().chain(of_copies).min() else { break };
            found.clear();
            pace::small_step();
            while let Some(Reverse((pair, _))) =
                heads.peek().copied().filter(|Reverse((pair, _))| short_of((pair >> 32) as u32) == short)
            {
                let word = (pair >> 32) as u32;
                of_word.clear();
                while let Some(Reverse((pair, number))) = heads.peek().copied()
                    && (pair >> 32) as u32 == word
                {
                    heads.pop();
                    of_word.push(pair as u32);
                    if let Some(next) = runs.get_mut(number).and_then(Iterator::next) {
                        heads.push(Reverse((next, number)));
                    }
                }
                of_word.dedup();
                if of_word.len() as u64 > most {
                    everywhere.insert(word);
                }
                if !everywhere.contains(&word) {
                    found.extend_from_slice(&of_word);
                }
            }
            for (source, entries, next) in &mut others {
                while let Some((_, block)) = next.filter(|(other, _)| *other == short) {
                    found.extend(source.blocks.get(block as usize).filter(|new| **new != NOT_COPIED));
                    *next = entries.next().transpose()?;
                }
            }
            found.sort_unstable();
            found.dedup();
            for block in &found {
                packer.push(short * u64::from(blocks) + u64::from(*block));
            }
        }
        let mut everywhere: Vec<u32> = everywhere.into_iter().collect();
        everywhere.sort_unstable();
        packer.finish(&everywhere, sink)
    }

    /// The words that are in all blocks of segments that make up a large part of the new one. What is in all blocks of
    /// smaller ones becomes a word of each of those.
    fn everywhere_in_copies(
        &mut self,
        copied: &[CopiedBlocks<'_>],
        most: u64,
    ) -> Result<HashSet<u32>, Damage> {
        let mut lists = Vec::with_capacity(copied.len());
        let mut counts: hashbrown::HashMap<u32, u64> = hashbrown::HashMap::new();
        for source in copied {
            let words = source.segment.words_everywhere()?;
            let blocks = source.blocks.iter().filter(|block| **block != NOT_COPIED).count() as u64;
            words.iter().for_each(|word| *counts.entry(*word).or_insert(0) += blocks);
            lists.push(words);
        }
        for (source, words) in copied.iter().zip(lists) {
            for word in words {
                if counts.get(&word).is_some_and(|count| *count <= most) {
                    for block in source.blocks.iter().filter(|block| **block != NOT_COPIED) {
                        self.pair(word, *block);
                    }
                }
            }
        }
        Ok(counts.into_iter().filter(|(_, count)| *count > most).map(|(word, _)| word).collect())
    }
}

/// Packs entries that come in order.
struct Packer {
    packed: Vec<u8>,
    records: Vec<u8>,
    group: Vec<u64>,
    entries: u64,
}

impl Packer {
    fn push(&mut self, entry: u64) {
        self.group.push(entry);
        self.entries += 1;
        if self.group.len() == GROUP_ENTRIES {
            self.close();
        }
    }

    /// Packs the group: of the distance from one entry to the next, less one, the low bits as they are and the others as
    /// so many zeros before a one.
    fn close(&mut self) {
        let (Some(first), Some(last)) = (self.group.first(), self.group.last()) else { return };
        let mean = (last - first) / self.group.len() as u64;
        let low = mean.checked_ilog2().unwrap_or(0);
        self.records.extend_from_slice(&first.to_le_bytes());
        self.records.extend_from_slice(&(self.packed.len() as u32).to_le_bytes());
        self.records.extend_from_slice(&[low as u8, 0, 0, 0]);
        let mut bits = BitWriter::new(&mut self.packed);
        for two in self.group.windows(2) {
            let distance = two[1] - two[0] - 1;
            let mut zeros = distance >> low;
            while zeros > 0 {
                let now = zeros.min(32);
                bits.put(0, now as u32);
                zeros -= now;
            }
            bits.put(1, 1);
            bits.put(distance & ((1 << low) - 1), low);
        }
        bits.finish();
        self.group.clear();
    }

    fn finish(mut self, everywhere: &[u32], sink: &mut Sink) -> Result<(), WriteError> {
        self.close();
        sink.section(Section::Words, &self.packed)?;
        sink.write(&self.entries.to_le_bytes())?;
        sink.write(&(everywhere.len() as u64).to_le_bytes())?;
        for word in everywhere {
            sink.write(&word.to_le_bytes())?;
        }
        sink.section(Section::WordIndex, &self.records)
    }
}

/// Unpacks a group of so many entries.
fn unpack_group(bytes: &[u8], first: u64, low: u32, entries: usize) -> Parsed<Vec<u64>> {
    const SHORT: Bad = Bad("a group of words that is too short");
    if low >= 64 {
        return Err(Bad("an impossible width"));
    }
    let mut found = Vec::with_capacity(entries.min(GROUP_ENTRIES));
    let (mut entry, mut bit) = (first, 0_u64);
    found.push(entry);
    let end = bytes.len() as u64 * 8;
    for _ in 1..entries {
        let mut zeros = 0_u64;
        loop {
            let width = (end.saturating_sub(bit)).min(32) as u32;
            if width == 0 || zeros > ZEROS_MAX {
                return Err(SHORT);
            }
            let window = unpack(bytes, bit, width).ok_or(SHORT)?;
            if window != 0 {
                let some = window.trailing_zeros();
                zeros += u64::from(some);
                bit += u64::from(some) + 1;
                break;
            }
            zeros += u64::from(width);
            bit += u64::from(width);
        }
        let rest = unpack(bytes, bit, low).ok_or(SHORT)?;
        bit += u64::from(low);
        let distance = zeros.checked_shl(low).filter(|high| high >> low == zeros);
        entry = distance
            .and_then(|high| high.checked_add(rest))
            .and_then(|distance| entry.checked_add(distance)?.checked_add(1))
            .ok_or(Bad("words that are not in order"))?;
        found.push(entry);
    }
    Ok(found)
}

impl Segment {
    /// The numbers of entries and of words that are everywhere.
    fn word_counts(&self) -> Result<(u64, u64), Damage> {
        let head = self.file.bytes(Section::WordIndex, 0..HEAD_BYTES)?;
        let mut reader = Reader::new(head);
        let counts = reader.u64().and_then(|entries| Ok((entries, reader.u64()?)));
        let (entries, everywhere) = counts.map_err(|bad| self.bad(Section::WordIndex, 0, bad))?;
        let bytes = entries
            .div_ceil(GROUP_ENTRIES as u64)
            .checked_mul(RECORD_BYTES)
            .and_then(|records| everywhere.checked_mul(4)?.checked_add(records)?.checked_add(HEAD_BYTES));
        if bytes != Some(self.file.section_bytes(Section::WordIndex)) {
            return Err(self.bad(Section::WordIndex, 0, Bad("it is not as long as its entries need")));
        }
        Ok((entries, everywhere))
    }

    /// The words that are taken to be in all blocks, in order.
    fn words_everywhere(&self) -> Result<Vec<u32>, Damage> {
        let (_, everywhere) = self.word_counts()?;
        let bytes = self.file.bytes(Section::WordIndex, HEAD_BYTES..HEAD_BYTES + everywhere * 4)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    fn is_everywhere(&self, word: u32) -> Result<bool, Damage> {
        let (_, everywhere) = self.word_counts()?;
        let bytes = self.file.bytes(Section::WordIndex, HEAD_BYTES..HEAD_BYTES + everywhere * 4)?;
        let words = bytes.as_chunks::<4>().0;
        Ok(words.binary_search_by_key(&word, |bytes| u32::from_le_bytes(*bytes)).is_ok())
    }

    /// Where a group begins: its first entry, its place, and how many low bits its distances have.
    fn word_group(&self, group: u64) -> Result<(u64, u64, u32), Damage> {
        let (_, everywhere) = self.word_counts()?;
        let at = HEAD_BYTES + everywhere * 4 + group * RECORD_BYTES;
        let mut reader = Reader::new(self.file.bytes(Section::WordIndex, at..at + RECORD_BYTES)?);
        let parse = |reader: &mut Reader<'_>| Ok((reader.u64()?, reader.u32()?, reader.u8()?));
        let (first, place, low) = parse(&mut reader).map_err(|bad| self.bad(Section::WordIndex, at, bad))?;
        Ok((first, u64::from(place), u32::from(low)))
    }

    /// The entries of a group.
    fn word_group_entries(&self, group: u64) -> Result<Vec<u64>, Damage> {
        let (entries, _) = self.word_counts()?;
        let before = group * GROUP_ENTRIES as u64;
        let count = entries.saturating_sub(before).min(GROUP_ENTRIES as u64) as usize;
        let (first, place, low) = self.word_group(group)?;
        let end = if before + (GROUP_ENTRIES as u64) < entries {
            self.word_group(group + 1)?.1
        } else {
            self.file.section_bytes(Section::Words)
        };
        let bytes = self.file.bytes(Section::Words, place..end.max(place))?;
        unpack_group(bytes, first, low, count).map_err(|bad| self.bad(Section::Words, place, bad))
    }

    /// The entries from the group on that holds the first one of a short hash: the short hash and the block.
    fn word_entries(
        &self,
        short: u64,
    ) -> Result<impl Iterator<Item = Result<(u64, u32), Damage>> + '_, Damage> {
        let blocks = u64::from(self.blocks()).max(1);
        let (entries, _) = self.word_counts()?;
        let groups = entries.div_ceil(GROUP_ENTRIES as u64);
        let wanted = short.saturating_mul(blocks);
        let (mut below, mut above) = (0, groups);
        while below < above {
            let middle = below + (above - below) / 2;
            if self.word_group(middle)?.0 <= wanted {
                below = middle + 1;
            } else {
                above = middle;
            }
        }
        let mut group = below.saturating_sub(1);
        let mut rest: std::vec::IntoIter<u64> = Vec::new().into_iter();
        Ok(std::iter::from_fn(move || {
            loop {
                if let Some(entry) = rest.next() {
                    return Some(Ok((entry / blocks, (entry % blocks) as u32)));
                }
                if group >= groups {
                    return None;
                }
                match self.word_group_entries(group) {
                    Ok(entries) => rest = entries.into_iter(),
                    Err(damage) => {
                        group = groups;
                        return Some(Err(damage));
                    }
                }
                group += 1;
            }
        }))
    }

    /// The blocks that may have a word; `None` when all may.
    fn blocks_of_word(&self, hash: u64) -> Result<Option<RoaringBitmap>, Damage> {
        let word = word_of(hash);
        if self.is_everywhere(word)? {
            return Ok(None);
        }
        let short = short_of(word);
        let mut blocks = RoaringBitmap::new();
        for entry in self.word_entries(short)? {
            let (other, block) = entry?;
            if other > short {
                break;
            }
            if other == short {
                blocks.insert(block);
            }
        }
        Ok(Some(blocks))
    }

    /// The blocks that may have all of these words; `None` when all may.
    pub(super) fn blocks_with(&self, hashes: &[u64]) -> Result<Option<RoaringBitmap>, Damage> {
        let mut all: Option<RoaringBitmap> = None;
        for hash in hashes {
            if let Some(blocks) = self.blocks_of_word(*hash)? {
                all = Some(match all {
                    None => blocks,
                    Some(all) => all & blocks,
                });
            }
        }
        Ok(all)
    }

    /// Everything the index says, to compare events with it.
    pub(super) fn whole_word_index(&self) -> Result<WholeWordIndex, Damage> {
        let mut words: Vec<RoaringBitmap> = Vec::new();
        words.resize_with(1 << HASH_BITS, RoaringBitmap::new);
        let mut last = None;
        for entry in self.word_entries(0)? {
            let (short, block) = entry?;
            if last.is_some_and(|last| last >= (short, block)) {
                return Err(self.bad(Section::Words, 0, Bad("words that are not in order")));
            }
            last = Some((short, block));
            if let Some(blocks) = words.get_mut(short as usize) {
                blocks.insert(block);
            }
        }
        Ok(WholeWordIndex { everywhere: self.words_everywhere()?.into_iter().collect(), words })
    }
}

/// The whole index of words in memory.
pub(super) struct WholeWordIndex {
    everywhere: HashSet<u32>,
    words: Vec<RoaringBitmap>,
}

impl WholeWordIndex {
    /// Whether a block has a word, as far as the index knows.
    pub(super) fn has(&self, block: u32, hash: u64) -> bool {
        let word = word_of(hash);
        self.everywhere.contains(&word)
            || self.words.get(short_of(word) as usize).is_some_and(|blocks| blocks.contains(block))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn entries_come_back(steps in vec(prop_oneof![1_u64..4, 1_u64..100_000, Just(1 << 33)], 1..700)) {
            let mut packer = Packer { packed: Vec::new(), records: Vec::new(), group: Vec::new(), entries: 0 };
            let mut entries = Vec::new();
            let mut entry = 0;
            for step in steps {
                entry += step;
                packer.push(entry);
                entries.push(entry);
            }
            packer.close();
            for (group, wanted) in entries.chunks(GROUP_ENTRIES).enumerate() {
                let record = &packer.records[group * 16..group * 16 + 16];
                let mut reader = Reader::new(record);
                let (first, place, low) = (reader.u64().unwrap(), reader.u32().unwrap(), reader.u8().unwrap());
                let bytes = &packer.packed[place as usize..];
                let found = unpack_group(bytes, first, u32::from(low), wanted.len()).unwrap();
                prop_assert_eq!(found, wanted);
            }
        }

        #[test]
        fn runs_come_back(mut pairs in vec((0_u64..9, 0_u64..9), 0..60)) {
            let mut packed: Vec<u64> = pairs.iter().map(|(word, block)| word << 60 | block).collect();
            pairs.sort_unstable();
            pairs.dedup();
            let wanted: Vec<u64> = pairs.into_iter().map(|(word, block)| word << 60 | block).collect();
            prop_assert_eq!(Run::of(&mut packed).pairs().collect::<Vec<_>>(), wanted);
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, first: u64, low in 0_u32..70, entries in 1_usize..300) {
            let _ = unpack_group(&bytes, first, low, entries);
        }
    }
}
