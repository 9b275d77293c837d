//! Queries, exports and `annals top` as people and scripts run them.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use serde_json::{Value, json};

use crate::support::{Run, Server, annals};

/// A server with events of the last minutes: a third of them failed.
fn server() -> Server {
    let now = jiff::Timestamp::now();
    Server::holding((0..90).map(|number: i64| {
        json!({
            "id": format!("00000000-0000-7000-8000-{number:012}"),
            "time": (now - jiff::SignedDuration::from_secs(90 + 10 * number)).to_string(),
            "type": if number % 3 == 0 { "order.cancel" } else { "order.create" },
            "outcome": if number % 3 == 0 { "failure" } else { "success" },
            "actor": { "id": format!("u{}", number % 2), "name": format!("user {}", number % 2) },
            "target": { "type": "order", "id": number.to_string() },
        })
    }))
}

#[test]
fn formats_colours_and_limits_of_queries() {
    let server = server();
    let json = server.run(&["query", "--json", "--limit", "2"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&json.stdout).unwrap().len(), 2);
    assert!(server.run(&["query", "--csv", "--limit", "2"]).stdout.starts_with("id,seq,time,"));
    assert_eq!(server.run(&["query", "--ndjson", "--limit", "2"]).stdout.lines().count(), 2);
    assert_eq!(server.run(&["query", "--json", "--csv"]).code, 2);

    let plain = server.run(&["query", "--table", "--limit", "2"]).stdout;
    assert!(plain.starts_with("TIME ") && !plain.contains('\u{1b}'), "{plain}");
    let coloured = server.run(&["query", "--table", "--color", "always", "outcome:failure"]).stdout;
    assert!(coloured.contains("\u{1b}[31mfailure\u{1b}[0m"), "{coloured}");
    assert!(coloured.contains("\u{1b}[2m0\u{1b}[0m"), "ids are dim: {coloured}");

    // What was left out by nobody's wish is said; what was left out as asked for is not.
    let some = server.run(&["query"]);
    assert_eq!(some.stdout.lines().count(), 50);
    assert!(some.stderr.contains("the first 50 events"), "{some:?}");
    assert_eq!(server.run(&["query", "--limit", "50"]).stderr, "");
    assert_eq!(server.run(&["query", "outcome:failure"]).stderr, "");
}

#[test]
fn top_counts_rates_actors_targets_and_types() {
    let server = server();
    let json = server.run(&["top", "--json", "--rows", "1"]);
    assert_eq!(json.code, 0, "{json:?}");
    let counts: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&counts["events"], &counts["failures"]), (&json!(90), &json!(30)));
    assert_eq!(
        counts["rates"][2],
        json!({"seconds": 3600, "events": 90, "failures": 30, "per_second": 0.025})
    );
    assert_eq!(counts["actors"], json!([{"value": "user 0", "count": 45}]));
    assert_eq!(counts["types"], json!([{"value": "order.create", "count": 60}]));
    assert_eq!(counts["failing_types"], json!([{"value": "order.cancel", "count": 30}]));
    let timeline = counts["timeline"].as_array().unwrap();
    assert_eq!(timeline.iter().map(|count| count.as_u64().unwrap()).sum::<u64>(), 90);

    let table = server.run(&["top", "--ids", "type:*.create OR type:nothing"]);
    assert_eq!(table.code, 0, "{table:?}");
    assert!(table.stdout.contains("60 events in 1h") && table.stdout.contains("failed 0.0%"), "{table:?}");
    assert!(table.stdout.contains("30  50.0%  u1") && !table.stdout.contains('\u{1b}'), "{table:?}");
    let none = server.run(&["top", "--once", "type:nothing"]);
    assert!(none.code == 0 && none.stdout.contains("0 events in 1h"), "{none:?}");
}

/// Answers one request with this and ends the connection.
fn answering(answer: &'static [u8]) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(answer).unwrap();
    });
    (url, serving)
}

#[test]
fn an_export_that_broke_off_is_an_error_and_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.ndjson");
    for (answer, said) in [
        (&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n"[..], "broke off"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n30\r\n{}\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}\n", "does not tell where it ends"),
    ] {
        for to_file in [true, false] {
            let (url, serving) = answering(answer);
            let mut export = annals();
            export.args(["export", "--retries", "0", "--url", &url]);
            if to_file {
                export.arg("--output").arg(&path);
            }
            let run = Run::of(export.output().unwrap());
            serving.join().unwrap();
            assert_eq!(run.code, 3, "{run:?}");
            assert!(run.stderr.contains(said) && !run.stderr.contains("written"), "{run:?}");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{run:?}");
        }
    }
    // What was there before stays.
    fs::write(&path, "before").unwrap();
    let (url, serving) = answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
    let mut export = annals();
    export.args(["export", "--url", &url, "--output"]).arg(&path);
    assert_eq!(Run::of(export.output().unwrap()).code, 3);
    serving.join().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
}

#[test]
fn exit_codes_are_those_of_the_documentation() {
    let server = server();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = format!("http://{free}");
    for command in ["query", "export", "tail", "top"] {
        let alone = ["--retries", "0", "--url", &nowhere];
        assert_eq!(server.run(&[&[command][..], &alone].concat()).code, 3, "{command}");
        assert_eq!(server.run(&[command, "--token", "nobody"]).code, 1, "{command}");
        assert_eq!(server.run(&[command, "actr:x"]).code, 2, "{command}");
        assert_eq!(server.run(&[command, "--nonsense"]).code, 2, "{command}");
        assert_eq!(server.run(&[command, "--url", "nonsense"]).code, 2, "{command}");
        assert_eq!(server.run(&[command, "--profile", "nonsense"]).code, 2, "{command}");
    }
    for command in ["query", "export", "top"] {
        assert_eq!(server.run(&[command]).code, 0, "{command}");
        assert_eq!(server.run(&[command, "--help"]).code, 0, "{command}");
    }
    let unwritable = server.run(&["export", "--output", "/nonexistent/file"]);
    assert_eq!(unwritable.code, 1, "{unwritable:?}");
}
