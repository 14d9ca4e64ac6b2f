//! Keeps the sources of recently served pages under their content hashes, so that an open page can
//! compare its source with a newer one and patch itself.
//!
//! Bounded in number and bytes; the oldest sources are dropped first. A page whose source was
//! dropped is reloaded, which is always correct. Sources share the memory of the cached file.

use std::collections::VecDeque;

use bytes::Bytes;

/// The maximum number of sources.
const COUNT: usize = 64;

/// The maximum size of all sources, bytes.
const TOTAL: usize = 8 * 1024 * 1024;

/// The maximum size of one source, bytes.
const EACH: usize = 1024 * 1024;

/// The sources of pages, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    kept: VecDeque<(u128, Bytes)>,
    bytes: usize,
}

impl Sources {
    /// Keeps a source as the newest one. Returns whether it is small enough.
    pub(crate) fn keep(&mut self, hash: u128, source: &Bytes) -> bool {
        if source.len() > EACH {
            return false;
        }
        if self.kept.back().is_some_and(|(newest, _)| *newest == hash) {
            return true;
        }
        let before = self.kept.iter().position(|(kept, _)| *kept == hash);
        if let Some((_, older)) = before.and_then(|at| self.kept.remove(at)) {
            self.bytes -= older.len();
        }
        self.bytes += source.len();
        self.kept.push_back((hash, source.clone()));
        while self.kept.len() > COUNT || self.bytes > TOTAL {
            let Some((_, oldest)) = self.kept.pop_front() else { break };
            self.bytes -= oldest.len();
        }
        true
    }

    /// Returns the source with a hash, written as 32 hexadecimal digits.
    pub(crate) fn find(&self, name: &str) -> Option<Bytes> {
        let named = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hash = u128::from_str_radix(name, 16).ok().filter(|_| named)?;
        self.kept.iter().find(|(kept, _)| *kept == hash).map(|(_, source)| source.clone())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{COUNT, EACH, Sources, TOTAL};

    fn of(length: usize) -> Bytes {
        Bytes::from(vec![b'a'; length])
    }

    fn has(sources: &Sources, hash: u128) -> bool {
        sources.find(&format!("{hash:032x}")).is_some()
    }

    #[test]
    fn a_source_is_found_by_its_exact_name() {
        let mut sources = Sources::default();
        assert!(sources.keep(0xabc, &Bytes::from_static(b"one")));
        let name = format!("{:032x}", 0xabc);
        assert_eq!(sources.find(&name).as_deref(), Some(&b"one"[..]));
        for other in
            ["", "abc", "+0000000000000000000000000000abc", &name[1..], &(name.clone() + "0")]
        {
            assert_eq!(sources.find(other), None, "{other}");
        }
    }

    #[test]
    fn the_oldest_source_is_dropped_when_there_are_too_many() {
        let mut sources = Sources::default();
        for hash in 0..COUNT as u128 {
            assert!(sources.keep(hash, &of(1)));
        }
        // Kept again, it is the newest, and counts once.
        assert!(sources.keep(0, &of(1)));
        assert!(sources.keep(1000, &of(1)));
        assert!(has(&sources, 0) && has(&sources, 1000) && !has(&sources, 1) && has(&sources, 2));
        assert_eq!((sources.kept.len(), sources.bytes), (COUNT, COUNT));
    }

    #[test]
    fn total_and_individual_sizes_are_bounded() {
        let mut sources = Sources::default();
        assert!(!sources.keep(0, &of(EACH + 1)));
        assert_eq!(sources.bytes, 0);
        for hash in 1..=(TOTAL / EACH) as u128 {
            assert!(sources.keep(hash, &of(EACH)));
        }
        assert_eq!(sources.bytes, TOTAL);
        assert!(sources.keep(100, &of(1)));
        assert!(!has(&sources, 1) && has(&sources, 2) && has(&sources, 100));
        assert_eq!(sources.bytes, TOTAL - EACH + 1);
    }
}
