//! Tests of the real server over real connections, one module for each part of the interface.

mod client;
mod credentials;
mod dialects;
mod fixture;
mod import;
mod ingest;
mod limits;
mod list;
mod openapi;
mod probes;
mod shutdown;
