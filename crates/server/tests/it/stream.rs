//! `GET /api/v1/events/stream`.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use annals_model::LogCursor;
use serde_json::{Value, json};

use crate::{
    client::{Request, connect},
    fixture::{ACME, ADMIN, Fixture, NOBODY, READER, Setup, WRITER, event, event_of},
};

/// One message of a stream: its id, and its event where it has one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) event: Option<Value>,
}

/// An open stream.
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
    pub(crate) head: String,
}

impl Stream {
    pub(crate) fn open(request: &Request, server: &Fixture) -> Self {
        let mut stream = connect(server.address);
        stream.write_all(request.head().as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Self { reader, head: head.to_lowercase() }
    }

    fn with(server: &Fixture, token: &str, parameters: &str) -> Self {
        Self::open(&server.get(&format!("/api/v1/events/stream?{parameters}")).token(token), server)
    }

    /// The next line of the body; `None` at its end. Chunks begin and end with lines here.
    fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // Sizes of chunks are on lines that end as HTTP's do.
            if let Some(size) = line.strip_suffix("\r\n") {
                if size == "0" {
                    return None;
                }
                continue;
            }
            return Some(line.trim_end_matches('\n').to_owned());
        }
    }

    /// The next message that has an id; `None` at the end.
    pub(crate) fn message(&mut self) -> Option<Message> {
        let (mut id, mut event, mut name) = (None, None, None);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                if let Some(id) = id.take() {
                    assert_eq!(event.is_some(), name.as_deref() == Some("event"));
                    return Some(Message { id, event });
                }
            } else if let Some(text) = line.strip_prefix("id: ") {
                id = Some(text.to_owned());
            } else if let Some(text) = line.strip_prefix("data: ") {
                event = Some(serde_json::from_str(text).unwrap());
            } else if let Some(text) = line.strip_prefix("event: ") {
                name = Some(text.to_owned());
            } else {
                assert!(line.starts_with(": ") || line.starts_with("retry: "), "{line}");
            }
        }
    }

    /// The types of the next events.
    fn types(&mut self, count: usize) -> Vec<String> {
        let mut types = Vec::new();
        while types.len() < count {
            if let Some(event) = self.message().expect("the stream ended").event {
                types.push(event["type"].as_str().unwrap().to_owned());
            }
        }
        types
    }

    fn last_id(&mut self) -> String {
        self.message().unwrap().id
    }
}

fn heartbeat_of_a_second() -> Setup {
    let mut setup = Setup::default();
    setup.settings.limits.stream_heartbeat_seconds = 1;
    setup
}

#[test]
fn events_come_in_the_order_of_the_log() {
    let server = Fixture::start();
    let before = [event("late", 9), event("early", 1)];
    server.record(&before);
    let mut all = Stream::with(&server, READER, "since=start");
    assert!(all.head.contains("content-type: text/event-stream"), "{}", all.head);
    assert!(!all.head.contains("content-encoding"), "{}", all.head);
    let mut new = Stream::with(&server, READER, "");
    let mut behind = Stream::with(&server, READER, "since=1&type=early&type=older");
    assert_eq!(all.types(2), ["late", "early"]);
    // An event of long ago is new all the same.
    server.record(&[event("older", 0)]);
    assert_eq!(all.types(1), ["older"]);
    assert_eq!(new.types(1), ["older"]);
    assert_eq!(behind.types(2), ["early", "older"]);
    // The event in a stream is the event.
    let mut again = Stream::with(&server, READER, "since=2");
    again.message();
    let streamed = again.message().unwrap().event.unwrap();
    assert_eq!(streamed, server.list("type=older")["events"][0]);
}

#[test]
fn a_stream_goes_on_where_it_was() {
    let server = Fixture::start();
    server.record(&[event("a", 0), event("b", 1), event("c", 2)]);
    let mut first = Stream::with(&server, READER, "since=start");
    let opened = first.last_id();
    let ids: Vec<String> = (0..3).map(|_| first.last_id()).collect();
    let resume = |id: &str| {
        let request = server.get("/api/v1/events/stream?since=now").token(READER).header("last-event-id", id);
        Stream::open(&request, &server)
    };
    assert_eq!(resume(&opened).types(3), ["a", "b", "c"]);
    assert_eq!(resume(&ids[0]).types(2), ["b", "c"]);
    assert_eq!(Stream::with(&server, READER, &format!("cursor={}", ids[1])).types(1), ["c"]);
    // A place in the log holds for any filter.
    assert_eq!(Stream::with(&server, READER, &format!("type=c&cursor={}", ids[0])).types(1), ["c"]);
    let mut end = resume(&ids[2]);
    assert_eq!(end.message().unwrap(), Message { id: ids[2].clone(), event: None });
    server.record(&[event("d", 3)]);
    assert_eq!(end.types(1), ["d"]);
}

#[test]
fn a_server_that_starts_again_goes_on_too() {
    let mut server = Fixture::start();
    server.record(&[event("a", 0), event("b", 1)]);
    let mut stream = Stream::with(&server, READER, "since=start");
    stream.message();
    let id = stream.last_id();
    server.begin_stop();
    // The stop ends the stream, and does not wait for its client.
    while stream.message().is_some() {}
    let again = Fixture::reopen(Setup::default(), server.wait_stopped());
    again.record(&[event("c", 2)]);
    assert_eq!(Stream::with(&again, READER, &format!("cursor={id}")).types(2), ["b", "c"]);
    let mut other = Fixture::start();
    let refused = other.get(&format!("/api/v1/events/stream?cursor={id}")).token(READER).send();
    assert!(refused.problem(400, "bad-cursor").starts_with("the cursor was made by another server"));
    other.begin_stop();
}

#[test]
fn the_place_moves_on_when_nothing_matches() {
    let server = Fixture::with(heartbeat_of_a_second());
    let mut stream = Stream::with(&server, READER, "type=none");
    let opened = stream.last_id();
    server.record(&[event("a", 0)]);
    let moved = loop {
        let message = stream.message().unwrap();
        assert_eq!(message.event, None);
        if message.id != opened {
            break message.id;
        }
    };
    server.record(&[event("b", 0)]);
    assert_eq!(Stream::with(&server, READER, &format!("cursor={moved}")).types(1), ["b"]);
}

#[test]
fn a_stream_shows_only_what_the_credential_may_read() {
    let server = Fixture::start();
    let mut stream = Stream::with(&server, ACME, "since=start");
    server.record(&[event_of("other", "theirs"), event_of("acme", "mine"), event("nobodys", 0)]);
    server.record(&[event_of("acme", "mine too")]);
    assert_eq!(stream.types(2), ["mine", "mine too"]);
}

#[test]
fn what_is_wrong_is_said_before_the_stream_begins() {
    let server = Fixture::start();
    server.record(&[event("a", 0)]);
    let ask = |parameters: &str, token: &str| {
        server.get(&format!("/api/v1/events/stream?{parameters}")).token(token).send()
    };
    for (parameters, kind, beginning) in [
        ("since=yesterday", "bad-parameter", "`since` is `yesterday`"),
        ("since=2", "bad-parameter", "`since` is 2: the log ends with 1"),
        ("since=now&cursor=x", "bad-parameter", "`cursor` and `since` both"),
        ("cursor=x", "bad-cursor", "the cursor is damaged"),
        ("order=asc", "bad-parameter", "unknown parameter `order`"),
    ] {
        let detail = ask(parameters, READER).problem(400, kind);
        assert!(detail.starts_with(beginning), "{parameters}: {detail}");
    }
    ask("organization=other", ACME).problem(403, "forbidden");
    for token in [WRITER, NOBODY] {
        ask("", token).problem(403, "forbidden");
    }
    // A cursor from a log that was longer, as after a restore from a backup.
    let here: LogCursor = Stream::with(&server, READER, "").last_id().parse().unwrap();
    let ahead = LogCursor { seq: here.seq + 1, ..here };
    let detail = ask(&format!("cursor={ahead}"), READER).problem(400, "bad-cursor");
    assert!(
        detail.starts_with("the cursor stands behind event 2 of the log, and the log ends with 1"),
        "{detail}"
    );
    let head = Request::new(server.address, "HEAD", "/api/v1/events/stream").token(READER).send();
    assert_eq!(head.status, 200);
}

#[test]
fn streams_are_bounded_and_counted() {
    let mut setup = heartbeat_of_a_second();
    setup.settings.limits.streams_max = 2;
    // Streams take no place among the requests.
    setup.settings.limits.requests_max = 1;
    let server = Fixture::with(setup);
    let followers = || {
        let text = server.get("/metrics").token(ADMIN).send().text();
        let line = text.lines().find(|line| line.starts_with("annals_followers ")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(followers(), 0);
    let mut streams: Vec<Stream> = (0..2).map(|_| Stream::with(&server, READER, "")).collect();
    streams.iter_mut().for_each(|stream| drop(stream.message()));
    assert_eq!(followers(), 2);
    let refused = server.get("/api/v1/events/stream").token(READER).send();
    assert_eq!(refused.problem(429, "overloaded"), "2 streams are open: close one, or try again later");
    assert!(refused.header("retry-after").is_some());
    server.record(&[event("a", 0)]);
    for stream in &mut streams {
        assert_eq!(stream.types(1), ["a"]);
    }
    drop(streams);
    // The server notices with its next sign of life at the latest.
    while followers() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn many_events_come_page_by_page() {
    let server = Fixture::start();
    const EVENTS: u32 = 1_700;
    let events: Vec<Value> = (0..EVENTS)
        .map(|number| {
            let mut event = event("many", number % 50);
            event["data"] = json!({ "number": number, "filler": "x".repeat(1_000) });
            event
        })
        .collect();
    server.record(&events);
    let mut stream = Stream::with(&server, READER, "since=start");
    let mut next = 0;
    while next < EVENTS {
        if let Some(event) = stream.message().unwrap().event {
            assert_eq!(event["data"]["number"], next);
            next += 1;
        }
    }
}
