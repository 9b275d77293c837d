//! What can go wrong, by operation: opening, appending, asking, maintaining.

use std::{io, path::PathBuf};

use annals_model::{FilterTooLarge, limits::BUCKETS_MAX};

use crate::{Damage, catalog::CatalogError, query::counts::GROUP_VALUES_MAX, segment::WriteError};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the data directory {} is in use by another process: stop that one, or use another directory", .0.display())]
    InUse(PathBuf),
    /// The operating system refused something.
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        /// What was tried, as in `create the directory`.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The catalog cannot be read or was made by a newer version.
    #[error("{0}")]
    Catalog(String),
    /// A segment was written by a newer program.
    #[error(
        "{file} has format {found}, this program understands segments up to format {known}: use the newer program"
    )]
    Newer {
        /// The segment's file.
        file: String,
        /// Its format.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// A part of the log or a segment is damaged: acknowledged events are at stake, so nothing is opened.
    #[error("stored events are damaged: {0}")]
    Damage(#[from] Damage),
    /// The log could not be brought into segments.
    #[error("cannot recover: {0}")]
    Maintenance(#[from] MaintenanceError),
}

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much waits to be written; nothing of the batch was taken, trying again later helps.
    #[error("too many events wait to be written, try again later")]
    Overloaded,
    /// The batch alone is larger than what may wait.
    #[error("a batch of {bytes} bytes and {events} events is too large: send it in smaller parts")]
    TooLarge {
        /// Bytes of the batch.
        bytes: usize,
        /// Events of the batch.
        events: usize,
    },
    /// The disk is nearly full; nothing of the batch was taken.
    #[error("the disk has {free} bytes left, {needed} are needed to record events: free some space")]
    DiskLow {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be free.
        needed: u64,
    },
    /// A write failed earlier, so that what is on disk is uncertain; only a restart helps.
    #[error("the store refuses to write since an earlier write failed: {0}; restart it")]
    Poisoned(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The filter is too large.
    #[error(transparent)]
    TooLarge(#[from] FilterTooLarge),
    /// A segment is damaged. What is damaged is never answered as data.
    #[error("stored events are damaged: {0}")]
    Damage(#[from] Damage),
    /// The histogram would have too many buckets.
    #[error("more than {BUCKETS_MAX} buckets: ask for wider buckets or a shorter time")]
    TooManyBuckets,
    /// The width of a bucket is zero or longer than time.
    #[error("the width of a bucket must be at least a nanosecond and at most 292 years")]
    BucketWidth,
    /// The field has too many different values to group by.
    #[error("more than {GROUP_VALUES_MAX} different values: narrow the query or group by another field")]
    TooManyGroups,
}

/// Why sealing, merging or checking failed. It is tried again by itself; nothing is lost meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaintenanceError {
    /// What failed, and why.
    #[error("{0}")]
    Failed(String),
    /// The disk has no room for what is to be written.
    #[error("{0}: free some space")]
    Full(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl MaintenanceError {
    /// Something with a file failed; whether for want of room, its error says.
    pub(crate) fn of_file(what: &str, error: &io::Error) -> Self {
        let told = format!("{what}: {error}");
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full(told)
            }
            _ => Self::Failed(told),
        }
    }
}

impl From<CatalogError> for MaintenanceError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Full(_) => Self::Full(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<WriteError> for MaintenanceError {
    fn from(error: WriteError) -> Self {
        match &error {
            WriteError::Stopped => Self::Closed,
            WriteError::Io(cause) => Self::of_file("cannot write the segment file", cause),
            _ => Self::Failed(error.to_string()),
        }
    }
}
