//! Qovery's events, as `GET /organization/{id}/events` lists them. Every word is one of its API definition's.

use annals_model::Timestamp;
use serde_json::{Map, Value, json};

use crate::{Organization, Project, Random, Thing};

/// How often, event type, target type, sub target type (empty for none), origin (empty for any).
type Row = (u64, (&'static str, &'static str, &'static str, &'static str));

/// What happens to a service in an environment of a project.
const SERVICE_EVENTS: [Row; 27] = [
    (12, ("TRIGGER_DEPLOY", "APPLICATION", "", "")),
    (12, ("DEPLOY_QUEUED", "APPLICATION", "", "QOVERY_INTERNAL")),
    (11, ("DEPLOYED", "APPLICATION", "", "QOVERY_INTERNAL")),
    (3, ("DEPLOY_FAILED", "APPLICATION", "", "QOVERY_INTERNAL")),
    (5, ("DEPLOYED", "CONTAINER", "", "QOVERY_INTERNAL")),
    (1, ("DEPLOY_FAILED", "CONTAINER", "", "QOVERY_INTERNAL")),
    (3, ("DEPLOYED", "HELM", "", "QOVERY_INTERNAL")),
    (1, ("DEPLOY_FAILED", "HELM", "", "QOVERY_INTERNAL")),
    (3, ("TRIGGER_RESTART", "APPLICATION", "", "")),
    (3, ("RESTARTED", "APPLICATION", "", "QOVERY_INTERNAL")),
    (2, ("TRIGGER_STOP", "APPLICATION", "", "")),
    (2, ("STOPPED", "APPLICATION", "", "QOVERY_INTERNAL")),
    (1, ("STOP_FAILED", "APPLICATION", "", "QOVERY_INTERNAL")),
    (8, ("UPDATE", "APPLICATION", "CONFIG", "")),
    (9, ("UPDATE", "APPLICATION", "VARIABLE", "")),
    (2, ("CREATE", "APPLICATION", "VARIABLE", "")),
    (2, ("DELETE", "APPLICATION", "VARIABLE", "")),
    (2, ("CREATE", "APPLICATION", "CUSTOM_DOMAIN", "")),
    (2, ("CREATE", "APPLICATION", "CONFIG", "")),
    (1, ("DELETE", "APPLICATION", "", "")),
    (3, ("TRIGGER_FORCE_RUN", "JOB", "", "")),
    (3, ("FORCE_RUN_SUCCEEDED", "JOB", "", "QOVERY_INTERNAL")),
    (1, ("FORCE_RUN_FAILED", "JOB", "", "QOVERY_INTERNAL")),
    (3, ("SHELL", "APPLICATION", "REMOTE_ACCESS", "CLI")),
    (2, ("PORT_FORWARD", "DATABASE", "REMOTE_ACCESS", "CLI")),
    (2, ("UPDATE", "DATABASE", "CONFIG", "")),
    (2, ("UPDATE", "ENVIRONMENT", "DEPLOYMENT_STAGE", "")),
];

/// What happens to an organization as a whole.
const ORGANIZATION_EVENTS: [Row; 10] = [
    (3, ("CREATE", "MEMBERS_AND_ROLES", "INVITATION", "CONSOLE")),
    (2, ("ACCEPT", "MEMBERS_AND_ROLES", "INVITATION", "CONSOLE")),
    (2, ("UPDATE", "MEMBERS_AND_ROLES", "MEMBER_ROLE", "CONSOLE")),
    (2, ("CREATE", "ORGANIZATION", "API_TOKEN", "CONSOLE")),
    (1, ("DELETE", "ORGANIZATION", "API_TOKEN", "CONSOLE")),
    (1, ("POLICY_FAILED", "ORGANIZATION", "POLICY_API_TOKEN", "API")),
    (2, ("MAINTENANCE", "CLUSTER", "", "QOVERY_INTERNAL")),
    (2, ("UPDATE", "CLUSTER", "ADVANCED_SETTINGS", "TERRAFORM_PROVIDER")),
    (1, ("EXPORT", "ENVIRONMENT", "TERRAFORM", "CONSOLE")),
    (1, ("UPDATE", "WEBHOOK", "", "CONSOLE")),
];

/// Of a hundred events, so many concern the organization as a whole.
const ORGANIZATION_PERCENT: u64 = 10;
const ORIGINS: [&str; 6] = ["CONSOLE", "GIT", "API", "TERRAFORM_PROVIDER", "CLI", "SKILL"];

pub(crate) fn event(random: &mut Random, organization: &Organization, time: Timestamp) -> Value {
    // Qovery tells times to the nanosecond; its console needs them distinct.
    let time = time.plus_nanos(random.below(1_000_000) as i64);
    let project = random.favour(&organization.projects);
    let whole = random.chance(ORGANIZATION_PERCENT);
    let rows: &[Row] = if whole { &ORGANIZATION_EVENTS } else { &SERVICE_EVENTS };
    let (event_type, target_type, part, origin) = *random.weighted(rows);
    let origin = if origin.is_empty() { *random.favour(&ORIGINS) } else { origin };
    let target = target(random, organization, project, target_type);
    let (before, after) = states(random, &target, event_type, part);

    let mut event = Map::new();
    let mut set = |key: &str, value: Value| event.insert(key.to_owned(), value);
    set("id", json!(random.uuid().to_string()));
    set("timestamp", json!(time.to_string()));
    set("event_type", json!(event_type));
    set("target_id", json!(target.guid));
    set("target_name", json!(target.name));
    set("target_type", json!(target_type));
    set("sub_target_type", if part.is_empty() { Value::Null } else { json!(part) });
    set("change", json!(after.to_string()));
    set("origin", json!(origin));
    set("triggered_by", json!(triggered_by(random, organization, origin, event_type)));
    if whole {
        set("project_id", Value::Null);
        set("environment_id", Value::Null);
    } else {
        set("project_id", json!(project.guid));
        set("project_name", json!(project.name));
        set("environment_id", json!(project.environment.guid));
        set("environment_name", json!(project.environment.name));
    }
    set("user_agent", user_agent(origin));
    if let Some(before) = before {
        set("original_change", json!(before.to_string()));
    }
    Value::Object(event)
}

fn target(random: &mut Random, organization: &Organization, project: &Project, target_type: &str) -> Thing {
    let app = random.favour(&project.apps);
    let beside = |what: &str| Thing {
        guid: Random::of_name(&format!("{what}/{}", app.guid)).uuid().to_string(),
        name: format!("{}-{what}", app.name),
    };
    match target_type {
        "APPLICATION" => app.clone(),
        "DATABASE" => random.favour(&organization.databases).clone(),
        "ENVIRONMENT" => project.environment.clone(),
        "ORGANIZATION" | "MEMBERS_AND_ROLES" => {
            Thing { guid: organization.guid.clone(), name: organization.name.to_owned() }
        }
        "CLUSTER" => Thing {
            guid: Random::of_name(&format!("{}/cluster", organization.name)).uuid().to_string(),
            name: format!("{}-eks", organization.name),
        },
        other => beside(&other.to_lowercase()),
    }
}

/// The state before, where Qovery keeps it, and the state after.
fn states(random: &mut Random, target: &Thing, event_type: &str, part: &str) -> (Option<Value>, Value) {
    let replicas = 1 + random.below(5);
    let commit = random.hex(40);
    if part == "VARIABLE" {
        let key = *random.favour(&["LOG_LEVEL", "FEATURE_FLAGS", "DB_PASSWORD", "SENTRY_DSN"]);
        let state = |value: &str| json!({"key": key, "value": value, "scope": "APPLICATION"});
        return ((event_type == "UPDATE").then(|| state("info")), state("debug"));
    }
    if part == "INVITATION" {
        let email = format!("new.{}@partner.example", random.base36(4));
        return (None, json!({"email": email, "role_name": "Developer"}));
    }
    let state = |replicas: u64| {
        json!({
            "id": target.guid, "name": target.name, "cpu": 500, "memory": 512,
            "min_running_instances": replicas, "max_running_instances": replicas + 2,
            "service_source": {"docker": {"git_repository": {
                "url": format!("https://git.example.com/{}.git", target.name), "branch": "main",
                "deployed_commit_id": commit,
            }}},
        })
    };
    ((event_type == "UPDATE").then(|| state(replicas)), state(replicas + u64::from(event_type == "UPDATE")))
}

fn triggered_by(random: &mut Random, organization: &Organization, origin: &str, event_type: &str) -> String {
    match (origin, event_type) {
        (_, "POLICY_FAILED") => {
            let key = random.pick(&organization.keys);
            format!("policy:{}:{}", key.role, key.name)
        }
        ("QOVERY_INTERNAL", _) => "Qovery automatic action".to_owned(),
        ("GIT", _) => "Git webhook".to_owned(),
        ("API" | "TERRAFORM_PROVIDER", _) => random.pick(&organization.keys).name.to_owned(),
        _ => random.favour(&organization.users).email.clone(),
    }
}

fn user_agent(origin: &str) -> Value {
    match origin {
        "CONSOLE" => json!(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
        ),
        "CLI" => json!("qovery-cli/1.45.0"),
        "TERRAFORM_PROVIDER" => json!("terraform-provider-qovery/0.56.0"),
        "API" => json!("curl/8.14.1"),
        _ => Value::Null,
    }
}
