//! Reading events: the blocks and terms that one query or one merge used last, and what all queries share of them:
//! blocks that were decompressed, and events that were written as JSON for a page.

use std::sync::{Arc, LazyLock};

use annals_model::{Event, EventRef};
use hashbrown::HashMap;

use super::{
    Segment,
    block::Block,
    cache::{Cache, OfSegment},
};
use crate::{Damage, query::part::Keep};

/// Bytes of decompressed blocks that one query keeps for itself; one block is kept in any case.
const OWN_BLOCKS_BYTES_MAX: usize = 4 << 20;
/// Bytes of decompressed blocks that the process keeps for all queries.
pub(crate) const BLOCKS_BYTES_MAX: usize = 24 << 20;
/// Bytes of events in JSON that the process keeps for all queries.
pub(crate) const RENDERED_BYTES_MAX: usize = 8 << 20;
/// Terms of fields with many that one query keeps.
const TERMS_MAX: usize = 16 << 10;
/// Terms of a field with more than so many are rarely met twice and not kept.
const KEPT_FIELD_TERMS: u32 = 256 << 10;

/// A block or a doc of a segment.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    segment: u64,
    number: u32,
}

impl OfSegment for Place {
    fn segment(&self) -> u64 {
        self.segment
    }
}

static BLOCKS: LazyLock<Cache<Place, Arc<Block>>> = LazyLock::new(|| Cache::new(BLOCKS_BYTES_MAX));
static RENDERED: LazyLock<Cache<Place, Arc<[u8]>>> = LazyLock::new(|| Cache::new(RENDERED_BYTES_MAX));

/// Drops everything that is kept of a segment.
pub(super) fn forget(segment: u64) {
    BLOCKS.forget(segment);
    RENDERED.forget(segment);
}

/// Makes events of a segment.
pub(super) struct Decoder<'s> {
    pub(super) segment: &'s Segment,
    /// Whether blocks are shared with other queries. What reads everything once would only drive others' out.
    is_shared: bool,
    /// The last one used is the last.
    blocks: Vec<(u32, Arc<Block>)>,
    bytes: usize,
    pub(super) terms: TermCache<'s>,
}

/// The texts of codes, as far as one query or one merge asked for them.
pub(super) struct TermCache<'s> {
    segment: &'s Segment,
    /// By field and code, for fields with many terms.
    texts: HashMap<u64, Arc<str>>,
}

impl<'s> TermCache<'s> {
    fn new(segment: &'s Segment) -> Self {
        Self { segment, texts: HashMap::new() }
    }

    /// The text of a code of a field with few terms; `None` of others.
    pub(super) fn small_term(&self, field: u32, code: u32) -> Result<Option<&'s str>, Damage> {
        self.segment.small_terms.term(self.segment, field, code)
    }

    /// The text of a code of a field.
    pub(super) fn term(&mut self, field: u32, code: u32) -> Result<Arc<str>, Damage> {
        let key = u64::from(field) << 32 | u64::from(code);
        if let Some(text) = self.texts.get(&key) {
            return Ok(Arc::clone(text));
        }
        let dictionary = self.segment.dictionary(field)?;
        let text: Arc<str> = dictionary.text(code)?.into();
        if dictionary.terms() > KEPT_FIELD_TERMS {
            return Ok(text);
        }
        if self.texts.len() >= TERMS_MAX {
            self.texts.clear();
        }
        self.texts.insert(key, Arc::clone(&text));
        Ok(text)
    }
}

impl<'s> Decoder<'s> {
    /// For a query.
    pub(super) fn new(segment: &'s Segment) -> Self {
        let terms = TermCache::new(segment);
        Self { segment, is_shared: true, blocks: Vec::new(), bytes: 0, terms }
    }

    /// For whatever reads a whole segment once.
    pub(super) fn alone(segment: &'s Segment) -> Self {
        Self { is_shared: false, ..Self::new(segment) }
    }

    fn read_block(&self, number: u32) -> Result<Arc<Block>, Damage> {
        if !self.is_shared {
            return self.segment.block(number).map(Arc::new);
        }
        let place = Place { segment: self.segment.number, number };
        if let Some(block) = BLOCKS.get(&place) {
            return Ok(block);
        }
        let block = Arc::new(self.segment.block(number)?);
        BLOCKS.put(place, Arc::clone(&block), block.bytes());
        Ok(block)
    }

    /// The block a doc lies in.
    pub(super) fn block_of(&mut self, doc: u32) -> Result<Arc<Block>, Damage> {
        if let Some(at) = self.blocks.iter().rposition(|(_, kept)| kept.holds(doc)) {
            let (_, block) = &self.blocks[at];
            let block = Arc::clone(block);
            if at + 1 < self.blocks.len() {
                let kept = self.blocks.remove(at);
                self.blocks.push(kept);
            }
            return Ok(block);
        }
        let number = self.segment.block_of(doc)?;
        let block = self.read_block(number)?;
        self.bytes += block.bytes();
        self.blocks.push((number, Arc::clone(&block)));
        while self.bytes > OWN_BLOCKS_BYTES_MAX && self.blocks.len() > 1 {
            let (_, oldest) = self.blocks.remove(0);
            self.bytes -= oldest.bytes();
        }
        Ok(block)
    }

    /// Shows one event to `visit`.
    pub(super) fn visit<R>(&mut self, doc: u32, visit: impl FnOnce(&EventRef<'_>) -> R) -> Result<R, Damage> {
        let block = self.block_of(doc)?;
        self.segment.read_event(&block, doc, &mut self.terms, visit)
    }

    /// Makes one event.
    pub(super) fn event(&mut self, doc: u32) -> Result<Event, Damage> {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method is of one lifetime, the closure of any"
        )]
        self.visit(doc, |event| event.to_event())
    }

    /// Appends one event as JSON.
    pub(super) fn write_json(&mut self, doc: u32, out: &mut Vec<u8>, keep: Keep) -> Result<(), Damage> {
        let place = Place { segment: self.segment.number, number: doc };
        if keep == Keep::Yes
            && let Some(json) = RENDERED.get(&place)
        {
            out.extend_from_slice(&json);
            return Ok(());
        }
        let start = out.len();
        self.visit(doc, |event| event.write_json(out))?;
        if keep == Keep::Yes {
            let json: Arc<[u8]> = out.get(start..).unwrap_or_default().into();
            let bytes = json.len();
            RENDERED.put(place, json, bytes);
        }
        Ok(())
    }
}
