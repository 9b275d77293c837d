//! What tests, the demo and the benchmarks share: sample events, a clock that can be set, the real server as a child
//! process, a disk that fails. Nothing here is part of a running server but the sample events of `annals demo`.

mod bench;
mod clock;
mod disk;
mod generator;
mod platforms;
mod process;
mod random;
mod values;
mod working_hours;
mod world;

pub use bench::{Profile, bench_event};
pub use clock::FakeClock;
pub use disk::{Accident, Disk, DiskFile, DiskLock, Faults, Mount, Operation, SECTOR_BYTES};
pub use generator::{Generator, Platform, Sample};
pub use process::ServerProcess;
pub use random::Random;
pub use world::{Key, Organization, Project, Thing, User, World};
