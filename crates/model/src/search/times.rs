//! What times in a search mean. Every one is a stretch of time: a day is all of it, an instant only itself.

use jiff::{
    civil::{Date, DateTime, Time},
    tz::Offset,
};

use super::{Moment, SearchErrorKind as Kind, tree::Comparison};
use crate::{TimeRange, Timestamp};

const SECOND: i64 = 1_000_000_000;
/// No zone lies farther from UTC than this.
const OFFSET_SECONDS_MAX: i32 = 24 * 3_600 - 1;

/// A stretch of time: from its first instant up to but not including `end`; to the end of all time when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    start: Timestamp,
    end: Option<Timestamp>,
    /// Whether it was told by its distance from now. Alone, that means all the time since then.
    is_relative: bool,
}

impl Stretch {
    fn of(start: Timestamp, nanos: i64) -> Self {
        Self { start, end: start.nanos().checked_add(nanos).map(Timestamp::from_nanos), is_relative: false }
    }
}

/// One time by itself.
pub(super) fn within(text: &str, moment: Moment) -> Result<TimeRange, Kind> {
    let stretch = stretch(text, moment)?;
    let end = stretch.end.filter(|_| !stretch.is_relative);
    Ok(TimeRange::new(Some(stretch.start), end))
}

/// Before or after a time. What is after a day begins with the next one.
pub(super) fn compared(comparison: Comparison, text: &str, moment: Moment) -> Result<TimeRange, Kind> {
    let Stretch { start, end, .. } = stretch(text, moment)?;
    Ok(match comparison {
        Comparison::Less => TimeRange::new(None, Some(start)),
        Comparison::AtMost => TimeRange::new(None, end),
        Comparison::AtLeast => TimeRange::new(Some(start), None),
        // Behind the end of all time there is nothing.
        Comparison::Greater => match end {
            Some(end) => TimeRange::new(Some(end), None),
            None => TimeRange::new(Some(Timestamp::MAX), Some(Timestamp::MAX)),
        },
    })
}

/// From the beginning of one time to the end of another.
pub(super) fn between(from: Option<&str>, to: Option<&str>, moment: Moment) -> Result<TimeRange, Kind> {
    let from = from.map(|text| stretch(text, moment)).transpose()?;
    let to = to.map(|text| stretch(text, moment)).transpose()?;
    if let (Some(from), Some(to)) = (from, to)
        && from.start > to.start
    {
        return Err(Kind::BackwardRange);
    }
    Ok(TimeRange::new(from.map(|from| from.start), to.and_then(|to| to.end)))
}

fn stretch(text: &str, moment: Moment) -> Result<Stretch, Kind> {
    let bad = || Kind::BadTime(text.to_owned());
    let offset = Offset::from_seconds(moment.offset_seconds.clamp(-OFFSET_SECONDS_MAX, OFFSET_SECONDS_MAX))
        .unwrap_or(Offset::UTC);
    let today = || offset.to_datetime(moment.now.to_jiff()).date();
    match text.to_ascii_lowercase().as_str() {
        "now" => return Ok(relative(moment.now)),
        "today" => return days(today(), text, offset),
        "yesterday" => return days(today().yesterday().map_err(|_| bad())?, text, offset),
        lower => {
            if let Some(ago) = lower.strip_prefix("now").unwrap_or(lower).strip_prefix('-') {
                let then = i128::from(moment.now.nanos()) - length(ago).ok_or_else(bad)?;
                return Ok(relative(i64::try_from(then).map_or(Timestamp::MIN, Timestamp::from_nanos)));
            }
        }
    }
    calendar(text, offset).unwrap_or_else(|| Err(bad()))
}

fn relative(instant: Timestamp) -> Stretch {
    Stretch { is_relative: true, ..Stretch::of(instant, 1) }
}

/// A number and a unit, in nanoseconds.
fn length(text: &str) -> Option<i128> {
    let unit = text.chars().last()?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // What is longer than all time leads to its beginning all the same.
    let count: i64 = digits.parse().unwrap_or(i64::MAX);
    Some(i128::from(count) * i128::from(seconds) * i128::from(SECOND))
}

fn days(date: Date, text: &str, offset: Offset) -> Result<Stretch, Kind> {
    from_to(date, date.tomorrow().ok(), text, offset)
}

fn from_to(first: Date, behind: Option<Date>, text: &str, offset: Offset) -> Result<Stretch, Kind> {
    let instant = |date: Date| {
        offset.to_timestamp(date.to_datetime(Time::midnight())).ok().and_then(Timestamp::from_jiff)
    };
    let start = instant(first).ok_or_else(|| Kind::TimeOutOfRange(text.to_owned()))?;
    Ok(Stretch { start, end: behind.and_then(instant), is_relative: false })
}

/// A year, month, day, minute, second or fraction of one; `None` for what has no such shape.
fn calendar(text: &str, offset: Offset) -> Option<Result<Stretch, Kind>> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, Some(text.get(at + 1..)?)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year: i16 = number(parts.next()?, 4)?;
    let month: Option<i8> = match parts.next() {
        Some(part) => Some(number(part, 2)?),
        None => None,
    };
    let day: Option<i8> = match parts.next() {
        Some(part) => Some(number(part, 2)?),
        None => None,
    };
    if parts.next().is_some() || (time.is_some() && day.is_none()) {
        return None;
    }
    let first = Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?;
    let Some(time) = time else {
        let behind = match (month, day) {
            (_, Some(_)) => first.tomorrow().ok(),
            (Some(12), None) | (None, None) => Date::new(year + 1, 1, 1).ok(),
            (Some(month), None) => Date::new(year, month + 1, 1).ok(),
        };
        return Some(from_to(first, behind, text, offset));
    };
    let zone = time.find(['Z', 'z', '+', '-']);
    let (clock, zone) = match zone {
        Some(at) => (time.get(..at)?, Some(time.get(at..)?)),
        None => (time, None),
    };
    let offset = match zone {
        None => offset,
        Some("Z" | "z") => Offset::UTC,
        Some(zone) => zone_offset(zone)?,
    };
    let (whole, fraction) = match clock.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (clock, None),
    };
    let mut parts = whole.split(':');
    let hour: i8 = number(parts.next()?, 2)?;
    let minute: i8 = number(parts.next()?, 2)?;
    let second: Option<i8> = match parts.next() {
        Some(part) => Some(number(part, 2)?),
        None => None,
    };
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let nanos = match fraction {
        None => 0,
        Some(digits) if (1..=9).contains(&digits.len()) => {
            number::<i32>(digits, digits.len())? * 10_i32.pow(9 - u32::try_from(digits.len()).ok()?)
        }
        Some(_) => return None,
    };
    let civil = DateTime::from_parts(first, Time::new(hour, minute, second.unwrap_or(0), nanos).ok()?);
    let start = offset.to_timestamp(civil).ok().and_then(Timestamp::from_jiff);
    let length = match (second, fraction) {
        (None, _) => 60 * SECOND,
        (Some(_), None) => SECOND,
        (Some(_), Some(_)) => 1,
    };
    Some(start.map(|start| Stretch::of(start, length)).ok_or_else(|| Kind::TimeOutOfRange(text.to_owned())))
}

/// Exactly so many digits.
fn number<N: std::str::FromStr>(text: &str, digits: usize) -> Option<N> {
    let is_number = text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// `+01:00` or `-0330`.
fn zone_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits = match rest.split_once(':') {
        Some((hours, minutes)) if hours.len() == 2 => format!("{hours}{minutes}"),
        Some(_) => return None,
        None => rest.to_owned(),
    };
    let hours: i32 = number(digits.get(..2)?, 2)?;
    let minutes: i32 = number(digits.get(2..)?, 2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

impl Moment {
    /// Reads a zone's distance from UTC: `Z`, `+02:00` or `-0330`.
    pub fn offset_of(text: &str) -> Option<i32> {
        match text {
            "Z" | "z" => Some(0),
            other => zone_offset(other).map(Offset::seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment() -> Moment {
        // Half past one in the morning of the 22nd where it is two hours later.
        Moment { now: "2026-11-21T23:30:00Z".parse().unwrap(), offset_seconds: 7_200 }
    }

    fn shown(range: TimeRange) -> (String, String) {
        let end = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        (end(range.from), end(range.to))
    }

    #[test]
    fn a_time_is_all_of_it() {
        for (text, from, to) in [
            ("2026", "2025-12-31T22:00:00Z", "2026-12-31T22:00:00Z"),
            ("2026-02", "2026-01-31T22:00:00Z", "2026-02-28T22:00:00Z"),
            ("2026-12", "2026-11-30T22:00:00Z", "2026-12-31T22:00:00Z"),
            ("2026-02-28", "2026-02-27T22:00:00Z", "2026-02-28T22:00:00Z"),
            ("2026-02-28T10:00", "2026-02-28T08:00:00Z", "2026-02-28T08:01:00Z"),
            ("2026-02-28T10:00Z", "2026-02-28T10:00:00Z", "2026-02-28T10:01:00Z"),
            ("2026-02-28 10:00:07-03:30", "2026-02-28T13:30:07Z", "2026-02-28T13:30:08Z"),
            ("2026-02-28T10:00:07.5z", "2026-02-28T10:00:07.500Z", "2026-02-28T10:00:07.500000001Z"),
            ("today", "2026-11-21T22:00:00Z", "2026-11-22T22:00:00Z"),
            ("Yesterday", "2026-11-20T22:00:00Z", "2026-11-21T22:00:00Z"),
            ("now", "2026-11-21T23:30:00Z", ""),
            ("-7d", "2026-11-14T23:30:00Z", ""),
            ("now-90m", "2026-11-21T22:00:00Z", ""),
            ("-99999999999999999999w", "1677-09-21T00:12:43.145224192Z", ""),
        ] {
            let (start, end) = shown(within(text, moment()).unwrap());
            assert_eq!((start.as_str(), end.as_str()), (from, to), "{text}");
        }
    }

    #[test]
    fn ranges_have_both_ends() {
        let range = |from: &str, to: &str| {
            let end = |text: &'static str| Some(text).filter(|text| !text.is_empty());
            let from = from.to_owned().leak();
            let to = to.to_owned().leak();
            between(end(from), end(to), moment()).map(shown)
        };
        let pair = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
        assert_eq!(range("2026-01-01", "2026-01-31"), pair("2025-12-31T22:00:00Z", "2026-01-31T22:00:00Z"));
        assert_eq!(range("-7d", "now"), pair("2026-11-14T23:30:00Z", "2026-11-21T23:30:00.000000001Z"));
        assert_eq!(range("", "yesterday"), pair("", "2026-11-21T22:00:00Z"));
        assert_eq!(range("today", ""), pair("2026-11-21T22:00:00Z", ""));
        assert_eq!(range("now", "-1d"), Err(Kind::BackwardRange));
        assert_eq!(range("2026", "2026-06"), pair("2025-12-31T22:00:00Z", "2026-06-30T22:00:00Z"));
    }

    #[test]
    fn before_and_after_leave_the_time_out() {
        let of = |comparison| shown(compared(comparison, "2026-02-28", moment()).unwrap());
        assert_eq!(of(Comparison::Less), (String::new(), "2026-02-27T22:00:00Z".to_owned()));
        assert_eq!(of(Comparison::AtMost), (String::new(), "2026-02-28T22:00:00Z".to_owned()));
        assert_eq!(of(Comparison::AtLeast), ("2026-02-27T22:00:00Z".to_owned(), String::new()));
        assert_eq!(of(Comparison::Greater), ("2026-02-28T22:00:00Z".to_owned(), String::new()));
        let last = compared(Comparison::Greater, "2262-04-12", moment()).unwrap();
        assert!(!last.contains(Timestamp::MAX));
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "-",
            "-d",
            "-1y",
            "7d",
            "-1.5h",
            "now-",
            "now+1h",
            "26",
            "2026-1-1",
            "2026-13",
            "2026-02-30",
            "2026-01T10:00",
            "2026-01-01T",
            "2026-01-01T10",
            "2026-01-01T25:00",
            "2026-01-01T10:00:00.",
            "2026-01-01T10:00.5",
            "2026-01-01T10:00:00.1234567890",
            "2026-01-01T10:00+1",
            "2026-01-01T10:00+24:00",
            "2026-01-01T10:00Zulu",
            "é",
            "soon",
        ] {
            assert_eq!(within(text, moment()), Err(Kind::BadTime(text.to_owned())), "{text}");
        }
        for text in ["1600-01-01", "9999", "0000-01-01T00:00:00Z"] {
            assert_eq!(within(text, moment()), Err(Kind::TimeOutOfRange(text.to_owned())), "{text}");
        }
        assert_eq!(Moment::offset_of("+02:00"), Some(7_200));
        assert_eq!(Moment::offset_of("-0330"), Some(-12_600));
        assert_eq!(
            (Moment::offset_of("Z"), Moment::offset_of("2"), Moment::offset_of("é")),
            (Some(0), None, None)
        );
    }
}
