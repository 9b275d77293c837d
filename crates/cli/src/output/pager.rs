//! Paging as git pages: the output goes through `$ANNALS_PAGER`, `$PAGER` or `less`, which takes as much of it as is read.
//!
//! While a pager runs an interrupt is the pager's business, and when it ends so do we: whoever leaves it has seen enough,
//! also when the next page is still on its way.

use std::{
    env,
    io::{self, BufWriter, IsTerminal, Write},
    process::{ChildStdin, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use tokio::signal::unix::{SignalKind, signal};

use super::OUTPUT_BUFFER_BYTES;

/// What pages if nothing says so.
const PAGER_DEFAULT: &str = "less";
/// What `less` is told if nothing tells it: to end when all of it fits, to let colours through, to cut long lines (they
/// are columns; the arrow keys move sideways), and to leave what was read on the terminal.
const LESS_DEFAULT: &str = "FRSX";

/// A pager that may be started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pager {
    command: String,
}

/// A pager that runs.
pub(crate) struct Running {
    waiting: JoinHandle<()>,
    is_ending: Arc<AtomicBool>,
}

impl Pager {
    /// The pager that the environment says, if there is one and stdout is a terminal.
    pub(crate) fn of_environment() -> Option<Self> {
        let variable = |name: &str| env::var(name).ok();
        if !io::stdout().is_terminal() || variable("TERM").is_some_and(|terminal| terminal == "dumb") {
            return None;
        }
        Self::chosen(variable("ANNALS_PAGER"), variable("PAGER")).filter(Self::exists)
    }

    /// Of these the first that is set. Nothing, and `cat`, is no pager.
    fn chosen(ours: Option<String>, everybodys: Option<String>) -> Option<Self> {
        let command = ours.or(everybodys).unwrap_or_else(|| PAGER_DEFAULT.to_owned());
        let command = command.trim();
        (!matches!(command, "" | "cat")).then(|| Self { command: command.to_owned() })
    }

    /// Whether colours reach the terminal through it: who configures `less` may have left them out.
    pub(crate) fn lets_colours_through() -> bool {
        env::var("LESS").map_or(true, |flags| flags.contains(['R', 'r']))
    }

    /// Starts it. `None` when that is not possible: then there are no pages.
    pub(crate) fn start(&self) -> Option<(Box<dyn Write>, Running)> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("exec {}", self.command)).stdin(Stdio::piped());
        if env::var_os("LESS").is_none() {
            command.env("LESS", LESS_DEFAULT);
        }
        let mut child = command.spawn().ok()?;
        leave_interrupts_to_others();
        let stdin: ChildStdin = child.stdin.take()?;
        let is_ending = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&is_ending);
        let waiting = thread::spawn(move || {
            let _ = child.wait();
            if !ending.load(Ordering::SeqCst) {
                // The main thread may wait for the server, and nobody waits for it any more.
                std::process::exit(0);
            }
        });
        let sink = BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, stdin);
        Some((Box::new(sink), Running { waiting, is_ending }))
    }

    /// Whether its first word is a program; a command that is more than words is the shell's to judge.
    fn exists(&self) -> bool {
        let word = self.command.split_whitespace().next().unwrap_or_default();
        if word.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.+".contains(c)) {
            return true;
        }
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|directory| directory.join(word).is_file())
    }
}

impl Running {
    /// Waits until the reader has left it. Its input must be closed before.
    pub(crate) fn wait(self) {
        self.is_ending.store(true, Ordering::SeqCst);
        let _ = self.waiting.join();
    }
}

/// An interrupt is meant for the program in front of the reader. From here on it does not end this one.
fn leave_interrupts_to_others() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    if let Ok(runtime) = runtime {
        let _inside = runtime.enter();
        // What was installed stays; that it cannot be is no reason not to page.
        let _ = signal(SignalKind::interrupt());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_particular_variable_chooses() {
        let chosen = |ours: Option<&str>, everybodys: Option<&str>| {
            Pager::chosen(ours.map(str::to_owned), everybodys.map(str::to_owned)).map(|pager| pager.command)
        };
        assert_eq!(chosen(None, None).as_deref(), Some("less"));
        assert_eq!(chosen(None, Some("more -e")).as_deref(), Some("more -e"));
        assert_eq!(chosen(Some("less -N"), Some("more")).as_deref(), Some("less -N"));
        assert_eq!(chosen(Some(""), Some("more")), None);
        assert_eq!(chosen(None, Some("cat")), None);
    }

    #[test]
    fn a_program_that_there_is_not_is_no_pager() {
        assert!(Pager { command: "sh -x".to_owned() }.exists());
        assert!(!Pager { command: "annals-no-such-pager".to_owned() }.exists());
    }
}
