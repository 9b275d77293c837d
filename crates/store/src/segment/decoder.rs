//! Making events: the blocks and terms that one query or one merge used last. Everything here belongs to one thread and
//! is thrown away with the query.

use std::rc::Rc;

use annals_model::Event;
use hashbrown::HashMap;

use super::{BLOCK_DOCS, Segment, block::Block};
use crate::Damage;

/// Bytes of decompressed blocks that one query keeps; one block is kept in any case.
const BLOCKS_BYTES_MAX: usize = 4 << 20;
/// Terms that one query keeps.
const TERMS_MAX: usize = 4096;

/// Makes events of a segment.
pub(super) struct Decoder<'s> {
    segment: &'s Segment,
    /// The last one used is the last.
    blocks: Vec<(u32, Rc<Block>)>,
    bytes: usize,
    terms: TermCache<'s>,
}

/// The texts of codes.
pub(super) struct TermCache<'s> {
    segment: &'s Segment,
    texts: HashMap<(u32, u32), String>,
}

impl TermCache<'_> {
    /// The text of a code of a field.
    pub(super) fn term(&mut self, field: u32, code: u32) -> Result<String, Damage> {
        if let Some(text) = self.texts.get(&(field, code)) {
            return Ok(text.clone());
        }
        let text = self.segment.dictionary(field)?.text(code)?;
        if self.texts.len() >= TERMS_MAX {
            self.texts.clear();
        }
        self.texts.insert((field, code), text.clone());
        Ok(text)
    }
}

impl<'s> Decoder<'s> {
    pub(super) fn new(segment: &'s Segment) -> Self {
        Self { segment, blocks: Vec::new(), bytes: 0, terms: TermCache { segment, texts: HashMap::new() } }
    }

    /// The block a doc lies in.
    pub(super) fn block_of(&mut self, doc: u32) -> Result<Rc<Block>, Damage> {
        let number = doc / BLOCK_DOCS as u32;
        if let Some(at) = self.blocks.iter().rposition(|(kept, _)| *kept == number) {
            if at + 1 < self.blocks.len() {
                let kept = self.blocks.remove(at);
                self.blocks.push(kept);
            }
        } else {
            let block = Rc::new(self.segment.block(number)?);
            self.bytes += block.bytes();
            self.blocks.push((number, block));
            while self.bytes > BLOCKS_BYTES_MAX && self.blocks.len() > 1 {
                let (_, oldest) = self.blocks.remove(0);
                self.bytes -= oldest.bytes();
            }
        }
        match self.blocks.last() {
            Some((_, block)) => Ok(Rc::clone(block)),
            None => self.segment.block(number).map(Rc::new),
        }
    }

    /// Makes one event.
    pub(super) fn event(&mut self, doc: u32) -> Result<Event, Damage> {
        let block = self.block_of(doc)?;
        self.segment.event(&block, doc, &mut self.terms)
    }
}
