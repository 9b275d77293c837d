//! References inside an event: most of an event repeats itself. The address that was called holds the target's id, the
//! message the actor's name. Such repeats are replaced by a byte that says which value stands there, and UUIDs by their
//! 16 bytes in a column of their own.
//!
//! The bytes that stand for a reference never occur in UTF-8, so that nothing has to be escaped and a text without
//! references is its own encoding.

use std::{fmt::Write, ops::Range};

use annals_model::{Event, EventRef};
use memchr::memmem;

use super::{
    bits::{Bad, Parsed},
    terms::uuid_of_canonical,
};

/// The first of the bytes that stand for the values with the smallest numbers.
const SHORT_FIRST: u8 = 0xf5;
/// How many values have a byte of their own.
const SHORT_COUNT: usize = (u8::MAX - SHORT_FIRST) as usize + 1;
/// Followed by the number of a value.
const LONG: u8 = 0xc0;
/// Stands for the event's next UUID.
const UUID: u8 = 0xc1;
/// Shorter values are not worth a reference.
const VALUE_BYTES_MIN: usize = 4;
/// How many values can be referred to. The last two are source_id and request.id, which are such texts themselves.
pub(super) const VALUES: usize = 24;
/// How many of them `source_id` may refer to; `request.id` may refer to one more, the others to all.
pub(super) const VALUES_BEFORE_TEXTS: usize = VALUES - 2;
const UUID_TEXT_BYTES: usize = 36;
/// In place of the number of a value: stands for the event's next number.
const NUMBER: usize = VALUES;
/// Digits of the longest number that is taken out of a text.
const NUMBER_DIGITS_MAX: usize = 15;
/// Numbers that are taken out of the texts of one event.
const NUMBERS_MAX: usize = 32;

/// What texts refer to besides values: the UUIDs and numbers of the event that were not used yet.
pub(super) struct Pieces<'b> {
    pub(super) uuids: &'b [u8],
    pub(super) numbers: &'b [u64],
}

/// The number in JSON that `rest` begins with, and its digits; only if the digits are what the number is written as.
fn number_at(before: u8, rest: &[u8]) -> Option<(u64, usize)> {
    if !matches!(before, b':' | b',' | b'[') {
        return None;
    }
    let digits = rest.iter().take(NUMBER_DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let is_plain = (1..=NUMBER_DIGITS_MAX).contains(&digits) && (digits == 1 || rest[0] != b'0');
    if !is_plain || !matches!(rest.get(digits), Some(b',' | b'}' | b']')) {
        return None;
    }
    Some((rest[..digits].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')), digits))
}

/// The values that the texts of an event can refer to, by number.
pub(super) type Values<'e> = [Option<&'e str>; VALUES];

/// The number of the value that is the event's own id.
pub(super) const ID_VALUE: usize = 11;

/// The values of an event. `id` is its id in canonical form.
pub(super) fn values_of<'e>(event: &'e Event, id: Option<&'e str>) -> Values<'e> {
    fn name(named: Option<&annals_model::Named>) -> Option<&str> {
        named.and_then(|named| named.name.as_deref())
    }
    let (organization, project) = (event.organization.as_ref(), event.project.as_ref());
    let environment = event.environment.as_ref();
    [
        event.target.id.as_deref(),
        event.target.name.as_deref(),
        event.actor.name.as_deref(),
        event.actor.id.as_deref(),
        organization.map(|named| named.id.as_str()),
        project.map(|named| named.id.as_str()),
        environment.map(|named| named.id.as_str()),
        Some(&event.kind),
        name(project),
        name(environment),
        name(organization),
        id,
        event.target.kind.as_deref(),
        event.actor.kind.as_deref(),
        event.request.method.as_deref(),
        event.request.ip.as_deref(),
        event.status.as_deref(),
        Some(&event.action),
        event.part.as_deref(),
        event.origin.as_deref(),
        event.zone.as_deref(),
        Some(&event.source),
        event.source_id.as_deref(),
        event.request.id.as_deref(),
    ]
}

/// The same of an event that is being read, whose source_id and request.id are not known yet.
pub(super) fn values_of_ref<'e>(event: &EventRef<'e>, id: &'e str) -> Values<'e> {
    let id_of = |named: Option<(&'e str, Option<&'e str>)>| named.map(|(id, _)| id);
    let name_of = |named: Option<(&'e str, Option<&'e str>)>| named.and_then(|(_, name)| name);
    [
        event.target.id,
        event.target.name,
        event.actor.name,
        event.actor.id,
        id_of(event.organization),
        id_of(event.project),
        id_of(event.environment),
        Some(event.kind),
        name_of(event.project),
        name_of(event.environment),
        name_of(event.organization),
        Some(id),
        event.target.kind,
        event.actor.kind,
        event.request.method,
        event.request.ip,
        event.status,
        Some(event.action),
        event.part,
        event.origin,
        event.zone,
        Some(event.source),
        None,
        None,
    ]
}

/// Whether texts, one behind the other, may refer to the id of an event.
pub(super) fn refers_to_id(stored: &[u8]) -> bool {
    memmem::find(stored, &[LONG, ID_VALUE as u8]).is_some()
}

/// Whether texts, one behind the other, may refer to a number.
pub(super) fn refers_to_number(stored: &[u8]) -> bool {
    memmem::find(stored, &[LONG, NUMBER as u8]).is_some()
}

/// The first bytes of a value or of what may begin with one; `None` where there are too few.
fn head_of(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<VALUE_BYTES_MIN>().map(|head| u32::from_ne_bytes(*head))
}

/// Finds the values of one event in its texts.
pub(super) struct Encoder<'e> {
    /// By falling length, so that the longest value wins; each with its first bytes as a number, by which nearly all that
    /// do not fit are told.
    values: Vec<(u32, usize, &'e [u8])>,
    /// Whether a value begins with this byte.
    begins: [bool; 256],
}

impl<'e> Encoder<'e> {
    pub(super) fn new(values: &Values<'e>) -> Self {
        let mut begins = [false; 256];
        let mut found = Vec::with_capacity(VALUES);
        for (number, value) in values.iter().enumerate() {
            if let Some(value) = value.map(str::as_bytes)
                && let Some(head) = head_of(value)
            {
                begins[usize::from(value[0])] = true;
                found.push((head, number, value));
            }
        }
        found.sort_unstable_by_key(|(_, number, value)| (usize::MAX - value.len(), *number));
        Self { values: found, begins }
    }

    /// Appends a text in its encoded form; it may refer to the first `limit` values. With `numbers` it is JSON, and the
    /// numbers in it are taken out.
    pub(super) fn encode(
        &self,
        text: &str,
        limit: usize,
        out: &mut Vec<u8>,
        uuids: &mut Vec<u8>,
        mut numbers: Option<&mut Vec<u64>>,
    ) {
        let text = text.as_bytes();
        let (mut at, mut copied) = (0, 0);
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
        let ends = |end: usize| text.get(end).is_none_or(|byte| !is_word(*byte));
        while at < text.len() {
            let first = text[at];
            let rest = &text[at..];
            let head = if self.begins[usize::from(first)] { head_of(rest) } else { None };
            let value = head.and_then(|head| {
                self.values.iter().find(|(value_head, number, value)| {
                    *value_head == head
                        && *number < limit
                        && rest.starts_with(value)
                        && ends(at + value.len())
                })
            });
            if let Some((_, number, value)) = value {
                out.extend_from_slice(&text[copied..at]);
                if *number < SHORT_COUNT {
                    out.push(SHORT_FIRST + *number as u8);
                } else {
                    out.extend_from_slice(&[LONG, *number as u8]);
                }
                at += value.len();
                copied = at;
                continue;
            }
            let looks_like_uuid = first.is_ascii_alphanumeric() && rest.get(8) == Some(&b'-');
            if looks_like_uuid && let Some(uuid) = rest.get(..UUID_TEXT_BYTES).and_then(uuid_of_canonical) {
                out.extend_from_slice(&text[copied..at]);
                out.push(UUID);
                uuids.extend_from_slice(&uuid);
                at += UUID_TEXT_BYTES;
                copied = at;
                continue;
            }
            if first.is_ascii_digit()
                && at > 0
                && let Some(numbers) = numbers.as_mut().filter(|numbers| numbers.len() < NUMBERS_MAX)
                && let Some((number, digits)) = number_at(text[at - 1], rest)
            {
                out.extend_from_slice(&text[copied..at]);
                out.extend_from_slice(&[LONG, NUMBER as u8]);
                numbers.push(number);
                at += digits;
                copied = at;
                continue;
            }
            // On to the beginning of the next word; values and UUIDs begin there.
            if is_word(first) {
                while at < text.len() && is_word(text[at]) {
                    at += 1;
                }
            } else {
                at += 1;
            }
        }
        out.extend_from_slice(&text[copied..]);
    }
}

/// A text that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decoded<'b> {
    /// It refers to nothing and is what is stored.
    Stored(&'b str),
    /// It was appended to a buffer, and lies there.
    Appended(Range<usize>),
}

impl<'b> Decoded<'b> {
    /// The text, with the buffer that it was read into.
    pub(super) fn get(&self, buffer: &'b str) -> &'b str {
        match self {
            Self::Stored(text) => text,
            Self::Appended(place) => buffer.get(place.clone()).unwrap_or_default(),
        }
    }
}

/// Where the first reference is.
fn reference_at(encoded: &[u8]) -> Option<usize> {
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let is_reference = |byte: &u8| matches!(*byte, LONG | UUID | SHORT_FIRST..);
    // Most bytes are ASCII, which eight are looked at together for.
    let (words, rest) = encoded.as_chunks();
    let plain = words.iter().take_while(|word| u64::from_ne_bytes(**word) & HIGHS == 0).count() * 8;
    let behind = encoded.get(plain..).unwrap_or(rest);
    behind.iter().position(is_reference).map(|at| plain + at)
}

/// Reads an encoded text back; what is more than what is stored is appended to `out`.
pub(super) fn decode<'b>(
    encoded: &'b [u8],
    values: &Values<'_>,
    limit: usize,
    pieces: &mut Pieces<'_>,
    out: &mut String,
) -> Parsed<Decoded<'b>> {
    let plain = |bytes| std::str::from_utf8(bytes).map_err(|_| Bad("a text that is not UTF-8"));
    let start = out.len();
    let mut rest = encoded;
    let mut next = reference_at(rest);
    if next.is_none() {
        return plain(encoded).map(Decoded::Stored);
    }
    while let Some(length) = next {
        let (before, behind) = rest.split_at(length);
        out.push_str(plain(before)?);
        let (first, behind) = behind.split_first().ok_or(Bad("a text ends inside a reference"))?;
        rest = behind;
        let number = match *first {
            UUID => {
                let (uuid, behind) =
                    pieces.uuids.split_first_chunk::<16>().ok_or(Bad("a text refers to a UUID too many"))?;
                let mut buffer = uuid::Uuid::encode_buffer();
                out.push_str(uuid::Uuid::from_bytes(*uuid).hyphenated().encode_lower(&mut buffer));
                pieces.uuids = behind;
                next = reference_at(rest);
                continue;
            }
            LONG => {
                let (number, behind) = rest.split_first().ok_or(Bad("a text ends inside a reference"))?;
                rest = behind;
                usize::from(*number)
            }
            short => usize::from(short - SHORT_FIRST),
        };
        if number == NUMBER {
            let (number, behind) =
                pieces.numbers.split_first().ok_or(Bad("a text refers to a number too many"))?;
            // Writing to a string does not fail.
            let _ = write!(out, "{number}");
            pieces.numbers = behind;
        } else {
            let value = values.get(..limit).and_then(|values| values.get(number)).copied().flatten();
            out.push_str(value.ok_or(Bad("a text refers to a value that is not there"))?);
        }
        next = reference_at(rest);
    }
    out.push_str(plain(rest)?);
    Ok(Decoded::Appended(start..out.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, values: &Values<'_>, limit: usize) -> (usize, Vec<u64>) {
        let encoder = Encoder::new(values);
        let check = |is_json: bool| {
            let (mut encoded, mut uuids, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
            encoder.encode(text, limit, &mut encoded, &mut uuids, is_json.then_some(&mut numbers));
            let mut pieces = Pieces { uuids: &uuids, numbers: &numbers };
            let mut buffer = "before".to_owned();
            let decoded = decode(&encoded, values, limit, &mut pieces, &mut buffer).unwrap();
            assert_eq!(decoded.get(&buffer), text);
            assert!(pieces.uuids.is_empty() && pieces.numbers.is_empty());
            (encoded.len(), numbers)
        };
        (check(false).0, check(true).1)
    }

    #[test]
    fn repeats_become_bytes() {
        let mut values: Values<'_> = [None; VALUES];
        values[0] = Some("6e5b2a52-7f1b-4f0a-8f5e-0d9b2f6c1a11");
        values[1] = Some("shop");
        values[11] = Some("alice@example.com");
        let text = "/v2/apps/6e5b2a52-7f1b-4f0a-8f5e-0d9b2f6c1a11?shop=shopping&by=alice@example.com";
        assert_eq!(check(text, &values, VALUES).0, "/v2/apps/.?.=shopping&by=..".len());
        assert_eq!(check("4b1b1e52-7f1b-4f0a-8f5e-0d9b2f6c1a11", &values, VALUES).0, 1);
        assert_eq!(check("alice@example.com", &values, 11).0, "alice@example.com".len());
    }

    #[test]
    fn numbers_of_json_are_taken_out() {
        let text =
            r#"{"a":5,"b":[0,17,007,1.5,-3,1e9],"c":"x:5,6","d":999999999999999,"e":9999999999999999}"#;
        assert_eq!(check(text, &[None; VALUES], VALUES).1, [5, 0, 17, 5, 999_999_999_999_999]);
        let many = format!("[{}]", vec!["1"; 100].join(","));
        assert_eq!(check(&many, &[None; VALUES], VALUES).1.len(), NUMBERS_MAX);
    }

    proptest! {
        #[test]
        fn texts_come_back(
            parts in proptest::collection::vec("(abcd|[:,][0-9]{1,17}[,}]|ab-cd|é|ünïc|[a-z/ ]{0,6}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", 0..9),
            limit in 0_usize..=VALUES,
        ) {
            let text = parts.concat();
            let mut values: Values<'_> = [None; VALUES];
            for (value, part) in values.iter_mut().rev().zip(&parts) {
                *value = Some(part);
            }
            check(&text, &values, limit);
        }

        #[test]
        fn any_bytes_can_be_read(encoded: Vec<u8>, uuids: Vec<u8>, numbers: Vec<u64>, limit in 0_usize..40) {
            let mut values: Values<'_> = [None; VALUES];
            values[3] = Some("value");
            let mut pieces = Pieces { uuids: &uuids, numbers: &numbers };
            let _ = decode(&encoded, &values, limit, &mut pieces, &mut String::new());
        }
    }
}
