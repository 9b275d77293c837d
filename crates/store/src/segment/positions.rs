//! Where each event stands in the total order: time and seq of any doc in some nanoseconds, without decompression.
//!
//! Per 64 docs the smallest time and the smallest seq are written out, and the rest as offsets in as few bits as
//! they need; times in the coarsest unit that loses nothing, as most sources tell whole seconds or milliseconds.

use annals_model::{Position, Timestamp};

use super::{
    Segment,
    bits::{BitWriter, Reader, unpack, width_of},
    file::Section,
};
use crate::Damage;

/// Docs that share a record of the index.
pub(super) const GROUP_DOCS: usize = 64;
/// Units of time offsets in nanoseconds, by their number in the file.
const UNITS: [u64; 4] = [1, 1_000, 1_000_000, 1_000_000_000];
/// Bytes of one record of the index.
const RECORD_BYTES: u64 = 24;

/// Gathers positions in doc order.
#[derive(Default)]
pub(super) struct PositionsWriter {
    pending: Vec<Position>,
    pub(super) index: Vec<u8>,
    pub(super) packed: Vec<u8>,
}

impl PositionsWriter {
    pub(super) fn push(&mut self, position: Position) {
        self.pending.push(position);
        if self.pending.len() == GROUP_DOCS {
            self.flush();
        }
    }

    /// Closes the last block.
    pub(super) fn flush(&mut self) {
        let Some(base_time) = self.pending.iter().map(|position| position.time.nanos()).min() else {
            return;
        };
        let base_seq = self.pending.iter().map(|position| position.seq).min().unwrap_or(0);
        // The distance of two i64 always fits a u64.
        let offset = |position: &Position| position.time.nanos().wrapping_sub(base_time) as u64;
        let divides = |unit: u64| self.pending.iter().all(|position| offset(position).is_multiple_of(unit));
        let unit = (0..UNITS.len()).rev().find(|number| divides(UNITS[*number])).unwrap_or(0);
        let time_width = width_of(self.pending.iter().map(offset).max().unwrap_or(0) / UNITS[unit]);
        let seq_width = width_of(self.pending.iter().map(|p| p.seq - base_seq).max().unwrap_or(0));
        self.index.extend_from_slice(&base_time.to_le_bytes());
        self.index.extend_from_slice(&base_seq.to_le_bytes());
        self.index.extend_from_slice(&(self.packed.len() as u32).to_le_bytes());
        self.index.extend_from_slice(&[unit as u8, time_width as u8, seq_width as u8, 0]);
        let mut writer = BitWriter::new(&mut self.packed);
        for position in &self.pending {
            writer.put(offset(position) / UNITS[unit], time_width);
            writer.put(position.seq - base_seq, seq_width);
        }
        writer.finish();
        self.pending.clear();
    }
}

impl Segment {
    /// Bounds of the seqs of a group of docs; the upper one may be too high.
    pub(super) fn seqs_of_group(&self, group: u32) -> Result<(u64, u64), Damage> {
        let at = u64::from(group) * RECORD_BYTES;
        let mut reader = Reader::new(self.file.bytes(Section::PositionIndex, at..at + RECORD_BYTES)?);
        let parse = |reader: &mut Reader<'_>| {
            let (_, base_seq) = (reader.i64()?, reader.u64()?);
            let (_, _, _) = (reader.u32()?, reader.u8()?, reader.u8()?);
            Ok((base_seq, reader.u8()?))
        };
        let (base, width) = parse(&mut reader).map_err(|bad| self.bad(Section::PositionIndex, at, bad))?;
        let span = 1_u64.checked_shl(u32::from(width)).map_or(u64::MAX, |end| end - 1);
        Ok((base, base.saturating_add(span)))
    }

    /// Where a doc stands in the total order.
    pub(super) fn position(&self, doc: u32) -> Result<Position, Damage> {
        let (block, within) = (u64::from(doc) / GROUP_DOCS as u64, u64::from(doc) % GROUP_DOCS as u64);
        let at = block * RECORD_BYTES;
        let record = self.file.bytes(Section::PositionIndex, at..at + RECORD_BYTES)?;
        let mut reader = Reader::new(record);
        let parse = |reader: &mut Reader<'_>| {
            Ok((reader.i64()?, reader.u64()?, reader.u32()?, reader.u8()?, reader.u8()?, reader.u8()?))
        };
        let (base_time, base_seq, start, unit, time_width, seq_width) =
            parse(&mut reader).map_err(|bad| self.bad(Section::PositionIndex, at, bad))?;
        let bad = || self.file.damage(Section::PositionIndex, at, "an impossible unit or width");
        let unit = *UNITS.get(usize::from(unit)).ok_or_else(bad)?;
        let (time_width, seq_width) = (u32::from(time_width), u32::from(seq_width));
        let bit = within * u64::from(time_width + seq_width);
        let first = u64::from(start) + bit / 8;
        let end = first + (bit % 8 + u64::from(time_width + seq_width)).div_ceil(8);
        let packed = self.file.bytes(Section::Positions, first..end)?;
        let offset = unpack(packed, bit % 8, time_width).ok_or_else(bad)?;
        let seq = unpack(packed, bit % 8 + u64::from(time_width), seq_width).ok_or_else(bad)?;
        Ok(Position {
            time: Timestamp::from_nanos(base_time.wrapping_add(offset.wrapping_mul(unit) as i64)),
            seq: base_seq.wrapping_add(seq),
        })
    }
}
