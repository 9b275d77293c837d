//! The demo: it fills itself, prints requests, and each request works when it is pasted into a shell.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::support::{annals, run};

/// The line after which nothing more is printed.
const LAST_LINE: &str = "Serving until interrupted.";

struct Demo {
    child: Child,
    /// Everything it printed.
    text: String,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut child = annals()
            .args(["demo", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut text = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            text.push_str(&line);
            text.push('\n');
            if line.starts_with(LAST_LINE) {
                return Self { child, text };
            }
        }
        let output = child.wait_with_output().unwrap();
        panic!("the demo ended: {}\n{text}", String::from_utf8_lossy(&output.stderr));
    }

    /// The printed requests, each with its heading.
    fn requests(&self) -> Vec<(String, String)> {
        let mut heading = String::new();
        let mut found = Vec::new();
        for line in self.text.lines() {
            if let Some(text) = line.strip_prefix("# ") {
                heading = text.to_owned();
            } else if line.starts_with("curl ") {
                found.push((heading.clone(), line.to_owned()));
            }
        }
        found
    }

    fn interrupt(mut self) -> Option<i32> {
        assert!(
            Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // After an orderly end there is nothing to end any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a line as a shell would; the status the server answered, and the body.
fn paste(line: &str) -> (String, String) {
    let curl = Command::new("curl").arg("--version").output();
    assert!(
        curl.is_ok(),
        "curl is missing: the demo prints curl lines, and this test pastes them into a shell"
    );
    let output = Command::new("sh")
        .args(["-c", &format!("{line} -w '\\n%{{http_code}}'")])
        .env("no_proxy", "*")
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

/// How many events an answer shows, whatever the platform.
fn shown(body: &str) -> usize {
    if body.starts_with("<DescribeEventsResponse ") {
        return body.matches("<Event>").count();
    }
    let answer: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let list = match &answer {
        Value::Array(list) => Some(list),
        _ => ["resources", "events", "items"].iter().find_map(|key| answer[key].as_array()),
    };
    list.unwrap_or_else(|| panic!("no list in {answer}")).len()
}

#[test]
fn every_printed_request_works_when_pasted() {
    let demo = Demo::start(&["--events", "2000"]);
    let requests = demo.requests();
    for platform in [
        "Cloud Foundry v2",
        "Cloud Foundry v3",
        "Exoscale",
        "Qovery",
        "Rafay",
        "Fujitsu",
        "Amazon RDS",
        "Native",
    ] {
        assert!(
            requests.iter().any(|(heading, _)| heading.starts_with(platform)),
            "{platform}: {}",
            demo.text
        );
    }
    for (heading, line) in &requests {
        let (status, answer) = paste(line);
        assert_eq!(status, "200", "{heading}: {line}: {answer}");
        if line.contains("--data ") {
            assert_eq!(answer, r#"{"accepted":1,"duplicates":0,"rejected":[]}"#);
        } else {
            assert!(shown(&answer) > 0, "{heading}: {line}: {answer}");
        }
    }
    assert_eq!(demo.interrupt(), Some(0));
}

#[test]
fn a_small_demo_has_all_its_events_and_keeps_them_where_it_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("kept");
    let demo = Demo::start(&["--events", "500", "--dir", kept.to_str().unwrap()]);
    let address = demo.text.split_whitespace().find_map(|word| word.strip_prefix("ANNALS_URL=")).unwrap();
    let query = run(&["query", "--url", address, "--token", "demo-reader", "--limit", "1000"]);
    // Two samples can be the same event, where a platform's shape has neither an id nor more than seconds.
    let count = query.stdout.lines().count();
    assert!((480..=500).contains(&count), "{count}");
    assert!(demo.text.contains(&format!("{count} sample events")), "{}", demo.text);
    let mut sources: Vec<String> = query
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["source"].as_str().unwrap().to_owned())
        .collect();
    sources.sort();
    sources.dedup();
    assert_eq!(sources, ["cloudfoundry", "exoscale", "fujitsu", "qovery", "rafay", "rds"]);
    assert_eq!(demo.interrupt(), Some(0));
    assert!(fs::read_dir(&kept).unwrap().count() > 0);

    let again = run(&["demo", "--listen", "127.0.0.1:0", "--dir", kept.to_str().unwrap()]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stderr.contains("is not empty"), "{again:?}");
}

#[test]
fn a_demo_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = annals()
        .args(["demo", "--listen", "127.0.0.1:0", "--events", "100"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().starts_with(LAST_LINE)));
    let entries = |path: &Path| fs::read_dir(path).unwrap().count();
    assert_eq!(entries(temporary.path()), 1);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(entries(temporary.path()), 0);
}

#[test]
fn the_demo_stays_on_this_machine() {
    let refused = run(&["demo", "--listen", "0.0.0.0:0", "--events", "10"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("loopback"), "{refused:?}");
}
