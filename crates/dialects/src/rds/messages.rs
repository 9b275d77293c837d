//! RDS's messages, after "Amazon RDS event categories and event messages" in the RDS User Guide: what they say of verb
//! and outcome, which the categories alone do not tell, and what to say of an event that has none.

use annals_model::{Outcome, vocabulary::action};

/// A message of the service.
struct Message {
    source_type: &'static str,
    category: &'static str,
    /// Whole, without a final period; or how it begins, when it ends in a space or in what follows in the guide.
    text: &'static str,
    rest: bool,
    action: &'static str,
    outcome: Outcome,
}

const fn whole(
    source_type: &'static str,
    category: &'static str,
    text: &'static str,
    action: &'static str,
    outcome: Outcome,
) -> Message {
    Message { source_type, category, text, rest: false, action, outcome }
}

const fn begins(
    source_type: &'static str,
    category: &'static str,
    text: &'static str,
    action: &'static str,
    outcome: Outcome,
) -> Message {
    Message { source_type, category, text, rest: true, action, outcome }
}

const INSTANCE: &str = "db-instance";
const SNAPSHOT: &str = "db-snapshot";
const CHANGE: &str = "configuration change";

/// The first with a verb and outcome is the one that is said of an event without a message.
#[rustfmt::skip]
const MESSAGES: &[Message] = &[
    whole(INSTANCE, "availability", "DB instance restarted", action::RESTART, Outcome::Success),
    whole(INSTANCE, "availability", "DB instance shutdown", action::STOP, Outcome::Success),
    begins(INSTANCE, "availability", "Error restarting", action::RESTART, Outcome::Failure),
    whole(INSTANCE, "backup", "Backing up DB instance", action::BACKUP, Outcome::Pending),
    whole(INSTANCE, "backup", "Finished DB instance backup", action::BACKUP, Outcome::Success),
    begins(INSTANCE, CHANGE, "Finished applying modification", action::UPDATE, Outcome::Success),
    begins(INSTANCE, CHANGE, "Applying modification", action::UPDATE, Outcome::Pending),
    begins(INSTANCE, CHANGE, "Updated to use DBParameterGroup", action::UPDATE, Outcome::Success),
    begins(INSTANCE, CHANGE, "Finished updating DB parameter group", action::UPDATE, Outcome::Success),
    begins(INSTANCE, CHANGE, "Added security group", action::UPDATE, Outcome::Success),
    begins(INSTANCE, CHANGE, "Removed security group", action::UPDATE, Outcome::Success),
    whole(INSTANCE, CHANGE, "Disabled automated backups", action::UPDATE, Outcome::Success),
    whole(INSTANCE, CHANGE, "Enabled automated backups", action::UPDATE, Outcome::Success),
    whole(INSTANCE, CHANGE, "Reset master credentials", action::UPDATE, Outcome::Success),
    begins(INSTANCE, CHANGE, "Unable to reset your password", action::UPDATE, Outcome::Failure),
    whole(INSTANCE, "creation", "DB instance created", action::CREATE, Outcome::Success),
    whole(INSTANCE, "deletion", "DB instance deleted", action::DELETE, Outcome::Success),
    whole(INSTANCE, "failover", "Multi-AZ instance failover started", action::FAILOVER, Outcome::Pending),
    whole(INSTANCE, "failover", "Multi-AZ instance failover completed", action::FAILOVER, Outcome::Success),
    begins(INSTANCE, "failover", "Multi-AZ failover to standby complete", action::FAILOVER, Outcome::Success),
    begins(INSTANCE, "failover", "Abandoning user requested failover", action::FAILOVER, Outcome::Failure),
    whole(INSTANCE, "failover", "Multi-AZ instance activation started", action::FAILOVER, Outcome::Pending),
    whole(INSTANCE, "failover", "Multi-AZ instance activation completed", action::FAILOVER, Outcome::Success),
    whole(INSTANCE, "maintenance", "Applying off-line patches to DB instance", action::MAINTAIN, Outcome::Pending),
    whole(INSTANCE, "maintenance", "Finished applying off-line patches to DB instance", action::MAINTAIN, Outcome::Success),
    whole(INSTANCE, "maintenance", "Database instance patched", action::MAINTAIN, Outcome::Success),
    whole(INSTANCE, "notification", "DB instance stopped", action::STOP, Outcome::Success),
    whole(INSTANCE, "notification", "DB instance started", action::START, Outcome::Success),
    begins(INSTANCE, "recovery", "Recovery of the DB instance has started", action::RECOVER, Outcome::Pending),
    whole(INSTANCE, "recovery", "Recovery of the DB instance is complete", action::RECOVER, Outcome::Success),
    whole(INSTANCE, "recovery", "Multi-AZ instance recovery started", action::RECOVER, Outcome::Pending),
    begins(INSTANCE, "recovery", "Multi-AZ instance recovery completed", action::RECOVER, Outcome::Success),
    begins(INSTANCE, "restoration", "Restored from DB instance", action::RESTORE, Outcome::Success),
    whole(SNAPSHOT, "creation", "Creating manual snapshot", action::CREATE, Outcome::Pending),
    whole(SNAPSHOT, "creation", "Manual snapshot created", action::CREATE, Outcome::Success),
    whole(SNAPSHOT, "creation", "Creating automated snapshot", action::BACKUP, Outcome::Pending),
    whole(SNAPSHOT, "creation", "Automated snapshot created", action::BACKUP, Outcome::Success),
    whole(SNAPSHOT, "deletion", "Deleted user snapshot", action::DELETE, Outcome::Success),
    begins(SNAPSHOT, "notification", "Started copy of snapshot", action::CLONE, Outcome::Pending),
    begins(SNAPSHOT, "notification", "Finished copy of snapshot", action::CLONE, Outcome::Success),
    begins(SNAPSHOT, "notification", "Canceled snapshot copy request", action::CANCEL, Outcome::Success),
    whole(SNAPSHOT, "notification", "The snapshot export task failed", action::EXPORT, Outcome::Failure),
    whole(SNAPSHOT, "notification", "The snapshot export task was canceled", action::CANCEL, Outcome::Success),
    whole(SNAPSHOT, "notification", "The snapshot export task completed", action::EXPORT, Outcome::Success),
    begins(SNAPSHOT, "restoration", "Restored from snapshot", action::RESTORE, Outcome::Success),
];

/// Verb and outcome of an own event by its message, if that is a known one of its categories.
pub(super) fn meaning(
    source_type: &str,
    categories: &[String],
    message: &str,
) -> Option<(&'static str, Outcome)> {
    let said = message.trim();
    let said = said.strip_suffix('.').unwrap_or(said);
    let fits = |known: &&Message| {
        let begins = said.get(..known.text.len()).is_some_and(|text| text.eq_ignore_ascii_case(known.text));
        known.source_type == source_type
            && categories.iter().any(|category| category == known.category)
            && begins
            && (known.rest || said.len() == known.text.len())
    };
    MESSAGES.iter().find(fits).map(|known| (known.action, known.outcome))
}

/// What RDS says of a verb and outcome when it shows them with that category.
pub(super) fn message(
    source_type: &str,
    category: &str,
    action: &str,
    outcome: Outcome,
) -> Option<&'static str> {
    let fits = |known: &&Message| {
        !known.rest
            && known.source_type == source_type
            && known.category == category
            && known.action == action
            && known.outcome == outcome
    };
    MESSAGES.iter().find(fits).map(|known| known.text)
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::RDS;
    use super::*;

    #[test]
    fn messages_mean_what_they_say() {
        let meaning = |source_type, category: &str, text| meaning(source_type, &[category.to_owned()], text);
        for (source_type, category, text, expected) in [
            ("db-instance", "backup", "Finished DB Instance backup", Some(("backup", Outcome::Success))),
            ("db-instance", "backup", "Backing up DB instance.", Some(("backup", Outcome::Pending))),
            ("db-instance", "notification", "DB instance stopped", Some(("stop", Outcome::Success))),
            (
                "db-instance",
                "availability",
                "Error restarting mysql: port taken",
                Some(("restart", Outcome::Failure)),
            ),
            (
                "db-instance",
                "configuration change",
                "Applying modification to allocated storage",
                Some(("update", Outcome::Pending)),
            ),
            ("db-snapshot", "creation", "Manual snapshot created", Some(("create", Outcome::Success))),
            // The category must fit, and a whole message must be whole.
            ("db-instance", "creation", "Backing up DB instance", None),
            ("db-snapshot", "backup", "Backing up DB instance", None),
            ("db-instance", "backup", "Backing up DB instance x", None),
            ("db-instance", "backup", "Backing up", None),
            ("db-instance", "backup", "", None),
            ("db-instance", "backup", "Backing up DB instancé", None),
        ] {
            assert_eq!(meaning(source_type, category, text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_said_is_understood() {
        for known in MESSAGES.iter().filter(|known| !known.rest) {
            let said = message(known.source_type, known.category, known.action, known.outcome).unwrap();
            let categories = [known.category.to_owned()];
            let understood = meaning(known.source_type, &categories, said);
            assert_eq!(understood, Some((known.action, known.outcome)), "{said}");
        }
        assert_eq!(
            message("db-instance", "creation", "create", Outcome::Success),
            Some("DB instance created")
        );
        assert_eq!(message("db-instance", "creation", "create", Outcome::Unknown), None);
        // One that goes on is not said without what it goes on with.
        assert_eq!(message("db-snapshot", "restoration", "restore", Outcome::Success), None);
    }

    #[test]
    fn every_message_is_of_a_category_of_its_type() {
        for known in MESSAGES {
            let source_type = RDS.source_type(known.source_type).unwrap();
            let has = source_type.rows.iter().any(|row| row.category == known.category);
            assert!(has, "{}", known.text);
            assert!(!known.text.ends_with(['.', ' ']), "{}", known.text);
        }
    }
}
