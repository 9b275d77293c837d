//! The words Annals is made of: events, filters, queries, pages, cursors and scopes.
//!
//! This crate does no IO and reads no clock: wall-clock time enters through [`Clock`]. It knows no
//! platform, no file format and no HTTP. Everything else in the workspace speaks in its terms.
//!
//! Start with [`Event`] (what is kept), [`Filter`] (what can be asked), [`Query`] (how it is asked)
//! and [`Scope`] (who may see what: no query exists without one).

mod access;
mod criterion;
mod cursor;
mod decimal;
mod event;
mod field;
mod filter;
mod id;
mod json;
pub mod limits;
mod log_cursor;
mod login;
mod path;
mod query;
mod render;
pub mod search;
mod text;
mod time;
mod validate;
pub mod vocabulary;
mod wire;

pub use access::{Grant, Presented, Principal, Refusal, Role, Scope};
pub use criterion::{Criterion, Folded, Glyph, NumberBounds, Pattern, Place};
pub use cursor::{Cursor, CursorError};
pub use event::{Entity, Event, Named, Outcome, Request};
pub use field::{Field, UnknownField};
pub use filter::{Bounds, Filter, FilterTooLarge};
pub use id::{derived_id, fresh_id, identity_of_text};
pub use json::{Json, JsonError, canonical_json};
pub use log_cursor::{LogCursor, LogCursorError};
pub use login::{Issued, Login, TokenRequest};
pub use query::{GroupCount, Order, Page, Position, Query, Start, TimeRange, Total};
pub use render::{EntityRef, EventRef, RequestRef};
pub use text::{tokens, visit_json_text};
pub use time::{Clock, SystemClock, TimeError, Timestamp};
pub use validate::InvalidEvent;
pub use wire::EVENT_SCHEMA;
