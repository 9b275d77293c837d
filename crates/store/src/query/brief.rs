//! Which questions are so small that handing them to another thread would take longer than answering them.
//!
//! It is an estimate that is made without looking into any part: what indexes answer alone costs a look into each part
//! of the store, and a pass over the bitmaps of its events. It says nothing of a disk that is slow.

use annals_model::{Filter, Query, Start};

use super::{OFFSET_WALK_MAX, Reader};

/// Events on a page of a small question.
const BRIEF_EVENTS_MAX: u32 = 100;
/// Looks that a small question takes, each some microsecond at most: one for each condition, part of the store, and
/// [`EVENTS_PER_LOOK`] events in that part.
const BRIEF_LOOKS_MAX: u64 = 1_000;
/// Events of which a bitmap is gone through in the time of a look: those of a container of a Roaring bitmap.
const EVENTS_PER_LOOK: u64 = 1 << 16;
/// Looks that finding an id takes in each part, which may have to decompress a block.
const LOOKS_PER_ID: u64 = 4;

impl Reader {
    /// Whether a page and its total are a small question.
    pub(crate) fn is_brief(&self, query: &Query) -> bool {
        if query.limit_events() > BRIEF_EVENTS_MAX
            || matches!(query.start, Start::Offset(offset) if offset > OFFSET_WALK_MAX)
        {
            return false;
        }
        let condition = query.condition();
        let Some(conditions) = indexed(&condition) else { return false };
        let events = |events: u64| 1 + events / EVENTS_PER_LOOK;
        let looks: u64 = self.visited(&condition).map(|part| events(part.span().events)).sum();
        looks.saturating_mul(conditions.max(1)) <= BRIEF_LOOKS_MAX
    }

    /// Whether finding an event by its id is a small question.
    pub(crate) fn is_brief_by_id(&self) -> bool {
        self.parts.len() as u64 * LOOKS_PER_ID <= BRIEF_LOOKS_MAX
    }
}

/// How many values a condition asks indexes for; `None` when indexes alone do not answer it.
fn indexed(condition: &Filter) -> Option<u64> {
    match condition {
        Filter::And(list) | Filter::Or(list) => list.iter().map(indexed).sum(),
        Filter::Term(field, _) => field.is_indexed().then_some(1),
        Filter::AnyOf(field, values) => field.is_indexed().then_some(values.len() as u64),
        Filter::Time(_) => Some(1),
        Filter::Not(_)
        | Filter::Range(..)
        | Filter::Prefix(..)
        | Filter::Exists(_)
        | Filter::Value(..)
        | Filter::At(..)
        | Filter::Text(_)
        | Filter::Phrase(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{ops::RangeInclusive, sync::Arc};

    use annals_model::{Event, Field, Position, TimeRange, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::{
        Damage,
        query::{
            follow::{Gathering, Stretch},
            part::{Identity, Matches, Part, Span},
        },
        tests::everything,
    };

    /// A part of so many events that must not be looked into.
    struct Closed(u64);

    impl Part for Closed {
        fn span(&self) -> Span {
            let at = |nanos, seq| Position { time: Timestamp::from_nanos(nanos), seq };
            Span { first: at(0, 1), last: at(1_000, self.0), events: self.0 }
        }
        fn seqs(&self) -> RangeInclusive<u64> {
            1..=self.0
        }
        fn follow(&self, _: &Filter, _: Stretch, _: &mut Gathering) -> Result<Option<u64>, Damage> {
            unreachable!("an estimate looks into no part")
        }
        fn select<'p>(&'p self, _: &Filter) -> Result<Box<dyn Matches + 'p>, Damage> {
            unreachable!("an estimate looks into no part")
        }
        fn holds(&self, _: &Identity<'_>) -> Result<bool, Damage> {
            unreachable!("an estimate looks into no part")
        }
        fn find(&self, _: Uuid) -> Result<Vec<Event>, Damage> {
            unreachable!("an estimate looks into no part")
        }
    }

    fn reader(parts: usize, events: u64) -> Reader {
        Reader::new((0..parts).map(|_| Arc::new(Closed(events)) as Arc<dyn Part>).collect())
    }

    #[test]
    fn small_questions_are_few_terms_over_not_too_many_events() {
        let small = reader(8, 125_000);
        let term = || Filter::term(Field::Outcome, "a");
        let page = |filter: Filter| Query::new(everything()).filter(filter).limit(100);
        assert!(small.is_brief(&page(Filter::all())));
        assert!(small.is_brief(&page(term().and(Filter::any_of(Field::Kind, ["t", "u"])))));
        assert!(!small.is_brief(&page(Filter::Text("word".to_owned()))));
        assert!(!small.is_brief(&page(term().and(Filter::term(Field::SourceId, "text")))));
        assert!(!small.is_brief(&page(term()).limit(101)));
        assert!(!small.is_brief(&page(term()).start(Start::Offset(1_000))));
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        assert!(!small.is_brief(&page(Filter::any_of(Field::Outcome, many))));

        let large = reader(100, 1_000_000);
        assert!(!large.is_brief(&page(term())));
        let past = TimeRange { from: None, to: Some(Timestamp::from_nanos(0)) };
        assert!(large.is_brief(&page(term()).range(past)), "no part lies in that time");
        assert!(large.is_brief_by_id());
        assert!(!reader(1_000, 1).is_brief_by_id());
    }
}
