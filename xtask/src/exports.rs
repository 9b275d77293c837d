//! `cargo xtask exports`: what the server exports, read by pyarrow, DuckDB and Python's own modules.
//!
//! It installs them, starts the server, and runs `clients/exports/export_check.py`, which records awkward events and
//! compares what each tool reads with them.

use std::{
    fs,
    time::{Duration, Instant},
};

use annals_testkit::ServerProcess;
use serde_json::json;

use crate::{
    clients::install::python,
    command::{binary, call, cargo, heard, root},
    venv,
};

/// How long everything may take; it takes some seconds.
const CHECKS_MAX: Duration = Duration::from_secs(300);

/// What is said when packages cannot be had: a step that was not taken must not look like one that passed.
const UNREACHABLE: &str = "\
xtask: exports: pyarrow and DuckDB could not be installed, so NOTHING was checked with them. They come from Python's
package registry, as `pip` is configured here; without a network they must have been installed into .cache/exports before.";

/// Small segments, so that an export goes through files and memory alike.
const SETTINGS: &str = "\
[[credential]]\nname = \"reader\"\ntoken = \"exports-reader\"\ngrants = [{ role = \"reader\" }]\n\n\
[[credential]]\nname = \"writer\"\ntoken = \"exports-writer\"\ngrants = [{ role = \"writer\" }]\n\n\
[store]\nseal_events = 1500\n";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("usage: cargo xtask exports".to_owned());
    }
    let root = root();
    let scripts = root.join("clients/exports");
    let programs = venv::make(&root.join(".cache/exports"), &scripts, "exports", UNREACHABLE)?;
    call(&cargo(), &["build", "--quiet", "--locked", "--package", "annals"])?;
    let begun = Instant::now();
    let directory = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let server = ServerProcess::start(&binary(&root), directory.path(), SETTINGS)
        .map_err(|error| format!("the server: {error}"))?;
    let facts = json!({ "url": server.url(""), "reader": "exports-reader", "writer": "exports-writer" });
    let path = directory.path().join("facts.json");
    fs::write(&path, facts.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut command = python(&programs.join("python"));
    // The server is on this machine, whatever the environment's proxies.
    command.arg(scripts.join("export_check.py")).arg(&path).env("no_proxy", "*").env("NO_PROXY", "*");
    let (passed, said) = heard(&mut command, &directory.path().join("output"), CHECKS_MAX)
        .map_err(|error| format!("python: {error}"))?;
    if !passed {
        return Err(format!("{said}\nxtask: exports: what was read is not what is stored"));
    }
    println!(
        "{}\nxtask: exports: every tool read what is stored, after {} s",
        said.trim_end(),
        begun.elapsed().as_secs()
    );
    Ok(())
}
