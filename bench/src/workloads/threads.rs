//! The same work on several connections at once.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::systems::{annals::Door, http::Connection};

/// Runs `work` once on each of so many connections, all of them opened before the clock runs. Gives the time from the first to
/// the last, and everything that the work gave.
pub(crate) fn on_connections<T: Send>(
    door: &Door,
    connections: usize,
    work: impl Fn(&mut Connection) -> Result<Vec<T>, String> + Sync,
) -> Result<(Duration, Vec<T>), String> {
    let open: Vec<Connection> = (0..connections).map(|_| door.open()).collect::<Result<_, _>>()?;
    let all = Mutex::new(Ok(Vec::new()));
    let begun = Instant::now();
    thread::scope(|scope| {
        for mut connection in open {
            let (work, all) = (&work, &all);
            scope.spawn(move || {
                let outcome = work(&mut connection);
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                match (outcome, all.as_mut()) {
                    (Ok(mut mine), Ok(all)) => all.append(&mut mine),
                    (Err(error), _) => *all = Err(error),
                    (Ok(_), Err(_)) => {}
                }
            });
        }
    });
    let took = begun.elapsed();
    Ok((took, all.into_inner().unwrap_or_else(PoisonError::into_inner)?))
}
