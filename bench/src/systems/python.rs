//! Peers that live in a Python process: ClickHouse (chdb), DuckDB, SQLite. The process runs `bench/peers.py`, takes
//! one JSON object a line and answers with one; what it reports of time it measured itself, beside the database.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use annals_testkit::Profile;
use serde_json::{Value as Json, json};

use super::{
    peer::{Loaded, Peer, Rows, Singles, TableFile},
    sql::{Speech, Statement},
};
use crate::{
    data::{BATCH_EVENTS, Kind, Sample, Value, columns},
    workloads::queries::{Query, Shape},
};

/// A Python process with one database.
pub(crate) struct Python {
    key: &'static str,
    speech: Speech,
    profile: Profile,
    version: String,
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may be gone already; its directory is thrown away.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Python {
    /// Starts the database of that key on a fresh directory.
    pub(crate) fn start(
        key: &'static str,
        python: &Path,
        directory: &Path,
        profile: Profile,
    ) -> Result<Self, String> {
        let speech = match key {
            "clickhouse" => Speech::ClickHouse,
            "duckdb" => Speech::DuckDb,
            _ => Speech::Sqlite,
        };
        let mut process = Command::new(python)
            .args(["bench/peers.py", key])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", python.display()))?;
        let (Some(to), Some(from)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(format!("{key}: the process has no pipes"));
        };
        let from = BufReader::new(from);
        let mut peer = Self { key, speech, profile, version: String::new(), process, to, from };
        let answer = peer.call(&json!({ "do": "version" }))?;
        peer.version = answer["version"].as_str().unwrap_or_default().to_owned();
        Ok(peer)
    }

    /// Sends one request and takes its answer.
    fn call(&mut self, request: &Json) -> Result<Json, String> {
        let key = self.key;
        let failed = |error: std::io::Error| format!("{key}: the process is gone: {error}");
        let mut line = request.to_string();
        line.push('\n');
        self.to.write_all(line.as_bytes()).and_then(|()| self.to.flush()).map_err(failed)?;
        let mut answer = String::new();
        if self.from.read_line(&mut answer).map_err(failed)? == 0 {
            return Err(format!("{key}: the process ended"));
        }
        let answer: Json =
            serde_json::from_str(&answer).map_err(|error| format!("{key}: bad answer: {error}: {answer}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(format!("{key}: {error}")),
            None => Ok(answer),
        }
    }

    fn run(&mut self, statements: &[String]) -> Result<(), String> {
        self.call(&json!({ "do": "run", "statements": statements })).map(drop)
    }

    /// What the process must know of the columns to read rows by itself.
    fn columns(&self) -> Json {
        let kind = |kind| match kind {
            Kind::Id => "id",
            Kind::Millis | Kind::Number => "number",
            Kind::Word | Kind::Text | Kind::Address | Kind::Json => "text",
        };
        columns(self.profile).iter().map(|column| json!([column.name, kind(column.kind)])).collect()
    }

    fn load(&mut self, table: &str, file: &TableFile, rows_at_once: Option<u64>) -> Result<Loaded, String> {
        let answer = self.call(&json!({
            "do": "load", "table": table, "file": file.path, "rows_at_once": rows_at_once,
            "columns": self.columns(),
        }))?;
        if answer["rows"].as_u64() != Some(file.rows) {
            return Err(format!("{}: loaded {} rows of {}", self.key, answer["rows"], file.rows));
        }
        Ok(Loaded { rows: file.rows, took: nanos(&answer) })
    }

    fn send_query(&mut self, query: &Query, sample: &Sample, is_shown: bool) -> Result<Json, String> {
        let statements: Vec<Json> = self
            .speech
            .statements(query, sample, self.profile)?
            .iter()
            .map(|Statement { text, values }| json!([text, values.iter().map(shown).collect::<Vec<_>>()]))
            .collect();
        let ids_only = matches!(query.shape, Shape::Events | Shape::Event | Shape::Page);
        self.call(&json!({ "do": "ask", "statements": statements, "show": is_shown, "first_only": ids_only }))
    }
}

fn shown(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::Instant(millis) => json!(millis),
        Value::Id(id) => json!({ "id": id.to_string() }),
    }
}

fn nanos(answer: &Json) -> Duration {
    Duration::from_nanos(answer["nanos"].as_u64().unwrap_or_default())
}

impl Peer for Python {
    fn key(&self) -> &'static str {
        self.key
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn create(&mut self, table: &str, indexed: bool) -> Result<(), String> {
        let mut statements = self.speech.table(table, self.profile);
        if indexed {
            statements.extend(self.speech.indexes(table, self.profile));
        }
        self.run(&statements)
    }

    fn load_batches(
        &mut self,
        table: &str,
        file: &TableFile,
        clients: usize,
    ) -> Result<Option<Loaded>, String> {
        if clients > 1 {
            return Ok(None);
        }
        self.load(table, file, Some(BATCH_EVENTS)).map(Some)
    }

    fn load_bulk(&mut self, table: &str, file: &TableFile) -> Result<Loaded, String> {
        self.load(table, file, None)
    }

    fn finish(&mut self, table: &str, indexed: bool) -> Result<Duration, String> {
        let indexes = if indexed { Vec::new() } else { self.speech.indexes(table, self.profile) };
        let answer = self.call(&json!({ "do": "finish", "table": table, "statements": indexes }))?;
        Ok(nanos(&answer))
    }

    fn remove(&mut self, table: &str) -> Result<(), String> {
        let mut statements = vec![format!("drop table {table}")];
        if self.speech == Speech::Sqlite && self.profile == Profile::Large1017 {
            statements.push(format!("drop table if exists {table}_words"));
        }
        self.run(&statements)
    }

    fn bytes(&mut self, table: &str) -> Result<u64, String> {
        let answer = self.call(&json!({ "do": "bytes", "table": table }))?;
        answer["bytes"].as_u64().ok_or_else(|| format!("{}: no bytes", self.key))
    }

    fn ask(&mut self, query: &Query, sample: &Sample) -> Result<Duration, String> {
        self.send_query(query, sample, false).map(|answer| nanos(&answer))
    }

    fn answer(&mut self, query: &Query, sample: &Sample) -> Result<Rows, String> {
        let answer = self.send_query(query, sample, true)?;
        serde_json::from_value(answer["rows"].clone())
            .map_err(|error| format!("{}: bad rows: {error}", self.key))
    }

    fn export(&mut self) -> Result<(u64, Duration), String> {
        let answer = self.call(&json!({ "do": "export", "columns": self.columns() }))?;
        Ok((answer["bytes"].as_u64().unwrap_or_default(), nanos(&answer)))
    }

    fn singles(
        &mut self,
        file: &TableFile,
        clients: usize,
        at_most: Duration,
    ) -> Result<Option<Singles>, String> {
        // SQLite takes one writer at a time; the others are not made for single rows.
        if clients > 1 || self.speech != Speech::Sqlite {
            return Ok(None);
        }
        let answer = self.call(&json!({
            "do": "singles", "file": file.path, "columns": self.columns(), "seconds": at_most.as_secs_f64(),
        }))?;
        let times: Vec<u64> = serde_json::from_value(answer["times"].clone())
            .map_err(|error| format!("{}: bad times: {error}", self.key))?;
        Ok(Some(Singles {
            took: nanos(&answer),
            times: times.into_iter().map(Duration::from_nanos).collect(),
        }))
    }
}
