//! Principals, and with them scopes, come from this crate alone. The compiler cannot say that: `Principal` is a plain
//! struct of the model, because every crate below this one must be able to read it. So this test reads the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where principals may be made at will: here, and in what is for tests alone. (`xtask/tests` looks for the same words.)
const MAKERS: [&str; 3] = ["crates/auth/", "crates/testkit/", "xtask/tests/"];
/// Crates that are below this one and cannot ask it, so that their tests must make principals by themselves.
const BELOW: [&str; 3] = ["crates/model/", "crates/store/", "crates/dialects/"];

#[test]
fn principals_are_made_here_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut sources = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&root.join(folder), &mut sources);
    }
    assert!(sources.len() > 20, "the sources were not found below {}", root.display());

    let mut found = Vec::new();
    for path in &sources {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        if MAKERS.iter().any(|maker| name.starts_with(maker)) {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let text = if BELOW.iter().any(|crate_| name.starts_with(crate_)) {
            without_tests(&name, &text)
        } else {
            &text
        };
        found.extend(makings(text).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(
        found.is_empty(),
        "principals are made by `annals_auth::Authenticator` only:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_reader_of_sources_sees_what_it_must() {
    for good in [
        "pub struct Principal {",
        "impl Principal {",
        "impl Clone for Principal {",
        "fn who(&self) -> Principal {",
        "fn who(&self) -> &'a annals_model::Principal {",
        "let scope = principal.read_scope();",
        "// Principal { is a word in a comment",
        "struct DemoPrincipal { name: String }",
    ] {
        assert!(makings(good).is_empty(), "{good}");
    }
    for bad in [
        "let p = Principal { name, grants };",
        "Principal { name,",
        "|| Principal {",
        "return annals_model::Principal{ name };",
        "use annals_model::Principal as Somebody;",
        "type Somebody = annals_model::Principal;",
        "principal.grants.push(everything);",
        "principal.grants = Vec::new();",
        "principal.grants.extend(more);",
    ] {
        assert_eq!(makings(bad), [bad.to_owned()], "{bad}");
    }
    assert_eq!(without_tests("a/src/b.rs", "one\n#[cfg(test)]\nmod tests {\ntwo"), "one\n");
    assert_eq!(without_tests("a/src/testing.rs", "one"), "");
    assert_eq!(without_tests("a/tests/it/b.rs", "one"), "");
    assert_eq!(without_tests("a/src/b.rs", "#[cfg(test)]\nuse x;\none"), "#[cfg(test)]\nuse x;\none");
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}

/// The part of a file that is in the product.
fn without_tests<'t>(name: &str, text: &'t str) -> &'t str {
    let for_tests = ["/tests/", "/benches/", "/simulation/", "/tests.rs", "/testing.rs", "/testing/"];
    if for_tests.iter().any(|part| name.contains(part)) {
        return "";
    }
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |start| &text[..start])
}

/// The lines that make a principal, give its type another name, or change what one may do.
fn makings(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| makes_principal(line)).map(str::to_owned).collect()
}

fn makes_principal(line: &str) -> bool {
    if line.starts_with("//") {
        return false;
    }
    let changes = [".grants.push(", ".grants.extend(", ".grants.append(", ".grants.insert(", ".grants = "];
    if changes.iter().any(|change| line.contains(change)) || line.contains("Principal as ") {
        return true;
    }
    if line.starts_with("type ") || line.starts_with("pub type ") {
        return line.ends_with("Principal;");
    }
    line.match_indices("Principal").any(|(start, word)| {
        let before = line[..start].trim_end_matches("model::").trim_end_matches("annals_");
        let is_literal = line[start + word.len()..].trim_start().starts_with('{');
        let is_own_word = !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        is_literal && is_own_word && !is_type_position(before)
    })
}

/// Whether what follows is the name of a type, with the body of an item after it.
fn is_type_position(before: &str) -> bool {
    let before = before.trim_end();
    let before = match before.rsplit_once('\'') {
        Some((head, lifetime)) if lifetime.chars().all(char::is_alphanumeric) => head,
        _ => before,
    };
    let before = before.trim_end_matches('&').trim_end();
    ["->", "struct", "impl", "for"].iter().any(|word| before.ends_with(word))
}
