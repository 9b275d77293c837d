//! What goes wrong, in the shape of AWS's query protocol: an `ErrorResponse` with a code and a message. It knows no
//! events.
//!
//! Codes and statuses are those of "Common Errors" in AWS's API references, where they have one.

use annals_model::Refusal;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use uuid::Uuid;

use super::{
    signature::{Fault, NO_MATCH},
    xml::Xml,
};
use crate::host::{Body, Failure, Reply};

/// The namespace of every answer.
pub(super) const NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// An answer that is an error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The request names no action.
    pub(super) fn missing_action() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MissingAction", "The request is missing the parameter Action.")
    }

    /// There is no such action in that version of the API.
    pub(super) fn invalid_action(action: &str, version: &str) -> Self {
        let message = format!("Could not find operation {action} for version {version}");
        Self::new(StatusCode::BAD_REQUEST, "InvalidAction", message)
    }

    /// The value of a parameter cannot be used.
    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterValue", message)
    }

    /// Parameters do not go together.
    pub(super) fn combination(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterCombination", message)
    }

    /// The parameters as a whole are malformed.
    pub(super) fn query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidQueryParameter", message)
    }

    /// The request is too long.
    pub(super) fn too_long(bytes_max: usize) -> Self {
        let message = format!("The request has more than {bytes_max} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    /// The path is there, the method is not.
    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Send the request by POST.")
    }

    /// A good signature by somebody who may read nothing.
    pub(super) fn denied(name: &str, action: &str) -> Self {
        let message = format!("User: {name} is not authorized to perform: rds:{action}");
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    /// A signature that could not be judged.
    pub(super) fn unsigned(fault: Fault) -> Self {
        match fault {
            Fault::Missing => Self::new(
                StatusCode::FORBIDDEN,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            Fault::Incomplete(message) => Self::new(StatusCode::BAD_REQUEST, "IncompleteSignature", message),
            Fault::Mismatch(message) => Self::new(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message),
            Fault::Expired(message) => Self::new(StatusCode::BAD_REQUEST, "RequestExpired", message),
            Fault::Temporary => Self::unknown_key(),
        }
    }

    fn unknown_key() -> Self {
        let message = "The security token included in the request is invalid.";
        Self::new(StatusCode::FORBIDDEN, "InvalidClientTokenId", message)
    }

    /// A signature was refused.
    pub(super) fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadSignature => Self::unsigned(Fault::Mismatch(NO_MATCH.to_owned())),
            Refusal::Unknown | Refusal::Expired | Refusal::Unacceptable => Self::unknown_key(),
            Refusal::Unavailable => Self::unavailable(refusal.to_string()),
        }
    }

    fn unavailable(message: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    /// The store gave no answer.
    pub(super) fn failed(failure: &Failure) -> Self {
        match failure {
            Failure::TooLarge(error) => Self::value(error.to_string()),
            Failure::Overloaded => Self::unavailable(failure.to_string()),
            // What is broken is in the server's log under the request's id, which every answer has.
            Failure::Internal(_) => {
                let message =
                    "The request processing has failed because of an unknown error, exception or failure.";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", message)
            }
        }
    }

    /// The answer.
    pub(super) fn reply(&self, request_id: Uuid) -> Reply {
        let whose = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        let mut xml = Xml::default();
        xml.root("ErrorResponse", NAMESPACE, |xml| {
            xml.element("Error", |xml| {
                xml.text("Type", whose);
                xml.text("Code", self.code);
                xml.text("Message", &self.message);
            });
            xml.text("RequestId", &request_id.to_string());
        });
        let mut reply = xml_reply(self.status, xml, request_id);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        reply
    }
}

/// An answer in XML.
pub(super) fn xml_reply(status: StatusCode, xml: Xml, request_id: Uuid) -> Reply {
    let mut reply = Reply::new(Body::from(xml.into_text()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        reply.headers_mut().insert(REQUEST_ID, value);
    }
    reply
}

#[cfg(test)]
mod tests {
    use annals_model::FilterTooLarge;

    use super::*;

    fn shown(problem: &Problem) -> (u16, String) {
        let reply = problem.reply(Uuid::nil());
        assert_eq!(reply.headers()["content-type"], "text/xml");
        assert_eq!(reply.headers()["x-amzn-requestid"], Uuid::nil().to_string().as_str());
        let status = reply.status().as_u16();
        assert_eq!(reply.headers().get("allow").is_some(), status == 405);
        match reply.into_body() {
            Body::Full(bytes) => (status, String::from_utf8(bytes.to_vec()).unwrap()),
            Body::Stream(_) => panic!("errors are short"),
        }
    }

    #[test]
    fn codes_and_statuses_belong_together() {
        let fault = |fault: fn(String) -> Fault| Problem::unsigned(fault("text".into()));
        for (problem, code, status) in [
            (Problem::missing_action(), "MissingAction", 400),
            (Problem::invalid_action("A", "V"), "InvalidAction", 400),
            (Problem::value("x"), "InvalidParameterValue", 400),
            (Problem::combination("x"), "InvalidParameterCombination", 400),
            (Problem::query("x"), "InvalidQueryParameter", 400),
            (Problem::too_long(5), "RequestEntityTooLarge", 413),
            (Problem::method(), "MethodNotAllowed", 405),
            (Problem::denied("n", "a"), "AccessDenied", 403),
            (Problem::unsigned(Fault::Missing), "MissingAuthenticationToken", 403),
            (fault(Fault::Incomplete), "IncompleteSignature", 400),
            (fault(Fault::Mismatch), "SignatureDoesNotMatch", 403),
            (fault(Fault::Expired), "RequestExpired", 400),
            (Problem::unsigned(Fault::Temporary), "InvalidClientTokenId", 403),
            (Problem::refused(Refusal::Unknown), "InvalidClientTokenId", 403),
            (Problem::refused(Refusal::Expired), "InvalidClientTokenId", 403),
            (Problem::refused(Refusal::Unacceptable), "InvalidClientTokenId", 403),
            (Problem::refused(Refusal::BadSignature), "SignatureDoesNotMatch", 403),
            (Problem::refused(Refusal::Unavailable), "ServiceUnavailable", 503),
            (Problem::failed(&Failure::Overloaded), "ServiceUnavailable", 503),
            (Problem::failed(&Failure::TooLarge(FilterTooLarge)), "InvalidParameterValue", 400),
            (Problem::failed(&Failure::Internal("disk sda burns".into())), "InternalFailure", 500),
        ] {
            let (found, body) = shown(&problem);
            let whose = if status < 500 { "Sender" } else { "Receiver" };
            let start = format!(
                r#"<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>{whose}</Type><Code>{code}</Code><Message>"#
            );
            let end = "</Message></Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>";
            assert_eq!(found, status, "{body}");
            assert!(body.starts_with(&start) && body.ends_with(end), "{body}");
            assert!(body.len() > start.len() + end.len(), "there is a message: {body}");
            assert!(!body.contains("sda"), "what is broken is for the log: {body}");
        }
    }
}
