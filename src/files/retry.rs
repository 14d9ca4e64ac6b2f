//! How long a request waits for a writer to close the file that it reads.
//!
//! A save takes milliseconds, so a request waits for its end. A file that stays open for longer (a
//! log, a download) is served as it is, and later requests for it do not wait until its writer has
//! closed it. [`Retries::verdict`] is a pure decision: the caller reads the file, and sleeps.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use super::Completeness;
use crate::docroot::Writer;

/// How long a request waits for a writer.
const WAIT: Duration = Duration::from_millis(500);

/// The time until the next read: short at first, since most saves end soon.
const FIRST: Duration = Duration::from_millis(1);
const NEXT: Duration = Duration::from_millis(8);

/// How many files are remembered. When there are more, all of them are forgotten and waited for
/// again.
const FILES: usize = 1000;

/// The files whose writers did not close them in time.
#[derive(Debug, Default)]
pub(super) struct Retries(HashSet<PathBuf>);

/// What to do with a file that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Serve it.
    Serve(Completeness),
    /// Read it again after this time.
    Retry(Duration),
}

impl Retries {
    /// Decides what to do with a file whose lookup began `waited` after it was requested.
    pub(super) fn verdict(&mut self, path: &Path, writer: Writer, waited: Duration) -> Verdict {
        if writer == Writer::None {
            if !self.0.is_empty() {
                self.0.remove(path);
            }
            return Verdict::Serve(Completeness::Complete);
        }
        if self.0.contains(path) {
            return Verdict::Serve(Completeness::Ongoing);
        }
        if waited < WAIT {
            let left = WAIT.saturating_sub(waited);
            return Verdict::Retry((waited / 2).clamp(FIRST, NEXT).min(left));
        }
        if self.0.len() >= FILES {
            self.0.clear();
        }
        self.0.insert(path.to_owned());
        Verdict::Serve(Completeness::TimedOut)
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::{
        Completeness::*,
        FILES, FIRST, NEXT, Retries,
        Verdict::{self, Retry, Serve},
        WAIT,
    };
    use crate::docroot::Writer;

    fn at(retries: &mut Retries, path: &str, writer: Writer, ms: u64) -> Verdict {
        retries.verdict(Path::new(path), writer, Duration::from_millis(ms))
    }

    #[test]
    fn request_waits_for_a_writer_once_and_for_a_bounded_time() {
        let end = u64::try_from(WAIT.as_millis()).unwrap();
        let mut retries = Retries::default();
        let table = [
            ("page", Writer::Open, 0, Retry(FIRST)),
            ("page", Writer::Likely, 4, Retry(Duration::from_millis(2))),
            ("page", Writer::Open, 100, Retry(NEXT)),
            ("page", Writer::Open, end - 1, Retry(Duration::from_millis(1))),
            ("page", Writer::None, 100, Serve(Complete)),
            ("log", Writer::Open, end, Serve(TimedOut)),
            ("log", Writer::Open, 0, Serve(Ongoing)),
            ("page", Writer::Open, 0, Retry(FIRST)), // another file is still waited for
            ("log", Writer::None, 0, Serve(Complete)),
            ("log", Writer::Open, 0, Retry(FIRST)), // closed in between, and opened again
        ];
        for (path, writer, ms, wanted) in table {
            assert_eq!(at(&mut retries, path, writer, ms), wanted, "{path} {writer:?} {ms}");
        }
    }

    #[test]
    fn number_of_remembered_files_is_bounded() {
        let mut retries = Retries::default();
        for file in 0..3 * FILES {
            at(&mut retries, &file.to_string(), Writer::Open, 10_000);
            assert!(retries.0.len() <= FILES);
        }
    }
}
