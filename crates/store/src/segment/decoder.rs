//! Reading events: the blocks and terms that one query or one merge used last, and what all queries share of them:
//! blocks that were decompressed, and events that were written as JSON for a page.

use std::sync::{Arc, LazyLock};

use annals_model::{Event, EventRef, Position};
use hashbrown::HashMap;

use super::{
    Segment,
    block::Block,
    cache::{Cache, OfSegment},
    read::TextBuffers,
};
use crate::Damage;

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
    /// By their first docs.
    blocks: Vec<OpenBlock>,
    bytes: usize,
    /// Counts how often a block was asked for.
    clock: u64,
    pub(super) terms: TermCache<'s>,
    texts: TextBuffers,
}

/// A block that one query or one merge keeps for itself.
struct OpenBlock {
    first: u32,
    /// When it was used last.
    used: u64,
    block: Arc<Block>,
}

/// The texts of codes, as far as one query or one merge asked for them.
pub(super) struct TermCache<'s> {
    segment: &'s Segment,
    /// By field and code, for fields with many terms.
    texts: HashMap<u64, Arc<str>>,
    buffer: Vec<u8>,
}

impl<'s> TermCache<'s> {
    fn new(segment: &'s Segment) -> Self {
        Self { segment, texts: HashMap::new(), buffer: Vec::new() }
    }

    /// Appends the text of a code of a field.
    pub(super) fn push(&mut self, field: u32, code: u32, out: &mut String) -> Result<(), Damage> {
        if let Some(text) = self.segment.small_terms.term(self.segment, field, code)? {
            out.push_str(text);
            return Ok(());
        }
        self.segment.dictionary(field)?.push_text(code, &mut self.buffer, out)
    }

    /// The text of a code of a field, which is kept.
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
        let texts = TextBuffers::default();
        Self { segment, is_shared: true, blocks: Vec::new(), bytes: 0, clock: 0, terms, texts }
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
        self.open(doc).map(|at| Arc::clone(&self.blocks[at].block))
    }

    /// The place among the blocks it keeps of the one a doc lies in.
    fn open(&mut self, doc: u32) -> Result<usize, Damage> {
        self.clock += 1;
        let behind = self.blocks.partition_point(|open| open.first <= doc);
        if let Some(at) = behind.checked_sub(1)
            && self.blocks[at].block.holds(doc)
        {
            self.blocks[at].used = self.clock;
            return Ok(at);
        }
        let block = self.read_block(self.segment.block_of(doc)?)?;
        self.bytes += block.bytes();
        while self.bytes > OWN_BLOCKS_BYTES_MAX {
            let oldest = self.blocks.iter().enumerate().min_by_key(|(_, open)| open.used);
            let Some(at) = oldest.map(|(at, _)| at) else { break };
            self.bytes -= self.blocks.remove(at).block.bytes();
        }
        let open = OpenBlock { first: block.first(), used: self.clock, block };
        let at = self.blocks.partition_point(|other| other.first < open.first);
        self.blocks.insert(at, open);
        Ok(at)
    }

    /// Shows one event to `visit`.
    pub(super) fn visit<R>(&mut self, doc: u32, visit: impl FnOnce(&EventRef<'_>) -> R) -> Result<R, Damage> {
        let position = self.segment.position(doc)?;
        self.visit_at(doc, position, visit)
    }

    /// The same of an event whose place in the total order is known.
    fn visit_at<R>(
        &mut self,
        doc: u32,
        position: Position,
        visit: impl FnOnce(&EventRef<'_>) -> R,
    ) -> Result<R, Damage> {
        let at = self.open(doc)?;
        let block = &self.blocks[at].block;
        self.segment.read_event(block, (doc, position), &mut self.terms, &mut self.texts, visit)
    }

    /// Makes one event.
    pub(super) fn event(&mut self, doc: u32) -> Result<Event, Damage> {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method is of one lifetime, the closure of any"
        )]
        self.visit(doc, |event| event.to_event())
    }

    /// Appends one event, which stands at this place in the total order, as JSON.
    pub(super) fn write_json(
        &mut self,
        doc: u32,
        position: Position,
        out: &mut Vec<u8>,
    ) -> Result<(), Damage> {
        self.visit_at(doc, position, |event| event.write_json(out))
    }

    /// The same, out of what is kept of events in JSON or for that.
    pub(super) fn write_kept_json(
        &mut self,
        doc: u32,
        position: Position,
        out: &mut Vec<u8>,
    ) -> Result<(), Damage> {
        let place = Place { segment: self.segment.number, number: doc };
        if let Some(json) = RENDERED.get(&place) {
            out.extend_from_slice(&json);
            return Ok(());
        }
        let start = out.len();
        self.write_json(doc, position, out)?;
        let json: Arc<[u8]> = out.get(start..).unwrap_or_default().into();
        let bytes = json.len();
        RENDERED.put(place, json, bytes);
        Ok(())
    }
}
