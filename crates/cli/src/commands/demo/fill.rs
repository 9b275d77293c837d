//! Fills the demo's store: sample events in each platform's own form, read as imports are read.
//!
//! Workers take turns at the generator; while one of them makes events, the others read and record what they have.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    mem,
    num::NonZero,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
    vec,
};

use annals_dialects::{Dialect, Import};
use annals_model::{Event, Timestamp, vocabulary::kind};
use annals_store::{AppendError, Batch, Store};
use annals_testkit::{Generator, Platform};
use indicatif::ProgressBar;
use tokio::{runtime::Handle, task::JoinSet};

use super::requests::{Since, Tenants};
use crate::{failure::Failure, output};

/// The time before now that the events lie in.
const SPAN: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Events that a worker makes, reads and records in one go.
const CHUNK_EVENTS: usize = 5_000;
/// Workers at most; the generator they share does not keep more of them busy.
const WORKERS_MAX: usize = 4;
/// Events that each printed request finds at least, if there are so many.
const FOUND_EVENTS: usize = 10;
/// How long to wait when the store has too much to do.
const PAUSE: Duration = Duration::from_millis(20);

/// Fills a store with sample events.
pub(super) struct Filler {
    work: Arc<Work>,
}

/// What came of it.
pub(super) struct Filled {
    /// Events that are there now. Some platforms' shapes can hold the same event twice; it counts once.
    pub(super) events: u64,
    /// From when on each printed request finds something.
    pub(super) since: Since,
}

/// What the workers share.
struct Work {
    dialects: Vec<Box<dyn Dialect>>,
    tenants: Tenants,
    source: Mutex<Source>,
    result: Mutex<Outcome>,
    bar: ProgressBar,
    /// Nobody waits for the events any more.
    given_up: AtomicBool,
}

/// Where the events come from.
struct Source {
    generator: Generator,
    /// When those happen that are still to be made, oldest first.
    instants: vec::IntoIter<Timestamp>,
}

/// What has come of it so far.
#[derive(Default)]
struct Outcome {
    events: u64,
    /// For each platform when its newest events happened that the printed request can find.
    newest: BTreeMap<Platform, BinaryHeap<Reverse<Timestamp>>>,
}

/// Events of one platform and organization, as the body of an import.
struct Body {
    platform: Platform,
    organization: String,
    json: Vec<u8>,
}

/// Tells the workers to stop when nobody waits any more.
struct GiveUp(Arc<Work>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
        self.0.bar.finish_and_clear();
    }
}

impl Filler {
    /// Will make so many events of that seed, the last ones just before `now`.
    pub(super) fn new(seed: u64, events: u64, now: Timestamp) -> Self {
        let mut generator = Generator::new(seed);
        let instants = generator.instants(usize::try_from(events).unwrap_or(usize::MAX), now, SPAN);
        let busiest = generator.world().busiest();
        let tenant = |platform: Platform| platform.organization_id(busiest).to_owned();
        let tenants = Tenants {
            exoscale: tenant(Platform::Exoscale),
            qovery: tenant(Platform::Qovery),
            fujitsu: tenant(Platform::Fujitsu),
            rds: tenant(Platform::Rds),
        };
        let work = Work {
            dialects: annals_dialects::all(&annals_dialects::Config::default()),
            tenants,
            source: Mutex::new(Source { generator, instants: instants.into_iter() }),
            result: Mutex::default(),
            bar: output::progress("sample events", Some(events)),
            given_up: AtomicBool::new(false),
        };
        Self { work: Arc::new(work) }
    }

    /// The tenants that the requests ask about.
    pub(super) fn tenants(&self) -> &Tenants {
        &self.work.tenants
    }

    /// Makes, reads and records the events. When this is dropped before it is over, the workers stop soon.
    ///
    /// # Errors
    /// When an event cannot be read or recorded.
    pub(super) async fn fill(&self, store: &Store) -> Result<Filled, Failure> {
        let _give_up = GiveUp(Arc::clone(&self.work));
        let workers = thread::available_parallelism().map_or(1, NonZero::get).clamp(2, WORKERS_MAX);
        let mut running = JoinSet::new();
        for _ in 0..workers {
            let (work, store) = (Arc::clone(&self.work), store.clone());
            running.spawn_blocking(move || work.run(&store));
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|error| Failure::Refused(format!("cannot make sample events: {error}")))??;
        }
        let result = mem::take(&mut *lock(&self.work.result));
        let since = |platform: Platform| {
            // The oldest of the newest ones is at the top of the heap.
            result
                .newest
                .get(&platform)
                .and_then(|heap| heap.peek())
                .map_or(Timestamp::default(), |least| least.0)
        };
        Ok(Filled {
            events: result.events,
            since: Since {
                cloudfoundry: since(Platform::CloudFoundry),
                exoscale: since(Platform::Exoscale),
                qovery: since(Platform::Qovery),
                rafay: since(Platform::Rafay),
                fujitsu: since(Platform::Fujitsu),
                rds: since(Platform::Rds),
            },
        })
    }
}

impl Work {
    fn run(&self, store: &Store) -> Result<(), Failure> {
        loop {
            let bodies = self.make()?;
            if bodies.is_empty() || self.given_up.load(Ordering::Relaxed) {
                return Ok(());
            }
            let accepted = self.record(store, &bodies)?;
            lock(&self.result).events += accepted;
        }
    }

    /// Makes the next events, apart by platform and organization; nothing when there are enough.
    fn make(&self) -> Result<Vec<Body>, Failure> {
        let mut bodies: BTreeMap<(Platform, String), Vec<u8>> = BTreeMap::new();
        let mut source = lock(&self.source);
        let Source { generator, instants } = &mut *source;
        for (position, instant) in instants.take(CHUNK_EVENTS).enumerate() {
            let platform = Platform::ALL[position % Platform::ALL.len()];
            let sample = generator.sample(platform, instant);
            let json = bodies.entry((platform, sample.organization)).or_default();
            json.push(if json.is_empty() { b'[' } else { b',' });
            serde_json::to_writer(json, &sample.event)
                .map_err(|error| Failure::Refused(format!("cannot write a sample event: {error}")))?;
        }
        drop(source);
        let close = |((platform, organization), mut json): ((Platform, String), Vec<u8>)| {
            json.push(b']');
            Body { platform, organization, json }
        };
        Ok(bodies.into_iter().map(close).collect())
    }

    /// Records events; gives the number of new ones.
    fn record(&self, store: &Store, bodies: &[Body]) -> Result<u64, Failure> {
        loop {
            let events = self.read(bodies)?;
            let count = events.len() as u64;
            match Handle::current().block_on(store.append(Batch::new(events))) {
                Ok(appended) => {
                    self.bar.inc(count);
                    return Ok(appended.accepted);
                }
                Err(AppendError::Overloaded) if !self.given_up.load(Ordering::Relaxed) => {
                    thread::sleep(PAUSE);
                }
                Err(error) => {
                    return Err(Failure::Refused(format!("cannot record sample events: {error}")));
                }
            }
        }
    }

    fn read(&self, bodies: &[Body]) -> Result<Vec<Event>, Failure> {
        let mut all = Vec::with_capacity(CHUNK_EVENTS);
        for Body { platform, organization, json } in bodies {
            let name = platform.dialect();
            let unreadable = |error: &dyn std::error::Error| {
                Failure::Refused(format!("the dialect {name} cannot read a sample event: {error}"))
            };
            let dialect = self.dialects.iter().find(|dialect| dialect.name() == name).ok_or_else(|| {
                Failure::Refused(format!("there is no dialect {name} to read sample events"))
            })?;
            let import = Import { organization: Some(organization.clone()), installation: None };
            for event in dialect.read(json, &import).map_err(|error| unreadable(&error))? {
                let event = event.map_err(|error| unreadable(&error))?;
                self.note(*platform, &event);
                all.push(event);
            }
        }
        Ok(all)
    }

    /// Remembers when the newest events happened that the printed requests can find.
    fn note(&self, platform: Platform, event: &Event) {
        let organization = event.organization.as_ref().map_or("", |organization| &organization.id);
        let is_asked_for = match platform {
            Platform::CloudFoundry => true,
            Platform::Exoscale => organization == self.tenants.exoscale,
            Platform::Qovery => organization == self.tenants.qovery,
            Platform::Rafay => event.target.kind.as_deref() == Some(kind::INSTANCE),
            Platform::Fujitsu => organization == self.tenants.fujitsu,
            Platform::Rds => organization == self.tenants.rds,
        };
        if is_asked_for {
            let mut result = lock(&self.result);
            let newest = result.newest.entry(platform).or_default();
            newest.push(Reverse(event.time));
            if newest.len() > FOUND_EVENTS {
                newest.pop();
            }
        }
    }
}

/// The workers' errors end the demo, so nothing they leave behind is used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
