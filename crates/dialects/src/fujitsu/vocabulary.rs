//! K5's words and ours: source types and event categories, as one table. It is used both to render events of other
//! sources and to lower filters, so that what is found and what is shown agree. It knows no JSON and no HTTP.

use std::collections::BTreeSet;

use annals_model::{
    Event, Field, Filter, Outcome,
    vocabulary::{action, kind},
};

/// The dialect's name, and the source of its own events.
pub(super) const NAME: &str = "fujitsu";

/// The category of whatever went wrong.
const FAILURE: &str = "failure";

/// A type of source: what an event of the database service is about.
pub(super) struct SourceType {
    /// Its word in events and queries.
    pub(super) word: &'static str,
    /// The word that the manual's page on event categories has for it.
    pub(super) short_word: &'static str,
    /// The target's type.
    pub(super) target: &'static str,
    /// What a message calls it.
    pub(super) title: &'static str,
    /// Its categories, in the order in which the service lists them.
    pub(super) rows: &'static [Row],
}

/// A category and the verbs it stands for; reading it gives the first.
pub(super) struct Row {
    pub(super) category: &'static str,
    actions: &'static [&'static str],
}

const fn row(category: &'static str, actions: &'static [&'static str]) -> Row {
    Row { category, actions }
}

/// The types there are.
pub(super) const SOURCE_TYPES: &[SourceType] = &[
    SourceType {
        word: "db-instance",
        short_word: "instance",
        target: kind::DATABASE,
        title: "DB instance",
        rows: &[
            row("availability", &[action::RESTART, action::START, action::STOP]),
            row("failover", &[action::FAILOVER]),
            row("recovery", &[action::RECOVER]),
            row("low storage", &[action::EXHAUST]),
            row("creation", &[action::CREATE, action::CLONE]),
            row("notification", &[action::NOTIFY, action::CANCEL]),
            row("backup", &[action::BACKUP, action::EXPORT]),
            row(
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
            ),
            row("restoration", &[action::RESTORE, action::IMPORT]),
            row("maintenance", &[action::MAINTAIN]),
            row("deletion", &[action::DELETE]),
            row(FAILURE, &[action::CRASH]),
        ],
    },
    SourceType {
        word: "db-snapshot",
        short_word: "snapshot",
        target: kind::SNAPSHOT,
        title: "DB snapshot",
        rows: &[
            row("deletion", &[action::DELETE]),
            row("restoration", &[action::RESTORE]),
            row(
                "notification",
                &[action::NOTIFY, action::CLONE, action::EXPORT, action::IMPORT, action::CANCEL],
            ),
            row(FAILURE, &[action::CRASH]),
            row("creation", &[action::CREATE, action::BACKUP]),
        ],
    },
];

impl SourceType {
    /// The type of that word.
    pub(super) fn from_word(word: &str) -> Option<&'static Self> {
        SOURCE_TYPES.iter().find(|source_type| source_type.word == word)
    }

    /// The type that an event is about.
    pub(super) fn of(event: &Event) -> Option<&'static Self> {
        SOURCE_TYPES.iter().find(|source_type| event.target.kind.as_deref() == Some(source_type.target))
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
    fn shown(&self, categories: &BTreeSet<String>) -> Filter {
        let about = Filter::term(Field::TargetKind, self.target);
        let own = Filter::of_source(NAME);
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
        // Only K5's own events are shown with categories that the table does not have.
        if !strange.is_empty() {
            either.push(own.and(Filter::any_of(Field::Category, strange)));
        }
        about.and(Filter::Or(either))
    }
}

/// Whether an event is the platform's own.
pub(super) fn is_own(event: &Event) -> bool {
    event.source.strip_prefix(NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The categories an event is shown with: an own event's as they came; of others those it says and the type knows, or
/// else the one that follows from what was done. `None` when there is no word for it.
pub(super) fn categories<'e>(event: &'e Event, source_type: &SourceType) -> Option<Vec<&'e str>> {
    let said = event.categories.iter().map(String::as_str);
    if is_own(event) {
        return Some(said.collect());
    }
    let known: Vec<&str> = said.filter(|category| source_type.knows(category)).collect();
    if known.is_empty() { source_type.category(event).map(|category| vec![category]) } else { Some(known) }
}

/// Verb and outcome of an own event of those categories. They do not tell what was begun from what was done, so only
/// failures have an outcome.
pub(super) fn meaning(source_type: &SourceType, categories: &[String]) -> (&'static str, Outcome) {
    let row = categories.iter().find_map(|said| source_type.rows.iter().find(|row| row.category == said));
    let verb = row.and_then(|row| row.actions.first()).copied().unwrap_or(action::NOTIFY);
    let failed = categories.iter().any(|category| category == FAILURE);
    (verb, if failed { Outcome::Failure } else { Outcome::Unknown })
}

/// The events that can be shown: of one type or of every type, of these categories or, when there are none, of any.
pub(super) fn shown(source_type: Option<&SourceType>, categories: &BTreeSet<String>) -> Filter {
    match source_type {
        Some(one) => one.shown(categories),
        None => Filter::Or(SOURCE_TYPES.iter().map(|each| each.shown(categories)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use annals_model::Entity;

    use super::*;

    const VERBS: [&str; 12] = [
        "create", "delete", "restart", "backup", "export", "clone", "crash", "scale", "notify", "login",
        "import", "",
    ];

    /// Filters and rendering agree on every combination of source, verb, outcome, categories and target.
    #[test]
    fn what_is_found_is_what_is_shown() {
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
        let mut shown_events = 0;
        for source in ["native", "fujitsu", "fujitsu/uk-1", "fujitsux"] {
            for verb in VERBS {
                for outcome in Outcome::ALL {
                    for said in [&[][..], &["backup"], &["odd"], &["odd", "failure", "creation"]] {
                        for target in [Some("database"), Some("snapshot"), Some("app"), None] {
                            let event = Event {
                                source: source.into(),
                                action: verb.into(),
                                outcome,
                                categories: said.iter().map(|word| (*word).to_owned()).collect(),
                                target: Entity { kind: target.map(Into::into), ..Entity::default() },
                                ..Event::default()
                            };
                            let source_type = SourceType::of(&event);
                            let words = source_type.and_then(|it| categories(&event, it));
                            shown_events += usize::from(words.is_some());
                            for asked in &asked {
                                let fits = words.as_ref().is_some_and(|words| {
                                    asked.is_empty() || words.iter().any(|word| asked.contains(*word))
                                });
                                assert_eq!(shown(None, asked).matches(&event), fits, "{asked:?} {event:?}");
                                for one in SOURCE_TYPES {
                                    let here = fits && source_type.is_some_and(|it| it.word == one.word);
                                    let found = shown(Some(one), asked).matches(&event);
                                    assert_eq!(found, here, "{} {asked:?} {event:?}", one.word);
                                }
                            }
                        }
                    }
                }
            }
        }
        assert!(shown_events > 500, "{shown_events}");
    }

    #[test]
    fn every_category_leads_back_to_itself() {
        for source_type in SOURCE_TYPES {
            for row in source_type.rows {
                let (verb, outcome) = meaning(source_type, &[row.category.to_owned()]);
                let event = Event { action: verb.into(), outcome, ..Event::default() };
                assert_eq!(source_type.category(&event), Some(row.category));
                assert_eq!(outcome == Outcome::Failure, row.category == "failure");
            }
            let mut verbs: Vec<_> = source_type.actions().collect();
            verbs.sort_unstable();
            let count = verbs.len();
            verbs.dedup();
            assert_eq!(verbs.len(), count, "a verb has one category");
        }
        assert_eq!(meaning(&SOURCE_TYPES[0], &[]), ("notify", Outcome::Unknown));
        assert_eq!(meaning(&SOURCE_TYPES[0], &["odd".into(), "backup".into()]), ("backup", Outcome::Unknown));
    }
}
