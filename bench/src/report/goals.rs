//! The goals, and whether the kept runs meet them.

use super::{
    results::{LIMIT, OURS, Run, Unit},
    web,
    works::title,
};

/// A goal and what was measured of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goal {
    pub(crate) work: &'static str,
    pub(crate) goal: &'static str,
    /// By run: what was measured.
    pub(crate) measured: Vec<String>,
    /// None where nothing was measured.
    pub(crate) met: Option<bool>,
}

const POSTGRESQL: &str = "postgresql";
const CLICKHOUSE: &str = "clickhouse";
/// What of the pages the goal names: one field, two of them, with a range of time.
const PAGES: [&str; 11] = [
    "org_50",
    "org_day_50",
    "actor_100",
    "target_100",
    "type_100",
    "org_type_50",
    "org_type_day_50",
    "org_2types_50",
    "actor_type_50",
    "actor_target_50",
    "target_type_50",
];
const TOTALS: [&str; 4] = ["total_type", "total_org", "total_org_type", "total_org_2types"];
const GROUPS: [&str; 5] = ["org_by_type", "all_by_type", "all_by_org", "all_by_hour", "hour_type"];

/// One thing that was looked at: what it was, and whether it was good.
type Check = (String, bool);

/// Judges the runs.
pub(crate) fn goals(runs: &[Run]) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |work, goal, check: &dyn Fn(&Run) -> Vec<Check>| {
        let checks: Vec<(String, Vec<Check>)> = runs.iter().map(|run| (name(run), check(run))).collect();
        goals.push(judged(work, goal, checks));
    };
    goal("durable bulk ingest at 454 B", "≥ 120,000 events/s on two cores", &|run| {
        let value = run.value("ingest_8", OURS).filter(|_| run.profile == "small");
        value.map(|value| (format!("{value:.0}/s"), value >= 120_000.0)).into_iter().collect()
    });
    goal("durable bulk ingest", "≥ 5 × PostgreSQL", &|run| {
        ratio(run, "ingest_8", OURS, POSTGRESQL).map(|ratio| times(ratio, 5.0)).into_iter().collect()
    });
    goal("durable bulk ingest, processor time", "≤ 10 s per million events", &|run| {
        let value = run.value("ingest_8_cpu", OURS);
        value.map(|value| (format!("{value:.1} s"), value <= 10.0)).into_iter().collect()
    });
    goal("single events, 64 connections", "≥ 10,000/s, ≥ 2 × PostgreSQL", &|run| {
        let value = run.value("posts_64", OURS).map(|value| (format!("{value:.0}/s"), value >= 10_000.0));
        let ratio = ratio(run, "posts_64", OURS, POSTGRESQL).map(|ratio| times(ratio, 2.0));
        value.into_iter().chain(ratio).collect()
    });
    goal(
        "latest 50 or 100 by organization, actor, target, type, two of them, with time range",
        "median ≤ PostgreSQL's, p99 ≤ 5 ms",
        &|run| {
            let slower = |key: &&str| {
                let ratio = ratio(run, key, OURS, POSTGRESQL)?;
                Some((format!("{}: {ratio:.2} × PostgreSQL's", title(key)), ratio <= 1.0))
            };
            let late = |key: &&str| {
                let p99 = run.find(key, OURS)?.p99?;
                Some((format!("{}: p99 {p99:.1} ms", title(key)), p99 <= 5.0))
            };
            PAGES.iter().filter_map(slower).chain(PAGES.iter().filter_map(late)).collect()
        },
    );
    goal("exact total of one or two terms", "≤ 1 ms, and at 10 M ≥ 50 × PostgreSQL", &|run| {
        let late = |key: &&str| {
            let value = run.value(key, OURS)?;
            Some((format!("{}: {value:.2} ms", title(key)), value <= 1.0))
        };
        let slow = |key: &&str| {
            let ratio = ratio(run, key, POSTGRESQL, OURS).filter(|_| run.events >= 10_000_000)?;
            Some((format!("{}: {ratio:.0} × PostgreSQL", title(key)), ratio >= 50.0))
        };
        TOTALS.iter().filter_map(late).chain(TOTALS.iter().filter_map(slow)).collect()
    });
    goal("page 1,000", "≤ 1.2 × page 1", &|run| {
        let (Some(deep), Some(first)) = (run.value("page_1000", OURS), run.value("page_1", OURS)) else {
            return Vec::new();
        };
        vec![(format!("{:.2} ×", deep / first), deep <= 1.2 * first)]
    });
    goal("bytes an event on disk, compacted", "≤ ClickHouse with ZSTD(1)", &|run| {
        let (Some(ours), Some(theirs)) = (run.value("disk", OURS), run.value("disk", CLICKHOUSE)) else {
            return Vec::new();
        };
        vec![(format!("{ours:.0} B, ClickHouse {theirs:.0} B"), ours <= theirs)]
    });
    goal("groups by field, by hour", "≥ ClickHouse's speed", &|run| {
        let slower = |key: &&str| {
            let ratio = ratio(run, key, OURS, CLICKHOUSE)?;
            Some((format!("{}: {ratio:.2} × ClickHouse's time", title(key)), ratio <= 1.0))
        };
        GROUPS.iter().filter_map(slower).collect()
    });
    goal("pages of 50 over HTTP", "≥ 0.5 × fixed answers of the same size", &|run| {
        ratio(run, "page_rate", OURS, LIMIT).map(|ratio| times(ratio, 0.5)).into_iter().collect()
    });
    goal("export", "≥ 500 MB/s per core, or half of the limit", &|run| {
        let core = run.value("export_core", OURS);
        let share = ratio(run, "export", OURS, LIMIT).unwrap_or_default();
        core.map(|core| {
            let shown = format!("{core:.0} MB/s per core, {share:.2} × the limit");
            (shown, core >= 500.0 || share >= 0.5)
        })
        .into_iter()
        .collect()
    });
    goal("own memory", "≤ 300 MB while loading 10 M, ≤ 100 MB idle", &|run| {
        let most = |work, limit: f64| {
            let value = run.find(work, OURS).filter(|found| found.unit == Unit::Mebibytes)?.value * 1.048_576;
            Some((format!("{}: {value:.0} MB", title(work)), value <= limit))
        };
        let loading = most("memory_load", 300.0).filter(|_| run.events >= 10_000_000);
        loading.into_iter().chain(most("memory_idle", 100.0)).collect()
    });
    goal(
        "the web page's first view of 10 M events, all its requests",
        "≤ 300 ms, also the first time",
        &|run| {
            let most = |what: &str, work: String| {
                let value = run.value(&work, OURS).filter(|_| run.events >= 10_000_000)?;
                Some((format!("{what}: {value:.0} ms"), value <= 300.0))
            };
            let warm = most("median", web::at_once(web::FIRST_VIEW));
            warm.into_iter().chain(most("the first time", web::first_time(web::FIRST_VIEW))).collect()
        },
    );
    goal("start", "ready ≤ 0.5 s, after kill -9 under load ≤ 2 s", &|run| {
        let most = |work, limit: f64| {
            let value = run.value(work, OURS)?;
            Some((format!("{}: {value:.0} ms", title(work)), value <= limit))
        };
        most("start_clean", 500.0).into_iter().chain(most("start_killed", 2_000.0)).collect()
    });
    goal("pages and batches while the store seals", "p99 ≤ 2 × p99 without", &|run| {
        let pair = |busy, calm| {
            let (busy, calm) = (run.find(busy, OURS)?.p99?, run.find(calm, OURS)?.p99?);
            Some((busy, calm))
        };
        let shown = |what: &str, (busy, calm): (f64, f64)| {
            (format!("{what}: {busy:.1} ms, without {calm:.1} ms"), busy <= 2.0 * calm)
        };
        let read = pair("mixed_read_sealing", "mixed_read_idle").map(|pair| shown("a page", pair));
        let write = pair("mixed_write_sealing", "mixed_write").map(|pair| shown("a batch", pair));
        read.into_iter().chain(write).collect()
    });
    let grown: Vec<(String, Vec<Check>)> = runs.iter().map(|run| (name(run), growth(run, runs))).collect();
    goals.push(judged("growth: pages and totals at 10 M", "≤ 1.5 × those at 1 M", grown));
    goals
}

/// Pages and totals of a run of 10 M beside those of 1 M.
fn growth(run: &Run, runs: &[Run]) -> Vec<Check> {
    let mut others = runs.iter().filter(|other| other.profile == run.profile);
    let Some(small) = others.find(|other| other.events * 10 == run.events) else { return Vec::new() };
    let grown = |key: &&str| {
        let ratio = run.value(key, OURS)? / small.value(key, OURS)?;
        Some((format!("{}: {ratio:.2} ×", title(key)), ratio <= 1.5))
    };
    PAGES.iter().chain(&TOTALS).filter_map(grown).collect()
}

/// Puts a goal together: what is not met is named, of what is met only how much it is.
fn judged(work: &'static str, goal: &'static str, runs: Vec<(String, Vec<Check>)>) -> Goal {
    let mut measured = Vec::new();
    let mut met = None;
    for (run, checks) in runs.into_iter().filter(|(_, checks)| !checks.is_empty()) {
        let missed: Vec<&str> =
            checks.iter().filter(|(_, good)| !good).map(|(what, _)| what.as_str()).collect();
        met = Some(met.unwrap_or(true) && missed.is_empty());
        let good = checks.len() - missed.len();
        let shown = match (missed.is_empty(), checks.len()) {
            (_, 1) => checks[0].0.clone(),
            (true, 2) => format!("{}; {}", checks[0].0, checks[1].0),
            (true, all) => format!("all {all}"),
            (false, all) => format!("{good} of {all}; not {}", missed.join("; ")),
        };
        measured.push(format!("{run}: {shown}"));
    }
    Goal { work, goal, measured, met }
}

/// What a run is called in the table of goals.
pub(crate) fn name(run: &Run) -> String {
    format!("{} {}", super::page::count(run.events), if run.profile == "small" { "454 B" } else { "1,017 B" })
}

/// How often one value goes into another.
fn ratio(run: &Run, work: &str, of: &str, beside: &str) -> Option<f64> {
    Some(run.value(work, of)? / run.value(work, beside)?)
}

fn times(ratio: f64, at_least: f64) -> Check {
    (format!("{ratio:.2} ×"), ratio >= at_least)
}

#[cfg(test)]
mod tests {
    use super::{super::results::tests::empty, *};

    fn find(runs: &[Run], work: &str) -> Goal {
        goals(runs).into_iter().find(|goal| goal.work == work).unwrap()
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert!(goals(&[empty("small", 1_000_000)]).iter().all(|goal| goal.met.is_none()));
    }

    #[test]
    fn one_bad_run_is_enough_to_miss() {
        let run = |profile, ours, theirs| {
            let mut run = empty(profile, 1_000_000);
            run.note("ingest_8", OURS, Unit::PerSecond, ours);
            run.note("ingest_8", POSTGRESQL, Unit::PerSecond, theirs);
            run
        };
        let runs = [run("small", 150_000.0, 20_000.0), run("large", 60_000.0, 20_000.0)];
        let goal = find(&runs, "durable bulk ingest");
        assert_eq!(goal.met, Some(false));
        assert_eq!(goal.measured, ["1 M 454 B: 7.50 ×", "1 M 1,017 B: 3.00 ×"]);
        // This one is about small events alone.
        assert_eq!(find(&runs, "durable bulk ingest at 454 B").met, Some(true));
    }

    #[test]
    fn growth_needs_both_sizes() {
        let run = |events, millis| {
            let mut run = empty("small", events);
            run.note("org_50", OURS, Unit::Milliseconds, millis);
            run
        };
        let work = "growth: pages and totals at 10 M";
        assert_eq!(find(&[run(10_000_000, 9.0)], work).met, None);
        assert_eq!(find(&[run(1_000_000, 1.0), run(10_000_000, 1.4)], work).met, Some(true));
        assert_eq!(find(&[run(1_000_000, 1.0), run(10_000_000, 1.6)], work).met, Some(false));
    }

    #[test]
    fn what_is_missed_is_named() {
        let goal = judged(
            "w",
            "g",
            vec![(
                "1 M".to_owned(),
                vec![("a".to_owned(), true), ("b".to_owned(), false), ("c".to_owned(), true)],
            )],
        );
        assert_eq!(goal.measured, ["1 M: 2 of 3; not b"]);
    }
}
