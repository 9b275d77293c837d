//! Completions and manual pages, as they are installed.

use std::{fs, process::Command};

use crate::support::run;

#[test]
fn manual_pages_are_written_and_printed() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("new/man1");
    let written = run(&["man", "--dir", pages.to_str().unwrap()]);
    assert_eq!((written.code, written.stdout.as_str()), (0, ""), "{written:?}");
    let help = run(&["--help"]).stdout;
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(names.contains(&"tail") && names.contains(&"openapi"), "{names:?}");
    for name in names.iter().filter(|name| **name != "help") {
        let page = fs::read_to_string(pages.join(format!("annals-{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH annals-{name} 1")), "{page}");
    }
    let main = fs::read_to_string(pages.join("annals.1")).unwrap();
    assert!(main.contains("Exit codes") && main.contains("annals\\-tail(1)"), "{main}");

    let printed = run(&["man", "keys", "new"]);
    assert_eq!(printed.stdout, fs::read_to_string(pages.join("annals-keys-new.1")).unwrap());
    assert_eq!(run(&["man", "nonsense"]).code, 2);
}

#[test]
fn bash_completes_commands_and_flags() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("annals");
    fs::write(&script, run(&["completions", "bash"]).stdout).unwrap();
    let complete = |words: &str, word: &str| {
        let previous = words.split(' ').next_back().unwrap_or("annals");
        let ask = format!(
            "source {}; COMP_WORDS=(annals {words} {word}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _annals annals {word} {previous}; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete("", "ta"), "tail");
    assert_eq!(complete("query", "--no-p"), "--no-pager");
    assert_eq!(complete("tail --color", "al"), "always");
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
}
