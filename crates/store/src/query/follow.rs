//! Following the log: the events behind a place in it, in the order in which they were taken. An event that arrives late
//! with an old time is where it arrived, so who follows misses nothing.
//!
//! A page ends when it has enough events or has looked at enough of them. It says how far it came, so that the next one
//! goes on there even when nothing matched.

use std::sync::Arc;

use annals_model::{Event, Filter, Query};

use super::{Reader, part::Part};
use crate::{Damage, codec::stored_bytes, error::QueryError};

/// Events that a page makes and looks at in vain, before it ends without having found enough.
const LOOKED_AT_MAX: usize = 10_000;

/// Events of the log behind a place.
#[derive(Debug, Clone, Default)]
pub struct LogPage {
    /// In the order of the log.
    pub events: Vec<Arc<Event>>,
    /// Everything up to this `seq` has been looked at: the next page begins behind it.
    pub reached: u64,
}

/// A stretch of the log: behind `after`, up to and with `through`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) after: u64,
    pub(crate) through: u64,
}

impl Stretch {
    pub(crate) const fn contains(self, seq: u64) -> bool {
        self.after < seq && seq <= self.through
    }
}

/// A page in the making.
pub(crate) struct Gathering {
    events: Vec<Arc<Event>>,
    bytes: usize,
    looked_at: usize,
    events_max: usize,
    bytes_max: usize,
}

impl Gathering {
    fn new(query: &Query) -> Self {
        Self {
            events: Vec::new(),
            bytes: 0,
            looked_at: 0,
            events_max: query.limit_events() as usize,
            bytes_max: query.limit_bytes(),
        }
    }

    /// Whether the page ends here.
    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= self.events_max
            || self.bytes >= self.bytes_max
            || self.looked_at >= LOOKED_AT_MAX
    }

    /// Adds an event that satisfies the condition.
    pub(crate) fn push(&mut self, event: Event) {
        self.bytes += stored_bytes(&event);
        self.events.push(Arc::new(event));
    }

    /// Notes an event that was made and does not.
    pub(crate) fn pass(&mut self) {
        self.looked_at += 1;
    }

    /// Adds an event if it satisfies the condition.
    pub(crate) fn judge(&mut self, condition: &Filter, event: Event) {
        if condition.matches(&event) { self.push(event) } else { self.pass() }
    }
}

impl Reader {
    /// The events of a stretch of the log that a query selects. Its order and start do not matter, and no total is
    /// counted.
    pub(crate) fn follow(&self, query: &Query, stretch: Stretch) -> Result<LogPage, QueryError> {
        query.check()?;
        let Stretch { after, through } = stretch;
        if through <= after {
            return Ok(LogPage { events: Vec::new(), reached: after });
        }
        if query.scope().is_nothing() || query.limit_events() == 0 {
            return Ok(LogPage { events: Vec::new(), reached: through });
        }
        let condition = query.condition();
        let range = condition.hull();
        let mut gathering = Gathering::new(query);
        let mut last_seen = 0;
        for part in self.in_log_order() {
            let seqs = part.seqs();
            if *seqs.start() <= last_seen {
                return Err(QueryError::Damage(Damage {
                    file: "the store".to_owned(),
                    place: format!("the events from {} to {}", seqs.start(), seqs.end()),
                    reason: format!("others of that part of the log, up to {last_seen}, lie elsewhere"),
                }));
            }
            last_seen = *seqs.end();
            let span = part.span();
            let in_time = range.from.is_none_or(|from| span.last.time >= from)
                && range.to.is_none_or(|to| span.first.time < to);
            if !in_time || *seqs.end() <= after || *seqs.start() > through {
                continue;
            }
            if let Some(reached) = part.follow(&condition, stretch, &mut gathering)? {
                return Ok(LogPage { events: gathering.events, reached });
            }
        }
        Ok(LogPage { events: gathering.events, reached: through })
    }

    /// The parts by the stretch of the log they hold. These never overlap: the tail is cut at a place in the log, and
    /// only neighbours are merged.
    fn in_log_order(&self) -> Vec<&Arc<dyn Part>> {
        let mut parts: Vec<&Arc<dyn Part>> = self.parts.iter().collect();
        parts.sort_by_key(|part| *part.seqs().start());
        parts
    }
}
