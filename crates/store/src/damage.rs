//! The error of reading stored events: a file that cannot be read, or that does not say what its writer said.
//! It names the place and never carries an event's contents.

/// A stored file cannot be read, or its contents contradict its checksums or its format.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "cannot use {file}, {place}: {reason}; the other files are not affected: restore this one from a copy"
)]
pub struct Damage {
    /// The name of the file.
    pub file: String,
    /// The part of the file, with page and offset where they are known.
    pub place: String,
    /// What was found there.
    pub reason: String,
}
