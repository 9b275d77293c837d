//! The opaque cursor of lists, polls, streams and exports.
//!
//! It holds a place in the total order, never a page number, so events that arrive between two pages neither repeat
//! nor hide others. It also holds which store and which query it was made for and a checksum: a cursor that was cut,
//! mistyped, or used elsewhere is refused with the reason instead of answering something else. It is no secret and
//! grants nothing: the scope is applied anew to every page.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Order, Position, Query, Timestamp};

/// Version of the layout: version, order, store, query, time, seq, checksum.
const VERSION: u8 = 1;
const BODY_BYTES: usize = 1 + 1 + 4 + 4 + 8 + 8;
const CURSOR_BYTES: usize = BODY_BYTES + 4;

/// A place in the answer to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Which store made it.
    pub store: u32,
    /// [`Query::fingerprint`] of the query it belongs to.
    pub query: u32,
    /// The order of that query.
    pub order: Order,
    /// Behind this place the answer goes on.
    pub position: Position,
}

/// Why a cursor cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It is not a whole cursor.
    #[error("the cursor is damaged or not a cursor: pass on the `next` value of an earlier answer unchanged")]
    Damaged,
    /// A later version of the server made it.
    #[error(
        "the cursor has version {0}, this server understands version {VERSION}: begin again without a cursor"
    )]
    Version(u8),
    /// Another store made it.
    #[error("the cursor was made by another server: begin again without a cursor")]
    Store,
    /// It belongs to a query with other filters, range or order.
    #[error(
        "the cursor belongs to a query with other filters, times or order: repeat them all, or begin again without a cursor"
    )]
    Query,
}

impl Cursor {
    /// Checks that it was made by this store for this query.
    ///
    /// # Errors
    /// [`CursorError::Store`] or [`CursorError::Query`].
    pub fn check(&self, query: &Query, store: u32) -> Result<Position, CursorError> {
        if self.store != store {
            return Err(CursorError::Store);
        }
        if self.order != query.order || self.query != query.fingerprint() {
            return Err(CursorError::Query);
        }
        Ok(self.position)
    }
}

/// What stands behind the bytes of a cursor, so that a damaged one is noticed.
pub(crate) fn checksum(body: &[u8]) -> [u8; 4] {
    (xxhash_rust::xxh3::xxh3_64(body) as u32).to_le_bytes()
}

/// The text of a cursor with these bytes.
pub(crate) fn sealed(mut body: Vec<u8>) -> String {
    let sum = checksum(&body);
    body.extend(sum);
    URL_SAFE_NO_PAD.encode(body)
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(CURSOR_BYTES);
        bytes.push(VERSION);
        bytes.push(u8::from(self.order == Order::Descending));
        bytes.extend(self.store.to_le_bytes());
        bytes.extend(self.query.to_le_bytes());
        bytes.extend(self.position.time.nanos().to_le_bytes());
        bytes.extend(self.position.seq.to_le_bytes());
        f.write_str(&sealed(bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Damaged)?;
        let version = bytes.first().copied().unwrap_or_default();
        let Ok(bytes) = <[u8; CURSOR_BYTES]>::try_from(bytes) else {
            return Err(if version > VERSION { CursorError::Version(version) } else { CursorError::Damaged });
        };
        let (body, sum) = bytes.split_at(BODY_BYTES);
        if checksum(body) != sum || body[1] > 1 {
            return Err(CursorError::Damaged);
        }
        if body[0] != VERSION {
            return Err(CursorError::Version(body[0]));
        }
        let word = |at: usize| u32::from_le_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        Ok(Self {
            store: word(2),
            query: word(6),
            order: if body[1] == 1 { Order::Descending } else { Order::Ascending },
            position: Position { time: Timestamp::from_nanos(long(10) as i64), seq: long(18) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Filter, Scope};

    fn query() -> Query {
        Query::new(Scope::nothing()).filter(Filter::term(Field::Kind, "a"))
    }

    fn cursor() -> Cursor {
        query().cursor_after(Position { time: Timestamp::from_nanos(-5), seq: u64::MAX }, 7)
    }

    #[test]
    fn leads_back() {
        let text = cursor().to_string();
        assert_eq!(text.parse(), Ok(cursor()));
        assert_eq!(text.parse::<Cursor>().unwrap().check(&query(), 7), Ok(cursor().position));
    }

    #[test]
    fn is_refused_elsewhere() {
        assert_eq!(cursor().check(&query(), 8), Err(CursorError::Store));
        assert_eq!(cursor().check(&query().order(Order::Ascending), 7), Err(CursorError::Query));
        let other = query().filter(Filter::term(Field::Zone, "z"));
        assert_eq!(cursor().check(&other, 7), Err(CursorError::Query));
    }

    #[test]
    fn every_damage_is_noticed() {
        let text = cursor().to_string();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(bytes).unwrap();
            assert!(damaged.parse::<Cursor>().is_err(), "{damaged}");
        }
        for text in ["", "abc", "====", "é", &text[1..], &text[..text.len() - 1]] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
