//! Virtual environments of Python: made once for what they are made from, and made anew when that changes. Where
//! packages come from is the business of whoever configured `pip`; nothing here names a registry.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::command::{call, call_command, install_packages, runs};

/// The files that say what an environment is made from: what is wanted, and the version of everything that comes with it.
const REQUIREMENTS: &str = "requirements.txt";
const CONSTRAINTS: &str = "constraints.txt";

/// Makes an environment in `folder` from the requirements in `wanted`, unless it is there; gives its directory of
/// programs. `task` is what speaks, `unreachable` what is said when packages cannot be had.
pub(crate) fn make(folder: &Path, wanted: &Path, task: &str, unreachable: &str) -> Result<PathBuf, String> {
    let text = text(wanted, &[REQUIREMENTS, CONSTRAINTS])?;
    if folder.exists() && !runs(&folder.join("bin/python").to_string_lossy(), &["--version"]) {
        // The Python that it was made with has gone.
        fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    once(folder, &text, || install(folder, wanted, task, unreachable))?;
    Ok(folder.join("bin"))
}

/// Does the work unless it was done for the same text before; a folder that is only half made is made anew.
pub(crate) fn once(
    folder: &Path,
    wanted: &str,
    work: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
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
pub(crate) fn text(folder: &Path, names: &[&str]) -> Result<String, String> {
    let read = |name: &&str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    names.iter().map(read).collect()
}

fn install(folder: &Path, wanted: &Path, task: &str, unreachable: &str) -> Result<(), String> {
    if !runs("python3", &["-c", "import ensurepip, venv"]) {
        install_packages(&["python3", "python3-venv", "python3-pip"], "Python has no virtual environments")?;
    }
    if !runs("python3", &["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]) {
        return Err(format!("xtask: {task}: `python3` is older than 3.11, so NOTHING was checked"));
    }
    println!("xtask: {task}: installing Python packages, which takes a minute or two");
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    }
    call("python3", &["-m", "venv", &folder.to_string_lossy()])?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(wanted.join(REQUIREMENTS))
        .arg("--constraint")
        .arg(wanted.join(CONSTRAINTS));
    call_command(&mut pip).map_err(|error| format!("{error}\n{unreachable}"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_is_made_is_made_once_and_anew_when_wanted_otherwise() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("environment");
        let made = Cell::new(0);
        let make = |wanted: &str| {
            once(&folder, wanted, || {
                assert!(!folder.exists(), "what was there is gone");
                fs::create_dir(&folder).unwrap();
                made.set(made.get() + 1);
                if wanted == "impossible" { Err("no".to_owned()) } else { Ok(()) }
            })
        };
        for (wanted, times, outcome) in [
            ("a", 1, true),
            ("a", 1, true),
            ("b", 2, true),
            ("impossible", 3, false),
            ("impossible", 4, false),
        ] {
            assert_eq!((make(wanted).is_ok(), made.get()), (outcome, times), "{wanted}");
        }
    }
}
