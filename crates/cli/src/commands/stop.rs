//! Being asked to stop: SIGTERM and SIGINT end what goes on without end in order, a second one ends the process at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use crate::failure::Failure;

/// Exit code of a process that was forced to end, less the number of the signal.
const EXIT_FORCED: i32 = 128;

/// Waits for the first signal. From then on the next one ends the process.
///
/// # Errors
/// When the system does not let signals be received; nothing could then stop the server in order.
pub(super) fn requested() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let receive =
        |kind| signal(kind).map_err(|error| Failure::Refused(format!("cannot receive signals: {error}")));
    let mut terminate = receive(SignalKind::terminate())?;
    let mut interrupt = receive(SignalKind::interrupt())?;
    Ok(async move {
        let kind = tokio::select! {
            _ = terminate.recv() => SignalKind::terminate(),
            _ = interrupt.recv() => SignalKind::interrupt(),
        };
        tracing::info!(signal = kind.as_raw_value(), "stopping; a second signal stops at once");
        tokio::spawn(async move {
            let kind = tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            };
            std::process::exit(EXIT_FORCED + kind.as_raw_value());
        });
    })
}

/// Lets the first signal set what is returned and then call `wake`, on a thread of its own.
///
/// # Errors
/// When the system does not let signals be received.
pub(super) fn flag(wake: impl FnOnce() + Send + 'static) -> Result<Arc<AtomicBool>, Failure> {
    let bad = |error| Failure::Refused(format!("cannot receive signals: {error}"));
    let runtime = runtime::Builder::new_current_thread().enable_io().build().map_err(bad)?;
    let requested = {
        let _inside = runtime.enter();
        requested()?
    };
    let stopped = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stopped);
    thread::spawn(move || {
        runtime.block_on(async move {
            requested.await;
            set.store(true, Ordering::SeqCst);
            wake();
            // The second signal is waited for beside.
            std::future::pending::<()>().await;
        });
    });
    Ok(stopped)
}
