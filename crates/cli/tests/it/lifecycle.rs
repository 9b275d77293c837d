//! How the server starts and stops.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Server, annals};

#[test]
fn sigterm_ends_the_server_in_order() {
    let mut server = Server::start();
    let status = server.process.terminate().unwrap();
    assert_eq!(status.code(), Some(0));
    server.process.start_again().unwrap();
    assert_eq!(server.run(&["query"]).code, 0);
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let mut server = Server::start();
    // A request whose body never comes to its end keeps the server from ending in order.
    let address = server.process.url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "POST /api/v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\nexpect: 100-continue\r\n\r\n",
        server.process.authorization()
    )
    .unwrap();
    let mut begun = [0; b"HTTP/1.1 100 Continue".len()];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100 Continue");

    assert!(Command::new("kill").arg(server.process.id().to_string()).status().unwrap().success());
    let log = server.directory.path().join("annals.log");
    let patience = Instant::now() + Duration::from_secs(30);
    while !fs::read_to_string(&log).unwrap().contains("a second signal stops at once") {
        assert!(Instant::now() < patience, "the server does not stop");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.process.terminate().unwrap().code(), Some(128 + 15));
}

#[test]
fn a_taken_port_is_said() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        vec!["serve", "--listen", &address, "--data-dir", directory.path().to_str().unwrap()],
        vec!["demo", "--listen", &address, "--events", "100"],
    ] {
        let output = annals().args(&arguments).stdout(Stdio::piped()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(error.contains(&address), "{arguments:?}: {error}");
        if arguments[0] == "demo" {
            assert!(error.contains("--listen"), "{error}");
        }
    }
}

#[test]
fn a_data_directory_has_one_server() {
    let server = Server::start();
    let data = server.process.data_dir();
    let second = annals()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{error}");
    assert!(error.contains("in use by another process"), "{error}");
}

#[test]
fn logs_are_json_when_asked_for_and_sigint_ends_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut child = annals()
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
            "--data-dir",
            data.to_str().unwrap(),
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let listening = lines.by_ref().map(Result::unwrap).find(|line| line.contains("listening")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&listening).unwrap();
    assert_eq!(line["level"], "INFO");
    assert!(line["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(rest.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{rest:?}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
