//! Every target over its seeds and a fixed number of mutations of them: the same inputs every time, without a fuzzer.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use annals_fuzz::{Mutations, Target, targets};

/// Inputs of each target beside its seeds, fewer where they cost more; `ANNALS_FUZZ_MUTATIONS` says another number.
const MUTATIONS: usize = 5_000;
/// Where the mutations begin; another number makes others.
const NUMBER: u64 = 20_261_122;

#[test]
fn nothing_that_must_hold_breaks() {
    let count = match std::env::var("ANNALS_FUZZ_MUTATIONS") {
        Ok(text) => text.parse().expect("ANNALS_FUZZ_MUTATIONS is a number"),
        Err(_) => MUTATIONS,
    };
    let targets = targets();
    let next = AtomicUsize::new(0);
    let findings = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    let found = run(target, count);
                    println!("{}: {:?}", target.name(), begun.elapsed());
                    findings.lock().unwrap().extend(found);
                }
            });
        }
    });
    let findings = findings.into_inner().unwrap();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Feeds a target; gives how to repeat the first input that breaks something.
fn run(target: &Target, count: usize) -> Option<String> {
    let seeds = target.seeds().iter().cloned();
    for input in seeds.chain(Mutations::new(target, NUMBER).take(count / target.cost())) {
        if catch_unwind(AssertUnwindSafe(|| target.run(&input))).is_err() {
            let folder =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/artifacts").join(target.name());
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join("mutation");
            fs::write(&file, &input).unwrap();
            let (name, file) = (target.name(), file.display());
            return Some(format!(
                "{name} breaks; `cargo run -p annals-fuzz -- run {name} {file}` repeats it"
            ));
        }
    }
    None
}
