//! A server on a free port with a fresh store, and credentials of every kind.

use std::{net::SocketAddr, path::Path, sync::Arc};

use annals_auth::{Authenticator, CredentialConfig};
use annals_dialects::Dialect;
use annals_model::{Clock, SystemClock};
use annals_server::{BindError, Limits, Server, Settings};
use annals_store::{Options, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::oneshot, task::JoinHandle};

use crate::client::{Answer, Request};

/// Reads and writes everything.
pub(crate) const ADMIN: &str = "token-admin";
/// Reads everything.
pub(crate) const READER: &str = "token-reader";
/// Writes everything and reads nothing.
pub(crate) const WRITER: &str = "token-writer";
/// Reads and writes the organization `acme`.
pub(crate) const ACME: &str = "token-acme";
/// Reads and writes the project `web` of the organization `acme`.
pub(crate) const WEB: &str = "token-web";
/// Is known and may do nothing.
pub(crate) const NOBODY: &str = "token-nobody";

/// How a server is to be set up.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) credentials: Value,
    pub(crate) dialects: Vec<Box<dyn Dialect>>,
    /// The machine that tests run on may be short of space; only one of them is about that.
    pub(crate) free_bytes_min: u64,
}

impl Default for Setup {
    fn default() -> Self {
        let settings = Settings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Settings::default() };
        Self {
            settings,
            credentials: credentials(),
            dialects: annals_dialects::all(&Default::default()),
            free_bytes_min: 0,
        }
    }
}

impl Setup {
    pub(crate) fn limits(limits: Limits) -> Self {
        let mut setup = Self::default();
        setup.settings.limits = limits;
        setup
    }

    /// Opens a store in this directory and binds a server.
    pub(crate) async fn bind(self, dir: &TempDir) -> Result<Server, BindError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut options = Options::new(dir.path());
        options.free_bytes_min = self.free_bytes_min;
        let store = Store::open(options, Arc::clone(&clock)).unwrap();
        let credentials: Vec<CredentialConfig> = serde_json::from_value(self.credentials).unwrap();
        let authenticator = Authenticator::new(&credentials, None, Arc::clone(&clock)).unwrap();
        Server::bind(self.settings, store, authenticator, self.dialects, clock).await
    }
}

fn credentials() -> Value {
    let grant = |role: &str| json!([{ "role": role }]);
    let both = |organization: Value| {
        let mut grants = Vec::new();
        for role in ["reader", "writer"] {
            let mut grant = organization.clone();
            grant["role"] = role.into();
            grants.push(grant);
        }
        Value::from(grants)
    };
    json!([
        { "name": "admin", "token": ADMIN, "grants": grant("admin") },
        { "name": "reader", "token": READER, "grants": grant("reader") },
        { "name": "writer", "token": WRITER, "grants": grant("writer") },
        { "name": "acme", "token": ACME, "grants": both(json!({ "organization": "acme" })) },
        { "name": "web", "token": WEB, "grants": both(json!({ "organization": "acme", "project": "web" })) },
        { "name": "nobody", "token": NOBODY, "grants": [] },
    ])
}

/// A running server.
pub(crate) struct Fixture {
    pub(crate) address: SocketAddr,
    runtime: Runtime,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<std::io::Result<()>>>,
    dir: Option<TempDir>,
}

impl Fixture {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        Self::reopen(setup, tempfile::tempdir().unwrap())
    }

    /// Starts a server on what another one left.
    pub(crate) fn reopen(setup: Setup, dir: TempDir) -> Self {
        crate::logs::capture();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(setup.bind(&dir)).unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = runtime.spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self { address, runtime, stop: Some(stop), running: Some(running), dir: Some(dir) }
    }

    /// Asks the server to stop.
    pub(crate) fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until the server has stopped; gives the directory of its store.
    pub(crate) fn wait_stopped(mut self) -> TempDir {
        self.runtime.block_on(self.running.take().unwrap()).unwrap().unwrap();
        self.dir.take().unwrap()
    }

    /// Where its store lies.
    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        Request::new(self.address, "GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        Request::new(self.address, "POST", path)
    }

    /// Records events, all of which must be new.
    pub(crate) fn record(&self, events: &[Value]) {
        let answer = self.post("/api/v1/events").token(ADMIN).json(Value::from(events).to_string()).send();
        assert_eq!(answer.json(), json!({ "accepted": events.len(), "duplicates": 0, "rejected": [] }));
    }

    /// What a list with these parameters answers to somebody who may read everything.
    pub(crate) fn list(&self, parameters: &str) -> Value {
        let answer = self.list_as(READER, parameters);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub(crate) fn list_as(&self, token: &str, parameters: &str) -> Answer {
        self.get(&format!("/api/v1/events?{parameters}")).token(token).send()
    }

    /// The types of the events that a list answers.
    pub(crate) fn types(&self, parameters: &str) -> Vec<String> {
        types(&self.list(parameters))
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            let _ = self.runtime.block_on(running);
        }
    }
}

/// The types of the events of a list.
pub(crate) fn types(list: &Value) -> Vec<String> {
    let events = list["events"].as_array().unwrap();
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// An event of a type in the minute of its number.
pub(crate) fn event(kind: &str, minute: u32) -> Value {
    let hour = 10 + minute / 60;
    json!({ "type": kind, "time": format!("2026-03-01T{hour:02}:{:02}:00Z", minute % 60) })
}

/// An event of an organization.
pub(crate) fn event_of(organization: &str, kind: &str) -> Value {
    let mut event = event(kind, 0);
    event["organization"] = json!({ "id": organization });
    event
}
