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
    body,
    limits::INSTALLATION_BYTES_MAX,
    native::{
        Segment,
        access::caller_with,
        ingest::{Form, Parsed, Recorded, form, lines, record},
        problem::{Kind, Problem},
        segment,
    },
    observe::trail::Trail,
};

/// Records events in a platform's own shape.
///
/// One event, an array of events, or a whole answer of that platform's list; or NDJSON with one of these a line.
#[utoipa::path(
    post, path = "/api/v1/import/{dialect}", tag = "events",
    params(
        ("dialect" = String, Path, description = "Whose shape: cloudfoundry, exoscale, qovery, rafay or fujitsu"),
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
    let (parsed, held) =
        blocking(&trail, move || (parse(&*dialect, &held.bytes, form, &import), held)).await?;
    let recorded = record(&app, &trail, writer, parsed?).await;
    drop(held);
    recorded
}

fn parse(dialect: &dyn Dialect, body: &[u8], form: Form, import: &Import) -> Result<Parsed, Problem> {
    let mut parsed = Parsed::default();
    match form {
        Form::Json => {
            let events = dialect.read(body, import).map_err(|error| {
                Problem::new(Kind::BadBody, format!("not events of {}: {error}", dialect.name()))
            })?;
            for event in events {
                parsed.add_next(None, event)?;
            }
        }
        Form::Lines => {
            for (line, text) in lines(body) {
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

fn parameters(query: &str) -> Result<Import, Problem> {
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
