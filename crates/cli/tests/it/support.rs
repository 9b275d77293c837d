//! Running the program and reading what it says.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use annals_testkit::ServerProcess;
use serde_json::Value;
use tempfile::TempDir;

/// The program, untouched by the environment of whoever runs the tests.
pub(crate) fn annals() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ANNALS_") {
            command.env_remove(name);
        }
    }
    // Nor by the profiles of whoever runs them.
    command.env("XDG_CONFIG_HOME", "/nonexistent").env_remove("NO_COLOR");
    command.stdin(Stdio::null());
    command
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_annals"))
}

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the program was ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the program with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Run {
    Run::of(annals().args(arguments).output().unwrap())
}

/// Runs a prepared command with this on its stdin.
pub(crate) fn run_with_input(mut command: Command, input: &[u8]) -> Run {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that has read enough closes its end, and that is no fault of the test.
        let _ = stdin.write_all(&input);
    });
    let run = Run::of(child.wait_with_output().unwrap());
    writer.join().unwrap();
    run
}

/// A server of its own for one test.
pub(crate) struct Server {
    pub(crate) process: ServerProcess,
    pub(crate) directory: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// With further tables of the configuration.
    pub(crate) fn start_with(settings: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = ServerProcess::start(binary(), directory.path(), settings).unwrap();
        Self { process, directory }
    }

    /// With these events.
    pub(crate) fn holding(events: impl Iterator<Item = Value>) -> Self {
        let server = Self::start();
        let lines: Vec<String> = events.map(|event| event.to_string()).collect();
        let run = run_with_input(server.client(&["ingest"]), lines.join("\n").as_bytes());
        assert_eq!(run.code, 0, "{run:?}");
        server
    }

    /// The program, pointed at this server with a token that may do everything.
    pub(crate) fn client(&self, arguments: &[&str]) -> Command {
        let authorization = self.process.authorization();
        let token = authorization.strip_prefix("Bearer ").unwrap();
        let mut command = annals();
        command.args(arguments).env("ANNALS_URL", self.process.url("")).env("ANNALS_TOKEN", token);
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.client(arguments).output().unwrap())
    }
}
