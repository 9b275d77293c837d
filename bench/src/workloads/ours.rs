//! Asking and recording through our own HTTP interface.

use std::{thread, time::Duration};

use annals_model::Timestamp;
use serde_json::Value as Json;

use super::queries::{Query, Shape};
use crate::{
    data::Sample,
    systems::{annals::success, http::Connection, peer::Rows},
};

/// How long to wait when the server has too much to do. It asks for a second; who measures looks more often.
const OVERLOADED: Duration = Duration::from_millis(20);
const SECONDS_OF_HOUR: i64 = 3_600;

/// What one question cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) took: Duration,
    /// Bytes of the answer.
    pub(crate) bytes: usize,
}

/// Asks and takes the whole answer.
pub(crate) fn ask(connection: &mut Connection, query: &Query, sample: &Sample) -> Result<Asked, String> {
    let path = sample.path(&query.path)?;
    let answer = connection.get(&path)?;
    let took = answer.took;
    Ok(Asked { took, bytes: success(answer, &path)?.len() })
}

/// Asks and gives what of the answer is compared.
pub(crate) fn answer(connection: &mut Connection, query: &Query, sample: &Sample) -> Result<Rows, String> {
    let path = sample.path(&query.path)?;
    let body = success(connection.get(&path)?, &path)?;
    let answer: Json = serde_json::from_slice(&body).map_err(|error| format!("{path}: {error}"))?;
    read(query.shape, &answer).ok_or_else(|| format!("{path}: an unexpected answer"))
}

/// Records a body, again and again while the server says that it has too much to do.
pub(crate) fn record(
    connection: &mut Connection,
    content_type: &str,
    body: &[u8],
) -> Result<Duration, String> {
    let mut took = Duration::ZERO;
    loop {
        let answer = connection.post("/api/v1/events", content_type, body)?;
        took += answer.took;
        match answer.status {
            200 if answer.body.ends_with(b"\"rejected\":[]}") => return Ok(took),
            429 => {
                thread::sleep(OVERLOADED);
                took += OVERLOADED;
            }
            status => {
                return Err(format!(
                    "recording: the server answered {status}: {}",
                    String::from_utf8_lossy(&answer.body)
                ));
            }
        }
    }
}

/// What of an answer is compared.
fn read(shape: Shape, answer: &Json) -> Option<Rows> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let number = |value: &Json| value.as_u64().map(|number| number.to_string());
    match shape {
        Shape::Events => list(answer, "/events")?.map(|event| Some(vec![text(&event["id"])?])).collect(),
        Shape::Event => Some(vec![vec![text(&answer["id"])?]]),
        Shape::Page => {
            let guid = |resource: &Json| Some(vec![text(&resource["metadata"]["guid"])?]);
            let mut rows: Rows = list(answer, "/resources")?.map(guid).collect::<Option<_>>()?;
            rows.push(vec![number(&answer["total_results"])?]);
            Some(rows)
        }
        Shape::Total => Some(vec![vec![number(&answer["total"])?]]),
        Shape::Groups => list(answer, "/values")?
            .map(|value| Some(vec![text(&value["value"])?, number(&value["count"])?]))
            .collect(),
        Shape::Hours => list(answer, "/buckets")?
            .map(|bucket| Some(vec![hour(&bucket["from"])?, number(&bucket["count"])?]))
            .collect(),
        Shape::HoursByType => {
            let mut rows = Vec::new();
            for bucket in list(answer, "/buckets")? {
                let hour = hour(&bucket["from"])?;
                for (kind, count) in bucket["values"].as_object()? {
                    rows.push(vec![hour.clone(), kind.clone(), number(count)?]);
                }
            }
            Some(rows)
        }
    }
}

fn list<'a>(answer: &'a Json, pointer: &str) -> Option<impl Iterator<Item = &'a Json> + use<'a>> {
    Some(answer.pointer(pointer)?.as_array()?.iter())
}

fn hour(from: &Json) -> Option<String> {
    let time = Timestamp::parse(from.as_str()?).ok()?;
    Some((time.seconds() / SECONDS_OF_HOUR).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_become_rows() {
        let cases = [
            (Shape::Events, json!({ "events": [{ "id": "a" }, { "id": "b" }] }), vec![vec!["a"], vec!["b"]]),
            (Shape::Event, json!({ "id": "a" }), vec![vec!["a"]]),
            (
                Shape::Page,
                json!({ "total_results": 7, "resources": [{ "metadata": { "guid": "g" } }] }),
                vec![vec!["g"], vec!["7"]],
            ),
            (Shape::Total, json!({ "events": [], "total": 12 }), vec![vec!["12"]]),
            (Shape::Groups, json!({ "values": [{ "value": "x", "count": 2 }] }), vec![vec!["x", "2"]]),
            (
                Shape::Hours,
                json!({ "buckets": [{ "from": "1970-01-01T02:00:00Z", "count": 3 }] }),
                vec![vec!["2", "3"]],
            ),
            (
                Shape::HoursByType,
                json!({ "buckets": [{ "from": "1970-01-01T02:00:00Z", "count": 3, "values": { "x": 2 } }] }),
                vec![vec!["2", "x", "2"]],
            ),
        ];
        for (shape, answer, rows) in cases {
            assert_eq!(read(shape, &answer).unwrap(), rows, "{shape:?}");
        }
        assert_eq!(read(Shape::Total, &json!({ "events": [] })), None);
    }
}
