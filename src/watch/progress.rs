//! Decides when to report how far the start has come.

use std::time::{Duration, Instant};

/// When the first report is due. Each further one is due after twice the time.
const FIRST: Duration = Duration::from_millis(500);

/// The schedule of the reports.
#[derive(Debug)]
pub(super) struct Progress {
    began: Instant,
    next: Duration,
}

impl Progress {
    pub(super) fn new(began: Instant) -> Self {
        Self { began, next: FIRST }
    }

    /// Returns whether to report now. The end is reported if anything was before.
    pub(super) fn is_due(&mut self, now: Instant, is_done: bool) -> bool {
        let took = now.saturating_duration_since(self.began);
        if took < self.next {
            return is_done && self.next > FIRST;
        }
        while self.next <= took {
            self.next *= 2;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Progress;

    #[test]
    fn start_is_reported_after_half_a_second_and_less_and_less_often() {
        let table: &[(u64, &[u64])] = &[
            (400, &[]),
            (500, &[500]),
            (700, &[500, 700]),
            (9000, &[500, 1000, 2000, 4000, 8000, 9000]),
        ];
        for (end, wanted) in table {
            let began = Instant::now();
            let mut progress = Progress::new(began);
            let mut due = |ms: &u64| progress.is_due(began + Duration::from_millis(*ms), ms == end);
            assert_eq!((0..=*end).filter(|ms| due(ms)).collect::<Vec<_>>(), *wanted, "{end}");
        }
    }
}
