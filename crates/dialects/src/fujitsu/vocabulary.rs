//! K5's words: its source types and event categories. What they are used for is said where the table's form is.

use annals_model::vocabulary::{action, kind};

use crate::database_events::vocabulary::{SNAPSHOT_ROWS, SourceType, Vocabulary, instance, row};

/// The dialect's name, and the source of its own events.
pub(super) const NAME: &str = "fujitsu";

/// K5's words.
pub(super) const K5: Vocabulary = Vocabulary {
    name: NAME,
    source_types: &[
        SourceType {
            word: "db-instance",
            target: kind::DATABASE,
            title: "DB instance",
            rows: &[
                row("availability", &[action::RESTART, action::START, action::STOP]),
                instance::FAILOVER,
                instance::RECOVERY,
                instance::LOW_STORAGE,
                instance::CREATION,
                row("notification", &[action::NOTIFY, action::CANCEL]),
                instance::BACKUP,
                instance::CONFIGURATION_CHANGE,
                instance::RESTORATION,
                instance::MAINTENANCE,
                instance::DELETION,
                instance::BROKEN,
            ],
        },
        SourceType { word: "db-snapshot", target: kind::SNAPSHOT, title: "DB snapshot", rows: SNAPSHOT_ROWS },
    ],
};

/// The word that the manual's page on event categories has for a type.
pub(super) fn short_word(source_type: &SourceType) -> &'static str {
    source_type.word.strip_prefix("db-").unwrap_or(source_type.word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database_events::vocabulary::checks;

    #[test]
    fn the_table_is_sound() {
        let targets = [Some("database"), Some("snapshot"), Some("app"), None];
        checks::what_is_found_is_what_is_shown(&K5, &targets);
        checks::every_category_leads_back_to_itself(&K5);
    }

    #[test]
    fn types_have_a_short_word() {
        assert_eq!(K5.source_types.iter().map(short_word).collect::<Vec<_>>(), ["instance", "snapshot"]);
    }
}
