//! The names of files: as they are seen, as they are on the disk, and the changes between.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::Random;

#[derive(Clone)]
enum Change {
    Link(PathBuf, u64),
    Unlink(PathBuf),
    Move { from: PathBuf, to: PathBuf, file: u64 },
}

/// Which file every path is.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) now: BTreeMap<PathBuf, u64>,
    durable: BTreeMap<PathBuf, u64>,
    unsynced: Vec<Change>,
}

fn apply(names: &mut BTreeMap<PathBuf, u64>, change: &Change) {
    match change {
        Change::Link(path, file) => {
            names.insert(path.clone(), *file);
        }
        Change::Unlink(path) => {
            names.remove(path);
        }
        Change::Move { from, to, file } => {
            names.remove(from);
            names.insert(to.clone(), *file);
        }
    }
}

impl Names {
    fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        self.unsynced.push(change);
    }

    pub(super) fn link(&mut self, path: &Path, file: u64) {
        self.change(Change::Link(path.to_owned(), file));
    }

    pub(super) fn unlink(&mut self, path: &Path) {
        self.change(Change::Unlink(path.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path, file: u64) {
        self.change(Change::Move { from: from.to_owned(), to: to.to_owned(), file });
    }

    /// Brings the changes in one directory to the disk. A move is brought there whole, whichever of its directories
    /// this is.
    pub(super) fn sync(&mut self, directory: &Path) {
        let is_in = |path: &Path| path.parent() == Some(directory);
        for change in std::mem::take(&mut self.unsynced) {
            let is_here = match &change {
                Change::Link(path, _) | Change::Unlink(path) => is_in(path),
                Change::Move { from, to, .. } => is_in(from) || is_in(to),
            };
            if is_here {
                apply(&mut self.durable, &change);
            } else {
                self.unsynced.push(change);
            }
        }
    }

    pub(super) fn lose_power(&mut self, random: &mut Random, of_ten: u64) {
        for change in std::mem::take(&mut self.unsynced) {
            if random.below(10) < of_ten {
                apply(&mut self.durable, &change);
            }
        }
        self.now.clone_from(&self.durable);
    }
}
