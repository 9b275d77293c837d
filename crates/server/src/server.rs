//! Binding, serving and stopping.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use annals_auth::Authenticator;
use annals_dialects::Dialect;
use annals_model::Clock;
use annals_store::Store;
use axum::{Router, middleware};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
};

use crate::{
    app::App,
    connection,
    export::PARQUET,
    gate,
    limits::{BACKUPS_MAX, PARQUET_EXPORTS_MAX},
    mount::{self, MountError, Plan},
    native,
    observe::{log, metrics::Metrics},
    probes,
    settings::{Settings, SettingsError},
    ui,
};

/// How long to wait before connections are accepted again after the system refused one, as when there are no more
/// file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Everybody who can reach it could do nothing, or worse, everything.
    #[error(
        "refusing to listen on {0} without credentials: add a `[[credential]]` to the configuration, or listen on 127.0.0.1"
    )]
    NoCredentials(SocketAddr),
    /// A setting that cannot be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Dialects that cannot be served together.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The system refused the address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// A server that is bound to its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    router: Router,
    /// Tells connections and streams that the server stops.
    stop: watch::Sender<bool>,
}

impl Server {
    /// Takes the address. From now on connections wait to be accepted.
    ///
    /// # Errors
    /// When the settings cannot be, the address is beyond loopback and there are no credentials, two dialects claim
    /// one route, or the system refuses the address.
    pub async fn bind(
        settings: Settings,
        store: Store,
        authenticator: Authenticator,
        dialects: Vec<Box<dyn Dialect>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BindError> {
        settings.check()?;
        if authenticator.is_empty() && !settings.listen.ip().is_loopback() {
            return Err(BindError::NoCredentials(settings.listen));
        }
        let dialects: Vec<Arc<dyn Dialect>> = dialects.into_iter().map(Arc::from).collect();
        let plan = Plan::new(&dialects)?;
        let refused = |error| BindError::Listen { address: settings.listen, error };
        let listener = TcpListener::bind(settings.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let limits = settings.limits;
        let (stop, stopping) = watch::channel(false);
        let app = Arc::new_cyclic(|app| {
            let mut metrics = Metrics::new();
            metrics.watch_store(app.clone());
            App {
                store,
                authenticator,
                clock,
                prefixes: plan.prefixes(&dialects),
                dialects,
                metrics,
                requests: Arc::new(Semaphore::new(limits.requests_max)),
                streams: Arc::new(Semaphore::new(limits.streams_max)),
                stopping,
                writes: Arc::new(Semaphore::new(limits.writes_max())),
                threads: Semaphore::new(Handle::current().metrics().num_workers().saturating_sub(1)),
                backups: Arc::new(Semaphore::new(BACKUPS_MAX)),
                parquet_exports: Arc::new(Semaphore::new(PARQUET_EXPORTS_MAX)),
                bodies: Arc::new(Semaphore::new(limits.body_units())),
                external_url: settings.external_url.map(|url| url.trim_end_matches('/').to_owned()),
                address,
                limits,
                mask: settings.mask,
            }
        });
        let router = router(plan, &app);
        Ok(Self { listener, address, app, router, stop })
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is there. Then no connection is accepted any more, requests in progress are given
    /// [`crate::Limits::drain_timeout_seconds`] to end, and the store is closed.
    ///
    /// # Errors
    /// When the store cannot be closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let Self { listener, address, app, router, stop } = self;
        tracing::info!(%address, "listening");
        let places = Arc::new(Semaphore::new(app.limits.connections_max));
        let mut connections = JoinSet::new();
        let accepting = async {
            loop {
                // The semaphore is never closed.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let stream = accept(&listener).await;
                let serving =
                    connection::serve(stream, router.clone(), app.limits.clone(), app.stopping.clone());
                connections.spawn(async move {
                    serving.await;
                    drop(place);
                });
                while connections.try_join_next().is_some() {}
            }
        };
        tokio::select! {
            () = accepting => {}
            () = shutdown => {}
        }
        drop(listener);
        tracing::info!("stopping: no more connections, requests in progress are finished");
        // Without a connection nobody listens; that is no error.
        let _ = stop.send(true);
        let drained =
            timeout(app.limits.drain_timeout(), async { while connections.join_next().await.is_some() {} });
        if drained.await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "requests were not finished in time and are cut off"
            );
            connections.shutdown().await;
        }
        // What waits to be written is written first; that is no work for an async thread.
        tokio::task::spawn_blocking(move || app.store.close()).await.map_err(io::Error::other)?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Compresses answers for those who ask for it, but for files that are compressed already.
fn compression() -> CompressionLayer<impl Predicate> {
    let parquet = NotForContentType::const_new(PARQUET);
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(DefaultPredicate::new().and(parquet))
}

/// Everything that is answered, in its layers. Those added last are outermost.
fn router(plan: Plan, app: &Arc<App>) -> Router {
    Router::new()
        .merge(native::router())
        .merge(probes::router())
        .merge(ui::router())
        .merge(plan.router())
        .fallback(mount::fallback)
        .method_not_allowed_fallback(native::method_not_allowed)
        .layer(compression())
        .layer(middleware::from_fn_with_state(Arc::clone(app), gate::gate))
        .layer(middleware::from_fn_with_state(Arc::clone(app), log::observe))
        .with_state(Arc::clone(app))
}
