//! What a request asks for: its parameters, checked. It knows no events.

use annals_model::{Order, TimeRange, Timestamp};

use super::{event::column, problem::Problem};
use crate::{
    host::Call,
    parameters::{Parameters, Repeated, whole_number},
};

/// Events on a page when the request does not say.
const LIMIT_DEFAULT: i64 = 10;
/// Events on a page at most; a larger limit is held to this.
pub(super) const LIMIT_MAX: i64 = 1_000;

/// The column by which the store orders anyway.
pub(super) const CREATED_AT: &str = "created_at";

/// A list request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) from: Timestamp,
    /// Inclusive, as `from` is.
    pub(super) to: Timestamp,
    pub(super) offset: u64,
    pub(super) limit: u32,
    pub(super) status: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) order_by: &'static str,
    pub(super) order: Order,
}

impl Asked {
    /// Reads the parameters of a call.
    pub(super) fn by(call: &Call) -> Result<Self, Problem> {
        let parameters = Parameters::of(call);
        let one = |names: &[&'static str]| parameters.one(names).map_err(repeated);
        // Postman sends variables that are not set as empty values: an empty filter is none.
        let filled = |names| one(names).map(|value| value.filter(|text| !text.is_empty()));

        let from = instant("range_from", one(&["range_from"])?)?;
        let to = instant("range_to", one(&["range_to"])?)?;
        if from > to {
            return Err(Problem::invalid("range_from is later than range_to"));
        }
        Ok(Self {
            from,
            to,
            offset: offset(one(&["offset"])?)?,
            limit: limit(one(&["limit"])?)?,
            status: filled(&["status"])?.map(Into::into),
            organization: filled(&["org_id"])?.map(Into::into),
            profile: filled(&["profile_id"])?.map(Into::into),
            order_by: order_by(filled(&["orderby", "orderBy"])?)?,
            order: order(filled(&["order"])?)?,
        })
    }

    /// The range asked for.
    pub(super) fn range(&self) -> TimeRange {
        TimeRange::closed(Some(self.from), Some(self.to))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn repeated(error: Repeated) -> Problem {
    Problem::invalid(error.to_string())
}

fn limit(text: Option<&str>) -> Result<u32, Problem> {
    let number = text.map_or(Some(LIMIT_DEFAULT), whole_number).filter(|number| *number > 0);
    let number = number
        .ok_or_else(|| Problem::invalid(format!("limit must be a whole number from 1 to {LIMIT_MAX}")))?;
    Ok(u32::try_from(number.min(LIMIT_MAX)).unwrap_or_default())
}

fn offset(text: Option<&str>) -> Result<u64, Problem> {
    let number = text.map_or(Some(0), whole_number).and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| Problem::invalid("offset must be a whole number, 0 or more"))
}

fn order(text: Option<&str>) -> Result<Order, Problem> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("desc") => Ok(Order::Descending),
        Some("asc") => Ok(Order::Ascending),
        Some(_) => Err(Problem::invalid("order must be asc or desc")),
    }
}

/// The column of that name; sister APIs of Rafay's spell columns `createdAt`.
fn order_by(text: Option<&str>) -> Result<&'static str, Problem> {
    let Some(text) = text else { return Ok(CREATED_AT) };
    let mut snake_case = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_uppercase() {
            snake_case.push('_');
        }
        snake_case.push(character.to_ascii_lowercase());
    }
    column(&snake_case).ok_or_else(|| {
        Problem::invalid(
            "orderby must be a field of the events, such as created_at, status, instance_name or organization_id",
        )
    })
}

/// Reads one end of the range.
fn instant(name: &str, text: Option<&str>) -> Result<Timestamp, Problem> {
    match text {
        None => Err(Problem::invalid(format!("{name} is missing: it is required"))),
        Some("") => Err(Problem::invalid(format!(
            "{name} is empty: give a time such as 2026-02-12T08:51:41Z (in Postman, set the variable it is taken from)"
        ))),
        Some(text) => time(text).ok_or_else(|| {
            Problem::invalid(format!(
                "{name} is not a time: use RFC 3339 as in 2026-02-12T08:51:41Z, a date, or seconds or milliseconds since 1970"
            ))
        }),
    }
}

/// RFC 3339, a date (its midnight in UTC), or seconds (9 to 11 digits) or milliseconds (13 digits) since 1970.
fn time(text: &str) -> Option<Timestamp> {
    /// `2026-02-12`
    const DATE_BYTES: usize = 10;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse().ok()?;
        return match text.len() {
            9..=11 => Timestamp::from_seconds(number),
            13 => Timestamp::from_millis(number),
            _ => None,
        };
    }
    if text.len() == DATE_BYTES {
        return Timestamp::parse(&format!("{text}T00:00:00Z")).ok();
    }
    // A bare `+` of a zone such as `+00:00` is a space once the query string is decoded.
    let (date, rest) = text.split_at_checked(DATE_BYTES + 1)?;
    Timestamp::parse(&format!("{date}{}", rest.replace(' ', "+"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_grammar() {
        for (text, expected) in [
            ("2026-10-01T00:00:00Z", Some("2026-10-01T00:00:00Z")),
            ("2026-10-01T00:00:00.000Z", Some("2026-10-01T00:00:00Z")),
            ("2026-10-01T00:00:00.123456789Z", Some("2026-10-01T00:00:00.123456789Z")),
            ("2026-10-01T00:00:00+00:00", Some("2026-10-01T00:00:00Z")),
            ("2026-10-01T00:00:00 00:00", Some("2026-10-01T00:00:00Z")),
            ("2026-10-01T02:30:00.5 02:30", Some("2026-10-01T00:00:00.500Z")),
            ("2026-10-01 00:00:00 02:00", Some("2026-09-30T22:00:00Z")),
            ("2026-10-01T00:00:00-02:00", Some("2026-10-01T02:00:00Z")),
            ("2026-10-01", Some("2026-10-01T00:00:00Z")),
            ("999999999", Some("2001-09-09T01:46:39Z")),
            ("1770886301", Some("2026-02-12T08:51:41Z")),
            ("1770886301123", Some("2026-02-12T08:51:41.123Z")),
            ("10000000000", None),
            ("2026-10-01T00:00:00", None),
            ("2026-10-01T00:00", None),
            ("2026-13-01", None),
            ("20261001", None),
            ("177088630112", None),
            ("now", None),
            ("éééééé", None),
            ("2026-10-01T00:00:00Z ", None),
        ] {
            let expected = expected.map(|text| Timestamp::parse(text).unwrap());
            // Eleven digits of seconds reach beyond the years that can be told: only some are instants.
            assert_eq!(time(text), expected, "{text}");
        }
    }

    #[test]
    fn limits_are_held() {
        for (text, expected) in [
            (None, Some(10)),
            (Some("1"), Some(1)),
            (Some("30"), Some(30)),
            (Some("1000"), Some(1000)),
            (Some("1001"), Some(1000)),
            (Some("99999999999999999999"), Some(1000)),
            (Some("0"), None),
            (Some("-1"), None),
            (Some("ten"), None),
            (Some("1.5"), None),
            (Some(""), None),
        ] {
            assert_eq!(limit(text).ok(), expected, "{text:?}");
        }
        for (text, expected) in [
            (None, Some(0)),
            (Some("0"), Some(0)),
            (Some("7"), Some(7)),
            (Some("-1"), None),
            (Some("x"), None),
        ] {
            assert_eq!(offset(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn orders_have_spellings() {
        for (text, expected) in [
            (None, Some(Order::Descending)),
            (Some("asc"), Some(Order::Ascending)),
            (Some("ASC"), Some(Order::Ascending)),
            (Some("Desc"), Some(Order::Descending)),
            (Some("up"), None),
        ] {
            assert_eq!(order(text).ok(), expected, "{text:?}");
        }
        for (text, expected) in [
            (None, Some("created_at")),
            (Some("created_at"), Some("created_at")),
            (Some("createdAt"), Some("created_at")),
            (Some("instanceName"), Some("instance_name")),
            (Some("organization_id"), Some("organization_id")),
            (Some("status"), Some("status")),
            (Some("; drop"), None),
        ] {
            assert_eq!(order_by(text).ok(), expected, "{text:?}");
        }
    }
}
