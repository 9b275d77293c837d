//! When things happen: mostly in working hours, little at night and at weekends. It reads no clock.

use std::time::Duration;

use annals_model::Timestamp;

use crate::Random;

const MILLIS_PER_HOUR: u64 = 60 * 60 * 1_000;
const MILLIS_PER_DAY: u64 = 24 * MILLIS_PER_HOUR;
/// How much happens in each hour of a day, in UTC.
const HOURS: [u64; 24] = [2, 2, 2, 1, 1, 2, 4, 8, 14, 18, 19, 17, 12, 15, 18, 17, 15, 10, 6, 4, 4, 3, 3, 2];
/// Of a hundred instants on a weekend, so many are kept.
const WEEKEND_PERCENT: u64 = 20;
/// How often an unsuitable instant is drawn again before any is taken.
const RETRIES_MAX: usize = 64;

/// An instant in the time before `now`, to the millisecond.
pub(crate) fn instant(random: &mut Random, now: Timestamp, span: Duration) -> Timestamp {
    let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    let now = u64::try_from(now.nanos() / 1_000_000).unwrap_or(0);
    let busiest = HOURS.iter().copied().max().unwrap_or(1);
    let mut drawn = now;
    for _ in 0..RETRIES_MAX {
        drawn = now.saturating_sub(1 + random.below(span));
        let hour = (drawn % MILLIS_PER_DAY / MILLIS_PER_HOUR) as usize;
        // 1970-01-01 was a Thursday.
        let weekend = matches!((drawn / MILLIS_PER_DAY + 4) % 7, 0 | 6);
        if random.below(busiest) < HOURS[hour] && (!weekend || random.chance(WEEKEND_PERCENT)) {
            break;
        }
    }
    i64::try_from(drawn).ok().and_then(Timestamp::from_millis).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_happens_in_working_hours_and_nothing_in_the_future() {
        let now = Timestamp::parse("2026-08-12T15:30:00Z").unwrap();
        let span = Duration::from_secs(30 * 24 * 3_600);
        let mut random = Random::new(1);
        let instants: Vec<_> = (0..10_000).map(|_| instant(&mut random, now, span)).collect();
        assert!(instants.iter().all(|instant| *instant < now && *instant >= now.minus(span)));
        let hours = |range: std::ops::Range<i64>| {
            instants.iter().filter(|instant| range.contains(&(instant.seconds() % 86_400 / 3_600))).count()
        };
        assert!(hours(8..18) > 7_000, "{}", hours(8..18));
        assert!(hours(0..6) < 1_000 && hours(0..6) > 0, "{}", hours(0..6));
        let weekend = instants.iter().filter(|i| [0, 6].contains(&((i.seconds() / 86_400 + 4) % 7))).count();
        assert!(weekend < 1_500 && weekend > 0, "{weekend}");
    }

    #[test]
    fn a_short_night_has_instants_too() {
        let now = Timestamp::parse("2026-08-15T03:30:00Z").unwrap();
        let span = Duration::from_secs(60);
        let drawn = instant(&mut Random::new(1), now, span);
        assert!(drawn < now && drawn >= now.minus(span));
    }
}
