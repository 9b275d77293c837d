//! A clock that tests set and move. It never moves by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use annals_model::{Clock, Timestamp};

/// A clock that stands still until it is told otherwise. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct FakeClock(Arc<AtomicI64>);

impl FakeClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.nanos())))
    }

    /// Shows another time from now on.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.nanos(), Ordering::SeqCst);
    }

    /// Moves on.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().plus(duration));
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_only_when_told_and_for_every_clone() {
        let clock = FakeClock::new(Timestamp::from_nanos(5));
        let clone = clock.clone();
        clock.advance(Duration::from_nanos(2));
        assert_eq!((clock.now(), clone.now()), (Timestamp::from_nanos(7), Timestamp::from_nanos(7)));
        clone.set(Timestamp::MIN);
        assert_eq!(clock.now(), Timestamp::MIN);
    }
}
