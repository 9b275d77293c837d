//! `cargo xtask browser`: the web page in a real browser (Debian's Chromium) against the real server.
//!
//! It installs what drives the browser, starts the server, and runs `clients/browser/page_check.mjs`, which records
//! events and uses the page as a person does. With `--pictures` the page's pictures in `docs/ui` are made anew, with `--requests` the
//! list of what it asks for.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use annals_testkit::ServerProcess;
use serde_json::json;

use crate::{
    clients::install::copy,
    command::{binary, call, call_command, cargo, heard, install_packages, root, runs},
    node,
};

const USAGE: &str = "usage: cargo xtask browser [--pictures] [--requests]";

/// What the page asks for, interaction by interaction: the benchmark asks the same.
const REQUESTS: &str = "bench/page_requests.json";

/// What is said when packages cannot be had: a step that was not taken must not look like one that passed.
const UNREACHABLE: &str = "\
xtask: browser: what drives the browser could not be installed, so NOTHING was checked. It comes from Node's package
registry, as `npm` is configured here; without a network it must have been installed into .cache/browser before.";

/// The browser's program, as Debian calls it.
const CHROMIUM: &str = "chromium";
/// How long all checks together may take; they take a minute or two.
const CHECKS_MAX: Duration = Duration::from_secs(900);

/// Who looks at the page: everything of one organization, of another, and an administrator.
const SETTINGS: &str = r#"
[[credential]]
name = "reader"
token = "page-reader"
grants = [{ role = "reader", organization = "acme" }]

[[credential]]
name = "elsewhere"
token = "page-elsewhere"
grants = [{ role = "reader", organization = "elsewhere" }]

[[credential]]
name = "admin"
token = "page-admin"
grants = [{ role = "admin" }]
"#;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if arguments.iter().any(|flag| flag != "--pictures" && flag != "--requests") {
        return Err(USAGE.to_owned());
    }
    let has = |flag| arguments.iter().any(|argument| argument == flag);
    let (with_pictures, with_requests) = (has("--pictures"), has("--requests"));
    if !runs(CHROMIUM, &["--version"]) {
        install_packages(&[CHROMIUM], "the browser is missing")?;
    }
    let begun = Instant::now();
    let root = root();
    let (scripts, folder) = (root.join("clients/browser"), root.join(".cache/browser"));
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    }
    node::make(&folder, &scripts, "browser", UNREACHABLE)?;
    copy(&scripts, &folder).map_err(|error| format!("the scripts cannot be copied: {error}"))?;
    let mut units = Command::new("node");
    call_command(units.arg(folder.join("unit_check.mjs")).arg(root.join("crates/server/ui")))?;
    call(&cargo(), &["build", "--quiet", "--locked", "--package", "annals"])?;
    let directory = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let server = ServerProcess::start(&binary(&root), directory.path(), SETTINGS)
        .map_err(|error| format!("the server: {error}"))?;
    let facts = json!({
        "url": server.url(""), "chromium": program(CHROMIUM)?,
        "requests": root.join(REQUESTS), "writeRequests": with_requests,
        "reader": "page-reader", "elsewhere": "page-elsewhere", "admin": "page-admin",
    });
    let path = directory.path().join("facts.json");
    fs::write(&path, facts.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut command = Command::new("node");
    command.arg(folder.join("page_check.mjs")).arg(&path);
    if with_pictures {
        let pictures = root.join("docs/ui");
        fs::create_dir_all(&pictures).map_err(|error| format!("{}: {error}", pictures.display()))?;
        command.arg(pictures);
    }
    let (passed, said) = heard(&mut command, &directory.path().join("output"), CHECKS_MAX)
        .map_err(|error| format!("node: {error}"))?;
    if !passed {
        return Err(format!("{said}\nxtask: browser: the page is not as it should be"));
    }
    println!("{}\nxtask: browser: all of it held, after {} s", said.trim_end(), begun.elapsed().as_secs());
    Ok(())
}

/// The whole path of a program.
fn program(name: &str) -> Result<String, String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .map(|path| path.display().to_string())
        .ok_or_else(|| format!("`{name}` is not on the path"))
}
