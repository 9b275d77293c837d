//! Questions: all systems in turn, the same question with the same values, many times. Before anything is timed every answer is
//! compared; a system that answers otherwise ends the run.

use std::time::{Duration, Instant};

use annals_testkit::Profile;

use super::{
    ours,
    queries::{Query, Shape, queries},
};
use crate::{
    data::Sample,
    report::results::{LIMIT, OURS, Run},
    systems::{
        annals::{Annals, success},
        fixed::Fixed,
        peer::{Peer, Rows},
    },
};

/// Different values that each question is asked with.
const SAMPLES: u64 = 40;
/// How often each system is asked at most.
const TIMES_MAX: usize = 400;
/// How often at least.
const TIMES_MIN: usize = 5;
/// How long each system may take for one question with all its repetitions; beyond it, only [`TIMES_MIN`] are made.
const BUDGET: Duration = Duration::from_secs(2);
/// Comparisons of a peer's answers that are made even when they take longer.
const COMPARED_MIN: usize = 2;

/// Times of one system.
#[derive(Default)]
struct Times {
    all: Vec<Duration>,
    spent: Duration,
}

impl Times {
    fn wants_more(&self) -> bool {
        self.all.len() < TIMES_MIN || (self.all.len() < TIMES_MAX && self.spent < BUDGET)
    }

    fn add(&mut self, took: Duration) {
        self.all.push(took);
        self.spent += took;
    }
}

pub(crate) fn measure(
    annals: &Annals,
    fixed: &Fixed,
    peers: &mut [Box<dyn Peer>],
    profile: Profile,
    only: Option<&str>,
    run: &mut Run,
) -> Result<(), String> {
    let (mut connection, mut bare) = (annals.connect()?, fixed.door().open()?);
    for query in queries(profile, run.events) {
        if only.is_some_and(|only| only != "reads" && only != query.key) {
            continue;
        }
        let begun = Instant::now();
        let has_values = query.path.contains(':');
        let samples: Vec<Sample> =
            (0..if has_values { SAMPLES } else { 1 }).map(|n| Sample::of(n, run.events, profile)).collect();
        let mut sizes = Vec::new();
        for sample in &samples {
            ours::answer(&mut connection, &query, sample)?;
            sizes.push(ours::ask(&mut connection, &query, sample)?.bytes);
        }
        for peer in peers.iter_mut() {
            let begun = Instant::now();
            for (n, sample) in samples.iter().enumerate() {
                if n >= COMPARED_MIN && begun.elapsed() > BUDGET {
                    break;
                }
                let expected = ours::answer(&mut connection, &query, sample)?;
                let answer = peer.answer(&query, sample)?;
                compare(&query, expected, answer, peer.key(), sample)?;
            }
        }
        let mut all: Vec<Times> = (0..peers.len() + 2).map(|_| Times::default()).collect();
        let mut turn = 0;
        while all.iter().any(Times::wants_more) {
            let place = turn % samples.len();
            let (sample, size) = (&samples[place], sizes[place]);
            for (who, times) in all.iter_mut().enumerate().filter(|(_, times)| times.wants_more()) {
                let took = match who {
                    0 => ours::ask(&mut connection, &query, sample)?.took,
                    1 => {
                        let path = Fixed::path(size);
                        let answer = bare.get(&path)?;
                        let took = answer.took;
                        success(answer, &path)?;
                        took
                    }
                    _ => peers[who - 2].ask(&query, sample)?,
                };
                times.add(took);
            }
            turn += 1;
        }
        let mut shown = Vec::new();
        for (who, times) in all.into_iter().enumerate() {
            let system = match who {
                0 => OURS,
                1 => LIMIT,
                _ => peers[who - 2].key(),
            };
            run.note_times(query.key, system, times.all);
            let median = run.value(query.key, system).unwrap_or_default();
            shown.push(format!("{system} {median:.2} ms"));
        }
        println!("bench:   {}: {} ({:.0} s)", query.key, shown.join(", "), begun.elapsed().as_secs_f64());
    }
    Ok(())
}

fn compare(
    query: &Query,
    mut ours: Rows,
    mut theirs: Rows,
    peer: &str,
    sample: &Sample,
) -> Result<(), String> {
    if matches!(query.shape, Shape::Groups | Shape::Hours | Shape::HoursByType) {
        ours.sort_unstable();
        theirs.sort_unstable();
    }
    if ours == theirs {
        return Ok(());
    }
    let place = ours.iter().zip(&theirs).take_while(|(mine, other)| mine == other).count();
    Err(format!(
        "WRONG ANSWER: {}: annals gives {} rows, {peer} {}; row {place} is {:?} and {:?}; asked {}",
        query.key,
        ours.len(),
        theirs.len(),
        ours.get(place),
        theirs.get(place),
        sample.path(&query.path)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[&str]) -> Rows {
        text.iter().map(|value| vec![(*value).to_owned()]).collect()
    }

    #[test]
    fn order_counts_for_pages_and_not_for_groups() {
        let sample = Sample::of(0, 10, Profile::Small454);
        let all = queries(Profile::Small454, 1_000);
        let query = |shape| all.iter().find(|query| query.shape == shape).unwrap();
        let same =
            |shape, theirs: &[&str]| compare(query(shape), rows(&["a", "b"]), rows(theirs), "peer", &sample);
        assert_eq!(same(Shape::Events, &["a", "b"]), Ok(()));
        assert_eq!(same(Shape::Groups, &["b", "a"]), Ok(()));
        for (shape, theirs) in
            [(Shape::Events, &["b", "a"][..]), (Shape::Groups, &["a"]), (Shape::Events, &["a"])]
        {
            assert!(same(shape, theirs).unwrap_err().contains("WRONG ANSWER"), "{shape:?}");
        }
    }

    #[test]
    fn slow_systems_are_asked_less_often() {
        let mut times = Times::default();
        for _ in 0..TIMES_MIN {
            assert!(times.wants_more());
            times.add(BUDGET);
        }
        assert!(!times.wants_more());
    }
}
