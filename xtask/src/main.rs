//! The project's own tasks: `cargo xtask test`, `cargo xtask clients`, `cargo xtask browser`,
//! `cargo xtask exports`, `cargo xtask schemathesis`, `cargo xtask bench`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task's output is its purpose")]

mod bench;
mod browser;
mod clients;
mod command;
mod exports;
mod fuzz;
mod node;
mod schemathesis;
mod store_fixture;
mod test;
mod venv;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  test [--only STEP]   everything that must pass before a change lands: format, clippy, cargo-deny where it is
                       installed, all tests, the platforms' real clients, exports in other people's tools, the web page in a real
                       browser, requests made up by schemathesis, doc tests; STEP is one of: fmt, clippy, deny, tests,
                       simulation, fuzz, clients, exports, browser, schemathesis, doc
  clients [NAME...]    only the platforms' real clients against the real server: all of them, or those of one dialect
  exports              only exports, read by pyarrow, DuckDB and Python's own modules
  browser [--pictures] [--requests]
                       only the web page in a real browser; `--pictures` makes those in docs/ui anew, `--requests` the
                       list of what the page asks for, which the benchmark measures
  schemathesis [NAME...]
                       only requests made up from the OpenAPI documents against the real server: those of the native
                       API and of every dialect, or those named
  fuzz [--seconds N] [--sanitizer none|address] [TARGET...]
                       looks for inputs that break a reader, guided by coverage: 60 s for every target, or for those
                       named; see fuzz/README.md
  bench [options]      measures a release build beside other databases and writes docs/benchmarks.md; see `bench --help`
  store-fixture DIR    a small data directory in the present format, for the test that later programs open it
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("test") => test::run(&arguments[1..]),
        Some("clients") => clients::run(&arguments[1..]),
        Some("exports") => exports::run(&arguments[1..]),
        Some("browser") => browser::run(&arguments[1..]),
        Some("schemathesis") => schemathesis::run(&arguments[1..]),
        Some("fuzz") => fuzz::run(&arguments[1..]),
        Some("bench") => bench::run(&arguments[1..]),
        Some("store-fixture") => store_fixture::run(&arguments[1..]),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
