//! The log of the server: lines on stderr, for people or as JSON, filtered by level and module.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing_subscriber::{EnvFilter, fmt};

use crate::{config::LogFormat, failure::Failure};

/// Begins to log. To be called once, before anything logs.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<(), Failure> {
    let builder = fmt().with_env_filter(check(level)?).with_writer(io::stderr);
    let started = match format {
        LogFormat::Text => {
            let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            builder.with_ansi(io::stderr().is_terminal() && !refused).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::Refused(format!("cannot start the log: {error}")))
}

/// What a level selects.
pub(crate) fn check(level: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::builder().parse(level).map_err(|error| {
        Failure::Refused(format!(
            "the log level `{level}` is none ({error}): give error, warn, info, debug or trace, or levels by module as \
             in info,annals_store=debug"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        for good in ["info", "warn,annals_store=debug", "trace"] {
            assert!(check(good).is_ok(), "{good}");
        }
        assert!(check("annals_store=loud").unwrap_err().to_string().contains("`annals_store=loud`"));
    }
}
