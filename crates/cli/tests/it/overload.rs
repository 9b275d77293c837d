//! Many times more than the server can take: its memory stays within what its limits add up to, every refusal is 429 and
//! counted, what was acknowledged is there, and reads are answered all the while.
//!
//! Its limits are small here, so that a test's few threads are too much for it. `ANNALS_OVERLOAD_SECONDS` makes it longer.

use std::{
    collections::BTreeSet,
    env, fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::Server;

const SECONDS_DEFAULT: u64 = 3;
/// Connections that record as fast as they can, without waiting when they are told to.
const CONNECTIONS: u64 = 48;
/// Connections of the load that the server keeps up with, which says how fast that is.
const CONNECTIONS_SUSTAINED: u64 = 2;
const READERS: usize = 2;
const BATCH_EVENTS: u64 = 100;

/// Requests at once, of which a quarter is left to the readers.
const REQUESTS: u64 = 12;
const QUEUE_BYTES: u64 = 1 << 20;
const GROUP_BYTES: u64 = 1 << 20;
const SEAL_BYTES: u64 = 4 << 20;
const FROZEN_PARTS: u64 = 1;
const BODIES_BYTES: u64 = 16 << 20;
/// What the limits do not count: stacks, buffers of connections, what sealing and merging work with, and what the
/// allocator keeps.
const UNCOUNTED_BYTES: u64 = 96 << 20;

fn settings() -> String {
    format!(
        "[store]\nseal_events = 5000\nseal_bytes = {SEAL_BYTES}\nqueue_events_max = 400\nqueue_bytes_max = {QUEUE_BYTES}\n\
         group_bytes_max = {GROUP_BYTES}\nfrozen_parts_max = {FROZEN_PARTS}\n\n\
         [limits]\nrequests_max = {REQUESTS}\nbody_bytes_max = 1048576\nbodies_bytes_max = {BODIES_BYTES}\n\n[log]\nlevel = \"error\"\n"
    )
}

/// Everything that memory is counted for, twice where it is copied.
const fn bound() -> u64 {
    BODIES_BYTES + 2 * QUEUE_BYTES + 2 * GROUP_BYTES + 2 * (FROZEN_PARTS + 2) * SEAL_BYTES + UNCOUNTED_BYTES
}

/// What the writers were answered.
#[derive(Default)]
struct Load {
    acknowledged: Mutex<BTreeSet<(u64, u64)>>,
    offered: AtomicU64,
    refused: AtomicU64,
    stop: AtomicBool,
}

fn id(connection: u64, batch: u64, place: u64) -> String {
    format!("{connection:08x}-0000-7000-8000-{:012x}", batch * BATCH_EVENTS + place)
}

/// Ends what waits for it, also when a test fails: its threads would go on for ever else.
struct SetWhenDropped<'f>(&'f AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl Load {
    /// Sends batch after batch until it is stopped.
    fn run(&self, server: &Server, connection: u64) {
        let agent = agent();
        let (url, authorization) = (server.process.url("/api/v1/events"), server.process.authorization());
        for batch in 0.. {
            if self.stop.load(Relaxed) {
                return;
            }
            let body: String = (0..BATCH_EVENTS)
                .map(|place| {
                    let id = id(connection, batch, place);
                    format!("{{\"id\":\"{id}\",\"time\":\"2026-05-01T00:00:00Z\",\"type\":\"load\"}}\n")
                })
                .collect();
            self.offered.fetch_add(BATCH_EVENTS, Relaxed);
            let request = agent.post(&url).header("authorization", &authorization);
            let mut answer = request.header("content-type", "application/x-ndjson").send(body).unwrap();
            let retry_after = answer.headers().get("retry-after").cloned();
            let text = answer.body_mut().read_to_string().unwrap();
            match answer.status().as_u16() {
                200 => {
                    let counts: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(counts, json!({"accepted": BATCH_EVENTS, "duplicates": 0, "rejected": []}));
                    self.acknowledged.lock().unwrap().insert((connection, batch));
                }
                429 => {
                    assert!(
                        retry_after.is_some_and(|seconds| seconds.to_str().unwrap().parse::<u64>().is_ok())
                    );
                    self.refused.fetch_add(1, Relaxed);
                }
                status => panic!("{status}: {text}"),
            }
        }
    }

    /// Lets so many connections send for so long; events acknowledged a second.
    fn run_all(&self, server: &Server, first: u64, connections: u64, length: Duration) -> f64 {
        let before = self.acknowledged.lock().unwrap().len();
        self.stop.store(false, Relaxed);
        let begun = Instant::now();
        thread::scope(|scope| {
            let _stopped = SetWhenDropped(&self.stop);
            for connection in first..first + connections {
                scope.spawn(move || self.run(server, connection));
            }
            thread::sleep(length);
        });
        let batches = self.acknowledged.lock().unwrap().len() - before;
        batches as f64 * BATCH_EVENTS as f64 / begun.elapsed().as_secs_f64()
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(Duration::from_secs(120))).build().new_agent()
}

fn get(agent: &ureq::Agent, server: &Server, path: &str) -> (u16, String) {
    let request = agent.get(server.process.url(path)).header("authorization", server.process.authorization());
    let mut answer = request.call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// Memory of the server's own, mapped files left out.
fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// The sum of a counter over those of its lines that name one of these.
fn metric(server: &Server, name: &str, labels: &[&str]) -> u64 {
    let (_, text) = get(&agent(), server, "/metrics");
    let lines =
        text.lines().filter(|line| line.starts_with(name) && labels.iter().any(|label| line.contains(label)));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
}

#[test]
fn overload_is_refused_counted_and_survived() {
    let seconds = match env::var("ANNALS_OVERLOAD_SECONDS") {
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("ANNALS_OVERLOAD_SECONDS must be a number, not `{text}`"))
        }
        Err(_) => SECONDS_DEFAULT,
    };
    let length = Duration::from_secs(seconds);
    let server = Server::start_with(&settings());
    let load = Load::default();
    let idle = resident(&server);
    let sustained = load.run_all(&server, 0, CONNECTIONS_SUSTAINED, length.min(Duration::from_secs(5)) / 2);
    let (refused_before, offered_before) = (load.refused.load(Relaxed), load.offered.load(Relaxed));

    let (over, reads, peak) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let taken = thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                let agent = agent();
                while !over.load(Relaxed) {
                    let (status, text) = get(&agent, &server, "/api/v1/events?limit=20&total=true");
                    assert_eq!(status, 200, "{text}");
                    reads.fetch_add(1, Relaxed);
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
        scope.spawn(|| {
            while !over.load(Relaxed) {
                peak.fetch_max(resident(&server), Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        let _over = SetWhenDropped(&over);
        load.run_all(&server, CONNECTIONS_SUSTAINED, CONNECTIONS, length)
    });
    let refused = load.refused.load(Relaxed);
    let offered = (load.offered.load(Relaxed) - offered_before) as f64 / length.as_secs_f64();
    let peak = peak.load(Relaxed);
    println!(
        "sustained {sustained:.0} events/s over {CONNECTIONS_SUSTAINED} connections; offered {offered:.0} a second over \
         {CONNECTIONS} for {seconds} s ({:.1} times that): {taken:.0} a second acknowledged, {} requests refused, {} reads \
         answered, memory {} MiB idle, at most {} MiB, the bound is {} MiB more than idle",
        offered / sustained,
        refused - refused_before,
        reads.load(Relaxed),
        idle >> 20,
        peak >> 20,
        bound() >> 20,
    );
    assert!(refused > refused_before, "nothing was refused: this was no overload");
    assert!(reads.load(Relaxed) > 0, "no read was answered");
    assert!(peak < idle + bound(), "{peak} bytes are more than {} + {}", idle, bound());
    assert_eq!(metric(&server, "annals_http_refusals_total", &["\"overloaded\"", "\"memory\""]), refused);

    // Everything that was acknowledged, and nothing that was refused.
    let acknowledged = load.acknowledged.into_inner().unwrap();
    let mut expected = BTreeSet::new();
    for (connection, batch) in acknowledged {
        expected.extend((0..BATCH_EVENTS).map(|place| id(connection, batch, place)));
    }
    let mut found = BTreeSet::new();
    let (agent, mut cursor) = (agent(), String::new());
    loop {
        let (status, text) = get(&agent, &server, &format!("/api/v1/events?order=asc&limit=1000{cursor}"));
        assert_eq!(status, 200, "{text}");
        let page: Value = serde_json::from_str(&text).unwrap();
        for event in page["events"].as_array().unwrap() {
            assert!(found.insert(event["id"].as_str().unwrap().to_owned()), "{} is there twice", event["id"]);
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(found == expected, "{} events instead of {}", found.len(), expected.len());
}
