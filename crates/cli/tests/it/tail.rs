//! Following a server that is killed, stopped and started again.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{Run, Server, annals, run_with_input};

/// How long a line may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `annals tail`.
struct Tail {
    child: Child,
    lines: Receiver<String>,
}

impl Tail {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let mut command = server.client(&["tail"]);
        let mut child =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    fn lines(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.lines.recv_timeout(PATIENCE).unwrap()).collect()
    }

    fn numbers(&self, count: usize) -> Vec<u64> {
        self.lines(count).iter().map(|line| number(line)).collect()
    }

    /// Interrupts it: what else it printed, its exit code and what it said.
    fn interrupt(mut self) -> (Vec<String>, i32, String) {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        let code = self.child.wait().unwrap().code().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.lines.iter().collect(), code, said)
    }
}

fn number(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["labels"]["number"].as_str().unwrap().parse().unwrap()
}

fn ingest(server: &Server, numbers: impl Iterator<Item = u64>) {
    let lines: Vec<String> = numbers
        .map(|number| {
            json!({
                "id": format!("00000000-0000-7000-8000-{number:012}"),
                "time": format!("2026-03-01T10:{:02}:00Z", number % 60),
                "type": "follow",
                "outcome": if number.is_multiple_of(2) { "failure" } else { "success" },
                "labels": { "number": number.to_string() },
            })
            .to_string()
        })
        .collect();
    let run = run_with_input(server.client(&["ingest"]), lines.join("\n").as_bytes());
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn nothing_is_lost_or_repeated_when_the_server_is_killed_and_stopped() {
    let mut server = Server::start();
    ingest(&server, 0..10);
    let tail = Tail::start(&server, &["--last", "3", "--json", "--verbose"]);
    assert_eq!(tail.numbers(3), [7, 8, 9]);
    ingest(&server, 10..30);
    assert_eq!(tail.numbers(5), [10, 11, 12, 13, 14]);

    server.process.kill().unwrap();
    server.process.start_again().unwrap();
    ingest(&server, 30..40);
    assert_eq!(tail.numbers(25), (15..40).collect::<Vec<_>>());

    server.process.terminate().unwrap();
    server.process.start_again().unwrap();
    ingest(&server, 40..45);
    assert_eq!(tail.numbers(5), (40..45).collect::<Vec<_>>());

    let (rest, code, said) = tail.interrupt();
    assert_eq!((rest, code), (Vec::new(), 0), "{said}");
    assert!(said.contains("coming back in") && said.contains("following again"), "{said}");
}

#[test]
fn it_begins_where_it_is_told_to_and_selects_as_queries_do() {
    let server = Server::start();
    ingest(&server, 0..10);
    let since = ["--since", "2026-03-01T10:04:00Z", "outcome:failure", "--csv"];
    let tail = Tail::start(&server, &since);
    let lines = tail.lines(4);
    assert!(lines[0].starts_with("id,seq,time,"), "{lines:?}");
    assert!(
        lines[1..]
            .iter()
            .zip(["04", "06", "08"])
            .all(|(line, minute)| line.contains(&format!("T10:{minute}:")))
    );
    ingest(&server, 10..13);
    let lines = tail.lines(2);
    assert!(lines[0].contains("T10:10:") && lines[1].contains("T10:12:"), "{lines:?}");
    let (rest, code, said) = tail.interrupt();
    assert_eq!((rest, code, said.as_str()), (Vec::new(), 0, ""));

    // More than there are; and no more than there are.
    let table = Tail::start(&server, &["--last", "100", "--filter", "labels.number=5", "--table"]);
    let lines = table.lines(2);
    assert!(lines[0].starts_with("TIME ") && lines[1].starts_with("2026-03-01T10:05:00Z "), "{lines:?}");
    assert_eq!(table.interrupt().1, 0);
}

#[test]
fn what_can_never_be_followed_ends_with_its_exit_code() {
    let server = Server::start();
    let stranger = Run::of(server.client(&["tail", "--token", "nobody"]).output().unwrap());
    assert!(stranger.code == 1 && stranger.stderr.contains("401"), "{stranger:?}");
    assert_eq!(server.run(&["tail", "actr:x"]).code, 2);
    assert_eq!(server.run(&["tail", "--since", "soon"]).code, 2);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut lonely = annals();
    lonely.args(["tail", "--retries", "1", "--url", &format!("http://{free}")]);
    let lonely = Run::of(lonely.output().unwrap());
    assert!(lonely.code == 3 && lonely.stderr.contains("tried 2 times"), "{lonely:?}");
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let server = Server::start();
    let mut child = server.client(&["tail"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    // It notices with the next event, however soon that comes.
    let mut number = 0;
    let code = loop {
        ingest(&server, number..number + 1);
        number += 1;
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(code, Some(0));
}
