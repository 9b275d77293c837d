//! The one place where principals come from. It decides which kind of credential was presented and who judges it.

use std::{collections::HashMap, sync::Arc};

use annals_model::{Clock, Issued, Presented, Principal, Refusal, TokenRequest};

use crate::{
    ConfigError, CredentialConfig, JwtConfig, TOKEN_BYTES_MAX,
    config::Proof,
    jwt::{Jwt, JwtJudge, Subjects},
    keystone::{Keystone, KeystoneConfig},
    own_tokens::{LoginConfig, OwnTokens, Passwords},
    signing_keys::SigningKeys,
    static_tokens::{self, StaticTokens},
};

/// Judges what callers present, by the configured credentials. Cheap to share behind an `Arc`.
pub struct Authenticator {
    tokens: StaticTokens,
    keys: SigningKeys,
    jwt: Option<JwtJudge>,
    keystone: Option<Keystone>,
    own: OwnTokens,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Takes the configured credentials. Reads `public_key_file`; asks no server yet.
    ///
    /// # Errors
    /// When a credential is incomplete or contradictory, when two share a name, a token, a key or a subject, or when the
    /// keys of `[jwt]` cannot be used. The error names the credential and the key, never a secret.
    pub fn new(
        credentials: &[CredentialConfig],
        jwt: Option<&JwtConfig>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let mut names = HashMap::new();
        let mut tokens = StaticTokens::new();
        let mut keys = SigningKeys::new();
        let mut subjects = Subjects::new();
        let mut passwords = Passwords::new();
        for credential in credentials {
            if names.insert(&credential.name, ()).is_some() {
                return Err(credential.error("name", "is used by another credential too"));
            }
            let principal = Principal {
                name: credential.name.clone(),
                subject: None,
                token_scopes: None,
                grants: credential.grants.clone(),
            };
            let shared = |key, owner: Arc<Principal>| {
                credential.error(key, format!("is the same as that of credential `{}`", owner.name))
            };
            let password = |digest| (credential.name.clone(), (digest, Arc::new(principal.clone())));
            match credential.proof()? {
                Proof::Token(token) => {
                    let digest = static_tokens::sha256(token.expose().as_bytes());
                    passwords.extend([password(digest)]);
                    tokens.insert(digest, principal).map_err(|owner| shared("token", owner))?;
                }
                Proof::TokenDigest(digest) => {
                    passwords.extend([password(digest)]);
                    tokens.insert(digest, principal).map_err(|owner| shared("token_sha256", owner))?;
                }
                Proof::Key { key, secret } => {
                    keys.insert(key, secret, principal).map_err(|owner| shared("key", owner))?;
                }
                Proof::Subject(_) if jwt.is_none() => {
                    return Err(credential.error(
                        "subject",
                        "is an identity inside a JSON Web Token: it needs a `[jwt]` table",
                    ));
                }
                Proof::Subject(subject) => {
                    if subjects.insert(subject.to_owned(), credential.grants.clone()).is_some() {
                        return Err(credential.error("subject", "is the same as that of another credential"));
                    }
                }
            }
        }
        let jwt = jwt.map(|config| JwtJudge::new(config, subjects, Arc::clone(&clock))).transpose()?;
        let own = OwnTokens::new(&LoginConfig::default(), passwords, Arc::clone(&clock))?;
        Ok(Self { tokens, keys, jwt, keystone: None, own, clock })
    }

    /// Has Keystone asked about tokens that are presented as its own. Asks it nothing yet.
    ///
    /// # Errors
    /// When what `[keystone]` says cannot be. The error names the key, never a secret.
    pub fn with_keystone(mut self, keystone: Option<&KeystoneConfig>) -> Result<Self, ConfigError> {
        let clock = || Arc::clone(&self.clock);
        self.keystone = keystone.map(|config| Keystone::new(config, clock())).transpose()?;
        Ok(self)
    }

    /// Makes tokens of our own as `[login]` says; without it, under a random secret.
    ///
    /// # Errors
    /// When what `[login]` says cannot be. The error names the key, never a secret.
    pub fn with_login(mut self, login: Option<&LoginConfig>) -> Result<Self, ConfigError> {
        if let Some(config) = login {
            self.own = self.own.configured(config)?;
        }
        Ok(self)
    }

    /// Makes a token of our own for the owner of a static token, or by a refresh token.
    ///
    /// # Errors
    /// When the name, the password or the refresh token is not good.
    pub fn issue(&self, request: &TokenRequest) -> Result<Issued, Refusal> {
        self.own.issue(request)
    }

    /// Whose credential this is and what it allows.
    ///
    /// A token is looked for among the static tokens first; if it is not one of them and has the shape of a JSON Web
    /// Token, it is judged as such: first as one of our own, then as one of `[jwt]`. Keystone is asked only about tokens that are presented as its own and are not among
    /// the static tokens. Only a JSON Web Token with published keys and a token of Keystone's can make this wait, for
    /// the key server or for Keystone, and for no longer than the time either is given.
    ///
    /// # Errors
    /// When the credential is not good, or cannot be judged now.
    pub async fn authenticate(&self, presented: &Presented) -> Result<Principal, Refusal> {
        match presented {
            Presented::Token(token) => self.judge_token(token).await,
            Presented::KeystoneToken(token) => self.judge_keystone_token(token).await,
            Presented::Signature { key, secret_prefix, derivation, message, signature } => {
                self.keys.verify(key, secret_prefix, derivation, message, signature).cloned()
            }
        }
    }

    /// Whether there is no credential that could be good.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.keys.is_empty() && self.jwt.is_none() && self.keystone.is_none()
    }

    async fn judge_token(&self, token: &str) -> Result<Principal, Refusal> {
        if let Some(principal) = self.static_token(token)? {
            return Ok(principal.clone());
        }
        let token = Jwt::parse(token).ok_or(Refusal::Unknown)?;
        if let Some(verdict) = self.own.judge(&token) {
            return verdict;
        }
        self.jwt.as_ref().ok_or(Refusal::Unknown)?.judge(&token).await
    }

    async fn judge_keystone_token(&self, token: &str) -> Result<Principal, Refusal> {
        if let Some(principal) = self.static_token(token)? {
            return Ok(principal.clone());
        }
        self.keystone.as_ref().ok_or(Refusal::Unknown)?.judge(token).await
    }

    /// Whose static token this is, if it is one.
    fn static_token(&self, token: &str) -> Result<Option<&Principal>, Refusal> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Unknown);
        }
        Ok(self.tokens.find(token))
    }
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}
