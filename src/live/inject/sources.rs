//! What pages were made from: the sources of those that were served last, each under its content's
//! identity, so that an open page can tell what a new source changed.
//!
//! Bounded in number and bytes; who comes in last pushes out the oldest. A page whose source is gone
//! is reloaded, which is always right. A file's bytes are in memory when its page is made, and are
//! shared here, not copied.

use std::collections::VecDeque;

use bytes::Bytes;

/// How many sources are kept.
const MOST: usize = 64;

/// How many bytes of them.
const ALL: usize = 8 * 1024 * 1024;

/// How many bytes one may have.
const ONE: usize = 1024 * 1024;

/// The sources of pages, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    kept: VecDeque<(u128, Bytes)>,
    bytes: usize,
}

impl Sources {
    /// Keeps a source as the newest one. Says whether it did: not if it is too large.
    pub(crate) fn keep(&mut self, identity: u128, source: &Bytes) -> bool {
        if source.len() > ONE {
            return false;
        }
        let before = self.kept.iter().position(|(kept, _)| *kept == identity);
        if let Some((_, older)) = before.and_then(|at| self.kept.remove(at)) {
            self.bytes -= older.len();
        }
        self.bytes += source.len();
        self.kept.push_back((identity, source.clone()));
        while self.kept.len() > MOST || self.bytes > ALL {
            let Some((_, oldest)) = self.kept.pop_front() else { break };
            self.bytes -= oldest.len();
        }
        true
    }

    /// The source with this identity, as a page names it: 32 hexadecimal digits.
    pub(crate) fn find(&self, name: &str) -> Option<Bytes> {
        let named = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let identity = u128::from_str_radix(name, 16).ok().filter(|_| named)?;
        self.kept.iter().find(|(kept, _)| *kept == identity).map(|(_, source)| source.clone())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{ALL, MOST, ONE, Sources};

    fn of(length: usize) -> Bytes {
        Bytes::from(vec![b'a'; length])
    }

    fn has(sources: &Sources, identity: u128) -> bool {
        sources.find(&format!("{identity:032x}")).is_some()
    }

    #[test]
    fn a_source_is_found_by_its_name_alone() {
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
    fn the_oldest_goes_when_there_are_too_many() {
        let mut sources = Sources::default();
        for identity in 0..MOST as u128 {
            assert!(sources.keep(identity, &of(1)));
        }
        // Served again: now the newest, and counted once.
        assert!(sources.keep(0, &of(1)));
        assert!(sources.keep(1000, &of(1)));
        assert!(has(&sources, 0) && has(&sources, 1000) && !has(&sources, 1) && has(&sources, 2));
        assert_eq!((sources.kept.len(), sources.bytes), (MOST, MOST));
    }

    #[test]
    fn the_bytes_are_bounded_and_too_large_a_page_is_not_kept() {
        let mut sources = Sources::default();
        assert!(!sources.keep(0, &of(ONE + 1)));
        assert_eq!(sources.bytes, 0);
        for identity in 1..=(ALL / ONE) as u128 {
            assert!(sources.keep(identity, &of(ONE)));
        }
        assert_eq!(sources.bytes, ALL);
        assert!(sources.keep(100, &of(1)));
        assert!(!has(&sources, 1) && has(&sources, 2) && has(&sources, 100));
        assert_eq!(sources.bytes, ALL - ONE + 1);
    }
}
