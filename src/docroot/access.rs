//! Access rules by name: dotfiles and private keys are not served unless a setting allows it.
//!
//! A dotfile is a name that begins with a dot (`.env`, `.git`), except `.well-known` (RFC 8615).
//! The rules apply to the requested path and to the real path of the file, because a symbolic link
//! may have another name than its target.

use std::ffi::OsStr;

use crate::refusal::Refusal;

/// What is served although it is refused by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allow {
    /// Names that begin with a dot.
    pub(crate) dotfiles: bool,
    /// Private keys.
    pub(crate) keys: bool,
    /// Targets of symbolic links that lie outside the served folders.
    pub(crate) symlinks: bool,
}

/// Extensions of files with private keys.
const KEY_EXTENSIONS: [&str; 9] =
    [".jks", ".kdbx", ".key", ".keystore", ".p12", ".p8", ".pem", ".pfx", ".ppk"];

/// Names of private SSH keys.
const SSH_KEYS: [&str; 6] =
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

/// Returns whether a file of this name holds a private key, in any case.
fn is_key(name: &[u8]) -> bool {
    let ends = |suffix: &&str| {
        let from = name.len().checked_sub(suffix.len());
        from.is_some_and(|from| name[from..].eq_ignore_ascii_case(suffix.as_bytes()))
    };
    KEY_EXTENSIONS.iter().any(ends)
        || SSH_KEYS.iter().any(|key| name.eq_ignore_ascii_case(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{Allow, Refusal};

    #[test]
    fn dotfiles_and_private_keys_are_refused() {
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
