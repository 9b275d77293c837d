//! What tests, the demo and the benchmarks share: sample events, a clock that can be set, the real server as a child
//! process. Nothing here is part of a running server but the sample events of `annals demo`.

mod clock;
mod process;
mod random;

pub use clock::FakeClock;
pub use process::ServerProcess;
pub use random::Random;
