//! Metrics, in the OpenMetrics text format that Prometheus reads. Their names are part of the interface:
//! `docs/api.md` lists them. No label ever holds what a client can make up.

use std::{fmt, sync::Weak, time::Duration};

use annals_store::Status;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};

use crate::{app::App, limits::BODY_UNIT_BYTES};

/// The media type of [`Metrics::render`].
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of request durations, in seconds.
const DURATION_SECONDS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    refusals: Family<CauseLabels, Counter>,
    accepted: Counter,
    duplicates: Counter,
    rejected: Family<CauseLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    /// The class of the status, as in `2xx`; `none` when the client went away first.
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

/// Why an event was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// It breaks a rule.
    Invalid,
    /// Its writer may not write it.
    Forbidden,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("annals");
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        );
        let requests = Family::default();
        registry.register("http_requests", "Requests that are over", requests.clone());
        let durations =
            Family::<RouteLabels, Histogram>::new_with_constructor(|| Histogram::new(DURATION_SECONDS));
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's headers to the last byte of its answer",
            Unit::Seconds,
            durations.clone(),
        );
        let refusals = Family::default();
        registry.register("http_refusals", "Requests answered with a problem, by cause", refusals.clone());
        let accepted = Counter::default();
        registry.register("events_accepted", "Events that were stored", accepted.clone());
        let duplicates = Counter::default();
        registry.register("events_duplicate", "Events that had been stored before", duplicates.clone());
        let rejected = Family::default();
        registry.register("events_rejected", "Events that were not stored, by cause", rejected.clone());
        Self { registry, requests, durations, refusals, accepted, duplicates, rejected }
    }

    /// Adds what the store says about itself. `app` is weak because it holds these metrics itself.
    pub(crate) fn watch_store(&mut self, app: Weak<App>) {
        self.registry.register_collector(Box::new(StoreCollector { app }));
    }

    pub(crate) fn request(&self, method: &str, route: &str, status: u16, elapsed: Duration) {
        let status = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "none",
        };
        let (method, route) = (method.to_owned(), route.to_owned());
        let labels = RouteLabels { method: method.clone(), route: route.clone() };
        self.durations.get_or_create(&labels).observe(elapsed.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    }

    pub(crate) fn refused(&self, cause: &'static str) {
        self.refusals.get_or_create(&CauseLabels { cause }).inc();
    }

    pub(crate) fn recorded(&self, accepted: u64, duplicates: u64) {
        self.accepted.inc_by(accepted);
        self.duplicates.inc_by(duplicates);
    }

    pub(crate) fn rejected(&self, cause: Rejection, events: usize) {
        if events == 0 {
            return;
        }
        let cause = match cause {
            Rejection::Invalid => "invalid",
            Rejection::Forbidden => "forbidden",
        };
        self.rejected.get_or_create(&CauseLabels { cause }).inc_by(events as u64);
    }

    /// All of it as text.
    pub(crate) fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Asks the store and counts what is in progress at the time of each reading.
struct StoreCollector {
    app: Weak<App>,
}

impl fmt::Debug for StoreCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreCollector")
    }
}

impl Collector for StoreCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(app) = self.app.upgrade() else { return Ok(()) };
        let requests = app.limits.requests_max.saturating_sub(app.requests.available_permits());
        let bodies = app.limits.body_units().saturating_sub(app.bodies.available_permits()) * BODY_UNIT_BYTES;
        gauge("http_requests_in_progress", "Requests in progress", None, requests as u64, &mut encoder)?;
        let followers = app.limits.streams_max.saturating_sub(app.streams.available_permits());
        gauge("followers", "Streams that are open", None, followers as u64, &mut encoder)?;
        gauge("http_bodies", "Memory taken by bodies", Some(&Unit::Bytes), bodies as u64, &mut encoder)?;
        store_gauges(&app.store.status(), &mut encoder)
    }
}

fn gauge(
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: u64,
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let gauge = ConstGauge::<i64>::new(i64::try_from(value).unwrap_or(i64::MAX));
    gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
}

fn store_gauges(status: &Status, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let counters = &status.counters;
    let gauges = [
        ("store_events", "Events in the store", None, status.events),
        ("store_segments", "Segment files", None, status.segments),
        ("store_segment", "Size of the segment files", Some(Unit::Bytes), status.segment_bytes),
        ("store_tail_events", "Events that are in no segment yet", None, status.tail_events),
        ("store_tail", "Size of those in memory, without indexes", Some(Unit::Bytes), status.tail_bytes),
        ("store_frozen_parts", "Full tails that wait to become segments", None, status.frozen_parts),
        ("store_log_batches", "Groups in the log that are in no segment yet", None, status.log_batches),
        ("store_log", "Size of those", Some(Unit::Bytes), status.log_bytes),
        ("store_queue_events", "Events that wait to be written", None, status.queue_events),
        ("store_queue", "Size of those", Some(Unit::Bytes), status.queue_bytes),
        ("store_refusing", "1 while the store refuses to write", None, u64::from(status.refusing.is_some())),
    ];
    for (name, help, unit, value) in gauges {
        gauge(name, help, unit.as_ref(), value, encoder)?;
    }
    let seconds = [
        ("store_commit_last", "Duration of the last commit", counters.commit_us_last),
        ("store_seal_last", "Duration of the last seal", counters.seal_us_last),
        ("store_merge_last", "Duration of the last merge", counters.merge_us_last),
    ];
    for (name, help, micros) in seconds {
        let gauge = ConstGauge::<f64>::new(Duration::from_micros(micros).as_secs_f64());
        gauge.encode(encoder.encode_descriptor(name, help, Some(&Unit::Seconds), gauge.metric_type())?)?;
    }
    let totals = [
        ("store_commits", "Groups of batches committed", counters.groups),
        ("store_overloads", "Batches refused because too much waited", counters.overloads),
        ("store_seals", "Tails that became segments", counters.seals),
        ("store_merges", "Merges of segments", counters.merges),
        ("store_failures", "Seals and merges that failed and were tried again", counters.failures),
    ];
    for (name, help, value) in totals {
        let counter = ConstCounter::<u64>::new(value);
        counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
    }
    Ok(())
}
