//! Why a command did not do its work, and the exit code that says so.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all of it was done; also when the reader of our output went away |
//! | 1 | not, or not all of it, was done: events were rejected, the server refused, a file or the configuration is bad |
//! | 2 | the command line is wrong |
//! | 3 | the server could not be reached, was not able to answer, or its answer broke off |

use std::{io, process::ExitCode};

use crate::output;

/// Exit code when part of the work was not done.
const EXIT_INCOMPLETE: u8 = 1;
/// Exit code of a wrong command line; clap uses the same.
const EXIT_USAGE: u8 = 2;
/// Exit code when there was no server to talk to.
const EXIT_UNREACHABLE: u8 = 3;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line asks for something that does not exist or does not fit together.
    #[error("{0}")]
    Usage(String),
    /// The work was refused or is impossible.
    #[error("{0}")]
    Refused(String),
    /// The server cannot be reached, or cannot answer now.
    #[error("{0}")]
    Unreachable(String),
    /// Our own output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Says on stderr what is wrong and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if let Self::Output(error) = self
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            // Whoever read our output has seen enough, as in `annals query | head`.
            return ExitCode::SUCCESS;
        }
        output::note(&format!("error: {self}"));
        ExitCode::from(match self {
            Self::Usage(_) => EXIT_USAGE,
            Self::Refused(_) | Self::Output(_) => EXIT_INCOMPLETE,
            Self::Unreachable(_) => EXIT_UNREACHABLE,
        })
    }
}

/// The exit code of work that was done in part, every missing piece of which has been named.
pub(crate) fn incomplete() -> ExitCode {
    ExitCode::from(EXIT_INCOMPLETE)
}
