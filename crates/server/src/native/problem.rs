//! Errors of the native API: RFC 9457 problem details. A dialect's errors are its own business.
//!
//! A [`Problem`] travels as an extension of an empty response; the outermost layer writes it out, because only there
//! the request's identifier is known, and because what goes wrong before a dialect is reached must not be told its
//! clients in a shape they have never seen.

use annals_model::search::SearchError;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::limits::{RETRY_AFTER_OUTAGE_SECONDS, RETRY_AFTER_OVERLOAD_SECONDS};

/// The media type of problem details.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:ident, $slug:literal, $title:literal;)*) => {
        /// What kind of problem: it decides the status, the `type` and the `title`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)* }
            }

            /// The last part of `type`; also the cause in metrics.
            pub(crate) const fn slug(self) -> &'static str {
                match self { $(Self::$kind => $slug,)* }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }
        }
    };
}

kinds! {
    /// A parameter is unknown, repeated or has a value it cannot have.
    BadParameter = BAD_REQUEST, "bad-parameter", "A parameter of the request is wrong";
    /// The body is not what its content type says.
    BadBody = BAD_REQUEST, "bad-body", "The body cannot be read";
    /// A text that is not of the search language.
    BadSearch = BAD_REQUEST, "bad-search", "The search cannot be understood";
    /// A cursor that cannot be used.
    BadCursor = BAD_REQUEST, "bad-cursor", "The cursor cannot be used";
    /// The query asks for more than the server answers at once.
    QueryTooLarge = BAD_REQUEST, "query-too-large", "The query is too large";
    /// No credential, or one that is not good.
    Unauthorized = UNAUTHORIZED, "unauthorized", "A valid credential is needed";
    /// A good credential without the right.
    Forbidden = FORBIDDEN, "forbidden", "The credential does not allow this";
    /// Nothing is there.
    NotFound = NOT_FOUND, "not-found", "There is nothing here";
    /// Something is there, but not for this method.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here";
    /// As many are saved as may be.
    TooManySearches = CONFLICT, "too-many-searches", "No more searches can be saved";
    /// The client took too long.
    RequestTimeout = REQUEST_TIMEOUT, "request-timeout", "The request was not sent in time";
    /// The body is too large.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large";
    /// A content type or encoding that is not understood.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The content type or encoding is not supported";
    /// Too many requests at once.
    Overloaded = TOO_MANY_REQUESTS, "overloaded", "The server has too much to do";
    /// Too many bytes of bodies at once.
    BodiesTooLarge = TOO_MANY_REQUESTS, "memory", "The server has too much to do";
    /// The disk is nearly full.
    DiskLow = SERVICE_UNAVAILABLE, "disk-low", "The server cannot store more";
    /// The store takes no more events.
    StoreStopped = SERVICE_UNAVAILABLE, "store-stopped", "The store takes no events";
    /// A credential cannot be judged now.
    KeyServer = SERVICE_UNAVAILABLE, "key-server", "The credential cannot be checked now";
    /// The server took too long.
    TooSlow = SERVICE_UNAVAILABLE, "too-slow", "The answer took too long";
    /// Something is broken.
    Internal = INTERNAL_SERVER_ERROR, "internal", "The server failed";
}

/// What went wrong with a request.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    /// For the client; never more than it may know.
    pub(crate) detail: String,
    /// `Allow`, `Accept` and the like.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Where in the search, and what may have been meant.
    search: Option<Box<Misunderstood>>,
}

/// Where a search is wrong, and what may have been meant.
#[derive(Debug, Clone)]
struct Misunderstood {
    column: usize,
    length: usize,
    hint: String,
}

/// Problem details (RFC 9457) as they are written.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Written<'p> {
    /// Which kind of problem, as in `urn:annals:problem:bad-parameter`.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words.
    title: &'p str,
    /// The HTTP status.
    status: u16,
    /// What was wrong, where, and what to do.
    detail: &'p str,
    /// The identifier of the request, as in the header `x-request-id` and in the server's log.
    request_id: &'p str,
    /// For `bad-search`: the first character that is wrong, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    column: Option<usize>,
    /// For `bad-search`: how many characters are wrong; 0 where something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    length: Option<usize>,
    /// For `bad-search`: what may have been meant, or what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    hint: Option<&'p str>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), headers: Vec::new(), search: None }
    }

    pub(crate) fn parameter(detail: impl Into<String>) -> Self {
        Self::new(Kind::BadParameter, detail)
    }

    /// A search that was not understood.
    pub(crate) fn search(error: &SearchError) -> Self {
        let (column, length, hint) = (error.column, error.length, error.hint());
        let detail = format!("`search`: {error} (column {column}); {hint}");
        let search = Some(Box::new(Misunderstood { column, length, hint }));
        Self { search, ..Self::new(Kind::BadSearch, detail) }
    }

    /// Something is broken; what, is logged and not told.
    pub(crate) fn internal() -> Self {
        Self::new(Kind::Internal, "something is broken in the server; its log has more under the request id")
    }

    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(Kind::Unauthorized, detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"annals\""))
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Writes it out: as problem details, or for a dialect's clients as one plain line.
    pub(crate) fn write(&self, request_id: &str, plain: bool) -> Response {
        let status = self.kind.status();
        let (media_type, body) = if plain {
            ("text/plain; charset=utf-8", format!("{}: {}\n", self.kind.title(), self.detail).into_bytes())
        } else {
            let written = Written {
                kind: format!("urn:annals:problem:{}", self.kind.slug()),
                title: self.kind.title(),
                status: status.as_u16(),
                detail: &self.detail,
                request_id,
                column: self.search.as_ref().map(|search| search.column),
                length: self.search.as_ref().map(|search| search.length),
                hint: self.search.as_ref().map(|search| search.hint.as_str()),
            };
            // Texts and a number always have a JSON form.
            (MEDIA_TYPE, serde_json::to_vec(&written).unwrap_or_default())
        };
        let mut response = (status, [(header::CONTENT_TYPE, media_type)], body).into_response();
        let retry_after = match self.kind {
            Kind::Overloaded | Kind::BodiesTooLarge => Some(RETRY_AFTER_OVERLOAD_SECONDS),
            Kind::DiskLow | Kind::StoreStopped | Kind::KeyServer | Kind::TooSlow => {
                Some(RETRY_AFTER_OUTAGE_SECONDS)
            }
            _ => None,
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
