//! Events as JSON, for `POST /api/v1/events`.

use std::ops::Range;

use annals_testkit::Profile;

use super::{BATCH_EVENTS, event};

/// The events of these positions as NDJSON bodies of [`BATCH_EVENTS`] each.
pub(crate) fn batches(range: Range<u64>, profile: Profile) -> Result<Vec<Vec<u8>>, String> {
    let mut bodies = Vec::new();
    let mut first = range.start;
    while first < range.end {
        let last = range.end.min(first + BATCH_EVENTS);
        let mut body = Vec::new();
        for index in first..last {
            write(index, profile, &mut body)?;
            body.push(b'\n');
        }
        bodies.push(body);
        first = last;
    }
    Ok(bodies)
}

/// One event as a JSON body.
pub(crate) fn json(index: u64, profile: Profile) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    write(index, profile, &mut body)?;
    Ok(body)
}

fn write(index: u64, profile: Profile, body: &mut Vec<u8>) -> Result<(), String> {
    serde_json::to_writer(body, &event(index, profile))
        .map_err(|error| format!("event {index} has no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_in_one_batch() {
        let bodies = batches(500..3_000, Profile::Small454).unwrap();
        let lines: Vec<usize> =
            bodies.iter().map(|body| body.iter().filter(|byte| **byte == b'\n').count()).collect();
        assert_eq!(lines, [1_000, 1_000, 500]);
        let first = bodies[0].split(|byte| *byte == b'\n').next().unwrap();
        assert_eq!(first, json(500, Profile::Small454).unwrap());
    }
}
