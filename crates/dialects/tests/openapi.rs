//! Every dialect's OpenAPI document describes exactly the requests the dialect answers, and hangs together. That answers
//! are as described is tested where there is a server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the message")]

use std::collections::BTreeSet;

use annals_dialects::{Config, Dialect, Verb, all};
use serde_json::Value;

fn documents() -> Vec<(Box<dyn Dialect>, Value)> {
    let parse = |dialect: Box<dyn Dialect>| {
        let document = serde_json::from_str(dialect.openapi());
        let document = document.unwrap_or_else(|error| panic!("{}: {error}", dialect.name()));
        (dialect, document)
    };
    all(&Config::default()).into_iter().map(parse).collect()
}

/// Method, path and description of every operation; paths are behind that of the document's server.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let server = document["servers"][0]["url"].as_str().unwrap().trim_end_matches('/');
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            found.push((method.to_uppercase(), format!("{server}{path}"), operation));
        }
    }
    found
}

/// The parameter or answer itself, where it is only referred to.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn exactly_the_routes_are_described() {
    for (dialect, document) in documents() {
        let described: BTreeSet<_> =
            operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
        let method = |verb| match verb {
            Verb::Get => "GET".to_owned(),
            Verb::Post => "POST".to_owned(),
        };
        let routes: BTreeSet<_> =
            dialect.routes().iter().map(|route| (method(route.verb), route.path.to_owned())).collect();
        assert_eq!(described, routes, "{}", dialect.name());
    }
}

#[test]
fn documents_hang_together() {
    for (dialect, document) in documents() {
        let name = dialect.name();
        let version = document["openapi"].as_str().unwrap();
        assert!(version.starts_with("3.0.") || version.starts_with("3.1."), "{name}: OpenAPI {version}");
        for member in ["title", "version", "description"] {
            assert!(document["info"][member].is_string(), "{name}: info has no {member}");
        }
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        for reference in &used {
            let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            assert!(target.is_some(), "{name}: {reference} leads nowhere");
        }
        for (kind, components) in document["components"].as_object().unwrap() {
            for component in components.as_object().unwrap().keys() {
                let used = used.contains(&format!("#/components/{kind}/{component}"));
                assert!(used || kind == "securitySchemes", "{name}: nothing refers to {kind} {component}");
            }
        }
        let ids: Vec<_> = operations(&document)
            .iter()
            .map(|(.., operation)| operation["operationId"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: an id twice: {ids:?}");
    }
}

#[test]
fn operations_say_who_may_ask_what_and_how_it_ends() {
    for (dialect, document) in documents() {
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        for (method, path, operation) in operations(&document) {
            let at = format!("{}: {method} {path}", dialect.name());
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let parameters: Vec<_> =
                parameters.iter().map(|parameter| resolved(&document, parameter).clone()).collect();
            let names = |place: &str| {
                let here = parameters.iter().filter(|parameter| parameter["in"] == place);
                here.map(|parameter| parameter["name"].as_str().unwrap()).collect::<BTreeSet<_>>()
            };
            let in_path: BTreeSet<_> =
                path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(names("path"), in_path, "{at}");
            assert_eq!(names("path").len() + names("query").len(), parameters.len(), "{at}: one twice");

            let security = operation.get("security").unwrap_or(&document["security"]).as_array().unwrap();
            for scheme in security.iter().flat_map(|wanted| wanted.as_object().unwrap().keys()) {
                assert!(schemes.contains_key(scheme), "{at}: no scheme {scheme}");
            }
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.contains_key("200") && answers.contains_key("429"), "{at}");
            if !security.is_empty() && !security.contains(&Value::Object(Default::default())) {
                assert!(answers.contains_key("401") || answers.contains_key("403"), "{at}");
                assert!(answers.contains_key("500") && answers.contains_key("503"), "{at}");
            }
            for (status, answer) in answers {
                let answer = resolved(&document, answer);
                let content = answer["content"].as_object().unwrap();
                assert!(
                    content.values().all(|media| media["schema"].is_object()),
                    "{at}: {status} has a body and no schema"
                );
            }
        }
    }
}

/// The properties and values that Exoscale and Qovery publish, told by their number: fewer would be a loss, and what is
/// refused by clients that check values.
#[test]
fn published_schemas_are_whole() {
    let documents = documents();
    let of = |name: &str| &documents.iter().find(|(dialect, _)| dialect.name() == name).unwrap().1;
    let schema = |name, schema: &str| &of(name)["components"]["schemas"][schema];
    let size =
        |value: &Value| value.as_object().map_or(value.as_array().map_or(0, Vec::len), serde_json::Map::len);
    assert_eq!(size(&schema("exoscale", "event")["properties"]), 15);
    // Not 0 and more, but more than 0: in OpenAPI 3.0 the bound is exclusive by a second member.
    let status = &schema("exoscale", "event")["properties"]["status"];
    assert_eq!((&status["minimum"], &status["exclusiveMinimum"]), (&0.into(), &true.into()));
    for (name, values) in [("Type", 57), ("TargetType", 16), ("SubTargetType", 40), ("Origin", 7)] {
        assert_eq!(size(&schema("qovery", &format!("OrganizationEvent{name}"))["enum"]), values, "{name}");
    }
    assert_eq!(size(&schema("qovery", "OrganizationEventResponse")["properties"]), 16);
}
