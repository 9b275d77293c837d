//! RDS's words: its source types and event categories, after "Amazon RDS event categories and event messages" in the
//! RDS User Guide. What they are used for is said where the table's form is.
//!
//! Events of other sources can be instances and snapshots. The other types have targets of their own, so that they are
//! found for RDS's own events, and for events that speak RDS's words.

use annals_model::vocabulary::{action, kind};

use crate::database_events::vocabulary::{FAILURE, SNAPSHOT_ROWS, SourceType, Vocabulary, instance, row};

/// The dialect's name, and the source of its own events.
pub(super) const NAME: &str = "rds";

/// RDS's words.
pub(super) const RDS: Vocabulary = Vocabulary {
    name: NAME,
    source_types: &[
        SourceType {
            word: "db-instance",
            target: kind::DATABASE,
            title: "DB instance",
            rows: &[
                instance::DELETION,
                row("read replica", &[]),
                instance::FAILOVER,
                instance::RESTORATION,
                instance::MAINTENANCE,
                instance::LOW_STORAGE,
                instance::CONFIGURATION_CHANGE,
                instance::BACKUP,
                instance::CREATION,
                row("availability", &[action::RESTART]),
                instance::RECOVERY,
                instance::BROKEN,
                // Unlike K5's, which has no events about stopping and starting, and no place for them but availability.
                row("notification", &[action::NOTIFY, action::CANCEL, action::START, action::STOP]),
            ],
        },
        SourceType { word: "db-snapshot", target: kind::SNAPSHOT, title: "DB snapshot", rows: SNAPSHOT_ROWS },
        SourceType {
            word: "db-parameter-group",
            target: "db-parameter-group",
            title: "DB parameter group",
            rows: &[row("configuration change", &[])],
        },
        SourceType {
            word: "db-security-group",
            target: "db-security-group",
            title: "DB security group",
            rows: &[row("configuration change", &[]), row(FAILURE, &[])],
        },
        SourceType {
            word: "db-cluster",
            target: "db-cluster",
            title: "DB cluster",
            rows: &[row("failover", &[]), row(FAILURE, &[]), row("notification", &[])],
        },
        SourceType {
            word: "db-cluster-snapshot",
            target: "db-cluster-snapshot",
            title: "DB cluster snapshot",
            rows: &[row("backup", &[])],
        },
        SourceType {
            word: "db-proxy",
            target: "db-proxy",
            title: "DB proxy",
            rows: &[
                row("configuration change", &[]),
                row("creation", &[]),
                row("deletion", &[]),
                row(FAILURE, &[]),
            ],
        },
        SourceType {
            word: "blue-green-deployment",
            target: "blue-green-deployment",
            title: "Blue/green deployment",
            rows: &[row("creation", &[]), row(FAILURE, &[]), row("deletion", &[]), row("notification", &[])],
        },
        SourceType {
            word: "custom-engine-version",
            target: "custom-engine-version",
            title: "Custom engine version",
            rows: &[row("creation", &[]), row(FAILURE, &[]), row("restoring", &[])],
        },
        SourceType { word: "db-shard-group", target: "db-shard-group", title: "DB shard group", rows: &[] },
        SourceType { word: "zero-etl", target: "zero-etl", title: "Zero-ETL integration", rows: &[] },
    ],
};

/// How an ARN names a source type: `arn:aws:rds:region:account:this:identifier`.
pub(super) fn arn_word(source_type: &SourceType) -> &'static str {
    match source_type.word {
        "db-instance" => "db",
        "db-snapshot" => "snapshot",
        "db-parameter-group" => "pg",
        "db-security-group" => "secgrp",
        "db-cluster" => "cluster",
        "db-cluster-snapshot" => "cluster-snapshot",
        "blue-green-deployment" => "deployment",
        "custom-engine-version" => "cev",
        "db-shard-group" => "shard-group",
        "zero-etl" => "integration",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use annals_model::{Entity, Event, Outcome};

    use super::*;
    use crate::database_events::vocabulary::checks;

    #[test]
    fn the_table_is_sound() {
        let targets = [Some("database"), Some("snapshot"), Some("db-cluster"), Some("app"), None];
        checks::what_is_found_is_what_is_shown(&RDS, &targets);
        checks::every_category_leads_back_to_itself(&RDS);
    }

    #[test]
    fn words_are_unique() {
        for (at, one) in RDS.source_types.iter().enumerate() {
            for other in &RDS.source_types[at + 1..] {
                assert_ne!(one.word, other.word);
                assert_ne!(one.target, other.target);
                assert_ne!(arn_word(one), arn_word(other));
            }
        }
    }

    #[test]
    fn stopping_is_a_notification_and_restarting_is_availability() {
        let shown = |action: &str, outcome| {
            let target = Entity { kind: Some("database".into()), ..Entity::default() };
            let event = Event { action: action.into(), outcome, target, ..Event::default() };
            let words = RDS.categories(&event, RDS.source_type_of(&event).unwrap())?;
            Some(words.join(","))
        };
        assert_eq!(shown("stop", Outcome::Success).as_deref(), Some("notification"));
        assert_eq!(shown("restart", Outcome::Unknown).as_deref(), Some("availability"));
        assert_eq!(shown("restart", Outcome::Failure).as_deref(), Some("failure"));
        assert_eq!(shown("login", Outcome::Success), None);
    }
}
