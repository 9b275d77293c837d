//! An event whose texts lie elsewhere, and its JSON form written straight into a buffer: what lists and exports are made
//! of, without making an [`Event`] first.

use uuid::Uuid;

use crate::{Entity, Event, Json, Named, Outcome, Request, Timestamp};

/// An event whose texts lie elsewhere; the fields are those of [`Event`].
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "the fields are those of `Event`")]
pub struct EventRef<'e> {
    pub id: Uuid,
    pub seq: u64,
    pub time: Timestamp,
    pub recorded: Timestamp,
    pub source: &'e str,
    pub source_id: Option<&'e str>,
    pub kind: &'e str,
    pub action: &'e str,
    pub outcome: Outcome,
    pub status: Option<&'e str>,
    /// Id and name.
    pub organization: Option<(&'e str, Option<&'e str>)>,
    pub project: Option<(&'e str, Option<&'e str>)>,
    pub environment: Option<(&'e str, Option<&'e str>)>,
    pub actor: EntityRef<'e>,
    pub target: EntityRef<'e>,
    pub part: Option<&'e str>,
    pub origin: Option<&'e str>,
    pub zone: Option<&'e str>,
    pub categories: &'e [&'e str],
    /// Names and values, in the order of the names.
    pub labels: &'e [(&'e str, &'e str)],
    pub request: RequestRef<'e>,
    pub message: Option<&'e str>,
    /// As JSON text, as [`Json::as_str`] gives it; `after` and `data` too.
    pub before: Option<&'e str>,
    pub after: Option<&'e str>,
    pub data: Option<&'e str>,
}

/// An actor or a target whose texts lie elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Entity`")]
pub struct EntityRef<'e> {
    pub kind: Option<&'e str>,
    pub id: Option<&'e str>,
    pub name: Option<&'e str>,
}

/// A request whose texts lie elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Request`")]
pub struct RequestRef<'e> {
    pub id: Option<&'e str>,
    pub method: Option<&'e str>,
    pub uri: Option<&'e str>,
    pub ip: Option<&'e str>,
    pub user_agent: Option<&'e str>,
    pub status: Option<i64>,
    pub elapsed_ms: Option<i64>,
}

impl EventRef<'_> {
    /// The event with texts of its own.
    pub fn to_event(&self) -> Event {
        fn own(text: Option<&str>) -> Option<String> {
            text.map(str::to_owned)
        }
        fn named(named: Option<(&str, Option<&str>)>) -> Option<Named> {
            named.map(|(id, name)| Named { id: id.to_owned(), name: own(name) })
        }
        fn entity(entity: &EntityRef<'_>) -> Entity {
            Entity { kind: own(entity.kind), id: own(entity.id), name: own(entity.name) }
        }
        let request = &self.request;
        Event {
            id: self.id,
            seq: self.seq,
            time: self.time,
            recorded: self.recorded,
            source: self.source.to_owned(),
            source_id: own(self.source_id),
            kind: self.kind.to_owned(),
            action: self.action.to_owned(),
            outcome: self.outcome,
            status: own(self.status),
            organization: named(self.organization),
            project: named(self.project),
            environment: named(self.environment),
            actor: entity(&self.actor),
            target: entity(&self.target),
            part: own(self.part),
            origin: own(self.origin),
            zone: own(self.zone),
            categories: self.categories.iter().map(|&category| category.to_owned()).collect(),
            labels: self.labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            request: Request {
                id: own(request.id),
                method: own(request.method),
                uri: own(request.uri),
                ip: own(request.ip),
                user_agent: own(request.user_agent),
                status: request.status,
                elapsed_ms: request.elapsed_ms,
            },
            message: own(self.message),
            before: self.before.map(Json::from_stored),
            after: self.after.map(Json::from_stored),
            data: self.data.map(Json::from_stored),
        }
    }

    /// Appends the JSON form of the event, byte for byte what serialising the [`Event`] gives.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut buffer = Uuid::encode_buffer();
        out.extend_from_slice(b"{\"id\":\"");
        out.extend_from_slice(self.id.hyphenated().encode_lower(&mut buffer).as_bytes());
        out.push(b'"');
        if self.seq != 0 {
            out.extend_from_slice(b",\"seq\":");
            put_number(self.seq, out);
        }
        put_time(b",\"time\":\"", self.time, out);
        if self.seq != 0 {
            put_time(b",\"recorded\":\"", self.recorded, out);
        }
        put(b",\"source\":", Some(self.source), out);
        put(b",\"source_id\":", self.source_id, out);
        put(b",\"type\":", Some(self.kind), out);
        put(b",\"action\":", Some(self.action), out);
        put(b",\"outcome\":", Some(self.outcome.as_str()), out);
        put(b",\"status\":", self.status, out);
        put_named(b",\"organization\":{\"id\":", self.organization, out);
        put_named(b",\"project\":{\"id\":", self.project, out);
        put_named(b",\"environment\":{\"id\":", self.environment, out);
        put_entity(b",\"actor\":{", &self.actor, out);
        put_entity(b",\"target\":{", &self.target, out);
        put(b",\"part\":", self.part, out);
        put(b",\"origin\":", self.origin, out);
        put(b",\"zone\":", self.zone, out);
        if !self.categories.is_empty() {
            out.extend_from_slice(b",\"categories\":[");
            for category in self.categories {
                put_text(category, out);
                out.push(b',');
            }
            close(b']', out);
        }
        if !self.labels.is_empty() {
            out.extend_from_slice(b",\"labels\":{");
            for (name, value) in self.labels {
                put_text(name, out);
                out.push(b':');
                put_text(value, out);
                out.push(b',');
            }
            close(b'}', out);
        }
        self.put_request(out);
        put(b",\"message\":", self.message, out);
        put_json(b",\"before\":", self.before, out);
        put_json(b",\"after\":", self.after, out);
        put_json(b",\"data\":", self.data, out);
        out.push(b'}');
    }

    fn put_request(&self, out: &mut Vec<u8>) {
        let request = &self.request;
        if *request == RequestRef::default() {
            return;
        }
        out.extend_from_slice(b",\"request\":{");
        let start = out.len();
        put(b",\"id\":", request.id, out);
        put(b",\"method\":", request.method, out);
        put(b",\"uri\":", request.uri, out);
        put(b",\"ip\":", request.ip, out);
        put(b",\"user_agent\":", request.user_agent, out);
        for (name, number) in
            [(b",\"status\":".as_slice(), request.status), (b",\"elapsed_ms\":", request.elapsed_ms)]
        {
            if let Some(number) = number {
                out.extend_from_slice(name);
                if number < 0 {
                    out.push(b'-');
                }
                put_number(number.unsigned_abs(), out);
            }
        }
        // The first member has no comma before it.
        out.remove(start);
        out.push(b'}');
    }
}

impl Event {
    /// Appends its JSON form, byte for byte what serialising it gives.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        fn named(named: Option<&Named>) -> Option<(&str, Option<&str>)> {
            named.map(|named| (named.id.as_str(), named.name.as_deref()))
        }
        fn entity(entity: &Entity) -> EntityRef<'_> {
            EntityRef { kind: entity.kind.as_deref(), id: entity.id.as_deref(), name: entity.name.as_deref() }
        }
        let categories: Vec<&str> = self.categories.iter().map(String::as_str).collect();
        let labels: Vec<(&str, &str)> =
            self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let event = EventRef {
            id: self.id,
            seq: self.seq,
            time: self.time,
            recorded: self.recorded,
            source: &self.source,
            source_id: self.source_id.as_deref(),
            kind: &self.kind,
            action: &self.action,
            outcome: self.outcome,
            status: self.status.as_deref(),
            organization: named(self.organization.as_ref()),
            project: named(self.project.as_ref()),
            environment: named(self.environment.as_ref()),
            actor: entity(&self.actor),
            target: entity(&self.target),
            part: self.part.as_deref(),
            origin: self.origin.as_deref(),
            zone: self.zone.as_deref(),
            categories: &categories,
            labels: &labels,
            request: RequestRef {
                id: self.request.id.as_deref(),
                method: self.request.method.as_deref(),
                uri: self.request.uri.as_deref(),
                ip: self.request.ip.as_deref(),
                user_agent: self.request.user_agent.as_deref(),
                status: self.request.status,
                elapsed_ms: self.request.elapsed_ms,
            },
            message: self.message.as_deref(),
            before: self.before.as_ref().map(Json::as_str),
            after: self.after.as_ref().map(Json::as_str),
            data: self.data.as_ref().map(Json::as_str),
        };
        event.write_json(out);
    }
}

/// Appends a member whose value is a text. The names' lengths are known where this is compiled, which makes writing them
/// a store or two.
#[inline(always)]
fn put<const N: usize>(name: &[u8; N], text: Option<&str>, out: &mut Vec<u8>) {
    if let Some(text) = text {
        out.extend_from_slice(name);
        put_text(text, out);
    }
}

fn put_json<const N: usize>(name: &[u8; N], json: Option<&str>, out: &mut Vec<u8>) {
    if let Some(json) = json {
        out.extend_from_slice(name);
        out.extend_from_slice(json.as_bytes());
    }
}

fn put_time<const N: usize>(name: &[u8; N], time: Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    time.write_rfc3339(out);
    out.push(b'"');
}

fn put_named<const N: usize>(name: &[u8; N], named: Option<(&str, Option<&str>)>, out: &mut Vec<u8>) {
    if let Some((id, text)) = named {
        put(name, Some(id), out);
        put(b",\"name\":", text, out);
        out.push(b'}');
    }
}

fn put_entity<const N: usize>(name: &[u8; N], entity: &EntityRef<'_>, out: &mut Vec<u8>) {
    if *entity == EntityRef::default() {
        return;
    }
    out.extend_from_slice(name);
    let start = out.len();
    put(b",\"type\":", entity.kind, out);
    put(b",\"id\":", entity.id, out);
    put(b",\"name\":", entity.name, out);
    // The first member has no comma before it.
    out.remove(start);
    out.push(b'}');
}

/// Ends a list or an object in place of the comma behind its last entry.
fn close(end: u8, out: &mut [u8]) {
    if let Some(last) = out.last_mut() {
        *last = end;
    }
}

/// Appends a number.
fn put_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut left, mut at) = (number, digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Whether JSON escapes a byte.
const fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Whether there is a byte that JSON escapes. Nearly every text is short and has none, so eight bytes are looked at
/// together, the last eight overlapping those before.
fn has_special(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    // A borrow can spoil the bytes above one that is below the limit, which is found then anyway.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let special = |chunk: &[u8; 8]| {
        let word = u64::from_le_bytes(*chunk);
        let (quote, backslash) = (ONES * u64::from(b'"'), ONES * u64::from(b'\\'));
        (below(word, b' ') | below(word ^ quote, 1) | below(word ^ backslash, 1)) & HIGHS != 0
    };
    match (bytes.as_chunks(), bytes.last_chunk()) {
        ((chunks, _), Some(last)) => chunks.iter().any(special) || special(last),
        _ => bytes.iter().copied().any(is_special),
    }
}

/// Appends a text as JSON.
fn put_text(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    out.push(b'"');
    if !has_special(rest) {
        out.extend_from_slice(rest);
        out.push(b'"');
        return;
    }
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 15)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_escapes_is_found_wherever_it_stands() {
        for length in 0..20 {
            for other in [b'a', 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                assert!(!has_special(&vec![other; length]));
                for (at, byte) in (0..length).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                    let mut bytes = vec![other; length];
                    bytes[at] = byte;
                    assert_eq!(has_special(&bytes), is_special(byte), "{byte} at {at} of {length} {other}");
                }
            }
        }
    }

    fn written(event: &Event) -> String {
        let mut out = Vec::new();
        event.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// An event with every field, its texts made of this one.
    fn full(text: &str) -> Event {
        let some = || Some(text.to_owned());
        let json = || Some(Json::parse("{\"a\":[1.0,\"\\u0001\"],\"a\":null}").unwrap());
        let named = || Some(Named { id: text.to_owned(), name: some() });
        let entity = || Entity { kind: some(), id: some(), name: some() };
        Event {
            id: Uuid::from_u128(0x1234_5678),
            seq: u64::MAX,
            time: Timestamp::MAX,
            recorded: Timestamp::MIN,
            source: text.to_owned(),
            source_id: some(),
            kind: text.to_owned(),
            action: text.to_owned(),
            outcome: Outcome::Failure,
            status: some(),
            organization: named(),
            project: named(),
            environment: named(),
            actor: entity(),
            target: entity(),
            part: some(),
            origin: some(),
            zone: some(),
            categories: vec![text.to_owned(), "b".to_owned()],
            labels: [("a".to_owned(), text.to_owned()), (text.to_owned(), "v".to_owned())].into(),
            request: Request {
                id: some(),
                method: some(),
                uri: some(),
                ip: some(),
                user_agent: some(),
                status: Some(i64::MIN),
                elapsed_ms: Some(0),
            },
            message: some(),
            before: json(),
            after: json(),
            data: json(),
        }
    }

    #[test]
    fn says_what_serialising_says() {
        let every: String = (0..=0x100).filter_map(char::from_u32).collect();
        for text in ["", "plain", "é\u{2028}\u{7f}", "\"", every.as_str()] {
            let event = full(text);
            assert_eq!(written(&event), serde_json::to_string(&event).unwrap());
        }
    }

    #[test]
    fn leaves_out_what_is_absent() {
        let empty = Event::default();
        let request =
            Event { request: Request { elapsed_ms: Some(7), ..Request::default() }, ..Event::default() };
        let actor = Entity { name: Some("n".to_owned()), ..Entity::default() };
        let seen = Event { seq: 1, actor, organization: Named::new("o", None), ..Event::default() };
        for event in [empty, request, seen] {
            assert_eq!(written(&event), serde_json::to_string(&event).unwrap());
        }
    }
}
