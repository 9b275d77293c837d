//! Mounts the dialects at their platforms' own paths, and decides to whom a path belongs that no route fits. It knows
//! what dialects declare, never what they mean.

use std::{collections::BTreeMap, sync::Arc};

use annals_dialects::{Body as ReplyBody, Call, Dialect, Reply, Route, Verb};
use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::StreamExt;
use http::{Method, header};
use percent_encoding::percent_decode_str;

use crate::{
    app::{App, streamed},
    body,
    host::RequestHost,
    limits::DIALECT_BODY_BYTES_MAX,
    native,
    observe::trail::Trail,
    probes, ui,
};

/// Why the dialects cannot be mounted together. These are faults of the program, not of its settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// Two claim one route.
    #[error("`{path}` is claimed by {first} and by {second}: no two may answer the same request")]
    Conflict {
        /// The path.
        path: String,
        /// Who claimed it first.
        first: String,
        /// Who claimed it too.
        second: String,
    },
    /// A path that cannot be matched.
    #[error("the path `{path}` of {dialect} must begin with `/`, and a `{{name}}` must fill a whole segment")]
    BadPath {
        /// The path.
        path: String,
        /// Whose it is.
        dialect: String,
    },
}

/// Which dialect answers which path and method.
#[derive(Default)]
pub(crate) struct Plan {
    /// By path with nameless parameters: the path as it is mounted, and what answers there.
    paths: BTreeMap<String, (&'static str, Vec<Claim>)>,
}

/// One route of one dialect.
#[derive(Debug, Clone, Copy)]
struct Claim {
    dialect: usize,
    route: Route,
}

/// To whom paths belong: prefixes, longest first, with the place of their dialect.
#[derive(Default)]
pub(crate) struct Prefixes {
    prefixes: Vec<(&'static str, usize)>,
    mounted: Vec<&'static str>,
}

impl Plan {
    /// Collects the routes of all dialects.
    ///
    /// # Errors
    /// When two of them, or one and the native API, claim the same route.
    pub(crate) fn new(dialects: &[Arc<dyn Dialect>]) -> Result<Self, MountError> {
        let mut plan = Self::default();
        for (index, dialect) in dialects.iter().enumerate() {
            for route in dialect.routes() {
                let bad = || MountError::BadPath {
                    path: route.path.to_owned(),
                    dialect: dialect.name().to_owned(),
                };
                let shape = shape(route.path).ok_or_else(bad)?;
                let conflict = |first: &str| MountError::Conflict {
                    path: route.path.to_owned(),
                    first: first.to_owned(),
                    second: dialect.name().to_owned(),
                };
                let natives = native::ROUTES.iter().chain(&probes::ROUTES).chain(&ui::ROUTES);
                if natives.map(|(_, path)| *path).any(|path| self::shape(path).as_ref() == Some(&shape)) {
                    return Err(conflict("the native API"));
                }
                let (_, claims) = plan.paths.entry(shape).or_insert_with(|| (route.path, Vec::new()));
                if let Some(first) = claims.iter().find(|claim| claim.route.verb == route.verb) {
                    return Err(conflict(dialects.get(first.dialect).map_or("", |first| first.name())));
                }
                claims.push(Claim { dialect: index, route: *route });
            }
        }
        Ok(plan)
    }

    /// The prefixes of these dialects.
    pub(crate) fn prefixes(&self, dialects: &[Arc<dyn Dialect>]) -> Prefixes {
        let mut prefixes: Vec<(&'static str, usize)> = dialects
            .iter()
            .enumerate()
            .flat_map(|(index, dialect)| dialect.prefixes().iter().map(move |prefix| (*prefix, index)))
            .collect();
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Prefixes { prefixes, mounted: self.paths.values().map(|(path, _)| *path).collect() }
    }

    /// A router that answers them.
    pub(crate) fn router(self) -> Router<Arc<App>> {
        let mut router = Router::new();
        for (path, claims) in self.paths.into_values() {
            let claims: Arc<[Claim]> = claims.into();
            let handler = move |State(app): State<Arc<App>>,
                                Extension(trail): Extension<Arc<Trail>>,
                                request: Request| {
                let claims = Arc::clone(&claims);
                async move {
                    let fits = |claim: &&Claim| match claim.route.verb {
                        Verb::Get => matches!(*request.method(), Method::GET | Method::HEAD),
                        Verb::Post => request.method() == Method::POST,
                    };
                    // With another method the path is still that platform's to refuse.
                    match (claims.iter().find(fits), claims.first()) {
                        (Some(claim), _) => {
                            serve(app, trail, claim.dialect, Some(claim.route), request).await
                        }
                        (None, Some(claim)) => serve(app, trail, claim.dialect, None, request).await,
                        (None, None) => native::not_found(request.uri().path()).into_response(),
                    }
                }
            };
            router = router.route(path, any(handler));
        }
        router
    }
}

impl Prefixes {
    /// The dialect whose longest prefix a path has.
    fn owner(&self, path: &str) -> Option<usize> {
        let has = |prefix: &str| {
            let stem = prefix.trim_end_matches('/');
            path.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.prefixes.iter().find(|(prefix, _)| has(prefix)).map(|(_, dialect)| *dialect)
    }

    /// Whether a request is a dialect's to answer: by the route that fits it, or by its path when none does.
    pub(crate) fn owns(&self, route: Option<&str>, path: &str) -> bool {
        match route {
            Some(route) => self.mounted.contains(&route),
            None => self.owner(path).is_some(),
        }
    }
}

/// Answers where no route fits: the platform whose prefix the path has, or else the native API.
pub(crate) async fn fallback(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Response {
    match app.prefixes.owner(request.uri().path()) {
        Some(dialect) => serve(app, trail, dialect, None, request).await,
        None => native::not_found(request.uri().path()).into_response(),
    }
}

async fn serve(
    app: Arc<App>,
    trail: Arc<Trail>,
    dialect: usize,
    route: Option<Route>,
    request: Request,
) -> Response {
    let Some(dialect) = app.dialects.get(dialect).cloned() else {
        return native::not_found(request.uri().path()).into_response();
    };
    let (mut parts, body) = request.into_parts();
    let most = app.limits.body_bytes_max.min(DIALECT_BODY_BYTES_MAX);
    let held = match body::read(&app, &trail, &parts.headers, body, most).await {
        Ok(held) => held,
        Err(problem) => return problem.into_response(),
    };
    let path = parts.uri.path();
    // A dialect is handed what the encoding held.
    if parts.headers.remove(header::CONTENT_ENCODING).is_some() {
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let call = Call {
        route,
        parameters: route.map(|route| parameters(route.path, path)).unwrap_or_default(),
        path: path.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        base_url: app.base_url(&parts.headers),
        method: parts.method,
        headers: parts.headers,
        body: held.bytes.clone(),
        request_id: trail.uuid(),
        host: Arc::new(RequestHost::new(Arc::clone(&app), Arc::clone(&trail))),
    };
    response(dialect.serve(call).await)
}

fn response(reply: Reply) -> Response {
    reply.map(|body| match body {
        ReplyBody::Full(bytes) => Body::from(bytes),
        ReplyBody::Stream(stream) => streamed(stream.map(|piece| piece.map_err(std::io::Error::other))),
    })
}

/// A path with its parameters nameless, so that two names for one thing are one; `None` when it cannot be matched.
fn shape(path: &str) -> Option<String> {
    let segments = path.strip_prefix('/')?.split('/').map(|segment| {
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !name.is_empty() && !name.contains(['{', '}', '*']) => Some("{}"),
            None if !segment.contains(['{', '}']) => Some(segment),
            _ => None,
        }
    });
    let segments: Option<Vec<&str>> = segments.collect();
    segments.map(|segments| format!("/{}", segments.join("/")))
}

/// The values of a route's parameters in the path of a request that fits it.
fn parameters(route: &str, path: &str) -> Vec<String> {
    let pairs = route.split('/').zip(path.split('/'));
    pairs
        .filter(|(name, _)| name.starts_with('{'))
        .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use annals_dialects::{Import, Shown};
    use annals_model::{Event, InvalidEvent, Timestamp};
    use futures_util::future::BoxFuture;

    use super::*;

    struct Fake(&'static str, &'static [Route], &'static [&'static str]);

    impl Dialect for Fake {
        fn name(&self) -> &'static str {
            self.0
        }
        fn routes(&self) -> &'static [Route] {
            self.1
        }
        fn prefixes(&self) -> &'static [&'static str] {
            self.2
        }
        fn openapi(&self) -> &'static str {
            "{}"
        }
        fn serve(&self, _: Call) -> BoxFuture<'_, Reply> {
            Box::pin(async { Reply::new(ReplyBody::from(String::new())) })
        }
        fn read(&self, _: &[u8], _: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
            Ok(Vec::new())
        }
        fn show(&self, _: &Event, _: &str, _: Timestamp) -> Result<Shown, String> {
            Err("it shows nothing".to_owned())
        }
    }

    fn plan(dialects: Vec<Fake>) -> Result<(), String> {
        let dialects: Vec<Arc<dyn Dialect>> =
            dialects.into_iter().map(|dialect| Arc::new(dialect) as Arc<dyn Dialect>).collect();
        Plan::new(&dialects).map(|plan| drop(plan.router())).map_err(|error| error.to_string())
    }

    #[test]
    fn nobody_claims_what_another_has() {
        const A: &[Route] = &[Route::get("/v2/event"), Route::get("/v2/{a}"), Route::get("/{x}/y/z")];
        const POSTS: &[Route] = &[Route::post("/v2/event")];
        const SAME: &[Route] = &[Route::get("/v2/{other}")];
        const NATIVE: &[Route] = &[Route::post("/api/v1/events/{guid}")];
        const ODD: &[Route] = &[Route::get("/v2/a{b}")];
        assert_eq!(plan(vec![Fake("one", A, &[]), Fake("two", POSTS, &[])]), Ok(()));
        let error = plan(vec![Fake("one", A, &[]), Fake("two", SAME, &[])]).unwrap_err();
        assert_eq!(error, "`/v2/{other}` is claimed by one and by two: no two may answer the same request");
        let error = plan(vec![Fake("one", NATIVE, &[])]).unwrap_err();
        assert!(error.contains("the native API and by one"), "{error}");
        let error = plan(vec![Fake("one", ODD, &[])]).unwrap_err();
        assert!(error.starts_with("the path `/v2/a{b}` of one must begin with"), "{error}");
    }

    #[test]
    fn the_longest_prefix_wins() {
        const LOGIN: &[Route] = &[Route::get("/login")];
        let dialects: Vec<Arc<dyn Dialect>> =
            vec![Arc::new(Fake("one", LOGIN, &["/v2/"])), Arc::new(Fake("two", &[], &["/v2/deep", "/v3/"]))];
        let prefixes = Plan::new(&dialects).unwrap().prefixes(&dialects);
        for (path, owner) in [
            ("/v2/x", Some(0)),
            ("/v2", Some(0)),
            ("/v2/deep", Some(1)),
            ("/v2/deep/er", Some(1)),
            ("/v2/deeper", Some(0)),
            ("/v22", None),
            ("/v3/a", Some(1)),
            ("/", None),
        ] {
            assert_eq!(prefixes.owner(path), owner, "{path}");
        }
        assert!(prefixes.owns(Some("/login"), "/login"));
        assert!(!prefixes.owns(Some("/livez"), "/livez"));
        assert!(prefixes.owns(None, "/v3/unknown"));
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(parameters("/a/{b}/c/{d}", "/a/x%2Fy%20z/c/%FF+"), ["x/y z", "\u{fffd}+"]);
    }
}
