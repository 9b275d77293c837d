//! Probes, metrics, request identifiers, and what is nowhere.

use serde_json::json;

use crate::{
    client::Request,
    fixture::{ACME, ADMIN, Fixture, READER, WRITER, event, event_of},
};

#[test]
fn the_server_says_that_it_is_alive_and_ready() {
    let server = Fixture::start();
    let live = server.get("/livez").send();
    assert_eq!((live.status, live.text().as_str()), (200, "ok\n"));
    let ready = server.get("/readyz").send();
    assert_eq!(ready.status, 200);
    let checks = json!([{ "name": "writes", "ok": true }, { "name": "upkeep", "ok": true }]);
    assert_eq!(ready.json(), json!({ "ready": true, "checks": checks }));
}

#[test]
fn a_store_whose_write_failed_refuses_events_and_answers_questions() {
    let server = Fixture::start();
    server.record(&[event("a", 1)]);
    let catalog = rusqlite::Connection::open(server.data_dir().join("catalog.sqlite")).unwrap();
    catalog.execute_batch("ALTER TABLE log RENAME TO gone").unwrap();
    for _ in 0..2 {
        let refused = server.post("/api/v1/events").token(WRITER).json(event("b", 2).to_string()).send();
        assert!(refused.header("retry-after").is_some());
        let detail = refused.problem(503, "store-stopped");
        assert!(detail.contains("an earlier write failed") && detail.contains("restarted"), "{detail}");
        assert!(!detail.contains("table"), "what failed is for the log: {detail}");
    }
    let ready = server.get("/readyz").send();
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["checks"][0]["ok"], false);
    assert_eq!(server.get("/livez").send().status, 200);
    assert_eq!(server.types(""), ["a"]);
    assert!(server.get("/metrics").token(READER).send().text().contains("annals_store_refusing 1"));
}

#[test]
fn metrics_have_their_names() {
    let server = Fixture::start();
    server.record(&[event("a", 1)]);
    let mixed = json!([event_of("acme", "b"), event_of("other", "c"), 1]).to_string();
    assert_eq!(server.post("/api/v1/events").token(ACME).json(mixed).send().json()["accepted"], 1);
    let one = r#"{"type":"d","time":"2026-03-01T10:00:00Z","id":"0192d3a4-0000-7000-8000-00000000000a"}"#;
    for _ in 0..2 {
        server.post("/api/v1/events").token(WRITER).json(one).send();
    }
    server.list("");
    server.get("/api/v1/events").send();
    server.get("/made-up-by-a-client").send();
    Request::new(server.address, "BREW", "/api/v1/events").token(READER).send();

    let answer = server.get("/metrics").token(READER).send();
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = answer.text();
    for line in [
        concat!("annals_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "annals_events_accepted_total 3",
        "annals_events_duplicate_total 1",
        "annals_events_rejected_total{cause=\"invalid\"} 1",
        "annals_events_rejected_total{cause=\"forbidden\"} 1",
        "annals_http_refusals_total{cause=\"unauthorized\"} 1",
        "annals_http_requests_total{method=\"GET\",route=\"/api/v1/events\",status=\"4xx\"} 1",
        "annals_http_requests_total{method=\"GET\",route=\"none\",status=\"4xx\"} 1",
        "annals_http_requests_total{method=\"OTHER\",route=\"/api/v1/events\",status=\"4xx\"} 1",
        "annals_store_events 3",
        "annals_store_refusing 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    for beginning in [
        "annals_http_request_duration_seconds_bucket{",
        "annals_http_requests_in_progress ",
        "annals_http_bodies_bytes ",
        "annals_store_segments ",
        "annals_store_segment_bytes ",
        "annals_store_tail_events ",
        "annals_store_log_bytes ",
        "annals_store_queue_bytes ",
        "annals_store_queue_events ",
        "annals_store_commit_last_seconds ",
        "annals_store_seal_last_seconds ",
        "annals_store_merge_last_seconds ",
        "annals_store_commits_total ",
        "annals_store_overloads_total ",
    ] {
        assert!(text.lines().any(|found| found.starts_with(beginning)), "{beginning}\nis not in\n{text}");
    }
    assert!(!text.contains("made-up-by-a-client") && !text.contains("BREW"));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn every_answer_carries_a_request_id() {
    let server = Fixture::start();
    for path in ["/livez", "/api/v1/events", "/nowhere", "/metrics"] {
        let id = server.get(path).send().header("x-request-id").unwrap().to_owned();
        assert_eq!(id.len(), 36, "{path}");
        let own = server.get(path).header("x-request-id", "trace/42").send();
        assert_eq!(own.header("x-request-id"), Some("trace/42"), "{path}");
        let odd = server.get(path).header("x-request-id", "a b\"c").send();
        assert_eq!(odd.header("x-request-id").unwrap().len(), 36, "{path}");
    }
    assert_ne!(
        server.get("/livez").send().header("x-request-id"),
        server.get("/livez").send().header("x-request-id")
    );
}

#[test]
fn where_nothing_is_a_problem_says_so() {
    let server = Fixture::start();
    for path in ["/api/v1/event", "/api/v1/events/a/b", "/api/v2/events", "/nowhere", "/livez/"] {
        let detail = server.get(path).token(ADMIN).send().problem(404, "not-found");
        assert!(detail.contains(&format!("`{path}`")), "{detail}");
    }
    for (method, path, allow) in [
        ("DELETE", "/api/v1/events", "GET, HEAD, POST"),
        ("POST", "/livez", "GET, HEAD"),
        ("PUT", "/api/v1/events/x", "GET, HEAD"),
        ("GET", "/api/v1/import/rafay", "POST"),
    ] {
        let answer = Request::new(server.address, method, path).token(ADMIN).send();
        let detail = answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
        assert_eq!(detail, format!("`{path}` answers {allow}, not {method}"));
    }
}
