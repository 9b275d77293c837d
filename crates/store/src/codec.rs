//! How one event is written in the log and in the tail: compact, lossless, and read without trust.
//!
//! `seq` and `recorded` are not part of it: the log's row assigns them. `docs/formats/log.md` describes the layout.
//! This file knows neither rows nor compression.

use annals_model::{EntityRef, Event, EventRef, Field, Json, Named, Outcome, RequestRef, Timestamp};
use uuid::Uuid;

use crate::query::part::Identity;

/// Version of the layout of an event; the first byte of every chunk.
pub(crate) const CODEC_VERSION: u8 = 1;

/// Why bytes are no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    #[error("it ends early")]
    Short,
    #[error("a number is too long")]
    Number,
    #[error("a text is not UTF-8")]
    Text,
    #[error("the outcome {0} is unknown")]
    Outcome(u8),
    #[error("unknown or contradictory presence bits {0:#x}")]
    Presence(u32),
    #[error("{0} bytes are left over")]
    Rest(usize),
}

/// Texts that every event has; they stand before the others.
const TEXTS_ALWAYS: usize = 3;
/// Texts an event may have; bit `n` of the presence bits belongs to text `TEXTS_ALWAYS + n`.
const TEXTS_MAYBE: usize = 26;
const TEXTS: usize = TEXTS_ALWAYS + TEXTS_MAYBE;

const HAS_STATUS: u32 = 1 << 26;
const HAS_ELAPSED: u32 = 1 << 27;
const HAS_CATEGORIES: u32 = 1 << 28;
const HAS_LABELS: u32 = 1 << 29;
const KNOWN_BITS: u32 = (1 << 30) - 1;

/// Places of the texts. They are stored: never renumbered, new ones go behind the last.
pub(crate) mod place {
    pub(crate) const SOURCE: usize = 0;
    pub(crate) const KIND: usize = 1;
    pub(crate) const ACTION: usize = 2;
    pub(crate) const SOURCE_ID: usize = 3;
    pub(crate) const STATUS: usize = 4;
    pub(crate) const ORGANIZATION: usize = 5;
    pub(crate) const ORGANIZATION_NAME: usize = 6;
    pub(crate) const PROJECT: usize = 7;
    pub(crate) const PROJECT_NAME: usize = 8;
    pub(crate) const ENVIRONMENT: usize = 9;
    pub(crate) const ENVIRONMENT_NAME: usize = 10;
    pub(crate) const ACTOR_KIND: usize = 11;
    pub(crate) const ACTOR_ID: usize = 12;
    pub(crate) const ACTOR_NAME: usize = 13;
    pub(crate) const TARGET_KIND: usize = 14;
    pub(crate) const TARGET_ID: usize = 15;
    pub(crate) const TARGET_NAME: usize = 16;
    pub(crate) const PART: usize = 17;
    pub(crate) const ORIGIN: usize = 18;
    pub(crate) const ZONE: usize = 19;
    pub(crate) const REQUEST_ID: usize = 20;
    pub(crate) const REQUEST_METHOD: usize = 21;
    pub(crate) const REQUEST_URI: usize = 22;
    pub(crate) const REQUEST_IP: usize = 23;
    pub(crate) const REQUEST_USER_AGENT: usize = 24;
    pub(crate) const MESSAGE: usize = 25;
    pub(crate) const BEFORE: usize = 26;
    pub(crate) const AFTER: usize = 27;
    pub(crate) const DATA: usize = 28;
}

use place::*;

fn texts(event: &Event) -> [Option<&str>; TEXTS] {
    fn id(named: &Option<Named>) -> Option<&str> {
        named.as_ref().map(|named| named.id.as_str())
    }
    fn name(named: &Option<Named>) -> Option<&str> {
        named.as_ref().and_then(|named| named.name.as_deref())
    }
    fn json(json: &Option<Json>) -> Option<&str> {
        json.as_ref().map(Json::as_str)
    }
    [
        Some(&event.source),
        Some(&event.kind),
        Some(&event.action),
        event.source_id.as_deref(),
        event.status.as_deref(),
        id(&event.organization),
        name(&event.organization),
        id(&event.project),
        name(&event.project),
        id(&event.environment),
        name(&event.environment),
        event.actor.kind.as_deref(),
        event.actor.id.as_deref(),
        event.actor.name.as_deref(),
        event.target.kind.as_deref(),
        event.target.id.as_deref(),
        event.target.name.as_deref(),
        event.part.as_deref(),
        event.origin.as_deref(),
        event.zone.as_deref(),
        event.request.id.as_deref(),
        event.request.method.as_deref(),
        event.request.uri.as_deref(),
        event.request.ip.as_deref(),
        event.request.user_agent.as_deref(),
        event.message.as_deref(),
        json(&event.before),
        json(&event.after),
        json(&event.data),
    ]
}

/// Appends an event to `out`.
pub(crate) fn encode(event: &Event, out: &mut Vec<u8>) {
    let texts = texts(event);
    let mut presence = 0;
    for (bit, text) in texts[TEXTS_ALWAYS..].iter().enumerate() {
        presence |= u32::from(text.is_some()) << bit;
    }
    let optional = [
        (event.request.status.is_some(), HAS_STATUS),
        (event.request.elapsed_ms.is_some(), HAS_ELAPSED),
        (!event.categories.is_empty(), HAS_CATEGORIES),
        (!event.labels.is_empty(), HAS_LABELS),
    ];
    for (present, bit) in optional {
        presence |= if present { bit } else { 0 };
    }

    out.extend(event.id.as_bytes());
    out.extend(event.time.nanos().to_le_bytes());
    out.extend(presence.to_le_bytes());
    out.push(event.outcome as u8);
    for text in texts.into_iter().flatten() {
        write_text(text, out);
    }
    for number in [event.request.status, event.request.elapsed_ms].into_iter().flatten() {
        write_number(zigzag(number), out);
    }
    if !event.categories.is_empty() {
        write_number(event.categories.len() as u64, out);
        event.categories.iter().for_each(|category| write_text(category, out));
    }
    if !event.labels.is_empty() {
        write_number(event.labels.len() as u64, out);
        for (key, value) in &event.labels {
            write_text(key, out);
            write_text(value, out);
        }
    }
}

/// About how many bytes an event takes when it is stored, without encoding it.
pub(crate) fn stored_bytes(event: &Event) -> usize {
    const FIXED: usize = 16 + 8 + 8 + 4 + 1;
    let texts: usize = texts(event).into_iter().flatten().map(|text| text.len() + 1).sum();
    let categories: usize = event.categories.iter().map(|text| text.len() + 1).sum();
    let labels: usize = event.labels.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
    FIXED + texts + categories + labels
}

/// An encoded event, read but not copied.
#[derive(Debug, Clone)]
pub(crate) struct View<'b> {
    pub(crate) id: Uuid,
    pub(crate) time: Timestamp,
    outcome: Outcome,
    texts: [Option<&'b str>; TEXTS],
    status: Option<i64>,
    elapsed_ms: Option<i64>,
    categories: Vec<&'b str>,
    labels: Vec<(&'b str, &'b str)>,
}

impl<'b> View<'b> {
    /// Reads one event that fills `bytes`.
    pub(crate) fn read(bytes: &'b [u8]) -> Result<Self, CodecError> {
        let mut input = Input::new(bytes);
        let id = Uuid::from_bytes(input.array()?);
        let time = Timestamp::from_nanos(i64::from_le_bytes(input.array()?));
        let presence = u32::from_le_bytes(input.array()?);
        let [outcome] = input.array()?;
        input.look_ahead();
        let outcome = *Outcome::ALL.get(usize::from(outcome)).ok_or(CodecError::Outcome(outcome))?;
        if presence & !KNOWN_BITS != 0 {
            return Err(CodecError::Presence(presence));
        }
        let mut texts = [None; TEXTS];
        for (place, text) in texts.iter_mut().enumerate() {
            if is_present(presence, place) {
                *text = Some(input.text()?);
            }
        }
        for (id, name) in
            [(ORGANIZATION, ORGANIZATION_NAME), (PROJECT, PROJECT_NAME), (ENVIRONMENT, ENVIRONMENT_NAME)]
        {
            if texts[name].is_some() && texts[id].is_none() {
                return Err(CodecError::Presence(presence));
            }
        }
        let mut number = |bit| {
            if presence & bit == 0 { Ok(None) } else { input.number().map(|n| Some(unzigzag(n))) }
        };
        let status = number(HAS_STATUS)?;
        let elapsed_ms = number(HAS_ELAPSED)?;
        let mut categories = Vec::new();
        if presence & HAS_CATEGORIES != 0 {
            for _ in 0..input.number()? {
                categories.push(input.text()?);
            }
        }
        let mut labels = Vec::new();
        if presence & HAS_LABELS != 0 {
            for _ in 0..input.number()? {
                labels.push((input.text()?, input.text()?));
            }
        }
        if !input.rest.is_empty() {
            return Err(CodecError::Rest(input.rest.len()));
        }
        Ok(Self { id, time, outcome, texts, status, elapsed_ms, categories, labels })
    }

    /// Calls `visit` with every value of a field, as [`Field::visit`] does for an event.
    pub(crate) fn visit(&self, field: &Field, mut visit: impl FnMut(&'b str)) {
        match field {
            Field::Category => self.categories.iter().for_each(|text| visit(text)),
            Field::Label(wanted) => {
                self.labels.iter().filter(|(key, _)| key == wanted).for_each(|(_, value)| visit(value));
            }
            Field::Outcome => visit(self.outcome.as_str()),
            _ => place_of(field).and_then(|place| self.texts[place]).into_iter().for_each(visit),
        }
    }

    /// The text at one of the [`place`]s.
    pub(crate) fn text(&self, place: usize) -> Option<&'b str> {
        self.texts.get(place).copied().flatten()
    }

    /// The request's status and how long it took.
    pub(crate) const fn numbers(&self) -> (Option<i64>, Option<i64>) {
        (self.status, self.elapsed_ms)
    }

    /// Whether it says more than its id, its time, and the values of fields that are indexed and have one value.
    pub(crate) fn says_more(&self) -> bool {
        let places = [SOURCE_ID, REQUEST_ID, REQUEST_URI, REQUEST_USER_AGENT, MESSAGE, BEFORE, AFTER, DATA];
        places.iter().any(|place| self.texts[*place].is_some())
            || self.status.is_some()
            || self.elapsed_ms.is_some()
            || !self.categories.is_empty()
    }

    /// The categories in the event's order.
    pub(crate) fn categories(&self) -> &[&'b str] {
        &self.categories
    }

    /// The labels, in the order of their names.
    pub(crate) fn labels(&self) -> &[(&'b str, &'b str)] {
        &self.labels
    }

    /// The event with its texts where they are.
    pub(crate) fn to_ref(&self, seq: u64, recorded: Timestamp) -> EventRef<'_> {
        let text = |place: usize| self.texts[place];
        let named = |id: usize, name: usize| text(id).map(|id| (id, text(name)));
        let entity = |kind: usize, id: usize, name: usize| EntityRef {
            kind: text(kind),
            id: text(id),
            name: text(name),
        };
        EventRef {
            id: self.id,
            seq,
            time: self.time,
            recorded,
            source: text(SOURCE).unwrap_or_default(),
            source_id: text(SOURCE_ID),
            kind: text(KIND).unwrap_or_default(),
            action: text(ACTION).unwrap_or_default(),
            outcome: self.outcome,
            status: text(STATUS),
            organization: named(ORGANIZATION, ORGANIZATION_NAME),
            project: named(PROJECT, PROJECT_NAME),
            environment: named(ENVIRONMENT, ENVIRONMENT_NAME),
            actor: entity(ACTOR_KIND, ACTOR_ID, ACTOR_NAME),
            target: entity(TARGET_KIND, TARGET_ID, TARGET_NAME),
            part: text(PART),
            origin: text(ORIGIN),
            zone: text(ZONE),
            categories: &self.categories,
            labels: &self.labels,
            request: RequestRef {
                id: text(REQUEST_ID),
                method: text(REQUEST_METHOD),
                uri: text(REQUEST_URI),
                ip: text(REQUEST_IP),
                user_agent: text(REQUEST_USER_AGENT),
                status: self.status,
                elapsed_ms: self.elapsed_ms,
            },
            message: text(MESSAGE),
            before: text(BEFORE),
            after: text(AFTER),
            data: text(DATA),
        }
    }

    /// The event in memory.
    pub(crate) fn to_event(&self, seq: u64, recorded: Timestamp) -> Event {
        self.to_ref(seq, recorded).to_event()
    }
}

/// The organization, the source and the id of an encoded event, which are near its beginning.
pub(crate) fn identity_of(bytes: &[u8]) -> Result<Identity<'_>, CodecError> {
    let mut input = Input::new(bytes);
    let id = Uuid::from_bytes(input.array()?);
    let _time: [u8; 8] = input.array()?;
    let presence = u32::from_le_bytes(input.array()?);
    let _outcome: [u8; 1] = input.array()?;
    let source = input.text()?;
    for place in SOURCE + 1..ORGANIZATION {
        if is_present(presence, place) {
            input.skip_text()?;
        }
    }
    let organization = is_present(presence, ORGANIZATION).then(|| input.text()).transpose()?;
    Ok(Identity { organization, source, id })
}

/// Whether an event with these presence bits has the text at a place.
const fn is_present(presence: u32, place: usize) -> bool {
    place < TEXTS_ALWAYS || presence & (1 << (place - TEXTS_ALWAYS)) != 0
}

/// Where the text of a field stands, if it is one text.
fn place_of(field: &Field) -> Option<usize> {
    Some(match field {
        Field::Source => SOURCE,
        Field::Kind => KIND,
        Field::Action => ACTION,
        Field::Status => STATUS,
        Field::Organization => ORGANIZATION,
        Field::OrganizationName => ORGANIZATION_NAME,
        Field::Project => PROJECT,
        Field::ProjectName => PROJECT_NAME,
        Field::Environment => ENVIRONMENT,
        Field::EnvironmentName => ENVIRONMENT_NAME,
        Field::ActorKind => ACTOR_KIND,
        Field::ActorId => ACTOR_ID,
        Field::ActorName => ACTOR_NAME,
        Field::TargetKind => TARGET_KIND,
        Field::TargetId => TARGET_ID,
        Field::TargetName => TARGET_NAME,
        Field::Part => PART,
        Field::Origin => ORIGIN,
        Field::Zone => ZONE,
        Field::RequestMethod => REQUEST_METHOD,
        Field::RequestIp => REQUEST_IP,
        Field::RequestId => REQUEST_ID,
        Field::SourceId => SOURCE_ID,
        Field::Outcome | Field::Category | Field::Label(_) => return None,
    })
}

/// Appends a number in groups of seven bits, the lowest first.
pub(crate) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_number(text.len() as u64, out);
    out.extend(text.as_bytes());
}

const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Bytes that are read from the front.
pub(crate) struct Input<'b> {
    pub(crate) rest: &'b [u8],
    /// How much of the rest is known to be UTF-8.
    known: &'b str,
}

impl<'b> Input<'b> {
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, known: "" }
    }

    /// Finds out how much of the rest is UTF-8. Lengths of short texts are, so that the texts of most events are checked
    /// at once, which takes much less than one by one.
    fn look_ahead(&mut self) {
        self.known = std::str::from_utf8(self.rest).unwrap_or_else(|error| {
            let known = self.rest.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(known).unwrap_or_default()
        });
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(CodecError::Short)?;
        self.rest = rest;
        self.known = self.known.get(N..).unwrap_or_default();
        Ok(*head)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'b [u8], CodecError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(CodecError::Short)?;
        self.rest = rest;
        self.known = self.known.get(length..).unwrap_or_default();
        Ok(head)
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, CodecError> {
        // Nearly all are of one byte.
        match self.rest.first() {
            Some(byte @ 0..0x80) => self.array().map(|[_]: [u8; 1]| u64::from(*byte)),
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, CodecError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(CodecError::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(CodecError::Number)
    }

    pub(crate) fn length(&mut self) -> Result<usize, CodecError> {
        usize::try_from(self.number()?).map_err(|_| CodecError::Number)
    }

    fn text(&mut self) -> Result<&'b str, CodecError> {
        let length = self.length()?;
        let known = self.known.get(..length);
        let bytes = self.bytes(length)?;
        known.map_or_else(|| std::str::from_utf8(bytes).map_err(|_| CodecError::Text), Ok)
    }

    fn skip_text(&mut self) -> Result<(), CodecError> {
        let length = self.length()?;
        self.bytes(length).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, option, prelude::*};

    use annals_model::{Entity, Request};

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[a-z]{1,8}", "\\PC{0,200}"]
    }

    fn named() -> impl Strategy<Value = Option<Named>> {
        option::of((text(), option::of(text())).prop_map(|(id, name)| Named { id, name }))
    }

    fn entity() -> impl Strategy<Value = Entity> {
        (option::of(text()), option::of(text()), option::of(text())).prop_map(|(kind, id, name)| Entity {
            kind,
            id,
            name,
        })
    }

    fn json() -> impl Strategy<Value = Option<Json>> {
        option::of(text().prop_map(|text| Json::from_value(&text.into()).unwrap()))
    }

    prop_compose! {
        fn request()(
            texts in collection::vec(option::of(text()), 5),
            status in option::of(any::<i64>()),
            elapsed_ms in option::of(any::<i64>()),
        ) -> Request {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().flatten();
            Request {
                id: next(), method: next(), uri: next(), ip: next(), user_agent: next(), status, elapsed_ms,
            }
        }
    }

    prop_compose! {
        fn event()(
            (id, seq, time, recorded) in any::<(u128, u64, i64, i64)>(),
            (source, kind, action) in (text(), text(), text()),
            texts in collection::vec(option::of(text()), 6),
            outcome in 0..4_usize,
            (organization, project, environment) in (named(), named(), named()),
            (actor, target) in (entity(), entity()),
            categories in collection::vec(text(), 0..4),
            labels in collection::btree_map(text(), text(), 0..4),
            request in request(),
            (before, after, data) in (json(), json(), json()),
        ) -> Event {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().flatten();
            Event {
                id: Uuid::from_u128(id),
                seq,
                time: Timestamp::from_nanos(time),
                recorded: Timestamp::from_nanos(recorded),
                source, source_id: next(), kind, action, outcome: Outcome::ALL[outcome], status: next(),
                organization, project, environment, actor, target,
                part: next(), origin: next(), zone: next(), categories, labels, request, message: next(),
                before, after, data,
            }
        }
    }

    fn encoded(event: &Event) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(event, &mut bytes);
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn every_event_comes_back(event in event()) {
            let bytes = encoded(&event);
            let view = View::read(&bytes).unwrap();
            prop_assert_eq!(view.to_event(event.seq, event.recorded), event.clone());
            prop_assert_eq!(identity_of(&bytes).unwrap(), Identity::of(&event));
            for field in Field::FIXED.iter().cloned().chain(event.labels.keys().cloned().map(Field::Label)) {
                let (mut of_event, mut of_view) = (Vec::new(), Vec::new());
                field.visit(&event, |value| of_event.push(value.to_owned()));
                view.visit(&field, |value| of_view.push(value.to_owned()));
                prop_assert_eq!(of_view, of_event, "{}", field);
            }
            prop_assert!(stored_bytes(&event).abs_diff(bytes.len()) <= bytes.len() / 2 + 32);
        }

        #[test]
        fn broken_bytes_are_refused_without_a_crash(event in event(), at in any::<prop::sample::Index>(), byte: u8) {
            let bytes = encoded(&event);
            for end in 0..bytes.len() {
                prop_assert!(View::read(&bytes[..end]).is_err());
            }
            let mut longer = bytes.clone();
            longer.push(0);
            prop_assert_eq!(View::read(&longer).unwrap_err(), CodecError::Rest(1));
            // A changed byte may give another event; the checksum of the row is what notices that.
            let mut changed = bytes;
            let at = at.index(changed.len());
            changed[at] = byte;
            let _ = View::read(&changed);
        }

        #[test]
        fn any_bytes_are_survived(bytes in collection::vec(any::<u8>(), 0..200)) {
            let _ = View::read(&bytes);
            let _ = identity_of(&bytes);
        }
    }

    #[test]
    fn numbers_come_back() {
        for number in [0, 1, 127, 128, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            write_number(number, &mut bytes);
            assert_eq!(Input::new(&bytes).number(), Ok(number));
        }
        assert_eq!(Input::new(&[0xff; 10]).number(), Err(CodecError::Number));
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
    }
}
