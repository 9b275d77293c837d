//! PostgreSQL: a cluster of its own in a temporary directory, tuned, spoken to over a Unix socket with prepared
//! statements and binary rows.

use std::{
    collections::HashMap,
    fs,
    io::Write,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use annals_testkit::Profile;
use postgres::{
    Client, Config, NoTls, Row,
    types::{ToSql, Type},
};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    peer::{Loaded, Peer, Rows, Singles, TableFile},
    sql::{Speech, Statement},
};
use crate::{
    data::{BATCH_EVENTS, Sample, Value, columns},
    machine,
    workloads::queries::{Query, Shape},
};

/// Where Debian's package of the version that is compared with keeps its programs.
pub(crate) const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// The user that the Debian package makes; the server refuses to run as root.
const SYSTEM_USER: &str = "postgres";
const START_MAX: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;
/// Shared buffers: a quarter of the memory, within these.
const BUFFERS_MIN: u64 = 128 * MIB;
const BUFFERS_MAX: u64 = 4096 * MIB;

/// The cluster and a client.
pub(crate) struct Postgres {
    profile: Profile,
    version: String,
    client: Client,
    prepared: HashMap<String, postgres::Statement>,
    // Last, so that clients are gone before the server goes.
    cluster: Cluster,
}

/// A server process; ended when dropped.
struct Cluster {
    server: Child,
    socket: TempDir,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may be gone already. SIGQUIT ends it at once; its directory is thrown away.
        let _ = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

impl Postgres {
    /// Starts a cluster in that directory.
    pub(crate) fn start(directory: &Path, profile: Profile) -> Result<Self, String> {
        let user = system_user()?;
        let data = directory.join("cluster");
        fs::create_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
        let socket = TempDir::new().map_err(|error| format!("no temporary directory: {error}"))?;
        if let Some((uid, gid)) = user {
            for path in [data.as_path(), socket.path()] {
                chown(path, Some(uid), Some(gid)).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        let program = |name: &str| {
            let mut command = Command::new(Path::new(PROGRAMS).join(name));
            command.stdin(Stdio::null()).stdout(Stdio::null()).current_dir(socket.path());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let log_path = directory.join("postgresql.log");
        let log = fs::File::create(&log_path).map_err(|error| format!("{}: {error}", log_path.display()))?;
        let second = log.try_clone().map_err(|error| format!("{}: {error}", log_path.display()))?;
        let made = program("initdb")
            .arg("-D")
            .arg(&data)
            .args(["--auth=trust", "--username=bench", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .stderr(second)
            .status()
            .map_err(|error| format!("initdb: {error}"))?;
        if !made.success() {
            return Err(format!(
                "initdb failed, see {}; the directory must be one that the user `{SYSTEM_USER}` may reach: give \
                 another with --directory",
                log_path.display()
            ));
        }
        let mut command = program("postgres");
        command.arg("-D").arg(&data).arg("-k").arg(socket.path()).stderr(log);
        for setting in settings() {
            command.arg("-c").arg(setting);
        }
        let server = command.spawn().map_err(|error| format!("postgres: {error}"))?;
        let cluster = Cluster { server, socket };
        let mut client = cluster.wait_until_ready(&log_path)?;
        let version: String = client
            .query_one("show server_version", &[])
            .map(|row| row.get(0))
            .map_err(|error| said(&error))?;
        Ok(Self { profile, version, client, prepared: HashMap::new(), cluster })
    }

    fn execute(&mut self, text: &str) -> Result<(), String> {
        self.client.batch_execute(text).map_err(|error| format!("{text}: {}", said(&error)))
    }

    fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, String> {
        let failed = |error: postgres::Error| format!("{}: {}", statement.text, said(&error));
        let prepared = match self.prepared.get(&statement.text) {
            Some(prepared) => prepared.clone(),
            None => {
                let prepared = self.client.prepare(&statement.text).map_err(failed)?;
                self.prepared.insert(statement.text.clone(), prepared.clone());
                prepared
            }
        };
        let values: Vec<&(dyn ToSql + Sync)> = statement
            .values
            .iter()
            .map(|value| match value {
                Value::Text(text) => text as &(dyn ToSql + Sync),
                Value::Instant(millis) => millis,
                Value::Id(id) => id,
            })
            .collect();
        self.client.query(&prepared, &values).map_err(failed)
    }

    /// Runs the same work in threads with a client each; the time from the first to the last.
    fn with_clients(
        &self,
        clients: usize,
        work: impl Fn(&mut Client) -> Result<(), String> + Sync,
    ) -> Result<Duration, String> {
        let clients: Vec<Client> = (0..clients).map(|_| self.cluster.connect()).collect::<Result<_, _>>()?;
        let failure = Mutex::new(None);
        let begun = Instant::now();
        thread::scope(|scope| {
            for mut client in clients {
                let (work, failure) = (&work, &failure);
                scope.spawn(move || {
                    if let Err(error) = work(&mut client) {
                        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    }
                });
            }
        });
        let took = begun.elapsed();
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(took), Err)
    }
}

impl Peer for Postgres {
    fn key(&self) -> &'static str {
        "postgresql"
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn create(&mut self, table: &str, indexed: bool) -> Result<(), String> {
        let mut statements = Speech::PostgreSql.table(table, self.profile);
        if indexed {
            statements.extend(Speech::PostgreSql.indexes(table, self.profile));
        }
        statements.iter().try_for_each(|statement| self.execute(statement))
    }

    fn load_batches(
        &mut self,
        table: &str,
        file: &TableFile,
        clients: usize,
    ) -> Result<Option<Loaded>, String> {
        let text = read(&file.path)?;
        let batches: Vec<Vec<&str>> = text
            .split_inclusive('\n')
            .collect::<Vec<_>>()
            .chunks(BATCH_EVENTS as usize)
            .map(<[&str]>::to_vec)
            .collect();
        let bodies: Vec<String> = batches.into_iter().map(|lines| lines.concat()).collect();
        let next = AtomicUsize::new(0);
        let took = self.with_clients(clients, |client| {
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                copy(client, table, body.as_bytes())?;
            }
            Ok(())
        })?;
        Ok(Some(Loaded { rows: file.rows, took }))
    }

    fn load_bulk(&mut self, table: &str, file: &TableFile) -> Result<Loaded, String> {
        let text = read(&file.path)?;
        let begun = Instant::now();
        copy(&mut self.client, table, text.as_bytes())?;
        Ok(Loaded { rows: file.rows, took: begun.elapsed() })
    }

    fn finish(&mut self, table: &str, indexed: bool) -> Result<Duration, String> {
        let begun = Instant::now();
        if !indexed {
            for statement in Speech::PostgreSql.indexes(table, self.profile) {
                self.execute(&statement)?;
            }
        }
        self.execute(&format!("vacuum (analyze) {table}"))?;
        self.execute("checkpoint")?;
        Ok(begun.elapsed())
    }

    fn remove(&mut self, table: &str) -> Result<(), String> {
        self.execute(&format!("drop table {table}"))
    }

    fn bytes(&mut self, table: &str) -> Result<u64, String> {
        let text = format!("select pg_total_relation_size('{table}')");
        let row = self.client.query_one(&text, &[]).map_err(|error| said(&error))?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
    }

    fn ask(&mut self, query: &Query, sample: &Sample) -> Result<Duration, String> {
        let statements = Speech::PostgreSql.statements(query, sample, self.profile)?;
        let begun = Instant::now();
        for statement in &statements {
            self.rows(statement)?;
        }
        Ok(begun.elapsed())
    }

    fn answer(&mut self, query: &Query, sample: &Sample) -> Result<Rows, String> {
        let mut answer = Vec::new();
        for statement in Speech::PostgreSql.statements(query, sample, self.profile)? {
            for row in self.rows(&statement)? {
                let width = match query.shape {
                    // The id comes first; the rest of an event is not compared.
                    Shape::Events | Shape::Event | Shape::Page => 1,
                    _ => row.len(),
                };
                answer.push((0..width).map(|place| shown(&row, place)).collect::<Result<_, _>>()?);
            }
        }
        Ok(answer)
    }

    fn export(&mut self) -> Result<(u64, Duration), String> {
        let begun = Instant::now();
        let mut reader = self
            .client
            .copy_out("copy (select row_to_json(events) from events) to stdout")
            .map_err(|error| said(&error))?;
        let bytes =
            std::io::copy(&mut reader, &mut std::io::sink()).map_err(|error| format!("copy out: {error}"))?;
        Ok((bytes, begun.elapsed()))
    }

    fn singles(
        &mut self,
        file: &TableFile,
        clients: usize,
        at_most: Duration,
    ) -> Result<Option<Singles>, String> {
        let text = read(&file.path)?;
        let rows: Vec<&str> = text.lines().collect();
        let statement = insert(self.profile);
        let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let end = Instant::now() + at_most;
        let took = self.with_clients(clients, |client| {
            let prepared = client.prepare(&statement).map_err(|error| said(&error))?;
            let mut times = Vec::new();
            while Instant::now() < end
                && let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let values: Vec<&str> = row.split('\t').collect();
                let values: Vec<&(dyn ToSql + Sync)> =
                    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
                let begun = Instant::now();
                client.execute(&prepared, &values).map_err(|error| said(&error))?;
                times.push(begun.elapsed());
            }
            all.lock().unwrap_or_else(PoisonError::into_inner).append(&mut times);
            Ok(())
        })?;
        let times = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Singles { took, times }))
    }
}

impl Cluster {
    fn connect(&self) -> Result<Client, String> {
        self.try_connect().map_err(|error| said(&error))
    }

    fn try_connect(&self) -> Result<Client, postgres::Error> {
        Config::new().host_path(self.socket.path()).user("bench").dbname("postgres").connect(NoTls)
    }

    fn wait_until_ready(&self, log: &Path) -> Result<Client, String> {
        let begun = Instant::now();
        loop {
            match self.try_connect() {
                Ok(client) => return Ok(client),
                Err(error) if begun.elapsed() > START_MAX => {
                    return Err(format!(
                        "PostgreSQL does not start: {}; see {}",
                        said(&error),
                        log.display()
                    ));
                }
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// What the server runs with: durable, and as a machine of its own would be tuned.
fn settings() -> Vec<String> {
    let memory = machine::memory_bytes();
    let buffers = (memory / 4).clamp(BUFFERS_MIN, BUFFERS_MAX);
    let mut settings: Vec<String> = [
        "listen_addresses=",
        "max_connections=100",
        "fsync=on",
        "synchronous_commit=on",
        "wal_level=minimal",
        "max_wal_senders=0",
        "wal_compression=lz4",
        "max_wal_size=8GB",
        "min_wal_size=1GB",
        "checkpoint_timeout=15min",
        "work_mem=64MB",
        "maintenance_work_mem=1GB",
        "random_page_cost=1.1",
        "effective_io_concurrency=200",
        "jit=off",
    ]
    .map(str::to_owned)
    .to_vec();
    settings.push(format!("shared_buffers={}MB", buffers / MIB));
    settings.push(format!("effective_cache_size={}MB", memory * 6 / 10 / MIB));
    settings
}

/// An insert of one row whose values all come as text.
fn insert(profile: Profile) -> String {
    let values: Vec<String> = columns(profile)
        .iter()
        .zip(1..)
        .map(|(column, number)| format!("${number}::text::{}", Speech::PostgreSql.type_of(column)))
        .collect();
    format!("insert into events values ({})", values.join(", "))
}

fn copy(client: &mut Client, table: &str, text: &[u8]) -> Result<(), String> {
    let mut writer = client.copy_in(&format!("copy {table} from stdin")).map_err(|error| said(&error))?;
    writer.write_all(text).map_err(|error| format!("copy: {error}"))?;
    writer.finish().map_err(|error| said(&error)).map(drop)
}

fn shown(row: &Row, place: usize) -> Result<String, String> {
    let kind = row.columns().get(place).map(postgres::Column::type_);
    let text = match kind {
        Some(&Type::UUID) => row.try_get::<_, Uuid>(place).map(|id| id.to_string()),
        Some(&Type::INT8) => row.try_get::<_, i64>(place).map(|number| number.to_string()),
        _ => row.try_get::<_, String>(place),
    };
    text.map_err(|error| said(&error))
}

/// An error with what the server said of it.
fn said(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("PostgreSQL: {}", said.message()),
        None => format!("PostgreSQL: {error}"),
    }
}

fn read(path: &PathBuf) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The user and group to run as: that of the package for root, oneself for everybody else.
fn system_user() -> Result<Option<(u32, u32)>, String> {
    let number = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().map_err(|error| format!("id: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        text.parse::<u32>().map_err(|_| format!("there is no user `{SYSTEM_USER}`: install PostgreSQL"))
    };
    if number(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((number(&["-u", SYSTEM_USER])?, number(&["-g", SYSTEM_USER])?)))
}
