//! `cargo xtask test`: the checks that must pass before a change lands, in the order in which they fail fastest.

use std::{process::Command, time::Instant};

use crate::{
    browser, clients,
    command::{call, call_command, cargo, install_packages, runs},
    exports, schemathesis,
};

/// A check.
struct Step {
    name: &'static str,
    work: Work,
}

/// What a check does.
enum Work {
    /// Cargo with these arguments.
    Cargo(&'static [&'static str]),
    /// Cargo's plugin that may be missing.
    Deny(&'static [&'static str]),
    /// The platforms' real clients against the real server.
    Clients,
    /// Exports, read by other people's tools.
    Exports,
    /// The web page in a real browser.
    Browser,
    /// Requests made up from the OpenAPI documents against the real server.
    Schemathesis,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", work: Work::Cargo(&["fmt", "--all", "--check"]) },
    Step {
        name: "clippy",
        work: Work::Cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ]),
    },
    Step {
        name: "deny",
        work: Work::Deny(&["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]),
    },
    Step {
        name: "tests",
        work: Work::Cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--locked"]),
    },
    // Thousands of schedules, and an accident at every operation: optimised, because the others only try a few.
    Step {
        name: "simulation",
        work: Work::Cargo(&["test", "--release", "-p", "annals-store", "--lib", "--locked", "simulation"]),
    },
    // Seeds and a fixed number of mutations of them; `cargo xtask fuzz` is the search.
    Step { name: "fuzz", work: Work::Cargo(&["test", "--workspace", "--test", "mutations", "--locked"]) },
    Step { name: "clients", work: Work::Clients },
    Step { name: "exports", work: Work::Exports },
    Step { name: "browser", work: Work::Browser },
    Step { name: "schemathesis", work: Work::Schemathesis },
    Step { name: "doc", work: Work::Cargo(&["test", "--workspace", "--doc", "--locked"]) },
];

/// Rustup components that the steps need.
const COMPONENTS: &[(&str, &str)] = &[("rustfmt", "fmt"), ("clippy", "clippy")];

/// Programs that tests start; there is no way round them, so their absence is said before an hour is spent.
const PROGRAMS: &[(&str, &str)] = &[("curl", "the demo's printed requests are run with it")];

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let only = match arguments {
        [] => None,
        [flag, step] if flag == "--only" => Some(step.as_str()),
        _ => return Err("usage: cargo xtask test [--only STEP]".to_owned()),
    };
    if let Some(step) = only.filter(|step| STEPS.iter().all(|known| known.name != *step)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("unknown step `{step}`: use one of {}", names.join(", ")));
    }
    for (component, subcommand) in COMPONENTS {
        install_component(component, subcommand)?;
    }
    for (program, why) in PROGRAMS {
        if !runs(program, &["--version"]) {
            install_packages(&[program], &format!("{program} is missing ({why})"))?;
        }
    }
    for step in STEPS.iter().filter(|step| only.is_none_or(|name| name == step.name)) {
        run_step(step)?;
    }
    println!("xtask: every check passed");
    Ok(())
}

fn run_step(step: &Step) -> Result<(), String> {
    let begun = Instant::now();
    match step.work {
        Work::Cargo(arguments) => run_cargo(step.name, arguments)?,
        Work::Deny(arguments) => {
            if !runs("cargo", &["deny", "--version"]) {
                println!(
                    "xtask: deny: cargo-deny is not installed here, so licences and advisories are not checked"
                );
                println!("xtask: deny: `cargo install --locked cargo-deny` installs it");
                return Ok(());
            }
            run_cargo(step.name, arguments)?;
            check_advisories()?;
        }
        Work::Clients => clients::run(&[])?,
        Work::Exports => exports::run(&[])?,
        Work::Browser => browser::run(&[])?,
        Work::Schemathesis => schemathesis::run(&[])?,
    }
    println!("xtask: {}: passed after {} s", step.name, begun.elapsed().as_secs());
    Ok(())
}

fn run_cargo(name: &str, arguments: &[&str]) -> Result<(), String> {
    println!("xtask: {name}: cargo {}", arguments.join(" "));
    call_command(Command::new(cargo()).args(arguments))
        .map_err(|error| format!("xtask: {name} failed: {error}"))
}

/// Advisories live in a repository of their own that is fetched anew; without a network there is nothing to check against.
fn check_advisories() -> Result<(), String> {
    let output = Command::new(cargo()).args(["deny", "--log-level", "error", "check", "advisories"]).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("failed to fetch advisory database") {
        println!("xtask: deny: the advisory database cannot be fetched here, so advisories are NOT checked");
        return Ok(());
    }
    if output.status.success() { Ok(()) } else { Err(format!("{text}\nxtask: deny: advisories failed")) }
}

fn install_component(component: &str, subcommand: &str) -> Result<(), String> {
    if runs("cargo", &[subcommand, "--version"]) {
        return Ok(());
    }
    println!("xtask: installing the toolchain's component {component}");
    call("rustup", &["component", "add", component])
}
