//! How often to look: as often as costs next to nothing.
//!
//! A round of looks is followed by a pause that is a multiple of what the round cost, so that looking
//! takes a fixed share of one core at the most, however many files there are. Where a look waits
//! rather than works (a server on the network), the time that passed counts too: a server is not to
//! be kept busy by one folder.

use std::time::{Duration, Instant};

/// Pauses are so many times the round's work: 1.25 % of one core.
const WORK: u32 = 79;

/// And so many times the time that it took, up to a limit.
const WAITING: u32 = 3;
const WAITING_CAP: Duration = Duration::from_secs(5);

/// No pause is longer than this.
const CAP: Duration = Duration::from_mins(1);

/// What a round of looks cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// Time that passed.
    pub(super) passed: Duration,
    /// Time on a processor.
    pub(super) worked: Duration,
}

/// How long to wait after a round; at least for so long.
pub(super) fn pause(cost: Cost, least: Duration) -> Duration {
    let waiting = cost.passed.saturating_mul(WAITING).min(WAITING_CAP);
    cost.worked.saturating_mul(WORK).max(waiting).clamp(least, CAP)
}

/// A clock for rounds, of the thread that it is used on.
#[derive(Debug)]
pub(super) struct Meter {
    worked: Option<Duration>,
}

/// Below this, finding out what was work costs more than the round did.
const WORTH: Duration = Duration::from_millis(1);

impl Meter {
    pub(super) fn new() -> Self {
        Self { worked: thread_time() }
    }

    /// What the round that began then cost.
    pub(super) fn cost(&mut self, began: Instant) -> Cost {
        let passed = began.elapsed();
        if passed < WORTH {
            return Cost { passed, worked: passed };
        }
        let before = std::mem::replace(&mut self.worked, thread_time());
        // The rounds that were not worth asking for are in it, too: rather too much than too little.
        let worked = self.worked.zip(before).map_or(passed, |(now, then)| now.saturating_sub(then));
        Cost { passed, worked: worked.min(passed) }
    }
}

/// How long this thread was on a processor, where the system says so.
fn thread_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Cost, pause};

    #[test]
    fn looking_takes_a_small_share() {
        let ms = Duration::from_millis;
        let table = [
            // passed, worked, pause
            (0, 0, 100),
            (1, 1, 100),
            (20, 20, 1580),
            (200, 200, 15_800),
            (200, 5, 600),
            (60_000, 50, 5000),
        ];
        for (passed, worked, wanted) in table {
            let cost = Cost { passed: ms(passed), worked: ms(worked) };
            assert_eq!(pause(cost, ms(100)), ms(wanted), "{cost:?}");
        }
        let never = Cost { passed: Duration::MAX, worked: Duration::MAX };
        assert_eq!(pause(never, ms(100)), super::CAP);
    }
}
