//! Kills the real server with SIGKILL under twenty followers of its stream, again and again. Whoever comes back with the
//! id of the last message must in the end have seen every event that is stored, once, and in the order of the log.
//!
//! The moments come from a seeded generator; `ANNALS_FOLLOW_ROUNDS` and `ANNALS_FOLLOW_SEED` choose others.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use annals_testkit::{Random, ServerProcess};
use serde_json::{Value, json};

const ROUNDS_DEFAULT: u64 = 5;
const SEED_DEFAULT: u64 = 0x00F0_1108;
const FOLLOWERS: usize = 20;
const WRITERS: u64 = 2;
const BATCH_EVENTS_MAX: u64 = 40;
/// How long a round may run before the kill, in milliseconds.
const ROUND_MILLIS_MAX: u64 = 300;
/// How long followers may take in the end before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a follower waits for a line before it looks whether it is done.
const LOOK: Duration = Duration::from_millis(200);

/// Small segments, so that followers read from the tail, from segments, and while these are merged.
const SETTINGS: &str = "[store]\nseal_events = 300\nmerge_factor = 3\n\n[log]\nlevel = \"warn\"\n";

/// What a follower saw: places in the log with the events' ids.
type Seen = Vec<(u64, String)>;

#[test]
fn followers_miss_and_repeat_nothing_when_the_server_is_killed() {
    let number = |name: &str, default: u64| match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not `{text}`")),
        Err(_) => default,
    };
    let (rounds, seed) =
        (number("ANNALS_FOLLOW_ROUNDS", ROUNDS_DEFAULT), number("ANNALS_FOLLOW_SEED", SEED_DEFAULT));
    let directory = tempfile::tempdir().unwrap();
    let mut server =
        ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_annals")), directory.path(), SETTINGS).unwrap();
    let mut random = Random::new(seed);
    let (address, authorization) = (server.url("").replace("http://", ""), server.authorization());
    let (serial, breaks) = (AtomicU64::new(0), AtomicU64::new(0));
    // The last place of the log, once nothing more is written.
    let end = AtomicU64::new(u64::MAX);

    let (seen, stored) = thread::scope(|scope| {
        let followers: Vec<_> = (0..FOLLOWERS)
            .map(|follower| {
                let (address, authorization) = (&address, &authorization);
                let (end, breaks) = (&end, &breaks);
                scope.spawn(move || follow(address, authorization, filter(follower), end, breaks))
            })
            .collect();
        for round in 0..rounds {
            let killed = AtomicBool::new(false);
            thread::scope(|scope| {
                for _ in 0..WRITERS {
                    let mut random = Random::new(random.next_u64());
                    let (serial, killed, url, authorization) =
                        (&serial, &killed, server.url("/api/v1/events"), &authorization);
                    scope.spawn(move || {
                        while !killed.load(Ordering::Relaxed) {
                            write(&url, authorization, &mut random, serial);
                        }
                    });
                }
                thread::sleep(Duration::from_millis(50 + random.below(ROUND_MILLIS_MAX)));
                server.kill().unwrap();
                killed.store(true, Ordering::Relaxed);
            });
            server.start_again().unwrap_or_else(|error| panic!("round {round} of seed {seed}: {error}"));
        }
        // The last event is one that every filter lets through, so everybody knows when they have seen all.
        let last = event(serial.load(Ordering::Relaxed) | 1);
        send(&server.url("/api/v1/events"), &authorization, format!("{last}\n")).unwrap();
        let stored = stored(&server);
        end.store(stored.last().map_or(0, |(seq, ..)| *seq), Ordering::Relaxed);
        let seen: Vec<Seen> = followers.into_iter().map(|follower| follower.join().unwrap()).collect();
        (seen, stored)
    });

    assert!(stored.len() as u64 > rounds * 20, "{} events are too few to show anything", stored.len());
    assert!(
        breaks.load(Ordering::Relaxed) >= rounds * FOLLOWERS as u64 / 2,
        "the followers were not cut off"
    );
    for (follower, seen) in seen.into_iter().enumerate() {
        let wanted: Seen = stored
            .iter()
            .filter(|(.., parity)| filter(follower).is_none_or(|wanted| wanted.ends_with(parity.as_str())))
            .map(|(seq, id, _)| (*seq, id.clone()))
            .collect();
        let difference = seen.iter().zip(&wanted).position(|(one, two)| one != two);
        assert!(
            seen == wanted,
            "follower {follower} saw {} of {} events; the first difference is at {difference:?}; seed {seed}",
            seen.len(),
            wanted.len()
        );
    }
}

/// Every fourth follower sees only half of the events.
fn filter(follower: usize) -> Option<&'static str> {
    (follower % 4 == 3).then_some("labels.parity=odd")
}

fn follow(
    address: &str,
    authorization: &str,
    filter: Option<&str>,
    end: &AtomicU64,
    breaks: &AtomicU64,
) -> Seen {
    let (mut seen, mut last) = (Seen::new(), None);
    let begun = Instant::now();
    loop {
        let done = attend(address, authorization, filter, end, &mut seen, &mut last);
        if done.unwrap_or(false) {
            return seen;
        }
        breaks.fetch_add(1, Ordering::Relaxed);
        assert!(begun.elapsed() < PATIENCE, "a follower did not get to the end, after {} events", seen.len());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Reads a stream until it breaks off or all that is stored was seen; says which.
fn attend(
    address: &str,
    authorization: &str,
    filter: Option<&str>,
    end: &AtomicU64,
    seen: &mut Seen,
    last: &mut Option<String>,
) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LOOK))?;
    let resume = last.as_ref().map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
    let filter = filter.map(|filter| format!("&{filter}")).unwrap_or_default();
    write!(
        stream,
        "GET /api/v1/events/stream?since=start{filter} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\n{resume}\r\n"
    )?;
    let mut lines = BufReader::new(stream);
    let (mut line, mut id, mut event) = (String::new(), None, None);
    let mut head = true;
    loop {
        let place = |seen: &Seen| seen.last().map_or(0, |(seq, _)| *seq);
        match lines.read_line(&mut line) {
            Ok(0) => return Ok(false),
            // What was read of a line stays in it until the rest is there.
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                if place(seen) >= end.load(Ordering::Relaxed) {
                    return Ok(true);
                }
                continue;
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        if !line.ends_with('\n') {
            return Ok(false);
        }
        if head {
            head = line != "\r\n";
            assert!(!line.starts_with("HTTP/1.1 4"), "{line}");
        } else if line == "\n" {
            // Only a whole message counts.
            if let Some(id) = id.take() {
                *last = Some(id);
                seen.extend(event.take());
            }
        } else if let Some(text) = line.strip_prefix("id: ") {
            id = Some(text.trim_end().to_owned());
        } else if let Some(text) = line.strip_prefix("data: ") {
            let told: Value = serde_json::from_str(text).unwrap();
            event = Some((told["seq"].as_u64().unwrap(), told["id"].as_str().unwrap().to_owned()));
        }
        line.clear();
    }
}

/// Sends some events, whose times are in no order, and now and then one that was sent before.
fn write(url: &str, authorization: &str, random: &mut Random, serial: &AtomicU64) {
    let mut body = String::new();
    for _ in 0..=random.below(BATCH_EVENTS_MAX) {
        let number = match random.below(10) {
            0 => random.below(serial.load(Ordering::Relaxed).max(1)),
            _ => serial.fetch_add(1, Ordering::Relaxed),
        };
        body.push_str(&format!("{}\n", event(number)));
    }
    // No answer, no promise: the process is being killed.
    let _ = send(url, authorization, body);
}

fn event(number: u64) -> Value {
    json!({
        "id": format!("00000000-0000-7000-8000-{number:012x}"),
        "time": format!("2026-03-01T10:{:02}:{:02}Z", number * 7 % 60, number * 13 % 60),
        "type": "follow",
        "organization": { "id": format!("o{}", number % 3) },
        "labels": { "parity": if number.is_multiple_of(2) { "even" } else { "odd" } },
    })
}

fn send(url: &str, authorization: &str, body: String) -> Result<(), ureq::Error> {
    let request = agent().post(url).header("authorization", authorization);
    request.header("content-type", "application/x-ndjson").send(body).map(drop)
}

/// What is stored: place in the log, id and parity, in the order of the log.
fn stored(server: &ServerProcess) -> Vec<(u64, String, String)> {
    let (mut stored, mut cursor) = (Vec::new(), String::new());
    loop {
        let url = server.url(&format!("/api/v1/events?limit=1000&order=asc{cursor}"));
        let request = agent().get(url).header("authorization", server.authorization());
        let page: Value = request.call().unwrap().body_mut().read_json().unwrap();
        for event in page["events"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            stored.push((
                event["seq"].as_u64().unwrap(),
                text(&event["id"]),
                text(&event["labels"]["parity"]),
            ));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    stored.sort();
    stored
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).build().new_agent()
}
