//! The index of blocks: where each is, and which docs it holds. What is in one is known to `block`.

use std::ops::Range;

use super::{
    Segment,
    bits::{Bad, Reader},
    block::{BLOCK_DOCS, BLOCK_DOCS_MAX},
    file::Section,
    ranks::Table,
};
use crate::Damage;

/// The largest block that is believed, uncompressed.
const BLOCK_BYTES_MAX: u32 = 64 << 20;
/// Bytes of one record of the block index.
pub(super) const RECORD_BYTES: u64 = 24;
/// The same in version 1.
const RECORD_BYTES_1: u64 = 16;

/// Where a block is.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockPlace {
    pub(super) first: u32,
    pub(super) docs: u32,
    /// Bytes of the section `blocks`: the table, the frame, and texts beside it up to `end`.
    pub(super) start: u64,
    pub(super) frame: u64,
    pub(super) beside: u64,
    pub(super) end: u64,
    pub(super) raw_bytes: u32,
}

/// A block that is copied as it is.
pub(super) struct BlockCopy<'s> {
    pub(super) place: BlockPlace,
    pub(super) table: Table,
    /// The frame and the texts beside it.
    pub(super) bytes: &'s [u8],
    pub(super) frame_bytes: u32,
    pub(super) raw_bytes: u32,
}

impl Segment {
    /// How many blocks there are.
    pub(super) fn blocks(&self) -> u32 {
        if self.file.version() == 1 {
            return self.docs.div_ceil(BLOCK_DOCS);
        }
        u32::try_from(self.file.section_bytes(Section::BlockIndex) / RECORD_BYTES).unwrap_or(u32::MAX)
    }

    /// The first doc of a block; behind the last block, the number of docs.
    fn block_first(&self, block: u32) -> Result<u32, Damage> {
        if block >= self.blocks() {
            return Ok(self.docs);
        }
        if self.file.version() == 1 {
            return Ok(block * BLOCK_DOCS);
        }
        let at = u64::from(block) * RECORD_BYTES;
        let first = self.file.bytes(Section::BlockIndex, at + 8..at + 12)?;
        Ok(first.try_into().map_or(0, u32::from_le_bytes))
    }

    /// The block a doc lies in.
    pub(super) fn block_of(&self, doc: u32) -> Result<u32, Damage> {
        if self.file.version() == 1 {
            return Ok(doc / BLOCK_DOCS);
        }
        let (mut low, mut high) = (0, self.blocks());
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if self.block_first(middle)? <= doc {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The docs of a block.
    pub(super) fn block_docs(&self, block: u32) -> Result<Range<u32>, Damage> {
        let docs = self.block_first(block)?..self.block_first(block.saturating_add(1))?;
        if docs.is_empty() || docs.end - docs.start > BLOCK_DOCS_MAX {
            let at = u64::from(block) * RECORD_BYTES;
            return Err(self.bad(Section::BlockIndex, at, Bad("an impossible number of docs in a block")));
        }
        Ok(docs)
    }

    /// Where a block is.
    pub(super) fn block_place(&self, block: u32) -> Result<BlockPlace, Damage> {
        let version = self.file.version();
        let record_bytes = if version == 1 { RECORD_BYTES_1 } else { RECORD_BYTES };
        let at = u64::from(block) * record_bytes;
        let bad = |bad| self.bad(Section::BlockIndex, at, bad);
        let docs = self.block_docs(block)?;
        let (first, docs) = (docs.start, docs.end - docs.start);
        let mut reader = Reader::new(self.file.bytes(Section::BlockIndex, at..at + record_bytes)?);
        let place = if version == 1 {
            let parse = |reader: &mut Reader<'_>| Ok((reader.u64()?, reader.u32()?, reader.u32()?));
            let (start, length, raw_bytes) = parse(&mut reader).map_err(bad)?;
            let end = start.saturating_add(u64::from(length));
            BlockPlace { first, docs, start, frame: start, beside: 0, end, raw_bytes }
        } else {
            let parse = |reader: &mut Reader<'_>| {
                Ok((reader.u64()?, reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?))
            };
            let (start, _, table, frame, raw_bytes) = parse(&mut reader).map_err(bad)?;
            let end = if block + 1 < self.blocks() {
                let next = self.file.bytes(Section::BlockIndex, at + record_bytes..at + record_bytes + 8)?;
                next.try_into().map_or(0, u64::from_le_bytes)
            } else {
                self.file.section_bytes(Section::Blocks)
            };
            let frame_at = start.saturating_add(u64::from(table));
            let beside = frame_at.saturating_add(u64::from(frame));
            BlockPlace { first, docs, start, frame: frame_at, beside, end, raw_bytes }
        };
        if place.raw_bytes > BLOCK_BYTES_MAX {
            return Err(bad(Bad("a block larger than there can be")));
        }
        if place.beside > place.end || place.frame > place.end {
            return Err(bad(Bad("a block that ends before it begins")));
        }
        Ok(place)
    }

    /// The table of a block; `None` in version 1, whose blocks have none.
    pub(super) fn block_table(&self, place: &BlockPlace) -> Result<Option<Table>, Damage> {
        if self.file.version() == 1 {
            return Ok(None);
        }
        let bytes = self.file.bytes(Section::Blocks, place.start..place.frame)?;
        let table = Table::parse(bytes, &self.widths);
        table.map(Some).map_err(|bad| self.bad(Section::Blocks, place.start, bad))
    }

    /// A block to be copied; `None` when it has to be made anew.
    pub(super) fn block_copy(&self, block: u32) -> Result<Option<BlockCopy<'_>>, Damage> {
        let place = self.block_place(block)?;
        let Some(table) = self.block_table(&place)? else { return Ok(None) };
        let bytes = self.file.bytes(Section::Blocks, place.frame..place.end)?;
        let frame_bytes = (place.beside - place.frame) as u32;
        Ok(Some(BlockCopy { place, table, bytes, frame_bytes, raw_bytes: place.raw_bytes }))
    }
}
