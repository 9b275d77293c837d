//! Requests of a dialect: whatever comes in, an answer goes out, in time, well-formed, and not an error of the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use annals_dialects::{
    Dialect, Host,
    testing::{Answer, send},
};
use http::{Method, header};

use crate::{
    host::{self, FuzzHost},
    message::Message,
};

/// How long an answer may take, on a slow and busy machine and without optimisation.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// Errors of the server that a platform itself gives for what a client sent, and what marks their bodies:
/// cloud_controller_ng's `errors/v2.yml`, grpc-gateway's `runtime/errors.go`.
const DOCUMENTED_ERRORS: [(&str, u16, &str); 2] =
    [("cloudfoundry", 500, "\"CF-OrderByParameterInvalid\""), ("rafay", 501, "\"Method Not Allowed\"")];

/// Sends requests to one dialect.
pub(crate) struct Requests {
    dialect: Arc<dyn Dialect>,
    host: Arc<FuzzHost>,
}

impl Requests {
    pub(crate) fn new(dialect: Arc<dyn Dialect>) -> Self {
        Self { dialect, host: host::tolerant() }
    }

    pub(crate) fn run(&self, input: &[u8]) {
        if let Some(message) = Message::read(input) {
            ask(&*self.dialect, &message, Arc::clone(&self.host) as Arc<dyn Host>);
        }
    }
}

/// Sends a request and holds the answer to what every answer must be.
pub(crate) fn ask(dialect: &dyn Dialect, message: &Message, host: Arc<dyn Host>) -> Answer {
    let begun = Instant::now();
    let answer = send(dialect, message.call(dialect, host));
    assert!(begun.elapsed() < ANSWER_TIME_MAX, "an answer took {:?}", begun.elapsed());
    let is_documented = |(name, status, mark): &(&str, u16, &str)| {
        *name == dialect.name() && *status == answer.status && text(&answer).contains(mark)
    };
    let is_fine = answer.status < 500 || DOCUMENTED_ERRORS.iter().any(is_documented);
    assert!(is_fine, "{} answered {}: {}", dialect.name(), answer.status, text(&answer));
    let kind = answer.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap());
    let is_empty = answer.body.is_empty();
    match kind.unwrap_or_default().split(';').next().unwrap_or_default().trim() {
        _ if message.method == Method::HEAD && is_empty => {}
        "application/json" | "application/problem+json" => {
            let parsed = serde_json::from_slice::<serde_json::Value>(&answer.body);
            assert!(parsed.is_ok(), "not JSON: {parsed:?}: {}", text(&answer));
        }
        "text/xml" | "application/xml" => {
            let body = std::str::from_utf8(&answer.body).unwrap();
            let parsed = roxmltree::Document::parse(body);
            assert!(parsed.is_ok(), "not XML: {parsed:?}: {body}");
        }
        _ => assert!(kind.is_some() || is_empty, "a body of no type: {}", text(&answer)),
    }
    answer
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use annals_dialects::{Body, Import, Reply, Route, Shown};
    use annals_model::{InvalidEvent, Timestamp};
    use futures_util::{FutureExt, future::BoxFuture};
    use http::Response;

    use super::*;

    /// Answers everything with one status, type and body.
    struct Fixed(u16, &'static str, &'static str);

    impl Dialect for Fixed {
        fn name(&self) -> &'static str {
            "rafay"
        }
        fn routes(&self) -> &'static [Route] {
            const { &[Route::get("/")] }
        }
        fn prefixes(&self) -> &'static [&'static str] {
            &[]
        }
        fn openapi(&self) -> &'static str {
            "{}"
        }
        fn serve(&self, _: annals_dialects::Call) -> BoxFuture<'_, Reply> {
            let reply = Response::builder().status(self.0).header("content-type", self.1);
            async { reply.body(Body::from(self.2.to_owned())).unwrap() }.boxed()
        }
        fn read(
            &self,
            _: &[u8],
            _: &Import,
        ) -> Result<Vec<Result<annals_model::Event, InvalidEvent>>, InvalidEvent> {
            Ok(Vec::new())
        }
        fn show(&self, _: &annals_model::Event, _: &str, _: Timestamp) -> Result<Shown, String> {
            Err("it shows nothing".to_owned())
        }
    }

    #[test]
    fn broken_answers_are_found() {
        for (status, kind, body, holds) in [
            (200, "application/json", "{}", true),
            (200, "application/json; charset=utf-8", "{", false),
            (400, "application/json", "", false),
            (200, "text/xml", "<a>&lt;</a>", true),
            (200, "text/xml", "<a>&</a>", false),
            (200, "text/xml", "<a>\u{1}</a>", false),
            (200, "text/plain", "anything", true),
            (500, "application/json", "{}", false),
            (501, "application/json", "{\"message\": \"Method Not Allowed\"}", true),
            (501, "application/json", "{}", false),
        ] {
            let message = Message::read(b"GET /").unwrap();
            let dialect = Fixed(status, kind, body);
            let asked = || ask(&dialect, &message, host::tolerant() as Arc<dyn Host>);
            let outcome = catch_unwind(AssertUnwindSafe(asked));
            assert_eq!(outcome.is_ok(), holds, "{status} {kind} {body}");
        }
    }
}
