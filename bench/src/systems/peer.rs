//! What every peer can be asked.

use std::{path::PathBuf, time::Duration};

use crate::{data::Sample, workloads::queries::Query};

/// Rows of an answer, as text, to be compared.
pub(crate) type Rows = Vec<Vec<String>>;

/// Rows for a table, as a file of tab-separated values, in the order of its columns.
#[derive(Debug, Clone)]
pub(crate) struct TableFile {
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
}

/// How rows were loaded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loaded {
    pub(crate) rows: u64,
    pub(crate) took: Duration,
}

impl Loaded {
    pub(crate) fn per_second(&self) -> f64 {
        self.rows as f64 / self.took.as_secs_f64()
    }
}

/// Single events, each in a transaction of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Singles {
    pub(crate) took: Duration,
    /// The time of each.
    pub(crate) times: Vec<Duration>,
}

/// A database beside ours.
pub(crate) trait Peer {
    /// What results are kept under.
    fn key(&self) -> &'static str;

    /// What it says its version is.
    fn version(&self) -> &str;

    /// Makes an empty table of that name, with all indexes if it is to be loaded in small transactions.
    fn create(&mut self, table: &str, indexed: bool) -> Result<(), String>;

    /// Inserts rows in durable transactions of [`crate::data::BATCH_EVENTS`]; None if it cannot with so many clients.
    fn load_batches(
        &mut self,
        table: &str,
        file: &TableFile,
        clients: usize,
    ) -> Result<Option<Loaded>, String>;

    /// Loads rows the fastest way it has.
    fn load_bulk(&mut self, table: &str, file: &TableFile) -> Result<Loaded, String>;

    /// Makes what indexes are missing and puts everything in the order in which it is asked best; gives how long that took.
    fn finish(&mut self, table: &str, indexed: bool) -> Result<Duration, String>;

    fn remove(&mut self, table: &str) -> Result<(), String>;

    /// Bytes on disk of the finished table and its indexes.
    fn bytes(&mut self, table: &str) -> Result<u64, String>;

    /// Asks and takes the whole answer; gives the time.
    fn ask(&mut self, query: &Query, sample: &Sample) -> Result<Duration, String>;

    /// Asks and gives what of the answer is compared.
    fn answer(&mut self, query: &Query, sample: &Sample) -> Result<Rows, String>;

    /// Gives everything as text to somebody who throws it away: the bytes, and the time.
    fn export(&mut self) -> Result<(u64, Duration), String>;

    /// Inserts rows one by one, durably, with so many clients, for so long at most; None if it cannot.
    fn singles(
        &mut self,
        file: &TableFile,
        clients: usize,
        at_most: Duration,
    ) -> Result<Option<Singles>, String>;
}
