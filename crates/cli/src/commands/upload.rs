//! Sending pieces of an input in batches, and counting what became of each. `ingest` and `import` differ only in where
//! the batches go and how they are framed.

use std::{io::Write, process::ExitCode};

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use ureq::http::StatusCode;

use crate::{
    cli::Compression,
    client::{Client, Refusal, Upload},
    failure::{Failure, incomplete},
    input::{Piece, Pieces},
    output,
};

/// Events of one request.
const BATCH_EVENTS_MAX: usize = 1_000;
/// Bytes of one request before it is compressed; one event that is larger goes alone.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// A level at which sending costs more time than compressing.
const ZSTD_LEVEL: i32 = 3;

/// How events stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// One after the other, a line each.
    Lines,
    /// As a JSON array.
    Array,
}

/// What became of the events.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    accepted: u64,
    duplicates: u64,
    rejected: u64,
}

/// What the server says of one request.
#[derive(Debug, Deserialize)]
struct Receipt {
    accepted: u64,
    duplicates: u64,
    rejected: Vec<Rejected>,
}

#[derive(Debug, Deserialize)]
struct Rejected {
    index: u64,
    error: String,
}

/// Some events on their way.
struct Batch {
    framing: Framing,
    body: Vec<u8>,
    /// For each event the line it begins on.
    lines: Vec<u64>,
}

impl Batch {
    const fn new(framing: Framing) -> Self {
        Self { framing, body: Vec::new(), lines: Vec::new() }
    }

    fn has_room_for(&self, event: &[u8]) -> bool {
        // A separator, and the bracket at the end.
        let bytes = self.body.len() + event.len() + 2;
        self.lines.is_empty() || (self.lines.len() < BATCH_EVENTS_MAX && bytes <= BATCH_BYTES_MAX)
    }

    fn add(&mut self, line: u64, event: &[u8]) {
        match (self.framing, self.lines.is_empty()) {
            (Framing::Lines, true) => {}
            (Framing::Lines, false) => self.body.push(b'\n'),
            (Framing::Array, true) => self.body.push(b'['),
            (Framing::Array, false) => self.body.push(b','),
        }
        self.body.extend_from_slice(event);
        self.lines.push(line);
    }

    fn close(&mut self) {
        if self.framing == Framing::Array {
            self.body.push(b']');
        }
    }

    const fn content_type(&self) -> &'static str {
        match self.framing {
            Framing::Lines => "application/x-ndjson",
            Framing::Array => "application/json",
        }
    }
}

/// Where the events go and what became of those before.
pub(super) struct Uploader<'c> {
    client: &'c Client,
    path: String,
    compression: Compression,
    bar: ProgressBar,
    summary: Summary,
}

impl<'c> Uploader<'c> {
    pub(super) fn new(client: &'c Client, path: String, compression: Compression, bar: ProgressBar) -> Self {
        Self { client, path, compression, bar, summary: Summary::default() }
    }

    /// Sends all pieces. `is_whole_answer` tells pieces that hold many events and are sent alone; `look` sees every
    /// piece before it is sent.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the caller. What was taken until then has been taken.
    pub(super) fn send_all(
        &mut self,
        pieces: &mut dyn Pieces,
        framing: Framing,
        is_whole_answer: impl Fn(&[u8]) -> bool,
        mut look: impl FnMut(u64, &[u8]) -> Option<String>,
    ) -> Result<(), Failure> {
        let mut batch = Batch::new(framing);
        loop {
            let piece = pieces
                .next_piece()
                .map_err(|error| Failure::Refused(format!("cannot read the input: {error}")))?;
            let Some(Piece { line, content }) = piece else { break };
            let content = match content {
                Ok(content) => content,
                Err(error) => {
                    self.reject(line, &error);
                    continue;
                }
            };
            if let Some(warning) = look(line, &content) {
                self.bar.suspend(|| output::note(&warning));
            }
            if is_whole_answer(&content) {
                self.send_answer(line, &content)?;
                continue;
            }
            if !batch.has_room_for(&content) {
                self.send(std::mem::replace(&mut batch, Batch::new(framing)))?;
            }
            batch.add(line, &content);
        }
        self.send(batch)
    }

    fn send(&mut self, mut batch: Batch) -> Result<(), Failure> {
        if batch.lines.is_empty() {
            return Ok(());
        }
        batch.close();
        match self.post(batch.content_type(), &batch.body)? {
            Ok(receipt) => {
                self.count(&receipt);
                for Rejected { index, error } in receipt.rejected {
                    let line = usize::try_from(index).ok().and_then(|index| batch.lines.get(index));
                    self.name(line.copied(), &error);
                }
            }
            Err(refusal) => {
                for line in batch.lines {
                    self.reject(line, &refusal.to_string());
                }
            }
        }
        Ok(())
    }

    fn send_answer(&mut self, line: u64, answer: &[u8]) -> Result<(), Failure> {
        match self.post("application/json", answer)? {
            Ok(receipt) => {
                self.count(&receipt);
                for Rejected { index, error } in receipt.rejected {
                    self.name(Some(line), &format!("event {} of this answer: {error}", index + 1));
                }
            }
            Err(refusal) => self.reject(line, &refusal.to_string()),
        }
        Ok(())
    }

    /// What the server says of a body; a refusal that concerns the events in it only is the inner error.
    fn post(&self, content_type: &'static str, body: &[u8]) -> Result<Result<Receipt, Refusal>, Failure> {
        let compressed;
        let upload = match self.compression {
            Compression::None => Upload { content_type, encoding: None, body },
            Compression::Zstd => {
                compressed = zstd::bulk::compress(body, ZSTD_LEVEL)?;
                Upload { content_type, encoding: Some("zstd"), body: &compressed }
            }
        };
        match self.bar.suspend(|| self.client.post(&self.path, &upload))? {
            Ok(answer) => serde_json::from_slice(&answer).map(Ok).map_err(|error| {
                Failure::Unreachable(format!("the answer is not that of an Annals server: {error}"))
            }),
            Err(refusal) if concerns_the_events(refusal.status) => Ok(Err(refusal)),
            Err(refusal) => Err(Failure::Refused(refusal.to_string())),
        }
    }

    fn count(&mut self, receipt: &Receipt) {
        self.summary.accepted += receipt.accepted;
        self.summary.duplicates += receipt.duplicates;
        self.summary.rejected += receipt.rejected.len() as u64;
        self.bar.set_message(format!(
            "{} accepted, {} duplicates",
            output::grouped(self.summary.accepted),
            output::grouped(self.summary.duplicates)
        ));
    }

    fn reject(&mut self, line: u64, error: &str) {
        self.summary.rejected += 1;
        self.name(Some(line), error);
    }

    fn name(&self, line: Option<u64>, error: &str) {
        let place = line.map_or_else(|| "somewhere".to_owned(), |line| format!("line {line}"));
        self.bar.suspend(|| output::note(&format!("{place}: {error}")));
    }

    /// Ends the progress line, prints the summary, and gives the exit code. `failure` is what ended it early.
    pub(super) fn finish(self, json: bool, failure: Option<Failure>) -> Result<ExitCode, Failure> {
        self.bar.finish_and_clear();
        let Summary { accepted, duplicates, rejected } = self.summary;
        let mut stdout = output::stdout();
        if json {
            serde_json::to_writer(&mut stdout, &self.summary).map_err(std::io::Error::from)?;
            writeln!(stdout)?;
        } else {
            writeln!(stdout, "accepted {accepted}, duplicates {duplicates}, rejected {rejected}")?;
        }
        stdout.flush()?;
        match failure {
            Some(failure) => Err(failure),
            None if rejected > 0 => Ok(incomplete()),
            None => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Whether a refusal is about what was sent, so that other events may be taken.
fn concerns_the_events(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_end_at_their_limits() {
        let mut batch = Batch::new(Framing::Lines);
        for line in 0..BATCH_EVENTS_MAX as u64 {
            assert!(batch.has_room_for(b"{}"));
            batch.add(line, b"{}");
        }
        assert!(!batch.has_room_for(b"{}"));

        let mut batch = Batch::new(Framing::Array);
        assert!(batch.has_room_for(&vec![b' '; BATCH_BYTES_MAX + 1]), "one event always has room");
        batch.add(1, &vec![b' '; BATCH_BYTES_MAX / 2]);
        assert!(batch.has_room_for(&vec![b' '; BATCH_BYTES_MAX / 2 - 3]));
        assert!(!batch.has_room_for(&vec![b' '; BATCH_BYTES_MAX / 2]));
    }

    #[test]
    fn framings_are_what_they_say() {
        let framed = |framing| {
            let mut batch = Batch::new(framing);
            batch.add(1, b"{\"a\":1}");
            batch.add(2, b"{\"a\":2}");
            batch.close();
            String::from_utf8(batch.body).unwrap()
        };
        assert_eq!(framed(Framing::Lines), "{\"a\":1}\n{\"a\":2}");
        assert_eq!(framed(Framing::Array), "[{\"a\":1},{\"a\":2}]");
    }

    #[test]
    fn only_refusals_of_events_let_the_rest_go_on() {
        assert!(concerns_the_events(StatusCode::BAD_REQUEST));
        assert!(!concerns_the_events(StatusCode::UNAUTHORIZED));
        assert!(!concerns_the_events(StatusCode::FORBIDDEN));
        assert!(!concerns_the_events(StatusCode::INTERNAL_SERVER_ERROR));
    }
}
