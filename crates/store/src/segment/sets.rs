//! Sets of docs: what a condition is asked about and what it finds; and the sets that are remembered because they are
//! asked for again and again: the docs of a frequent term, and those of a condition with many parts, such as the
//! vocabulary that a dialect adds to every request.

use std::{
    ops::{Deref, Range, RangeInclusive},
    sync::{Arc, LazyLock, OnceLock},
};

use annals_model::{Filter, limits::SHORT_TEXT_BYTES_MAX};
use hashbrown::Equivalent;
use roaring::RoaringBitmap;

use super::{
    Segment,
    cache::{Cache, OfSegment},
    select::Found,
};
use crate::{Damage, bits::Bits};

/// Bytes of sets that the process remembers.
pub(crate) const SETS_BYTES_MAX: usize = 64 << 20;
/// Of these, bytes of the sets that conditions with many parts select.
const CONDITIONS_BYTES_MAX: usize = SETS_BYTES_MAX / 4;
/// Values of a condition from which on it is worth remembering.
const VALUES_MIN: usize = 4;
/// A condition that is asked about fewer than one doc in so many is evaluated for those alone …
const NARROW_SHARE: u64 = 4;
/// … until it was asked so often.
const ASKED_MIN: u32 = 3;
/// Of docs that lie within one part of a segment in so many, only the docs of a term that lie there, too, are read.
const NARROW_RANGE_SHARE: u64 = 8;
/// Places of the total order between two counts of a set's order.
const SAMPLE_RANKS: u32 = 256;
/// A set of less than one doc in so many is put in order by sorting it, a denser one by walking the total order.
const SORTED_SET_SHARE: u64 = 16;
/// A set so small that putting it in order costs less than walking past the docs between those of a page.
const SORTED_PAGE_DOCS: u64 = 50;

/// A set of docs of one segment, and its order once somebody needed it.
#[derive(Debug, Default)]
pub(super) struct DocSet {
    bitmap: RoaringBitmap,
    order: OnceLock<SetOrder>,
}

/// How the docs of a set are found by their place among them in the total order of the segment.
#[derive(Debug)]
enum SetOrder {
    /// All of them, in the total order.
    List(Box<[u32]>),
    /// How many lie before every [`SAMPLE_RANKS`]th place of the total order.
    Samples(Box<[u32]>),
}

impl Deref for DocSet {
    type Target = RoaringBitmap;

    fn deref(&self) -> &RoaringBitmap {
        &self.bitmap
    }
}

impl From<RoaringBitmap> for DocSet {
    fn from(bitmap: RoaringBitmap) -> Self {
        Self { bitmap, order: OnceLock::new() }
    }
}

impl DocSet {
    /// The docs in the total order, made once.
    fn order(&self, segment: &Segment) -> Result<&SetOrder, Damage> {
        if let Some(order) = self.order.get() {
            return Ok(order);
        }
        let order = if self.is_sparse(segment) {
            let mut docs = Vec::with_capacity(self.len() as usize);
            for doc in &self.bitmap {
                docs.push((segment.position(doc)?, doc));
            }
            docs.sort_unstable();
            SetOrder::List(docs.into_iter().map(|(_, doc)| doc).collect())
        } else {
            // Looked into very often.
            let mut bits = Bits::none(segment.docs);
            self.bitmap.iter().for_each(|doc| bits.insert(doc));
            let mut samples = Vec::with_capacity((segment.docs / SAMPLE_RANKS) as usize + 1);
            let mut count = 0;
            for start in (0..segment.docs).step_by(SAMPLE_RANKS as usize) {
                samples.push(count);
                segment.each_doc_at(start..segment.docs.min(start + SAMPLE_RANKS), |doc| {
                    count += u32::from(bits.contains(doc));
                })?;
            }
            SetOrder::Samples(samples.into())
        };
        Ok(self.order.get_or_init(|| order))
    }

    /// The doc with this index among those of the set, in the total order.
    pub(super) fn select_in_order(&self, segment: &Segment, index: u32) -> Result<Option<u32>, Damage> {
        let samples = match self.order(segment)? {
            SetOrder::List(docs) => return Ok(docs.get(index as usize).copied()),
            SetOrder::Samples(samples) => samples,
        };
        let sample = samples.partition_point(|count| *count <= index).saturating_sub(1);
        let mut left = index - samples.get(sample).copied().unwrap_or(0);
        let start = sample as u32 * SAMPLE_RANKS;
        let mut found = None;
        segment.each_doc_at(start..segment.docs.min(start + SAMPLE_RANKS), |doc| {
            if found.is_none() && self.bitmap.contains(doc) {
                if left == 0 {
                    found = Some(doc);
                }
                left = left.saturating_sub(1);
            }
        })?;
        Ok(found)
    }

    /// How many of the set lie before this place of the total order.
    pub(super) fn count_before_rank(&self, segment: &Segment, rank: u32) -> Result<u64, Damage> {
        if rank >= segment.docs {
            return Ok(self.len());
        }
        match self.order(segment)? {
            SetOrder::List(docs) => {
                let place = segment.position(segment.doc_at(rank)?)?;
                let (mut low, mut high) = (0, docs.len());
                while low < high {
                    let middle = low.midpoint(high);
                    if segment.position(docs[middle])? < place {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                Ok(low as u64)
            }
            SetOrder::Samples(samples) => {
                let sample = rank / SAMPLE_RANKS;
                let mut count = u64::from(samples.get(sample as usize).copied().unwrap_or(0));
                segment.each_doc_at(sample * SAMPLE_RANKS..rank, |doc| {
                    count += u64::from(self.bitmap.contains(doc));
                })?;
                Ok(count)
            }
        }
    }

    /// Whether its docs are few enough to be put in order one by one.
    fn is_sparse(&self, segment: &Segment) -> bool {
        self.len() * SORTED_SET_SHARE < u64::from(segment.docs)
    }

    /// The docs in the total order, when they are few and nobody has to walk past many to find the next one.
    pub(super) fn as_list(&self, segment: &Segment) -> Result<Option<&[u32]>, Damage> {
        let is_short = self.len() * self.len() < SORTED_PAGE_DOCS * u64::from(segment.docs);
        if !self.is_sparse(segment) || (self.order.get().is_none() && !is_short) {
            return Ok(None);
        }
        Ok(match self.order(segment)? {
            SetOrder::List(docs) => Some(docs),
            SetOrder::Samples(_) => None,
        })
    }

    /// The doc at this index of the list that [`Self::as_list`] gave.
    pub(super) fn listed(&self, index: Option<usize>) -> Option<u32> {
        match self.order.get()? {
            SetOrder::List(docs) => docs.get(index?).copied(),
            SetOrder::Samples(_) => None,
        }
    }

    /// Bytes it takes in memory, its order included.
    fn bytes(&self, segment: &Segment) -> usize {
        let order = if self.is_sparse(segment) { self.len() } else { u64::from(segment.docs / SAMPLE_RANKS) };
        self.bitmap.serialized_size() + 4 * order as usize
    }
}

/// Docs of a segment; all of them need no set.
#[derive(Debug, Clone)]
pub(super) enum Docs {
    /// Every one of so many.
    All(u32),
    Set(Arc<DocSet>),
}

impl Docs {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::All(docs) => u64::from(*docs),
            Self::Set(set) => set.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of a set among these.
    pub(super) fn among(&self, set: RoaringBitmap) -> Self {
        match self {
            Self::All(docs) if set.len() == u64::from(*docs) => self.clone(),
            Self::All(_) => Self::Set(Arc::new(set.into())),
            Self::Set(these) => these.narrowed(set & &these.bitmap),
        }
    }

    /// Those that are in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All(_), other) => other.clone(),
            (these, Self::All(_)) => these.clone(),
            (Self::Set(these), Self::Set(those)) => these.narrowed(&these.bitmap & &those.bitmap),
        }
    }

    /// Those that are not in the other.
    pub(super) fn minus(&self, other: &Self) -> Self {
        match (self, other) {
            (_, Self::All(_)) => Self::Set(Arc::default()),
            (Self::All(docs), Self::Set(those)) => {
                let mut set = RoaringBitmap::new();
                set.insert_range(0..*docs);
                self.among(set - &those.bitmap)
            }
            (Self::Set(these), Self::Set(those)) => these.narrowed(&these.bitmap - &those.bitmap),
        }
    }

    /// How many are in both.
    pub(super) fn count_and(&self, other: &Self) -> u64 {
        match (self, other) {
            (Self::All(_), docs) | (docs, Self::All(_)) => docs.len(),
            (Self::Set(these), Self::Set(those)) => these.bitmap.intersection_len(&those.bitmap),
        }
    }

    /// How many of a set are among these.
    pub(super) fn count_among(&self, set: &RoaringBitmap) -> u64 {
        match self {
            Self::All(docs) => set.range_cardinality(..docs),
            Self::Set(these) => these.bitmap.intersection_len(set),
        }
    }

    pub(super) fn contains(&self, doc: u32) -> bool {
        match self {
            Self::All(docs) => doc < *docs,
            Self::Set(set) => set.bitmap.contains(doc),
        }
    }

    /// Where they lie, when that is a small part of the segment.
    pub(super) fn narrow_range(&self, docs: u32) -> Option<RangeInclusive<u32>> {
        let Self::Set(set) = self else { return None };
        let range = set.min()?..=set.max()?;
        let length = u64::from(range.end() - range.start()) + 1;
        (length * NARROW_RANGE_SHARE < u64::from(docs)).then_some(range)
    }

    /// The first of them from a doc on.
    pub(super) fn next_from(&self, doc: u32) -> Option<u32> {
        match self {
            Self::All(docs) => Some(doc).filter(|doc| doc < docs),
            Self::Set(set) => set.range(doc..).next(),
        }
    }

    /// Adds those of them that lie in a range to a set.
    pub(super) fn add_range_to(&self, docs: Range<u32>, out: &mut RoaringBitmap) {
        match self {
            Self::All(all) => {
                out.insert_range(docs.start..docs.end.min(*all));
            }
            Self::Set(set) => out.extend(set.range(docs)),
        }
    }
}

impl DocSet {
    /// What is left of this set; itself, with all it knows, where that is everything.
    fn narrowed(self: &Arc<Self>, left: RoaringBitmap) -> Docs {
        if left.len() == self.len() { Docs::Set(Arc::clone(self)) } else { Docs::Set(Arc::new(left.into())) }
    }
}

/// A term of a segment.
#[derive(Hash, PartialEq, Eq)]
struct TermKey {
    segment: u64,
    field: u32,
    code: u32,
}

impl OfSegment for TermKey {
    fn segment(&self) -> u64 {
        self.segment
    }
}

/// A condition and the segment it is asked of.
#[derive(Hash, PartialEq, Eq)]
struct ConditionKey {
    segment: u64,
    condition: Filter,
}

impl OfSegment for ConditionKey {
    fn segment(&self) -> u64 {
        self.segment
    }
}

/// The same without a copy of the condition; its hash is equal because its fields are.
#[derive(Hash)]
struct ConditionAsked<'f> {
    segment: u64,
    condition: &'f Filter,
}

impl Equivalent<ConditionKey> for ConditionAsked<'_> {
    fn equivalent(&self, key: &ConditionKey) -> bool {
        self.segment == key.segment && *self.condition == key.condition
    }
}

/// What is remembered of a condition.
#[derive(Clone)]
enum Remembered {
    /// How often it was asked about few docs.
    Asked(u32),
    Docs(Docs),
}

static TERMS: LazyLock<Cache<TermKey, Arc<DocSet>>> =
    LazyLock::new(|| Cache::new(SETS_BYTES_MAX - CONDITIONS_BYTES_MAX));
static CONDITIONS: LazyLock<Cache<ConditionKey, Remembered>> =
    LazyLock::new(|| Cache::new(CONDITIONS_BYTES_MAX));

/// The docs of a term, remembered or made now.
pub(super) fn docs_of_term(
    segment: &Segment,
    field: u32,
    code: u32,
    make: impl FnOnce() -> Result<RoaringBitmap, Damage>,
) -> Result<Arc<DocSet>, Damage> {
    let key = TermKey { segment: segment.number, field, code };
    if let Some(docs) = TERMS.get(&key) {
        return Ok(docs);
    }
    let docs = Arc::new(DocSet::from(make()?));
    TERMS.put(key, Arc::clone(&docs), docs.bytes(segment));
    Ok(docs)
}

/// What a condition that the indexes decide finds among `within`: remembered, or evaluated by `evaluate`.
pub(super) fn found_by_condition(
    segment: &Segment,
    condition: &Filter,
    within: &Docs,
    evaluate: impl Fn(&Docs) -> Result<Found, Damage>,
) -> Result<Found, Damage> {
    if !is_worth_remembering(condition) {
        return evaluate(within);
    }
    let asked = ConditionAsked { segment: segment.number, condition };
    let times = match CONDITIONS.get(&asked) {
        Some(Remembered::Docs(docs)) => return Ok(Found::exactly(within.and(&docs))),
        Some(Remembered::Asked(times)) => times,
        None => 0,
    };
    let key = || ConditionKey { segment: segment.number, condition: condition.clone() };
    let own_bytes = memory_of(condition);
    if within.len() * NARROW_SHARE < u64::from(segment.docs) && times < ASKED_MIN {
        CONDITIONS.put(key(), Remembered::Asked(times + 1), own_bytes);
        return evaluate(within);
    }
    let Found { may: docs, must: None } = evaluate(&Docs::All(segment.docs))? else {
        // The indexes did not decide after all.
        return evaluate(within);
    };
    let set_bytes = match &docs {
        Docs::All(_) => 0,
        Docs::Set(set) => set.bytes(segment),
    };
    CONDITIONS.put(key(), Remembered::Docs(docs.clone()), own_bytes + set_bytes);
    Ok(Found::exactly(within.and(&docs)))
}

/// Whether evaluating a condition costs more than remembering it.
fn is_worth_remembering(condition: &Filter) -> bool {
    match condition {
        Filter::AnyOf(_, values) => values.len() >= VALUES_MIN,
        Filter::Or(_) | Filter::Not(_) | Filter::Range(..) | Filter::Prefix(..) | Filter::Value(..) => true,
        _ => false,
    }
}

/// Bytes that a condition itself takes in memory, about.
fn memory_of(condition: &Filter) -> usize {
    /// A node, a text's place, and what a set or a list has around them.
    const NODE_BYTES: usize = 96;
    NODE_BYTES
        + match condition {
            Filter::And(list) | Filter::Or(list) => list.iter().map(memory_of).sum(),
            Filter::Not(inner) => memory_of(inner),
            Filter::AnyOf(_, values) => values.iter().map(|value| NODE_BYTES + value.len()).sum(),
            Filter::Term(_, text) | Filter::Prefix(_, text) | Filter::Text(text) => text.len(),
            Filter::Range(_, bounds) => {
                [&bounds.lower, &bounds.upper].into_iter().flatten().map(|(text, _)| text.len()).sum()
            }
            // A criterion is no longer than the longest text of a field.
            Filter::Value(..) | Filter::At(..) => SHORT_TEXT_BYTES_MAX,
            _ => 0,
        }
}

/// Drops everything that is remembered of a segment.
pub(super) fn forget(segment: u64) {
    TERMS.forget(segment);
    CONDITIONS.forget(segment);
}
