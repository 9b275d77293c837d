//! What every answer carries beside its body: content type, request id, the caller's identity.
//!
//! It must know nothing of what is asked or answered.

use annals_model::Principal;
use http::{HeaderValue, Response, StatusCode, header};

use super::errors::{Generation, Problem};
use crate::host::{Body, Call, Reply};

/// Characters of a client's own request id that are repeated (cloud_controller_ng, `vcap_request_context_setter`).
const REQUEST_ID_CHARACTERS_MAX: usize = 255;
/// Seconds after which a client that was turned away may try again.
const RETRY_AFTER_SECONDS: u16 = 1;

/// The headers of one answer.
pub(super) struct Envelope {
    generation: Generation,
    request_id: String,
    user: Option<String>,
}

impl Envelope {
    /// For the answer to this call, before anybody is known.
    pub(super) fn of(call: &Call) -> Self {
        let sent = call.header("x-vcap-request-id").or_else(|| call.header("x-request-id"));
        Self {
            generation: Generation::of_path(&call.path),
            request_id: request_id(sent, &call.request_id.to_string()),
            user: None,
        }
    }

    /// For a caller who is known now.
    pub(super) fn name(&mut self, principal: &Principal) {
        self.user = Some(principal.subject.clone().unwrap_or_else(|| principal.name.clone()));
    }

    /// A body that answers the request.
    pub(super) fn answer(&self, body: impl Into<Body>) -> Reply {
        self.reply(StatusCode::OK, body.into())
    }

    /// An answer that says what is wrong.
    pub(super) fn refuse(&self, problem: &Problem) -> Reply {
        let (status, body) = problem.told_in(self.generation);
        let mut reply = self.reply(status, body.into());
        if *problem == Problem::Overloaded {
            reply.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        reply
    }

    fn reply(&self, status: StatusCode, body: Body) -> Reply {
        let mut reply = Response::new(body);
        *reply.status_mut() = status;
        let headers = reply.headers_mut();
        let content_type = match self.generation {
            Generation::V2 => "application/json;charset=utf-8",
            Generation::V3 => "application/json; charset=utf-8",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            headers.insert("x-vcap-request-id", id);
        }
        // A name that a header cannot carry is left out rather than bent into another one.
        if let Some(user) = self.user.as_deref().and_then(|user| HeaderValue::from_str(user).ok()) {
            headers.insert("x-user-guid", user);
        }
        reply
    }
}

/// The request's own id, behind what is usable of the one the client sent.
fn request_id(sent: Option<&str>, own: &str) -> String {
    let usable: String = sent
        .unwrap_or_default()
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
        .take(REQUEST_ID_CHARACTERS_MAX)
        .collect();
    if usable.is_empty() { own.to_owned() } else { format!("{usable}::{own}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_request_id_is_repeated_as_far_as_it_is_usable() {
        assert_eq!(request_id(None, "u"), "u");
        assert_eq!(request_id(Some("a b/c_d-1\u{e9}"), "u"), "abc_d-1::u");
        assert_eq!(request_id(Some("///"), "u"), "u");
        assert_eq!(request_id(Some(&"x".repeat(300)), "u").len(), 255 + 3);
    }
}
