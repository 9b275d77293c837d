//! The page on the words of events: that it explains every word of the model, and that its example is an event.

use std::{fs, path::Path};

use annals_model::Event;
use annals_testkit::FakeClock;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

#[test]
fn the_page_explains_every_word() {
    let source = read("crates/model/src/vocabulary.rs");
    let page = read("docs/vocabulary.md");
    let words: Vec<_> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once("= \"")?.1.strip_suffix("\";"))
        .collect();
    assert!(words.len() > 40, "{words:?}");
    for word in &words {
        let rows = page.lines().filter(|line| line.starts_with(&format!("| `{word}` |"))).count();
        assert_eq!(rows, 1, "`{word}` must be explained in one row of docs/vocabulary.md");
    }
    // And no others, but for the four outcomes. The heads of the tables begin like rows.
    let heads = ["| `outcome` |", "| `action` |", "| `type` |"];
    let is_row = |line: &&str| line.starts_with("| `") && !heads.iter().any(|head| line.starts_with(head));
    assert_eq!(page.lines().filter(is_row).count(), words.len() + 4);
}

#[test]
fn the_pages_example_is_an_event() {
    let page = read("docs/vocabulary.md");
    let example = page.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let event = Event::from_json(example.as_bytes(), &FakeClock::default()).unwrap();
    assert_eq!((event.kind.as_str(), event.action.as_str()), ("shop.checkout.deploy", "deploy"));
}
