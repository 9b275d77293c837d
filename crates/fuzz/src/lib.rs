//! Fuzz targets: for every reader of bytes from outside, a function that is fed anything and panics when what must hold
//! does not.
//!
//! `fuzz/` runs these functions guided by coverage, `tests/mutations.rs` over the seeds and a fixed number of mutations
//! of them. Nothing here is part of a server. A new dialect gets its targets, its seeds and its dictionary without a
//! line being written here: see [`targets`].
//!
//! `docs/reliability.md` lists what each target holds to.

#![expect(clippy::unwrap_used, reason = "a panic is how a target tells what it found")]

mod answers;
mod credentials;
mod events;
mod host;
mod message;
mod mutate;
mod native;
mod requests;
mod search;
mod seeds;
mod stored;

use std::sync::Arc;

use annals_dialects::{Config, Dialect};

pub use mutate::Mutations;

/// What is fed; it panics when it found something.
type Body = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Something to fuzz.
pub struct Target {
    name: String,
    body: Body,
    seeds: Vec<Vec<u8>>,
    cost: usize,
}

impl Target {
    fn new(name: impl Into<String>, body: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        let name = name.into();
        let seeds = seeds::of_folder(&name);
        Self { name, body: Box::new(body), seeds, cost: 1 }
    }

    fn with_seeds(mut self, seeds: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.seeds.extend(seeds);
        self
    }

    fn costing(mut self, cost: usize) -> Self {
        self.cost = cost;
        self
    }

    /// How much more an input costs than one of the others, roughly.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Inputs to begin with. Never empty.
    pub fn seeds(&self) -> &[Vec<u8>] {
        &self.seeds
    }

    /// Words that its inputs are made of.
    pub fn dictionary(&self) -> Vec<String> {
        seeds::words(&self.seeds)
    }

    /// Feeds it an input.
    ///
    /// # Panics
    /// When something does not hold that must.
    pub fn run(&self, input: &[u8]) {
        (self.body)(input);
    }
}

/// Every target: three for each dialect, and those of what belongs to none.
pub fn targets() -> Vec<Target> {
    let mut all = Vec::new();
    for dialect in dialects() {
        all.extend(targets_of(&dialect));
    }
    all.extend(credentials::targets());
    all.extend(native::targets());
    all.extend(search::targets());
    all.extend(stored::targets());
    all
}

fn dialects() -> Vec<Arc<dyn Dialect>> {
    annals_dialects::all(&Config::default()).into_iter().map(Arc::from).collect()
}

fn targets_of(dialect: &Arc<dyn Dialect>) -> Vec<Target> {
    let name = dialect.name();
    let own = || Arc::clone(dialect);
    let asker = requests::Requests::new(own());
    let requests = Target::new(format!("requests-{name}"), move |input| asker.run(input))
        .with_seeds(seeds::of_routes(&**dialect));
    let events = {
        let reader = own();
        Target::new(format!("events-{name}"), move |input| events::run(&*reader, input))
            .with_seeds(seeds::of_fixtures(name))
            .with_seeds(seeds::of_answers(&**dialect, requests.seeds()))
    };
    let renderer = answers::Answers::new(own(), requests.seeds());
    let answers = Target::new(format!("answers-{name}"), move |input| renderer.run(input))
        .costing(5)
        .with_seeds(seeds::native_events());
    vec![requests, events, answers]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_name_of_its_own_and_seeds_that_hold() {
        let mut names = std::collections::BTreeSet::new();
        for target in targets() {
            assert!(!target.seeds().is_empty(), "{} has no seeds: add fuzz/corpus-seeds", target.name());
            assert!(names.insert(target.name().to_owned()), "{} is there twice", target.name());
        }
        for dialect in dialects() {
            for kind in ["requests", "events", "answers"] {
                assert!(names.contains(&format!("{kind}-{}", dialect.name())));
            }
        }
    }
}
