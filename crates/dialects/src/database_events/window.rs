//! The range of time that a list request asks for: a start, an end, or a number of minutes before now. The precedence
//! is that of the command line manual of Amazon RDS.

use std::time::Duration;

use annals_model::{TimeRange, Timestamp};

use crate::parameters::whole_number;

const MINUTE: Duration = Duration::from_secs(60);

/// Minutes before now, or before the end, that are searched when the request does not say.
const DURATION_MINUTES_DEFAULT: u32 = 60;

/// What a platform allows.
pub(crate) struct Rules {
    /// Minutes a duration may have.
    pub(crate) duration_minutes_max: u32,
    /// How exactly the platform shows the time of an event.
    pub(crate) grain: Duration,
}

/// The times of a request.
pub(crate) struct Window<'q> {
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    /// As sent.
    pub(crate) duration: Option<&'q str>,
}

/// Why there is no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadWindow {
    /// The start is later than the end.
    Reversed,
    /// The duration is not a whole number of minutes within the rules.
    Duration,
}

impl Window<'_> {
    /// The range searched. Both ends belong to it, and so does everything that is shown with the same time as they are.
    pub(crate) fn range(&self, now: Timestamp, rules: &Rules) -> Result<TimeRange, BadWindow> {
        let minutes_before = |end: Timestamp, minutes: u32| end.minus(MINUTE * minutes);
        let (from, to) = match (self.start, self.end) {
            // A duration beside them is ignored.
            (Some(start), Some(end)) if start > end => return Err(BadWindow::Reversed),
            (Some(start), end) => (start, end.unwrap_or(now)),
            (None, Some(end)) => (minutes_before(end, DURATION_MINUTES_DEFAULT), end),
            (None, None) => (minutes_before(now, self.minutes(rules)?), now),
        };
        Ok(TimeRange::new(Some(floor(from, rules.grain)), Some(floor(to, rules.grain).plus(rules.grain))))
    }

    fn minutes(&self, rules: &Rules) -> Result<u32, BadWindow> {
        let Some(text) = self.duration else { return Ok(DURATION_MINUTES_DEFAULT) };
        let minutes = whole_number(text).and_then(|number| u32::try_from(number).ok());
        let allowed = 1..=rules.duration_minutes_max;
        minutes.filter(|minutes| allowed.contains(minutes)).ok_or(BadWindow::Duration)
    }
}

/// The first instant that is shown as this one is.
fn floor(time: Timestamp, grain: Duration) -> Timestamp {
    let grain = i64::try_from(grain.as_nanos()).unwrap_or(i64::MAX).max(1);
    time.plus_nanos(-time.nanos().rem_euclid(grain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: Rules = Rules { duration_minutes_max: 20_160, grain: Duration::from_secs(1) };
    const MILLIS: Rules = Rules { duration_minutes_max: 50, grain: Duration::from_millis(1) };

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-11-22T{text}Z")).unwrap()
    }

    fn range(
        rules: &Rules,
        start: Option<&str>,
        end: Option<&str>,
        duration: Option<&str>,
    ) -> Result<(Timestamp, Timestamp), BadWindow> {
        let window = Window { start: start.map(at), end: end.map(at), duration };
        window.range(at("12:00:00.5"), rules).map(|range| (range.from.unwrap(), range.to.unwrap()))
    }

    #[test]
    fn windows_have_a_precedence() {
        let is = |start, end, duration, from: &str, to: &str| {
            let found = range(&SECONDS, start, end, duration);
            assert_eq!(found, Ok((at(from), at(to))), "{start:?} {end:?} {duration:?}");
        };
        is(None, None, None, "11:00:00", "12:00:01");
        is(None, None, Some("1"), "11:59:00", "12:00:01");
        is(Some("10:30:00"), None, None, "10:30:00", "12:00:01");
        is(None, Some("10:30:00"), None, "09:30:00", "10:30:01");
        is(Some("10:30:00"), Some("10:30:00"), None, "10:30:00", "10:30:01");
        is(Some("10:30:00.7"), Some("10:40:00.2"), None, "10:30:00", "10:40:01");
        // A duration is ignored beside a time, even one that would be refused.
        is(Some("10:30:00"), None, Some("5"), "10:30:00", "12:00:01");
        is(None, Some("10:30:00"), Some("5"), "09:30:00", "10:30:01");
        is(Some("10:30:00"), Some("10:40:00"), Some("x"), "10:30:00", "10:40:01");
        // A start in the future is an empty range, not a mistake: clocks differ.
        is(Some("13:00:00"), None, None, "13:00:00", "12:00:01");
        let reversed = range(&SECONDS, Some("10:30:01"), Some("10:30:00"), None);
        assert_eq!(reversed, Err(BadWindow::Reversed));
    }

    #[test]
    fn ends_are_as_exact_as_times_are_shown() {
        let found = range(&MILLIS, Some("10:30:00.7009"), Some("10:40:00.2001"), None);
        assert_eq!(found, Ok((at("10:30:00.700"), at("10:40:00.201"))));
        let beyond = Window { start: Some(Timestamp::MIN), end: Some(Timestamp::MAX), duration: None };
        let range = beyond.range(at("12:00:00"), &SECONDS).unwrap();
        assert_eq!((range.from, range.to), (Some(Timestamp::MIN), Some(Timestamp::MAX)));
    }

    #[test]
    fn durations_are_held() {
        for (text, valid) in [
            ("1", true),
            ("20160", true),
            ("20161", false),
            ("0", false),
            ("-5", false),
            ("1.5", false),
            ("PT1H", false),
            ("99999999999999999999", false),
            ("", false),
        ] {
            assert_eq!(range(&SECONDS, None, None, Some(text)).is_ok(), valid, "{text}");
        }
        assert_eq!(range(&MILLIS, None, None, Some("51")), Err(BadWindow::Duration));
        assert!(range(&MILLIS, None, None, Some("50")).is_ok());
    }
}
