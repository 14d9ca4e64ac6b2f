//! Which names are kept back, unless the person says otherwise.
//!
//! What begins with a dot (`.env`, `.git`), but for `.well-known` (RFC 8615); and what holds private
//! keys. A name is looked at twice: as it is asked for, and as the file is really called, since a link
//! may have another name than what it leads to.

use std::ffi::OsStr;

use crate::refusal::Refusal;

/// What is served that is kept back otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allow {
    /// Names that begin with a dot.
    pub(crate) dotfiles: bool,
    /// Private keys.
    pub(crate) keys: bool,
    /// What symbolic links out of the folder lead to.
    pub(crate) symlinks: bool,
}

/// What the names of keys end with.
const KEYS: [&str; 9] =
    [".jks", ".kdbx", ".key", ".keystore", ".p12", ".p8", ".pem", ".pfx", ".ppk"];

/// What the keys of SSH are called.
const SSH: [&str; 6] =
    ["id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_rsa"];

impl Allow {
    /// Returns why a file or folder of this name is not served, or `None` if it is.
    pub(crate) fn refuses(self, name: &OsStr) -> Option<Refusal> {
        let bytes = name.as_encoded_bytes();
        if !self.dotfiles && bytes.first() == Some(&b'.') && name != ".well-known" {
            return Some(Refusal::Dotfile);
        }
        if !self.keys && is_key(bytes) {
            return Some(Refusal::PrivateKey);
        }
        None
    }
}

fn is_key(name: &[u8]) -> bool {
    let ends = |suffix: &&str| {
        let from = name.len().checked_sub(suffix.len());
        from.is_some_and(|from| name[from..].eq_ignore_ascii_case(suffix.as_bytes()))
    };
    KEYS.iter().any(ends) || SSH.iter().any(|key| name.eq_ignore_ascii_case(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{Allow, Refusal};

    #[test]
    fn names_are_kept_back_by_what_they_say() {
        let table = [
            ("a.html", None),
            ("a.b", None),
            (".well-known", None),
            ("...", Some(Refusal::Dotfile)),
            (".", Some(Refusal::Dotfile)),
            (".env", Some(Refusal::Dotfile)),
            (".pem", Some(Refusal::Dotfile)),
            (".well-known2", Some(Refusal::Dotfile)),
            ("server.pem", Some(Refusal::PrivateKey)),
            ("server.KEY", Some(Refusal::PrivateKey)),
            ("a.p12", Some(Refusal::PrivateKey)),
            ("id_ed25519", Some(Refusal::PrivateKey)),
            ("id_ed25519.pub", None),
            ("server.crt", None),
            ("key", None),
            ("keys.js", None),
            ("a.pem.html", None),
        ];
        let all = Allow { dotfiles: true, keys: true, symlinks: true };
        for (name, refusal) in table {
            assert_eq!(Allow::default().refuses(OsStr::new(name)), refusal, "{name}");
            assert_eq!(all.refuses(OsStr::new(name)), None, "{name}");
        }
        let keys = Allow { keys: true, ..Allow::default() };
        assert!(keys.refuses(OsStr::new(".pem")).is_some());
    }
}
