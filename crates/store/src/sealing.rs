//! A frozen part of the tail becomes a segment: written, stored, opened, and then listed in the transaction that cuts
//! the log. A crash at any step leaves the log as it was, and at most a file that sweeping removes.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::Instant,
};

use crate::{
    catalog::SegmentRow,
    error::MaintenanceError,
    files::NewFile,
    layout::{Frozen, Listed},
    objects::Objects,
    segment::{Segment, SegmentMeta},
    shared::Shared,
    status::{add, keep},
};

/// Bytes of the log that one transaction removes, one row at least; the writer waits meanwhile.
const TRIM_BYTES: u64 = 4 << 20;

fn failed(error: impl std::fmt::Display) -> MaintenanceError {
    MaintenanceError::Failed(error.to_string())
}

/// Seals every frozen part, the oldest first, and frees the log's space.
pub(crate) fn seal_all(shared: &Shared, objects: &Objects) -> Result<(), MaintenanceError> {
    let sealed = seal_each(shared, objects);
    shared.space.note_sealing(!matches!(sealed, Err(MaintenanceError::Full(_))));
    sealed
}

fn seal_each(shared: &Shared, objects: &Objects) -> Result<(), MaintenanceError> {
    while let Some(frozen) = shared.layout().frozen.first().cloned() {
        seal(shared, objects, &frozen)?;
    }
    while shared.change(|catalog| catalog.trim(TRIM_BYTES))? {}
    Ok(())
}

fn seal(shared: &Shared, objects: &Objects, frozen: &Frozen) -> Result<(), MaintenanceError> {
    let begun = Instant::now();
    let count = frozen.part.len();
    if count == 0 {
        shared.change(|catalog| catalog.seal(None, frozen.end_seq))?;
        shared.change_layout(|layout| layout.with_sealed(None));
    } else {
        let new = NewSegment::store(shared, objects, |file| Ok(frozen.part.seal(file)?))?;
        let row = new.row(shared);
        shared.change(|catalog| catalog.seal(Some(&row), frozen.end_seq))?;
        shared.change_layout(|layout| layout.with_sealed(Some(new.listed.clone())));
        keep(&shared.counters.seal_us_last, begun.elapsed());
        add(&shared.counters.seals, 1);
        tracing::debug!(name = row.name, events = count, bytes = row.bytes, "sealed a part of the tail");
    }
    shared.count_log(-(frozen.rows as i64), -(frozen.bytes as i64));
    Ok(())
}

/// A segment that is stored and open but not listed yet. When it is dropped, it is either listed or to be swept.
pub(crate) struct NewSegment<'s> {
    pub(crate) listed: Listed,
    meta: SegmentMeta,
    _guard: Unlisted<'s>,
}

impl<'s> NewSegment<'s> {
    /// Has a segment written to a scratch file, stores it under a fresh name, and opens it.
    pub(crate) fn store(
        shared: &'s Shared,
        objects: &Objects,
        write: impl FnOnce(Box<dyn NewFile>) -> Result<SegmentMeta, MaintenanceError>,
    ) -> Result<Self, MaintenanceError> {
        let name = format!("{:016x}.segment", (shared.random)().map_err(failed)?);
        let guard = Unlisted::new(shared, name.clone());
        let file = shared.files.create(&guard.scratch).map_err(|error| {
            MaintenanceError::of_file(&format!("cannot make the file {}", guard.scratch.display()), &error)
        })?;
        let meta = write(file)?;
        objects.put(&name, &guard.scratch)?;
        let segment = objects.open(&name).and_then(|map| Segment::open(map, &name)).map_err(failed)?;
        if *segment.meta() != meta {
            return Err(MaintenanceError::Failed(format!("the segment {name} is not what was written")));
        }
        let listed = Listed { name: name.into(), segment: Arc::new(segment) };
        Ok(Self { listed, meta, _guard: guard })
    }

    /// What the catalog is to say of it.
    pub(crate) fn row(&self, shared: &Shared) -> SegmentRow {
        let meta = &self.meta;
        SegmentRow {
            name: self.listed.name.to_string(),
            events: meta.events,
            bytes: meta.bytes,
            first: meta.first,
            last: meta.last,
            seq_first: meta.seq_first,
            seq_last: meta.seq_last,
            created: shared.clock.now(),
        }
    }
}

/// Tells sweeping to spare a name as long as it lives, and removes the scratch file in the end.
struct Unlisted<'s> {
    shared: &'s Shared,
    name: String,
    scratch: PathBuf,
}

impl<'s> Unlisted<'s> {
    fn new(shared: &'s Shared, name: String) -> Self {
        let scratch = shared.scratch().join(&name);
        shared.unlisted.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        Self { shared, name, scratch }
    }
}

impl Drop for Unlisted<'_> {
    fn drop(&mut self) {
        // A file that was stored is not here any more, and one that stays behind is removed at the next start.
        let _ = self.shared.files.remove(&self.scratch);
        self.shared.unlisted.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// Removes the objects that are neither listed, nor being written, nor still read by a query that began earlier; none at
/// all while a backup is made.
pub(crate) fn sweep(shared: &Shared, objects: &Objects) -> Result<(), MaintenanceError> {
    let keepers = shared.keepers.lock().unwrap_or_else(PoisonError::into_inner);
    if *keepers > 0 {
        return Ok(());
    }
    // In this order: what is stored after the listing is not looked at, and what is listed before the catalog is
    // asked was either unlisted then, or is in the catalog now, or is nobody's.
    let stored = objects.list()?;
    let mut spared = shared.unlisted.lock().unwrap_or_else(PoisonError::into_inner).clone();
    spared.extend(shared.still_read());
    // After a change of the catalog that failed nobody knows what it lists; the next start does. Looked at behind the
    // spared names, because a segment whose listing failed is among them until the failure is known.
    if shared.health.poisoned().is_some() {
        return Ok(());
    }
    let listed: HashSet<String> =
        shared.ask(|catalog| catalog.segments())?.into_iter().map(|row| row.name).collect();
    for name in stored.iter().filter(|&name| !spared.contains(name) && !listed.contains(name)) {
        objects.delete(name)?;
        add(&shared.counters.swept, 1);
        tracing::debug!(name, "removed a segment that is not listed");
    }
    Ok(())
}
