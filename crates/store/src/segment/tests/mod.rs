//! A segment answers as a list of events would: every question, after every way of writing it, and never a wrong
//! answer from a damaged file.

mod answers;
mod corruption;
mod edges;
mod events;
mod merging;

use std::{path::PathBuf, sync::Arc};

use annals_model::Event;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use super::{Segment, merge_segments, write_segment};

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

    fn write(&self, name: &str, events: &[Event]) -> Arc<Segment> {
        let meta = write_segment(&self.path(name), events.to_vec()).unwrap();
        self.open(name, &meta)
    }

    fn merge(&self, name: &str, inputs: &[Arc<Segment>]) -> Arc<Segment> {
        let meta = merge_segments(&self.path(name), inputs).unwrap();
        self.open(name, &meta)
    }

    fn open(&self, name: &str, meta: &super::SegmentMeta) -> Arc<Segment> {
        let segment = Segment::open(&self.path(name), name).unwrap();
        assert_eq!(segment.meta(), meta);
        assert_eq!(meta.bytes, std::fs::metadata(self.path(name)).unwrap().len());
        Arc::new(segment)
    }
}
