//! Data directories that earlier programs left are opened, asked, written to and compacted by this one, and those of
//! newer programs are refused.
//!
//! `fixtures/store-v*` hold one directory for each format that was ever released, made by `cargo xtask store-fixture` at
//! that time and never changed since; beside each lies what the program that made it answered.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the message")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use annals_model::SystemClock;
use annals_store::{Options, Store};
use annals_testkit::ServerProcess;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Events of a page, so that there are several pages.
const PAGE_EVENTS: usize = 100;

/// The fields whose every value is asked for, with the names that filters give them.
const FIELDS: [&str; 22] = [
    "source",
    "type",
    "action",
    "outcome",
    "status",
    "organization.id",
    "organization.name",
    "project.id",
    "project.name",
    "environment.id",
    "actor.type",
    "actor.id",
    "actor.name",
    "target.type",
    "target.id",
    "target.name",
    "origin",
    "zone",
    "request.method",
    "request.ip",
    "labels.team",
    "labels.key-1",
];

/// Words that occur in some of the events' texts, and one that does not; none is the name of a member of their JSON.
const WORDS: [&str; 6] = ["orders", "Überprüfung", "pipeline 7", "2001-nowhere", "line", "backup"];

fn fixtures() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_store = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("store-v");
    let mut fixtures: Vec<PathBuf> = entries.filter(is_store).collect();
    fixtures.sort();
    assert!(!fixtures.is_empty(), "the kept data directories are gone");
    fixtures
}

/// A copy of a kept data directory, where [`ServerProcess`] looks for one.
fn copy(fixture: &Path) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    fs::create_dir_all(data.join("segments")).unwrap();
    fs::copy(fixture.join("data/catalog.sqlite"), data.join("catalog.sqlite")).unwrap();
    for entry in fs::read_dir(fixture.join("data/segments")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), data.join("segments").join(entry.file_name())).unwrap();
    }
    directory
}

/// What the program that made it answered.
fn expected(fixture: &Path) -> Vec<Value> {
    let bytes = zstd::decode_all(&*fs::read(fixture.join("events.ndjson.zst")).unwrap()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.len() > 300, "only {} events were kept", events.len());
    events
}

fn start(directory: &TempDir, settings: &str) -> ServerProcess {
    ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_annals")), directory.path(), settings).unwrap()
}

fn get(server: &ServerProcess, path: &str) -> Value {
    let request = ureq::get(server.url(path)).header("authorization", server.authorization());
    request.call().unwrap_or_else(|error| panic!("GET {path}: {error}")).body_mut().read_json().unwrap()
}

fn post(server: &ServerProcess, events: &[Value]) -> Value {
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    let request = ureq::post(server.url("/api/v1/events")).header("authorization", server.authorization());
    let mut answer = request.header("content-type", "application/x-ndjson").send(lines).unwrap();
    answer.body_mut().read_json().unwrap()
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Every event in one order, page by page.
fn list(server: &ServerProcess, order: &str) -> Vec<Value> {
    let mut events = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = get(server, &format!("/api/v1/events?order={order}&limit={PAGE_EVENTS}{cursor}"));
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return events,
        }
    }
}

/// The value of a field such as `actor.name` or `labels.team`.
fn value<'e>(event: &'e Value, field: &str) -> Option<&'e str> {
    field.split('.').try_fold(event, |value, name| value.get(name))?.as_str()
}

/// Every event, every member of it, and every index over them.
fn check(server: &ServerProcess, expected: &[Value], context: &str) {
    let found = list(server, "asc");
    assert_eq!(found.len(), expected.len(), "{context}");
    for (found, expected) in found.iter().zip(expected) {
        let names: BTreeSet<&String> =
            found.as_object().unwrap().keys().chain(expected.as_object().unwrap().keys()).collect();
        for name in names {
            assert_eq!(found.get(name), expected.get(name), "{context}: {name} of {}", expected["id"]);
        }
    }
    let mut newest_first = list(server, "desc");
    newest_first.reverse();
    assert_eq!(newest_first, expected, "{context}: newest first");

    for event in expected.iter().step_by(7) {
        let id = event["id"].as_str().unwrap();
        assert_eq!(&get(server, &format!("/api/v1/events/{id}")), event, "{context}");
    }
    for field in FIELDS {
        let mut counts: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for event in expected {
            if let Some(value) = value(event, field) {
                counts.entry(value).or_default().push(event);
            }
        }
        assert!(!counts.is_empty(), "{context}: no event has a {field}, which shows nothing");
        for (value, events) in counts.into_iter().take(12) {
            let path = format!("/api/v1/events?order=asc&limit=20&total=true&{field}={}", encoded(value));
            let page = get(server, &path);
            assert_eq!(page["total"], json!(events.len()), "{context}: {field} = {value}");
            let first: Vec<&Value> = events.into_iter().take(20).collect();
            assert_eq!(page["events"], json!(first), "{context}: {field} = {value}");
        }
    }
}

/// How many events have each of some words, which the answers of before must not contradict.
fn words(server: &ServerProcess) -> Vec<u64> {
    let total = |word: &str| {
        get(server, &format!("/api/v1/events?limit=1&total=true&q={}", encoded(word)))["total"]
            .as_u64()
            .unwrap()
    };
    WORDS.into_iter().map(total).collect()
}

/// How many events have all the words in one of their texts, as far as one can tell from their JSON.
fn words_of(expected: &[Value]) -> Vec<u64> {
    let has = |event: &&Value, words: &str| {
        let text = event.to_string().to_lowercase();
        words
            .to_lowercase()
            .split_whitespace()
            .all(|word| text.split(|letter: char| !letter.is_alphanumeric()).any(|found| found == word))
    };
    WORDS.into_iter().map(|words| expected.iter().filter(|event| has(event, words)).count() as u64).collect()
}

fn new_events() -> Vec<Value> {
    (0..30)
        .map(|number| {
            json!({
                "id": format!("ffffffff-0000-7000-8000-{number:012x}"), "time": "2027-01-01T00:00:00Z",
                "type": "later", "organization": {"id": "org-1"}, "data": {"number": number},
            })
        })
        .collect()
}

#[test]
fn directories_of_every_earlier_format_are_opened_answered_appended_to_and_compacted() {
    for fixture in fixtures() {
        let name = fixture.file_name().unwrap().to_str().unwrap().to_owned();
        let directory = copy(&fixture);
        let mut all = expected(&fixture);

        let mut server = start(&directory, "");
        check(&server, &all, &format!("{name}, as it is"));
        assert_eq!(words(&server), words_of(&all), "{name}");
        let again = post(&server, &all);
        assert_eq!(again, json!({"accepted": 0, "duplicates": all.len(), "rejected": []}), "{name}");
        let new = new_events();
        let appended = post(&server, &new);
        assert_eq!(appended, json!({"accepted": new.len(), "duplicates": 0, "rejected": []}), "{name}");
        let found = list(&server, "asc");
        assert_eq!(found[..all.len()], all, "{name}, appended to");
        all = found;
        assert_eq!(all.len(), expected(&fixture).len() + new.len(), "{name}");
        server.terminate().unwrap();

        let options = Options { seal_age: Duration::from_secs(3_600), ..Options::new(server.data_dir()) };
        let store = Store::open(options, Arc::new(SystemClock)).unwrap();
        store.compact().unwrap();
        store.verify().unwrap_or_else(|damages| panic!("{name}: {damages:?}"));
        let status = store.status();
        assert_eq!((status.segments, status.tail_events), (1, 0), "{name}");
        drop(store);

        let server = start(&directory, "");
        check(&server, &all, &format!("{name}, compacted"));
    }
}

/// The bytes of every file below a directory.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_directory_of_a_newer_program_is_refused_and_left_alone() {
    let newer_catalog = |data: &Path| {
        let catalog = rusqlite::Connection::open(data.join("catalog.sqlite")).unwrap();
        catalog.execute("UPDATE store SET format = 1000", []).unwrap();
    };
    let newer_segment = |data: &Path| {
        let path = fs::read_dir(data.join("segments")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        // The version in the trailer: 20 bytes before the end, behind the footer's offset and length.
        let at = bytes.len() - 20;
        bytes[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
        fs::write(&path, bytes).unwrap();
    };
    let fixture = fixtures().pop().unwrap();
    for (what, change) in
        [("catalog", &newer_catalog as &dyn Fn(&Path)), ("segment", &newer_segment as &dyn Fn(&Path))]
    {
        let directory = copy(&fixture);
        let data = directory.path().join("data");
        change(&data);
        fs::create_dir(data.join("scratch")).unwrap();
        fs::write(data.join("scratch/half-written"), b"of the newer program").unwrap();
        let before = contents(&data);
        let output = Command::new(env!("CARGO_BIN_EXE_annals"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{what}: {said}");
        assert!(said.contains("format 1000") && said.contains("newer"), "{what}: {said}");
        assert!(!said.contains("damaged"), "{what}: {said}");
        let after = contents(&data);
        for (path, bytes) in &before {
            assert!(after.get(path) == Some(bytes), "{what}: {} changed", path.display());
        }
    }
}
