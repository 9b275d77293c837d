//! What tests, the demo and the benchmarks share: sample events, a clock that can be set, the real server as a child
//! process. Nothing here is part of a running server but the sample events of `annals demo`.

mod bench;
mod clock;
mod generator;
mod platforms;
mod process;
mod random;
mod values;
mod working_hours;
mod world;

pub use bench::{Profile, bench_event};
pub use clock::FakeClock;
pub use generator::{Generator, Platform, Sample};
pub use process::ServerProcess;
pub use random::Random;
pub use world::{Key, Organization, Project, Thing, User, World};
