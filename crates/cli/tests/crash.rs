//! Kills the real server with SIGKILL at random moments under mixed load, again and again on the same data.
//!
//! Batches, single events, queries and exports go on until the process dies, and every answer that arrives must be right:
//! what was acknowledged before a query began is in its answer, once, as it was sent. After every restart each
//! acknowledged event must be there once, and nothing may be there that was never sent. What is not so is counted as
//! lost, duplicated or unexplained; each count must be 0. The moments come from a seeded generator; `ANNALS_CRASH_ROUNDS` and `ANNALS_CRASH_SEED` choose others, and a failure names
//! its seed.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::{
    collections::BTreeSet,
    env,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use annals_testkit::{Random, ServerProcess};
use serde_json::{Value, json};

const ROUNDS_DEFAULT: u64 = 100;
const SEED_DEFAULT: u64 = 0x00A2_2A15;
/// How many threads send batches of up to so many events, and single ones.
const WRITERS_BY_BATCH: [u64; 3] = [60, 60, 1];
/// Events of one page of the queries and exports meanwhile.
const PAGE_EVENTS: usize = 200;
/// Faults of each kind that are described.
const FAULTS_SHOWN: usize = 10;
/// How long a round may run before the kill, in milliseconds.
const ROUND_MILLIS_MAX: u64 = 120;
/// Rounds after which everything is read again instead of only what the round wrote.
const FULL_CHECK_EVERY: u64 = 10;

/// Tenants that the events are spread over.
const ORGANIZATIONS: u64 = 5;

/// Small segments, so that sealing and merging are always under way when the process dies.
const SETTINGS: &str = "[store]\nseal_events = 400\nmerge_factor = 3\n\n[log]\nlevel = \"warn\"\n";

/// What the writers know: every event that left for the server, and those it acknowledged.
#[derive(Default)]
struct Ledger {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
}

/// What must not be.
#[derive(Default)]
struct Faults {
    lost: u64,
    duplicated: u64,
    unexplained: u64,
    described: Vec<String>,
}

impl Faults {
    fn describe(&mut self, text: String) {
        if self.described.len() < FAULTS_SHOWN {
            self.described.push(text);
        }
    }

    /// Compares an event with what was sent under its id.
    fn judge(&mut self, ledger: &Ledger, stored: &Value, context: &str) {
        let id = stored["id"].as_str().unwrap_or_default();
        if !ledger.sent.contains(id) {
            self.unexplained += 1;
            return self.describe(format!("{context}: {id} was never sent"));
        }
        let round = u64::from_str_radix(&id[..8], 16).unwrap();
        for (name, value) in event(round, serial_of(id)).as_object().unwrap() {
            if &stored[name] != value {
                self.unexplained += 1;
                self.describe(format!("{context}: {id}: {name} is {}", stored[name]));
            }
        }
    }
}

/// How many requests of each kind were answered.
#[derive(Default)]
struct Answered {
    writes: AtomicU64,
    queries: AtomicU64,
    exports: AtomicU64,
}

#[test]
fn acknowledged_events_survive_sigkill_and_nothing_else_appears() {
    let number = |name: &str, default: u64| match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not `{text}`")),
        Err(_) => default,
    };
    let (rounds, seed) =
        (number("ANNALS_CRASH_ROUNDS", ROUNDS_DEFAULT), number("ANNALS_CRASH_SEED", SEED_DEFAULT));
    let directory = tempfile::tempdir().unwrap();
    let mut server =
        ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_annals")), directory.path(), SETTINGS).unwrap();
    let mut random = Random::new(seed);
    let mut ledger = Ledger::default();
    let (faults, answered) = (Mutex::new(Faults::default()), Answered::default());
    for round in 0..rounds {
        let context = format!("round {round} of seed {seed}");
        run_round(&mut server, &mut random, &mut ledger, round, &faults, &answered);
        server
            .start_again()
            .unwrap_or_else(|error| panic!("{context}: {error}; see the log:\n{}", log(directory.path())));
        let full = round % FULL_CHECK_EVERY == FULL_CHECK_EVERY - 1 || round + 1 == rounds;
        check(&server, &ledger, (!full).then_some(round), &context, &mut faults.lock().unwrap());
    }
    let faults = faults.into_inner().unwrap();
    println!(
        "{rounds} rounds: {} events sent, {} acknowledged; answered before the kill: {} writes, {} queries, {} pages of \
         exports; {} lost, {} duplicated, {} unexplained",
        ledger.sent.len(),
        ledger.acknowledged.len(),
        answered.writes.load(Ordering::Relaxed),
        answered.queries.load(Ordering::Relaxed),
        answered.exports.load(Ordering::Relaxed),
        faults.lost,
        faults.duplicated,
        faults.unexplained,
    );
    assert!(faults.described.is_empty(), "seed {seed}: {:#?}", faults.described);
    assert!(
        answered.queries.load(Ordering::Relaxed) > 0,
        "no query was answered, which shows nothing of reads"
    );
    assert!(
        answered.exports.load(Ordering::Relaxed) > 0,
        "no export was answered, which shows nothing of them"
    );
    assert!(ledger.acknowledged.len() as u64 > rounds, "the writers got too little done to show anything");
}

/// Writes and reads from several threads until the process is killed under them.
fn run_round(
    server: &mut ServerProcess,
    random: &mut Random,
    ledger: &mut Ledger,
    round: u64,
    faults: &Mutex<Faults>,
    answered: &Answered,
) {
    let load = Load {
        ledger: Mutex::new(std::mem::take(ledger)),
        serial: AtomicU64::new(0),
        killed: AtomicBool::new(false),
        url: server.url("/api/v1/events"),
        authorization: server.authorization(),
        round,
        faults,
        answered,
    };
    thread::scope(|scope| {
        for batch_events_max in WRITERS_BY_BATCH {
            let mut random = Random::new(random.next_u64());
            let load = &load;
            scope.spawn(move || load.write(&mut random, batch_events_max));
        }
        scope.spawn(|| load.query());
        scope.spawn(|| load.export());
        thread::sleep(Duration::from_millis(5 + random.below(ROUND_MILLIS_MAX)));
        server.kill().unwrap();
        load.killed.store(true, Ordering::Relaxed);
    });
    *ledger = load.ledger.into_inner().unwrap();
}

/// What the threads of a round share.
struct Load<'r> {
    ledger: Mutex<Ledger>,
    serial: AtomicU64,
    killed: AtomicBool,
    url: String,
    authorization: String,
    round: u64,
    faults: &'r Mutex<Faults>,
    answered: &'r Answered,
}

impl Load<'_> {
    fn is_over(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }

    fn write(&self, random: &mut Random, batch_events_max: u64) {
        let agent = agent();
        while !self.is_over() {
            let batch = batch(random, &self.ledger, &self.serial, self.round, batch_events_max);
            let ids: Vec<String> =
                batch.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
            self.ledger.lock().unwrap().sent.extend(ids.iter().cloned());
            let body: String = batch.iter().map(|event| format!("{event}\n")).collect();
            let answer = agent
                .post(self.url.as_str())
                .header("authorization", &self.authorization)
                .header("content-type", "application/x-ndjson")
                .send(body)
                .and_then(|mut answer| answer.body_mut().read_json::<Value>());
            // No answer, no promise: the process is being killed.
            let Ok(answer) = answer else { continue };
            assert_eq!(answer["rejected"], json!([]), "{answer}");
            let taken = answer["accepted"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap();
            assert_eq!(taken, ids.len() as u64, "{answer}");
            self.answered.writes.fetch_add(1, Ordering::Relaxed);
            self.ledger.lock().unwrap().acknowledged.extend(ids);
        }
    }

    fn page(&self, agent: &ureq::Agent, parameters: &str) -> Option<Value> {
        let url = format!("{}?limit={PAGE_EVENTS}{parameters}", self.url);
        let request = agent.get(url).header("authorization", &self.authorization);
        request.call().and_then(|mut answer| answer.body_mut().read_json()).ok()
    }

    /// Asks for this round's events of one organization after the other.
    fn query(&self) {
        let agent = agent();
        for organization in (0..ORGANIZATIONS).cycle() {
            if self.is_over() {
                return;
            }
            let of_it = |id: &&String| serial_of(id) % ORGANIZATIONS == organization;
            let before: BTreeSet<String> =
                self.of_round(&self.ledger.lock().unwrap().acknowledged).filter(of_it).cloned().collect();
            let parameters =
                format!("&labels.round={}&organization=org-{organization}&total=true&order=desc", self.round);
            let Some(page) = self.page(&agent, &parameters) else { continue };
            self.answered.queries.fetch_add(1, Ordering::Relaxed);
            let ids = self.judge(&page, "a query under load");
            let total = page["total"].as_u64().unwrap() as usize;
            let mut faults = self.faults.lock().unwrap();
            // What came meanwhile may be there; what was acknowledged before has to be.
            let missing = if page["next"].is_null() {
                before.iter().filter(|id| !ids.contains(*id)).count()
            } else {
                before.len().saturating_sub(total)
            };
            if missing > 0 {
                faults.lost += missing as u64;
                faults.describe(format!(
                    "round {}: {missing} acknowledged events are not in a query",
                    self.round
                ));
            }
            if page["next"].is_null() && total != ids.len() {
                faults.unexplained += 1;
                faults.describe(format!(
                    "round {}: a total of {total} with {} events",
                    self.round,
                    ids.len()
                ));
            }
        }
    }

    /// Reads everything, oldest first, as an export does, as far as it comes.
    fn export(&self) {
        let agent = agent();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut cursor = String::new();
        while !self.is_over() {
            let Some(page) = self.page(&agent, &format!("&order=asc{cursor}")) else { continue };
            self.answered.exports.fetch_add(1, Ordering::Relaxed);
            for id in self.judge(&page, "an export under load") {
                if !seen.insert(id.clone()) {
                    let mut faults = self.faults.lock().unwrap();
                    faults.duplicated += 1;
                    faults.describe(format!("round {}: an export has {id} twice", self.round));
                }
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => {
                    seen.clear();
                    cursor.clear();
                }
            }
        }
    }

    /// Compares the events of a page with what was sent; gives their ids.
    fn judge(&self, page: &Value, what: &str) -> BTreeSet<String> {
        let context = format!("round {}, {what}", self.round);
        let ledger = self.ledger.lock().unwrap();
        let mut faults = self.faults.lock().unwrap();
        let mut ids = BTreeSet::new();
        for event in page["events"].as_array().unwrap() {
            faults.judge(&ledger, event, &context);
            let id = event["id"].as_str().unwrap().to_owned();
            if !ids.insert(id.clone()) {
                faults.duplicated += 1;
                faults.describe(format!("{context}: {id} is there twice"));
            }
        }
        ids
    }

    fn of_round<'l>(&self, ids: &'l BTreeSet<String>) -> impl Iterator<Item = &'l String> {
        ids.range(id(self.round, 0)..id(self.round + 1, 0))
    }
}

/// New events, and now and then one that was sent before, as a client that retries sends it.
fn batch(
    random: &mut Random,
    ledger: &Mutex<Ledger>,
    serial: &AtomicU64,
    round: u64,
    events_max: u64,
) -> Vec<Value> {
    let mut events = Vec::new();
    for _ in 0..=random.below(events_max) {
        events.push(event(round, serial.fetch_add(1, Ordering::Relaxed)));
    }
    if random.below(4) == 0 {
        let first_id = id(round, 0);
        let again = ledger.lock().unwrap().sent.range(first_id..).next().cloned();
        events.extend(again.map(|id| event(round, serial_of(&id))));
    }
    events
}

fn id(round: u64, serial: u64) -> String {
    format!("{round:08x}-0000-7000-8000-{serial:012x}")
}

fn serial_of(id: &str) -> u64 {
    u64::from_str_radix(&id[24..], 16).unwrap()
}

/// Everything about an event follows from its round and serial, so that what comes back can be compared.
fn event(round: u64, serial: u64) -> Value {
    json!({
        "id": id(round, serial),
        // Late, early and equal times.
        "time": format!("2026-01-{:02}T00:{:02}:00Z", 1 + serial % 28, serial % 60),
        "source": "native",
        "type": format!("crash.{}", serial % 7),
        "action": "crash",
        "outcome": "unknown",
        "organization": {"id": format!("org-{}", serial % ORGANIZATIONS)},
        "target": {"type": "app", "id": format!("app-{}", serial % 97)},
        "labels": {"round": round.to_string()},
        "data": {"serial": serial},
    })
}

/// Reads everything, or what one round wrote, and compares it with what the writers know.
fn check(server: &ServerProcess, ledger: &Ledger, round: Option<u64>, context: &str, faults: &mut Faults) {
    let agent = agent();
    let mut found: BTreeSet<String> = BTreeSet::new();
    let filter = round.map_or(String::new(), |round| format!("&labels.round={round}"));
    let mut cursor = String::new();
    loop {
        let url = server.url(&format!("/api/v1/events?limit=1000&order=asc&total=true{filter}{cursor}"));
        let request = agent.get(url).header("authorization", server.authorization());
        let page: Value = request.call().unwrap().body_mut().read_json().unwrap();
        for event in page["events"].as_array().unwrap() {
            faults.judge(ledger, event, context);
            let id = event["id"].as_str().unwrap().to_owned();
            if !found.insert(id.clone()) {
                faults.duplicated += 1;
                faults.describe(format!("{context}: {id} is there twice"));
            }
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                if page["total"] != json!(found.len()) {
                    faults.unexplained += 1;
                    faults.describe(format!(
                        "{context}: a total of {} with {} events",
                        page["total"],
                        found.len()
                    ));
                }
                break;
            }
        }
    }
    let of_round = |id: &&String| round.is_none_or(|round| id.starts_with(&format!("{round:08x}-")));
    for id in ledger.acknowledged.iter().filter(of_round).filter(|id| !found.contains(*id)) {
        faults.lost += 1;
        faults.describe(format!("{context}: {id} was acknowledged and is gone"));
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).build().new_agent()
}

/// The end of the server's log.
fn log(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join("annals.log")).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
