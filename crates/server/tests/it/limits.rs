//! Limits: on bodies, headers, time, requests at once, and where the server listens.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use annals_server::Limits;
use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::{
    client::{connect, read},
    fixture::{Fixture, READER, Setup, WRITER, event},
};

fn small() -> Limits {
    Limits { body_bytes_max: 1 << 20, bodies_bytes_max: 4 << 20, ..Limits::default() }
}

#[test]
fn bodies_are_limited_before_and_after_decompression() {
    let server = Fixture::with(Setup::limits(small()));
    let post = || server.post("/api/v1/events").token(WRITER);
    let large = vec![b' '; (1 << 20) + 1];
    let detail = post().json(&large).send().problem(413, "body-too-large");
    assert!(detail.starts_with("more than 1048576 bytes"), "{detail}");

    let bomb = vec![b' '; 64 << 20];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&bomb).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(gzip.len() < 1 << 20);
    post().header("content-encoding", "gzip").json(&gzip).send().problem(413, "body-too-large");
    let zstd = zstd::encode_all(&bomb[..], 3).unwrap();
    post().header("content-encoding", "zstd").lines(&zstd).send().problem(413, "body-too-large");

    let mut fits = event("fits", 1).to_string().into_bytes();
    fits.resize(1 << 20, b' ');
    assert_eq!(post().json(&fits).send().json()["accepted"], 1);
}

#[test]
fn whoever_is_refused_in_the_middle_of_a_body_hears_the_answer() {
    let server = Fixture::start();
    // More than what the system keeps of both directions.
    let body = vec![b' '; 24 << 20];
    let request = server.post("/api/v1/events").token("wrong");
    let head = request.json(&body).head();
    let mut stream = connect(server.address);
    stream.write_all(head.as_bytes()).unwrap();
    for piece in body.chunks(1 << 20) {
        stream.write_all(piece).expect("the server takes what it does not want");
    }
    read(&mut stream, false).problem(401, "unauthorized");
}

#[test]
fn a_body_without_length_is_limited_too() {
    let server = Fixture::with(Setup::limits(small()));
    let request = server.post("/api/v1/events").token(WRITER).header("content-type", "application/json");
    let mut stream = connect(server.address);
    stream.write_all(request.header("transfer-encoding", "chunked").head().as_bytes()).unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x1_0000], b"\r\n".to_vec()].concat();
    for _ in 0..17 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    read(&mut stream, false).problem(413, "body-too-large");
}

#[test]
fn too_many_events_are_refused_whole() {
    let server = Fixture::start();
    let lines = "{}\n".repeat(100_001);
    let detail =
        server.post("/api/v1/events").token(WRITER).lines(lines).send().problem(413, "body-too-large");
    assert_eq!(detail, "more than 100000 events: send them in several requests");
}

#[test]
fn too_many_requests_are_told_to_come_back() {
    let server = Fixture::with(Setup::limits(Limits { requests_max: 1, ..Limits::default() }));
    let first = server.post("/api/v1/events").token(WRITER).json(event("first", 1).to_string());
    let (mut stream, body) = first.begin();
    let second = server.list_as(READER, "");
    let detail = second.problem(429, "overloaded");
    assert_eq!(detail, "1 requests are in progress: try again later");
    assert_eq!(second.header("retry-after"), Some("1"));
    // Probes pass.
    assert_eq!(server.get("/livez").send().status, 200);
    assert_eq!(server.get("/readyz").send().status, 200);
    stream.write_all(&body).unwrap();
    assert_eq!(read(&mut stream, false).json()["accepted"], 1);
    // The place is free again once the answer is through; its end and the next request are not ordered.
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.list_as(READER, "").status != 200 {
        assert!(Instant::now() < deadline, "the place is never given back");
    }
}

#[test]
fn bodies_in_memory_are_limited_together() {
    let limits = Limits { body_bytes_max: 128 << 10, bodies_bytes_max: 128 << 10, ..Limits::default() };
    let server = Fixture::with(Setup::limits(limits));
    let mut padded = event("first", 1).to_string().into_bytes();
    padded.resize(128 << 10, b' ');
    let (mut stream, body) = server.post("/api/v1/events").token(WRITER).json(&padded).begin();
    stream.write_all(&body[..body.len() - 1]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let taken = || server.get("/metrics").token(READER).send().text();
    while !taken().contains("annals_http_bodies_bytes 131072\n") {
        assert!(Instant::now() < deadline, "the body is never read");
    }
    let second = server.post("/api/v1/events").token(WRITER).json(event("second", 2).to_string()).send();
    second.problem(429, "memory");
    assert_eq!(second.header("retry-after"), Some("1"));
    stream.write_all(&body[body.len() - 1..]).unwrap();
    assert_eq!(read(&mut stream, false).json()["accepted"], 1);
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.post("/api/v1/events").token(WRITER).json("[]").send().status != 200 {
        assert!(Instant::now() < deadline, "the memory is never given back");
    }
}

#[test]
fn a_request_that_is_sent_too_slowly_is_given_up() {
    let limits = Limits { request_timeout_seconds: 1, ..Limits::default() };
    let server = Fixture::with(Setup::limits(limits));
    let (mut stream, body) =
        server.post("/api/v1/events").token(WRITER).json(event("slow", 1).to_string()).begin();
    stream.write_all(&body[..10]).unwrap();
    let answer = read(&mut stream, false);
    answer.problem(408, "request-timeout");
    assert_eq!(server.list("total=true")["total"], json!(0));
}

#[test]
fn headers_that_are_sent_too_slowly_end_the_connection() {
    let limits = Limits { header_timeout_seconds: 1, ..Limits::default() };
    let server = Fixture::with(Setup::limits(limits));
    // Half a head; nothing; nothing more after an answer.
    for sent in ["GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: ", "", "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = connect(server.address);
        stream.write_all(sent.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The client's patience is far longer than a second: an error would mean that nobody ended the connection.
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer).contains("200 OK"), sent.ends_with("\r\n\r\n"), "{sent}");
    }
}

#[test]
fn headers_are_limited() {
    let limits = Limits { header_bytes_max: 16 << 10, ..Limits::default() };
    let server = Fixture::with(Setup::limits(limits));
    assert_eq!(server.get("/livez").header("x-long", &"x".repeat(10 << 10)).send().status, 200);
    assert_eq!(server.get("/livez").header("x-long", &"x".repeat(17 << 10)).send().status, 431);
    let mut many = server.get("/livez");
    for number in 0..120 {
        many = many.header(&format!("x-{number}"), "1");
    }
    assert_eq!(many.send().status, 431);
}

#[test]
fn what_is_no_http_is_refused() {
    let server = Fixture::start();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01"[..],
        b"GET /livez\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    ] {
        let mut stream = connect(server.address);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!(server.get("/livez").send().status, 200);
}

fn bind_error(setup: Setup) -> String {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(setup.bind(&dir)).err().unwrap().to_string()
}

#[test]
fn it_does_not_listen_beyond_loopback_without_credentials() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut setup = Setup { credentials: json!([]), ..Setup::default() };
    setup.settings.listen = everywhere;
    assert_eq!(
        bind_error(setup),
        "refusing to listen on 0.0.0.0:0 without credentials: add a `[[credential]]` to the configuration, or listen on 127.0.0.1"
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut setup = Setup::default();
    setup.settings.listen = everywhere;
    let dir = tempfile::tempdir().unwrap();
    assert!(runtime.block_on(setup.bind(&dir)).is_ok());
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup { credentials: json!([]), ..Setup::default() };
    assert!(runtime.block_on(setup.bind(&dir)).is_ok());
}

#[test]
fn settings_that_cannot_be_are_named() {
    let setup = Setup::limits(Limits { connections_max: 0, ..Limits::default() });
    assert_eq!(bind_error(setup), "`limits.connections_max` is 0: must be 1 to 1048576");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut setup = Setup::default();
    setup.settings.listen = taken.local_addr().unwrap();
    assert!(bind_error(setup).starts_with(&format!("cannot listen on {}: ", taken.local_addr().unwrap())));
}

#[test]
fn without_credentials_nobody_reads_or_writes() {
    let server = Fixture::with(Setup { credentials: json!([]), ..Setup::default() });
    server.list_as(READER, "").problem(401, "unauthorized");
    server.get("/api/v1/events").send().problem(401, "unauthorized");
    // Nobody could have a credential for the metrics, and nobody but this machine can ask.
    assert_eq!(server.get("/metrics").send().status, 200);
}

#[test]
fn every_limit_is_documented() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let documented = std::fs::read_to_string(root.join("docs/limits.md")).unwrap();
    for file in ["crates/model/src/limits.rs", "crates/server/src/limits.rs"] {
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        let names = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
        let missing: Vec<&str> = names.filter(|name| !documented.contains(&format!("`{name}`"))).collect();
        assert_eq!(missing, Vec::<&str>::new(), "{file} has limits that docs/limits.md does not list");
    }
    let defaults = format!("{:?}", Limits::default());
    let fields = defaults.trim_start_matches("Limits { ").trim_end_matches(" }").split(", ");
    for (name, value) in fields.map(|field| field.split_once(": ").unwrap()) {
        let row = format!("| `{name}` | {value} |");
        assert!(documented.contains(&row), "docs/limits.md has no row that begins with\n{row}");
    }
}

#[test]
fn a_full_disk_is_told_and_reading_goes_on() {
    let server = Fixture::with(Setup { free_bytes_min: u64::MAX, ..Setup::default() });
    let answer = server.post("/api/v1/events").token(WRITER).json(event("a", 1).to_string()).send();
    let detail = answer.problem(503, "disk-low");
    assert!(detail.ends_with("free some space"), "{detail}");
    assert_eq!(answer.header("retry-after"), Some("30"));
    let ready = server.get("/readyz").send();
    assert_eq!(ready.status, 503);
    let state = ready.json();
    assert_eq!((&state["ready"], &state["checks"][0]["ok"]), (&json!(false), &json!(false)));
    assert_eq!(server.get("/livez").send().status, 200);
    assert_eq!(server.list("total=true")["total"], 0);
}
