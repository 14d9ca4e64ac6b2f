//! File patterns of `import.meta.glob`.
//!
//! The syntax is Vite's: `*`, `**`, `?`, `[..]` and `{a,b}`, relative to a folder (`./`, `../`), to
//! the served folder (`/`) or to that of an alias (`@/`), with `!` before patterns that exclude
//! files. Dotfiles and `node_modules` never match, unless the option `exhaustive` is set.
//!
//! An expansion visits at most 32 levels of folders and 20,000 entries, all those of a file
//! 100,000. Patterns lead nowhere above the served folder. They are limited in length and in
//! asterisks; the library that parses them limits their nesting to 100 braces.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;

use super::project::IsServed;

/// The depth to which folders are searched.
const MAX_DEPTH: usize = 33;

/// The number of files and folders that one expansion visits.
const MAX_ENTRIES: usize = 20_000;

/// The length of a pattern, bytes.
const MAX_LENGTH: usize = 1_000;

/// The number of asterisks in a pattern.
const MAX_STARS: usize = 32;

/// The number of characters of a pattern that a message shows.
const SHOWN: usize = 60;

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
    /// Parses patterns that are relative to a folder. `alias` returns the path that a pattern with
    /// an alias stands for.
    ///
    /// # Errors
    /// Returns a message for the first invalid pattern.
    pub(crate) fn new(
        patterns: &[String],
        folder: &Path,
        root: &Path,
        alias: impl Fn(&str) -> Option<PathBuf>,
        exhaustive: bool,
    ) -> Result<Self, String> {
        let mut glob = Self { exhaustive, ..Self::default() };
        for pattern in patterns {
            let invalid = |why: &str| {
                let end = if pattern.chars().nth(SHOWN).is_some() { "…" } else { "" };
                let shown: String = pattern.chars().take(SHOWN).collect();
                format!("the pattern \"{}{end}\" {why}", shown.escape_debug())
            };
            check_size(pattern).map_err(|why| invalid(&why))?;
            let (plain, is_excluded) = match pattern.strip_prefix('!') {
                Some(plain) => (plain, true),
                None => (pattern.as_str(), false),
            };
            let aliased = alias(plain);
            let aliased = aliased.as_deref().and_then(Path::to_str);
            let (folder, rest) = match plain.strip_prefix('/') {
                Some(rest) => (root.to_owned(), rest),
                None if plain.starts_with("./") || plain.starts_with("../") => {
                    (folder.to_owned(), plain)
                }
                None if plain.starts_with("**") && is_excluded => (root.to_owned(), plain),
                None => match aliased {
                    Some(rest) => (root.to_owned(), rest),
                    None => return Err(invalid("must start with ./, ../, / or an alias")),
                },
            };
            let (base, rest) = split(folder, rest);
            if !base.starts_with(root) {
                return Err(invalid("leads out of the served folder"));
            }
            let absolute = [&globset::escape(&base.to_string_lossy()), "/", rest].concat();
            compile(&absolute).map_err(|error| invalid(&format!("is invalid: {error}")))?;
            if is_excluded {
                glob.excluded.push(absolute);
            } else {
                glob.included.push(absolute);
                glob.bases.push(base);
            }
        }
        Ok(glob)
    }

    /// Returns the files that match and that `is_served`, sorted. Enters no folder through a link
    /// that is not served: names elsewhere are secret. Takes the visited entries off `budget`, and
    /// ends when it is 0.
    ///
    /// # Blocking
    /// Walks the folders.
    pub(super) fn files(&self, budget: &mut usize, is_served: &IsServed) -> Vec<PathBuf> {
        let mut visited = 0;
        let entries = self.entries(is_served).take((*budget).min(MAX_ENTRIES));
        let entries = entries.inspect(|_| visited += 1);
        let mut files: Vec<_> = entries.flatten().collect();
        *budget -= visited;
        files.sort();
        files.dedup();
        let (included, excluded) = (set(&self.included), set(&self.excluded));
        files.retain(|path| included.is_match(path) && !excluded.is_match(path));
        files.retain(|path| is_served(path));
        files
    }

    /// Visits everything below the bases: yields the path of a file, and `None` for anything else.
    /// Follows symbolic links to what is served, but not in circles.
    fn entries<'g>(
        &'g self,
        is_served: &'g IsServed,
    ) -> impl Iterator<Item = Option<PathBuf>> + 'g {
        let exhaustive = self.exhaustive;
        let walk = move |base: &PathBuf| {
            let follows = Arc::clone(is_served);
            WalkBuilder::new(base)
                .standard_filters(false)
                .hidden(!exhaustive)
                .follow_links(true)
                .max_depth(Some(MAX_DEPTH))
                .filter_entry(move |entry| {
                    (exhaustive || entry.file_name() != "node_modules")
                        && (!entry.path_is_symlink() || follows(entry.path()))
                })
                .build()
        };
        self.bases.iter().filter(|base| is_served(base)).flat_map(walk).map(|entry| {
            let entry = entry.ok()?;
            entry.file_type().is_some_and(|kind| kind.is_file()).then(|| entry.into_path())
        })
    }

    /// Returns whether the creation or removal of one of these paths may change which files match.
    pub(crate) fn may_match(&self, paths: &[PathBuf]) -> bool {
        let included = set(&self.included);
        paths.iter().any(|path| {
            let may_be_folder = path.extension().is_none();
            let is_near = |base: &PathBuf| base.starts_with(path) || path.starts_with(base);
            included.is_match(path) || (may_be_folder && self.bases.iter().any(is_near))
        })
    }
}

/// Checks the size of a pattern.
///
/// # Errors
/// Returns what is wrong with it.
fn check_size(pattern: &str) -> Result<(), String> {
    let stars = pattern.bytes().filter(|&byte| byte == b'*').count();
    if pattern.len() > MAX_LENGTH {
        Err(format!("has more than {MAX_LENGTH} characters"))
    } else if stars > MAX_STARS {
        Err(format!("has more than {MAX_STARS} asterisks"))
    } else {
        Ok(())
    }
}

/// Splits a pattern into the folder before its first wildcard, and the rest.
fn split(folder: PathBuf, pattern: &str) -> (PathBuf, &str) {
    let (mut base, mut rest) = (folder, pattern);
    while let Some((name, more)) = rest.split_once('/') {
        if name.contains(['*', '?', '[', '{', '\\']) {
            break;
        }
        base = join(base, name);
        rest = more;
    }
    (base, rest)
}

/// Returns the path that a relative path leads to from a folder. Does not look at the disk.
pub(super) fn join(folder: PathBuf, path: &str) -> PathBuf {
    Path::new(path).components().fold(folder, |mut folder, component| {
        match component {
            Component::ParentDir => drop(folder.pop()),
            Component::Normal(name) => folder.push(name),
            _ => {}
        }
        folder
    })
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
    use std::{
        fs,
        path::{Path, PathBuf},
        sync::Arc,
    };

    use super::{Glob, IsServed};

    /// Resolves the alias `@/`.
    fn alias(pattern: &str) -> Option<PathBuf> {
        Some(Path::new("src").join(pattern.strip_prefix("@/")?))
    }

    fn glob(patterns: &[&str], from: &Path, root: &Path, exhaustive: bool) -> Glob {
        let patterns: Vec<_> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        Glob::new(&patterns, from.parent().unwrap(), root, alias, exhaustive).unwrap()
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
            (&["@/pages/*.ts"], "/web/src/pages/a.ts", true),
        ];
        for (patterns, path, expected) in table {
            let glob = glob(patterns, from, Path::new("/web"), false);
            assert_eq!(glob.may_match(&[path.into()]), *expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn patterns_without_a_base_or_with_a_syntax_error_are_rejected() {
        let (from, root) = (Path::new("/web/src/main.ts"), Path::new("/web"));
        for (pattern, message) in [
            ("pages/*.ts", "the pattern \"pages/*.ts\" must start with ./, ../, / or an alias"),
            ("@/../../*.ts", "the pattern \"@/../../*.ts\" leads out of the served folder"),
            ("./[.ts", "the pattern \"./[.ts\" is invalid: unclosed character class"),
            ("../../*", "the pattern \"../../*\" leads out of the served folder"),
            (&"./**".repeat(17), "the pattern \"./**./**"),
            (&format!("./{}", "a".repeat(1_000)), "the pattern \"./aaa"),
        ] {
            let result =
                Glob::new(&[pattern.to_owned()], from.parent().unwrap(), root, alias, false);
            let error = result.unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn nesting_is_limited_whatever_is_in_character_classes_and_escapes() {
        let (from, root) = (Path::new("/web/main.ts"), Path::new("/web"));
        // What opens a level, and what closes it.
        for (open, close) in [
            ("{", "}"),
            ("{a,", "}"),
            ("{[}]", "}"),
            ("{[!}]", "}"),
            ("{[]}]", "}"),
            ("{\\}", "}"),
            ("{[\\]", "}"),
            ("{\\[", "}"),
            ("{[{]", "}"),
        ] {
            for (depth, expected) in [(50, true), (100, true), (101, false), (160, false)] {
                let pattern = format!("./{}b{}", open.repeat(depth), close.repeat(depth));
                let pattern = &[pattern];
                if pattern[0].len() > super::MAX_LENGTH {
                    continue;
                }
                let glob = Glob::new(pattern, from.parent().unwrap(), root, alias, false);
                assert_eq!(glob.is_ok(), expected, "{} {depth}", pattern[0]);
                // Compiles the pattern to a regular expression.
                let matches = glob.is_ok_and(|glob| glob.may_match(&["/web/b.x".into()]));
                assert!(!matches, "{} {depth}", pattern[0]);
            }
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
            let files = glob(patterns, &root.join("src/main.ts"), &root, exhaustive);
            let files = files.files(&mut 1_000, &(Arc::new(|_: &Path| true) as IsServed));
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
