//! `cargo xtask bench`: builds what is measured and what measures, installs the peers, and lets `annals-bench` do the rest.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::{call_command, cargo, install_packages},
    venv,
};

/// Where Debian's package keeps the programs of the PostgreSQL that is compared with.
const POSTGRESQL: &str = "/usr/lib/postgresql/15/bin/postgres";
const UNREACHABLE: &str = "xtask: bench: without these packages there is nothing to compare with; `--peers none` measures Annals alone, \
                           `--peers postgresql` beside PostgreSQL";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    // One after the other: built together they would share what each asks of the crates both use, and what is measured would
    // not be what users build.
    for package in ["annals", "annals-bench"] {
        call_command(Command::new(cargo()).args(["build", "--release", "--locked", "--package", package]))?;
    }
    let mut bench = Command::new(target.join("release/annals-bench"));
    bench.arg("--binary").arg(target.join("release/annals"));
    if wants(arguments, &["postgresql"]) && !Path::new(POSTGRESQL).exists() {
        install_packages(&["postgresql-15"], "bench: PostgreSQL 15 is missing")?;
    }
    if wants(arguments, &["clickhouse", "duckdb", "sqlite"]) {
        let programs = venv::make(&target.join("bench-python"), Path::new("bench"), "bench", UNREACHABLE)?;
        bench.arg("--python").arg(programs.join("python"));
    }
    call_command(bench.args(arguments))
}

/// Whether a run with these arguments asks one of these peers. `annals-bench` judges the arguments.
fn wants(arguments: &[String], peers: &[&str]) -> bool {
    if arguments.iter().any(|argument| argument == "--report" || argument == "--help") {
        return false;
    }
    let chosen = arguments.iter().position(|argument| argument == "--peers");
    match chosen.and_then(|place| arguments.get(place + 1)) {
        Some(chosen) => chosen.split(',').any(|peer| peers.contains(&peer)),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_is_installed() {
        let wants = |text: &str, peer| {
            wants(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), &[peer])
        };
        assert!(wants("--quick", "postgresql") && wants("--peers duckdb,sqlite", "sqlite"));
        for text in ["--peers none", "--peers duckdb", "--report", "--help"] {
            assert!(!wants(text, "postgresql"), "{text}");
        }
    }
}
