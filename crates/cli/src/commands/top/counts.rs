//! What `annals top` shows, asked of the server's facets and histogram.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    client::Client,
    commands::walk::{Question, not_ours},
    failure::Failure,
};

/// Seconds over which rates are taken: now, the last minute, the last hour.
const RATE_SECONDS: [u64; 3] = [10, 60, 3_600];
/// Buckets of the line over time.
const BUCKETS: u64 = 60;
/// Outcomes, of which there are four.
const OUTCOMES: usize = 4;
const FAILURE: &str = "failure";

/// How many events, by what.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    pub(super) window_seconds: u64,
    /// Of the window.
    pub(super) events: u64,
    pub(super) failures: u64,
    /// The shortest first.
    pub(super) rates: Vec<Rate>,
    pub(super) actors: Vec<Count>,
    pub(super) targets: Vec<Count>,
    pub(super) types: Vec<Count>,
    /// Types among the failures.
    pub(super) failing_types: Vec<Count>,
    /// Of equal buckets, the oldest first; together they may be somewhat longer than the window.
    pub(super) timeline: Vec<u64>,
    pub(super) timeline_bucket_seconds: u64,
}

/// How many events in the last seconds.
#[derive(Debug, Serialize)]
pub(super) struct Rate {
    pub(super) seconds: u64,
    pub(super) events: u64,
    pub(super) failures: u64,
    pub(super) per_second: f64,
}

/// How often a value occurs; nothing is what events have that do not have the field.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Count {
    pub(super) value: Option<String>,
    pub(super) count: u64,
}

#[derive(Deserialize)]
struct FacetList {
    total: u64,
    facets: Vec<Facet>,
}

#[derive(Deserialize)]
struct Facet {
    field: String,
    values: Vec<Count>,
}

impl FacetList {
    fn take(&mut self, field: &str) -> Vec<Count> {
        let found = self.facets.iter_mut().find(|facet| facet.field == field);
        found.map(|facet| std::mem::take(&mut facet.values)).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Histogram {
    width_seconds: u64,
    buckets: Vec<Bucket>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Deserialize)]
struct Bucket {
    from: String,
    count: u64,
}

/// Asks all of it.
///
/// # Errors
/// When an answer cannot be had.
pub(super) fn ask(
    client: &Client,
    question: &Question,
    window: Duration,
    rows: usize,
    ids: bool,
) -> Result<Counts, Failure> {
    let [actor, target] = if ids { ["actor.id", "target.id"] } else { ["actor.name", "target.name"] };
    let window_seconds = window.as_secs();
    let within = question.clone().also(&since(window_seconds));
    // Outcomes are counted whole, however few rows are shown.
    let mut all = facets(client, &within, &[actor, target, "type", "outcome"], rows.max(OUTCOMES))?;
    let failing = within.clone().also("outcome:failure");
    let mut failing = facets(client, &failing, &["type"], rows)?;
    let rates = RATE_SECONDS.map(|seconds| rate(client, question, seconds));
    let rates = rates.into_iter().collect::<Result<Vec<_>, _>>()?;
    let histogram: Histogram =
        get(client, &within.clone().and("buckets", BUCKETS.to_string()).path("/api/v1/histogram"))?;
    let first = |mut counts: Vec<Count>| {
        counts.truncate(rows);
        counts
    };
    Ok(Counts {
        window_seconds,
        events: all.total,
        failures: failures(&all.take("outcome")),
        rates,
        actors: first(all.take(actor)),
        targets: first(all.take(target)),
        types: first(all.take("type")),
        failing_types: first(failing.take("type")),
        timeline: timeline(&histogram),
        timeline_bucket_seconds: histogram.width_seconds,
    })
}

/// The last seconds, by the server's clock.
fn since(seconds: u64) -> String {
    format!("time:-{seconds}s..now")
}

fn rate(client: &Client, question: &Question, seconds: u64) -> Result<Rate, Failure> {
    let mut list = facets(client, &question.clone().also(&since(seconds)), &["outcome"], OUTCOMES)?;
    Ok(Rate {
        seconds,
        events: list.total,
        failures: failures(&list.take("outcome")),
        per_second: list.total as f64 / seconds as f64,
    })
}

fn failures(outcomes: &[Count]) -> u64 {
    let failure = outcomes.iter().find(|outcome| outcome.value.as_deref() == Some(FAILURE));
    failure.map_or(0, |failure| failure.count)
}

fn facets(client: &Client, question: &Question, fields: &[&str], limit: usize) -> Result<FacetList, Failure> {
    let question = question.clone().and("limit", limit.to_string());
    let question = fields.iter().fold(question, |question, field| question.and("field", (*field).to_owned()));
    get(client, &question.path("/api/v1/facets"))
}

fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, Failure> {
    let answer = client.get(path)?.map_err(|refusal| Failure::Refused(refusal.to_string()))?;
    serde_json::from_slice(&answer).map_err(|error| not_ours(&error))
}

/// Every bucket from the first instant to the last, also those that are empty.
fn timeline(histogram: &Histogram) -> Vec<u64> {
    let seconds =
        |text: &str| annals_model::Timestamp::parse(text).ok().map(annals_model::Timestamp::seconds);
    let width = i64::try_from(histogram.width_seconds).unwrap_or(i64::MAX).max(1);
    let bound = |text: &Option<String>| text.as_deref().and_then(seconds);
    let (Some(from), Some(to)) = (bound(&histogram.from), bound(&histogram.to)) else { return Vec::new() };
    let first = from.div_euclid(width);
    let count = to.div_euclid(width).saturating_sub(first).saturating_add(1);
    // The server gives no more than were asked for; one more where the ends fall into two.
    let count = usize::try_from(count).unwrap_or_default().min(BUCKETS as usize + 1);
    let mut line = vec![0; count];
    for bucket in &histogram.buckets {
        let place = seconds(&bucket.from).map(|from| from.div_euclid(width) - first);
        if let Some(slot) = place.and_then(|place| usize::try_from(place).ok()).and_then(|p| line.get_mut(p))
        {
            *slot = bucket.count;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_buckets_have_their_place() {
        let bucket = |from: &str, count| Bucket { from: from.to_owned(), count };
        let histogram = Histogram {
            width_seconds: 60,
            from: Some("2026-03-01T10:00:30Z".to_owned()),
            to: Some("2026-03-01T10:03:30Z".to_owned()),
            buckets: vec![bucket("2026-03-01T10:00:00Z", 3), bucket("2026-03-01T10:03:00Z", 1)],
        };
        assert_eq!(timeline(&histogram), [3, 0, 0, 1]);
        assert!(timeline(&Histogram { from: None, to: None, buckets: Vec::new(), ..histogram }).is_empty());
    }
}
