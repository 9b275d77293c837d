//! Stopping.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use annals_server::Limits;

use crate::{
    client::{connect, read},
    fixture::{Fixture, READER, Setup, WRITER, event, types},
};

/// Waits until no connection is accepted any more.
fn wait_until_closed(server: &Fixture) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(server.address).is_ok() {
        assert!(Instant::now() < deadline, "connections are still accepted");
        std::thread::yield_now();
    }
}

#[test]
fn an_append_in_progress_is_finished_and_kept() {
    let mut server = Fixture::start();
    let (mut stream, body) =
        server.post("/api/v1/events").token(WRITER).json(event("last", 1).to_string()).begin();
    stream.write_all(&body[..10]).unwrap();
    server.begin_stop();
    wait_until_closed(&server);
    stream.write_all(&body[10..]).unwrap();
    assert_eq!(read(&mut stream, false).json()["accepted"], 1);
    let dir = server.wait_stopped();

    // The store was closed: it can be opened again, and has the event.
    let again = Fixture::reopen(Setup::default(), dir);
    assert_eq!(types(&again.list_as(READER, "").json()), ["last"]);
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let mut server = Fixture::start();
    let mut idle = connect(server.address);
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        let mut byte = [0];
        idle.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    let never_used = connect(server.address);
    let before = Instant::now();
    server.begin_stop();
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "the server ends the connection");
    server.wait_stopped();
    assert!(before.elapsed() < Duration::from_secs(20), "stopping took {:?}", before.elapsed());
    drop(never_used);
}

#[test]
fn requests_that_never_end_are_cut_off() {
    let limits = Limits { drain_timeout_seconds: 1, ..Limits::default() };
    let mut server = Fixture::with(Setup::limits(limits));
    let (stream, _) = server.post("/api/v1/events").token(WRITER).json(event("never", 1).to_string()).begin();
    server.begin_stop();
    let dir = server.wait_stopped();
    let again = Fixture::reopen(Setup::default(), dir);
    assert_eq!(again.types(""), Vec::<String>::new());
    drop(stream);
}
