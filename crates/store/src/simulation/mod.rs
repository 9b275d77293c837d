//! The whole store in one thread on a disk in memory, with a clock that is set: random schedules of writing, reading,
//! sealing, merging, sweeping, faults, crashes and starts, held against a list of events.
//!
//! SQLite is the real one, on the same disk. Everything follows from a seed:
//!
//! ```sh
//! ANNALS_SIM_SEED=42 cargo test -p annals-store --lib simulation::random -- --nocapture     # one schedule again
//! ANNALS_SIM_SEEDS=1000000 cargo test --release -p annals-store --lib simulation::random -- --nocapture
//! ```

mod damage;
mod machine;
mod model;
mod steps;
mod vfs;
mod world;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
};

use self::world::{Broken, Summary, simulate};

/// Schedules that a test run tries: unoptimised each takes a tenth of a second.
const SEEDS: u64 = if cfg!(debug_assertions) { 150 } else { 5_000 };

fn number_of(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn fails(seed: u64, broken: Broken) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| simulate(seed, broken, false))).err().map(|panic| said(panic.as_ref()))
}

#[test]
fn random_schedules_lose_and_repeat_nothing() {
    if let Some(seed) = number_of("ANNALS_SIM_SEED") {
        eprintln!("seed {seed}: {:?}", simulate(seed, Broken::default(), true));
        return;
    }
    let first = number_of("ANNALS_SIM_FIRST").unwrap_or(0);
    let seeds = number_of("ANNALS_SIM_SEEDS").unwrap_or(SEEDS);
    let mut sum = Summary::default();
    for seed in first..first + seeds {
        match catch_unwind(AssertUnwindSafe(|| simulate(seed, Broken::default(), false))) {
            Ok(summary) => sum.add(&summary),
            Err(panic) => panic!(
                "seed {seed}: {}\nagain: ANNALS_SIM_SEED={seed} cargo test -p annals-store --lib \
                 simulation::random -- --nocapture",
                said(panic.as_ref())
            ),
        }
    }
    eprintln!("{seeds} schedules from {first} on: {sum:?}");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        assert_eq!(simulate(seed, Broken::default(), false), simulate(seed, Broken::default(), false));
    }
}

/// Whether one of these schedules notices.
fn is_noticed(broken: Broken) -> bool {
    (0..200).any(|seed| fails(seed, broken).is_some())
}

#[test]
fn a_disk_that_lies_about_syncing_is_noticed() {
    assert!(is_noticed(Broken { syncs_lie: true, ..Broken::default() }));
}

#[test]
fn a_log_that_loses_rows_is_noticed() {
    assert!(is_noticed(Broken { lost_rows: 20, ..Broken::default() }));
}

#[test]
fn a_segment_that_is_not_listed_is_noticed() {
    assert!(is_noticed(Broken { unlisted_seals: 200, ..Broken::default() }));
}
