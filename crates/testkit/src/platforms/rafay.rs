//! Rafay's events of compute and service instances. Rafay publishes no schema of them; the field names are those that
//! its published collections and clients use.

use annals_model::Timestamp;
use serde_json::{Value, json};

use crate::{Organization, Random};

/// How often; action, status, and what the message says of it.
const LIFE: [(u64, (&str, &str, &str)); 11] = [
    (10, ("create", "created", "was requested")),
    (10, ("deploy", "inprogress", "is being deployed")),
    (16, ("deploy", "success", "was deployed")),
    (3, ("deploy", "failed", "could not be deployed: no capacity for the profile in this zone")),
    (6, ("update", "updated", "was updated")),
    (5, ("start", "success", "was started")),
    (5, ("stop", "success", "was stopped")),
    (2, ("restart", "success", "was restarted")),
    (3, ("scale", "success", "was scaled")),
    (6, ("delete", "deleted", "was deleted")),
    (1, ("delete", "failed", "could not be deleted: it is locked")),
];
const COMPUTE_PROFILES: [&str; 4] = ["small-gpu-vm", "large-gpu-vm", "cpu-vm", "bare-metal-h200"];
const SERVICE_PROFILES: [&str; 3] = ["notebook", "inference-endpoint", "vector-database"];
/// The partner whose organizations these are.
const PARTNER: &str = "d27v024";

pub(crate) fn event(random: &mut Random, organization: &Organization, time: Timestamp) -> Value {
    let project = random.favour(&organization.projects);
    let compute = random.chance(75);
    let profile = if compute { *random.favour(&COMPUTE_PROFILES) } else { *random.favour(&SERVICE_PROFILES) };
    let (id, name) = if compute {
        let instance = random.favour(&organization.instances);
        (instance.guid.clone(), instance.name.clone())
    } else {
        let app = random.favour(&project.apps);
        (app.guid.clone(), format!("{}-{profile}", app.name))
    };
    let (action, status, what) = *random.weighted(&LIFE);
    json!({
        "id": random.uuid_at(time).to_string(),
        "kind": if compute { "compute" } else { "service" },
        "status": status,
        "action": action,
        "message": format!("instance {name} {what}"),
        "instance_id": id,
        "instance_name": name,
        "profile_id": Random::of_name(profile).uuid().to_string(),
        "profile_name": profile,
        "partner_id": PARTNER,
        "organization_id": organization.short_id,
        "organization_name": organization.name,
        "project_id": project.short_id,
        "project_name": project.name,
        "workspace_name": "default-ws",
        "created_by": random.favour(&organization.users).email,
        "created_at": time.to_string(),
    })
}
