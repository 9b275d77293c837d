//! Pages a second over several connections, beside a fixed answer of the same size.

use std::time::{Duration, Instant};

use annals_testkit::Profile;

use super::{ours, queries::queries, threads::on_connections};
use crate::{
    data::Sample,
    report::results::{LIMIT, OURS, Run, Unit},
    systems::{
        annals::{Annals, success},
        fixed::Fixed,
    },
};

/// Different pages that are asked for.
const SAMPLES: u64 = 50;
const CONNECTIONS: usize = 8;
/// Seconds of one round.
const ROUND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 3;

pub(crate) fn measure(annals: &Annals, fixed: &Fixed, profile: Profile, run: &mut Run) -> Result<(), String> {
    let queries = queries(profile, run.events);
    let query = queries.iter().find(|query| query.key == "org_50").ok_or("there is no page of 50")?;
    let samples: Vec<Sample> = (0..SAMPLES).map(|n| Sample::of(n, run.events, profile)).collect();
    let mut connection = annals.connect()?;
    let mut paths = Vec::new();
    for sample in &samples {
        let size = ours::ask(&mut connection, query, sample)?.bytes;
        paths.push((sample.path(&query.path)?, Fixed::path(size)));
    }
    let (mut ours, mut limit) = (0, 0);
    for _ in 0..ROUNDS {
        ours += round(&annals.door()?, &paths, |(path, _)| path)?;
        limit += round(&fixed.door(), &paths, |(_, path)| path)?;
    }
    let seconds = ROUND.as_secs_f64() * ROUNDS as f64;
    run.note("page_rate", OURS, Unit::PerSecond, ours as f64 / seconds);
    run.note("page_rate", LIMIT, Unit::PerSecond, limit as f64 / seconds);
    println!("bench:   pages of 50: {ours} in {seconds} s, fixed answers: {limit}");
    Ok(())
}

fn round(
    door: &crate::systems::annals::Door,
    paths: &[(String, String)],
    choose: impl Fn(&(String, String)) -> &String + Sync,
) -> Result<usize, String> {
    let end = Instant::now() + ROUND;
    let (_, done) = on_connections(door, CONNECTIONS, |connection| {
        let mut done = Vec::new();
        for path in paths.iter().map(&choose).cycle() {
            if Instant::now() >= end {
                break;
            }
            success(connection.get(path)?, path)?;
            done.push(());
        }
        Ok(done)
    })?;
    Ok(done.len())
}
