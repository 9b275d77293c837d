//! What surrounds a dialect: the request it is handed, the answer it gives, and what it may ask of the server.

use std::sync::Arc;

use annals_model::{
    Event, Field, FilterTooLarge, GroupCount, Issued, Page, Presented, Principal, Query, Refusal, Scope,
    Timestamp, TokenRequest,
};
use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use uuid::Uuid;

/// A request that a dialect answers: a method and a path in which `{name}` stands for one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path, as in `/v2/events/{guid}`.
    pub path: &'static str,
}

/// The methods dialects use; `HEAD` is answered wherever `GET` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Route {
    /// A `GET` of that path.
    pub const fn get(path: &'static str) -> Self {
        Self { verb: Verb::Get, path }
    }

    /// A `POST` to that path.
    pub const fn post(path: &'static str) -> Self {
        Self { verb: Verb::Post, path }
    }
}

/// A request.
pub struct Call {
    /// The route that fits; `None` when the path lies under one of the dialect's prefixes but no route fits.
    pub route: Option<Route>,
    /// The method as sent.
    pub method: Method,
    /// The path as sent, percent-encoded, without the query.
    pub path: String,
    /// The values of the route's `{name}`s, percent-decoded, in the order of the path.
    pub parameters: Vec<String>,
    /// The query string as sent, without the `?`; empty when there is none.
    pub query: String,
    /// The headers as sent.
    pub headers: HeaderMap,
    /// The body as sent, within the server's limit and decompressed.
    pub body: Bytes,
    /// The server's own address as its clients see it, without a final slash, as in `https://events.example.org`.
    pub base_url: String,
    /// The identifier of this request (a UUID), as the server logs it.
    pub request_id: Uuid,
    /// What the dialect may ask of the server.
    pub host: Arc<dyn Host>,
}

impl Call {
    /// A header's value, when it is there once or more and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The query string decoded as a form: `+` is a space, `%XX` a byte; bytes that are not UTF-8 become U+FFFD.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }
}

/// An answer.
pub type Reply = http::Response<Body>;

/// The body of an answer.
pub enum Body {
    /// All of it.
    Full(Bytes),
    /// Piece by piece, for answers of any size in constant memory.
    Stream(BoxStream<'static, Result<Bytes, Failure>>),
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Full(bytes.into())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Full(text.into())
    }
}

/// An answer in JSON.
pub(crate) fn json_reply(status: StatusCode, body: Body) -> Reply {
    let mut reply = Reply::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// Why the store gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The filter is too large.
    #[error(transparent)]
    TooLarge(#[from] FilterTooLarge),
    /// The server has too much to do; asking again later helps.
    #[error("the server is overloaded, try again later")]
    Overloaded,
    /// Something is broken. The text is for the log; the client is told the request id.
    #[error("{0}")]
    Internal(String),
}

/// What a dialect may ask of the server it runs in.
pub trait Host: Send + Sync + 'static {
    /// Judges a credential.
    fn authenticate(&self, presented: Presented) -> BoxFuture<'_, Result<Principal, Refusal>>;

    /// Makes a token for a caller that logs in. A host that has none to give refuses.
    fn issue(&self, request: TokenRequest) -> BoxFuture<'_, Result<Issued, Refusal>> {
        drop(request);
        Box::pin(async { Err(Refusal::Unavailable) })
    }

    /// Answers a query.
    fn page(&self, query: Query) -> BoxFuture<'_, Result<Page, Failure>>;

    /// The event of that id within a scope.
    fn event(&self, scope: Scope, id: Uuid) -> BoxFuture<'_, Result<Option<Arc<Event>>, Failure>>;

    /// Whether an event of that id is stored at all, for platforms that tell "forbidden" from "not found".
    fn exists(&self, id: Uuid) -> BoxFuture<'_, Result<bool, Failure>>;

    /// How often each value of a field occurs among the events a query selects, the most frequent first, ties by
    /// value; at most `limit` values. Order, start and limit of the query do not matter.
    fn group(
        &self,
        query: Query,
        field: Field,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<GroupCount>, Failure>>;

    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// What an import says beside the events.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// The tenant of events whose shape names none.
    pub organization: Option<String>,
    /// The installation they come from, as in `eu10`: their source becomes `cloudfoundry/eu10`.
    pub installation: Option<String>,
}

impl Import {
    /// The source of the imported events: the dialect's name, with the installation where there is one.
    pub fn source(&self, dialect: &str) -> String {
        match &self.installation {
            Some(installation) => format!("{dialect}/{installation}"),
            None => dialect.to_owned(),
        }
    }
}
