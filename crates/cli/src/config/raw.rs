//! The configuration file as written. Unknown keys are errors that name the key and its place; a value of the wrong
//! type is not shown, because it may be a secret.

use std::{net::SocketAddr, path::PathBuf};

use annals_auth::{CredentialConfig, JwtConfig, KeystoneConfig, LoginConfig};
use annals_server::{Mask, limits::Limits};
use serde::Deserialize;

/// The file. Absent keys are `None` where something else decides, and defaults where nothing does.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) listen: Option<SocketAddr>,
    pub(super) external_url: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) log: Log,
    pub(super) credential: Vec<CredentialConfig>,
    pub(super) jwt: Option<JwtConfig>,
    pub(super) keystone: Option<KeystoneConfig>,
    pub(super) login: Option<LoginConfig>,
    pub(super) dialect: annals_dialects::Config,
    pub(super) limits: Limits,
    pub(super) mask: Mask,
    pub(super) store: Store,
}

/// `[log]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    pub(super) format: Option<super::LogFormat>,
    pub(super) level: Option<String>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Store {
    pub(super) seal_events: Option<usize>,
    pub(super) seal_bytes: Option<usize>,
    pub(super) seal_age_seconds: Option<u64>,
    pub(super) merge_factor: Option<usize>,
    pub(super) segment_events_max: Option<usize>,
    pub(super) free_bytes_min: Option<u64>,
    pub(super) queue_bytes_max: Option<usize>,
    pub(super) queue_events_max: Option<usize>,
    pub(super) group_bytes_max: Option<usize>,
    pub(super) frozen_parts_max: Option<usize>,
}

/// Reads a file's text.
///
/// # Errors
/// What is wrong, with line and column and, where it is known, the table.
pub(super) fn parse(text: &str) -> Result<File, String> {
    parse_as(text)
}

/// Reads TOML that may hold secrets: an error shows no line of it and no value.
///
/// # Errors
/// As for the configuration.
pub(crate) fn parse_as<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let message = without_value(error.message().trim_end_matches('\n')).replace('\n', ", ");
        let Some(span) = error.span() else { return message };
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        let table = before
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| line.starts_with('['))
            .map(|header| header.split('#').next().unwrap_or(header).trim());
        match table {
            Some(table) => format!("line {line}, column {column}, in {table}: {message}"),
            None => format!("line {line}, column {column}: {message}"),
        }
    })
}

/// An error's text without the value it is about: ``invalid type: integer `1`, expected a string`` names the value.
fn without_value(message: &str) -> String {
    let is_about_a_value = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    match message.rsplit_once(", expected ") {
        Some((found, expected)) if is_about_a_value => {
            let found = found.split(['`', '"']).next().unwrap_or(found).trim_end();
            format!("{found}, expected {expected}")
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_wrong_type_are_not_shown() {
        for text in [
            "[[credential]]\nname = \"a\"\ngrants = []\ntoken = 271828\n",
            "[limits]\nrequests_max = \"271828\"\n",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("invalid type: ") && error.contains(", expected "), "{error}");
            assert!(!error.contains("271828"), "{error}");
        }
    }
}
