//! The page that a run writes.

use std::{fmt::Write, fs, time::Duration};

use super::{Measured, Options};

const MIB: f64 = 1024.0 * 1024.0;

pub(crate) fn page(options: &Options, runs: &[Measured]) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "# Benchmarks\n\n\
         This page is written by\n\n```sh\ncargo xtask bench --events {} --connections {} --repeat {} --write\n```\n\n\
         It builds a release binary, starts `annals serve` with its defaults on an empty directory, loads generated\n\
         events through `POST /api/v1/events` in NDJSON batches of 1,000, waits until the store is at rest (everything\n\
         sealed that is due, small segments merged), and asks through HTTP on one kept connection. Client and server share the machine.\n\
         An acknowledged event is durable (fsync), deduplicated and visible. The events are the same in every run; they have 14\n\
         filterable fields, skewed organizations, actors and targets, random UUIDs and free JSON.\n\n\
         Machine: {}.\n\n",
        options.events,
        options.connections,
        options.repeat,
        machine()
    );
    let header: Vec<_> = runs.iter().map(|run| format!("{} events", run.profile)).collect();
    let _ = writeln!(page, "| work | {} |\n|---|{}", header.join(" | "), "---|".repeat(runs.len()));
    let mut row = |name: &str, value: &dyn Fn(&Measured) -> String| {
        let cells: Vec<_> = runs.iter().map(value).collect();
        let _ = writeln!(page, "| {name} | {} |", cells.join(" | "));
    };
    row("JSON of one event, mean", &|run| format!("{:.0} B", run.json_bytes));
    row("load, acknowledged events/s", &|run| format!("{:.0}", run.load.per_second()));
    row("load, one batch of 1,000, median / p99", &|run| {
        format!("{} / {}", millis(run.load.quantile(0.5)), millis(run.load.quantile(0.99)))
    });
    row("sealing and merging still busy after the load", &|run| format!("{:.1} s", run.rest.as_secs_f64()));
    row("bytes on disk per event, all indexes and the catalog included", &|run| {
        format!("{:.0} B", run.disk_bytes as f64 / options.events as f64)
    });
    row("resident memory after the load: own + mapped files", &|run| mebibytes(run.resident_after_load));
    row("start on this data until ready", &|run| millis(run.start));
    row("resident memory after that start: own + mapped files", &|run| mebibytes(run.resident_after_restart));
    page.push_str("\nLatency of one request, median / p99:\n\n");
    let _ = writeln!(page, "| request | {} |\n|---|{}", header.join(" | "), "---|".repeat(runs.len()));
    let Some(first) = runs.first() else { return page };
    for (position, request) in first.requests.iter().enumerate() {
        let cells: Vec<_> = runs
            .iter()
            .filter_map(|run| run.requests.get(position))
            .map(|latency| format!("{} / {}", millis(latency.median), millis(latency.p99)))
            .collect();
        let _ = writeln!(page, "| {} | {} |", request.name, cells.join(" | "));
    }
    page.push_str(
        "\n`/livez` touches no store: it is what HTTP, the client and the loopback cost by themselves.\n\n\
         What these figures do not say: how other databases do on the same events, larger sizes, and single-event posts.\n\
         They are to come, side by side and in one run.\n",
    );
    page
}

fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1_000.0;
    if millis < 10.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}

fn mebibytes((own, mapped): (u64, u64)) -> String {
    format!("{:.0} + {:.0} MiB", own as f64 / MIB, mapped as f64 / MIB)
}

/// The processor, its cores and the memory, as Linux tells them.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let value = |file: &str, key: &str| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = value("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let memory = memory.map_or(String::new(), |kib| format!(", {:.0} GiB of memory", kib / 1024.0 / 1024.0));
    format!("{cores} cores ({processor}){memory}")
}
