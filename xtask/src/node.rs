//! Node's packages: installed once for the lock file they are wanted by, and anew when that changes. Where packages
//! come from is the business of whoever configured `npm`; nothing here names a registry.

use std::{fs, path::Path, process::Command};

use crate::{
    command::{call_command, install_packages, runs},
    venv,
};

/// The files that say what is wanted, with versions and checksums and without addresses.
const WANTED: [&str; 2] = ["package.json", "package-lock.json"];

/// Installs into `folder` what the lock file in `wanted` names, unless it is there. `task` is what speaks, `unreachable`
/// what is said when packages cannot be had.
pub(crate) fn make(folder: &Path, wanted: &Path, task: &str, unreachable: &str) -> Result<(), String> {
    let text = venv::text(wanted, &WANTED)?;
    venv::once(folder, &text, || install(folder, wanted, task, unreachable))
}

fn install(folder: &Path, wanted: &Path, task: &str, unreachable: &str) -> Result<(), String> {
    if !(runs("node", &["--version"]) && runs("npm", &["--version"])) {
        install_packages(&["nodejs", "npm"], "Node.js or npm is missing")?;
    }
    println!("xtask: {task}: installing Node's packages, which takes half a minute");
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in WANTED {
        fs::copy(wanted.join(name), folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    // No package's own scripts are run.
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
        .arg(folder);
    call_command(&mut npm).map_err(|error| format!("{error}\n{unreachable}"))
}
