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
        ingest::{Checked, Encoding, Form, Parsed, Recorded, Taker, form, lines, make_room, record},
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
    let (checked, held) = blocking(&trail, move || {
        let parsed = parse(&*dialect, &mut held, form, &import, Encoding::new(&writer));
        (parsed.map(Checked::new), held)
    })
    .await?;
    let recorded = record(&app, &trail, checked?).await;
    drop(held);
    recorded
}

pub(crate) fn parse<T: Taker>(
    dialect: &dyn Dialect,
    held: &mut Held,
    form: Form,
    import: &Import,
    taker: T,
) -> Result<Parsed<T>, Problem> {
    let body = held.bytes.clone();
    let mut parsed = Parsed::new(taker);
    match form {
        Form::Json => {
            make_room(held, events_max(&body))?;
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
                make_room(held, events_max(text))?;
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

/// How many events a body can hold at most, read without building anything: of each JSON document in it the elements of
/// its longest list, and one if it has none. A list is an array, or one that is a member of the outermost object, as in
/// a list's answer; what is nested deeper belongs to an event. Right for valid JSON; what is not valid, the dialect
/// refuses.
///
/// It takes no memory of its own, however deep the nesting: arrays and objects below the second level are passed over.
pub(crate) fn events_max(json: &[u8]) -> usize {
    let mut events = 0;
    // Of the document that is being read: its longest list, how deep its arrays and objects are open, and the elements so
    // far of the two outermost; the members of an object are no elements.
    let mut longest = 0;
    let mut depth = 0_usize;
    let (mut outer, mut inner) = (0, 0);
    // Within a number or a word that is a document by itself.
    let mut is_in_word = false;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        let was_in_word = std::mem::take(&mut is_in_word);
        match byte {
            b'"' => {
                events += usize::from(depth == 0);
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            b'[' | b'{' => {
                let elements = usize::from(*byte == b'[');
                match depth {
                    0 => outer = elements,
                    1 => inner = elements,
                    _ => {}
                }
                depth += 1;
            }
            b']' | b'}' if depth > 0 => {
                depth -= 1;
                match depth {
                    0 => events += std::mem::take(&mut longest).max(outer).max(1),
                    1 if outer == 0 => longest = longest.max(inner),
                    _ => {}
                }
            }
            b',' => match depth {
                1 if outer > 0 => outer += 1,
                2 if inner > 0 => inner += 1,
                _ => {}
            },
            b']' | b'}' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {}
            _ if depth == 0 => {
                events += usize::from(!was_in_word);
                is_in_word = true;
            }
            _ => {}
        }
    }
    // What is still open is cut off, but was to be read all the same.
    let cut_off = match depth {
        0 => 0,
        1 => longest.max(outer).max(1),
        _ => longest.max(if outer == 0 { inner } else { outer }).max(1),
    };
    (events + cut_off).max(1)
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
    fn events_are_counted_before_they_are_read() {
        for (json, most) in [
            ("", 1),
            ("[]", 1),
            ("{\"a\": 1, \"b\": 2}", 1),
            ("[1, [2, 3, 4, 5], {\"a\": [], \"b\": 5}]", 3),
            ("{\"resources\": [{\"a\": \"],[,,\\\",,\", \"b\": 1}, {\"c\": [1, 2, 3, 4]}]}", 2),
            ("{\"entity\": {\"deep\": [1, 2, 3]}}", 1),
            ("[1,2,3", 3),
            ("{\"resources\": [1,2,3", 3),
            ("]]],,", 1),
            // Documents behind each other, as lines or not.
            ("{}{\"a\": 1}\n[1, 2]{}", 5),
            ("86{}", 2),
            ("1 2\ttrue\n\"a b\"\"c\"null", 6),
        ] {
            assert_eq!(events_max(json.as_bytes()), most, "{json}");
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
