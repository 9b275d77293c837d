//! The configuration: what the file says, what flags and the environment say over it, and what follows.
//!
//! Two layers: [`raw`] is the file as written, [`resolved`] is what the server runs with. Flags come before the
//! environment, the environment before the file, the file before the defaults. The default file, with a comment on
//! every key, is `docs/annals.toml`; it is part of the binary.

mod raw;
mod resolved;

pub(crate) use raw::parse_as;
pub(crate) use resolved::{Config, LogFormat, Overrides, load};

/// The commented default file.
pub(crate) const DEFAULT_FILE: &str = include_str!("../../../../docs/annals.toml");
