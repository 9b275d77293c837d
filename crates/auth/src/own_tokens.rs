//! Tokens of our own: short-lived JSON Web Tokens that stand for a credential, for clients that can only log in with a
//! name and a password (Cloud Foundry's). What they say of users, clients and scopes is in the words of Cloud Foundry's
//! UAA, whose tokens their clients look into.
//!
//! A token grants nothing by itself. It names a credential and holds a fingerprint of it, so a credential that was
//! taken away, or whose token was replaced, takes the tokens that stand for it along; and it has the grants that the
//! credential has when it is presented.

use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};

use annals_model::{Clock, Issued, Login, Principal, Refusal, TokenRequest, derived_id};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::{
    ConfigError, Secret, TOKEN_BYTES_MAX,
    jwt::Jwt,
    mint,
    static_tokens::{Digest, sha256},
};

/// Seconds an access token may be good.
const ACCESS_TOKEN_SECONDS: RangeInclusive<u64> = 60..=86_400;
/// Seconds a refresh token may be good.
const REFRESH_TOKEN_SECONDS: RangeInclusive<u64> = 60..=2_592_000;
/// Bytes of a configured secret at least.
const SECRET_BYTES_MIN: usize = 32;
/// What the signing key is derived for, so that a secret that is used elsewhere too makes another key here.
const KEY_PURPOSE: &[u8] = b"annals: tokens of our own, 1";
/// What makes the identity of a credential's name different from every event's.
const IDENTITY_SPACE: &str = "annals/credential";
/// How the `jti` of a refresh token ends, as in UAA; such a token is no credential for an API.
const REFRESH_TOKEN_SUFFIX: &str = "-r";

/// `[login]`: the tokens that callers get for a credential's name and token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginConfig {
    /// What tokens are signed with; absent = a random one, with which tokens end when the server does. Servers that stand
    /// for each other need the same.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// Seconds an access token is good.
    #[serde(default = "default_access_token_seconds")]
    pub access_token_seconds: u64,
    /// Seconds a refresh token is good; then a name and a password are needed again.
    #[serde(default = "default_refresh_token_seconds")]
    pub refresh_token_seconds: u64,
}

const fn default_access_token_seconds() -> u64 {
    600
}

const fn default_refresh_token_seconds() -> u64 {
    43_200
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self {
            secret: None,
            access_token_seconds: default_access_token_seconds(),
            refresh_token_seconds: default_refresh_token_seconds(),
        }
    }
}

/// The credentials that can log in: their names, the SHA-256 of their tokens, and whom they belong to.
pub(crate) type Passwords = HashMap<String, (Digest, Arc<Principal>)>;

/// Makes tokens of our own and judges them.
pub(crate) struct OwnTokens {
    key: hmac::Key,
    /// What the password of an unknown name is compared with, so that it takes as long as that of a known one.
    decoy: Digest,
    passwords: Passwords,
    access_seconds: u64,
    refresh_seconds: u64,
    clock: Arc<dyn Clock>,
}

/// What a token says. UAA's clients read it, though they could do without.
#[derive(Serialize, Deserialize)]
struct Claims {
    jti: String,
    sub: String,
    /// With `user_name`, of tokens that were got by a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    client_id: String,
    cid: String,
    azp: String,
    grant_type: String,
    /// The fingerprint of the credential.
    rev_sig: String,
    iat: i64,
    exp: i64,
    iss: String,
    zid: String,
    aud: Vec<String>,
    scope: Vec<String>,
}

impl OwnTokens {
    pub(crate) fn new(
        config: &LoginConfig,
        passwords: Passwords,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let fault = |key, problem: String| Err(ConfigError::new("login", key, problem));
        for (key, seconds, range) in [
            ("access_token_seconds", config.access_token_seconds, ACCESS_TOKEN_SECONDS),
            ("refresh_token_seconds", config.refresh_token_seconds, REFRESH_TOKEN_SECONDS),
        ] {
            if !range.contains(&seconds) {
                let (least, most) = range.into_inner();
                return fault(key, format!("is {seconds}, must be {least} to {most}"));
            }
        }
        let key = match &config.secret {
            Some(secret) if secret.expose().len() < SECRET_BYTES_MIN => {
                let length = secret.expose().len();
                return fault("secret", format!("has {length} bytes, must have {SECRET_BYTES_MIN} at least"));
            }
            Some(secret) => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
                hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&secret, KEY_PURPOSE).as_ref())
            }
            None => hmac::Key::new(hmac::HMAC_SHA256, &mint::random_bytes::<32>()),
        };
        Ok(Self {
            key,
            decoy: mint::random_bytes(),
            passwords,
            access_seconds: config.access_token_seconds,
            refresh_seconds: config.refresh_token_seconds,
            clock,
        })
    }

    /// The same credentials, under other settings.
    pub(crate) fn configured(&self, config: &LoginConfig) -> Result<Self, ConfigError> {
        Self::new(config, self.passwords.clone(), Arc::clone(&self.clock))
    }

    /// Makes a token for whoever proves to be a credential's owner.
    pub(crate) fn issue(&self, request: &TokenRequest) -> Result<Issued, Refusal> {
        match &request.login {
            Login::User { name, password } => {
                let digest = self.proven(name, password)?;
                let claims = self.user_claims(request, name, digest);
                let refresh = Claims {
                    jti: format!("{}{REFRESH_TOKEN_SUFFIX}", new_id()),
                    exp: self.now().saturating_add_unsigned(self.refresh_seconds),
                    aud: vec![request.client.clone()],
                    ..self.user_claims(request, name, digest)
                };
                Ok(self.issued(name, &claims, Some(self.signed(&refresh))))
            }
            Login::Client { name, secret } => {
                let digest = self.proven(name, secret)?;
                let claims = Claims {
                    sub: name.clone(),
                    user_id: None,
                    user_name: None,
                    origin: None,
                    client_id: name.clone(),
                    cid: name.clone(),
                    azp: name.clone(),
                    grant_type: "client_credentials".to_owned(),
                    ..self.user_claims(request, name, digest)
                };
                Ok(self.issued(name, &claims, None))
            }
            Login::Refresh { token } => {
                let claims =
                    Jwt::parse(token).and_then(|jwt| self.own_claims(&jwt)).ok_or(Refusal::Unknown)?;
                if !claims.jti.ends_with(REFRESH_TOKEN_SUFFIX) || claims.client_id != request.client {
                    return Err(Refusal::Unacceptable);
                }
                let (name, _) = self.credential(&claims)?;
                let digest = self.passwords.get(name).map(|(digest, _)| *digest).ok_or(Refusal::Unknown)?;
                let fresh = self.user_claims(request, name, digest);
                // As in UAA it stays good until its own end, which does not move.
                Ok(self.issued(name, &fresh, Some(token.clone())))
            }
        }
    }

    /// Whose token of ours this is; `None` when it is none.
    pub(crate) fn judge(&self, token: &Jwt<'_>) -> Option<Result<Principal, Refusal>> {
        let claims = self.own_claims(token)?;
        if claims.jti.ends_with(REFRESH_TOKEN_SUFFIX) {
            return Some(Err(Refusal::Unacceptable));
        }
        Some(self.credential(&claims).map(|(_, principal)| Principal {
            name: principal.name.clone(),
            subject: Some(claims.sub.clone()),
            token_scopes: Some(claims.scope.clone()),
            grants: principal.grants.clone(),
        }))
    }

    /// The fingerprint's source of a credential, if that is its password.
    fn proven(&self, name: &str, password: &str) -> Result<Digest, Refusal> {
        if password.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Unknown);
        }
        let presented = sha256(password.as_bytes());
        let known = self.passwords.get(name).map(|(digest, _)| *digest);
        let fits = bool::from(known.unwrap_or(self.decoy).ct_eq(&presented));
        known.filter(|_| fits).ok_or(Refusal::Unknown)
    }

    /// The credential that a token stands for, if it is still that credential and not yet the token's end.
    fn credential<'s>(&'s self, claims: &Claims) -> Result<(&'s str, &'s Principal), Refusal> {
        let name = claims.user_name.as_ref().unwrap_or(&claims.client_id);
        let (name, (digest, principal)) = self.passwords.get_key_value(name).ok_or(Refusal::Unknown)?;
        if !bool::from(self.fingerprint(name, digest).as_bytes().ct_eq(claims.rev_sig.as_bytes())) {
            return Err(Refusal::Unknown);
        }
        if claims.exp <= self.now() {
            return Err(Refusal::Expired);
        }
        Ok((name, principal))
    }

    /// What a token says, if we signed it.
    fn own_claims(&self, token: &Jwt<'_>) -> Option<Claims> {
        if !token.is_signed_by(&self.key) {
            return None;
        }
        serde_json::from_value(token.claims()?.into()).ok()
    }

    fn user_claims(&self, request: &TokenRequest, name: &str, digest: Digest) -> Claims {
        let now = self.now();
        let id = derived_id(IDENTITY_SPACE, name).to_string();
        Claims {
            jti: new_id(),
            sub: id.clone(),
            user_id: Some(id),
            user_name: Some(name.to_owned()),
            origin: Some("uaa".to_owned()),
            client_id: request.client.clone(),
            cid: request.client.clone(),
            azp: request.client.clone(),
            grant_type: "password".to_owned(),
            rev_sig: self.fingerprint(name, &digest),
            iat: now,
            exp: now.saturating_add_unsigned(self.access_seconds),
            iss: request.issuer.clone(),
            zid: "uaa".to_owned(),
            aud: request.audiences.clone(),
            scope: request.scopes.clone(),
        }
    }

    fn issued(&self, name: &str, claims: &Claims, refresh_token: Option<String>) -> Issued {
        Issued {
            name: name.to_owned(),
            access_token: self.signed(claims),
            token_id: claims.jti.clone(),
            scopes: claims.scope.clone(),
            expires_in_seconds: self.access_seconds,
            refresh_token,
        }
    }

    fn signed(&self, claims: &Claims) -> String {
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": "annals"}).to_string();
        // Texts and numbers always have a JSON form.
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Tells a credential from what it was before its token was replaced. Under our key, so that it tells nobody
    /// anything of the token.
    fn fingerprint(&self, name: &str, digest: &Digest) -> String {
        let tag = hmac::sign(&self.key, &[b"credential\0", name.as_bytes(), b"\0", digest].concat());
        URL_SAFE_NO_PAD.encode(tag)
    }

    fn now(&self) -> i64 {
        self.clock.now().seconds()
    }
}

fn new_id() -> String {
    mint::hex(&mint::random_bytes::<16>())
}
