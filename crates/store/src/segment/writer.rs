//! Sealing: a segment from events in memory that are indexed already. The terms are known, so they are sorted once each
//! instead of once an event, and events are arranged by the ranks of their terms, not by texts.

use annals_model::{Field, Position, Timestamp};
use hashbrown::HashMap;
use uuid::Uuid;

use super::{
    BLOCK_DOCS, SEGMENT_EVENTS_MAX, SegmentMeta, WriteError,
    block::{Codes, SINGLE},
    draft::{Draft, DraftFields},
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    record::{PLAIN_COLUMNS, Record},
    words::{BlockWords, word_hashes},
};
use crate::{Damage, codec::View, files::NewFile};

/// The events that have one value, ascending by number and never empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers<'s> {
    pub(crate) first: u32,
    pub(crate) rest: &'s [u32],
}

impl Numbers<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }
}

/// Values of one field in any order, each with the events that have it.
pub(crate) type Values<'s> = Vec<(&'s str, Numbers<'s>)>;

/// Indexed events that can become a segment. An event is known by its number, from 0 without gaps.
pub(crate) trait Sealable {
    /// Every number in the total order.
    fn order(&self) -> &[u32];

    /// The id of an event.
    fn id(&self, number: u32) -> Option<Uuid>;

    /// What an event says, where it stands in the total order, and when it was taken.
    fn view(&self, number: u32) -> Result<(View<'_>, Position, Timestamp), Damage>;

    /// The values of one of [`Field::FIXED`] that is indexed.
    fn values(&self, field: usize) -> Values<'_>;

    /// The values of every label.
    fn labels(&self) -> Vec<(&str, Values<'_>)>;
}

/// In which order the events come into the segment.
struct Arrangement {
    /// By doc: the event's number.
    numbers: Vec<u32>,
    /// By number: the event's doc.
    docs: Vec<u32>,
    /// The first doc of each organization.
    starts: Vec<u32>,
}

impl Arrangement {
    /// By (organization, absent first; time; seq), `order` being the total order.
    fn new(order: &[u32], organizations: &Values<'_>) -> Self {
        let mut ranks = vec![0_u32; order.len()];
        let mut ends = vec![0_u32; organizations.len() + 2];
        for (rank, (_, numbers)) in (1..).zip(organizations) {
            for number in numbers.iter() {
                ranks[number as usize] = rank;
                ends[rank as usize + 1] += 1;
            }
        }
        ends[1] = order.len() as u32 - ends.iter().sum::<u32>();
        for at in 1..ends.len() {
            ends[at] += ends[at - 1];
        }
        let starts = ends[1..ends.len() - 1].to_vec();
        let mut next = ends;
        let mut numbers = vec![0; order.len()];
        let mut docs = vec![0; order.len()];
        for number in order {
            let place = &mut next[ranks[*number as usize] as usize];
            numbers[*place as usize] = *number;
            docs[*number as usize] = *place;
            *place += 1;
        }
        Self { numbers, docs, starts }
    }
}

/// The values of a field by their bytes: a value's place is its code.
fn sorted(values: Values<'_>) -> Values<'_> {
    // Most are told apart by their first bytes, which are compared as one number.
    let head = |text: &str| {
        let bytes = text.as_bytes();
        let mut head = [0; 8];
        let length = bytes.len().min(8);
        head[..length].copy_from_slice(&bytes[..length]);
        u64::from_be_bytes(head)
    };
    let mut keyed: Vec<_> = values.into_iter().map(|value| (head(value.0), value)).collect();
    keyed.sort_unstable_by(|one, two| one.0.cmp(&two.0).then_with(|| one.1.0.cmp(two.1.0)));
    keyed.into_iter().map(|(_, value)| value).collect()
}

/// A field with at most one value an event.
struct Column<'s> {
    values: Values<'s>,
    /// By doc: code + 1, or 0 when absent.
    codes: Vec<u32>,
}

impl<'s> Column<'s> {
    fn new(values: Values<'s>, arrangement: &Arrangement) -> Self {
        let mut codes = Vec::new();
        if !values.is_empty() {
            codes.resize(arrangement.docs.len(), 0);
            for (code, (_, numbers)) in (1..).zip(&values) {
                numbers.iter().for_each(|number| codes[arrangement.docs[number as usize] as usize] = code);
            }
        }
        Self { values, codes }
    }

    /// Code + 1, or 0.
    fn code(&self, doc: u32) -> u32 {
        self.codes.get(doc as usize).copied().unwrap_or(0)
    }

    /// Writes the field's terms and postings.
    fn write(&self, draft: &mut DraftFields, with_postings: bool) -> Result<(), WriteError> {
        // Counting sort by code keeps the docs of each term in order.
        let mut ends = vec![0_u32; self.values.len() + 2];
        self.codes.iter().for_each(|code| ends[*code as usize + 1] += 1);
        for at in 1..ends.len() {
            ends[at] += ends[at - 1];
        }
        let mut next = ends.clone();
        let mut docs = vec![0; self.codes.len()];
        for (code, doc) in self.codes.iter().zip(0..) {
            let place = &mut next[*code as usize];
            docs[*place as usize] = doc;
            *place += 1;
        }
        let mut field = draft.field();
        for ((text, _), bounds) in self.values.iter().zip(ends[1..].windows(2)) {
            field.push(text.as_bytes(), &docs[bounds[0] as usize..bounds[1] as usize], with_postings)?;
        }
        draft.end_field(field, "")
    }
}

/// Writes a field whose values may share events.
fn write_many(
    values: &Values<'_>,
    arrangement: &Arrangement,
    draft: &mut DraftFields,
    key: &str,
) -> Result<(), WriteError> {
    let mut field = draft.field();
    let mut docs = Vec::new();
    for (text, numbers) in values {
        docs.clear();
        docs.extend(numbers.iter().map(|number| arrangement.docs[number as usize]));
        docs.sort_unstable();
        docs.dedup();
        field.push(text.as_bytes(), &docs, true)?;
    }
    draft.end_field(field, key)
}

/// The labels of every event.
struct Labels<'s> {
    /// Sorted by their names.
    labels: Vec<(&'s str, Values<'s>)>,
    /// By doc: where its entries begin; one more at the end.
    starts: Vec<u32>,
    /// Label and code, in the order of the labels' names within a doc.
    entries: Vec<(u32, u32)>,
}

impl<'s> Labels<'s> {
    fn new(mut labels: Vec<(&'s str, Values<'s>)>, arrangement: &Arrangement) -> Self {
        labels.sort_unstable_by_key(|(key, _)| *key);
        let labels: Vec<_> = labels.into_iter().map(|(key, values)| (key, sorted(values))).collect();
        if labels.is_empty() {
            return Self { labels, starts: Vec::new(), entries: Vec::new() };
        }
        let mut starts = vec![0_u32; arrangement.docs.len() + 1];
        let numbers = || labels.iter().flat_map(|(_, values)| values).flat_map(|(_, numbers)| numbers.iter());
        numbers().for_each(|number| starts[arrangement.docs[number as usize] as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0, 0); starts.last().map_or(0, |end| *end as usize)];
        for (label, (_, values)) in (0..).zip(&labels) {
            for (code, (_, numbers)) in (0..).zip(values) {
                for number in numbers.iter() {
                    let place = &mut next[arrangement.docs[number as usize] as usize];
                    entries[*place as usize] = (label, code);
                    *place += 1;
                }
            }
        }
        Self { labels, starts, entries }
    }

    fn of(&self, doc: u32) -> &[(u32, u32)] {
        let at = |doc: usize| self.starts.get(doc).map_or(0, |at| *at as usize);
        &self.entries[at(doc as usize)..at(doc as usize + 1)]
    }
}

/// The words of the values of a field, cut once a segment.
struct FieldWords {
    /// By code: where its hashes end.
    ends: Vec<u32>,
    hashes: Vec<u64>,
    /// By code: the block that has them already, plus one.
    blocks: Vec<u32>,
}

impl FieldWords {
    fn new(values: &Values<'_>, buffer: &mut String) -> Self {
        let mut hashes = Vec::new();
        let mut ends = Vec::with_capacity(values.len());
        for (text, _) in values {
            word_hashes(text, buffer, |hash| hashes.push(hash));
            ends.push(hashes.len() as u32);
        }
        Self { blocks: vec![0; ends.len()], ends, hashes }
    }

    fn add(&mut self, code: u32, block: u32, words: &mut BlockWords) {
        let code = code as usize;
        if self.blocks[code] != block + 1 {
            self.blocks[code] = block + 1;
            let start = code.checked_sub(1).map_or(0, |before| self.ends[before]);
            words.hashes(&self.hashes[start as usize..self.ends[code] as usize]);
        }
    }
}

/// Writes a segment of indexed events and brings it to the disk.
///
/// # Errors
/// When there are no events or more than [`SEGMENT_EVENTS_MAX`], or the file cannot be written.
pub(crate) fn write_segment(
    file: Box<dyn NewFile>,
    source: &impl Sealable,
) -> Result<SegmentMeta, WriteError> {
    let order = source.order();
    if order.is_empty() || order.len() > SEGMENT_EVENTS_MAX {
        return Err(WriteError::Size(order.len()));
    }
    let organizations = sorted(source.values(ORGANIZATION));
    let arrangement = Arrangement::new(order, &organizations);
    let mut columns: Vec<Column<'_>> = Vec::with_capacity(FIXED_FIELDS);
    let mut categories = Values::new();
    for (number, field) in Field::FIXED.iter().enumerate() {
        let values = match number {
            ORGANIZATION => organizations.clone(),
            _ if field.is_indexed() => sorted(source.values(number)),
            _ => Values::new(),
        };
        if number == CATEGORY {
            categories = values;
            columns.push(Column { values: Values::new(), codes: Vec::new() });
        } else {
            columns.push(Column::new(values, &arrangement));
        }
    }
    let labels = Labels::new(source.labels(), &arrangement);

    let mut draft = Draft::new(file, order.len())?;
    write_events(source, &arrangement, &columns, &categories, &labels, &mut draft)?;
    let time_order = order.iter().map(|number| Ok(arrangement.docs[*number as usize]));
    let mut draft = draft.end_events(&arrangement.starts, time_order)?;
    for (number, column) in columns.iter().enumerate() {
        if number == CATEGORY {
            write_many(&categories, &arrangement, &mut draft, "")?;
        } else {
            column.write(&mut draft, number != ORGANIZATION)?;
        }
    }
    for (key, values) in &labels.labels {
        write_many(values, &arrangement, &mut draft, key)?;
    }
    draft.finish(
        arrangement.numbers.iter().map(|number| Ok(source.id(*number).unwrap_or_default().into_bytes())),
    )
}

fn write_events<'s>(
    source: &'s impl Sealable,
    arrangement: &Arrangement,
    columns: &[Column<'s>],
    categories: &Values<'s>,
    labels: &Labels<'s>,
    draft: &mut Draft,
) -> Result<(), WriteError> {
    let category_codes: HashMap<&str, u32> = categories.iter().map(|(text, _)| *text).zip(0..).collect();
    let mut buffer = String::new();
    let mut column_words: Vec<FieldWords> =
        columns.iter().map(|column| FieldWords::new(&column.values, &mut buffer)).collect();
    let mut category_words = FieldWords::new(categories, &mut buffer);
    let mut label_words: Vec<FieldWords> =
        labels.labels.iter().map(|(_, values)| FieldWords::new(values, &mut buffer)).collect();
    let mut codes = Codes::default();
    for (number, doc) in arrangement.numbers.iter().zip(0..) {
        let (view, position, recorded) = source.view(*number)?;
        for (code, field) in codes.single.iter_mut().zip(SINGLE) {
            *code = columns[field].code(doc);
        }
        codes.categories.clear();
        codes.categories.extend(view.categories().iter().filter_map(|text| category_codes.get(text)));
        codes.labels.clear();
        codes.labels.extend_from_slice(labels.of(doc));
        let record = Record::of_view(&view, position, recorded);
        let block = doc / BLOCK_DOCS as u32;
        draft.push(&record, &codes, |words| {
            for (field, column) in columns.iter().enumerate() {
                if let Some(code) = column.code(doc).checked_sub(1) {
                    column_words[field].add(code, block, words);
                }
            }
            for code in &codes.categories {
                category_words.add(*code, block, words);
            }
            for (label, code) in &codes.labels {
                label_words[*label as usize].add(*code, block, words);
            }
            record.texts[..PLAIN_COLUMNS].iter().flatten().for_each(|text| words.text(text));
            record.texts[PLAIN_COLUMNS..].iter().flatten().for_each(|json| words.json(json));
        })?;
    }
    Ok(())
}
