//! Amazon RDS's events, in the members of an answer's `Events`. Categories and messages are those of "Amazon RDS event
//! categories and event messages" in the RDS User Guide.

use annals_model::Timestamp;
use serde_json::{Value, json};

use crate::{Organization, Random};

/// Where the databases are.
const REGION: &str = "eu-central-1";
/// How often; category and message.
const INSTANCE_EVENTS: [(u64, (&str, &str)); 24] = [
    (14, ("backup", "Backing up DB instance")),
    (14, ("backup", "Finished DB instance backup")),
    (5, ("availability", "DB instance restarted")),
    (2, ("availability", "DB instance shutdown")),
    (4, ("notification", "DB instance stopped")),
    (4, ("notification", "DB instance started")),
    (3, ("configuration change", "Applying modification to database instance class")),
    (3, ("configuration change", "Finished applying modification to database instance class")),
    (2, ("configuration change", "Finished applying modification to allocated storage")),
    (2, ("configuration change", "Updated to use DBParameterGroup production")),
    (2, ("configuration change", "Reset master credentials")),
    (1, ("configuration change", "Unable to reset your password. Error information: it is too short")),
    (2, ("creation", "DB instance created")),
    (1, ("deletion", "DB instance deleted")),
    (2, ("failover", "Multi-AZ instance failover started")),
    (2, ("failover", "Multi-AZ instance failover completed")),
    (1, ("failure", "DB instance put into incompatible-network state")),
    (3, ("low storage", "Allocated storage has been exhausted. Allocate additional storage to resolve")),
    (3, ("maintenance", "Applying off-line patches to DB instance")),
    (3, ("maintenance", "Finished applying off-line patches to DB instance")),
    (2, ("read replica", "Replication for the Read Replica resumed")),
    (1, ("recovery", "Recovery of the DB instance has started")),
    (1, ("recovery", "Recovery of the DB instance is complete")),
    (1, ("restoration", "Restored from DB instance orders-db to orders-db-copy")),
];
const SNAPSHOT_EVENTS: [(u64, (&str, &str)); 7] = [
    (6, ("creation", "Creating automated snapshot")),
    (6, ("creation", "Automated snapshot created")),
    (2, ("creation", "Creating manual snapshot")),
    (2, ("creation", "Manual snapshot created")),
    (2, ("deletion", "Deleted user snapshot")),
    (1, ("notification", "Started copy of snapshot")),
    (1, ("restoration", "Restored from snapshot")),
];
/// Of a hundred events, so many are about a snapshot.
const SNAPSHOT_PERCENT: u64 = 20;

pub(crate) fn event(random: &mut Random, organization: &Organization, time: Timestamp) -> Value {
    let database = random.favour(&organization.databases);
    let snapshot = random.chance(SNAPSHOT_PERCENT);
    let (category, message) =
        if snapshot { *random.weighted(&SNAPSHOT_EVENTS) } else { *random.weighted(&INSTANCE_EVENTS) };
    let (id, source_type, word) = if snapshot {
        (format!("{}-{}", database.name, random.below(30)), "db-snapshot", "snapshot")
    } else {
        (database.name.clone(), "db-instance", "db")
    };
    json!({
        "SourceIdentifier": id,
        "SourceType": source_type,
        "Message": message,
        "EventCategories": [category],
        "Date": time.to_rfc3339_millis(),
        "SourceArn": format!("arn:aws:rds:{REGION}:{}:{word}:{id}", organization.account),
    })
}
