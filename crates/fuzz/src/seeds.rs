//! Inputs to begin with: files of `fuzz/corpus-seeds`, the fixtures of the command line's tests, sample events, and what
//! follows from a dialect's routes and answers.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use annals_dialects::{Dialect, Host, Import, Route, Verb};
use annals_model::{Event, Timestamp};
use annals_testkit::{Generator, Platform};

use crate::{host, message::Message, requests::ask};

/// Sample events of each platform.
const SAMPLES: usize = 40;
/// Bytes of a seed; larger ones only slow the mutations down.
const SEED_BYTES_MAX: usize = 64 << 10;
/// Bytes of a word of a dictionary, at least and at most.
const WORD_BYTES: std::ops::RangeInclusive<usize> = 2..=40;
/// Words of a dictionary.
const WORDS_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, fits: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| fits(&name.to_string_lossy())));
    // The order of a folder is the machine's; that of the seeds is not.
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The seeds that are kept as files.
pub(crate) fn of_folder(target: &str) -> Vec<Vec<u8>> {
    files(&root().join("fuzz/corpus-seeds").join(target), |_| true)
}

/// A request for every route of a dialect, with a token in every header that carries one.
pub(crate) fn of_routes(dialect: &dyn Dialect) -> Vec<Vec<u8>> {
    let request = |route: &Route| {
        let segments = route.path.split('/').map(|part| if part.starts_with('{') { "acme" } else { part });
        let path = segments.collect::<Vec<_>>().join("/");
        let verb = if route.verb == Verb::Get { "GET" } else { "POST" };
        format!("{verb} {path}\nauthorization: bearer all\nx-api-key: all\nx-auth-token: all\n\n")
            .into_bytes()
    };
    dialect.routes().iter().map(request).collect()
}

/// Events in a platform's own shape: fixtures and samples.
pub(crate) fn of_fixtures(dialect: &str) -> Vec<Vec<u8>> {
    let mut seeds = files(&root().join("crates/cli/tests/fixtures"), |name| {
        name.ends_with(".json") && name.starts_with(dialect)
    });
    let samples = samples().filter(|(platform, _, _)| platform.dialect() == dialect);
    seeds.extend(samples.take(8).map(|(_, _, json)| json));
    seeds
}

/// What a dialect answers is a list it can read.
pub(crate) fn of_answers(dialect: &dyn Dialect, requests: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let import = Import { organization: Some("acme".to_owned()), installation: None };
    let messages = requests.iter().filter_map(|request| Message::read(request));
    let bodies = messages.map(|message| ask(dialect, &message, host::tolerant() as Arc<dyn Host>).body);
    let is_list = |body: &bytes::Bytes| {
        let events = dialect.read(body, &import).unwrap_or_default();
        body.len() <= SEED_BYTES_MAX && events.iter().any(Result::is_ok)
    };
    let bodies: BTreeSet<Vec<u8>> = bodies.filter(is_list).map(Vec::from).collect();
    bodies.into_iter().collect()
}

fn samples() -> impl Iterator<Item = (Platform, String, Vec<u8>)> {
    let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    let mut generator = Generator::new(7);
    let instants = generator.instants(SAMPLES, now, Duration::from_secs(30 * 86_400));
    Platform::ALL.into_iter().flat_map(move |platform| {
        let made: Vec<_> = instants.iter().map(|time| generator.sample(platform, *time)).collect();
        made.into_iter()
            .map(move |sample| (platform, sample.organization, sample.event.to_string().into_bytes()))
    })
}

/// Sample events of every platform, as their dialects read them.
pub(crate) fn sample_events() -> &'static [Event] {
    static EVENTS: OnceLock<Vec<Event>> = OnceLock::new();
    EVENTS.get_or_init(|| {
        let dialects = crate::dialects();
        let read = |(platform, organization, json): (Platform, String, Vec<u8>)| {
            let dialect = dialects.iter().find(|dialect| dialect.name() == platform.dialect()).unwrap();
            let import = Import { organization: Some(organization), installation: None };
            dialect.read(&json, &import).unwrap().into_iter().map(Result::unwrap).collect::<Vec<_>>()
        };
        samples().flat_map(read).collect()
    })
}

/// Sample events in their native form, one a line and as an array; and those in `fuzz/corpus-seeds`.
pub(crate) fn native_events() -> Vec<Vec<u8>> {
    let few: Vec<&Event> = sample_events().iter().step_by(sample_events().len() / 15).collect();
    let lines: Vec<String> = few.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let singles = lines.iter().map(|line| line.clone().into_bytes());
    let mut seeds: Vec<Vec<u8>> = singles.collect();
    seeds.push(lines.join("\n").into_bytes());
    seeds.push(format!("[{}]", lines.join(", ")).into_bytes());
    seeds.extend(of_folder("native-events"));
    seeds
}

/// The words of text seeds, those of the first seeds first.
pub(crate) fn words(seeds: &[Vec<u8>]) -> Vec<String> {
    let mut words = Vec::new();
    let mut known = BTreeSet::new();
    let is_separator = |c: char| c.is_whitespace() || "&=?/;,{}[]\":%".contains(c);
    for seed in seeds.iter().filter_map(|seed| std::str::from_utf8(seed).ok()) {
        for word in seed.split(is_separator).filter(|word| WORD_BYTES.contains(&word.len())) {
            if words.len() < WORDS_MAX && known.insert(word) {
                words.push(word.to_owned());
            }
        }
    }
    words
}
