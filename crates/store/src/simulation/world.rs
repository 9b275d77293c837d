//! A random schedule: what is done to a simulated store one thing after another, and what must hold after each.

use annals_model::Event;
use annals_testkit::{Accident, Disk, Faults, Random};

use super::{
    machine::{CatalogFaults, DATA, Machine, Running},
    model::{Model, check, event, stored},
};
use crate::{AppendError, Batch, MaintenanceError, OpenError, Refusing, query::Reader, shared::SEGMENTS};

/// Things that are done in one run.
const STEPS: u64 = 40;
/// Starts that may fail one after the other before that is an error.
const STARTS_MAX: usize = 20;
/// Operations of the disk before which a planned accident happens.
const PLAN_OPERATIONS: u64 = 80;
/// Room on a disk that is nearly full.
const ROOM_BYTES: u64 = 400_000;

/// What is broken on purpose, to see that a simulation notices.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Broken {
    /// Syncs say that they worked and do nothing.
    pub(super) syncs_lie: bool,
    /// Of a thousand rows that are added to the log, so many are not, and nobody is told.
    pub(super) lost_rows: u64,
    /// Of a thousand seals, so many cut the log and do not list the segment.
    pub(super) unlisted_seals: u64,
}

/// What a run did, for whoever wants to know whether it did anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    pub(super) unanswered: u64,
    pub(super) seals: u64,
    pub(super) merges: u64,
    pub(super) power_losses: u64,
    pub(super) kills: u64,
    pub(super) closes: u64,
    pub(super) poisonings: u64,
    pub(super) failed_starts: u64,
    /// Everything that the disk was asked to do, mixed.
    pub(super) trace: u64,
}

impl Summary {
    pub(super) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.seals += other.seals;
        self.merges += other.merges;
        self.power_losses += other.power_losses;
        self.kills += other.kills;
        self.closes += other.closes;
        self.poisonings += other.poisonings;
        self.failed_starts += other.failed_starts;
        self.trace ^= other.trace;
    }
}

struct World {
    random: Random,
    machine: Machine,
    broken: Broken,
    running: Option<Running>,
    model: Model,
    /// Batches whose answer was lost, or said that nobody knows.
    doubtful: Vec<Vec<Event>>,
    /// Queries that began earlier, and what there was then.
    readers: Vec<(Reader, Vec<Event>)>,
    serial: u64,
    /// Whether no accident is planned, no fault set, and the disk has room.
    is_quiet: bool,
    /// Whether nothing may fail: it is quiet, and was since the store started or nothing came of it.
    is_calm: bool,
    reads_fail: bool,
    summary: Summary,
    /// Whether every step is printed.
    is_told: bool,
}

/// Runs the schedule of a seed. It panics when something does not hold.
pub(super) fn simulate(seed: u64, broken: Broken, is_told: bool) -> Summary {
    let mut world = World::new(seed, broken, is_told);
    let world = &mut world;
    world.machine.set_checkpoint_pages(*world.random.pick(&[1, 8, 1_000]));
    world.calm();
    world.start();
    for _ in 0..STEPS {
        world.step();
    }
    world.finish();
    world.summary.trace = world.machine.disk.trace();
    world.summary
}

/// Everything a store does, once, with one accident; how many operations of the disk that took.
///
/// A store that takes less than `free_bytes_min` for a full disk hears of it from its writes.
pub(super) fn go_through(accident: Option<(u64, Accident)>, free_bytes_min: u64) -> u64 {
    let mut world = World::new(7, Broken::default(), false);
    world.machine.options.free_bytes_min = free_bytes_min;
    world.machine.set_checkpoint_pages(4);
    world.calm();
    if let Some((after, accident)) = accident {
        world.machine.disk.plan(after, accident);
        (world.is_quiet, world.is_calm) = (false, false);
    }
    world.start();
    let steps: [fn(&mut World); 11] = [
        World::append,
        World::append,
        World::seal,
        World::append,
        World::append,
        World::seal,
        World::append,
        World::merge,
        World::append,
        World::compact,
        World::append,
    ];
    for step in steps {
        step(&mut world);
        world.look();
    }
    let operations = world.disk().operations();
    // A store that could not start on a full disk was given room.
    if let Some((_, Accident::Full)) = accident
        && !world.is_quiet
        && !world.disk().forget_plan()
    {
        world.append_until_refused();
        world.calm();
        world.append();
    }
    world.look();
    world.finish();
    operations
}

/// A disk on which a store was that was closed, or killed, and what it held, and held before its last batch.
pub(super) fn leave(is_closed: bool) -> (Machine, Vec<Event>, usize) {
    let mut world = World::new(11, Broken::default(), false);
    world.calm();
    world.start();
    let mut before = 0;
    for round in 0..7 {
        before = world.model.events.len();
        while world.model.events.len() == before {
            world.append();
        }
        if round == 2 || round == 4 {
            world.running().seal().unwrap();
        }
    }
    if is_closed {
        world.running().store.close();
        world.running = None;
    } else {
        world.disk().kill();
    }
    (world.machine, world.model.events, before)
}

impl World {
    fn new(seed: u64, broken: Broken, is_told: bool) -> Self {
        Self {
            random: Random::new(seed),
            machine: Machine::new(seed),
            broken,
            running: None,
            model: Model::default(),
            doubtful: Vec::new(),
            readers: Vec::new(),
            serial: 0,
            is_quiet: true,
            is_calm: true,
            reads_fail: false,
            summary: Summary::default(),
            is_told,
        }
    }

    /// Starts the store again if its process is over, and holds it against the list.
    fn look(&mut self) {
        if self.disk().is_over(&self.running().mount) {
            self.start();
        }
        let found = stored(&self.running().store.reader_for_test());
        assert_eq!(found, self.model.events);
        let refusing = self.running().store.status().refusing;
        if matches!(refusing, Some(Refusing::Poisoned { .. })) {
            let refused = self.summary.refused;
            self.append();
            assert_eq!(self.summary.refused, refused, "a store that is poisoned says so");
            assert!(!self.doubtful.is_empty(), "it takes nothing");
        }
    }

    /// On a full disk: writes are refused, and say why; nothing else ends, and nothing is poisoned.
    fn append_until_refused(&mut self) {
        let refused = self.summary.refused;
        for _ in 0..100 {
            self.append();
            let status = self.running().store.status();
            match status.refusing {
                Some(Refusing::DiskLow { .. }) if self.summary.refused != refused => return,
                None | Some(Refusing::DiskLow { .. }) => {}
                other => panic!("{other:?}"),
            }
            // What cannot be sealed holds up what comes.
            let is_crowded = status.frozen_parts > self.machine.options.frozen_parts_max as u64;
            assert!(is_crowded || self.summary.refused == refused, "{status:?}");
            if is_crowded && self.summary.refused != refused {
                return;
            }
        }
        panic!("a full disk takes everything");
    }

    fn compact(&mut self) {
        let result = self.running().compact();
        self.judge(&result);
    }

    fn disk(&self) -> &Disk {
        &self.machine.disk
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the store runs between steps")
    }

    fn tell(&self, what: std::fmt::Arguments<'_>) {
        if self.is_told {
            eprintln!("{:>6} {what}", self.disk().operations());
        }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..30 => self.append(),
            30..42 => self.seal(),
            42..52 => self.merge(),
            52..57 => {
                self.tell(format_args!("sweep"));
                let result = self.running().sweep();
                self.judge(&result);
            }
            57..64 => self.ask(),
            64..68 => {
                let reader = self.running().store.reader_for_test();
                self.readers.push((reader, self.model.events.clone()));
            }
            68..72 => self.machine.clock.advance(std::time::Duration::from_secs(20)),
            72..82 => self.plan(),
            82..88 => self.trouble(),
            88..92 => self.calm(),
            _ => self.stop(),
        }
        self.after_a_step();
    }

    fn after_a_step(&mut self) {
        if self.disk().is_over(&self.running().mount) {
            self.start();
        }
        let status = self.running().store.status();
        assert_eq!(status.events, self.model.events.len() as u64, "events by the status");
        if self.random.below(3) == 0 {
            for (reader, events) in &self.readers {
                check(events, reader, &mut self.random);
            }
        }
        let is_poisoned = matches!(status.refusing, Some(Refusing::Poisoned { .. }));
        assert!(!(is_poisoned && self.is_calm), "{:?}", status.refusing);
        if is_poisoned && self.random.below(4) == 0 {
            self.summary.poisonings += 1;
            self.stop();
            if self.running.as_ref().is_none_or(|running| self.disk().is_over(&running.mount)) {
                self.start();
            }
        }
        if self.random.below(2) == 0 {
            self.ask();
        }
    }

    fn ask(&mut self) {
        let reader = self.running().store.reader_for_test();
        self.model.ask(&reader, &mut self.random);
    }

    fn append(&mut self) {
        let count = 1 + self.random.below(3);
        let mut waiting = Vec::new();
        for _ in 0..count {
            let events: Vec<Event> = (0..self.random.below(14))
                .map(|_| {
                    self.serial += 1;
                    event(&mut self.random, self.serial)
                })
                .collect();
            waiting.push((self.running().append(Batch::new(events.clone())), events));
        }
        self.running().write();
        let is_over = self.disk().is_over(&self.running().mount);
        self.tell(format_args!("append {count} batches, process is over: {is_over}"));
        let recorded = annals_model::Clock::now(&self.machine.clock);
        for (mut waiting, events) in waiting {
            if is_over {
                self.summary.unanswered += 1;
                self.doubtful.push(events);
                continue;
            }
            let answer = waiting.poll().expect("everybody is answered");
            self.tell(format_args!("  {} events: {answer:?}", events.len()));
            match answer {
                Ok(appended) => {
                    self.summary.acknowledged += 1;
                    self.model.take(&events, &appended.outcomes, recorded);
                }
                Err(AppendError::Poisoned(_)) => {
                    assert!(!self.is_calm, "nothing went wrong");
                    self.doubtful.push(events);
                }
                Err(error) => {
                    let status = self.running().store.status();
                    let is_crowded = status.frozen_parts > self.machine.options.frozen_parts_max as u64;
                    let may_be = match error {
                        AppendError::Overloaded => is_crowded || !self.is_calm,
                        // A tail that found no room holds writers back until it is tried again, also when there is room.
                        AppendError::DiskLow { .. } => is_crowded || !self.is_calm,
                        _ => false,
                    };
                    assert!(may_be, "{error}");
                    self.summary.refused += 1;
                }
            }
        }
    }

    fn seal(&mut self) {
        self.tell(format_args!("seal"));
        let before = self.running().store.status().counters.seals;
        let result =
            if self.random.below(2) == 0 { self.running().seal() } else { self.running().seal_by_itself() };
        self.judge(&result);
        self.summary.seals += self.running().store.status().counters.seals - before;
    }

    fn merge(&mut self) {
        self.tell(format_args!("merge"));
        let before = self.running().store.status().counters.merges;
        let result =
            if self.random.below(3) == 0 { self.running().compact() } else { self.running().merge() };
        self.judge(&result);
        self.summary.merges += self.running().store.status().counters.merges - before;
    }

    fn judge(&self, result: &Result<(), MaintenanceError>) {
        self.tell(format_args!("  {result:?}"));
        if let Err(error) = result {
            assert!(!self.is_calm, "{error}");
        }
    }

    /// Plans an accident.
    fn plan(&mut self) {
        let accident = *self.random.pick(&[
            Accident::PowerLoss,
            Accident::PowerLoss,
            Accident::Kill,
            Accident::Error,
            Accident::Full,
        ]);
        let after = self.random.below(PLAN_OPERATIONS);
        self.machine.disk.plan(after, accident);
        self.tell(format_args!("plan {accident:?} after {after}"));
        (self.is_quiet, self.is_calm) = (false, false);
    }

    /// From now on things go wrong now and then.
    fn trouble(&mut self) {
        (self.is_quiet, self.is_calm) = (false, false);
        match self.random.below(5) {
            0 => self.set_faults(Faults { writes: 40, ..Faults::default() }),
            1 => self.set_faults(Faults { syncs: 60, ..Faults::default() }),
            2 => self.set_faults(Faults { names: 60, short_writes: 300, ..Faults::default() }),
            3 => self.set_faults(Faults { reads: 20, short_writes: 300, ..Faults::default() }),
            _ => {
                let room = self.random.below(ROOM_BYTES);
                self.disk().set_capacity(self.disk().used() + room);
            }
        }
        if self.random.below(3) == 0 {
            self.machine.set_catalog_faults(CatalogFaults {
                busy: 100,
                before: self.random.below(2) * 50,
                after: self.random.below(2) * 50,
                ..self.broken_catalog()
            });
        }
    }

    fn set_faults(&mut self, faults: Faults) {
        self.tell(format_args!("{faults:?}"));
        self.reads_fail = faults.reads != 0;
        self.disk().set_faults(Faults { syncs_lie: self.broken.syncs_lie, ..faults });
    }

    fn broken_catalog(&self) -> CatalogFaults {
        CatalogFaults {
            lost_rows: self.broken.lost_rows,
            unlisted_seals: self.broken.unlisted_seals,
            ..CatalogFaults::default()
        }
    }

    /// Nothing goes wrong from now on. What went wrong already may show still.
    fn calm(&mut self) {
        self.tell(format_args!("calm"));
        self.machine.disk.forget_plan();
        self.set_faults(Faults::default());
        self.machine.set_catalog_faults(self.broken_catalog());
        self.disk().set_capacity(u64::MAX);
        self.is_quiet = true;
        let poisoned = |running: &Running| running.shared.health.poisoned().is_some();
        self.is_calm = self.running.as_ref().is_none_or(|running| !poisoned(running));
    }

    /// Ends the process, one way or another, and starts it again.
    fn stop(&mut self) {
        self.readers.clear();
        match self.random.below(3) {
            0 => {
                self.tell(format_args!("close"));
                self.summary.closes += 1;
                self.running().store.close();
            }
            1 => {
                self.tell(format_args!("kill"));
                self.summary.kills += 1;
                self.disk().kill();
            }
            _ => {
                self.tell(format_args!("lose power"));
                self.summary.power_losses += 1;
                self.disk().lose_power();
            }
        }
        self.start();
    }

    /// Starts the store, again and again if things go wrong, and holds what is there against what must be.
    fn start(&mut self) {
        self.readers.clear();
        self.running = None;
        for attempt in 0..STARTS_MAX {
            if attempt > 1 {
                self.calm();
            }
            match self.machine.start() {
                Ok(running) => {
                    self.tell(format_args!("started"));
                    self.running = Some(running);
                    self.is_calm = self.is_quiet;
                    break;
                }
                Err(error) => {
                    self.tell(format_args!("not started: {error}"));
                    assert!(!self.is_calm, "{error}");
                    assert!(self.reads_fail || !matches!(error, OpenError::Damage(_)), "{error}");
                    self.summary.failed_starts += 1;
                }
            }
        }
        let found = stored(&self.running().store.reader_for_test());
        let doubtful = std::mem::take(&mut self.doubtful);
        self.model.reconcile(doubtful, &found);
    }

    /// In the end, with nothing going wrong any more, everything is there and nothing else.
    fn finish(&mut self) {
        self.calm();
        self.stop();
        assert!(self.is_calm, "a store that was started anew is well");
        self.append();
        let running = self.running();
        running.store.verify().expect("nothing is damaged");
        running.compact().expect("nothing goes wrong");
        running.sweep().expect("nothing goes wrong");
        running.store.verify().expect("nothing is damaged");
        let status = running.store.status();
        assert_eq!((status.log_batches, status.log_bytes, status.tail_events), (0, 0, 0));
        assert_eq!(status.refusing, None);
        assert_eq!(stored(&running.store.reader_for_test()), self.model.events);
        let is_segment = |path: &std::path::Path| path.starts_with(format!("{DATA}/{SEGMENTS}"));
        let files = self.disk().files();
        let segments = files.iter().filter(|(path, _)| is_segment(path)).count() as u64;
        assert_eq!(segments, status.segments, "{files:?}");
        assert!(files.len() as u64 <= segments + 4, "{files:?}");
        for _ in 0..3 {
            self.ask();
        }
    }
}
