//! Events as comma-separated values (RFC 4180) that a spreadsheet opens without running anything.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return would be a formula to a spreadsheet; such a
//! cell gets a `'` in front (OWASP's advice on CSV injection). So does one that begins with a `'`, and an empty text
//! becomes a lone `'`, so that nothing is lost: a `'` at the beginning of a cell is taken off again, and a cell with
//! nothing in it is a field that is absent.

use std::{borrow::Cow, fmt::Write};

use annals_model::{Event, Json};

/// The columns: the paths of the fields in the native JSON form, in their order.
pub const COLUMNS: [&str; 38] = [
    "id",
    "seq",
    "time",
    "recorded",
    "source",
    "source_id",
    "type",
    "action",
    "outcome",
    "status",
    "organization.id",
    "organization.name",
    "project.id",
    "project.name",
    "environment.id",
    "environment.name",
    "actor.type",
    "actor.id",
    "actor.name",
    "target.type",
    "target.id",
    "target.name",
    "part",
    "origin",
    "zone",
    "categories",
    "labels",
    "request.id",
    "request.method",
    "request.uri",
    "request.ip",
    "request.user_agent",
    "request.status",
    "request.elapsed_ms",
    "message",
    "before",
    "after",
    "data",
];

/// Appends the line of names.
pub fn write_names(out: &mut Vec<u8>) {
    write_row(&COLUMNS.map(|name| Some(Cow::Borrowed(name))), out);
}

/// Appends the line of an event.
pub fn write_event(event: &Event, out: &mut Vec<u8>) {
    write_row(&cells(event), out);
}

fn cells(event: &Event) -> [Option<Cow<'_, str>>; COLUMNS.len()] {
    fn text(text: &Option<String>) -> Option<Cow<'_, str>> {
        text.as_deref().map(Cow::Borrowed)
    }
    fn json(json: &Option<Json>) -> Option<Cow<'_, str>> {
        json.as_ref().map(|json| Cow::Borrowed(json.as_str()))
    }
    fn number(number: Option<i64>) -> Option<Cow<'static, str>> {
        number.map(|number| Cow::Owned(number.to_string()))
    }
    // Texts and lists of them always have a JSON form.
    let categories = (!event.categories.is_empty())
        .then(|| Cow::Owned(serde_json::to_string(&event.categories).unwrap_or_default()));
    let labels = (!event.labels.is_empty())
        .then(|| Cow::Owned(serde_json::to_string(&event.labels).unwrap_or_default()));
    let places = [&event.organization, &event.project, &event.environment].map(|place| {
        let named = place.as_ref();
        let id = named.map(|named| Cow::Borrowed(named.id.as_str()));
        (id, named.and_then(|named| text(&named.name)))
    });
    let [(organization, organization_name), (project, project_name), (environment, environment_name)] =
        places;
    let (actor, target, request) = (&event.actor, &event.target, &event.request);
    [
        Some(Cow::Owned(event.id.to_string())),
        Some(Cow::Owned(event.seq.to_string())),
        Some(Cow::Owned(event.time.to_string())),
        Some(Cow::Owned(event.recorded.to_string())),
        Some(Cow::Borrowed(&event.source)),
        text(&event.source_id),
        Some(Cow::Borrowed(&event.kind)),
        Some(Cow::Borrowed(&event.action)),
        Some(Cow::Borrowed(event.outcome.as_str())),
        text(&event.status),
        organization,
        organization_name,
        project,
        project_name,
        environment,
        environment_name,
        text(&actor.kind),
        text(&actor.id),
        text(&actor.name),
        text(&target.kind),
        text(&target.id),
        text(&target.name),
        text(&event.part),
        text(&event.origin),
        text(&event.zone),
        categories,
        labels,
        text(&request.id),
        text(&request.method),
        text(&request.uri),
        text(&request.ip),
        text(&request.user_agent),
        number(request.status),
        number(request.elapsed_ms),
        text(&event.message),
        json(&event.before),
        json(&event.after),
        json(&event.data),
    ]
}

fn write_row(cells: &[Option<Cow<'_, str>>], out: &mut Vec<u8>) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        if let Some(text) = cell {
            write_cell(text, out);
        }
    }
    out.extend(b"\r\n");
}

fn write_cell(text: &str, out: &mut Vec<u8>) {
    let guard =
        if text.is_empty() || text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) { "'" } else { "" };
    if !text.contains([',', '"', '\r', '\n']) {
        out.extend(guard.as_bytes());
        out.extend(text.as_bytes());
        return;
    }
    let mut quoted = String::with_capacity(text.len() + 3);
    // Writing to a text cannot fail.
    let _ = write!(quoted, "\"{guard}{}\"", text.replace('"', "\"\""));
    out.extend(quoted.as_bytes());
}

#[cfg(test)]
mod tests {
    use annals_model::{Entity, Request};

    use super::*;

    fn column(name: &str) -> usize {
        COLUMNS.iter().position(|column| *column == name).unwrap()
    }

    /// The cells of the only row, read as a program reads them.
    fn read(event: &Event) -> Vec<String> {
        let mut out = Vec::new();
        write_names(&mut out);
        write_event(event, &mut out);
        let text = String::from_utf8(out).unwrap();
        let row = text.strip_prefix(&(COLUMNS.join(",") + "\r\n")).unwrap();
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut characters = row.strip_suffix("\r\n").unwrap().chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '"' if quoted && characters.peek() == Some(&'"') => cell.extend(characters.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                other => cell.push(other),
            }
        }
        cells.push(cell);
        assert_eq!(cells.len(), COLUMNS.len());
        cells
    }

    #[test]
    fn formulas_are_defused_and_come_back() {
        for text in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'", "'=1", "", "a=1", "1-2", "a, \"b\"\r\nc"]
        {
            let event = Event { message: Some(text.to_owned()), ..Event::default() };
            let cell = read(&event)[column("message")].clone();
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !cell.is_empty(),
                "{text:?}: {cell:?}"
            );
            assert_eq!(cell.strip_prefix('\'').unwrap_or(&cell), text);
        }
    }

    #[test]
    fn every_shape_of_value_has_its_cell() {
        let event = Event {
            actor: Entity { name: Some("a, \"b\"\nc".into()), ..Entity::default() },
            categories: vec!["x".into(), "y".into()],
            labels: [("k".to_owned(), "v".to_owned())].into(),
            data: Some(Json::parse(r#"{"n": 1.0}"#).unwrap()),
            request: Request { status: Some(404), elapsed_ms: Some(-1), ..Request::default() },
            ..Event::default()
        };
        let cells = read(&event);
        let cell = |name| cells[column(name)].as_str();
        assert_eq!(cell("actor.name"), "a, \"b\"\nc");
        assert_eq!(cell("categories"), r#"["x","y"]"#);
        assert_eq!(cell("labels"), r#"{"k":"v"}"#);
        assert_eq!(cell("data"), r#"{"n":1.0}"#);
        assert_eq!(cell("request.status"), "404");
        assert_eq!(cell("request.elapsed_ms"), "'-1");
        assert_eq!(cell("target.id"), "");
    }
}
