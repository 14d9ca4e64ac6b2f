//! Which style sheets and components the project's own compilers made from which other files:
//! partials, themes, and whatever else they read.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Mutex,
};

use super::lock::lock;

/// The number of files that are tracked for all sheets and components together. Changes of those
/// beyond it are not noticed.
const MAX_FILES: usize = 100_000;

/// The files that each sheet or component was made from, by URL paths.
#[derive(Debug, Default)]
pub(super) struct Dependents(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    files: HashMap<String, Vec<PathBuf>>,
    /// The number of files of all.
    total: usize,
    users: HashMap<PathBuf, HashSet<String>>,
}

impl Dependents {
    /// Records what a sheet or component was made from last.
    pub(super) fn record(&self, url: &str, files: &[PathBuf]) {
        let mut known = lock(&self.0);
        if known.files.get(url).map_or(&[][..], Vec::as_slice) == files {
            return;
        }
        known.forget(url);
        if files.is_empty() || known.total + files.len() > MAX_FILES {
            return;
        }
        known.total += files.len();
        known.files.insert(url.to_owned(), files.to_vec());
        for file in files {
            known.users.entry(file.clone()).or_default().insert(url.to_owned());
        }
    }

    /// Returns whether nothing was recorded.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).files.is_empty()
    }

    /// Returns the URL paths of the sheets and components that were made from a file.
    pub(super) fn of(&self, file: &Path) -> BTreeSet<String> {
        lock(&self.0).users.get(file).into_iter().flatten().cloned().collect()
    }

    /// Returns the URL paths of those that were made from the list of files in a folder above a
    /// file.
    pub(super) fn of_folders_above(&self, file: &Path) -> BTreeSet<String> {
        let known = lock(&self.0);
        let folders = file.ancestors().skip(1);
        folders.filter_map(|folder| known.users.get(folder)).flatten().cloned().collect()
    }
}

impl Known {
    fn forget(&mut self, url: &str) {
        for file in self.files.remove(url).unwrap_or_default() {
            self.total -= 1;
            if let Some(users) = self.users.get_mut(&file) {
                users.remove(url);
                if users.is_empty() {
                    self.users.remove(&file);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::Dependents;

    #[test]
    fn the_last_record_of_a_sheet_counts() {
        let dependents = Dependents::default();
        let files = |names: &str| names.split_whitespace().map(PathBuf::from).collect::<Vec<_>>();
        let of = |file: &str| dependents.of(Path::new(file)).into_iter().collect::<Vec<_>>();
        assert!(dependents.is_empty());
        dependents.record("/b.scss", &files("_x.scss _y.scss"));
        dependents.record("/a.scss", &files("_x.scss"));
        assert_eq!(of("_x.scss"), ["/a.scss", "/b.scss"]);
        assert_eq!(of("_y.scss"), ["/b.scss"]);
        dependents.record("/b.scss", &files("_y.scss _z.scss"));
        assert_eq!(of("_x.scss"), ["/a.scss"]);
        assert_eq!(of("_z.scss"), ["/b.scss"]);
        dependents.record("/b.scss", &files("src src/_z.scss"));
        let above = |file: &str| dependents.of_folders_above(Path::new(file)).len();
        assert_eq!((above("src/new/a.jsx"), above("other/a.jsx")), (1, 0));
        dependents.record("/b.scss", &[]);
        dependents.record("/a.scss", &[]);
        assert!(dependents.is_empty());
        dependents.record("/a.scss", &vec![PathBuf::new(); super::MAX_FILES + 1]);
        assert!(dependents.is_empty());
    }
}
