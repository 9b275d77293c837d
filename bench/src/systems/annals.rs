//! Annals under measurement: the release build on a directory, asked through HTTP, and what the operating system says
//! of it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use annals_testkit::ServerProcess;

use super::http::{Answer, Connection};

/// How long nothing may happen for the store to count as being at rest.
const QUIET: Duration = Duration::from_secs(2);
/// How long the store may take to come to rest.
const REST_MAX: Duration = Duration::from_secs(1_800);
/// The share of a core that a server at rest may use.
const IDLE_SHARE: f64 = 0.05;
/// Ticks a second in which Linux counts processor time for everybody (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Only what is worth knowing is logged: a line for each request is not what is measured.
const SETTINGS: &str = "[log]\nlevel = \"warn\"\n";
/// With these the store comes to rest when everything is in as few segments as are allowed.
const COMPACTING: &str = "[log]\nlevel = \"warn\"\n\n[store]\nseal_age_seconds = 1\nmerge_factor = 2\n";

/// A running server.
pub(crate) struct Annals {
    binary: PathBuf,
    directory: PathBuf,
    process: ServerProcess,
}

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Resident {
    /// The process's own.
    pub(crate) own: u64,
    /// Pages of mapped files.
    pub(crate) mapped: u64,
}

/// Sees the server from another thread.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pid: u32,
}

impl Annals {
    /// Starts a server with its defaults on that directory.
    pub(crate) fn start(binary: &Path, directory: &Path) -> Result<Self, String> {
        fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let process = started(binary, directory, SETTINGS)?;
        Ok(Self { binary: binary.to_owned(), directory: directory.to_owned(), process })
    }

    /// Stops it and starts it again on the same data; gives the time until it was ready.
    pub(crate) fn restart(&mut self) -> Result<Duration, String> {
        self.process.terminate().map_err(|error| format!("the server does not stop: {error}"))?;
        self.start_again()
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        self.process.kill().map_err(|error| format!("the server cannot be killed: {error}"))
    }

    /// Starts it on what is there; gives the time until it was ready.
    pub(crate) fn start_again(&mut self) -> Result<Duration, String> {
        self.process.start_again().map_err(|error| format!("the server does not start again: {error}"))
    }

    /// Lets it merge all that may be merged, and gives the bytes of all files when that is done. It runs with its
    /// defaults again afterwards.
    pub(crate) fn compact(&mut self) -> Result<u64, String> {
        let stop = |process: &mut ServerProcess| {
            process.terminate().map_err(|error| format!("the server does not stop: {error}"))
        };
        stop(&mut self.process)?;
        self.process = started(&self.binary, &self.directory, COMPACTING)?;
        thread::sleep(QUIET);
        self.wait_for_rest()?;
        let bytes = self.disk_bytes();
        stop(&mut self.process)?;
        self.process = started(&self.binary, &self.directory, SETTINGS)?;
        Ok(bytes)
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, String> {
        let url = self.process.url("");
        let address = url.trim_start_matches("http://");
        address.parse().map_err(|error| format!("`{address}` is no address: {error}"))
    }

    pub(crate) fn connect(&self) -> Result<Connection, String> {
        Connection::open(self.address()?, &self.process.authorization())
    }

    /// What opens further connections, from any thread.
    pub(crate) fn door(&self) -> Result<Door, String> {
        Ok(Door { address: self.address()?, authorization: self.process.authorization() })
    }

    pub(crate) fn watch(&self) -> Watch {
        Watch { pid: self.process.id() }
    }

    /// Bytes of every file in the data directory.
    pub(crate) fn disk_bytes(&self) -> u64 {
        tree_bytes(&self.process.data_dir())
    }

    /// Waits until nothing is sealed or merged any more; gives how long that took, the quiet time at the end left out.
    pub(crate) fn wait_for_rest(&self) -> Result<Duration, String> {
        let begun = Instant::now();
        let watch = self.watch();
        let mut connection = self.connect()?;
        let mut busy_until = begun;
        let mut last = (watch.cpu(), self.disk_bytes(), Instant::now());
        while begun.elapsed() < REST_MAX {
            thread::sleep(Duration::from_millis(200));
            let now = (watch.cpu(), self.disk_bytes(), Instant::now());
            let share = (now.0 - last.0).as_secs_f64() / (now.2 - last.2).as_secs_f64();
            let metrics = metrics(&mut connection)?;
            let waiting =
                metrics.value("annals_store_frozen_parts") + metrics.value("annals_store_queue_events");
            if share > IDLE_SHARE || now.1 != last.1 || waiting > 0.0 {
                busy_until = now.2;
            }
            last = now;
            if busy_until.elapsed() > QUIET {
                return Ok(busy_until - begun);
            }
        }
        Err(format!("the store was not at rest after {REST_MAX:?}"))
    }
}

/// Where a server is and how one gets in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) authorization: String,
}

impl Door {
    pub(crate) fn open(&self) -> Result<Connection, String> {
        Connection::open(self.address, &self.authorization)
    }
}

fn started(binary: &Path, directory: &Path, settings: &str) -> Result<ServerProcess, String> {
    ServerProcess::start(binary, directory, settings)
        .map_err(|error| format!("the server does not start: {error}"))
}

/// The body of an answer that must be a success.
pub(crate) fn success(answer: Answer, path: &str) -> Result<Vec<u8>, String> {
    if answer.status == 200 {
        return Ok(answer.body);
    }
    Err(format!("{path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)))
}

/// The metrics of a server, as text.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The value of a metric without labels; 0 if there is none.
    pub(crate) fn value(&self, name: &str) -> f64 {
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
        self.0.lines().find_map(value).unwrap_or(0.0)
    }
}

pub(crate) fn metrics(connection: &mut Connection) -> Result<Metrics, String> {
    let body = success(connection.get("/metrics")?, "/metrics")?;
    Ok(Metrics(String::from_utf8_lossy(&body).into_owned()))
}

impl Watch {
    /// `RssAnon` and `RssFile` of Linux; zero where they cannot be told.
    pub(crate) fn resident(&self) -> Resident {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
        };
        Resident { own: value("RssAnon:").unwrap_or(0), mapped: value("RssFile:").unwrap_or(0) }
    }

    /// Processor time since the start, in user and kernel mode (proc(5), `utime` and `stime`).
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        cpu_of(&stat)
    }
}

fn cpu_of(stat: &str) -> Duration {
    // The name in parentheses may hold spaces; the first field behind it is the third.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS_PER_SECOND)
}

/// Bytes of every file below a directory.
pub(crate) fn tree_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => tree_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 500 0 0 0 250 150 0 0 20 0 9 0 100 200 300";
        assert_eq!(cpu_of(stat), Duration::from_secs(4));
        assert_eq!(cpu_of(""), Duration::ZERO);
    }

    #[test]
    fn metrics_are_found_by_their_whole_name() {
        let metrics = Metrics("# HELP a\nannals_a_b 7\nannals_a 3\nannals_c{x=\"y\"} 9\n".to_owned());
        assert_eq!((metrics.value("annals_a"), metrics.value("annals_b")), (3.0, 0.0));
    }
}
