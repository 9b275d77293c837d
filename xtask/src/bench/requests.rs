//! The requests that are measured: each one many times, with values that really occur, one connection, warm.

use std::time::{Duration, Instant};

use annals_testkit::{Profile, ServerProcess, bench_event};
use serde_json::Value;

use super::{Options, SEED, load::quantile};

/// Rounds that are not counted, so that files are mapped and caches are warm.
const WARM_UP: usize = 20;

/// The times of one kind of request.
pub(crate) struct Latency {
    pub(crate) name: String,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
}

/// One kind of request: what it is called, and its path for the n-th repetition.
type Kind = (String, Box<dyn Fn(u64) -> String>);

pub(crate) fn measure(
    server: &ServerProcess,
    options: &Options,
    profile: Profile,
) -> Result<Vec<Latency>, String> {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let mut latencies = Vec::new();
    for (name, path) in kinds(options.events, profile) {
        let mut times = Vec::with_capacity(options.repeat);
        for round in 0..WARM_UP + options.repeat {
            let url = server.url(&path(round as u64));
            let begun = Instant::now();
            let mut answer = agent
                .get(&url)
                .header("authorization", server.authorization())
                .call()
                .map_err(|error| format!("{url}: {error}"))?;
            let body = answer.body_mut().read_to_vec().map_err(|error| format!("{url}: {error}"))?;
            if round >= WARM_UP {
                times.push(begun.elapsed());
            }
            if answer.status() != 200 {
                return Err(format!("{url}: {} {}", answer.status(), String::from_utf8_lossy(&body)));
            }
        }
        times.sort_unstable();
        latencies.push(Latency { name, median: quantile(&times, 0.5), p99: quantile(&times, 0.99) });
    }
    Ok(latencies)
}

fn kinds(events: u64, profile: Profile) -> Vec<Kind> {
    // Events spread over the whole load: values of single ones are known to occur.
    let sample = move |round: u64| {
        let index = round.wrapping_mul(7_919) % events;
        serde_json::to_value(bench_event(SEED, index, profile)).unwrap_or(Value::Null)
    };
    let text = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let by = move |pointers: &'static [(&'static str, &'static str)],
                   rest: &'static str|
          -> Box<dyn Fn(u64) -> String> {
        Box::new(move |round| {
            let event = sample(round);
            let filters: Vec<_> =
                pointers.iter().map(|(name, pointer)| format!("{name}={}", text(&event, pointer))).collect();
            format!("/api/v1/events?{}&{rest}", filters.join("&"))
        })
    };
    const ORGANIZATION: (&str, &str) = ("organization", "/organization/id");
    const KIND: (&str, &str) = ("type", "/type");
    let page = 100;
    let last_page = events / page;
    vec![
        ("organization, latest 50".to_owned(), by(&[ORGANIZATION], "limit=50")),
        ("organization + type, latest 50".to_owned(), by(&[ORGANIZATION, KIND], "limit=50")),
        ("actor, latest 100".to_owned(), by(&[("actor", "/actor/id")], "limit=100")),
        ("target, latest 100".to_owned(), by(&[("target", "/target/id")], "limit=100")),
        ("everything, latest 50".to_owned(), Box::new(|_| "/api/v1/events?limit=50".to_owned())),
        ("one type, exact total".to_owned(), by(&[KIND], "limit=1&total=true")),
        ("organization + type, exact total".to_owned(), by(&[ORGANIZATION, KIND], "limit=1&total=true")),
        (
            "page 1 of 100 (Cloud Foundry, with its total)".to_owned(),
            Box::new(|_| "/v2/events?results-per-page=100&page=1".to_owned()),
        ),
        (
            format!("page {} of 100 (Cloud Foundry, with its total)", last_page / 2),
            Box::new(move |_| format!("/v2/events?results-per-page=100&page={}", last_page / 2)),
        ),
        (
            "by id".to_owned(),
            Box::new(move |round| format!("/api/v1/events/{}", text(&sample(round), "/id"))),
        ),
        (
            "organization, count by type".to_owned(),
            Box::new(move |round| {
                format!("/api/v1/fields/type?organization={}", text(&sample(round), "/organization/id"))
            }),
        ),
        ("no store: /livez".to_owned(), Box::new(|_| "/livez".to_owned())),
    ]
}
