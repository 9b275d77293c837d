//! Fujitsu K5's events of its database service. Categories are those of its manual; the texts follow the service that
//! it is modelled on.

use annals_model::Timestamp;
use serde_json::{Value, json};

use crate::{Organization, Random};

/// How often; category and message.
const INSTANCE_EVENTS: [(u64, (&str, &str)); 23] = [
    (14, ("backup", "Backing up DB Instance")),
    (14, ("backup", "Finished DB Instance backup")),
    (5, ("availability", "DB Instance restarted")),
    (2, ("availability", "DB Instance shutdown")),
    (4, ("notification", "DB Instance stopped")),
    (4, ("notification", "DB Instance started")),
    (3, ("configuration change", "Applying modification to database instance class")),
    (3, ("configuration change", "Finished applying modification to database instance class")),
    (2, ("configuration change", "Finished applying modification to allocated storage")),
    (2, ("configuration change", "Updated to use DBParameterGroup production")),
    (2, ("configuration change", "Reset master credentials")),
    (2, ("configuration change", "Added security group internal to DB Instance")),
    (2, ("creation", "DB Instance created")),
    (1, ("deletion", "DB Instance deleted")),
    (2, ("failover", "Multi-AZ Instance failover started")),
    (2, ("failover", "Multi-AZ Instance failover completed")),
    (1, ("failure", "DB Instance put into incompatible-network state")),
    (3, ("low storage", "Allocated storage has been exhausted. Allocate additional storage to resolve")),
    (3, ("maintenance", "Applying off-line patches to DB Instance")),
    (3, ("maintenance", "Finished applying off-line patches to DB Instance")),
    (1, ("recovery", "Recovery of the DB Instance has started")),
    (1, ("recovery", "Recovery of the DB Instance is complete")),
    (1, ("restoration", "Restored from DB Instance orders-db to orders-db-copy")),
];
const SNAPSHOT_EVENTS: [(u64, (&str, &str)); 6] = [
    (6, ("creation", "Creating automated snapshot")),
    (6, ("creation", "Automated snapshot created")),
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
    let source = if snapshot {
        format!("snapshot_{}_{}", database.name.replace('-', "_"), random.below(30))
    } else {
        format!("dbinst_{}", database.name.replace('-', "_"))
    };
    json!({
        // Whole seconds, in UTC and without a zone, as the manual's example has it.
        "date": time.to_rfc3339_seconds().trim_end_matches('Z'),
        "eventCategories": [category],
        "message": message,
        "sourceIdentifier": source,
        "sourceType": if snapshot { "db-snapshot" } else { "db-instance" },
    })
}
