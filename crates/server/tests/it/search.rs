//! The search language over HTTP: what it selects, how it pages, what errors look like, how it is completed.

use serde_json::{Value, json};

use crate::fixture::{ACME, Fixture, READER, event, event_of};

/// Six events of types shop.e0 to shop.e5, one a minute.
fn six() -> Fixture {
    let server = Fixture::start();
    let events: Vec<Value> = (0..6)
        .map(|number| {
            let mut event = event(&format!("shop.e{number}"), number);
            event["organization"] = json!({ "id": "acme" });
            let name = ["Alice Example", "bob", "Bert"][number as usize % 3];
            event["actor"] = json!({ "id": format!("u{}", number % 2), "name": name });
            event["outcome"] = if number < 4 { "success".into() } else { "failure".into() };
            event["data"] = json!({ "request": { "memory": number * 256 } });
            event
        })
        .collect();
    server.record(&events);
    server
}

fn encoded(search: &str) -> String {
    form_urlencoded::byte_serialize(search.as_bytes()).collect()
}

#[test]
fn searches_select_and_combine_with_parameters() {
    let server = six();
    for (search, others, expected) in [
        ("actor:ALI* -outcome:failure", "", "shop.e3 shop.e0"),
        ("data.request.memory>512", "", "shop.e5 shop.e4 shop.e3"),
        ("data.request.memory:512..768", "type=shop.e2", "shop.e2"),
        ("type:(shop.e1,shop.e5) OR actor:\"alice example\"", "actor.id=u1", "shop.e5 shop.e3 shop.e1"),
        ("time:2026-03-01T10:02..2026-03-01T10:03", "", "shop.e3 shop.e2"),
        ("time:2026-03-01T11:02", "utc_offset=%2B01:00", "shop.e2"),
        ("", "limit=1", "shop.e5"),
    ] {
        let parameters = format!("search={}&{others}", encoded(search));
        let parameters = parameters.trim_end_matches('&');
        assert_eq!(server.types(parameters).join(" "), expected, "{search} {others}");
    }
    let path = format!("/api/v1/fields/outcome?search={}", encoded("actor.name:b*"));
    let counts = server.get(&path).token(READER).send().json();
    assert_eq!(
        counts["values"],
        json!([{ "value": "failure", "count": 1 }, { "value": "success", "count": 1 }])
    );
    let path = format!("/api/v1/histogram?width=1d&search={}", encoded("outcome:failure"));
    let counts = server.get(&path).token(READER).send().json();
    assert_eq!(counts["buckets"][0]["count"], 2);
}

#[test]
fn a_search_that_counts_from_now_has_pages() {
    let server = six();
    let search = encoded("time:-100000d type:shop.*");
    let first = server.list(&format!("search={search}&limit=4&total=true"));
    assert_eq!(first["total"], 6);
    let next = first["next"].as_str().unwrap();
    let rest = server.list(&format!("search={search}&limit=4&cursor={next}"));
    assert_eq!(rest["events"].as_array().unwrap().len(), 2);
    let other = format!("/api/v1/events?search={}&cursor={next}", encoded("time:-99999d type:shop.*"));
    server.get(&other).token(READER).send().problem(400, "bad-cursor");
}

#[test]
fn what_is_wrong_with_a_search_has_a_place() {
    let server = six();
    for path in ["/api/v1/events", "/api/v1/histogram", "/api/v1/fields/type", "/api/v1/facets?field=type"] {
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}search={}", encoded("é actr:alice"));
        let answer = server.get(&path).token(READER).send();
        let detail = answer.problem(400, "bad-search");
        assert_eq!(detail, "`search`: there is no field `actr` (column 3); nearest are `actor`");
        let problem = answer.json();
        assert_eq!((&problem["column"], &problem["length"]), (&json!(3), &json!(4)));
        assert_eq!(problem["hint"], "nearest are `actor`");
    }
    let other = server.get("/api/v1/events?limit=-1").token(READER).send();
    other.problem(400, "bad-parameter");
    assert!(other.json().get("column").is_none());
}

#[test]
fn searches_are_completed_with_what_the_reader_may_see() {
    let server = six();
    let mut foreign = event_of("elsewhere", "foreign");
    foreign["actor"] = json!({ "name": "Alien" });
    server.record(&[foreign]);
    let complete = |search: &str, more: &str, token: &str| {
        let path = format!("/api/v1/complete?search={}{more}", encoded(search));
        server.get(&path).token(token).send().json()
    };
    let fields = complete("outcome:failure act", "", READER);
    assert_eq!((&fields["from"], &fields["to"]), (&json!(16), &json!(19)));
    assert_eq!(fields["candidates"][0]["text"], "actor:");
    assert_eq!(fields["candidates"][0]["kind"], "field");
    assert_eq!(fields["candidates"][0]["detail"], "who did it, by id or name");

    let values = complete("actor:a", "", READER);
    let expected = json!([
        { "text": "\"Alice Example\"", "kind": "value", "detail": "actor.name", "count": 2 },
        { "text": "Alien", "kind": "value", "detail": "actor.name", "count": 1 },
    ]);
    assert_eq!(values["candidates"], expected);
    // Only of the reader's organization; and only of events that the other parameters select.
    assert_eq!(complete("actor:a", "", ACME)["candidates"].as_array().unwrap().len(), 1);
    assert_eq!(complete("actor:a", "&type=shop.e0", ACME)["candidates"][0]["count"], 1);
    // In the middle of a word.
    let middle = complete("type:shop.x outcome:*", "&at=7", READER);
    assert_eq!((&middle["from"], &middle["to"]), (&json!(5), &json!(11)));
    assert_eq!(middle["candidates"].as_array().unwrap().len(), 6);
    server.get("/api/v1/complete?at=-1").token(READER).send().problem(400, "bad-parameter");
}
