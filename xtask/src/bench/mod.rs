//! `cargo xtask bench`: measures a release build as its users meet it, through HTTP on this machine.
//!
//! It builds `annals`, starts `annals serve` on a fresh directory, loads generated events, waits until the store is at
//! rest, asks, restarts it, and writes what it saw to `docs/benchmarks.md`. Nothing here asserts a time: benchmarks are
//! for looking at.

mod load;
mod report;
mod requests;
mod server;

use std::{fs, path::Path, time::Duration};

use annals_testkit::{Profile, ServerProcess};

/// Events of one run unless `--events` says otherwise.
const EVENTS_DEFAULT: u64 = 1_000_000;
/// Connections that load at the same time unless `--connections` says otherwise.
const CONNECTIONS_DEFAULT: usize = 8;
/// How often each request is repeated unless `--repeat` says otherwise.
const REPEAT_DEFAULT: usize = 200;
/// How long the store may take to come to rest after the load.
const REST_MAX: Duration = Duration::from_secs(600);
/// The seed of the generated events: the same events in every run.
const SEED: u64 = 42;

const USAGE: &str = "\
usage: cargo xtask bench [--events N] [--connections N] [--repeat N] [--write]

  --events N        events of each profile (default 1000000)
  --connections N   connections that load at the same time (default 8)
  --repeat N        how often each request is measured (default 200)
  --write           write the table to docs/benchmarks.md
";

/// What a run is asked to do.
struct Options {
    events: u64,
    connections: usize,
    repeat: usize,
    write: bool,
}

/// What a run with one profile of events saw.
struct Measured {
    profile: &'static str,
    json_bytes: f64,
    load: load::Load,
    rest: Duration,
    disk_bytes: u64,
    resident_after_load: (u64, u64),
    resident_after_restart: (u64, u64),
    requests: Vec<requests::Latency>,
    start: Duration,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let options = parse(arguments)?;
    let binary = server::build()?;
    let mut measured = Vec::new();
    for (name, profile) in [("454 B", Profile::Small454), ("1,017 B", Profile::Large1017)] {
        println!("bench: {} events of the {name} profile", options.events);
        measured.push(measure(&options, &binary, name, profile)?);
    }
    let page = report::page(&options, &measured);
    println!("{page}");
    if options.write {
        fs::write("docs/benchmarks.md", page).map_err(|error| format!("docs/benchmarks.md: {error}"))?;
        println!("bench: wrote docs/benchmarks.md");
    }
    Ok(())
}

fn measure(
    options: &Options,
    binary: &Path,
    name: &'static str,
    profile: Profile,
) -> Result<Measured, String> {
    let directory = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let started = ServerProcess::start(binary, directory.path(), "[log]\nlevel = \"warn\"\n");
    let mut process = started.map_err(|error| format!("the server does not start: {error}"))?;
    let (load, json_bytes) = load::run(&process, options, profile)?;
    println!("bench: loaded at {:.0} events/s, waiting for the store to come to rest", load.per_second());
    let rest = server::wait_for_rest(&process, REST_MAX)?;
    let resident_after_load = server::resident_bytes(&process);
    let disk_bytes = server::disk_bytes(&process);
    let requests = requests::measure(&process, options, profile)?;
    process.terminate().map_err(|error| format!("the server does not stop: {error}"))?;
    let start = process.start_again().map_err(|error| format!("the server does not start again: {error}"))?;
    let resident_after_restart = server::resident_bytes(&process);
    Ok(Measured {
        profile: name,
        json_bytes,
        load,
        rest,
        disk_bytes,
        resident_after_load,
        resident_after_restart,
        requests,
        start,
    })
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options {
        events: EVENTS_DEFAULT,
        connections: CONNECTIONS_DEFAULT,
        repeat: REPEAT_DEFAULT,
        write: false,
    };
    let mut arguments = arguments.iter();
    while let Some(flag) = arguments.next() {
        if flag == "--write" {
            options.write = true;
            continue;
        }
        let number = |value: Option<&String>| {
            let value = value.and_then(|text| text.parse::<u64>().ok()).filter(|number| *number > 0);
            value.ok_or_else(|| format!("{flag} needs a whole number above zero\n\n{USAGE}"))
        };
        match flag.as_str() {
            "--events" => options.events = number(arguments.next())?,
            "--connections" => options.connections = number(arguments.next())? as usize,
            "--repeat" => options.repeat = number(arguments.next())? as usize,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(options)
}
