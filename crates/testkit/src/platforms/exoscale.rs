//! Exoscale's events, as `GET /v2/event` lists them: the operations of its API that change something, and sign-ins.

use annals_model::Timestamp;
use serde_json::{Map, Value, json};

use crate::{Organization, Random};

const ZONES: [&str; 8] =
    ["ch-gva-2", "de-fra-1", "at-vie-1", "ch-dk-2", "de-muc-1", "at-vie-2", "bg-sof-1", "hr-zag-1"];

/// An operation: how often, its name, its method, its path, and how long it takes at least.
struct Operation {
    name: &'static str,
    method: &'static str,
    /// Below `/v2`; `{id}` and `{name}` are parameters.
    path: &'static str,
    elapsed_ms_min: u64,
}

const fn operation(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    elapsed_ms_min: u64,
) -> Operation {
    Operation { name, method, path, elapsed_ms_min }
}

const OPERATIONS: [(u64, Operation); 24] = [
    (10, operation("create-instance", "POST", "/instance", 400)),
    (8, operation("delete-instance", "DELETE", "/instance/{id}", 200)),
    (9, operation("start-instance", "PUT", "/instance/{id}:start", 90)),
    (9, operation("stop-instance", "PUT", "/instance/{id}:stop", 90)),
    (6, operation("reboot-instance", "PUT", "/instance/{id}:reboot", 90)),
    (4, operation("scale-instance", "PUT", "/instance/{id}:scale", 120)),
    (5, operation("update-instance", "PUT", "/instance/{id}", 60)),
    (8, operation("create-snapshot", "POST", "/instance/{id}:create-snapshot", 300)),
    (5, operation("create-security-group", "POST", "/security-group", 50)),
    (9, operation("add-rule-to-security-group", "POST", "/security-group/{id}/rules", 40)),
    (3, operation("delete-security-group", "DELETE", "/security-group/{id}", 40)),
    (2, operation("create-api-key", "POST", "/api-key", 80)),
    (2, operation("delete-api-key", "DELETE", "/api-key/{id}", 40)),
    (2, operation("create-iam-role", "POST", "/iam-role", 60)),
    (2, operation("update-iam-role-policy", "PUT", "/iam-role/{id}:policy", 60)),
    (2, operation("create-dbaas-service-pg", "POST", "/dbaas-postgres/{name}", 1_500)),
    (4, operation("update-dbaas-service-pg", "PUT", "/dbaas-postgres/{name}", 300)),
    (1, operation("delete-dbaas-service", "DELETE", "/dbaas-service/{name}", 500)),
    (1, operation("create-sks-cluster", "POST", "/sks-cluster", 700)),
    (3, operation("scale-sks-nodepool", "PUT", "/sks-cluster/{id}/nodepool/{sks-nodepool-id}:scale", 150)),
    (2, operation("attach-instance-to-private-network", "PUT", "/private-network/{id}:attach", 70)),
    (2, operation("create-block-storage-volume", "POST", "/block-storage", 150)),
    (2, operation("create-elastic-ip", "POST", "/elastic-ip", 100)),
    (1, operation("delete-load-balancer", "DELETE", "/load-balancer/{id}", 150)),
];

/// Of a hundred events, so many are sign-ins at the console.
const SIGN_INS_PERCENT: u64 = 12;
/// Of a hundred operations, so many are made in the portal by people; keys make the others.
const PORTAL_PERCENT: u64 = 30;
/// Of a hundred operations, so many are refused.
const REFUSED_PERCENT: u64 = 6;

pub(crate) fn event(random: &mut Random, organization: &Organization, time: Timestamp) -> Value {
    if random.chance(SIGN_INS_PERCENT) {
        return sign_in(random, organization, time);
    }
    let operation = random.weighted(&OPERATIONS);
    let zone = *random.favour(&ZONES);
    let mut event = Map::new();
    let mut set = |key: &str, value: Value| event.insert(key.to_owned(), value);
    set("request-id", json!(random.uuid_v1_at(time).to_string()));
    set("zone", json!(zone));
    if random.chance(PORTAL_PERCENT) {
        let user = random.favour(&organization.users);
        set(
            "iam-user",
            json!({
                "id": user.guid, "email": user.email, "sso": false, "two-factor-authentication": true,
                "pending": false, "role": role(organization, "Owner"),
            }),
        );
        set("iam-role", role(organization, "Owner"));
    } else {
        let key = random.favour(&organization.keys);
        set("iam-api-key", json!({"name": key.name, "key": key.key, "role-id": key.role}));
        set("iam-role", json!({"id": key.role, "name": key.name, "editable": true}));
    }
    let ip = random.ip();
    set("source-ip", json!(ip));
    let parameters = path_parameters(random, organization, operation);
    let mut uri = format!("/v2{}", operation.path);
    for (name, value) in &parameters {
        uri = uri.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default());
    }
    set("uri", json!(uri));
    if !parameters.is_empty() {
        set("path-params", Value::Object(parameters));
    }
    if let Some(body) = body(random, organization, operation.name) {
        set("body-params", body);
    }
    let status = if random.chance(REFUSED_PERCENT) { *random.favour(&[404, 409, 403]) } else { 200 };
    set("status", json!(status));
    let slower = random.skewed(2_000);
    set("elapsed-ms", json!(if status == 200 { operation.elapsed_ms_min + slower } else { 8 + slower / 20 }));
    set("timestamp", json!(time.to_string()));
    set("handler", json!(operation.name));
    let (method, name) = (operation.method, operation.name);
    set("message", json!(format!("{method} https://api-{zone}.exoscale.com{uri} [{name}] status {status}")));
    Value::Object(event)
}

fn sign_in(random: &mut Random, organization: &Organization, time: Timestamp) -> Value {
    let handler = *random.pick(&["authenticate", "create session"]);
    let email = &random.favour(&organization.users).email;
    json!({
        "handler": handler, "source-ip": random.ip(), "message": format!("User {email}: {handler}"),
        "status": if handler == "authenticate" && random.chance(8) { 401 } else { 200 },
        "timestamp": time.to_string(),
    })
}

fn role(organization: &Organization, name: &str) -> Value {
    let id = Random::of_name(&format!("{}/role/{name}", organization.name)).uuid();
    json!({"id": id.to_string(), "name": name, "editable": false})
}

/// The values of a path's parameters.
fn path_parameters(
    random: &mut Random,
    organization: &Organization,
    operation: &Operation,
) -> Map<String, Value> {
    let mut parameters = Map::new();
    if operation.path.contains("{name}") {
        parameters.insert("name".to_owned(), json!(random.favour(&organization.databases).name));
    }
    if operation.path.contains("{id}") {
        let resource = operation.path.split('/').nth(1).unwrap_or_default();
        let id = match resource {
            "instance" => random.favour(&organization.instances).guid.clone(),
            "api-key" => random.pick(&organization.keys).key.clone(),
            "iam-role" => random.pick(&organization.keys).role.clone(),
            // There are a few of everything else.
            _ => {
                let number = random.skewed(4);
                Random::of_name(&format!("{}/{resource}/{number}", organization.name)).uuid().to_string()
            }
        };
        parameters.insert("id".to_owned(), json!(id));
    }
    if operation.path.contains("{sks-nodepool-id}") {
        let id = Random::of_name(&format!("{}/nodepool", organization.name)).uuid();
        parameters.insert("sks-nodepool-id".to_owned(), json!(id.to_string()));
    }
    parameters
}

/// The body of an operation that has one.
fn body(random: &mut Random, organization: &Organization, name: &str) -> Option<Value> {
    let fixed = |what: &str| json!({"id": Random::of_name(what).uuid().to_string()});
    let instance = random.favour(&organization.instances);
    Some(match name {
        "create-instance" => json!({
            "name": instance.name, "disk-size": *random.favour(&[50, 100, 200, 400]),
            "template": fixed("template"), "instance-type": fixed("instance-type"),
            "security-groups": [fixed("security-group")], "anti-affinity-groups": [],
            "public-ip-assignment": "inet4", "ssh-key": {"name": "ops"},
        }),
        "scale-instance" => json!({"instance-type": fixed("larger-instance-type")}),
        "update-instance" => {
            json!({"name": instance.name, "labels": {"team": *random.pick(&["payments", "platform", "data"])}})
        }
        "create-security-group" => {
            json!({"name": *random.pick(&["web", "internal", "bastion"]), "description": "made by Terraform"})
        }
        "add-rule-to-security-group" => {
            let (port, what) =
                *random.favour(&[(443, "https"), (22, "ssh"), (5_432, "postgres"), (8_080, "metrics")]);
            json!({
                "flow-direction": "ingress", "protocol": "tcp", "start-port": port, "end-port": port,
                "network": *random.favour(&["0.0.0.0/0", "10.0.0.0/8", "198.51.100.0/24"]), "description": what,
            })
        }
        "create-api-key" => {
            json!({"name": random.pick(&organization.keys).name, "role-id": random.pick(&organization.keys).role})
        }
        "create-iam-role" => json!({"name": random.pick(&organization.keys).name, "editable": true}),
        "update-iam-role-policy" => {
            json!({"default-service-strategy": "deny", "services": {"compute": {"type": "allow"}}})
        }
        "create-dbaas-service-pg" | "update-dbaas-service-pg" => {
            json!({"plan": *random.favour(&["startup-4", "business-4", "premium-8"]), "termination-protection": true})
        }
        "create-sks-cluster" => json!({"name": "main", "level": "pro", "version": "1.34.1", "cni": "cilium"}),
        "scale-sks-nodepool" => json!({"size": 2 + random.below(8)}),
        "attach-instance-to-private-network" => json!({"instance": {"id": instance.guid}}),
        "create-block-storage-volume" => json!({"name": format!("{}-data", instance.name), "size": 100}),
        "create-elastic-ip" => json!({"description": instance.name, "addressfamily": "inet4"}),
        _ => return None,
    })
}
