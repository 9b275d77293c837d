//! The OpenAPI 3.1 description of the native API, made from the handlers and from the model: fields come from
//! [`Field::FIXED`], the event from its published JSON Schema.

use std::sync::LazyLock;

use annals_model::{EVENT_SCHEMA, Field, limits::GROUPS_MAX};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::{
    export::Format,
    limits::{
        CHOSEN_BUCKETS_MAX, FACET_FIELDS_MAX, FACET_VALUES_DEFAULT, FACET_VALUES_MAX, GROUPS_DEFAULT,
        LIST_EVENTS_DEFAULT, LIST_EVENTS_MAX, VALUES_DEFAULT, VALUES_MAX,
    },
    native::{
        backup, complete, counts, export, filters::ALIASES, import, ingest, me, problem, read, searches,
        shown, stream,
    },
    probes,
};

/// Paths that select events by parameters.
const FILTERED: [&str; 8] = [
    "/api/v1/complete",
    "/api/v1/events",
    "/api/v1/events/stream",
    "/api/v1/export",
    "/api/v1/values/{field}",
    "/api/v1/facets",
    "/api/v1/fields/{field}",
    "/api/v1/histogram",
];

/// Statuses that a request of the native API may be answered with beside its own.
const PROBLEMS: [(&str, &str); 7] = [
    ("400", "A parameter or the body is wrong"),
    ("401", "No credential, or one that is not good"),
    ("403", "The credential does not allow this"),
    ("404", "There is nothing here"),
    ("429", "Too much to do; `Retry-After` says when to come back"),
    ("500", "Something is broken"),
    ("503", "Not now; `Retry-After` says when to come back"),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Annals",
        description = "Records platform events, keeps them, and answers them. This describes the native API; \
            each platform's own API is served at its own paths and described at `/openapi/{dialect}.json`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        read::list,
        ingest::events,
        read::event,
        stream::stream,
        export::export,
        complete::complete,
        counts::facets,
        counts::field,
        counts::histogram,
        counts::values,
        import::events,
        shown::dialects,
        me::me,
        searches::list,
        searches::get,
        searches::put,
        searches::delete,
        backup::make,
        probes::live,
        probes::ready,
        probes::metrics,
        probes::dialect_description,
    ),
    components(schemas(problem::Written<'static>)),
    tags(
        (name = "events", description = "Recording and reading events"),
        (name = "views", description = "What pages and tools ask beside events"),
        (name = "counts", description = "Counting events"),
        (name = "admin", description = "Administering the server"),
        (name = "probes", description = "Asking the server about itself"),
    ),
)]
struct Document;

static TEXT: LazyLock<String> = LazyLock::new(build);

/// The description as text.
pub(crate) fn text() -> &'static str {
    &TEXT
}

fn build() -> String {
    // A description in memory always has a JSON form; an empty one fails every test there is.
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        // An empty one is made from the authors of the package, of which there are none.
        info.shift_remove("contact");
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.insert("Event".to_owned(), event_schema());
        let list = "/properties/events/items";
        if let Some(items) =
            schemas.get_mut("EventList").and_then(|list_schema| list_schema.pointer_mut(list))
        {
            *items = reference("Event");
        }
    }
    if let Some(components) = document.pointer_mut("/components").and_then(Value::as_object_mut) {
        components.insert("securitySchemes".to_owned(), security_schemes());
    }
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, operations) in paths.iter_mut() {
            for (method, operation) in operations.as_object_mut().into_iter().flatten() {
                if let Some(operation) = operation.as_object_mut() {
                    complete(path, method, operation);
                }
            }
        }
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Adds to one operation what many of them share.
fn complete(path: &str, method: &str, operation: &mut Map<String, Value>) {
    if path.starts_with("/api/") {
        let responses = operation.entry("responses").or_insert_with(|| json!({}));
        let mut problems: Vec<(&str, &str)> = PROBLEMS.to_vec();
        if method == "put" {
            problems.push(("409", "As many searches are saved as may be"));
        }
        if method == "post" || method == "put" {
            problems.push(("413", "The body or the number of events is too large"));
            problems.push(("415", "The content type or encoding is not supported"));
        }
        for (status, description) in problems {
            responses[status] = json!({
                "description": description,
                "content": { problem::MEDIA_TYPE: { "schema": reference("Problem") } },
            });
        }
    }
    if !operation.contains_key("security") {
        operation
            .insert("security".to_owned(), json!([{ "token": [] }, { "api_key": [] }, { "auth_token": [] }]));
    }
    if method == "get" && FILTERED.contains(&path) {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.extend(filters());
        }
    }
    if path == "/api/v1/events/{id}" {
        operation["responses"]["200"]["content"]["application/json"]["schema"] = reference("Event");
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let schema = parameter["name"].as_str().and_then(|name| values_of(path, name));
        if let Some(schema) = schema {
            parameter["schema"] = schema;
        }
    }
    if path == "/api/v1/events" && method == "post" {
        let content = &mut operation["requestBody"]["content"];
        content["application/json"]["schema"] =
            json!({ "oneOf": [reference("Event"), { "type": "array", "items": reference("Event") }] });
    }
}

/// The values a parameter may have, where its type does not say it all.
fn values_of(path: &str, parameter: &str) -> Option<Value> {
    let within = |min: usize, default: usize, max: usize| json!({ "type": "integer", "minimum": min, "maximum": max, "default": default });
    let number = |default, max| within(1, default, max);
    match (path, parameter) {
        (_, "dialect") => Some(json!({ "type": "string", "enum": dialects() })),
        ("/api/v1/events", "order") => {
            Some(json!({ "type": "string", "enum": ["asc", "desc"], "default": "desc" }))
        }
        ("/api/v1/export", "order") => {
            Some(json!({ "type": "string", "enum": ["asc", "desc"], "default": "asc" }))
        }
        ("/api/v1/export", "format") => Some(
            json!({ "type": "string", "enum": Format::NAMED.map(|(name, _)| name), "default": "ndjson" }),
        ),
        ("/api/v1/events", "total") => Some(json!({ "type": "boolean", "default": false })),
        ("/api/v1/events", "limit") => {
            Some(within(0, LIST_EVENTS_DEFAULT as usize, LIST_EVENTS_MAX as usize))
        }
        ("/api/v1/fields/{field}", "limit") => Some(number(GROUPS_DEFAULT, GROUPS_MAX)),
        ("/api/v1/fields/{field}" | "/api/v1/values/{field}", "field") | ("/api/v1/histogram", "by") => {
            Some(field_name())
        }
        ("/api/v1/facets", "field") => Some(json!({
            "type": "array", "items": field_name(), "minItems": 1, "maxItems": FACET_FIELDS_MAX,
        })),
        ("/api/v1/values/{field}", "limit") => Some(number(VALUES_DEFAULT, VALUES_MAX)),
        ("/api/v1/facets", "limit") => Some(number(FACET_VALUES_DEFAULT, FACET_VALUES_MAX)),
        ("/api/v1/histogram", "buckets") => {
            Some(json!({ "type": "integer", "minimum": 1, "maximum": CHOSEN_BUCKETS_MAX }))
        }
        ("/api/v1/complete", "at") => Some(json!({ "type": "integer", "minimum": 0 })),
        ("/api/v1/histogram", "width") => {
            Some(json!({ "type": "string", "pattern": "^0*[1-9][0-9]*[smhd]$", "default": "1h" }))
        }
        _ => None,
    }
}

/// A field by name.
fn field_name() -> Value {
    let aliases = ALIASES.iter().map(|(alias, _)| (*alias).to_owned());
    let names: Vec<String> =
        aliases.chain(Field::FIXED.iter().map(|field| field.name().into_owned())).collect();
    json!({ "type": "string", "anyOf": [{ "enum": names }, { "pattern": "^labels\\..+$" }] })
}

/// The names of all platforms.
fn dialects() -> Value {
    annals_dialects::all(&annals_dialects::Config::default()).iter().map(|dialect| dialect.name()).collect()
}

/// The parameters that select events.
fn filters() -> Vec<Value> {
    let parameter = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema });
    let text = || json!({ "type": "array", "items": { "type": "string" } });
    let instant = || json!({ "type": "string", "format": "date-time" });
    let mut parameters = vec![
        parameter(
            "q",
            "Words that all occur in the event, in any order and any case",
            json!({ "type": "string" }),
        ),
        parameter(
            "search",
            "A search: `type:audit.app.* actor:alice -origin:CONSOLE time:-7d`. The language is described in \
             docs/search.md; the other parameters apply as well",
            json!({ "type": "string" }),
        ),
        parameter(
            "utc_offset",
            "The zone of dates and times in `search` that name none, as in `+02:00`",
            json!({ "type": "string", "pattern": "^(Z|[+-][0-9]{2}:?[0-9]{2})$", "default": "Z" }),
        ),
        parameter("from", "Events from this instant on", instant()),
        parameter("to", "Events before this instant", instant()),
    ];
    for (alias, field) in ALIASES {
        parameters.push(parameter(alias, &format!("The same as `{field}`"), text()));
    }
    for field in Field::FIXED {
        let description = format!("Events whose `{field}` is this; repeated: one of these");
        parameters.push(parameter(&field.name(), &description, text()));
    }
    parameters.push(json!({
        "name": "labels", "in": "query", "required": false, "style": "form", "explode": true,
        "description": "`labels.<name>=<value>`: events with this label",
        "schema": {
            "type": "object",
            "patternProperties": { "^labels\\..+$": { "type": "string" } },
            "additionalProperties": false,
        },
    }));
    parameters
}

/// The event's JSON Schema, with its references led to where it stands now.
fn event_schema() -> Value {
    let text = EVENT_SCHEMA.replace("\"#/$defs/", "\"#/components/schemas/Event/$defs/");
    let mut schema: Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(schema) = schema.as_object_mut() {
        schema.shift_remove("$schema");
        schema.shift_remove("$id");
    }
    schema
}

fn security_schemes() -> Value {
    json!({
        "token": { "type": "http", "scheme": "bearer", "description": "`Authorization: Token …` is understood as well" },
        "api_key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
        "auth_token": { "type": "apiKey", "in": "header", "name": "X-Auth-Token" },
    })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}
