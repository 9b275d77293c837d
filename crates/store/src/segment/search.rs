//! Text search inside blocks. Word filters say which blocks may have all words; here a block is read once, whatever
//! number of its events is in question, and each of its terms is cut into words once for all events that have it.
//! What this finds is still held against the condition: it may be true of more events, never of fewer.

use annals_model::{Filter, tokens, visit_json_text};
use hashbrown::HashMap;

use super::{
    bits::Bad,
    block::SINGLE,
    decoder::Decoder,
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    file::Section,
};
use crate::Damage;

/// Words that are looked for at the same time; what has these is held against the condition for the others.
const WORDS_MAX: usize = 64;
/// Terms whose words one search remembers.
const TERMS_MAX: usize = 64 << 10;

/// The words that every match has, and what is known of blocks and terms.
pub(super) struct WordSearch {
    words: Vec<String>,
    /// Per block its first doc, and one bit for each doc that has all words.
    blocks: HashMap<u32, (u32, u128)>,
    /// Which of the words a term of a field has.
    terms: HashMap<(u32, u32), u64>,
    buffer: String,
}

impl WordSearch {
    /// The search that a condition contains; `None` when it asks for no words in any case.
    pub(super) fn of(condition: &Filter) -> Option<Self> {
        let mut words = Vec::new();
        gather(condition, &mut words);
        words.truncate(WORDS_MAX);
        let (blocks, terms) = (HashMap::new(), HashMap::new());
        (!words.is_empty()).then_some(Self { words, blocks, terms, buffer: String::new() })
    }

    /// Whether a doc has all the words.
    pub(super) fn finds(&mut self, decoder: &mut Decoder<'_>, doc: u32) -> Result<bool, Damage> {
        let number = decoder.segment.block_of(doc)?;
        let (first, docs) = match self.blocks.get(&number) {
            Some(found) => *found,
            None => {
                let found = self.read_block(decoder, doc)?;
                self.blocks.insert(number, found);
                found
            }
        };
        Ok(docs.checked_shr(doc.wrapping_sub(first)).is_some_and(|docs| docs & 1 == 1))
    }

    /// Looks through the block that a doc lies in.
    fn read_block(&mut self, decoder: &mut Decoder<'_>, doc: u32) -> Result<(u32, u128), Damage> {
        let block = decoder.block_of(doc)?;
        let first = block.first();
        let bad = |bad: Bad| decoder.segment.bad(Section::Blocks, 0, bad);
        let all = u64::MAX >> (64 - self.words.len());
        let (mut found, mut terms) = (0_u128, Vec::new());
        let (mut categories, mut labels) = (Vec::new(), Vec::new());
        for index in 0..block.docs() {
            terms.clear();
            for (column, field) in SINGLE.iter().enumerate() {
                if let Some(code) = block.single(column, index).map_err(bad)?.checked_sub(1) {
                    terms.push((*field as u32, code));
                }
            }
            let doc = first + index as u32;
            terms.extend(decoder.segment.organization_of(doc)?.map(|code| (ORGANIZATION as u32, code)));
            categories.clear();
            block.categories(index, &mut categories).map_err(bad)?;
            terms.extend(categories.iter().map(|code| (CATEGORY as u32, *code)));
            labels.clear();
            block.labels(index, &mut labels).map_err(bad)?;
            terms.extend(
                labels.iter().map(|(label, code)| ((FIXED_FIELDS as u32).saturating_add(*label), *code)),
            );
            let mut has = 0;
            for term in &terms {
                has |= self.words_of(decoder, *term)?;
                if has == all {
                    break;
                }
            }
            if has != all && block.has_texts() {
                has |= self.words_of_texts(decoder, doc)?;
            }
            found |= u128::from(has == all) << index;
        }
        Ok((first, found))
    }

    /// Which of the words a term has.
    fn words_of(&mut self, decoder: &mut Decoder<'_>, term: (u32, u32)) -> Result<u64, Damage> {
        if let Some(has) = self.terms.get(&term) {
            return Ok(*has);
        }
        let text = decoder.terms.term(term.0, term.1)?;
        let mut has = 0;
        tokens(&text, &mut self.buffer, |word| has |= bit_of(&self.words, word));
        if self.terms.len() >= TERMS_MAX {
            self.terms.clear();
        }
        self.terms.insert(term, has);
        Ok(has)
    }

    /// Which of the words the texts that have no dictionary have.
    fn words_of_texts(&mut self, decoder: &mut Decoder<'_>, doc: u32) -> Result<u64, Damage> {
        let (words, buffer) = (&self.words, &mut self.buffer);
        decoder.visit(doc, |event| {
            let mut has = 0;
            let request = &event.request;
            let texts = [event.source_id, request.id, request.uri, request.user_agent, event.message];
            for text in texts.into_iter().flatten() {
                tokens(text, buffer, |word| has |= bit_of(words, word));
            }
            for json in [event.before, event.after, event.data].into_iter().flatten() {
                visit_json_text(json, |text| tokens(text, buffer, |word| has |= bit_of(words, word)));
            }
            has
        })
    }
}

fn bit_of(words: &[String], word: &str) -> u64 {
    words.iter().position(|wanted| wanted == word).map_or(0, |place| 1 << place)
}

/// The words that whatever satisfies a condition has.
fn gather(condition: &Filter, words: &mut Vec<String>) {
    match condition {
        Filter::And(list) => list.iter().for_each(|one| gather(one, words)),
        Filter::Text(text) | Filter::Phrase(text) => tokens(text, &mut String::new(), |word| {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }),
        _ => {}
    }
}
