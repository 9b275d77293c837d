//! Times in requests and in events: ISO 8601 with or without seconds, fractions and zone. Without a zone it is UTC.

use annals_model::Timestamp;

/// Reads a time such as `2009-07-08T18:00Z`, `2013-03-18T19:09:17` or `2013-03-18T19:09:17.5+09:00`.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    /// `2013-03-18T`
    const DATE_BYTES: usize = 11;
    /// `19:09`
    const MINUTES_BYTES: usize = 5;
    let (date, rest) = text.split_at_checked(DATE_BYTES)?;
    let (clock, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len()));
    let seconds = if clock.len() == MINUTES_BYTES { ":00" } else { "" };
    // A bare `+` of a zone is a space once the query string is decoded.
    let zone = if zone.is_empty() { "Z".to_owned() } else { zone.replace(' ', "+") };
    Timestamp::parse(&format!("{date}{clock}{seconds}{zone}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_grammar() {
        for (text, expected) in [
            ("2009-07-08T18:00Z", Some("2009-07-08T18:00:00Z")),
            ("2009-07-08T18:00", Some("2009-07-08T18:00:00Z")),
            ("2009-07-08T18:00:30", Some("2009-07-08T18:00:30Z")),
            ("2009-07-08T18:00:30.25", Some("2009-07-08T18:00:30.250Z")),
            ("2009-07-08T18:00:30.25Z", Some("2009-07-08T18:00:30.250Z")),
            ("2009-07-08T18:00:30.415000+00:00", Some("2009-07-08T18:00:30.415Z")),
            ("2009-07-08T18:00+09:00", Some("2009-07-08T09:00:00Z")),
            ("2009-07-08T18:00 09:00", Some("2009-07-08T09:00:00Z")),
            ("2009-07-08T18:00:30-01:00", Some("2009-07-08T19:00:30Z")),
            ("2009-07-08", None),
            ("2009-07-08T18", None),
            ("2009-07-08T18:0", None),
            ("2009-13-08T18:00Z", None),
            ("18:00", None),
            ("event1192", None),
            ("2009-07-08é18:00Z", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected.map(|text| Timestamp::parse(text).unwrap()), "{text}");
        }
    }
}
