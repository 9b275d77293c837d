//! `cargo xtask clients`: the clients that people use against each platform, unchanged, against the real server.
//!
//! It installs them, starts the server with known events, and runs one script of `clients/` for each. A script compares
//! what its client got with what was stored; what it prints is what it checked.

mod facts;
pub(crate) mod install;
mod keystone;

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use annals_model::{Clock, SystemClock};
use annals_testkit::ServerProcess;

use crate::command::{binary, call, cargo, heard, root};
use facts::Part;
use install::Installed;
use keystone::Keystone;

/// How long one script may take; they take a few seconds.
const SCRIPT_MAX: Duration = Duration::from_secs(120);
/// How long an import may take.
const REQUEST_MAX: Duration = Duration::from_secs(60);

/// A dialect, the client that proves it, and the script that drives that client.
struct Script {
    dialect: &'static str,
    client: &'static str,
    file: &'static str,
}

const SCRIPTS: &[Script] = &[
    Script { dialect: "cloudfoundry", client: "cloudfoundry-client", file: "cloudfoundry_check.py" },
    Script { dialect: "exoscale", client: "exoscale", file: "exoscale_check.py" },
    Script { dialect: "qovery", client: "qovery-typescript-axios", file: "qovery_check.mjs" },
    Script { dialect: "rafay", client: "newman with the vendor's collections", file: "rafay_check.mjs" },
    Script { dialect: "fujitsu", client: "keystoneauth1", file: "fujitsu_check.py" },
    Script { dialect: "fujitsu", client: "keystoneauth1 and a real Keystone", file: "keystone_check.py" },
    Script { dialect: "rds", client: "boto3", file: "rds_check.py" },
];

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(unknown) = arguments.iter().find(|name| SCRIPTS.iter().all(|script| script.dialect != **name))
    {
        let mut names: Vec<_> = SCRIPTS.iter().map(|script| script.dialect).collect();
        names.dedup();
        return Err(format!("no client is called `{unknown}`: use some of {}", names.join(", ")));
    }
    let root = root();
    let scripts = root.join("clients");
    let installed = install::install(&scripts, &root.join(".cache/clients"))?;
    call(&cargo(), &["build", "--quiet", "--locked", "--package", "annals"])?;
    let begun = Instant::now();
    let directory = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let now = SystemClock.now().floor_second();
    let keystone = Keystone::copy(&installed.keystone, &directory.path().join("keystone"))?;
    let parts = Part::all(now, &keystone);
    let settings = facts::settings(&parts, &keystone);
    let server = ServerProcess::start(&binary(&root), directory.path(), &settings)
        .map_err(|error| format!("the server: {error}"))?;
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(REQUEST_MAX))
        .build()
        .new_agent();
    for part in &parts {
        part.import(&server, &agent)?;
    }
    let facts = facts::facts(&server, now, &parts, &keystone);
    let path = directory.path().join("facts.json");
    fs::write(&path, facts.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    let chosen = SCRIPTS
        .iter()
        .filter(|script| arguments.is_empty() || arguments.iter().any(|name| name == script.dialect));
    for script in chosen {
        run_script(script, &scripts, &installed, &path)?;
    }
    println!("xtask: clients: every client got what was stored, after {} s", begun.elapsed().as_secs());
    Ok(())
}

/// Runs a script and says what it checked; its output is the error when it fails.
fn run_script(script: &Script, scripts: &Path, installed: &Installed, facts: &Path) -> Result<(), String> {
    let mut command = if script.file.ends_with(".py") {
        let mut command = install::python(&installed.python);
        command.arg(scripts.join("python").join(script.file));
        command
    } else {
        let mut command = Command::new("node");
        command.arg(installed.node.join(script.file));
        command
    };
    // The clients follow the environment's proxies; the server is on this machine.
    command.arg(facts).env("no_proxy", "*").env("NO_PROXY", "*");
    let begun = Instant::now();
    let (passed, output) = heard(&mut command, &facts.with_file_name("output"), SCRIPT_MAX)
        .map_err(|error| format!("{}: {error}", script.file))?;
    let said = format!("xtask: clients: {} with {}", script.dialect, script.client);
    if !passed {
        return Err(format!("{output}\n{said}: {} failed", script.file));
    }
    println!("{said}: {:.1} s\n{}", begun.elapsed().as_secs_f64(), output.trim_end());
    Ok(())
}
