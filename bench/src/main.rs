//! Measures a release build of Annals beside other databases, on the same generated events, in one run. `cargo xtask
//! bench` builds what it needs, installs the peers, and runs it; see `bench/README.md`.
//!
//! Nothing here asserts a time: benchmarks are for looking at. What ends a run is a wrong answer, or a lost event.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "progress and results are its purpose")]

mod data;
mod machine;
mod options;
mod report;
mod systems;
mod workloads;

use std::{fs, path::Path, process::ExitCode, time::Instant};

use annals_testkit::Profile;

use crate::{
    options::Options,
    report::results::{Run, read_all},
    systems::{annals::Annals, fixed::Fixed, peer::Peer, postgres::Postgres, python::Python},
    workloads::{export, ingest, limits, mixed, posts, rate, reads, starts, web},
};

/// Where whole results are kept, and the page that shows them.
const KEPT: &str = "docs/benchmarks";
const PAGE: &str = "docs/benchmarks.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Options::parse(&arguments).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let parts = options.directory.join("results");
    let kept = if options.is_whole() { Path::new(KEPT) } else { parts.as_path() };
    let mut runs = Vec::new();
    if !options.report {
        for events in &options.events {
            for (name, profile) in [("small", Profile::Small454), ("large", Profile::Large1017)] {
                if options.profile.as_deref().is_none_or(|only| only == name) {
                    let run = measure(options, name, profile, *events)?;
                    run.write(kept)?;
                    runs.push(run);
                }
            }
        }
    }
    if options.report || options.is_whole() {
        let page = report::page(&read_all(Path::new(KEPT))?);
        fs::write(PAGE, &page).map_err(|error| format!("{PAGE}: {error}"))?;
        println!("{page}\nbench: wrote {PAGE}");
    } else {
        println!("{}\nbench: the numbers are in {}", report::page(&runs), kept.display());
    }
    Ok(())
}

fn measure(options: &Options, name: &str, profile: Profile, events: u64) -> Result<Run, String> {
    let begun = Instant::now();
    let say = |what: &str| println!("bench: [{:>5.0} s] {what}", begun.elapsed().as_secs_f64());
    let mut run = Run {
        profile: name.to_owned(),
        events,
        json_bytes: 0.0,
        date: machine::today(),
        commit: machine::commit(),
        machine: machine::describe(),
        used_by_others: machine::used_by_others(),
        versions: std::collections::BTreeMap::default(),
        measurements: Vec::new(),
    };
    say(&format!("{events} {name} events; others use {:.2} processors", run.used_by_others));
    fs::create_dir_all(&options.directory)
        .map_err(|error| format!("{}: {error}", options.directory.display()))?;
    let directory = tempfile::tempdir_in(&options.directory)
        .map_err(|error| format!("{}: {error}", options.directory.display()))?;
    let directory = directory.path();
    open_to_all(directory)?;
    let fixed = Fixed::start()?;
    let mut peers = start_peers(options, directory, profile)?;
    for peer in &peers {
        run.versions.insert(peer.key().to_owned(), peer.version().to_owned());
    }
    if options.wants("limits") {
        say("limit lines of recording");
        limits::measure(&fixed, directory, profile, &mut run)?;
    }
    say("loading");
    if options.wants("ingest") {
        ingest::ours_on_the_side(&options.binary, directory, profile, events, &mut run)?;
    }
    let mut annals = Annals::start(&options.binary, &directory.join("annals"))?;
    ingest::ours(&annals, profile, events, ingest::CONNECTIONS, &mut run)?;
    ingest::peers(&mut peers, directory, profile, events, options.wants("ingest"), &mut run)?;
    for peer in &mut peers {
        let bytes = peer.bytes("events")? as f64 / events as f64;
        run.note("disk", peer.key(), report::results::Unit::BytesPerEvent, bytes);
    }
    if options.wants("reads") {
        say("questions, all systems in turn");
        reads::measure(&annals, &fixed, &mut peers, profile, options.only.as_deref(), &mut run)?;
    }
    if options.wants("rate") {
        say("pages a second");
        rate::measure(&annals, &fixed, profile, &mut run)?;
    }
    if options.wants("export") {
        say("export");
        export::measure(&annals, &fixed, &mut peers, &mut run)?;
    }
    if options.wants("web") {
        say("the web page's requests");
        web::measure(&annals, &mut run)?;
    }
    if options.wants("starts") {
        say("clean starts, compaction");
        starts::clean(&mut annals, profile, &mut run)?;
    }
    // From here on events are added, which the questions above must not see.
    let mut next = events;
    if options.wants("posts") {
        say("single events");
        posts::measure(&annals, &fixed, &mut peers, directory, profile, &mut next, &mut run)?;
    }
    if options.wants("mixed") {
        say("reading while writing");
        mixed::measure(&annals, profile, &mut next, &mut run)?;
    }
    if options.wants("starts") {
        say("kills under load");
        starts::killed(&mut annals, profile, &mut next, &mut run)?;
    }
    say("done");
    Ok(run)
}

fn start_peers(options: &Options, directory: &Path, profile: Profile) -> Result<Vec<Box<dyn Peer>>, String> {
    let mut peers: Vec<Box<dyn Peer>> = Vec::new();
    for key in &options.peers {
        let home = directory.join(key);
        fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
        peers.push(match *key {
            "postgresql" => Box::new(Postgres::start(&home, profile)?),
            key => Box::new(Python::start(key, &options.python, &home, profile)?),
        });
    }
    Ok(peers)
}

/// PostgreSQL runs as a user of its own and must get through to its directory.
fn open_to_all(directory: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
        .map_err(|error| format!("{}: {error}", directory.display()))
}
