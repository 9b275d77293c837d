//! What is measured, each in a file of its own.

pub(crate) mod export;
pub(crate) mod ingest;
pub(crate) mod limits;
pub(crate) mod mixed;
pub(crate) mod ours;
pub(crate) mod posts;
pub(crate) mod queries;
pub(crate) mod rate;
pub(crate) mod reads;
pub(crate) mod starts;
pub(crate) mod threads;
pub(crate) mod web;
