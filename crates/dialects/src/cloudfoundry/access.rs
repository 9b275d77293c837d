//! Who asks: the bearer token of a request, and whether its scopes allow to read.
//!
//! What a caller may see is decided by its grants: a reader of an organization is what Cloud Foundry calls an
//! organization auditor, a reader of a project a space developer or auditor. It must not judge tokens itself.

use annals_model::{Presented, Principal};

use super::errors::Problem;
use crate::host::Call;

const SCHEME: &str = "bearer";

/// Scopes any of which allows to read (Cloud Foundry's documentation, "UAA scopes").
const READING_SCOPES: [&str; 4] = [
    "cloud_controller.admin",
    "cloud_controller.admin_read_only",
    "cloud_controller.global_auditor",
    "cloud_controller.read",
];

/// The caller, when its credential is good. Whether it may read is another question.
pub(super) async fn authenticate(call: &Call) -> Result<Principal, Problem> {
    let header = call.header("authorization").unwrap_or_default();
    if !header.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME)) {
        return Err(Problem::NotAuthenticated);
    }
    let mut words = header.split_ascii_whitespace();
    let (Some(scheme), Some(token), None) = (words.next(), words.next(), words.next()) else {
        return Err(Problem::InvalidToken);
    };
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(Problem::InvalidToken);
    }
    Ok(call.host.authenticate(Presented::Token(token.to_owned())).await?)
}

/// Refuses a token whose scopes do not allow to read. A credential that has no scopes is judged by its grants alone.
pub(super) fn check_scopes(principal: &Principal) -> Result<(), Problem> {
    let Some(scopes) = &principal.token_scopes else { return Ok(()) };
    let reads = scopes.iter().any(|scope| READING_SCOPES.contains(&scope.as_str()));
    if reads { Ok(()) } else { Err(Problem::InsufficientScope) }
}
