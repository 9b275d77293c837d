//! Ids: 16 raw bytes per doc, and a hash table from id to doc.
//!
//! The table is open addressing with linear probing, written in the order of the ids' homes, so that building it never
//! looks for a free slot and many events of one id cost no more than others. Slots behind the last home take what
//! overflows, so probing never wraps around. A slot holds doc + 1 in its low bits and bits of the hash above: an absent
//! id is nearly always told from one cache line.

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Segment, WriteError,
    bits::{Bad, width_of},
    file::Section,
    sink::Sink,
};
use crate::Damage;

/// Homes per hundred docs: how empty the table is. With 120 an event takes 0.8 bytes less, but looking for an absent id,
/// which deduplication does for every event in every segment, takes a fifth longer in a table of four million.
const HOMES_PER_HUNDRED: u64 = 140;
/// A slot without a doc.
const EMPTY_SLOT: [u8; 4] = [0; 4];
/// Slots that are looked at together.
const PROBE_SLOTS: u64 = 16;

fn homes(docs: u32) -> u64 {
    (u64::from(docs) * HOMES_PER_HUNDRED).div_ceil(100).max(1)
}

/// The hash by which an id is found in every segment.
pub(crate) fn hash_of_id(id: &[u8; 16]) -> u64 {
    xxh3_64(id)
}

/// Home and fingerprint of an id of that hash.
fn place(hash: u64, docs: u32) -> (u64, u32) {
    let home = ((u128::from(hash) * u128::from(homes(docs))) >> 64) as u64;
    // The low bits of the hash have no part in the home of any but a gigantic table.
    let bits = width_of(u64::from(docs));
    (home, if bits >= 32 { 0 } else { (hash as u32) << bits })
}

/// Makes the table from the ids in doc order.
pub(super) struct TableWriter {
    docs: u32,
    /// Home above, slot below.
    entries: Vec<u64>,
}

impl TableWriter {
    pub(super) fn new(docs: u32) -> Self {
        Self { docs, entries: Vec::with_capacity(docs as usize) }
    }

    pub(super) fn push(&mut self, id: &[u8; 16]) {
        let (home, fingerprint) = place(hash_of_id(id), self.docs);
        self.entries.push((home << 32) | u64::from(fingerprint | (self.entries.len() as u32 + 1)));
    }

    /// Writes the section `id_table`.
    pub(super) fn finish(mut self, sink: &mut Sink) -> Result<(), WriteError> {
        let mask = mask(self.docs);
        self.entries.sort_unstable_by_key(|entry| (entry >> 32, *entry as u32 & mask));
        let mut slots = 0;
        for entry in self.entries {
            while slots < entry >> 32 {
                sink.write(&EMPTY_SLOT)?;
                slots += 1;
            }
            sink.write(&(entry as u32).to_le_bytes())?;
            slots += 1;
        }
        // One empty slot ends the last run; homes behind the last doc's are empty too.
        for _ in slots..(slots + 1).max(homes(self.docs) + 1) {
            sink.write(&EMPTY_SLOT)?;
        }
        sink.end_section(Section::IdTable);
        Ok(())
    }
}

/// The bits of a slot that hold doc + 1.
fn mask(docs: u32) -> u32 {
    let bits = width_of(u64::from(docs));
    if bits >= 32 { u32::MAX } else { (1 << bits) - 1 }
}

impl Segment {
    /// The id of a doc.
    pub(super) fn id(&self, doc: u32) -> Result<Uuid, Damage> {
        let at = u64::from(doc) * 16;
        let bytes = self.file.bytes(Section::Ids, at..at + 16)?;
        Uuid::from_slice(bytes).map_err(|_| self.bad(Section::Ids, at, Bad("an id that is too short")))
    }

    /// Whether there may be an event with an id of that hash. Nothing that it does depends on what the table holds, so
    /// that looking for many ids does not wait for the memory of each.
    pub(crate) fn may_hold_id(&self, hash: u64) -> Result<bool, Damage> {
        let (home, fingerprint) = place(hash, self.docs);
        let mask = mask(self.docs);
        let slots = self.file.section_bytes(Section::IdTable) / 4;
        if home >= slots {
            return Ok(false);
        }
        let bytes = self.file.bytes(Section::IdTable, home * 4..(home + PROBE_SLOTS).min(slots) * 4)?;
        let (mut is_same, mut is_empty) = (false, false);
        for slot in bytes.as_chunks::<4>().0 {
            let slot = u32::from_le_bytes(*slot);
            is_same |= slot & !mask == fingerprint && slot != 0;
            is_empty |= slot == 0;
        }
        Ok(is_same || !is_empty)
    }

    /// Calls `visit` with every doc of an id until it answers true; whether it did.
    pub(super) fn any_doc_of_id(
        &self,
        id: Uuid,
        mut visit: impl FnMut(u32) -> Result<bool, Damage>,
    ) -> Result<bool, Damage> {
        let (home, fingerprint) = place(hash_of_id(id.as_bytes()), self.docs);
        let mask = mask(self.docs);
        let slots = self.file.section_bytes(Section::IdTable) / 4;
        let mut at = home;
        while at < slots {
            let end = (at + PROBE_SLOTS).min(slots);
            let bytes = self.file.bytes(Section::IdTable, at * 4..end * 4)?;
            for slot in bytes.as_chunks::<4>().0 {
                let slot = u32::from_le_bytes(*slot);
                if slot == 0 {
                    return Ok(false);
                }
                if slot & !mask != fingerprint {
                    continue;
                }
                let doc = (slot & mask).wrapping_sub(1);
                if self.id(doc)? == id && visit(doc)? {
                    return Ok(true);
                }
            }
            at = end;
        }
        Ok(false)
    }
}
