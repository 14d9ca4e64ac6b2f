//! What is asked for by way of symbolic links.
//!
//! A file that is asked for as `/link/a.css` changes when the file that the link leads to does, and
//! the system tells of that under the file's real name. So for each path that somebody asked for and
//! that goes through a link, its real path is kept: still spelled from the served folder on, as the
//! watches are, since that may itself be behind a link. What lies in none of them counts only where links
//! that lead there are followed.
//!
//! Where a link leads is looked up when its path is asked for, and again when the link changes. A
//! link that leads nowhere is a missing file at the place that it leads to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    path::{Path, PathBuf},
};

/// The paths that go through links.
#[derive(Debug)]
pub(super) struct Links {
    /// The folders that are served, as they are spelled.
    roots: Vec<PathBuf>,
    /// Whether links may lead elsewhere.
    anywhere: bool,
    /// Real path -> the paths that lead to it.
    to: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    /// A path -> where it leads.
    from: HashMap<PathBuf, PathBuf>,
}

impl Links {
    /// Links below some folders, as these are spelled, or anywhere.
    pub(super) fn new<'p>(roots: impl Iterator<Item = &'p Path>, anywhere: bool) -> Self {
        let roots = roots.map(Path::to_owned).collect();
        Self { roots, anywhere, to: BTreeMap::new(), from: HashMap::new() }
    }

    /// Looks up where a path leads; gives its real path, if that is another one that counts.
    pub(super) fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        self.forget(path);
        let real = self.real(path).filter(|real| real != path)?;
        self.to.entry(real.clone()).or_default().insert(path.to_owned());
        self.from.insert(path.to_owned(), real.clone());
        Some(real)
    }

    /// Nobody asks for a path any more.
    pub(super) fn forget(&mut self, path: &Path) {
        let Some(old) = self.from.remove(path) else { return };
        let Some(paths) = self.to.get_mut(&old) else { return };
        paths.remove(path);
        if paths.is_empty() {
            self.to.remove(&old);
        }
    }

    /// The paths that lead to a path, or to what is below it.
    pub(super) fn to(&self, real: &Path) -> Vec<PathBuf> {
        // Paths are ordered by their components, so what is below a path follows it.
        self.to
            .range::<Path, _>((Bound::Included(real), Bound::Unbounded))
            .take_while(|(below, _)| below.starts_with(real))
            .flat_map(|(_, paths)| paths.iter().cloned())
            .collect()
    }

    /// All paths that go through links.
    pub(super) fn all(&self) -> Vec<PathBuf> {
        self.from.keys().cloned().collect()
    }

    /// Whether a path goes through no link.
    pub(super) fn is_real(&self, path: &Path) -> bool {
        self.real(path).is_some_and(|real| real == path)
    }

    /// The real path, as far as there is something, and the rest as it is. Blocking.
    fn real(&self, path: &Path) -> Option<PathBuf> {
        let path = &leads_to(path.to_owned());
        let (there, real) =
            path.ancestors().find_map(|there| Some((there, dunce::canonicalize(there).ok()?)))?;
        let rest = path.strip_prefix(there).ok()?;
        let spelled = self.roots.iter().find_map(|root| {
            let below = real.strip_prefix(dunce::canonicalize(root).ok()?).ok()?;
            Some(root.iter().chain(below))
        });
        // Joining nothing would leave a slash behind.
        match spelled {
            Some(spelled) => Some(spelled.chain(rest).collect()),
            None => self.anywhere.then(|| real.iter().chain(rest).collect()),
        }
    }
}

/// Where a link that leads nowhere would lead; any other path is given back as it is. Blocking.
fn leads_to(mut path: PathBuf) -> PathBuf {
    // As many as Linux follows.
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

    use super::Links;

    #[test]
    fn a_path_is_known_by_where_it_leads() {
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
            ("file", Some("real/a")),
            ("folder/a", Some("real/a")),
            ("folder/new/file", Some("real/new/file")),
            ("real/a", None),
            ("real/new", None),
            ("broken", Some("real/later")),
            ("out/etc", None),
        ];
        for (path, real) in table {
            assert_eq!(links.follow(&at(path)), real.map(at), "{path}");
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
        assert_eq!(links.follow(&at("file")), None);
        assert_eq!(links.to(&at("real/a")), [at("folder/a")]);
        assert_eq!(links.to(&at("elsewhere")), Vec::<PathBuf>::new());
        fs::remove_dir_all(&top).unwrap();
    }
}
