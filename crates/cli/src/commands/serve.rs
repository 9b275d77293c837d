//! `annals serve`: puts the parts together and runs the server until it is asked to stop.

use std::{process::ExitCode, sync::Arc};

use annals_model::{Clock, SystemClock};
use annals_server::Server;
use annals_store::{Options, Store};

use super::stop;
use crate::{
    cli::ServeArgs,
    config::{self, Config},
    failure::Failure,
    logging,
};

pub(super) fn run(arguments: &ServeArgs) -> Result<ExitCode, Failure> {
    let config = config::load(arguments.config.as_deref(), &arguments.overrides)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    logging::start(config.log_format, &config.log_level)?;
    runtime()?.block_on(serve(config))?;
    Ok(ExitCode::SUCCESS)
}

/// Async threads beside one for each processor: small questions are answered on them, on all but one at a time, and the
/// last must not be what keeps a processor busy.
const SPARE_THREADS: usize = 1;

/// The runtime that serves.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors + SPARE_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::Refused(format!("cannot start threads: {error}")))
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Whoever stops the server while it starts means it, too.
    let stop = stop::requested()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let authenticator = config.authenticator(&clock).map_err(|error| Failure::Refused(error.to_string()))?;
    let store = open_store(config.store, &clock).await?;
    if authenticator.is_empty() {
        tracing::warn!("there is no credential, so nobody can read or record events");
    }
    let dialects = annals_dialects::all(&config.dialects);
    let server = Server::bind(config.settings, store, authenticator, dialects, clock)
        .await
        .map_err(|error| Failure::Refused(error.to_string()))?;
    server.run(stop).await.map_err(|error| Failure::Refused(error.to_string()))
}

/// Opens the store, which reads what the last run left behind and takes its time.
pub(super) async fn open_store(options: Options, clock: &Arc<dyn Clock>) -> Result<Store, Failure> {
    let clock = Arc::clone(clock);
    tokio::task::spawn_blocking(move || Store::open(options, clock))
        .await
        .map_err(|error| Failure::Refused(format!("cannot open the store: {error}")))?
        .map_err(|error| Failure::Refused(error.to_string()))
}
