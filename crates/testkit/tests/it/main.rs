//! Sample events: that they follow from their seed, use the platforms' published words, and are read by the dialects.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the message")]

mod vocabulary;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use annals_dialects::{Import, all};
use annals_model::{Event, Timestamp};
use annals_testkit::{Generator, Platform, Sample};
use serde_json::Value;

const COUNT: usize = 4_000;
const SPAN: Duration = Duration::from_secs(30 * 24 * 3_600);

fn now() -> Timestamp {
    Timestamp::parse("2026-08-12T15:30:00Z").unwrap()
}

fn samples(platform: Platform) -> Vec<Sample> {
    let mut generator = Generator::new(5);
    let instants = generator.instants(COUNT, now(), SPAN);
    instants.into_iter().map(|time| generator.sample(platform, time)).collect()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}: {value}"))
}

#[test]
fn samples_follow_from_their_seed() {
    let made = |seed| Generator::new(seed).samples(500, now(), SPAN).collect::<Vec<_>>();
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
    let made = made(1);
    assert!(made.windows(2).all(|pair| pair[0].time <= pair[1].time));
    assert!(made.iter().all(|sample| sample.time < now() && sample.time >= now().minus(SPAN)));
    let platforms: BTreeSet<_> = made.iter().map(|sample| sample.platform).collect();
    assert_eq!(platforms, Platform::ALL.into());
}

#[test]
fn the_dialects_read_every_sample() {
    let dialects = all(&annals_dialects::Config::default());
    for platform in Platform::ALL {
        let dialect = dialects.iter().find(|dialect| dialect.name() == platform.dialect()).unwrap();
        let (mut kinds, mut outcomes) = (BTreeSet::new(), BTreeSet::new());
        for sample in samples(platform) {
            let import = Import { organization: Some(sample.organization.clone()), installation: None };
            let body = sample.event.to_string();
            let mut events = dialect.read(body.as_bytes(), &import).unwrap();
            assert_eq!(events.len(), 1);
            let event: Event = events.remove(0).unwrap_or_else(|error| panic!("{error}: {body}"));
            assert_eq!(event.validate(), Ok(()), "{body}");
            assert_eq!(event.time.seconds(), sample.time.seconds(), "{body}");
            assert_eq!(event.organization.map(|named| named.id), Some(sample.organization), "{body}");
            assert!(!event.action.is_empty(), "{body}");
            kinds.insert(event.kind);
            outcomes.insert(event.outcome);
        }
        assert!(kinds.len() >= 5, "{platform:?}: {kinds:?}");
        assert!(outcomes.len() >= 2, "{platform:?}: {outcomes:?}");
    }
}

#[test]
fn cloud_foundry_types_are_documented_ones() {
    let documented: BTreeSet<_> = include_str!("published/cloudfoundry-types.txt").lines().collect();
    assert_eq!(documented.len(), 140);
    let samples = samples(Platform::CloudFoundry);
    let used: BTreeSet<_> = samples.iter().map(|sample| text(&sample.event, "/entity/type")).collect();
    assert!(used.is_subset(&documented), "{:?}", used.difference(&documented));
    assert!(used.len() >= 25, "{used:?}");
}

#[test]
fn exoscale_events_fit_the_published_schema() {
    // The definition spells `exclusiveMinimum` as draft 4 does.
    let schema: Value = serde_json::from_str(include_str!("published/exoscale-event.schema.json")).unwrap();
    let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft4).build(&schema).unwrap();
    assert!(!validator.is_valid(&serde_json::json!({"status": 0})));
    assert!(!validator.is_valid(&serde_json::json!({"iam-user": {"id": "no email, no role"}})));
    for sample in samples(Platform::Exoscale) {
        let errors: Vec<_> = validator.iter_errors(&sample.event).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}: {}", sample.event);
        let uri = sample.event.get("uri").and_then(Value::as_str).unwrap_or_default();
        assert!(!uri.contains(['{', '}']), "{uri}");
    }
}

#[test]
fn qovery_values_are_published_ones() {
    let published: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_str(include_str!("published/qovery-values.json")).unwrap();
    let sizes: Vec<_> = published.values().map(BTreeSet::len).collect();
    assert_eq!(sizes, [57, 7, 40, 16]);
    for sample in samples(Platform::Qovery) {
        for (field, values) in &published {
            let value = &sample.event[field];
            assert!(
                value.as_str().map_or(field == "sub_target_type", |word| values.contains(word)),
                "{field}: {value}"
            );
        }
        // The console reads both without a guard.
        serde_json::from_str::<Value>(text(&sample.event, "/change")).unwrap();
        let before = sample.event.get("original_change").and_then(Value::as_str);
        assert!(before.is_none_or(|before| before != text(&sample.event, "/change")));
    }
}

#[test]
fn fujitsu_categories_are_those_of_the_source_type() {
    let of_instances = [
        "availability",
        "failover",
        "recovery",
        "low storage",
        "creation",
        "notification",
        "backup",
        "configuration change",
        "restoration",
        "maintenance",
        "deletion",
        "failure",
    ];
    let of_snapshots = ["deletion", "restoration", "notification", "failure", "creation"];
    for sample in samples(Platform::Fujitsu) {
        let category = text(&sample.event, "/eventCategories/0");
        match text(&sample.event, "/sourceType") {
            "db-instance" => assert!(of_instances.contains(&category), "{category}"),
            "db-snapshot" => assert!(of_snapshots.contains(&category), "{category}"),
            other => panic!("{other}"),
        }
        assert_eq!(text(&sample.event, "/date").len(), "2013-03-18T19:09:17".len());
    }
}

#[test]
fn rds_events_are_of_a_category_of_their_type_and_say_whose_they_are() {
    let of_instances = [
        "availability",
        "backup",
        "configuration change",
        "creation",
        "deletion",
        "failover",
        "failure",
        "low storage",
        "maintenance",
        "notification",
        "read replica",
        "recovery",
        "restoration",
    ];
    let of_snapshots = ["creation", "deletion", "notification", "restoration"];
    for sample in samples(Platform::Rds) {
        let category = text(&sample.event, "/EventCategories/0");
        let word = match text(&sample.event, "/SourceType") {
            "db-instance" => of_instances.contains(&category).then_some("db"),
            "db-snapshot" => of_snapshots.contains(&category).then_some("snapshot"),
            other => panic!("{other}"),
        };
        let word = word.unwrap_or_else(|| panic!("{category}"));
        let (account, id) = (&sample.organization, text(&sample.event, "/SourceIdentifier"));
        let arn = format!("arn:aws:rds:eu-central-1:{account}:{word}:{id}");
        assert_eq!(text(&sample.event, "/SourceArn"), arn);
        assert_eq!(text(&sample.event, "/Date"), sample.time.to_rfc3339_millis());
    }
}

#[test]
fn names_stay_with_their_ids_and_some_are_busy() {
    for (platform, id, name) in [
        (Platform::CloudFoundry, "/entity/actee", "/entity/actee_name"),
        (Platform::Qovery, "/target_id", "/target_name"),
        (Platform::Rafay, "/project_id", "/project_name"),
        (Platform::Rafay, "/instance_id", "/instance_name"),
    ] {
        let mut seen: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for sample in samples(platform) {
            // Services of a compute platform have one id and are offered in several profiles.
            if platform == Platform::Rafay && text(&sample.event, "/kind") == "service" {
                continue;
            }
            let (id, name) = (text(&sample.event, id), text(&sample.event, name));
            let (known, times) = seen.entry(id.to_owned()).or_insert_with(|| (name.to_owned(), 0));
            assert_eq!(known, name, "{platform:?} {id}");
            *times += 1;
        }
        let busiest = seen.values().map(|(_, times)| *times).max().unwrap();
        assert!(
            seen.len() > 10 && busiest > 3 * COUNT / 4 / seen.len(),
            "{platform:?} {} {busiest}",
            seen.len()
        );
    }
}

#[test]
fn the_world_names_what_is_busy() {
    let world = Generator::new(0).world().clone();
    let busy = world.busiest_app();
    let hits = |sample: &&Sample| text(&sample.event, "/entity/actee") == busy;
    let count = samples(Platform::CloudFoundry).iter().filter(hits).count();
    assert!(count > COUNT / 100, "{count}");
    for platform in Platform::ALL {
        let id = platform.organization_id(world.busiest());
        let count = samples(platform).iter().filter(|sample| sample.organization == id).count();
        assert!(count > COUNT / 5, "{platform:?} {count}");
    }
}
