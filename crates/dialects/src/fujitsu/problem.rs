//! What goes wrong, in the shape of OpenStack's database service, whose error names K5's manual has:
//! `{"<name>":{"code","message"}}`. Where Keystone judges tokens, a refused one is told of in the words of the layer
//! that OpenStack's services have before them (keystonemiddleware). It knows no events.

use annals_model::Refusal;
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, WWW_AUTHENTICATE},
};
use uuid::Uuid;

use crate::{
    host::{Failure, Reply, json_reply},
    object::Members,
};

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    name: &'static str,
    title: Option<&'static str>,
    message: String,
    /// Where tokens come from, for the header that says so.
    keystone: Option<HeaderValue>,
}

impl Problem {
    fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, title: None, message: message.into(), keystone: None }
    }

    /// A parameter cannot be read.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "badRequest", message)
    }

    /// No token, or one that nobody has; `keystone` is where tokens come from, if they do.
    pub(super) fn unauthorized(keystone: Option<&str>) -> Self {
        let message = "The request you have made requires authentication.";
        let Some(uri) = keystone else {
            return Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message);
        };
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "error", message);
        problem.title = Some("Unauthorized");
        problem.keystone = HeaderValue::from_str(&format!(r#"Keystone uri="{uri}""#)).ok();
        problem
    }

    /// A good token of another tenant; `tenant` is the token's own where it has one.
    pub(super) fn forbidden(tenant: &str) -> Self {
        let message = format!("User with tenant id {tenant} cannot access this resource.");
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// Nothing is there.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "itemNotFound", "The resource could not be found.")
    }

    /// The path is there, the method is not.
    pub(super) fn method() -> Self {
        let message = "The method is not allowed for this resource: use GET.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "badMethod", message)
    }

    /// A credential was refused.
    pub(super) fn refused(refusal: Refusal, keystone: Option<&str>) -> Self {
        match refusal {
            Refusal::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable", refusal.to_string())
            }
            _ => Self::unauthorized(keystone),
        }
    }

    /// The store gave no answer.
    pub(super) fn failed(failure: &Failure, request_id: Uuid) -> Self {
        match failure {
            Failure::TooLarge(error) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "overLimit", error.to_string())
            }
            Failure::Overloaded => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable", failure.to_string())
            }
            Failure::Internal(_) => {
                let message = format!(
                    "The server has either erred or is incapable of performing the requested operation. (request {request_id})"
                );
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "instanceFault", message)
            }
        }
    }

    /// The answer.
    pub(super) fn reply(&self) -> Reply {
        let mut inner = Members::default();
        inner.set_integer("code", self.status.as_u16().into());
        if let Some(title) = self.title {
            inner.set_text("title", title);
        }
        inner.set_text("message", &self.message);
        let mut outer = Members::default();
        outer.set(self.name, inner.to_json());
        let mut body = Vec::new();
        outer.write(&mut body);
        let mut reply = json_reply(self.status, body.into());
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if let Some(keystone) = self.keystone.clone() {
            reply.headers_mut().insert(WWW_AUTHENTICATE, keystone);
        }
        reply
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
    fn names_and_codes_belong_together() {
        let internal = Failure::Internal("disk /dev/sda burns".into());
        let too_large = Failure::TooLarge(FilterTooLarge);
        let cases = [
            (Problem::bad_request("x"), "badRequest", 400),
            (Problem::unauthorized(None), "unauthorized", 401),
            (Problem::refused(Refusal::Expired, None), "unauthorized", 401),
            (Problem::forbidden("t"), "forbidden", 403),
            (Problem::not_found(), "itemNotFound", 404),
            (Problem::method(), "badMethod", 405),
            (Problem::failed(&too_large, Uuid::nil()), "overLimit", 413),
            (Problem::failed(&internal, Uuid::nil()), "instanceFault", 500),
            (Problem::failed(&Failure::Overloaded, Uuid::nil()), "serviceUnavailable", 503),
            (Problem::refused(Refusal::Unavailable, Some("http://k/v3")), "serviceUnavailable", 503),
        ];
        for (problem, name, code) in cases {
            let (status, body) = shown(&problem);
            let json: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!((status, json[name]["code"].as_u64()), (code, Some(code.into())), "{body}");
            assert!(json[name]["message"].as_str().is_some_and(|text| !text.is_empty()));
            assert!(!body.contains("sda"), "what is broken is for the log: {body}");
        }
        let refused = Problem::refused(Refusal::Unknown, Some("https://keystone.example.org/v3"));
        assert_eq!(
            shown(&refused).1,
            r#"{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication."}}"#
        );
        assert_eq!(
            refused.reply().headers()[WWW_AUTHENTICATE],
            r#"Keystone uri="https://keystone.example.org/v3""#
        );
        let expected =
            r#"{"forbidden":{"code":403,"message":"User with tenant id \"t cannot access this resource."}}"#;
        assert_eq!(shown(&Problem::forbidden("\"t")).1, expected);
    }
}
