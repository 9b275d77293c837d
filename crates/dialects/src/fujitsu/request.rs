//! What a request asks for: its parameters, checked. It knows no events.

use std::{collections::BTreeSet, time::Duration};

use annals_model::{Field, Filter, TimeRange, Timestamp};
use uuid::Uuid;

use super::{problem::Problem, time, vocabulary::K5};
use crate::{
    database_events::{
        list,
        vocabulary::SourceType,
        window::{BadWindow, Rules, Window},
    },
    host::Call,
    parameters::{Parameters, Repeated, whole_number},
};

/// Minutes a `duration` may have: 14 days.
const DURATION_MINUTES_MAX: u32 = 20_160;
/// Dates are shown in whole seconds.
const WINDOW: Rules = Rules { duration_minutes_max: DURATION_MINUTES_MAX, grain: Duration::from_secs(1) };
/// Events on a page at least, and when the request does not say; a smaller limit is held to this.
const LIMIT_MIN: i64 = 20;
/// Events on a page at most; a larger limit is held to this.
pub(super) const LIMIT_MAX: i64 = 100;

/// A list request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) range: TimeRange,
    pub(super) filter: Filter,
    pub(super) limit: u32,
    /// The event behind which the list goes on, where the marker is one.
    pub(super) after: Option<Uuid>,
}

impl Asked {
    /// Reads the parameters of a call.
    pub(super) fn by(call: &Call) -> Result<Self, Problem> {
        let parameters = Parameters::of(call);
        let one = |name: &'static str| parameters.one(&[name]).map_err(repeated);

        let window = Window {
            start: instant("startTime", one("startTime")?)?,
            end: instant("endTime", one("endTime")?)?,
            duration: one("duration")?,
        };
        let range = window.range(call.host.now(), &WINDOW).map_err(bad_window)?;
        // The manual demands a marker, which a first page cannot have: an empty one is none.
        let marker = one("marker")?.filter(|text| !text.is_empty()).map(Marker::read).transpose()?;
        let (before, after) = match marker {
            None => (None, None),
            Some(Marker::Date(date)) => (Some(date.floor_second()), None),
            Some(Marker::Event(id)) => (None, Some(id)),
        };
        let source_type = one("sourceType")?.map(source_type).transpose()?;
        let target = match one("sourceId")?.filter(|text| !text.is_empty()) {
            Some(id) => Filter::term(Field::TargetId, id),
            // The shape always says which resource it was.
            None => Filter::Exists(Field::TargetId),
        };
        let filter = match categories(&parameters) {
            Some(categories) => K5.shown(source_type, &categories),
            None => K5.shown(source_type, &BTreeSet::new()),
        };
        Ok(Self {
            range: range.intersect(TimeRange::new(None, before)),
            filter: filter.and(target),
            limit: limit(one("limit")?)?,
            after,
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn repeated(error: Repeated) -> Problem {
    Problem::bad_request(error.to_string())
}

/// Where a page begins.
enum Marker {
    /// Before the second of this instant, as the manual says: the last `date` of the page before.
    Date(Timestamp),
    /// Behind this event, as an answer with a `marker` says.
    Event(Uuid),
}

impl Marker {
    fn read(text: &str) -> Result<Self, Problem> {
        let date = time::read(text).map(Self::Date);
        date.or_else(|| Uuid::try_parse(text).ok().map(Self::Event)).ok_or_else(|| {
            Problem::bad_request("marker must be the last date and time, or the marker, of the page before")
        })
    }
}

fn bad_window(bad: BadWindow) -> Problem {
    match bad {
        BadWindow::Reversed => Problem::bad_request("startTime is later than endTime"),
        BadWindow::Duration => Problem::bad_request(format!(
            "duration must be a whole number of minutes from 1 to {DURATION_MINUTES_MAX}"
        )),
    }
}

fn limit(text: Option<&str>) -> Result<u32, Problem> {
    let number = text.map_or(Some(LIMIT_MIN), whole_number);
    let number = number.ok_or_else(|| {
        Problem::bad_request(format!("limit must be a whole number from {LIMIT_MIN} to {LIMIT_MAX}"))
    })?;
    Ok(u32::try_from(number.clamp(LIMIT_MIN, LIMIT_MAX)).unwrap_or_default())
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let read = |text| {
        time::read(text).ok_or_else(|| {
            Problem::bad_request(format!("{name} must be a time in ISO 8601, such as 2009-07-08T18:00Z"))
        })
    };
    text.map(read).transpose()
}

fn source_type(word: &str) -> Result<&'static SourceType, Problem> {
    K5.source_type(word).ok_or_else(|| Problem::bad_request("sourceType must be db-instance or db-snapshot"))
}

/// The categories asked for; `None` when there is no such parameter or all of them are empty.
fn categories(parameters: &Parameters) -> Option<BTreeSet<String>> {
    let values =
        parameters.iter().filter(|(name, _)| names_categories(name)).flat_map(|(_, value)| value.split(','));
    let set: BTreeSet<String> =
        values.map(str::trim).filter(|value| !value.is_empty()).map(Into::into).collect();
    Some(set).filter(|set| !set.is_empty())
}

/// Whether a parameter names categories. The manual writes `eventCategories.`, the stump of `eventCategories.member.1`:
/// the name alone, with its dot, with a number, and with a list's and an element's name before the number are taken.
fn names_categories(name: &str) -> bool {
    list::is_member(name, "eventCategories", &["member", "eventCategory", "EventCategory"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_held() {
        for (text, expected) in [
            (None, Some(20)),
            (Some("20"), Some(20)),
            (Some("57"), Some(57)),
            (Some("100"), Some(100)),
            (Some("101"), Some(100)),
            (Some("99999999999999999999"), Some(100)),
            (Some("19"), Some(20)),
            (Some("0"), Some(20)),
            (Some("-1"), Some(20)),
            (Some("many"), None),
            (Some("25.0"), None),
            (Some(""), None),
        ] {
            assert_eq!(limit(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn categories_have_many_spellings() {
        for (name, expected) in [
            ("eventCategories", true),
            ("eventCategories.", true),
            ("eventCategories.1", true),
            ("eventCategories.12", true),
            ("eventCategories.member.1", true),
            ("eventCategories.eventCategory.2", true),
            ("eventCategories.EventCategory.2", true),
            ("eventcategories", false),
            ("EventCategories.member.1", false),
            ("eventCategories1", false),
            ("eventCategories.member", false),
            ("eventCategories.member.", false),
            ("eventCategories.x", false),
        ] {
            assert_eq!(names_categories(name), expected, "{name}");
        }
    }
}
