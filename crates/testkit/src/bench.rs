//! Events for benchmarks: many organizations, actors and targets, a few of them very busy; in the native model.
//!
//! Each event follows from a seed and its position alone, so that a benchmark can know the values of any event without
//! keeping them all.

use std::collections::BTreeMap;

use annals_model::{
    Entity, Event, Json, Named, Outcome, Request, Timestamp,
    vocabulary::{action, kind},
};
use serde_json::json;

use crate::Random;

/// Which events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// About 454 bytes of JSON: who did what to what, with a request.
    Small454,
    /// About 1,017 bytes of JSON: 14 filterable fields, two random UUIDs, names beside ids, a message and free JSON.
    Large1017,
}

const ORGANIZATIONS: u64 = 200;
const PROJECTS_PER_ORGANIZATION: u64 = 8;
const ACTORS_PER_ORGANIZATION: u64 = 60;
const TARGETS_PER_PROJECT: u64 = 120;
/// The time of the event at position 0: 2026-01-01T00:00:00Z.
const START_MILLIS: i64 = 1_767_225_600_000;
/// From one event to the next, on average: a million events in thirty days.
const STEP_MILLIS: u64 = 2_592;
/// How many steps an event may lie from its place, so that neighbours are not in order.
const JITTER_STEPS: u64 = 4;
/// Every so many events one has a reason that no other event has: a rare word to search for.
const RARE_EVERY: u64 = 20_011;
/// Which of those.
const RARE_OFFSET: u64 = 7;
const RARE_REASON: &str = "quarantined by the abuse desk";

/// What happens: type, verb, kind of target, method; the most frequent first.
const KINDS: [(&str, &str, &str, &str); 24] = [
    ("app.update", action::UPDATE, kind::APP, "PATCH"),
    ("app.deploy", action::DEPLOY, kind::APP, "POST"),
    ("app.restart", action::RESTART, kind::APP, "POST"),
    ("app.scale", action::SCALE, kind::APP, "PATCH"),
    ("instance.start", action::START, kind::INSTANCE, "PUT"),
    ("instance.stop", action::STOP, kind::INSTANCE, "PUT"),
    ("user.login", action::LOGIN, kind::USER, "POST"),
    ("app.create", action::CREATE, kind::APP, "POST"),
    ("app.delete", action::DELETE, kind::APP, "DELETE"),
    ("database.backup", action::BACKUP, kind::DATABASE, "POST"),
    ("database.update", action::UPDATE, kind::DATABASE, "PATCH"),
    ("database.create", action::CREATE, kind::DATABASE, "POST"),
    ("instance.create", action::CREATE, kind::INSTANCE, "POST"),
    ("instance.delete", action::DELETE, kind::INSTANCE, "DELETE"),
    ("route.create", action::CREATE, kind::ROUTE, "POST"),
    ("service_instance.bind", action::BIND, kind::SERVICE_INSTANCE, "POST"),
    ("service_instance.unbind", action::UNBIND, kind::SERVICE_INSTANCE, "DELETE"),
    ("role.grant", action::GRANT, kind::ROLE, "PUT"),
    ("role.revoke", action::REVOKE, kind::ROLE, "DELETE"),
    ("api_key.create", action::CREATE, kind::API_KEY, "POST"),
    ("network.update", action::UPDATE, kind::NETWORK, "PATCH"),
    ("volume.clone", action::CLONE, kind::VOLUME, "POST"),
    ("cluster.scale", action::SCALE, kind::CLUSTER, "PATCH"),
    ("database.failover", action::FAILOVER, kind::DATABASE, "POST"),
];
const ZONES: [&str; 6] = ["eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-south-1", "sa-east-1"];
const ORIGINS: [&str; 4] = ["API", "CONSOLE", "CLI", "TERRAFORM_PROVIDER"];
const ENVIRONMENTS: [&str; 3] = ["production", "staging", "development"];
const AGENTS: [&str; 5] = [
    "terraform/1.9.8 (+https://www.terraform.io)",
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/141.0",
    "platform-cli/4.12.0 (linux/amd64)",
    "python-requests/2.32.3 CPython/3.12",
    "go-http-client/2.0 deploy-bot/7.3",
];
const TEAMS: [&str; 7] = ["payments", "search", "platform", "growth", "data", "mobile", "security"];
const PEOPLE: [&str; 10] =
    ["ada", "bilal", "chiara", "deniz", "emeka", "freja", "goran", "hana", "ines", "jonas"];
const THINGS: [&str; 10] =
    ["checkout", "web", "api", "orders", "search", "mailer", "billing", "reports", "images", "sessions"];
const REASONS: [&str; 6] = [
    "requested by the owner",
    "scheduled maintenance window",
    "new release was published",
    "autoscaler decided on load",
    "configuration drift was corrected",
    "follow-up of an incident review",
];

/// The event at a position. Times increase with the position, but for jitter; ids are random.
pub fn bench_event(seed: u64, index: u64, profile: Profile) -> Event {
    let mut random = Random::new(Random::new(seed).next_u64() ^ Random::new(index).next_u64());
    // No two events have the same time: those that could meet differ in the remainder. So the order by time alone is
    // the same in every database.
    let jitter = random.below(STEP_MILLIS) * JITTER_STEPS + index % JITTER_STEPS;
    let offset = index.saturating_mul(STEP_MILLIS).saturating_add(jitter);
    let millis = START_MILLIS.saturating_add(i64::try_from(offset).unwrap_or(i64::MAX));
    let time = Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX);

    let organization = random.skewed(ORGANIZATIONS);
    let project = random.skewed(PROJECTS_PER_ORGANIZATION);
    let actor = random.skewed(ACTORS_PER_ORGANIZATION);
    let target = random.skewed(TARGETS_PER_PROJECT);
    let (kind, verb, target_kind, method) = *random.favour(&KINDS);
    let failed = random.chance(6);
    let target_name = format!("{}-{target:03}", THINGS[target as usize % THINGS.len()]);
    let person =
        format!("{}.{actor:02}@tenant-{organization:03}.example", PEOPLE[actor as usize % PEOPLE.len()]);
    let target_id = thing_id(&format!("{organization}/{project}/{target_kind}/{target}"));
    let mut event = Event {
        id: random.uuid(),
        time,
        source: "native".to_owned(),
        kind: kind.to_owned(),
        action: verb.to_owned(),
        outcome: if failed { Outcome::Failure } else { Outcome::Success },
        organization: Named::new(format!("tenant-{organization:03}"), None),
        project: Named::new(format!("space-{organization:03}-{project}"), None),
        actor: Entity { kind: Some(kind::USER.to_owned()), id: Some(person.clone()), name: None },
        target: Entity { kind: Some(target_kind.to_owned()), id: Some(target_id.clone()), name: None },
        origin: Some((*random.favour(&ORIGINS)).to_owned()),
        zone: Some(ZONES[(organization % 6) as usize].to_owned()),
        ..Event::default()
    };
    event.request.ip = Some(random.ip());
    match profile {
        Profile::Small454 => {
            event.target.name = Some(target_name);
            event.request.method = Some(method.to_owned());
        }
        Profile::Large1017 => {
            let place = Place {
                index,
                organization,
                project,
                actor,
                target_id: &target_id,
                target_name,
                person: &person,
            };
            enlarge(&mut event, &mut random, &place, method, failed);
        }
    }
    event
}

/// Where an event happens and who is involved.
struct Place<'p> {
    index: u64,
    organization: u64,
    project: u64,
    actor: u64,
    target_id: &'p str,
    target_name: String,
    person: &'p str,
}

/// Adds what a large event has beyond a small one. Much of it repeats itself, as it does in platforms' own events: the
/// address holds the target's id, the message and the data hold names.
fn enlarge(event: &mut Event, random: &mut Random, place: &Place<'_>, method: &str, failed: bool) {
    let status = if failed { *random.pick(&[403, 409, 422, 500]) } else { *random.favour(&[200, 202, 201]) };
    let environment = ENVIRONMENTS[(place.project % 3) as usize];
    let (organization, project) = (place.organization, place.project);
    let verb = event.action.clone();
    let usual = *random.favour(&REASONS);
    let reason = if place.index % RARE_EVERY == RARE_OFFSET { RARE_REASON } else { usual };
    event.status = Some(status.to_string());
    event.organization =
        Named::new(thing_id(&format!("{organization}")), Some(format!("Tenant {organization:03}")));
    event.project = Named::new(
        thing_id(&format!("{organization}/{project}")),
        Some(format!("project-{organization:03}-{project}")),
    );
    event.environment = Named::new(format!("env-{organization:03}-{project}"), Some(environment.to_owned()));
    event.actor.id = Some(format!("u-{organization:03}-{:02}", place.actor));
    event.actor.name = Some(place.person.to_owned());
    event.target.name = Some(place.target_name.clone());
    event.categories = vec![if failed { "failure" } else { "change" }.to_owned()];
    event.labels = BTreeMap::from([(
        "team".to_owned(),
        TEAMS[(organization + project) as usize % TEAMS.len()].to_owned(),
    )]);
    event.request = Request {
        id: Some(random.uuid().to_string()),
        method: Some(method.to_owned()),
        uri: Some(format!("/v1/{}/{}", event.target.kind.as_deref().unwrap_or_default(), place.target_id)),
        ip: event.request.ip.take(),
        user_agent: Some(AGENTS[place.actor as usize % AGENTS.len()].to_owned()),
        status: Some(status),
        elapsed_ms: Some(5 + random.skewed(4_000) as i64),
    };
    event.message = Some(format!("{verb} {} by {}: {reason}", place.target_name, place.person));
    let data = json!({
        "name": place.target_name,
        "instances": 1 + random.below(8),
        "revision": random.below(500),
    });
    event.data = Json::from_value(&data).ok();
}

/// The UUID of the thing of that path; the same in every benchmark.
fn thing_id(path: &str) -> String {
    Random::of_name(path).uuid().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use annals_model::Field;

    use super::*;

    fn events(profile: Profile) -> Vec<Event> {
        (0..5_000).map(|index| bench_event(42, index, profile)).collect()
    }

    #[test]
    fn an_event_follows_from_seed_and_position() {
        for profile in [Profile::Small454, Profile::Large1017] {
            let event = bench_event(42, 7, profile);
            assert_eq!(event, bench_event(42, 7, profile));
            assert_ne!(event, bench_event(42, 8, profile));
            assert_ne!(event, bench_event(43, 7, profile));
            assert_eq!(event.validate(), Ok(()));
        }
    }

    #[test]
    fn sizes_are_as_named() {
        for (profile, size) in [(Profile::Small454, 454.0), (Profile::Large1017, 1_017.0)] {
            let events = events(profile);
            let total: usize = events.iter().map(|event| serde_json::to_vec(event).unwrap().len()).sum();
            let mean = total as f64 / events.len() as f64;
            assert!((mean / size - 1.0_f64).abs() < 0.01, "{profile:?}: {mean}");
        }
    }

    #[test]
    fn large_events_have_fourteen_filterable_fields_at_least() {
        let event = bench_event(42, 7, Profile::Large1017);
        let mut filled = 0;
        for field in Field::FIXED {
            let mut has = false;
            field.visit(&event, |_| has = true);
            filled += usize::from(has);
        }
        assert!(filled >= 14, "{filled}");
    }

    #[test]
    fn some_are_busy_and_all_ids_differ() {
        let events = events(Profile::Large1017);
        let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
        assert_eq!(ids.len(), events.len());
        let mut organizations = BTreeMap::new();
        for event in &events {
            *organizations.entry(event.organization.clone().unwrap().id).or_insert(0) += 1;
        }
        let busiest = organizations.values().copied().max().unwrap();
        assert!(
            organizations.len() > 150 && busiest > events.len() / 10,
            "{} {busiest}",
            organizations.len()
        );
    }

    #[test]
    fn times_increase_with_jitter() {
        let times: Vec<_> = events(Profile::Small454).iter().map(|event| event.time).collect();
        assert!(times.windows(2).any(|pair| pair[0] > pair[1]));
        assert!(times.windows(100).all(|window| window[0] < window[99]));
        assert_eq!(times.iter().collect::<BTreeSet<_>>().len(), times.len(), "no two at the same time");
    }
}
