//! What can be set of the server, as the configuration file says it. Where events are kept and who may do what are
//! settings of other crates.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::limits::{Limits, MASK_RULE_BYTES_MAX, MASK_RULES_MAX};

/// The port when none is set.
const PORT_DEFAULT: u16 = 8650;
/// Parts of member names whose values are hidden when nothing else is set.
const MASK_KEYS: [&str; 11] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "credential",
    "authorization",
    "cookie",
];
/// Beginnings of texts that are hidden when nothing else is set: tokens and keys that say what they are.
const MASK_VALUES: [&str; 12] = [
    "-----BEGIN",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "eyJhbGciOi",
];

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
    /// What a page does not show until it is asked to.
    pub mask: Mask,
}

/// Rules by which a page hides what looks like a secret until somebody asks to see it: the table `[mask]` of the
/// configuration file. They are for display; answers of the API hold what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mask {
    /// Parts of the names of JSON members, in any case, whose values are hidden.
    pub keys: Vec<String>,
    /// Beginnings of texts that are hidden wherever they stand.
    pub values: Vec<String>,
}

impl Default for Mask {
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self { keys: owned(&MASK_KEYS), values: owned(&MASK_VALUES) }
    }
}

impl Mask {
    fn fault(&self) -> Option<String> {
        for (name, rules) in [("keys", &self.keys), ("values", &self.values)] {
            if rules.len() > MASK_RULES_MAX {
                return Some(format!("`mask.{name}` has {} entries, at most {MASK_RULES_MAX}", rules.len()));
            }
            if let Some(rule) =
                rules.iter().find(|rule| rule.trim().is_empty() || rule.len() > MASK_RULE_BYTES_MAX)
            {
                return Some(format!(
                    "`mask.{name}` has the entry `{rule}`: it must have 1 to {MASK_RULE_BYTES_MAX} bytes and not be blank, \
                     or everything would be hidden"
                ));
            }
        }
        None
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)),
            external_url: None,
            limits: Limits::default(),
            mask: Mask::default(),
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
    /// A limit or another setting that cannot be.
    #[error("{0}")]
    Impossible(String),
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
        let fault = self.limits.fault().or_else(|| self.mask.fault());
        fault.map_or(Ok(()), |fault| Err(SettingsError::Impossible(fault)))
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
    #[test]
    fn masks_hide_something_and_not_everything() {
        assert_eq!(Mask::default().fault(), None);
        for (mask, name) in [
            (Mask { keys: vec![String::new()], ..Mask::default() }, "mask.keys"),
            (Mask { values: vec![" ".to_owned()], ..Mask::default() }, "mask.values"),
            (Mask { values: vec!["x".repeat(MASK_RULE_BYTES_MAX + 1)], ..Mask::default() }, "mask.values"),
            (Mask { keys: vec!["x".to_owned(); MASK_RULES_MAX + 1], ..Mask::default() }, "mask.keys"),
        ] {
            let settings = Settings { mask, ..Settings::default() };
            assert!(settings.check().unwrap_err().to_string().contains(name));
        }
    }
}
