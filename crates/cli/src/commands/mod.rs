//! What each subcommand does, one file each.

mod backup;
mod check;
mod definitions;
mod demo;
mod export;
mod import;
mod ingest;
mod keys;
mod profiles;
mod query;
mod restore;
mod serve;
mod stop;
mod tail;
mod top;
mod upload;
mod verify;
mod walk;

use std::process::ExitCode;

use crate::{cli::Command, failure::Failure, output};

/// Does what the command line asks for.
pub(crate) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Ingest(arguments) => ingest::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Query(arguments) => query::run(&arguments),
        Command::Tail(arguments) => tail::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Profiles(arguments) => profiles::run(&arguments),
        Command::Completions(arguments) => definitions::completions(&arguments),
        Command::Man(arguments) => definitions::man(&arguments),
        Command::Openapi => {
            output::print(&annals_server::openapi())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
