//! Installs the clients into `.cache/clients`: Python's into a virtual environment, Node's into a folder of its own.
//! It is done again only when what is asked for has changed. Where packages come from is the business of whoever
//! configured `pip` and `npm`; nothing here names a registry.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{node, venv};

/// What is said when packages cannot be had: a step that was not taken must not look like one that passed.
const UNREACHABLE: &str = "\
xtask: clients: the clients could not be installed, so NOTHING was checked with them. They come from Python's and
Node's package registries, as `pip` and `npm` are configured here; without a network they must have been installed
into .cache/clients before.";

/// Where the clients are.
pub(crate) struct Installed {
    /// The virtual environment's Python.
    pub(crate) python: PathBuf,
    /// A Keystone that was prepared once; a run uses a copy of it.
    pub(crate) keystone: PathBuf,
    /// The folder with Node's packages and, beside them where Node looks for packages, a copy of the scripts.
    pub(crate) node: PathBuf,
}

/// Installs what is not there yet.
pub(crate) fn install(scripts: &Path, cache: &Path) -> Result<Installed, String> {
    fs::create_dir_all(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let python_scripts = scripts.join("python");
    let programs = venv::make(&cache.join("python"), &python_scripts, "clients", UNREACHABLE)?;
    let python = programs.join("python");
    let keystone = cache.join("keystone");
    let made_from = ["requirements.txt", "constraints.txt", "keystone_server.py"];
    venv::once(&keystone, &venv::text(&python_scripts, &made_from)?, || {
        prepare_keystone(&python, &python_scripts, &keystone)
    })?;
    let node = cache.join("node");
    node::make(&node, &scripts.join("node"), "clients", UNREACHABLE)?;
    copy(&scripts.join("node"), &node)
        .map_err(|error| format!("the scripts cannot be copied to {}: {error}", node.display()))?;
    Ok(Installed { python, keystone, node })
}

/// The environment's Python, which leaves nothing behind in the folder of the scripts and keeps its warnings to itself:
/// they are about the clients' own code.
pub(crate) fn python(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONWARNINGS", "ignore");
    command
}

fn prepare_keystone(python: &Path, scripts: &Path, folder: &Path) -> Result<(), String> {
    println!("xtask: clients: preparing a Keystone, which takes half a minute");
    let mut command = self::python(python);
    command.arg(scripts.join("keystone_server.py")).arg("prepare").arg(folder);
    // It says much; only what went wrong matters.
    let output = command.output().map_err(|error| format!("{}: {error}", python.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\nxtask: clients: Keystone cannot be prepared", String::from_utf8_lossy(&output.stderr)))
}

/// Copies a folder's files over those of another.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
