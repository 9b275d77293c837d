//! The command line: one definition that gives parsing and help. It knows nothing of what the commands do.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{client::Connection, config::Overrides, output::Format};

const EXIT_CODES: &str = "\
Exit codes:
  0  all of it was done
  1  not, or not all of it, was done: events rejected, request refused, bad file or configuration
  2  wrong command line
  3  the server could not be reached or could not answer";

/// Records platform events and answers for them through other platforms' "list events" APIs
#[derive(Debug, Parser)]
#[command(name = "annals", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts a server full of sample events and prints requests to try
    #[command(after_help = "\
Examples:
  annals demo
  annals demo --listen 127.0.0.1:9000 --events 50000

The credentials it prints are the same everywhere and exist in the demo only, which listens on loopback addresses only.")]
    Demo(DemoArgs),
    /// Runs the server
    #[command(after_help = "\
Examples:
  annals serve --config /etc/annals/annals.toml
  ANNALS_LOG_FORMAT=json annals serve --config annals.toml --listen 127.0.0.1:9000

Flags come before the environment, the environment before the file, the file before the defaults. SIGTERM and SIGINT
let requests in progress end and exit with 0; a second signal exits at once.")]
    Serve(ServeArgs),
    /// Checks a configuration and says what it means
    #[command(after_help = "\
Examples:
  annals check --config annals.toml
  annals check --print-default > annals.toml")]
    Check(CheckArgs),
    /// Sends events in the native form
    #[command(after_help = "\
Examples:
  annals ingest events.ndjson
  tail -n 1000 audit.ndjson | annals ingest --url https://events.example.org -

The input is one event per line, or a JSON array of events. Rejected events are named on stderr by their line. Sending a
file again is harmless when its events have ids: those that are there already are counted as duplicates.")]
    Ingest(IngestArgs),
    /// Sends events in a platform's own form
    #[command(after_help = "\
Examples:
  exo api list-events -o json | annals import exoscale --organization acme
  annals import cloudfoundry events.json --installation eu10

The input is one event after the other, arrays of events, or whole answers of the platform's list API. --organization
names the tenant for platforms whose events do not (exoscale, qovery, fujitsu).")]
    Import(ImportArgs),
    /// Prints events
    #[command(after_help = "\
Examples:
  annals query 'outcome:failure time:-24h -origin:CONSOLE'
  annals query --from 24h --outcome failure
  annals query --organization acme --type audit.app.create --type audit.app.update --limit 1000 --format csv
  annals query --text 'payments deploy' --order asc --format json | jq '.[].target.name'

A filter given several times selects events with any of its values; different filters must all fit. CSV cells that a
spreadsheet would run as a formula begin with a '.")]
    Query(QueryArgs),
    /// Writes every matching event, oldest first
    #[command(after_help = "\
Examples:
  annals export --from 2026-01-01 --to 2026-02-01 --output january.ndjson
  annals export --from 30d --organization acme --format csv > acme.csv
  annals export 'time:2026-01 type:audit.app.*' > january.ndjson")]
    Export(ExportArgs),
    /// Makes credentials
    Keys(KeysArgs),
    /// Copies everything while the server runs, or from the data directory of a stopped one
    #[command(after_help = "\
Examples:
  annals backup --url https://events.example.org --out /backup/annals.tar
  annals backup --to /backup/annals
  annals backup --data-dir /var/lib/annals --to /backup/annals

A running server needs a token with the role admin over everything (--token or ANNALS_TOKEN). --out writes one tar archive.
--to brings a directory up to date: segments that are there already are not copied again, and what was there stays a good
backup until the new one is whole. Everything acknowledged before the command began is in it.")]
    Backup(BackupArgs),
    /// Makes a data directory of a backup
    #[command(after_help = "\
Examples:
  annals restore /backup/annals.tar --data-dir /var/lib/annals
  annals restore /backup/annals --data-dir /var/lib/annals

The directory must be new or empty. All checksums are checked before it counts as restored; if one is wrong, every damage
found is named and nothing stays behind.")]
    Restore(RestoreArgs),
    /// Checks the data directory of a stopped server, or a backup
    #[command(after_help = "\
Examples:
  annals verify --data-dir /var/lib/annals
  annals verify --backup /backup/annals.tar --json

Checks every checksum, the order of events, every index against the events, the rows of the log, and that no event is there
twice. Nothing is changed. Every damage is named with its file and place, and the exit code is then 1.")]
    Verify(VerifyArgs),
    /// Prints the OpenAPI document of the native API
    Openapi,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, env = "ANNALS_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8650")]
    pub(crate) listen: SocketAddr,
    /// How many sample events, of all platforms together
    #[arg(long, value_name = "N", default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) events: u64,
    /// Number that decides which sample events
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// New or empty directory to keep the events in, and to leave them in; without it they are gone in the end
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file; without one, defaults, flags and environment count
    #[arg(long, short, env = "ANNALS_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Configuration file
    #[arg(
        long,
        short,
        env = "ANNALS_CONFIG",
        value_name = "FILE",
        required_unless_present = "print_default"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print the default configuration, which explains every key
    #[arg(long)]
    pub(crate) print_default: bool,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

/// How events are sent.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// How requests are compressed
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Compression::Zstd)]
    pub(crate) compress: Compression,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    /// Zstandard
    Zstd,
    /// Not at all
    None,
}

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// File to read; `-` or nothing is stdin
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) send: SendArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Platform the events come from: cloudfoundry, exoscale, qovery, rafay, fujitsu or rds
    #[arg(value_parser = dialect_name)]
    pub(crate) dialect: String,
    /// File to read; `-` or nothing is stdin
    pub(crate) file: Option<PathBuf>,
    /// Tenant of events whose form names none
    #[arg(long, visible_alias = "org", value_name = "ID")]
    pub(crate) organization: Option<String>,
    /// Installation the events come from, as in `eu10`: their source becomes `cloudfoundry/eu10`
    #[arg(long, value_name = "NAME")]
    pub(crate) installation: Option<String>,
    #[command(flatten)]
    pub(crate) send: SendArgs,
}

/// The dialects that this binary knows are the ones that can be imported.
fn dialect_name(text: &str) -> Result<String, String> {
    let dialects = annals_dialects::all(&annals_dialects::Config::default());
    let names: Vec<&str> = dialects.iter().map(|dialect| dialect.name()).collect();
    if names.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("must be one of {}", names.join(", ")))
    }
}

/// Which events.
#[derive(Debug, Args, Default)]
pub(crate) struct Selection {
    /// A search, as in 'actor:alice -origin:CONSOLE time:-7d'; flags select further. One that begins with a minus goes
    /// behind `--`. The language is described in docs/search.md
    #[arg(value_name = "SEARCH")]
    pub(crate) search: Vec<String>,
    /// First instant: RFC 3339, a date, `now`, or so long ago (90s, 15m, 24h, 7d, 4w)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// First instant that no longer belongs to it
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
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

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Which end comes first
    #[arg(long, value_enum, default_value_t = Order::Desc)]
    pub(crate) order: Order,
    /// How many events at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    /// Say on stderr how many events match
    #[arg(long)]
    pub(crate) total: bool,
    /// How events are written [default: table on a terminal, else ndjson]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// File to write; it appears when it is whole [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How events are written
    #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
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
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// File to write a tar archive to; it appears when it is whole
    #[arg(long, value_name = "FILE", required_unless_present = "to", conflicts_with = "to")]
    pub(crate) out: Option<PathBuf>,
    /// Directory to bring up to date: a new one, or one of an earlier backup
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) to: Option<PathBuf>,
    /// Data directory of a stopped server, instead of a running one
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The archive, or the directory, that `annals backup` wrote
    pub(crate) backup: PathBuf,
    /// New or empty directory to restore to
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Data directory of a stopped server
    #[arg(long, value_name = "DIRECTORY", required_unless_present = "backup", conflicts_with = "backup")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The archive, or the directory, that `annals backup` wrote
    #[arg(long, value_name = "PATH")]
    pub(crate) backup: Option<PathBuf>,
    /// Only check checksums and what the catalog says, which is much faster
    #[arg(long)]
    pub(crate) checksums_only: bool,
    /// Print what was found as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a token, or a key that signs requests, and prints what to put into the configuration
    #[command(after_help = "\
Examples:
  annals keys new --name ci --role writer
  annals keys new --name exoscale-clients --signing --organization acme")]
    New(NewKeyArgs),
    /// Reads a token from stdin and prints the hash to put into the configuration
    #[command(after_help = "\
Example:
  printf '%s' \"$TOKEN\" | annals keys hash")]
    Hash,
}

#[derive(Debug, Args)]
pub(crate) struct NewKeyArgs {
    /// Name of the credential, for logs and people
    #[arg(long, default_value = "new-credential")]
    pub(crate) name: String,
    /// A key and a secret for signed requests instead of a token
    #[arg(long)]
    pub(crate) signing: bool,
    /// What it may do
    #[arg(long, value_enum, default_value_t = RoleName::Reader)]
    pub(crate) role: RoleName,
    /// Tenant it may do it on [default: all]
    #[arg(long, visible_alias = "org", value_name = "ID")]
    pub(crate) organization: Option<String>,
    /// Project it may do it on [default: all]
    #[arg(long, value_name = "ID")]
    pub(crate) project: Option<String>,
}

/// What a credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Read events
    Reader,
    /// Record events
    Writer,
    /// Both, and administer the server
    Admin,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("annals").chain(arguments.iter().copied()))
    }

    #[test]
    fn filters_repeat_and_are_checked() {
        let cli = parse(&[
            "query",
            "--type",
            "a",
            "--type",
            "b",
            "--org",
            "acme",
            "--filter",
            "labels.k=v=w",
            "--order",
            "asc",
        ])
        .unwrap();
        let Command::Query(query) = cli.command else { panic!("not a query") };
        assert_eq!(query.selection.kind, ["a", "b"]);
        assert_eq!(query.selection.organization, ["acme"]);
        assert_eq!(query.selection.filters, [("labels.k".to_owned(), "v=w".to_owned())]);
        assert_eq!(query.order, Order::Asc);
        assert!(
            parse(&["query", "--filter", "colour=red"])
                .unwrap_err()
                .to_string()
                .contains("unknown field `colour`")
        );
        assert!(
            parse(&["query", "--filter", "type"]).unwrap_err().to_string().contains("must be FIELD=VALUE")
        );
        assert!(parse(&["query", "--outcome", "fine"]).is_err());
    }

    #[test]
    fn only_known_platforms_are_imported() {
        for dialect in annals_dialects::all(&annals_dialects::Config::default()) {
            assert!(parse(&["import", dialect.name()]).is_ok());
        }
        assert!(parse(&["import", "aws"]).unwrap_err().to_string().contains("must be one of"));
    }

    #[test]
    fn a_check_needs_a_file_or_prints_one() {
        // ANNALS_CONFIG would stand in for the flag; tests run without it.
        assert!(parse(&["check", "--print-default"]).is_ok());
        assert!(parse(&["check", "--config", "a.toml"]).is_ok());
    }

    #[test]
    fn wrong_command_lines_exit_with_2() {
        assert_eq!(parse(&["query", "--limit", "many"]).unwrap_err().exit_code(), 2);
        assert_eq!(parse(&["nonsense"]).unwrap_err().exit_code(), 2);
    }
}
