//! The HTTP server: the native API, imports, every platform's own API at its own paths, probes and metrics.
//!
//! It connects the store, the dialects and the judge of credentials, and protects them: limits on everything that
//! comes in, work kept off the async threads, one identifier, one log line and one metric for every request. It knows
//! no platform's JSON (that is the dialects') and no file (that is the store's).
//!
//! Start with [`Server`]. A request passes `observe/log.rs`, `gate.rs` and `body.rs`, then reaches `native/`,
//! `probes.rs`, or through `mount.rs` a dialect, which asks its questions of `host.rs`.

mod app;
mod body;
mod connection;
pub mod export;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod host;
pub mod limits;
mod linger;
mod mount;
mod native;
mod observe;
mod openapi;
mod probes;
mod server;
mod settings;
mod ui;

pub use limits::Limits;
pub use mount::MountError;
pub use server::{BindError, Server};
pub use settings::{Mask, Settings, SettingsError};

/// The OpenAPI 3.1 description of the native API, as JSON text.
pub fn openapi() -> String {
    openapi::text().to_owned()
}
