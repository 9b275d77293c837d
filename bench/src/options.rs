//! What a run is asked to do.

use std::path::PathBuf;

/// All peers, in the order of the tables' columns.
pub(crate) const PEERS: [&str; 4] = ["postgresql", "clickhouse", "duckdb", "sqlite"];
/// The peers that goals are set by: a run without one of them is not kept.
const PEERS_OF_GOALS: [&str; 2] = ["postgresql", "clickhouse"];
/// What `--only` takes, beside the key of a single question.
const WORKLOADS: [&str; 9] =
    ["limits", "ingest", "reads", "rate", "export", "web", "starts", "posts", "mixed"];
const EVENTS_DEFAULT: [u64; 2] = [1_000_000, 10_000_000];
const EVENTS_QUICK: u64 = 100_000;

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench [options]

  --events N[,N...]    events of each profile (default 1000000,10000000)
  --quick              100000 events, kept in target/bench only: for trying it out
  --profile NAME       only `small` (about 454 bytes an event) or `large` (about 1,017)
  --peers NAMES        none, or some of postgresql,clickhouse,duckdb,sqlite (default: all);
                       without postgresql or clickhouse the results are kept in target/bench only
  --only WORKLOAD      limits, ingest, reads, rate, export, web, starts, posts or mixed, or one question as it is called in the
                       results (org_50); kept in target/bench only. Events are loaded in any case
  --directory DIR      where data is kept while it runs (default target/bench); it needs room for all databases, some 4 GB
                       for each million of events, and PostgreSQL's user must be able to reach it
  --report             measure nothing; write docs/benchmarks.md again from the results that are kept

The results are kept in docs/benchmarks/*.json and shown in docs/benchmarks.md.
";

/// What a run is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) events: Vec<u64>,
    pub(crate) quick: bool,
    /// None: both.
    pub(crate) profile: Option<String>,
    pub(crate) peers: Vec<&'static str>,
    pub(crate) only: Option<String>,
    pub(crate) directory: PathBuf,
    pub(crate) report: bool,
    /// The Annals to measure.
    pub(crate) binary: PathBuf,
    /// The Python with the peers' packages.
    pub(crate) python: PathBuf,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            events: EVENTS_DEFAULT.to_vec(),
            quick: false,
            profile: None,
            peers: PEERS.to_vec(),
            only: None,
            directory: PathBuf::from("target/bench"),
            report: false,
            binary: PathBuf::from("target/release/annals"),
            python: PathBuf::from("python3"),
        };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            match flag.as_str() {
                "--quick" => {
                    options.quick = true;
                    options.events = vec![EVENTS_QUICK];
                    continue;
                }
                "--report" => {
                    options.report = true;
                    continue;
                }
                "--help" => return Err(USAGE.to_owned()),
                _ => {}
            }
            let value = arguments.next().ok_or_else(|| format!("{flag} needs a value\n\n{USAGE}"))?;
            match flag.as_str() {
                "--events" => options.events = value.split(',').map(number).collect::<Result<_, _>>()?,
                "--profile" if value == "small" || value == "large" => {
                    options.profile = Some(value.clone());
                }
                "--peers" => options.peers = peers(value)?,
                "--only" => options.only = Some(value.clone()),
                "--directory" => options.directory = PathBuf::from(value),
                "--binary" => options.binary = PathBuf::from(value),
                "--python" => options.python = PathBuf::from(value),
                _ => return Err(format!("`{flag} {value}` is not known\n\n{USAGE}")),
            }
        }
        Ok(options)
    }

    /// Whether a workload is wanted.
    pub(crate) fn wants(&self, workload: &str) -> bool {
        let Some(only) = &self.only else { return true };
        // What is no workload is one question.
        only == workload || (workload == "reads" && !WORKLOADS.contains(&only.as_str()))
    }

    /// Whether the results are whole, and so may replace those that are kept.
    pub(crate) fn is_whole(&self) -> bool {
        !self.quick && self.only.is_none() && PEERS_OF_GOALS.iter().all(|peer| self.peers.contains(peer))
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|number| *number >= 1_000).ok_or_else(|| {
        format!("`{text}`: --events needs whole numbers of 1000 at least, as in 1000000,10000000\n\n{USAGE}")
    })
}

fn peers(text: &str) -> Result<Vec<&'static str>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = text.split(',').collect();
    if let Some(unknown) = names.iter().find(|name| !PEERS.contains(name)) {
        return Err(format!("there is no peer `{unknown}`\n\n{USAGE}"));
    }
    Ok(PEERS.into_iter().filter(|peer| names.contains(peer)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, String> {
        Options::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn defaults_are_two_sizes_and_all_peers() {
        let options = parse("").unwrap();
        assert_eq!(options.events, [1_000_000, 10_000_000]);
        assert_eq!(options.peers, PEERS);
        assert!(options.is_whole() && options.wants("mixed"));
    }

    #[test]
    fn part_of_a_run_is_not_whole() {
        for text in ["--quick", "--peers none", "--peers sqlite,postgresql", "--only reads"] {
            assert!(!parse(text).unwrap().is_whole(), "{text}");
        }
        assert_eq!(parse("--peers sqlite,postgresql").unwrap().peers, ["postgresql", "sqlite"]);
        assert!(parse("--events 10000000 --peers postgresql,clickhouse").unwrap().is_whole());
    }

    #[test]
    fn one_question_is_among_the_reads() {
        let options = parse("--only org_50").unwrap();
        assert!(options.wants("reads") && !options.wants("posts"));
        assert!(!parse("--only posts").unwrap().wants("reads"));
    }

    #[test]
    fn mistakes_are_named() {
        for text in
            ["--events", "--events x", "--events 10", "--peers oracle", "--profile huge", "--colour red"]
        {
            let error = parse(text).unwrap_err();
            assert!(error.contains("usage:"), "{text}: {error}");
        }
    }
}
