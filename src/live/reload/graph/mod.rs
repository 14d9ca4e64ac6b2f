//! The graph of which file uses which, learned from requests.
//!
//! Nodes are URL paths. A request whose `Referer` is a page, style sheet, module or worker of this
//! server adds an edge from that path to the requested one. A page's own report of what it loaded
//! is kept with its tab (see [`tabs`](super::tabs)) and always counts; the graph covers what no
//! page can report: requests of its workers and of frames without a script, and requests under way.
//! [`UsageGraph::reach`] follows the edges backwards from a changed path to everything that it
//! affects. A path that was requested but does not exist has edges like any other, so creating the
//! file affects the pages that requested it.
//!
//! **Edges age.** Each edge has the version at which it was last seen. Every response must be
//! revalidated (`no-cache`), so a document requests all its parts after it was served itself. An
//! edge that was not seen since belongs to an older document at that path, or to an older module,
//! and does not count for the newer one. Edges that a reloaded page no longer has disappear without
//! a message, while a document that was kept (suspended, or in the back-forward cache) still has
//! its own.
//!
//! **Style sheets are swapped in place**, in a document that stays. The edges of a sheet are
//! therefore removed when it changes: pages that show the new sheet request its imports and fonts
//! again, and images that the browser does not request twice are in the pages' own reports.
//!
//! **In doubt, everyone is affected.** What shared workers and service workers request belongs to
//! all pages ([`EVERYONE`]). So does what a page requested without a `Referer`, until a page
//! reports that it uses the path: workers made from blobs do so, and pages with a strict referrer
//! policy.
//!
//! **Bounded.** When the graph has grown a lot, edges that are older than every open document are
//! removed. When it is full nevertheless, new edges are dropped, and every change affects documents
//! of that time.
//!
//! Pure data. Paths are spelled as [`UrlPath`](crate::http::url_path::UrlPath) spells them, without
//! the query: two tabs at one path count as one where only requests tell about them.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashMap, hash_map::Entry},
    sync::Arc,
};

/// The maximum number of edges.
const EDGES: usize = 100_000;

/// The number of edges from which on stale ones are looked for, and again whenever twice as many
/// are there as were left. Not lower: a page that comes back from sleep or from the browser's cache
/// is notified of everything if its edges are gone.
pub(super) const SWEEP: usize = 10_000;

/// The maximum total length of the paths at both ends of all edges, bytes. A request can name a
/// path of any length.
const BYTES: usize = 8 << 20;

/// The maximum number of paths that were requested without a `Referer`.
const UNATTRIBUTED: usize = 10_000;

/// The user that stands for every tab. No path is spelled like this.
pub(super) const EVERYONE: &str = "*";

/// The graph.
#[derive(Debug, Default)]
pub(super) struct UsageGraph {
    /// Used path -> its users and the version at which each edge was last seen, ordered by user.
    /// Most files have one user, for which a map would take five times the memory.
    users: HashMap<Arc<str>, Vec<(Arc<str>, u64)>>,
    /// The same edges from the other end: user -> used paths, in order.
    uses: HashMap<Arc<str>, Vec<Arc<str>>>,
    edges: usize,
    /// The length of the paths at the ends of all edges and in `unattributed`.
    bytes: usize,
    /// Edges last seen before this version may be missing.
    complete_since: u64,
    /// Edges last seen before this version were removed.
    swept: u64,
    /// How many edges were left then.
    left: usize,
    /// Paths that were requested without a `Referer`, and whether a page has reported to use them.
    unattributed: HashMap<Arc<str>, bool>,
}

/// The paths that a change of one path affects. Independent of the graph, so that using it needs no
/// lock.
#[derive(Debug)]
pub(super) struct Reach {
    everyone: bool,
    /// What pages may call the changed file.
    spellings: Vec<String>,
    /// Each path that uses the file, directly or through others, and the last version at which it
    /// was seen to: that of the oldest edge on the way, or the highest of these if there are
    /// several ways.
    users: Vec<(Arc<str>, u64)>,
    complete_since: u64,
}

impl Reach {
    /// The reach of a change that affects every tab.
    pub(super) fn everyone() -> Self {
        Self { everyone: true, spellings: Vec::new(), users: Vec::new(), complete_since: 0 }
    }

    pub(super) fn is_everyone(&self) -> bool {
        self.everyone
    }

    /// Returns the affected paths, each with the highest version at which a document that uses it
    /// may have been served to be affected.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, u64)> {
        let spellings = self.spellings.iter().map(|path| (path.as_str(), u64::MAX));
        spellings.chain(self.users.iter().map(|(path, since)| (&**path, *since)))
    }

    /// Returns whether the change affects a document that was served at a version and whose uses
    /// satisfy a predicate.
    pub(super) fn includes(&self, uses: impl Fn(&str) -> bool, served: u64) -> bool {
        self.everyone
            || self.may_miss(served)
            || self.paths().any(|(path, since)| served <= since && uses(path))
    }

    /// The version from which on the graph had every edge.
    pub(super) fn complete_since(&self) -> u64 {
        self.complete_since
    }

    /// Returns whether the graph may lack edges of a document that was served at a version.
    pub(super) fn may_miss(&self, served: u64) -> bool {
        served < self.complete_since
    }
}

impl UsageGraph {
    /// Records that one path was seen to use another.
    pub(super) fn add(&mut self, user: &str, used: &str, version: u64) {
        if user == used {
            return;
        }
        let users = self.users.get_mut(used).map(Vec::as_mut_slice).unwrap_or_default();
        if let Ok(at) = users.binary_search_by(|edge| by_user(edge, user)) {
            users[at].1 = version.max(users[at].1);
            return;
        }
        if self.is_full() {
            self.complete_since = version + 1;
            return;
        }
        self.bytes += user.len() + used.len();
        let (user, used) = (self.shared(user), self.shared(used));
        let users = self.users.entry(Arc::clone(&used)).or_insert_with(|| Vec::with_capacity(1));
        if let Err(at) = users.binary_search_by(|edge| by_user(edge, &user)) {
            users.insert(at, (Arc::clone(&user), version));
        }
        let uses = self.uses.entry(user).or_insert_with(|| Vec::with_capacity(1));
        if let Err(at) = uses.binary_search(&used) {
            uses.insert(at, used);
        }
        self.edges += 1;
    }

    /// Returns whether a path was requested by something.
    pub(super) fn knows(&self, path: &str) -> bool {
        self.users.contains_key(path)
    }

    /// Records that a path was answered with the listing of its directory.
    pub(super) fn add_listing(&mut self, path: &str, version: u64) {
        self.add(path, &listing_of(path), version);
    }

    /// Records that an unknown page or worker of this server requested a path.
    pub(super) fn add_unattributed(&mut self, used: &str, version: u64) {
        if self.unattributed.get(used).copied().unwrap_or_default() {
            return;
        }
        if self.unattributed.len() >= UNATTRIBUTED || self.bytes >= BYTES {
            self.complete_since = version + 1;
            return;
        }
        let path = self.shared(used);
        if self.unattributed.insert(path, false).is_none() {
            self.bytes += used.len();
        }
        self.add(EVERYONE, used, version);
    }

    /// Records that a page reported to use a path, so that requests for it without a `Referer` are
    /// explained. Returns whether this removed an edge.
    pub(super) fn attribute(&mut self, used: &str) -> bool {
        match self.unattributed.get_mut(used) {
            Some(attributed) if !*attributed => *attributed = true,
            _ => return false,
        }
        self.remove(EVERYONE, used)
    }

    /// Records that a file was removed: later requests for it without a `Referer` count as
    /// unexplained again. A page that reports its worker does not report one that is missing.
    pub(super) fn invalidate(&mut self, removed: &str) {
        if self.unattributed.get(removed) == Some(&true) {
            self.unattributed.remove(removed);
            self.bytes -= removed.len();
        }
    }

    /// Removes the edges from a path that were last seen before a version. The file has changed
    /// since, and what it uses now is requested again.
    pub(super) fn forget_uses(&mut self, user: &str, before: u64) {
        for used in self.uses.get(user).cloned().unwrap_or_default() {
            let users = self.users.get(&used).map(Vec::as_slice).unwrap_or_default();
            let edge = users.binary_search_by(|edge| by_user(edge, user));
            if edge.is_ok_and(|at| users[at].1 < before) {
                self.remove(user, &used);
            }
        }
    }

    /// Removes one edge. Returns whether there was one.
    pub(super) fn remove(&mut self, user: &str, used: &str) -> bool {
        let Some(users) = self.users.get_mut(used) else { return false };
        let Ok(at) = users.binary_search_by(|edge| by_user(edge, user)) else { return false };
        users.remove(at);
        self.edges -= 1;
        self.bytes -= user.len() + used.len();
        if users.is_empty() {
            self.users.remove(used);
        }
        if let Some(uses) = self.uses.get_mut(user) {
            if let Ok(at) = uses.binary_search_by(|path| (**path).cmp(used)) {
                uses.remove(at);
            }
            if uses.is_empty() {
                self.uses.remove(user);
            }
        }
        true
    }

    /// Returns whether it is time to [remove stale edges](Self::sweep).
    pub(super) fn has_grown(&self) -> bool {
        self.is_full() || self.edges >= SWEEP.max(2 * self.left)
    }

    fn is_full(&self) -> bool {
        self.edges >= EDGES || self.bytes >= BYTES
    }

    /// Removes the edges that were last seen before a version, that of the oldest open document.
    pub(super) fn sweep(&mut self, version: u64) {
        if version <= self.swept {
            self.left = self.edges;
            return;
        }
        self.swept = version;
        self.complete_since = self.complete_since.max(version);
        for (used, users) in &mut self.users {
            users.retain(|(user, seen)| {
                let keep = *seen >= version || &**user == EVERYONE;
                if !keep {
                    self.edges -= 1;
                    self.bytes -= user.len() + used.len();
                }
                keep
            });
        }
        self.left = self.edges;
        self.users.retain(|_, users| !users.is_empty());
        // Rebuilt: removing edges one by one would move the rest of each list every time.
        self.uses.clear();
        for (used, users) in &self.users {
            for (user, _) in users {
                self.uses.entry(Arc::clone(user)).or_default().push(Arc::clone(used));
            }
        }
        self.uses.values_mut().for_each(|uses| uses.sort_unstable());
    }

    /// Returns what a change of a path affects: the path itself, its users, their users, and so on.
    pub(super) fn reach(&self, changed: &str) -> Reach {
        let spellings = spellings(changed);
        let mut users: HashMap<&str, (&Arc<str>, u64)> = HashMap::new();
        let mut open = BinaryHeap::new();
        for path in &spellings {
            open.extend(self.users_of(path, u64::MAX));
        }
        // The youngest way first, so that the first one to reach a path is the one that counts.
        while let Some((since, path)) = open.pop() {
            if let Entry::Vacant(entry) = users.entry(&**path) {
                entry.insert((path, since));
                open.extend(self.users_of(path, since));
            }
        }
        Reach {
            everyone: users.contains_key(EVERYONE),
            spellings,
            users: users.into_values().map(|(path, since)| (Arc::clone(path), since)).collect(),
            complete_since: self.complete_since,
        }
    }

    /// Returns the users of a path, on a way whose oldest edge so far was last seen at a version.
    fn users_of(&self, path: &str, since: u64) -> impl Iterator<Item = (u64, &Arc<str>)> {
        let users = self.users.get(path).into_iter().flatten();
        users.map(move |(user, edge)| (since.min(*edge), user))
    }

    /// Returns a path, sharing the memory of an equal one in the graph.
    fn shared(&self, path: &str) -> Arc<str> {
        let known = self.users.get_key_value(path).map(|(path, _)| path);
        let known = known.or_else(|| self.uses.get_key_value(path).map(|(path, _)| path));
        known.map_or_else(|| Arc::from(path), Arc::clone)
    }
}

fn by_user(edge: &(Arc<str>, u64), user: &str) -> Ordering {
    (*edge.0).cmp(user)
}

/// Returns what pages may call a file: an index is also its directory, a directory is requested
/// with or without its slash, and a file is part of its directory's listing.
fn spellings(changed: &str) -> Vec<String> {
    let mut spellings = vec![changed.to_owned()];
    let name_at = changed.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
    let directory = &changed[..name_at];
    if let Some(file) = changed.strip_suffix('/') {
        spellings.push(file.to_owned());
    } else if &changed[name_at..] == "index.html" {
        spellings.push(directory.to_owned());
        spellings.push(directory.trim_end_matches('/').to_owned());
    }
    if !directory.is_empty() {
        spellings.push(listing_of(directory));
    }
    spellings
}

/// Returns the node that stands for the listing of a directory.
fn listing_of(directory: &str) -> String {
    format!("{directory}*")
}

#[cfg(test)]
mod tests;
