//! A batch of events on its way into the log: encoded and compressed by whoever brings it, so that the one writer
//! thread only copies bytes. Also the way back, from a row of the log to events.
//!
//! `docs/formats/log.md` describes the layout.

use annals_model::{Event, Timestamp};
use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::codec::{CODEC_VERSION, CodecError, Input, View, encode, write_number};

/// Bytes of encoded events after which a new chunk begins.
const CHUNK_BYTES: usize = 1 << 20;
/// LZ4 cannot shrink more than this; a row that claims otherwise is not believed.
const LZ4_RATIO_MAX: usize = 255;

/// Events ready to be appended.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) chunks: Vec<Chunk>,
    /// The chunks as they go into a row.
    pub(crate) payload: Vec<u8>,
    events: usize,
    bytes: usize,
}

/// Encoded events and where each of them lies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    /// First byte and the one behind the last.
    pub(crate) bounds: Vec<(u32, u32)>,
}

/// Makes a batch of events one by one, so that they need not all be in memory.
#[derive(Debug, Default)]
pub struct BatchWriter {
    batch: Batch,
    /// The chunk that is open.
    bytes: Vec<u8>,
    bounds: Vec<(u32, u32)>,
}

impl BatchWriter {
    /// Takes the memory for so many events, and for so many bytes of them, at once.
    pub fn reserve(&mut self, events: usize, bytes: usize) {
        self.bounds.reserve(events);
        self.bytes.reserve(bytes.min(CHUNK_BYTES));
    }

    /// Encodes an event. Its `seq` and `recorded` do not matter: the store assigns them.
    pub fn push(&mut self, event: &Event) {
        let start = self.bytes.len();
        encode(event, &mut self.bytes);
        self.bounds.push((start as u32, self.bytes.len() as u32));
        if self.bytes.len() >= CHUNK_BYTES {
            self.end_chunk();
        }
    }

    fn end_chunk(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        // The chunk stays in memory for a while.
        bytes.shrink_to_fit();
        self.batch.push(bytes, std::mem::take(&mut self.bounds));
    }

    /// The batch of all events.
    pub fn finish(mut self) -> Batch {
        if !self.bounds.is_empty() {
            self.end_chunk();
        }
        self.batch
    }
}

impl Batch {
    /// Encodes and compresses on the caller's thread. The events' `seq` and `recorded` do not matter: the store
    /// assigns them.
    pub fn new(events: impl IntoIterator<Item = Event>) -> Self {
        let mut writer = BatchWriter::default();
        events.into_iter().for_each(|event| writer.push(&event));
        writer.finish()
    }

    fn push(&mut self, bytes: Vec<u8>, bounds: Vec<(u32, u32)>) {
        let compressed = lz4_flex::block::compress(&bytes);
        self.payload.push(CODEC_VERSION);
        write_number(bounds.len() as u64, &mut self.payload);
        for (start, end) in &bounds {
            write_number(u64::from(end - start), &mut self.payload);
        }
        write_number(compressed.len() as u64, &mut self.payload);
        self.payload.extend(compressed);
        self.events += bounds.len();
        self.bytes += bytes.len();
        self.chunks.push(Chunk { bytes: bytes.into(), bounds });
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.events
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Bytes of its events, encoded but not compressed.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// One row of the log: batches that were committed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The `seq` of its first event; the others follow one by one.
    pub(crate) first_seq: u64,
    /// How many events, those included that turn out to be duplicates.
    pub(crate) events: u64,
    /// When it was taken.
    pub(crate) recorded: Timestamp,
    /// Over everything else.
    pub(crate) checksum: u64,
    /// The chunks, one behind the other.
    pub(crate) payload: Vec<u8>,
}

/// Why a row cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowError {
    #[error("its checksum does not fit")]
    Checksum,
    #[error("version {0} is unknown, this program knows {CODEC_VERSION}")]
    Version(u8),
    #[error("a chunk cannot be decompressed")]
    Compression,
    #[error("a chunk cannot be read: {0}")]
    Chunk(#[from] CodecError),
    #[error("it holds {found} events instead of {expected}")]
    Count { expected: u64, found: u64 },
}

impl Row {
    pub(crate) fn new(first_seq: u64, events: u64, recorded: Timestamp, payload: Vec<u8>) -> Self {
        let checksum = checksum(first_seq, events, recorded, &payload);
        Self { first_seq, events, recorded, checksum, payload }
    }

    /// The `seq` behind its last event.
    pub(crate) fn end_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.events)
    }

    /// Checks everything and gives the events back.
    pub(crate) fn chunks(&self) -> Result<Vec<Chunk>, RowError> {
        if checksum(self.first_seq, self.events, self.recorded, &self.payload) != self.checksum {
            return Err(RowError::Checksum);
        }
        let mut input = Input::new(&self.payload);
        let mut chunks = Vec::new();
        let mut found = 0;
        while !input.rest.is_empty() {
            let chunk = read_chunk(&mut input)?;
            found += chunk.bounds.len() as u64;
            chunks.push(chunk);
        }
        if found != self.events {
            return Err(RowError::Count { expected: self.events, found });
        }
        Ok(chunks)
    }
}

fn checksum(first_seq: u64, events: u64, recorded: Timestamp, payload: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&first_seq.to_le_bytes());
    hash.update(&events.to_le_bytes());
    hash.update(&recorded.nanos().to_le_bytes());
    hash.update(payload);
    hash.digest()
}

fn read_chunk(input: &mut Input<'_>) -> Result<Chunk, RowError> {
    let [version] = input.array()?;
    if version != CODEC_VERSION {
        return Err(RowError::Version(version));
    }
    let mut bounds = Vec::new();
    let mut end = 0_u32;
    for _ in 0..input.number()? {
        let length = u32::try_from(input.number()?).map_err(|_| CodecError::Number)?;
        let start = end;
        end = start.checked_add(length).ok_or(CodecError::Number)?;
        bounds.push((start, end));
    }
    let length = input.length()?;
    let compressed = input.bytes(length)?;
    let length = end as usize;
    if length > compressed.len().saturating_mul(LZ4_RATIO_MAX) {
        return Err(RowError::Compression);
    }
    let bytes = lz4_flex::block::decompress(compressed, length).map_err(|_| RowError::Compression)?;
    if bytes.len() != length {
        return Err(RowError::Compression);
    }
    let chunk = Chunk { bytes: bytes.into(), bounds };
    chunk.views().try_for_each(|view| view.map(|_| ()))?;
    Ok(chunk)
}

impl Chunk {
    /// The bytes of the event between these bounds.
    pub(crate) fn event(&self, bounds: (u32, u32)) -> &[u8] {
        slice(&self.bytes, bounds)
    }

    /// All of its events for [`TailPart::insert`](crate::tail::TailPart::insert).
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn arrivals(&self, first_seq: u64) -> Result<Vec<crate::tail::Arrival>, CodecError> {
        use crate::{
            codec::identity_of,
            tail::{Arrival, hash_of},
        };
        let arrival = |(&bounds, seq)| {
            let identity_hash = hash_of(&identity_of(self.event(bounds))?);
            Ok(Arrival { bounds, seq, identity_hash })
        };
        self.bounds.iter().zip(first_seq..).map(arrival).collect()
    }

    /// The events, read but not copied.
    pub(crate) fn views(&self) -> impl Iterator<Item = Result<View<'_>, CodecError>> {
        self.bounds.iter().map(|&bounds| View::read(self.event(bounds)))
    }
}

/// The bytes between two bounds; nothing where they lie outside, which no event is.
pub(crate) fn slice(bytes: &[u8], (start, end): (u32, u32)) -> &[u8] {
    bytes.get(start as usize..end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(count: u64, text: &str) -> Vec<Event> {
        let event = |n: u64| Event {
            id: uuid::Uuid::from_u128(u128::from(n)),
            kind: format!("{text}{n}"),
            ..Event::default()
        };
        (0..count).map(event).collect()
    }

    fn decoded(row: &Row) -> Vec<Event> {
        let chunks = row.chunks().unwrap();
        let mut seq = row.first_seq;
        let mut all = Vec::new();
        for chunk in &chunks {
            for view in chunk.views() {
                all.push(view.unwrap().to_event(seq, row.recorded));
                seq += 1;
            }
        }
        all
    }

    #[test]
    fn batches_come_back_in_order() {
        let recorded = Timestamp::from_nanos(77);
        for (count, text) in [(0, ""), (1, "x"), (3, &*"long".repeat(300_000)), (5_000, "y")] {
            let batch = Batch::new(events(count, text));
            assert_eq!(batch.len() as u64, count);
            let row = Row::new(10, count, recorded, batch.payload);
            let expected: Vec<Event> = events(count, text)
                .into_iter()
                .zip(10..)
                .map(|(event, seq)| Event { seq, recorded, ..event })
                .collect();
            assert_eq!(decoded(&row), expected);
        }
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let good = Row::new(1, 3, Timestamp::from_nanos(5), Batch::new(events(3, "x")).payload);
        for at in 0..good.payload.len() {
            let mut bad = good.clone();
            bad.payload[at] ^= 0x10;
            assert_eq!(bad.chunks().unwrap_err(), RowError::Checksum);
            // With a checksum that fits, the contents still must not crash the reader.
            let _ = Row::new(1, 3, Timestamp::from_nanos(5), bad.payload).chunks();
        }
        for bad in [
            Row { first_seq: 2, ..good.clone() },
            Row { events: 2, ..good.clone() },
            Row { recorded: Timestamp::from_nanos(6), ..good.clone() },
        ] {
            assert_eq!(bad.chunks().unwrap_err(), RowError::Checksum);
        }
        let short = Row::new(1, 4, Timestamp::from_nanos(5), good.payload.clone());
        assert_eq!(short.chunks().unwrap_err(), RowError::Count { expected: 4, found: 3 });
        let mut newer = good.payload;
        newer[0] = 9;
        assert_eq!(Row::new(1, 3, Timestamp::default(), newer).chunks().unwrap_err(), RowError::Version(9));
    }
}
