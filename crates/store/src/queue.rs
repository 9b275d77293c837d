//! Batches that wait for the writer thread: bounded, and refused rather than dropped when it is full.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{batch::Batch, error::AppendError, writer::Appended};

/// A batch, and whom to tell what became of it.
pub(crate) struct Pending {
    pub(crate) batch: Batch,
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

#[derive(Default)]
struct Waiting {
    batches: VecDeque<Pending>,
    events: usize,
    bytes: usize,
    closed: bool,
}

pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    events_max: usize,
    bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(events_max: usize, bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), arrived: Condvar::new(), events_max, bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a batch at the end.
    pub(crate) fn push(
        &self,
        batch: Batch,
    ) -> Result<oneshot::Receiver<Result<Appended, AppendError>>, AppendError> {
        let (events, bytes) = (batch.len(), batch.bytes());
        if events > self.events_max || bytes > self.bytes_max {
            return Err(AppendError::TooLarge { bytes, events });
        }
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(AppendError::Closed);
        }
        if waiting.events + events > self.events_max || waiting.bytes + bytes > self.bytes_max {
            return Err(AppendError::Overloaded);
        }
        let (reply, answer) = oneshot::channel();
        waiting.events += events;
        waiting.bytes += bytes;
        waiting.batches.push_back(Pending { batch, reply });
        drop(waiting);
        self.arrived.notify_one();
        Ok(answer)
    }

    /// Waits for batches and takes what is there, up to `bytes_max` and one batch at least. `None` when the queue is
    /// closed and empty.
    pub(crate) fn take(&self, bytes_max: usize) -> Option<Vec<Pending>> {
        let mut waiting = self
            .arrived
            .wait_while(self.lock(), |waiting| waiting.batches.is_empty() && !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(next) = waiting.batches.front() {
            bytes += next.batch.bytes();
            if !group.is_empty() && bytes > bytes_max {
                break;
            }
            let Some(next) = waiting.batches.pop_front() else { break };
            waiting.events -= next.batch.len();
            waiting.bytes -= next.batch.bytes();
            group.push(next);
        }
        (!group.is_empty()).then_some(group)
    }

    /// Takes no more batches; those that wait are still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Events and bytes that wait.
    pub(crate) fn load(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.events, waiting.bytes)
    }
}

#[cfg(test)]
mod tests {
    use annals_model::Event;

    use super::*;

    fn batch(events: usize) -> Batch {
        Batch::new(vec![Event::default(); events])
    }

    #[test]
    fn is_bounded_and_drains_after_closing() {
        let one = batch(1).bytes();
        let queue = Queue::new(4, 100 * one);
        assert!(matches!(queue.push(batch(5)), Err(AppendError::TooLarge { events: 5, .. })));
        let _answers: Vec<_> = [2, 1].into_iter().map(|n| queue.push(batch(n)).unwrap()).collect();
        assert_eq!(queue.push(batch(2)).unwrap_err(), AppendError::Overloaded);
        assert_eq!(queue.load(), (3, 3 * one));
        let _answer = queue.push(batch(1)).unwrap();
        queue.close();
        assert_eq!(queue.push(batch(1)).unwrap_err(), AppendError::Closed);

        let sizes = |group: Vec<Pending>| group.iter().map(|pending| pending.batch.len()).collect::<Vec<_>>();
        assert_eq!(sizes(queue.take(1).unwrap()), [2], "one batch comes whatever its size");
        assert_eq!(sizes(queue.take(2 * one).unwrap()), [1, 1]);
        assert!(queue.take(1).is_none());
        assert_eq!(queue.load(), (0, 0));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let one = batch(1).bytes();
        let queue = Queue::new(1_000, 2 * one);
        let _answer = queue.push(batch(2)).unwrap();
        assert_eq!(queue.push(batch(1)).unwrap_err(), AppendError::Overloaded);
        assert!(matches!(queue.push(batch(3)), Err(AppendError::TooLarge { .. })));
    }
}
