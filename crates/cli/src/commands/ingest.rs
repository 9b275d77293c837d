//! `annals ingest`: sends events in the native form.

use std::process::ExitCode;

use serde::{Deserialize, de::IgnoredAny};

use super::upload::{Framing, Uploader};
use crate::{
    cli::IngestArgs,
    client::Client,
    failure::Failure,
    input::{self, Lines, Pieces, Values},
};

/// What makes sending an event again harmless.
#[derive(Deserialize)]
struct Identity {
    id: Option<IgnoredAny>,
    source_id: Option<IgnoredAny>,
}

pub(super) fn run(arguments: &IngestArgs) -> Result<ExitCode, Failure> {
    let client = Client::new(&arguments.send.connection)?;
    let (mut reader, bar) = input::open(arguments.file.as_deref(), "ingest")?;
    let unreadable = |error| Failure::Refused(format!("cannot read the input: {error}"));
    let is_array = input::begins_with(&mut *reader, b'[').map_err(unreadable)?;
    // An element of an array may span lines, so it cannot be sent as one.
    let (mut pieces, framing): (Box<dyn Pieces>, Framing) = if is_array {
        (Box::new(Values::new(reader)), Framing::Array)
    } else {
        (Box::new(Lines::new(reader)), Framing::Lines)
    };
    let mut warned = false;
    let warn_once = |line: u64, event: &[u8]| {
        if warned || has_identity(event) {
            return None;
        }
        warned = true;
        Some(format!(
            "line {line}: the event has no `id`: sending it again, also after a broken connection, records it again"
        ))
    };
    let mut uploader = Uploader::new(&client, "/api/v1/events".to_owned(), arguments.send.compress, bar);
    let failure = uploader.send_all(&mut *pieces, framing, |_| false, warn_once).err();
    uploader.finish(arguments.send.json, failure)
}

/// Whether an event says which one it is. What is no event at all is the server's to reject.
fn has_identity(event: &[u8]) -> bool {
    serde_json::from_slice::<Identity>(event)
        .map_or(true, |Identity { id, source_id }| id.is_some() || source_id.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_events_with_an_id() {
        for (event, expected) in [
            (r#"{"id":"x","type":"a"}"#, true),
            (r#"{"source_id":"x"}"#, true),
            (r#"{"type":"a","data":{"id":1}}"#, false),
            (r#"{"id":null}"#, false),
            ("not json", true),
        ] {
            assert_eq!(has_identity(event.as_bytes()), expected, "{event}");
        }
    }
}
