//! The client of the native API: requests with a credential, repeated when the server is busy or away.
//!
//! It knows paths only as its callers give them, and neither follows redirects (a credential goes where it was meant
//! to go) nor holds more than one answer in memory.

use std::{fs, io, path::Path, thread, time::Duration};

use serde::Deserialize;
use ureq::{
    Agent, Body,
    http::{Response, StatusCode, Uri, header},
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::{
    connection::{Connection, Environment, Server},
    failure::Failure,
    output,
};

/// How long a connection may take to come about.
const CONNECT_SECONDS_MAX: u64 = 10;
/// How long the server may think before it answers.
const ANSWER_SECONDS_MAX: u64 = 120;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// Bytes of an error answer that are read to find its text.
const ERROR_BYTES_MAX: u64 = 64 << 10;
/// The first wait before a request is repeated; it doubles every time.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// The longest wait before a request is repeated, whatever the server wishes.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// A request body and its headers.
pub(crate) struct Upload<'b> {
    pub(crate) content_type: &'static str,
    /// `Content-Encoding`, where the body is compressed.
    pub(crate) encoding: Option<&'static str>,
    pub(crate) body: &'b [u8],
}

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text)?;
        }
        match self.status {
            StatusCode::UNAUTHORIZED => write!(f, " (give a token with ANNALS_TOKEN, a profile, or --token)"),
            _ => Ok(()),
        }
    }
}

/// Speaks to one server.
pub(crate) struct Client {
    agent: Agent,
    base: String,
    authorization: Option<String>,
    retries: u32,
}

/// What came of opening a stream.
pub(crate) enum Opened<R> {
    Stream(R),
    /// It may work later: why not now, and how long the server asks to wait.
    Again(String, Option<Duration>),
    Refused(Refusal),
}

/// What came of one attempt.
enum Attempt {
    Answered(Response<Body>),
    /// It may work later: why not now, and how long the server asks to wait.
    Again(String, Option<Duration>),
}

impl Client {
    /// A client of the server that flags, the environment and profiles say. Nothing is sent yet.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        Self::of(&connection.resolve(&Environment::OURS)?)
    }

    /// A client of that server.
    pub(crate) fn of(server: &Server) -> Result<Self, Failure> {
        let base = server.url.trim_end_matches('/').to_owned();
        let uri: Uri =
            base.parse().map_err(|error| Failure::Usage(format!("the address `{base}` is none: {error}")))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(Failure::Usage(format!(
                "the address `{base}` must begin with http:// or https:// and name a host"
            )));
        }
        let authorization = server.token.as_ref().map(|token| format!("Bearer {}", token.trim()));
        if authorization.as_ref().is_some_and(|text| text.chars().any(char::is_control) || !text.is_ascii()) {
            return Err(Failure::Usage("the token has characters that no header can carry".to_owned()));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("annals/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS_MAX)))
            .timeout_recv_response(Some(Duration::from_secs(ANSWER_SECONDS_MAX)));
        if is_loopback(&uri) {
            // A proxy for the world outside cannot reach this machine's own addresses.
            config = config.proxy(None);
        }
        if let Some(path) = &server.ca_file {
            config = config.tls_config(TlsConfig::builder().root_certs(trusted(path)?).build());
        }
        Ok(Self { agent: config.build().new_agent(), base, authorization, retries: server.retries })
    }

    /// Gets a path with its query; the whole body of a success.
    pub(crate) fn get(&self, path: &str) -> Result<Result<Vec<u8>, Refusal>, Failure> {
        let url = format!("{}{path}", self.base);
        self.repeat(|| {
            self.authorized(self.agent.get(&url).header(header::ACCEPT, "application/json")).call()
        })
    }

    /// Posts a body to a path; the whole body of a success.
    pub(crate) fn post(&self, path: &str, upload: &Upload<'_>) -> Result<Result<Vec<u8>, Refusal>, Failure> {
        let url = format!("{}{path}", self.base);
        self.repeat(|| {
            let mut request = self.agent.post(&url).header(header::CONTENT_TYPE, upload.content_type);
            if let Some(encoding) = upload.encoding {
                request = request.header(header::CONTENT_ENCODING, encoding);
            }
            self.authorized(request).send(upload.body)
        })
    }

    /// Gets a path with its query; the body of a success as it comes, however long it is, and whether its end can be
    /// told from its breaking off. An attempt is repeated until an answer began.
    pub(crate) fn get_stream(
        &self,
        path: &str,
    ) -> Result<Result<(impl io::Read + use<>, bool), Refusal>, Failure> {
        let url = format!("{}{path}", self.base);
        let send = || self.authorized(self.agent.get(&url)).call();
        self.repeat_until(send, |response| {
            if !response.status().is_success() {
                return Ok(Err(refusal(response)));
            }
            let has = |name| response.headers().contains_key(name);
            let has_end = has(header::CONTENT_LENGTH) || has(header::TRANSFER_ENCODING);
            Ok(Ok((response.into_body().into_reader(), has_end)))
        })
    }

    /// Opens a stream of server-sent events behind the message with that id: one attempt, and what may be tried again is
    /// told apart from what may not.
    pub(crate) fn open_stream(
        &self,
        path: &str,
        last_id: Option<&str>,
    ) -> Result<Opened<impl io::Read + use<>>, Failure> {
        let url = format!("{}{path}", self.base);
        let send = || {
            let mut request = self.agent.get(&url).header(header::ACCEPT, "text/event-stream");
            if let Some(id) = last_id {
                request = request.header("last-event-id", id);
            }
            self.authorized(request).call()
        };
        Ok(match self.attempt(send)? {
            Attempt::Answered(response) if response.status().is_success() => {
                Opened::Stream(response.into_body().into_reader())
            }
            Attempt::Answered(response) => Opened::Refused(refusal(response)),
            Attempt::Again(why, asked) => Opened::Again(why, asked),
        })
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header(header::AUTHORIZATION, authorization),
            None => request,
        }
    }

    /// The address of the server, as given.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Posts JSON to a path; the body of a success as it comes, however long it is. An attempt is repeated until an
    /// answer began.
    pub(crate) fn post_for_stream(
        &self,
        path: &str,
        body: &[u8],
    ) -> Result<Result<impl io::Read + use<>, Refusal>, Failure> {
        let url = format!("{}{path}", self.base);
        let send = || {
            self.authorized(self.agent.post(&url).header(header::CONTENT_TYPE, "application/json")).send(body)
        };
        self.repeat_until(send, |response| {
            Ok(if response.status().is_success() {
                Ok(response.into_body().into_reader())
            } else {
                Err(refusal(response))
            })
        })
    }

    fn repeat(
        &self,
        send: impl Fn() -> Result<Response<Body>, ureq::Error>,
    ) -> Result<Result<Vec<u8>, Refusal>, Failure> {
        self.repeat_until(send, read)
    }

    fn repeat_until<T>(
        &self,
        send: impl Fn() -> Result<Response<Body>, ureq::Error>,
        take: impl Fn(Response<Body>) -> Result<Result<T, Refusal>, ureq::Error>,
    ) -> Result<Result<T, Refusal>, Failure> {
        let mut backoff = BACKOFF_FIRST;
        for repetition in 0..=self.retries {
            let (why, asked) = match self.attempt(&send)? {
                Attempt::Answered(response) => match take(response) {
                    Ok(outcome) => return Ok(outcome),
                    Err(error) => (format!("the answer broke off: {error}"), None),
                },
                Attempt::Again(why, asked) => (why, asked),
            };
            if repetition == self.retries {
                let times = if repetition == 0 {
                    String::new()
                } else {
                    format!(" (tried {} times)", repetition + 1)
                };
                return Err(Failure::Unreachable(format!("{}: {why}{times}", self.base)));
            }
            let wait = asked.unwrap_or(backoff).min(BACKOFF_MAX);
            output::note(&format!("{}: {why}; trying again in {} s", self.base, wait.as_secs_f32()));
            thread::sleep(wait);
            backoff = backoff.saturating_mul(2);
        }
        // The loop runs at least once and its last turn returns.
        Err(Failure::Unreachable(format!("{}: no answer", self.base)))
    }

    fn attempt(&self, send: impl Fn() -> Result<Response<Body>, ureq::Error>) -> Result<Attempt, Failure> {
        match send() {
            Ok(response) if is_momentary(response.status()) => {
                let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
                let asked = asked.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
                let refusal = refusal(response);
                Ok(Attempt::Again(refusal.to_string(), asked))
            }
            Ok(response) => Ok(Attempt::Answered(response)),
            Err(
                error @ (ureq::Error::Io(_)
                | ureq::Error::Timeout(_)
                | ureq::Error::HostNotFound
                | ureq::Error::ConnectionFailed
                | ureq::Error::Protocol(_)),
            ) => Ok(Attempt::Again(error.to_string(), None)),
            Err(error) => Err(Failure::Unreachable(format!("{}: {error}", self.base))),
        }
    }
}

/// Whether waiting is what the answer asks for.
fn is_momentary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn trusted(path: &Path) -> Result<RootCerts, Failure> {
    let bad = |why: String| Failure::Refused(format!("--ca-file {}: {why}", path.display()));
    let pem = fs::read(path).map_err(|error| bad(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| bad(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(bad("holds no certificate in PEM form".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

fn read(response: Response<Body>) -> Result<Result<Vec<u8>, Refusal>, ureq::Error> {
    if !response.status().is_success() {
        return Ok(Err(refusal(response)));
    }
    response.into_body().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map(Ok)
}

/// The problem document of an error (RFC 9457), or as much of the body as can be shown.
#[derive(Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

fn refusal(response: Response<Body>) -> Refusal {
    let status = response.status();
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    if let Some(location) = location.filter(|_| status.is_redirection()) {
        return Refusal { status, text: format!("moved to {location}: give that address with --url") };
    }
    // What cannot be read any more only shortens the message.
    let mut body = Vec::new();
    let _ = io::copy(&mut io::Read::take(response.into_body().into_reader(), ERROR_BYTES_MAX), &mut body);
    Refusal { status, text: error_text(&body) }
}

fn error_text(body: &[u8]) -> String {
    if let Ok(Problem { title, detail }) = serde_json::from_slice(body)
        && let Some(text) = detail.or(title)
    {
        return text;
    }
    String::from_utf8_lossy(body).trim().chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    use super::*;

    fn server(url: &str, token: Option<&str>) -> Server {
        Server { url: url.to_owned(), token: token.map(str::to_owned), ca_file: None, retries: 0 }
    }

    #[test]
    fn wrong_addresses_and_tokens_are_usage_errors() {
        for url in ["", "example.org", "ftp://example.org", "http://", "http://a b"] {
            assert!(matches!(Client::of(&server(url, None)), Err(Failure::Usage(_))), "{url}");
        }
        assert!(matches!(Client::of(&server("http://a", Some("x\ny"))), Err(Failure::Usage(_))));
        assert!(Client::of(&server("http://a/", Some("token\n"))).is_ok());
    }

    #[test]
    fn nobody_there_is_unreachable() {
        // The port was free a moment ago, and nothing listens on it now.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::of(&server(&format!("http://127.0.0.1:{port}"), None)).unwrap();
        assert!(matches!(client.get("/livez"), Err(Failure::Unreachable(_))));
    }

    /// A server that gives these answers, one for each connection.
    fn answering(answers: &'static [&'static str]) -> (String, thread::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            for (served, answer) in answers.iter().enumerate() {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                assert!(stream.read(&mut request).unwrap() > 0, "request {served} is empty");
                stream.write_all(answer.as_bytes()).unwrap();
            }
            answers.len()
        });
        (url, serving)
    }

    #[test]
    fn a_busy_server_is_asked_again() {
        let (url, serving) = answering(&[
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\nretry-after: 0\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        ]);
        let client = Client::of(&Server { retries: 2, ..server(&url, None) }).unwrap();
        assert_eq!(client.get("/").unwrap().unwrap(), b"ok");
        assert_eq!(serving.join().unwrap(), 3);
    }

    #[test]
    fn patience_and_redirects_end() {
        let (url, serving) = answering(&[
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 301 Moved\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ]);
        let client = Client::of(&server(&url, Some("secret"))).unwrap();
        let error = client.get("/").unwrap_err();
        assert!(matches!(&error, Failure::Unreachable(text) if text.contains("429")), "{error}");
        let refusal = client.get("/").unwrap().unwrap_err();
        assert!(refusal.to_string().contains("moved to http://elsewhere/"), "{refusal}");
        assert_eq!(serving.join().unwrap(), 2);
    }

    #[test]
    fn finds_the_text_of_an_error() {
        assert_eq!(
            error_text(br#"{"title":"Bad Request","detail":"`from` is wrong","status":400}"#),
            "`from` is wrong"
        );
        assert_eq!(error_text(br#"{"title":"Not Found"}"#), "Not Found");
        assert_eq!(error_text(b" plain \n"), "plain");
        assert_eq!(error_text(&b"x".repeat(1_000)).len(), 500);
    }

    #[test]
    fn loopback_is_told_from_the_world() {
        for (url, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.org", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
