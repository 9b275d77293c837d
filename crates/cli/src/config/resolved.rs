//! What the server runs with: the file, with what flags and environment say over it, checked as a whole.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use annals_auth::{Authenticator, CredentialConfig, JwtConfig, KeystoneConfig, LoginConfig};
use annals_model::Clock;
use annals_server::Settings;
use annals_store::Options;
use serde::Deserialize;

use super::raw::{self, File};

/// Where events are kept when nothing says where, below the working directory.
const DATA_DIR_DEFAULT: &str = "annals-data";
/// What is logged when nothing says what.
const LOG_LEVEL_DEFAULT: &str = "info";
/// Neighbouring segments that can be merged at least.
const MERGE_FACTOR_LEAST: usize = 2;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// What flags and the environment say; they come before the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Overrides {
    /// Address to listen on
    #[arg(long, env = "ANNALS_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Directory to keep events in
    #[arg(long, env = "ANNALS_DATA_DIR", value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address that clients use, where a proxy stands between
    #[arg(long, env = "ANNALS_EXTERNAL_URL", value_name = "URL")]
    pub(crate) external_url: Option<String>,
    /// How the log is written
    #[arg(long, env = "ANNALS_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug, trace, or by module as in `info,annals_store=debug`
    #[arg(long, env = "ANNALS_LOG_LEVEL", value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// What the server runs with.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) store: Options,
    pub(crate) credentials: Vec<CredentialConfig>,
    pub(crate) jwt: Option<JwtConfig>,
    pub(crate) keystone: Option<KeystoneConfig>,
    pub(crate) login: LoginConfig,
    pub(crate) dialects: annals_dialects::Config,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: String,
}

impl Config {
    /// What judges the credentials it names.
    ///
    /// # Errors
    /// When they cannot be, in words for who wrote the file.
    pub(crate) fn authenticator(&self, clock: &Arc<dyn Clock>) -> Result<Authenticator, ConfigError> {
        Authenticator::new(&self.credentials, self.jwt.as_ref(), Arc::clone(clock))
            .and_then(|made| made.with_keystone(self.keystone.as_ref()))
            .and_then(|made| made.with_login(Some(&self.login)))
            .map_err(|error| ConfigError::Impossible(error.to_string()))
    }
}

/// Why there is no configuration to run with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    /// The file does not say what a configuration can say.
    #[error("{}: {message}", path.display())]
    Malformed { path: PathBuf, message: String },
    /// A value that cannot be.
    #[error("{0}")]
    Impossible(String),
    /// Everybody could reach a server on which nobody can prove who they are.
    #[error(
        "refusing to listen on {0}, which is not a loopback address, without credentials: add a [[credential]] or \
         [jwt] or [keystone] to the configuration (`annals keys new` makes one), or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
}

/// Reads the file, if there is one, and puts flags and environment over it.
///
/// # Errors
/// When the file cannot be read, or what it says cannot be.
pub(crate) fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Config, ConfigError> {
    let file = match path {
        None => File::default(),
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
            raw::parse(&text).map_err(|message| ConfigError::Malformed { path: path.to_owned(), message })?
        }
    };
    resolve(file, overrides)
}

fn resolve(file: File, overrides: &Overrides) -> Result<Config, ConfigError> {
    let overrides = overrides.clone();
    let defaults = Settings::default();
    let settings = Settings {
        listen: overrides.listen.or(file.listen).unwrap_or(defaults.listen),
        external_url: overrides.external_url.or(file.external_url),
        limits: file.limits,
        mask: file.mask,
    };
    settings.check().map_err(|error| ConfigError::Impossible(error.to_string()))?;
    let nobody = file.credential.is_empty() && file.jwt.is_none() && file.keystone.is_none();
    if !settings.listen.ip().is_loopback() && nobody {
        return Err(ConfigError::Open(settings.listen));
    }
    let data_dir = overrides.data_dir.or(file.data_dir).unwrap_or_else(|| DATA_DIR_DEFAULT.into());
    let mut dialects = file.dialect;
    // The one dialect whose clients present Keystone's tokens tells them where these come from.
    dialects.fujitsu.keystone_uri =
        file.keystone.as_ref().map(|keystone| keystone.www_authenticate_uri().to_owned());
    Ok(Config {
        settings,
        store: store_options(data_dir, &file.store)?,
        credentials: file.credential,
        jwt: file.jwt,
        keystone: file.keystone,
        login: file.login.unwrap_or_default(),
        dialects,
        log_format: overrides.log_format.or(file.log.format).unwrap_or_default(),
        log_level: overrides.log_level.or(file.log.level).unwrap_or_else(|| LOG_LEVEL_DEFAULT.to_owned()),
    })
}

fn store_options(data_dir: PathBuf, table: &raw::Store) -> Result<Options, ConfigError> {
    let defaults = Options::new(data_dir);
    let options = Options {
        seal_events: table.seal_events.unwrap_or(defaults.seal_events),
        seal_bytes: table.seal_bytes.unwrap_or(defaults.seal_bytes),
        seal_age: table.seal_age_seconds.map_or(defaults.seal_age, Duration::from_secs),
        merge_factor: table.merge_factor.unwrap_or(defaults.merge_factor),
        segment_events_max: table.segment_events_max.unwrap_or(defaults.segment_events_max),
        free_bytes_min: table.free_bytes_min.unwrap_or(defaults.free_bytes_min),
        queue_bytes_max: table.queue_bytes_max.unwrap_or(defaults.queue_bytes_max),
        queue_events_max: table.queue_events_max.unwrap_or(defaults.queue_events_max),
        group_bytes_max: table.group_bytes_max.unwrap_or(defaults.group_bytes_max),
        frozen_parts_max: table.frozen_parts_max.unwrap_or(defaults.frozen_parts_max),
        ..defaults
    };
    let positive = [
        ("seal_events", options.seal_events),
        ("seal_bytes", options.seal_bytes),
        ("segment_events_max", options.segment_events_max),
        ("queue_bytes_max", options.queue_bytes_max),
        ("queue_events_max", options.queue_events_max),
        ("group_bytes_max", options.group_bytes_max),
        ("frozen_parts_max", options.frozen_parts_max),
    ];
    if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
        return Err(ConfigError::Impossible(format!("`store.{name}` must not be 0")));
    }
    if options.seal_age.is_zero() {
        return Err(ConfigError::Impossible("`store.seal_age_seconds` must not be 0".to_owned()));
    }
    if options.merge_factor < MERGE_FACTOR_LEAST {
        return Err(ConfigError::Impossible(format!(
            "`store.merge_factor` is {}, must be at least {MERGE_FACTOR_LEAST}",
            options.merge_factor
        )));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULT_FILE;

    fn check(text: &str, overrides: &Overrides) -> Result<Config, String> {
        resolve(raw::parse(text)?, overrides).map_err(|error| error.to_string())
    }

    fn refused(text: &str) -> String {
        check(text, &Overrides::default()).unwrap_err()
    }

    #[test]
    fn the_default_file_says_the_defaults() {
        let none = check("", &Overrides::default()).unwrap();
        let file = check(DEFAULT_FILE, &Overrides::default()).unwrap();
        assert_eq!(format!("{none:?}"), format!("{file:?}"));
    }

    #[test]
    fn every_key_of_the_default_file_is_known() {
        // Keys without a default are there as comments without a space. With the comment taken off they must be read.
        let on: String = DEFAULT_FILE
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        assert_ne!(on, DEFAULT_FILE);
        let config = check(&on, &Overrides::default()).unwrap();
        assert!(!config.credentials.is_empty());
        assert!(config.jwt.is_some());
        assert!(config.login.secret.is_some());
        assert!(config.keystone.is_some_and(|keystone| keystone.ca_file.is_some()));
    }

    #[test]
    fn flags_come_before_the_file_and_the_file_before_the_defaults() {
        let file = "listen = \"127.0.0.1:1\"\ndata_dir = \"from-file\"\n[log]\nformat = \"json\"\nlevel = \"warn\"\n";
        let config = check(file, &Overrides::default()).unwrap();
        assert_eq!(config.settings.listen.port(), 1);
        assert_eq!(config.store.data_dir, Path::new("from-file"));
        assert_eq!((config.log_format, config.log_level.as_str()), (LogFormat::Json, "warn"));

        let overrides = Overrides {
            listen: Some("127.0.0.1:2".parse().unwrap()),
            data_dir: Some("from-flag".into()),
            external_url: Some("https://events.example.org".to_owned()),
            log_format: Some(LogFormat::Text),
            log_level: Some("debug".to_owned()),
        };
        let config = check(file, &overrides).unwrap();
        assert_eq!(config.settings.listen.port(), 2);
        assert_eq!(config.settings.external_url.as_deref(), Some("https://events.example.org"));
        assert_eq!(config.store.data_dir, Path::new("from-flag"));
        assert_eq!((config.log_format, config.log_level.as_str()), (LogFormat::Text, "debug"));

        let config = check("", &Overrides::default()).unwrap();
        assert_eq!(config.settings.listen.to_string(), "127.0.0.1:8650");
        assert_eq!(config.store.data_dir, Path::new(DATA_DIR_DEFAULT));
    }

    #[test]
    fn unknown_keys_are_named_with_their_place() {
        let error = refused("listen = \"127.0.0.1:1\"\nlisten_adress = \"x\"\n");
        assert!(error.starts_with("line 2, column 1: unknown field `listen_adress`"), "{error}");
        let error = refused("[limits]\nbody_bytes_max = 1\n\n  bodies = 2\n");
        assert!(error.starts_with("line 4, column 3, in [limits]: unknown field `bodies`"), "{error}");
        let error = refused("[[credential]]\nname = \"a\"\ntokn = \"s3cret\"\n");
        assert!(error.contains("in [[credential]]") && error.contains("`tokn`"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
        let error = refused("[store]\nseal = 1\n");
        assert!(error.contains("in [store]: unknown field `seal`"), "{error}");
        let error = refused("[dialect.nobody]\na = 1\n");
        assert!(error.contains("nobody"), "{error}");
    }

    #[test]
    fn impossible_values_are_named() {
        for (text, expected) in [
            ("listen = 1", "line 1, column 10"),
            ("external_url = \"example.org\"", "external_url"),
            ("[limits]\nrequests_max = 0", "limits.requests_max"),
            ("[store]\nseal_events = 0", "store.seal_events"),
            ("[store]\nseal_age_seconds = 0", "store.seal_age_seconds"),
            ("[store]\nmerge_factor = 1", "store.merge_factor"),
            ("[log]\nformat = \"xml\"", "unknown variant `xml`"),
            ("[log", "line 1"),
        ] {
            let error = refused(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_world_needs_credentials() {
        for listen in ["0.0.0.0:8650", "[::]:8650", "192.0.2.1:8650"] {
            let error = refused(&format!("listen = \"{listen}\""));
            assert!(error.contains("without credentials") && error.contains(listen), "{error}");
        }
        assert!(check("listen = \"[::1]:8650\"", &Overrides::default()).is_ok());
        let with = "listen = \"0.0.0.0:8650\"\n[[credential]]\nname = \"a\"\ntoken = \"0123456789abcdef0123456789abcdef\"\n\
                    grants = [{ role = \"reader\" }]\n";
        assert!(check(with, &Overrides::default()).is_ok());
    }

    #[test]
    fn keystone_is_known_to_the_dialect_whose_clients_use_it() {
        let keystone = "[keystone]\nurl = \"https://k.example.org/v3\"\nusername = \"a\"\npassword = \"s3cret\"\nproject = \"p\"\n";
        let clock: Arc<dyn Clock> = Arc::new(annals_model::SystemClock);
        for (more, uri) in [
            ("", "https://k.example.org/v3"),
            ("www_authenticate_uri = \"https://public.example.org/v3\"", "https://public.example.org/v3"),
        ] {
            let config = check(&format!("listen = \"0.0.0.0:1\"\n{keystone}{more}"), &Overrides::default());
            let config = config.unwrap();
            assert_eq!(config.dialects.fujitsu.keystone_uri.as_deref(), Some(uri));
            assert!(!config.authenticator(&clock).unwrap().is_empty());
            assert!(!format!("{config:?}").contains("s3cret"));
        }
        let none = check("", &Overrides::default()).unwrap();
        assert_eq!(none.dialects.fujitsu.keystone_uri, None);
        let config = check(&format!("{keystone}timeout_seconds = 0"), &Overrides::default()).unwrap();
        let error = config.authenticator(&clock).unwrap_err().to_string();
        assert!(error.contains("keystone: `timeout_seconds` is 0"), "{error}");
        let error = refused("[dialect.fujitsu]\nkeystone_uri = \"https://k.example.org/v3\"");
        assert!(error.contains("unknown field `keystone_uri`"), "{error}");
    }
}
