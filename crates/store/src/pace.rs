//! Work behind the scenes lets others go first: where there are fewer processors than there is to do, a page would wait
//! until the time that the system gives a thread at once is over, which is longer than most pages take.
//!
//! A thread that sets a pace gives its processor away every now and then. It loses nothing when nobody wants it, and it
//! gives nothing away while somebody waits for its work. Other threads, and those that know no pace, just work.

use std::{
    cell::RefCell,
    thread,
    time::{Duration, Instant},
};

/// How long a thread works before it lets others go first: less than a page takes.
const TURN: Duration = Duration::from_micros(100);
/// The clock is looked at once in so many small steps.
const STEPS_PER_LOOK: u32 = 32;

/// When a thread lets others go first.
struct Pace {
    turn_began: Instant,
    small_steps: u32,
    /// Whether somebody waits for the thread's work.
    pressed: Box<dyn Fn() -> bool>,
}

impl Pace {
    fn new(pressed: impl Fn() -> bool + 'static, now: Instant) -> Self {
        Self { turn_began: now, small_steps: 0, pressed: Box::new(pressed) }
    }

    /// Whether it is time to look at the clock.
    const fn looks(&mut self) -> bool {
        self.small_steps = self.small_steps.wrapping_add(1);
        self.small_steps.is_multiple_of(STEPS_PER_LOOK)
    }

    /// Whether others may go now. When its turn is over, the next one begins.
    fn gives_way(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.turn_began) < TURN {
            return false;
        }
        self.turn_began = now;
        !(self.pressed)()
    }

    fn step(&mut self) {
        if self.gives_way(Instant::now()) {
            thread::yield_now();
            // What others took is not of this turn.
            self.turn_began = Instant::now();
        }
    }
}

thread_local! {
    static PACE: RefCell<Option<Pace>> = const { RefCell::new(None) };
}

/// From now on this thread lets others go first, unless `pressed` says that they wait for it.
pub(crate) fn set(pressed: impl Fn() -> bool + 'static) {
    PACE.set(Some(Pace::new(pressed, Instant::now())));
}

/// Says that a small step of work is done.
pub(crate) fn small_step() {
    PACE.with_borrow_mut(|pace| {
        if let Some(pace) = pace
            && pace.looks()
        {
            pace.step();
        }
    });
}

/// Says that a step of work is done that may have taken as long as a turn.
pub(crate) fn step() {
    PACE.with_borrow_mut(|pace| {
        if let Some(pace) = pace {
            pace.step();
        }
    });
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    #[test]
    fn others_go_first_once_a_turn_unless_they_wait() {
        let begin = Instant::now();
        let at = |micros| begin + Duration::from_micros(micros);
        let is_pressed = Rc::new(Cell::new(false));
        let asked = Rc::clone(&is_pressed);
        let mut pace = Pace::new(move || asked.get(), begin);
        assert!(!pace.gives_way(at(99)), "its turn is not over");
        assert!(pace.gives_way(at(100)));
        assert!(!pace.gives_way(at(199)), "the next turn began then");
        is_pressed.set(true);
        assert!(!pace.gives_way(at(250)), "they wait for its work");
        is_pressed.set(false);
        assert!(!pace.gives_way(at(349)), "that was a turn, too");
        assert!(pace.gives_way(at(350)));
        assert!(!pace.gives_way(at(0)), "a clock that goes back");
    }

    #[test]
    fn the_clock_is_looked_at_once_in_many_small_steps() {
        let mut pace = Pace::new(|| false, Instant::now());
        let looks = (0..10 * STEPS_PER_LOOK).filter(|_| pace.looks()).count();
        assert_eq!(looks, 10);
    }
}
