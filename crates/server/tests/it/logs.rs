//! What is logged of a request, and what never is.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::fixture::{Fixture, READER, WRITER, event};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn lines() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Capture;

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps the log of all servers of this process, as JSON lines.
pub(crate) fn capture() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let log =
            tracing_subscriber::fmt().json().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
        log.with_writer(|| Capture).init();
    });
}

/// The log line of the request with this identifier. It is written when the answer is through, which the client may
/// see first.
fn line(id: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let text = String::from_utf8_lossy(&lines()).into_owned();
        let parsed = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found = parsed.filter(|line| line["fields"]["message"] == "request");
        if let Some(line) = found.into_iter().find(|line| line["fields"]["request_id"] == id) {
            return line["fields"].clone();
        }
        assert!(Instant::now() < deadline, "{id} is not in the log");
        std::thread::yield_now();
    }
}

#[test]
fn a_request_leaves_one_line_without_secrets() {
    let server = Fixture::start();
    let list = server
        .get("/api/v1/events?q=hush-query&labels.x=hush-label")
        .token(READER)
        .header("x-request-id", "log-1")
        .header("user-agent", "hush-agent")
        .header("cookie", "hush-cookie");
    let answer = list.send();
    let fields = line("log-1");
    assert_eq!(fields["method"], "GET");
    assert_eq!(fields["route"], "/api/v1/events");
    assert_eq!(fields["status"], 200);
    assert_eq!(fields["principal"], "reader");
    assert_eq!(fields["bytes"], answer.body.len());
    assert!(fields["duration_ms"].as_f64().unwrap() > 0.0);

    let refused = server.get("/nowhere?token=hush-query").header("authorization", "Bearer hush-token");
    assert_eq!(refused.header("x-request-id", "log-2").send().status, 404);
    let fields = line("log-2");
    assert_eq!((&fields["route"], &fields["principal"]), (&"none".into(), &"".into()));

    let mut hushed = event("hush-type", 1);
    hushed["message"] = "hush-message".into();
    let body = format!("[{hushed}, {{\"hush-field\": 1}}]");
    let posted =
        server.post("/api/v1/events").header("x-api-key", WRITER).header("x-request-id", "log-3").json(body);
    assert_eq!(posted.send().json()["accepted"], 1);
    assert_eq!(line("log-3")["principal"], "writer");

    let text = String::from_utf8_lossy(&lines()).into_owned();
    assert_eq!(text.matches("\"request_id\":\"log-1\"").count(), 1);
    for secret in ["hush-", READER, WRITER] {
        let found = text.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret} is in the log");
    }
}
