//! Decides which paths are not watched unless they are requested, and which are never published.
//!
//! Not watched are `.git`, `node_modules` and the like, what the `.gitignore` files from the top of
//! the repository down exclude, and the configured patterns: thousands of folders that would cost a
//! watch each, and whose changes matter to no page. A `.gitignore` file is read when its folder is
//! walked, not at each event.
//!
//! Never published are the paths that the configured patterns match, and editors' temporary files,
//! even if they are requested.

use std::{
    collections::HashMap,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

use crate::error::Error;

/// Folders that hold the data of tools.
const TOOLS: [&str; 4] = [".git", ".hg", ".svn", "node_modules"];

/// The name of the files with git's ignore rules.
pub(super) const GITIGNORE: &str = ".gitignore";

/// The ignore rules of the watched folders.
#[derive(Debug)]
pub(super) struct Ignore {
    /// The served folder, and the other watched ones.
    roots: Vec<PathBuf>,
    /// The configured patterns. They hold for requested paths, too.
    patterns: Gitignore,
    /// The `.gitignore` of each folder, including the folders above the roots.
    files: HashMap<PathBuf, Gitignore>,
}

impl Ignore {
    /// Creates the rules of the patterns, and reads those of the repositories around the folders.
    ///
    /// # Errors
    /// [`Error::IgnorePattern`] if a pattern is invalid.
    ///
    /// # Blocking
    /// Reads the `.gitignore` files above the folders.
    pub(super) fn new(root: &Path, others: &[&Path], patterns: &[String]) -> Result<Self, Error> {
        let mut builder = GitignoreBuilder::new(root);
        for pattern in patterns {
            builder
                .add_line(None, pattern)
                .map_err(|why| Error::IgnorePattern(pattern.clone(), why.to_string()))?;
        }
        let glob = |why: ignore::Error| Error::IgnorePattern(patterns.join(" "), why.to_string());
        let patterns = builder.build().map_err(glob)?;
        let roots: Vec<_> = [root].iter().chain(others).map(|root| root.to_path_buf()).collect();
        let mut ignore = Self { roots: roots.clone(), patterns, files: HashMap::new() };
        for root in roots {
            ignore.load_above(&root);
        }
        Ok(ignore)
    }

    /// Reads the `.gitignore` files of the folders above a root, from the top of its repository
    /// down.
    fn load_above(&mut self, root: &Path) {
        if let Some(top) = root.ancestors().find(|folder| folder.join(".git").exists()) {
            let between = root.ancestors().skip(1).take_while(|folder| folder.starts_with(top));
            between.for_each(|folder| self.load(folder));
            // An ignored folder that is served (a build's output) is watched.
            if self.by_files(root, true) {
                self.files.retain(|folder, _| !root.starts_with(folder));
            }
        }
    }

    /// Reads the `.gitignore` of a folder, or forgets it if there is none any more.
    ///
    /// # Blocking
    /// Reads the file.
    pub(super) fn load(&mut self, folder: &Path) {
        let file = folder.join(GITIGNORE);
        if file.is_file() {
            // Invalid lines are skipped, as git does.
            self.files.insert(folder.to_owned(), Gitignore::new(file).0);
        } else {
            self.files.remove(folder);
        }
    }

    /// Returns whether a path, or a folder above it, is not watched unless it is requested.
    pub(super) fn unwatched(&self, path: &Path, directory: bool) -> bool {
        self.below_root(path).any(|below| {
            let directory = directory || below != path;
            let tools =
                below.file_name().is_some_and(|name| TOOLS.iter().any(|tool| name == *tool));
            tools || self.excluded(below, directory) || self.by_files(below, directory)
        })
    }

    /// Returns whether changes of a path are never published.
    pub(super) fn never(&self, path: &Path, directory: bool) -> bool {
        path.file_name().is_some_and(is_temporary)
            || self.below_root(path).any(|below| self.excluded(below, directory || below != path))
    }

    /// Returns a path and the folders above it, up to the nearest root. Nothing outside the roots.
    fn below_root<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Path> {
        let is_root = |path: &Path| self.roots.iter().any(|root| root == path);
        let inside = path.ancestors().skip(1).any(is_root);
        path.ancestors().take_while(move |below| inside && !is_root(below))
    }

    fn excluded(&self, path: &Path, directory: bool) -> bool {
        self.patterns.matched(path, directory).is_ignore()
    }

    fn by_files(&self, path: &Path, directory: bool) -> bool {
        let mut folders = path.ancestors().skip(1);
        let matched =
            folders.find_map(|folder| match self.files.get(folder)?.matched(path, directory) {
                Match::None => None,
                Match::Ignore(_) => Some(true),
                Match::Whitelist(_) => Some(false),
            });
        matched.unwrap_or(false)
    }
}

/// Returns whether a name is that of a temporary file of an editor or tool: a swap or lock file, a
/// backup, the new content before its rename.
fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let starts = |prefix: &str| name.starts_with(prefix.as_bytes());
    let ends = |suffix: &str| name.ends_with(suffix.as_bytes());
    ends("~") // vim, emacs, gedit
        || [".swp", ".swo", ".swx", ".swpx"].into_iter().any(ends) // vim
        || name == b"4913" // vim checks whether it may write here
        || starts(".#") // emacs: locks
        || (starts("#") && ends("#")) // emacs: autosaves
        || ["___jb_tmp___", "___jb_old___", "___jb_bak___"].into_iter().any(ends) // JetBrains
        || starts(".goutputstream-") // GLib
        || ends(".vsctmp") // VS Code
        || ends(".kate-swp")
        || starts(".nfs") // NFS: removed while open
        || ends(".crdownload")
        || (starts("sed") && name.len() == 9 && name.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, fs, path::Path};

    use super::{Ignore, is_temporary};

    #[test]
    fn temporary_names_of_editors_are_recognized() {
        for name in
            ["a~", ".a.html.swp", "4913", ".#a", "#a#", "a.js___jb_tmp___", "sedAb12Cd", ".nfs0001"]
        {
            assert!(is_temporary(OsStr::new(name)), "{name}");
        }
        for name in ["a", "index.html", "~a", "#a", "sed.html", "sedation.js", "49130", "swp"] {
            assert!(!is_temporary(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn gitignore_and_patterns_exclude_paths_from_watching() {
        let top = std::env::temp_dir().join(format!("livers-ignore-{}", std::process::id()));
        let root = top.join("site");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::create_dir_all(top.join(".git")).unwrap();
        fs::write(top.join(".gitignore"), "*.log\n/site/built/\n").unwrap();
        fs::write(root.join(".gitignore"), "dist\n*.tmp\n").unwrap();
        fs::write(root.join("sub/.gitignore"), "!keep.tmp\n").unwrap();
        let more = top.join("more");
        let mut ignore = Ignore::new(&root, &[&more], &["drafts/**".into()]).unwrap();
        ignore.load(&root);
        ignore.load(&root.join("sub"));
        for (path, directory, wanted) in [
            ("index.html", false, false),
            ("sub", true, false),
            (".git", true, true),
            ("node_modules", true, true),
            ("sub/node_modules/a/b.js", false, true),
            ("dist", true, true),
            ("sub/dist/a.js", false, true),
            ("built", true, true),
            ("a.log", false, true),
            ("a.tmp", false, true),
            ("sub/a.tmp", false, true),
            ("sub/keep.tmp", false, false),
            ("drafts/a.html", false, true),
        ] {
            assert_eq!(ignore.unwatched(&root.join(path), directory), wanted, "{path}");
        }
        assert!(ignore.never(&root.join("drafts/a.html"), false));
        assert!(!ignore.never(&root.join("dist/a.js"), false));
        assert!(!ignore.unwatched(Path::new("/elsewhere/dist"), true));
        assert!(ignore.unwatched(&more.join("node_modules/a"), true));
        assert!(ignore.unwatched(&more.join("a.log"), false));
        assert!(!ignore.unwatched(&more.join("a"), true));

        // An ignored folder that is served is watched.
        let built = root.join("built");
        fs::create_dir_all(&built).unwrap();
        let ignore = Ignore::new(&built, &[], &[]).unwrap();
        assert!(!ignore.unwatched(&built.join("a.html"), false));
        fs::remove_dir_all(&top).unwrap();
    }

    #[test]
    fn invalid_pattern_is_named_in_the_error() {
        let error = Ignore::new(Path::new("/"), &[], &["{a".into()]).unwrap_err();
        assert!(error.to_string().contains("{a"), "{error}");
    }
}
