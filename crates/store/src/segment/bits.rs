//! Reading and writing small numbers: varints, fixed-width little-endian fields, bit-packed arrays. Every read is
//! checked: this code sees whatever bytes a file holds. It knows nothing of segments.

/// Why bytes cannot be what they should be. The caller knows where they are and makes a `Damage` of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad(pub(super) &'static str);

pub(super) type Parsed<T> = Result<T, Bad>;

/// Takes fields from the front of bytes.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were taken.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Parsed<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(Bad("a length that overflows"))?;
        let taken = self.bytes.get(self.at..end).ok_or(Bad("it ends too early"))?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Bad("it ends too early"))
    }

    pub(super) fn u8(&mut self) -> Parsed<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Parsed<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Parsed<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Parsed<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// LEB128, at most ten bytes.
    #[inline]
    pub(super) fn varint(&mut self) -> Parsed<u64> {
        // Nearly all are of one byte.
        match self.bytes.get(self.at) {
            Some(byte @ 0..0x80) => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Parsed<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Bad("a number that does not end"))
    }

    /// A varint that counts or measures something in memory.
    #[inline]
    pub(super) fn length(&mut self) -> Parsed<usize> {
        usize::try_from(self.varint()?).map_err(|_| Bad("a length that overflows"))
    }
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small numbers of either sign as small numbers.
pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(super) const fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

/// How many bits the numbers up to `max` need; 0 when there is only 0.
pub(super) const fn width_of(max: u64) -> u32 {
    64 - max.leading_zeros()
}

/// Appends numbers of a fixed number of bits, lowest bit first, without gaps.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u128,
    bits: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, pending: 0, bits: 0 }
    }

    pub(super) fn put(&mut self, value: u64, width: u32) {
        debug_assert!(width == 64 || value >> width == 0, "the value fits its width");
        self.pending |= u128::from(value) << self.bits;
        self.bits += width;
        if self.bits >= 64 {
            self.out.extend_from_slice(&(self.pending as u64).to_le_bytes());
            self.pending >>= 64;
            self.bits -= 64;
        }
    }

    /// Writes what is left, the last byte filled up with zeros.
    pub(super) fn finish(self) {
        let bytes = self.bits.div_ceil(8) as usize;
        self.out.extend(self.pending.to_le_bytes().iter().take(bytes));
    }
}

pub(super) fn pack(out: &mut Vec<u8>, values: impl IntoIterator<Item = u64>, width: u32) {
    let mut writer = BitWriter::new(out);
    for value in values {
        writer.put(value, width);
    }
    writer.finish();
}

/// The number of `width` bits that begins `bit` bits into `bytes`.
pub(super) fn unpack(bytes: &[u8], bit: u64, width: u32) -> Option<u64> {
    if width == 0 {
        return Some(0);
    }
    if width > 64 {
        return None;
    }
    let tail = bytes.get(usize::try_from(bit / 8).ok()?..)?;
    let shift = (bit % 8) as u32;
    if (tail.len() as u64) * 8 < u64::from(shift + width) {
        return None;
    }
    let low = match tail.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => {
            let mut padded = [0; 8];
            padded.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
            u64::from_le_bytes(padded)
        }
    };
    let mut value = low >> shift;
    if shift + width > 64 {
        value |= u64::from(*tail.get(8)?) << (64 - shift);
    }
    Some(if width == 64 { value } else { value & ((1 << width) - 1) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_come_back(values: Vec<u64>) {
            let mut bytes = Vec::new();
            values.iter().for_each(|value| put_varint(&mut bytes, *value));
            let mut reader = Reader::new(&bytes);
            for value in &values {
                prop_assert_eq!(reader.varint(), Ok(*value));
            }
            prop_assert!(reader.is_empty() && reader.varint().is_err());
        }

        #[test]
        fn packed_numbers_come_back(values: Vec<u64>, width in 0_u32..=64) {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let values: Vec<u64> = values.iter().map(|value| value & mask).collect();
            let mut bytes = Vec::new();
            pack(&mut bytes, values.iter().copied(), width);
            prop_assert_eq!(bytes.len() as u64, (values.len() as u64 * u64::from(width)).div_ceil(8));
            for (index, value) in values.iter().enumerate() {
                prop_assert_eq!(unpack(&bytes, index as u64 * u64::from(width), width), Some(*value));
            }
            if width > 0 {
                prop_assert_eq!(unpack(&bytes, bytes.len() as u64 * 8, width), None);
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, bit: u64, width in 0_u32..100) {
            let _ = unpack(&bytes, bit, width);
            let mut reader = Reader::new(&bytes);
            while reader.varint().is_ok() {}
        }

        #[test]
        fn signs_come_back(value: i64) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn widths_are_tight() {
        assert_eq!([0, 1, 2, 255, 256, u64::MAX].map(width_of), [0, 1, 2, 8, 9, 64]);
    }
}
