//! One accident at every single step: everything a store does, again and again, and each time the next operation of the
//! disk goes wrong.

use annals_testkit::Accident;

use super::world::go_through;

/// Every so many-th operation; all of them when the code is optimised.
const STRIDE: usize = if cfg!(debug_assertions) { 8 } else { 1 };
/// What the simulated store wants to have free; nothing, and it hears of a full disk from its writes.
const FREE_BYTES_MIN: [u64; 2] = [0, 100_000];

fn everywhere(accident: Accident, free_bytes_min: u64) {
    let operations = go_through(None, free_bytes_min);
    assert!(operations > 100, "{operations}");
    for at in (0..operations).step_by(STRIDE) {
        let outcome = std::panic::catch_unwind(|| go_through(Some((at, accident)), free_bytes_min));
        if let Err(panic) = outcome {
            panic!("{accident:?} at operation {at}, {free_bytes_min}: {}", super::said(panic.as_ref()));
        }
    }
}

#[test]
fn power_is_lost_at_every_step() {
    everywhere(Accident::PowerLoss, FREE_BYTES_MIN[0]);
}

#[test]
fn the_process_is_killed_at_every_step() {
    everywhere(Accident::Kill, FREE_BYTES_MIN[0]);
}

#[test]
fn every_operation_fails_once() {
    everywhere(Accident::Error, FREE_BYTES_MIN[0]);
}

#[test]
fn the_disk_fills_at_every_step() {
    FREE_BYTES_MIN.iter().for_each(|&bytes| everywhere(Accident::Full, bytes));
}
