//! Instants in `q=timestamp…`: what Ruby's `Time.parse` makes of a text, in a deployment whose zone is UTC.
//!
//! It is lax: it looks for something like a time of day, then for something like a date in what is left, and overlooks
//! the rest. What is missing is taken from today. A bare number is no date, so seconds since 1970 are refused.

use annals_model::Timestamp;
use jiff::{
    ToSpan,
    civil::{Date, date},
};

/// The longest text that is looked at, as in Ruby's `Date._parse`.
const TEXT_BYTES_MAX: usize = 128;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Names of zones that Ruby knows, in hours; any other name is the server's own zone.
const ZONES: [(&str, i64); 8] =
    [("est", -5), ("edt", -4), ("cst", -6), ("cdt", -5), ("mst", -7), ("mdt", -6), ("pst", -8), ("pdt", -7)];

/// The instant a text tells; `None` when it tells none. Instants that cannot be stored are held at the ends of time, so
/// that comparing with them means what it says.
pub(super) fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text.len() > TEXT_BYTES_MAX || !text.is_ascii() {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let (clock, rest) = match compact(&text) {
        Compact::No => time_of_day(&text)?,
        Compact::Invalid => return None,
        Compact::Yes(day, clock) => return instant(day, clock),
    };
    let day = day(&rest, now)?;
    match (day, clock) {
        (None, None) => None,
        (day, clock) => instant(day.unwrap_or_else(|| today(now)), clock.unwrap_or_default()),
    }
}

fn today(now: Timestamp) -> Date {
    now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// A time of day and how far its zone is ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Clock {
    seconds: i64,
    nanos: i64,
    ahead_seconds: i64,
}

fn instant(day: Date, clock: Clock) -> Option<Timestamp> {
    let days = day.since(date(1970, 1, 1)).ok()?.get_days();
    let seconds = i128::from(days) * 86_400 + i128::from(clock.seconds - clock.ahead_seconds);
    let nanos = seconds * NANOS_PER_SECOND + i128::from(clock.nanos);
    let held = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(held).ok().map(Timestamp::from_nanos)
}

/// A civil date in which February may have 31 days, as Ruby counts on into March.
fn civil(year: i64, month: i64, day: i64) -> Option<Date> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    first.checked_add((day - 1).days()).ok()
}

fn clock(hour: i64, minute: i64, second: i64, nanos: i64) -> Option<Clock> {
    let midnight_behind = hour == 24 && minute == 0 && second == 0 && nanos == 0;
    let valid = (hour < 24 || midnight_behind) && minute < 60 && second <= 60;
    valid.then_some(Clock { seconds: hour * 3600 + minute * 60 + second, nanos, ahead_seconds: 0 })
}

enum Compact {
    No,
    Invalid,
    Yes(Date, Clock),
}

/// `20140101`, `20140101T101010Z`, `20140101101010`: digits without separators.
fn compact(text: &str) -> Compact {
    let mut scan = Scanner::new(text.trim());
    let digits = scan.digits();
    let (day_digits, clock_digits) = match digits.len() {
        8 => match scan.accept('t') {
            true => (digits, scan.digits()),
            false => (digits, ""),
        },
        14 => digits.split_at(8),
        _ => return Compact::No,
    };
    if digits.len() == 8 && clock_digits.is_empty() && !scan.rest().trim().is_empty() {
        // `20140101 10:00` has a time of day of the usual kind.
        return Compact::No;
    }
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map_or(Some(0), number);
    let mut read = || {
        let day = civil(part(day_digits, 0, 4)?, part(day_digits, 4, 6)?, part(day_digits, 6, 8)?)?;
        let nanos = scan.fraction();
        let mut clock =
            clock(part(clock_digits, 0, 2)?, part(clock_digits, 2, 4)?, part(clock_digits, 4, 6)?, nanos)?;
        clock.ahead_seconds = scan.zone()?;
        Some((day, clock))
    };
    match read() {
        Some((day, clock)) if matches!(clock_digits.len(), 0 | 2 | 4 | 6) => Compact::Yes(day, clock),
        _ => Compact::Invalid,
    }
}

/// Finds `10:00`, `10:00:00.5`, with `am` or `pm` and a zone behind it; gives the text without it. `None` when there is
/// one that does not exist.
fn time_of_day(text: &str) -> Option<(Option<Clock>, String)> {
    let Some(colon) = text.find(':') else { return Some((None, text.to_owned())) };
    let before = text.get(..colon)?;
    let start = before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let mut scan = Scanner::new(text.get(start..)?);
    let hour = scan.digits();
    scan.accept(':');
    let minute = scan.digits();
    if hour.is_empty() || minute.is_empty() || minute.len() > 2 {
        return Some((None, text.to_owned()));
    }
    // `2014010110:00` is no hour.
    let hour = number(hour.get(hour.len().saturating_sub(2)..)?)?;
    let second = if scan.accept(':') { number(scan.digits())? } else { 0 };
    let nanos = scan.fraction();
    scan.spaces();
    let hour = match (scan.accept_word("am"), scan.accept_word("pm")) {
        (true, _) => hour % 12,
        (_, true) => hour % 12 + 12,
        _ => hour,
    };
    let mut clock = clock(hour, number(minute)?, second, nanos)?;
    clock.ahead_seconds = scan.zone()?;
    let before = text.get(..start)?;
    // The letter between date and time.
    let before = match before.strip_suffix('t') {
        Some(date) if date.ends_with(|c: char| c.is_ascii_digit()) => date,
        _ => before,
    };
    Some((Some(clock), format!("{before} {}", scan.rest())))
}

/// Finds a date; `Some(None)` when there is none, `None` when there is one that does not exist.
fn day(text: &str, now: Timestamp) -> Option<Option<Date>> {
    if let Some(found) = with_month_name(text, now) {
        return found.map(Some);
    }
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '/' | '.');
    for run in text.split(|c: char| !is_part(c)) {
        let Some(separator) = run.chars().find(|c| !c.is_ascii_digit()) else {
            if run.len() == 8 {
                let part = |from, to| run.get(from..to).and_then(number);
                return civil(part(0, 4)?, part(4, 6)?, part(6, 8)?).map(Some);
            }
            continue;
        };
        let mut parts = run.split(separator).map(|part| (part.len(), number(part)));
        let (Some((digits, Some(first))), Some((_, Some(second)))) = (parts.next(), parts.next()) else {
            continue;
        };
        return match parts.next() {
            Some((_, Some(third))) if digits >= 3 => civil(first, second, third),
            // Ruby takes the part that cannot be a day for the year: `5/1/2014`.
            Some((third_digits, Some(third))) if third_digits >= 3 => civil(third, second, first),
            None if digits == 4 => civil(first, second, 1),
            _ => None,
        }
        .map(Some);
    }
    Some(None)
}

/// `Jan 5 2014`, `5 Jan 2014`, `Sat Feb  1 2014`, `Jan 5`: a month by name, with the numbers around it.
fn with_month_name(text: &str, now: Timestamp) -> Option<Option<Date>> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut month = None;
    let (mut day, mut year) = (None, None);
    for word in words {
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            match digits.len() {
                1 | 2 if day.is_none() => day = number(digits),
                3.. if year.is_none() => year = number(digits),
                _ => {}
            }
        } else if month.is_none() {
            month = MONTHS.iter().position(|name| word.len() >= 3 && word.starts_with(name));
        }
    }
    let month = i64::try_from(month? + 1).ok()?;
    let year = year.unwrap_or_else(|| i64::from(today(now).year()));
    Some(civil(year, month, day.unwrap_or(1)))
}

fn number(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Reads a text from its front.
struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    const fn new(rest: &'t str) -> Self {
        Self { rest }
    }

    const fn rest(&self) -> &'t str {
        self.rest
    }

    fn digits(&mut self) -> &'t str {
        let end = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn accept(&mut self, wanted: char) -> bool {
        let behind = self.rest.strip_prefix(wanted);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    /// A word that ends where it should.
    fn accept_word(&mut self, word: &str) -> bool {
        let behind = self
            .rest
            .strip_prefix(word)
            .filter(|behind| !behind.starts_with(|c: char| c.is_ascii_alphabetic()));
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    /// A fraction of a second, in nanoseconds; further digits are cut off.
    fn fraction(&mut self) -> i64 {
        let before = self.rest;
        if !self.accept('.') && !self.accept(',') {
            return 0;
        }
        let digits = self.digits();
        if digits.is_empty() {
            self.rest = before;
            return 0;
        }
        let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
        nine.parse().unwrap_or(0)
    }

    /// A zone, in seconds ahead of UTC; UTC when there is none that Ruby knows. `None` when it does not exist.
    fn zone(&mut self) -> Option<i64> {
        self.spaces();
        for name in ["gmt", "utc", "ut", "z"] {
            if self.accept_word(name) {
                break;
            }
        }
        if let Some((_, hours)) = ZONES.iter().find(|(name, _)| self.accept_word(name)) {
            return Some(hours * 3600);
        }
        let sign = match (self.accept('+'), self.accept('-')) {
            (true, _) => 1,
            (_, true) => -1,
            _ => return Some(0),
        };
        let digits = self.digits();
        let (hours, minutes) = match digits.len() {
            1 | 2 => {
                let minutes = if self.accept(':') { self.digits() } else { "0" };
                (digits, minutes)
            }
            4 => digits.split_at(2),
            _ => return Some(0),
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let now = Timestamp::parse("2026-11-22T12:34:56Z").unwrap();
        parse(text, now).map(|timestamp| timestamp.to_string())
    }

    #[test]
    fn reads_what_ruby_reads() {
        for (text, expected) in [
            ("2014-01-01", "2014-01-01T00:00:00Z"),
            ("2014/02/03", "2014-02-03T00:00:00Z"),
            ("2014-01-01 00:00:00-04:00", "2014-01-01T04:00:00Z"),
            ("2014-01-01T10:00:00Z", "2014-01-01T10:00:00Z"),
            ("2014-01-01T10:00:00+0200", "2014-01-01T08:00:00Z"),
            ("2014-01-01T10:00:00-04", "2014-01-01T14:00:00Z"),
            ("2014-01-01T10:00:00 +02:00", "2014-01-01T08:00:00Z"),
            ("2014-01-01T10:00:00.5Z", "2014-01-01T10:00:00.500Z"),
            ("2014-01-01T10:00:00,25Z", "2014-01-01T10:00:00.250Z"),
            ("20140101T101010Z", "2014-01-01T10:10:10Z"),
            ("20140101T101010+0200", "2014-01-01T08:10:10Z"),
            ("20140101101010", "2014-01-01T10:10:10Z"),
            ("20140101", "2014-01-01T00:00:00Z"),
            ("20140101 10:00", "2014-01-01T10:00:00Z"),
            ("Sat, 01 Feb 2014 10:00:00 GMT", "2014-02-01T10:00:00Z"),
            ("Sat, 01 Feb 2014 10:00:00 +0100", "2014-02-01T09:00:00Z"),
            ("Sat Feb  1 10:00:00 2014", "2014-02-01T10:00:00Z"),
            ("Sat Feb  1 10:00:00 UTC 2014", "2014-02-01T10:00:00Z"),
            ("2014-02-01 10:00:00 UTC", "2014-02-01T10:00:00Z"),
            ("Jan 5 2014", "2014-01-05T00:00:00Z"),
            ("5 January 2014", "2014-01-05T00:00:00Z"),
            ("Jan 5", "2026-01-05T00:00:00Z"),
            ("2014-01-01 00:00:00 PST", "2014-01-01T08:00:00Z"),
            ("2014-01-01 00:00:00 CET", "2014-01-01T00:00:00Z"),
            ("2014-01-01 24:00:00", "2014-01-02T00:00:00Z"),
            ("2014-01-01 23:59:60", "2014-01-02T00:00:00Z"),
            ("10:00", "2026-11-22T10:00:00Z"),
            ("10:00 pm", "2026-11-22T22:00:00Z"),
            ("2014-02-30", "2014-03-02T00:00:00Z"),
            ("2014-01", "2014-01-01T00:00:00Z"),
            ("5/1/2014", "2014-01-05T00:00:00Z"),
            ("2014.01.05", "2014-01-05T00:00:00Z"),
            // A `+` that was not encoded arrives as a space, and the zone is lost.
            ("2014-01-01 00:00:00 02:00", "2014-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_ruby_refuses() {
        for text in [
            "asdf",
            "2014",
            "5",
            "1424471692",
            "2014-13-01",
            "2014-00-01",
            "2014-01-32",
            "2014-01-01 25:00:00",
            "2014-01-01 10:60:00",
            "20141301",
            "20140101T996060Z",
            "ß",
            ":",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"1".repeat(1000)), None);
    }

    #[test]
    fn times_that_cannot_be_stored_are_the_ends_of_time() {
        assert_eq!(parse("9999-12-31", Timestamp::default()), Some(Timestamp::MAX));
        assert_eq!(parse("0001-01-01", Timestamp::default()), Some(Timestamp::MIN));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_crash(text in "[0-9a-zA-Z:+./, -]{0,40}|.{0,20}") {
            parse(&text, Timestamp::default());
        }

        #[test]
        fn what_is_shown_is_read_back(seconds in -9_000_000_000_i64..9_000_000_000) {
            let time = Timestamp::from_seconds(seconds).unwrap();
            proptest::prop_assert_eq!(parse(&time.to_rfc3339_seconds(), Timestamp::default()), Some(time));
        }
    }
}
