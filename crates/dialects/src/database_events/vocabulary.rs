//! A platform's words and ours: source types and event categories, as one table. It is used both to render events of
//! other sources and to lower filters, so that what is found and what is shown agree. It knows no JSON, no XML and no
//! HTTP. The rows that both platforms have are here; which rows a platform has, and in which order, its dialect says.

use std::collections::BTreeSet;

use annals_model::{Event, Field, Filter, Outcome, vocabulary::action};

use crate::shown::described;

/// The category of whatever went wrong.
pub(crate) const FAILURE: &str = "failure";

/// A platform's words.
pub(crate) struct Vocabulary {
    /// The dialect's name, and the source of its own events.
    pub(crate) name: &'static str,
    /// The types of source there are.
    pub(crate) source_types: &'static [SourceType],
}

/// A type of source: what an event of the database service is about.
pub(crate) struct SourceType {
    /// Its word in events and queries.
    pub(crate) word: &'static str,
    /// The target's type.
    pub(crate) target: &'static str,
    /// What a message calls it.
    pub(crate) title: &'static str,
    /// Its categories, in the order in which the service lists them.
    pub(crate) rows: &'static [Row],
}

/// A category and the verbs it stands for; reading it gives the first.
pub(crate) struct Row {
    pub(crate) category: &'static str,
    actions: &'static [&'static str],
}

/// A category and the verbs it stands for.
pub(crate) const fn row(category: &'static str, actions: &'static [&'static str]) -> Row {
    Row { category, actions }
}

/// What befalls a database, on either platform.
pub(crate) mod instance {
    use super::{FAILURE, Row, action, row};

    pub(crate) const FAILOVER: Row = row("failover", &[action::FAILOVER]);
    pub(crate) const RECOVERY: Row = row("recovery", &[action::RECOVER]);
    pub(crate) const LOW_STORAGE: Row = row("low storage", &[action::EXHAUST]);
    pub(crate) const CREATION: Row = row("creation", &[action::CREATE, action::CLONE]);
    pub(crate) const BACKUP: Row = row("backup", &[action::BACKUP, action::EXPORT]);
    pub(crate) const CONFIGURATION_CHANGE: Row = row(
        "configuration change",
        &[
            action::UPDATE,
            action::DEPLOY,
            action::SCALE,
            action::BIND,
            action::UNBIND,
            action::GRANT,
            action::REVOKE,
            action::LOCK,
            action::UNLOCK,
        ],
    );
    pub(crate) const RESTORATION: Row = row("restoration", &[action::RESTORE, action::IMPORT]);
    pub(crate) const MAINTENANCE: Row = row("maintenance", &[action::MAINTAIN]);
    pub(crate) const DELETION: Row = row("deletion", &[action::DELETE]);
    pub(crate) const BROKEN: Row = row(FAILURE, &[action::CRASH]);
}

/// What befalls a snapshot, on either platform.
pub(crate) const SNAPSHOT_ROWS: &[Row] = &[
    row("deletion", &[action::DELETE]),
    row("restoration", &[action::RESTORE]),
    row("notification", &[action::NOTIFY, action::CLONE, action::EXPORT, action::IMPORT, action::CANCEL]),
    row(FAILURE, &[action::CRASH]),
    row("creation", &[action::CREATE, action::BACKUP]),
];

impl Vocabulary {
    /// The type of that word.
    pub(crate) fn source_type(&self, word: &str) -> Option<&'static SourceType> {
        self.source_types.iter().find(|source_type| source_type.word == word)
    }

    /// The type that an event is about.
    pub(crate) fn source_type_of(&self, event: &Event) -> Option<&'static SourceType> {
        self.source_types.iter().find(|source_type| event.target.kind.as_deref() == Some(source_type.target))
    }

    /// Whether an event is the platform's own.
    pub(crate) fn is_own(&self, event: &Event) -> bool {
        event.source.strip_prefix(self.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The categories an event is shown with: an own event's as they came; of others those it says and the type knows,
    /// or else the one that follows from what was done. `None` when there is no word for it.
    pub(crate) fn categories<'e>(&self, event: &'e Event, source_type: &SourceType) -> Option<Vec<&'e str>> {
        let said = event.categories.iter().map(String::as_str);
        if self.is_own(event) {
            return Some(said.collect());
        }
        let known: Vec<&str> = said.filter(|category| source_type.knows(category)).collect();
        if known.is_empty() {
            source_type.category(event).map(|category| vec![category])
        } else {
            Some(known)
        }
    }

    /// The events that can be shown: of one type or of every type, of these categories or, when there are none, of any.
    pub(crate) fn shown(&self, source_type: Option<&SourceType>, categories: &BTreeSet<String>) -> Filter {
        match source_type {
            Some(one) => one.shown(self.name, categories),
            None => {
                Filter::Or(self.source_types.iter().map(|each| each.shown(self.name, categories)).collect())
            }
        }
    }
}

/// The target and the type under which a platform's list shows an event.
///
/// # Errors
/// Why it is left out.
pub(crate) fn listed_as<'e>(
    vocabulary: &Vocabulary,
    platform: &str,
    event: &'e Event,
) -> Result<(&'e str, &'static SourceType), String> {
    let known = || vocabulary.shown(None, &BTreeSet::new()).matches(event);
    let Some(source_type) = vocabulary.source_type_of(event).filter(|_| known()) else {
        return Err(format!("{platform} has no source type and category for {}", described(event)));
    };
    match event.target.id.as_deref().filter(|id| !id.is_empty()) {
        Some(target) => Ok((target, source_type)),
        None => Err(format!("{platform}'s events name their source by id, and this one's target has none")),
    }
}

impl SourceType {
    /// Verb and outcome of an own event of those categories. They do not tell what was begun from what was done, so
    /// only failures have an outcome.
    pub(crate) fn meaning(&self, categories: &[String]) -> (&'static str, Outcome) {
        let row = categories.iter().find_map(|said| self.rows.iter().find(|row| row.category == said));
        let verb = row.and_then(|row| row.actions.first()).copied().unwrap_or(action::NOTIFY);
        let failed = categories.iter().any(|category| category == FAILURE);
        (verb, if failed { Outcome::Failure } else { Outcome::Unknown })
    }

    /// Whether a category is one of this type's.
    fn knows(&self, category: &str) -> bool {
        self.rows.iter().any(|row| row.category == category)
    }

    /// The category of an event of another source that says none itself. What failed is a failure, whatever was tried.
    fn category(&self, event: &Event) -> Option<&'static str> {
        let row = self.rows.iter().find(|row| row.actions.contains(&event.action.as_str()))?;
        Some(if event.outcome == Outcome::Failure { FAILURE } else { row.category })
    }

    fn actions(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().flat_map(|row| row.actions).copied()
    }

    /// The events whose category follows from verb and outcome, that category being one of these.
    fn following(&self, categories: &BTreeSet<&str>) -> Filter {
        let failed = || Filter::term(Field::Outcome, Outcome::Failure.as_str());
        let others =
            self.rows.iter().filter(|row| row.category != FAILURE && categories.contains(row.category));
        let verbs: Vec<&str> = others.flat_map(|row| row.actions).copied().collect();
        let mut either = Vec::new();
        if !verbs.is_empty() {
            either.push(Filter::any_of(Field::Action, verbs).and(failed().negate()));
        }
        if categories.contains(FAILURE) {
            either.push(Filter::any_of(Field::Action, self.actions()).and(failed()));
            let broken = self.rows.iter().filter(|row| row.category == FAILURE).flat_map(|row| row.actions);
            either.push(Filter::any_of(Field::Action, broken.copied()));
        }
        Filter::Or(either)
    }

    /// The events that can be shown as of this type, those of these categories only unless there are none.
    fn shown(&self, own_name: &str, categories: &BTreeSet<String>) -> Filter {
        let about = Filter::term(Field::TargetKind, self.target);
        let own = Filter::of_source(own_name);
        let says_one = Filter::any_of(Field::Category, self.rows.iter().map(|row| row.category));
        if categories.is_empty() {
            let follows = Filter::any_of(Field::Action, self.actions());
            return about.and(own.or(says_one).or(follows));
        }
        let (known, strange): (BTreeSet<&str>, BTreeSet<&str>) =
            categories.iter().map(String::as_str).partition(|category| self.knows(category));
        let mut either = Vec::new();
        if !known.is_empty() {
            let says_none = own.clone().or(says_one).negate();
            either.push(Filter::any_of(Field::Category, known.iter().copied()));
            either.push(says_none.and(self.following(&known)));
        }
        // Only the platform's own events are shown with categories that the table does not have.
        if !strange.is_empty() {
            either.push(own.and(Filter::any_of(Field::Category, strange)));
        }
        about.and(Filter::Or(either))
    }
}

/// What every platform's table is held to.
#[cfg(test)]
pub(crate) mod checks {
    use annals_model::Entity;

    use super::*;

    const VERBS: [&str; 14] = [
        "create", "delete", "restart", "stop", "backup", "export", "clone", "crash", "scale", "notify",
        "cancel", "login", "import", "",
    ];

    /// Filters and rendering agree on every combination of source, verb, outcome, categories and target.
    pub(crate) fn what_is_found_is_what_is_shown(vocabulary: &Vocabulary, targets: &[Option<&str>]) {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
        let asked: Vec<BTreeSet<String>> = [
            &[][..],
            &["backup"],
            &["failure"],
            &["creation", "failure"],
            &["notification"],
            &["odd"],
            &["odd", "deletion"],
            &["availability", "configuration change"],
        ]
        .map(set)
        .into();
        let name = vocabulary.name;
        let mut shown_events = 0;
        for source in ["native".to_owned(), name.to_owned(), format!("{name}/one"), format!("{name}x")] {
            for verb in VERBS {
                for outcome in Outcome::ALL {
                    for said in [&[][..], &["backup"], &["odd"], &["odd", "failure", "creation"]] {
                        for target in targets {
                            let event = Event {
                                source: source.clone(),
                                action: verb.into(),
                                outcome,
                                categories: said.iter().map(|word| (*word).to_owned()).collect(),
                                target: Entity { kind: target.map(Into::into), ..Entity::default() },
                                ..Event::default()
                            };
                            shown_events += usize::from(is_found_as_shown(vocabulary, &asked, &event));
                        }
                    }
                }
            }
        }
        assert!(shown_events > 500, "{shown_events}");
    }

    fn is_found_as_shown(vocabulary: &Vocabulary, asked: &[BTreeSet<String>], event: &Event) -> bool {
        let source_type = vocabulary.source_type_of(event);
        let words = source_type.and_then(|it| vocabulary.categories(event, it));
        for asked in asked {
            let fits = words
                .as_ref()
                .is_some_and(|words| asked.is_empty() || words.iter().any(|word| asked.contains(*word)));
            assert_eq!(vocabulary.shown(None, asked).matches(event), fits, "{asked:?} {event:?}");
            for one in vocabulary.source_types {
                let here = fits && source_type.is_some_and(|it| it.word == one.word);
                let found = vocabulary.shown(Some(one), asked).matches(event);
                assert_eq!(found, here, "{} {asked:?} {event:?}", one.word);
            }
        }
        words.is_some()
    }

    /// A category that verbs stand for leads to a verb that leads back to it, and a verb has one category.
    pub(crate) fn every_category_leads_back_to_itself(vocabulary: &Vocabulary) {
        for source_type in vocabulary.source_types {
            for row in source_type.rows.iter().filter(|row| !row.actions.is_empty()) {
                let (verb, outcome) = source_type.meaning(&[row.category.to_owned()]);
                let event = Event { action: verb.into(), outcome, ..Event::default() };
                assert_eq!(source_type.category(&event), Some(row.category));
                assert_eq!(outcome == Outcome::Failure, row.category == FAILURE);
            }
            let mut verbs: Vec<_> = source_type.actions().collect();
            verbs.sort_unstable();
            let count = verbs.len();
            verbs.dedup();
            assert_eq!(verbs.len(), count, "a verb has one category");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_category_decides() {
        let rows = &[instance::BACKUP, instance::BROKEN];
        let source_type = SourceType { word: "w", target: "t", title: "T", rows };
        assert_eq!(source_type.meaning(&[]), ("notify", Outcome::Unknown));
        assert_eq!(source_type.meaning(&["odd".into(), "backup".into()]), ("backup", Outcome::Unknown));
        assert_eq!(source_type.meaning(&["backup".into(), "failure".into()]), ("backup", Outcome::Failure));
        assert_eq!(source_type.meaning(&["failure".into()]), ("crash", Outcome::Failure));
    }
}
