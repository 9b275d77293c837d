//! Looks at the log that SQLite left behind (`catalog.sqlite-wal`) before SQLite does.
//!
//! SQLite takes the first frame whose checksum does not fit for the end of the log, because that is how a crash leaves
//! it. It is also how rot leaves it, and then everything behind is acknowledged and would be dropped without a word.
//! The two differ: a commit returns when it is on disk, so behind the place where a crash tore the log there is one
//! commit at most. The format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::{io, path::Path};

use crate::{Damage, error::OpenError, files::Files};

const HEADER_BYTES: usize = 32;
/// What of the header its own checksum covers.
const HEADER_SUMMED_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 24;
/// The first four bytes; the lowest bit says in which order the bytes of a checksum's numbers are.
const MAGIC: u32 = 0x377f_0682;
/// Smallest and largest page of SQLite.
const PAGE_BYTES: std::ops::RangeInclusive<usize> = 512..=65_536;

/// Fails when acknowledged transactions are behind a damaged place of the log beside this catalog. What SQLite is going
/// to find there is on the disk when this returns, and not in the system's cache alone.
pub(crate) fn check_wal(files: &dyn Files, catalog: &Path) -> Result<(), OpenError> {
    let mut path = catalog.as_os_str().to_owned();
    path.push("-wal");
    let path = Path::new(&path);
    let bytes = match files.map(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::Io { what: "read", path: path.to_owned(), error }),
    };
    let (place, what) = match look(&bytes) {
        Found::Sound => {
            let cannot = |error| OpenError::Io { what: "write anew", path: path.to_owned(), error };
            return files.rewrite(path).map_err(cannot);
        }
        Found::Header => ("its header".to_owned(), "there is a log behind it"),
        Found::Frame { number, at } => {
            (format!("frame {number} at byte {at}"), "commits that follow it would be lost")
        }
    };
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Err(Damage { file, place, reason: format!("its checksum does not fit, and {what}") }.into())
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It ends as it should, or as a crash leaves it.
    Sound,
    /// The header is damaged.
    Header,
    /// This frame is, and commits follow.
    Frame { number: usize, at: usize },
}

/// Two running sums, as SQLite has them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sums(u32, u32);

fn word(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    u32::from_be_bytes(bytes.unwrap_or_default())
}

impl Sums {
    fn at(bytes: &[u8], at: usize) -> Self {
        Self(word(bytes, at), word(bytes, at + 4))
    }

    /// Adds bytes, eight at a time.
    fn add(self, bytes: &[u8], is_big_endian: bool) -> Self {
        let number = |word: [u8; 4]| {
            if is_big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        let (pairs, _) = bytes.as_chunks::<8>();
        pairs.iter().fold(self, |Self(one, two), &[a, b, c, d, e, f, g, h]| {
            let one = one.wrapping_add(number([a, b, c, d])).wrapping_add(two);
            Self(one, two.wrapping_add(number([e, f, g, h])).wrapping_add(one))
        })
    }
}

fn look(wal: &[u8]) -> Found {
    // A header without frames says nothing; and frames are not written before the header is on disk.
    if wal.len() <= HEADER_BYTES {
        return Found::Sound;
    }
    let (header, frames) = wal.split_at(HEADER_BYTES);
    let page_bytes = word(header, 8) as usize;
    let is_big_endian = word(header, 0) & 1 == 1;
    let mut sums = Sums(0, 0).add(&header[..HEADER_SUMMED_BYTES], is_big_endian);
    let fits = sums == Sums::at(header, HEADER_SUMMED_BYTES);
    if word(header, 0) & !1 != MAGIC || !PAGE_BYTES.contains(&page_bytes) || !fits {
        return Found::Header;
    }
    let salts = Sums::at(header, 16);
    let frame_bytes = FRAME_HEADER_BYTES + page_bytes;
    let mut frames = frames.chunks_exact(frame_bytes).enumerate();
    let torn = frames.find(|(_, frame)| {
        sums = sums.add(&frame[..8], is_big_endian).add(&frame[FRAME_HEADER_BYTES..], is_big_endian);
        Sums::at(frame, 8) != salts || Sums::at(frame, 16) != sums
    });
    let Some((number, frame)) = torn else { return Found::Sound };
    // Frames of an earlier round have other salts. A frame that commits says how long the file is then.
    let commits = |frame: &[u8]| Sums::at(frame, 8) == salts && word(frame, 4) != 0;
    let behind = frames.filter(|(_, frame)| commits(frame)).count() + usize::from(commits(frame));
    if behind < 2 {
        return Found::Sound;
    }
    Found::Frame { number, at: HEADER_BYTES + number * frame_bytes }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A database with a log of so many transactions of a few pages each, and the log.
    fn written(transactions: usize) -> (tempfile::TempDir, Connection, Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open(directory.path().join("x")).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (b BLOB)").unwrap();
        for _ in 1..transactions {
            connection.execute("INSERT INTO t VALUES (randomblob(9000))", []).unwrap();
        }
        let wal = std::fs::read(directory.path().join("x-wal")).unwrap();
        (directory, connection, wal)
    }

    #[test]
    fn a_whole_or_torn_log_is_sound() {
        let (.., wal) = written(4);
        assert_eq!(look(&wal), Found::Sound);
        for length in (0..wal.len()).step_by(97) {
            assert_eq!(look(&wal[..length]), Found::Sound, "cut at {length}");
        }
    }

    #[test]
    fn rot_before_the_last_transaction_is_found_wherever_it_is() {
        let (.., wal) = written(4);
        let frame_bytes = FRAME_HEADER_BYTES + word(&wal, 8) as usize;
        let frames = wal[HEADER_BYTES..].chunks_exact(frame_bytes).enumerate();
        let commits: Vec<usize> =
            frames.filter(|(_, frame)| word(frame, 4) != 0).map(|(number, _)| number).collect();
        assert_eq!(commits.len(), 4);
        // A flipped bit can make the frame that commits look as if it did not; only what is before the last but one
        // transaction is found wherever it is.
        let (third, last) = (commits[1] + 1, commits[2] + 1);
        for at in (0..wal.len()).step_by(7) {
            let mut bad = wal.clone();
            bad[at] ^= 0x20;
            let found = look(&bad);
            let number = at.saturating_sub(HEADER_BYTES) / frame_bytes;
            if at < HEADER_BYTES {
                assert_eq!(found, Found::Header, "{at}");
            } else if number < third {
                assert_eq!(found, Found::Frame { number, at: HEADER_BYTES + number * frame_bytes });
            } else if number >= last && !(4..8).contains(&((at - HEADER_BYTES) % frame_bytes)) {
                assert_eq!(found, Found::Sound, "as a crash would have left it");
            }
        }
    }

    #[test]
    fn frames_of_an_earlier_round_do_not_count() {
        let (directory, connection, _) = written(6);
        let _: i64 = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0)).unwrap();
        connection.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let wal = std::fs::read(directory.path().join("x-wal")).unwrap();
        assert!(wal.len() > 5 * 9_000, "the earlier frames are still there");
        assert_eq!(look(&wal), Found::Sound);
    }
}
