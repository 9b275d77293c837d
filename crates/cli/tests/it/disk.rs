//! A disk that fills up: the server reads on, refuses to record, and records again when there is space. The disk is a real
//! file system of a few megabytes, which only root may mount; without that right the test fails and says so.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use annals_testkit::ServerProcess;
use serde_json::{Value, json};

use crate::support::{binary, run};

const DISK_BYTES: u64 = 48 << 20;
/// What the server leaves free.
const FREE_BYTES_MIN: u64 = 8 << 20;
const BATCH_EVENTS: u64 = 50;
/// How long the server may take to see that there is no space, or that there is again.
const PATIENCE: Duration = Duration::from_secs(120);

/// A small file system, unmounted in the end.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Self {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={DISK_BYTES}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output().unwrap();
        assert!(
            mounted.status.success(),
            "this test fills a file system of its own and may not mount one: run it as root, in a container with \
             --cap-add SYS_ADMIN, or under `unshare --map-root-user --mount`; mount said: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self(at.to_owned())
    }

    fn grow(&self) {
        let size = format!("remount,size={}", 2 * DISK_BYTES);
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
    }

    fn free(&self) -> u64 {
        let output =
            Command::new("df").args(["--block-size=1", "--output=avail"]).arg(&self.0).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().nth(1).unwrap().trim().parse().unwrap()
    }

    /// The file of another program.
    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// The other program takes all but so many bytes, or less because the server is faster.
    fn fill(&self, free: u64) {
        let mut file = File::options().create(true).append(true).open(self.ballast()).unwrap();
        match file.write_all(&vec![1; self.free().saturating_sub(free) as usize]) {
            Err(error) if error.kind() == ErrorKind::StorageFull => {}
            written => written.unwrap(),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, should the server still be there because a test failed.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Status, `Retry-After` and body of an answer.
type Answer = (u16, Option<String>, String);

fn ask(server: &ServerProcess, path: &str, body: Option<String>) -> Answer {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let (url, authorization) = (server.url(path), server.authorization());
    let answer = match body {
        Some(body) => {
            let request = agent.post(url).header("authorization", authorization);
            request.header("content-type", "application/x-ndjson").send(body)
        }
        None => agent.get(url).header("authorization", authorization).call(),
    };
    let mut answer = answer.unwrap();
    let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), retry_after, answer.body_mut().read_to_string().unwrap())
}

/// Records a batch with texts that do not compress.
fn post(server: &ServerProcess, batch: u64) -> Answer {
    let mut random = annals_testkit::Random::new(batch);
    let event = |place: u64, noise: String| {
        json!({
            "id": format!("{batch:08x}-0000-7000-8000-{place:012x}"), "time": "2026-05-01T00:00:00Z", "type": "noise",
            "message": noise,
        })
    };
    let mut noise = || (0..125).map(|_| format!("{:016x}", random.next_u64())).collect::<String>();
    let lines = (0..BATCH_EVENTS).map(|place| format!("{}\n", event(place, noise())));
    ask(server, "/api/v1/events", Some(lines.collect()))
}

fn total(server: &ServerProcess) -> u64 {
    let (status, _, text) = ask(server, "/api/v1/events?limit=1&total=true", None);
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["total"].as_u64().unwrap()
}

/// Records batches until the server refuses, says why and reads on, whatever room its own merges make meanwhile. Gives
/// how many batches are recorded then; so many were before.
fn record_until_read_only(server: &ServerProcess, mut recorded: u64, before_each: impl Fn()) -> u64 {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "it still records, or is ready, after {recorded} batches");
        before_each();
        let (status, retry_after, text) = post(server, recorded);
        if status == 200 {
            recorded += 1;
            continue;
        }
        assert_eq!(status, 503, "{text}");
        assert!(retry_after.is_some() && text.contains("free some space"), "{text}");
        assert_eq!(total(server), recorded * BATCH_EVENTS);
        assert_eq!(ask(server, "/livez", None).0, 200);
        let (status, _, text) = ask(server, "/readyz", None);
        if status == 503 {
            assert!(text.contains("free some space"), "{text}");
            return recorded;
        }
    }
}

fn wait_until_it_records(server: &ServerProcess, batch: u64) {
    let begun = Instant::now();
    loop {
        let (status, _, text) = post(server, batch);
        if status == 200 {
            return;
        }
        assert_eq!(status, 503, "{text}");
        assert!(begun.elapsed() < PATIENCE, "it does not see that there is space: {text}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_full_disk_makes_it_read_only_until_there_is_space() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::mount(&directory.path().join("data"));
    let settings = format!(
        "[store]\nfree_bytes_min = {FREE_BYTES_MIN}\nseal_events = 500\nmerge_factor = 2\n\n[log]\nlevel = \"error\"\n"
    );
    let mut server = ServerProcess::start(binary(), directory.path(), &settings).unwrap();

    // It fills the disk itself, with seals and merges on the way.
    let mut acknowledged = record_until_read_only(&server, 0, || {});
    assert!(acknowledged > 20, "only {acknowledged} batches went in");
    assert!(acknowledged * BATCH_EVENTS * 1_000 < DISK_BYTES, "more went in than there is room for");

    // The disk is made larger, as an operator would.
    disk.grow();
    wait_until_it_records(&server, acknowledged);
    acknowledged += 1;

    // Another program takes nearly all of the rest, and what merges give back, and leaves it again.
    acknowledged = record_until_read_only(&server, acknowledged, || {
        disk.fill(FREE_BYTES_MIN / 4);
        // For a second the server believes what it asked last.
        thread::sleep(Duration::from_millis(1_200));
    });
    fs::remove_file(disk.ballast()).unwrap();
    wait_until_it_records(&server, acknowledged);
    acknowledged += 1;
    assert_eq!(ask(&server, "/readyz", None).0, 200);
    assert_eq!(total(&server), acknowledged * BATCH_EVENTS);

    server.kill().unwrap();
    server.start_again().unwrap();
    assert_eq!(total(&server), acknowledged * BATCH_EVENTS);
    server.terminate().unwrap();
    let checked = run(&["verify", "--data-dir", server.data_dir().to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{checked:?}");
}
