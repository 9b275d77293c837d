//! Saved searches: small named documents that people keep for each other, in the catalog. What is in them is the
//! server's business; here they are texts with an owner.

use annals_model::Timestamp;

use crate::{Store, catalog::CatalogError};

/// A saved search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    /// Who saved it.
    pub owner: String,
    /// Its name: unique among the owner's, or among all that are shared.
    pub name: String,
    /// Whether it is everybody's.
    pub shared: bool,
    /// What was saved.
    pub body: String,
    /// When.
    pub changed: Timestamp,
}

/// Why a search was not saved, found or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The owner, or everybody together, has as many as there may be.
    #[error("there are {0} saved searches already: remove one first")]
    TooMany(usize),
    /// The disk is nearly full.
    #[error("the disk has {free} bytes left, {needed} are needed to save anything: free some space")]
    DiskLow {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be free.
        needed: u64,
    },
    /// The catalog gave no answer.
    #[error("{0}")]
    Catalog(String),
}

impl From<CatalogError> for SearchError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error.to_string())
    }
}

impl Store {
    /// The searches that somebody saved, and those that are shared, by name.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn searches(&self, owner: &str) -> Result<Vec<SavedSearch>, SearchError> {
        Ok(self.shared().ask(|catalog| catalog.searches(owner))?)
    }

    /// Saves a search in place of the one of the same name that its owner saved, shared or not. It is durable when this
    /// returns.
    ///
    /// # Errors
    /// When there would be more than `most` of the owner's own, or of the shared ones, or when nothing can be written.
    pub fn save_search(&self, search: &SavedSearch, most: usize) -> Result<(), SearchError> {
        let shared = self.shared();
        if let Some(low) = shared.space.low() {
            return Err(SearchError::DiskLow { free: low.free, needed: low.needed });
        }
        let saved = shared.change(|catalog| catalog.save_search(search, most))?;
        if saved { Ok(()) } else { Err(SearchError::TooMany(most)) }
    }

    /// Removes a search of somebody's own, or a shared one; whether there was one.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn delete_search(&self, owner: &str, name: &str, is_shared: bool) -> Result<bool, SearchError> {
        Ok(self.shared().change(|catalog| catalog.delete_search(owner, name, is_shared))?)
    }
}
