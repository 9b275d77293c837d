//! Installs the clients into `.cache/clients`: Python's into a virtual environment, Node's into a folder of its own.
//! It is done again only when what is asked for has changed. Where packages come from is the business of whoever
//! configured `pip` and `npm`; nothing here names a registry.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::command::{call, call_command, install_packages, runs};

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
    let environment = cache.join("python");
    let wanted = wanted(&python_scripts, &["requirements.txt", "constraints.txt"])?;
    once(&environment, &wanted, || install_python(&python_scripts, &environment))?;
    let python = environment.join("bin/python");
    let keystone = cache.join("keystone");
    let wanted = wanted + &self::wanted(&python_scripts, &["keystone_server.py"])?;
    once(&keystone, &wanted, || prepare_keystone(&python, &python_scripts, &keystone))?;
    let node = cache.join("node");
    let wanted = self::wanted(&scripts.join("node"), &["package.json", "package-lock.json"])?;
    once(&node, &wanted, || install_node(&scripts.join("node"), &node))?;
    copy(&scripts.join("node"), &node)
        .map_err(|error| format!("the scripts cannot be copied to {}: {error}", node.display()))?;
    Ok(Installed { python, keystone, node })
}

/// Does the work unless it was done for the same text before; a folder that is only half made is made anew.
fn once(folder: &Path, wanted: &str, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let stamp = folder.with_extension("made-from");
    if folder.exists() && fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    let in_the_way = |error: io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(in_the_way)?;
    }
    work()?;
    fs::write(&stamp, wanted).map_err(in_the_way)
}

/// The text of some files, one behind the other: what a folder is made from.
fn wanted(folder: &Path, names: &[&str]) -> Result<String, String> {
    let read = |name: &&str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    names.iter().map(read).collect()
}

fn install_python(requirements: &Path, environment: &Path) -> Result<(), String> {
    if !runs("python3", &["-c", "import ensurepip, venv"]) {
        install_packages(&["python3", "python3-venv", "python3-pip"], "Python has no virtual environments")?;
    }
    println!("xtask: clients: installing Python's clients, which takes a minute or two");
    call("python3", &["-m", "venv", &environment.to_string_lossy()])?;
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(requirements.join("requirements.txt"))
        .arg("--constraint")
        .arg(requirements.join("constraints.txt"));
    call_command(&mut pip).map_err(|error| format!("{error}\n{UNREACHABLE}"))
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

fn install_node(package: &Path, folder: &Path) -> Result<(), String> {
    if !(runs("node", &["--version"]) && runs("npm", &["--version"])) {
        install_packages(&["nodejs", "npm"], "Node.js or npm is missing")?;
    }
    println!("xtask: clients: installing Node's clients, which takes half a minute");
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(package.join(name), folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    // The lock file names versions and checksums, no addresses; no package's own scripts are run.
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
        .arg(folder);
    call_command(&mut npm).map_err(|error| format!("{error}\n{UNREACHABLE}"))
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
