//! What can be set of the server, as the configuration file says it. Where events are kept and who may do what are
//! settings of other crates.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

use crate::limits::Limits;

/// The port when none is set.
const PORT_DEFAULT: u16 = 8650;

/// What can be set of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The address clients use when a proxy stands between, as in `https://events.example.org`. Absent: what each
    /// request's `Host` header says.
    pub external_url: Option<String>,
    /// Limits.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)),
            external_url: None,
            limits: Limits::default(),
        }
    }
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The external address is none.
    #[error(
        "`external_url` is `{0}`: it must be an http or https address without query, as in https://events.example.org"
    )]
    ExternalUrl(String),
    /// A limit that cannot be.
    #[error("{0}")]
    Limit(String),
}

impl Settings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first one that cannot be.
    pub fn check(&self) -> Result<(), SettingsError> {
        if let Some(url) = &self.external_url {
            let good = url.parse::<http::Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.host().is_some_and(|host| !host.is_empty())
                    && uri.query().is_none()
            });
            if !good || url.contains('#') {
                return Err(SettingsError::ExternalUrl(url.clone()));
            }
        }
        self.limits.fault().map_or(Ok(()), |fault| Err(SettingsError::Limit(fault)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_external_address_is_an_address() {
        for (url, good) in [
            ("https://events.example.org", true),
            ("http://127.0.0.1:8650/annals/", true),
            ("events.example.org", false),
            ("ftp://events.example.org", false),
            ("https://events.example.org/?a=b", false),
            ("https://", false),
            ("", false),
        ] {
            let settings = Settings { external_url: Some(url.to_owned()), ..Settings::default() };
            assert_eq!(settings.check().is_ok(), good, "{url}");
        }
    }
}
