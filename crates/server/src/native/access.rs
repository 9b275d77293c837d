//! Who calls the native API, and what the answer is to those who may not.

use std::sync::Arc;

use annals_model::{Presented, Principal, Refusal, Role};
use http::{HeaderMap, HeaderName, header};

use crate::{
    app::App,
    native::problem::{Kind, Problem},
    observe::trail::Trail,
};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// The schemes of `Authorization` that carry a token.
const SCHEMES: [&str; 2] = ["bearer", "token"];

/// Finds out who calls.
///
/// # Errors
/// 401 when no good credential is there, 503 when it cannot be judged.
pub(crate) async fn caller(app: &App, trail: &Arc<Trail>, headers: &HeaderMap) -> Result<Principal, Problem> {
    let Some(token) = token(headers) else {
        return Err(Problem::unauthorized(
            "send a token as `Authorization: Bearer …`, `Authorization: Token …`, `x-api-key` or `X-Auth-Token`",
        ));
    };
    let principal =
        app.authenticator.authenticate(&Presented::Token(token)).await.map_err(|refusal| match refusal {
            Refusal::Unavailable => Problem::new(Kind::KeyServer, refusal.to_string()),
            _ => Problem::unauthorized(refusal.to_string()),
        })?;
    trail.set_principal(&principal.name);
    Ok(principal)
}

/// Finds out who calls, and refuses those who have a role over nothing.
///
/// # Errors
/// As [`caller`], and 403.
pub(crate) async fn caller_with(
    app: &App,
    trail: &Arc<Trail>,
    headers: &HeaderMap,
    role: Role,
) -> Result<Principal, Problem> {
    let principal = caller(app, trail, headers).await?;
    if principal.has(role) {
        return Ok(principal);
    }
    let what = match role {
        Role::Reader => "read events",
        Role::Writer => "record events",
        Role::Admin => "administer the server",
    };
    Err(Problem::new(Kind::Forbidden, format!("this credential is not allowed to {what}")))
}

/// The token a request carries: the first of the headers that is there.
pub(crate) fn token(headers: &HeaderMap) -> Option<String> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let is_known = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        return is_known.then(|| token.trim().to_owned());
    }
    let value = headers.get(API_KEY).or_else(|| headers.get(AUTH_TOKEN))?;
    value.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn found(headers: &[(HeaderName, &'static str)]) -> Option<String> {
        token(&headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect())
    }

    #[test]
    fn finds_the_token() {
        for (name, value) in [
            (header::AUTHORIZATION, "Bearer t"),
            (header::AUTHORIZATION, "bearer  t"),
            (header::AUTHORIZATION, "Token t"),
            (API_KEY, "t"),
            (AUTH_TOKEN, "t"),
        ] {
            assert_eq!(found(&[(name.clone(), value)]).as_deref(), Some("t"), "{name}: {value}");
        }
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[(header::AUTHORIZATION, "Basic t")]), None);
        assert_eq!(found(&[(header::AUTHORIZATION, "t")]), None);
        // A credential that cannot be used is not made up for by another one.
        assert_eq!(found(&[(header::AUTHORIZATION, "Basic t"), (API_KEY, "u")]), None);
    }
}
