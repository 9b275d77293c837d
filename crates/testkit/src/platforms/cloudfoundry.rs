//! Cloud Foundry's events, as `GET /v2/events` lists them. Types and metadata follow cloud_controller_ng's event
//! repositories.

use annals_model::Timestamp;
use serde_json::{Value, json};

use crate::{Organization, Project, Random, Thing};

/// What happens, and how often.
const TYPES: [(u64, &str); 30] = [
    (14, "audit.app.update"),
    (9, "audit.app.start"),
    (6, "audit.app.stop"),
    (6, "audit.app.restart"),
    (4, "audit.app.restage"),
    (8, "audit.app.package.upload"),
    (8, "audit.app.build.create"),
    (8, "audit.app.droplet.create"),
    (7, "audit.app.process.scale"),
    (5, "audit.app.process.crash"),
    (6, "app.crash"),
    (4, "audit.app.deployment.create"),
    (2, "audit.app.deployment.cancel"),
    (3, "audit.app.create"),
    (2, "audit.app.delete-request"),
    (3, "audit.app.map-route"),
    (2, "audit.app.unmap-route"),
    (3, "audit.app.ssh-authorized"),
    (1, "audit.app.ssh-unauthorized"),
    (3, "audit.app.task.create"),
    (3, "audit.service_binding.create"),
    (2, "audit.service_binding.delete"),
    (2, "audit.service_instance.create"),
    (1, "audit.service_instance.delete"),
    (2, "audit.route.create"),
    (1, "audit.space.create"),
    (1, "audit.organization.update"),
    (2, "audit.user.space_developer_add"),
    (1, "audit.user.space_developer_remove"),
    (1, "audit.service.update"),
];

/// What an event was done to.
struct Actee {
    kind: &'static str,
    guid: String,
    name: String,
    in_space: bool,
}

pub(crate) fn event(random: &mut Random, organization: &Organization, time: Timestamp) -> Value {
    let project = random.favour(&organization.projects);
    let app = random.favour(&project.apps);
    let name = *random.weighted(&TYPES);
    let actee = actee(random, name, organization, project, app);
    let metadata = metadata(random, name, project, app);
    let (actor, actor_kind, actor_name, username) = match name {
        // A crash is the application's own doing; the process did it in the newer event.
        "app.crash" => (app.guid.clone(), "app", app.name.clone(), Value::Null),
        "audit.app.process.crash" => (app.guid.clone(), "process", "web".to_owned(), json!("")),
        "audit.service.update" => (
            Random::of_name("service-broker").uuid().to_string(),
            "service_broker",
            "postgres-broker".to_owned(),
            json!(""),
        ),
        _ => {
            let user = random.favour(&organization.users);
            (user.guid.clone(), "user", user.email.clone(), json!(user.email))
        }
    };
    let guid = random.uuid().to_string();
    let seconds = time.to_rfc3339_seconds();
    json!({
        "metadata": {
            "guid": guid, "url": format!("/v2/events/{guid}"), "created_at": seconds, "updated_at": seconds,
        },
        "entity": {
            "type": name, "actor": actor, "actor_type": actor_kind, "actor_name": actor_name,
            "actor_username": username,
            "actee": actee.guid, "actee_type": actee.kind, "actee_name": actee.name,
            "timestamp": seconds, "metadata": metadata,
            "space_guid": if actee.in_space { project.guid.as_str() } else { "" },
            "organization_guid": organization.guid,
        },
    })
}

fn actee(
    random: &mut Random,
    name: &str,
    organization: &Organization,
    project: &Project,
    app: &Thing,
) -> Actee {
    let (kind, guid, name, in_space) = match name.split('.').nth(1).unwrap_or_default() {
        "service_binding" => ("service_binding", random.uuid().to_string(), String::new(), true),
        "service_instance" => {
            let database = random.favour(&organization.databases);
            ("service_instance", database.guid.clone(), database.name.clone(), true)
        }
        "route" => ("route", random.uuid().to_string(), app.name.clone(), true),
        "space" => ("space", project.guid.clone(), project.name.to_owned(), true),
        "organization" => ("organization", organization.guid.clone(), organization.name.to_owned(), false),
        "user" => {
            let user = random.pick(&organization.users);
            ("user", user.guid.clone(), user.email.clone(), true)
        }
        "service" => ("service", Random::of_name("service").uuid().to_string(), "postgres".to_owned(), false),
        _ => ("app", app.guid.clone(), app.name.clone(), true),
    };
    Actee { kind, guid, name, in_space }
}

fn metadata(random: &mut Random, name: &str, project: &Project, app: &Thing) -> Value {
    let memory = 128_u64 << random.below(5);
    let instances = 1 + random.below(6);
    match name {
        "audit.app.update" => match random.below(3) {
            0 => json!({"request": {"environment_json": "[PRIVATE DATA HIDDEN]"}}),
            1 => json!({"request": {"memory": memory}}),
            _ => json!({"request": {"instances": instances, "memory": memory}}),
        },
        "audit.app.create" => json!({"request": {
            "name": app.name, "instances": instances, "memory": memory, "state": "STOPPED",
            "environment_json": "[PRIVATE DATA HIDDEN]", "space_guid": project.guid,
        }}),
        "audit.app.delete-request" => json!({"request": {"recursive": random.chance(50)}}),
        "audit.app.process.scale" => json!({
            "process_guid": app.guid, "process_type": "web",
            "request": {"instances": instances, "memory_in_mb": memory},
        }),
        "app.crash" | "audit.app.process.crash" => {
            let (status, why) = *random.favour(&[
                (137, "APP/PROC/WEB: Exited with status 137 (out of memory)"),
                (1, "APP/PROC/WEB: Exited with status 1"),
                (4, "Instance never healthy after 1m0s: Failed to make TCP connection to port 8080: connection refused"),
            ]);
            json!({
                "instance": random.uuid().to_string(), "index": random.below(instances),
                "cell_id": Random::new(random.below(12)).uuid().to_string(),
                "exit_status": status, "exit_description": why, "reason": "CRASHED",
            })
        }
        "audit.app.package.upload" => json!({"package_guid": random.uuid().to_string()}),
        "audit.app.build.create" => {
            json!({"build_guid": random.uuid().to_string(), "package_guid": random.uuid().to_string()})
        }
        "audit.app.droplet.create" => {
            json!({"droplet_guid": random.uuid().to_string(), "package_guid": random.uuid().to_string()})
        }
        "audit.app.deployment.create" => json!({
            "deployment_guid": random.uuid().to_string(), "droplet_guid": random.uuid().to_string(),
            "type": "deploy", "revision_guid": random.uuid().to_string(), "strategy": "rolling",
        }),
        "audit.app.deployment.cancel" => {
            json!({"deployment_guid": random.uuid().to_string(), "droplet_guid": random.uuid().to_string()})
        }
        "audit.app.ssh-authorized" | "audit.app.ssh-unauthorized" => {
            json!({"index": random.below(instances)})
        }
        "audit.app.map-route" | "audit.app.unmap-route" => json!({
            "route_guid": Random::of_name(&format!("route/{}", app.guid)).uuid().to_string(),
            "app_port": 8080, "destination_guid": random.uuid().to_string(), "process_type": "web",
        }),
        "audit.app.task.create" => json!({"task_guid": random.uuid().to_string(), "request": {
            "name": "migrate", "command": "[PRIVATE DATA HIDDEN]", "memory_in_mb": memory,
        }}),
        "audit.service_binding.create" => json!({"request": {
            "type": "app", "name": Value::Null,
            "relationships": {"app": {"data": {"guid": app.guid}}}, "data": "[PRIVATE DATA HIDDEN]",
        }}),
        "audit.service_instance.create" => {
            json!({"request": {"name": "orders-db", "space_guid": project.guid, "service_plan_guid": random.uuid().to_string()}})
        }
        "audit.route.create" => json!({"request": {
            "host": app.name, "domain_guid": Random::of_name("domain").uuid().to_string(), "space_guid": project.guid,
        }}),
        "audit.space.create" => json!({"request": {"name": project.name}}),
        "audit.organization.update" => json!({"request": {"status": "active"}}),
        "audit.service.update" => json!({"entity": {"bindable": true, "label": "postgres"}}),
        _ => json!({}),
    }
}
