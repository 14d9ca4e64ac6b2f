//! The compile errors of sources.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::fault::Fault;

/// The number of errors that are kept. A further one replaces the one that was reported first.
#[cfg_attr(not(feature = "esm"), allow(dead_code))]
const MAX_FAULTS: usize = 100;

/// A compile error.
#[derive(Debug)]
pub(super) struct Failing {
    pub(super) fault: Arc<Fault>,
    /// The version at which the source began to fail.
    pub(super) since: u64,
    /// The version at which it failed last.
    pub(super) until: u64,
}

/// The current errors by the URL paths of their sources.
#[derive(Debug, Default)]
pub(super) struct Faults {
    by_path: BTreeMap<String, Failing>,
    /// The paths, in the order of the first reports.
    reported: VecDeque<String>,
}

#[cfg_attr(not(feature = "esm"), allow(dead_code))]
impl Faults {
    /// Adds the error of a source at the current version, or replaces it. Returns whether it is a
    /// new one.
    pub(super) fn insert(&mut self, fault: Fault, version: u64) -> bool {
        let path = fault.path.clone();
        if let Some(known) = self.by_path.get_mut(&path) {
            known.until = version;
            let is_new = *known.fault != fault;
            if is_new {
                known.fault = Arc::new(fault);
            }
            return is_new;
        }
        let failing = Failing { fault: Arc::new(fault), since: version, until: version };
        self.by_path.insert(path.clone(), failing);
        self.reported.push_back(path);
        if self.reported.len() > MAX_FAULTS
            && let Some(oldest) = self.reported.pop_front()
        {
            self.by_path.remove(&oldest);
        }
        true
    }

    /// Removes the error of a source. Returns whether it had one.
    pub(super) fn remove(&mut self, path: &str) -> bool {
        self.reported.retain(|known| known != path);
        self.by_path.remove(path).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.by_path.len()
    }

    /// Returns the errors, sorted by the paths of their sources.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Failing)> {
        self.by_path.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, MAX_FAULTS};

    fn fault(path: &str, message: &str) -> Fault {
        Fault {
            path: path.to_owned(),
            file: path.to_owned(),
            message: message.to_owned(),
            ..Fault::default()
        }
    }

    #[test]
    fn the_newest_errors_are_kept_with_their_newest_text() {
        let mut faults = Faults::default();
        let message = |faults: &Faults, path: &str| {
            faults.iter().find(|(known, _)| *known == path).map(|(_, it)| it.fault.message.clone())
        };
        for number in 0..MAX_FAULTS {
            assert!(faults.insert(fault(&number.to_string(), "old"), 1), "{number}");
        }
        assert!(!faults.insert(fault("7", "old"), 1));
        assert!(faults.insert(fault("7", "new"), 1));
        assert!(faults.insert(fault("next", "old"), 1));
        assert!(faults.insert(fault("next", "new"), 1));
        assert_eq!(faults.len(), MAX_FAULTS);
        assert_eq!(message(&faults, "0"), None);
        assert_eq!(message(&faults, "7").as_deref(), Some("new"));
        assert_eq!(message(&faults, "next").as_deref(), Some("new"));
        assert!(faults.remove("7") && !faults.remove("7"));
        assert!(faults.insert(fault("last", "old"), 1));
        assert!(message(&faults, "1").is_some());
    }
}
