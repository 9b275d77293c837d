//! The terms of a field: its distinct texts, sorted by their bytes, a text's code being its rank.
//!
//! Terms are front-coded in groups, and where each group begins is in a packed array, so that a lookup is a binary
//! search over the groups' first terms and a walk through one group. Texts that are UUIDs in their canonical form are
//! kept as 16 bytes. It knows nothing of what a term is used for.

use super::{
    Segment,
    bits::{Bad, Parsed, Reader, pack, put_varint, width_of},
    fields::FieldRecord,
    file::Section,
};
use crate::{Damage, pace};

/// Terms in one group.
pub(super) const GROUP_TERMS: u32 = 16;
/// Length of a UUID in its canonical form.
const UUID_TEXT_BYTES: usize = 36;

/// The bytes of a UUID in canonical form: lower case, with hyphens.
pub(super) fn uuid_of_canonical(text: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; UUID_TEXT_BYTES] = text.try_into().ok()?;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text[8] != b'-' || text[13] != b'-' || text[18] != b'-' || text[23] != b'-' {
        return None;
    }
    let mut bytes = [0; 16];
    let mut at = 0;
    for byte in &mut bytes {
        if matches!(at, 8 | 13 | 18 | 23) {
            at += 1;
        }
        *byte = (digit(text[at])? << 4) | digit(text[at + 1])?;
        at += 2;
    }
    Some(bytes)
}

/// The octets of an IPv4 address in its canonical form: decimal, without leading zeros.
fn ip_of_canonical(text: &[u8]) -> Option<[u8; 4]> {
    if !(7..=15).contains(&text.len()) {
        return None;
    }
    let mut octets = [0; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| (1..=3).contains(&part.len()))?;
        let mut value = 0_u32;
        for digit in part {
            value = value * 10 + u32::from(digit.checked_sub(b'0').filter(|digit| *digit <= 9)?);
        }
        if part.len() > 1 && part[0] == b'0' {
            return None;
        }
        *octet = u8::try_from(value).ok()?;
    }
    parts.next().is_none().then_some(octets)
}

/// Appends the canonical form of a UUID.
pub(super) fn push_canonical(bytes: &[u8; 16], out: &mut Vec<u8>) {
    let mut buffer = [0; UUID_TEXT_BYTES];
    uuid::Uuid::from_bytes(*bytes).hyphenated().encode_lower(&mut buffer);
    out.extend_from_slice(&buffer);
}

/// Appends a number of up to three digits.
fn push_octet(octet: u8, out: &mut Vec<u8>) {
    if octet >= 100 {
        out.push(b'0' + octet / 100);
    }
    if octet >= 10 {
        out.push(b'0' + octet / 10 % 10);
    }
    out.push(b'0' + octet % 10);
}

/// A term in fewer bytes than its text.
#[derive(Debug, Clone, Copy)]
enum Packed {
    Uuid([u8; 16]),
    Ip([u8; 4]),
}

impl Packed {
    fn of(term: &[u8]) -> Option<Self> {
        uuid_of_canonical(term).map(Self::Uuid).or_else(|| ip_of_canonical(term).map(Self::Ip))
    }

    /// Replaces a term that is packed in this way by its text.
    fn spell(kind: Kind, term: &mut Vec<u8>) {
        let packed = match (kind, term.as_slice().try_into(), term.as_slice().try_into()) {
            (Kind::Uuid, Ok(uuid), _) => Self::Uuid(uuid),
            (Kind::Ip, _, Ok(octets)) => Self::Ip(octets),
            _ => return,
        };
        term.clear();
        packed.push_text(term);
    }

    fn push_text(&self, out: &mut Vec<u8>) {
        match self {
            Self::Uuid(uuid) => push_canonical(uuid, out),
            Self::Ip([first, rest @ ..]) => {
                push_octet(*first, out);
                for octet in rest {
                    out.push(b'.');
                    push_octet(*octet, out);
                }
            }
        }
    }
}

/// The heads of packed terms are odd. Up to this half of a head, it is how many bytes a UUID shares with the one before;
/// from there on, how many octets an address shares with the one before.
const HEAD_IP: usize = 16;

fn shared_prefix(one: &[u8], two: &[u8]) -> usize {
    one.iter().zip(two).take_while(|(a, b)| a == b).count()
}

/// Writes sorted terms.
#[derive(Default)]
pub(super) struct TermsWriter {
    pub(super) bytes: Vec<u8>,
    groups: Vec<u64>,
    previous: Vec<u8>,
    previous_packed: Option<Packed>,
    pub(super) terms: u32,
}

impl TermsWriter {
    pub(super) fn push(&mut self, term: &[u8]) {
        pace::small_step();
        debug_assert!(self.terms == 0 || self.previous.as_slice() < term, "terms are sorted and distinct");
        if self.terms.is_multiple_of(GROUP_TERMS) {
            self.groups.push(self.bytes.len() as u64);
            self.previous.clear();
            self.previous_packed = None;
        }
        let packed = Packed::of(term);
        match &packed {
            Some(Packed::Uuid(bytes)) => {
                let shared = match &self.previous_packed {
                    Some(Packed::Uuid(previous)) => shared_prefix(previous, bytes).min(15),
                    _ => 0,
                };
                put_varint(&mut self.bytes, (shared as u64) << 1 | 1);
                self.bytes.extend_from_slice(&bytes[shared..]);
            }
            Some(Packed::Ip(octets)) => {
                let shared = match &self.previous_packed {
                    Some(Packed::Ip(previous)) => shared_prefix(previous, octets).min(3),
                    _ => 0,
                };
                put_varint(&mut self.bytes, ((HEAD_IP + shared) as u64) << 1 | 1);
                self.bytes.extend_from_slice(&octets[shared..]);
            }
            None => {
                let shared = shared_prefix(&self.previous, term);
                put_varint(&mut self.bytes, ((term.len() - shared) as u64) << 1);
                put_varint(&mut self.bytes, shared as u64);
                self.bytes.extend_from_slice(&term[shared..]);
            }
        }
        self.previous.clear();
        self.previous.extend_from_slice(term);
        self.previous_packed = packed;
        self.terms += 1;
    }

    /// The packed array of where the groups begin, and its width.
    pub(super) fn packed_groups(&self) -> (Vec<u8>, u32) {
        let width = width_of(self.bytes.len() as u64);
        let mut packed = Vec::new();
        pack(&mut packed, self.groups.iter().copied(), width);
        (packed, width)
    }
}

const SHARED: Bad = Bad("a term shares more than there is");

/// How a term is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Uuid,
    Ip,
}

/// A term as it is written: how much of the one before it begins with, and what follows.
#[derive(Debug, Clone, Copy)]
struct Head<'s> {
    kind: Kind,
    shared: usize,
    suffix: &'s [u8],
}

impl<'s> Head<'s> {
    #[inline(always)]
    fn read(reader: &mut Reader<'s>) -> Parsed<Self> {
        let head = reader.length()?;
        if head & 1 == 0 {
            let shared = reader.length()?;
            return Ok(Self { kind: Kind::Text, shared, suffix: reader.take(head >> 1)? });
        }
        let (kind, shared, bytes): (_, _, usize) = match (head >> 1).checked_sub(HEAD_IP) {
            None => (Kind::Uuid, head >> 1, 16),
            Some(shared) => (Kind::Ip, shared, 4),
        };
        let own = bytes.checked_sub(shared).filter(|own| *own > 0).ok_or(SHARED)?;
        Ok(Self { kind, shared, suffix: reader.take(own)? })
    }
}

/// Puts one term of a group together from its end, so that those before it are only passed over; packed if it is. `None`
/// when a term shares something with one that is written in another way, which [`Group`] knows about.
fn assemble(group: &[u8], place: usize, out: &mut Vec<u8>) -> Parsed<Option<Kind>> {
    let mut reader = Reader::new(group);
    let mut heads = [Head { kind: Kind::Text, shared: 0, suffix: &[] }; GROUP_TERMS as usize];
    let heads = heads.get_mut(..=place).unwrap_or_default();
    let (mut kind, mut bytes) = (Kind::Text, 0);
    for entry in &mut *heads {
        let head = Head::read(&mut reader)?;
        if head.shared > 0 && (head.kind != kind || head.shared > bytes) {
            return Ok(None);
        }
        (kind, bytes) = (head.kind, head.shared + head.suffix.len());
        *entry = head;
    }
    out.clear();
    out.resize(bytes, 0);
    let mut missing = bytes;
    for Head { shared, suffix, .. } in heads.iter().rev() {
        if let (Some(to), Some(from)) =
            (out.get_mut(*shared..missing), suffix.get(..missing.saturating_sub(*shared)))
        {
            to.copy_from_slice(from);
            missing = *shared;
        }
        if missing == 0 {
            break;
        }
    }
    Ok(Some(kind))
}

/// A packed term that shares its beginning with the one before, if that is of its kind.
fn continued<const N: usize>(before: Option<[u8; N]>, shared: usize, suffix: &[u8]) -> Parsed<[u8; N]> {
    let mut bytes = match before {
        Some(before) => before,
        None if shared == 0 => [0; N],
        None => return Err(SHARED),
    };
    let end = bytes.get_mut(shared..).filter(|end| end.len() == suffix.len()).ok_or(SHARED)?;
    end.copy_from_slice(suffix);
    Ok(bytes)
}

/// Walks through the terms of one group.
struct Group<'s> {
    reader: Reader<'s>,
    /// The term it stands on; behind the times while it is a packed one whose text nobody wanted.
    text: Vec<u8>,
    packed: Option<Packed>,
    is_stale: bool,
}

impl<'s> Group<'s> {
    const fn new(bytes: &'s [u8]) -> Self {
        Self { reader: Reader::new(bytes), text: Vec::new(), packed: None, is_stale: false }
    }

    fn advance(&mut self) -> Parsed<()> {
        let Head { kind, shared, suffix } = Head::read(&mut self.reader)?;
        match kind {
            Kind::Text => {
                self.refresh();
                if shared > self.text.len() {
                    return Err(SHARED);
                }
                self.text.truncate(shared);
                self.text.extend_from_slice(suffix);
                self.packed = None;
                return Ok(());
            }
            Kind::Uuid => {
                let before = match self.packed {
                    Some(Packed::Uuid(before)) => Some(before),
                    _ => None,
                };
                self.packed = Some(Packed::Uuid(continued(before, shared, suffix)?));
            }
            Kind::Ip => {
                let before = match self.packed {
                    Some(Packed::Ip(before)) => Some(before),
                    _ => None,
                };
                self.packed = Some(Packed::Ip(continued(before, shared, suffix)?));
            }
        }
        self.is_stale = true;
        Ok(())
    }

    /// Spells out the packed term it stands on.
    fn refresh(&mut self) {
        if let Some(packed) = self.packed.filter(|_| self.is_stale) {
            self.text.clear();
            packed.push_text(&mut self.text);
        }
        self.is_stale = false;
    }

    /// The term it stands on.
    fn term(&mut self) -> &[u8] {
        self.refresh();
        &self.text
    }
}

/// The dictionary of one field of a segment.
#[derive(Clone, Copy)]
pub(super) struct Dictionary<'s> {
    pub(super) segment: &'s Segment,
    pub(super) record: FieldRecord,
}

impl<'s> Dictionary<'s> {
    pub(super) const fn terms(&self) -> u32 {
        self.record.terms
    }

    fn bad(&self, offset: u64, bad: Bad) -> Damage {
        self.segment.bad(Section::Terms, offset, bad)
    }

    fn group(&self, group: u32) -> Result<Group<'s>, Damage> {
        self.group_bytes(group).map(Group::new)
    }

    fn group_bytes(&self, group: u32) -> Result<&'s [u8], Damage> {
        let width = u32::from(self.record.group_width);
        let offset = |group: u32| {
            self.segment.file.packed(Section::Terms, self.record.groups, u64::from(group), width)
        };
        let start = offset(group)?;
        let groups = self.record.terms.div_ceil(GROUP_TERMS);
        let end = if group + 1 < groups { offset(group + 1)? } else { self.record.texts_bytes };
        if start > end || end > self.record.texts_bytes {
            return Err(self.bad(self.record.groups, Bad("a group of terms lies outside of its field")));
        }
        self.segment.file.bytes(Section::Terms, self.record.texts + start..self.record.texts + end)
    }

    fn advance(&self, group: &mut Group<'s>) -> Result<(), Damage> {
        group.advance().map_err(|bad| self.bad(self.record.texts, bad))
    }

    /// The text of a code.
    pub(super) fn text(&self, code: u32) -> Result<String, Damage> {
        let mut text = String::new();
        self.push_text(code, &mut Vec::new(), &mut text)?;
        Ok(text)
    }

    /// Appends the text of a code; `buffer` is there to be used again.
    pub(super) fn push_text(&self, code: u32, buffer: &mut Vec<u8>, out: &mut String) -> Result<(), Damage> {
        if code >= self.record.terms {
            return Err(self.bad(self.record.texts, Bad("a term code without a term")));
        }
        let bytes = self.group_bytes(code / GROUP_TERMS)?;
        let bad = |bad| self.bad(self.record.texts, bad);
        let place = (code % GROUP_TERMS) as usize;
        match assemble(bytes, place, buffer).map_err(bad)? {
            Some(kind) => Packed::spell(kind, buffer),
            None => {
                let mut group = Group::new(bytes);
                for _ in 0..=place {
                    self.advance(&mut group)?;
                }
                group.refresh();
                *buffer = group.text;
            }
        }
        out.push_str(std::str::from_utf8(buffer).map_err(|_| bad(Bad("a term that is not UTF-8")))?);
        Ok(())
    }

    /// How many terms come before the first one that `before` is false of; it must be true of a prefix of the terms.
    pub(super) fn partition_point(&self, before: impl Fn(&[u8]) -> bool) -> Result<u32, Damage> {
        // Among the groups' first terms, then inside the last group whose first term is still before.
        let (mut low, mut high) = (0, self.record.terms.div_ceil(GROUP_TERMS));
        while low < high {
            let middle = low + (high - low) / 2;
            let mut group = self.group(middle)?;
            self.advance(&mut group)?;
            if before(group.term()) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(last) = low.checked_sub(1) else {
            return Ok(0);
        };
        let mut group = self.group(last)?;
        let first = last * GROUP_TERMS;
        for code in first..(first + GROUP_TERMS).min(self.record.terms) {
            self.advance(&mut group)?;
            if !before(group.term()) {
                return Ok(code);
            }
        }
        Ok((first + GROUP_TERMS).min(self.record.terms))
    }

    /// The code of a text.
    pub(super) fn find(&self, text: &str) -> Result<Option<u32>, Damage> {
        let code = self.partition_point(|term| term < text.as_bytes())?;
        if code >= self.record.terms {
            return Ok(None);
        }
        let mut group = self.group(code / GROUP_TERMS)?;
        for _ in 0..=code % GROUP_TERMS {
            self.advance(&mut group)?;
        }
        Ok((group.term() == text.as_bytes()).then_some(code))
    }

    /// The terms in order.
    pub(super) fn walk(&self) -> TermWalk<'s> {
        TermWalk { dictionary: *self, group: Group::new(&[]), next: 0 }
    }

    /// The terms in order, from this code on.
    pub(super) fn walk_from(&self, code: u32) -> Result<TermWalk<'s>, Damage> {
        let mut walk = TermWalk { next: code / GROUP_TERMS * GROUP_TERMS, ..self.walk() };
        while walk.next < code {
            walk.advance()?;
        }
        Ok(walk)
    }

    /// Where the array of references to postings begins, and how wide its entries are.
    pub(super) fn references(&self) -> (u64, u32) {
        (self.record.references, u32::from(self.record.reference_width))
    }
}

/// Walks through all terms of a dictionary.
pub(super) struct TermWalk<'s> {
    dictionary: Dictionary<'s>,
    group: Group<'s>,
    next: u32,
}

impl TermWalk<'_> {
    /// Moves to the next term; `None` behind the last.
    pub(super) fn advance(&mut self) -> Result<Option<u32>, Damage> {
        if self.next >= self.dictionary.terms() {
            return Ok(None);
        }
        if self.next.is_multiple_of(GROUP_TERMS) {
            let text = std::mem::take(&mut self.group.text);
            self.group = self.dictionary.group(self.next / GROUP_TERMS)?;
            self.group.text = text;
            self.group.text.clear();
        }
        self.dictionary.advance(&mut self.group)?;
        self.group.refresh();
        self.next += 1;
        Ok(Some(self.next - 1))
    }

    /// The term it stands on.
    pub(super) fn term(&self) -> &[u8] {
        &self.group.text
    }

    /// What to say when it does not come after the one before.
    pub(super) fn out_of_order(&self) -> Damage {
        self.dictionary.bad(self.dictionary.record.texts, Bad("terms are not in order"))
    }

    /// The term it stands on, as text.
    pub(super) fn text(&self) -> Result<&str, Damage> {
        std::str::from_utf8(&self.group.text)
            .map_err(|_| self.dictionary.bad(self.dictionary.record.texts, Bad("a term that is not UTF-8")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_term_put_together_is_the_one_walked_to(
            terms in proptest::collection::btree_set(
                "(1\\.0\\.[0-3]\\.[0-9]|1\\.0[a-c.]{0,4}|[ab]{0,6}|0000000[01]-0000-4000-8000-00000000[0-9a-f]{4}|00000000[a-c-]{0,3})",
                1..=GROUP_TERMS as usize,
            ),
        ) {
            let mut writer = TermsWriter::default();
            terms.iter().for_each(|term| writer.push(term.as_bytes()));
            let mut group = Group::new(&writer.bytes);
            for (place, term) in terms.iter().enumerate() {
                group.advance().unwrap();
                prop_assert_eq!(group.term(), term.as_bytes());
                let mut text = b"before".to_vec();
                // What is shared with a term that is written in another way is left to the walk.
                let kind = assemble(&writer.bytes, place, &mut text).unwrap();
                prop_assert!(place > 0 || kind.is_some(), "the first term shares nothing");
                if let Some(kind) = kind {
                    Packed::spell(kind, &mut text);
                    prop_assert_eq!(text.as_slice(), term.as_bytes());
                }
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, place in 0..GROUP_TERMS as usize) {
            let _ = assemble(&bytes, place, &mut Vec::new());
            let mut group = Group::new(&bytes);
            while group.advance().is_ok() {}
        }
    }
}
