//! The page that shows the kept runs to people.

use std::{collections::BTreeSet, fmt::Write};

use super::{
    goals::{goals, name},
    results::{LIMIT, Measurement, OURS, Run, Unit},
    web,
    works::SECTIONS,
};

/// Columns of the tables: who, and what they are called.
const SYSTEMS: [(&str, &str); 6] = [
    (OURS, "Annals"),
    ("postgresql", "PostgreSQL"),
    ("clickhouse", "ClickHouse"),
    ("duckdb", "DuckDB"),
    ("sqlite", "SQLite"),
    (LIMIT, "limit"),
];
/// How much of a processor others may use before a run is called disturbed.
const OTHERS_MAX: f64 = 0.1;
/// How many times slower a machine must be in one run than in another for that to be told. Of small events fewer bytes are
/// parsed in a second than of large ones.
const SLOWER: f64 = 1.5;
/// How many times worse ours must be to be named among what we lose.
const LOST_SHARE: f64 = 1.1;

const INTRODUCTION: &str = "\
# Benchmarks

Annals beside PostgreSQL, ClickHouse, DuckDB and SQLite: the same generated events, one machine, one run, every question asked of all systems in
turn. This page and the numbers behind it ([docs/benchmarks](benchmarks)) are written by

```sh
cargo xtask bench                  # 1 M and 10 M events, both profiles, all peers; hours on a slow machine
cargo xtask bench --events 1000000 # 1 M only
cargo xtask bench --quick          # 100,000 events, to try it out
```

which builds a release binary, installs the peers (Debian's PostgreSQL 15, the others as Python packages), starts everything in a
temporary directory and removes it again. How it is done, and what it does not say, is in [bench/README.md](../bench/README.md).

- Ours is measured through HTTP as a user meets it, with `annals serve`'s defaults. The peers are measured through their fastest local interface:
  PostgreSQL over a Unix socket with prepared statements and binary rows, the others inside their process. They parse no HTTP and write no JSON.
- Answers are compared between all systems before anything is timed; a different answer ends the run.
- The load generator shares the machine's cores with what it measures.
- *limit* is what the same machine does for the bare minimum of that work, in the same run.
";

/// The whole page.
pub(crate) fn page(runs: &[Run]) -> String {
    let mut page = INTRODUCTION.to_owned();
    about(&mut page, runs);
    goal_table(&mut page, runs);
    losses(&mut page, runs);
    for run in runs {
        tables(&mut page, run);
    }
    page
}

/// A number of events as people say it.
pub(crate) fn count(events: u64) -> String {
    match events {
        0..1_000_000 => grouped(events as f64),
        _ if events.is_multiple_of(1_000_000) => format!("{} M", events / 1_000_000),
        _ => format!("{:.1} M", events as f64 / 1e6),
    }
}

// Writing to a String cannot fail; that is why results are dropped below.

fn about(page: &mut String, runs: &[Run]) {
    let _ = writeln!(page, "\n## The runs\n");
    let machines: BTreeSet<&str> = runs.iter().map(|run| run.machine.as_str()).collect();
    for machine in machines {
        let _ = writeln!(page, "Machine: {machine}.\n");
    }
    let versions: BTreeSet<String> = runs
        .iter()
        .flat_map(|run| &run.versions)
        .map(|(system, version)| format!("{} {version}", called(system)))
        .collect();
    if !versions.is_empty() {
        let _ = writeln!(page, "Peers: {}.\n", versions.into_iter().collect::<Vec<_>>().join(", "));
    }
    let _ = writeln!(
        page,
        "| events | JSON of one | beside | measured | sources | processors used by others | JSON that the machine parses |\n|---|---|---|---|---|---|---|"
    );
    for run in runs {
        let beside: Vec<&str> = run.versions.keys().map(|system| called(system)).collect();
        let _ = writeln!(
            page,
            "| {} | {:.0} B | {} | {} | {} | {:.2} | {} |",
            count(run.events),
            run.json_bytes,
            beside.join(", "),
            run.date,
            run.commit,
            run.used_by_others,
            speed(run).map_or_else(|| "–".to_owned(), |rate| format!("{rate:.0} MB/s"))
        );
    }
    if speeds_differ(runs) {
        page.push_str(
            "\n**The machine was not as fast in all of these runs**, which the last column shows: from one run to the other only ratios compare, \
             and goals that are rates or times are harder to meet in the slower ones.\n",
        );
    }
    let noisy = runs.iter().filter(|run| run.used_by_others > OTHERS_MAX).count();
    if noisy > 0 {
        let _ = writeln!(
            page,
            "\n**{noisy} of these {} runs were made while other programs used the machine** (more than {OTHERS_MAX} of a processor in the seconds before they began): \
             times are too long and rates too low, for all systems, and not evenly. Compare with care.",
            runs.len()
        );
    }
}

fn goal_table(page: &mut String, runs: &[Run]) {
    let _ = writeln!(page, "\n## Goals\n\n| work | goal | | measured |\n|---|---|---|---|");
    for goal in goals(runs) {
        let met = match goal.met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "not measured",
        };
        let _ = writeln!(page, "| {} | {} | {met} | {} |", goal.work, goal.goal, goal.measured.join("<br>"));
    }
}

/// Where some peer is better than ours.
fn losses(page: &mut String, runs: &[Run]) {
    let _ = writeln!(page, "\n## Where we lose\n\nBy more than a tenth, to the best of the others:\n");
    for run in runs {
        let mut lost = Vec::new();
        for (key, title) in SECTIONS.iter().flat_map(|section| section.works) {
            let Some(ours) = run.find(key, OURS) else { continue };
            let best = SYSTEMS
                .iter()
                .filter(|(system, _)| *system != OURS && *system != LIMIT)
                .filter_map(|(system, called)| Some((worse(ours, run.find(key, system)?), *called)))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((factor, who)) = best.filter(|(factor, _)| *factor > LOST_SHARE) {
                lost.push(format!("{title} ({factor:.1} × {who})"));
            }
        }
        let lost = if lost.is_empty() { "nothing".to_owned() } else { lost.join("; ") };
        let _ = writeln!(page, "- {}: {lost}.", name(run));
    }
}

/// How many times worse ours is.
fn worse(ours: &Measurement, theirs: &Measurement) -> f64 {
    if is_more_better(ours.unit) { theirs.value / ours.value } else { ours.value / theirs.value }
}

const fn is_more_better(unit: Unit) -> bool {
    matches!(unit, Unit::PerSecond | Unit::MegabytesPerSecond)
}

fn tables(page: &mut String, run: &Run) {
    let _ = writeln!(page, "\n## {} events of {:.0} bytes", count(run.events), run.json_bytes);
    for section in SECTIONS {
        let works: Vec<_> = section
            .works
            .iter()
            .filter(|(key, _)| run.measurements.iter().any(|found| found.work == *key))
            .collect();
        if works.is_empty() {
            continue;
        }
        let systems: Vec<_> = SYSTEMS
            .iter()
            .filter(|(system, _)| works.iter().any(|(key, _)| run.find(key, system).is_some()))
            .collect();
        let has_peers = systems.iter().any(|(system, _)| *system != OURS && *system != LIMIT);
        let _ = writeln!(page, "\n### {}\n\n{}\n", section.title, section.text);
        let names: Vec<_> = systems.iter().map(|(_, called)| *called).collect();
        let _ = write!(page, "| | {} |", names.join(" | "));
        let _ = write!(page, "{}", if has_peers { " ours beside the best |" } else { "" });
        let _ = writeln!(page, "\n|---|{}", "---|".repeat(systems.len() + usize::from(has_peers)));
        for (key, title) in works {
            let cells: Vec<_> = systems
                .iter()
                .map(|(system, _)| run.find(key, system).map_or_else(|| "–".to_owned(), shown))
                .collect();
            let _ = write!(page, "| {title} | {} |", cells.join(" | "));
            if has_peers {
                let _ = write!(page, " {} |", beside_best(run, key));
            }
            page.push('\n');
        }
    }
    web::section(page, run);
}

/// Ours as a multiple of the best peer: of its speed, or of its time or size.
fn beside_best(run: &Run, key: &str) -> String {
    let Some(ours) = run.find(key, OURS) else { return String::new() };
    let peers = SYSTEMS.iter().filter(|(system, _)| *system != OURS && *system != LIMIT);
    let values = peers.filter_map(|(system, _)| Some(run.find(key, system)?.value));
    let best =
        if is_more_better(ours.unit) { values.max_by(f64::total_cmp) } else { values.min_by(f64::total_cmp) };
    best.map_or_else(String::new, |best| format!("{} ×", significant(ours.value / best)))
}

fn shown(found: &Measurement) -> String {
    let value = found.value;
    match found.unit {
        Unit::Milliseconds => {
            let p99 = found.p99.map_or_else(String::new, |p99| format!(" / {}", significant(p99)));
            format!("{}{p99} ms", significant(value))
        }
        Unit::Seconds => format!("{} s", significant(value)),
        Unit::PerSecond => format!("{}/s", grouped(value)),
        Unit::MegabytesPerSecond => format!("{} MB/s", significant(value)),
        Unit::BytesPerEvent => format!("{value:.0} B"),
        Unit::Mebibytes => format!("{value:.0} MiB"),
    }
}

/// How fast the machine was: megabytes of events that it parses and checks a second.
fn speed(run: &Run) -> Option<f64> {
    run.value("limit_parse", LIMIT).map(|rate| rate * run.json_bytes / 1e6)
}

/// Whether the machine was slower in one run than in another.
fn speeds_differ(runs: &[Run]) -> bool {
    let speeds = || runs.iter().filter_map(speed);
    speeds().any(|slow| speeds().any(|fast| slow * SLOWER < fast))
}

/// A number with about three digits.
pub(super) fn significant(value: f64) -> String {
    match value {
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => grouped(value),
    }
}

/// A whole number with commas.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn called(system: &str) -> &str {
    SYSTEMS.iter().find(|(key, _)| *key == system).map_or(system, |(_, called)| called)
}

#[cfg(test)]
mod tests {
    use super::{super::results::tests::empty, *};

    fn run() -> Run {
        let mut run = empty("small", 1_000_000);
        for (system, value) in [(OURS, 0.5), ("postgresql", 0.25), (LIMIT, 0.1)] {
            run.note("org_50", system, Unit::Milliseconds, value);
        }
        run.note("ingest_8", OURS, Unit::PerSecond, 123_456.0);
        run.note("ingest_8", "postgresql", Unit::PerSecond, 20_000.0);
        run
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!((significant(0.123_4), significant(12.34)), ("0.12".to_owned(), "12.3".to_owned()));
        assert_eq!((significant(1_234.4), grouped(100.0)), ("1,234".to_owned(), "100".to_owned()));
        assert_eq!((count(10_000_000), count(100_000)), ("10 M".to_owned(), "100,000".to_owned()));
    }

    #[test]
    fn rows_have_a_cell_for_every_system() {
        let page = page(&[run()]);
        assert!(
            page.contains(
                "| | Annals | PostgreSQL | limit | ours beside the best |\n|---|---|---|---|---|\n"
            ),
            "{page}"
        );
        assert!(
            page.contains("| organization, latest 50 | 0.50 ms | 0.25 ms | 0.10 ms | 2.00 × |"),
            "{page}"
        );
        assert!(page.contains("| 123,456/s | 20,000/s | 6.17 × |"), "{page}");
    }

    #[test]
    fn what_is_lost_is_said() {
        let page = page(&[run()]);
        assert!(page.contains("- 1 M 454 B: organization, latest 50 (2.0 × PostgreSQL)."), "{page}");
        assert!(page.contains("| **not met** |") && page.contains("| not measured |"), "{page}");
    }

    #[test]
    fn noise_is_said() {
        let mut noisy = run();
        assert!(!page(&[noisy.clone()]).contains("while other programs"));
        noisy.used_by_others = 0.5;
        assert!(page(&[noisy]).contains("1 of these 1 runs"));
    }

    #[test]
    fn a_machine_that_was_slower_is_told() {
        let at = |rate| {
            let mut run = run();
            run.note("limit_parse", LIMIT, Unit::PerSecond, rate);
            run
        };
        let is_told = |runs: &[Run]| page(runs).contains("was not as fast in all of these runs");
        assert!(!is_told(&[at(900_000.0), at(1_000_000.0)]));
        assert!(is_told(&[at(1_000_000.0), at(500_000.0)]));
        assert!(page(&[at(500_000.0)]).contains(&format!("| {:.0} MB/s |", run().json_bytes / 2.0)));
    }
}
