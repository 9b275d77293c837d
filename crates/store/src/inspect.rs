//! Checking stored files while no store has them open: a data directory, or a backup. Nothing is changed.
//!
//! The catalog against its own structure, the log row by row, every segment against its checksums and, when asked,
//! every index against the events, and the segments against each other.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tempfile::TempDir;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Damage,
    backup::{BackupError, BackupSource, copy_catalog, lock_stopped},
    catalog::{Catalog, SegmentRow, SqliteCatalog, check_wal},
    error::OpenError,
    files::{Files, SystemFiles},
    query::part::Part,
    recovery::damaged,
    segment::{self, Segment},
    shared::{CATALOG, SEGMENTS},
};

/// Ids that are compared at once; with more events they are read several times.
const IDS_PER_PASS: u64 = 8 << 20;
/// Damages that are named; what is broken all over needs no longer list.
const DAMAGES_MAX: usize = 1_000;

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every checksum, and what the catalog says of the files.
    Checksums,
    /// Also every order, every index against the events, and that no event is there twice.
    Everything,
}

/// What an inspection found.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Events in segments.
    pub events: u64,
    /// Segments that the catalog lists.
    pub segments: u64,
    /// Bytes of the segments.
    pub segment_bytes: u64,
    /// Rows of the log whose events are in no segment.
    pub log_rows: u64,
    /// Events in them, those included that may turn out to be duplicates.
    pub log_events: u64,
    /// The `seq` of the next event.
    pub next_seq: u64,
    /// Everything that is wrong.
    pub damages: Vec<Damage>,
    /// What is unusual but harmless.
    pub notes: Vec<String>,
}

/// Where segment files are.
pub(crate) enum Contents<'s> {
    Directory(PathBuf),
    Backup(&'s BackupSource),
}

impl Contents<'_> {
    fn open(&self, name: &str) -> Result<Bytes, Damage> {
        match self {
            Self::Directory(path) => SystemFiles
                .map(&path.join(name))
                .map_err(|error| of_file(name, "opening it", error.to_string())),
            Self::Backup(source) => source.contents(name),
        }
    }
}

fn of_file(file: &str, place: &str, reason: impl Into<String>) -> Damage {
    Damage { file: file.to_owned(), place: place.to_owned(), reason: reason.into() }
}

/// Checks a data directory that no process has open. `progress` hears how many bytes of how many are done.
///
/// # Errors
/// When a process has it open, it is no data directory, or the catalog cannot be copied to a temporary directory.
pub fn inspect_directory(
    data_dir: &Path,
    depth: Depth,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Inspection, BackupError> {
    let _lock = lock_stopped(data_dir)?;
    let copy = temporary()?;
    // SQLite would tidy up what it opens.
    copy_catalog(data_dir, copy.path())?;
    let segments = data_dir.join(SEGMENTS);
    let contents = Contents::Directory(segments.clone());
    let (mut found, listed) = Inspection::run(&copy.path().join(CATALOG), &contents, depth, progress);
    match check_wal(&SystemFiles, &data_dir.join(CATALOG)) {
        Ok(()) => {}
        Err(OpenError::Damage(damage)) => found.note(damage),
        Err(error) => found.note(of_file(CATALOG, "its log", error.to_string())),
    }
    for entry in fs::read_dir(&segments).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !listed.contains(&name) {
            found.notes.push(format!("{SEGMENTS}/{name} is not listed: the next start removes it"));
        }
    }
    Ok(found)
}

/// Checks a backup.
///
/// # Errors
/// When its catalog cannot be copied to a temporary directory.
pub fn inspect_backup(
    source: &BackupSource,
    depth: Depth,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Inspection, BackupError> {
    let copy = temporary()?;
    let path = copy.path().join(CATALOG);
    match source.write_catalog(&path) {
        Ok(()) => {}
        Err(BackupError::Damage(damage)) => {
            // What the manifest names can still be looked at.
            let mut found = Inspection::default();
            found.note(damage);
            for segment in &source.manifest().segments {
                let opened = source.contents(&segment.name);
                found.look(&segment.name, opened, depth);
            }
            return Ok(found);
        }
        Err(error) => return Err(error),
    }
    let mut found = Inspection::run(&path, &Contents::Backup(source), depth, progress).0;
    if found.next_seq != 0 && found.next_seq != source.manifest().next_seq {
        found.note(of_file("manifest.json", "next_seq", "the catalog says otherwise"));
    }
    Ok(found)
}

fn temporary() -> Result<TempDir, BackupError> {
    tempfile::tempdir()
        .map_err(|error| BackupError::Io { what: "make a temporary directory (TMPDIR)".to_owned(), error })
}

impl Inspection {
    /// Checks everything that a catalog lists. The catalog is opened, and is a copy that may be changed. Also gives the
    /// names of the segments it lists.
    pub(crate) fn run(
        catalog: &Path,
        contents: &Contents<'_>,
        depth: Depth,
        progress: &mut dyn FnMut(u64, u64),
    ) -> (Self, BTreeSet<String>) {
        let mut found = Self::default();
        let mut open = Vec::new();
        let rows = match SqliteCatalog::open(catalog, 0).map_err(|error| error.to_string()) {
            Ok(mut catalog) => {
                for fault in catalog.faults() {
                    found.note(of_file(CATALOG, "its structure", fault));
                }
                found.look_at_log(&mut catalog);
                catalog.segments().map_err(|error| error.to_string())
            }
            Err(error) => Err(error),
        };
        let rows = rows.unwrap_or_else(|error| {
            found.note(of_file(CATALOG, "the list of segments", error));
            Vec::new()
        });
        let names = rows.iter().map(|row| row.name.clone()).collect();
        let total = rows.iter().map(|row| row.bytes).sum();
        let (mut done, mut seq) = (0, 0);
        for row in rows {
            if row.seq_first < seq || row.seq_last < row.seq_first {
                found.note(of_file(
                    CATALOG,
                    &format!("the segment {}", row.name),
                    "its seqs overlap others'",
                ));
            }
            seq = row.seq_last + 1;
            found.segments += 1;
            found.segment_bytes += row.bytes;
            if let Some(segment) = found.look(&row.name, contents.open(&row.name), depth) {
                found.events += segment.meta().events;
                if !is_listed_so(&row, &segment) {
                    found.note(of_file(&row.name, "the footer", "the catalog says otherwise"));
                }
                open.push((row.name.clone(), segment));
            }
            done += row.bytes;
            progress(done, total);
        }
        if depth == Depth::Everything {
            found.look_for_duplicates(&open);
        }
        (found, names)
    }

    fn note(&mut self, damage: Damage) {
        if self.damages.len() < DAMAGES_MAX {
            self.damages.push(damage);
        }
    }

    /// Checks one segment; gives it if its footer can be read.
    fn look(&mut self, name: &str, contents: Result<Bytes, Damage>, depth: Depth) -> Option<Segment> {
        let opened = contents.and_then(|contents| match segment::newer_format(&contents) {
            Some(format) => {
                let reason = format!(
                    "it has format {format}, this program understands {}: use the newer program",
                    segment::FORMAT_VERSION
                );
                Err(of_file(name, "the trailer", reason))
            }
            None => Segment::open(contents, name),
        });
        let segment = match opened {
            Ok(segment) => segment,
            Err(damage) => {
                self.note(damage);
                return None;
            }
        };
        let damages = segment.damaged_pages();
        if damages.is_empty() && depth == Depth::Everything {
            // The indexes mean something only where every byte is as it was written.
            if let Err(damage) = segment.verify() {
                self.note(damage);
            }
        }
        damages.into_iter().for_each(|damage| self.note(damage));
        Some(segment)
    }

    /// Checks that the rows follow each other without a gap and can be read.
    fn look_at_log(&mut self, catalog: &mut SqliteCatalog) {
        let head = match catalog.head() {
            Ok(head) => head,
            Err(error) => return self.note(of_file(CATALOG, "its head", error.to_string())),
        };
        self.next_seq = head.next_seq;
        let mut seq = head.cut_seq;
        loop {
            let row = match catalog.read(seq) {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    return self.note(of_file(CATALOG, &format!("the log from {seq} on"), error.to_string()));
                }
            };
            if row.first_seq != seq {
                let place = format!("the log's rows from {seq} to {}", row.first_seq);
                self.note(of_file(CATALOG, &place, "they are missing"));
            }
            if let Err(error) = row.chunks() {
                self.note(damaged(&row, &error));
            }
            self.log_rows += 1;
            self.log_events += row.events;
            // A row that claims nothing would be read for ever.
            seq = row.end_seq().max(row.first_seq + 1);
        }
        if seq != head.next_seq {
            let place = format!("the log's rows from {seq} to {}", head.next_seq);
            self.note(of_file(CATALOG, &place, "they are missing"));
        }
    }

    /// Finds events that are in more than one place. Equal ids alone are no fault: an event's identity is its id, its
    /// organization and its source.
    fn look_for_duplicates(&mut self, segments: &[(String, Segment)]) {
        let total: u64 = segments.iter().map(|(_, segment)| segment.meta().events).sum();
        let passes = total.div_ceil(IDS_PER_PASS).max(1);
        for pass in 0..passes {
            let mut ids: Vec<Uuid> = Vec::new();
            for (_, segment) in segments {
                let of_pass = |id: &Uuid| xxh3_64(id.as_bytes()) % passes == pass;
                // A segment whose ids cannot be read has been named already.
                ids.extend(segment.ids().map_while(Result::ok).filter(of_pass));
            }
            ids.sort_unstable();
            let mut repeated: Vec<Uuid> = ids
                .windows(2)
                .filter_map(|pair| (pair.first() == pair.get(1)).then(|| pair.first().copied())?)
                .collect();
            repeated.dedup();
            for id in repeated {
                self.look_at_id(id, segments);
            }
        }
    }

    fn look_at_id(&mut self, id: Uuid, segments: &[(String, Segment)]) {
        let mut first: BTreeMap<(Option<String>, String), &str> = BTreeMap::new();
        let mut twice: HashMap<&str, &str> = HashMap::new();
        for (name, segment) in segments {
            for event in segment.find(id).unwrap_or_default() {
                let identity = (event.organization.map(|organization| organization.id), event.source);
                if let Some(earlier) = first.insert(identity, name) {
                    twice.insert(name, earlier);
                }
            }
        }
        for (name, earlier) in twice {
            self.note(of_file(name, &format!("the event {id}"), format!("it is in {earlier} too")));
        }
    }
}

fn is_listed_so(row: &SegmentRow, segment: &Segment) -> bool {
    let meta = segment.meta();
    (row.events, row.bytes, row.first, row.last, row.seq_first, row.seq_last)
        == (meta.events, meta.bytes, meta.first, meta.last, meta.seq_first, meta.seq_last)
}
