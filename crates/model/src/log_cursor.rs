//! The opaque cursor of a stream: a place in the log of one store.
//!
//! Unlike a list's cursor it belongs to no query: a place in the log means the same whatever is asked for behind it. It
//! says which store made it and carries a checksum, so that one that was cut, mistyped or used elsewhere is refused.
//! It is no secret and grants nothing.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::cursor::{checksum, sealed};

/// Version of the layout: version, store, seq, checksum.
const VERSION: u8 = 1;
const BODY_BYTES: usize = 1 + 4 + 8;
const CURSOR_BYTES: usize = BODY_BYTES + 4;

/// A place in the log of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCursor {
    /// Which store made it.
    pub store: u32,
    /// The stream goes on behind this event.
    pub seq: u64,
}

/// Why a cursor cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogCursorError {
    /// It is not a whole cursor.
    #[error(
        "the cursor is damaged or not a stream's: pass on the `id` of the stream's last message unchanged"
    )]
    Damaged,
    /// A later version of the server made it.
    #[error(
        "the cursor has version {0}, this server understands version {VERSION}: begin again without a cursor"
    )]
    Version(u8),
    /// Another store made it.
    #[error("the cursor was made by another server: begin again without a cursor")]
    Store,
    /// The log does not reach so far.
    #[error(
        "the cursor stands behind event {seq} of the log, and the log ends with {last}: it was made by a server that had \
         more events than this one, which may have been restored from a backup; begin again without a cursor"
    )]
    Ahead {
        /// Where the cursor stands.
        seq: u64,
        /// The last event of the log.
        last: u64,
    },
}

impl LogCursor {
    /// Checks that it was made by this store, whose log ends with `last`; gives its place.
    ///
    /// # Errors
    /// [`LogCursorError::Store`] or [`LogCursorError::Ahead`].
    pub const fn check(&self, store: u32, last: u64) -> Result<u64, LogCursorError> {
        if self.store != store {
            return Err(LogCursorError::Store);
        }
        if self.seq > last {
            return Err(LogCursorError::Ahead { seq: self.seq, last });
        }
        Ok(self.seq)
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(CURSOR_BYTES);
        bytes.push(VERSION);
        bytes.extend(self.store.to_le_bytes());
        bytes.extend(self.seq.to_le_bytes());
        f.write_str(&sealed(bytes))
    }
}

impl FromStr for LogCursor {
    type Err = LogCursorError;

    fn from_str(text: &str) -> Result<Self, LogCursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| LogCursorError::Damaged)?;
        let Ok(bytes) = <[u8; CURSOR_BYTES]>::try_from(bytes) else { return Err(LogCursorError::Damaged) };
        let (body, sum) = bytes.split_at(BODY_BYTES);
        if checksum(body) != sum {
            return Err(LogCursorError::Damaged);
        }
        let [version, a, b, c, d, seq @ ..] = bytes;
        if version != VERSION {
            return Err(LogCursorError::Version(version));
        }
        let mut number = [0; 8];
        number.copy_from_slice(&seq[..8]);
        Ok(Self { store: u32::from_le_bytes([a, b, c, d]), seq: u64::from_le_bytes(number) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back() {
        for (store, seq) in [(0, 0), (u32::MAX, u64::MAX), (7, 1 << 40)] {
            let cursor = LogCursor { store, seq };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let text = LogCursor { store: 7, seq: 12 }.to_string();
        for bad in
            ["", "x", &text[1..], &format!("{text}A"), &text.replace('A', "B"), "AQEBAQEBAQEBAQEBAQEBAQE"]
        {
            assert_eq!(bad.parse::<LogCursor>(), Err(LogCursorError::Damaged), "{bad}");
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        bytes[0] = 9;
        bytes.truncate(BODY_BYTES);
        assert_eq!(sealed(bytes).parse::<LogCursor>(), Err(LogCursorError::Version(9)));
    }

    #[test]
    fn it_fits_one_store_and_no_place_that_is_not_there() {
        let cursor = LogCursor { store: 7, seq: 12 };
        assert_eq!(cursor.check(7, 12), Ok(12));
        assert_eq!(cursor.check(8, 12), Err(LogCursorError::Store));
        assert_eq!(cursor.check(7, 11), Err(LogCursorError::Ahead { seq: 12, last: 11 }));
    }
}
