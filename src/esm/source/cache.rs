//! What was compiled, kept in memory up to a number of bytes.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// Keeps the values that were used last.
pub(super) struct Cache<K, V> {
    most: usize,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    entries: HashMap<K, Entry<V>>,
    bytes: usize,
    clock: u64,
}

struct Entry<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// A cache for so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::new(State { entries: HashMap::new(), bytes: 0, clock: 0 }) }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let now = state.clock;
        let entry = state.entries.get_mut(key)?;
        entry.used = now;
        Some(entry.value.clone())
    }

    /// How many values are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).entries.len()
    }

    /// Keeps no value of these keys.
    pub(super) fn forget(&self, gone: impl Fn(&K) -> bool) {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, entry) in state.entries.extract_if(|key, _| gone(key)) {
            state.bytes -= entry.bytes;
        }
    }

    /// Keeps a value of so many bytes.
    pub(super) fn put(&self, key: K, value: V, bytes: usize) {
        if bytes > self.most {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let entry = Entry { value, bytes, used: state.clock };
        state.bytes += bytes;
        if let Some(old) = state.entries.insert(key, entry) {
            state.bytes -= old.bytes;
        }
        while state.bytes > self.most {
            let oldest = state.entries.iter().min_by_key(|(_, entry)| entry.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            if let Some(old) = state.entries.remove(&key) {
                state.bytes -= old.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn what_was_not_used_goes_first() {
        let cache = Cache::new(10);
        cache.put("a", 1, 4);
        cache.put("b", 2, 4);
        assert_eq!(cache.get(&"a"), Some(1));
        cache.put("c", 3, 4);
        assert_eq!([cache.get(&"a"), cache.get(&"b"), cache.get(&"c")], [Some(1), None, Some(3)]);
        cache.put("c", 4, 10);
        assert_eq!([cache.get(&"a"), cache.get(&"c")], [None, Some(4)]);
        cache.forget(|key| *key == "c");
        assert_eq!(cache.get(&"c"), None);
        cache.put("a", 1, 4);
        cache.put("b", 2, 6);
        assert_eq!([cache.get(&"a"), cache.get(&"b")], [Some(1), Some(2)], "there is room again");
        cache.put("c", 4, 10);
        cache.put("d", 5, 11);
        assert_eq!([cache.get(&"c"), cache.get(&"d")], [Some(4), None]);
    }
}
