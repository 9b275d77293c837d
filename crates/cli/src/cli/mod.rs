//! The command line: one definition that gives parsing and help. It knows nothing of what the commands do.

mod reading;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub(crate) use reading::{ExportArgs, ExportFormat, Order, QueryArgs, Selection, TailArgs, Times, TopArgs};

use crate::{
    config::Overrides,
    connection::{Connection, ProfilesFile},
};

const EXIT_CODES: &str = "\
Exit codes:
  0  all of it was done
  1  not, or not all of it, was done: events rejected, request refused, bad file, profile or configuration
  2  wrong command line
  3  the server could not be reached, could not answer, or its answer broke off";

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
  annals query --organization acme --type audit.app.create --type audit.app.update --limit 1000 --csv
  annals query --text 'payments deploy' --order asc --json | jq '.[].target.name'

On a terminal everything that matches is shown by $ANNALS_PAGER, $PAGER or less, which fetches it as you read on.
Elsewhere, and with --no-pager, the first 50 are printed unless --limit says otherwise. A filter given several times selects events with any of its values; different filters must all fit. CSV cells that a
spreadsheet would run as a formula begin with a '.")]
    Query(QueryArgs),
    /// Prints events as they are recorded
    #[command(after_help = "\
Examples:
  annals tail outcome:failure
  annals tail --last 10 --organization acme
  annals tail --since 1h type:audit.app.* --json | jq -r .target.name

It goes on until it is interrupted, which is exit code 0. When the connection breaks or the server is started again it
comes back to where it was: nothing is lost and nothing repeated.")]
    Tail(TailArgs),
    /// Shows rates, and who and what occurs most
    #[command(after_help = "\
Examples:
  annals top
  annals top --window 24h source:cloudfoundry
  annals top --once --rows 3 outcome:failure

On a terminal it is drawn anew until q is pressed or it is interrupted, which is exit code 0. Elsewhere, and with --once
or --json, it is printed once.")]
    Top(TopArgs),
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
    /// Lists the servers that have a name
    #[command(after_help = "\
Each profile is a server by name, for --profile NAME or ANNALS_PROFILE. Tokens are never shown. The file:

  default = \"production\"

  [profiles.production]
  url = \"https://events.example.org\"
  token_file = \"production.token\"

  [profiles.staging]
  url = \"https://staging.example.org\"
  token_command = [\"pass\", \"show\", \"annals/staging\"]
  ca_file = \"staging-ca.pem\"")]
    Profiles(ProfilesArgs),
    /// Prints what completes this command line in a shell
    #[command(after_help = "\
Examples:
  annals completions bash > ~/.local/share/bash-completion/completions/annals
  annals completions zsh > ~/.zfunc/_annals
  annals completions fish > ~/.config/fish/completions/annals.fish")]
    Completions(CompletionsArgs),
    /// Prints the manual pages, or writes them to a directory
    #[command(after_help = "\
Examples:
  annals man --dir ~/.local/share/man/man1
  annals man query | man -l -")]
    Man(ManArgs),
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
    /// How requests are compressed
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Compression::Zstd)]
    pub(crate) compress: Compression,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
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
pub(crate) struct ProfilesArgs {
    #[command(flatten)]
    pub(crate) file: ProfilesFile,
    /// Print them as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Command whose page is printed, as in `query` or `keys new` [default: the page of annals itself]
    #[arg(conflicts_with = "dir")]
    pub(crate) command: Vec<String>,
    /// Directory to write every page to; it is made if there is none
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
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
    use clap::CommandFactory;

    use super::*;
    use crate::output::Format;

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
    fn formats_have_short_flags() {
        for (arguments, format) in [
            (vec!["query"], None),
            (vec!["query", "--json"], Some(Format::Json)),
            (vec!["query", "--csv"], Some(Format::Csv)),
            (vec!["query", "--table"], Some(Format::Table)),
            (vec!["query", "--ndjson"], Some(Format::Ndjson)),
            (vec!["query", "--format", "csv"], Some(Format::Csv)),
        ] {
            let Command::Query(query) = parse(&arguments).unwrap().command else { panic!("not a query") };
            assert_eq!(query.format.chosen(), format, "{arguments:?}");
        }
        assert!(parse(&["query", "--json", "--csv"]).is_err());
        assert!(parse(&["query", "--json", "--format", "csv"]).is_err());
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
