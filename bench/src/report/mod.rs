//! What a run saw, as JSON and as a page for people.

mod goals;
mod page;
pub(crate) mod results;
mod works;

pub(crate) use page::page;
pub(crate) mod web;
