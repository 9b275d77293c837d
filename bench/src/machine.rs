//! The machine and what else runs on it, as Linux tells them.

use std::{fs, process::Command};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// The processor, its cores and the memory.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let processor = value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    format!("{cores} cores ({processor}), {:.0} GiB of memory", memory_bytes() as f64 / GIB)
}

/// All memory, in bytes; 0 where it cannot be told.
pub(crate) fn memory_bytes() -> u64 {
    let text = value("/proc/meminfo", "MemTotal").unwrap_or_default();
    text.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Processes that run or wait to run, averaged over the last minute. Before a run it is what others do.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// The state of the sources: the commit, and whether more was changed.
pub(crate) fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    if changed { format!("{commit}, with changes") } else { commit }
}

/// Today, as the system says it: a run is dated.
pub(crate) fn today() -> String {
    let output = Command::new("date").args(["--utc", "+%Y-%m-%d"]).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn value(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
