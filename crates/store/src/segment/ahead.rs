//! Events that are written before it is their turn. Neighbours in the total order are of different organizations more often
//! than not, so each lies in another block than the one before, and nothing of that block is in the processor's cache any more
//! when its next event comes. What a page still takes is therefore written in the order in which it is stored, and given out
//! in the order of the walk. It knows nothing of how a walk finds its docs.

use std::{collections::VecDeque, ops::Range};

use annals_model::Position;

use super::decoder::Decoder;
use crate::query::part::Left;

/// How many events are written ahead at first. Each time it is twice as many: of what was written ahead, the walk of a page
/// that several segments take part in leaves some.
const FIRST_EVENTS: usize = 64;

/// A doc that a walk comes past.
pub(super) struct Step {
    pub(super) position: Position,
    pub(super) doc: u32,
    /// Where its JSON lies, if it is written already.
    json: Option<Range<usize>>,
}

impl Step {
    pub(super) const fn new(position: Position, doc: u32) -> Self {
        Self { position, doc, json: None }
    }

    pub(super) const fn is_written(&self) -> bool {
        self.json.is_some()
    }
}

/// What was written ahead.
#[derive(Default)]
pub(super) struct Ahead {
    /// The docs that come next.
    pub(super) steps: VecDeque<Step>,
    json: Vec<u8>,
    /// How many events were written the last time.
    written: usize,
}

impl Ahead {
    /// How many events are worth writing ahead when so much is left of a page.
    pub(super) fn wanted(&self, left: Left) -> usize {
        let mean = self.json.len().checked_div(self.written).unwrap_or(0);
        let fitting = left.bytes.checked_div(mean).unwrap_or(usize::MAX);
        (2 * self.written).max(FIRST_EVENTS).min(fitting).min(left.events as usize)
    }

    /// Writes steps, but no more than about so many bytes. One that cannot be written is left for its turn, which tells
    /// what is wrong with it.
    pub(super) fn write(&mut self, steps: &mut [Step], bytes_max: usize, decoder: &mut Decoder<'_>) {
        let mut stored: Vec<(u32, u32)> =
            steps.iter().zip(0..).map(|(step, number)| (step.doc, number)).collect();
        stored.sort_unstable();
        self.json.clear();
        self.written = 0;
        for (doc, number) in stored {
            let Some(step) = steps.get_mut(number as usize) else { continue };
            let start = self.json.len();
            if start > bytes_max {
                break;
            }
            match decoder.write_json(doc, step.position, &mut self.json) {
                Ok(()) => step.json = Some(start..self.json.len()),
                Err(_) => self.json.truncate(start),
            }
            self.written += 1;
        }
    }

    /// The JSON of a step, if it was written.
    pub(super) fn json(&self, step: &Step) -> Option<&[u8]> {
        self.json.get(step.json.clone()?)
    }
}
