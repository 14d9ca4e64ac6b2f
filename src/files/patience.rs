//! How long a request waits for whoever is writing the file that it asks for.
//!
//! A save takes milliseconds, so it is waited for. What is written for longer (a log, a download) is
//! served as it is, and from then on at once, until its writer was seen to be done. A pure decision:
//! the caller looks, and sleeps.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use super::Whole;
use crate::docroot::Writer;

/// How long a writer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long until the next look: short at first, since most saves are over by then.
const FIRST: Duration = Duration::from_millis(1);
const NEXT: Duration = Duration::from_millis(8);

/// How many files are remembered; with more than that, all are waited for again.
const FILES: usize = 1000;

/// The files that were waited for in vain.
#[derive(Debug, Default)]
pub(super) struct Patience(HashSet<PathBuf>);

/// What to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Serve what was read.
    Serve(Whole),
    /// Wait for so long, and read it again.
    LookAgain(Duration),
}

impl Patience {
    /// What to do with a file that was read `waited` after it was asked for.
    pub(super) fn verdict(&mut self, path: &Path, writer: Writer, waited: Duration) -> Verdict {
        if writer == Writer::None {
            // Most requests find nothing to forget here.
            if !self.0.is_empty() {
                self.0.remove(path);
            }
            return Verdict::Serve(Whole::Yes);
        }
        if self.0.contains(path) {
            return Verdict::Serve(Whole::Unending);
        }
        if waited < PATIENCE {
            let left = PATIENCE.saturating_sub(waited);
            return Verdict::LookAgain((waited / 2).clamp(FIRST, NEXT).min(left));
        }
        if self.0.len() >= FILES {
            self.0.clear();
        }
        self.0.insert(path.to_owned());
        Verdict::Serve(Whole::WaitedInVain)
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::{
        FILES, FIRST, NEXT, PATIENCE, Patience,
        Verdict::{self, LookAgain, Serve},
        Whole::*,
    };
    use crate::docroot::Writer;

    fn at(patience: &mut Patience, path: &str, writer: Writer, ms: u64) -> Verdict {
        patience.verdict(Path::new(path), writer, Duration::from_millis(ms))
    }

    #[test]
    fn a_writer_is_waited_for_once_and_for_a_bounded_time() {
        let end = u64::try_from(PATIENCE.as_millis()).unwrap();
        let mut patience = Patience::default();
        let table = [
            ("page", Writer::Open, 0, LookAgain(FIRST)),
            ("page", Writer::Likely, 4, LookAgain(Duration::from_millis(2))),
            ("page", Writer::Open, 100, LookAgain(NEXT)),
            ("page", Writer::Open, end - 1, LookAgain(Duration::from_millis(1))),
            ("page", Writer::None, 100, Serve(Yes)),
            ("log", Writer::Open, end, Serve(WaitedInVain)),
            ("log", Writer::Open, 0, Serve(Unending)),
            ("page", Writer::Open, 0, LookAgain(FIRST)), // another file's turn
            ("log", Writer::None, 0, Serve(Yes)),
            ("log", Writer::Open, 0, LookAgain(FIRST)), // it was done, and is written again
        ];
        for (path, writer, ms, wanted) in table {
            assert_eq!(at(&mut patience, path, writer, ms), wanted, "{path} {writer:?} {ms}");
        }
    }

    #[test]
    fn only_so_many_files_are_remembered() {
        let mut patience = Patience::default();
        for file in 0..3 * FILES {
            at(&mut patience, &file.to_string(), Writer::Open, 10_000);
            assert!(patience.0.len() <= FILES);
        }
    }
}
