//! The store: keeps events durably and answers queries over them.
//!
//! Appended batches go into a log (a transactional catalog) and a tail in memory; the tail is sealed into immutable
//! segment files, which are merged into larger ones. `docs/formats/log.md` and `docs/formats/segment.md` describe what
//! is on disk. This crate knows no HTTP and no dialect; who may see what comes to it as a [`annals_model::Scope`].
//!
//! Start with [`Store`]: [`Store::open`], [`Store::append`], [`Store::query`].

mod backup;
mod batch;
mod bits;
mod catalog;
mod codec;
mod damage;
mod error;
mod files;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod inspect;
mod layout;
mod maintenance;
mod merging;
mod objects;
mod options;
mod pace;
mod query;
mod queue;
mod recovery;
mod sealing;
mod searches;
mod segment;
mod shared;
#[cfg(test)]
mod simulation;
mod space;
mod status;
mod store;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

pub use backup::{BackupDirectory, BackupError, BackupSource, Manifest, Snapshot, StoredFile, restore};
pub use batch::{Batch, BatchWriter};
pub use damage::Damage;
pub use error::{AppendError, MaintenanceError, OpenError, QueryError};
pub use inspect::{Depth, Inspection, inspect_backup, inspect_directory};
pub use options::Options;
pub use query::{
    WrittenPage,
    counts::{Facet, Facets, SplitBucket, SplitHistogram},
    follow::LogPage,
};
pub use searches::{SavedSearch, SearchError};
pub use status::{Counters, Refusing, Status};
pub use store::Store;
pub use writer::{Appended, Taken};
