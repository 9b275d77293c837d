//! Merging: one segment from several, in memory that does not grow with the events' contents.
//!
//! First the dictionaries are merged field by field, which gives a map from old to new codes for each input. Then the
//! docs come in their new order: where a whole block of an input comes without another input's event in between, its
//! frame is copied, its table of codes is written anew and its words come from the input's index; the other events are made and
//! packed again. Last come the postings, mapped from old to new docs. What is held in memory are the maps: four bytes
//! per event, and four per term of each input.

use std::{collections::BTreeSet, sync::Arc};

use annals_model::Position;

use super::{
    Segment, SegmentMeta, WriteError,
    block::{Codes, SINGLE},
    decoder::Decoder,
    draft::{Draft, DraftEvents, DraftPostings},
    fields::{CATEGORY, FIXED_FIELDS, ORGANIZATION},
    file::Section,
    ranks::Table,
    record::Record,
    terms::{Dictionary, TermWalk, TermsWriter},
    word_index::{CopiedBlocks, NOT_COPIED},
};
use crate::{Damage, files::NewFile};

/// Stands for a field that an input does not have.
const NO_FIELD: u32 = u32::MAX;
/// Smaller blocks are not copied but packed together with their neighbours.
const COPIED_DOCS_MIN: u32 = 24;
/// How many events or terms between two looks at whether to stop.
const STOP_INTERVAL: u32 = 1 << 14;

/// Docs of one input that follow each other in the new segment too.
struct Run {
    input: usize,
    old: u32,
    docs: u32,
}

/// One segment that is merged.
struct Input<'s> {
    segment: &'s Segment,
    decoder: Decoder<'s>,
    /// By the input's own field index: the field's index in the new segment.
    fields: Vec<u32>,
    /// By the new segment's field index: the input's own.
    own: Vec<u32>,
    /// By the input's own field index and code: the new code.
    codes: Vec<Vec<u32>>,
    /// By old doc: the new doc.
    docs: Vec<u32>,
    /// By old block: the new block, or [`NOT_COPIED`].
    blocks: Vec<u32>,
    /// The next organization by its own code.
    organization: u32,
    /// The block whose first doc comes next or behind which the next doc lies.
    block: u32,
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
        Ok(Self {
            segment,
            decoder: Decoder::alone(segment),
            codes: vec![Vec::new(); fields.len()],
            fields,
            own,
            docs: Vec::with_capacity(segment.docs as usize),
            blocks: vec![NOT_COPIED; segment.blocks() as usize],
            organization: 0,
            block: 0,
        })
    }

    fn dictionary(&self, index: u32) -> Result<Option<Dictionary<'s>>, Damage> {
        match self.own.get(index as usize) {
            None | Some(&NO_FIELD) => Ok(None),
            Some(own) => self.segment.dictionary(*own).map(Some),
        }
    }

    /// The map of codes of a field of the new segment.
    fn map_of(&self, index: u32) -> &[u32] {
        let own = self.own.get(index as usize).and_then(|own| self.codes.get(*own as usize));
        own.map(Vec::as_slice).unwrap_or_default()
    }

    fn new_code(&self, own: usize, code: u32) -> Result<u32, Damage> {
        let new = self.codes.get(own).and_then(|codes| codes.get(code as usize)).copied();
        new.ok_or_else(|| self.segment.file.damage(Section::Blocks, 0, "an event has a code without a term"))
    }

    fn map_label(&self, label: &mut u32, code: &mut u32) -> Result<(), Damage> {
        let own = FIXED_FIELDS.saturating_add(*label as usize);
        *code = self.new_code(own, *code)?;
        *label = self.fields.get(own).map_or(0, |field| field.saturating_sub(FIXED_FIELDS as u32));
        Ok(())
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
        codes.labels.iter_mut().try_for_each(|(label, code)| self.map_label(label, code))
    }

    /// Replaces the codes of a block of this input by the new ones.
    fn map_table(&self, table: &mut Table) -> Result<(), Damage> {
        for (column, field) in SINGLE.into_iter().chain([CATEGORY]).enumerate() {
            for code in table.column_mut(column) {
                *code = self.new_code(field, *code)?;
            }
        }
        table.labels.iter_mut().try_for_each(|(label, code)| self.map_label(label, code))
    }

    fn out_of_order(&self) -> WriteError {
        // What comes out of order would be written out of order, and every search in the new file would miss it.
        self.segment.file.damage(Section::Positions, 0, "docs are not in order").into()
    }
}

/// Terms of one input on their way into the new dictionary.
struct Walk<'s> {
    input: usize,
    code: u32,
    terms: TermWalk<'s>,
}

/// Merges the terms of a field; gives the new dictionary, and for each input the new codes by its old ones.
fn merge_terms(inputs: &[Input<'_>], index: u32) -> Result<(TermsWriter, Vec<Vec<u32>>), Damage> {
    let mut maps: Vec<Vec<u32>> = vec![Vec::new(); inputs.len()];
    // A heap with the smallest term on top.
    let mut heap: Vec<Walk<'_>> = Vec::new();
    for (input, one) in inputs.iter().enumerate() {
        if let Some(dictionary) = one.dictionary(index)? {
            maps[input].reserve(dictionary.terms() as usize);
            let mut terms = dictionary.walk();
            if let Some(code) = terms.advance()? {
                heap.push(Walk { input, code, terms });
            }
        }
    }
    heap.sort_by(|one, two| one.terms.term().cmp(two.terms.term()));
    let mut writer = TermsWriter::default();
    let mut last: Vec<u8> = Vec::new();
    while let Some(walk) = heap.first_mut() {
        if writer.terms == 0 || walk.terms.term() != last.as_slice() {
            last.clear();
            last.extend_from_slice(walk.terms.term());
            writer.push(&last);
        }
        debug_assert_eq!(maps[walk.input].len(), walk.code as usize, "codes are ranks");
        maps[walk.input].push(writer.terms - 1);
        match walk.terms.advance()? {
            Some(code) => {
                // Hostile terms out of order would come twice.
                if walk.terms.term() <= last.as_slice() {
                    return Err(walk.terms.out_of_order());
                }
                walk.code = code;
            }
            None => drop(heap.swap_remove(0)),
        }
        sift_down(&mut heap);
    }
    Ok((writer, maps))
}

/// Brings the top of a heap to its place.
fn sift_down(heap: &mut [Walk<'_>]) {
    let mut at = 0;
    while let Some(left) = heap.get(2 * at + 1) {
        let mut child = 2 * at + 1;
        if heap.get(child + 1).is_some_and(|right| right.terms.term() < left.terms.term()) {
            child += 1;
        }
        if heap[at].terms.term() <= heap[child].terms.term() {
            return;
        }
        heap.swap(at, child);
        at = child;
    }
}

/// Writes the events of several segments into one, and brings it to the disk. It gives up when `stop` says so.
///
/// # Errors
/// When together they are none or more than a segment can hold, one of them cannot be read, the file cannot be
/// written, or it was stopped.
pub(crate) fn merge_segments(
    file: Box<dyn NewFile>,
    inputs: &[Arc<Segment>],
    stop: &dyn Fn() -> bool,
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
    let mut terms = Vec::with_capacity(FIXED_FIELDS + keys.len());
    for index in 0..FIXED_FIELDS + keys.len() {
        check(stop)?;
        let key = index.checked_sub(FIXED_FIELDS).and_then(|label| keys.get(label));
        let (writer, maps) = merge_terms(&inputs, index as u32)?;
        draft.field(&writer, key.map_or("", String::as_str))?;
        terms.push(writer.terms);
        for (input, map) in inputs.iter_mut().zip(maps) {
            if let Some(own) = input.own.get(index).filter(|own| **own != NO_FIELD)
                && let Some(codes) = input.codes.get_mut(*own as usize)
            {
                *codes = map;
            }
        }
    }
    let organizations = terms.get(ORGANIZATION).copied().unwrap_or(0);
    let mut stream = Stream { inputs, draft: draft.end_terms()?, runs: Vec::new(), docs: 0, stop };
    let starts = stream.all(organizations)?;
    let Stream { mut inputs, draft, runs, .. } = stream;
    let copied: Vec<CopiedBlocks<'_>> = inputs
        .iter()
        .filter(|input| input.blocks.iter().any(|block| *block != NOT_COPIED))
        .map(|input| CopiedBlocks { segment: input.segment, blocks: &input.blocks })
        .collect();
    let mut draft = draft.end_events(&copied, &starts, || time_order(&inputs, stop))?;
    for (index, terms) in terms.into_iter().enumerate() {
        write_postings(&inputs, &mut draft, index as u32, terms, stop)?;
        for input in &mut inputs {
            if let Some(codes) = input.own.get(index).and_then(|own| input.codes.get_mut(*own as usize)) {
                *codes = Vec::new();
            }
        }
    }
    check(stop)?;
    // The ids need memory of their own.
    inputs.iter_mut().for_each(|input| input.docs = Vec::new());
    draft.finish(|ids| {
        for run in &runs {
            let (start, end) = (u64::from(run.old) * 16, u64::from(run.old + run.docs) * 16);
            let bytes = inputs[run.input].segment.file.bytes(Section::Ids, start..end)?;
            bytes.as_chunks::<16>().0.iter().try_for_each(|id| ids.push(id))?;
        }
        Ok(())
    })
}

fn check(stop: &dyn Fn() -> bool) -> Result<(), WriteError> {
    if stop() { Err(WriteError::Stopped) } else { Ok(()) }
}

/// The docs of one organization in one input.
struct Lane {
    input: usize,
    doc: u32,
    end: u32,
    position: Position,
}

/// Docs on their way into the new segment.
struct Stream<'i, 's> {
    inputs: Vec<Input<'s>>,
    draft: DraftEvents,
    runs: Vec<Run>,
    docs: u32,
    stop: &'i dyn Fn() -> bool,
}

impl Stream<'_, '_> {
    /// Writes all events in their new order and fills in the maps of docs. Gives the first doc of each organization.
    fn all(&mut self, organizations: u32) -> Result<Vec<u32>, WriteError> {
        let mut starts = Vec::with_capacity(organizations as usize);
        let mut lanes = Vec::new();
        for (number, input) in self.inputs.iter().enumerate() {
            let docs = input.segment.absent_range()?;
            if !docs.is_empty() {
                let position = input.segment.position(docs.start)?;
                lanes.push(Lane { input: number, doc: docs.start, end: docs.end, position });
            }
        }
        self.organization(lanes)?;
        for code in 0..organizations {
            starts.push(self.docs);
            let mut lanes = Vec::new();
            for (number, input) in self.inputs.iter_mut().enumerate() {
                if input.map_of(ORGANIZATION as u32).get(input.organization as usize) == Some(&code) {
                    let docs = input.segment.organization_range(input.organization)?;
                    if docs.start as usize != input.docs.len() {
                        return Err(input.out_of_order());
                    }
                    input.organization += 1;
                    let position = input.segment.position(docs.start)?;
                    lanes.push(Lane { input: number, doc: docs.start, end: docs.end, position });
                }
            }
            self.organization(lanes)?;
        }
        Ok(starts)
    }

    /// Writes the events of one organization.
    fn organization(&mut self, mut lanes: Vec<Lane>) -> Result<(), WriteError> {
        while let Some(at) = (0..lanes.len()).min_by_key(|at| lanes[*at].position) {
            let others = lanes.iter().enumerate().filter(|(other, _)| *other != at);
            let limit = others.map(|(_, lane)| lane.position).min();
            let lane = &mut lanes[at];
            // The others wait as long as this one is before all of them.
            loop {
                self.step(lane, limit)?;
                if lane.doc >= lane.end {
                    lanes.swap_remove(at);
                    break;
                }
                if limit.is_some_and(|limit| limit < lane.position) {
                    break;
                }
            }
        }
        self.draft.end_large_block()
    }

    /// Writes the next block of a lane if it can be copied, or the next event, and moves on.
    fn step(&mut self, lane: &mut Lane, limit: Option<Position>) -> Result<(), WriteError> {
        let docs = match self.copy_block(lane, limit)? {
            Some(docs) => docs,
            None => {
                self.make_event(lane)?;
                1
            }
        };
        let (input, old) = (lane.input, lane.doc);
        match self.runs.last_mut() {
            Some(run) if run.input == input && run.old + run.docs == old => run.docs += docs,
            _ => self.runs.push(Run { input, old, docs }),
        }
        if (self.docs + docs) / STOP_INTERVAL != self.docs / STOP_INTERVAL {
            check(self.stop)?;
        }
        self.inputs[input].docs.extend(self.docs..self.docs + docs);
        self.docs += docs;
        lane.doc += docs;
        if lane.doc < lane.end {
            let input = &self.inputs[input];
            let last = input.segment.position(lane.doc - 1)?;
            lane.position = input.segment.position(lane.doc)?;
            if lane.position <= last {
                return Err(input.out_of_order());
            }
        }
        Ok(())
    }

    /// Copies the block that begins with the next doc, if it lies in the lane and before `limit`. Gives its docs.
    fn copy_block(&mut self, lane: &Lane, limit: Option<Position>) -> Result<Option<u32>, WriteError> {
        let input = &mut self.inputs[lane.input];
        // The words of a block of an older version are not known without its events.
        if input.segment.has_word_filters() {
            return Ok(None);
        }
        let mut docs = input.segment.block_docs(input.block)?;
        while docs.start < lane.doc && docs.end <= lane.doc {
            input.block += 1;
            docs = input.segment.block_docs(input.block)?;
        }
        let count = docs.end - docs.start;
        if docs.start != lane.doc || docs.end > lane.end || count < COPIED_DOCS_MIN {
            return Ok(None);
        }
        if let Some(limit) = limit
            && input.segment.position(docs.end - 1)? >= limit
        {
            return Ok(None);
        }
        let mut positions = Vec::with_capacity(count as usize);
        for doc in docs {
            let position = input.segment.position(doc)?;
            if positions.last().is_some_and(|last| *last >= position) {
                return Err(input.out_of_order());
            }
            positions.push(position);
        }
        let Some(mut block) = input.segment.block_copy(input.block)? else { return Ok(None) };
        input.map_table(&mut block.table)?;
        let number = self.draft.copy(&block, &positions)?;
        if let Some(new) = input.blocks.get_mut(input.block as usize) {
            *new = number;
        }
        Ok(Some(count))
    }

    fn make_event(&mut self, lane: &Lane) -> Result<(), WriteError> {
        let input = &mut self.inputs[lane.input];
        let mut codes = Codes::default();
        let block = input.decoder.block_of(lane.doc)?;
        block
            .codes(block.index_of(lane.doc), &mut codes)
            .map_err(|bad| input.segment.bad(Section::Blocks, 0, bad))?;
        input.map(&mut codes)?;
        let event = input.decoder.event(lane.doc)?;
        self.draft.push(&Record::of_event(&event), &codes, |words| {
            event.visit_texts(|text| words.text(text));
        })
    }
}

/// Writes the postings of a field, whose new dictionary has so many terms.
fn write_postings(
    inputs: &[Input<'_>],
    draft: &mut DraftPostings,
    index: u32,
    terms: u32,
    stop: &dyn Fn() -> bool,
) -> Result<(), WriteError> {
    struct Source<'i, 's> {
        input: &'i Input<'s>,
        dictionary: Dictionary<'s>,
        /// New codes by old ones, ascending.
        map: &'i [u32],
        next: u32,
    }
    let mut sources = Vec::new();
    for input in inputs {
        if let Some(dictionary) = input.dictionary(index)? {
            sources.push(Source { input, dictionary, map: input.map_of(index), next: 0 });
        }
    }
    let mut field = draft.field();
    let (mut docs, mut old) = (Vec::new(), Vec::new());
    for code in 0..terms {
        if code.is_multiple_of(STOP_INTERVAL) {
            check(stop)?;
        }
        docs.clear();
        for source in &mut sources {
            if source.map.get(source.next as usize) != Some(&code) {
                continue;
            }
            old.clear();
            if index as usize == ORGANIZATION {
                old.extend(source.input.segment.organization_range(source.next)?);
            } else {
                source.dictionary.append_docs(source.next, &mut old)?;
            }
            source.next += 1;
            docs.extend(old.iter().filter_map(|doc| source.input.docs.get(*doc as usize)));
        }
        if !docs.is_sorted() {
            // Each input's are in order, which a stable sort makes use of.
            docs.sort();
        }
        // A damaged dictionary may say twice that an event has a term.
        docs.dedup();
        field.push(&docs, index as usize != ORGANIZATION);
    }
    draft.end_field(field)
}

/// The new docs in the total order.
fn time_order(inputs: &[Input<'_>], stop: &dyn Fn() -> bool) -> Result<Vec<u32>, WriteError> {
    let head = |input: &Input<'_>, rank: u32| -> Result<Option<(Position, u32)>, Damage> {
        if rank >= input.segment.docs {
            return Ok(None);
        }
        let doc = input.segment.doc_at(rank)?;
        Ok(Some((input.segment.position(doc)?, doc)))
    };
    let mut order = Vec::with_capacity(inputs.iter().map(|input| input.docs.len()).sum());
    let mut heads = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        if let Some(first) = head(input, 0)? {
            heads.push((first, 0, number));
        }
    }
    while let Some(at) = (0..heads.len()).min_by_key(|at| heads[*at].0) {
        check(stop)?;
        let others = heads.iter().enumerate().filter(|(other, _)| *other != at);
        let limit = others.map(|(_, (first, ..))| *first).min();
        let (mut first, mut rank, number) = heads[at];
        let input = &inputs[number];
        loop {
            order.extend(input.docs.get(first.1 as usize));
            rank += 1;
            let Some(next) = head(input, rank)? else {
                heads.swap_remove(at);
                break;
            };
            first = next;
            if limit.is_some_and(|limit| limit < first) {
                heads[at] = (first, rank, number);
                break;
            }
        }
    }
    Ok(order)
}
