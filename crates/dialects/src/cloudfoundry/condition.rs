//! Conditions on texts as Cloud Foundry's database has them, lowered to the filter tree.
//!
//! Its columns are never null: where an event of ours lacks a field, Cloud Foundry's row has the empty text. And the
//! type of an event of another source is the word that tells it. It must know nothing of how requests spell conditions.

use std::collections::BTreeSet;

use annals_model::{Bounds, Field, Filter};

use super::{NAME, vocabulary};

/// A condition on one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextTest {
    /// Satisfied by none: a comparison with null.
    Nothing,
    /// One of these.
    OneOf(BTreeSet<String>),
    /// None of these.
    NoneOf(BTreeSet<String>),
    /// Within these bounds, byte by byte.
    Within(Bounds),
}

impl TextTest {
    /// Whether a text satisfies it.
    pub(super) fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::OneOf(texts) => texts.contains(text),
            Self::NoneOf(texts) => !texts.contains(text),
            Self::Within(bounds) => bounds.contain(text),
        }
    }

    /// The condition on a field, an absent field being the empty text.
    pub(super) fn on(&self, field: Field) -> Filter {
        let filter = match self {
            Self::Nothing => return Filter::none(),
            Self::NoneOf(texts) => {
                let none = Filter::any_of(field.clone(), texts).negate();
                // An absent field is outside of any list, but the empty text may be in it.
                return if texts.contains("") { none.and(Filter::Exists(field)) } else { none };
            }
            Self::OneOf(texts) => match texts.first() {
                Some(text) if texts.len() == 1 => Filter::term(field.clone(), text),
                _ => Filter::any_of(field.clone(), texts),
            },
            Self::Within(bounds) => Filter::Range(field.clone(), bounds.clone()),
        };
        if self.accepts("") { filter.or(Filter::Exists(field).negate()) } else { filter }
    }
}

/// The events this API shows: Cloud Foundry's own, and those of other sources that one of its words tells.
pub(super) fn shown() -> Filter {
    Filter::of_source(NAME).or(vocabulary::told_by_any().clone())
}

/// The events this API shows whose type satisfies all these conditions.
pub(super) fn shown_with_type(tests: &[TextTest]) -> Filter {
    if tests.is_empty() {
        return shown();
    }
    let own = tests.iter().fold(Filter::of_source(NAME), |filter, test| filter.and(test.on(Field::Kind)));
    let told = vocabulary::told_by(|word| tests.iter().all(|test| test.accepts(word.name)));
    if told == Filter::none() {
        return own;
    }
    // An own event is shown under its own type, whatever word its verb and target would have.
    own.or(Filter::of_source(NAME).negate().and(told))
}

#[cfg(test)]
mod tests {
    use annals_model::{Entity, Event, Named};

    use super::*;

    fn one_of(texts: &[&str]) -> TextTest {
        TextTest::OneOf(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn an_absent_field_is_the_empty_text() {
        let absent = Event::default();
        let present = Event { project: Named::new("s", None), ..Event::default() };
        let none_of = |texts: &[&str]| match one_of(texts) {
            TextTest::OneOf(texts) => TextTest::NoneOf(texts),
            other => other,
        };
        let below =
            |text: &str| TextTest::Within(Bounds { upper: Some((text.into(), false)), ..Bounds::default() });
        for (test, for_absent, for_present) in [
            (one_of(&[""]), true, false),
            (one_of(&["s"]), false, true),
            (one_of(&["", "s"]), true, true),
            (none_of(&[""]), false, true),
            (none_of(&["s"]), true, false),
            (none_of(&["", "s"]), false, false),
            (below("t"), true, true),
            (below("s"), true, false),
            (below(""), false, false),
            (TextTest::Nothing, false, false),
        ] {
            assert_eq!(test.on(Field::Project).matches(&absent), for_absent, "{test:?}");
            assert_eq!(test.on(Field::Project).matches(&present), for_present, "{test:?}");
        }
    }

    #[test]
    fn an_own_event_is_found_under_its_own_type_only() {
        // Its verb and target are those of `audit.app.update`.
        let own = Event {
            source: NAME.into(),
            kind: "audit.app.package.create".into(),
            action: "update".into(),
            target: Entity { kind: Some("app".into()), ..Entity::default() },
            ..Event::default()
        };
        let other = Event { source: "native".into(), kind: "x".into(), ..own.clone() };
        let with = |kind: &str| shown_with_type(&[one_of(&[kind])]);
        assert!(with("audit.app.package.create").matches(&own));
        assert!(!with("audit.app.update").matches(&own));
        assert!(with("audit.app.update").matches(&other));
        assert!(!with("audit.app.package.create").matches(&other));
        assert!(shown().matches(&own) && shown().matches(&other));
        assert!(!with("x").matches(&other));
    }
}
