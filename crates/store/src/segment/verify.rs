//! Checking a whole segment: every page, every order, every index against what it is an index of.

use annals_model::{Event, Position};
use hashbrown::HashMap;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Segment,
    bits::Bad,
    block::{Codes, SINGLE},
    decoder::Decoder,
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    file::Section,
    word_index::WholeWordIndex,
    words::word_hashes,
};
use crate::Damage;

/// What the postings of a field, or the columns of the blocks, add up to: how many (doc, code) pairs, and the sum of
/// their hashes, which does not depend on the order they come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    pairs: u64,
    hashes: u64,
}

impl Sum {
    fn add(&mut self, doc: u32, code: u32) {
        self.pairs += 1;
        let pair = u64::from(doc) << 32 | u64::from(code);
        self.hashes = self.hashes.wrapping_add(xxh3_64(&pair.to_le_bytes()));
    }
}

impl Segment {
    /// Checks everything: all checksums, the orders of docs and terms, postings against events, ids against their
    /// table, words against their index.
    pub(crate) fn verify(&self) -> Result<(), Damage> {
        self.file.damaged_pages().next().map_or(Ok(()), Err)?;
        self.verify_order()?;
        let columns = self.verify_events()?;
        for index in 0..FIXED_FIELDS as u32 + self.labels() {
            self.verify_field(index, columns.get(&index).copied().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Every page that does not fit its checksum.
    pub(crate) fn damaged_pages(&self) -> Vec<Damage> {
        self.file.damaged_pages().collect()
    }

    /// Every doc's id.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Result<Uuid, Damage>> + '_ {
        (0..self.docs).map(|doc| self.id(doc))
    }

    fn wrong(&self, section: Section, reason: &'static str) -> Damage {
        self.bad(section, 0, Bad(reason))
    }

    fn verify_order(&self) -> Result<(), Damage> {
        let mut ranges = vec![self.absent_range()?];
        for code in 0..self.organizations() {
            ranges.push(self.organization_range(code)?);
        }
        for range in ranges {
            let mut last: Option<Position> = None;
            for doc in range {
                let position = self.position(doc)?;
                if last.is_some_and(|last| last >= position) {
                    return Err(
                        self.wrong(Section::Positions, "docs of an organization are not in time order")
                    );
                }
                last = Some(position);
            }
        }
        let mut last: Option<Position> = None;
        let (mut seq_first, mut seq_last) = (u64::MAX, 0);
        for rank in 0..self.docs {
            // Strictly rising positions also mean that no doc comes twice.
            let position = self.position(self.doc_at(rank)?)?;
            if last.is_some_and(|last| last >= position) || (rank == 0 && position != self.meta.first) {
                return Err(self.wrong(Section::TimeOrder, "docs are not in time order"));
            }
            seq_first = seq_first.min(position.seq);
            seq_last = seq_last.max(position.seq);
            last = Some(position);
        }
        if last != Some(self.meta.last) || (seq_first, seq_last) != (self.meta.seq_first, self.meta.seq_last)
        {
            return Err(self.wrong(Section::Positions, "the footer tells other positions"));
        }
        Ok(())
    }

    /// Reads every event; gives the sums of every field's codes.
    fn verify_events(&self) -> Result<HashMap<u32, Sum>, Damage> {
        let mut sums: HashMap<u32, Sum> = HashMap::new();
        let mut decoder = Decoder::alone(self);
        let mut codes = Codes::default();
        let index = if self.has_word_filters() { None } else { Some(self.whole_word_index()?) };
        for doc in 0..self.docs {
            let block = decoder.block_of(doc)?;
            let within = block.index_of(doc);
            block.codes(within, &mut codes).map_err(|bad| self.bad(Section::Blocks, 0, bad))?;
            for (field, code) in SINGLE.iter().zip(codes.single) {
                if let Some(code) = code.checked_sub(1) {
                    sums.entry(*field as u32).or_default().add(doc, code);
                }
            }
            codes.categories.sort_unstable();
            codes.categories.dedup();
            for code in &codes.categories {
                sums.entry(CATEGORY as u32).or_default().add(doc, *code);
            }
            for (label, code) in &codes.labels {
                sums.entry((FIXED_FIELDS as u32).saturating_add(*label)).or_default().add(doc, *code);
            }
            if let Some(code) = self.organization_of(doc)? {
                sums.entry(ORGANIZATION as u32).or_default().add(doc, code);
            }
            let event = decoder.event(doc)?;
            if !self.any_doc_of_id(event.id, |found| Ok(found == doc))? {
                return Err(self.wrong(Section::IdTable, "an id is not in the table"));
            }
            self.verify_words(doc, &event, index.as_ref())?;
        }
        Ok(sums)
    }

    fn verify_words(&self, doc: u32, event: &Event, index: Option<&WholeWordIndex>) -> Result<(), Damage> {
        let mut hashes = Vec::new();
        let mut buffer = String::new();
        event.visit_texts(|text| word_hashes(text, &mut buffer, |hash| hashes.push(hash)));
        let block = self.block_of(doc)?;
        let is_there = match index {
            None => self.block_may_have(block, &hashes)?,
            Some(index) => hashes.iter().all(|hash| index.has(block, *hash)),
        };
        if is_there {
            Ok(())
        } else {
            Err(self.wrong(Section::Words, "a word of an event is not said to be in its block"))
        }
    }

    fn verify_field(&self, index: u32, columns: Sum) -> Result<(), Damage> {
        let dictionary = self.dictionary(index)?;
        let mut last: Option<Vec<u8>> = None;
        let mut terms = dictionary.walk();
        let mut postings = Sum::default();
        let mut docs = Vec::new();
        let mut present = roaring::RoaringBitmap::new();
        while let Some(code) = terms.advance()? {
            if last.as_deref().is_some_and(|last| last >= terms.term()) {
                return Err(self.wrong(Section::Terms, "terms are not in order"));
            }
            terms.text()?;
            last = Some(terms.term().to_vec());
            docs.clear();
            if index as usize == ORGANIZATION {
                docs.extend(self.organization_range(code)?);
            } else {
                dictionary.append_docs(code, &mut docs)?;
            }
            docs.iter().for_each(|doc| postings.add(*doc, code));
            present.extend(docs.iter());
        }
        if postings != columns {
            return Err(self.wrong(Section::Terms, "postings and events disagree"));
        }
        let stored = dictionary.present()?;
        let is_same = stored.len() == present.len() && stored.count_among(&present) == present.len();
        if !is_same || present.len() != u64::from(dictionary.record.present) {
            return Err(self.wrong(Section::Terms, "a field is present elsewhere than its terms are"));
        }
        Ok(())
    }
}
