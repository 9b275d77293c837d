//! `GET /api/v1/events` and its siblings.

use std::io::Read;

use serde_json::{Value, json};

use crate::fixture::{ACME, Fixture, READER, Setup, WEB, WRITER, event, event_of, types};

/// A server with ten events of types e0 to e9, one a minute.
fn ten() -> Fixture {
    let server = Fixture::start();
    let events: Vec<Value> = (0..10)
        .map(|number| {
            let mut event = event(&format!("e{number}"), number);
            event["actor"] = json!({ "id": format!("u{}", number % 2), "name": "Alice" });
            event["zone"] = ["ch", "de", "at"][number as usize % 3].into();
            event["labels"] = json!({ "team": if number < 5 { "blue" } else { "red" } });
            event["message"] = format!("Something happened to number {number}").into();
            event
        })
        .collect();
    server.record(&events);
    server
}

#[test]
fn filters_select() {
    let server = ten();
    for (parameters, expected) in [
        ("type=e3", "e3"),
        ("type=e3&type=e5", "e5 e3"),
        ("actor=u1&labels.team=red", "e9 e7 e5"),
        ("actor.id=u0&zone=ch", "e6 e0"),
        ("actor.name=Alice&limit=2", "e9 e8"),
        ("actor.name=alice", ""),
        ("q=NUMBER+7", "e7"),
        ("from=2026-03-01T10:08:00Z", "e9 e8"),
        ("from=2026-03-01T11:08:00%2B01:00", "e9 e8"),
        ("from=2026-03-01T11:08:00+01:00", "e9 e8"),
        ("to=2026-03-01T10:02:00Z", "e1 e0"),
        ("from=2026-03-01T10:02:00Z&to=2026-03-01T10:04:00Z&order=asc", "e2 e3"),
        ("from=2026-03-01T10:02:00Z&to=2026-03-01T10:02:00Z", ""),
        ("outcome=unknown&limit=1", "e9"),
        ("outcome=success", ""),
        ("source=native&order=asc&limit=1", "e0"),
        ("labels.nothing=x", ""),
    ] {
        assert_eq!(server.types(parameters).join(" "), expected, "{parameters}");
    }
}

#[test]
fn pages_follow_each_other() {
    let server = ten();
    for (order, expected) in
        [("desc", "e9 e8 e7 e6 e5 e4 e3 e2 e1 e0"), ("asc", "e0 e1 e2 e3 e4 e5 e6 e7 e8 e9")]
    {
        let mut path = format!("/api/v1/events?order={order}&limit=3&source=native&total=true");
        let mut seen = Vec::new();
        loop {
            let answer = server.get(&path).token(READER).send();
            let page = answer.json();
            assert_eq!(page["total"], 10);
            seen.extend(types(&page));
            let Some(cursor) = page["next"].as_str() else {
                assert_eq!(page["next"], Value::Null);
                assert_eq!(answer.header("link"), None);
                break;
            };
            let link = answer.header("link").unwrap();
            let base = format!("<http://{}/api/v1/events?", server.address);
            let rest = link.strip_prefix(&base).unwrap().strip_suffix(">; rel=\"next\"").unwrap();
            assert_eq!(rest, format!("order={order}&limit=3&source=native&total=true&cursor={cursor}"));
            path = format!("/api/v1/events?{rest}");
        }
        assert_eq!(seen.join(" "), expected);
    }
}

#[test]
fn a_total_is_told_without_events() {
    let server = ten();
    for (parameters, total) in
        [("", 10), ("&type=e1&type=e2", 2), ("&type=e1&order=asc", 1), ("&type=none", 0)]
    {
        let page = server.list(&format!("limit=0&total=true{parameters}"));
        assert_eq!(page, json!({ "events": [], "next": null, "total": total }), "{parameters}");
    }
    assert_eq!(server.list("limit=0"), json!({ "events": [], "next": null }));
}

#[test]
fn events_that_arrive_between_pages_neither_repeat_nor_hide_others() {
    let server = ten();
    let page = server.list("limit=5");
    server.record(&[event("new", 30), event("old", 2)]);
    let rest = server.types(&format!("limit=5&cursor={}", page["next"].as_str().unwrap()));
    assert_eq!(rest.join(" "), "e4 e3 old e2 e1");
}

#[test]
fn cursors_are_used_only_where_they_belong() {
    let server = ten();
    let next = server.list("limit=3&type=e1&type=e2&type=e3&type=e4")["next"].as_str().unwrap().to_owned();
    let same = server.types(&format!("limit=1&type=e4&type=e3&type=e2&type=e1&cursor={next}"));
    assert_eq!(same, ["e1"]);
    let elsewhere = Fixture::start();
    let refused =
        |server: &Fixture, parameters: &str| server.list_as(READER, parameters).problem(400, "bad-cursor");
    for parameters in ["limit=3", "type=e1&limit=3", "type=e1&type=e2&type=e3&type=e4&order=asc"] {
        let detail = refused(&server, &format!("{parameters}&cursor={next}"));
        assert!(detail.starts_with("the cursor belongs to a query with other filters"), "{detail}");
    }
    for cursor in ["", "x", "AAAA", &next[..20], &next.to_lowercase()] {
        let detail = refused(&server, &format!("cursor={cursor}"));
        assert!(detail.starts_with("the cursor is damaged"), "{cursor}: {detail}");
    }
    let other_store = elsewhere.list_as(READER, &format!("type=e1&type=e2&type=e3&type=e4&cursor={next}"));
    let detail = other_store.problem(400, "bad-cursor");
    assert!(detail.starts_with("the cursor was made by another server"), "{detail}");
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    let server = ten();
    for (parameters, beginning) in [
        ("colour=red", "unknown parameter `colour`; known are organization, project,"),
        ("offset=3", "unknown parameter `offset`"),
        ("limit=-1", "`limit` is `-1`: must be a number from 0 to 1000"),
        ("limit=1001", "`limit` is `1001`"),
        ("limit=ten", "`limit` is `ten`"),
        ("order=up", "`order` is `up`: must be asc or desc"),
        ("total=yes", "`total` is `yes`: must be true or false"),
        ("from=2026-03-01", "`from`: `2026-03-01` is not an RFC 3339 time"),
        ("limit=1&limit=2", "`limit` is given more than once"),
    ] {
        let detail = server.list_as(READER, parameters).problem(400, "bad-parameter");
        assert!(detail.starts_with(beginning), "{parameters}: {detail}");
    }
    let many: Vec<String> = (0..10_001).map(|number| format!("type={number}")).collect();
    let answer = server.get(&format!("/api/v1/events?{}", &many.join("&")[..60_000])).token(READER).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn a_scope_is_never_left() {
    let server = Fixture::start();
    let mut in_web = event_of("acme", "web");
    in_web["project"] = json!({ "id": "web" });
    server.record(&[event_of("acme", "mine"), event_of("other", "theirs"), event("platforms", 1), in_web]);
    assert_eq!(server.types("order=asc").join(" "), "mine theirs web platforms");
    let seen = |token: &str, parameters: &str| types(&server.list_as(token, parameters).json()).join(" ");
    assert_eq!(seen(ACME, "order=asc"), "mine web");
    assert_eq!(seen(WEB, ""), "web");
    assert_eq!(seen(WEB, "organization=acme"), "web");
    assert_eq!(server.list_as(ACME, "total=true").json()["total"], 2);
    let detail = server.list_as(ACME, "organization=acme&organization=other").problem(403, "forbidden");
    assert_eq!(detail, "this credential is not allowed to read organization `other`");
    for path in ["/api/v1/fields/type", "/api/v1/histogram"] {
        server.get(&format!("{path}?organization=other")).token(ACME).send().problem(403, "forbidden");
        let own = server.get(path).token(ACME).send().text();
        assert!(!own.contains("theirs") && !own.contains("platforms"), "{own}");
        server.get(path).token(WRITER).send().problem(403, "forbidden");
    }
    let theirs = server.list("type=theirs")["events"][0]["id"].as_str().unwrap().to_owned();
    let foreign = server.get(&format!("/api/v1/events/{theirs}")).token(ACME).send();
    let detail = foreign.problem(404, "not-found");
    assert_eq!(detail, format!("there is no event `{theirs}` that this credential may read"));
}

#[test]
fn one_event_by_its_id() {
    let server = ten();
    let listed = server.list("type=e4")["events"][0].clone();
    let path = format!("/api/v1/events/{}", listed["id"].as_str().unwrap());
    assert_eq!(server.get(&path).token(READER).send().json(), listed);
    let upper =
        server.get(&path.to_uppercase().replace("/API/V1/EVENTS", "/api/v1/events")).token(READER).send();
    assert_eq!(upper.json(), listed);
    for id in ["0192d3a4-0000-7000-8000-000000000001", "x", "%00", "%FF", "..%2f"] {
        server.get(&format!("/api/v1/events/{id}")).token(READER).send().problem(404, "not-found");
    }
    let answer = server.get(&format!("{path}?x=1")).token(READER).send();
    assert!(answer.problem(400, "bad-parameter").contains("`x`"));
}

#[test]
fn values_and_times_are_counted() {
    let server = ten();
    let counts = server.get("/api/v1/fields/zone?labels.team=blue").token(READER).send().json();
    let values =
        json!([{ "value": "ch", "count": 2 }, { "value": "de", "count": 2 }, { "value": "at", "count": 1 }]);
    assert_eq!(counts["field"], "zone");
    assert_eq!(counts["values"].as_array().unwrap().len(), 3);
    for value in values.as_array().unwrap() {
        assert!(counts["values"].as_array().unwrap().contains(value), "{counts}");
    }
    let counts = server.get("/api/v1/fields/actor?limit=1").token(READER).send().json();
    assert_eq!(counts["field"], "actor.id");
    assert_eq!(counts["values"].as_array().unwrap().len(), 1);
    let counts = server.get("/api/v1/fields/project").token(READER).send().json();
    assert_eq!(counts["values"], json!([{ "value": null, "count": 10 }]));
    let detail = server.get("/api/v1/fields/colour").token(READER).send().problem(404, "not-found");
    assert!(detail.starts_with("there is no field `colour`; there are source, type,"), "{detail}");

    let histogram = server.get("/api/v1/histogram?width=5m").token(READER).send().json();
    let buckets = json!([
        { "from": "2026-03-01T10:00:00Z", "count": 5 },
        { "from": "2026-03-01T10:05:00Z", "count": 5 },
    ]);
    let (from, to) = ("2026-03-01T10:00:00Z", "2026-03-01T10:10:00Z");
    assert_eq!(histogram, json!({ "width_seconds": 300, "from": from, "to": to, "buckets": buckets }));
    for width in ["", "0s", "5", "x"] {
        let answer = server.get(&format!("/api/v1/histogram?width={width}")).token(READER).send();
        assert!(answer.problem(400, "bad-parameter").contains("must be a number and s, m, h or d"));
    }
}

#[test]
fn answers_are_compressed_when_asked_for() {
    let server = ten();
    let plain = server.get("/api/v1/events").token(READER).send();
    assert_eq!(plain.header("content-encoding"), None);
    assert!(plain.header("content-length").is_some());
    let gzip = server.get("/api/v1/events").token(READER).header("accept-encoding", "gzip").send();
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
    let zstd =
        server.get("/api/v1/events").token(READER).header("accept-encoding", "gzip;q=0.5, zstd").send();
    assert_eq!(zstd.header("content-encoding"), Some("zstd"));
    assert_eq!(zstd::decode_all(&zstd.body[..]).unwrap(), plain.body);
    assert!(zstd.header("vary").unwrap().contains("accept-encoding"));
}

#[test]
fn head_answers_the_headers_of_get() {
    let server = ten();
    let get = server.get("/api/v1/events").token(READER).send();
    let head = crate::client::Request::new(server.address, "HEAD", "/api/v1/events").token(READER).send();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(head.header("content-type"), get.header("content-type"));
}

#[test]
fn links_use_the_address_that_clients_use() {
    let mut setup = Setup::default();
    setup.settings.external_url = Some("https://events.example.org/base/".to_owned());
    let behind = Fixture::with(setup);
    behind.record(&[event("a", 1), event("b", 2)]);
    let answer = behind.list_as(READER, "limit=1");
    let link = answer.header("link").unwrap();
    assert!(link.starts_with("<https://events.example.org/base/api/v1/events?limit=1&cursor="), "{link}");

    let direct = Fixture::start();
    direct.record(&[event("a", 1), event("b", 2)]);
    let link = |host: &str| {
        let request = direct.get("/api/v1/events?limit=1").token(READER).header("host", host);
        request.send().header("link").unwrap().to_owned()
    };
    assert!(link("events.test:8080").starts_with("<http://events.test:8080/api"));
    // A host that is no address is not put into a link.
    for odd in ["user@events.test", "a>;b", "a/b", ""] {
        assert!(link(odd).starts_with(&format!("<http://{}/api", direct.address)), "{odd}: {}", link(odd));
    }
}
