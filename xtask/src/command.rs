//! Starting other programs: what every task needs of it.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often a running program is looked after.
const POLL: Duration = Duration::from_millis(20);

/// The cargo that runs this task, so that the toolchain stays the same.
pub(crate) fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Runs a program to its end; its output goes where the task's goes.
pub(crate) fn call(program: &str, arguments: &[&str]) -> Result<(), String> {
    call_command(Command::new(program).args(arguments))
}

/// As [`call`], for a command with settings of its own.
pub(crate) fn call_command(command: &mut Command) -> Result<(), String> {
    let shown = || {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    };
    let shown = shown();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("xtask: `{shown}` ended with {status}")),
        Err(error) => Err(format!("xtask: `{shown}` cannot be started: {error}")),
    }
}

/// Whether a program can be started and ends well; it is not heard.
pub(crate) fn runs(program: &str, arguments: &[&str]) -> bool {
    let program = if program == "cargo" { cargo() } else { program.to_owned() };
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs Debian packages and says so.
pub(crate) fn install_packages(packages: &[&str], why: &str) -> Result<(), String> {
    let names = packages.join(" ");
    println!("xtask: {why}; installing with apt-get: {names}");
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    call("apt-get", &["update"])
        .and_then(|()| call("apt-get", &install))
        .map_err(|error| format!("{error}\nxtask: install {names} by hand and run this again"))
}

/// The directory of the workspace.
pub(crate) fn root() -> PathBuf {
    let above =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::canonicalize(&above).unwrap_or(above)
}

/// The debug build of the server.
pub(crate) fn binary(root: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root.join(target).join("debug/annals")
}

/// Runs a command for a limited time; gives whether it ended well, and what it said, errors and all.
pub(crate) fn heard(command: &mut Command, output: &Path, most: Duration) -> std::io::Result<(bool, String)> {
    let file = File::create(output)?;
    let mut child = command.stdin(Stdio::null()).stderr(file.try_clone()?).stdout(file).spawn()?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begun.elapsed() > most {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(POLL);
    };
    let mut said = String::from_utf8_lossy(&fs::read(output)?).into_owned();
    if status.is_none() {
        said += &format!("\nended because it took longer than {most:?}");
    }
    Ok((status.is_some_and(|status| status.success()), said))
}
