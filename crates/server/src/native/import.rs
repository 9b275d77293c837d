//! `POST /api/v1/import/{dialect}`: records events in a platform's own shape. What that shape is, the dialect knows.

use std::sync::Arc;

use annals_dialects::{Dialect, Import};
use annals_model::{Role, limits::SHORT_TEXT_BYTES_MAX};
use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

use crate::{
    app::{App, blocking},
    body::{self, Held},
    limits::INSTALLATION_BYTES_MAX,
    native::{
        Segment,
        access::caller_with,
        ingest::{Form, Parsed, Recorded, form, lines, make_room, record},
        problem::{Kind, Problem},
        segment,
    },
    observe::trail::Trail,
};

/// Records events in a platform's own shape.
///
/// One event, an array of events, or a whole answer of that platform's list; or NDJSON with one of these a line.
#[utoipa::path(
    post, path = "/api/v1/import/{dialect}", operation_id = "import_events", tag = "events",
    params(
        ("dialect" = String, Path, description = "Whose shape: cloudfoundry, exoscale, qovery, rafay, fujitsu or rds"),
        ("organization" = Option<String>, Query, description = "The tenant of events whose shape names none"),
        ("installation" = Option<String>, Query, description = "Which installation they come from, as in `eu10`"),
    ),
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "What became of each event", body = Recorded)),
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    name: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let writer = caller_with(&app, &trail, request.headers(), Role::Writer).await?;
    let name = segment(name)?;
    let Some(dialect) = app.dialects.iter().find(|dialect| dialect.name() == name).cloned() else {
        let names: Vec<&str> = app.dialects.iter().map(|dialect| dialect.name()).collect();
        let detail = format!("there is no dialect `{name}`; there are {}", names.join(", "));
        return Err(Problem::new(Kind::NotFound, detail));
    };
    let import = parameters(request.uri().query().unwrap_or_default())?;
    let form = form(request.headers())?;
    let (parts, body) = request.into_parts();
    let held = body::read(&app, &trail, &parts.headers, body, app.limits.body_bytes_max).await?;
    let mut held = held;
    let (parsed, held) = blocking(&trail, move || (parse(&*dialect, &mut held, form, &import), held)).await?;
    let recorded = record(&app, &trail, writer, parsed?).await;
    drop(held);
    recorded
}

pub(crate) fn parse(
    dialect: &dyn Dialect,
    held: &mut Held,
    form: Form,
    import: &Import,
) -> Result<Parsed, Problem> {
    let body = held.bytes.clone();
    let mut parsed = Parsed::default();
    match form {
        Form::Json => {
            make_room(held, longest_array(&body).max(1))?;
            let events = dialect.read(&body, import).map_err(|error| {
                Problem::new(Kind::BadBody, format!("not events of {}: {error}", dialect.name()))
            })?;
            for event in events {
                parsed.add_next(None, event)?;
            }
        }
        Form::Lines => {
            make_room(held, lines(&body).count())?;
            for (line, text) in lines(&body) {
                // A line may hold a whole list of its own.
                make_room(held, longest_array(text).max(1))?;
                match dialect.read(text, import) {
                    Ok(events) => {
                        for event in events {
                            parsed.add_next(Some(line), event)?;
                        }
                    }
                    Err(error) => parsed.add_next(Some(line), Err(error))?,
                }
            }
        }
    }
    Ok(parsed)
}

/// How many elements the longest array of a JSON text has, which is as many events as the text can hold. Read without
/// building anything, and right for valid JSON; what is not valid, the dialect refuses.
pub(crate) fn longest_array(json: &[u8]) -> usize {
    let mut longest = 0;
    // The elements so far of every array, and of objects, that are open.
    let mut open: Vec<usize> = Vec::new();
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            b'[' => open.push(1),
            // The members of an object are no elements.
            b'{' => open.push(0),
            b']' | b'}' => longest = longest.max(open.pop().unwrap_or(0)),
            b',' => {
                if let Some(elements) = open.last_mut().filter(|elements| **elements > 0) {
                    *elements += 1;
                }
            }
            _ => {}
        }
    }
    // What is still open is cut off, but was to be read all the same.
    open.into_iter().fold(longest, usize::max)
}

pub(crate) fn parameters(query: &str) -> Result<Import, Problem> {
    let mut import = Import::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "organization" => &mut import.organization,
            "installation" => &mut import.installation,
            _ => {
                let detail =
                    format!("unknown parameter `{name}`: there are `organization` and `installation`");
                return Err(Problem::parameter(detail));
            }
        };
        if place.is_some() {
            return Err(Problem::parameter(format!("`{name}` is given more than once")));
        }
        if value.is_empty() {
            return Err(Problem::parameter(format!("`{name}` is empty")));
        }
        if value.len() > SHORT_TEXT_BYTES_MAX {
            return Err(Problem::parameter(format!(
                "`{name}` has {} bytes, at most {SHORT_TEXT_BYTES_MAX}",
                value.len()
            )));
        }
        *place = Some(value.into_owned());
    }
    if let Some(installation) = &import.installation {
        let is_plain =
            installation.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_plain || installation.len() > INSTALLATION_BYTES_MAX {
            return Err(Problem::parameter(format!(
                "`installation` is `{installation}`: 1 to {INSTALLATION_BYTES_MAX} letters, digits, `-`, `_` or `.`"
            )));
        }
    }
    Ok(import)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_counted_before_they_are_read() {
        for (json, longest) in [
            ("[]", 1),
            ("{\"a\": 1, \"b\": 2}", 0),
            ("[1, [2, 3, 4], {\"a\": [], \"b\": 5}]", 3),
            ("{\"resources\": [{\"a\": \"],[,,\\\",,\", \"b\": 1}, {}]}", 2),
            ("[1,2,3", 3),
            ("]]],,", 0),
        ] {
            assert_eq!(longest_array(json.as_bytes()), longest, "{json}");
        }
    }

    #[test]
    fn parameters_are_checked() {
        let import = parameters("organization=acme+inc&installation=eu10").map_err(|problem| problem.detail);
        let import = import.unwrap();
        assert_eq!(import.organization.as_deref(), Some("acme inc"));
        assert_eq!(import.installation.as_deref(), Some("eu10"));
        for (query, detail) in [
            ("org=a", "unknown parameter `org`: there are `organization` and `installation`"),
            ("organization=a&organization=b", "`organization` is given more than once"),
            ("organization=", "`organization` is empty"),
            ("installation=a/b", "`installation` is `a/b`: 1 to 64 letters, digits, `-`, `_` or `.`"),
        ] {
            assert_eq!(parameters(query).map_err(|problem| problem.detail).unwrap_err(), detail);
        }
    }
}
