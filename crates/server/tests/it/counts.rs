//! `GET /api/v1/facets` and `GET /api/v1/histogram`.

use serde_json::{Value, json};

use crate::fixture::{ACME, Fixture, READER, event, event_of};

/// Twelve events, one a minute: four of each type, a third of which fail; the last has no actor.
fn server() -> Fixture {
    let server = Fixture::start();
    let events: Vec<Value> = (0..12)
        .map(|number| {
            let mut event = event(["a", "b", "c"][number as usize % 3], number);
            event["outcome"] = ["failure", "success", "success"][number as usize % 3].into();
            if number < 11 {
                event["actor"] = json!({ "name": if number < 7 { "alice" } else { "bob" } });
            }
            event
        })
        .collect();
    server.record(&events);
    server
}

fn ask(server: &Fixture, path: &str) -> Value {
    let answer = server.get(path).token(READER).send();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn refused(server: &Fixture, path: &str) -> String {
    server.get(path).token(READER).send().problem(400, "bad-parameter")
}

#[test]
fn facets_count_several_fields_at_once() {
    let server = server();
    assert_eq!(
        ask(&server, "/api/v1/facets?field=actor.name&field=type&field=labels.none&limit=2"),
        json!({ "total": 12, "facets": [
            { "field": "actor.name", "more": true, "values": [
                { "value": "alice", "count": 7 }, { "value": "bob", "count": 4 }] },
            { "field": "type", "more": true, "values": [
                { "value": "a", "count": 4 }, { "value": "b", "count": 4 }] },
            { "field": "labels.none", "more": false, "values": [{ "value": null, "count": 12 }] },
        ] })
    );
    // Filters apply to the total and to every field, an alias is the field, and asking twice is asking once.
    assert_eq!(
        ask(
            &server,
            "/api/v1/facets?field=organization&field=organization.id&outcome=failure&actor.name=bob"
        ),
        json!({ "total": 1, "facets": [
            { "field": "organization.id", "more": false, "values": [{ "value": null, "count": 1 }] },
        ] })
    );
}

#[test]
fn facets_show_only_what_the_credential_may_read() {
    let server = Fixture::start();
    server.record(&[event_of("acme", "mine"), event_of("other", "theirs")]);
    let answer = server.get("/api/v1/facets?field=type").token(ACME).send().json();
    assert_eq!(answer["total"], 1);
    assert_eq!(answer["facets"][0]["values"], json!([{ "value": "mine", "count": 1 }]));
}

#[test]
fn facets_name_what_is_wrong() {
    let server = Fixture::start();
    let many: String = (0..21).map(|number| format!("&field=labels.l{number}")).collect();
    for (path, beginning) in [
        ("/api/v1/facets", "0 fields are asked for"),
        (&*format!("/api/v1/facets?{}", &many[1..]), "21 fields are asked for"),
        ("/api/v1/facets?field=kind", "there is no field `kind`"),
        ("/api/v1/facets?field=type&limit=1001", "`limit` is `1001`"),
        ("/api/v1/facets?field=type&width=1h", "unknown parameter `width`"),
    ] {
        let detail = refused(&server, path);
        assert!(detail.starts_with(beginning), "{path}: {detail}");
    }
    assert_eq!(ask(&server, &format!("/api/v1/facets?{}", &many[1..many.len() - 17]))["total"], 0);
}

#[test]
fn values_complete_what_was_typed() {
    let server = server();
    assert_eq!(
        ask(&server, "/api/v1/values/actor.name?prefix=AL&outcome=success"),
        json!({ "field": "actor.name", "values": [{ "value": "alice", "count": 4 }] })
    );
    assert_eq!(
        ask(&server, "/api/v1/values/type?limit=2"),
        json!({ "field": "type", "values": [{ "value": "a", "count": 4 }, { "value": "b", "count": 4 }] })
    );
    assert_eq!(ask(&server, "/api/v1/values/labels.x?prefix=a")["values"], json!([]));
    server.get("/api/v1/values/kind").token(READER).send().problem(404, "not-found");
    assert!(refused(&server, "/api/v1/values/type?limit=1001").starts_with("`limit` is `1001`"));
    assert!(refused(&server, "/api/v1/values/type?prefix=a&prefix=b").starts_with("`prefix` is given more"));
}

#[test]
fn a_histogram_has_a_round_width() {
    let server = server();
    let answer = ask(&server, "/api/v1/histogram?buckets=4&by=outcome");
    assert_eq!(
        answer,
        json!({ "width_seconds": 300, "from": "2026-03-01T10:00:00Z", "to": "2026-03-01T10:15:00Z", "buckets": [
            { "from": "2026-03-01T10:00:00Z", "count": 5, "values": { "failure": 2, "success": 3 } },
            { "from": "2026-03-01T10:05:00Z", "count": 5, "values": { "failure": 2, "success": 3 } },
            { "from": "2026-03-01T10:10:00Z", "count": 2, "values": { "success": 2 } },
        ] })
    );
    // What is asked for is the range, also where there are no events.
    let range = "from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z";
    let answer = ask(&server, &format!("/api/v1/histogram?buckets=24&type=a&{range}"));
    assert_eq!(
        answer,
        json!({ "width_seconds": 3600, "from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "buckets": [
            { "from": "2026-03-01T10:00:00Z", "count": 4 },
        ] })
    );
    let answer = ask(&server, "/api/v1/histogram?width=10m&by=actor.name&from=2026-03-01T10:09:00Z");
    assert_eq!(answer["from"], "2026-03-01T10:09:00Z");
    assert_eq!(answer["to"], "2026-03-01T10:20:00Z");
    assert_eq!(
        answer["buckets"][1],
        json!({ "from": "2026-03-01T10:10:00Z", "count": 2, "values": { "bob": 1 } })
    );
    let answer = ask(&server, "/api/v1/histogram?width=1h&by=type&values=1");
    assert_eq!(answer["buckets"][0]["values"].as_object().unwrap().len(), 1);
    let answer = ask(&server, "/api/v1/histogram?buckets=10&type=none");
    assert_eq!(answer, json!({ "width_seconds": 3600, "from": null, "to": null, "buckets": [] }));
    let far = "from=1700-01-01T00:00:00Z&to=2261-01-01T00:00:00Z";
    assert_eq!(ask(&server, &format!("/api/v1/histogram?buckets=1&{far}"))["buckets"][0]["count"], 12);
}

#[test]
fn a_histogram_names_what_is_wrong() {
    let server = Fixture::start();
    for (query, beginning) in [
        ("width=1h&buckets=3", "`width` and `buckets` are both given"),
        ("buckets=0", "`buckets` is `0`"),
        ("buckets=2001", "`buckets` is `2001`"),
        ("by=kind", "there is no field `kind`"),
        ("width=1w", "`width` is `1w`"),
        ("by=type&values=101", "`values` is `101`"),
        ("values=3", "`values` is given without `by`"),
    ] {
        let detail = refused(&server, &format!("/api/v1/histogram?{query}"));
        assert!(detail.starts_with(beginning), "{query}: {detail}");
    }
}
