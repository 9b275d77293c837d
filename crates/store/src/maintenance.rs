//! The threads behind the scenes: one seals, one merges, each at its own pace, so that a long merge never holds up
//! sealing. What fails is logged, tried again later and later, and visible in the status.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering::Relaxed,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use crate::{
    catalog::CatalogError,
    error::MaintenanceError,
    merging::{merge_by_policy, merge_everything},
    objects::Objects,
    pace,
    sealing::{seal_all, sweep},
    shared::Shared,
    status::add,
};

/// How often the age of the tail is looked at.
const TICK: Duration = Duration::from_millis(250);
/// How long nothing may have come before the catalog gives unused space back.
const IDLE: Duration = Duration::from_secs(3);
/// How long to wait after a failure; doubled after each further one.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// How long at most.
const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// How long at most before a tail that found no room on the disk is tried again: writers wait for it.
const BACKOFF_FULL_MAX: Duration = Duration::from_secs(4);

/// What the sealing thread does.
const SEALING: &str = "sealing";

/// How much nicer these threads are than the others (setpriority(2)): where there are too few processors, who asks and
/// who records comes first. A writer that finds too much unsealed waits, so that sealing never falls behind.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;
/// The nicest that a thread can be.
#[cfg(target_os = "linux")]
const NICENESS_MAX: i32 = 19;

/// Lets other threads go first. Elsewhere than on Linux it would be the whole process that is nicer.
fn step_back(shared: &Arc<Shared>) {
    let store = Arc::clone(shared);
    pace::set(move || store.is_pressed());
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // No process stands for the thread that asks.
        let nicer = |now: i32| setpriority_process(None, now.saturating_add(NICENESS).min(NICENESS_MAX));
        if let Err(error) = getpriority_process(None).and_then(nicer) {
            tracing::debug!(%error, "a thread behind the scenes keeps its priority");
        }
    }
}

type Reply = Sender<Result<(), MaintenanceError>>;

/// What the sealing thread is told.
pub(crate) enum SealerOrder {
    /// A part of the tail was frozen.
    Look,
    /// Seal what is frozen now, and say how it went.
    Seal(Reply),
    Stop,
}

/// What the merging thread is told.
pub(crate) enum MergerOrder {
    /// There is a new segment.
    Look,
    /// Merge everything, and say how it went.
    Compact(Reply),
    Stop,
}

/// The ways to the two threads.
#[derive(Default)]
pub(crate) struct Mailboxes {
    sealer: Mutex<Option<Sender<SealerOrder>>>,
    merger: Mutex<Option<Sender<MergerOrder>>>,
}

impl Mailboxes {
    /// The ends at which the threads listen.
    pub(crate) fn connect(&self) -> (Receiver<SealerOrder>, Receiver<MergerOrder>) {
        let (to_sealer, sealer) = mpsc::channel();
        let (to_merger, merger) = mpsc::channel();
        *self.sealer.lock().unwrap_or_else(PoisonError::into_inner) = Some(to_sealer);
        *self.merger.lock().unwrap_or_else(PoisonError::into_inner) = Some(to_merger);
        (sealer, merger)
    }

    /// A thread that is gone hears nothing.
    pub(crate) fn tell_sealer(&self, order: SealerOrder) {
        if let Some(sealer) = &*self.sealer.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = sealer.send(order);
        }
    }

    /// A thread that is gone hears nothing.
    pub(crate) fn tell_merger(&self, order: MergerOrder) {
        if let Some(merger) = &*self.merger.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = merger.send(order);
        }
    }
}

/// Hands over an order with a way to reply, and waits for the reply.
pub(crate) fn wait_for(give: impl FnOnce(Reply)) -> Result<(), MaintenanceError> {
    let (reply, answer) = mpsc::channel();
    give(reply);
    answer.recv().unwrap_or(Err(MaintenanceError::Closed))
}

/// When to try again after failures.
#[derive(Default)]
struct Backoff {
    until: Option<Instant>,
    wait: Duration,
}

impl Backoff {
    fn is_over(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    fn note(&mut self, shared: &Shared, what: &str, result: &Result<(), MaintenanceError>) {
        let mut shown = shared.maintenance_error.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) if self.until.is_some() => {
                *self = Self::default();
                *shown = None;
            }
            Ok(()) => {}
            Err(error) => {
                let is_full = what == SEALING && matches!(error, MaintenanceError::Full(_));
                let longest = if is_full { BACKOFF_FULL_MAX } else { BACKOFF_MAX };
                self.wait = (self.wait * 2).clamp(BACKOFF_FIRST, longest);
                self.until = Some(Instant::now() + self.wait);
                tracing::error!(%error, retry_in = ?self.wait, "{what} failed");
                *shown = Some(format!("{what} failed: {error}"));
                add(&shared.counters.failures, 1);
            }
        }
    }
}

/// The sealing thread.
pub(crate) fn run_sealer(shared: &Arc<Shared>, objects: &Objects, orders: &Receiver<SealerOrder>) {
    step_back(shared);
    let mut backoff = Backoff::default();
    loop {
        let reply = match orders.recv_timeout(TICK) {
            Ok(SealerOrder::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(SealerOrder::Seal(reply)) => Some(reply),
            Ok(SealerOrder::Look) | Err(RecvTimeoutError::Timeout) => None,
        };
        {
            let mut appender = shared.appender();
            if shared.is_old(&appender) {
                shared.freeze(&mut appender);
            }
        }
        let has_work = !shared.layout().frozen.is_empty();
        let is_time = backoff.is_over() && shared.health.poisoned().is_none();
        if reply.is_none() && !(has_work && is_time) {
            continue;
        }
        let result = seal_all(shared, objects);
        backoff.note(shared, SEALING, &result);
        if result.is_ok() {
            shared.mailboxes.tell_merger(MergerOrder::Look);
        }
        if let Some(reply) = reply {
            let _ = reply.send(result);
        }
    }
}

/// Notes how merging went; that it was given up because the store closes is no failure.
fn note_merge(backoff: &mut Backoff, shared: &Shared, result: &Result<(), MaintenanceError>) {
    if !matches!(result, Err(MaintenanceError::Closed)) {
        backoff.note(shared, "merging", result);
    }
}

/// Tells when the store has nothing to do, once each time.
struct Rest {
    last_seq: u64,
    since: Instant,
    is_told: bool,
}

impl Rest {
    fn begins(&mut self, shared: &Shared) -> bool {
        let last_seq = shared.last_seq.load(Relaxed);
        if last_seq != self.last_seq || !shared.layout().frozen.is_empty() {
            *self = Self { last_seq, since: Instant::now(), is_told: false };
        }
        !self.is_told && self.since.elapsed() >= IDLE && {
            self.is_told = true;
            true
        }
    }
}

/// The merging thread.
pub(crate) fn run_merger(shared: &Arc<Shared>, objects: &Objects, orders: &Receiver<MergerOrder>) {
    step_back(shared);
    let mut backoff = Backoff::default();
    // Once at the start: a run that ended early may have left files and merges undone.
    let mut is_due = true;
    let mut rest = Rest { last_seq: 0, since: Instant::now(), is_told: false };
    let result = sweep(shared, objects);
    backoff.note(shared, "sweeping", &result);
    loop {
        let order = orders.recv_timeout(if is_due { Duration::ZERO } else { TICK });
        let reply = match order {
            Ok(MergerOrder::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(MergerOrder::Compact(reply)) => Some(reply),
            Ok(MergerOrder::Look) => {
                is_due = true;
                None
            }
            Err(RecvTimeoutError::Timeout) => None,
        };
        if shared.has_retired() {
            let result = sweep(shared, objects);
            backoff.note(shared, "sweeping", &result);
        }
        if let Some(reply) = reply {
            let result = merge_everything(shared, objects);
            note_merge(&mut backoff, shared, &result);
            let _ = reply.send(result);
        } else if is_due && backoff.is_over() && shared.health.poisoned().is_none() {
            let result = merge_by_policy(shared, objects);
            note_merge(&mut backoff, shared, &result);
            is_due = result.is_err();
        } else if !is_due && shared.health.poisoned().is_none() && rest.begins(shared) {
            match shared.change(|catalog| catalog.shrink()) {
                Ok(true) => tracing::debug!("the catalog gave unused space back"),
                Ok(false) | Err(CatalogError::Busy(_)) => {}
                Err(error) => tracing::warn!(%error, "the catalog keeps its unused space"),
            }
        }
    }
}
