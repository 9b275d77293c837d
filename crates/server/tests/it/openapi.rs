//! The OpenAPI description: served, kept, and true.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::fixture::Fixture;

#[test]
fn the_kept_description_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let made = annals_server::openapi();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "the API is no longer what crates/server/openapi.json says; if that is meant, run\n    \
         UPDATE_SNAPSHOTS=1 cargo test -p annals-server openapi\nand commit the file"
    );
    let server = Fixture::start();
    let answer = server.get("/openapi.json").send();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text(), made);
}

#[test]
fn the_description_is_whole() {
    let document: Value = serde_json::from_str(&annals_server::openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.contains("#/components/schemas/Event"));
    for reference in &references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let paths: Vec<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    for path in
        ["/api/v1/events", "/api/v1/events/{id}", "/api/v1/import/{dialect}", "/api/v1/fields/{field}"]
    {
        assert!(paths.contains(&path), "{path} is not in {paths:?}");
    }
    let parameters = document["paths"]["/api/v1/events"]["get"]["parameters"].as_array().unwrap();
    let names: BTreeSet<&str> =
        parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    for name in
        ["type", "organization", "organization.id", "q", "from", "to", "order", "limit", "cursor", "total"]
    {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
    assert_eq!(names.len(), parameters.len(), "a parameter is described twice");
    let operations = || {
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    };
    let ids: BTreeSet<&str> =
        operations().map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations().count(), "two operations share an id: {ids:?}");
}

#[test]
fn values_are_described_as_far_as_they_go() {
    let document: Value = serde_json::from_str(&annals_server::openapi()).unwrap();
    let schema = |path: &str, name: &str| {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["schema"].clone()
    };
    let server = Fixture::start();
    for (path, name) in [("/api/v1/events", "limit"), ("/api/v1/fields/{field}", "limit")] {
        let schema = schema(path, name);
        let (min, max) = (schema["minimum"].as_i64().unwrap(), schema["maximum"].as_i64().unwrap());
        for (value, status) in [(min, 200), (max, 200), (min - 1, 400), (max + 1, 400)] {
            let path = path.replace("{field}", "type");
            let answer = server.get(&format!("{path}?{name}={value}")).token(crate::fixture::READER).send();
            assert_eq!(answer.status, status, "{path} {name}={value}");
        }
    }
    let orders = schema("/api/v1/events", "order");
    for order in orders["enum"].as_array().unwrap().iter().map(|order| order.as_str().unwrap()) {
        server.list(&format!("order={order}"));
    }
    assert!(schema("/openapi/{dialect}.json", "dialect")["enum"].as_array().unwrap().len() >= 6);
}

#[test]
fn what_is_described_is_there() {
    let server = Fixture::start();
    let document: Value = serde_json::from_str(&annals_server::openapi()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let request = crate::client::Request::new(
                server.address,
                &method.to_uppercase(),
                &path.replace("{dialect}", "rafay").replace(['{', '}'], ""),
            );
            let answer = request.send();
            assert!(matches!(answer.status, 200 | 401), "{method} {path}: {}", answer.status);
        }
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                references.insert(reference.to_owned());
            }
            object.values().for_each(|value| collect(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
