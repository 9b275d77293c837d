//! JSON Web Tokens (RFC 7519): signature first, then claims. It must not know where a token was found in a request.
//!
//! Signatures are verified with ring itself. The usual library brings rules for claims that are not ours (Cloud Foundry
//! wants `exp` as an integer and refuses refresh tokens by their `jti`), asks the system for the time, and in the
//! versions that build on ring treats a claim of the wrong JSON type as absent (CVE-2026-25537). What is left of its work
//! is splitting at two dots and choosing the verification, and the choice is better made here: the algorithm must fit the
//! *kind of key that is configured*, so a public key can never serve as an HMAC secret.

mod claims;
mod key;
mod key_set;
mod token;

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use annals_model::{Clock, Grant, Principal, Refusal};

pub use self::key_set::JWT_KEYS_MAX;
#[cfg(feature = "fuzzing")]
pub(crate) use self::key_set::verify_with_key_set;
pub(crate) use self::token::Jwt;
use self::{claims::Rules, key::VerifyingKey, key_set::KeySet, token::Algorithm};
use crate::{ConfigError, JwtConfig};

/// What the configuration grants to identities inside tokens.
pub(crate) type Subjects = HashMap<String, Vec<Grant>>;

/// Judges JSON Web Tokens by one issuer's keys and rules.
pub(crate) struct JwtJudge {
    keys: Keys,
    rules: Rules,
    clock: Arc<dyn Clock>,
}

/// Where the issuer's keys come from.
enum Keys {
    /// A shared secret or a public key file.
    Fixed(VerifyingKey),
    /// A URL where the issuer publishes them.
    Published(KeySet),
}

impl JwtJudge {
    pub(crate) fn new(
        config: &JwtConfig,
        subjects: Subjects,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let one = "give one of `hs256_secret`, `public_key_file` and `jwks_url`";
        let keys = match (&config.hs256_secret, &config.public_key_file, &config.jwks_url) {
            (Some(secret), None, None) if secret.expose().is_empty() => {
                return Err(JwtConfig::error("hs256_secret", "must not be empty"));
            }
            (Some(secret), None, None) => Keys::Fixed(VerifyingKey::shared(secret.expose().as_bytes())),
            (None, Some(file), None) => Keys::Fixed(read_key(file)?),
            (None, None, Some(url)) => Keys::Published(KeySet::new(url, config, Arc::clone(&clock))?),
            (None, None, None) => {
                return Err(JwtConfig::error("hs256_secret", format!("is missing: {one}")));
            }
            (Some(_), Some(_), _) => {
                return Err(JwtConfig::error("public_key_file", format!("is one too many: {one}")));
            }
            (_, _, Some(_)) => return Err(JwtConfig::error("jwks_url", format!("is one too many: {one}"))),
        };
        Ok(Self { keys, rules: Rules::new(config, subjects)?, clock })
    }

    /// Whose token this is, if its signature and its claims are good.
    pub(crate) async fn judge(&self, token: &Jwt<'_>) -> Result<Principal, Refusal> {
        if token.header.crit.is_some() {
            // RFC 7515, section 4.1.11: who does not understand a critical header must refuse. None is understood here.
            return Err(unacceptable("it has critical headers"));
        }
        let Some(algorithm) = Algorithm::from_name(&token.header.alg) else {
            return Err(unacceptable("its algorithm is not one of HS256/384/512, RS256/384/512 and ES256"));
        };
        match &self.keys {
            Keys::Fixed(key) if !key.fits(algorithm) => {
                return Err(unacceptable("its algorithm does not fit the configured key"));
            }
            Keys::Fixed(key) if key.verify(algorithm, token.signed, &token.signature) => {}
            Keys::Fixed(_) => return Err(Refusal::BadSignature),
            Keys::Published(_) if algorithm.is_symmetric() => {
                return Err(unacceptable("its algorithm does not fit published keys"));
            }
            Keys::Published(keys) => keys.verify(algorithm, token).await?,
        }
        // Nothing of the claims is looked at before the signature was found good.
        let claims = token.claims().ok_or(Refusal::Unknown)?;
        self.rules.principal(&claims, self.clock.now())
    }
}

fn read_key(file: &Path) -> Result<VerifyingKey, ConfigError> {
    let fault = |problem: String| {
        JwtConfig::error("public_key_file", format!("cannot be used: {}: {problem}", file.display()))
    };
    let pem = fs::read(file).map_err(|error| fault(error.to_string()))?;
    VerifyingKey::from_pem(&pem).map_err(|problem| fault(problem.to_owned()))
}

/// Refuses a token and says why where operators can find it; callers are not told.
fn unacceptable(why: &'static str) -> Refusal {
    tracing::debug!(why, "a JSON Web Token was refused");
    Refusal::Unacceptable
}
