//! `cargo xtask fuzz`: the targets of `crates/fuzz`, guided by coverage. `fuzz/README.md` says how that works on the
//! stable toolchain.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::command::{call, call_command, cargo, runs};

const USAGE: &str = "usage: cargo xtask fuzz [--seconds N] [--sanitizer none|address] [TARGET...]";

/// How long each target runs unless `--seconds` says otherwise.
const SECONDS_DEFAULT: u32 = 60;
/// How long one input may take before it is a finding.
const INPUT_SECONDS_MAX: u32 = 10;
/// How much memory a target may take before that is a finding.
const MEMORY_MB_MAX: u32 = 2_048;
/// Bytes of an input.
const INPUT_BYTES_MAX: u32 = 65_536;
/// Lines of a target's output that are shown when it found something.
const LINES_SHOWN: usize = 40;

struct Options {
    seconds: u32,
    sanitizer: String,
    targets: Vec<String>,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let mut options = read(arguments)?;
    if !runs("cargo", &["fuzz", "--version"]) {
        println!("xtask: cargo-fuzz is missing; installing it with cargo");
        call(&cargo(), &["install", "--locked", "cargo-fuzz"])?;
    }
    let all = names()?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no target `{unknown}`; there are {}", all.join(", ")));
    }
    if options.targets.is_empty() {
        options.targets = all;
    }
    println!("xtask: fuzz: building, which takes minutes the first time");
    call_command(cargo_fuzz("build", &options).arg("any"))?;
    let mut found = Vec::new();
    for name in &options.targets {
        match fuzz(name, &options) {
            Ok(executions) => println!("xtask: fuzz: {name}: {executions} executions, nothing found"),
            Err(error) => {
                println!("xtask: fuzz: {name}: {error}");
                found.push(name.as_str());
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(format!("xtask: fuzz: findings in {}", found.join(", "))) }
}

fn read(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { seconds: SECONDS_DEFAULT, sanitizer: "none".to_owned(), targets: Vec::new() };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                let number = words.next().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
                options.seconds = number.ok_or_else(|| format!("--seconds takes a number\n{USAGE}"))?;
            }
            "--sanitizer" => {
                let known = words.next().filter(|text| ["none", "address"].contains(&text.as_str()));
                options.sanitizer =
                    known.ok_or_else(|| format!("--sanitizer is none or address\n{USAGE}"))?.clone();
            }
            flag if flag.starts_with('-') => return Err(format!("unknown option `{flag}`\n{USAGE}")),
            name => options.targets.push(name.to_owned()),
        }
    }
    Ok(options)
}

/// The names of the targets, as they say themselves.
fn names() -> Result<Vec<String>, String> {
    let output = Command::new(cargo())
        .args(["run", "--quiet", "--locked", "--package", "annals-fuzz", "--", "list"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("xtask: the targets cannot be listed ({})", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect())
}

/// cargo-fuzz asks for flags that the stable compiler keeps for itself unless it is told that it may.
fn cargo_fuzz(task: &str, options: &Options) -> Command {
    let mut command = Command::new(cargo());
    command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", task, "--sanitizer", &options.sanitizer]);
    command
}

/// Runs one target; gives how often it ran.
fn fuzz(name: &str, options: &Options) -> Result<u64, String> {
    let corpus = format!("fuzz/corpus/{name}");
    let artifacts = format!("fuzz/artifacts/{name}/");
    let dictionary = format!("fuzz/corpus/{name}.dict");
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
    }
    call(
        &cargo(),
        &[
            "run",
            "--quiet",
            "--locked",
            "--package",
            "annals-fuzz",
            "--",
            "seeds",
            name,
            &corpus,
            &dictionary,
        ],
    )?;
    let absolute = |path: &str| {
        let path = Path::new(path);
        path.canonicalize().map(|path| path.display().to_string()).map_err(|error| format!("{name}: {error}"))
    };
    let output = cargo_fuzz("run", options)
        .args(["any", &absolute(&corpus)?, "--"])
        .arg(format!("-max_total_time={}", options.seconds))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-dict={}", absolute(&dictionary)?))
        .arg(format!("-artifact_prefix={}/", absolute(&artifacts)?))
        .arg("-print_final_stats=1")
        .env("ANNALS_FUZZ_TARGET", name)
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        return Err(format!(
            "{last}\n`cargo run -p annals-fuzz -- run {name} {artifacts}<file>` repeats a finding without a fuzzer"
        ));
    }
    let executed = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    executed
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| "the fuzzer does not say how often it ran".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Result<(u32, String, Vec<String>), String> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        read(&words).map(|options| (options.seconds, options.sanitizer, options.targets))
    }

    #[test]
    fn options_are_read() {
        assert_eq!(options(&[]), Ok((SECONDS_DEFAULT, "none".to_owned(), vec![])));
        assert_eq!(
            options(&["cursor", "--seconds", "5", "--sanitizer", "address", "tokens"]),
            Ok((5, "address".to_owned(), vec!["cursor".to_owned(), "tokens".to_owned()]))
        );
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--sanitizer", "thread"], &["--jobs", "2"]] {
            assert!(options(wrong).unwrap_err().contains("usage:"), "{wrong:?}");
        }
    }
}
