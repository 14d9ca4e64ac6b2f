//! Decides which paths are not watched unless they are requested, and which are never published.
//!
//! Not watched are `.git`, `node_modules` and the like, what the `.gitignore` files from the top of
//! the repository down exclude, and the configured patterns: thousands of folders that would cost a
//! watch each, and whose changes matter to no page. A `.gitignore` file is read when its folder is
//! walked, not at each event. Lines that are too long, too nested or too many for the glob library,
//! whose parser is recursive, are reported and skipped.
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

use crate::{
    docroot,
    error::Error,
    event::{Event, Events},
};

/// Folders that hold the data of tools.
const TOOLS: [&str; 4] = [".git", ".hg", ".svn", "node_modules"];

/// The name of the files with git's ignore rules.
pub(super) const GITIGNORE: &str = ".gitignore";

/// The size up to which a `.gitignore` is read, bytes.
const SIZE: u64 = 256 * 1024;

/// How many lines of a `.gitignore` are used.
const LINES: usize = 4_000;

/// The length up to which a pattern is used, bytes.
const LENGTH: usize = 1024;

/// How many `{` a pattern may have. Nested ones cost the glob library a recursion each.
const BRACES: usize = 32;

/// How many faulty lines of a file are reported.
const FAULTS: usize = 5;

/// The ignore rules of the watched folders.
#[derive(Debug)]
pub(super) struct Ignore {
    /// The served folder, and the other watched ones.
    roots: Vec<PathBuf>,
    /// The configured patterns. They hold for requested paths, too.
    patterns: Gitignore,
    /// The `.gitignore` of each folder, including the folders above the roots.
    files: HashMap<PathBuf, Gitignore>,
    events: Events,
}

/// The line of a `.gitignore`, or 0 for the file as a whole, and why it is skipped.
type LineFault = (usize, String);

impl Ignore {
    /// Creates the rules of the patterns, and reads those of the repositories around the folders.
    ///
    /// # Errors
    /// [`Error::IgnorePattern`] if a pattern is invalid.
    ///
    /// # Blocking
    /// Reads the `.gitignore` files above the folders.
    pub(super) fn new(
        root: &Path,
        others: &[&Path],
        patterns: &[String],
        events: Events,
    ) -> Result<Self, Error> {
        let mut builder = GitignoreBuilder::new(root);
        // Git takes an unclosed class literally; in an argument it is a mistake.
        builder.allow_unclosed_class(false);
        for pattern in patterns {
            configured(&mut builder, pattern)
                .map_err(|why| Error::IgnorePattern(pattern.clone(), why))?;
        }
        let glob = |why: ignore::Error| Error::IgnorePattern(patterns.join(" "), reason(&why));
        let patterns = builder.build().map_err(glob)?;
        let roots: Vec<_> = [root].iter().chain(others).map(|root| root.to_path_buf()).collect();
        let mut ignore = Self { roots: roots.clone(), patterns, files: HashMap::new(), events };
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
            if by_files(root, true, &self.files_above(root)) {
                self.files.retain(|folder, _| !root.starts_with(folder));
            }
        }
    }

    /// Reads the `.gitignore` of a folder, or forgets it if there is none any more.
    ///
    /// # Blocking
    /// Reads the file.
    pub(super) fn load(&mut self, folder: &Path) {
        let path = folder.join(GITIGNORE);
        // A symbolic link is not followed, as in git.
        let (rules, faults) = match docroot::read_settings(&path, SIZE) {
            Ok(Some(bytes)) => parse(folder, &bytes),
            Ok(None) => (None, vec![(0, format!("is larger than {SIZE} bytes, so it is ignored"))]),
            Err(_) => (None, Vec::new()),
        };
        for (line, why) in faults {
            let file = path.strip_prefix(&self.roots[0]).unwrap_or(&path).display().to_string();
            let why = if line == 0 { why } else { format!("line {line}: {why}") };
            self.events.emit(Event::RuleFault { file, why });
        }
        match rules {
            Some(rules) => self.files.insert(folder.to_owned(), rules),
            None => self.files.remove(folder),
        };
    }

    /// Forgets the rules of a folder that went away, and of those below it.
    pub(super) fn forget(&mut self, folder: &Path) {
        self.files.retain(|of, _| !of.starts_with(folder));
    }

    /// Returns whether a path, or a folder above it, is not watched unless it is requested.
    pub(super) fn unwatched(&self, path: &Path, directory: bool) -> bool {
        let files = self.files_above(path);
        self.below_root(path).any(|below| self.matches(below, directory || below != path, &files))
    }

    /// Returns the same for an entry of a folder that is watched. The folders above need not be
    /// checked, which takes long in a deep tree.
    pub(super) fn unwatched_entry(&self, path: &Path, directory: bool) -> bool {
        !self.roots.iter().any(|root| root == path)
            && self.matches(path, directory, &self.files_above(path))
    }

    fn matches(&self, path: &Path, directory: bool, files: &[(&Path, &Gitignore)]) -> bool {
        let tools = path.file_name().is_some_and(|name| TOOLS.iter().any(|tool| name == *tool));
        tools || self.excluded(path, directory) || by_files(path, directory, files)
    }

    /// Returns the rules of the folders above a path, the nearest first.
    fn files_above<'a>(&'a self, path: &'a Path) -> Vec<(&'a Path, &'a Gitignore)> {
        if self.files.is_empty() {
            return Vec::new();
        }
        let above = path.ancestors().skip(1);
        above.filter_map(|folder| Some((folder, self.files.get(folder)?))).collect()
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
}

/// Returns whether rules, the nearest of which come first, exclude a path.
fn by_files(path: &Path, directory: bool, files: &[(&Path, &Gitignore)]) -> bool {
    let mut files = files.iter().filter(|(folder, _)| path != *folder && path.starts_with(folder));
    let matched = files.find_map(|(_, file)| match file.matched(path, directory) {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    });
    matched.unwrap_or(false)
}

/// Adds a configured pattern.
fn configured(builder: &mut GitignoreBuilder, pattern: &str) -> Result<(), String> {
    within_bounds(pattern)?;
    if pattern.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if pattern.starts_with('#') {
        return Err("it is a comment: write \\# for a name that begins with #".to_owned());
    }
    builder.add_line(None, pattern).map(|_| ()).map_err(|why| reason(&why))
}

/// Parses a `.gitignore`. Faulty lines are skipped, as git does, and returned with the reason, but
/// at most [`FAULTS`] of them.
fn parse(folder: &Path, bytes: &[u8]) -> (Option<Gitignore>, Vec<LineFault>) {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let (mut builder, mut faults) = (GitignoreBuilder::new(folder), Vec::new());
    for (number, line) in text.lines().enumerate().take(LINES) {
        let pattern = if line.starts_with('#') { "" } else { line };
        let added = within_bounds(pattern)
            .and_then(|()| builder.add_line(None, pattern).map_err(|why| reason(&why)));
        faults.extend(added.err().map(|why| (number + 1, why)));
    }
    let more = faults.len().saturating_sub(FAULTS);
    faults.truncate(FAULTS);
    if more > 0 {
        faults.push((0, format!("{more} more lines have errors")));
    }
    if text.lines().nth(LINES).is_some() {
        faults.push((0, format!("only the first {LINES} lines are used")));
    }
    let build = builder.build();
    let rules = build.map_err(|why| faults.push((0, format!("cannot be used: {}", reason(&why)))));
    (rules.ok(), faults)
}

/// Checks that the glob library can take a pattern.
fn within_bounds(pattern: &str) -> Result<(), String> {
    if pattern.len() > LENGTH {
        return Err(format!("the pattern has more than {LENGTH} bytes"));
    }
    if pattern.bytes().filter(|byte| *byte == b'{').count() > BRACES {
        return Err(format!("the pattern has more than {BRACES} braces"));
    }
    Ok(())
}

/// Returns what is wrong with a pattern, without the pattern.
fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        error => error.to_string(),
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

    use super::{BRACES, Ignore, LENGTH, LINES, is_temporary, parse};
    use crate::event::Events;

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
        let mut ignore =
            Ignore::new(&root, &[&more], &["drafts/**".into()], Events::default()).unwrap();
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
        ignore.forget(&root.join("sub"));
        assert!(ignore.unwatched(&root.join("sub/keep.tmp"), false));
        assert!(ignore.never(&root.join("drafts/a.html"), false));
        assert!(!ignore.never(&root.join("dist/a.js"), false));
        assert!(!ignore.unwatched(Path::new("/elsewhere/dist"), true));
        assert!(ignore.unwatched(&more.join("node_modules/a"), true));
        assert!(ignore.unwatched(&more.join("a.log"), false));
        assert!(!ignore.unwatched(&more.join("a"), true));

        // An ignored folder that is served is watched.
        let built = root.join("built");
        fs::create_dir_all(&built).unwrap();
        let ignore = Ignore::new(&built, &[], &[], Events::default()).unwrap();
        assert!(!ignore.unwatched(&built.join("a.html"), false));
        fs::remove_dir_all(&top).unwrap();
    }

    #[test]
    fn invalid_pattern_is_named_in_the_error() {
        let many = "{a,".repeat(BRACES + 1) + &"}".repeat(BRACES + 1);
        for pattern in ["{a", "[", "[a", "a[!", "", " ", "#a", &many, &"a".repeat(LENGTH + 1)] {
            let patterns = [pattern.to_owned()];
            let error = Ignore::new(Path::new("/"), &[], &patterns, Events::default()).unwrap_err();
            assert!(error.to_string().contains(pattern), "{error}");
        }
        let valid = ["a", "!a", "\\#a", "[ab]", "{a,b}", "\\[", "a/**/b"].map(str::to_owned);
        Ignore::new(Path::new("/"), &[], &valid, Events::default()).unwrap();
    }

    #[test]
    fn faulty_lines_of_a_gitignore_are_skipped_and_reported() {
        let nest = |depth| "{a,".repeat(depth) + "b" + &"}".repeat(depth);
        let bomb = nest(20_000);
        let text = format!("\u{feff}first\n{bomb}\n# {bomb}\n{{a\n{}\n[\nlast", nest(BRACES));
        let (rules, faults) = parse(Path::new("/r"), text.as_bytes());
        let lines: Vec<_> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4], "{faults:?}");
        let rules = rules.unwrap();
        for (name, wanted) in [("first", true), ("last", true), ("b", true), ("c", false)] {
            assert_eq!(
                rules.matched(Path::new("/r").join(name), false).is_ignore(),
                wanted,
                "{name}"
            );
        }
        let (_, faults) = parse(Path::new("/r"), "{a\n".repeat(LINES + 1).as_bytes());
        let lines: Vec<_> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 0, 0], "{faults:?}");
    }
}
