//! The source files that Tailwind looks for class names in.
//!
//! By default these are all text files of the project that Git does not ignore, as Tailwind's own
//! scanner does it; `@source` adds and removes files and folders.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use globset::{Glob, GlobMatcher};
use ignore::WalkBuilder;
use serde::Deserialize;

/// The number of files that are searched.
const MAX_FILES: usize = 20_000;

/// The size of a file that is searched, bytes.
const MAX_SIZE: u64 = 8 << 20;

/// Folders without sources.
const FOLDERS: [&str; 17] = [
    "node_modules",
    ".git",
    ".hg",
    ".jj",
    ".next",
    ".nuxt",
    ".parcel-cache",
    ".pnpm-store",
    ".svelte-kit",
    ".svn",
    ".turbo",
    ".venv",
    ".vercel",
    ".yarn",
    "__pycache__",
    "venv",
    ".livers",
];

/// Extensions of files without class names: style sheets, and what is no text.
const EXTENSIONS: &[&str] = &[
    "7z", "aac", "avi", "avif", "bin", "bmp", "br", "bz2", "class", "css", "dll", "dmg", "doc",
    "docx", "dylib", "eot", "exe", "flac", "gif", "gz", "heic", "icns", "ico", "jar", "jpeg",
    "jpg", "less", "lock", "lockb", "log", "m4a", "m4v", "map", "mkv", "mov", "mp3", "mp4", "mpeg",
    "mpg", "o", "ogg", "ogv", "otf", "pcss", "pdf", "png", "postcss", "ppt", "pptx", "psd", "pyc",
    "rar", "sass", "scss", "so", "sqlite", "styl", "tar", "tgz", "tif", "tiff", "ttf", "wasm",
    "wav", "webm", "webp", "woff", "woff2", "xls", "xlsx", "xz", "zip", "zst",
];

/// Files without class names.
const NAMES: [&str; 6] = [
    "package-lock.json",
    "pnpm-lock.yaml",
    "bun.lockb",
    ".gitignore",
    "yarn.lock",
    "npm-shrinkwrap.json",
];

/// A pattern of source files, as Tailwind describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Source {
    base: PathBuf,
    pattern: String,
    #[serde(default)]
    negated: bool,
}

impl Source {
    /// Returns the source that a project has by default.
    pub(super) fn of_project(base: &Path) -> Self {
        Self { base: base.to_owned(), pattern: "**/*".to_owned(), negated: false }
    }

    /// Returns the folder or file that all matches are in, and what they have to match below it.
    fn split(&self) -> (PathBuf, Option<GlobMatcher>) {
        let is_glob = |part: &&str| part.contains(['*', '?', '{', '[']);
        let parts: Vec<_> = self.pattern.split('/').collect();
        let fixed = parts.iter().position(is_glob).unwrap_or(parts.len());
        let mut start = self.base.clone();
        for part in &parts[..fixed] {
            match *part {
                "" | "." => {}
                ".." => drop(start.pop()),
                name => start.push(name),
            }
        }
        let rest = parts[fixed..].join("/");
        let matcher = (!rest.is_empty() && rest != "**/*" && rest != "**")
            .then(|| Some(Glob::new(&rest).ok()?.compile_matcher()))
            .flatten();
        (start, matcher)
    }
}

/// The files that were found, and the folders that were searched.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: HashSet<PathBuf>,
    pub(super) folders: HashSet<PathBuf>,
}

impl Found {
    /// Returns whether a file, which may be new, is a source.
    pub(super) fn includes(&self, file: &Path) -> bool {
        let is_beside = |folder: &Path| self.folders.contains(folder);
        self.files.contains(file) || file.parent().is_some_and(is_beside)
    }

    /// Returns whether a file is in a folder that did not exist when the others were searched, or
    /// that is left out.
    pub(super) fn is_below_new_folder(&self, file: &Path) -> bool {
        let mut folders = file.ancestors().skip(1);
        !self.includes(file) && folders.any(|folder| self.folders.contains(folder))
    }
}

/// Finds the files of some sources.
///
/// # Blocking
/// Walks through their folders.
pub(super) fn find(sources: &[Source]) -> Found {
    let mut found = Found::default();
    for source in sources.iter().filter(|source| !source.negated) {
        let (start, matcher) = source.split();
        // What a pattern names explicitly counts, even if Git ignores it.
        let is_automatic = matcher.is_none() && !start.components().any(is_ignored_component);
        let walk = WalkBuilder::new(&start)
            .hidden(false)
            .git_ignore(is_automatic)
            .git_exclude(is_automatic)
            .git_global(false)
            .ignore(false)
            .parents(is_automatic)
            .require_git(false)
            .filter_entry(|entry| {
                let is_folder = entry.file_type().is_some_and(|it| it.is_dir());
                entry.depth() == 0 || !is_folder || !is_ignored_folder(entry.path())
            })
            .build();
        for entry in walk.flatten() {
            let path = entry.path();
            if entry.file_type().is_some_and(|it| it.is_dir()) {
                found.folders.insert(path.to_owned());
                continue;
            }
            let below = path.strip_prefix(&start).unwrap_or(path);
            let is_match = match &matcher {
                Some(matcher) => matcher.is_match(below),
                None => is_source(path),
            };
            if is_match && found.files.len() < MAX_FILES {
                found.files.insert(path.to_owned());
            }
        }
    }
    for source in sources.iter().filter(|source| source.negated) {
        let (start, matcher) = source.split();
        found.files.retain(|path| match (path.strip_prefix(&start), &matcher) {
            (Ok(below), Some(matcher)) => !matcher.is_match(below),
            (Ok(_), None) => false,
            (Err(_), _) => true,
        });
    }
    found
}

/// Returns whether a file of the project has class names, by its name.
pub(super) fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    !NAMES.contains(&name)
        && !name.starts_with(".env")
        && !EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

fn is_ignored_folder(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| FOLDERS.contains(&name))
}

fn is_ignored_component(component: std::path::Component<'_>) -> bool {
    component.as_os_str().to_str().is_some_and(|name| FOLDERS.contains(&name))
}

/// Returns the text of a source file; `None` if it is large, or no text.
///
/// # Blocking
/// Reads the file.
pub(super) fn read(path: &Path) -> Option<String> {
    let is_small = fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MAX_SIZE);
    is_small.then(|| fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Source, find};

    #[test]
    fn sources_are_found_as_tailwind_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in [
            ".gitignore",
            "index.html",
            "a.css",
            "logo.png",
            "src/a.tsx",
            "src/skip/b.tsx",
            "dist/c.js",
            "node_modules/ui/d.js",
            "node_modules/ui/e.css",
            "lib/f.vue",
            "package-lock.json",
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, if name == ".gitignore" { "dist\nnode_modules\n" } else { "" })
                .unwrap();
        }
        let source = |pattern: &str, negated: bool| Source {
            base: root.join("src"),
            pattern: pattern.to_owned(),
            negated,
        };
        let project = || Source::of_project(root);
        for (sources, expected) in [
            (vec![project()], "index.html lib/f.vue src/a.tsx src/skip/b.tsx"),
            (vec![project(), source("./skip", true)], "index.html lib/f.vue src/a.tsx"),
            (vec![source("../lib", false)], "lib/f.vue"),
            (vec![source("../node_modules/ui", false)], "node_modules/ui/d.js"),
            (vec![source("../dist/**/*.{js,ts}", false)], "dist/c.js"),
            (vec![source("./a.tsx", false)], "src/a.tsx"),
            (vec![source("./none", false)], ""),
        ] {
            let found = find(&sources);
            let names = found.files.iter().map(|path| path.strip_prefix(root).unwrap());
            let mut names: Vec<_> = names.map(|name| name.to_str().unwrap()).collect();
            names.sort_unstable();
            assert_eq!(names.join(" "), expected, "{sources:?}");
        }
        let found = find(&[project()]);
        for (name, included, new) in [
            ("src/new.tsx", true, false),
            ("src/new/a.tsx", false, true),
            ("dist/new.js", false, true),
        ] {
            let path = root.join(name);
            let is_new = found.is_below_new_folder(&path);
            assert_eq!((found.includes(&path), is_new), (included, new), "{name}");
        }
    }
}
