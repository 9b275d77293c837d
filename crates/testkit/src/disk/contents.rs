//! The contents of one file: as its readers see them, as they are on the disk, and what lies between.

use super::SECTOR_BYTES;
use crate::Random;

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

#[derive(Clone, Default)]
pub(super) struct Contents {
    /// What readers see.
    pub(super) now: Vec<u8>,
    durable: Vec<u8>,
    /// What leads from the one to the other, unless a sync failed.
    unsynced: Vec<Change>,
    /// Whether a sync failed, so that the cache holds what is not on the disk and is not written any more.
    forgot: bool,
}

fn write(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let end = at + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(new);
}

/// Does a change, or those sectors of it that are chosen.
fn apply(bytes: &mut Vec<u8>, change: &Change, mut is_kept: impl FnMut() -> bool) {
    match change {
        Change::Truncate(length) => {
            if is_kept() {
                bytes.resize(*length, 0);
            }
        }
        Change::Write { at, bytes: new } => {
            let mut from = 0;
            while from < new.len() {
                let sector_end = SECTOR_BYTES - (at + from) % SECTOR_BYTES;
                let to = (from + sector_end).min(new.len());
                if is_kept() {
                    write(bytes, at + from, &new[from..to]);
                }
                from = to;
            }
        }
    }
}

impl Contents {
    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        write(&mut self.now, at, bytes);
        self.unsynced.push(Change::Write { at, bytes: bytes.to_owned() });
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.now.resize(length, 0);
        self.unsynced.push(Change::Truncate(length));
    }

    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            apply(&mut self.durable, &change, || true);
        }
    }

    /// Some of it is written, and the rest is forgotten, as Linux does it: it stays in the cache and is not written by
    /// later syncs.
    pub(super) fn fail_to_sync(&mut self, random: &mut Random) {
        let of_ten = random.below(11);
        self.keep_some(random, of_ten);
        self.forgot = true;
    }

    fn keep_some(&mut self, random: &mut Random, of_ten: u64) {
        for change in std::mem::take(&mut self.unsynced) {
            // A fifth of the writes is torn, if any are kept.
            let is_torn = of_ten != 0 && random.below(5) == 0;
            let is_kept = random.below(10) < of_ten;
            apply(&mut self.durable, &change, || if is_torn { random.below(2) == 0 } else { is_kept });
        }
    }

    pub(super) fn lose_power(&mut self, random: &mut Random, of_ten: u64) {
        self.keep_some(random, of_ten);
        self.now.clone_from(&self.durable);
        self.forgot = false;
    }

    /// The cache may drop what it believes to be on the disk.
    pub(super) fn leave_cache(&mut self, random: &mut Random) {
        if self.forgot && random.below(2) == 0 {
            self.now.clone_from(&self.durable);
            for change in &self.unsynced {
                apply(&mut self.now, change, || true);
            }
            self.forgot = false;
        }
    }

    pub(super) fn rot(&mut self, at: usize, bits: u8) -> bool {
        let Some(byte) = self.now.get_mut(at) else { return false };
        *byte ^= bits;
        if let Some(byte) = self.durable.get_mut(at) {
            *byte ^= bits;
        }
        true
    }
}
