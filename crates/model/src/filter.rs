//! The filter tree: what every dialect's parameters and the search language are lowered to.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Serialize;

use crate::{
    Criterion, Event, Field, Place, TimeRange,
    criterion::has_phrase,
    limits::{FILTER_DEPTH_MAX, FILTER_NODES_MAX},
    text::tokens,
};

/// A condition on one event.
///
/// [`Filter::matches`] is its meaning; the store's indexes are held to it by property tests. A field with several
/// values (categories) satisfies a condition when one of its values does; an absent field satisfies none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// All of them; an empty list is satisfied by every event.
    And(Vec<Filter>),
    /// One of them; an empty list is satisfied by none.
    Or(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// The field has this value.
    Term(Field, String),
    /// The field has one of these values.
    AnyOf(Field, BTreeSet<String>),
    /// The field has a value within these bounds, compared byte by byte.
    Range(Field, Bounds),
    /// The field has a value that begins with this text.
    Prefix(Field, String),
    /// The field has a value at all.
    Exists(Field),
    /// The field has a value that is what this says.
    Value(Field, Criterion),
    /// There is a value at this place that is what this says.
    At(Place, Criterion),
    /// The event happened in this range.
    Time(TimeRange),
    /// Every word of this text occurs among the words of the event, in any order and any case.
    Text(String),
    /// The words of this text stand one behind another in a text of the event, in any case.
    Phrase(String),
}

/// Bounds of a text, compared byte by byte; each bound is (value, inclusive).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Bounds {
    /// The lower bound.
    pub lower: Option<(String, bool)>,
    /// The upper bound.
    pub upper: Option<(String, bool)>,
}

impl Bounds {
    /// Whether a text lies within the bounds.
    pub fn contain(&self, text: &str) -> bool {
        let above = self.lower.as_ref().is_none_or(|(bound, inclusive)| match text.cmp(bound.as_str()) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => *inclusive,
            std::cmp::Ordering::Greater => true,
        });
        let below = self.upper.as_ref().is_none_or(|(bound, inclusive)| match text.cmp(bound.as_str()) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => *inclusive,
            std::cmp::Ordering::Greater => false,
        });
        above && below
    }
}

/// A filter that is too large to answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the filter has more than {FILTER_NODES_MAX} conditions and values or is nested deeper than {FILTER_DEPTH_MAX}"
)]
pub struct FilterTooLarge;

impl Filter {
    /// Satisfied by every event.
    pub const fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Satisfied by no event.
    pub const fn none() -> Self {
        Self::Or(Vec::new())
    }

    /// The field has this value.
    pub fn term(field: Field, value: impl Into<String>) -> Self {
        Self::Term(field, value.into())
    }

    /// The field has one of these values.
    pub fn any_of<V: Into<String>>(field: Field, values: impl IntoIterator<Item = V>) -> Self {
        Self::AnyOf(field, values.into_iter().map(Into::into).collect())
    }

    /// Both conditions; flat where either is already a conjunction.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::And(mut left), Self::And(right)) => {
                left.extend(right);
                Self::And(left)
            }
            (Self::And(mut left), right) => {
                if left.is_empty() {
                    return right;
                }
                left.push(right);
                Self::And(left)
            }
            (left, Self::And(mut right)) => {
                if right.is_empty() {
                    return left;
                }
                right.insert(0, left);
                Self::And(right)
            }
            (left, right) => Self::And(vec![left, right]),
        }
    }

    /// One of both conditions; flat where either is already a disjunction.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut list = match self {
            Self::Or(list) => list,
            one => vec![one],
        };
        match other {
            Self::Or(more) => list.extend(more),
            one => list.push(one),
        }
        Self::Or(list)
    }

    /// The opposite condition.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Events of a dialect: of the source `name` or of one of its installations, `name/…`.
    pub fn of_source(name: &str) -> Self {
        Self::Or(vec![Self::term(Field::Source, name), Self::Prefix(Field::Source, format!("{name}/"))])
    }

    /// Whether an event satisfies the condition.
    pub fn matches(&self, event: &Event) -> bool {
        let any = |field: &Field, test: &dyn Fn(&str) -> bool| {
            let mut found = false;
            field.visit(event, |value| found |= test(value));
            found
        };
        match self {
            Self::And(list) => list.iter().all(|filter| filter.matches(event)),
            Self::Or(list) => list.iter().any(|filter| filter.matches(event)),
            Self::Not(filter) => !filter.matches(event),
            Self::Term(field, wanted) => any(field, &|value| value == wanted),
            Self::AnyOf(field, wanted) => any(field, &|value| wanted.contains(value)),
            Self::Range(field, bounds) => any(field, &|value| bounds.contain(value)),
            Self::Prefix(field, prefix) => any(field, &|value| value.starts_with(prefix.as_str())),
            Self::Exists(field) => any(field, &|_| true),
            Self::Value(field, criterion) => any(field, &|value| criterion.accepts(value)),
            Self::At(place, criterion) => place.has(event, criterion),
            Self::Time(range) => range.contains(event.time),
            Self::Phrase(words) => {
                let mut phrase = Vec::new();
                let mut buffer = String::new();
                tokens(words, &mut buffer, |word| phrase.push(word.to_owned()));
                let mut found = phrase.is_empty();
                event.visit_texts(|text| found = found || has_phrase(text, &phrase, &mut buffer));
                found
            }
            Self::Text(words) => {
                let mut missing = BTreeSet::new();
                let mut buffer = String::new();
                tokens(words, &mut buffer, |word| {
                    missing.insert(word.to_owned());
                });
                event.visit_texts(|text| {
                    if !missing.is_empty() {
                        tokens(text, &mut buffer, |word| {
                            missing.remove(word);
                        });
                    }
                });
                missing.is_empty()
            }
        }
    }

    /// A range of time outside of which nothing can satisfy the condition.
    pub fn hull(&self) -> TimeRange {
        match self {
            Self::Time(range) => *range,
            Self::And(list) => list.iter().map(Self::hull).fold(TimeRange::ALL, TimeRange::intersect),
            Self::Or(list) => list
                .iter()
                .map(Self::hull)
                .reduce(|one, two| TimeRange {
                    from: one.from.zip(two.from).map(|(one, two)| one.min(two)),
                    to: one.to.zip(two.to).map(|(one, two)| one.max(two)),
                })
                .unwrap_or_default(),
            _ => TimeRange::ALL,
        }
    }

    /// Checks that the tree is within [`FILTER_NODES_MAX`] and [`FILTER_DEPTH_MAX`].
    ///
    /// # Errors
    /// When it is not.
    pub fn check_size(&self) -> Result<(), FilterTooLarge> {
        fn walk(filter: &Filter, depth: usize, nodes: &mut usize) -> Result<(), FilterTooLarge> {
            *nodes += match filter {
                Filter::AnyOf(_, values) => values.len().max(1),
                _ => 1,
            };
            if depth > FILTER_DEPTH_MAX || *nodes > FILTER_NODES_MAX {
                return Err(FilterTooLarge);
            }
            match filter {
                Filter::And(list) | Filter::Or(list) => {
                    list.iter().try_for_each(|f| walk(f, depth + 1, nodes))
                }
                Filter::Not(inner) => walk(inner, depth + 1, nodes),
                _ => Ok(()),
            }
        }
        walk(self, 1, &mut 0)
    }

    /// A text that equal filters share and different filters do not: what a cursor's fingerprint is made of.
    pub(crate) fn canonical(&self) -> Cow<'static, str> {
        // Serialising a tree of texts cannot fail.
        serde_json::to_string(self).map_or(Cow::Borrowed(""), Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn event() -> Event {
        Event {
            kind: "audit.app.create".into(),
            time: Timestamp::from_nanos(10),
            categories: vec!["backup".into(), "creation".into()],
            message: Some("Finished DB Instance backup".into()),
            labels: [("profile_id".to_owned(), "p1".to_owned())].into(),
            ..Event::default()
        }
    }

    #[test]
    fn conditions_mean_what_they_say() {
        let event = event();
        let is = |filter: Filter| filter.matches(&event);
        assert!(is(Filter::all()) && !is(Filter::none()));
        assert!(is(Filter::term(Field::Kind, "audit.app.create")));
        assert!(!is(Filter::term(Field::Kind, "audit.app")));
        assert!(is(Filter::Prefix(Field::Kind, "audit.".into())));
        assert!(is(Filter::any_of(Field::Category, ["x", "creation"])));
        assert!(is(Filter::term(Field::Label("profile_id".into()), "p1")));
        assert!(!is(Filter::Exists(Field::Zone)) && is(Filter::Exists(Field::Zone).negate()));
        assert!(is(Filter::Text("BACKUP db".into())) && !is(Filter::Text("backup missing".into())));
        assert!(is(Filter::Time(TimeRange::new(
            Some(Timestamp::from_nanos(10)),
            Some(Timestamp::from_nanos(11))
        ))));
        assert!(!is(Filter::Time(TimeRange::new(None, Some(Timestamp::from_nanos(10))))));
    }

    #[test]
    fn bounds_compare_bytes() {
        let bounds = Bounds { lower: Some(("a".into(), false)), upper: Some(("b".into(), true)) };
        assert!(!bounds.contain("a") && bounds.contain("aa") && bounds.contain("b") && !bounds.contain("ba"));
        assert!(!bounds.contain("B"));
    }

    #[test]
    fn trees_have_a_size() {
        let mut deep = Filter::all();
        for _ in 0..FILTER_DEPTH_MAX {
            deep = Filter::Not(Box::new(deep));
        }
        assert_eq!(deep.check_size(), Err(FilterTooLarge));
        let wide = Filter::any_of(Field::Kind, (0..=FILTER_NODES_MAX).map(|n| n.to_string()));
        assert_eq!(wide.check_size(), Err(FilterTooLarge));
        assert_eq!(Filter::of_source("qovery").check_size(), Ok(()));
    }
}
