//! `annals demo`: a server on a fresh store, full of sample events, and requests to try on it.

mod credentials;
mod fill;
mod requests;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use annals_auth::Authenticator;
use annals_model::{Clock, SystemClock, Timestamp};
use annals_server::{BindError, Server, Settings};
use annals_store::Options;
use tempfile::TempDir;

use self::{
    credentials::{ADMIN, AWS_KEY, AWS_SECRET, READER, SIGNING_KEY, SIGNING_SECRET, WRITER, credentials},
    fill::Filler,
    requests::Sample,
};
use super::{serve, stop};
use crate::{cli::DemoArgs, config::LogFormat, failure::Failure, logging, output};

/// The requests are what a demo has to say; the log speaks only when something is wrong.
const LOG_LEVEL: &str = "warn";
/// The store stops writing when the disk has less than this; a demo needs little.
const FREE_BYTES_MIN: u64 = 64 << 20;

pub(super) fn run(arguments: &DemoArgs) -> Result<ExitCode, Failure> {
    if !arguments.listen.ip().is_loopback() {
        return Err(Failure::Refused(format!(
            "the demo's credentials are known to everybody, so it listens on loopback addresses only, not on {}",
            arguments.listen
        )));
    }
    logging::start(LogFormat::Text, LOG_LEVEL)?;
    let place = Place::make(arguments.dir.as_deref())?;
    serve::runtime()?.block_on(demonstrate(arguments, &place))?;
    Ok(ExitCode::SUCCESS)
}

async fn demonstrate(arguments: &DemoArgs, place: &Place) -> Result<(), Failure> {
    let mut stop = pin!(stop::requested()?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let begun = Instant::now();
    let now = clock.now();
    let filler = Filler::new(arguments.seed, arguments.events, now);

    let options = Options { free_bytes_min: FREE_BYTES_MIN, ..Options::new(place.path()) };
    let store = serve::open_store(options, &clock).await?;
    let credentials = credentials(&filler.tenants().exoscale, &filler.tenants().rds);
    let authenticator = Authenticator::new(&credentials, None, Arc::clone(&clock))
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let settings = Settings { listen: arguments.listen, ..Settings::default() };
    let dialects = annals_dialects::all(&annals_dialects::Config::default());
    // The address first: whether it is free should be known before the work begins.
    let server = Server::bind(settings, store.clone(), authenticator, dialects, clock)
        .await
        .map_err(|error| not_bound(&error))?;

    let filled = tokio::select! {
        filled = filler.fill(&store) => filled?,
        () = &mut stop => {
            store.close();
            return Ok(());
        }
    };
    let sample = Sample { tenants: filler.tenants().clone(), since: filled.since };
    let base = format!("http://{}", server.address());
    output::print(&announcement(&base, filled.events, begun.elapsed(), &sample, place, now))?;
    server.run(stop).await.map_err(|error| Failure::Refused(error.to_string()))
}

/// What to do about an address that cannot be had.
fn not_bound(error: &BindError) -> Failure {
    let hint = match error {
        BindError::Listen { error, .. } if error.kind() == io::ErrorKind::AddrInUse => {
            ": something listens there already; choose another port, as in --listen 127.0.0.1:8651, or any free one with \
             --listen 127.0.0.1:0"
        }
        _ => "",
    };
    Failure::Refused(format!("{error}{hint}"))
}

fn announcement(
    base: &str,
    events: u64,
    taken: Duration,
    sample: &Sample,
    place: &Place,
    now: Timestamp,
) -> String {
    let mut text = format!(
        "Annals demo at {base}: {} sample events of six platforms, made and recorded in {:.1} s.\n\
         They lie in {}.\n\n",
        output::grouped(events),
        taken.as_secs_f32(),
        place.described(),
    );
    for example in requests::examples(base, sample, now) {
        text.push_str(&format!("# {}\n{}\n\n", example.title, example.command));
    }
    // As it was called, so that the line works whether it is installed or was built a moment ago.
    let program = env::args().next().unwrap_or_else(|| "annals".to_owned());
    text.push_str(&format!(
        "# The same from this program\n\
         ANNALS_URL={base} ANNALS_TOKEN={READER} {} query --limit 5\n\n\
         Web page: {base}/ui/ with the key {READER}\n\
         Tokens: {READER}, {WRITER}, {ADMIN}. Signing key: {SIGNING_KEY}, secret: {SIGNING_SECRET}.\n\
         AWS access key: {AWS_KEY}, secret access key: {AWS_SECRET}.\n\
         Serving until interrupted.\n",
        annals_dialects::shell_word(&program)
    ));
    text
}

/// Where the demo's store lies.
enum Place {
    /// Removed in the end.
    Temporary(TempDir),
    /// Left where it is.
    Kept(PathBuf),
}

impl Place {
    fn make(wanted: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = wanted else {
            return tempfile::Builder::new()
                .prefix("annals-demo-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(|error| Failure::Refused(format!("cannot make a temporary directory: {error}")));
        };
        let bad = |error: io::Error| Failure::Refused(format!("--dir {}: {error}", path.display()));
        fs::create_dir_all(path).map_err(bad)?;
        if fs::read_dir(path).map_err(bad)?.next().is_some() {
            return Err(Failure::Refused(format!(
                "--dir {} is not empty: give a new or empty directory, or run `annals serve --data-dir` on this one",
                path.display()
            )));
        }
        Ok(Self::Kept(path.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Kept(path) => path,
        }
    }

    fn described(&self) -> String {
        match self {
            Self::Temporary(directory) => {
                format!("{} and are removed in the end", directory.path().display())
            }
            Self::Kept(path) => format!("{} and stay there", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_something_in_it_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let fresh = directory.path().join("a/b");
        assert!(Place::make(Some(&fresh)).is_ok());
        assert!(fresh.is_dir());
        fs::write(fresh.join("file"), "").unwrap();
        let error = Place::make(Some(&fresh)).err().unwrap();
        assert!(error.to_string().contains("is not empty"), "{error}");
    }

    #[test]
    fn a_taken_port_comes_with_advice() {
        let taken = |kind| {
            not_bound(&BindError::Listen {
                address: "127.0.0.1:1".parse().unwrap(),
                error: io::Error::from(kind),
            })
            .to_string()
        };
        assert!(taken(io::ErrorKind::AddrInUse).contains("--listen"));
        assert!(!taken(io::ErrorKind::PermissionDenied).contains("--listen"));
    }
}
