//! `annals`: records platform events and answers for them through other platforms' "list events" APIs.
//!
//! One binary with a subcommand for each thing that is done with it. This file only hands the arguments on and turns
//! what came of it into an exit code; `docs/cli.md` lists the codes.

#[cfg(target_os = "linux")]
mod allocator;
mod cli;
mod client;
mod commands;
mod config;
mod connection;
mod failure;
mod input;
mod instant;
mod logging;
mod output;
mod profiles;
mod sse;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    match commands::run(arguments.command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
