//! Maps changes to the symbolic links that lead to them.
//!
//! A file that is requested as `/link/a.css` changes when the target of the link does, and the
//! system reports that under the target's path. So the real path of each requested path that goes
//! through a link is kept, spelled from the served folder on as the watches are, because the served
//! folder may itself be behind a link. Targets outside the served folders are kept only where links
//! out of them are followed.
//!
//! A link is resolved when its path is requested, and again when the link changes. A broken link is
//! a missing file at the place that it leads to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    path::{Path, PathBuf},
};

use super::state::nearest_existing;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// It goes through no link.
    Real,
    /// To another path inside the served folders, or anywhere where that is allowed.
    Linked(PathBuf),
    /// Elsewhere, or it cannot be resolved.
    Outside,
}

/// The requested paths that go through links.
#[derive(Debug)]
pub(super) struct Links {
    /// The served folders, as the configuration spells them.
    roots: Vec<PathBuf>,
    /// Whether links may lead out of the served folders.
    anywhere: bool,
    /// The requested paths that lead to each real path.
    to: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    /// The real path of each requested path.
    from: HashMap<PathBuf, PathBuf>,
}

impl Links {
    /// Creates an empty map for links in some folders; `anywhere` says whether they may lead out.
    pub(super) fn new<'p>(roots: impl Iterator<Item = &'p Path>, anywhere: bool) -> Self {
        let roots = roots.map(Path::to_owned).collect();
        Self { roots, anywhere, to: BTreeMap::new(), from: HashMap::new() }
    }

    /// Resolves a path.
    ///
    /// # Blocking
    /// Reads links.
    pub(super) fn follow(&mut self, path: &Path) -> Followed {
        self.forget(path);
        match self.real(path) {
            Some(real) if real == path => Followed::Real,
            Some(real) => {
                self.to.entry(real.clone()).or_default().insert(path.to_owned());
                self.from.insert(path.to_owned(), real.clone());
                Followed::Linked(real)
            }
            None => Followed::Outside,
        }
    }

    /// Removes a path.
    pub(super) fn forget(&mut self, path: &Path) {
        let Some(old) = self.from.remove(path) else { return };
        let Some(paths) = self.to.get_mut(&old) else { return };
        paths.remove(path);
        if paths.is_empty() {
            self.to.remove(&old);
        }
    }

    /// Returns the paths that lead to a path, or to something below it.
    pub(super) fn to(&self, real: &Path) -> Vec<PathBuf> {
        // Paths are ordered by their components, so what is below a path follows it.
        self.to
            .range::<Path, _>((Bound::Included(real), Bound::Unbounded))
            .take_while(|(below, _)| below.starts_with(real))
            .flat_map(|(_, paths)| paths.iter().cloned())
            .collect()
    }

    /// Returns all paths that go through links.
    pub(super) fn all(&self) -> Vec<PathBuf> {
        self.from.keys().cloned().collect()
    }

    /// Returns whether a path goes through no link.
    ///
    /// # Blocking
    /// Resolves the path.
    pub(super) fn is_real(&self, path: &Path) -> bool {
        self.real(path).is_some_and(|real| real == path)
    }

    /// Returns the real path of the part that exists, with the rest appended.
    fn real(&self, path: &Path) -> Option<PathBuf> {
        let path = &target_of_broken_link(path.to_owned());
        let there = nearest_existing(path)?;
        let real = dunce::canonicalize(there).ok()?;
        let rest = path.strip_prefix(there).ok()?;
        let spelled = self.roots.iter().find_map(|root| {
            let below = real.strip_prefix(dunce::canonicalize(root).ok()?).ok()?;
            Some(root.iter().chain(below))
        });
        // Joining an empty path would append a slash.
        match spelled {
            Some(spelled) => Some(spelled.chain(rest).collect()),
            None => self.anywhere.then(|| real.iter().chain(rest).collect()),
        }
    }
}

/// Returns the target of a broken link. Returns any other path unchanged.
fn target_of_broken_link(mut path: PathBuf) -> PathBuf {
    // Linux follows as many (path_resolution(7)).
    for _ in 0..40 {
        if path.exists() {
            break;
        }
        let Ok(target) = path.read_link() else { break };
        path = path.parent().unwrap_or(&path).join(target);
    }
    path
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::PathBuf};

    use super::{Followed, Links};

    #[test]
    fn requested_paths_are_found_by_their_real_paths() {
        let top = std::env::temp_dir().join(format!("livers-links-{}", std::process::id()));
        let root = top.join("root");
        fs::create_dir_all(top.join("disk/real/sub")).unwrap();
        fs::write(top.join("disk/real/a"), "").unwrap();
        symlink("disk", &root).unwrap();
        symlink("real", root.join("folder")).unwrap();
        symlink("real/a", root.join("file")).unwrap();
        symlink("real/later", root.join("broken")).unwrap();
        symlink("/", root.join("out")).unwrap();
        let (at, mut links) =
            (|path: &str| root.join(path), Links::new([&*root].into_iter(), false));

        let table = [
            ("file", Followed::Linked(at("real/a"))),
            ("folder/a", Followed::Linked(at("real/a"))),
            ("folder/new/file", Followed::Linked(at("real/new/file"))),
            ("real/a", Followed::Real),
            ("real/new", Followed::Real),
            ("broken", Followed::Linked(at("real/later"))),
            ("out/etc", Followed::Outside),
        ];
        for (path, expected) in table {
            assert_eq!(links.follow(&at(path)), expected, "{path}");
        }
        assert!(links.is_real(&at("real/sub")) && links.is_real(&root));
        assert!(!links.is_real(&at("folder/sub")) && !links.is_real(&at("out/etc")));
        assert_eq!(links.to(&at("real/a")), [at("file"), at("folder/a")]);
        let below = ["file", "folder/a", "broken", "folder/new/file"].map(at);
        assert_eq!(links.to(&at("real")), below);

        links.forget(&at("folder/new/file"));
        assert_eq!(links.to(&at("real/new")), Vec::<PathBuf>::new());
        fs::remove_file(at("file")).unwrap();
        fs::write(at("file"), "").unwrap();
        assert_eq!(links.follow(&at("file")), Followed::Real);
        assert_eq!(links.to(&at("real/a")), [at("folder/a")]);
        assert_eq!(links.to(&at("elsewhere")), Vec::<PathBuf>::new());
        fs::remove_dir_all(&top).unwrap();
    }
}
