//! The catalog of one machine: an SQLite file in WAL mode that syncs every commit.
//!
//! SQLite checks the structure of its file and not what is in it. So every row of the log carries a checksum, and the
//! row of the table `store` carries one over itself and the list of segments.

use std::{ffi::CStr, path::Path, time::Duration};

use annals_model::{Position, Timestamp};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row as SqlRow, Transaction, TransactionBehavior,
    params,
};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::{CATALOG_FORMAT, Catalog, CatalogError, Head, SegmentRow, searches};
use crate::{batch::Row, searches::SavedSearch};

/// How long another program (a backup, a shell) may hold the file locked.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// Less unused space is not worth writing the rest again. It is asked for when nothing came for a while.
const SHRUNK_BYTES_MIN: u64 = 1 << 20;

/// Times, numbers and checksums are kept as SQLite's signed 64 bits.
const SCHEMA: &str = "
CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    format INTEGER NOT NULL,
    number INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    cut_seq INTEGER NOT NULL,
    segments INTEGER NOT NULL DEFAULT 0,
    checksum INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE log (
    first_seq INTEGER PRIMARY KEY,
    events INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE segment (
    name TEXT PRIMARY KEY,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    seq_first INTEGER NOT NULL,
    seq_last INTEGER NOT NULL,
    created INTEGER NOT NULL
);
";
/// The first format, whose table `store` had no checksum.
const FORMAT_WITHOUT_CHECKSUMS: i64 = 1;
/// From the first format to the second; the checksums are filled in behind it.
const UPGRADE: &str = "
ALTER TABLE store ADD COLUMN segments INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
";

/// Before the file has tables: pages that suit rows of some hundred kilobytes.
const SETTINGS_NEW: &str = "PRAGMA page_size = 16384;";
/// A commit returns when it is on disk; the WAL file does not stay large after a burst.
const SETTINGS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = 67108864;
PRAGMA cell_size_check = ON;
";

/// Rows that are looked at to find those that can go.
const TRIM_ROWS: usize = 256;

/// The catalog in an SQLite file.
pub(crate) struct SqliteCatalog {
    connection: Connection,
    /// Whether what an earlier process left in the WAL was moved into the file. Until then nothing is written: after a
    /// sync that failed, the WAL may be whole in the system's cache and not on the disk, and nothing tells. What is
    /// written behind such a gap would be lost with it. Moved into the file, it is written anew.
    is_settled: bool,
    /// The format it has now. One of an earlier format is read as it is, and brought to the present one before it is
    /// changed: a program that turns out to be too old for the segments must have changed nothing.
    format: i64,
}

/// The one row of the table `store`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StoreRow {
    number: u32,
    next_seq: u64,
    cut_seq: u64,
    /// The sum of the hashes of all segments' rows.
    segments: u64,
}

impl StoreRow {
    fn checksum(&self) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(&CATALOG_FORMAT.to_le_bytes());
        hash.update(&self.number.to_le_bytes());
        for number in [self.next_seq, self.cut_seq, self.segments] {
            hash.update(&number.to_le_bytes());
        }
        hash.digest()
    }

    fn read(connection: &Connection, format: i64) -> Result<Self, CatalogError> {
        if format == FORMAT_WITHOUT_CHECKSUMS {
            let segments = sum_of(&segment_rows(connection)?);
            return Ok(connection.query_row("SELECT number, next_seq, cut_seq FROM store", [], |row| {
                let (next_seq, cut_seq) = (number(row, 1)?, number(row, 2)?);
                Ok(Self { number: row.get(0)?, next_seq, cut_seq, segments })
            })?);
        }
        let (row, checksum) = connection
            .prepare_cached("SELECT number, next_seq, cut_seq, segments, checksum FROM store")?
            .query_row([], |row| {
                let store = Self {
                    number: row.get(0)?,
                    next_seq: number(row, 1)?,
                    cut_seq: number(row, 2)?,
                    segments: number(row, 3)?,
                };
                Ok((store, number(row, 4)?))
            })?;
        if row.checksum() == checksum { Ok(row) } else { Err(damaged("the row of the table store")) }
    }

    fn write(&self, connection: &Connection) -> Result<(), CatalogError> {
        connection
            .prepare_cached("UPDATE store SET next_seq = ?1, cut_seq = ?2, segments = ?3, checksum = ?4")?
            .execute(params![
                signed(self.next_seq),
                signed(self.cut_seq),
                signed(self.segments),
                signed(self.checksum())
            ])?;
        Ok(())
    }
}

fn damaged(place: &str) -> CatalogError {
    CatalogError::Damaged { place: place.to_owned(), reason: "its checksum does not fit".to_owned() }
}

/// What a segment's row adds to [`StoreRow::segments`].
fn hash_of(row: &SegmentRow) -> u64 {
    let mut bytes = Vec::with_capacity(128);
    for number in [row.events, row.bytes, row.first.seq, row.last.seq, row.seq_first, row.seq_last] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for time in [row.first.time, row.last.time, row.created] {
        bytes.extend_from_slice(&time.nanos().to_le_bytes());
    }
    bytes.extend_from_slice(row.name.as_bytes());
    xxh3_64(&bytes)
}

fn sum_of(rows: &[SegmentRow]) -> u64 {
    rows.iter().fold(0, |sum, row| sum.wrapping_add(hash_of(row)))
}

impl From<rusqlite::Error> for CatalogError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error.to_string()),
            Some(ErrorCode::DiskFull) => Self::Full(error.to_string()),
            // Without a code SQLite was content and a value was not: a missing row, another type.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
                Self::Damaged { place: "the database".to_owned(), reason: error.to_string() }
            }
            Some(_) => Self::Failed(error.to_string()),
        }
    }
}

impl SqliteCatalog {
    /// Opens the file, or makes it with this number.
    pub(crate) fn open(path: &Path, number: u32) -> Result<Self, CatalogError> {
        Self::open_on(path, None, number)
    }

    /// The same, through SQLite's interface of that name to an operating system; without one, to the real one.
    pub(crate) fn open_on(path: &Path, system: Option<&CStr>, number: u32) -> Result<Self, CatalogError> {
        let flags = OpenFlags::default();
        let connection = match system {
            None => Connection::open_with_flags(path, flags)?,
            Some(system) => Connection::open_with_flags_and_vfs(path, flags, system)?,
        };
        connection.busy_timeout(BUSY_WAIT)?;
        connection.execute_batch(SETTINGS_NEW)?;
        connection.execute_batch(SETTINGS)?;
        let mut catalog = Self { connection, is_settled: false, format: CATALOG_FORMAT };
        catalog.try_to_settle()?;
        catalog.prepare(number)?;
        // When something fails on the way SQLite may stay in a mode that is less safe, and say nothing.
        let mode: String = catalog.connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(CatalogError::Failed(format!("it stays in the mode {mode} instead of wal")));
        }
        Ok(catalog)
    }

    /// Makes the tables if they are missing, and looks at their format.
    fn prepare(&mut self, number: u32) -> Result<(), CatalogError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let exists: bool = transaction.query_row(
            "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'store'",
            [],
            |row| row.get(0),
        )?;
        if exists {
            self.format = transaction.query_row("SELECT format FROM store", [], |row| row.get(0))?;
            return match self.format {
                CATALOG_FORMAT | FORMAT_WITHOUT_CHECKSUMS => Ok(()),
                other => Err(CatalogError::Newer(other)),
            };
        }
        let pages: i64 = transaction.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        if pages > 1 {
            return Err(CatalogError::Damaged {
                place: "the list of tables".to_owned(),
                reason: "the table store is missing".to_owned(),
            });
        }
        transaction.execute_batch(SCHEMA)?;
        transaction.execute(
            "INSERT INTO store (one, format, number, next_seq, cut_seq) VALUES (1, ?1, ?2, 1, 1)",
            params![CATALOG_FORMAT, number],
        )?;
        StoreRow { number, next_seq: 1, cut_seq: 1, segments: 0 }.write(&transaction)?;
        transaction.commit()?;
        // The tables are what everything else hangs on.
        self.is_settled = false;
        self.try_to_settle()
    }

    /// Moves the WAL into the file if that is possible now. Where there is no room for that, the store can still be
    /// read; before anything is written it is tried again.
    fn try_to_settle(&mut self) -> Result<(), CatalogError> {
        match self.settle() {
            Err(error @ (CatalogError::Full(_) | CatalogError::Busy(_))) => {
                tracing::warn!(%error, "the catalog's log is not moved into its file yet");
                Ok(())
            }
            result => result,
        }
    }

    fn settle(&mut self) -> Result<(), CatalogError> {
        if self.is_settled {
            return Ok(());
        }
        let is_busy: bool =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_busy {
            return Err(CatalogError::Busy("somebody reads its log".to_owned()));
        }
        self.is_settled = true;
        Ok(())
    }

    /// Begins to change something.
    fn begin(&mut self) -> Result<Transaction<'_>, CatalogError> {
        self.settle()?;
        if self.format == FORMAT_WITHOUT_CHECKSUMS {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let store = StoreRow::read(&transaction, self.format)?;
            transaction.execute_batch(UPGRADE)?;
            transaction.execute("UPDATE store SET format = ?1", params![CATALOG_FORMAT])?;
            store.write(&transaction)?;
            transaction.commit()?;
            self.format = CATALOG_FORMAT;
        }
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

#[cfg(test)]
impl SqliteCatalog {
    /// Pages after which the WAL is moved into the file.
    pub(crate) fn set_checkpoint_pages(&self, pages: u32) -> Result<(), CatalogError> {
        Ok(self.connection.pragma_update(None, "wal_autocheckpoint", pages)?)
    }
}

impl SqliteCatalog {
    /// Copies a catalog as it is at one moment, while others write to it and are not held up.
    pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), CatalogError> {
        let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.execute("VACUUM INTO ?1", params![to.to_string_lossy()])?;
        Ok(())
    }

    /// What SQLite itself finds wrong with the file.
    pub(crate) fn faults(&self) -> Vec<String> {
        let ask = || {
            let mut statement = self.connection.prepare("PRAGMA integrity_check")?;
            let faults = statement.query_map([], |row| row.get::<_, String>(0))?;
            faults.collect::<rusqlite::Result<Vec<String>>>()
        };
        match ask() {
            Ok(faults) => faults.into_iter().filter(|fault| fault != "ok").collect(),
            Err(error) => vec![error.to_string()],
        }
    }
}

impl Catalog for SqliteCatalog {
    fn head(&mut self) -> Result<Head, CatalogError> {
        let StoreRow { number, next_seq, cut_seq, .. } = StoreRow::read(&self.connection, self.format)?;
        Ok(Head { number, next_seq, cut_seq })
    }

    fn append(&mut self, row: &Row) -> Result<(), CatalogError> {
        let transaction = self.begin()?;
        let store = StoreRow::read(&transaction, CATALOG_FORMAT)?;
        if store.next_seq != row.first_seq {
            let error = format!("the log does not stand at {}: another process wrote to it", row.first_seq);
            return Err(CatalogError::Failed(error));
        }
        transaction
            .prepare_cached(
                "INSERT INTO log (first_seq, events, recorded, checksum, payload) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                signed(row.first_seq),
                signed(row.events),
                row.recorded.nanos(),
                signed(row.checksum),
                row.payload
            ])?;
        StoreRow { next_seq: row.end_seq(), ..store }.write(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    fn read(&mut self, seq: u64) -> Result<Option<Row>, CatalogError> {
        let row = self
            .connection
            .prepare_cached(
                "SELECT first_seq, events, recorded, checksum, payload FROM log
                 WHERE first_seq >= ?1 AND first_seq >= (SELECT cut_seq FROM store)
                 ORDER BY first_seq LIMIT 1",
            )?
            .query_row(params![signed(seq)], |row| {
                Ok(Row {
                    first_seq: number(row, 0)?,
                    events: number(row, 1)?,
                    recorded: Timestamp::from_nanos(row.get(2)?),
                    checksum: number(row, 3)?,
                    payload: row.get(4)?,
                })
            })
            .optional()?;
        Ok(row)
    }

    fn segments(&mut self) -> Result<Vec<SegmentRow>, CatalogError> {
        // One transaction, so that nobody comes between the list and its checksum.
        let transaction = self.connection.transaction()?;
        let rows = segment_rows(&transaction)?;
        if sum_of(&rows) != StoreRow::read(&transaction, self.format)?.segments {
            return Err(damaged("the list of segments"));
        }
        transaction.commit()?;
        Ok(rows)
    }

    fn seal(&mut self, segment: Option<&SegmentRow>, cut_seq: u64) -> Result<(), CatalogError> {
        let transaction = self.begin()?;
        let mut store = StoreRow::read(&transaction, CATALOG_FORMAT)?;
        if let Some(segment) = segment {
            insert_segment(&transaction, segment)?;
            store.segments = store.segments.wrapping_add(hash_of(segment));
        }
        // Rows below the cut no longer count; `trim` frees their space in steps that hold nobody up.
        StoreRow { cut_seq: store.cut_seq.max(cut_seq), ..store }.write(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    fn replace(&mut self, old: &[String], new: &SegmentRow) -> Result<(), CatalogError> {
        let transaction = self.begin()?;
        let mut store = StoreRow::read(&transaction, CATALOG_FORMAT)?;
        for name in old {
            let row = transaction
                .prepare_cached(&format!("SELECT {SEGMENT_COLUMNS} FROM segment WHERE name = ?1"))?
                .query_row(params![name], segment_row)
                .optional()?;
            let removed =
                transaction.prepare_cached("DELETE FROM segment WHERE name = ?1")?.execute(params![name])?;
            let Some(row) = row.filter(|_| removed == 1) else {
                return Err(CatalogError::Failed(format!("the segment {name} is not listed any more")));
            };
            store.segments = store.segments.wrapping_sub(hash_of(&row));
        }
        insert_segment(&transaction, new)?;
        store.segments = store.segments.wrapping_add(hash_of(new));
        store.write(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    fn trim(&mut self, bytes_max: u64) -> Result<bool, CatalogError> {
        let transaction = self.begin()?;
        let cut_seq = StoreRow::read(&transaction, CATALOG_FORMAT)?.cut_seq;
        let rows = transaction
            .prepare_cached(
                "SELECT first_seq, length(payload) FROM log WHERE first_seq < ?1 ORDER BY first_seq LIMIT ?2",
            )?
            .query_map(params![signed(cut_seq), signed(TRIM_ROWS as u64)], |row| {
                Ok((number(row, 0)?, number(row, 1)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let mut bytes = 0;
        let chosen = rows.iter().take_while(|(_, length)| {
            let is_room = bytes < bytes_max;
            bytes += length;
            is_room
        });
        let Some((last, _)) = chosen.last() else { return Ok(false) };
        transaction
            .prepare_cached("DELETE FROM log WHERE first_seq <= ?1")?
            .execute(params![signed(*last)])?;
        transaction.commit()?;
        Ok(rows.len() == TRIM_ROWS || rows.last().is_some_and(|(seq, _)| seq != last))
    }

    fn searches(&mut self, owner: &str) -> Result<Vec<SavedSearch>, CatalogError> {
        searches::list(&self.connection, owner)
    }

    fn save_search(&mut self, search: &SavedSearch, most: usize) -> Result<bool, CatalogError> {
        searches::save(self.begin()?, search, most)
    }

    fn delete_search(&mut self, owner: &str, name: &str, is_shared: bool) -> Result<bool, CatalogError> {
        searches::delete(self.begin()?, owner, name, is_shared)
    }

    fn shrink(&mut self) -> Result<bool, CatalogError> {
        let ask = |pragma: &str| self.connection.query_row(pragma, [], |row| row.get::<_, u32>(0));
        let (pages, unused) = (ask("PRAGMA page_count")?, ask("PRAGMA freelist_count")?);
        let bytes = u64::from(unused) * u64::from(ask("PRAGMA page_size")?);
        if bytes < SHRUNK_BYTES_MIN || unused < pages / 2 {
            return Ok(false);
        }
        // Whoever reads the file, as a backup does, is not waited for: there will be another time.
        self.connection.busy_timeout(Duration::ZERO)?;
        let shrunk = self.connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);");
        self.connection.busy_timeout(BUSY_WAIT)?;
        shrunk?;
        Ok(true)
    }
}

const SEGMENT_COLUMNS: &str =
    "name, events, bytes, first_time, first_seq, last_time, last_seq, seq_first, seq_last, created";

fn segment_row(row: &SqlRow<'_>) -> rusqlite::Result<SegmentRow> {
    Ok(SegmentRow {
        name: row.get(0)?,
        events: number(row, 1)?,
        bytes: number(row, 2)?,
        first: Position { time: Timestamp::from_nanos(row.get(3)?), seq: number(row, 4)? },
        last: Position { time: Timestamp::from_nanos(row.get(5)?), seq: number(row, 6)? },
        seq_first: number(row, 7)?,
        seq_last: number(row, 8)?,
        created: Timestamp::from_nanos(row.get(9)?),
    })
}

fn segment_rows(connection: &Connection) -> Result<Vec<SegmentRow>, CatalogError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {SEGMENT_COLUMNS} FROM segment ORDER BY seq_first"))?;
    let rows = statement.query_map([], segment_row)?.collect::<Result<_, _>>()?;
    Ok(rows)
}

fn insert_segment(connection: &Connection, segment: &SegmentRow) -> Result<(), CatalogError> {
    connection
        .prepare_cached(
            "INSERT INTO segment (name, events, bytes, first_time, first_seq, last_time, last_seq, seq_first,
                 seq_last, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            segment.name,
            signed(segment.events),
            signed(segment.bytes),
            segment.first.time.nanos(),
            signed(segment.first.seq),
            segment.last.time.nanos(),
            signed(segment.last.seq),
            signed(segment.seq_first),
            signed(segment.seq_last),
            segment.created.nanos()
        ])?;
    Ok(())
}

/// The same 64 bits; what is compared in SQL stays far below 2^63.
const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

fn number(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first_seq: u64, events: u64) -> Row {
        Row::new(first_seq, events, Timestamp::from_nanos(-1), vec![7; 40_000])
    }

    fn segment(name: &str, seq_first: u64, seq_last: u64) -> SegmentRow {
        let place = |seq| Position { time: Timestamp::MIN, seq };
        SegmentRow {
            name: name.into(),
            events: seq_last - seq_first + 1,
            bytes: u64::MAX,
            first: place(seq_first),
            last: place(seq_last),
            seq_first,
            seq_last,
            created: Timestamp::MAX,
        }
    }

    fn open(directory: &Path) -> SqliteCatalog {
        SqliteCatalog::open(&directory.join("catalog.sqlite"), 0xdead_beef).unwrap()
    }

    #[test]
    fn unused_space_is_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut catalog = open(directory.path());
        let large = |first_seq| Row::new(first_seq, 1, Timestamp::MIN, vec![first_seq as u8; 1 << 20]);
        (1..=24).for_each(|seq| catalog.append(&large(seq)).unwrap());
        assert!(!catalog.shrink().unwrap(), "nothing is unused");
        catalog.seal(Some(&segment("a", 1, 20)), 21).unwrap();
        while catalog.trim(4 << 20).unwrap() {}
        assert!(catalog.shrink().unwrap());
        assert!(!catalog.shrink().unwrap());
        let files = std::fs::read_dir(directory.path()).unwrap();
        let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes < 6 << 20, "{bytes}");
        assert_eq!(catalog.read(0).unwrap(), Some(large(21)));
        drop(catalog);
        let mut catalog = open(directory.path());
        assert_eq!(catalog.segments().unwrap(), [segment("a", 1, 20)]);
        assert_eq!(catalog.read(24).unwrap(), Some(large(24)));
        assert_eq!(catalog.head().unwrap().next_seq, 25);
    }

    #[test]
    fn rows_come_back_and_the_sequence_never_goes_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut catalog = open(directory.path());
        assert_eq!(catalog.head().unwrap(), Head { number: 0xdead_beef, next_seq: 1, cut_seq: 1 });
        catalog.append(&row(1, 10)).unwrap();
        catalog.append(&row(11, 1)).unwrap();
        assert!(matches!(catalog.append(&row(11, 1)), Err(CatalogError::Failed(_))));
        assert_eq!(catalog.read(0).unwrap(), Some(row(1, 10)));
        assert_eq!(catalog.read(2).unwrap(), Some(row(11, 1)));
        assert_eq!(catalog.read(12).unwrap(), None);

        catalog.seal(Some(&segment("a", 1, 11)), 12).unwrap();
        assert_eq!(catalog.read(0).unwrap(), None, "cut rows are gone at once");
        assert!(catalog.trim(1).unwrap(), "one row at least goes, and one is left");
        assert!(!catalog.trim(u64::MAX).unwrap());
        drop(catalog);
        let mut catalog = SqliteCatalog::open(&directory.path().join("catalog.sqlite"), 1).unwrap();
        assert_eq!(catalog.head().unwrap(), Head { number: 0xdead_beef, next_seq: 12, cut_seq: 12 });
        catalog.append(&row(12, 1)).unwrap();
        assert_eq!(catalog.read(0).unwrap(), Some(row(12, 1)));
    }

    #[test]
    fn segments_are_replaced_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let mut catalog = open(directory.path());
        catalog.seal(Some(&segment("b", 11, 20)), 21).unwrap();
        catalog.seal(Some(&segment("a", 1, 10)), 11).unwrap();
        assert_eq!(catalog.head().unwrap().cut_seq, 21, "the cut never goes back");
        assert_eq!(catalog.segments().unwrap(), [segment("a", 1, 10), segment("b", 11, 20)]);
        assert!(catalog.seal(Some(&segment("a", 21, 22)), 23).is_err(), "names are never used twice");
        assert_eq!(catalog.head().unwrap().cut_seq, 21, "nor is the log cut then");
        let gone = ["a".to_owned(), "c".to_owned()];
        assert!(catalog.replace(&gone, &segment("d", 1, 20)).is_err());
        assert_eq!(catalog.segments().unwrap().len(), 2);
        catalog.replace(&["a".to_owned(), "b".to_owned()], &segment("d", 1, 20)).unwrap();
        assert_eq!(catalog.segments().unwrap(), [segment("d", 1, 20)]);
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path()).connection.execute("UPDATE store SET format = 7", []).unwrap();
        let error = SqliteCatalog::open(&directory.path().join("catalog.sqlite"), 1).err().unwrap();
        assert_eq!(error, CatalogError::Newer(7));
        assert!(error.to_string().contains("format 7"));
    }

    #[test]
    fn a_change_behind_its_back_is_named() {
        for (change, place) in [
            ("UPDATE store SET cut_seq = 5", "the row of the table store"),
            ("UPDATE store SET segments = segments + 1", "the row of the table store"),
            ("DELETE FROM store", "the database"),
            ("UPDATE store SET next_seq = 'x'", "the database"),
            ("DELETE FROM segment WHERE name = 'a'", "the list of segments"),
            ("UPDATE segment SET created = created - 1", "the list of segments"),
            ("UPDATE segment SET name = 'c' WHERE name = 'b'", "the list of segments"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let mut catalog = open(directory.path());
            catalog.seal(Some(&segment("a", 1, 10)), 11).unwrap();
            catalog.seal(Some(&segment("b", 11, 20)), 21).unwrap();
            catalog.connection.execute(change, []).unwrap();
            let said = catalog.head().and_then(|_| catalog.segments()).unwrap_err().to_string();
            assert!(said.contains(place), "{change}: {said}");
        }
    }

    #[test]
    fn an_earlier_format_is_brought_to_the_present_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("catalog.sqlite");
        let mut catalog = open(directory.path());
        catalog.append(&row(1, 10)).unwrap();
        catalog.seal(Some(&segment("a", 1, 10)), 11).unwrap();
        catalog
            .connection
            .execute_batch(
                "ALTER TABLE store DROP COLUMN segments; ALTER TABLE store DROP COLUMN checksum;
                 UPDATE store SET format = 1",
            )
            .unwrap();
        drop(catalog);
        let before = std::fs::read(&path).unwrap();
        for is_changed in [false, true, true] {
            let mut catalog = SqliteCatalog::open(&path, 1).unwrap();
            assert_eq!(catalog.head().unwrap(), Head { number: 0xdead_beef, next_seq: 11, cut_seq: 11 });
            assert_eq!(catalog.segments().unwrap(), [segment("a", 1, 10)]);
            drop(catalog);
            assert_eq!(std::fs::read(&path).unwrap() != before, is_changed);
            SqliteCatalog::open(&path, 1).unwrap().seal(None, 0).unwrap();
        }
    }

    #[test]
    fn a_file_whose_tables_are_gone_is_not_taken_for_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path()).connection.execute_batch("DROP TABLE store").unwrap();
        let error = SqliteCatalog::open(&directory.path().join("catalog.sqlite"), 1).err().unwrap();
        assert!(error.to_string().contains("the table store is missing"), "{error}");
    }

    #[test]
    fn commits_are_synced() {
        let directory = tempfile::tempdir().unwrap();
        let catalog = open(directory.path());
        let ask = |pragma: &str| {
            catalog.connection.query_row(pragma, [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
        };
        assert_eq!(ask("PRAGMA journal_mode"), rusqlite::types::Value::Text("wal".into()));
        assert_eq!(ask("PRAGMA synchronous"), rusqlite::types::Value::Integer(2));
    }
}
