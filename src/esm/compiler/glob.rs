//! File patterns of `import.meta.glob`.
//!
//! The syntax is Vite's: `*`, `**`, `?`, `[..]` and `{a,b}`, relative to the importer (`./`, `../`)
//! or to the served folder (`/`), with `!` before patterns that exclude files. Dotfiles and
//! `node_modules` never match, unless the option `exhaustive` is set.
//!
//! An expansion visits at most 32 levels of folders and 20,000 entries.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;

/// The depth to which folders are searched.
const MAX_DEPTH: usize = 33;

/// The number of files and folders that one expansion visits.
const MAX_ENTRIES: usize = 20_000;

/// The patterns of one call, as absolute paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glob {
    included: Vec<String>,
    excluded: Vec<String>,
    /// The folder before the first wildcard of each included pattern.
    bases: Vec<PathBuf>,
    exhaustive: bool,
}

impl Glob {
    /// Parses the patterns in a file of a project.
    ///
    /// # Errors
    /// Returns a message for the first invalid pattern.
    pub(super) fn new(
        patterns: &[String],
        from: &Path,
        root: &Path,
        exhaustive: bool,
    ) -> Result<Self, String> {
        let mut glob = Self { exhaustive, ..Self::default() };
        for pattern in patterns {
            let (plain, is_excluded) = match pattern.strip_prefix('!') {
                Some(plain) => (plain, true),
                None => (pattern.as_str(), false),
            };
            let (folder, rest) = match plain.strip_prefix('/') {
                Some(rest) => (root.to_owned(), rest),
                None if plain.starts_with("./") || plain.starts_with("../") => {
                    (from.parent().unwrap_or(root).to_owned(), plain)
                }
                None if plain.starts_with("**") && is_excluded => (root.to_owned(), plain),
                None => {
                    return Err(format!("the pattern {pattern:?} must start with ./, ../ or /"));
                }
            };
            let (base, rest) = split(folder, rest);
            let absolute = [&globset::escape(&base.to_string_lossy()), "/", rest].concat();
            compile(&absolute)
                .map_err(|error| format!("the pattern {pattern:?} is invalid: {error}"))?;
            if is_excluded {
                glob.excluded.push(absolute);
            } else {
                glob.included.push(absolute);
                glob.bases.push(base);
            }
        }
        Ok(glob)
    }

    /// Returns the files that match, sorted.
    ///
    /// # Blocking
    /// Walks the folders.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = self.entries().take(MAX_ENTRIES).flatten().collect();
        files.sort();
        files.dedup();
        let (included, excluded) = (set(&self.included), set(&self.excluded));
        files.retain(|path| included.is_match(path) && !excluded.is_match(path));
        files
    }

    /// Visits everything below the bases: yields the path of a file, and `None` for anything else.
    /// Follows symbolic links, but not in circles.
    fn entries(&self) -> impl Iterator<Item = Option<PathBuf>> + '_ {
        let exhaustive = self.exhaustive;
        let walk = move |base: &PathBuf| {
            WalkBuilder::new(base)
                .standard_filters(false)
                .hidden(!exhaustive)
                .follow_links(true)
                .max_depth(Some(MAX_DEPTH))
                .filter_entry(move |entry| exhaustive || entry.file_name() != "node_modules")
                .build()
        };
        self.bases.iter().flat_map(walk).map(|entry| {
            let entry = entry.ok()?;
            entry.file_type().is_some_and(|kind| kind.is_file()).then(|| entry.into_path())
        })
    }

    /// Returns whether the creation or removal of a path may change which files match.
    pub(crate) fn may_match(&self, path: &Path) -> bool {
        let may_be_folder = path.extension().is_none();
        set(&self.included).is_match(path)
            || (may_be_folder
                && self.bases.iter().any(|base| base.starts_with(path) || path.starts_with(base)))
    }
}

/// Splits a pattern into the folder before its first wildcard, and the rest.
fn split(folder: PathBuf, pattern: &str) -> (PathBuf, &str) {
    let (mut base, mut rest) = (folder, pattern);
    while let Some((name, more)) = rest.split_once('/') {
        if name.contains(['*', '?', '[', '{', '\\']) {
            break;
        }
        match Path::new(name).components().next() {
            Some(Component::ParentDir) => {
                base.pop();
            }
            Some(Component::Normal(name)) => base.push(name),
            _ => {}
        }
        rest = more;
    }
    (base, rest)
}

fn compile(pattern: &str) -> Result<globset::Glob, String> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    glob.map_err(|error| error.kind().to_string())
}

fn set(patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in patterns.iter().filter_map(|pattern| compile(pattern).ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::Glob;

    fn glob(patterns: &[&str], from: &Path, root: &Path, exhaustive: bool) -> Glob {
        let patterns: Vec<_> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        Glob::new(&patterns, from, root, exhaustive).unwrap()
    }

    #[test]
    fn changes_that_may_match_are_recognized() {
        let from = Path::new("/web/src/main.ts");
        let table: &[(&[&str], &str, bool)] = &[
            (&["./pages/*.ts"], "/web/src/pages/a.ts", true),
            (&["./pages/*.ts"], "/web/src/pages/x/a.ts", false),
            (&["./pages/*.ts"], "/web/src/pages/a.tsx", false),
            (&["./pages/*.ts"], "/web/src/pages", true),
            (&["./pages/*.ts"], "/web/other", false),
            (&["./**/*.{ts,tsx}"], "/web/src/a/b/c.tsx", true),
            (&["../lib/**/*.ts"], "/web/lib/a.ts", true),
            (&["/src/*.ts"], "/web/src/a.ts", true),
            (&["./a.ts", "./b.ts"], "/web/src/b.ts", true),
        ];
        for (patterns, path, expected) in table {
            let glob = glob(patterns, from, Path::new("/web"), false);
            assert_eq!(glob.may_match(Path::new(path)), *expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn patterns_without_a_base_or_with_a_syntax_error_are_rejected() {
        let (from, root) = (Path::new("/web/src/main.ts"), Path::new("/web"));
        for (pattern, message) in [
            ("pages/*.ts", "the pattern \"pages/*.ts\" must start with ./, ../ or /"),
            ("@/pages/*.ts", "the pattern \"@/pages/*.ts\" must start with ./, ../ or /"),
            ("./[.ts", "the pattern \"./[.ts\" is invalid: unclosed character class"),
        ] {
            let result = Glob::new(&[pattern.to_owned()], from, root, false);
            let error = result.unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn expansion_skips_dotfiles_and_node_modules_unless_exhaustive() {
        let dir = tempfile::tempdir().unwrap();
        let root = dunce::canonicalize(dir.path()).unwrap();
        for path in ["src/main.ts", "src/a/b.ts", "src/.c.ts", "src/node_modules/d.ts", "src/e.js"]
        {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("src"), root.join("src/circle")).unwrap();
        let files = |patterns: &[&str], exhaustive| {
            let files = glob(patterns, &root.join("src/main.ts"), &root, exhaustive).files();
            let names = files.iter().map(|file| file.strip_prefix(&root).unwrap());
            names.map(|name| name.to_str().unwrap().replace('\\', "/")).collect::<Vec<_>>()
        };
        assert_eq!(files(&["./**/*.ts"], false), ["src/a/b.ts", "src/main.ts"]);
        assert_eq!(files(&["./**/*.ts", "!./main.ts"], false), ["src/a/b.ts"]);
        assert_eq!(
            files(&["/src/**/*.ts"], true),
            ["src/.c.ts", "src/a/b.ts", "src/main.ts", "src/node_modules/d.ts"]
        );
    }
}
