//! How much room the disk has, asked at most once in a while.

use std::{
    io,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// How long an answer is believed.
pub(crate) const SPACE_KEEP: Duration = Duration::from_secs(1);

/// Who knows the free bytes. Tests know better than the system.
pub(crate) trait FreeSpace: Send + Sync {
    fn free_bytes(&self) -> io::Result<u64>;
}

/// The file system a directory lies in.
pub(crate) struct Disk(pub(crate) PathBuf);

impl FreeSpace for Disk {
    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.0)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Watches over the free bytes.
pub(crate) struct Space {
    source: Box<dyn FreeSpace>,
    needed: u64,
    keep: Duration,
    last: Mutex<Option<(Instant, u64)>>,
    /// Whether the last write found no room, whatever the system says: there are quotas, and limits on files.
    is_refused: AtomicBool,
    /// Whether the last segment file found no room.
    is_sealing_refused: AtomicBool,
}

/// Less is free than is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Low {
    pub(crate) free: u64,
    pub(crate) needed: u64,
}

impl Space {
    pub(crate) fn new(source: Box<dyn FreeSpace>, needed: u64, keep: Duration) -> Self {
        Self {
            source,
            needed,
            keep,
            last: Mutex::new(None),
            is_refused: AtomicBool::new(false),
            is_sealing_refused: AtomicBool::new(false),
        }
    }

    /// Whether another `more` bytes would leave too little. A system that does not tell is believed to have room.
    pub(crate) fn low_for(&self, more: u64) -> Option<Low> {
        let (free, needed) = (self.free(), self.needed.saturating_add(more));
        (free < needed).then_some(Low { free, needed })
    }

    /// Whether there is too little.
    pub(crate) fn low(&self) -> Option<Low> {
        self.low_for(0)
    }

    /// Notes whether a write found room.
    pub(crate) fn note(&self, found_room: bool) {
        self.is_refused.store(!found_room, Relaxed);
    }

    /// Notes whether a tail that became a segment found room.
    pub(crate) fn note_sealing(&self, found_room: bool) {
        self.is_sealing_refused.store(!found_room, Relaxed);
    }

    /// What to say when tails wait for room to become segments.
    pub(crate) fn sealing_refused(&self) -> Option<Low> {
        self.is_sealing_refused.load(Relaxed).then(|| self.shortage())
    }

    /// Whether there is too little, or was at the last write.
    pub(crate) fn low_or_refused(&self) -> Option<Low> {
        self.low().or_else(|| self.is_refused.load(Relaxed).then(|| self.shortage()))
    }

    /// What to say of a write that found no room.
    pub(crate) fn shortage(&self) -> Low {
        let free = self.free();
        Low { free, needed: self.needed.max(free.saturating_add(1)) }
    }

    fn free(&self) -> u64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((asked, free)) if asked.elapsed() < self.keep => free,
            _ => {
                let free = self.source.free_bytes().unwrap_or_else(|error| {
                    tracing::warn!(%error, "cannot ask for the free space of the disk");
                    u64::MAX
                });
                *last = Some((Instant::now(), free));
                free
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells() {
        let directory = tempfile::tempdir().unwrap();
        let free = Disk(directory.path().to_owned()).free_bytes().unwrap();
        assert!(free > 0);
        assert!(Disk(directory.path().join("missing")).free_bytes().is_err());
    }

    #[test]
    fn answers_are_kept_for_a_while() {
        struct Falling(Mutex<u64>);
        impl FreeSpace for Falling {
            fn free_bytes(&self) -> io::Result<u64> {
                let mut free = self.0.lock().unwrap();
                *free -= 1;
                Ok(*free)
            }
        }
        let space = Space::new(Box::new(Falling(Mutex::new(12))), 10, Duration::from_secs(3600));
        assert_eq!((space.low(), space.low(), space.low()), (None, None, None));
        assert_eq!(space.low_for(2), Some(Low { free: 11, needed: 12 }));
        let space = Space::new(Box::new(Falling(Mutex::new(12))), 10, Duration::ZERO);
        assert_eq!((space.low(), space.low(), space.low()), (None, None, Some(Low { free: 9, needed: 10 })));
    }
}
