//! The log of the server: lines on stderr, for people or as JSON, filtered by level and module.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{config::LogFormat, failure::Failure};

/// Begins to log. To be called once, before anything logs.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<(), Failure> {
    let filter = check(level)?;
    let lines = fmt::layer().with_writer(io::stderr);
    let started = match format {
        LogFormat::Text => {
            let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let lines = lines.with_ansi(io::stderr().is_terminal() && !refused);
            tracing_subscriber::registry().with(lines.with_filter(filter)).try_init()
        }
        LogFormat::Json => tracing_subscriber::registry()
            .with(lines.json().flatten_event(true).with_filter(filter))
            .try_init(),
    };
    started.map_err(|error| Failure::Refused(format!("cannot start the log: {error}")))
}

/// What a level selects.
pub(crate) fn check(level: &str) -> Result<Targets, Failure> {
    level.parse::<Targets>().map_err(|error| {
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
