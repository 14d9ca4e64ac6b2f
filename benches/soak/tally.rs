//! What was done, and what of it went wrong.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::task::JoinError;

/// How many of the things that went wrong are told in full, and of each kind.
const TOLD: usize = 40;
const EACH: usize = 3;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Answers of any kind that were looked at.
    pub(crate) answers: AtomicU64,
    /// Names that were asked for or written once, and never again.
    pub(crate) names: AtomicU64,
    /// Changes that a witness had to be told of.
    pub(crate) saves: AtomicU64,
    /// How many it was told of.
    pub(crate) told: AtomicU64,
    /// How many it was not.
    pub(crate) lost: AtomicU64,
    /// How often it was told of one that it knew.
    pub(crate) doubled: AtomicU64,
    /// How often it was told of a file that it does not use.
    pub(crate) foreign: AtomicU64,
    rest: Mutex<Rest>,
}

#[derive(Debug, Default)]
struct Rest {
    /// Of each thing that is done: how often, and how often it went wrong.
    turns: BTreeMap<&'static str, (u64, u64)>,
    wrong: Vec<String>,
}

impl Tally {
    /// One more of something.
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// How something that was done once has ended: a panic says what was wrong.
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
            turns.note(what, &why.unwrap_or_default());
        }
    }

    /// Something went wrong besides.
    pub(crate) fn note(&self, what: &str, why: &str) {
        self.rest().note(what, why);
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many turns went wrong.
    pub(crate) fn wrong(&self) -> u64 {
        self.rest().turns.values().map(|(_, wrong)| wrong).sum()
    }

    /// All of it, as text.
    pub(crate) fn report(&self) -> String {
        let rest = self.rest();
        let mut text = String::new();
        for (what, (done, wrong)) in &rest.turns {
            let _ = writeln!(text, "  {what:<34} {done:>9}  wrong {wrong}");
        }
        let number = |counter: &AtomicU64| counter.load(Relaxed);
        let _ = writeln!(
            text,
            "\nanswers {} · names used once {} · wrong {}\nsaves {} · told {} · lost {} · doubled {} · \
             of others' files {}",
            number(&self.answers),
            number(&self.names),
            rest.turns.values().map(|(_, wrong)| wrong).sum::<u64>(),
            number(&self.saves),
            number(&self.told),
            number(&self.lost),
            number(&self.doubled),
            number(&self.foreign),
        );
        text
    }

    /// Whether all was as it is to be.
    pub(crate) fn is_clean(&self) -> bool {
        let bad = [&self.lost, &self.doubled, &self.foreign];
        self.wrong() == 0 && bad.iter().all(|counter| counter.load(Relaxed) == 0)
    }
}

impl Rest {
    fn note(&mut self, what: &str, why: &str) {
        let beginning: String = format!("{what}: {why}").chars().take(what.len() + 12).collect();
        let alike = self.wrong.iter().filter(|wrong| wrong.starts_with(&beginning)).count();
        if self.wrong.len() < TOLD && alike < EACH {
            let why: String = why.chars().take(400).collect();
            // At once: an hour is long.
            println!("  wrong: {what}: {why}");
            self.wrong.push(format!("{what}: {why}"));
        }
    }
}
