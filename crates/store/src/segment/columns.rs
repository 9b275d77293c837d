//! Columns of a block before compression: numbers of any range in the form that leaves the compressor the least to
//! find, and texts as lengths and bytes. Any entry can be read without the others. It knows no event.

use super::bits::{Bad, Parsed, Reader, put_varint};

/// A number column of one value.
const CONSTANT: u8 = 0;
/// Number columns of 1 to 8 byte planes are told by the number of planes; this is the one of few distinct values.
const FEW: u8 = 9;
/// Distinct values that a column of few distinct values can have.
const FEW_MAX: usize = 32;

/// Text columns: no entry, one text per doc, or distinct texts and which doc has which.
const TEXT_NONE: u8 = 0;
const TEXT_EACH: u8 = 1;
const TEXT_DISTINCT: u8 = 2;

fn bytes_of(value: u64) -> usize {
    (64 - value.leading_zeros() as usize).div_ceil(8)
}

/// Appends a column of numbers.
pub(super) fn put_numbers(out: &mut Vec<u8>, values: &[u64]) {
    let base = values.iter().copied().min().unwrap_or(0);
    let width = bytes_of(values.iter().copied().max().unwrap_or(0) - base);
    if width == 0 {
        out.push(CONSTANT);
        put_varint(out, base);
        return;
    }
    let mut distinct: Vec<u64> = Vec::with_capacity(FEW_MAX + 1);
    if width > 1 {
        for value in values {
            if let Err(at) = distinct.binary_search(value) {
                distinct.insert(at, *value);
                if distinct.len() > FEW_MAX {
                    break;
                }
            }
        }
    }
    let few = width > 1
        && distinct.len() <= FEW_MAX
        && distinct.len() * width + values.len() < values.len() * width;
    if few {
        out.extend_from_slice(&[FEW, width as u8, distinct.len() as u8]);
        put_varint(out, base);
        for value in &distinct {
            out.extend_from_slice(&(value - base).to_le_bytes()[..width]);
        }
        out.extend(values.iter().map(|value| distinct.binary_search(value).unwrap_or(0) as u8));
        return;
    }
    out.push(width as u8);
    put_varint(out, base);
    for plane in 0..width {
        out.extend(values.iter().map(|value| ((value - base) >> (8 * plane)) as u8));
    }
}

/// A column of numbers inside a block.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Numbers {
    base: u64,
    /// Bytes per value; 0 when all are the base.
    width: u8,
    /// How many distinct values; 0 when the values are byte planes.
    distinct: u8,
    at: usize,
    length: usize,
}

impl Numbers {
    /// Takes a column of `length` numbers from the front.
    pub(super) fn parse(reader: &mut Reader<'_>, length: usize) -> Parsed<Self> {
        let kind = reader.u8()?;
        let (width, distinct) = match kind {
            CONSTANT => (0, 0),
            1..=8 => (kind, 0),
            FEW => (reader.u8()?, reader.u8()?),
            _ => return Err(Bad("an unknown kind of column")),
        };
        if width > 8 || (kind == FEW && (width == 0 || distinct == 0)) {
            return Err(Bad("an impossible column"));
        }
        let base = reader.varint()?;
        let at = reader.at();
        let values = if kind == FEW {
            (usize::from(distinct) * usize::from(width)).checked_add(length)
        } else {
            length.checked_mul(usize::from(width))
        };
        reader.take(values.ok_or(Bad("a length that overflows"))?)?;
        Ok(Self { base, width, distinct, at, length })
    }

    /// The number that all entries are, if it is one.
    pub(super) const fn constant(&self) -> Option<u64> {
        if self.width == 0 { Some(self.base) } else { None }
    }

    /// The number at `index`; `raw` is the block that the column was parsed from.
    pub(super) fn get(&self, raw: &[u8], index: usize) -> Parsed<u64> {
        const MISSING: Bad = Bad("a column that is too short");
        if index >= self.length {
            return Err(MISSING);
        }
        let width = usize::from(self.width);
        let mut offset = 0_u64;
        if self.distinct > 0 {
            let rank = raw.get(self.at + usize::from(self.distinct) * width + index).ok_or(MISSING)?;
            if *rank >= self.distinct {
                return Err(Bad("a column refers to a value that is not there"));
            }
            let start = self.at + usize::from(*rank) * width;
            for (byte, value) in raw.get(start..start + width).ok_or(MISSING)?.iter().enumerate() {
                offset |= u64::from(*value) << (8 * byte);
            }
        } else {
            for plane in 0..width {
                let value = raw.get(self.at + plane * self.length + index).ok_or(MISSING)?;
                offset |= u64::from(*value) << (8 * plane);
            }
        }
        Ok(self.base.wrapping_add(offset))
    }
}

/// One entry of a text column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextEntry<'a> {
    pub(super) bytes: &'a [u8],
    /// The bytes do not hold the text but say where it is.
    pub(super) elsewhere: bool,
}

/// Gathers the texts of one column.
#[derive(Default)]
pub(super) struct TextsWriter {
    bytes: Vec<u8>,
    /// End of each entry in `bytes`, and whether it is there, elsewhere, or absent.
    entries: Vec<Option<(usize, usize, bool)>>,
    scratch: Vec<u64>,
}

impl TextsWriter {
    pub(super) fn absent(&mut self) {
        self.entries.push(None);
    }

    /// Adds an entry whose bytes `write` appends; it answers whether they only say where the text is.
    pub(super) fn push<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>) -> Result<(), E> {
        let start = self.bytes.len();
        let elsewhere = write(&mut self.bytes)?;
        self.entries.push(Some((start, self.bytes.len(), elsewhere)));
        Ok(())
    }

    /// Appends the column and empties it.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        let length = |entry: &Option<(usize, usize, bool)>| {
            entry
                .map_or(0, |(start, end, elsewhere)| (((end - start) as u64) << 1 | u64::from(elsewhere)) + 1)
        };
        let content =
            |entry: &Option<(usize, usize, bool)>| entry.map(|(start, end, _)| &self.bytes[start..end]);
        self.scratch.clear();
        if self.entries.iter().all(Option::is_none) {
            out.push(TEXT_NONE);
            self.entries.clear();
            return;
        }
        // Which entries are the first of their text, and which of those each doc has.
        let mut firsts: Vec<usize> = Vec::new();
        let mut which = Vec::with_capacity(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.is_none() {
                which.push(0);
                continue;
            }
            let same = |first: &usize| {
                length(&self.entries[*first]) == length(entry)
                    && content(&self.entries[*first]) == content(entry)
            };
            let rank = firsts.iter().position(same).unwrap_or_else(|| {
                firsts.push(index);
                firsts.len() - 1
            });
            which.push(rank as u8 + 1);
        }
        if firsts.len() * 4 <= self.entries.len() * 3 && firsts.len() < usize::from(u8::MAX) {
            out.extend_from_slice(&[TEXT_DISTINCT, firsts.len() as u8]);
            self.scratch.extend(firsts.iter().map(|first| length(&self.entries[*first])));
            put_numbers(out, &self.scratch);
            out.extend_from_slice(&which);
            for first in &firsts {
                out.extend_from_slice(content(&self.entries[*first]).unwrap_or_default());
            }
        } else {
            out.push(TEXT_EACH);
            self.scratch.extend(self.entries.iter().map(length));
            put_numbers(out, &self.scratch);
            out.extend_from_slice(&self.bytes);
        }
        self.entries.clear();
        self.bytes.clear();
    }
}

/// A column of texts inside a block.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// Start, end and whether it is elsewhere, of each text that is written out.
    entries: Vec<Option<(usize, usize, bool)>>,
    /// Where it is said which doc has which of them.
    which: Option<usize>,
}

impl Texts {
    pub(super) fn parse(reader: &mut Reader<'_>, raw: &[u8], docs: usize) -> Parsed<Self> {
        let (count, distinct) = match reader.u8()? {
            TEXT_NONE => return Ok(Self::default()),
            TEXT_EACH => (docs, false),
            TEXT_DISTINCT => (usize::from(reader.u8()?), true),
            _ => return Err(Bad("an unknown kind of column")),
        };
        let lengths = Numbers::parse(reader, count)?;
        let which = distinct.then(|| reader.at());
        if distinct {
            reader.take(docs)?;
        }
        let mut entries = Vec::with_capacity(count);
        for index in 0..count {
            let Some(code) = lengths.get(raw, index)?.checked_sub(1) else {
                entries.push(None);
                continue;
            };
            let start = reader.at();
            reader.take(usize::try_from(code >> 1).map_err(|_| Bad("a length that overflows"))?)?;
            entries.push(Some((start, reader.at(), code & 1 == 1)));
        }
        Ok(Self { entries, which })
    }

    /// Bytes it takes in memory, but for itself.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.entries.as_slice())
    }

    /// Whether a text lies beside the block.
    pub(super) fn is_any_elsewhere(&self) -> bool {
        self.entries.iter().flatten().any(|(.., elsewhere)| *elsewhere)
    }

    /// Where in the block the entry at `index` begins and ends, and whether it only says where the text is.
    pub(super) fn place(&self, raw: &[u8], index: usize) -> Parsed<Option<(usize, usize, bool)>> {
        let rank = match self.which {
            None if self.entries.is_empty() => return Ok(None),
            None => index,
            Some(at) => match raw.get(at + index).ok_or(Bad("a column that is too short"))? {
                0 => return Ok(None),
                rank => usize::from(*rank) - 1,
            },
        };
        self.entries.get(rank).copied().ok_or(Bad("a column refers to a text that is not there"))
    }

    pub(super) fn get<'r>(&self, raw: &'r [u8], index: usize) -> Parsed<Option<TextEntry<'r>>> {
        let Some((start, end, elsewhere)) = self.place(raw, index)? else { return Ok(None) };
        let bytes = raw.get(start..end).ok_or(Bad("a column that is too short"))?;
        Ok(Some(TextEntry { bytes, elsewhere }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(values in prop_oneof![
            vec(any::<u64>(), 0..70),
            vec(0_u64..3, 0..70),
            vec(prop_oneof![Just(7_u64), Just(1 << 40), Just(u64::MAX)], 0..70),
        ]) {
            let mut bytes = vec![9, 9];
            put_numbers(&mut bytes, &values);
            let mut reader = Reader::new(&bytes);
            reader.take(2).unwrap();
            let column = Numbers::parse(&mut reader, values.len()).unwrap();
            prop_assert!(reader.is_empty());
            for (index, value) in values.iter().enumerate() {
                prop_assert_eq!(column.get(&bytes, index), Ok(*value));
            }
            prop_assert!(column.get(&bytes, values.len()).is_err());
        }

        #[test]
        fn texts_come_back(texts in vec(option::of((vec(0_u8..3, 0..4), any::<bool>())), 0..70)) {
            let mut writer = TextsWriter::default();
            for text in &texts {
                match text {
                    None => writer.absent(),
                    Some((bytes, elsewhere)) => writer
                        .push(|out| {
                            out.extend_from_slice(bytes);
                            Ok::<_, ()>(*elsewhere)
                        })
                        .unwrap(),
                }
            }
            let mut raw = Vec::new();
            writer.finish(&mut raw);
            let mut reader = Reader::new(&raw);
            let column = Texts::parse(&mut reader, &raw, texts.len()).unwrap();
            prop_assert!(reader.is_empty());
            for (index, text) in texts.iter().enumerate() {
                let wanted = text.as_ref().map(|(bytes, elsewhere)| TextEntry { bytes, elsewhere: *elsewhere });
                prop_assert_eq!(column.get(&raw, index).unwrap(), wanted);
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, length in 0_usize..100) {
            if let Ok(column) = Numbers::parse(&mut Reader::new(&bytes), length) {
                for index in 0..length + 2 {
                    let _ = column.get(&bytes, index);
                }
            }
            if let Ok(column) = Texts::parse(&mut Reader::new(&bytes), &bytes, length) {
                for index in 0..length + 2 {
                    let _ = column.get(&bytes, index);
                }
            }
        }
    }
}
