//! One part that a query visits: evaluated when it is first needed, and only once.

use annals_model::Filter;

use super::part::{Matches, Part, Span};
use crate::Damage;

pub(super) struct Slot<'r> {
    part: &'r dyn Part,
    condition: &'r Filter,
    pub(super) span: Span,
    matches: Option<Box<dyn Matches + 'r>>,
}

impl<'r> Slot<'r> {
    pub(super) fn new(part: &'r dyn Part, condition: &'r Filter) -> Self {
        Self { part, condition, span: part.span(), matches: None }
    }

    /// The part's events that satisfy the condition.
    pub(super) fn matches(&mut self) -> Result<&mut (dyn Matches + 'r), Damage> {
        let matches = match self.matches.take() {
            Some(matches) => matches,
            None => self.part.select(self.condition)?,
        };
        Ok(self.matches.insert(matches).as_mut())
    }

    /// How many they are.
    pub(super) fn count(&mut self) -> Result<u64, Damage> {
        if *self.condition == Filter::all() {
            return Ok(self.span.events);
        }
        if self.matches.is_none()
            && let Some(count) = self.part.count(self.condition)?
        {
            return Ok(count);
        }
        self.matches()?.count()
    }
}
