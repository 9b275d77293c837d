//! `GET /api/v1/export`.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Request},
    fixture::{ACME, Fixture, READER, event, event_of},
};

fn ask(server: &Fixture, token: &str, parameters: &str) -> Answer {
    let answer = server.get(&format!("/api/v1/export?{parameters}")).token(token).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_export_is_everything_that_matches() {
    let server = Fixture::start();
    // More than one page of the store.
    let events: Vec<Value> = (0..4_500)
        .map(|number| {
            let mut event = event(if number % 3 == 0 { "third" } else { "other" }, number % 60);
            event["data"] = json!({ "number": number });
            event
        })
        .collect();
    server.record(&events);
    let all = ask(&server, READER, "");
    assert_eq!(all.header("content-type"), Some("application/x-ndjson"));
    let disposition = all.header("content-disposition").unwrap();
    assert!(
        disposition.starts_with("attachment; filename=\"annals-2") && disposition.ends_with("Z.ndjson\"")
    );
    let all = lines(&all);
    assert_eq!(all.len(), events.len());
    assert_eq!(all[..1_000], server.list("order=asc&limit=1000")["events"].as_array().unwrap()[..]);
    let newest = lines(&ask(&server, READER, "order=desc&format=ndjson"));
    assert!(newest.iter().eq(all.iter().rev()));
    assert_eq!(lines(&ask(&server, READER, "type=third")).len(), 1_500);

    let table = ask(&server, READER, "format=csv&type=third").text();
    assert!(table.starts_with("id,seq,time,recorded,source,"), "{}", &table[..80]);
    assert_eq!(table.lines().count(), 1_501);
}

#[test]
fn nothing_is_a_whole_file_too() {
    let server = Fixture::start();
    assert_eq!(ask(&server, READER, "").body, b"");
    assert_eq!(ask(&server, READER, "format=csv").text().lines().count(), 1);
    assert!(is_parquet(&ask(&server, READER, "format=parquet").body));
}

/// Whether a file begins and ends as one of Parquet does; what is in between is read by other people's tools in
/// `clients/exports`.
fn is_parquet(file: &[u8]) -> bool {
    file.len() > 12 && file.starts_with(b"PAR1") && file.ends_with(b"PAR1")
}

#[test]
fn parquet_is_sent_as_it_is_and_several_at_once() {
    let server = Fixture::start();
    server.record(&(0..3_000).map(|number| event("one", number % 60)).collect::<Vec<_>>());
    let path = "/api/v1/export?format=parquet";
    let answer = server.get(path).token(READER).header("accept-encoding", "gzip, zstd").send();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/vnd.apache.parquet"));
    assert_eq!(answer.header("content-encoding"), None, "it is compressed already");
    assert!(answer.header("content-disposition").unwrap().ends_with("Z.parquet\""));
    assert!(is_parquet(&answer.body));
    // Each gives its place back.
    for _ in 0..20 {
        assert!(is_parquet(&ask(&server, READER, "format=parquet").body));
    }
}

#[test]
fn an_export_holds_only_what_the_credential_may_read() {
    let server = Fixture::start();
    server.record(&[event_of("acme", "mine"), event_of("other", "theirs"), event("nobodys", 0)]);
    for format in ["ndjson", "csv"] {
        let text = ask(&server, ACME, &format!("format={format}")).text();
        assert!(text.contains("mine") && !text.contains("theirs") && !text.contains("nobodys"), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_before_the_file_begins() {
    let server = Fixture::start();
    for (parameters, beginning) in [
        ("format=xlsx", "`format` is `xlsx`"),
        ("order=up", "`order` is `up`"),
        ("limit=1", "unknown parameter `limit`"),
    ] {
        let answer = server.get(&format!("/api/v1/export?{parameters}")).token(READER).send();
        let detail = answer.problem(400, "bad-parameter");
        assert!(detail.starts_with(beginning), "{detail}");
    }
    let head = Request::new(server.address, "HEAD", "/api/v1/export?format=csv").token(READER).send();
    assert_eq!(head.status, 200);
    assert!(head.header("content-disposition").unwrap().ends_with(".csv\""));
}
