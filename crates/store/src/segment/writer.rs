//! Sealing: a segment from events in memory that are indexed already. The terms are known, so they are sorted once each
//! instead of once an event, and events are arranged by the ranks of their terms, not by texts.

use annals_model::{Field, Position, Timestamp};
use hashbrown::HashMap;
use uuid::Uuid;

use super::{
    SEGMENT_EVENTS_MAX, SegmentMeta, WriteError,
    block::{BLOCK_DOCS, Codes, SINGLE},
    draft::{Draft, DraftEvents, DraftPostings},
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    record::{PLAIN_COLUMNS, Record},
    terms::TermsWriter,
    words::{FieldWords, TermWords},
};
use crate::{Damage, codec::View, files::NewFile, pace};

/// An event in the chain of those that have the same value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) number: u32,
    /// The link before this one; itself when there is none.
    pub(crate) before: u32,
}

/// The events that have one value, descending by number and never empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers<'s> {
    links: &'s [Link],
    last: u32,
}

impl<'s> Numbers<'s> {
    pub(crate) const fn new(links: &'s [Link], last: u32) -> Self {
        Self { links, last }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + use<'s> {
        let links = self.links;
        let mut next = Some(self.last);
        std::iter::from_fn(move || {
            let place = next?;
            let link = links.get(place as usize)?;
            // A chain only ever leads back.
            next = Some(link.before).filter(|before| *before < place);
            Some(link.number)
        })
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

    /// What an event says, unless [`Self::id`], [`Self::values`] of fields with one value and [`Self::labels`] say it all;
    /// where it stands in the total order, and when it was taken.
    fn view(&self, number: u32) -> Result<(Option<View<'_>>, Position, Timestamp), Damage>;

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

/// Fewer docs of one organization share their block with others.
const OWN_BLOCK_DOCS_MIN: u32 = 48;

impl Arrangement {
    /// Where blocks end. An organization with enough docs has blocks of its own, of about the same size each, so that
    /// merging can copy them: no other segment's events of the same organization come inside.
    fn block_ends(&self) -> Vec<u32> {
        let docs = self.numbers.len() as u32;
        let mut ends = Vec::new();
        let (mut open, mut start) = (0, 0);
        for end in self.starts.iter().copied().chain([docs]) {
            let count = end - start;
            if count < OWN_BLOCK_DOCS_MIN {
                if end - open >= BLOCK_DOCS {
                    ends.push(end);
                    open = end;
                }
            } else {
                if start > open {
                    ends.push(start);
                }
                let blocks = ((count + BLOCK_DOCS / 2) / BLOCK_DOCS).max(1);
                let share = |block: u32| (u64::from(count) * u64::from(block) / u64::from(blocks)) as u32;
                ends.extend((1..=blocks).map(|block| start + share(block)));
                open = end;
            }
            start = end;
        }
        ends
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
                pace::small_step();
                numbers.iter().for_each(|number| codes[arrangement.docs[number as usize] as usize] = code);
            }
        }
        Self { values, codes }
    }

    /// Code + 1, or 0.
    fn code(&self, doc: u32) -> u32 {
        self.codes.get(doc as usize).copied().unwrap_or(0)
    }

    /// Writes the field's postings.
    fn write(&self, draft: &mut DraftPostings, with_postings: bool) -> Result<(), WriteError> {
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
        for bounds in ends[1..].windows(2) {
            field.push(&docs[bounds[0] as usize..bounds[1] as usize], with_postings);
        }
        draft.end_field(field)
    }
}

/// Writes the terms of a field.
fn write_terms(values: &Values<'_>, draft: &mut Draft, key: &str) -> Result<(), WriteError> {
    let mut terms = TermsWriter::default();
    values.iter().for_each(|(text, _)| terms.push(text.as_bytes()));
    draft.field(&terms, key)
}

/// Writes the postings of a field whose values may share events.
fn write_many(
    values: &Values<'_>,
    arrangement: &Arrangement,
    draft: &mut DraftPostings,
) -> Result<(), WriteError> {
    let mut field = draft.field();
    let mut docs = Vec::new();
    for (_, numbers) in values {
        docs.clear();
        docs.extend(numbers.iter().map(|number| arrangement.docs[number as usize]));
        docs.sort_unstable();
        docs.dedup();
        field.push(&docs, true);
    }
    draft.end_field(field)
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
    for (number, column) in columns.iter().enumerate() {
        write_terms(if number == CATEGORY { &categories } else { &column.values }, &mut draft, "")?;
    }
    for (key, values) in &labels.labels {
        write_terms(values, &mut draft, key)?;
    }
    let mut draft = draft.end_terms()?;
    write_events(source, &arrangement, &columns, &categories, &labels, &mut draft)?;
    let time_order = || Ok(order.iter().map(|number| arrangement.docs[*number as usize]).collect());
    let mut draft = draft.end_events(&[], &arrangement.starts, time_order)?;
    for (number, column) in columns.iter().enumerate() {
        if number == CATEGORY {
            write_many(&categories, &arrangement, &mut draft)?;
        } else {
            column.write(&mut draft, number != ORGANIZATION)?;
        }
    }
    for (_, values) in &labels.labels {
        write_many(values, &arrangement, &mut draft)?;
    }
    draft.finish(|ids| {
        let id = |number: &u32| source.id(*number).unwrap_or_default().into_bytes();
        arrangement.numbers.iter().try_for_each(|number| ids.push(&id(number)))
    })
}

fn write_events<'s>(
    source: &'s impl Sealable,
    arrangement: &Arrangement,
    columns: &[Column<'s>],
    categories: &Values<'s>,
    labels: &Labels<'s>,
    draft: &mut DraftEvents,
) -> Result<(), WriteError> {
    let mut ends = arrangement.block_ends().into_iter().peekable();
    let category_codes: HashMap<&str, u32> = categories.iter().map(|(text, _)| *text).zip(0..).collect();
    let mut buffer = String::new();
    let mut words = |values: &Values<'_>| FieldWords::new(values.iter().map(|(text, _)| *text), &mut buffer);
    let organization_words = words(&columns[ORGANIZATION].values);
    draft.take_words(TermWords {
        columns: SINGLE.iter().map(|field| words(&columns[*field].values)).collect(),
        categories: words(categories),
        labels: labels.labels.iter().map(|(_, values)| words(values)).collect(),
    });
    // The block and the organization whose words it has.
    let mut last = None;
    let mut codes = Codes::default();
    for (number, doc) in arrangement.numbers.iter().zip(0..) {
        let (view, position, recorded) = source.view(*number)?;
        for (code, field) in codes.single.iter_mut().zip(SINGLE) {
            *code = columns[field].code(doc);
        }
        codes.categories.clear();
        let said = view.as_ref().map(View::categories).unwrap_or_default();
        codes.categories.extend(said.iter().filter_map(|text| category_codes.get(text)));
        codes.labels.clear();
        codes.labels.extend_from_slice(labels.of(doc));
        let record = match &view {
            Some(view) => Record::of_view(view, position, recorded),
            None => Record::without_texts(source.id(*number).unwrap_or_default(), position, recorded),
        };
        if ends.next_if_eq(&doc).is_some() {
            draft.end_block()?;
        }
        draft.push(&record, &codes, |words| {
            if let Some(code) = columns[ORGANIZATION].code(doc).checked_sub(1)
                && last.replace((words.block(), code)) != Some((words.block(), code))
            {
                words.hashes(organization_words.of(code));
            }
            record.texts[..PLAIN_COLUMNS].iter().flatten().for_each(|text| words.text(text));
            record.texts[PLAIN_COLUMNS..].iter().flatten().for_each(|json| words.json(json));
        })?;
    }
    Ok(())
}
