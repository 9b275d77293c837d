//! What the project asks of its own sources, as tests: see `ARCHITECTURE.md` and `CONTRIBUTING.md`.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines after which a file very likely has more than one job.
const FILE_LINES_MAX: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below a folder with that ending, as (path from the root, text).
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                if entry.file_name() != "target" {
                    walk(&path, ending, found);
                }
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no {ending} files in {folder}");
    let relative = |path: &PathBuf| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    found.iter().map(|path| (relative(path), fs::read_to_string(path).unwrap())).collect()
}

fn sources() -> Vec<(String, String)> {
    [files("crates", ".rs"), files("xtask", ".rs")].concat()
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "files that do not begin with `//!`: {silent:#?}");
}

#[test]
fn files_have_one_job() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .collect();
    assert!(long.is_empty(), "files of more than {FILE_LINES_MAX} lines: {long:#?}");
}

#[test]
fn crates_depend_only_on_those_above_them() {
    // In the order of the map in ARCHITECTURE.md; what is further down may use what is further up.
    let order = ["model", "store", "dialects", "auth", "server", "cli"];
    for (position, name) in order.iter().enumerate() {
        let manifest = fs::read_to_string(root().join(format!("crates/{name}/Cargo.toml"))).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for below in &order[position + 1..] {
            assert!(!dependencies.contains(&format!("annals-{below}")), "{name} must not depend on {below}");
        }
    }
    let dialects = fs::read_to_string(root().join("crates/dialects/Cargo.toml")).unwrap();
    assert!(!dialects.contains("annals-store"), "a dialect knows nothing of how events are stored");
    let store = fs::read_to_string(root().join("crates/store/Cargo.toml")).unwrap();
    for http in ["axum", "hyper", "http.workspace", "tower"] {
        assert!(!store.contains(http), "the store knows no HTTP, but its manifest names {http}");
    }
}

#[test]
fn wall_clock_time_enters_through_a_clock() {
    let asks = ["SystemTime::now", "jiff::Timestamp::now", "Zoned::now", "Uuid::now_v7"];
    for (path, text) in sources() {
        let allowed =
            path == "crates/model/src/time.rs" || path.contains("/tests/") || path.starts_with("xtask/");
        let code = text.split("#[cfg(test)]").next().unwrap();
        let found: Vec<_> = asks.iter().filter(|ask| code.contains(*ask)).collect();
        assert!(allowed || found.is_empty(), "{path} asks the system for the time: {found:?}");
    }
}

#[test]
fn every_limit_of_the_model_is_documented() {
    let limits = fs::read_to_string(root().join("crates/model/src/limits.rs")).unwrap();
    let page = fs::read_to_string(root().join("docs/limits.md")).unwrap();
    let names = limits.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let missing: Vec<_> = names.filter(|name| !page.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/limits.md does not name {missing:?}");
}

#[test]
fn every_dialect_has_its_page() {
    for entry in fs::read_dir(root().join("crates/dialects/src")).unwrap().map(Result::unwrap) {
        // Folders without a document of an API are what dialects share.
        if entry.path().join("openapi.json").exists() {
            let page = format!("docs/dialects/{}.md", entry.file_name().to_string_lossy());
            let text = fs::read_to_string(root().join(&page)).unwrap_or_else(|_| panic!("{page} is missing"));
            for part in ["Supported", "Choices", "Differences"] {
                assert!(text.contains(part), "{page} has no part `{part}`");
            }
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = files("docs", ".md");
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        documents.push((name.to_owned(), fs::read_to_string(root().join(name)).unwrap()));
    }
    for (path, text) in documents {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next()) {
            let outside = target.is_empty() || target.contains("://");
            assert!(outside || folder.join(target).exists(), "{path} links to {target}, which is not there");
        }
    }
}

#[test]
fn nothing_is_left_for_later_in_the_sources() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[", "ignore"), concat!("#[", "allow(")];
    for (path, text) in sources() {
        let found: Vec<_> = marks.iter().filter(|mark| text.contains(*mark)).collect();
        assert!(found.is_empty(), "{path} holds {found:?}");
    }
}
