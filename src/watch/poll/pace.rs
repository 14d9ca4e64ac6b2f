//! Decides how often folders are polled: as often as costs next to nothing.
//!
//! A round of examinations is followed by a pause that is a multiple of its cost, so that polling
//! takes at most a fixed share of one core, however many files there are. Where a round waits
//! rather than works (for a file server), the elapsed time counts too, so that one folder does not
//! keep a server busy.

use std::time::{Duration, Instant};

/// How many times its CPU time a round is followed by a pause: 1.25 % of one core.
const WORK: u32 = 79;

/// The same for its elapsed time, up to a limit.
const ELAPSED: u32 = 3;
const ELAPSED_MOST: Duration = Duration::from_secs(5);

/// The longest pause.
const MOST: Duration = Duration::from_mins(1);

/// What a round of examinations cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) elapsed: Duration,
    /// CPU time.
    pub(super) cpu: Duration,
}

/// Returns how long to pause after a round, and at least `least`.
pub(super) fn pause(cost: Cost, least: Duration) -> Duration {
    let elapsed = cost.elapsed.saturating_mul(ELAPSED).min(ELAPSED_MOST);
    cost.cpu.saturating_mul(WORK).max(elapsed).clamp(least, MOST)
}

/// Measures the cost of rounds on the thread that uses it.
#[derive(Debug)]
pub(super) struct Meter {
    cpu: Option<Duration>,
}

/// For a shorter round, reading the CPU time would cost more than the round did.
const WORTH_MEASURING: Duration = Duration::from_millis(1);

impl Meter {
    pub(super) fn new() -> Self {
        Self { cpu: thread_cpu() }
    }

    /// Returns the cost of the round that began at a time.
    pub(super) fn cost(&mut self, began: Instant) -> Cost {
        let elapsed = began.elapsed();
        if elapsed < WORTH_MEASURING {
            return Cost { elapsed, cpu: elapsed };
        }
        let before = std::mem::replace(&mut self.cpu, thread_cpu());
        // Includes the short rounds since the last measurement.
        let cpu = self.cpu.zip(before).map_or(elapsed, |(now, then)| now.saturating_sub(then));
        Cost { elapsed, cpu: cpu.min(elapsed) }
    }
}

/// Returns the CPU time of this thread, where the system tells it.
fn thread_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Cost, pause};

    #[test]
    fn pause_grows_with_the_cost_of_the_round() {
        let ms = Duration::from_millis;
        let table = [
            // elapsed, cpu, pause
            (0, 0, 100),
            (1, 1, 100),
            (20, 20, 1580),
            (200, 200, 15_800),
            (200, 5, 600),
            (60_000, 50, 5000),
        ];
        for (elapsed, cpu, wanted) in table {
            let cost = Cost { elapsed: ms(elapsed), cpu: ms(cpu) };
            assert_eq!(pause(cost, ms(100)), ms(wanted), "{cost:?}");
        }
        let endless = Cost { elapsed: Duration::MAX, cpu: Duration::MAX };
        assert_eq!(pause(endless, ms(100)), super::MOST);
    }
}
