//! Tokens that each allow to open one place in the editor.
//!
//! The module in the page that opens places contains one. A token is random, is served only as a
//! part of a module that a page imports (no script can read that), and works once. A library
//! that records requests therefore learns only a token that is used up.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use hyper::header::HeaderMap;

/// How many unused tokens are valid: one for each of the pages that were clicked last.
const MAX_UNUSED: usize = 32;

/// The tokens that were served and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    unused: Mutex<VecDeque<String>>,
}

impl Tokens {
    /// Returns a new token, or `None` if the system has no random numbers. If there are too many,
    /// the oldest becomes invalid.
    pub(super) fn issue(&self) -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let token = format!("{:032x}", u128::from_ne_bytes(bytes));
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        unused.truncate(MAX_UNUSED - 1);
        unused.push_front(token.clone());
        Some(token)
    }

    /// Returns whether a token is valid, and makes it invalid.
    pub(super) fn redeem(&self, token: &str) -> bool {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        let found = unused.iter().position(|unused| unused == token);
        found.and_then(|at| unused.remove(at)).is_some()
    }
}

/// Returns whether a request is for a module that a page of this server imports, so that no script
/// can read the response. Browsers set these fields (Fetch Metadata), and scripts cannot: requests
/// of `fetch`, of `XMLHttpRequest` and of service workers have the destination `empty`, and imports
/// of text have `text`.
pub(super) fn is_module_import(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().is_some_and(|value| value == wanted) && values.next().is_none()
    };
    is("sec-fetch-dest", "script")
        && is("sec-fetch-mode", "cors")
        && is("sec-fetch-site", "same-origin")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use hyper::header::{HeaderMap, HeaderName};

    use super::{MAX_UNUSED, Tokens, is_module_import};

    #[test]
    fn each_token_works_once() {
        let tokens = Tokens::default();
        assert!(!tokens.redeem(""));
        let (one, two) = (tokens.issue().unwrap(), tokens.issue().unwrap());
        assert_eq!((one.len(), one == two), (32, false));
        assert!(
            !tokens.redeem(&one[..31]) && !tokens.redeem(&one.to_uppercase().replace('0', "O"))
        );
        assert!(tokens.redeem(&one) && !tokens.redeem(&one));
        assert!(tokens.redeem(&two));
    }

    #[test]
    fn the_number_of_unused_tokens_is_bounded() {
        let tokens = Tokens::default();
        let all: Vec<_> = (0..=MAX_UNUSED).map(|_| tokens.issue().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(!tokens.redeem(&all[0]));
        assert!(all[1..].iter().all(|token| tokens.redeem(token)));
    }

    #[test]
    fn only_requests_that_scripts_cannot_read_are_imports() {
        let script = [("dest", "script"), ("mode", "cors"), ("site", "same-origin")];
        let is_import = |fields: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                let name: HeaderName = format!("sec-fetch-{name}").parse().unwrap();
                headers.append(name, value.parse().unwrap());
            }
            is_module_import(&headers)
        };
        assert!(is_import(&script));
        for (at, others) in [
            (0, ["empty", "text", "worker", "style", "iframe", "Script", "script, empty", ""]),
            (1, ["no-cors", "same-origin", "navigate", "websocket", "", "x", "CORS", "cors,"]),
            (2, ["none", "same-site", "cross-site", "", "x", "y", "z", "null"]),
        ] {
            for other in others {
                let mut fields = script;
                fields[at].1 = other;
                assert!(!is_import(&fields), "{fields:?}");
            }
            let without: Vec<_> =
                script.iter().copied().filter(|field| *field != script[at]).collect();
            assert!(!is_import(&without), "{without:?}");
        }
        assert!(!is_import(&[script[0], script[0], script[1], script[2]]));
    }
}
