//! Removes absolute paths from texts for clients.
//!
//! With `--host`, everybody on the network can read a compile error. It names files relative to the
//! served folder: where that folder is, and the name of the user in it, concern only the terminal.

use std::{
    borrow::Cow,
    path::{MAIN_SEPARATOR, Path},
};

use crate::fault::Fault;

/// Returns a fault with paths relative to the root.
pub(super) fn masked_fault(fault: &Fault, root: &Path) -> Fault {
    let text = |text: &str| masked(text, root).into_owned();
    Fault {
        file: text(&fault.file),
        message: text(&fault.message),
        frame: text(&fault.frame),
        help: fault.help.as_deref().map(text),
        ..fault.clone()
    }
}

/// Returns a text in which the paths of the root, and of folders above it, are relative to the
/// root.
fn masked<'t>(text: &'t str, root: &Path) -> Cow<'t, str> {
    let mut masked = Cow::Borrowed(text);
    // From the root upward, because each is a prefix of the one before.
    for (levels, folder) in root.ancestors().enumerate() {
        let Some(folder) = folder.to_str().filter(|_| folder.parent().is_some()) else { continue };
        if masked.contains(folder) {
            masked = Cow::Owned(replace(&masked, folder, levels));
        }
    }
    masked
}

/// Replaces a folder that is so many levels above the root, where its path begins and ends.
fn replace(text: &str, folder: &str, levels: usize) -> String {
    let (mut replaced, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(folder) {
        let (before, after) = (&rest[..at], &rest[at + folder.len()..]);
        replaced.push_str(before);
        let begins = !before.ends_with(is_of_path);
        let below = after.strip_prefix(['/', MAIN_SEPARATOR]);
        let names_folder = below.is_none_or(|below| !below.starts_with(is_of_path));
        if !begins || (below.is_none() && after.starts_with(is_of_path)) {
            replaced.push_str(folder);
            rest = after;
            continue;
        }
        let up = vec![".."; levels].join("/");
        replaced.push_str(match up.as_str() {
            "" if names_folder => ".",
            up => up,
        });
        rest = match below {
            Some(below) if levels == 0 && !names_folder => below,
            _ => after,
        };
    }
    replaced + rest
}

/// Returns whether a character can be part of a name in a path.
fn is_of_path(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '_' | '-' | '/' | '~' | '@')
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::Path;

    use super::masked;

    #[test]
    fn absolute_paths_become_relative_to_the_root() {
        let root = Path::new("/home/ann/work/site");
        for (text, wanted) in [
            ("", ""),
            ("no path", "no path"),
            ("/home/ann/work/site/src/a.ts", "src/a.ts"),
            ("cannot read /home/ann/work/site/a.ts: no", "cannot read a.ts: no"),
            ("'/home/ann/work/site'", "'.'"),
            ("in /home/ann/work/site.", "in ../site."),
            ("in /home/ann/work/site/", "in ./"),
            ("/home/ann/work/site2/a.ts", "../site2/a.ts"),
            ("/home/ann/work/lib/b.ts (from /home/ann/work/site/a.ts)", "../lib/b.ts (from a.ts)"),
            ("/home/ann/.npmrc", "../../.npmrc"),
            ("/home/annette/x", "../../../annette/x"),
            ("/home/ann", "../.."),
            ("/srv/home/ann/work/site/a", "/srv/home/ann/work/site/a"),
            ("/home/ann/work/site/a\n/home/ann/work/site/b", "a\nb"),
            ("/etc/hosts", "/etc/hosts"),
        ] {
            assert_eq!(masked(text, root), wanted, "{text}");
        }
        assert_eq!(masked("/a/b", Path::new("/")), "/a/b");
        assert_eq!(masked("/app/a.ts", Path::new("/app")), "a.ts");
    }
}
