//! Kills the real server with SIGKILL at random moments under load, again and again on the same data.
//!
//! After every restart each acknowledged event must be there once, and nothing may be there that was never sent. The
//! moments come from a seeded generator; `ANNALS_CRASH_ROUNDS` and `ANNALS_CRASH_SEED` choose others, and a failure names
//! its seed.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use annals_testkit::{Random, ServerProcess};
use serde_json::{Value, json};

const ROUNDS_DEFAULT: u64 = 50;
const SEED_DEFAULT: u64 = 0x00A2_2A15;
const WRITERS: u64 = 3;
/// Events of one request at most.
const BATCH_EVENTS_MAX: u64 = 60;
/// How long a round may run before the kill, in milliseconds.
const ROUND_MILLIS_MAX: u64 = 150;
/// Rounds after which everything is read again instead of only what the round wrote.
const FULL_CHECK_EVERY: u64 = 10;

/// Small segments, so that sealing and merging are always under way when the process dies.
const SETTINGS: &str = "[store]\nseal_events = 400\nmerge_factor = 3\n\n[log]\nlevel = \"warn\"\n";

/// What the writers know: every event that left for the server, and those it acknowledged.
#[derive(Default)]
struct Ledger {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
}

#[test]
fn acknowledged_events_survive_sigkill_and_nothing_else_appears() {
    let number = |name: &str, default: u64| match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not `{text}`")),
        Err(_) => default,
    };
    let (rounds, seed) =
        (number("ANNALS_CRASH_ROUNDS", ROUNDS_DEFAULT), number("ANNALS_CRASH_SEED", SEED_DEFAULT));
    let directory = tempfile::tempdir().unwrap();
    let mut server =
        ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_annals")), directory.path(), SETTINGS).unwrap();
    let mut random = Random::new(seed);
    let mut ledger = Ledger::default();
    for round in 0..rounds {
        let context = format!("round {round} of seed {seed}");
        run_round(&mut server, &mut random, &mut ledger, round);
        server
            .start_again()
            .unwrap_or_else(|error| panic!("{context}: {error}; see the log:\n{}", log(directory.path())));
        let full = round % FULL_CHECK_EVERY == FULL_CHECK_EVERY - 1 || round + 1 == rounds;
        check(&server, &ledger, (!full).then_some(round), &context);
    }
    println!(
        "{rounds} rounds, {} events sent, {} acknowledged",
        ledger.sent.len(),
        ledger.acknowledged.len()
    );
    assert!(ledger.acknowledged.len() as u64 > rounds, "the writers got too little done to show anything");
}

/// Writes from several threads until the process is killed under them.
fn run_round(server: &mut ServerProcess, random: &mut Random, ledger: &mut Ledger, round: u64) {
    let shared = Mutex::new(std::mem::take(ledger));
    let (serial, killed) = (AtomicU64::new(0), AtomicBool::new(false));
    let url = server.url("/api/v1/events");
    let authorization = server.authorization();
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            let mut random = Random::new(random.next_u64());
            let (shared, serial, killed, url, authorization) =
                (&shared, &serial, &killed, &url, &authorization);
            scope.spawn(move || {
                let agent = agent();
                while !killed.load(Ordering::Relaxed) {
                    let batch = batch(&mut random, shared, serial, round);
                    let ids: Vec<String> =
                        batch.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
                    shared.lock().unwrap().sent.extend(ids.iter().cloned());
                    let body: String = batch.iter().map(|event| format!("{event}\n")).collect();
                    let answer = agent
                        .post(url.as_str())
                        .header("authorization", authorization)
                        .header("content-type", "application/x-ndjson")
                        .send(body)
                        .and_then(|mut answer| answer.body_mut().read_json::<Value>());
                    // No answer, no promise: the process is being killed.
                    let Ok(answer) = answer else { continue };
                    assert_eq!(answer["rejected"], json!([]), "{answer}");
                    let taken = answer["accepted"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap();
                    assert_eq!(taken, ids.len() as u64, "{answer}");
                    shared.lock().unwrap().acknowledged.extend(ids);
                }
            });
        }
        thread::sleep(Duration::from_millis(5 + random.below(ROUND_MILLIS_MAX)));
        server.kill().unwrap();
        killed.store(true, Ordering::Relaxed);
    });
    *ledger = shared.into_inner().unwrap();
}

/// New events, and now and then one that was sent before, as a client that retries sends it.
fn batch(random: &mut Random, ledger: &Mutex<Ledger>, serial: &AtomicU64, round: u64) -> Vec<Value> {
    let mut events = Vec::new();
    for _ in 0..=random.below(BATCH_EVENTS_MAX) {
        events.push(event(round, serial.fetch_add(1, Ordering::Relaxed)));
    }
    if random.below(4) == 0 {
        let first_id = id(round, 0);
        let again = ledger.lock().unwrap().sent.range(first_id..).next().cloned();
        events.extend(again.map(|id| event(round, serial_of(&id))));
    }
    events
}

fn id(round: u64, serial: u64) -> String {
    format!("{round:08x}-0000-7000-8000-{serial:012x}")
}

fn serial_of(id: &str) -> u64 {
    u64::from_str_radix(&id[24..], 16).unwrap()
}

/// Everything about an event follows from its round and serial, so that what comes back can be compared.
fn event(round: u64, serial: u64) -> Value {
    json!({
        "id": id(round, serial),
        // Late, early and equal times.
        "time": format!("2026-01-{:02}T00:{:02}:00Z", 1 + serial % 28, serial % 60),
        "source": "native",
        "type": format!("crash.{}", serial % 7),
        "action": "crash",
        "outcome": "unknown",
        "organization": {"id": format!("org-{}", serial % 5)},
        "target": {"type": "app", "id": format!("app-{}", serial % 97)},
        "labels": {"round": round.to_string()},
        "data": {"serial": serial},
    })
}

/// Reads everything, or what one round wrote, and compares it with what the writers know.
fn check(server: &ServerProcess, ledger: &Ledger, round: Option<u64>, context: &str) {
    let agent = agent();
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    let filter = round.map_or(String::new(), |round| format!("&labels.round={round}"));
    let mut cursor = String::new();
    loop {
        let url = server.url(&format!("/api/v1/events?limit=1000&order=asc&total=true{filter}{cursor}"));
        let request = agent.get(url).header("authorization", server.authorization());
        let page: Value = request.call().unwrap().body_mut().read_json().unwrap();
        for event in page["events"].as_array().unwrap() {
            let id = event["id"].as_str().unwrap().to_owned();
            assert!(found.insert(id.clone(), event.clone()).is_none(), "{context}: {id} is there twice");
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(
                    page["total"],
                    json!(found.len()),
                    "{context}: the total differs from what is there"
                );
                break;
            }
        }
    }
    let of_round = |id: &&String| round.is_none_or(|round| id.starts_with(&format!("{round:08x}-")));
    for id in ledger.acknowledged.iter().filter(of_round) {
        assert!(found.contains_key(id), "{context}: {id} was acknowledged and is gone");
    }
    for (id, stored) in &found {
        assert!(ledger.sent.contains(id), "{context}: {id} was never sent");
        let round = u64::from_str_radix(&id[..8], 16).unwrap();
        for (name, value) in event(round, serial_of(id)).as_object().unwrap() {
            assert_eq!(&stored[name], value, "{context}: {id}: {name}");
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).build().new_agent()
}

/// The end of the server's log.
fn log(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join("annals.log")).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
