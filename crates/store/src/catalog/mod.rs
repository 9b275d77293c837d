//! The catalog: the small transactional database that holds the log and the list of segments.
//!
//! The trait is the seam between one machine (SQLite) and several (PostgreSQL later). Everything that must happen
//! together is one method, so that no caller ever needs a transaction in its hands. The catalog knows rows, not events.

mod searches;
mod sqlite;
mod wal;

use annals_model::{Position, Timestamp};

use crate::{batch::Row, searches::SavedSearch};

pub(crate) use sqlite::SqliteCatalog;
pub(crate) use wal::check_wal;

/// Version of the tables. A catalog of a later one is refused, one of an earlier one is brought to it.
pub(crate) const CATALOG_FORMAT: i64 = 2;

/// A segment as the catalog lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentRow {
    /// Its file's name.
    pub(crate) name: String,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) first: Position,
    pub(crate) last: Position,
    /// The lowest and the highest `seq` in it.
    pub(crate) seq_first: u64,
    pub(crate) seq_last: u64,
    /// When it was registered.
    pub(crate) created: Timestamp,
}

/// What a catalog says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The store's random number, made with the catalog.
    pub(crate) number: u32,
    /// The `seq` of the next event. It never goes back, even when the log is empty.
    pub(crate) next_seq: u64,
    /// Rows below it are cut: their events are in segments.
    pub(crate) cut_seq: u64,
}

/// What went wrong with the catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CatalogError {
    /// Somebody else holds it locked; nothing was changed, trying again may help.
    #[error("the catalog is locked by another program: {0}")]
    Busy(String),
    /// There is no room; nothing was changed.
    #[error("the disk is full: {0}")]
    Full(String),
    /// It failed, and what is on disk is uncertain.
    #[error("the catalog failed: {0}")]
    Failed(String),
    /// A newer version made it.
    #[error(
        "the catalog has format {0}, this program understands format {CATALOG_FORMAT}: use the newer program"
    )]
    Newer(i64),
    /// What it says contradicts its checksums or itself.
    #[error("the catalog is damaged, {place}: {reason}")]
    Damaged {
        /// Which part of it.
        place: String,
        /// What was found there.
        reason: String,
    },
}

/// The transactional database. A method returns when its effect is durable.
pub(crate) trait Catalog: Send {
    /// Its number and where the log stands.
    fn head(&mut self) -> Result<Head, CatalogError>;

    /// Adds a row to the log and moves `next_seq` behind it. The row must begin at `next_seq`: another writer that
    /// moved it makes this fail.
    fn append(&mut self, row: &Row) -> Result<(), CatalogError>;

    /// The first row at or behind this `seq` that is not cut.
    fn read(&mut self, seq: u64) -> Result<Option<Row>, CatalogError>;

    /// Every segment, the lowest `seq` first.
    fn segments(&mut self) -> Result<Vec<SegmentRow>, CatalogError>;

    /// Lists a segment, if there is one, and cuts the log before `cut_seq`, in one transaction.
    fn seal(&mut self, segment: Option<&SegmentRow>, cut_seq: u64) -> Result<(), CatalogError>;

    /// Lists a segment instead of others, in one transaction. Fails when one of them is not listed.
    fn replace(&mut self, old: &[String], new: &SegmentRow) -> Result<(), CatalogError>;

    /// Frees the space of cut rows, up to so many bytes and one row at least; whether more are left.
    fn trim(&mut self, bytes_max: u64) -> Result<bool, CatalogError>;

    /// The searches that somebody saved, and those that are shared, by name.
    fn searches(&mut self, owner: &str) -> Result<Vec<SavedSearch>, CatalogError>;

    /// Saves a search in place of the one of the same name that its owner saved, shared or not, in one transaction;
    /// `false` when its owner's, or the shared ones, would be more than `most`.
    fn save_search(&mut self, search: &SavedSearch, most: usize) -> Result<bool, CatalogError>;

    /// Removes a search of somebody's own, or a shared one; whether there was one.
    fn delete_search(&mut self, owner: &str, name: &str, is_shared: bool) -> Result<bool, CatalogError>;

    /// Gives the space back that its files take without need, if that is much; whether it did. Everybody else waits for
    /// as long as it takes to write again what is left.
    fn shrink(&mut self) -> Result<bool, CatalogError> {
        Ok(false)
    }
}
