//! The program as people run it: the real binary, its output, its exit codes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the message")]

mod backup;
mod definitions;
mod demo;
mod disk;
mod lifecycle;
mod offline;
mod overload;
mod profiles;
mod reading;
mod support;
mod tail;
mod terminal;
mod transfer;
