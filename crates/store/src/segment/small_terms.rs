//! The texts of fields with few terms, such as types, actions and outcomes, spelled out once for all queries: nearly every
//! event has them, and a block that is read for one event should not have to look them up again.

use std::sync::OnceLock;

use super::{Segment, fields::FIXED_FIELDS};
use crate::Damage;

/// A field with at most so many terms has a place for each of them. It bounds what a segment keeps: a few hundred
/// kilobytes when every field has that many.
const FIELD_TERMS_MAX: u32 = 256;

/// By code.
type Texts = Box<[OnceLock<Box<str>>]>;

/// The texts of a segment's fixed fields with few terms, by field.
#[derive(Debug, Default)]
pub(super) struct SmallTerms {
    fields: [OnceLock<Texts>; FIXED_FIELDS],
}

impl SmallTerms {
    /// The text of a code of a field of `segment`; `None` when the field has many terms or is a label.
    pub(super) fn term<'s>(
        &'s self,
        segment: &'s Segment,
        field: u32,
        code: u32,
    ) -> Result<Option<&'s str>, Damage> {
        let (Some(record), Some(texts)) =
            (segment.fixed.get(field as usize), self.fields.get(field as usize))
        else {
            return Ok(None);
        };
        if record.terms > FIELD_TERMS_MAX {
            return Ok(None);
        }
        let texts = texts.get_or_init(|| (0..record.terms).map(|_| OnceLock::new()).collect());
        // A code that is not there is looked for as others are, and named as damage.
        let Some(place) = texts.get(code as usize) else { return Ok(None) };
        if let Some(text) = place.get() {
            return Ok(Some(text));
        }
        let text = segment.dictionary(field)?.text(code)?.into_boxed_str();
        Ok(Some(place.get_or_init(|| text)))
    }
}
