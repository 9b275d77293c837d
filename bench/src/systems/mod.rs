//! The systems under measurement: Annals through HTTP, and its peers through their fastest local interface.

pub(crate) mod annals;
pub(crate) mod fixed;
pub(crate) mod http;
pub(crate) mod peer;
pub(crate) mod postgres;
pub(crate) mod python;
pub(crate) mod sql;
