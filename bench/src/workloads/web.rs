//! What the web page asks the server for, interaction by interaction: all requests of one at once, as a browser sends them
//! over its connections, and each by itself. The list comes from the page: `cargo xtask browser` holds it to that.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    report::{
        results::{OURS, Run},
        web::{alone, at_once, first_time},
    },
    systems::{
        annals::{Annals, Door, success},
        http::Connection,
    },
};

/// The list.
const REQUESTS: &str = include_str!("../../page_requests.json");
/// Connections that a browser opens to one server.
const CONNECTIONS: usize = 6;
/// How often an interaction is done at most, and at least.
const TIMES_MAX: usize = 200;
const TIMES_MIN: usize = 10;
/// How long one interaction may take with all its repetitions.
const BUDGET: Duration = Duration::from_secs(5);
/// What begins an answer that does not end.
const STREAM: &str = "/api/v1/events/stream";
/// How long a stream may take to begin.
const BEGINNING_MAX: Duration = Duration::from_secs(30);
const OK: &[u8] = b"HTTP/1.1 200";

/// What somebody does on the page, and what it asks for then.
#[derive(Debug, Deserialize)]
struct Interaction {
    interaction: String,
    requests: Vec<String>,
}

/// What stands for the values that the list leaves open.
struct Values {
    from: String,
    to: String,
    id: String,
}

pub(crate) fn measure(annals: &Annals, run: &mut Run) -> Result<(), String> {
    let door = annals.door()?;
    let mut connections = (0..CONNECTIONS).map(|_| door.open()).collect::<Result<Vec<_>, _>>()?;
    let values = values(&mut connections[0])?;
    for Interaction { interaction, requests } in interactions()? {
        let paths = requests
            .iter()
            .map(|request| filled(request, &values, &mut connections[0]))
            .collect::<Result<Vec<_>, _>>()?;
        let mut together = Vec::new();
        let mut each = vec![Vec::new(); paths.len()];
        let begun = Instant::now();
        while together.len() < TIMES_MIN || (together.len() < TIMES_MAX && begun.elapsed() < BUDGET) {
            together.push(ask_at_once(&door, &mut connections, &paths)?);
            for (path, times) in paths.iter().zip(&mut each) {
                times.push(ask(&door, &mut connections[0], path)?);
            }
        }
        run.note_times(&first_time(&interaction), OURS, together[..1].to_vec());
        run.note_times(&at_once(&interaction), OURS, together);
        for (request, times) in requests.iter().zip(each) {
            run.note_times(&alone(&interaction, request), OURS, times);
        }
        let median = run.value(&at_once(&interaction), OURS).unwrap_or_default();
        println!("bench:   {interaction}: {} requests, {median:.1} ms", requests.len());
    }
    Ok(())
}

fn interactions() -> Result<Vec<Interaction>, String> {
    serde_json::from_str(REQUESTS).map_err(|error| format!("page_requests.json: {error}"))
}

/// The second quarter of the time of all events, and one of them.
fn values(connection: &mut Connection) -> Result<Values, String> {
    let mut end = |order: &str| -> Result<(annals_model::Timestamp, String), String> {
        let path = format!("/api/v1/events?limit=1&order={order}");
        let body: Json = serde_json::from_slice(&success(connection.get(&path)?, &path)?)
            .map_err(|error| format!("{path}: {error}"))?;
        let event = &body["events"][0];
        let time = event["time"].as_str().unwrap_or_default();
        let time = time.parse().map_err(|error| format!("{path}: {error}"))?;
        Ok((time, event["id"].as_str().unwrap_or_default().to_owned()))
    };
    let ((oldest, _), (newest, id)) = (end("asc")?, end("desc")?);
    let quarter = (newest.nanos() - oldest.nanos()) / 4;
    let at = |quarters: i64| oldest.plus_nanos(quarters * quarter).to_rfc3339_millis();
    Ok(Values { from: at(1), to: at(2), id })
}

/// A request of the list with its values.
fn filled(request: &str, values: &Values, connection: &mut Connection) -> Result<String, String> {
    let mut path = request
        .replace("=:from", &format!("={}", values.from))
        .replace("=:to", &format!("={}", values.to))
        .replace("/:id", &format!("/{}", values.id));
    if let Some((before, after)) = path.split_once("cursor=:cursor") {
        // A cursor comes from the page before, which is the same request without one.
        let first = format!("{before}{after}").replace("?&", "?").replace("&&", "&");
        let first = first.trim_end_matches(['&', '?']);
        let body: Json = serde_json::from_slice(&success(connection.get(first)?, first)?)
            .map_err(|error| format!("{first}: {error}"))?;
        let cursor = body["next"].as_str().ok_or_else(|| format!("{first}: there is no second page"))?;
        path = format!("{before}cursor={cursor}{after}");
    }
    Ok(path)
}

/// Asks all at once; gives the time until the last answer is there.
fn ask_at_once(door: &Door, connections: &mut [Connection], paths: &[String]) -> Result<Duration, String> {
    let begun = Instant::now();
    let places = connections.len();
    thread::scope(|scope| {
        let asking: Vec<_> = connections
            .iter_mut()
            .enumerate()
            .take(paths.len())
            .map(|(place, connection)| {
                scope.spawn(move || {
                    let mine = paths.iter().skip(place).step_by(places);
                    mine.map(|path| ask(door, connection, path)).collect::<Result<Vec<_>, _>>()
                })
            })
            .collect();
        for asked in asking {
            asked.join().map_err(|_| "a thread of the benchmark broke off".to_owned())??;
        }
        Ok(begun.elapsed())
    })
}

fn ask(door: &Door, connection: &mut Connection, path: &str) -> Result<Duration, String> {
    if path.starts_with(STREAM) {
        return begin(door, path);
    }
    let answer = connection.get(path)?;
    let took = answer.took;
    success(answer, path)?;
    Ok(took)
}

/// The time until a stream, on a connection of its own, begins.
fn begin(door: &Door, path: &str) -> Result<Duration, String> {
    let failed = |error: std::io::Error| format!("{path}: {error}");
    let begun = Instant::now();
    let mut stream = TcpStream::connect(door.address).map_err(failed)?;
    stream.set_read_timeout(Some(BEGINNING_MAX)).map_err(failed)?;
    let (address, authorization) = (door.address, &door.authorization);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\n\r\n")
        .map_err(failed)?;
    let mut status = [0; OK.len()];
    stream.read_exact(&mut status).map_err(failed)?;
    if status == OK {
        Ok(begun.elapsed())
    } else {
        Err(format!("{path}: {}", String::from_utf8_lossy(&status)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_of_the_page() {
        let list = interactions().unwrap();
        let first = list.iter().find(|one| one.interaction == crate::report::web::FIRST_VIEW).unwrap();
        for path in ["/api/v1/events?", "/api/v1/facets?", "/api/v1/histogram?"] {
            assert!(first.requests.iter().any(|request| request.starts_with(path)), "{path}");
        }
        assert!(list.len() > 8 && list.iter().all(|one| !one.requests.is_empty()));
    }
}
