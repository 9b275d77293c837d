//! The catalog of one machine: an SQLite file in WAL mode that syncs every commit.

use std::{path::Path, time::Duration};

use annals_model::{Position, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row as SqlRow, TransactionBehavior, params};

use super::{CATALOG_FORMAT, Catalog, CatalogError, Head, SegmentRow};
use crate::batch::Row;

/// How long another program (a backup, a shell) may hold the file locked.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// Times, numbers and checksums are kept as SQLite's signed 64 bits.
const SCHEMA: &str = "
CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    format INTEGER NOT NULL,
    number INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    cut_seq INTEGER NOT NULL
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

/// Before the file has tables: pages that suit rows of some hundred kilobytes.
const SETTINGS_NEW: &str = "PRAGMA page_size = 16384;";
/// A commit returns when it is on disk; the WAL file does not stay large after a burst.
const SETTINGS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = 67108864;
";

/// The catalog in an SQLite file.
pub(crate) struct SqliteCatalog {
    connection: Connection,
}

impl From<rusqlite::Error> for CatalogError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl SqliteCatalog {
    /// Opens the file, or makes it with this number.
    pub(crate) fn open(path: &Path, number: u32) -> Result<Self, CatalogError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.execute_batch(SETTINGS_NEW)?;
        connection.execute_batch(SETTINGS)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let exists: bool = transaction.query_row(
            "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'store'",
            [],
            |row| row.get(0),
        )?;
        if !exists {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute(
                "INSERT INTO store (one, format, number, next_seq, cut_seq) VALUES (1, ?1, ?2, 1, 1)",
                params![CATALOG_FORMAT, number],
            )?;
        }
        let format: i64 = transaction.query_row("SELECT format FROM store", [], |row| row.get(0))?;
        if format != CATALOG_FORMAT {
            return Err(CatalogError::Newer(format));
        }
        transaction.commit()?;
        Ok(Self { connection })
    }
}

impl Catalog for SqliteCatalog {
    fn head(&mut self) -> Result<Head, CatalogError> {
        let head = self.connection.query_row("SELECT number, next_seq, cut_seq FROM store", [], |row| {
            Ok(Head { number: row.get(0)?, next_seq: number(row, 1)?, cut_seq: number(row, 2)? })
        })?;
        Ok(head)
    }

    fn append(&mut self, row: &Row) -> Result<(), CatalogError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let moved = transaction
            .prepare_cached("UPDATE store SET next_seq = ?2 WHERE next_seq = ?1")?
            .execute(params![signed(row.first_seq), signed(row.end_seq())])?;
        if moved != 1 {
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
        let mut statement = self.connection.prepare_cached(
            "SELECT name, events, bytes, first_time, first_seq, last_time, last_seq, seq_first, seq_last, created
             FROM segment ORDER BY seq_first",
        )?;
        let rows = statement.query_map([], |row| {
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
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn seal(&mut self, segment: Option<&SegmentRow>, cut_seq: u64) -> Result<(), CatalogError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(segment) = segment {
            insert_segment(&transaction, segment)?;
        }
        // Rows below the cut no longer count; `trim` frees their space in steps that hold nobody up.
        transaction
            .prepare_cached("UPDATE store SET cut_seq = max(cut_seq, ?1)")?
            .execute(params![signed(cut_seq)])?;
        transaction.commit()?;
        Ok(())
    }

    fn replace(&mut self, old: &[String], new: &SegmentRow) -> Result<(), CatalogError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for name in old {
            let removed =
                transaction.prepare_cached("DELETE FROM segment WHERE name = ?1")?.execute(params![name])?;
            if removed != 1 {
                return Err(CatalogError::Failed(format!("the segment {name} is not listed any more")));
            }
        }
        insert_segment(&transaction, new)?;
        transaction.commit()?;
        Ok(())
    }

    fn trim(&mut self, rows_max: usize) -> Result<bool, CatalogError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let removed = transaction
            .prepare_cached(
                "DELETE FROM log WHERE first_seq IN (
                     SELECT first_seq FROM log WHERE first_seq < (SELECT cut_seq FROM store)
                     ORDER BY first_seq LIMIT ?1)",
            )?
            .execute(params![signed(rows_max as u64)])?;
        transaction.commit()?;
        Ok(removed == rows_max)
    }
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
        assert!(catalog.trim(1).unwrap() && catalog.trim(1).unwrap());
        assert!(!catalog.trim(1).unwrap());
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
