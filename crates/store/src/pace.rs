//! Work behind the scenes lets others go first: where there are fewer processors than there is to do, a page would wait
//! until the time that the system gives a thread at once is over, which is longer than most pages take.
//!
//! A thread that sets a pace gives its processor away every now and then. It loses nothing when nobody wants it, and it
//! gives nothing away while somebody waits for its work. Other threads, and those that know no pace, just work.

use std::{
    cell::{Cell, RefCell},
    thread,
    time::{Duration, Instant},
};

/// How long a thread works before it lets others go first: less than a page takes.
const TURN: Duration = Duration::from_micros(100);
/// The clock is looked at once in so many small steps.
const STEPS_PER_LOOK: u32 = 32;

/// Whether somebody waits for the thread's work.
type Pressed = Box<dyn Fn() -> bool>;

thread_local! {
    static STEPS: Cell<u32> = const { Cell::new(0) };
    static TURN_BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
    static PRESSED: RefCell<Option<Pressed>> = const { RefCell::new(None) };
}

/// From now on this thread lets others go first, unless `pressed` says that they wait for it.
pub(crate) fn set(pressed: impl Fn() -> bool + 'static) {
    PRESSED.set(Some(Box::new(pressed)));
    TURN_BEGAN.set(Some(Instant::now()));
}

/// Says that a small step of work is done.
pub(crate) fn small_step() {
    let steps = STEPS.get().wrapping_add(1);
    STEPS.set(steps);
    if steps.is_multiple_of(STEPS_PER_LOOK) {
        step();
    }
}

/// Says that a step of work is done that may have taken as long as a turn.
pub(crate) fn step() {
    if TURN_BEGAN.get().is_some_and(|began| began.elapsed() >= TURN) {
        let is_pressed = PRESSED.with_borrow(|pressed| pressed.as_ref().is_some_and(|pressed| pressed()));
        if !is_pressed {
            thread::yield_now();
        }
        TURN_BEGAN.set(Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn only_who_set_a_pace_asks_whether_somebody_waits() {
        let asked = Rc::new(Cell::new(0));
        let counted = Rc::clone(&asked);
        let pressed = move || {
            counted.set(counted.get() + 1);
            true
        };
        step();
        set(pressed);
        for steps in [step, small_step] {
            // It ends because turns end.
            let before = asked.get();
            while asked.get() == before {
                steps();
            }
        }
        thread::spawn(move || {
            (0..10 * STEPS_PER_LOOK).for_each(|_| small_step());
            assert_eq!(TURN_BEGAN.get(), None);
        })
        .join()
        .unwrap();
    }
}
