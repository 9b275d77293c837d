//! Tests of the real server over real connections, one module for each part of the interface.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the message")]

mod backup;
mod client;
mod counts;
mod credentials;
mod described;
mod dialects;
mod export;
mod fixture;
mod import;
mod ingest;
mod limits;
mod list;
mod login;
mod logs;
mod openapi;
mod probes;
mod search;
mod searches;
mod shutdown;
mod stream;
mod views;
