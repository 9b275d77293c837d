//! Instants as people type them: RFC 3339, a date, `now`, or so long ago.

use std::time::Duration;

use annals_model::Timestamp;

/// Reads an instant.
///
/// - RFC 3339, as in `2026-01-31T23:59:59Z`
/// - a date, which is its midnight in UTC, as in `2026-01-31`
/// - `now`
/// - a length of time before now, as in `90s`, `15m`, `24h`, `7d` or `4w`
///
/// # Errors
/// When it is none of these.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(now);
    }
    if let Some(ago) = length(text) {
        return Ok(now.minus(ago));
    }
    let is_date = text.len() == "2026-01-31".len();
    let whole = if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Timestamp::parse(&whole).map_err(|_| {
        format!(
            "`{text}` is no instant: give RFC 3339 (2026-01-31T23:59:59Z), a date (2026-01-31), `now`, or a length \
             of time before now (90s, 15m, 24h, 7d, 4w)"
        )
    })
}

/// Reads a length of time, as in `90s`, `15m`, `24h`, `7d` or `4w`.
pub(crate) fn length(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds_per_unit: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    count.checked_mul(seconds_per_unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_type() {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        for (text, expected) in [
            ("now", "2026-11-22T12:00:00Z"),
            ("90s", "2026-11-22T11:58:30Z"),
            ("15m", "2026-11-22T11:45:00Z"),
            ("24h", "2026-11-21T12:00:00Z"),
            ("7d", "2026-11-15T12:00:00Z"),
            ("4w", "2026-10-25T12:00:00Z"),
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T01:00:00.5+01:00", "2026-01-31T00:00:00.500Z"),
        ] {
            assert_eq!(parse(text, now).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        let now = Timestamp::default();
        for text in ["", "d", "-1d", "1y", "yesterday", "2026-13-01", "2026-01-31T01:00:00", "é"] {
            assert!(parse(text, now).unwrap_err().contains("is no instant"), "{text}");
        }
    }
}
