//! Reading one event of a block: its terms spelled out, its texts put together, all of it shown without an event of its
//! own being made. How a block is stored is known to `block`.

use std::sync::{Arc, PoisonError};

use annals_model::{EntityRef, EventRef, Outcome, Position, RequestRef, Timestamp, limits::EVENT_BYTES_MAX};

use super::{
    Segment,
    bits::{Bad, Parsed, Reader, unzigzag},
    block::{Block, CodeColumns, SINGLE_FIELDS, column_of, decompress, value_limit},
    columns::{Numbers, TextEntry},
    decoder::TermCache,
    fields::{FIXED_FIELDS, ORGANIZATION},
    file::Section,
    record::TEXT_COLUMNS,
    spelled::Spelled,
    texts::{self, Decoded, Pieces, VALUES_BEFORE_TEXTS, Values, values_of_ref},
};
use crate::Damage;

/// The longest text elsewhere that is believed.
const TEXT_ELSEWHERE_BYTES_MAX: u64 = 2 * EVENT_BYTES_MAX as u64;

/// What the texts of one event are read into, to be used again for the next.
#[derive(Default)]
pub(super) struct TextBuffers {
    source_id: String,
    request_id: String,
    others: String,
    numbers: Vec<u64>,
}

impl Segment {
    fn text_elsewhere(&self, place: &[u8], beside: u64) -> Result<String, Damage> {
        let mut reader = Reader::new(place);
        let parse = |reader: &mut Reader<'_>| Ok((reader.varint()?, reader.varint()?, reader.varint()?));
        let bad = |bad| self.bad(Section::Blocks, 0, bad);
        let (offset, length, raw) = parse(&mut reader).map_err(bad)?;
        if raw > TEXT_ELSEWHERE_BYTES_MAX {
            return Err(bad(Bad("a text longer than there can be")));
        }
        let offset = beside.saturating_add(offset);
        let frame = self.file.bytes(Section::Blocks, offset..offset.saturating_add(length))?;
        let text = decompress(frame, raw as usize).map_err(|bad| self.bad(Section::Blocks, offset, bad))?;
        String::from_utf8(text)
            .map_err(|_| self.bad(Section::Blocks, offset, Bad("a text that is not UTF-8")))
    }

    /// The organization of a doc.
    fn organization_text(
        &self,
        block: &Block,
        doc: u32,
        terms: &mut TermCache<'_>,
    ) -> Result<Option<Arc<str>>, Damage> {
        let mut text = |code: Option<u32>| code.map(|code| terms.term(ORGANIZATION as u32, code)).transpose();
        let organization = self.organization_of(doc)?;
        let organization_text = text(organization)?;
        if block.organization.get().is_none() {
            let last = block.first.saturating_add((block.docs as u32).saturating_sub(1));
            let is_same = self.organization_of(block.first)? == organization
                && self.organization_of(last)? == organization;
            block.organization.get_or_init(|| is_same.then(|| organization_text.clone()));
        }
        Ok(organization_text)
    }

    /// Reads one event of a block, which stands at this place in the total order, and shows it to `visit`.
    pub(super) fn read_event<R>(
        &self,
        block: &Block,
        (doc, position): (u32, Position),
        terms: &mut TermCache<'_>,
        buffers: &mut TextBuffers,
        visit: impl FnOnce(&EventRef<'_>) -> R,
    ) -> Result<R, Damage> {
        let index = block.index_of(doc);
        let bad = |Bad(reason): Bad| Damage {
            file: self.file.name().to_owned(),
            place: format!("section blocks, the block of {} events from {}", block.docs, block.first),
            reason: reason.to_owned(),
        };
        // In version 1 nothing is kept of what was spelled out.
        let (mut kept, mut own);
        let spelled = match &block.codes {
            CodeColumns::Ranks(codes) => {
                kept = codes.spelled.lock().unwrap_or_else(PoisonError::into_inner);
                &mut *kept
            }
            CodeColumns::Codes { .. } => {
                own = Spelled::default();
                &mut own
            }
        };
        let single = block.spell_single(index, spelled, terms)?.map_err(bad)?;
        let mut category_places = Vec::new();
        for entry in block.category_starts.entries(index) {
            category_places.push(block.spell_category(entry, spelled, terms)?.map_err(bad)?);
        }
        let mut label_places = Vec::new();
        for entry in block.label_starts.entries(index) {
            label_places.push(block.spell_label(entry, spelled, terms)?.map_err(bad)?);
        }
        let spelled = &*spelled;
        let mut columns = [None; SINGLE_FIELDS];
        for (text, place) in columns.iter_mut().zip(single) {
            *text = place.map(|place| spelled.text(place));
        }
        let text = |field: usize| column_of(field).and_then(|column| columns[column]);
        let required = |field: usize| text(field).ok_or_else(|| bad(Bad("a required field is absent")));
        let own_organization;
        let organization = match block.organization.get() {
            Some(Some(organization)) => organization.as_deref(),
            _ => {
                own_organization = self.organization_text(block, doc, terms)?;
                own_organization.as_deref()
            }
        };
        let categories: Vec<&str> = category_places.iter().map(|place| spelled.text(*place)).collect();
        let mut labels = Vec::with_capacity(label_places.len());
        for (label, place) in &label_places {
            let field = (FIXED_FIELDS as u32).saturating_add(*label);
            labels.push((self.label_key(field)?, spelled.text(*place)));
        }
        let flags = block.flags.get(&block.raw, index).map_err(bad)?;
        let number = |bit: u64, column: &Numbers| -> Result<Option<i64>, Damage> {
            if flags & bit == 0 {
                return Ok(None);
            }
            column.get(&block.raw, index).map(|value| Some(unzigzag(value))).map_err(bad)
        };

        let mut event = EventRef {
            id: self.id(doc)?,
            seq: position.seq,
            time: position.time,
            recorded: Timestamp::from_nanos(
                (block.recorded.get(&block.raw, index).map_err(bad)? ^ (1 << 63)) as i64,
            ),
            source: required(0)?,
            kind: required(1)?,
            action: required(2)?,
            outcome: Outcome::from_name(required(3)?).ok_or_else(|| bad(Bad("an unknown outcome")))?,
            status: text(4),
            organization: organization.map(|id| (id, text(6))),
            project: text(7).map(|id| (id, text(8))),
            environment: text(9).map(|id| (id, text(10))),
            actor: EntityRef { kind: text(11), id: text(12), name: text(13) },
            target: EntityRef { kind: text(14), id: text(15), name: text(16) },
            part: text(17),
            origin: text(18),
            zone: text(19),
            categories: &categories,
            labels: &labels,
            request: RequestRef {
                method: text(21),
                ip: text(22),
                status: number(1, &block.status)?,
                elapsed_ms: number(2, &block.elapsed)?,
                ..RequestRef::default()
            },
            ..EventRef::default()
        };
        let mut buffer = uuid::Uuid::encode_buffer();
        let id: &str = event.id.hyphenated().encode_lower(&mut buffer);
        let TextBuffers { source_id, request_id, others, numbers } = buffers;
        for text in [&mut *source_id, request_id, others] {
            text.clear();
        }
        numbers.clear();
        block.numbers(index, numbers).map_err(bad)?;
        let mut pieces = Pieces { uuids: block.uuids(index), numbers };
        let mut values = values_of_ref(&event, id);
        // The first two are values that those behind them may refer to.
        let read = self.text(block, index, 0, &values, &mut pieces, source_id)?.map_err(bad)?;
        let source_id = read.as_ref().map(|text| text.get(source_id));
        values[VALUES_BEFORE_TEXTS] = source_id;
        let read = self.text(block, index, 1, &values, &mut pieces, request_id)?.map_err(bad)?;
        let request_id = read.as_ref().map(|text| text.get(request_id));
        values[VALUES_BEFORE_TEXTS + 1] = request_id;
        let mut texts: [Option<Decoded<'_>>; TEXT_COLUMNS - 2] = Default::default();
        for (text, column) in texts.iter_mut().zip(2..) {
            *text = self.text(block, index, column, &values, &mut pieces, others)?.map_err(bad)?;
        }
        let [uri, user_agent, message, before, after, data] =
            texts.each_ref().map(|text| text.as_ref().map(|text| text.get(others)));
        event.source_id = source_id;
        event.request.id = request_id;
        event.request.uri = uri;
        event.request.user_agent = user_agent;
        event.message = message;
        event.before = before;
        event.after = after;
        event.data = data;
        Ok(visit(&event))
    }

    /// One of the texts that have no dictionary; what is not stored as it is, is appended to `out`.
    fn text<'b>(
        &self,
        block: &'b Block,
        index: usize,
        column: usize,
        values: &Values<'_>,
        pieces: &mut Pieces<'_>,
        out: &mut String,
    ) -> Result<Parsed<Option<Decoded<'b>>>, Damage> {
        let entry = match block.texts.get(column).map(|texts| texts.get(&block.raw, index)) {
            Some(Ok(entry)) => entry,
            Some(Err(bad)) => return Ok(Err(bad)),
            None => None,
        };
        Ok(match entry {
            None => Ok(None),
            Some(TextEntry { bytes, elsewhere: true }) => {
                let start = out.len();
                out.push_str(&self.text_elsewhere(bytes, block.beside)?);
                Ok(Some(Decoded::Appended(start..out.len())))
            }
            Some(TextEntry { bytes, .. }) => {
                texts::decode(bytes, values, value_limit(column), pieces, out).map(Some)
            }
        })
    }
}
