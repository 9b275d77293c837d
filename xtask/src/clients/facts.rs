//! What is in the server under test: the events of each platform, who may read them, and the file that tells the
//! scripts so.
//!
//! Every platform's events belong to an organization of their own, so that what one client sees of another's events
//! is an error. Rafay's list spans all organizations: its events have a time of their own instead.

use std::{collections::HashSet, time::Duration};

use annals_model::Timestamp;
use annals_testkit::{Generator, Platform, ServerProcess};
use serde_json::{Map, Value, json};

use super::keystone::Keystone;

/// The seed of the events.
const SEED: u64 = 7;
/// The time for which they are made, in seconds since 1970 (2026-08-12T15:30:00Z). They are then moved to the time of the
/// run: how many are of which kind, and how far apart, is the same in every run.
const MADE_AT_SECONDS: i64 = 1_786_548_600;
/// Events of each platform, before the few recent ones.
const EVENTS: usize = 300;
/// The first so many events of a platform happen at one instant: more than the smallest pages hold.
const CROWD: usize = 60;
/// Of so many events after these …
const TIE_EVERY: usize = 12;
/// … so many happen at one instant.
const TIE: usize = 3;
/// Events of one import.
const IMPORT_EVENTS: usize = 100;
/// How far back the events go.
const HISTORY: Duration = Duration::from_secs(40 * 24 * 3_600);
/// How long before now the events end, but for recent ones: longer than the day that Exoscale lists by default.
const QUIET: Duration = Duration::from_secs(2 * 24 * 3_600);
/// Rafay's events happen in the time before now, Exoscale's recent ones before that.
const RAFAY: Duration = Duration::from_secs(2 * 3_600);
const EXOSCALE_RECENT_HOURS: [u64; 6] = [20, 15, 10, 5, 4, 3];
/// Well within and well beyond a quarter of an hour, and within the hour that Fujitsu K5 and Amazon RDS list by default.
const DATABASE_RECENT_MINUTES: [u64; 6] = [31, 31, 30, 6, 5, 5];

/// The settings of the server, beside those that every server under test has.
///
/// Each part has its own reader; `stranger` may read another organization only. Segments are small, so that lists
/// go through files and memory alike.
pub(crate) fn settings(parts: &[Part], keystone: &Keystone) -> String {
    let mut settings = String::new();
    for part in parts {
        let (token, grant) = (part.token(), part.grant());
        settings += &format!(
            "[[credential]]\nname = \"{token}\"\ntoken = \"{token}\"\ngrants = [{grant}]\n\n\
             [[credential]]\nname = \"{token}-signs\"\nkey = \"{}\"\nsecret = \"{}\"\ngrants = [{grant}]\n\n",
            part.key(),
            part.secret(),
        );
    }
    let elsewhere = "{ role = \"reader\", organization = \"elsewhere\" }";
    settings += &format!(
        "[[credential]]\nname = \"stranger\"\ntoken = \"stranger\"\ngrants = [{elsewhere}]\n\n\
         [[credential]]\nname = \"stranger-signs\"\nkey = \"EXOstranger\"\nsecret = \"stranger-secret\"\n\
         grants = [{elsewhere}]\n\n{}\n[store]\nseal_events = 250\n",
        keystone.settings(),
    );
    settings
}

/// One dialect's events and who reads them.
pub(crate) struct Part {
    dialect: &'static str,
    organization: String,
    /// In the order in which they are imported, which is that of their times.
    events: Vec<Value>,
}

impl Part {
    /// The parts of a run: a dialect of each platform. Fujitsu's tenant is a project of Keystone's.
    pub(crate) fn all(now: Timestamp, keystone: &Keystone) -> Vec<Self> {
        let mut generator = Generator::new(SEED);
        let organizations = generator.world().organizations().to_vec();
        let parts = Platform::ALL.into_iter().zip(&organizations).map(|(platform, organization)| {
            let mut organization = platform.organization_id(organization).to_owned();
            let events = events(&mut generator, platform, &organization, now);
            if platform == Platform::Fujitsu {
                keystone.tenant().clone_into(&mut organization);
            }
            Self { dialect: platform.dialect(), organization, events }
        });
        parts.collect()
    }

    fn token(&self) -> String {
        format!("{}-reader", self.dialect)
    }

    fn key(&self) -> String {
        format!("EXO{}", self.dialect)
    }

    fn secret(&self) -> String {
        format!("secret-of-{}", self.dialect)
    }

    /// Rafay's list is for those who may read every organization of a partner.
    fn grant(&self) -> String {
        match self.dialect {
            "rafay" => "{ role = \"reader\" }".to_owned(),
            _ => format!("{{ role = \"reader\", organization = \"{}\" }}", self.organization),
        }
    }

    /// Imports the events, a hundred at a time.
    pub(crate) fn import(&self, server: &ServerProcess, agent: &ureq::Agent) -> Result<(), String> {
        let dialect = self.dialect;
        let url = server.url(&format!("/api/v1/import/{dialect}?organization={}", self.organization));
        for batch in self.events.chunks(IMPORT_EVENTS) {
            let failed = |error: ureq::Error| format!("import {dialect}: {error}");
            let request = agent.post(&url).header("authorization", server.authorization());
            let mut answer = request
                .header("content-type", "application/json")
                .send(Value::Array(batch.to_vec()).to_string())
                .map_err(failed)?;
            let body = answer.body_mut().read_to_string().map_err(failed)?;
            let expected = json!({"accepted": batch.len(), "duplicates": 0, "rejected": []});
            if serde_json::from_str::<Value>(&body).ok() != Some(expected) {
                return Err(format!("import {dialect}: the server answered {}: {body}", answer.status()));
            }
        }
        Ok(())
    }

    fn facts(&self) -> Value {
        json!({
            "organization": self.organization, "token": self.token(), "key": self.key(),
            "secret": self.secret(), "events": self.events,
        })
    }
}

/// What the scripts are told.
pub(crate) fn facts(server: &ServerProcess, now: Timestamp, parts: &[Part], keystone: &Keystone) -> Value {
    let mut facts = Map::new();
    facts.insert("url".to_owned(), json!(server.url("")));
    facts.insert("now".to_owned(), json!(now.to_string()));
    facts.insert(
        "stranger".to_owned(),
        json!({"token": "stranger", "key": "EXOstranger", "secret": "stranger-secret"}),
    );
    facts.insert("keystone".to_owned(), keystone.facts());
    for part in parts {
        facts.insert(part.dialect.to_owned(), part.facts());
    }
    Value::Object(facts)
}

/// A platform's events, oldest first, no two alike.
fn events(generator: &mut Generator, platform: Platform, organization: &str, now: Timestamp) -> Vec<Value> {
    let made_at = Timestamp::from_seconds(MADE_AT_SECONDS).unwrap_or(now);
    let (end, span) = match platform {
        Platform::Rafay => (made_at, RAFAY),
        _ => (made_at.minus(QUIET), HISTORY),
    };
    let mut times = generator.instants(EVENTS, end, span);
    tie(&mut times);
    for time in &mut times {
        *time = time.plus_nanos(now.nanos() - made_at.nanos());
    }
    let before = |unit: u64| move |count: &u64| now.minus(Duration::from_secs(count * unit));
    match platform {
        Platform::Exoscale => times.extend(EXOSCALE_RECENT_HOURS.iter().map(before(3_600))),
        Platform::Fujitsu | Platform::Rds => times.extend(DATABASE_RECENT_MINUTES.iter().map(before(60))),
        _ => {}
    }
    let mut events: Vec<Value> = Vec::new();
    let mut last = None;
    for time in times {
        let mut event = event(generator, platform, organization, time);
        // Qovery's times have digits of their own below the millisecond; at one instant they must be the same.
        if let (true, Some(before)) = (last == Some(time) && platform == Platform::Qovery, events.last()) {
            event["timestamp"] = before["timestamp"].clone();
        }
        events.push(event);
        last = Some(time);
    }
    // Shapes without an id are identified by their content: two events alike are one.
    let mut seen = HashSet::new();
    events.retain(|event| seen.insert(event.to_string()));
    events
}

/// An event in that organization; in any for Rafay, which lists them all.
fn event(generator: &mut Generator, platform: Platform, organization: &str, time: Timestamp) -> Value {
    loop {
        let sample = generator.sample(platform, time);
        if platform == Platform::Rafay || sample.organization == organization {
            return sample.event;
        }
    }
}

/// Lets some of the events happen at one instant, without changing their order.
fn tie(times: &mut [Timestamp]) {
    let (crowd, rest) = times.split_at_mut(CROWD.min(times.len()));
    let groups = rest.chunks_mut(TIE_EVERY).map(|chunk| {
        let size = TIE.min(chunk.len());
        &mut chunk[..size]
    });
    for group in std::iter::once(crowd).chain(groups) {
        if let Some(first) = group.first().copied() {
            group.fill(first);
        }
    }
}
