//! `POST /api/v1/events`.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    client::Answer,
    fixture::{ACME, ADMIN, Fixture, NOBODY, READER, WEB, WRITER, event, event_of},
};

fn post(server: &Fixture, token: &str, body: &str) -> Answer {
    server.post("/api/v1/events").token(token).json(body).send()
}

#[test]
fn one_event_an_array_and_lines_are_recorded() {
    let server = Fixture::start();
    let empty = json!([]);
    let answer = post(&server, WRITER, &event("one", 1).to_string());
    assert_eq!(answer.json(), json!({ "accepted": 1, "duplicates": 0, "rejected": empty }));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let array = json!([event("two", 2), event("three", 3)]);
    assert_eq!(post(&server, WRITER, &array.to_string()).json()["accepted"], 2);
    let lines = format!("\n{}\r\n\r\n  \n{}", event("four", 4), event("five", 5));
    let answer = server.post("/api/v1/events").token(WRITER).lines(lines).send();
    assert_eq!(answer.json(), json!({ "accepted": 2, "duplicates": 0, "rejected": empty }));
    assert_eq!(server.types("order=asc"), ["one", "two", "three", "four", "five"]);
    assert_eq!(post(&server, WRITER, "[]").json(), json!({ "accepted": 0, "duplicates": 0, "rejected": [] }));
}

#[test]
fn sending_again_changes_nothing() {
    let server = Fixture::start();
    let mut event = event("once", 1);
    event["id"] = "0192d3a4-0000-7000-8000-000000000001".into();
    assert_eq!(post(&server, WRITER, &event.to_string()).json()["accepted"], 1);
    let again = post(&server, WRITER, &json!([event, event]).to_string()).json();
    assert_eq!(again, json!({ "accepted": 0, "duplicates": 2, "rejected": [] }));
    assert_eq!(server.types(""), ["once"]);
}

#[test]
fn a_bad_line_among_good_ones_is_named_and_the_others_are_stored() {
    let server = Fixture::start();
    let lines = [
        event("one", 1).to_string(),
        event("two", 2).to_string(),
        r#"{"type": "three", "time": "#.to_owned(),
        event("four", 4).to_string(),
        event("five", 5).to_string(),
    ];
    let answer = server.post("/api/v1/events").token(WRITER).lines(lines.join("\n")).send().json();
    assert_eq!(answer["accepted"], 4);
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!((&rejected[0]["index"], &rejected[0]["line"]), (&json!(2), &json!(3)));
    assert!(rejected[0]["error"].as_str().unwrap().starts_with("not an event: EOF"), "{answer}");
    assert_eq!(server.types("order=asc"), ["one", "two", "four", "five"]);
}

#[test]
fn blank_lines_count_as_lines_but_not_as_events() {
    let server = Fixture::start();
    let body = format!("\n\n{}\n\n{{}}\n", event("one", 1));
    let answer = server.post("/api/v1/events").token(WRITER).lines(body).send().json();
    assert_eq!((&answer["rejected"][0]["index"], &answer["rejected"][0]["line"]), (&json!(1), &json!(5)));
}

#[test]
fn a_bad_element_rejects_only_itself() {
    let server = Fixture::start();
    let mut unknown_field = event("b", 2);
    unknown_field["colour"] = "red".into();
    let body = json!([event("a", 1), unknown_field, 42, { "type": "c" }, event("d", 4)]);
    let answer = post(&server, WRITER, &body.to_string()).json();
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(2), &json!(0)));
    let rejected: Vec<(u64, &str)> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["index"].as_u64().unwrap(), one["error"].as_str().unwrap()))
        .collect();
    assert_eq!(rejected.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(rejected[0].1.contains("unknown field `colour`"), "{rejected:?}");
    assert!(rejected[2].1.contains("missing field `time`"), "{rejected:?}");
    assert!(answer["rejected"][0].get("line").is_none());
}

#[test]
fn a_malformed_document_is_refused_with_its_place() {
    let server = Fixture::start();
    for (body, part) in [
        ("{\n  \"type\": \"a\",\n  \"time\" 1}", "line 3 column 10"),
        ("[{\"type\": \"a\"},\n]", "line 2 column 1"),
        ("[{}] x", "line 1 column 6"),
        ("", "the body is empty"),
        ("  \n ", "the body is empty"),
        ("\"text\"", "neither an event nor an array"),
        ("nul", "not valid JSON"),
        ("{\"type\": \"\u{0}\"}", "not valid JSON"),
    ] {
        let answer = post(&server, WRITER, body);
        let detail = answer.problem(400, "bad-body");
        assert!(detail.contains(part), "{body:?}: {detail}");
    }
    let answer =
        server.post("/api/v1/events").token(WRITER).json([b'{', b'"', 0xff, b'"', b':', b'1', b'}']).send();
    answer.problem(400, "bad-body");
    assert_eq!(server.types(""), Vec::<String>::new());
}

#[test]
fn other_content_types_are_refused() {
    let server = Fixture::start();
    let body = event("a", 1).to_string();
    for content_type in ["application/x-www-form-urlencoded", "text/plain", "application/jsonx", ""] {
        let mut request = server.post("/api/v1/events").token(WRITER).body(&body);
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let answer = request.send();
        let detail = answer.problem(415, "unsupported-media-type");
        assert!(detail.contains("application/x-ndjson"), "{detail}");
        assert_eq!(answer.header("accept"), Some("application/json, application/x-ndjson"));
    }
    let typed =
        server.post("/api/v1/events").token(WRITER).header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(typed.body(&body).send().json()["accepted"], 1);
}

#[test]
fn compressed_bodies_are_read() {
    let server = Fixture::start();
    let gzipped = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zipped = gzipped(&event("gzip", 1).to_string());
    let request =
        server.post("/api/v1/events").token(WRITER).header("content-encoding", "gzip").json(&zipped);
    assert_eq!(request.send().json()["accepted"], 1);
    // gzip allows several members one after another.
    let members =
        [gzipped(&format!("{}\n", event("first", 2))), gzipped(&event("second", 3).to_string())].concat();
    let request =
        server.post("/api/v1/events").token(WRITER).header("content-encoding", "GZIP").lines(members);
    assert_eq!(request.send().json()["accepted"], 2);
    let zstd = zstd::encode_all(event("zstd", 4).to_string().as_bytes(), 3).unwrap();
    let request = server.post("/api/v1/events").token(WRITER).header("content-encoding", "zstd").json(zstd);
    assert_eq!(request.send().json()["accepted"], 1);
    let plain = event("plain", 5).to_string();
    let request =
        server.post("/api/v1/events").token(WRITER).header("content-encoding", "identity").json(&plain);
    assert_eq!(request.send().json()["accepted"], 1);
    assert_eq!(server.types("order=asc"), ["gzip", "first", "second", "zstd", "plain"]);

    let request = server.post("/api/v1/events").token(WRITER).header("content-encoding", "br").json(&plain);
    let answer = request.send();
    assert!(answer.problem(415, "unsupported-media-type").contains("`br`"));
    assert_eq!(answer.header("accept-encoding"), Some("gzip, zstd"));
    let request = server.post("/api/v1/events").token(WRITER).header("content-encoding", "gzip").json(&plain);
    request.send().problem(400, "bad-body");
    let cut = &zipped[..zipped.len() - 9];
    let request = server.post("/api/v1/events").token(WRITER).header("content-encoding", "gzip").json(cut);
    request.send().problem(400, "bad-body");
}

#[test]
fn a_writer_writes_only_what_it_may() {
    let server = Fixture::start();
    let mut in_web = event_of("acme", "web");
    in_web["project"] = json!({ "id": "web" });
    let body = json!([event_of("acme", "mine"), event_of("other", "theirs"), event("nobodys", 1), in_web]);
    let answer = post(&server, ACME, &body.to_string()).json();
    let expected = json!({ "accepted": 2, "duplicates": 0, "rejected": [
        { "index": 1, "error": "not allowed to write to organization `other`" },
        { "index": 2, "error": "not allowed to write events without an organization" },
    ] });
    assert_eq!(answer, expected);
    let answer = post(&server, WEB, &json!([event_of("acme", "more"), 1]).to_string()).json();
    assert_eq!(answer["rejected"][0]["error"], "not allowed to write to organization `acme`");
    assert_eq!(answer["accepted"], 0);
    assert_eq!(server.list("total=true")["total"], 2);
}

#[test]
fn who_may_write_nothing_of_it_is_refused() {
    let server = Fixture::start();
    let theirs = event_of("other", "theirs").to_string();
    for token in [READER, NOBODY] {
        let detail = post(&server, token, &theirs).problem(403, "forbidden");
        assert_eq!(detail, "this credential is not allowed to record events");
    }
    let detail = post(&server, ACME, &theirs).problem(403, "forbidden");
    assert_eq!(detail, "this credential is not allowed to write to organization `other`");
    assert_eq!(server.types(""), Vec::<String>::new());
}

#[test]
fn an_event_comes_back_as_it_was_sent() {
    let server = Fixture::start();
    let sent = json!({
        "id": "0192d3a4-0000-7000-8000-00000000000a",
        "time": "2026-03-01T10:00:00.123456789Z",
        "source": "native",
        "type": "app.create",
        "action": "create",
        "outcome": "success",
        "organization": { "id": "acme", "name": "Acme" },
        "actor": { "type": "user", "id": "u1", "name": "alice@example.com" },
        "labels": { "team": "blue" },
        "data": { "z": 1.50, "a": [null, "\u{1F600}"] },
    });
    server.record(std::slice::from_ref(&sent));
    let answer = server.get("/api/v1/events/0192d3a4-0000-7000-8000-00000000000a").token(READER).send();
    let mut got = answer.json();
    assert!(got["seq"].as_u64().unwrap() > 0);
    assert!(got["recorded"].is_string());
    let object = got.as_object_mut().unwrap();
    object.remove("seq");
    object.remove("recorded");
    assert_eq!(got, sent);
    assert!(answer.text().contains(r#""data":{"z":1.5,"a":[null,"😀"]}"#), "{}", answer.text());
    // What is exported can be imported as it is.
    let list = server.list("");
    let again = post(&server, ADMIN, &list["events"].to_string()).json();
    assert_eq!(again["duplicates"], 1, "{again}");
}

#[test]
fn parameters_are_refused() {
    let server = Fixture::start();
    let request =
        server.post("/api/v1/events?organization=acme").token(WRITER).json(event("a", 1).to_string());
    let detail = request.send().problem(400, "bad-parameter");
    assert_eq!(detail, "unknown parameter `organization`: this request takes none");
    assert_eq!(server.list("total=true")["total"], Value::from(0));
}
