//! A segment answers as a list of events would: every question, after every way of writing it, and never a wrong
//! answer from a damaged file.

mod answers;
mod corruption;
mod edges;
mod events;
mod merging;
mod versions;

use std::{path::PathBuf, sync::Arc};

use annals_model::Event;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use super::{Segment, SegmentMeta, WriteError, merge_segments};
use crate::{
    Damage,
    files::{Files, NewFile, SystemFiles},
    tail::TailPart,
};

/// Seals these events.
fn write_segment(file: Box<dyn NewFile>, events: &[Event]) -> Result<SegmentMeta, WriteError> {
    TailPart::of_events(events).unwrap().seal(file)
}

/// So many cases, the same ones every time.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_260_131),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A directory whose files go with it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn create(&self, name: &str) -> Box<dyn NewFile> {
        SystemFiles.create(&self.path(name)).unwrap()
    }

    fn try_open(&self, name: &str) -> Result<Segment, Damage> {
        Segment::open(SystemFiles.map(&self.path(name)).unwrap(), name)
    }

    fn write(&self, name: &str, events: &[Event]) -> Arc<Segment> {
        let meta = write_segment(self.create(name), events).unwrap();
        self.open(name, &meta)
    }

    fn merge(&self, name: &str, inputs: &[Arc<Segment>]) -> Arc<Segment> {
        let meta = merge_segments(self.create(name), inputs, &|| false).unwrap();
        self.open(name, &meta)
    }

    fn open(&self, name: &str, meta: &SegmentMeta) -> Arc<Segment> {
        let segment = self.try_open(name).unwrap();
        assert_eq!(segment.meta(), meta);
        assert_eq!(meta.bytes, std::fs::metadata(self.path(name)).unwrap().len());
        Arc::new(segment)
    }
}
