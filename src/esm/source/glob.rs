//! Which files `import.meta.glob` means.
//!
//! Patterns are Vite's: `*`, `**`, `?`, `[..]`, `{a,b}`, from the importer's folder (`./`, `../`) or from
//! the root (`/`), and `!` before those that are not meant. Names that begin with a dot and
//! `node_modules` are left out, unless `exhaustive` is said.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// How deep folders are looked into, and how many entries are looked at.
const DEPTH: usize = 32;
const ENTRIES: usize = 20_000;

/// Patterns, absolute on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glob {
    wanted: Vec<String>,
    unwanted: Vec<String>,
    /// The folders below which all is that is wanted.
    bases: Vec<PathBuf>,
    exhaustive: bool,
}

impl Glob {
    /// For patterns as they are written in a file of a project; or which of them is none.
    pub(super) fn new(
        patterns: &[String],
        from: &Path,
        root: &Path,
        exhaustive: bool,
    ) -> Result<Self, String> {
        let mut glob = Self { exhaustive, ..Self::default() };
        for pattern in patterns {
            let (plain, negative) = match pattern.strip_prefix('!') {
                Some(plain) => (plain, true),
                None => (pattern.as_str(), false),
            };
            let (folder, rest) = match plain.strip_prefix('/') {
                Some(rest) => (root.to_owned(), rest),
                None if plain.starts_with("./") || plain.starts_with("../") => {
                    (from.parent().unwrap_or(root).to_owned(), plain)
                }
                None if plain.starts_with("**") && negative => (root.to_owned(), plain),
                None => return Err(format!("{pattern:?} begins with none of ./ ../ /")),
            };
            let (base, rest) = split(folder, rest);
            let absolute = [&globset::escape(&base.to_string_lossy()), "/", rest].concat();
            matcher(&absolute).map_err(|error| format!("{pattern:?}: {error}"))?;
            if negative {
                glob.unwanted.push(absolute);
            } else {
                glob.wanted.push(absolute);
                glob.bases.push(base);
            }
        }
        Ok(glob)
    }

    /// The files, in order. Blocking.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut left = ENTRIES;
        for base in &self.bases {
            self.walk(base, DEPTH, &mut left, &mut files);
        }
        files.sort();
        files.dedup();
        let (wanted, unwanted) = (set(&self.wanted), set(&self.unwanted));
        files.retain(|path| wanted.is_match(path) && !unwanted.is_match(path));
        files
    }

    fn walk(&self, folder: &Path, depth: usize, left: &mut usize, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let hidden = name.as_encoded_bytes().starts_with(b".") || name == "node_modules";
            if *left == 0 || (hidden && !self.exhaustive) {
                continue;
            }
            *left -= 1;
            let path = entry.path();
            // A link counts as what it leads to.
            match fs::metadata(&path) {
                Ok(facts) if facts.is_dir() && depth > 0 => {
                    self.walk(&path, depth - 1, left, files);
                }
                Ok(facts) if facts.is_file() => files.push(path),
                _ => {}
            }
        }
    }

    /// Whether a file that came or went may be one of these, or a folder may hold some.
    pub(crate) fn concerns(&self, path: &Path) -> bool {
        set(&self.wanted).is_match(path)
            || (path.extension().is_none()
                && self.bases.iter().any(|base| base.starts_with(path) || path.starts_with(base)))
    }
}

/// The folder that the fixed part of a pattern leads to, and the rest.
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

fn matcher(pattern: &str) -> Result<globset::Glob, String> {
    let mut builder = GlobBuilder::new(pattern);
    let made = builder.literal_separator(true).build();
    made.map_err(|error| error.kind().to_string())
}

fn set(patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in patterns.iter().filter_map(|pattern| matcher(pattern).ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Glob;

    #[test]
    fn a_pattern_says_which_files_concern_it() {
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
        for (patterns, path, wanted) in table {
            let patterns: Vec<_> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            let glob = Glob::new(&patterns, from, Path::new("/web"), false).unwrap();
            assert_eq!(glob.concerns(Path::new(path)), *wanted, "{patterns:?} {path}");
        }
        for pattern in ["pages/*.ts", "@/pages/*.ts", "./[.ts"] {
            let made = Glob::new(&[pattern.to_owned()], from, Path::new("/web"), false);
            assert!(made.is_err(), "{pattern}");
        }
    }
}
