//! The file under a segment: the mapping, the sections, and the one mechanism that guards all of them.
//!
//! The file is cut into pages, and a page is compared with its checksum when it is touched for the first time. Nothing
//! reaches the mapping but through [`SegmentFile::bytes`]. This file knows no event and no index.

use std::{
    fmt,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use annals_model::{Position, Timestamp};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    SegmentMeta,
    bits::{Bad, Parsed, Reader, unpack},
};
use crate::Damage;

/// The first bytes of a segment file.
pub(super) const MAGIC: [u8; 8] = *b"ANNALSEG";
/// The last bytes of a segment file.
pub(super) const MAGIC_END: [u8; 8] = *b"GESLANNA";
/// The version of the format that this code writes.
pub(crate) const FORMAT_VERSION: u32 = 4;
/// The oldest version that it reads.
const FORMAT_VERSION_OLDEST: u32 = 1;
/// What one checksum covers.
pub(crate) const PAGE_BYTES: usize = 16 << 10;
/// The trailer: offset, length and checksum of the footer, version, magic.
pub(super) const TRAILER_BYTES: usize = 8 + 4 + 4 + 8 + 8;
/// The longest footer that is believed.
const FOOTER_BYTES_MAX: u32 = 64 << 10;

/// A section of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Blocks,
    BlockIndex,
    Positions,
    PositionIndex,
    Organizations,
    TimeOrder,
    Terms,
    Postings,
    LabelKeys,
    Fields,
    Ids,
    IdTable,
    Words,
    WordIndex,
}

impl Section {
    pub(super) const ALL: [Self; 14] = [
        Self::Blocks,
        Self::BlockIndex,
        Self::Positions,
        Self::PositionIndex,
        Self::Organizations,
        Self::TimeOrder,
        Self::Terms,
        Self::Postings,
        Self::LabelKeys,
        Self::Fields,
        Self::Ids,
        Self::IdTable,
        Self::Words,
        Self::WordIndex,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::BlockIndex => "block_index",
            Self::Positions => "positions",
            Self::PositionIndex => "position_index",
            Self::Organizations => "organizations",
            Self::TimeOrder => "time_order",
            Self::Terms => "terms",
            Self::Postings => "postings",
            Self::LabelKeys => "label_keys",
            Self::Fields => "fields",
            Self::Ids => "ids",
            Self::IdTable => "id_table",
            Self::Words => "words",
            Self::WordIndex => "word_index",
        }
    }
}

/// A mapped segment file whose footer was read.
pub(super) struct SegmentFile {
    map: Bytes,
    name: String,
    version: u32,
    sections: [Range<usize>; Section::ALL.len()],
    /// Where the checksums of the pages are; the pages end where they begin.
    checksums: Range<usize>,
    /// One bit per page that was found to be whole.
    verified: Box<[AtomicU64]>,
}

/// What a footer says.
struct Footer {
    version: u32,
    meta: SegmentMeta,
    sections: [Range<usize>; Section::ALL.len()],
    checksums: Range<usize>,
    checksums_digest: u64,
}

impl fmt::Debug for SegmentFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SegmentFile").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SegmentFile {
    /// Reads the footer of a file that is mapped.
    pub(super) fn open(map: Bytes, name: &str) -> Result<(Self, SegmentMeta), Damage> {
        let damage =
            |place: &str, reason: String| Damage { file: name.to_owned(), place: place.to_owned(), reason };
        let footer = read_footer(&map).map_err(|Bad(reason)| damage("the footer", reason.to_owned()))?;
        let digest = map.get(footer.checksums.clone()).map(xxh3_64);
        if digest != Some(footer.checksums_digest) {
            return Err(damage("the page checksums", "their own checksum does not match".to_owned()));
        }
        let pages = footer.checksums.start.div_ceil(PAGE_BYTES);
        let verified = (0..pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let file = Self {
            map,
            name: name.to_owned(),
            version: footer.version,
            sections: footer.sections,
            checksums: footer.checksums,
            verified,
        };
        Ok((file, footer.meta))
    }

    /// The version of the format that the file has.
    pub(super) const fn version(&self) -> u32 {
        self.version
    }

    /// Bytes of a section, after every page they lie on was found to be whole.
    pub(super) fn bytes(&self, section: Section, range: Range<u64>) -> Result<&[u8], Damage> {
        let whole = &self.sections[section as usize];
        let place = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok()).and_then(
            |(start, end)| {
                let (start, end) = (whole.start.checked_add(start)?, whole.start.checked_add(end)?);
                (start <= end && end <= whole.end).then_some(start..end)
            },
        );
        let Some(place) = place else {
            return Err(self.damage(section, range.start, "it points behind the end of the section"));
        };
        if place.is_empty() {
            return Ok(&[]);
        }
        for page in place.start / PAGE_BYTES..=(place.end - 1) / PAGE_BYTES {
            let (word, bit) = (page / 64, 1_u64 << (page % 64));
            // Relaxed is enough: the bit guards bytes that never change, and seeing it late only costs a second look.
            if self.verified.get(word).is_none_or(|word| word.load(Ordering::Relaxed) & bit == 0) {
                self.verify_page(section, page)?;
            }
        }
        self.map
            .get(place)
            .ok_or_else(|| self.damage(section, range.start, "it points behind the end of the file"))
    }

    pub(super) fn section_bytes(&self, section: Section) -> u64 {
        self.sections[section as usize].len() as u64
    }

    /// The number at `index` of an array of numbers of `width` bits that begins at `start` of a section.
    pub(super) fn packed(&self, section: Section, start: u64, index: u64, width: u32) -> Result<u64, Damage> {
        if width == 0 {
            return Ok(0);
        }
        let overflow = || self.damage(section, start, "an array index overflows");
        let bit = index.checked_mul(u64::from(width)).ok_or_else(overflow)?;
        let first = start.checked_add(bit / 8).ok_or_else(overflow)?;
        let end = first.saturating_add((bit % 8 + u64::from(width)).div_ceil(8));
        unpack(self.bytes(section, first..end)?, bit % 8, width)
            .ok_or_else(|| self.damage(section, start, "a packed array has an impossible width"))
    }

    fn verify_page(&self, section: Section, page: usize) -> Result<(), Damage> {
        let start = page * PAGE_BYTES;
        let end = (start + PAGE_BYTES).min(self.checksums.start);
        let stored = self.checksums.start + page * 8;
        let wanted =
            self.map.get(stored..stored + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
        let found = self.map.get(start..end).map(xxh3_64);
        if found.is_none() || found != wanted {
            return Err(Damage {
                file: self.name.clone(),
                place: format!("section {}, page {page} at byte {start}", section.name()),
                reason: "its checksum does not match".to_owned(),
            });
        }
        if let Some(word) = self.verified.get(page / 64) {
            word.fetch_or(1 << (page % 64), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Looks at every page, whether it was seen before or not.
    /// Compares every page with its checksum; those that do not fit.
    pub(super) fn damaged_pages(&self) -> impl Iterator<Item = Damage> + '_ {
        (0..self.checksums.start.div_ceil(PAGE_BYTES)).filter_map(|page| {
            let at = page * PAGE_BYTES;
            let section =
                Section::ALL.into_iter().find(|section| self.sections[*section as usize].contains(&at));
            self.verify_page(section.unwrap_or(Section::Blocks), page).err()
        })
    }

    pub(super) fn damage(&self, section: Section, offset: u64, reason: &str) -> Damage {
        let at = (self.sections[section as usize].start as u64).saturating_add(offset);
        Damage {
            file: self.name.clone(),
            place: format!("section {}, page {} at byte {at}", section.name(), at / PAGE_BYTES as u64),
            reason: reason.to_owned(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// The format version of a file that says of itself that it is a segment of a newer program; `None` for every other
/// file, whatever is wrong with it.
pub(crate) fn newer_format(contents: &[u8]) -> Option<u32> {
    let mut trailer = Reader::new(contents.get(contents.len().checked_sub(TRAILER_BYTES)?..)?);
    let (_offset, _length) = (trailer.u64().ok()?, trailer.u32().ok()?);
    let (version, _digest) = (trailer.u32().ok()?, trailer.u64().ok()?);
    (trailer.take(MAGIC_END.len()).ok()? == MAGIC_END && version > FORMAT_VERSION).then_some(version)
}

fn read_footer(map: &[u8]) -> Parsed<Footer> {
    let trailer_at = map.len().checked_sub(TRAILER_BYTES).ok_or(Bad("the file is too short"))?;
    let mut trailer = Reader::new(map.get(trailer_at..).unwrap_or_default());
    let (offset, length, version, digest) = (trailer.u64()?, trailer.u32()?, trailer.u32()?, trailer.u64()?);
    if trailer.take(8)? != MAGIC_END {
        return Err(Bad("the file does not end as a segment file does"));
    }
    if !(FORMAT_VERSION_OLDEST..=FORMAT_VERSION).contains(&version) {
        return Err(Bad("a format version that this program does not know"));
    }
    let start = usize::try_from(offset).map_err(|_| Bad("it lies behind the end of the file"))?;
    if length > FOOTER_BYTES_MAX || start.checked_add(length as usize) != Some(trailer_at) {
        return Err(Bad("it does not lie where the trailer says"));
    }
    let bytes = map.get(start..trailer_at).ok_or(Bad("it lies behind the end of the file"))?;
    if xxh3_64(bytes) != digest {
        return Err(Bad("its checksum does not match"));
    }
    if map.get(..MAGIC.len()) != Some(MAGIC.as_slice()) {
        return Err(Bad("the file does not begin as a segment file does"));
    }
    let mut reader = Reader::new(bytes);
    let position = |reader: &mut Reader<'_>| -> Parsed<Position> {
        Ok(Position { time: Timestamp::from_nanos(reader.i64()?), seq: reader.u64()? })
    };
    if reader.u32()? != version || reader.u32()? as usize != PAGE_BYTES {
        return Err(Bad("a format version or page size that this program does not know"));
    }
    let meta = SegmentMeta {
        events: reader.u64()?,
        first: position(&mut reader)?,
        last: position(&mut reader)?,
        seq_first: reader.u64()?,
        seq_last: reader.u64()?,
        bytes: map.len() as u64,
    };
    let range = |reader: &mut Reader<'_>, end_max: usize| -> Parsed<Range<usize>> {
        let start =
            usize::try_from(reader.u64()?).map_err(|_| Bad("a section behind the end of the file"))?;
        let length =
            usize::try_from(reader.u64()?).map_err(|_| Bad("a section behind the end of the file"))?;
        let end = start.checked_add(length).filter(|end| *end <= end_max);
        Ok(start..end.ok_or(Bad("a section behind the end of the file"))?)
    };
    let checksums = range(&mut reader, start)?;
    if checksums.end != start || checksums.len() != checksums.start.div_ceil(PAGE_BYTES) * 8 {
        return Err(Bad("the page checksums do not fit the file"));
    }
    let checksums_digest = reader.u64()?;
    let writer = reader.length()?;
    reader.take(writer)?;
    let mut sections = [const { usize::MAX..usize::MAX }; Section::ALL.len()];
    for _ in 0..reader.u32()? {
        let length = reader.length()?;
        let name = reader.take(length)?;
        let place = range(&mut reader, checksums.start)?;
        // A section this program does not know is a later addition that readers may ignore.
        if let Some(section) = Section::ALL.into_iter().find(|section| section.name().as_bytes() == name) {
            sections[section as usize] = place;
        }
    }
    if version == 1 {
        sections[Section::Postings as usize] = sections[Section::Terms as usize].clone();
    }
    if sections.iter().any(|section| section.start == usize::MAX) {
        return Err(Bad("a section is missing"));
    }
    Ok(Footer { version, meta, sections, checksums, checksums_digest })
}
