//! What the configuration says of credentials, and what is wrong with it. Reading files and the environment is the
//! command line's work; this file knows the keys and their rules only.

use std::path::PathBuf;

use annals_model::Grant;
use serde::Deserialize;

use crate::{Secret, TOKEN_BYTES_MAX};

/// One `[[credential]]`: a name, what it may do, and exactly one of `token`, `token_sha256`, `key` with `secret`, and
/// `subject`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialConfig {
    /// Its name, unique; for logs and for people.
    pub name: String,
    /// What it may do. An empty list is a caller who is known and may do nothing.
    pub grants: Vec<Grant>,
    /// A static token, in clear.
    #[serde(default)]
    pub token: Option<Secret>,
    /// The SHA-256 of a static token in hex, so that the configuration holds no secret.
    #[serde(default)]
    pub token_sha256: Option<String>,
    /// A request-signing key; its `secret` belongs to it.
    #[serde(default)]
    pub key: Option<String>,
    /// The secret of `key`, in clear: signatures cannot be verified without it.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// The identity inside a JSON Web Token (`user_id`, `client_id` or `sub`) that has these grants.
    #[serde(default)]
    pub subject: Option<String>,
}

/// How a credential proves itself.
pub(crate) enum Proof<'c> {
    Token(&'c Secret),
    TokenDigest([u8; 32]),
    Key { key: &'c str, secret: &'c Secret },
    Subject(&'c str),
}

impl CredentialConfig {
    /// The one proof it has.
    pub(crate) fn proof(&self) -> Result<Proof<'_>, ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::new("a credential", "name", "must not be empty"));
        }
        for grant in &self.grants {
            check_grant(grant).map_err(|problem| self.error("grants", problem))?;
        }
        match (&self.token, &self.token_sha256, &self.key, &self.secret, &self.subject) {
            (Some(token), None, None, None, None) => {
                self.presentable("token", token.expose())?;
                Ok(Proof::Token(token))
            }
            (None, Some(digest), None, None, None) => decode_sha256(digest)
                .map(Proof::TokenDigest)
                .ok_or_else(|| self.error("token_sha256", "must be the 64 hex digits of a SHA-256")),
            (None, None, Some(key), Some(secret), None) => {
                self.presentable("key", key)?;
                if secret.expose().is_empty() {
                    return Err(self.error("secret", "must not be empty"));
                }
                Ok(Proof::Key { key, secret })
            }
            (None, None, None, None, Some(subject)) if subject.is_empty() => {
                Err(self.error("subject", "must not be empty"))
            }
            (None, None, None, None, Some(subject)) => Ok(Proof::Subject(subject)),
            (None, None, Some(_), None, None) => Err(self.error("secret", "is missing beside `key`")),
            (None, None, None, Some(_), None) => Err(self.error("key", "is missing beside `secret`")),
            (None, None, None, None, None) => Err(self.error(
                "token",
                "is missing: give one of `token`, `token_sha256`, `key` with `secret`, and `subject`",
            )),
            _ => Err(self.error(
                self.second_proof(),
                "is one too many: give one of `token`, `token_sha256`, `key` with `secret`, and `subject`",
            )),
        }
    }

    /// An error about one key of this credential.
    pub(crate) fn error(&self, key: &'static str, problem: impl Into<String>) -> ConfigError {
        ConfigError::new(format!("credential `{}`", self.name), key, problem)
    }

    /// A token or key that no request could carry is a mistake in the configuration.
    fn presentable(&self, key: &'static str, text: &str) -> Result<(), ConfigError> {
        if text.is_empty() || text.len() > TOKEN_BYTES_MAX {
            return Err(
                self.error(key, format!("has {} bytes, must have 1 to {TOKEN_BYTES_MAX}", text.len()))
            );
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.error(key, "must consist of visible ASCII characters without spaces"));
        }
        Ok(())
    }

    fn second_proof(&self) -> &'static str {
        let given = [
            ("token", self.token.is_some()),
            ("token_sha256", self.token_sha256.is_some()),
            ("key", self.key.is_some()),
            ("secret", self.secret.is_some() && self.key.is_none()),
            ("subject", self.subject.is_some()),
        ];
        given.iter().filter(|(_, given)| *given).nth(1).map_or("subject", |(key, _)| key)
    }
}

/// `[jwt]`: whose JSON Web Tokens are accepted. Exactly one of `hs256_secret`, `public_key_file` and `jwks_url`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtConfig {
    /// What the claim `iss` must be; required unless `check_issuer` is off.
    #[serde(default)]
    pub issuer: Option<String>,
    /// What the claim `aud` must contain; required unless `check_audience` is off.
    #[serde(default)]
    pub audience: Option<String>,
    /// A secret shared with the issuer, for HS256, HS384 and HS512.
    #[serde(default)]
    pub hs256_secret: Option<Secret>,
    /// A PEM file with the issuer's RSA or P-256 public key, for RS256, RS384 and RS512, or for ES256.
    #[serde(default)]
    pub public_key_file: Option<PathBuf>,
    /// Where the issuer publishes its public keys (RFC 7517), for RS256, RS384, RS512 and ES256.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// Whether `jwks_url` may be `http://` to another machine. Whoever can change that traffic can make tokens, so
    /// without this only loopback addresses may do without TLS.
    #[serde(default)]
    pub jwks_allow_http: bool,
    /// A PEM file with the certificate authorities that vouch for `jwks_url`; without it, those of the public web.
    #[serde(default)]
    pub jwks_ca_file: Option<PathBuf>,
    /// Whether `iss` is checked.
    #[serde(default = "yes")]
    pub check_issuer: bool,
    /// Whether `aud` is checked.
    #[serde(default = "yes")]
    pub check_audience: bool,
    /// Whether `jti` must be there and must not be a refresh token's.
    #[serde(default = "yes")]
    pub check_jti: bool,
}

const fn yes() -> bool {
    true
}

impl Default for JwtConfig {
    /// No keys yet, all checks on.
    fn default() -> Self {
        Self {
            issuer: None,
            audience: None,
            hs256_secret: None,
            public_key_file: None,
            jwks_url: None,
            jwks_allow_http: false,
            jwks_ca_file: None,
            check_issuer: true,
            check_audience: true,
            check_jti: true,
        }
    }
}

impl JwtConfig {
    /// An error about one key of `[jwt]`.
    pub(crate) fn error(key: &'static str, problem: impl Into<String>) -> ConfigError {
        ConfigError::new("jwt", key, problem)
    }
}

/// What is wrong with the configuration of credentials: where, which key, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: `{key}` {problem}")]
pub struct ConfigError {
    /// The credential, by name, or `jwt`.
    pub place: String,
    /// The key at fault.
    pub key: &'static str,
    /// What is wrong with it. Never a secret.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(place: impl Into<String>, key: &'static str, problem: impl Into<String>) -> Self {
        Self { place: place.into(), key, problem: problem.into() }
    }
}

/// A grant on an organization without a name would look like one on something and cover nothing.
pub(crate) fn check_grant(grant: &Grant) -> Result<(), &'static str> {
    if grant.organization.as_deref() == Some("") {
        return Err("must not have an empty `organization`: leave it out to mean all");
    }
    if grant.project.as_deref() == Some("") {
        return Err("must not have an empty `project`: leave it out to mean all");
    }
    Ok(())
}

fn decode_sha256(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(fields: &serde_json::Value) -> Result<&'static str, String> {
        let mut json = serde_json::json!({"name": "ci", "grants": [{"role": "reader"}]});
        for (key, value) in fields.as_object().unwrap() {
            json[key] = value.clone();
        }
        let config: CredentialConfig = serde_json::from_value(json).map_err(|error| error.to_string())?;
        match config.proof() {
            Ok(Proof::Token(_)) => Ok("token"),
            Ok(Proof::TokenDigest(_)) => Ok("digest"),
            Ok(Proof::Key { .. }) => Ok("key"),
            Ok(Proof::Subject(_)) => Ok("subject"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn each_proof_is_read() {
        let digest = crate::token_sha256("t");
        for (fields, proof) in [
            (serde_json::json!({"token": "t"}), "token"),
            (serde_json::json!({"token_sha256": digest}), "digest"),
            (serde_json::json!({"token_sha256": digest.to_uppercase()}), "digest"),
            (serde_json::json!({"key": "k", "secret": "s"}), "key"),
            (serde_json::json!({"subject": "u"}), "subject"),
            (serde_json::json!({"token": "t", "grants": []}), "token"),
        ] {
            assert_eq!(credential(&fields), Ok(proof), "{fields}");
        }
    }

    #[test]
    fn errors_name_the_credential_and_the_key() {
        let one = "give one of `token`, `token_sha256`, `key` with `secret`, and `subject`";
        for (fields, message) in [
            (serde_json::json!({}), format!("credential `ci`: `token` is missing: {one}")),
            (
                serde_json::json!({"token": "t", "subject": "s"}),
                format!("credential `ci`: `subject` is one too many: {one}"),
            ),
            (
                serde_json::json!({"token": "t", "token_sha256": "s"}),
                format!("credential `ci`: `token_sha256` is one too many: {one}"),
            ),
            (
                serde_json::json!({"key": "k", "secret": "s", "token": "t"}),
                format!("credential `ci`: `key` is one too many: {one}"),
            ),
            (
                serde_json::json!({"secret": "s", "token": "t"}),
                format!("credential `ci`: `secret` is one too many: {one}"),
            ),
            (serde_json::json!({"key": "k"}), "credential `ci`: `secret` is missing beside `key`".into()),
            (serde_json::json!({"secret": "k"}), "credential `ci`: `key` is missing beside `secret`".into()),
            (
                serde_json::json!({"key": "k", "secret": ""}),
                "credential `ci`: `secret` must not be empty".into(),
            ),
            (serde_json::json!({"subject": ""}), "credential `ci`: `subject` must not be empty".into()),
            (
                serde_json::json!({"token": ""}),
                "credential `ci`: `token` has 0 bytes, must have 1 to 16384".into(),
            ),
            (
                serde_json::json!({"token": "a b"}),
                "credential `ci`: `token` must consist of visible ASCII characters without spaces".into(),
            ),
            (
                serde_json::json!({"token_sha256": "12"}),
                "credential `ci`: `token_sha256` must be the 64 hex digits of a SHA-256".into(),
            ),
            (
                serde_json::json!({"token": "t", "grants": [{"role": "reader", "organization": ""}]}),
                "credential `ci`: `grants` must not have an empty `organization`: leave it out to mean all"
                    .into(),
            ),
            (serde_json::json!({"name": ""}), "a credential: `name` must not be empty".into()),
        ] {
            assert_eq!(credential(&fields), Err(message), "{fields}");
        }
        assert!(credential(&serde_json::json!({"tokn": "t"})).unwrap_err().contains("unknown field `tokn`"));
        let owner = serde_json::json!({"token": "t", "grants": [{"role": "owner"}]});
        assert!(credential(&owner).unwrap_err().contains("unknown variant `owner`"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let json = serde_json::json!({"name": "ci", "grants": [], "token": "hunter2", "secret": "hunter2"});
        let config: CredentialConfig = serde_json::from_value(json).unwrap();
        assert!(!format!("{config:?} {:?}", config.proof().err()).contains("hunter2"));
    }

    #[test]
    fn jwt_checks_are_on_unless_switched_off() {
        let config: JwtConfig = serde_json::from_str("{}").unwrap();
        assert!(config.check_issuer && config.check_audience && config.check_jti && !config.jwks_allow_http);
        let config: JwtConfig = serde_json::from_str(r#"{"check_jti": false}"#).unwrap();
        assert!(config.check_issuer && !config.check_jti);
        assert!(serde_json::from_str::<JwtConfig>(r#"{"isuer": "x"}"#).is_err());
    }
}
