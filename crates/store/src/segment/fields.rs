//! The catalog of fields: for each field of a segment, where its terms and postings are.
//!
//! The records have one length, those of the fixed fields come first by number and those of the labels follow sorted by
//! their names, so that a field is found without reading the others: a file may have a million labels.

use annals_model::Field;

use super::{
    Segment,
    bits::{Bad, Parsed, Reader},
    file::Section,
    terms::Dictionary,
};
use crate::Damage;

/// Bytes of one record.
pub(super) const RECORD_BYTES: u64 = 96;
/// How many fields have a number.
pub(super) const FIXED_FIELDS: usize = Field::FIXED.len();
/// The number of the field organization.id, whose postings are ranges.
pub(super) const ORGANIZATION: usize = 5;
/// The number of the one field with many values.
pub(super) const CATEGORY: usize = 20;
/// The number of the field source.
pub(super) const SOURCE: u32 = 0;

/// How the docs that have a value are told from those that do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Presence {
    /// Every doc has one.
    #[default]
    All,
    /// A stored bitmap of those that have one.
    Present,
    /// A stored bitmap of those that have none.
    Absent,
    /// No doc has one.
    Nowhere,
}

/// Where the parts of one field are: groups and texts in the section `terms`, references, postings and presence in the
/// section `postings`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FieldRecord {
    pub(super) terms: u32,
    pub(super) group_width: u8,
    pub(super) reference_width: u8,
    pub(super) presence: Presence,
    /// How many docs have a value.
    pub(super) present: u32,
    /// A label's name in the section `label_keys`.
    pub(super) key_bytes: u32,
    pub(super) key: u64,
    pub(super) groups: u64,
    pub(super) texts: u64,
    pub(super) texts_bytes: u64,
    pub(super) references: u64,
    pub(super) postings: u64,
    pub(super) postings_bytes: u64,
    pub(super) presence_at: u64,
    pub(super) presence_bytes: u64,
}

impl FieldRecord {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.terms.to_le_bytes());
        out.extend_from_slice(&self.present.to_le_bytes());
        out.extend_from_slice(&self.key_bytes.to_le_bytes());
        let presence = match self.presence {
            Presence::All => 0,
            Presence::Present => 1,
            Presence::Absent => 2,
            Presence::Nowhere => 3,
        };
        out.extend_from_slice(&[self.group_width, self.reference_width, presence, 0]);
        for number in [
            self.key,
            self.groups,
            self.texts,
            self.texts_bytes,
            self.references,
            self.postings,
            self.postings_bytes,
            self.presence_at,
            self.presence_bytes,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.resize(start + RECORD_BYTES as usize, 0);
    }

    fn read(bytes: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::new(bytes);
        let (terms, present, key_bytes) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let (group_width, reference_width) = (reader.u8()?, reader.u8()?);
        let presence = match reader.u8()? {
            0 => Presence::All,
            1 => Presence::Present,
            2 => Presence::Absent,
            3 => Presence::Nowhere,
            _ => return Err(Bad("an unknown kind of presence")),
        };
        reader.u8()?;
        let mut number = || {
            // Offsets are added up later; no file is longer than this, and their sums stay within u64.
            let number = reader.u64()?;
            if number >> 48 == 0 { Ok(number) } else { Err(Bad("an offset behind the end of the file")) }
        };
        Ok(Self {
            terms,
            group_width,
            reference_width,
            presence,
            present,
            key_bytes,
            key: number()?,
            groups: number()?,
            texts: number()?,
            texts_bytes: number()?,
            references: number()?,
            postings: number()?,
            postings_bytes: number()?,
            presence_at: number()?,
            presence_bytes: number()?,
        })
    }
}

impl Segment {
    /// The dictionary of the field with this index: a fixed field's number, or behind them a label's rank.
    pub(super) fn dictionary(&self, index: u32) -> Result<Dictionary<'_>, Damage> {
        let record = match self.fixed.get(index as usize) {
            Some(record) => *record,
            None => self.field_record(index)?,
        };
        Ok(Dictionary { segment: self, record })
    }

    pub(super) fn field_record(&self, index: u32) -> Result<FieldRecord, Damage> {
        let at = u64::from(index) * RECORD_BYTES;
        let bytes = self.file.bytes(Section::Fields, at..at + RECORD_BYTES)?;
        FieldRecord::read(bytes).map_err(|bad| self.bad(Section::Fields, at, bad))
    }

    /// How many labels there are; their fields follow the fixed ones.
    pub(super) fn labels(&self) -> u32 {
        let records = self.file.section_bytes(Section::Fields) / RECORD_BYTES;
        u32::try_from(records.saturating_sub(FIXED_FIELDS as u64)).unwrap_or(0)
    }

    /// The name of a label, by its field's index.
    pub(super) fn label_key(&self, index: u32) -> Result<&str, Damage> {
        let record = self.field_record(index)?;
        let bytes =
            self.file.bytes(Section::LabelKeys, record.key..record.key + u64::from(record.key_bytes))?;
        std::str::from_utf8(bytes)
            .map_err(|_| self.file.damage(Section::LabelKeys, record.key, "a label's name that is not UTF-8"))
    }

    /// The index of a field; `None` when it has no terms here because no event has it or because it is not indexed.
    pub(super) fn field_index(&self, field: &Field) -> Result<Option<u32>, Damage> {
        let key = match field {
            Field::Label(key) => key,
            fixed => return Ok(fixed.number().filter(|_| fixed.is_indexed()).map(u32::from)),
        };
        let first = FIXED_FIELDS as u32;
        let (mut low, mut high) = (first, first + self.labels());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.label_key(middle)?.cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Some(middle)),
            }
        }
        Ok(None)
    }
}
