//! The results of one run with one profile and one number of events, as they are kept in `docs/benchmarks/*.json`.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

/// Our name among the systems.
pub(crate) const OURS: &str = "annals";
/// The name of limit lines among the systems.
pub(crate) const LIMIT: &str = "limit";
/// Fewer measurements have no 99th percentile worth the name.
const P99_TIMES_MIN: usize = 100;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Milliseconds,
    Seconds,
    PerSecond,
    MegabytesPerSecond,
    BytesPerEvent,
    Mebibytes,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// What was done; titles are in `works.rs`.
    pub(crate) work: String,
    /// Who did it.
    pub(crate) system: String,
    pub(crate) unit: Unit,
    /// The median where there are several.
    pub(crate) value: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) p99: Option<f64>,
    /// How often it was measured.
    pub(crate) times: usize,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// `small` or `large`.
    pub(crate) profile: String,
    pub(crate) events: u64,
    /// Mean bytes of an event's JSON.
    pub(crate) json_bytes: f64,
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) machine: String,
    /// How many processors others used before the run began.
    pub(crate) used_by_others: f64,
    /// What the systems say their versions are.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) measurements: Vec<Measurement>,
}

impl Run {
    /// Notes one number.
    pub(crate) fn note(&mut self, work: &str, system: &str, unit: Unit, value: f64) {
        self.measurements.push(Measurement {
            work: work.to_owned(),
            system: system.to_owned(),
            unit,
            value,
            p99: None,
            times: 1,
        });
    }

    /// Notes median and 99th percentile of times.
    pub(crate) fn note_times(&mut self, work: &str, system: &str, mut times: Vec<Duration>) {
        if times.is_empty() {
            return;
        }
        times.sort_unstable();
        let millis = |share| quantile(&times, share).as_secs_f64() * 1_000.0;
        self.measurements.push(Measurement {
            work: work.to_owned(),
            system: system.to_owned(),
            unit: Unit::Milliseconds,
            value: millis(0.5),
            p99: (times.len() >= P99_TIMES_MIN).then(|| millis(0.99)),
            times: times.len(),
        });
    }

    /// What a system's number is for a work.
    pub(crate) fn find(&self, work: &str, system: &str) -> Option<&Measurement> {
        self.measurements.iter().find(|found| found.work == work && found.system == system)
    }

    pub(crate) fn value(&self, work: &str, system: &str) -> Option<f64> {
        self.find(work, system).map(|found| found.value)
    }

    /// The name of its file.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}.json", self.profile, self.events)
    }

    pub(crate) fn write(&self, directory: &Path) -> Result<(), String> {
        let path = directory.join(self.file_name());
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        fs::create_dir_all(directory).map_err(failed)?;
        let mut text = serde_json::to_string_pretty(self).map_err(|error| format!("results: {error}"))?;
        text.push('\n');
        fs::write(&path, text).map_err(failed)
    }
}

/// The runs that are kept in a directory: by number of events, then profile.
pub(crate) fn read_all(directory: &Path) -> Result<Vec<Run>, String> {
    let entries = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut runs = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let run: Run =
                serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            runs.push(run);
        }
    }
    runs.sort_by(|a, b| (a.events, &b.profile).cmp(&(b.events, &a.profile)));
    Ok(runs)
}

/// The value that `share` of sorted values stay within.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run without numbers.
    pub(crate) fn empty(profile: &str, events: u64) -> Run {
        Run {
            profile: profile.to_owned(),
            events,
            json_bytes: 454.0,
            date: "2026-01-02".to_owned(),
            commit: "abc".to_owned(),
            machine: "a machine".to_owned(),
            used_by_others: 0.0,
            versions: BTreeMap::new(),
            measurements: Vec::new(),
        }
    }

    #[test]
    fn quantiles_are_of_sorted_values() {
        let times: Vec<Duration> = (1..=101).map(Duration::from_millis).collect();
        assert_eq!(quantile(&times, 0.5), Duration::from_millis(51));
        assert_eq!(quantile(&times, 0.99), Duration::from_millis(100));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn few_times_have_no_p99() {
        let mut run = empty("small", 1);
        run.note_times("a", OURS, vec![Duration::from_millis(3); 99]);
        run.note_times("b", OURS, vec![Duration::from_millis(3); 100]);
        assert_eq!(run.find("a", OURS).unwrap().p99, None);
        assert_eq!(run.find("b", OURS).unwrap().p99, Some(3.0));
    }

    #[test]
    fn what_is_written_is_read_again_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut large = empty("large", 1_000);
        large.note("ingest_8", OURS, Unit::PerSecond, 5.5);
        let others = [empty("small", 10_000), large.clone(), empty("small", 1_000)];
        others.iter().for_each(|run| run.write(directory.path()).unwrap());
        let runs = read_all(directory.path()).unwrap();
        let names: Vec<String> = runs.iter().map(Run::file_name).collect();
        assert_eq!(names, ["small-1000.json", "large-1000.json", "small-10000.json"]);
        assert_eq!(runs[1], large);
    }
}
