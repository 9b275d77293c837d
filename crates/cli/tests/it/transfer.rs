//! Events on their way in and out: ingest, import, query, export.

use std::{fs, net::TcpListener};

use serde_json::Value;

use crate::support::{Server, annals, run_with_input};

/// So many events, a minute apart, oldest first.
fn events(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            serde_json::json!({
                "id": format!("00000000-0000-7000-8000-{number:012}"),
                "time": format!("2026-03-{:02}T{:02}:{:02}:00Z", 1 + number / 1_440, number / 60 % 24, number % 60),
                "type": if number % 2 == 0 { "shop.order.create" } else { "shop.order.cancel" },
                "outcome": if number % 5 == 0 { "failure" } else { "success" },
                "organization": {"id": "acme"},
                "actor": {"type": "user", "name": "=cmd|'/c calc'!A0"},
                "target": {"type": "order", "id": number.to_string()},
            })
            .to_string()
        })
        .collect()
}

fn ids(ndjson: &str) -> Vec<String> {
    ndjson
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn events_go_in_and_come_out_again() {
    let server = Server::start();
    let given = events(2_500);
    let path = server.directory.path().join("events.ndjson");
    fs::write(&path, given.join("\n")).unwrap();
    let path = path.to_str().unwrap();

    let first = server.run(&["ingest", path]);
    assert_eq!(
        (first.code, first.stdout.as_str()),
        (0, "accepted 2500, duplicates 0, rejected 0\n"),
        "{first:?}"
    );
    let again = server.run(&["ingest", path, "--compress", "none", "--json"]);
    assert_eq!(again.code, 0);
    assert_eq!(
        serde_json::from_str::<Value>(&again.stdout).unwrap(),
        serde_json::json!({"accepted": 0, "duplicates": 2_500, "rejected": 0})
    );

    // More than two pages, in both orders, and less than one.
    let oldest = server.run(&["query", "--order", "asc", "--limit", "2100", "--total"]);
    assert_eq!(oldest.code, 0, "{oldest:?}");
    assert!(oldest.stderr.contains("2,500 events match"), "{oldest:?}");
    let expected = ids(&given.join("\n"));
    assert_eq!(ids(&oldest.stdout), expected[..2_100]);
    let newest = server.run(&["query", "--limit", "3"]);
    assert_eq!(ids(&newest.stdout), expected.iter().rev().take(3).cloned().collect::<Vec<_>>());

    let out = server.directory.path().join("export.ndjson");
    let export = server.run(&["export", "--output", out.to_str().unwrap()]);
    assert_eq!(export.code, 0, "{export:?}");
    assert!(export.stdout.is_empty() && export.stderr.contains("2,500 events written"), "{export:?}");
    assert!(!server.directory.path().join("export.ndjson.partial").exists());
    let exported = fs::read_to_string(&out).unwrap();
    assert_eq!(ids(&exported), expected);

    let other = Server::start();
    let copied = other.run(&["ingest", out.to_str().unwrap()]);
    assert_eq!(copied.stdout, "accepted 2500, duplicates 0, rejected 0\n", "{copied:?}");
}

#[test]
fn filters_and_formats() {
    let server = Server::start();
    let stdin =
        run_with_input(server.client(&["ingest", "-"]), format!("[{}]", events(20).join(",\n ")).as_bytes());
    assert_eq!(stdin.stdout, "accepted 20, duplicates 0, rejected 0\n", "{stdin:?}");

    let filtered = server.run(&[
        "query",
        "--type",
        "shop.order.cancel",
        "--outcome",
        "failure",
        "--org",
        "acme",
        "--from",
        "2026-03-01",
        "--to",
        "2026-03-01T00:15:00Z",
        "--format",
        "json",
    ]);
    let found: Vec<Value> = serde_json::from_str(&filtered.stdout).unwrap();
    assert_eq!(found.len(), 1, "{filtered:?}");
    assert_eq!(found[0]["target"]["id"], "5");
    assert_eq!(
        server.run(&["query", "--filter", "target.id=7", "--text", "CANCEL order"]).stdout.lines().count(),
        1
    );

    let searched = server.run(&["query", "type:*.CANCEL", "target.id:(5,6,7)", "--outcome", "failure"]);
    assert_eq!(ids(&searched.stdout), ["00000000-0000-7000-8000-000000000005"], "{searched:?}");
    let local = ["export", "--utc-offset", "-01:00", "time:2026-02-28T23:18..2026-02-28T23:19"];
    assert_eq!(server.run(&local).stdout.lines().count(), 2);
    let wrong = server.run(&["query", "outcome:failure actr:alice"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    let drawn = "outcome:failure actr:alice\n                ^^^^\nthere is no field `actr` (column 17)\n";
    assert!(wrong.stderr.contains(drawn), "{wrong:?}");

    let csv = server.run(&["export", "--format", "csv", "--from", "2026-03-01T00:19:00Z"]);
    let rows: Vec<csv::StringRecord> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.stdout.as_bytes())
        .records()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 2, "{csv:?}");
    let actor = rows[0].iter().position(|name| name == "actor.name").unwrap();
    assert_eq!(&rows[1][actor], "'=cmd|'/c calc'!A0");

    let table = server.run(&["query", "--limit", "2", "--format", "table"]);
    assert_eq!(table.stdout.lines().count(), 3, "{table:?}");
    assert!(table.stdout.starts_with("TIME") && !table.stdout.contains('\u{1b}'), "{table:?}");
}

#[test]
fn rejected_lines_are_named_and_the_others_taken() {
    let server = Server::start();
    let mut lines = events(1_200);
    lines[3] = "{\"type\":\"no time\"}".to_owned();
    lines[1_100] = "not json".to_owned();
    lines.insert(10, String::new());
    let run = run_with_input(server.client(&["ingest"]), lines.join("\n").as_bytes());
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(run.stdout, "accepted 1198, duplicates 0, rejected 2\n", "{run:?}");
    assert!(run.stderr.contains("line 4: ") && run.stderr.contains("missing field `time`"), "{run:?}");
    assert!(run.stderr.contains("line 1102: "), "{run:?}");

    let without_id = run_with_input(
        server.client(&["ingest"]),
        b"{\"time\":\"2026-03-01T00:00:00Z\",\"type\":\"a\"}\n{\"time\":\"2026-03-01T00:00:00Z\",\"type\":\"a\"}\n",
    );
    assert_eq!(without_id.code, 0, "{without_id:?}");
    assert_eq!(without_id.stderr.matches("has no `id`").count(), 1, "{without_id:?}");
}

#[test]
fn platforms_events_are_imported_in_every_layout() {
    let server = Server::start();
    let answer = include_str!("../fixtures/cloudfoundry.json");
    let resources = serde_json::from_str::<Value>(answer).unwrap()["resources"].take();
    let lines: Vec<String> = resources.as_array().unwrap().iter().map(Value::to_string).collect();
    let count = lines.len();
    let layouts = [
        (answer.to_owned(), format!("accepted {count}, duplicates 0, rejected 0\n")),
        (resources.to_string(), format!("accepted 0, duplicates {count}, rejected 0\n")),
        (lines.join("\n"), format!("accepted 0, duplicates {count}, rejected 0\n")),
        (format!("{answer}\n{answer}"), format!("accepted 0, duplicates {}, rejected 0\n", 2 * count)),
    ];
    for (input, expected) in layouts {
        let run = run_with_input(server.client(&["import", "cloudfoundry"]), input.as_bytes());
        assert_eq!((run.code, run.stdout.as_str()), (0, expected.as_str()), "{run:?}");
    }

    let exoscale = include_str!("../fixtures/exoscale.json");
    let path = server.directory.path().join("exoscale.json");
    fs::write(&path, exoscale).unwrap();
    let path = path.to_str().unwrap();
    let run =
        server.run(&["import", "exoscale", path, "--organization", "acme inc", "--installation", "prod"]);
    assert_eq!(run.code, 0, "{run:?}");
    let found = server.run(&["query", "--organization", "acme inc", "--source", "exoscale/prod"]);
    let events: Vec<Value> = serde_json::from_str(exoscale).unwrap();
    assert_eq!(found.stdout.lines().count(), events.len(), "{found:?}");

    let bad = run_with_input(
        server.client(&["import", "cloudfoundry"]),
        format!("{}\n{{\"x\":1}}", lines[0]).as_bytes(),
    );
    assert_eq!((bad.code, bad.stdout.as_str()), (1, "accepted 0, duplicates 1, rejected 1\n"), "{bad:?}");
    assert!(bad.stderr.contains("line 2: "), "{bad:?}");
}

#[test]
fn refusals_and_absence_have_their_exit_codes() {
    let server = Server::start();
    let url = server.process.url("");
    let mut stranger = annals();
    stranger.args(["query", "--url", &url, "--token", "nobody"]);
    let refused = run_with_input(stranger, b"");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("401"), "{refused:?}");
    assert!(!refused.stderr.contains("nobody"), "{refused:?}");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut lonely = annals();
    lonely.args(["ingest", "--retries", "1", "--url", &format!("http://{free}")]);
    let unreachable = run_with_input(lonely, events(1)[0].as_bytes());
    assert_eq!(unreachable.code, 3, "{unreachable:?}");
    assert!(unreachable.stderr.contains("trying again in 0.5 s"), "{unreachable:?}");
    assert_eq!(unreachable.stdout, "accepted 0, duplicates 0, rejected 0\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let server = Server::start();
    let taken = run_with_input(server.client(&["ingest"]), events(5_000).join("\n").as_bytes());
    assert_eq!(taken.code, 0, "{taken:?}");
    let mut query = server.client(&["query", "--limit", "5000"]);
    let mut child =
        query.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
