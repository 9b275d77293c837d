//! What goes wrong, in the shape Rafay's gateway gives it: grpc-gateway's `{"code","message","details":[]}`, where
//! `code` is a gRPC code. It knows no events.

use annals_model::{Json, Refusal};
use http::StatusCode;
use uuid::Uuid;

use crate::{
    host::{Failure, Reply, json_reply},
    object::Members,
};

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// The gRPC code that belongs to the status (grpc-gateway's `HTTPStatusFromCode`).
    code: i64,
    message: String,
}

impl Problem {
    /// A parameter is missing or cannot be read.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: 3, message: message.into() }
    }

    /// No key, or one that nobody has.
    pub(super) fn unauthenticated() -> Self {
        let message = "the x-api-key header is missing or holds no valid API key".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, code: 16, message }
    }

    /// A key that may not read all of the partner's events.
    pub(super) fn forbidden() -> Self {
        let message = "the API key may not read the events of all of the partner's organizations".to_owned();
        Self { status: StatusCode::FORBIDDEN, code: 7, message }
    }

    /// Nothing is there.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: 5, message: message.into() }
    }

    /// The path is there, the method is not; the gateway answers that as "unimplemented".
    pub(super) fn method() -> Self {
        Self { status: StatusCode::NOT_IMPLEMENTED, code: 12, message: "Method Not Allowed".to_owned() }
    }

    /// A credential was refused.
    pub(super) fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unavailable => {
                Self { status: StatusCode::SERVICE_UNAVAILABLE, code: 14, message: refusal.to_string() }
            }
            _ => Self::unauthenticated(),
        }
    }

    /// The store gave no answer.
    pub(super) fn failed(failure: &Failure, request_id: Uuid) -> Self {
        match failure {
            Failure::TooLarge(error) => Self::invalid(error.to_string()),
            Failure::Overloaded => {
                Self { status: StatusCode::SERVICE_UNAVAILABLE, code: 14, message: failure.to_string() }
            }
            Failure::Internal(_) => {
                let message = format!("internal error, the log has more under request {request_id}");
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: 13, message }
            }
        }
    }

    /// The answer.
    pub(super) fn reply(&self) -> Reply {
        let mut members = Members::default();
        members.set_integer("code", self.code);
        members.set_text("message", &self.message);
        members.set("details", Json::from_stored("[]"));
        let mut body = Vec::new();
        members.write(&mut body);
        json_reply(self.status, body.into())
    }
}

#[cfg(test)]
mod tests {
    use annals_model::FilterTooLarge;

    use super::*;
    use crate::host::Body;

    fn shown(problem: &Problem) -> (u16, String) {
        let reply = problem.reply();
        let status = reply.status().as_u16();
        assert_eq!(reply.headers()["content-type"], "application/json");
        match reply.into_body() {
            Body::Full(bytes) => (status, String::from_utf8(bytes.to_vec()).unwrap()),
            Body::Stream(_) => panic!("errors are short"),
        }
    }

    #[test]
    fn statuses_and_codes_belong_together() {
        let internal = Failure::Internal("disk /dev/sda burns".into());
        let too_large = Failure::TooLarge(FilterTooLarge);
        let cases = [
            (Problem::invalid("x"), 400, 3),
            (Problem::unauthenticated(), 401, 16),
            (Problem::refused(Refusal::Expired), 401, 16),
            (Problem::refused(Refusal::Unavailable), 503, 14),
            (Problem::forbidden(), 403, 7),
            (Problem::not_found("x"), 404, 5),
            (Problem::method(), 501, 12),
            (Problem::failed(&too_large, Uuid::nil()), 400, 3),
            (Problem::failed(&Failure::Overloaded, Uuid::nil()), 503, 14),
            (Problem::failed(&internal, Uuid::nil()), 500, 13),
        ];
        for (problem, status, code) in cases {
            let (found, body) = shown(&problem);
            let json: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!((found, json["code"].as_i64()), (status, Some(code)), "{body}");
            assert_eq!(json["details"], serde_json::json!([]));
            assert!(json["message"].as_str().is_some_and(|text| !text.is_empty()));
            assert!(!body.contains("sda"), "what is broken is for the log: {body}");
        }
        assert_eq!(shown(&Problem::invalid("\"")).1, r#"{"code":3,"message":"\"","details":[]}"#);
    }
}
