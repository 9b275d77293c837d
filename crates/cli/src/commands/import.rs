//! `annals import`: sends events in a platform's own form. What that form is only the server knows; this file knows
//! no more than that the answers of the platforms' list APIs keep their events in an array.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::upload::{Framing, Uploader};
use crate::{
    cli::ImportArgs,
    client::Client,
    failure::Failure,
    input::{self, Values},
};

/// The keys under which answers of the platforms' list APIs keep their events.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    resources: Option<&'a RawValue>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
}

pub(super) fn run(arguments: &ImportArgs) -> Result<ExitCode, Failure> {
    let client = Client::new(&arguments.send.connection)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in
        [("organization", &arguments.organization), ("installation", &arguments.installation)]
    {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let path = format!("/api/v1/import/{}?{}", arguments.dialect, query.finish());
    let (reader, bar) = input::open(arguments.file.as_deref(), "import")?;
    let mut uploader = Uploader::new(&client, path, arguments.send.compress, bar);
    let failure =
        uploader.send_all(&mut Values::new(reader), Framing::Array, is_whole_answer, |_, _| None).err();
    uploader.finish(arguments.send.json, failure)
}

/// Whether a value is the answer of a list API rather than one event.
fn is_whole_answer(value: &[u8]) -> bool {
    let is_array = |part: Option<&RawValue>| part.is_some_and(|part| part.get().starts_with('['));
    serde_json::from_slice::<Answer<'_>>(value)
        .is_ok_and(|answer| is_array(answer.resources) || is_array(answer.events) || is_array(answer.items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_answers_from_events() {
        for (value, expected) in [
            (r#"{"total_results":1,"resources":[{}]}"#, true),
            (r#"{"events": []}"#, true),
            (r#"{"kind":"compute","items":[],"count":0}"#, true),
            (r#"{"metadata":{"guid":"x"},"entity":{"metadata":{"events":[]}}}"#, false),
            (r#"{"events":"many"}"#, false),
            (r#"{"request-id":"x"}"#, false),
            ("[1]", false),
            ("1", false),
        ] {
            assert_eq!(is_whole_answer(value.as_bytes()), expected, "{value}");
        }
    }
}
