//! Asks Keystone (its API version 3) about tokens, with a token of its own that it obtains and renews. It blocks, so it
//! is used on threads that may; what is remembered of the answers is not its business.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use annals_model::{Clock, Refusal, Timestamp};
use serde_json::json;
use ureq::{
    Agent, Body,
    http::{Response, StatusCode},
};

use super::{
    KeystoneConfig,
    answer::{self, Known},
};
use crate::{
    ConfigError, Secret,
    remote::{self, elapsed},
};

/// Times a request is sent at most when the connection fails.
const ATTEMPTS_MAX: u32 = 3;
/// How long to wait before it is sent again.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of an answer.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// How long before its end the own token is renewed, or half its life if that is shorter.
const RENEWAL_AHEAD: Duration = Duration::from_secs(60);
/// How often at most the own token is asked for after that failed: a wrong password must not lock the user out.
const LOGIN_INTERVAL_MIN: Duration = Duration::from_secs(5);

/// Asks Keystone.
pub(super) struct Client {
    agent: Agent,
    /// Without a final slash.
    base: String,
    /// The request for an own token; it holds the password.
    login: Secret,
    time_max: Duration,
    admin_roles: Vec<String>,
    clock: Arc<dyn Clock>,
    /// Held while the own token is obtained: one attempt at a time.
    own: Mutex<Own>,
}

#[derive(Default)]
struct Own {
    token: Option<OwnToken>,
    failed: Option<Timestamp>,
}

#[derive(Clone)]
struct OwnToken {
    text: Arc<Secret>,
    since: Timestamp,
    renewal: Timestamp,
    expires: Timestamp,
}

/// Why there is no answer about a token.
pub(super) enum Fault {
    /// Keystone denies it.
    Refused(Refusal),
    /// Keystone could not be asked. The text is for the log.
    Trouble(String),
}

impl From<String> for Fault {
    fn from(problem: String) -> Self {
        Self::Trouble(problem)
    }
}

/// A whole answer.
struct Answer {
    status: StatusCode,
    /// The header in which Keystone gives a new token.
    token: Option<Secret>,
    body: Vec<u8>,
}

impl Client {
    pub(super) fn new(config: &KeystoneConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        config.check()?;
        let uri = remote::check_url(&config.url, config.allow_http, "allow_http")
            .map_err(|problem| KeystoneConfig::error("url", problem))?;
        let time_max = Duration::from_secs(config.timeout_seconds);
        let agent = remote::agent(&uri, config.ca_file.as_deref(), time_max)
            .map_err(|problem| KeystoneConfig::error("ca_file", problem))?;
        let login = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": config.username,
                "domain": {"name": config.user_domain},
                "password": config.password.expose(),
            }}},
            "scope": {"project": {"name": config.project, "domain": {"name": config.project_domain}}},
        }});
        Ok(Self {
            agent,
            base: config.base()?.to_owned(),
            login: Secret::new(login.to_string()),
            time_max,
            admin_roles: config.admin_roles.clone(),
            clock,
            own: Mutex::new(Own::default()),
        })
    }

    /// Whom it asks, for the log.
    pub(super) fn url(&self) -> &str {
        &self.base
    }

    /// How long a question may take in all: an own token and the answer, or the answer twice.
    pub(super) const fn question_time_max(&self) -> Duration {
        self.time_max.saturating_mul(2)
    }

    /// What Keystone says of a token.
    pub(super) fn validate(&self, token: &str) -> Result<Known, Fault> {
        let deadline = Instant::now() + self.question_time_max();
        let own = self.own_token(None, deadline)?;
        let mut answer = self.ask(&own, token, deadline)?;
        if answer.status == StatusCode::UNAUTHORIZED {
            // That is about the own token: somebody has revoked it, or Keystone has lost its keys.
            let own = self.own_token(Some(&own), deadline)?;
            answer = self.ask(&own, token, deadline)?;
        }
        match answer.status {
            StatusCode::OK => {
                let known = answer::known(&answer.body, &self.admin_roles)?;
                if known.expires <= self.clock.now() {
                    return Err(Fault::Refused(Refusal::Expired));
                }
                Ok(known)
            }
            // Keystone says the same of a token that is garbled, expired or revoked.
            StatusCode::NOT_FOUND => Err(Fault::Refused(Refusal::Unknown)),
            StatusCode::UNAUTHORIZED => {
                Err(Fault::Trouble("it does not take the token that it gave to `username`".to_owned()))
            }
            StatusCode::FORBIDDEN => Err(Fault::Trouble(
                "`username` may not validate tokens: give it the role `service` on `project`".to_owned(),
            )),
            status => Err(Fault::Trouble(format!("it answered {status}"))),
        }
    }

    fn ask(&self, own: &Secret, token: &str, deadline: Instant) -> Result<Answer, String> {
        let url = format!("{}/auth/tokens?nocatalog", self.base);
        self.send(deadline, |time| {
            let request = self.agent.get(&url).config().timeout_global(Some(time)).build();
            request.header("x-auth-token", own.expose()).header("x-subject-token", token).call()
        })
    }

    /// The token to ask with, other than one that Keystone did not take.
    fn own_token(&self, rejected: Option<&Arc<Secret>>, deadline: Instant) -> Result<Arc<Secret>, String> {
        // A panic while it was held cannot have left it half-written: every change is one assignment.
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let usable = own.token.clone().filter(|token| {
            rejected.is_none_or(|rejected| !Arc::ptr_eq(rejected, &token.text))
                && token.since <= now
                && now < token.expires
        });
        if let Some(token) = &usable
            && now < token.renewal
        {
            return Ok(Arc::clone(&token.text));
        }
        let attempt = if own.failed.is_some_and(|failed| !elapsed(failed, now, LOGIN_INTERVAL_MIN)) {
            Err("it gave no token to `username` a moment ago".to_owned())
        } else {
            self.obtain(now, deadline)
        };
        match (attempt, usable) {
            (Ok(token), _) => {
                *own = Own { token: Some(token.clone()), failed: None };
                Ok(token.text)
            }
            (Err(problem), usable) => {
                if own.failed.is_none_or(|failed| elapsed(failed, now, LOGIN_INTERVAL_MIN)) {
                    own.failed = Some(now);
                }
                // There is time until it ends.
                usable.map(|token| token.text).ok_or(problem)
            }
        }
    }

    fn obtain(&self, now: Timestamp, deadline: Instant) -> Result<OwnToken, String> {
        let url = format!("{}/auth/tokens?nocatalog", self.base);
        let answer = self.send(deadline, |time| {
            let request = self.agent.post(&url).config().timeout_global(Some(time)).build();
            request.header("content-type", "application/json").send(self.login.expose())
        })?;
        match (answer.status, answer.token) {
            (StatusCode::CREATED, Some(text)) => {
                let expires = answer::expiry(&answer.body)?;
                let life = Duration::from_nanos((expires.nanos() - now.nanos()).max(0).unsigned_abs());
                let renewal = expires.minus(RENEWAL_AHEAD.min(life / 2));
                Ok(OwnToken { text: Arc::new(text), since: now, renewal, expires })
            }
            (StatusCode::UNAUTHORIZED, _) => {
                Err("it refuses `username`, `password`, `project` or their domains".to_owned())
            }
            (status, _) => Err(format!("it answered {status} instead of giving `username` a token")),
        }
    }

    /// Sends a request until there is an answer, again only where the connection failed.
    fn send(
        &self,
        deadline: Instant,
        request: impl Fn(Duration) -> Result<Response<Body>, ureq::Error>,
    ) -> Result<Answer, String> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let time = deadline.saturating_duration_since(Instant::now()).min(self.time_max);
            if time.is_zero() {
                return Err("it takes too long".to_owned());
            }
            match request(time).and_then(receive) {
                Ok(answer) => return Ok(answer),
                Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed) if attempts < ATTEMPTS_MAX => {
                    thread::sleep(ATTEMPT_PAUSE);
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

fn receive(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let token = response.headers().get("x-subject-token").and_then(|value| value.to_str().ok());
    let token = token.filter(|token| !token.is_empty()).map(Secret::new);
    let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec()?;
    Ok(Answer { status: response.status(), token, body })
}
