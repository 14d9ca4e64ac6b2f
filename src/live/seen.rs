//! A filter for observations that were made already.
//!
//! The graph of which file uses which is behind a lock, and almost every request repeats an edge
//! that it has. [`Seen`] remembers recent observations as 64-bit hashes in a table of atomics, each
//! hash with the graph's epoch mixed in: the epoch moves with every published version and whenever
//! an edge is removed, so a match means that the graph has the edge, at the current version.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// The number of slots; a new observation replaces the one in its slot.
const SLOTS: usize = 4096;

/// Recent observations, 32 KiB.
#[derive(Debug)]
pub(super) struct Seen {
    /// Seeded, so that no request can be made up to collide with another.
    hasher: RandomState,
    slots: Box<[AtomicU64]>,
}

impl Default for Seen {
    fn default() -> Self {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        Self { hasher: RandomState::new(), slots }
    }
}

impl Seen {
    /// Calls `observe` unless the same observation was made in the same epoch.
    ///
    /// `epoch` must be read before this call: an edge that is removed meanwhile is then observed
    /// again.
    pub(super) fn unless_seen(&self, epoch: u64, observation: impl Hash, observe: impl FnOnce()) {
        // 0 marks an empty slot.
        let hash = self.hasher.hash_one((epoch, observation)).max(1);
        let Some(slot) = self.slots.get(usize::try_from(hash).unwrap_or_default() % SLOTS) else {
            return observe();
        };
        if slot.load(Relaxed) != hash {
            observe();
            slot.store(hash, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Seen;

    #[test]
    fn an_observation_is_made_once_per_epoch() {
        let (seen, made) = (Seen::default(), Cell::new(0));
        let observe = |epoch, edge| {
            seen.unless_seen(epoch, edge, || made.set(made.get() + 1));
            made.get()
        };
        assert_eq!(observe(0, ("/", "/a.css")), 1);
        assert_eq!(observe(0, ("/", "/a.css")), 1);
        assert_eq!(observe(0, ("/", "/b.css")), 2);
        assert_eq!(observe(1, ("/", "/a.css")), 3);
        assert_eq!(observe(1, ("/", "/a.css")), 3);
    }
}
