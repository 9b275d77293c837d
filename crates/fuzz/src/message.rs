//! Inputs that are HTTP requests, as text: request line, headers, an empty line, the body. What no HTTP server would
//! hand on is no request here either.

use std::sync::Arc;

use annals_dialects::{Call, Dialect, Host, Route, Verb};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

/// Headers that a request may have, as the server limits them.
const HEADERS_MAX: usize = 100;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) method: Method,
    path: String,
    query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Message {
    /// Reads a request; `None` when it is none.
    pub(crate) fn read(input: &[u8]) -> Option<Self> {
        let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => (&input[..at], &input[at + 2..]),
            None => (input, &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let first = lines.next()?;
        let space = first.iter().position(|byte| *byte == b' ')?;
        let method = Method::from_bytes(&first[..space]).ok()?;
        let uri =
            Uri::try_from(first[space..].trim_ascii()).ok().filter(|uri| uri.path().starts_with('/'))?;
        let mut headers = HeaderMap::new();
        for line in lines.filter(|line| !line.is_empty()).take(HEADERS_MAX) {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
        }
        Some(Self {
            method,
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers,
            body: Bytes::copy_from_slice(body),
        })
    }

    /// What a dialect is handed. A path that is none of the dialect's is bent to one, so that no input is wasted.
    pub(crate) fn call(&self, dialect: &dyn Dialect, host: Arc<dyn Host>) -> Call {
        let (route, path) = self.fit(dialect);
        let parameters = route.map(|route| parameters(route.path, &path)).unwrap_or_default();
        Call {
            route: route.filter(|route| self.verb() == Some(route.verb)),
            method: self.method.clone(),
            path,
            parameters,
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            base_url: "http://annals.test".to_owned(),
            request_id: Uuid::from_u128(7),
            host,
        }
    }

    fn verb(&self) -> Option<Verb> {
        match self.method {
            Method::GET | Method::HEAD => Some(Verb::Get),
            Method::POST => Some(Verb::Post),
            _ => None,
        }
    }

    fn fit(&self, dialect: &dyn Dialect) -> (Option<Route>, String) {
        let of_verb = |route: &&&Route| self.verb() == Some(route.verb);
        let fitting: Vec<&Route> =
            dialect.routes().iter().filter(|route| fits(route.path, &self.path)).collect();
        if let Some(route) = fitting.iter().find(of_verb).or(fitting.first()) {
            return (Some(**route), self.path.clone());
        }
        let stem = |prefix: &str| prefix.trim_end_matches('/').to_owned();
        if dialect.prefixes().iter().any(|prefix| self.path.starts_with(&stem(prefix))) {
            return (None, self.path.clone());
        }
        let routes = dialect.routes();
        let Some(route) = routes.get(self.path.len() % routes.len().max(1)) else {
            return (None, self.path.clone());
        };
        let mut given = self.path.split('/').filter(|segment| !segment.is_empty());
        let segments = route.path.split('/').map(|segment| match segment.starts_with('{') {
            true => given.next().unwrap_or("x"),
            false => segment,
        });
        (Some(*route), segments.collect::<Vec<_>>().join("/"))
    }
}

fn fits(route: &str, path: &str) -> bool {
    route.split('/').count() == path.split('/').count()
        && route.split('/').zip(path.split('/')).all(|(wanted, given)| match wanted.starts_with('{') {
            true => !given.is_empty(),
            false => wanted == given,
        })
}

fn parameters(route: &str, path: &str) -> Vec<String> {
    let pairs = route.split('/').zip(path.split('/'));
    let values = pairs.filter(|(name, _)| name.starts_with('{')).map(|(_, value)| value);
    values.map(|value| percent_decode_str(value).decode_utf8_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_a_server_reads_them() {
        let message = Message::read(b"GET /v2/event?from=1 HTTP\nx-a: 1\nx-a:2\n\nbody").map(|_| ());
        assert_eq!(message, None, "a target has no spaces");
        let message = Message::read(b"POST /v2/event?from=1&to=%20\r\nx-a: 1\r\nX-A:2\n\nbody\n\n").unwrap();
        assert_eq!((message.path.as_str(), message.query.as_str()), ("/v2/event", "from=1&to=%20"));
        assert_eq!(message.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(message.body, "body\n\n");
        for bad in ["", "GET", "GET x", "G\u{1}T /", "GET /\nno header", "GET /\na b: 1"] {
            assert!(Message::read(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn paths_fit_or_are_bent() {
        assert!(fits("/a/{b}", "/a/x") && !fits("/a/{b}", "/a/") && !fits("/a/{b}", "/a/x/y"));
        assert_eq!(parameters("/a/{b}/{c}", "/a/%2F/%FF"), ["/", "\u{fffd}"]);
        for dialect in crate::dialects() {
            let host = crate::host::tolerant();
            for path in ["/nowhere/at/all", "/", "/x"] {
                let message = Message::read(format!("GET {path}").as_bytes()).unwrap();
                let call = message.call(&*dialect, Arc::clone(&host) as Arc<dyn Host>);
                let asked = call.parameters.len();
                let wanted = call.route.map_or(0, |route| route.path.matches('{').count());
                assert!(call.route.is_none() || asked == wanted, "{}: {path}", dialect.name());
            }
        }
    }
}
