//! What is different on a terminal: paging, colours, redrawing. The terminal is a pseudo-terminal of the test's own.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::json;

use crate::support::{Server, run_with_input};

/// How long something may take to appear before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program on a terminal of 100 columns and 20 lines.
struct Terminal {
    child: Child,
    keys: File,
    shown: std::sync::mpsc::Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    fn start(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 20, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let other = OpenOptions::new().read(true).write(true).open(name).unwrap();
        let end = || Stdio::from(other.try_clone().unwrap());
        command.env("TERM", "xterm").env_remove("LESS").env_remove("PAGER");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop(command);
        let keys = File::from(master);
        let mut reader = keys.try_clone().unwrap();
        let (sender, shown) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            // The other end gone is an error of its own kind, and the end.
            while let Ok(read @ 1..) = reader.read(&mut piece) {
                if sender.send(piece[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        drop(other);
        Self { child, keys, shown, text: String::new() }
    }

    fn wait_for(&mut self, what: &str) {
        let begun = Instant::now();
        while !self.text.contains(what) {
            let piece = self.shown.recv_timeout(PATIENCE.saturating_sub(begun.elapsed()));
            let piece = piece.unwrap_or_else(|_| panic!("no {what:?} in {:?}", self.text));
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for its end: its exit code and all that was shown.
    fn end(mut self) -> (i32, String) {
        while let Ok(piece) = self.shown.recv_timeout(PATIENCE) {
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
        (self.child.wait().unwrap().code().unwrap(), self.text)
    }
}

fn server(events: u64) -> Server {
    Server::holding((0..events).map(|number| {
        json!({
            "id": format!("00000000-0000-7000-8000-{number:012}"),
            "time": "2026-03-01T10:00:00Z",
            "type": format!("number-{number}"),
            "outcome": "failure",
        })
    }))
}

#[test]
fn everything_goes_through_the_pager_that_the_environment_says() {
    let server = server(300);
    let query = |arguments: &[&str], pager: &str| {
        let mut command = server.client(&[&["query"], arguments].concat());
        command.env("ANNALS_PAGER", pager);
        let (code, text) = Terminal::start(command).end();
        assert_eq!(code, 0, "{text}");
        text
    };
    // All of it, more than one page; the pager writes to the terminal what it was given.
    let all = query(&[], "wc -l");
    assert_eq!(all.trim(), "301");
    assert_eq!(query(&["--limit", "70"], "wc -l").trim(), "71");
    // A pager that leaves early is no error, and one that there is not is none.
    let some = query(&[], "head -n 2");
    assert_eq!(some.lines().count(), 2, "{some}");
    assert!(some.contains("\u{1b}[31mfailure\u{1b}[0m"), "{some:?}");
    assert_eq!(query(&[], "annals-no-such-pager").lines().count(), 51 + 1);
    // What fits is not paged.
    assert!(query(&["--limit", "5"], "wc -l").contains("number-"));
    let direct = query(&["--no-pager"], "wc -l");
    assert_eq!(direct.lines().count(), 51 + 1, "{direct}");
    assert!(direct.contains("the first 50 events"), "{direct}");
    assert!(!query(&["--no-pager", "--color", "never"], "").contains('\u{1b}'));
}

#[test]
fn colours_are_refused_by_the_environment() {
    let server = server(1);
    let mut command = server.client(&["query"]);
    command.env("NO_COLOR", "1");
    let (code, text) = Terminal::start(command).end();
    assert!(code == 0 && text.contains("failure") && !text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn no_event_steers_the_terminal() {
    let server = Server::start();
    let event = "{\"time\":\"2026-03-01T10:00:00Z\",\"type\":\"a\\u001b[2Jb\",\"message\":\"\u{9b}2J\",\"id\":\"00000000-0000-7000-8000-000000000000\"}";
    assert_eq!(run_with_input(server.client(&["ingest"]), event.as_bytes()).code, 0);
    for arguments in [
        &["query", "--no-pager", "--csv"][..],
        &["query", "--no-pager", "--ndjson"],
        &["query", "--no-pager", "--color", "never"],
        &["export", "--format", "csv"],
        &["top", "--once", "--color", "never", "--window", "5000w"],
    ] {
        let (code, text) = Terminal::start(server.client(arguments)).end();
        assert!(
            code == 0 && text.contains("[2Jb") || text.contains("\\u001b[2Jb"),
            "{arguments:?}: {text:?}"
        );
        assert!(!text.contains(['\u{1b}', '\u{9b}']), "{arguments:?}: {text:?}");
    }
    // What is not for a terminal is as it was sent.
    let csv = server.run(&["query", "--csv"]).stdout;
    assert!(csv.contains("a\u{1b}[2Jb") && csv.contains("\u{9b}2J"), "{csv:?}");
}

#[test]
fn top_is_drawn_anew_until_q_is_pressed() {
    let server = server(3);
    let mut top = Terminal::start(server.client(&["top", "--interval", "0.2", "--window", "5000w"]));
    top.wait_for("3 events in");
    let more = run_with_input(
        server.client(&["ingest"]),
        b"{\"time\":\"2026-03-01T10:00:00Z\",\"type\":\"a\",\"id\":\"00000000-0000-7000-8000-100000000000\"}",
    );
    assert_eq!(more.code, 0, "{more:?}");
    top.wait_for("4 events in");
    top.press("q");
    let (code, text) = top.end();
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("\u{1b}[?1049h") && text.trim_end().ends_with("\u{1b}[?1049l"), "{text:?}");
}

#[test]
fn an_error_is_said_before_a_pager_begins() {
    let server = server(1);
    let mut command = server.client(&["query", "--token", "nobody"]);
    command.env("ANNALS_PAGER", "wc -l");
    let (code, text) = Terminal::start(command).end();
    assert!(code == 1 && text.contains("error: the server answered 401"), "{text}");
}
