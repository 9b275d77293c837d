//! Conditions on the shape of a field's values: patterns, case, numbers. The dictionary of the field is looked through,
//! from where values of that shape begin.

use annals_model::{Criterion, Field};
use roaring::RoaringBitmap;

use super::{
    Segment,
    select::{Found, hashes_of},
    sets::Docs,
    terms::Dictionary,
};
use crate::Damage;

/// A dictionary is looked through when it has at most so many terms to look at for each doc that is in question; else
/// the docs are read. It bounds the work of a pattern that begins with a wildcard by that of reading what is in question.
const TERMS_PER_DOC_MAX: u64 = 64;

impl Segment {
    /// The docs of `within` with a value of the field that is what the criterion says.
    pub(super) fn with_value(
        &self,
        field: &Field,
        criterion: &Criterion,
        within: &Docs,
    ) -> Result<Found, Damage> {
        if !field.is_indexed() {
            return self.with_words(&[hashes_of(&criterion.words())], within);
        }
        let Some(index) = self.field_index(field)? else {
            return Ok(Found::exactly(within.among(RoaringBitmap::new())));
        };
        let dictionary = self.dictionary(index)?;
        let ranges = ranges(&dictionary, criterion)?;
        let terms: u64 = ranges.iter().map(|range| u64::from(range.end - range.start)).sum();
        if terms > within.len().saturating_mul(TERMS_PER_DOC_MAX) {
            return self.with_words(&[hashes_of(&criterion.words())], within);
        }
        let mut codes = Vec::new();
        for range in ranges {
            let mut walk = dictionary.walk_from(range.start)?;
            while let Some(code) = walk.advance()?.filter(|code| *code < range.end) {
                if criterion.accepts(walk.text()?) {
                    codes.push(code);
                }
            }
        }
        Ok(Found::exactly(self.docs_of_codes(index, &dictionary, &codes, within)?))
    }
}

/// The codes among which all terms are that the criterion accepts.
fn ranges(dictionary: &Dictionary<'_>, criterion: &Criterion) -> Result<Vec<std::ops::Range<u32>>, Damage> {
    let Some(beginnings) = criterion.beginnings() else {
        return Ok(std::iter::once(0..dictionary.terms()).collect());
    };
    let mut ranges = Vec::with_capacity(beginnings.len());
    for beginning in &beginnings {
        let beginning = beginning.as_bytes();
        let start = dictionary.partition_point(|term| term < beginning)?;
        let end = dictionary.partition_point(|term| term < beginning || term.starts_with(beginning))?;
        if start < end {
            ranges.push(start..end);
        }
    }
    Ok(ranges)
}
