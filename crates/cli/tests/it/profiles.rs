//! Several servers by name.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::support::{Run, Server, annals};

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the program with the profiles of that directory.
fn run(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = annals();
    command.args(arguments).env("XDG_CONFIG_HOME", directory);
    Run::of(command.output().unwrap())
}

#[test]
fn a_profile_speaks_to_its_server() {
    let (one, other) = (Server::start(), Server::start());
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    fs::create_dir(home.join("annals")).unwrap();
    let token = one.process.authorization().trim_start_matches("Bearer ").to_owned();
    write(&home.join("annals/one.token"), &format!("{token}\n"), 0o600);
    let text = format!(
        "default = \"one\"\n[profiles.one]\nurl = \"{}\"\ntoken_file = \"one.token\"\n\
         [profiles.other]\nurl = \"{}\"\ntoken_command = [\"echo\", \"{token}\"]\n\
         [profiles.stranger]\nurl = \"{}\"\ntoken = \"hunter2\"\n",
        one.process.url(""),
        other.process.url(""),
        one.process.url(""),
    );
    let profiles = home.join("annals/profiles.toml");
    write(&profiles, &text, 0o600);

    let event = home.join("event.json");
    fs::write(
        &event,
        "{\"time\":\"2026-03-01T00:00:00Z\",\"type\":\"a\",\"id\":\"00000000-0000-7000-8000-000000000001\"}",
    )
    .unwrap();
    let sent = run(home, &["ingest", event.to_str().unwrap()]);
    assert_eq!(sent.stdout, "accepted 1, duplicates 0, rejected 0\n", "{sent:?}");
    assert_eq!(run(home, &["query"]).stdout.lines().count(), 1);
    let elsewhere = run(home, &["query", "--profile", "other"]);
    assert_eq!((elsewhere.code, elsewhere.stdout.as_str()), (0, ""), "{elsewhere:?}");
    let stranger = run(home, &["query", "--profile", "stranger"]);
    assert!(stranger.code == 1 && stranger.stderr.contains("401"), "{stranger:?}");
    assert!(!stranger.stderr.contains("hunter2"), "{stranger:?}");
    // Another address gets no token of a profile.
    let url = other.process.url("");
    assert_eq!(run(home, &["query", "--profile", "one", "--url", &url]).code, 1);

    let listed = run(home, &["profiles"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.stdout.contains("* one") && listed.stdout.contains("command echo"), "{listed:?}");
    let json = run(home, &["profiles", "--json"]).stdout;
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&found[0]["name"], &found[0]["default"]), (&"one".into(), &true.into()));
    for text in [&listed.stdout, &json] {
        assert!(!text.contains(&token) && !text.contains("hunter2"), "{text}");
    }

    let mut elsewhere = annals();
    elsewhere.args(["query"]).env("ANNALS_PROFILES", &profiles).env("ANNALS_PROFILE", "other");
    assert_eq!(Run::of(elsewhere.output().unwrap()).stdout, "");
}

#[test]
fn bad_profiles_are_refused_by_name_and_without_their_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("profiles.toml");
    let path = file.to_str().unwrap();
    for (text, mode, code, said) in [
        ("[profiles.a]\nurl = \"http://a\"\ntokn = \"hunter2\"\n", 0o600, 1, "unknown field `tokn`"),
        ("[profiles.a]\nurl = \"http://a\"\ntoken = \"hunter2\"\n", 0o644, 1, "run chmod 600"),
        ("[profiles.a]\nurl = \"http://a\"\n", 0o644, 2, "there is no profile `b`"),
        ("[profiles.b]\nurl = \"http://a\"\ntoken_file = \"none\"\n", 0o644, 1, "none"),
        ("[profiles.b]\nurl = \"b\"\n", 0o644, 2, "must begin with http"),
    ] {
        write(&file, text, mode);
        let run = run(directory.path(), &["query", "--profiles", path, "--profile", "b"]);
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stderr.contains(said) && !run.stderr.contains("hunter2"), "{run:?}");
    }
    let none = run(directory.path(), &["profiles"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, ""), "{none:?}");
    assert_eq!(run(directory.path(), &["profiles", "--profiles", "/nonexistent/p"]).code, 1);
}
