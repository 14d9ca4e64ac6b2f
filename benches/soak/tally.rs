//! Counts of what was done and what went wrong.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::task::JoinError;

/// The number of failures that are printed: in total, and of each kind.
const MAX_PRINTED: usize = 40;
const MAX_OF_A_KIND: usize = 3;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Responses of any kind that were checked.
    pub(crate) answers: AtomicU64,
    /// Names that were requested or written only once.
    pub(crate) names: AtomicU64,
    /// Changes that an observer must be notified of.
    pub(crate) saves: AtomicU64,
    /// Changes that an observer was notified of.
    pub(crate) notified: AtomicU64,
    /// Changes without a message.
    pub(crate) lost: AtomicU64,
    /// Duplicate messages.
    pub(crate) doubled: AtomicU64,
    /// Compiles that were not finished before their deadline.
    pub(crate) given_up: AtomicU64,
    /// Messages about a file that the observer does not use.
    pub(crate) foreign: AtomicU64,
    rest: Mutex<Rest>,
}

#[derive(Debug, Default)]
struct Rest {
    /// For each task: how often it ran, and how often it failed.
    turns: BTreeMap<&'static str, (u64, u64)>,
    wrong: Vec<String>,
}

impl Tally {
    /// Adds one to a counter.
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Records the end of one run of a task. A panic is a failure.
    pub(crate) fn turn(&self, what: &'static str, ended: Result<(), JoinError>) {
        let why = match ended {
            Ok(()) => None,
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                let panic = error.into_panic();
                let text = panic.downcast_ref::<String>().cloned();
                Some(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())))
            }
        };
        let turns = &mut *self.rest();
        let (done, wrong) = turns.turns.entry(what).or_default();
        *done += 1;
        if let Some(why) = why {
            *wrong += 1;
            turns.record(what, &why.unwrap_or_default());
        }
    }

    /// Records another failure.
    pub(crate) fn record(&self, what: &str, why: &str) {
        self.rest().record(what, why);
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many runs of tasks failed.
    pub(crate) fn wrong(&self) -> u64 {
        self.rest().turns.values().map(|(_, wrong)| wrong).sum()
    }

    /// Formats all counts.
    pub(crate) fn report(&self) -> String {
        let rest = self.rest();
        let mut text = String::new();
        for (what, (done, wrong)) in &rest.turns {
            let _ = writeln!(text, "  {what:<34} {done:>9}  wrong {wrong}");
        }
        let number = |counter: &AtomicU64| counter.load(Relaxed);
        let _ = writeln!(
            text,
            "\nresponses {} · names used once {} · wrong {}\nsaves {} · notified {} · lost {} · duplicate {} · \
             about other files {}\ncompiles given up {}",
            number(&self.answers),
            number(&self.names),
            rest.turns.values().map(|(_, wrong)| wrong).sum::<u64>(),
            number(&self.saves),
            number(&self.notified),
            number(&self.lost),
            number(&self.doubled),
            number(&self.foreign),
            number(&self.given_up),
        );
        text
    }

    /// Returns whether nothing failed.
    pub(crate) fn is_clean(&self) -> bool {
        let bad = [&self.lost, &self.doubled, &self.foreign];
        self.wrong() == 0 && bad.iter().all(|counter| counter.load(Relaxed) == 0)
    }
}

impl Rest {
    fn record(&mut self, what: &str, why: &str) {
        let beginning: String = format!("{what}: {why}").chars().take(what.len() + 12).collect();
        let alike = self.wrong.iter().filter(|wrong| wrong.starts_with(&beginning)).count();
        if self.wrong.len() < MAX_PRINTED && alike < MAX_OF_A_KIND {
            let why: String = why.chars().take(400).collect();
            // At once, as the run can take hours.
            println!("  wrong: {what}: {why}");
            self.wrong.push(format!("{what}: {why}"));
        }
    }
}
