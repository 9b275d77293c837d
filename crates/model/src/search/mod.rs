//! The search language: what people type, on the page, on the command line and in the native API's parameter `search`.
//!
//! `docs/search.md` describes it. `parse` turns a text into a [`Node`], whose parts know where in the text they stand and
//! which can be written out again; `lower` turns that into a [`Filter`], which is its meaning. `complete` tells what may
//! follow where somebody types. All of it is bounded by the limits that begin with `SEARCH_`.

mod complete;
mod error;
mod lower;
mod names;
mod parse;
#[cfg(test)]
mod tests;
mod times;
mod tree;

use crate::{Filter, Timestamp};

pub use complete::{Candidate, CandidateKind, Completion, Wanted, complete, written_value};
pub use error::{SearchError, SearchErrorKind};
pub use tree::{Comparison, Condition, Literal, Name, Node, Span, Value, ValueKind};

/// When and where somebody searches: what `now` and `today` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The present instant.
    pub now: Timestamp,
    /// The zone of dates and times that name none, in seconds east of UTC; held within a day.
    pub offset_seconds: i32,
}

impl Moment {
    /// That instant, with days as UTC has them.
    pub const fn utc(now: Timestamp) -> Self {
        Self { now, offset_seconds: 0 }
    }
}

/// A search that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What events must satisfy.
    pub filter: Filter,
    /// A text that equal searches share. Unlike the filter it does not move with the clock, so that the pages of
    /// `time:-7d` are pages of one search.
    pub identity: String,
}

impl Search {
    /// Reads a search. An empty one is satisfied by every event.
    ///
    /// # Errors
    /// What is wrong, where, and what may have been meant.
    pub fn parse(text: &str, moment: Moment) -> Result<Self, SearchError> {
        let node = Node::parse(text)?;
        let filter = lower::lower(&node, text, moment)?;
        Ok(Self { filter, identity: format!("{} {node}", moment.offset_seconds) })
    }
}
