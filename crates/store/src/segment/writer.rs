//! Sealing: a segment from events in memory.

use std::collections::BTreeMap;

use annals_model::{Event, Field};
use hashbrown::HashMap;

use super::{
    SEGMENT_EVENTS_MAX, SegmentMeta, WriteError,
    block::{Codes, SINGLE, column_of},
    draft::{Draft, DraftFields},
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
};
use crate::files::NewFile;

/// The distinct texts of a field, and which of them every value is.
struct Interned<'e> {
    /// Sorted by their bytes.
    terms: Vec<&'e str>,
    /// Code of each value in the order they came.
    codes: Vec<u32>,
}

impl<'e> Interned<'e> {
    fn of(values: impl Iterator<Item = &'e str>) -> Self {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut terms: Vec<&str> = Vec::new();
        let mut codes: Vec<u32> = Vec::new();
        for value in values {
            // Neighbours share most values, and comparing is cheaper than hashing.
            let last = codes.last().copied().filter(|last| terms.get(*last as usize) == Some(&value));
            codes.push(last.unwrap_or_else(|| {
                *numbers.entry(value).or_insert_with(|| {
                    terms.push(value);
                    terms.len() as u32 - 1
                })
            }));
        }
        let mut sorted: Vec<u32> = (0..terms.len() as u32).collect();
        sorted.sort_unstable_by_key(|number| terms[*number as usize]);
        let mut ranks = vec![0; terms.len()];
        sorted.iter().zip(0..).for_each(|(number, rank)| ranks[*number as usize] = rank);
        codes.iter_mut().for_each(|code| *code = ranks[*code as usize]);
        Self { terms: sorted.iter().map(|number| terms[*number as usize]).collect(), codes }
    }

    /// Writes the field; `docs` says which doc each value belongs to.
    fn write(
        &self,
        draft: &mut DraftFields,
        key: &str,
        docs: &[u32],
        with_postings: bool,
    ) -> Result<(), WriteError> {
        // Counting sort by code keeps the docs of each term in order.
        let mut ends = vec![0_usize; self.terms.len() + 1];
        self.codes.iter().for_each(|code| ends[*code as usize + 1] += 1);
        for at in 1..ends.len() {
            ends[at] += ends[at - 1];
        }
        let mut starts = ends.clone();
        let mut sorted = vec![0; docs.len()];
        for (code, doc) in self.codes.iter().zip(docs) {
            let at = &mut starts[*code as usize];
            sorted[*at] = *doc;
            *at += 1;
        }
        let mut field = draft.field();
        let mut distinct = Vec::new();
        for (term, bounds) in self.terms.iter().zip(ends.windows(2)) {
            let docs = &sorted[bounds[0]..bounds[1]];
            // An event may name a category twice.
            distinct.clear();
            distinct.extend_from_slice(docs);
            distinct.dedup();
            field.push(term.as_bytes(), &distinct, with_postings)?;
        }
        draft.end_field(field, key)
    }
}

/// One field: its values, and the doc of each.
struct Values<'e> {
    interned: Interned<'e>,
    docs: Vec<u32>,
}

impl<'e> Values<'e> {
    fn of_field(events: &'e [Event], field: &Field) -> Self {
        let mut docs = Vec::new();
        let mut values = Vec::new();
        for (event, doc) in events.iter().zip(0..) {
            field.visit(event, |value| {
                docs.push(doc);
                values.push(value);
            });
        }
        Self { interned: Interned::of(values.into_iter()), docs }
    }
}

/// Hands out the codes of a field in doc order.
struct Cursor<'v> {
    values: &'v Values<'v>,
    next: usize,
}

impl Cursor<'_> {
    /// The next code, if it belongs to this doc.
    fn next(&mut self, doc: u32) -> Option<u32> {
        if self.values.docs.get(self.next) != Some(&doc) {
            return None;
        }
        self.next += 1;
        self.values.interned.codes.get(self.next - 1).copied()
    }
}

/// Writes a segment of these events, which may come in any order, and brings it to the disk.
///
/// # Errors
/// When there are no events or more than [`SEGMENT_EVENTS_MAX`], or the file cannot be written.
pub(crate) fn write_segment(
    file: Box<dyn NewFile>,
    mut events: Vec<Event>,
) -> Result<SegmentMeta, WriteError> {
    if events.len() > SEGMENT_EVENTS_MAX {
        return Err(WriteError::Size(events.len()));
    }
    fn organization(event: &Event) -> Option<&str> {
        event.organization.as_ref().map(|organization| organization.id.as_str())
    }
    events.sort_unstable_by(|one, two| {
        (organization(one), one.position()).cmp(&(organization(two), two.position()))
    });
    let fixed: Vec<Values<'_>> = Field::FIXED
        .iter()
        .map(|field| Values::of_field(if field.is_indexed() { &events } else { &[] }, field))
        .collect();
    let mut by_key: BTreeMap<&str, (Vec<&str>, Vec<u32>)> = BTreeMap::new();
    for (event, doc) in events.iter().zip(0..) {
        for (key, value) in &event.labels {
            let (values, docs) = by_key.entry(key).or_default();
            values.push(value);
            docs.push(doc);
        }
    }
    let labels: Vec<(&str, Values<'_>)> = by_key
        .into_iter()
        .map(|(key, (values, docs))| (key, Values { interned: Interned::of(values.into_iter()), docs }))
        .collect();
    let label_numbers: HashMap<&str, u32> = labels.iter().map(|(key, _)| *key).zip(0..).collect();

    let mut draft = Draft::new(file, events.len())?;
    let mut fixed_cursors: Vec<Cursor<'_>> = fixed.iter().map(|values| Cursor { values, next: 0 }).collect();
    let mut label_cursors: Vec<Cursor<'_>> =
        labels.iter().map(|(_, values)| Cursor { values, next: 0 }).collect();
    let mut codes = Codes::default();
    for (event, doc) in events.iter().zip(0..) {
        for (column, field) in SINGLE.iter().enumerate() {
            codes.single[column] = fixed_cursors[*field].next(doc).map_or(0, |code| code + 1);
        }
        codes.categories.clear();
        while let Some(code) = fixed_cursors[CATEGORY].next(doc) {
            codes.categories.push(code);
        }
        codes.labels.clear();
        for key in event.labels.keys() {
            let number = label_numbers[key.as_str()];
            if let Some(code) = label_cursors[number as usize].next(doc) {
                codes.labels.push((number, code));
            }
        }
        draft.push(event, &codes)?;
    }

    let organizations = &fixed[ORGANIZATION];
    let mut starts = vec![0; organizations.interned.terms.len()];
    for (code, doc) in organizations.interned.codes.iter().zip(&organizations.docs).rev() {
        starts[*code as usize] = *doc;
    }
    let mut order: Vec<u32> = (0..events.len() as u32).collect();
    order.sort_by_key(|doc| events[*doc as usize].position());
    let mut draft = draft.end_events(&starts, order.into_iter().map(Ok))?;
    debug_assert!(column_of(ORGANIZATION).is_none(), "an organization is told by the doc's range");
    for (number, values) in fixed.iter().enumerate() {
        values.interned.write(&mut draft, "", &values.docs, number != ORGANIZATION)?;
    }
    debug_assert_eq!(fixed.len(), FIXED_FIELDS);
    for (key, values) in &labels {
        values.interned.write(&mut draft, key, &values.docs, true)?;
    }
    draft.finish(events.iter().map(|event| Ok(*event.id.as_bytes())))
}
