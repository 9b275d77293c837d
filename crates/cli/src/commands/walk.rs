//! Asking for events, and reading them page by page, by the server's cursor, until enough are there or none are left.

use annals_model::{
    Clock, SystemClock, Timestamp,
    search::{Moment, Search},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    cli::{Order, Selection, Times},
    client::Client,
    failure::Failure,
    instant,
};

/// Events of one page.
const PAGE_EVENTS: u64 = 1_000;

/// Which events are asked for, in the native API's parameters.
#[derive(Debug, Clone)]
pub(super) struct Question {
    parameters: Vec<(String, String)>,
    /// Instants are counted from here: every page must ask the same.
    now: Timestamp,
}

impl Question {
    /// The events of a selection.
    ///
    /// # Errors
    /// When the search cannot be understood; where is shown before anything is sent.
    pub(super) fn new(selection: &Selection) -> Result<Self, Failure> {
        Self::at(selection, SystemClock.now())
    }

    fn at(selection: &Selection, now: Timestamp) -> Result<Self, Failure> {
        let mut parameters = Vec::new();
        for (name, values) in [
            ("source", &selection.source),
            ("type", &selection.kind),
            ("action", &selection.action),
            ("outcome", &selection.outcome),
            ("organization", &selection.organization),
            ("project", &selection.project),
            ("environment", &selection.environment),
            ("actor", &selection.actor),
            ("target", &selection.target),
        ] {
            parameters.extend(values.iter().map(|value| (name.to_owned(), value.clone())));
        }
        parameters.extend(selection.filters.iter().cloned());
        if !selection.search.is_empty() {
            let search = selection.search.join(" ");
            let offset_seconds = Moment::offset_of(&selection.utc_offset).unwrap_or_default();
            Search::parse(&search, Moment { now, offset_seconds }).map_err(|error| {
                Failure::Usage(format!("the search cannot be understood\n{}", error.render(&search)))
            })?;
            parameters.push(("search".to_owned(), search));
            parameters.push(("utc_offset".to_owned(), selection.utc_offset.clone()));
        }
        if let Some(text) = &selection.text {
            parameters.push(("q".to_owned(), text.clone()));
        }
        Ok(Self { parameters, now })
    }

    /// Those of some time.
    ///
    /// # Errors
    /// When an instant cannot be read.
    pub(super) fn between(self, times: &Times) -> Result<Self, Failure> {
        let from = self.instant("from", times.from.as_deref())?;
        let to = self.instant("to", times.to.as_deref())?;
        let with = from.into_iter().fold(self, |question, from| question.and("from", from.to_string()));
        Ok(to.into_iter().fold(with, |question, to| question.and("to", to.to_string())))
    }

    /// An instant that a flag says, counted from the moment of the question.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn instant(&self, flag: &str, text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
        let parse = |text| {
            instant::parse(text, self.now).map_err(|error| Failure::Usage(format!("--{flag}: {error}")))
        };
        text.map(parse).transpose()
    }

    /// Which end comes first.
    pub(super) fn order(self, order: Order) -> Self {
        let order = match order {
            Order::Asc => "asc",
            Order::Desc => "desc",
        };
        self.and("order", order.to_owned())
    }

    /// With the number of all matching events.
    pub(super) fn with_total(self) -> Self {
        self.and("total", "true".to_owned())
    }

    /// With a further parameter.
    pub(super) fn and(mut self, name: &str, value: String) -> Self {
        self.parameters.push((name.to_owned(), value));
        self
    }

    /// Only those that a further search finds, too.
    pub(super) fn also(mut self, further: &str) -> Self {
        match self.parameters.iter_mut().find(|(name, _)| name == "search") {
            Some((_, search)) => *search = format!("({search}) {further}"),
            None => self.parameters.push(("search".to_owned(), further.to_owned())),
        }
        self
    }

    /// The path that asks it of an endpoint.
    pub(super) fn path(&self, endpoint: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.parameters);
        format!("{endpoint}?{}", query.finish())
    }
}

/// One page of the native list, as it came.
pub(super) struct Page {
    body: Vec<u8>,
    next: Option<String>,
    total: Option<u64>,
    count: u64,
}

/// What of a page says how it goes on.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    next: Option<String>,
    total: Option<u64>,
}

impl Page {
    fn of(body: Vec<u8>) -> Result<Self, Failure> {
        let Written { events, next, total } = parse(&body)?;
        let count = events.len() as u64;
        Ok(Self { next, total, count, body })
    }

    /// Its events.
    ///
    /// # Errors
    /// None that were not found when it came.
    pub(super) fn events(&self) -> Result<Vec<&RawValue>, Failure> {
        Ok(parse(&self.body)?.events)
    }

    /// How many events it has.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The number of all matching events, if that was asked for; with the first page only.
    pub(super) const fn total(&self) -> Option<u64> {
        self.total
    }
}

fn parse(body: &[u8]) -> Result<Written<'_>, Failure> {
    serde_json::from_slice(body).map_err(|error| not_ours(&error))
}

/// An answer that no server of ours gives.
pub(super) fn not_ours(error: &serde_json::Error) -> Failure {
    Failure::Unreachable(format!("the answer is not that of an Annals server: {error}"))
}

/// A list to walk through, in constant memory.
pub(super) struct Walk<'c> {
    client: &'c Client,
    question: Question,
    left: u64,
    page_events: u64,
    state: State,
}

enum State {
    First,
    Next(String),
    Over,
}

impl<'c> Walk<'c> {
    /// Up to `limit` events.
    pub(super) const fn new(client: &'c Client, question: Question, limit: u64) -> Self {
        Self { client, question, left: limit, page_events: PAGE_EVENTS, state: State::First }
    }

    /// With a first page of so many events.
    pub(super) const fn first_page(mut self, events: u64) -> Self {
        self.page_events = events;
        self
    }

    /// The next page; `None` when there is no more, or enough was given.
    ///
    /// # Errors
    /// When it cannot be had.
    pub(super) fn next(&mut self) -> Result<Option<Page>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        let question = self.question.clone().and("limit", self.left.min(self.page_events).to_string());
        let question = match &self.state {
            State::First => question,
            State::Next(cursor) => question.and("cursor", cursor.clone()),
            State::Over => return Ok(None),
        };
        let body = self.client.get(&question.path("/api/v1/events"))?;
        let page = Page::of(body.map_err(|refusal| Failure::Refused(refusal.to_string()))?)?;
        self.left = self.left.saturating_sub(page.count);
        self.page_events = PAGE_EVENTS;
        // The number of all matching events is worth its price once.
        self.question.parameters.retain(|(name, _)| name != "total");
        self.state = page.next.clone().map_or(State::Over, State::Next);
        Ok(Some(page))
    }

    /// Whether a further page is to come.
    pub(super) const fn goes_on(&self) -> bool {
        self.left > 0 && self.has_more()
    }

    /// Whether there is more than what was given, within the limit or not.
    pub(super) const fn has_more(&self) -> bool {
        matches!(self.state, State::Next(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(question: &Question) -> Vec<(&str, &str)> {
        question.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn a_selection_becomes_parameters() {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let selection = Selection {
            kind: vec!["a".to_owned(), "b".to_owned()],
            filters: vec![("labels.k".to_owned(), "v".to_owned())],
            text: Some("two words".to_owned()),
            ..Selection::default()
        };
        let times = Times { from: Some("24h".to_owned()), to: Some("2026-11-22".to_owned()) };
        let question = Question::at(&selection, now).unwrap().between(&times).unwrap();
        assert_eq!(
            pairs(&question.order(Order::Asc).with_total()),
            [
                ("type", "a"),
                ("type", "b"),
                ("labels.k", "v"),
                ("q", "two words"),
                ("from", "2026-11-21T12:00:00Z"),
                ("to", "2026-11-22T00:00:00Z"),
                ("order", "asc"),
                ("total", "true"),
            ]
        );
    }

    #[test]
    fn a_search_is_sent_as_it_is_or_shown_where_it_is_wrong() {
        let search = |words: &[&str]| {
            let search = words.iter().map(|word| (*word).to_owned()).collect();
            let selection = Selection { search, utc_offset: "+02:00".to_owned(), ..Selection::default() };
            Question::at(&selection, Timestamp::default())
        };
        let found = search(&["type:audit.*", "time:today"]).unwrap();
        assert_eq!(pairs(&found), [("search", "type:audit.* time:today"), ("utc_offset", "+02:00")]);
        assert_eq!(pairs(&found.also("outcome:failure"))[0].1, "(type:audit.* time:today) outcome:failure");
        let error = search(&["type:a", "actr:b"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "the search cannot be understood\ntype:a actr:b\n       ^^^^\n\
             there is no field `actr` (column 8)\nhint: nearest are `actor`"
        );
    }

    #[test]
    fn wrong_times_are_usage_errors() {
        let times = Times { to: Some("soon".to_owned()), ..Times::default() };
        let question = Question::at(&Selection::default(), Timestamp::default()).unwrap();
        let error = question.between(&times).unwrap_err();
        assert!(matches!(&error, Failure::Usage(text) if text.starts_with("--to: `soon`")), "{error}");
    }
}
