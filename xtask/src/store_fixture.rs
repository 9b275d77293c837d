//! `cargo xtask store-fixture DIRECTORY`: makes the small data directory that `crates/cli/tests/upgrade.rs` opens with
//! later programs, in the format that the present program writes.
//!
//! It is made once for each format, committed beside the others, and never changed: it stands for the directories that
//! people have. It holds one merged segment, one that was only sealed, and events that are in the log alone; beside it
//! lies what the program that made it answered.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use annals_model::Timestamp;
use annals_testkit::{Generator, Platform, ServerProcess};
use serde_json::{Value, json};

use crate::command::call;

const USAGE: &str = "usage: cargo xtask store-fixture DIRECTORY   (a new one)";

/// Three seals make a merge, a fourth stays as it is, and what is left stays in the log.
const SETTINGS: &str = "[store]\nseal_events = 130\nmerge_factor = 3\n";
const POSTS: usize = 196;
/// Plain events of one request, so that the merged segment has more than 256 events of one type, whose posting is then
/// a bitmap, and the log has rows of several events.
const PLAIN_EVENTS: usize = 16;
const SEGMENTS: usize = 2;
const SEED: u64 = 0x0057_03E1;
/// The newest of the sample events.
const NEWEST: &str = "2026-11-01T12:00:00Z";
const SPAN: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long sealing and merging may take.
const REST_MAX: Duration = Duration::from_secs(30);
const PAGE_EVENTS: usize = 200;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let [directory] = arguments else { return Err(USAGE.to_owned()) };
    let directory = PathBuf::from(directory);
    if directory.exists() {
        return Err(format!("{} is there already; a fixture is made once and kept", directory.display()));
    }
    call(&crate::command::cargo(), &["build", "--locked", "--package", "annals"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let scratch = tempfile::tempdir().map_err(|error| format!("a temporary directory: {error}"))?;
    let mut server = ServerProcess::start(&target.join("debug/annals"), scratch.path(), SETTINGS)
        .map_err(|error| format!("the server: {error}"))?;
    fill(&server)?;
    wait_for_segments(&server.data_dir().join("segments"))?;
    let events = read(&server)?;
    server.terminate().map_err(|error| format!("stopping the server: {error}"))?;
    keep(&server.data_dir(), &directory, &events)
        .map_err(|error| format!("cannot write {}: {error}", directory.display()))
}

/// Records events of every platform and native ones with everything an event can have, some of them twice.
fn fill(server: &ServerProcess) -> Result<(), String> {
    let newest = Timestamp::parse(NEWEST).map_err(|error| error.to_string())?;
    let mut generator = Generator::new(SEED);
    let instants = generator.instants(POSTS, newest, SPAN);
    for (number, time) in instants.into_iter().enumerate() {
        let (path, event) = match number % 8 {
            place @ 0..=4 => {
                let platform = Platform::ALL[place];
                let sample = generator.sample(platform, time);
                let installation = if number.is_multiple_of(3) { "&installation=eu10" } else { "" };
                let path = format!(
                    "/api/v1/import/{}?organization={}{installation}",
                    platform.dialect(),
                    sample.organization
                );
                (path, sample.event)
            }
            5 => ("/api/v1/import/rds?organization=acme".to_owned(), rds(number, time)),
            6 => ("/api/v1/events".to_owned(), full(number, time)),
            _ => {
                let events = (0..PLAIN_EVENTS).map(|place| plain(number * PLAIN_EVENTS + place, time));
                ("/api/v1/events".to_owned(), events.collect())
            }
        };
        post(server, &path, &event)?;
        if number.is_multiple_of(17) {
            post(server, &path, &event)?;
        }
    }
    Ok(())
}

fn rds(number: usize, time: Timestamp) -> Value {
    json!({
        "SourceIdentifier": format!("orders-{}", number % 5), "SourceType": "db-instance",
        "Message": "DB instance created", "EventCategories": ["creation", "backup"],
        "Date": time.to_rfc3339_millis(),
        "SourceArn": format!("arn:aws:rds:eu-central-1:123456789012:db:orders-{}", number % 5),
    })
}

/// An event with every field.
fn full(number: usize, time: Timestamp) -> Value {
    let target = format!("8561ee34-09f0-42da-a765-{:012x}", number % 13);
    json!({
        "id": format!("deploy-{number}"),
        "time": time.plus_nanos(number as i64).to_string(),
        "source": if number.is_multiple_of(5) { "ci/main" } else { "ci" },
        "type": format!("pipeline.{}", ["start", "finish", "Überprüfung"][number % 3]),
        "action": (["start", "finish", "check"][number % 3]),
        "outcome": (["success", "failure", "pending", "unknown"][number % 4]),
        "status": (200 + number % 7).to_string(),
        "organization": {"id": format!("org-{}", number % 3), "name": format!("Organization {}", number % 3)},
        "project": {"id": format!("project-{}", number % 4), "name": format!("Project {}", number % 4)},
        "environment": {"id": "production", "name": "Production"},
        "actor": {"type": "user", "id": format!("user-{}", number % 11), "name": format!("person {}", number % 11)},
        "target": {"type": "pipeline", "id": target, "name": format!("pipeline {}", number % 13)},
        "part": "stage", "origin": "API", "zone": format!("zone-{}", number % 2),
        "categories": ["delivery", (["night", "day"][number % 2])],
        "labels": {"team": format!("team-{}", number % 6), "unit": "ops", &format!("key-{}", number % 3): "set"},
        "request": {
            "id": format!("3f0b9c10-9551-11f1-8d6e-{number:012x}"), "method": "POST",
            "uri": format!("/pipelines/{target}/runs?number={number}"),
            "ip": format!("203.0.113.{}", number % 250), "user_agent": "runner/2.1 (linux; x86_64)",
            "status": 201 - (number as i64 % 3), "elapsed_ms": number * 7,
        },
        "message": format!("person {} ran pipeline {}: {}", number % 11, number % 13, "\u{1F680} done"),
        "before": {"state": "idle", "n": number, "deep": {"list": [1, 2.5, null, true, "x"]}},
        "after": ["running", number],
        // Long enough to be kept apart from the other texts.
        "data": {"log": format!("line {number}\n").repeat(if number % 48 == 6 { 2_500 } else { 3 }), "target": target},
    })
}

/// An event with nothing but what it must have; of the platform as a whole, or of an organization.
fn plain(number: usize, time: Timestamp) -> Value {
    let time = time.plus_nanos(number as i64 * 1_000_000);
    let mut event = json!({
        "id": format!("00000000-0000-7000-8000-{number:012x}"), "time": time.to_string(), "type": "heartbeat",
    });
    if number.is_multiple_of(3) {
        event["organization"] = json!({"id": "org-0"});
    }
    event
}

fn post(server: &ServerProcess, path: &str, event: &Value) -> Result<(), String> {
    let request = ureq::post(&server.url(path)).header("authorization", &server.authorization());
    let mut answer = request
        .header("content-type", "application/json")
        .send(event.to_string())
        .map_err(|error| format!("POST {path}: {error}"))?;
    let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    if text.contains("\"rejected\":[]") { Ok(()) } else { Err(format!("POST {path}: {text}")) }
}

fn wait_for_segments(segments: &Path) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < REST_MAX {
        thread::sleep(Duration::from_millis(500));
        if fs::read_dir(segments).map_or(0, Iterator::count) == SEGMENTS {
            return Ok(());
        }
    }
    Err(format!("{} does not come to {SEGMENTS} segments", segments.display()))
}

/// Every event as the server answers it, oldest first.
fn read(server: &ServerProcess) -> Result<Vec<Value>, String> {
    let mut events = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/events?order=asc&limit={PAGE_EVENTS}{cursor}");
        let mut answer = ureq::get(&server.url(&path))
            .header("authorization", &server.authorization())
            .call()
            .map_err(|error| format!("GET {path}: {error}"))?;
        let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let page: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        events.extend(page["events"].as_array().into_iter().flatten().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(events),
        }
    }
}

fn keep(data: &Path, directory: &Path, events: &[Value]) -> std::io::Result<()> {
    let segments = directory.join("data/segments");
    fs::create_dir_all(&segments)?;
    fs::copy(data.join("catalog.sqlite"), directory.join("data/catalog.sqlite"))?;
    for entry in fs::read_dir(data.join("segments"))? {
        let entry = entry?;
        fs::copy(entry.path(), segments.join(entry.file_name()))?;
    }
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    fs::write(directory.join("events.ndjson.zst"), zstd::encode_all(lines.as_bytes(), 19)?)
}
