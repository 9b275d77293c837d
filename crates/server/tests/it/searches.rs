//! `/api/v1/searches`.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Request},
    fixture::{ACME, ADMIN, Fixture, NOBODY, READER, Setup, WEB, WRITER},
};

fn put(server: &Fixture, token: &str, name: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/searches/{name}");
    Request::new(server.address, "PUT", &path).token(token).json(body.to_string()).send()
}

fn delete(server: &Fixture, token: &str, name: &str) -> Answer {
    Request::new(server.address, "DELETE", &format!("/api/v1/searches/{name}")).token(token).send()
}

fn get(server: &Fixture, token: &str, name: &str) -> Answer {
    server.get(&format!("/api/v1/searches/{name}")).token(token).send()
}

/// Names and owners of the searches somebody sees.
fn seen(server: &Fixture, token: &str) -> Vec<String> {
    let answer = server.get("/api/v1/searches").token(token).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let list = answer.json();
    let one = |search: &Value| {
        format!("{} of {}", search["name"].as_str().unwrap(), search["owner"].as_str().unwrap())
    };
    list["searches"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_search_is_kept_for_its_owner_also_over_a_restart() {
    let mut server = Fixture::start();
    let body = json!({ "search": "outcome:failure", "description": "what failed", "shared": false,
        "view": { "columns": ["time"], "b": 1, "a": 1.50 } });
    let answer = put(&server, ACME, "what%20failed%2F%C3%A9", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let saved = answer.json();
    assert_eq!((&saved["name"], &saved["owner"]), (&json!("what failed/é"), &json!("acme")));
    for (member, value) in body.as_object().unwrap() {
        assert_eq!(&saved[member], value, "{member}");
    }
    assert!(answer.text().contains(r#""view":{"columns":["time"],"b":1,"a":1.5}"#), "as it was sent");
    assert_eq!(get(&server, ACME, "what%20failed%2F%C3%A9").json(), saved);
    get(&server, READER, "what%20failed%2F%C3%A9").problem(404, "not-found");
    assert_eq!(seen(&server, READER), Vec::<String>::new());

    server.begin_stop();
    let server = Fixture::reopen(Setup::default(), server.wait_stopped());
    assert_eq!(get(&server, ACME, "what%20failed%2F%C3%A9").json(), saved);
    assert_eq!(put(&server, ACME, "what%20failed%2F%C3%A9", &json!({})).json()["search"], "");
    assert_eq!(seen(&server, ACME), ["what failed/é of acme"]);
    assert_eq!(delete(&server, ACME, "what%20failed%2F%C3%A9").status, 204);
    delete(&server, ACME, "what%20failed%2F%C3%A9").problem(404, "not-found");
}

#[test]
fn administrators_share() {
    let server = Fixture::start();
    let shared = json!({ "search": "shared", "shared": true });
    for token in [READER, ACME, WEB] {
        let detail = put(&server, token, "a", &shared).problem(403, "forbidden");
        assert!(detail.starts_with("only an administrator of everything"), "{detail}");
    }
    assert_eq!(put(&server, ADMIN, "a", &shared).status, 200);
    assert_eq!(seen(&server, READER), ["a of admin"]);
    assert_eq!(get(&server, READER, "a").json()["search"], "shared");
    delete(&server, READER, "a").problem(403, "forbidden");
    // One's own comes before the shared one of the same name, and goes first.
    assert_eq!(put(&server, READER, "a", &json!({ "search": "mine" })).status, 200);
    assert_eq!(get(&server, READER, "a").json()["search"], "mine");
    assert_eq!(get(&server, ACME, "a").json()["search"], "shared");
    assert_eq!(seen(&server, READER).len(), 2);
    assert_eq!(delete(&server, READER, "a").status, 204);
    assert_eq!(get(&server, READER, "a").json()["search"], "shared");
    // No longer shared, it is its owner's.
    assert_eq!(put(&server, ADMIN, "a", &json!({ "search": "shared" })).status, 200);
    get(&server, READER, "a").problem(404, "not-found");
    assert_eq!(get(&server, ADMIN, "a").json()["shared"], false);
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_saved() {
    let server = Fixture::start();
    for (body, beginning) in [
        (json!([]), "not a search: "),
        (json!({ "colour": 1 }), "not a search: unknown field `colour`"),
        (json!({ "name": "b" }), "`name` is not `a`"),
        (json!({ "view": [] }), "`view` must be an object"),
        (json!({ "search": "x".repeat(8_193) }), "`search` has 8193 bytes, at most 8192"),
        (json!({ "description": "x".repeat(4_097) }), "`description` has 4097 bytes, at most 4096"),
    ] {
        let detail = put(&server, ACME, "a", &body).problem(400, "bad-body");
        assert!(detail.starts_with(beginning), "{detail}");
    }
    put(&server, ACME, "a", &json!({ "view": { "x": "x".repeat(70_000) } })).problem(413, "body-too-large");
    put(&server, ACME, &"x".repeat(129), &json!({})).problem(400, "bad-parameter");
    put(&server, ACME, "a%0Ab", &json!({})).problem(400, "bad-parameter");
    let plain = Request::new(server.address, "PUT", "/api/v1/searches/a").token(ACME).body("{}").send();
    plain.problem(415, "unsupported-media-type");
    let post = server.post("/api/v1/searches/a").token(ACME).json("{}").send();
    post.problem(405, "method-not-allowed");
    assert_eq!(post.header("allow"), Some("GET, HEAD, PUT, DELETE"));
    for token in [WRITER, NOBODY] {
        put(&server, token, "a", &json!({})).problem(403, "forbidden");
        delete(&server, token, "a").problem(403, "forbidden");
        server.get("/api/v1/searches").token(token).send().problem(403, "forbidden");
    }
    assert_eq!(seen(&server, ACME), Vec::<String>::new());
    // A name that is repeated, and null for what is not there, are fine.
    assert_eq!(put(&server, ACME, "a", &json!({ "name": "a", "view": null })).status, 200);
}

#[test]
fn there_are_only_so_many() {
    let server = Fixture::start();
    for number in 0..200 {
        assert_eq!(put(&server, ACME, &format!("s{number}"), &json!({})).status, 200);
    }
    let detail = put(&server, ACME, "one-more", &json!({})).problem(409, "too-many-searches");
    assert_eq!(detail, "there are 200 saved searches already: remove one first");
    assert_eq!(put(&server, ACME, "s7", &json!({})).status, 200);
    assert_eq!(put(&server, READER, "one-more", &json!({})).status, 200);
}
