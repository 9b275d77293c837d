//! The machine and what else runs on it, as Linux tells them.

use std::{fs, process::Command, thread, time::Duration};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
/// How long the machine is watched before a run.
const WATCHED: Duration = Duration::from_secs(5);

/// The processor, its cores and the memory.
pub(crate) fn describe() -> String {
    let processor = value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    format!("{} cores ({processor}), {:.0} GiB of memory", cores(), memory_bytes() as f64 / GIB)
}

/// Processors that this program may use.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// All memory, in bytes; 0 where it cannot be told.
pub(crate) fn memory_bytes() -> u64 {
    let text = value("/proc/meminfo", "MemTotal").unwrap_or_default();
    text.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// How many processors others use: all that is used while this program sleeps for a while. The load average would
/// still show the build and the run before.
pub(crate) fn used_by_others() -> f64 {
    let before = processor_times();
    thread::sleep(WATCHED);
    let after = processor_times();
    let (used, all) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
    used as f64 / all.max(1) as f64 * cores() as f64
}

/// What all processors did since the start, in ticks: work, and everything. See `/proc/stat` in proc(5).
fn processor_times() -> (u64, u64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    of_line(text.lines().next().unwrap_or_default())
}

fn of_line(line: &str) -> (u64, u64) {
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is in the first two already.
    let times: Vec<u64> =
        line.split_whitespace().skip(1).take(8).filter_map(|text| text.parse().ok()).collect();
    let (all, idle): (u64, u64) = (times.iter().sum(), times.iter().skip(3).take(2).sum());
    (all - idle, all)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_all_but_idling() {
        assert_eq!(of_line("cpu  100 20 30 1000 200 4 5 6 50 7"), (165, 1365));
        assert_eq!(of_line(""), (0, 0));
    }
}
