//! What a part of the tail holds: encoded events in order of arrival, and indexes over them that only ever grow.
//!
//! An event is known by its number here, its place in order of arrival. Nothing that has a number ever changes, so a
//! reader who remembers how many there were sees a fixed set however much arrives later.

use std::{hash::BuildHasher, sync::LazyLock};

use annals_model::{Event, Field, Position, Timestamp};
use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use uuid::Uuid;

use super::{unreadable, values::Values};
use crate::{
    Damage,
    batch::slice,
    codec::{CodecError, View, identity_of},
    query::{follow::Stretch, part::Identity},
    segment::{self, Sealable},
};

/// Which part of what another one holds there is more room for.
const SPARE_PART: usize = 8;

/// What is known of an event without reading it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    id: Uuid,
    identity_hash: u64,
    chunk: u32,
    bounds: (u32, u32),
    /// [`View::says_more`].
    says_more: bool,
}

/// Encoded events that came together.
#[derive(Debug)]
struct Stored {
    bytes: Bytes,
    recorded: Timestamp,
}

/// An event for whoever reads it when nothing is locked any more.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) position: Position,
    recorded: Timestamp,
    chunk: Bytes,
    bounds: (u32, u32),
}

impl Kept {
    fn view(&self) -> Result<View<'_>, CodecError> {
        View::read(self.bytes())
    }

    /// Its bytes as they are stored.
    pub(super) fn bytes(&self) -> &[u8] {
        slice(&self.chunk, self.bounds)
    }

    pub(super) fn event(&self) -> Result<Event, CodecError> {
        Ok(self.view()?.to_event(self.position.seq, self.recorded))
    }

    /// Appends it as JSON.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.view()?.to_ref(self.position.seq, self.recorded).write_json(out);
        Ok(())
    }
}

/// What identities and values are hashed with; the same in every part, so that an identity is hashed once.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// The hash of an identity, for [`Arrival`] and [`Contents::holds`].
pub(crate) fn hash_of(identity: &Identity<'_>) -> u64 {
    HASHER.hash_one(identity)
}

/// An event that is about to come in: where its bytes lie in the chunk, its place in the log, and [`hash_of`] what it is
/// deduplicated by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) bounds: (u32, u32),
    pub(crate) seq: u64,
    pub(crate) identity_hash: u64,
}

#[derive(Debug)]
pub(crate) struct Contents {
    chunks: Vec<Stored>,
    entries: Vec<Entry>,
    /// The numbers in the total order (time, seq).
    order: Vec<u32>,
    /// By id alone.
    ids: HashTable<u32>,
    /// By identity.
    identities: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// One for each of [`Field::FIXED`]; empty for those that are not indexed.
    fixed: Vec<Values>,
    labels: HashMap<String, Values>,
    bytes: usize,
}

impl Contents {
    pub(crate) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            entries: Vec::new(),
            order: Vec::new(),
            ids: HashTable::new(),
            identities: HashTable::new(),
            hasher: HASHER.clone(),
            fixed: Field::FIXED.iter().map(|_| Values::default()).collect(),
            labels: HashMap::new(),
            bytes: 0,
        }
    }

    /// An empty one with room for about as much as another one holds.
    pub(crate) fn with_room_of(other: &Self) -> Self {
        let events = with_spare(other.entries.len());
        Self {
            chunks: Vec::with_capacity(with_spare(other.chunks.len())),
            entries: Vec::with_capacity(events),
            order: Vec::with_capacity(events),
            ids: HashTable::with_capacity(events),
            identities: HashTable::with_capacity(events),
            fixed: other.fixed.iter().map(Values::with_room_of).collect(),
            ..Self::new()
        }
    }

    /// How many events.
    pub(crate) fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Bytes of the encoded events.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps the bytes of a chunk; the number is what [`Self::insert`] wants.
    pub(crate) fn add_chunk(&mut self, bytes: Bytes, recorded: Timestamp) -> u32 {
        self.bytes += bytes.len();
        self.chunks.push(Stored { bytes, recorded });
        self.chunks.len() as u32 - 1
    }

    /// Adds events of a chunk that was added, each with what it says. The caller has made sure that they are new. They are
    /// not in [`Self::order`] before they are put there.
    pub(super) fn insert(&mut self, chunk: u32, arrivals: &[(Arrival, View<'_>)]) {
        let first = self.len();
        let Self { entries, hasher, ids, identities, fixed, labels, .. } = self;
        for (number, (arrival, view)) in (first..).zip(arrivals) {
            let Arrival { bounds, seq, identity_hash } = *arrival;
            let position = Position { time: view.time, seq };
            let says_more = view.says_more();
            entries.push(Entry { position, id: view.id, identity_hash, chunk, bounds, says_more });
            ids.insert_unique(hasher.hash_one(view.id), number, |&other| {
                hasher.hash_one(entries.get(other as usize).map(|entry| entry.id).unwrap_or_default())
            });
            identities.insert_unique(identity_hash, number, |&other| {
                entries.get(other as usize).map_or(0, |entry| entry.identity_hash)
            });
        }
        // Field by field: the values of one are then at hand for all of these events.
        for (field, values) in Field::FIXED.iter().zip(fixed).filter(|(field, _)| field.is_indexed()) {
            for (number, (_, view)) in (first..).zip(arrivals) {
                view.visit(field, |value| values.add(hasher, value, number));
            }
        }
        for (number, (_, view)) in (first..).zip(arrivals) {
            for &(key, value) in view.labels() {
                match labels.get_mut(key) {
                    Some(values) => values.add(hasher, value, number),
                    None => labels.entry_ref(key).or_default().add(hasher, value, number),
                }
            }
        }
    }

    /// Merges the numbers from `first_new` on into the order. Events mostly come in order of time, so mostly nothing
    /// has to move.
    pub(super) fn put_in_order(&mut self, first_new: u32) {
        let place = |number: u32| self.entries.get(number as usize).map(|entry| entry.position);
        let mut arrived: Vec<u32> = (first_new..self.len()).collect();
        arrived.sort_unstable_by_key(|&number| place(number));
        let Some(&earliest) = arrived.first() else { return };
        let keep = self.order.partition_point(|&number| place(number) < place(earliest));
        let displaced = self.order.split_off(keep);
        let (mut old, mut new) = (displaced.into_iter().peekable(), arrived.into_iter().peekable());
        loop {
            let next = match (old.peek(), new.peek()) {
                (Some(&one), Some(&two)) if place(one) < place(two) => old.next(),
                (_, Some(_)) => new.next(),
                (Some(_), None) => old.next(),
                (None, None) => break,
            };
            self.order.extend(next);
        }
    }

    pub(crate) fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number as usize)
    }

    pub(crate) fn position(&self, number: u32) -> Option<Position> {
        self.entry(number).map(|entry| entry.position)
    }

    /// The numbers below `length` of a stretch of the log: the first, and the one behind the last.
    pub(crate) fn numbers_within(&self, stretch: Stretch, length: u32) -> (u32, u32) {
        let known = self.entries.get(..length as usize).unwrap_or(&self.entries);
        let from = known.partition_point(|entry| entry.position.seq <= stretch.after);
        let to = known.partition_point(|entry| entry.position.seq <= stretch.through);
        (from as u32, to.max(from) as u32)
    }

    /// Every number that was put there, in the total order.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The event of that number, read but not copied.
    pub(crate) fn view(&self, number: u32) -> Result<View<'_>, CodecError> {
        let entry = self.entry(number).ok_or(CodecError::Short)?;
        View::read(bytes_of(&self.chunks, entry))
    }

    /// When the event of that number was taken.
    fn recorded(&self, number: u32) -> Result<Timestamp, CodecError> {
        let chunk = self.entry(number).and_then(|entry| self.chunks.get(entry.chunk as usize));
        chunk.map(|chunk| chunk.recorded).ok_or(CodecError::Short)
    }

    /// The event of that number, to be read later.
    pub(super) fn kept(&self, number: u32) -> Result<Kept, CodecError> {
        let entry = self.entry(number).ok_or(CodecError::Short)?;
        let chunk = self.chunks.get(entry.chunk as usize).ok_or(CodecError::Short)?;
        let (position, bounds) = (entry.position, entry.bounds);
        Ok(Kept { position, recorded: chunk.recorded, chunk: chunk.bytes.clone(), bounds })
    }

    /// The event of that number.
    pub(crate) fn event(&self, number: u32) -> Result<Event, CodecError> {
        self.kept(number)?.event()
    }

    /// Whether there is an event of this identity, whose hash is [`hash_of`] it.
    pub(crate) fn holds(&self, identity: &Identity<'_>, hash: u64) -> bool {
        let same = |&number: &u32| {
            self.entry(number).is_some_and(|entry| {
                entry.id == identity.id
                    && identity_of(bytes_of(&self.chunks, entry)).is_ok_and(|other| other == *identity)
            })
        };
        self.identities.find(hash, same).is_some()
    }

    /// The numbers of the events of that id.
    pub(crate) fn find(&self, id: Uuid) -> impl Iterator<Item = u32> {
        self.ids
            .iter_hash(self.hasher.hash_one(id))
            .copied()
            .filter(move |&number| self.entry(number).is_some_and(|entry| entry.id == id))
    }

    /// What values are hashed with.
    pub(crate) fn hasher(&self) -> &DefaultHashBuilder {
        &self.hasher
    }

    /// The values of an indexed field; `None` for a field that is not indexed. A label nobody has is no values.
    pub(crate) fn values(&self, field: &Field) -> Option<Option<&Values>> {
        if !field.is_indexed() {
            return None;
        }
        Some(match field {
            Field::Label(key) => self.labels.get(key.as_str()),
            fixed => fixed.number().and_then(|number| self.fixed.get(usize::from(number))),
        })
    }
}

impl Sealable for Contents {
    fn order(&self) -> &[u32] {
        &self.order
    }

    fn id(&self, number: u32) -> Option<Uuid> {
        self.entry(number).map(|entry| entry.id)
    }

    fn view(&self, number: u32) -> Result<(Option<View<'_>>, Position, Timestamp), Damage> {
        let entry = self.entry(number).ok_or(CodecError::Short).map_err(unreadable)?;
        let recorded = self.recorded(number).map_err(unreadable)?;
        let view = entry.says_more.then(|| Self::view(self, number)).transpose().map_err(unreadable)?;
        Ok((view, entry.position, recorded))
    }

    fn values(&self, field: usize) -> segment::Values<'_> {
        self.fixed.get(field).map(|values| values.iter().collect()).unwrap_or_default()
    }

    fn labels(&self) -> Vec<(&str, segment::Values<'_>)> {
        self.labels.iter().map(|(key, values)| (key.as_str(), values.iter().collect())).collect()
    }
}

/// Room for so many and some more: parts are of about the same size.
pub(super) const fn with_spare(count: usize) -> usize {
    count + count / SPARE_PART
}

fn bytes_of<'c>(chunks: &'c [Stored], entry: &Entry) -> &'c [u8] {
    chunks.get(entry.chunk as usize).map(|chunk| slice(&chunk.bytes, entry.bounds)).unwrap_or_default()
}
