//! `GET /api/v1/me` and `GET /api/v1/events/{id}/dialects`.

use serde_json::{Value, json};

use crate::{
    client::Request,
    fixture::{ACME, ADMIN, Fixture, NOBODY, READER, Setup, WEB, WRITER, event_of},
};

const TENANT: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const ID: &str = "0192d3a4-0000-7000-8000-00000000000a";

#[test]
fn everybody_is_told_who_they_are() {
    let mut setup = Setup::default();
    setup.settings.mask.keys = vec!["pin".to_owned()];
    let server = Fixture::with(setup);
    let me = |token: &str| {
        let answer = server.get("/api/v1/me").token(token).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let acme = me(ACME);
    assert_eq!(acme["name"], "acme");
    assert_eq!(
        acme["grants"],
        json!([{ "role": "reader", "organization": "acme" }, { "role": "writer", "organization": "acme" }])
    );
    assert_eq!(acme["server"], json!({ "version": env!("CARGO_PKG_VERSION") }));
    assert_eq!(acme["mask"]["keys"], json!(["pin"]));
    assert!(acme["mask"]["values"].as_array().unwrap().contains(&json!("-----BEGIN")));
    assert_eq!(
        acme["dialects"],
        json!(["cloudfoundry", "exoscale", "fujitsu", "qovery", "rafay", "rds"]),
        "a platform more or less is one for this test too"
    );
    for (token, organizations) in [
        (ACME, json!(["acme"])),
        (WEB, json!(["acme"])),
        (ADMIN, Value::Null),
        (READER, Value::Null),
        (WRITER, json!([])),
        (NOBODY, json!([])),
    ] {
        assert_eq!(me(token)["organizations"], organizations, "{token}");
    }
    server.get("/api/v1/me?a=b").token(READER).send().problem(400, "bad-parameter");
    let head = Request::new(server.address, "HEAD", "/api/v1/me").token(READER).send();
    assert_eq!(head.status, 200);
}

#[test]
fn an_event_is_shown_in_every_dialect_that_has_words_for_it() {
    let server = Fixture::start();
    let mut event = event_of(TENANT, "app.create");
    event["id"] = ID.into();
    event["outcome"] = "success".into();
    event["actor"] = json!({ "type": "user", "name": "alice" });
    event["target"] = json!({ "type": "database", "id": "db-1", "name": "orders" });
    server.record(&[event]);
    let answer = server.get(&format!("/api/v1/events/{ID}/dialects")).token(READER).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let of = |name: &str| {
        let list = answer["dialects"].as_array().unwrap();
        list.iter().find(|dialect| dialect["dialect"] == name).unwrap().clone()
    };
    for name in ["exoscale", "fujitsu", "qovery", "rds"] {
        let dialect = of(name);
        assert_eq!((&dialect["shown"], &dialect["why"]), (&json!(true), &Value::Null), "{dialect}");
        let curl = dialect["curl"].as_str().unwrap();
        assert!(curl.contains(&format!("http://{}/", server.address)), "{curl}");
        assert!(curl.contains("$TOKEN") || curl.contains("$SECRET"), "{curl}");
    }
    assert_eq!(of("fujitsu")["body"]["sourceIdentifier"], "db-1");
    assert_eq!(of("qovery")["body"]["target_name"], "orders");
    assert_eq!(of("rds")["content_type"], "text/xml");
    assert!(of("rds")["body"].as_str().unwrap().starts_with("<Event>"));
    let rafay = of("rafay");
    assert_eq!(
        (&rafay["shown"], &rafay["body"], &rafay["curl"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    assert!(rafay["why"].as_str().unwrap().contains("`create` of `database`"), "{rafay}");
    for (path, token, status, kind) in [
        ("/api/v1/events/nothing/dialects".to_owned(), READER, 404, "not-found"),
        (format!("/api/v1/events/{ID}/dialects"), ACME, 404, "not-found"),
        (format!("/api/v1/events/{ID}/dialects?x=y"), READER, 400, "bad-parameter"),
    ] {
        server.get(&path).token(token).send().problem(status, kind);
    }
}
