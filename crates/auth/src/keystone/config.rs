//! What the configuration says of Keystone, and its limits.

use std::{ops::RangeInclusive, path::PathBuf};

use serde::Deserialize;

use crate::{ConfigError, Secret, remote};

/// Seconds a good token may be taken for good without asking again.
pub(super) const CACHE_SECONDS: RangeInclusive<u64> = 0..=3600;
/// Seconds a refused token may be taken for bad without asking again.
pub(super) const REFUSED_CACHE_SECONDS: RangeInclusive<u64> = 0..=60;
/// Seconds Keystone may take for one answer.
pub(super) const TIMEOUT_SECONDS: RangeInclusive<u64> = 1..=30;

/// How the path of `url` must end: only this version of the API is spoken.
const VERSION: &str = "/v3";

/// `[keystone]`: OpenStack's identity service, which is asked about tokens that clients of the Fujitsu dialect present.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeystoneConfig {
    /// Its address, which ends in `/v3`.
    pub url: String,
    /// The user that asks it; the role `service` on the project is enough.
    pub username: String,
    /// Its password, in clear.
    pub password: Secret,
    /// The name of the user's domain.
    #[serde(default = "default_domain")]
    pub user_domain: String,
    /// The name of the project the user has its role on.
    pub project: String,
    /// The name of the project's domain.
    #[serde(default = "default_domain")]
    pub project_domain: String,
    /// What a refused client is told of where tokens come from; absent = `url`.
    #[serde(default)]
    pub www_authenticate_uri: Option<String>,
    /// Roles whose project-scoped or system-scoped tokens read everything.
    #[serde(default = "default_admin_roles")]
    pub admin_roles: Vec<String>,
    /// Seconds a good token is taken for good without asking again, so long may a revoked token live; never beyond its
    /// own end.
    #[serde(default = "default_cache_seconds")]
    pub cache_seconds: u64,
    /// Seconds a refused token is taken for bad without asking again.
    #[serde(default = "default_refused_cache_seconds")]
    pub refused_cache_seconds: u64,
    /// Seconds it may take for one answer.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    /// Whether `url` may be `http://` to another machine. Whoever can change that traffic can make tokens, and read the
    /// password.
    #[serde(default)]
    pub allow_http: bool,
    /// A PEM file with the certificate authorities that vouch for `url`; without it, those of the public web.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn default_domain() -> String {
    "Default".to_owned()
}

fn default_admin_roles() -> Vec<String> {
    vec!["admin".to_owned()]
}

const fn default_cache_seconds() -> u64 {
    300
}

const fn default_refused_cache_seconds() -> u64 {
    5
}

const fn default_timeout_seconds() -> u64 {
    5
}

impl KeystoneConfig {
    /// What a refused client is told of where tokens come from.
    pub fn www_authenticate_uri(&self) -> &str {
        self.www_authenticate_uri.as_deref().unwrap_or(&self.url)
    }

    /// Checks everything but the address, which is checked where it is used.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, text) in [
            ("username", self.username.as_str()),
            ("password", self.password.expose()),
            ("user_domain", &self.user_domain),
            ("project", &self.project),
            ("project_domain", &self.project_domain),
        ] {
            if text.is_empty() {
                return Err(Self::error(key, "must not be empty"));
            }
        }
        for (key, seconds, range) in [
            ("cache_seconds", self.cache_seconds, CACHE_SECONDS),
            ("refused_cache_seconds", self.refused_cache_seconds, REFUSED_CACHE_SECONDS),
            ("timeout_seconds", self.timeout_seconds, TIMEOUT_SECONDS),
        ] {
            if !range.contains(&seconds) {
                let (least, most) = range.into_inner();
                return Err(Self::error(key, format!("is {seconds}, must be {least} to {most}")));
            }
        }
        if let Some(uri) = &self.www_authenticate_uri {
            // Nobody here asks there, so plain http is the clients' own affair.
            remote::check_url(uri, true, "allow_http")
                .map_err(|problem| Self::error("www_authenticate_uri", problem))?;
        }
        Ok(())
    }

    /// The address without a final slash, if its path is that of the version that is spoken.
    pub(super) fn base(&self) -> Result<&str, ConfigError> {
        let base = self.url.trim_end_matches('/');
        if !base.ends_with(VERSION) || base.contains(['?', '#']) {
            return Err(Self::error("url", "must end in /v3, as in https://keystone.example.org:5000/v3"));
        }
        Ok(base)
    }

    /// An error about one key of `[keystone]`.
    pub(super) fn error(key: &'static str, problem: impl Into<String>) -> ConfigError {
        ConfigError::new("keystone", key, problem)
    }
}
