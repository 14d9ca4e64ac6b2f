//! Which page uses which file, as far as requests and the pages themselves tell.
//!
//! A graph of URL paths: a request whose `Referer` is a page, sheet, module or worker of ours is an
//! edge from the one to the other; a page's own report is kept with the tab (see
//! [`hub`](super::hub)). Who is concerned by a change is found by walking the edges backwards from
//! the changed file. A file that was asked for in vain is in the graph like any other, so creating it
//! concerns whoever asked.
//!
//! All pure data; paths are spelled as [`UrlPath`](crate::url_path::UrlPath) spells them. Edges are
//! never dropped: a page that no longer uses a file is told of it once more than it needs.

use std::collections::{HashMap, HashSet};

/// How many edges are kept. Beyond, everyone is told of everything: in doubt, tell.
const EDGES: usize = 100_000;

/// The graph.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    /// Used file -> who uses it.
    users: HashMap<String, HashSet<String>>,
    edges: usize,
    overflowed: bool,
}

impl Interest {
    /// Records that one path uses another.
    pub(crate) fn add(&mut self, user: &str, used: &str) {
        if user == used || self.users.get(used).is_some_and(|users| users.contains(user)) {
            return;
        }
        if self.edges == EDGES {
            self.overflowed = true;
            return;
        }
        self.users.entry(used.to_owned()).or_default().insert(user.to_owned());
        self.edges += 1;
    }

    /// Records that a path was answered with the listing of its folder.
    pub(crate) fn add_listing(&mut self, path: &str) {
        self.add(path, &listing_of(path));
    }

    /// Whether the graph is whole; if not, nobody can be left out.
    pub(crate) fn is_whole(&self) -> bool {
        !self.overflowed
    }

    /// All paths that are concerned by a change of this path: itself, whoever uses it, and so on.
    pub(crate) fn concerned(&self, changed: &str) -> HashSet<String> {
        let mut concerned = HashSet::new();
        let mut open = spellings(changed);
        while let Some(path) = open.pop() {
            if let Some(users) = self.users.get(&path) {
                open.extend(users.iter().filter(|user| !concerned.contains(*user)).cloned());
            }
            concerned.insert(path);
        }
        concerned
    }
}

/// What a page may call a file: an index is its folder, a folder is asked for without its slash, and
/// the folder that a file lies in is listed with it.
fn spellings(changed: &str) -> Vec<String> {
    let mut spellings = vec![changed.to_owned()];
    let name_at = changed.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
    let folder = &changed[..name_at];
    if let Some(file) = changed.strip_suffix('/') {
        spellings.push(file.to_owned());
    } else if &changed[name_at..] == "index.html" {
        spellings.push(folder.to_owned());
        spellings.push(folder.trim_end_matches('/').to_owned());
    }
    if !folder.is_empty() {
        spellings.push(listing_of(folder));
    }
    spellings
}

/// The node that stands for a folder's list of names.
fn listing_of(folder: &str) -> String {
    format!("{folder}*")
}

#[cfg(test)]
mod tests {
    use super::{EDGES, Interest};

    /// A page at `/`, one at `/a.html`, a sheet that imports a sheet, a module that fetches.
    fn site() -> Interest {
        let mut interest = Interest::default();
        for (user, used) in [
            ("/", "/css/app.css"),
            ("/a.html", "/css/app.css"),
            ("/css/app.css", "/css/base.css"),
            ("/css/base.css", "/img/back.png"),
            ("/a.html", "/js/app.js"),
            ("/js/app.js", "/js/part.js"),
            ("/js/part.js", "/js/app.js"), // modules may form a ring
            ("/js/part.js", "/data.json"),
        ] {
            interest.add(user, used);
        }
        interest.add_listing("/docs/");
        interest
    }

    #[test]
    fn a_change_concerns_whoever_uses_the_file() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("/css/app.css", &["/", "/a.html"], &["/docs/", "/js/app.js"]),
            ("/css/base.css", &["/", "/a.html", "/css/app.css"], &["/docs/"]),
            ("/img/back.png", &["/", "/a.html"], &["/docs/"]),
            ("/data.json", &["/a.html"], &["/", "/docs/"]),
            ("/js/part.js", &["/a.html"], &["/"]),
            ("/index.html", &["/"], &["/a.html", "/docs/"]),
            ("/a.html", &["/a.html"], &["/"]),
            ("/docs/x.md", &["/docs/"], &["/", "/docs/x"]),
            ("/docs/new/", &["/docs/", "/docs/new"], &["/"]),
            ("/docs/index.html", &["/docs/", "/docs"], &["/"]),
            ("/docs/deep/x.md", &[], &["/docs/", "/"]),
            ("/unused.css", &[], &["/", "/a.html", "/docs/"]),
            ("templates/x.html", &[], &["/", "/a.html", "/docs/"]),
        ];
        for (changed, concerned, others) in table {
            let found = site().concerned(changed);
            for path in *concerned {
                assert!(found.contains(*path), "{changed} concerns {path}: {found:?}");
            }
            for path in *others {
                assert!(!found.contains(*path), "{changed} does not concern {path}");
            }
        }
    }

    #[test]
    fn a_graph_that_is_full_says_so() {
        let mut interest = site();
        for file in 0..EDGES {
            interest.add("/", &format!("/{file}"));
            interest.add("/", &format!("/{file}"));
        }
        assert!(!interest.is_whole());
        assert!(site().is_whole());
    }
}
