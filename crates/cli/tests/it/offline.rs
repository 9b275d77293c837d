//! What needs no server: help, keys, checks of the configuration.

use std::fs;

use annals_auth::token_sha256;
use serde_json::Value;

use crate::support::{annals, run, run_with_input};

#[test]
fn says_its_version_and_explains_itself() {
    let version = run(&["--version"]);
    assert_eq!(
        (version.code, version.stdout.as_str()),
        (0, concat!("annals ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    for command in ["demo", "serve", "check", "ingest", "import", "query", "export"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.code, 0);
        assert!(help.stdout.contains("Examples:"), "{command}: {}", help.stdout);
    }
}

#[test]
fn wrong_command_lines_exit_with_2() {
    for arguments in
        [&["nonsense"][..], &["query", "--limit", "0"], &["import", "aws"], &["query", "--from", "soon"]]
    {
        let wrong = run(arguments);
        assert_eq!(wrong.code, 2, "{wrong:?}");
        assert!(wrong.stdout.is_empty(), "{wrong:?}");
    }
}

#[test]
fn the_native_document_is_openapi() {
    let printed = run(&["openapi"]);
    assert_eq!(printed.code, 0);
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/v1/events"]["post"].is_object());
}

#[test]
fn new_keys_are_what_the_configuration_takes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("annals.toml");
    let path_text = path.to_str().unwrap();
    let mut file = String::new();
    for arguments in [
        &["keys", "new", "--name", "ci", "--role", "writer"][..],
        &["keys", "new", "--name", "auditor", "--organization", "acme"],
        &["keys", "new", "--name", "signer", "--signing"],
    ] {
        let new = run(arguments);
        assert_eq!(new.code, 0, "{new:?}");
        file.push_str(&new.stdout);
    }
    fs::write(&path, &file).unwrap();
    let check = run(&["check", "--config", path_text]);
    assert_eq!(check.code, 0, "{check:?}");
    for line in [
        "ci (token): writer of everything",
        "auditor (token): reader of organization acme",
        "signer (signing key): reader of everything",
    ] {
        assert!(check.stdout.contains(line), "{check:?}");
    }

    let token = file.lines().find_map(|line| line.strip_prefix("# ann_")).unwrap();
    let mut hash = annals();
    hash.args(["keys", "hash"]);
    let hash = run_with_input(hash, format!("ann_{token}\n").as_bytes());
    assert_eq!(hash.code, 0);
    assert!(file.contains(hash.stdout.trim()));
    assert_eq!(hash.stdout.trim(), token_sha256(&format!("ann_{token}")));
}

#[test]
fn the_default_configuration_is_the_documented_one_and_good() {
    let printed = run(&["check", "--print-default"]);
    assert_eq!(printed.code, 0);
    assert_eq!(printed.stdout, include_str!("../../../../docs/annals.toml"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("annals.toml");
    fs::write(&path, &printed.stdout).unwrap();
    let check = run(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!(check.code, 0, "{check:?}");
    assert!(check.stdout.contains("127.0.0.1:8650"), "{check:?}");
    assert!(check.stderr.contains("no credential"), "{check:?}");
}

#[test]
fn bad_configurations_are_named_and_exit_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("annals.toml");
    let path_text = path.to_str().unwrap();
    for (text, expected) in [
        ("listen = \"127.0.0.1:1\"\nlisen = 1\n", "line 2, column 1: unknown field `lisen`"),
        ("listen = \"0.0.0.0:8650\"\n", "refusing to listen on 0.0.0.0:8650"),
        ("[[credential]]\nname = \"a\"\ngrants = []\n", "credential `a`: `token` is missing"),
        ("[log]\nlevel = \"annals=loud\"\n", "the log level `annals=loud`"),
    ] {
        fs::write(&path, text).unwrap();
        for command in ["check", "serve"] {
            let refused = run(&[command, "--config", path_text]);
            assert_eq!(refused.code, 1, "{text}: {refused:?}");
            assert!(refused.stderr.contains(expected), "{text}: {refused:?}");
        }
    }
    let missing = run(&["check", "--config", directory.path().join("none.toml").to_str().unwrap()]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("none.toml"), "{missing:?}");
}

#[test]
fn flags_and_environment_come_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("annals.toml");
    fs::write(&path, "listen = \"127.0.0.1:1\"\ndata_dir = \"from-file\"\n").unwrap();
    let output = annals()
        .args(["check", "--config", path.to_str().unwrap(), "--listen", "127.0.0.1:3"])
        .env("ANNALS_LISTEN", "127.0.0.1:2")
        .env("ANNALS_DATA_DIR", "from-environment")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("127.0.0.1:3") && text.contains("from-environment"), "{text}");
}
