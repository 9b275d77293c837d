//! Tokens of OpenStack's identity service, Keystone: asked about, remembered, and asked about once however many requests
//! present the same one. It must not know where a token was found in a request, nor how a refusal is worded.
//!
//! `config` says whom to ask, `client` asks, `answer` reads what Keystone says of a token, `cache` remembers it.

mod answer;
mod cache;
mod client;
mod config;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use annals_model::{Clock, Principal, Refusal, Timestamp};
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
    time::timeout,
};

pub use self::config::KeystoneConfig;
use self::{
    cache::{Verdict, Verdicts},
    client::{Client, Fault},
};
use crate::{
    ConfigError,
    static_tokens::{Digest, sha256},
};

/// Bytes of a token; a longer one is refused unasked. Keystone's own have some 200, and servers before it often take no
/// more than 4 KiB of headers.
const TOKEN_BYTES_MAX: usize = 2048;
/// Questions that are put to Keystone at once.
const QUESTIONS_MAX: usize = 16;
/// Tokens that are asked about or wait to be; beyond it nobody waits.
const FLIGHTS_MAX: usize = 256;

/// Judges tokens by asking Keystone.
pub(crate) struct Keystone {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    questions: Semaphore,
}

struct State {
    verdicts: Verdicts,
    flights: HashMap<Digest, watch::Receiver<Option<Verdict>>>,
}

impl Keystone {
    pub(crate) fn new(config: &KeystoneConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let client = Client::new(config, Arc::clone(&clock))?;
        let verdicts = Verdicts::new(
            Duration::from_secs(config.cache_seconds),
            Duration::from_secs(config.refused_cache_seconds),
        );
        let shared = Shared {
            client,
            clock,
            state: Mutex::new(State { verdicts, flights: HashMap::new() }),
            questions: Semaphore::new(QUESTIONS_MAX),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whose token this is.
    pub(crate) async fn judge(&self, token: &str) -> Result<Principal, Refusal> {
        if token.len() > TOKEN_BYTES_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::Unknown);
        }
        let mut flight = match self.find_or_ask(token) {
            Progress::Landed(verdict) => return verdict.map(|known| (*known.principal).clone()),
            Progress::Flying(flight) => flight,
        };
        let landed = flight.wait_for(Option::is_some).await;
        match landed.as_deref() {
            Ok(Some(Ok(known))) => Ok((*known.principal).clone()),
            Ok(Some(Err(refusal))) => Err(*refusal),
            Ok(None) | Err(_) => Err(Refusal::Unavailable),
        }
    }

    fn find_or_ask(&self, token: &str) -> Progress {
        let digest = sha256(token.as_bytes());
        let now = self.shared.clock.now();
        let mut state = self.shared.state();
        if let Some(verdict) = state.verdicts.find(&digest, now) {
            return Progress::Landed(verdict);
        }
        if let Some(flight) = state.flights.get(&digest) {
            return Progress::Flying(flight.clone());
        }
        if state.flights.len() >= FLIGHTS_MAX {
            return Progress::Landed(Err(Refusal::Unavailable));
        }
        let (sender, receiver) = watch::channel(None);
        state.flights.insert(digest, receiver.clone());
        let shared = Arc::clone(&self.shared);
        let flight = Flight { shared, digest, since: now, verdict: Err(Refusal::Unavailable), sender };
        // On its own, so that it lands even if the request that began it is given up.
        tokio::spawn(flight.fly(token.to_owned()));
        Progress::Flying(receiver)
    }
}

impl Shared {
    /// A panic while the lock was held cannot have left the state half-written: every change is one call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the question about a token is.
enum Progress {
    Landed(Verdict),
    Flying(watch::Receiver<Option<Verdict>>),
}

/// A question about one token on its way. However it ends, who waits is told.
struct Flight {
    shared: Arc<Shared>,
    digest: Digest,
    since: Timestamp,
    verdict: Verdict,
    sender: watch::Sender<Option<Verdict>>,
}

impl Flight {
    async fn fly(mut self, token: String) {
        let shared = Arc::clone(&self.shared);
        let patience = shared.client.question_time_max();
        let Ok(Ok(_permit)) = timeout(patience, shared.questions.acquire()).await else {
            tracing::warn!(url = shared.client.url(), "too many tokens wait for Keystone's answer");
            return;
        };
        let asking = Arc::clone(&self.shared);
        let problem = match spawn_blocking(move || asking.client.validate(&token)).await {
            Ok(Ok(known)) => {
                self.verdict = Ok(known);
                return;
            }
            Ok(Err(Fault::Refused(refusal))) => {
                self.verdict = Err(refusal);
                return;
            }
            Ok(Err(Fault::Trouble(problem))) => problem,
            Err(error) => error.to_string(),
        };
        tracing::warn!(url = shared.client.url(), problem, "Keystone cannot judge a token");
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.verdicts.keep(self.digest, &self.verdict, self.since);
            state.flights.remove(&self.digest);
        }
        self.sender.send_replace(Some(self.verdict.clone()));
    }
}

/// What an answer about a token grants.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_answer(answer: &[u8]) -> Option<Principal> {
    let known = answer::known(answer, &["admin".to_owned()]).ok()?;
    Some((*known.principal).clone())
}
