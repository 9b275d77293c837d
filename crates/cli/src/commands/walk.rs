//! Reading events page by page, by the server's cursor, until enough are there or none are left.

use annals_model::{
    Clock, SystemClock, Timestamp,
    search::{Moment, Search},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    cli::{Order, Selection},
    client::Client,
    failure::Failure,
    instant,
};

/// Events of one page.
const PAGE_EVENTS: u64 = 1_000;

/// One page of the native list.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    next: Option<String>,
    total: Option<u64>,
}

/// A list to walk through.
pub(super) struct Walk<'c> {
    client: &'c Client,
    /// Every parameter but `limit` and `cursor`.
    parameters: Vec<(String, String)>,
}

impl<'c> Walk<'c> {
    /// The events of a selection.
    ///
    /// # Errors
    /// When a time cannot be read.
    pub(super) fn new(
        client: &'c Client,
        selection: &Selection,
        order: Order,
        total: bool,
    ) -> Result<Self, Failure> {
        let parameters = parameters(selection, order, total, SystemClock.now())?;
        Ok(Self { client, parameters })
    }

    /// Visits up to `limit` events, page by page, in constant memory. `visit` is also given the number of all matching
    /// events, if that was asked for, with the first page.
    ///
    /// # Errors
    /// When a page cannot be had, or `visit` fails.
    pub(super) fn run(
        &self,
        limit: u64,
        mut visit: impl FnMut(&[&RawValue], Option<u64>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut left = limit;
        let mut cursor: Option<String> = None;
        loop {
            let body = self
                .client
                .get(&self.path(left.min(PAGE_EVENTS), cursor.as_deref()))?
                .map_err(|refusal| Failure::Refused(refusal.to_string()))?;
            let page: Page<'_> = serde_json::from_slice(&body).map_err(|error| {
                Failure::Unreachable(format!("the answer is not that of an Annals server: {error}"))
            })?;
            visit(&page.events, page.total)?;
            left = left.saturating_sub(page.events.len() as u64);
            match page.next {
                Some(next) if left > 0 => cursor = Some(next),
                _ => return Ok(()),
            }
        }
    }

    fn path(&self, limit: u64, cursor: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        // The number of all matching events is worth its price once.
        let kept = self.parameters.iter().filter(|(name, _)| cursor.is_none() || name != "total");
        query.extend_pairs(kept);
        query.append_pair("limit", &limit.to_string());
        if let Some(cursor) = cursor {
            query.append_pair("cursor", cursor);
        }
        format!("/api/v1/events?{}", query.finish())
    }
}

/// The selection in the native API's parameters. Instants are fixed once: every page must ask the same.
fn parameters(
    selection: &Selection,
    order: Order,
    total: bool,
    now: Timestamp,
) -> Result<Vec<(String, String)>, Failure> {
    let mut parameters = Vec::new();
    for (name, text) in [("from", &selection.from), ("to", &selection.to)] {
        if let Some(text) = text {
            let instant =
                instant::parse(text, now).map_err(|error| Failure::Usage(format!("--{name}: {error}")))?;
            parameters.push((name.to_owned(), instant.to_string()));
        }
    }
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
        // Where it is wrong is shown before anything is sent.
        Search::parse(&search, Moment { now, offset_seconds }).map_err(|error| {
            Failure::Usage(format!("the search cannot be understood\n{}", error.render(&search)))
        })?;
        parameters.push(("search".to_owned(), search));
        parameters.push(("utc_offset".to_owned(), selection.utc_offset.clone()));
    }
    if let Some(text) = &selection.text {
        parameters.push(("q".to_owned(), text.clone()));
    }
    let order = match order {
        Order::Asc => "asc",
        Order::Desc => "desc",
    };
    parameters.push(("order".to_owned(), order.to_owned()));
    if total {
        parameters.push(("total".to_owned(), "true".to_owned()));
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_becomes_parameters() {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let selection = Selection {
            from: Some("24h".to_owned()),
            to: Some("2026-11-22".to_owned()),
            kind: vec!["a".to_owned(), "b".to_owned()],
            filters: vec![("labels.k".to_owned(), "v".to_owned())],
            text: Some("two words".to_owned()),
            ..Selection::default()
        };
        let found = parameters(&selection, Order::Asc, true, now).unwrap();
        let found: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            found,
            [
                ("from", "2026-11-21T12:00:00Z"),
                ("to", "2026-11-22T00:00:00Z"),
                ("type", "a"),
                ("type", "b"),
                ("labels.k", "v"),
                ("q", "two words"),
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
            parameters(&selection, Order::Desc, false, Timestamp::default())
        };
        let found = search(&["type:audit.*", "time:today"]).unwrap();
        assert_eq!(found[0], ("search".to_owned(), "type:audit.* time:today".to_owned()));
        assert_eq!(found[1], ("utc_offset".to_owned(), "+02:00".to_owned()));
        let error = search(&["type:a", "actr:b"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "the search cannot be understood\ntype:a actr:b\n       ^^^^\n\
             there is no field `actr` (column 8)\nhint: nearest are `actor`"
        );
    }

    #[test]
    fn wrong_times_are_usage_errors() {
        let selection = Selection { to: Some("soon".to_owned()), ..Selection::default() };
        let error = parameters(&selection, Order::Desc, false, Timestamp::default()).unwrap_err();
        assert!(matches!(&error, Failure::Usage(text) if text.starts_with("--to: `soon`")), "{error}");
    }
}
