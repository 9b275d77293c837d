//! One program for every target: the environment variable `ANNALS_FUZZ_TARGET` says which. A dialect that is added is
//! fuzzed without a program being added, and there is one to build instead of thirty.

#![no_main]

use std::sync::OnceLock;

use annals_fuzz::{Target, targets};
use libfuzzer_sys::fuzz_target;

fn target() -> &'static Target {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("ANNALS_FUZZ_TARGET").expect("ANNALS_FUZZ_TARGET names a target");
        let found = targets().into_iter().find(|target| target.name() == name);
        found.unwrap_or_else(|| panic!("ANNALS_FUZZ_TARGET names no target: {name}"))
    })
}

fuzz_target!(init: { target(); }, |input: &[u8]| target().run(input));
