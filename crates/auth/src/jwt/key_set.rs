//! An issuer's published keys (JSON Web Key Set, RFC 7517; UAA's `/token_keys`): fetched, cached, and fetched again when
//! a token is signed by a key that is not among them. It must never let a caller make it fetch at will.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use annals_model::{Clock, Refusal, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

use super::{
    key::VerifyingKey,
    token::{Algorithm, Jwt},
};
use crate::{
    ConfigError, JwtConfig,
    remote::{self, elapsed},
};

/// Published keys that are used; further ones are ignored. It bounds the work for a token that names no key.
pub const JWT_KEYS_MAX: usize = 32;
/// Bytes of a key set.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// How long the key server may take in all.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);
/// How often keys are fetched at most, whatever callers present.
const FETCH_INTERVAL_MIN: Duration = Duration::from_secs(10);
/// How old keys become before they are fetched again although they fit, so that a withdrawn key stops being good.
const FRESH_MAX: Duration = Duration::from_secs(10 * 60);
/// How old keys may become while the key server does not answer.
const STALE_MAX: Duration = Duration::from_secs(60 * 60);

/// The keys at one URL.
pub(super) struct KeySet {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// Held while keys are fetched: one flight at a time.
    flight: tokio::sync::Mutex<()>,
}

struct Shared {
    url: String,
    agent: Agent,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Option<Fetched>,
    attempted: Option<Timestamp>,
    failed: bool,
}

#[derive(Clone)]
struct Fetched {
    keys: Arc<Vec<PublishedKey>>,
    at: Timestamp,
}

struct PublishedKey {
    id: Option<String>,
    /// The one algorithm it is for, where the issuer says so.
    algorithm: Option<Algorithm>,
    key: VerifyingKey,
}

/// What a set of keys says of a signature.
enum Finding {
    Good,
    /// The key that the token names is there, and did not make this signature.
    Bad,
    /// The key that the token names is not there.
    NoSuchKey,
}

impl KeySet {
    pub(super) fn new(url: &str, config: &JwtConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let uri = remote::check_url(url, config.jwks_allow_http, "jwks_allow_http")
            .map_err(|problem| JwtConfig::error("jwks_url", problem))?;
        let agent = remote::agent(&uri, config.jwks_ca_file.as_deref(), FETCH_TIME_MAX)
            .map_err(|problem| JwtConfig::error("jwks_ca_file", problem))?;
        let shared = Shared { url: url.to_owned(), agent, state: Mutex::new(State::default()) };
        Ok(Self { shared: Arc::new(shared), clock, flight: tokio::sync::Mutex::new(()) })
    }

    /// Finds the token's signature good, if need be after fetching the keys anew.
    pub(super) async fn verify(&self, algorithm: Algorithm, token: &Jwt<'_>) -> Result<(), Refusal> {
        let fetched = self.keys().await?;
        let finding = fetched.find(algorithm, token);
        if matches!(finding, Finding::Good) {
            return Ok(());
        }
        // The issuer may have changed its keys, even under the same name.
        match self.refresh(Some(&fetched)).await {
            Ok(newer) => match newer.find(algorithm, token) {
                Finding::Good => Ok(()),
                Finding::Bad | Finding::NoSuchKey => Err(Refusal::BadSignature),
            },
            // Its own key denies it, so the answer does not depend on the server that is away.
            Err(_) if matches!(finding, Finding::Bad) => Err(Refusal::BadSignature),
            Err(refusal) => Err(refusal),
        }
    }

    /// The keys of the moment.
    async fn keys(&self) -> Result<Fetched, Refusal> {
        let Some(known) = self.shared.state().keys.clone() else {
            return self.refresh(None).await;
        };
        if !elapsed(known.at, self.clock.now(), FRESH_MAX) {
            return Ok(known);
        }
        let bridged = !elapsed(known.at, self.clock.now(), STALE_MAX);
        if bridged && self.flight.try_lock().is_err() {
            // Somebody is fetching; a slow key server must not hold up those whom the old keys serve.
            return Ok(known);
        }
        match self.refresh(Some(&known)).await {
            Err(_) if bridged => Ok(known),
            answer => answer,
        }
    }

    /// Keys other than those seen, if somebody has brought or can bring them now.
    async fn refresh(&self, seen: Option<&Fetched>) -> Result<Fetched, Refusal> {
        let _flight = self.flight.lock().await;
        let now = self.clock.now();
        {
            let mut state = self.shared.state();
            if let Some(known) = &state.keys
                && seen.is_none_or(|seen| !Arc::ptr_eq(&seen.keys, &known.keys))
            {
                return Ok(known.clone());
            }
            if state.attempted.is_some_and(|attempted| !elapsed(attempted, now, FETCH_INTERVAL_MIN)) {
                return match &state.keys {
                    Some(known) if !state.failed => Ok(known.clone()),
                    _ => Err(Refusal::Unavailable),
                };
            }
            // Said before the flight, so that it holds even if nobody waits for its end.
            state.attempted = Some(now);
            state.failed = true;
        }
        let shared = Arc::clone(&self.shared);
        let flight = tokio::task::spawn_blocking(move || {
            let keys = shared.fetch()?;
            let fetched = Fetched { keys: Arc::new(keys), at: now };
            let mut state = shared.state();
            state.keys = Some(fetched.clone());
            state.failed = false;
            Ok::<_, String>(fetched)
        });
        let problem = match flight.await {
            Ok(Ok(fetched)) => return Ok(fetched),
            Ok(Err(problem)) => problem,
            Err(error) => error.to_string(),
        };
        tracing::warn!(url = self.shared.url, problem, "the keys of the token issuer cannot be fetched");
        Err(Refusal::Unavailable)
    }
}

impl Shared {
    /// A panic while the lock was held cannot have left the state half-written: every change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self) -> Result<Vec<PublishedKey>, String> {
        let mut answer = self.agent.get(&self.url).call().map_err(|error| error.to_string())?;
        if answer.status() != 200 {
            return Err(format!("the key server answered {}", answer.status()));
        }
        let body = answer
            .body_mut()
            .with_config()
            .limit(BODY_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| error.to_string())?;
        read_key_set(&body)
    }
}

impl Fetched {
    fn find(&self, algorithm: Algorithm, token: &Jwt<'_>) -> Finding {
        let mut finding = Finding::NoSuchKey;
        for published in self.keys.iter() {
            let named = token.header.kid.is_some() && token.header.kid == published.id;
            let candidate = (named || token.header.kid.is_none())
                && published.algorithm.is_none_or(|only| only == algorithm)
                && published.key.fits(algorithm);
            if candidate && published.key.verify(algorithm, token.signed, &token.signature) {
                return Finding::Good;
            }
            if candidate && named {
                finding = Finding::Bad;
            }
        }
        finding
    }
}

/// One key of a set. UAA and others add fields of their own and kinds of keys that are of no use here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Value>,
}

fn read_key_set(body: &[u8]) -> Result<Vec<PublishedKey>, String> {
    let set: JwkSet =
        serde_json::from_slice(body).map_err(|error| format!("the answer is not a key set: {error}"))?;
    let keys: Vec<_> = set.keys.into_iter().filter_map(read_key).take(JWT_KEYS_MAX).collect();
    if keys.is_empty() {
        return Err("the key set holds no RSA or P-256 key for signatures".to_owned());
    }
    Ok(keys)
}

/// Holds a token's signature against a key set.
#[cfg(feature = "fuzzing")]
pub(crate) fn verify_with_key_set(key_set: &[u8], token: &str) -> Option<bool> {
    let keys = Arc::new(read_key_set(key_set).ok()?);
    let token = Jwt::parse(token)?;
    let algorithm = Algorithm::from_name(&token.header.alg)?;
    let fetched = Fetched { keys, at: Timestamp::default() };
    Some(matches!(fetched.find(algorithm, &token), Finding::Good))
}

/// One key, or nothing where it is not for verifying signatures here.
fn read_key(value: Value) -> Option<PublishedKey> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let algorithm = match jwk.alg.as_deref() {
        None => None,
        // Older UAAs name it in Java's words.
        Some("SHA256withRSA") => Some(Algorithm::Rs256),
        Some(name) => Some(Algorithm::from_name(name)?),
    };
    let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => VerifyingKey::from_rsa_components(&jwk.n?, &jwk.e?)?,
        ("EC", Some("P-256")) => VerifyingKey::from_p256_components(&jwk.x?, &jwk.y?)?,
        _ => return None,
    };
    Some(PublishedKey { id: jwk.kid, algorithm, key })
}
