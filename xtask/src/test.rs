//! `cargo xtask test`: the checks that must pass before a change lands, in the order in which they fail fastest.

use std::{
    env,
    process::{Command, Stdio},
    time::Instant,
};

/// A check: its name, and the arguments of cargo.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
}

const STEPS: &[Step] = &[
    Step { name: "fmt", arguments: &["fmt", "--all", "--check"] },
    Step {
        name: "clippy",
        arguments: &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"],
    },
    Step {
        name: "deny",
        arguments: &["deny", "--log-level", "error", "check", "bans", "licenses", "sources"],
    },
    Step { name: "tests", arguments: &["test", "--workspace", "--all-targets", "--locked"] },
    Step { name: "doc", arguments: &["test", "--workspace", "--doc", "--locked"] },
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
            install_package(program, why)?;
        }
    }
    for step in STEPS.iter().filter(|step| only.is_none_or(|name| name == step.name)) {
        run_step(step)?;
    }
    println!("xtask: every check passed");
    Ok(())
}

fn run_step(step: &Step) -> Result<(), String> {
    if step.name == "deny" && !runs("cargo", &["deny", "--version"]) {
        println!("xtask: deny: cargo-deny is not installed here, so licences and advisories are not checked");
        println!("xtask: deny: `cargo install --locked cargo-deny` installs it");
        return Ok(());
    }
    println!("xtask: {}: cargo {}", step.name, step.arguments.join(" "));
    let begun = Instant::now();
    let status =
        Command::new(cargo()).args(step.arguments).status().map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!(
            "xtask: {} failed ({status}); `cargo {}` repeats it",
            step.name,
            step.arguments.join(" ")
        ));
    }
    println!("xtask: {}: passed after {} s", step.name, begun.elapsed().as_secs());
    Ok(())
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
    run_command("rustup", &["component", "add", component])
}

fn install_package(program: &str, why: &str) -> Result<(), String> {
    println!("xtask: {program} is missing ({why}); installing it with apt-get");
    run_command("apt-get", &["update"])
        .and_then(|()| run_command("apt-get", &["install", "--yes", "--no-install-recommends", program]))
        .map_err(|error| format!("{error}\nxtask: install {program} by hand and run this again"))
}

fn run_command(program: &str, arguments: &[&str]) -> Result<(), String> {
    match Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("xtask: `{program} {}` ended with {status}", arguments.join(" "))),
        Err(error) => Err(format!("xtask: `{program}` cannot be started: {error}")),
    }
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let program = if program == "cargo" { cargo() } else { program.to_owned() };
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The cargo that runs this task, so that the toolchain stays the same.
fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
