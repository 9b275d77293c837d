//! The marker of a page: where the next one begins. Clients pass it on as it is.
//!
//! It holds a place in the total order, never a page number, and the window of the first page: a window that ends now
//! would otherwise move between two pages and lose events. It also holds which selection it was made for and a checksum,
//! so that one that was cut, mistyped or made elsewhere is refused. It is no secret and grants nothing.

use std::fmt;

use annals_model::{Position, TimeRange, Timestamp};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;

/// Version of the layout: version, selection, from, to, time, seq, checksum.
const VERSION: u8 = 1;
const BODY_BYTES: usize = 1 + 4 + 4 * 8;
const MARKER_BYTES: usize = BODY_BYTES + 4;

/// Where a page ended, and of which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// [`selection`] of the parameters of the request.
    pub(super) selection: u32,
    /// The first instant of the window.
    pub(super) from: Timestamp,
    /// The first instant behind the window.
    pub(super) to: Timestamp,
    /// The last event of the page.
    pub(super) position: Position,
}

/// A number that requests for the same list share.
pub(super) fn selection<'p>(parameters: impl Iterator<Item = (&'p str, &'p str)>) -> u32 {
    let mut pairs: Vec<String> = parameters.map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort_unstable();
    u32::from_be_bytes(check(pairs.join("\0").as_bytes()))
}

impl Marker {
    /// The window of the list.
    pub(super) const fn range(&self) -> TimeRange {
        TimeRange::new(Some(self.from), Some(self.to))
    }

    /// Reads one; `None` when it is not a marker of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let bytes = <[u8; MARKER_BYTES]>::try_from(bytes).ok()?;
        let (body, sum) = bytes.split_at(BODY_BYTES);
        let (version, mut rest) = body.split_first()?;
        if *version != VERSION || check(body) != sum {
            return None;
        }
        let selection = u32::from_be_bytes(take(&mut rest)?);
        let mut long = || Some(i64::from_be_bytes(take(&mut rest)?));
        let (from, to, time, seq) = (long()?, long()?, long()?, long()?);
        let position = Position { time: Timestamp::from_nanos(time), seq: seq.cast_unsigned() };
        Some(Self { selection, from: Timestamp::from_nanos(from), to: Timestamp::from_nanos(to), position })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend(self.selection.to_be_bytes());
        for long in [self.from.nanos(), self.to.nanos(), self.position.time.nanos()] {
            bytes.extend(long.to_be_bytes());
        }
        bytes.extend(self.position.seq.to_be_bytes());
        let sum = check(&bytes);
        bytes.extend(sum);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// A guard against mistakes, not against forgery.
fn check(bytes: &[u8]) -> [u8; 4] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        Marker {
            selection: selection([("a", "1"), ("b", "2")].into_iter()),
            from: Timestamp::MIN,
            to: Timestamp::from_nanos(5),
            position: Position { time: Timestamp::from_nanos(-7), seq: u64::MAX },
        }
    }

    #[test]
    fn leads_back() {
        assert_eq!(Marker::read(&marker().to_string()), Some(marker()));
        let range = marker().range();
        assert_eq!((range.from, range.to), (Some(Timestamp::MIN), Some(Timestamp::from_nanos(5))));
    }

    #[test]
    fn every_damage_is_noticed() {
        let text = marker().to_string();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(bytes).unwrap();
            assert_eq!(Marker::read(&damaged), None, "{damaged}");
        }
        for text in ["", "abc", "====", "é", &text[1..], &text[..text.len() - 1], &format!("{text}AAAA")] {
            assert_eq!(Marker::read(text), None, "{text}");
        }
    }

    #[test]
    fn selections_do_not_depend_on_order() {
        let of = |pairs: &[(&'static str, &'static str)]| selection(pairs.iter().copied());
        assert_eq!(of(&[("a", "1"), ("b", "2")]), of(&[("b", "2"), ("a", "1")]));
        assert_ne!(of(&[("a", "1"), ("b", "2")]), of(&[("a", "2"), ("b", "1")]));
        assert_ne!(of(&[("a", "1")]), of(&[]));
    }
}
