//! Rafay's words and ours: kinds of instances and statuses, as two tables. They are used both to render events of
//! other sources and to lower filters, so that what is found and what is shown agree. It knows no JSON and no HTTP.

use annals_model::{
    Event, Field, Filter, Outcome,
    vocabulary::{action, kind},
};

/// The dialect's name, and the source of its own events.
pub(super) const NAME: &str = "rafay";

/// A kind of instance: the word in Rafay's paths and what its events act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// `compute` or `service`.
    pub(super) word: &'static str,
    /// The target's type.
    pub(super) target: &'static str,
}

/// The kinds there are.
pub(super) const KINDS: &[Kind] = &[
    Kind { word: "compute", target: kind::INSTANCE },
    Kind { word: "service", target: kind::SERVICE_INSTANCE },
];

impl Kind {
    /// The kind of that word.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        KINDS.iter().find(|kind| kind.word == word).copied()
    }

    /// The kind that an event is about.
    pub(super) fn of(event: &Event) -> Option<Self> {
        KINDS.iter().find(|kind| event.target.kind.as_deref() == Some(kind.target)).copied()
    }
}

/// One status. The first row that fits an event is its status.
struct Row {
    status: &'static str,
    /// The outcomes it stands for; reading it gives the first.
    outcomes: &'static [Outcome],
    /// The verb it stands for; `None` = any.
    action: Option<&'static str>,
    /// The verb of an event of Rafay's that has this status and says no verb.
    implied: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        status: "created",
        outcomes: &[Outcome::Success, Outcome::Unknown],
        action: Some(action::CREATE),
        implied: action::CREATE,
    },
    Row {
        status: "updated",
        outcomes: &[Outcome::Success, Outcome::Unknown],
        action: Some(action::UPDATE),
        implied: action::UPDATE,
    },
    Row {
        status: "deleted",
        outcomes: &[Outcome::Success, Outcome::Unknown],
        action: Some(action::DELETE),
        implied: action::DELETE,
    },
    Row { status: "success", outcomes: &[Outcome::Success], action: None, implied: action::DEPLOY },
    Row { status: "inprogress", outcomes: &[Outcome::Pending], action: None, implied: action::DEPLOY },
    Row { status: "failed", outcomes: &[Outcome::Failure], action: None, implied: action::DEPLOY },
];

/// What a status of Rafay's says about the outcome, and the verb it implies; `None` when the word is not in the table.
pub(super) fn meaning(status: &str) -> Option<(Outcome, &'static str)> {
    let row = ROWS.iter().find(|row| row.status == status)?;
    Some((row.outcomes.first().copied().unwrap_or_default(), row.implied))
}

/// Whether an event is Rafay's own: it came from Rafay and says its status.
pub(super) fn is_own(event: &Event) -> bool {
    let installation = event.source.strip_prefix(NAME);
    installation.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) && event.status.is_some()
}

/// The status an event is shown with; `None` when Rafay has no word for how it ended.
pub(super) fn status(event: &Event) -> Option<&str> {
    if is_own(event) {
        return event.status.as_deref();
    }
    let fits = |row: &&Row| {
        row.outcomes.contains(&event.outcome) && row.action.is_none_or(|action| action == event.action)
    };
    ROWS.iter().find(fits).map(|row| row.status)
}

/// The events of a kind that Rafay can show, with that status if one is asked for.
pub(super) fn shown(kind: Kind, status: Option<&str>) -> Filter {
    // A client needs an `instance_id` in every event.
    let about = Filter::term(Field::TargetKind, kind.target).and(Filter::Exists(Field::TargetId));
    let own = Filter::of_source(NAME);
    let Some(status) = status else {
        return about.and(own.and(Filter::Exists(Field::Status)).or(foreign_any()));
    };
    let own_with_status = own.clone().and(Filter::term(Field::Status, status));
    match foreign(status) {
        Some(foreign) => {
            let not_own = own.and(Filter::Exists(Field::Status)).negate();
            about.and(own_with_status.or(foreign.and(not_own)))
        }
        None => about.and(own_with_status),
    }
}

/// The events of other sources for which any row fits.
fn foreign_any() -> Filter {
    let any_verb = ROWS.iter().filter(|row| row.action.is_none());
    let outcomes = any_verb.flat_map(|row| row.outcomes).map(|outcome| outcome.as_str());
    // The outcomes that are not listed here are those of every row with a verb, so the verb alone decides.
    let verbs = ROWS.iter().filter_map(|row| row.action);
    Filter::Or(vec![Filter::any_of(Field::Outcome, outcomes), Filter::any_of(Field::Action, verbs)])
}

/// The events of other sources that are shown with a status; `None` when there can be none.
fn foreign(status: &str) -> Option<Filter> {
    let row = ROWS.iter().find(|row| row.status == status)?;
    let outcome = Filter::any_of(Field::Outcome, row.outcomes.iter().map(|outcome| outcome.as_str()));
    if let Some(action) = row.action {
        return Some(outcome.and(Filter::term(Field::Action, action)));
    }
    // Rows with a verb come first and take their events from those without.
    let taken: Vec<&str> = ROWS
        .iter()
        .filter(|other| other.outcomes.iter().any(|outcome| row.outcomes.contains(outcome)))
        .filter_map(|other| other.action)
        .collect();
    if taken.is_empty() {
        return Some(outcome);
    }
    Some(outcome.and(Filter::any_of(Field::Action, taken).negate()))
}

#[cfg(test)]
mod tests {
    use annals_model::Entity;

    use super::*;

    /// Filters and rendering agree on every combination of source, outcome, verb, status and target.
    #[test]
    fn what_is_found_is_what_is_shown() {
        let statuses = ["created", "updated", "deleted", "success", "inprogress", "failed", "odd", ""];
        let mut shown_events = 0;
        for source in ["native", "rafay", "rafay/eu", "rafayish", "exoscale"] {
            for outcome in Outcome::ALL {
                for action in ["create", "update", "delete", "restart", ""] {
                    for stored in [None, Some("success"), Some("odd")] {
                        for target in [Some("instance"), Some("service_instance"), Some("database"), None] {
                            for id in [None, Some("i-1")] {
                                let event = Event {
                                    source: source.into(),
                                    outcome,
                                    action: action.into(),
                                    status: stored.map(Into::into),
                                    target: Entity {
                                        kind: target.map(Into::into),
                                        id: id.map(Into::into),
                                        name: None,
                                    },
                                    ..Event::default()
                                };
                                let status = Kind::of(&event).and(id).and_then(|_| status(&event));
                                for kind in KINDS {
                                    let here = status.filter(|_| Kind::of(&event) == Some(*kind));
                                    shown_events += usize::from(here.is_some());
                                    assert_eq!(
                                        shown(*kind, None).matches(&event),
                                        here.is_some(),
                                        "{event:?}"
                                    );
                                    for asked in statuses {
                                        let found = shown(*kind, Some(asked)).matches(&event);
                                        assert_eq!(found, here == Some(asked), "{asked} {event:?}");
                                    }
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
    fn statuses_have_their_meaning() {
        for (word, outcome, action) in [
            ("created", Outcome::Success, "create"),
            ("updated", Outcome::Success, "update"),
            ("deleted", Outcome::Success, "delete"),
            ("success", Outcome::Success, "deploy"),
            ("inprogress", Outcome::Pending, "deploy"),
            ("failed", Outcome::Failure, "deploy"),
        ] {
            assert_eq!(meaning(word), Some((outcome, action)));
        }
        assert_eq!(meaning("Success"), None);
    }
}
