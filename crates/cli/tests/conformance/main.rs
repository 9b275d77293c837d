//! Holds the real server to the case files in `conformance/`, which state the platforms' rules for people who know the
//! platforms. One test runs them all; `CONFORMANCE=<part of "file: case">` runs some.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod compare;
mod keystone;
mod language;
mod runner;
mod sign;
mod sign_aws;
mod template;
mod xml;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{Write, stderr},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use runner::Report;

/// Files that are run at once.
const FILES_AT_ONCE: usize = 4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance").canonicalize().unwrap()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Every case file, with its dialect.
fn files() -> Vec<(String, PathBuf)> {
    let folders = children(&folder()).into_iter().filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| {
        let dialect = folder.file_name().unwrap().to_string_lossy().into_owned();
        children(&folder).into_iter().map(move |file| (dialect.clone(), file))
    });
    files.collect()
}

#[test]
fn every_case_holds() {
    let only = env::var("CONFORMANCE").unwrap_or_default();
    let files = files();
    let next = AtomicUsize::new(0);
    let reports: Mutex<BTreeMap<String, Report>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..FILES_AT_ONCE {
            scope.spawn(|| {
                while let Some((dialect, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = run(dialect, path, &only);
                    let mut reports = reports.lock().unwrap();
                    let sum = reports.entry(dialect.clone()).or_default();
                    sum.run += report.run;
                    sum.failures.extend(report.failures);
                }
            });
        }
    });

    // Past the capture of the test harness: how many cases held is worth knowing when all of them did.
    let mut out = stderr().lock();
    let reports = reports.into_inner().unwrap();
    let mut failures = Vec::new();
    for (dialect, Report { run, failures: failed }) in &reports {
        writeln!(out, "conformance: {dialect}: {} of {run} cases passed", run - failed.len()).unwrap();
        failures.extend(failed);
    }
    for failure in &failures {
        writeln!(out, "\n{failure}").unwrap();
    }
    let run: usize = reports.values().map(|report| report.run).sum();
    assert!(run > 0, "no case was run: none is called like `{only}`");
    assert!(failures.is_empty(), "{} of {run} cases failed", failures.len());
}

fn run(dialect: &str, path: &Path, only: &str) -> Report {
    let shown = format!("conformance/{dialect}/{}", path.file_name().unwrap().to_string_lossy());
    match language::read(path) {
        Err(error) => Report { run: 1, failures: vec![format!("{shown}: {error}")] },
        Ok(file) => {
            let names = file.cases.iter().any(|case| format!("{shown}: {}", case.value.name).contains(only));
            let examples = file.cases.iter().any(|case| !case.value.examples.is_empty());
            // Names of examples are known when they are run.
            if names || examples { runner::run(&shown, dialect, &file, only) } else { Report::default() }
        }
    }
}
