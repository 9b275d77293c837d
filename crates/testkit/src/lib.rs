//! What tests, the demo and the benchmarks share: sample events, a clock that can be set, the real server as a child
//! process. Nothing here is part of a running server but the sample events of `annals demo`.

mod process;
mod random;

pub use process::ServerProcess;
pub use random::Random;
