//! The web page at `/ui/`: a few files that are part of the program and are served as they lie in `crates/server/ui`.
//!
//! The page is plain HTML, CSS and JavaScript modules that browsers run as they are. There is no front-end build, so
//! `cargo run` stays one command on a fresh machine and what is read here is what runs. It asks the native API with the
//! key of its user; the files themselves are the same for everybody and hold nothing of anybody.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    app::App,
    native::{
        Segment,
        problem::{Kind, Problem},
        segment,
    },
};

/// Paths of the page with the methods they answer.
pub(crate) const ROUTES: [(&str, &str); 3] = [("GET", "/ui"), ("GET", "/ui/"), ("GET", "/ui/{file}")];

/// What the page may do: load its own files, ask its own server, and nothing else. Nothing is evaluated, no markup is
/// made of text (trusted types), and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// One file of the page.
struct File {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

macro_rules! files {
    ($($name:literal: $media_type:expr,)*) => {
        &[$(File { name: $name, media_type: $media_type, content: include_bytes!(concat!("../ui/", $name)) },)*]
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: &[File] = files! {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "api.js": SCRIPT,
    "app.js": SCRIPT,
    "box.js": SCRIPT,
    "columns.js": SCRIPT,
    "details.js": SCRIPT,
    "difference.js": SCRIPT,
    "dom.js": SCRIPT,
    "facets.js": SCRIPT,
    "fields.js": SCRIPT,
    "json.js": SCRIPT,
    "mask.js": SCRIPT,
    "pages.js": SCRIPT,
    "query.js": SCRIPT,
    "table.js": SCRIPT,
    "time.js": SCRIPT,
    "timeline.js": SCRIPT,
    "views.js": SCRIPT,
};

/// A name for the content of all files. A browser that has it need not load them again.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    for file in FILES {
        (file.name, file.content).hash(&mut hasher);
    }
    // Hexadecimal digits in quotes are a header's value.
    HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish()))
        .unwrap_or(HeaderValue::from_static("\"annals\""))
});

/// The page.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        // Everything in the page is relative to `/ui/`, so that it also works below a path of a proxy.
        .route("/ui", get(async || Redirect::permanent("ui/")))
        .route("/ui/", get(async |headers: HeaderMap| serve("index.html", &headers)))
        .route("/ui/{file}", get(file))
}

async fn file(file: Segment, headers: HeaderMap) -> Result<Response, Problem> {
    serve(&segment(file)?, &headers)
}

fn serve(name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return Err(Problem::new(Kind::NotFound, format!("the page at `/ui/` has no file `{name}`")));
    };
    let described = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, TAG.clone()),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ];
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == *TAG);
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, described).into_response());
    }
    Ok((described, file.content).into_response())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/ui");
        let names = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let lie: BTreeSet<String> = fs::read_dir(folder).unwrap().map(names).collect();
        let served: BTreeSet<String> = FILES.iter().map(|file| file.name.to_owned()).collect();
        assert_eq!(lie, served);
    }

    #[test]
    fn what_scripts_import_is_served() {
        for file in FILES.iter().filter(|file| file.media_type == SCRIPT) {
            let text = std::str::from_utf8(file.content).unwrap();
            for line in text.lines().filter(|line| line.contains(" from \"./")) {
                let name = line.split("from \"./").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
                assert!(FILES.iter().any(|known| known.name == name), "{} imports {name}", file.name);
            }
        }
    }

    #[test]
    fn nothing_is_asked_of_anybody_else() {
        for file in FILES {
            let text = std::str::from_utf8(file.content).unwrap();
            let namespace = "http://www.w3.org/2000/svg";
            assert!(!text.replace(namespace, "").contains("://"), "{}", file.name);
        }
    }
}
