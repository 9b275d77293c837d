//! Loading: NDJSON batches over several connections. Only the sending is timed; the events are made beforehand, a slice
//! at a time, so that the generator's work is not counted as the server's.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use annals_testkit::{Profile, ServerProcess, bench_event};

use super::{Options, SEED};

/// Events of one request.
const BATCH_EVENTS: u64 = 1_000;
/// Events that are made before they are sent.
const SLICE_EVENTS: u64 = 100_000;

/// How the load went.
pub(crate) struct Load {
    events: u64,
    sending: Duration,
    /// Times of single requests, sorted.
    requests: Vec<Duration>,
}

impl Load {
    /// Acknowledged events a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.events as f64 / self.sending.as_secs_f64()
    }

    /// The request time that this share of requests stayed within.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        quantile(&self.requests, share)
    }
}

/// The value that `share` of sorted values stay within.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

/// Loads the events; also gives the mean bytes of an event's JSON.
pub(crate) fn run(
    server: &ServerProcess,
    options: &Options,
    profile: Profile,
) -> Result<(Load, f64), String> {
    let mut load = Load { events: 0, sending: Duration::ZERO, requests: Vec::new() };
    let mut json_bytes = 0;
    while load.events < options.events {
        let slice = SLICE_EVENTS.min(options.events - load.events);
        let batches = make(load.events, slice, profile)?;
        json_bytes += batches.iter().map(Vec::len).sum::<usize>();
        let begun = Instant::now();
        let mut times = send(server, options.connections, &batches)?;
        load.sending += begun.elapsed();
        load.requests.append(&mut times);
        load.events += slice;
    }
    load.requests.sort_unstable();
    let mean = json_bytes as f64 / load.events as f64;
    Ok((load, mean))
}

fn make(first: u64, events: u64, profile: Profile) -> Result<Vec<Vec<u8>>, String> {
    let mut batches = Vec::new();
    for batch in 0..events.div_ceil(BATCH_EVENTS) {
        let mut body = Vec::new();
        for index in batch * BATCH_EVENTS..events.min((batch + 1) * BATCH_EVENTS) {
            let event = bench_event(SEED, first + index, profile);
            serde_json::to_writer(&mut body, &event)
                .map_err(|error| format!("an event has no JSON: {error}"))?;
            body.push(b'\n');
        }
        batches.push(body);
    }
    Ok(batches)
}

/// Sends every batch once over so many connections; gives the time of each request.
fn send(server: &ServerProcess, connections: usize, batches: &[Vec<u8>]) -> Result<Vec<Duration>, String> {
    let next = AtomicUsize::new(0);
    let times = Mutex::new(Vec::with_capacity(batches.len()));
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    let outcome = post(&agent, server, batch);
                    let mut slot = failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match outcome {
                        Ok(()) => times
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .push(begun.elapsed()),
                        Err(error) => {
                            slot.get_or_insert(error);
                            return;
                        }
                    }
                    if slot.is_some() {
                        return;
                    }
                }
            });
        }
    });
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(times.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)),
    }
}

/// Sends one batch, again and again while the server says that it is overloaded.
fn post(agent: &ureq::Agent, server: &ServerProcess, batch: &[u8]) -> Result<(), String> {
    loop {
        let mut answer = agent
            .post(server.url("/api/v1/events"))
            .header("authorization", server.authorization())
            .header("content-type", "application/x-ndjson")
            .send(batch)
            .map_err(|error| format!("load: {error}"))?;
        let body = answer.body_mut().read_to_string().map_err(|error| format!("load: {error}"))?;
        match answer.status().as_u16() {
            200 if body.contains("\"rejected\":[]") => return Ok(()),
            429 => thread::sleep(Duration::from_millis(20)),
            status => return Err(format!("load: the server answered {status}: {body}")),
        }
    }
}
