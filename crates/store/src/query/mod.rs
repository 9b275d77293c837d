//! The query engine: answers a query from all parts of the store at once.
//!
//! It asks only what [`part`] promises and does not know whether a part is a file or memory.

mod brief;
pub(crate) mod counts;
pub(crate) mod follow;
pub(crate) mod needle;
pub(crate) mod part;
mod seek;
mod slot;
pub(crate) mod split;
#[cfg(test)]
mod tests;
mod values;
mod walk;

use std::sync::Arc;

use annals_model::{Event, Filter, Page, Position, Query, Scope, Start, Total};
use uuid::Uuid;

use self::{
    part::{Keep, Left, Part},
    seek::Place,
    slot::Slot,
    walk::Walk,
};
use crate::{Damage, codec::stored_bytes, error::QueryError};

/// Up to this offset it costs less to walk from the beginning, which touches only the parts where the page begins, than
/// to count in all parts that overlap in time.
const OFFSET_WALK_MAX: u64 = 32;

/// A page of up to so many events is one that is asked for again; a larger one belongs to an export.
const KEPT_PAGE_EVENTS: u32 = 1_000;

/// What is known of a page whose events were written as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WrittenPage {
    /// How many events.
    pub events: u32,
    /// The place of the last one.
    pub last: Option<Position>,
    /// Whether matching events follow behind it.
    pub more: bool,
    /// The number of all matching events, if it was wanted.
    pub total: Option<u64>,
}

impl WrittenPage {
    /// The place behind which the next page begins; `None` when nothing follows.
    pub fn next(&self) -> Option<Position> {
        self.last.filter(|_| self.more)
    }
}

/// The parts of the store at one moment.
pub(crate) struct Reader {
    parts: Vec<Arc<dyn Part>>,
}

impl Reader {
    pub(crate) fn new(parts: Vec<Arc<dyn Part>>) -> Self {
        Self { parts }
    }

    /// The parts that may hold something that satisfies the condition.
    fn visited(&self, condition: &Filter) -> impl Iterator<Item = &dyn Part> {
        let range = condition.hull();
        let may = move |part: &&dyn Part| {
            let span = part.span();
            range.from.is_none_or(|from| span.last.time >= from)
                && range.to.is_none_or(|to| span.first.time < to)
        };
        self.parts.iter().map(AsRef::as_ref).filter(may)
    }

    /// The same, each with what the condition selects there.
    fn slots<'r>(&'r self, condition: &'r Filter) -> Vec<Slot<'r>> {
        self.visited(condition).map(|part| Slot::new(part, condition)).collect()
    }

    /// One page. With a limit of 0 only the total is answered.
    pub(crate) fn page(&self, query: &Query) -> Result<Page, QueryError> {
        let mut page = Page::default();
        page.total = self.visit(query, |walk| {
            let mut bytes = 0;
            while page.events.len() < query.limit_events() as usize && bytes < query.limit_bytes() {
                let Some(event) = walk.next()? else { return Ok(()) };
                bytes += stored_bytes(&event);
                page.events.push(Arc::new(event));
            }
            page.more = walk.has_next()?;
            Ok(())
        })?;
        Ok(page)
    }

    /// One page as JSON: the events with `separator` between them are appended to `out`. Bytes are limited as those of
    /// the JSON.
    pub(crate) fn write_page(
        &self,
        query: &Query,
        separator: u8,
        out: &mut Vec<u8>,
    ) -> Result<WrittenPage, QueryError> {
        let is_kept = query.limit_events() <= KEPT_PAGE_EVENTS;
        let mut page = WrittenPage::default();
        let start = out.len();
        page.total = self.visit(query, |walk| {
            while page.events < query.limit_events() && out.len() - start < query.limit_bytes() {
                let end = out.len();
                let left = Left {
                    events: query.limit_events() - page.events,
                    bytes: query.limit_bytes() - (end - start),
                };
                let keep = if is_kept { Keep::Yes } else { Keep::No(left) };
                if page.events > 0 {
                    out.push(separator);
                }
                let Some(position) = walk.write(out, keep)? else {
                    out.truncate(end);
                    return Ok(());
                };
                page.last = Some(position);
                page.events += 1;
            }
            page.more = walk.has_next()?;
            Ok(())
        })?;
        Ok(page)
    }

    /// Counts, if the total is wanted, and shows what matches from the start of the page on, if there is anything.
    fn visit(
        &self,
        query: &Query,
        read: impl FnOnce(&mut Walk<'_, '_>) -> Result<(), Damage>,
    ) -> Result<Option<u64>, QueryError> {
        query.check()?;
        let mut total = (query.total == Total::Exact).then_some(0);
        if query.scope().is_nothing() {
            return Ok(total);
        }
        let condition = query.condition();
        let mut slots = self.slots(&condition);
        if let Some(total) = &mut total {
            for slot in &mut slots {
                *total += slot.count()?;
            }
        }
        if query.limit_events() == 0 {
            return Ok(total);
        }
        let mut skipped = 0;
        let after = match query.start {
            Start::Beginning => None,
            Start::After(position) => Some(position),
            Start::Offset(offset) if offset <= OFFSET_WALK_MAX => {
                skipped = offset;
                None
            }
            Start::Offset(offset) => match seek::place(&mut slots, query.order, offset)? {
                Place::Beginning => None,
                Place::After(position) => Some(position),
                Place::Beyond => return Ok(total),
            },
        };
        let mut walk = Walk::new(&mut slots, query.order, after);
        for _ in 0..skipped {
            if !walk.skip()? {
                return Ok(total);
            }
        }
        read(&mut walk)?;
        Ok(total)
    }

    /// The event of that id within a scope; of several the one that came first.
    pub(crate) fn event(&self, scope: &Scope, id: Uuid) -> Result<Option<Arc<Event>>, QueryError> {
        let mut found: Option<Event> = None;
        for part in &self.parts {
            let permitted = part.find(id)?.into_iter().filter(|event| scope.permits(event));
            found = found.into_iter().chain(permitted).min_by_key(|event| event.seq);
        }
        Ok(found.map(Arc::new))
    }

    /// Whether there is an event of that id at all.
    pub(crate) fn exists(&self, id: Uuid) -> Result<bool, QueryError> {
        for part in &self.parts {
            if !part.find(id)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
