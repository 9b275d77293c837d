//! Whether the store may write. After a failed commit it may not, for ever: what is on disk is uncertain then, and
//! asking the disk again can hide the loss.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::error::AppendError;

#[derive(Debug, Default)]
pub(crate) struct Health {
    poison: Mutex<Option<String>>,
    closed: AtomicBool,
}

impl Health {
    /// Ends all writing. The first reason is kept.
    pub(crate) fn poison(&self, reason: &str) {
        tracing::error!(reason, "a write failed, the store refuses further writes");
        self.poison.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }

    /// Why it may not write, if a write failed.
    pub(crate) fn poisoned(&self) -> Option<String> {
        self.poison.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Fails when appends are refused for good.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        match self.poisoned() {
            Some(reason) => Err(AppendError::Poisoned(reason)),
            None if self.is_closed() => Err(AppendError::Closed),
            None => Ok(()),
        }
    }

    /// What to answer an append that nobody will ever complete.
    pub(crate) fn abandoned(&self) -> AppendError {
        self.poisoned().map_or(AppendError::Closed, AppendError::Poisoned)
    }
}
