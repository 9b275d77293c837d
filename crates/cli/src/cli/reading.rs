//! The arguments of the commands that read events.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum, ValueHint};

use crate::{
    connection::Connection,
    instant,
    output::{Format, When},
};

/// The shortest time between two drawings of `annals top`, in seconds.
const INTERVAL_SECONDS_MIN: f64 = 0.2;
/// The longest.
const INTERVAL_SECONDS_MAX: f64 = 3_600.0;

/// The most events that are held to begin with the newest.
const LAST_EVENTS_MAX: u64 = 10_000;
/// The part of the help about how things are written.
const OUTPUT: &str = "Output";

/// Which events.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Which events")]
pub(crate) struct Selection {
    /// A search, as in 'actor:alice -origin:CONSOLE time:-7d'; flags select further. One that begins with a minus goes
    /// behind `--`. The language is described in docs/search.md
    #[arg(value_name = "SEARCH", help_heading = None::<&str>)]
    pub(crate) search: Vec<String>,
    /// Source, as in `cloudfoundry` or `cloudfoundry/eu10`
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Vec<String>,
    /// The source's own name of what happened, as in `audit.app.create`
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Vec<String>,
    /// Verb, as in `create`
    #[arg(long, value_name = "VERB")]
    pub(crate) action: Vec<String>,
    /// How it ended: success, failure, pending or unknown
    #[arg(long, value_name = "OUTCOME", value_parser = ["success", "failure", "pending", "unknown"])]
    pub(crate) outcome: Vec<String>,
    /// Tenant, by id
    #[arg(long, visible_alias = "org", value_name = "ID")]
    pub(crate) organization: Vec<String>,
    /// Project, by id
    #[arg(long, value_name = "ID")]
    pub(crate) project: Vec<String>,
    /// Environment, by id
    #[arg(long, value_name = "ID")]
    pub(crate) environment: Vec<String>,
    /// Who did it, by id
    #[arg(long, value_name = "ID")]
    pub(crate) actor: Vec<String>,
    /// What it was done to, by id
    #[arg(long, value_name = "ID")]
    pub(crate) target: Vec<String>,
    /// Any other field, as in `target.name=payments` or `labels.profile_id=7`
    #[arg(long = "filter", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub(crate) filters: Vec<(String, String)>,
    /// Zone of dates and times in the search that name none, as in `+02:00`
    #[arg(long, value_name = "OFFSET", default_value = "Z", value_parser = utc_offset, allow_hyphen_values = true)]
    pub(crate) utc_offset: String,
    /// Words that all occur in the event
    #[arg(long, value_name = "WORDS")]
    pub(crate) text: Option<String>,
}

/// From when to when.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Which events")]
pub(crate) struct Times {
    /// First instant: RFC 3339, a date, `now`, or so long ago (90s, 15m, 24h, 7d, 4w)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// First instant that no longer belongs to it
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

fn utc_offset(text: &str) -> Result<String, String> {
    match annals_model::search::Moment::offset_of(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("must be Z, or hours and minutes, as in +02:00".to_owned()),
    }
}

fn field_and_value(text: &str) -> Result<(String, String), String> {
    let Some((field, value)) = text.split_once('=') else {
        return Err("must be FIELD=VALUE, as in target.name=payments".to_owned());
    };
    match field.parse::<annals_model::Field>() {
        Ok(field) => Ok((field.name().into_owned(), value.to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// Oldest first
    Asc,
    /// Newest first
    Desc,
}

/// How events are written.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = OUTPUT)]
pub(crate) struct FormatArgs {
    /// How events are written [default: table on a terminal, else ndjson]
    #[arg(long, value_enum, group = "form")]
    pub(crate) format: Option<Format>,
    /// The same as --format table
    #[arg(long, group = "form")]
    pub(crate) table: bool,
    /// The same as --format json
    #[arg(long, group = "form")]
    pub(crate) json: bool,
    /// The same as --format ndjson
    #[arg(long, group = "form")]
    pub(crate) ndjson: bool,
    /// The same as --format csv
    #[arg(long, group = "form")]
    pub(crate) csv: bool,
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, alias = "colour", value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub(crate) color: When,
}

impl FormatArgs {
    /// The format that the command line says.
    pub(crate) fn chosen(&self) -> Option<Format> {
        match self {
            Self { table: true, .. } => Some(Format::Table),
            Self { json: true, .. } => Some(Format::Json),
            Self { ndjson: true, .. } => Some(Format::Ndjson),
            Self { csv: true, .. } => Some(Format::Csv),
            _ => self.format,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) times: Times,
    /// Which end comes first
    #[arg(long, value_enum, default_value_t = Order::Desc)]
    pub(crate) order: Order,
    /// How many events at most [default: all when they are paged, else 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Say on stderr how many events match
    #[arg(long)]
    pub(crate) total: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Write to the terminal at once instead of to a pager
    #[arg(long)]
    pub(crate) no_pager: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Begin with the newest N events that are there
    #[arg(long, short = 'n', value_name = "N", conflicts_with = "since", value_parser = clap::value_parser!(u64).range(..=LAST_EVENTS_MAX))]
    pub(crate) last: Option<u64>,
    /// Begin with the events since then: RFC 3339, a date, or so long ago (90s, 15m, 24h, 7d, 4w)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Say on stderr when the connection is lost and found, also when that is no terminal
    #[arg(long, short)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Length of time that is looked at, until now (90s, 15m, 24h, 7d, 4w)
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = window)]
    pub(crate) window: Duration,
    /// Seconds between two drawings
    #[arg(long, short, help_heading = OUTPUT, value_name = "SECONDS", default_value = "2", value_parser = interval)]
    pub(crate) interval: Duration,
    /// Values of each list [default: as many as fit, 10 where that is no terminal]
    #[arg(long, value_name = "N", help_heading = OUTPUT, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rows: Option<u16>,
    /// Count actors and targets by id instead of by name
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) ids: bool,
    /// Print it once
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) once: bool,
    /// Print it once, as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) json: bool,
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, help_heading = OUTPUT, alias = "colour", value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub(crate) color: When,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

fn window(text: &str) -> Result<Duration, String> {
    let length = instant::length(text).filter(|length| !length.is_zero());
    length.ok_or_else(|| "must be a length of time, as in 90s, 15m, 24h, 7d, 4w".to_owned())
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds =
        text.parse().ok().filter(|seconds| (INTERVAL_SECONDS_MIN..=INTERVAL_SECONDS_MAX).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        format!("must be a number of seconds from {INTERVAL_SECONDS_MIN} to {INTERVAL_SECONDS_MAX}")
    })
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) times: Times,
    /// File to write; it appears when it is whole [default: stdout]
    #[arg(long, short, help_heading = OUTPUT, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// How events are written
    #[arg(long, help_heading = OUTPUT, value_enum, default_value_t = ExportFormat::Ndjson)]
    pub(crate) format: ExportFormat,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// How exported events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One event in JSON per line: what `annals ingest` reads
    Ndjson,
    /// Comma-separated values with a line of names, safe to open in a spreadsheet
    Csv,
    /// Apache Parquet, a table for programs that analyse; not for a terminal
    Parquet,
}
