//! Instants: nanoseconds since 1970-01-01T00:00:00Z, in UTC, without leap seconds.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// An instant in nanoseconds since the Unix epoch, from 1677-09-21 to 2262-04-11.
///
/// Its text form is RFC 3339 in UTC with as many fraction digits as are needed: none, 3, 6 or 9.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Why a text is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text does not follow the RFC 3339 grammar.
    #[error("`{0}` is not an RFC 3339 time such as 2026-01-31T23:59:59.123Z")]
    Grammar(String),
    /// The instant exists but does not fit into 64 bits of nanoseconds.
    #[error("`{0}` lies outside the years 1678 to 2261")]
    Range(String),
}

impl Timestamp {
    /// The earliest instant that can be told.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `nanos` nanoseconds after the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant `seconds` seconds after the Unix epoch; `None` outside the range of the type.
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        match seconds.checked_mul(NANOS_PER_SECOND) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The instant `millis` milliseconds after the Unix epoch; `None` outside the range of the type.
    pub const fn from_millis(millis: i64) -> Option<Self> {
        match millis.checked_mul(1_000_000) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The instant of a `jiff` timestamp, if it fits.
    pub fn from_jiff(timestamp: jiff::Timestamp) -> Option<Self> {
        i64::try_from(timestamp.as_nanosecond()).ok().map(Self)
    }

    /// Reads RFC 3339 (a zone is required, up to nine fraction digits).
    ///
    /// # Errors
    /// When the text is not RFC 3339, or the instant does not fit.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        // jiff accepts more than RFC 3339 (a bracketed zone, a week date); an event is a record, so it is held
        // to the one grammar everybody can read.
        let bytes = text.as_bytes();
        let shaped = bytes.len() >= 20
            && bytes[4] == b'-'
            && bytes[7] == b'-'
            && matches!(bytes[10], b'T' | b't' | b' ')
            && bytes[13] == b':'
            && bytes[16] == b':'
            && !text.ends_with(']');
        if !shaped {
            return Err(TimeError::Grammar(text.to_owned()));
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimeError::Grammar(text.to_owned()))?;
        Self::from_jiff(instant).ok_or_else(|| TimeError::Range(text.to_owned()))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded towards the past.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }

    /// The start of the second this instant lies in.
    #[must_use]
    pub const fn floor_second(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(NANOS_PER_SECOND)))
    }

    /// This instant moved by `nanos`, held at the ends of the range.
    #[must_use]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// This instant moved into the future, held at the end of the range.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This instant moved into the past, held at the end of the range.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The same instant for calendar arithmetic and `strftime`.
    pub fn to_jiff(self) -> jiff::Timestamp {
        // Every i64 of nanoseconds lies well inside jiff's years -9999 to 9999.
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// Appends the text form, as [`fmt::Display`] gives it.
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        // Years have four digits in the whole range of the type.
        let (mut text, mut at) = (*b"0000-00-00T00:00:00.000000000Z", 0);
        let mut put = |digits: usize, gap: usize, mut value: u32| {
            for place in (at..at + digits).rev() {
                text[place] = b'0' + (value % 10) as u8;
                value /= 10;
            }
            at += digits + gap;
        };
        let seconds = self.seconds();
        let (year, month, day) = civil_date(seconds.div_euclid(86_400));
        // All of these are small: division by a constant is cheaper in 32 bits.
        let second = seconds.rem_euclid(86_400) as u32;
        put(4, 1, year as u32);
        put(2, 1, month as u32);
        put(2, 1, day as u32);
        put(2, 1, second / 3_600);
        put(2, 1, second / 60 % 60);
        put(2, 1, second % 60);
        let fraction = self.0.rem_euclid(NANOS_PER_SECOND) as u32;
        // In three parts, which do not wait for each other.
        put(3, 0, fraction / 1_000_000);
        put(3, 0, fraction / 1_000 % 1_000);
        put(3, 0, fraction % 1_000);
        let length = match fraction {
            0 => 19,
            f if f % 1_000_000 == 0 => 23,
            f if f % 1_000 == 0 => 26,
            _ => 29,
        };
        out.extend_from_slice(&text[..length]);
        out.push(b'Z');
    }

    /// `2026-01-31T23:59:59Z`: RFC 3339 in UTC with the fraction cut off.
    pub fn to_rfc3339_seconds(self) -> String {
        self.floor_second().to_string()
    }

    /// `2026-01-31T23:59:59.123Z`: RFC 3339 in UTC with exactly three fraction digits, the rest cut off.
    pub fn to_rfc3339_millis(self) -> String {
        let millis = self.0.rem_euclid(NANOS_PER_SECOND) / 1_000_000;
        format!("{:.19}.{millis:03}Z", self.floor_second().to_string())
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar. Years are counted from
/// March on, so that the day that some years have more is the last one, in eras of 400 years, which are all alike.
const fn civil_date(days: i64) -> (u64, u64, u64) {
    const ERA_DAYS: i64 = 146_097;
    /// From 0000-03-01 to 1970-01-01.
    const EPOCH_DAYS: i64 = 719_468;
    let days = days + EPOCH_DAYS;
    let era = days.div_euclid(ERA_DAYS);
    let day_of_era = days.rem_euclid(ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year.unsigned_abs(), month.unsigned_abs(), day.unsigned_abs())
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = self.0.rem_euclid(NANOS_PER_SECOND);
        let digits = match fraction {
            0 => 0,
            f if f % 1_000_000 == 0 => 3,
            f if f % 1_000 == 0 => 6,
            _ => 9,
        };
        write!(f, "{:.digits$}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        Self::parse(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// Where wall-clock time comes from. Nothing in the workspace asks the system for it in another way, so that
/// tests decide what time it is.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_jiff(jiff::Timestamp::now()).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rfc3339() {
        for (given, written) in [
            ("2015-02-13T22:34:52Z", "2015-02-13T22:34:52Z"),
            ("2014-01-01T00:00:00-04:00", "2014-01-01T04:00:00Z"),
            ("2026-02-12T08:51:41.123Z", "2026-02-12T08:51:41.123Z"),
            ("2026-02-12T08:51:41.120000Z", "2026-02-12T08:51:41.120Z"),
            ("2026-02-12T08:51:41.000123Z", "2026-02-12T08:51:41.000123Z"),
            ("2026-02-12T08:51:41.123456789+00:00", "2026-02-12T08:51:41.123456789Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
        ] {
            assert_eq!(Timestamp::parse(given).unwrap().to_string(), written);
        }
    }

    #[test]
    fn the_fast_form_is_the_same() {
        let written = |time: Timestamp| {
            let mut out = Vec::new();
            time.write_rfc3339(&mut out);
            String::from_utf8(out).unwrap()
        };
        let day = 86_400 * NANOS_PER_SECOND;
        // Every day of the range, at a time of day that moves on, with every length of fraction.
        for number in i64::MIN / day..=i64::MAX / day {
            let moved = number.wrapping_mul(7_919).rem_euclid(86_400) * NANOS_PER_SECOND;
            for fraction in [0, 120_000_000, 1_000, 999_999_999] {
                let time = Timestamp::from_nanos((number * day).saturating_add(moved + fraction));
                assert_eq!(written(time), time.to_string());
            }
        }
        assert_eq!(written(Timestamp::MIN), Timestamp::MIN.to_string());
    }

    #[test]
    fn refuses_what_is_not_rfc3339() {
        for text in
            ["", "2015-02-13", "2015-02-13T22:34:52", "20150213T223452Z", "2015-02-13T22:34:52Z[UTC]", "now"]
        {
            assert!(matches!(Timestamp::parse(text), Err(TimeError::Grammar(_))), "{text}");
        }
        assert!(matches!(Timestamp::parse("9999-01-01T00:00:00Z"), Err(TimeError::Range(_))));
    }

    #[test]
    fn cuts_and_moves() {
        let time = Timestamp::parse("1969-12-31T23:59:59.999999999Z").unwrap();
        assert_eq!(time.to_rfc3339_seconds(), "1969-12-31T23:59:59Z");
        assert_eq!(time.to_rfc3339_millis(), "1969-12-31T23:59:59.999Z");
        assert_eq!(time.seconds(), -1);
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::parse(&Timestamp::MAX.to_string()).unwrap(), Timestamp::MAX);
        assert_eq!(Timestamp::parse(&Timestamp::MIN.to_string()).unwrap(), Timestamp::MIN);
    }
}
