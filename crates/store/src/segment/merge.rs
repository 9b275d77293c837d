//! Merging: one segment from several, in memory that does not grow with the events.
//!
//! First the dictionaries are merged field by field, which gives a map from old to new codes for each input. Then the
//! docs stream through in their new order, their codes mapped. Last the dictionaries are merged once more, now with
//! their postings, mapped from old to new docs. What is held in memory are the maps: four bytes per event, and four per
//! term of each input.

use std::{collections::BTreeSet, sync::Arc};

use annals_model::Position;

use super::{
    Segment, SegmentMeta, WriteError,
    block::{Codes, SINGLE},
    decoder::Decoder,
    draft::{Draft, DraftFields},
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    record::Record,
    terms::Dictionary,
};
use crate::{Damage, files::NewFile};

/// Stands for a field that an input does not have.
const NO_FIELD: u32 = u32::MAX;

/// One segment that is merged.
struct Input<'s> {
    segment: &'s Segment,
    /// By the input's own field index: the field's index in the new segment.
    fields: Vec<u32>,
    /// By the new segment's field index: the input's own.
    own: Vec<u32>,
    /// By the input's own field index and code: the new code.
    codes: Vec<Vec<u32>>,
    /// By old doc: the new doc.
    docs: Vec<u32>,
}

impl<'s> Input<'s> {
    fn new(segment: &'s Segment, keys: &[String]) -> Result<Self, Damage> {
        let fixed = FIXED_FIELDS as u32;
        let mut fields: Vec<u32> = (0..fixed).collect();
        let mut own: Vec<u32> = (0..fixed).collect();
        own.resize(FIXED_FIELDS + keys.len(), NO_FIELD);
        for index in fixed..fixed + segment.labels() {
            let key = segment.label_key(index)?;
            if let Ok(rank) = keys.binary_search_by(|probe| probe.as_str().cmp(key)) {
                own[FIXED_FIELDS + rank] = index;
                fields.push(fixed + rank as u32);
            } else {
                fields.push(NO_FIELD);
            }
        }
        let codes = vec![Vec::new(); fields.len()];
        Ok(Self { segment, fields, own, codes, docs: Vec::with_capacity(segment.docs as usize) })
    }

    fn dictionary(&self, index: u32) -> Result<Option<Dictionary<'s>>, Damage> {
        match self.own.get(index as usize) {
            None | Some(&NO_FIELD) => Ok(None),
            Some(own) => self.segment.dictionary(*own).map(Some),
        }
    }

    fn new_code(&self, own: usize, code: u32) -> Result<u32, Damage> {
        let new = self.codes.get(own).and_then(|codes| codes.get(code as usize)).copied();
        new.ok_or_else(|| {
            self.segment.file.damage(super::Section::Blocks, 0, "an event has a code without a term")
        })
    }

    /// Replaces the codes of an event of this input by the new ones.
    fn map(&self, codes: &mut Codes) -> Result<(), Damage> {
        for (field, code) in SINGLE.iter().zip(&mut codes.single) {
            if let Some(old) = code.checked_sub(1) {
                *code = self.new_code(*field, old)? + 1;
            }
        }
        for code in &mut codes.categories {
            *code = self.new_code(CATEGORY, *code)?;
        }
        for (label, code) in &mut codes.labels {
            let own = FIXED_FIELDS.saturating_add(*label as usize);
            *code = self.new_code(own, *code)?;
            *label = self.fields.get(own).map_or(0, |field| field.saturating_sub(FIXED_FIELDS as u32));
        }
        Ok(())
    }
}

/// Calls `visit` with every term of a field in order, and which inputs have it under which code.
fn merge_terms<E: From<Damage>>(
    inputs: &[Input<'_>],
    index: u32,
    mut visit: impl FnMut(&[u8], &[(usize, u32)]) -> Result<(), E>,
) -> Result<(), E> {
    let mut walks = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        if let Some(dictionary) = input.dictionary(index)? {
            let mut walk = dictionary.walk();
            if let Some(code) = walk.advance()? {
                walks.push((number, code, walk));
            }
        }
    }
    let mut term = Vec::new();
    let mut holders = Vec::new();
    while let Some(smallest) = walks.iter().map(|(_, _, walk)| walk.term()).min() {
        term.clear();
        term.extend_from_slice(smallest);
        holders.clear();
        let mut at = 0;
        while let Some((number, code, walk)) = walks.get_mut(at) {
            if walk.term() != term {
                at += 1;
                continue;
            }
            holders.push((*number, *code));
            match walk.advance()? {
                Some(next) => {
                    // Hostile terms out of order would never end or come twice.
                    if walk.term() <= term.as_slice() {
                        return Err(walk.out_of_order().into());
                    }
                    *code = next;
                    at += 1;
                }
                None => drop(walks.remove(at)),
            }
        }
        visit(&term, &holders)?;
    }
    Ok(())
}

/// Where an input stands while docs are merged.
struct Head {
    /// New code of the organization + 1; 0 is absent.
    organization: u32,
    position: Position,
    doc: u32,
    /// Where the docs of the organization end.
    organization_end: u32,
}

impl Input<'_> {
    fn head(&self, doc: u32, last: Option<&Head>) -> Result<Option<Head>, Damage> {
        if doc >= self.segment.docs {
            return Ok(None);
        }
        let position = self.segment.position(doc)?;
        if let Some(last) = last.filter(|last| doc < last.organization_end) {
            let (organization, organization_end) = (last.organization, last.organization_end);
            return Ok(Some(Head { organization, position, doc, organization_end }));
        }
        let (organization, organization_end) = match self.segment.organization_of(doc)? {
            None => (0, self.segment.absent_range()?.end),
            Some(code) => {
                (self.new_code(ORGANIZATION, code)? + 1, self.segment.organization_range(code)?.end)
            }
        };
        Ok(Some(Head { organization, position, doc, organization_end }))
    }
}

/// Writes the events of several segments into one, and brings it to the disk.
///
/// # Errors
/// When together they are none or more than a segment can hold, one of them cannot be read, or the file cannot be
/// written.
pub(crate) fn merge_segments(
    file: Box<dyn NewFile>,
    inputs: &[Arc<Segment>],
) -> Result<SegmentMeta, WriteError> {
    let events: usize = inputs.iter().map(|segment| segment.docs as usize).sum();
    let mut keys = BTreeSet::new();
    for segment in inputs {
        for index in FIXED_FIELDS as u32..FIXED_FIELDS as u32 + segment.labels() {
            keys.insert(segment.label_key(index)?.to_owned());
        }
    }
    let keys: Vec<String> = keys.into_iter().collect();
    let mut draft = Draft::new(file, events)?;
    let mut inputs =
        inputs.iter().map(|segment| Input::new(segment, &keys)).collect::<Result<Vec<_>, Damage>>()?;
    map_codes(&mut inputs, FIXED_FIELDS + keys.len())?;
    let starts = stream_docs(&mut inputs, &mut draft)?;
    inputs.iter_mut().for_each(|input| input.codes = Vec::new());
    let mut draft = draft.end_events(&starts, TimeOrder::new(&inputs)?)?;
    for index in 0..FIXED_FIELDS + keys.len() {
        let key =
            index.checked_sub(FIXED_FIELDS).and_then(|label| keys.get(label)).map_or("", String::as_str);
        write_field(&inputs, &mut draft, index as u32, key)?;
    }
    draft.finish(Ids { inputs: &inputs, next: vec![0; inputs.len()], doc: 0 })
}

fn map_codes(inputs: &mut [Input<'_>], fields: usize) -> Result<(), Damage> {
    for index in 0..fields as u32 {
        let mut maps: Vec<Vec<u32>> = vec![Vec::new(); inputs.len()];
        let mut new = 0;
        merge_terms::<Damage>(inputs, index, |_, holders| {
            for (number, code) in holders {
                debug_assert_eq!(maps[*number].len(), *code as usize, "codes are ranks");
                maps[*number].push(new);
            }
            new += 1;
            Ok(())
        })?;
        for (input, map) in inputs.iter_mut().zip(maps) {
            if let Some(own) = input.own.get(index as usize).filter(|own| **own != NO_FIELD)
                && let Some(codes) = input.codes.get_mut(*own as usize)
            {
                *codes = map;
            }
        }
    }
    Ok(())
}

/// Writes all events in their new order and fills in the maps of docs. Gives the first doc of each organization.
fn stream_docs(inputs: &mut [Input<'_>], draft: &mut Draft) -> Result<Vec<u32>, WriteError> {
    let mut decoders: Vec<Decoder<'_>> = inputs.iter().map(|input| Decoder::alone(input.segment)).collect();
    let mut heads = inputs.iter().map(|input| input.head(0, None)).collect::<Result<Vec<_>, _>>()?;
    let mut starts = Vec::new();
    let mut codes = Codes::default();
    let mut new_doc = 0_u32;
    loop {
        let first = heads.iter().enumerate().filter_map(|(number, head)| {
            head.as_ref().map(|head| ((head.organization, head.position), number))
        });
        let Some(((organization, _), number)) = first.min() else {
            return Ok(starts);
        };
        let (Some(head), Some(input)) = (heads[number].take(), inputs.get_mut(number)) else {
            return Ok(starts);
        };
        if organization as usize > starts.len() {
            starts.push(new_doc);
        }
        let block = decoders[number].block_of(head.doc)?;
        block
            .codes(head.doc as usize % super::BLOCK_DOCS, &mut codes)
            .map_err(|bad| input.segment.bad(super::Section::Blocks, 0, bad))?;
        input.map(&mut codes)?;
        let event = decoders[number].event(head.doc)?;
        draft.push(&Record::of_event(&event), &codes, |words| event.visit_texts(|text| words.text(text)))?;
        input.docs.push(new_doc);
        new_doc += 1;
        let next = input.head(head.doc + 1, Some(&head))?;
        let follows = |next: &Head| (next.organization, next.position) > (head.organization, head.position);
        if !next.as_ref().is_none_or(follows) {
            // What comes out of order would be written out of order, and every search in the new file would miss it.
            return Err(input
                .segment
                .file
                .damage(super::Section::Positions, 0, "docs are not in order")
                .into());
        }
        heads[number] = next;
    }
}

fn write_field(
    inputs: &[Input<'_>],
    draft: &mut DraftFields,
    index: u32,
    key: &str,
) -> Result<(), WriteError> {
    let mut field = draft.field();
    let mut docs = Vec::new();
    let mut old = Vec::new();
    merge_terms::<WriteError>(inputs, index, |term, holders| {
        docs.clear();
        for (number, code) in holders {
            let Some(input) = inputs.get(*number) else {
                continue;
            };
            let own = input.own.get(index as usize).copied().unwrap_or(NO_FIELD);
            old.clear();
            if own as usize == ORGANIZATION {
                old.extend(input.segment.organization_range(*code)?);
            } else {
                input.segment.dictionary(own)?.append_docs(*code, &mut old)?;
            }
            docs.extend(old.iter().filter_map(|doc| input.docs.get(*doc as usize)));
        }
        docs.sort_unstable();
        Ok(field.push(term, &docs, index as usize != ORGANIZATION)?)
    })?;
    draft.end_field(field, key)
}

/// The new docs in the total order.
struct TimeOrder<'i, 's> {
    inputs: &'i [Input<'s>],
    /// Of each input: its next place, and the position and doc there.
    heads: Vec<(u32, Option<(Position, u32)>)>,
}

impl<'i, 's> TimeOrder<'i, 's> {
    fn new(inputs: &'i [Input<'s>]) -> Result<Self, Damage> {
        let heads =
            inputs.iter().map(|input| Ok((0, Self::head(input, 0)?))).collect::<Result<_, Damage>>()?;
        Ok(Self { inputs, heads })
    }

    fn head(input: &Input<'_>, rank: u32) -> Result<Option<(Position, u32)>, Damage> {
        if rank >= input.segment.docs {
            return Ok(None);
        }
        let doc = input.segment.doc_at(rank)?;
        Ok(Some((input.segment.position(doc)?, doc)))
    }
}

impl Iterator for TimeOrder<'_, '_> {
    type Item = Result<u32, WriteError>;

    fn next(&mut self) -> Option<Self::Item> {
        let heads = self.heads.iter().enumerate();
        let ((_, old), number) =
            heads.filter_map(|(number, (_, head))| head.map(|head| (head, number))).min()?;
        let input = self.inputs.get(number)?;
        let (rank, head) = self.heads.get_mut(number)?;
        *rank += 1;
        match Self::head(input, *rank) {
            Ok(next) => *head = next,
            Err(damage) => {
                *head = None;
                return Some(Err(damage.into()));
            }
        }
        input.docs.get(old as usize).copied().map(Ok)
    }
}

/// The ids in the new order.
struct Ids<'i, 's> {
    inputs: &'i [Input<'s>],
    next: Vec<u32>,
    doc: u32,
}

impl Iterator for Ids<'_, '_> {
    type Item = Result<[u8; 16], WriteError>;

    fn next(&mut self) -> Option<Self::Item> {
        let doc = self.doc;
        let mut candidates = self.inputs.iter().zip(&mut self.next);
        let (input, next) = candidates.find(|(input, next)| input.docs.get(**next as usize) == Some(&doc))?;
        let old = *next;
        *next += 1;
        self.doc += 1;
        Some(input.segment.id(old).map(uuid::Uuid::into_bytes).map_err(WriteError::from))
    }
}
