//! The docs of a frequent term, by chunks of 65,536 numbers: runs where they have long ones, a bit for each number where
//! they are dense, distances otherwise. Dense chunks and runs are as Roaring has them, so that they are copied.

use std::{
    io::{ErrorKind, Read},
    ops::RangeInclusive,
};

use roaring::RoaringBitmap;

use super::{
    bits::{Bad, BitWriter, Parsed, Reader, put_varint},
    rice,
};
use crate::bits::{Bits, mask, ones};

/// Numbers of a chunk.
const CHUNK_DOCS: u32 = 1 << 16;
/// Words of a chunk with a bit for each number.
const CHUNK_WORDS: usize = CHUNK_DOCS as usize / 64;
/// Bytes of a chunk with a bit for each number.
const BITMAP_BYTES: usize = CHUNK_DOCS as usize / 8;
/// From so many docs on a chunk has a bit for each number: distances would be shorter until half of all
/// numbers are there, but take far longer to read.
const DENSE_DOCS: usize = 8_192;
/// Up to so many docs Roaring has a list.
const LIST_DOCS_MAX: u32 = 4_096;
/// Bytes of a run.
const RUN_BYTES: usize = 4;

/// The kinds of chunks; smaller ones are distances with so many low bits.
const KIND_BITMAP: u8 = 32;
const KIND_RUNS: u8 = 33;

/// The first bytes of Roaring's format without and with runs.
const COOKIE: u32 = 12_346;
const COOKIE_RUNS: u32 = 12_347;
/// From so many chunks on Roaring's format with runs has offsets, too.
const OFFSETS_MIN: usize = 4;

const UNORDERED: Bad = Bad("docs that are not in order");
const OUTSIDE: Bad = Bad("a posting of a doc that is not there");
const COUNT: Bad = Bad("a posting of another number of docs");

/// Writes the docs of a term, ascending.
pub(super) fn write(docs: &[u32], out: &mut Vec<u8>) {
    let mut body = Vec::new();
    let mut next = 0;
    for chunk in docs.chunk_by(|one, two| one / CHUNK_DOCS == two / CHUNK_DOCS) {
        let key = chunk[0] / CHUNK_DOCS;
        body.clear();
        let kind = write_body(chunk, &mut body);
        put_varint(out, u64::from(key - next));
        out.push(kind);
        out.extend_from_slice(&(chunk.len() as u32 - 1).to_le_bytes()[..2]);
        put_varint(out, body.len() as u64);
        out.extend_from_slice(&body);
        next = key + 1;
    }
}

/// The kind of the body it wrote.
fn write_body(docs: &[u32], body: &mut Vec<u8>) -> u8 {
    let runs = 1 + docs.windows(2).filter(|two| two[1] - two[0] > 1).count();
    let (low, bits) = rice::best_low(docs);
    let distances = 2 + bits.div_ceil(8) as usize;
    let dense = docs.len() >= DENSE_DOCS || distances >= BITMAP_BYTES;
    if runs * RUN_BYTES <= if dense { BITMAP_BYTES } else { distances } {
        for run in docs.chunk_by(|one, two| one + 1 == *two) {
            body.extend_from_slice(&run[0].to_le_bytes()[..2]);
            body.extend_from_slice(&(run.len() as u32 - 1).to_le_bytes()[..2]);
        }
        KIND_RUNS
    } else if dense {
        body.resize(BITMAP_BYTES, 0);
        docs.iter().for_each(|doc| set(body, doc % CHUNK_DOCS));
        KIND_BITMAP
    } else {
        body.extend_from_slice(&docs[0].to_le_bytes()[..2]);
        let mut bits = BitWriter::new(body);
        rice::write(&mut bits, docs, low);
        bits.finish();
        low as u8
    }
}

fn set(bits: &mut [u8], number: u32) {
    if let Some(byte) = bits.get_mut(number as usize / 8) {
        *byte |= 1 << (number % 8);
    }
}

/// One chunk as it lies in a file.
struct Chunk<'s> {
    key: u32,
    docs: u32,
    body: Body<'s>,
}

enum Body<'s> {
    Distances {
        low: u32,
        first: u32,
        bytes: &'s [u8],
    },
    Bitmap(&'s [u8]),
    /// Of each run its first number and its last one's distance from it.
    Runs(&'s [[u8; RUN_BYTES]]),
}

fn two(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<2>().map_or(0, |bytes| u32::from(u16::from_le_bytes(*bytes)))
}

impl<'s> Chunk<'s> {
    fn read(reader: &mut Reader<'s>, next: u32, docs: u32) -> Parsed<Self> {
        let key = reader.varint()?.saturating_add(u64::from(next));
        let key = u32::try_from(key).ok().filter(|key| *key < docs.div_ceil(CHUNK_DOCS)).ok_or(OUTSIDE)?;
        let kind = reader.u8()?;
        let docs = two(reader.take(2)?) + 1;
        let length = reader.length()?;
        let bytes = reader.take(length)?;
        let body = match kind {
            KIND_BITMAP if length == BITMAP_BYTES => Body::Bitmap(bytes),
            KIND_RUNS if length > 0 && length.is_multiple_of(RUN_BYTES) => Body::Runs(bytes.as_chunks().0),
            low if u32::from(low) <= rice::LOW_MAX => {
                let (first, bytes) = bytes.split_at_checked(2).ok_or(COUNT)?;
                let low = u32::from(low);
                if !rice::fits(bytes, 0, low, u64::from(docs) - 1) {
                    return Err(COUNT);
                }
                Body::Distances { low, first: two(first), bytes }
            }
            _ => return Err(Bad("an unknown kind of docs")),
        };
        Ok(Self { key, docs, body })
    }

    /// Appends the docs.
    fn append(&self, docs: &mut Vec<u32>) -> Parsed<()> {
        let base = self.key * CHUNK_DOCS;
        let before = docs.len();
        match &self.body {
            Body::Distances { low, first, bytes } => {
                docs.reserve(self.docs as usize);
                let gaps = u64::from(self.docs) - 1;
                rice::read(bytes, 0, *low, *first, gaps, CHUNK_DOCS, |number| {
                    docs.push(base.wrapping_add(number));
                })?;
            }
            Body::Bitmap(bytes) => {
                docs.reserve(self.docs as usize);
                for (word, place) in bytes.as_chunks::<8>().0.iter().zip((base..).step_by(64)) {
                    let mut word = u64::from_le_bytes(*word);
                    while word != 0 {
                        docs.push(place + word.trailing_zeros());
                        word &= word - 1;
                    }
                }
            }
            Body::Runs(runs) => {
                self.each_run(runs, |run| docs.extend(base + run.start()..=base + run.end()))?;
            }
        }
        if docs.len() - before == self.docs as usize { Ok(()) } else { Err(COUNT) }
    }

    /// Appends the docs as Roaring has them.
    fn append_roaring(&self, out: &mut Vec<u8>) -> Parsed<()> {
        match &self.body {
            Body::Distances { low, first, bytes } => {
                let at = out.len();
                let gaps = u64::from(self.docs) - 1;
                if self.docs <= LIST_DOCS_MAX {
                    out.resize(at + self.docs as usize * 2, 0);
                    let mut places = out[at..].as_chunks_mut::<2>().0.iter_mut();
                    rice::read(bytes, 0, *low, *first, gaps, CHUNK_DOCS, |number| {
                        if let Some(place) = places.next() {
                            *place = (number as u16).to_le_bytes();
                        }
                    })
                } else {
                    out.resize(at + BITMAP_BYTES, 0);
                    let bits = &mut out[at..];
                    rice::read(bytes, 0, *low, *first, gaps, CHUNK_DOCS, |number| set(bits, number))
                }
            }
            Body::Bitmap(bytes) => {
                let words = bytes.as_chunks::<8>().0.iter();
                let docs: u32 = words.map(|word| u64::from_le_bytes(*word).count_ones()).sum();
                if docs != self.docs || docs <= LIST_DOCS_MAX {
                    return Err(COUNT);
                }
                out.extend_from_slice(bytes);
                Ok(())
            }
            Body::Runs(runs) => {
                self.each_run(runs, |_| {})?;
                let count = u16::try_from(runs.len()).map_err(|_| UNORDERED)?;
                out.extend_from_slice(&count.to_le_bytes());
                out.extend_from_slice(runs.as_flattened());
                Ok(())
            }
        }
    }

    /// How many docs are marked.
    fn count_marked(&self, marked: &Marked) -> Parsed<u64> {
        let marked_here = marked.of_chunk(self.key);
        if marked_here == 0 {
            return Ok(0);
        }
        if marked_here == marked.docs_of_chunk(self.key) {
            return Ok(u64::from(self.docs));
        }
        let words = marked.words_of_chunk(self.key);
        let mut count = 0;
        match &self.body {
            Body::Distances { low, first, bytes } => {
                let gaps = u64::from(self.docs) - 1;
                rice::read(bytes, 0, *low, *first, gaps, CHUNK_DOCS, |number| {
                    count += words.get(number as usize / 64).map_or(0, |word| word >> (number % 64) & 1);
                })?;
            }
            Body::Bitmap(bytes) => {
                for (word, marked) in bytes.as_chunks::<8>().0.iter().zip(words) {
                    count += u64::from((u64::from_le_bytes(*word) & marked).count_ones());
                }
            }
            Body::Runs(runs) => self.each_run(runs, |run| count += ones(words, &run))?,
        }
        Ok(count)
    }

    /// Appends the docs that lie in a range, by their numbers in the chunk.
    fn append_within(&self, range: &RangeInclusive<u32>, docs: &mut Vec<u32>) -> Parsed<()> {
        let base = self.key * CHUNK_DOCS;
        match &self.body {
            Body::Distances { low, first, bytes } => {
                let gaps = u64::from(self.docs) - 1;
                rice::read(bytes, 0, *low, *first, gaps, CHUNK_DOCS, |number| {
                    if range.contains(&number) {
                        docs.push(base.wrapping_add(number));
                    }
                })
            }
            Body::Bitmap(bytes) => {
                let words = bytes.as_chunks::<8>().0.iter().zip((0..).step_by(64));
                let first = *range.start() as usize / 64;
                for (word, place) in words.take(*range.end() as usize / 64 + 1).skip(first) {
                    let mut word = u64::from_le_bytes(*word) & mask(place, range);
                    while word != 0 {
                        docs.push(base + place + word.trailing_zeros());
                        word &= word - 1;
                    }
                }
                Ok(())
            }
            Body::Runs(runs) => self.each_run(runs, |run| {
                let (first, last) = (*run.start().max(range.start()), *run.end().min(range.end()));
                docs.extend((first..=last).map(|number| base + number));
            }),
        }
    }

    /// Visits the runs, which are in order and have as many docs as the chunk.
    fn each_run(&self, runs: &[[u8; RUN_BYTES]], mut visit: impl FnMut(RangeInclusive<u32>)) -> Parsed<()> {
        let (mut next, mut docs) = (0, 0);
        for run in runs {
            let (first, more) = (two(run), two(&run[2..]));
            let last = first + more;
            if first < next || last >= CHUNK_DOCS {
                return Err(UNORDERED);
            }
            visit(first..=last);
            docs += more + 1;
            // Runs that touch would be one.
            next = last + 2;
        }
        if docs == self.docs { Ok(()) } else { Err(COUNT) }
    }
}

/// Docs of a segment as others are counted against them: a bit for each, and how many each chunk has.
pub(super) struct Marked {
    pub(super) docs: Bits,
    of_chunks: Vec<u32>,
}

impl Marked {
    pub(super) fn new(docs: Bits) -> Self {
        let count = |words: &[u64]| words.iter().map(|word| word.count_ones()).sum();
        let of_chunks = docs.words().chunks(CHUNK_WORDS).map(count).collect();
        Self { docs, of_chunks }
    }

    fn of_chunk(&self, key: u32) -> u32 {
        self.of_chunks.get(key as usize).copied().unwrap_or(0)
    }

    /// How many docs a chunk has, marked or not.
    fn docs_of_chunk(&self, key: u32) -> u32 {
        self.docs.length().saturating_sub(key * CHUNK_DOCS).min(CHUNK_DOCS)
    }

    fn words_of_chunk(&self, key: u32) -> &[u64] {
        self.docs.words().chunks(CHUNK_WORDS).nth(key as usize).unwrap_or_default()
    }
}

/// Visits the chunks of a term with so many docs, of a segment of `docs` docs. Whether there are as many is known when
/// all were visited.
fn each_chunk<'s>(
    bytes: &'s [u8],
    count: u64,
    docs: u32,
    mut visit: impl FnMut(Chunk<'s>) -> Parsed<()>,
) -> Parsed<()> {
    let mut reader = Reader::new(bytes);
    let (mut next, mut found) = (0, 0);
    while !reader.is_empty() {
        let chunk = Chunk::read(&mut reader, next, docs)?;
        next = chunk.key + 1;
        found += u64::from(chunk.docs);
        visit(chunk)?;
    }
    if found == count && count > 0 { Ok(()) } else { Err(COUNT) }
}

/// The chunks of a term with so many docs, of a segment of `docs` docs.
fn chunks(bytes: &[u8], count: u64, docs: u32) -> Parsed<Vec<Chunk<'_>>> {
    let mut chunks = Vec::new();
    each_chunk(bytes, count, docs, |chunk| {
        chunks.push(chunk);
        Ok(())
    })?;
    Ok(chunks)
}

/// How many docs of a term are marked. Chunks of which none or all are, are not looked into, and damage in them is not
/// found.
pub(super) fn count_marked(bytes: &[u8], count: u64, marked: &Marked) -> Parsed<u64> {
    let mut sum = 0;
    each_chunk(bytes, count, marked.docs.length(), |chunk| {
        sum += chunk.count_marked(marked)?;
        Ok(())
    })?;
    Ok(sum)
}

/// Appends the docs of a term that lie in a range; other chunks are not looked into, and damage in them is not found.
pub(super) fn append_within(
    bytes: &[u8],
    count: u64,
    docs: u32,
    range: &RangeInclusive<u32>,
    out: &mut Vec<u32>,
) -> Parsed<()> {
    let (first, last) = (*range.start(), (*range.end()).min(docs.saturating_sub(1)));
    each_chunk(bytes, count, docs, |chunk| {
        if chunk.key < first / CHUNK_DOCS || chunk.key > last / CHUNK_DOCS {
            return Ok(());
        }
        let base = chunk.key * CHUNK_DOCS;
        let here = first.saturating_sub(base)..=(last - base).min(CHUNK_DOCS - 1);
        chunk.append_within(&here, out)
    })
}

/// Appends the docs of a term.
pub(super) fn append(bytes: &[u8], count: u64, docs: u32, out: &mut Vec<u32>) -> Parsed<()> {
    chunks(bytes, count, docs)?.iter().try_for_each(|chunk| chunk.append(out))?;
    if out.last().is_some_and(|last| *last >= docs) { Err(OUTSIDE) } else { Ok(()) }
}

/// The docs of a term as a set.
pub(super) fn bitmap(bytes: &[u8], count: u64, docs: u32) -> Parsed<RoaringBitmap> {
    let chunks = chunks(bytes, count, docs)?;
    let mut out = Vec::new();
    let has_runs = chunks.iter().any(|chunk| matches!(chunk.body, Body::Runs(_)));
    let size = chunks.len() as u32;
    if has_runs {
        out.extend_from_slice(&(COOKIE_RUNS | (size - 1) << 16).to_le_bytes());
        let at = out.len();
        out.resize(at + chunks.len().div_ceil(8), 0);
        for (chunk, number) in chunks.iter().zip(0..) {
            if matches!(chunk.body, Body::Runs(_)) {
                set(&mut out[at..], number);
            }
        }
    } else {
        out.extend_from_slice(&COOKIE.to_le_bytes());
        out.extend_from_slice(&size.to_le_bytes());
    }
    for chunk in &chunks {
        out.extend_from_slice(&(chunk.key as u16).to_le_bytes());
        out.extend_from_slice(&(chunk.docs as u16).wrapping_sub(1).to_le_bytes());
    }
    if !has_runs || chunks.len() >= OFFSETS_MIN {
        // Nobody reads the offsets who reads the whole.
        out.resize(out.len() + chunks.len() * 4, 0);
    }
    let mut source = RoaringSource { bytes: out, at: 0, chunks: chunks.iter(), bad: None };
    // Every chunk is found to be in order and to have as many docs as it says; to look once more takes as long as half
    // of all the rest.
    let set = RoaringBitmap::deserialize_unchecked_from(&mut source);
    let set = set.map_err(|_| source.bad.unwrap_or(UNORDERED))?;
    if set.max().is_some_and(|max| max >= docs) { Err(OUTSIDE) } else { Ok(set) }
}

/// Gives Roaring its head and then chunk after chunk, without ever having more than one in memory.
struct RoaringSource<'c, 's> {
    bytes: Vec<u8>,
    at: usize,
    chunks: std::slice::Iter<'c, Chunk<'s>>,
    bad: Option<Bad>,
}

impl Read for RoaringSource<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
            if let Some(chunk) = self.chunks.next() {
                chunk.append_roaring(&mut self.bytes).map_err(|bad| {
                    self.bad = Some(bad);
                    std::io::Error::from(ErrorKind::InvalidData)
                })?;
            }
        }
        let read = self.bytes.get(self.at..).unwrap_or_default().read(out)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The most docs of a segment.
    const DOCS: u32 = 4 << 20;

    /// Stretches of docs, each a doc of so many, somewhere: dense, sparse, runs, over the borders of chunks.
    fn stretches() -> impl Strategy<Value = Vec<(u32, u32, u32)>> {
        let start = prop_oneof![0..DOCS, (1..64_u32).prop_map(|chunk| chunk * CHUNK_DOCS - 700)];
        let docs = prop_oneof![4 => 1..300_u32, 1 => 60_000..140_000_u32];
        let step = prop_oneof![2 => Just(1_u32), 2 => 2..20_u32, 1 => 20..70_000_u32];
        vec((start, docs, step), 1..6)
    }

    fn docs_of(stretches: &[(u32, u32, u32)]) -> Vec<u32> {
        let mut docs: Vec<u32> = Vec::new();
        for &(start, count, step) in stretches {
            // Every step is a little uneven, unless it is 1.
            let uneven =
                |number: u32| if step > 1 { number.wrapping_mul(2_654_435_761) >> 16 & 1 } else { 0 };
            let numbers = (0..count).map(|number| {
                u64::from(start) + u64::from(number) * u64::from(step) + u64::from(uneven(number))
            });
            docs.extend(numbers.take_while(|doc| *doc < u64::from(DOCS)).map(|doc| doc as u32));
        }
        docs.sort_unstable();
        docs.dedup();
        docs
    }

    fn check(docs: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(docs, &mut bytes);
        let count = docs.len() as u64;
        let end = docs.last().map_or(0, |last| last + 1);
        for limit in [end, DOCS] {
            let mut found = Vec::new();
            append(&bytes, count, limit, &mut found).unwrap();
            assert!(found == docs, "appended");
            let set = bitmap(&bytes, count, limit).unwrap();
            assert!(set.iter().eq(docs.iter().copied()), "a set");
            for marks in [0..limit, 0..1, 60_000..131_072, end / 3..end / 2, end - 1..limit] {
                let wanted = docs.iter().copied().filter(|doc| marks.contains(doc));
                let (mut all, mut thirds) = (Bits::none(limit), Bits::none(limit));
                all.insert_range(marks.clone());
                marks.clone().step_by(3).for_each(|doc| thirds.insert(doc));
                let among = wanted.clone().filter(|doc| (doc - marks.start).is_multiple_of(3)).count();
                let (all, thirds) = (Marked::new(all), Marked::new(thirds));
                assert_eq!(count_marked(&bytes, count, &thirds), Ok(among as u64), "{marks:?}");
                assert_eq!(count_marked(&bytes, count, &all), Ok(wanted.clone().count() as u64), "{marks:?}");
                if let Some(last) = marks.clone().next_back() {
                    let mut within = Vec::new();
                    append_within(&bytes, count, limit, &(marks.start..=last), &mut within).unwrap();
                    assert!(wanted.eq(within), "{marks:?}");
                }
            }
        }
        assert!(append(&bytes, count, end - 1, &mut Vec::new()).is_err(), "one doc is not there");
        assert!(bitmap(&bytes, count, end - 1).is_err(), "one doc is not there");
        for other in [count - 1, count + 1] {
            assert!(append(&bytes, other, DOCS, &mut Vec::new()).is_err(), "another number of docs");
            assert!(bitmap(&bytes, other, DOCS).is_err(), "another number of docs");
        }
        bytes
    }

    /// The kinds of the chunks.
    fn kinds(bytes: &[u8], count: u64) -> Vec<&'static str> {
        let kind = |chunk: &Chunk<'_>| match chunk.body {
            Body::Distances { .. } => "distances",
            Body::Bitmap(_) => "bitmap",
            Body::Runs(_) => "runs",
        };
        chunks(bytes, count, DOCS).unwrap().iter().map(kind).collect()
    }

    fn every(docs: Range<u32>, step: usize) -> Vec<u32> {
        docs.step_by(step).collect()
    }

    #[test]
    fn the_kind_is_the_one_that_fits() {
        let kinds_of = |docs: &[u32]| kinds(&check(docs), docs.len() as u64);
        assert_eq!(kinds_of(&every(0..300, 1)), ["runs"]);
        assert_eq!(kinds_of(&every(0..DOCS, 1)), ["runs"; 64]);
        assert_eq!(kinds_of(&every(65_535..65_537, 1)), ["distances"; 2], "one doc each");
        assert_eq!(kinds_of(&every(0..65_536, 3)), ["bitmap"]);
        assert_eq!(kinds_of(&every(0..65_536, 8)), ["bitmap"], "as dense as a bitmap must be");
        assert_eq!(kinds_of(&every(0..65_529, 8)), ["bitmap"]);
        assert_eq!(kinds_of(&every(0..65_528, 8)), ["distances"], "more than Roaring has in a list");
        assert_eq!(kinds_of(&every(0..65_536, 16)), ["distances"], "as many as in a list");
        assert_eq!(kinds_of(&every(0..DOCS, 70_000)), vec!["distances"; DOCS as usize / 70_000 + 1]);
    }

    #[test]
    fn distances_are_smaller_than_lists() {
        for step in [9, 30, 200, 1_000] {
            let docs = every(0..65_536, step);
            let mut bytes = Vec::new();
            write(&docs, &mut bytes);
            assert!(
                bytes.len() * 4 < docs.len() * 2 * 3,
                "{step}: {} bytes for {} docs",
                bytes.len(),
                docs.len()
            );
        }
    }

    #[test]
    fn damage_is_told() {
        let docs = [every(0..65_536, 2), every(65_536..66_000, 1), every(70_000..100_000, 50)].concat();
        let mut bytes = Vec::new();
        write(&docs, &mut bytes);
        let fails = |bytes: &[u8]| {
            let count = docs.len() as u64;
            append(bytes, count, DOCS, &mut Vec::new()).is_err() && bitmap(bytes, count, DOCS).is_err()
        };
        assert!(!fails(&bytes));
        for length in 0..bytes.len() {
            assert!(fails(&bytes[..length]), "cut at {length}");
        }
        let change = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            fails(&bytes)
        };
        assert!(change(0, 200), "a chunk that is not there");
        assert!(change(1, 99), "a kind that is not there");
        assert!(change(1, KIND_RUNS), "a bitmap as runs");
        assert!(change(2, 0), "another number of docs");
        assert!(change(6, 0), "a bitmap that has less");
        let mut more = bytes;
        more.push(0);
        assert!(fails(&more), "something behind the last chunk");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn docs_come_back(stretches in stretches()) {
            check(&docs_of(&stretches));
        }

        #[test]
        fn both_ways_of_reading_agree(stretches in stretches(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
            let docs = docs_of(&stretches);
            let mut bytes = Vec::new();
            write(&docs, &mut bytes);
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let count = docs.len() as u64;
            let mut found = Vec::new();
            let appended = append(&bytes, count, DOCS, &mut found);
            let set = bitmap(&bytes, count, DOCS);
            prop_assert_eq!(appended.is_ok(), set.is_ok());
            if let Ok(set) = set {
                prop_assert!(set.iter().eq(found.iter().copied()));
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, count in 1_u64..600, docs: u32) {
            let _ = append(&bytes, count, docs, &mut Vec::new());
            let _ = bitmap(&bytes, count, docs);
            let docs = docs % DOCS;
            let mut marks = Bits::none(docs);
            marks.insert_range(docs / 4..docs / 2);
            let _ = count_marked(&bytes, count, &Marked::new(marks));
            let _ = append_within(&bytes, count, docs, &(docs / 4..=docs), &mut Vec::new());
        }
    }
}
