//! Recognizes a burst of changes, by the times of the signals alone.
//!
//! Signals of different paths, each soon after the one before, are one run. A run counts as a burst
//! once a change of it was published, once many paths took part, or while a file in use is missing
//! and others change: a generator has cleared its folder. What is due during a burst waits for its
//! end, and so do page loads.
//!
//! A burst that goes on right after it seemed to be over was cut short: its writer pauses for
//! longer than others. Each time that happens, the end is awaited for twice as long.

use std::time::{Duration, Instant};

/// How long nothing may happen before a burst is over.
pub(super) const QUIET: Duration = Duration::from_millis(50);

/// The same while a file in use is missing.
const QUIET_WHILE_MISSING: Duration = Duration::from_millis(200);

/// The longest time that it grows to.
const QUIET_MOST: Duration = Duration::from_millis(400);

/// How soon after its end the next signal shows that a burst was cut short.
const RESUMED: Duration = Duration::from_millis(500);

/// How many paths are a burst before a change of it was published. A save by an editor has fewer:
/// the file, a temporary file, a backup.
const MANY: usize = 5;

/// How long files that are not in use prolong a burst.
const UNUSED: Duration = Duration::from_secs(2);

/// How long files that are saved again and again prolong a burst.
const REPEATED: Duration = Duration::from_secs(1);

/// How long after the beginning of a burst a page load waits at the most.
pub(super) const HOLD: Duration = Duration::from_secs(5);

/// A run of signals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    began: Instant,
    last: Instant,
    /// The last signal of a path in use.
    last_used: Option<Instant>,
    /// How many paths took part, and how many of them are in use.
    paths: usize,
    used: usize,
    /// A file in use changed while another one was missing.
    has_gap: bool,
    /// A change of it was published.
    is_published: bool,
    /// All of it was published.
    is_over: bool,
    quiet: Duration,
}

impl Burst {
    /// Returns the run that a signal belongs to.
    pub(super) fn after(run: Option<Self>, now: Instant, signal: Activity) -> Self {
        let mut run = match run {
            // The files that are not in use go on for too long to delay a save.
            Some(run) if signal.is_used && run.is_unused_at(now) => {
                Self { began: run.began, ..Self::new(now) }
            }
            Some(run) if signal.is_repeated && now >= run.began + REPEATED => return run,
            Some(run) if run.is_cut_short(now, signal.is_missing) => {
                Self { quiet: (run.quiet * 2).min(QUIET_MOST), is_over: false, ..run }
            }
            Some(run) if now < run.last + run.quiet(signal.is_missing) => run,
            _ => Self::new(now),
        };
        run.last = now;
        run.has_gap |= signal.is_used && signal.is_other_missing;
        run.paths += usize::from(signal.is_first);
        if signal.is_used {
            run.used += usize::from(signal.is_first);
            run.last_used = Some(now);
        }
        run
    }

    /// Returns the run after a change of a file in use was published.
    pub(super) fn published(run: Option<Self>, now: Instant) -> Self {
        let run = run.filter(|run| now < run.last + RESUMED).unwrap_or_else(|| Self::new(now));
        let is_over = run.used >= MANY;
        Self { last: now, last_used: Some(now), is_published: true, is_over, ..run }
    }

    /// Returns until when paths that are due wait, or `None` if the run is no burst.
    pub(super) fn ends(&self, is_missing: bool) -> Option<Instant> {
        let is_burst = self.is_published || self.paths >= MANY || self.has_gap;
        let quiet = self.quiet(is_missing);
        let all = (self.last + quiet).min(self.began + UNUSED);
        is_burst.then(|| self.last_used.map_or(all, |used| all.max(used + quiet)))
    }

    /// Returns until when page loads wait at the most, or `None` if no file in use changed.
    pub(super) fn holds_pages_until(&self) -> Option<Instant> {
        self.last_used.map(|_| self.began + HOLD)
    }

    fn new(now: Instant) -> Self {
        Self {
            began: now,
            last: now,
            last_used: None,
            paths: 0,
            used: 0,
            has_gap: false,
            is_published: false,
            is_over: false,
            quiet: QUIET,
        }
    }

    /// Returns whether it seemed to be over, and goes on.
    fn is_cut_short(&self, now: Instant, is_missing: bool) -> bool {
        let seemed_over = self.is_over || now >= self.last + self.quiet(is_missing);
        seemed_over && self.used >= MANY && now < self.last + RESUMED
    }

    /// Returns whether only files that are not in use have changed lately, and for too long.
    fn is_unused_at(&self, now: Instant) -> bool {
        let used = self.last_used.unwrap_or(self.began);
        now >= self.began + UNUSED && now >= used + self.quiet
    }

    fn quiet(&self, is_missing: bool) -> Duration {
        if is_missing { self.quiet.max(QUIET_WHILE_MISSING) } else { self.quiet }
    }
}

/// What a signal shows of a burst.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity {
    /// The path was not waiting already.
    pub(super) is_first: bool,
    /// The path is in use.
    pub(super) is_used: bool,
    /// The path was saved completely since it waits.
    pub(super) is_repeated: bool,
    /// A file in use was missing before, and another one than this.
    pub(super) is_missing: bool,
    pub(super) is_other_missing: bool,
}
