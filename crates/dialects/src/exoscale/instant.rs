//! The date-time grammar of Exoscale's `from` and `to`: that of Clojure's `read-instant-date`, which is wider than
//! RFC 3339. `2025-03-01` and `2024-03-18T00:00:00` stand in Exoscale's own examples. It knows no request.

use annals_model::Timestamp;
use jiff::civil::Date;

/// Reads `YYYY[-MM[-DD[Thh[:mm[:ss[.f+]]]]]]`, then nothing, `Z` or `±hh:mm`. What is missing is the first month or
/// day, zero, or UTC; the fraction is cut to milliseconds. An instant before or after the time Annals can tell is
/// held at that end: it bounds a search, and nothing lies beyond.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let year = digits(bytes.get(..4)?)?;
    let mut parts: Vec<(i64, usize)> = Vec::with_capacity(6);
    let mut at = 4;
    for separator in [b'-', b'-', b'T', b':', b':'] {
        let Some(number) = bytes.get(at + 1..at + 3).and_then(digits) else { break };
        if bytes[at] != separator {
            break;
        }
        at += 3;
        parts.push((number, at));
    }
    let mut fraction = 0;
    let mut behind_fraction = None;
    if parts.len() == 5 && bytes.get(at) == Some(&b'.') {
        let length = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length > 0 {
            let millis = bytes[at + 1..at + 1 + length].iter().chain(b"00").take(3);
            fraction = millis.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            behind_fraction = Some(at + 1 + length);
        }
    }
    // The grammar is ambiguous after the year and the month: `2025-03:00` is a year with an offset. As in a regular
    // expression the longest form that fits counts, and its numbers are judged afterwards.
    let offset = match behind_fraction {
        Some(end) => offset(&bytes[end..])?,
        None => loop {
            let end = parts.last().map_or(4, |(_, end)| *end);
            if let Some(offset) = offset(&bytes[end..]) {
                break offset;
            }
            parts.pop()?;
        },
    };
    let part = |index: usize, missing: i64| parts.get(index).map_or(missing, |(number, _)| *number);
    let (month, day) = (part(0, 1), part(1, 1));
    let (hour, minute, second) = (part(2, 0), part(3, 0), part(4, 0));
    let leap_second = second == 60 && minute == 59;
    if hour > 23 || minute > 59 || (second > 59 && !leap_second) {
        return None;
    }
    let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let days = i64::from(Date::constant(1970, 1, 1).until(date).ok()?.get_days());
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    let held = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Some(Timestamp::from_millis(seconds * 1_000 + fraction).unwrap_or(held))
}

/// The offset from UTC in seconds that is all of the text.
fn offset(text: &[u8]) -> Option<i64> {
    let sign = match text {
        b"" | b"Z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let [_, h1, h2, b':', m1, m2] = *text else { return None };
    let (hours, minutes) = (digits(&[h1, h2])?, digits(&[m1, m2])?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (given, expected) in [
            ("2025", "2025-01-01T00:00:00Z"),
            ("2025-03", "2025-03-01T00:00:00Z"),
            ("2025-03-01", "2025-03-01T00:00:00Z"),
            ("2025-03-01Z", "2025-03-01T00:00:00Z"),
            ("2024-03-18T00:00:00", "2024-03-18T00:00:00Z"),
            ("2026-08-01T07", "2026-08-01T07:00:00Z"),
            ("2026-08-01T07:08", "2026-08-01T07:08:00Z"),
            ("2026-08-01T07+02:00", "2026-08-01T05:00:00Z"),
            ("2026-08-01+02:00", "2026-07-31T22:00:00Z"),
            ("2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z"),
            ("2026-08-02T00:00:00+02:00", "2026-08-01T22:00:00Z"),
            ("2026-08-02T00:00:00-23:59", "2026-08-02T23:59:00Z"),
            ("2026-08-01T00:00:00.5Z", "2026-08-01T00:00:00.500Z"),
            ("2026-08-01T00:00:00.123999999999999Z", "2026-08-01T00:00:00.123Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            // A year, or a year and a month, with an offset.
            ("2025-03:00", "2025-01-01T03:00:00Z"),
            ("2025-03-01:00", "2025-03-01T01:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
        ] {
            assert_eq!(parse(given).map(|time| time.to_string()).as_deref(), Some(expected), "{given}");
        }
        assert_eq!((parse("0000"), parse("9999-12-31")), (Some(Timestamp::MIN), Some(Timestamp::MAX)));
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "now",
            "1754006400",
            "202",
            "2025-3-1",
            "2025-13-01",
            "2025-00",
            "2025-02-29",
            "2025-04-31",
            "2026-08-01 00:00:00",
            "2026-08-01t00:00:00Z",
            "2026-08-01T00:00:00z",
            "2026-08-01T24:00:00Z",
            "2026-08-01T00:60:00Z",
            "2026-08-01T00:00:60Z",
            "2026-08-01T00:00:00.Z",
            "2026-08-01T00:00:00+0200",
            "2026-08-01T00:00:00+24:00",
            "2026-08-01T00:00:00+02:60",
            "2026-08-01T00:00:00 02:00",
            "2026-08-01T00:00:00Zx",
            "2025-09-25 00:00:00 +0000 UTC",
            "2026-W31-1",
            "２０２５",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
