//! Backups of the real server, running and stopped; restoring and checking them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use annals_store::{BackupError, BackupSource, Depth, inspect_backup, restore};
use annals_testkit::ServerProcess;
use serde_json::{Value, json};

use crate::support::{Server, binary, run};

/// Events of one request of the load.
const BATCH_EVENTS: u64 = 40;
/// How long sealing may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn event(batch: u64, place: u64) -> Value {
    json!({
        "id": format!("{batch:08x}-0000-7000-8000-{place:012x}"),
        "time": format!("2026-04-{:02}T{:02}:00:00Z", 1 + batch % 28, place % 24),
        "type": format!("load.{}", place % 5), "organization": {"id": format!("org-{}", place % 3)},
        "labels": {"batch": batch.to_string()}, "message": format!("event {place} of batch {batch}"),
    })
}

/// Records a batch; whether it was acknowledged.
fn post(server: &ServerProcess, batch: u64, events: u64) -> bool {
    let body: String = (0..events).map(|place| format!("{}\n", event(batch, place))).collect();
    let request = ureq::post(server.url("/api/v1/events")).header("authorization", server.authorization());
    let answer = request.header("content-type", "application/x-ndjson").send(body);
    let Ok(mut answer) = answer else { return false };
    let answer: Value = answer.body_mut().read_json().unwrap();
    assert_eq!(answer["rejected"], json!([]));
    true
}

/// The events of every batch that a server has, each of which is as it was sent.
fn batches(server: &ServerProcess) -> BTreeMap<u64, BTreeSet<u64>> {
    let mut found: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/events?order=asc&limit=1000{cursor}");
        let request = ureq::get(server.url(&path)).header("authorization", server.authorization());
        let page: Value = request.call().unwrap().body_mut().read_json().unwrap();
        for stored in page["events"].as_array().unwrap() {
            let id = stored["id"].as_str().unwrap();
            let batch = u64::from_str_radix(&id[..8], 16).unwrap();
            let place = u64::from_str_radix(&id[24..], 16).unwrap();
            for (name, value) in event(batch, place).as_object().unwrap() {
                assert_eq!(&stored[name], value, "{id}: {name}");
            }
            assert!(found.entry(batch).or_default().insert(place), "{id} is there twice");
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// A server on what was restored.
fn start_restored(backup: &Path) -> (ServerProcess, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let restored = run(&["restore", text(backup), "--data-dir", text(&data)]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(restored.stderr.contains("all checksums are right"), "{restored:?}");
    let checked = run(&["verify", "--data-dir", text(&data), "--json"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    (ServerProcess::start(binary(), directory.path(), "").unwrap(), directory)
}

fn segments(server: &ServerProcess) -> Vec<PathBuf> {
    let entries = fs::read_dir(server.data_dir().join("segments")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Waits until the server lists so many segments: a file is there a moment before it is listed.
fn wait_for_segments(server: &ServerProcess, count: usize) {
    let begun = Instant::now();
    loop {
        let request = ureq::get(server.url("/metrics")).header("authorization", server.authorization());
        let metrics = request.call().unwrap().body_mut().read_to_string().unwrap();
        let listed = metrics.lines().find_map(|line| line.strip_prefix("annals_store_segments ")).unwrap();
        if listed.parse() == Ok(count) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{listed} segments instead of {count}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_backup_under_load_has_what_was_acknowledged_before_it_and_whole_batches() {
    // Sealing and merging never rest.
    let server =
        Server::start_with("[store]\nseal_events = 300\nmerge_factor = 2\n\n[log]\nlevel = \"warn\"\n");
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let acknowledged: Mutex<BTreeSet<u64>> = Mutex::default();
    let directory = server.directory.path();
    let archives = [directory.join("1.tar"), directory.join("2.tar")];
    let kept = directory.join("kept");
    let mut moments = Vec::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    let batch = next.fetch_add(1, Relaxed);
                    assert!(post(&server.process, batch, BATCH_EVENTS));
                    acknowledged.lock().unwrap().insert(batch);
                }
            });
        }
        let goals: [(&str, &Path); 4] =
            [("--out", &archives[0]), ("--to", &kept), ("--out", &archives[1]), ("--to", &kept)];
        for (turn, (flag, place)) in goals.into_iter().enumerate() {
            let begun = Instant::now();
            while acknowledged.lock().unwrap().len() < 20 * (turn + 1) {
                assert!(begun.elapsed() < PATIENCE, "the load does not get on");
                thread::sleep(Duration::from_millis(5));
            }
            let before = acknowledged.lock().unwrap().clone();
            let made = server.run(&["backup", flag, text(place)]);
            moments.push((place.to_owned(), before, next.load(Relaxed), made));
        }
        stop.store(true, Relaxed);
    });
    // The directory stands for its second backup now.
    moments.remove(1);
    for (place, before, begun, made) in moments {
        assert_eq!(made.code, 0, "{made:?}");
        let checked = run(&["verify", "--backup", text(&place)]);
        assert_eq!(checked.code, 0, "{checked:?}");
        let (restored, _directory) = start_restored(&place);
        let found = batches(&restored);
        for (batch, places) in &found {
            assert!(*batch < begun, "batch {batch} was sent after the backup");
            assert_eq!(places.len() as u64, BATCH_EVENTS, "half of batch {batch}");
        }
        let lost: Vec<&u64> = before.iter().filter(|batch| !found.contains_key(batch)).collect();
        assert!(lost.is_empty(), "{lost:?} were acknowledged before {}", place.display());
    }
    // Whatever the backups held on to is swept afterwards.
    let whole = batches(&server.process);
    assert_eq!(whole.keys().copied().collect::<BTreeSet<_>>(), acknowledged.into_inner().unwrap());
}

#[test]
fn a_directory_gets_new_segments_only_and_a_running_server_keeps_its_own() {
    let limited = "[[credential]]\nname = \"acme\"\ntoken = \"acme-admin\"\n\
                   grants = [{ role = \"admin\", organization = \"acme\" }]\n\n";
    let mut server = Server::start_with(&format!("{limited}[store]\nseal_events = 50\nmerge_factor = 100\n"));
    for batch in 0..4 {
        assert!(post(&server.process, batch, 50));
        wait_for_segments(&server.process, batch as usize + 1);
    }
    assert!(post(&server.process, 4, 10), "these stay in the log");
    let kept = server.directory.path().join("kept");
    let first = server.run(&["backup", "--to", text(&kept)]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.stderr.contains("4 of 4 segments were new"), "{first:?}");
    assert!(post(&server.process, 5, 50));
    wait_for_segments(&server.process, 5);
    let second = server.run(&["backup", "--to", text(&kept)]);
    assert!(second.stderr.contains("1 of 5 segments were new"), "{second:?}");

    let data = server.process.data_dir();
    for arguments in [
        &["verify", "--data-dir", text(&data)][..],
        &["backup", "--to", text(&kept), "--data-dir", text(&data)],
    ] {
        let refused = run(arguments);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains("in use"), "{refused:?}");
    }
    let refused = server.run(&[
        "backup",
        "--out",
        text(&server.directory.path().join("x.tar")),
        "--token",
        "acme-admin",
    ]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("over everything"), "{refused:?}");
    let foreign = server.directory.path().to_owned();
    let refused = server.run(&["backup", "--to", text(&foreign)]);
    assert!(refused.stderr.contains("other files"), "{refused:?}");

    server.process.terminate().unwrap();
    let third = run(&["backup", "--to", text(&kept), "--data-dir", text(&data)]);
    assert!(third.stderr.contains("0 of 5 segments were new"), "{third:?}");
    let checked = run(&["verify", "--data-dir", text(&data), "--json"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let found: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!((&found["ok"], &found["segments"]), (&json!(true), &json!(5)), "{found}");

    let (restored, directory) = start_restored(&kept);
    let found: Vec<usize> = batches(&restored).values().map(BTreeSet::len).collect();
    assert_eq!(found, [50, 50, 50, 50, 10, 50]);
    // Once more over the same is refused, and what is there stays.
    let again = run(&["restore", text(&kept), "--data-dir", text(&directory.path().join("data"))]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stderr.contains("is not empty"), "{again:?}");
    assert_eq!(batches(&restored).len(), 6);
}

/// A stopped server's data directory with segments and a log, and a backup of it.
fn stopped() -> (Server, PathBuf) {
    let mut server = Server::start_with("[store]\nseal_events = 50\nmerge_factor = 100\n");
    for batch in 0..3 {
        assert!(post(&server.process, batch, 50));
        wait_for_segments(&server.process, batch as usize + 1);
    }
    assert!(post(&server.process, 3, 10));
    server.process.terminate().unwrap();
    let archive = server.directory.path().join("backup.tar");
    let made = run(&["backup", "--out", text(&archive), "--data-dir", text(&server.process.data_dir())]);
    assert_eq!(made.code, 0, "{made:?}");
    (server, archive)
}

/// Tries to restore; what is wrong, unless it went well.
fn fault(backup: &Path, target: &Path) -> Option<String> {
    let restored = BackupSource::open(backup).and_then(|source| restore(&source, target, &mut |_, _| {}));
    match restored {
        Ok(_) => None,
        Err(error) => {
            assert!(!target.exists(), "{error}: something stayed behind");
            Some(error.to_string())
        }
    }
}

#[test]
fn damaged_and_truncated_backups_are_named_and_not_restored() {
    let (server, archive) = stopped();
    let whole = fs::read(&archive).unwrap();
    let damaged = server.directory.path().join("damaged.tar");
    let target = server.directory.path().join("target");

    for cut in (0..24).map(|part| whole.len() * part / 24) {
        // What ends an archive may be missing; nothing of a file may.
        fs::write(&damaged, &whole[..cut]).unwrap();
        let fault = fault(&damaged, &target);
        assert!(fault.is_some() || cut + 2048 >= whole.len(), "cut at {cut} of {}", whole.len());
        if fault.is_none() {
            fs::remove_dir_all(&target).unwrap();
        }
    }
    fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    for command in [
        &["verify", "--backup", text(&damaged)][..],
        &["restore", text(&damaged), "--data-dir", text(&target)],
    ] {
        let refused = run(command);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!((refused.stdout + &refused.stderr).contains(".segment"), "the file is named");
    }
    assert!(!target.exists());

    // One byte of any file's contents.
    let source = BackupSource::open(&archive).unwrap();
    let manifest = source.manifest().clone();
    for file in manifest.files() {
        let at = whole.windows(file.name.len()).rposition(|window| window == file.name.as_bytes()).unwrap();
        // The name stands at the beginning of a header of 512 bytes, the contents behind it.
        for part in 0..12 {
            let mut bytes = whole.clone();
            let place = at + 512 + (file.bytes as usize - 1) * part / 11;
            bytes[place] ^= 0x20;
            fs::write(&damaged, bytes).unwrap();
            let fault = fault(&damaged, &target).unwrap_or_else(|| panic!("{} at {place}", file.name));
            assert!(fault.contains(&file.name), "{fault}");
            let found =
                inspect_backup(&BackupSource::open(&damaged).unwrap(), Depth::Checksums, &mut |_, _| {});
            assert!(found.unwrap().damages.iter().any(|damage| damage.file == file.name), "{}", file.name);
        }
    }
    assert_eq!(fault(&archive, &target), None);
    let again = BackupSource::open(&archive).and_then(|source| restore(&source, &target, &mut |_, _| {}));
    assert!(matches!(again, Err(BackupError::NotEmpty(_))));
}

#[test]
fn a_backup_that_was_cut_off_leaves_the_earlier_one_good() {
    let (server, archive) = stopped();
    let kept = server.directory.path().join("kept");
    let data = server.process.data_dir();
    assert_eq!(run(&["backup", "--to", text(&kept), "--data-dir", text(&data)]).code, 0);
    let whole = fs::read(&archive).unwrap();
    for cut in (1..12).map(|part| whole.len() * part / 12) {
        let directory = annals_store::BackupDirectory::open(&kept).unwrap();
        assert!(directory.receive(&whole[..cut]).is_err() || cut + 2048 >= whole.len());
        let found = inspect_backup(&BackupSource::open(&kept).unwrap(), Depth::Everything, &mut |_, _| {});
        assert!(found.unwrap().damages.is_empty());
    }
}

#[test]
fn verify_names_each_damage_of_a_data_directory() {
    let (server, _archive) = stopped();
    let data = server.process.data_dir();
    let damages = || {
        let checked = run(&["verify", "--data-dir", text(&data), "--json"]);
        let found: Value = serde_json::from_str(&checked.stdout).unwrap_or_else(|_| panic!("{checked:?}"));
        let damages = found["damages"].as_array().unwrap().clone();
        assert_eq!(checked.code, i32::from(!damages.is_empty()), "{checked:?}");
        (damages, found["notes"].as_array().unwrap().clone())
    };
    assert_eq!(damages(), (vec![], vec![]));
    fs::write(data.join("segments/unlisted.segment"), b"x").unwrap();
    let (found, notes) = damages();
    assert_eq!((found.len(), notes.len()), (0, 1), "{notes:?}");

    // Two of three segments, each in its own way, and the log.
    let mut paths = segments(&server.process);
    paths.retain(|path| !path.ends_with("unlisted.segment"));
    paths.sort();
    let name = |path: &Path| json!(path.file_name().unwrap().to_str().unwrap());
    let mut bytes = fs::read(&paths[0]).unwrap();
    bytes[100] ^= 1;
    fs::write(&paths[0], bytes).unwrap();
    fs::remove_file(&paths[1]).unwrap();
    let catalog = rusqlite::Connection::open(data.join("catalog.sqlite")).unwrap();
    let changed = catalog.execute("UPDATE log SET payload = zeroblob(length(payload)) WHERE events = 10", []);
    assert_eq!(changed.unwrap(), 1);
    drop(catalog);
    let (found, _) = damages();
    let files: Vec<&Value> = found.iter().map(|damage| &damage["file"]).collect();
    assert!(files.contains(&&name(&paths[0])) && files.contains(&&name(&paths[1])), "{found:#?}");
    assert!(files.contains(&&json!("catalog.sqlite")), "{found:#?}");
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().all(|damage| damage["place"] != "" && damage["reason"] != ""), "{found:#?}");

    // The third one twice.
    let copy = data.join("segments/0000000000000000.segment");
    fs::copy(&paths[2], copy).unwrap();
    let catalog = rusqlite::Connection::open(data.join("catalog.sqlite")).unwrap();
    let insert = "INSERT INTO segment SELECT '0000000000000000.segment', events, bytes, first_time, first_seq, last_time,
         last_seq, seq_first, seq_last, created FROM segment WHERE name = ?1";
    // The list of segments of the first format has no checksum of its own.
    catalog.execute("UPDATE store SET format = 1", []).unwrap();
    assert_eq!(catalog.execute(insert, [paths[2].file_name().unwrap().to_str().unwrap()]).unwrap(), 1);
    drop(catalog);
    let (found, _) = damages();
    let reasons: Vec<String> = found.iter().map(|damage| damage["reason"].to_string()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("overlap")), "{reasons:#?}");
    assert_eq!(reasons.iter().filter(|reason| reason.contains("too")).count(), 50, "{reasons:#?}");
}
