//! Text search inside blocks. The index of words says which blocks may have all words; here a word is first looked for
//! in the texts of a block as they are stored, many bytes at a time, and in the terms of the events that are in
//! question. What this finds is still held against the condition: it may be true of more events, never of fewer.

use annals_model::{Filter, tokens};
use hashbrown::HashMap;

use super::{
    bits::{Bad, Parsed},
    block::{Block, SINGLE},
    decoder::Decoder,
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    file::Section,
    texts::refers_to_number,
};
use crate::{
    Damage,
    query::needle::{Needle, has_escapes},
};

/// Terms whose words one search remembers.
const TERMS_MAX: usize = 64 << 10;

/// A word that is looked for.
struct Word {
    needle: Needle,
    /// Whether it may be a part of a UUID or begin with one, which texts hold elsewhere.
    is_of_uuid: bool,
    /// Whether it may be a number, which texts hold elsewhere.
    is_number: bool,
}

impl Word {
    fn new(needle: Needle) -> Self {
        let bytes = needle.word.as_bytes();
        let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        Self {
            is_of_uuid: bytes.len() >= 4 && bytes.iter().take(4).all(is_hex),
            is_number: bytes.iter().all(u8::is_ascii_digit),
            needle,
        }
    }

    /// Whether a block's texts, in lower case, may have it where it cannot be seen.
    fn may_hide(&self, texts: &[u8], block: &Block) -> bool {
        (self.is_of_uuid && block.has_uuids())
            || (self.is_number && refers_to_number(texts))
            || self.needle.may_be_disguised(texts)
    }

    /// The docs of a block whose texts may have it, one bit for each; `texts` are those of the block in lower case.
    fn docs(&self, texts: &[u8], block: &Block) -> Parsed<u128> {
        let mut docs = 0;
        if self.may_hide(texts, block) {
            return Ok(u128::MAX);
        }
        if !self.needle.is_in(texts) {
            return Ok(0);
        }
        for index in 0..block.docs() {
            for place in block.text_places(index) {
                let text = texts.get(place?).unwrap_or_default();
                if self.needle.is_in(text) {
                    docs |= 1 << index;
                    break;
                }
            }
        }
        Ok(docs)
    }
}

/// The words that every match has, and what is known of blocks and terms.
pub(super) struct WordSearch {
    words: Vec<Word>,
    /// Per block its first doc, and for each word the docs whose texts may have it.
    blocks: HashMap<u32, (u32, Box<[u128]>)>,
    /// Which of the words a term of a field has.
    terms: HashMap<(u32, u32), u16>,
    buffer: String,
    texts: Vec<u8>,
}

impl WordSearch {
    /// The search that a condition contains; `None` when it asks for no words in any case.
    pub(super) fn of(condition: &Filter) -> Option<Self> {
        let words: Vec<Word> = Needle::all_of(condition).into_iter().map(Word::new).collect();
        (!words.is_empty()).then(|| Self {
            words,
            blocks: HashMap::new(),
            terms: HashMap::new(),
            buffer: String::new(),
            texts: Vec::new(),
        })
    }

    /// Whether a doc may have all the words.
    pub(super) fn finds(&mut self, decoder: &mut Decoder<'_>, doc: u32) -> Result<bool, Damage> {
        let number = decoder.segment.block_of(doc)?;
        if !self.blocks.contains_key(&number) {
            let found = self.read_block(decoder, doc)?;
            self.blocks.insert(number, found);
        }
        let Some((first, words)) = self.blocks.get(&number) else { return Ok(true) };
        let index = doc.wrapping_sub(*first);
        let mut missing = 0_u16;
        for (place, docs) in words.iter().enumerate() {
            if docs.checked_shr(index).is_none_or(|docs| docs & 1 == 0) {
                missing |= 1 << place;
            }
        }
        if missing == 0 { Ok(true) } else { self.terms_have(decoder, doc, missing) }
    }

    /// Looks through the texts of the block that a doc lies in.
    fn read_block(&mut self, decoder: &mut Decoder<'_>, doc: u32) -> Result<(u32, Box<[u128]>), Damage> {
        let block = decoder.block_of(doc)?;
        self.texts.clear();
        self.texts.extend_from_slice(block.stored_texts());
        self.texts.make_ascii_lowercase();
        let hides_all = block.has_texts_beside() || has_escapes(&self.texts);
        let docs = self
            .words
            .iter()
            .map(|word| if hides_all { Ok(u128::MAX) } else { word.docs(&self.texts, &block) });
        let docs: Parsed<_> = docs.collect();
        let docs = docs.map_err(|bad| decoder.segment.bad(Section::Blocks, 0, bad))?;
        Ok((block.first(), docs))
    }

    /// Whether the terms of a doc have all of these words.
    fn terms_have(&mut self, decoder: &mut Decoder<'_>, doc: u32, mut missing: u16) -> Result<bool, Damage> {
        let block = decoder.block_of(doc)?;
        let index = block.index_of(doc);
        let bad = |bad: Bad| decoder.segment.bad(Section::Blocks, 0, bad);
        let mut terms = Vec::with_capacity(32);
        for (column, field) in SINGLE.iter().enumerate() {
            if let Some(code) = block.single(column, index).map_err(bad)?.checked_sub(1) {
                terms.push((*field as u32, code));
            }
        }
        terms.extend(decoder.segment.organization_of(doc)?.map(|code| (ORGANIZATION as u32, code)));
        let (mut categories, mut labels) = (Vec::new(), Vec::new());
        block.categories(index, &mut categories).map_err(bad)?;
        terms.extend(categories.iter().map(|code| (CATEGORY as u32, *code)));
        block.labels(index, &mut labels).map_err(bad)?;
        terms
            .extend(labels.iter().map(|(label, code)| ((FIXED_FIELDS as u32).saturating_add(*label), *code)));
        for term in terms {
            missing &= !self.words_of(decoder, term)?;
            if missing == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Which of the words a term has. One with a backslash may mean another where JSON refers to it.
    fn words_of(&mut self, decoder: &mut Decoder<'_>, term: (u32, u32)) -> Result<u16, Damage> {
        if let Some(has) = self.terms.get(&term) {
            return Ok(*has);
        }
        let text = decoder.terms.term(term.0, term.1)?;
        let mut has = if text.contains('\\') { u16::MAX } else { 0 };
        tokens(&text, &mut self.buffer, |word| {
            if let Some(place) = self.words.iter().position(|wanted| wanted.needle.word == word) {
                has |= 1 << place;
            }
        });
        if self.terms.len() >= TERMS_MAX {
            self.terms.clear();
        }
        self.terms.insert(term, has);
        Ok(has)
    }
}
