//! What a request asks for: its parameters, checked. It knows no events.

use std::{collections::BTreeSet, time::Duration};

use annals_model::{Field, Filter, Position, TimeRange, Timestamp};

use super::{
    marker::{self, Marker},
    problem::Problem,
    vocabulary::RDS,
};
use crate::{
    database_events::{
        list, time,
        vocabulary::SourceType,
        window::{BadWindow, Rules, Window},
    },
    parameters::{Parameters, Repeated, whole_number},
};

const SOURCE_TYPE: &str = "SourceType";
const SOURCE_IDENTIFIER: &str = "SourceIdentifier";
const START_TIME: &str = "StartTime";
const END_TIME: &str = "EndTime";
const DURATION: &str = "Duration";
const CATEGORIES: &str = "EventCategories";
const MAX_RECORDS: &str = "MaxRecords";
const MARKER: &str = "Marker";
const FILTERS: &str = "Filters";

/// Minutes a `Duration` may have: the type of the parameter is a signed number of 32 bits. RDS keeps events for 14 days;
/// here they are kept longer, and are found as long as they are kept.
const DURATION_MINUTES_MAX: u32 = i32::MAX.cast_unsigned();
/// Dates are shown in milliseconds.
const WINDOW: Rules = Rules { duration_minutes_max: DURATION_MINUTES_MAX, grain: Duration::from_millis(1) };
/// Events on a page at least.
const RECORDS_MIN: u32 = 20;
/// Events on a page at most, and when the request does not say.
const RECORDS_MAX: u32 = 100;

/// A `DescribeEvents` request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The window.
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) filter: Filter,
    pub(super) limit: u32,
    /// The event behind which the list goes on.
    pub(super) after: Option<Position>,
    /// What a marker of this list carries.
    pub(super) selection: u32,
}

impl Asked {
    /// Reads the parameters of a request.
    pub(super) fn by(parameters: &Parameters, now: Timestamp) -> Result<Self, Problem> {
        refuse_filters(parameters)?;
        let source_type = source_type(parameters)?;
        let identifier = one(parameters, SOURCE_IDENTIFIER)?;
        if identifier.is_some() && source_type.is_none() {
            return Err(Problem::combination("Cannot specify source identifier without source type"));
        }
        if identifier == Some("") {
            let message = "The parameter SourceIdentifier must be provided and must not be blank.";
            return Err(Problem::value(message));
        }
        let window = Window {
            start: instant(parameters, START_TIME)?,
            end: instant(parameters, END_TIME)?,
            duration: one(parameters, DURATION)?,
        };
        let range = window.range(now, &WINDOW).map_err(bad_window)?;
        let limit = limit(one(parameters, MAX_RECORDS)?)?;
        let selection = selection(parameters);
        // A client may send an empty marker for a first page.
        let marker = one(parameters, MARKER)?.filter(|text| !text.is_empty());
        let marker = marker.map(|text| marker_of(text, selection)).transpose()?;
        let TimeRange { from, to } = marker.map_or(range, |marker| marker.range());
        let target = match identifier {
            Some(id) => Filter::term(Field::TargetId, id),
            // The shape always says which resource it was.
            None => Filter::Exists(Field::TargetId),
        };
        Ok(Self {
            from: from.unwrap_or(Timestamp::MIN),
            to: to.unwrap_or(Timestamp::MAX),
            filter: RDS.shown(source_type, &categories(parameters)).and(target),
            limit,
            after: marker.map(|marker| marker.position),
            selection,
        })
    }

    /// The marker of a page that ends with an event of that place.
    pub(super) const fn marker(&self, position: Position) -> Marker {
        Marker { selection: self.selection, from: self.from, to: self.to, position }
    }
}

/// The source type asked for, if any.
pub(super) fn source_type(parameters: &Parameters) -> Result<Option<&'static SourceType>, Problem> {
    let Some(word) = one(parameters, SOURCE_TYPE)? else { return Ok(None) };
    let found = RDS.source_type(word);
    found.map(Some).ok_or_else(|| {
        let words: Vec<&str> = RDS.source_types.iter().map(|it| it.word).collect();
        Problem::value(format!("Invalid source type. SourceType must be one of: {}", words.join(", ")))
    })
}

/// RDS has the parameter and refuses its use.
pub(super) fn refuse_filters(parameters: &Parameters) -> Result<(), Problem> {
    // An empty list is sent as an empty parameter.
    let used = parameters.iter().any(|(name, value)| {
        name.strip_prefix(FILTERS)
            .is_some_and(|rest| rest.starts_with('.') || !value.is_empty() && rest.is_empty())
    });
    if used { Err(Problem::value("Filters are not currently supported.")) } else { Ok(()) }
}

/// The value of a parameter.
pub(super) fn one<'p>(parameters: &'p Parameters, name: &'static str) -> Result<Option<&'p str>, Problem> {
    parameters.one(&[name]).map_err(|error: Repeated| Problem::query(format!("The parameter {error}.")))
}

fn instant(parameters: &Parameters, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    let read = |text| {
        time::read(text).ok_or_else(|| {
            Problem::value(format!("{name} must be a time in ISO 8601 format, such as 2009-07-08T18:00Z"))
        })
    };
    one(parameters, name)?.map(read).transpose()
}

fn bad_window(bad: BadWindow) -> Problem {
    match bad {
        BadWindow::Reversed => Problem::combination("StartTime must not be later than EndTime"),
        BadWindow::Duration => Problem::value(format!(
            "Invalid value for Duration. Must be a number of minutes from 1 to {DURATION_MINUTES_MAX}"
        )),
    }
}

fn limit(text: Option<&str>) -> Result<u32, Problem> {
    let Some(text) = text else { return Ok(RECORDS_MAX) };
    let number = whole_number(text).and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (RECORDS_MIN..=RECORDS_MAX).contains(number)).ok_or_else(|| {
        Problem::value(format!(
            "Invalid value {text} for MaxRecords. Must be between {RECORDS_MIN} and {RECORDS_MAX}"
        ))
    })
}

fn names_categories(name: &str) -> bool {
    list::is_member(name, CATEGORIES, &["EventCategory", "member"])
}

/// The categories asked for; none when there is no such parameter or all of them are empty.
fn categories(parameters: &Parameters) -> BTreeSet<String> {
    let values = parameters.iter().filter(|(name, _)| names_categories(name)).map(|(_, value)| value);
    values.filter(|value| !value.is_empty()).map(Into::into).collect()
}

/// What every page of one list has in common.
fn selection(parameters: &Parameters) -> u32 {
    const ALONE: [&str; 5] = [SOURCE_TYPE, SOURCE_IDENTIFIER, START_TIME, END_TIME, DURATION];
    let pairs = parameters.iter().filter_map(|(name, value)| {
        let name = if names_categories(name) { CATEGORIES } else { name };
        (ALONE.contains(&name) || name == CATEGORIES).then_some((name, value))
    });
    marker::selection(pairs)
}

fn marker_of(text: &str, selection: u32) -> Result<Marker, Problem> {
    let marker = Marker::read(text)
        .ok_or_else(|| Problem::value("Invalid Marker: pass on the Marker of the page before as it is"))?;
    if marker.selection != selection {
        let message = "Invalid Marker: it belongs to a request with other parameters; repeat them all, but Marker and MaxRecords";
        return Err(Problem::value(message));
    }
    Ok(marker)
}
