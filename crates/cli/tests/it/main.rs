//! The program as people run it: the real binary, its output, its exit codes.

mod demo;
mod lifecycle;
mod offline;
mod support;
mod transfer;
