//! What goes wrong, and how each generation of Cloud Foundry's API says it: status, code, name, text, body.
//!
//! The numbers and texts are those of cloud_controller_ng's `errors/v2.yml`. It must know nothing of what went wrong
//! inside: a client is told no more than this.

use std::borrow::Cow;

use annals_model::Refusal;
use http::StatusCode;
use serde::Serialize;

use crate::host::Failure;

/// Something that ends a request without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// No credential was presented.
    NotAuthenticated,
    /// A credential that is no good.
    InvalidToken,
    /// A credential that nobody can judge at the moment.
    TokenServerUnavailable,
    /// A token without a scope that allows to read.
    InsufficientScope,
    /// Something that is there, but not for this caller.
    NotAuthorized,
    /// No such event, in v2's words.
    EventNotFound(String),
    /// No such event, in v3's words.
    ResourceNotFound,
    /// No such space.
    SpaceNotFound(String),
    /// A parameter that cannot be followed: what is wrong with it.
    BadQuery(String),
    /// An order that does not exist.
    OrderBy(String),
    /// No such path.
    UnknownRequest,
    /// The server has too much to do.
    Overloaded,
    /// The store gave no answer.
    Database,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unavailable => Self::TokenServerUnavailable,
            Refusal::Unknown | Refusal::Expired | Refusal::BadSignature | Refusal::Unacceptable => {
                Self::InvalidToken
            }
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooLarge(error) => Self::BadQuery(error.to_string()),
            Failure::Overloaded => Self::Overloaded,
            Failure::Internal(_) => Self::Database,
        }
    }
}

/// Which generation of the API is spoken; their bodies differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// `/v2`, and everything that is not `/v3`.
    V2,
    /// `/v3`.
    V3,
}

impl Generation {
    /// The generation that a path belongs to.
    pub(super) fn of_path(path: &str) -> Self {
        if path == "/v3" || path.starts_with("/v3/") { Self::V3 } else { Self::V2 }
    }
}

struct Facts<'p> {
    status: StatusCode,
    code: u32,
    name: &'static str,
    text: Cow<'p, str>,
}

#[derive(Serialize)]
struct V2Body<'p> {
    description: &'p str,
    error_code: &'p str,
    code: u32,
}

#[derive(Serialize)]
struct V3Body<'p> {
    errors: [V3Error<'p>; 1],
}

#[derive(Serialize)]
struct V3Error<'p> {
    detail: &'p str,
    title: &'p str,
    code: u32,
}

impl Problem {
    fn facts(&self) -> Facts<'_> {
        let (status, code, name, text): (StatusCode, u32, &'static str, Cow<'_, str>) = match self {
            Self::NotAuthenticated => {
                (StatusCode::UNAUTHORIZED, 10002, "CF-NotAuthenticated", "Authentication error".into())
            }
            Self::InvalidToken => {
                (StatusCode::UNAUTHORIZED, 1000, "CF-InvalidAuthToken", "Invalid Auth Token".into())
            }
            Self::TokenServerUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                20004,
                "CF-UaaUnavailable",
                "The UAA service is currently unavailable".into(),
            ),
            Self::InsufficientScope => (
                StatusCode::FORBIDDEN,
                10007,
                "CF-InsufficientScope",
                "Your token lacks the necessary scopes to access this resource.".into(),
            ),
            Self::NotAuthorized => (
                StatusCode::FORBIDDEN,
                10003,
                "CF-NotAuthorized",
                "You are not authorized to perform the requested action".into(),
            ),
            Self::EventNotFound(guid) => (
                StatusCode::NOT_FOUND,
                230_002,
                "CF-EventNotFound",
                format!("Event could not be found: {guid}").into(),
            ),
            Self::ResourceNotFound => {
                (StatusCode::NOT_FOUND, 10010, "CF-ResourceNotFound", "Event not found".into())
            }
            Self::SpaceNotFound(guid) => (
                StatusCode::NOT_FOUND,
                40004,
                "CF-SpaceNotFound",
                format!("The app space could not be found: {guid}").into(),
            ),
            Self::BadQuery(what) => (
                StatusCode::BAD_REQUEST,
                10005,
                "CF-BadQueryParameter",
                format!("The query parameter is invalid: {what}").into(),
            ),
            Self::OrderBy(what) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                10012,
                "CF-OrderByParameterInvalid",
                format!("Cannot order by: {what}").into(),
            ),
            Self::UnknownRequest => (StatusCode::NOT_FOUND, 10000, "CF-NotFound", "Unknown request".into()),
            Self::Overloaded => {
                (StatusCode::TOO_MANY_REQUESTS, 10013, "CF-RateLimitExceeded", "Rate Limit Exceeded".into())
            }
            Self::Database => {
                (StatusCode::INTERNAL_SERVER_ERROR, 10011, "CF-DatabaseError", "Database error".into())
            }
        };
        Facts { status, code, name, text }
    }

    /// Status and body in a generation's shape.
    pub(super) fn told_in(&self, generation: Generation) -> (StatusCode, String) {
        let Facts { status, code, name, text } = match (self, generation) {
            // v3 does not tell a missing scope from a missing role.
            (Self::InsufficientScope, Generation::V3) => Self::NotAuthorized.facts(),
            _ => self.facts(),
        };
        // Serialising texts and numbers cannot fail.
        let body = match generation {
            Generation::V2 => {
                let mut body = serde_json::to_string(&V2Body { description: &text, error_code: name, code })
                    .unwrap_or_default();
                // Every v2 error ends its line but the one for paths that nothing serves.
                if *self != Self::UnknownRequest {
                    body.push('\n');
                }
                body
            }
            Generation::V3 => {
                let error = V3Error { detail: &text, title: name, code };
                serde_json::to_string(&V3Body { errors: [error] }).unwrap_or_default()
            }
        };
        (status, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_spelled_as_the_platform_does() {
        let (status, body) = Problem::BadQuery("guid".into()).told_in(Generation::V2);
        assert_eq!(status, 400);
        assert_eq!(
            body,
            "{\"description\":\"The query parameter is invalid: guid\",\"error_code\":\"CF-BadQueryParameter\",\"code\":10005}\n"
        );
        let (status, body) = Problem::ResourceNotFound.told_in(Generation::V3);
        assert_eq!(status, 404);
        assert_eq!(
            body,
            r#"{"errors":[{"detail":"Event not found","title":"CF-ResourceNotFound","code":10010}]}"#
        );
        let (_, body) = Problem::UnknownRequest.told_in(Generation::V2);
        assert_eq!(body, r#"{"description":"Unknown request","error_code":"CF-NotFound","code":10000}"#);
    }

    #[test]
    fn v3_says_not_authorized_for_a_missing_scope() {
        let (status, body) = Problem::InsufficientScope.told_in(Generation::V3);
        assert_eq!(status, 403);
        assert!(body.contains("CF-NotAuthorized") && body.contains("10003"));
    }

    #[test]
    fn the_inside_is_not_told() {
        let problem = Problem::from(Failure::Internal("/var/lib/annals/x: checksum".into()));
        assert!(!problem.told_in(Generation::V2).1.contains("checksum"));
    }
}
