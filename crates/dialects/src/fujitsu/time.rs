//! K5's times: read as the relatives' are, written in UTC without a zone.

use annals_model::Timestamp;

pub(super) use crate::database_events::time::read;

/// Writes a time as the service does: UTC, whole seconds, no zone.
pub(super) fn write(time: Timestamp) -> String {
    without_zone(time.to_rfc3339_seconds())
}

/// Writes a time like [`write`], with as many fraction digits as it needs.
pub(super) fn write_exactly(time: Timestamp) -> String {
    without_zone(time.to_string())
}

fn without_zone(mut text: String) -> String {
    if text.ends_with('Z') {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_without_zone() {
        let time = Timestamp::parse("2013-03-18T19:09:17.999Z").unwrap();
        assert_eq!(write(time), "2013-03-18T19:09:17");
        assert_eq!(write_exactly(time), "2013-03-18T19:09:17.999");
        assert_eq!(write_exactly(time.floor_second()), "2013-03-18T19:09:17");
    }
}
