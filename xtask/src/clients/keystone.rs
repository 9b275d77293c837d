//! The Keystone of a run: a copy of the prepared one, and what the server under test and the scripts are told of it.
//! It is started and stopped by the script that checks what happens then.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::install;

/// Seconds for which a good token is remembered: the script waits until a revoked one is forgotten.
const CACHE_SECONDS: u64 = 2;

/// A Keystone that can be started.
pub(crate) struct Keystone {
    directory: PathBuf,
    port: u16,
    /// Its users, their passwords and projects.
    users: Value,
}

impl Keystone {
    /// Copies the prepared one to a directory of the run's, and chooses its port.
    pub(crate) fn copy(prepared: &Path, directory: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("Keystone in {}: {error}", directory.display());
        install::copy(prepared, directory).map_err(failed)?;
        let users = fs::read_to_string(directory.join("facts.json")).map_err(failed)?;
        let users =
            serde_json::from_str(&users).map_err(|error| format!("Keystone's facts.json: {error}"))?;
        // Between this moment and Keystone's own bind somebody else could take the port; the script then says so.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = port.map_err(failed)?.port();
        Ok(Self { directory: directory.to_owned(), port, users })
    }

    /// The project whose events the Fujitsu dialect shows.
    pub(crate) fn tenant(&self) -> &str {
        self.users["alice"]["project_id"].as_str().unwrap_or_default()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v3", self.port)
    }

    /// The server's settings.
    pub(crate) fn settings(&self) -> String {
        let validator = &self.users["validator"];
        format!(
            "[keystone]\nurl = \"{}\"\nusername = {}\npassword = {}\nproject = {}\n\
             cache_seconds = {CACHE_SECONDS}\nrefused_cache_seconds = 0\ntimeout_seconds = 30\n",
            self.url(),
            validator["name"],
            validator["password"],
            validator["project"],
        )
    }

    /// What the scripts are told.
    pub(crate) fn facts(&self) -> Value {
        json!({
            "url": self.url(), "port": self.port, "directory": self.directory, "users": self.users,
            "cache_seconds": CACHE_SECONDS,
        })
    }
}
