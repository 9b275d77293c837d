//! The rules for claims, after Cloud Foundry's UAA (`uaa_token_decoder.rb` in cloud_controller_ng, `token_coder.rb` in
//! cf-uaa-lib) and RFC 7519, and what a token's claims grant. Signatures were judged before.

use annals_model::{Grant, Principal, Refusal, Role, Timestamp};
use serde_json::{Map, Value};

use super::{Subjects, unacceptable};
use crate::{ConfigError, JwtConfig, config::check_grant};

/// Scopes that let read everything, as in Cloud Foundry.
const SCOPES_OF_GLOBAL_READERS: [&str; 3] =
    ["cloud_controller.admin", "cloud_controller.admin_read_only", "cloud_controller.global_auditor"];
/// How the `jti` of a refresh token ends, which is no credential for an API.
const REFRESH_TOKEN_SUFFIX: &str = "-r";
/// The claim that holds grants.
const GRANTS_CLAIM: &str = "annals_grants";

/// What tokens must say, and what is granted beside what they say.
pub(super) struct Rules {
    /// `None` = not checked.
    issuer: Option<String>,
    /// `None` = not checked.
    audience: Option<String>,
    check_jti: bool,
    subjects: Subjects,
}

impl Rules {
    pub(super) fn new(config: &JwtConfig, subjects: Subjects) -> Result<Self, ConfigError> {
        let wanted = |key: &'static str, value: &Option<String>, check: bool| match value {
            _ if !check => Ok(None),
            Some(text) if !text.is_empty() => Ok(Some(text.clone())),
            _ => Err(JwtConfig::error(key, format!("is missing: name it, or set `check_{key} = false`"))),
        };
        Ok(Self {
            issuer: wanted("issuer", &config.issuer, config.check_issuer)?,
            audience: wanted("audience", &config.audience, config.check_audience)?,
            check_jti: config.check_jti,
            subjects,
        })
    }

    /// Whom a token with these claims stands for at this time.
    pub(super) fn principal(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Principal, Refusal> {
        // A claim of the wrong JSON type is a wrong claim, never an absent one.
        self.check_time(claims, now)?;
        self.check_origin(claims)?;
        let identity = ["user_id", "client_id", "sub"]
            .into_iter()
            .find_map(|claim| text(claims, claim))
            .ok_or_else(|| unacceptable("it has none of `user_id`, `client_id` and `sub`"))?;
        let name = ["user_name", "preferred_username"].into_iter().find_map(|claim| text(claims, claim));
        let scopes = scopes(claims)?;

        let mut grants = Vec::new();
        if scopes.iter().any(|scope| SCOPES_OF_GLOBAL_READERS.contains(&scope.as_str())) {
            grants.push(Grant { role: Role::Reader, organization: None, project: None });
        }
        grants.extend(self.subjects.get(identity).into_iter().flatten().cloned());
        grants.extend(claimed_grants(claims)?);
        Ok(Principal {
            name: name.unwrap_or(identity).to_owned(),
            subject: Some(identity.to_owned()),
            token_scopes: Some(scopes),
            grants,
        })
    }

    /// `exp` and `nbf`, without leeway: who wants some gives the token a later `exp`.
    fn check_time(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<(), Refusal> {
        let expires = claims
            .get("exp")
            .and_then(Value::as_i64)
            .ok_or_else(|| unacceptable("its `exp` is missing or not an integer"))?;
        if expires <= now.seconds() {
            return Err(Refusal::Expired);
        }
        match claims.get("nbf").map(Value::as_i64) {
            None => Ok(()),
            Some(None) => Err(unacceptable("its `nbf` is not an integer")),
            Some(Some(start)) if start > now.seconds() => Err(unacceptable("its `nbf` is in the future")),
            Some(Some(_)) => Ok(()),
        }
    }

    /// `iss`, `aud` and `jti`.
    fn check_origin(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        if let Some(issuer) = &self.issuer
            && text(claims, "iss") != Some(issuer)
        {
            return Err(unacceptable("its `iss` is not the configured `issuer`"));
        }
        if let Some(audience) = &self.audience {
            let meant = match claims.get("aud") {
                Some(Value::String(one)) => {
                    one == audience || one.split_whitespace().any(|word| word == audience)
                }
                Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
                _ => false,
            };
            if !meant {
                return Err(unacceptable("its `aud` does not contain the configured `audience`"));
            }
        }
        if self.check_jti {
            match text(claims, "jti") {
                None => return Err(unacceptable("it has no `jti`")),
                Some(jti) if jti.ends_with(REFRESH_TOKEN_SUFFIX) => {
                    return Err(unacceptable("it is a refresh token"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// A claim that is a text and not empty.
fn text<'c>(claims: &'c Map<String, Value>, claim: &str) -> Option<&'c str> {
    claims.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The scopes: `scope` as UAA and RFC 8693 write it, else `scp` as other issuers do.
fn scopes(claims: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let wrong = || unacceptable("its scopes are neither a text nor a list of texts");
    match claims.get("scope").or_else(|| claims.get("scp")) {
        None => Ok(Vec::new()),
        Some(Value::String(words)) => Ok(words.split_whitespace().map(ToOwned::to_owned).collect()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(ToOwned::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

/// The grants that the issuer put into the token. One that is not understood spoils the token: leaving it out would
/// hide the mistake, and guessing could grant too much.
fn claimed_grants(claims: &Map<String, Value>) -> Result<Vec<Grant>, Refusal> {
    let Some(value) = claims.get(GRANTS_CLAIM) else {
        return Ok(Vec::new());
    };
    let wrong = || unacceptable("its `annals_grants` is not a list of {role, organization, project}");
    let Value::Array(items) = value else {
        return Err(wrong());
    };
    items
        .iter()
        .map(|item| {
            let grant: Grant = serde_json::from_value(item.clone()).map_err(|_| wrong())?;
            check_grant(&grant).map_err(|_| wrong())?;
            Ok(grant)
        })
        .collect()
}
