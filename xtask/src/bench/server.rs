//! The server under measurement: the release build on a fresh directory, and what the operating system says of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use annals_testkit::ServerProcess;

/// How long nothing may change for the store to count as being at rest.
const QUIET: Duration = Duration::from_secs(5);

/// Builds the release binary and gives its path.
pub(crate) fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", "annals"])
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err("the release build failed".to_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Ok(target.join("release/annals"))
}

/// Waits until the data directory has not changed for a while; gives how long that took, the quiet time left out.
pub(crate) fn wait_for_rest(server: &ServerProcess, limit: Duration) -> Result<Duration, String> {
    let begun = Instant::now();
    let (mut last, mut since) = (disk_bytes(server), Instant::now());
    while begun.elapsed() < limit {
        thread::sleep(Duration::from_millis(200));
        let now = disk_bytes(server);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > QUIET {
            return Ok(since.duration_since(begun));
        }
    }
    Err(format!("the store was not at rest after {limit:?}"))
}

/// Bytes of every file in the data directory.
pub(crate) fn disk_bytes(server: &ServerProcess) -> u64 {
    fn walk(directory: &Path) -> u64 {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let size = |entry: fs::DirEntry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => walk(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        };
        entries.map(size).sum()
    }
    walk(&server.data_dir())
}

/// Resident memory in bytes that is the process's own, and that which is mapped files (`RssAnon` and `RssFile` of
/// Linux); zero where it cannot be told.
pub(crate) fn resident_bytes(server: &ServerProcess) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    (value("RssAnon:").unwrap_or(0), value("RssFile:").unwrap_or(0))
}
