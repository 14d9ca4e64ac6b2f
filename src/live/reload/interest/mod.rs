//! Which page uses which file, as far as requests tell.
//!
//! A graph of URL paths: a request whose `Referer` is a page, sheet, module or worker of ours is an
//! edge from the one to the other. A page's own report is kept with the tab (see
//! [`hub`](super::hub)) and is never doubted; the edges are for what no page can report: what its
//! workers and its frames without a script ask for, and what is under way. Who is concerned by a
//! change is found by walking the edges backwards from the changed file. A file that was asked for
//! in vain is in the graph like any other, so creating it concerns whoever asked.
//!
//! **An edge grows old.** Each one knows at which version it was last seen. All answers have to be
//! asked for again (`no-cache`), so a document asks for all its parts after it was served itself, and
//! an edge that was not seen since then is not one of its own: it is of an older document at that
//! path, or of an older module. So what a reloaded page no longer uses is forgotten without anybody
//! saying so, while a page that was kept (asleep, in the back-forward cache) still has its own.
//!
//! **What is swapped in place** stays in its old document. So the edges of a style sheet are dropped
//! when it changes: whoever shows the new one asks for its imports and fonts again, and the images
//! that the browser does not ask for twice are in the reports of the pages.
//!
//! **When in doubt, everyone.** What shared workers and service workers ask for belongs to all pages
//! ([`EVERYONE`]); so does what a page of ours asked for without a `Referer`, unless some page has
//! reported it: workers made of blobs do so, and pages whose referrer policy says so.
//!
//! **Bounded.** When the graph has grown by much, what is older than every open document is forgotten.
//! When it is full all the same, new edges are not kept, and documents of that time are told
//! everything.
//!
//! All pure data; paths are spelled as [`UrlPath`](crate::http::url_path::UrlPath) spells them. Query
//! strings are left out: two tabs at one path count as one, where only requests tell of them.

use std::{
    cell::OnceCell,
    cmp::Ordering,
    collections::{BinaryHeap, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

/// How many edges are kept.
const EDGES: usize = 100_000;

/// How many there must be, and twice as many as were left the last time, before the stale ones are
/// looked for. Not fewer: a page that comes back from sleep or from the browser's cache is one of those
/// that are told everything, if its edges are forgotten.
pub(super) const MANY: usize = 10_000;

/// How long the paths at both ends of all edges may be together, bytes: a request can name paths of
/// any length.
const BYTES: usize = 8 << 20;

/// How many paths are kept that were asked for without a `Referer`.
const UNSIGNED: usize = 10_000;

/// The user that stands for every tab. No path is written like this.
pub(crate) const EVERYONE: &str = "*";

/// The graph.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    /// Used file -> who uses it, and at which version that was last seen. In the order of the paths:
    /// most files have one user, for whom a map of its own would take five times the memory.
    users: HashMap<Arc<str>, Vec<(Arc<str>, u64)>>,
    /// The same edges from the other end, in order, too.
    uses: HashMap<Arc<str>, Vec<Arc<str>>>,
    edges: usize,
    /// The length of the paths at the ends of the edges, and of those in `unsigned`.
    bytes: usize,
    /// Edges last seen before this version may be missing.
    whole_since: u64,
    /// Edges older than this version were looked for already.
    swept: u64,
    /// How many edges were left then.
    left: usize,
    /// What was asked for without a `Referer`, and whether a page has reported it.
    unsigned: HashMap<Arc<str>, bool>,
}

/// Who is concerned by a change. It is found out when somebody asks who does not use the changed file
/// itself.
#[derive(Debug)]
pub(crate) struct Concerned<'i> {
    interest: &'i Interest,
    changed: &'i str,
    found: OnceCell<Found<'i>>,
}

#[derive(Debug)]
struct Found<'i> {
    /// What pages may call the changed file.
    spellings: Vec<String>,
    /// Each path that uses it, and since when.
    users: HashMap<&'i str, u64>,
}

impl Concerned<'_> {
    /// Whether it concerns a document that uses these files and was served at a version.
    pub(crate) fn includes(&self, uses: &HashSet<String>, served: u64) -> bool {
        if uses.contains(self.changed) {
            return true;
        }
        let found = self.found.get_or_init(|| self.interest.find(self.changed));
        let concerns = |(user, seen): (&&str, &u64)| {
            *user == EVERYONE || (*seen >= served && uses.contains(*user))
        };
        found.spellings.iter().any(|path| uses.contains(path)) || found.users.iter().any(concerns)
    }
}

impl Interest {
    /// Records that one path was seen to use another.
    pub(crate) fn add(&mut self, user: &str, used: &str, version: u64) {
        if user == used {
            return;
        }
        let users = self.users.get_mut(used).map(Vec::as_mut_slice).unwrap_or_default();
        if let Ok(at) = users.binary_search_by(|edge| by_user(edge, user)) {
            users[at].1 = version.max(users[at].1);
            return;
        }
        if self.is_full() {
            self.whole_since = version + 1;
            return;
        }
        self.bytes += user.len() + used.len();
        let (user, used) = (self.name(user), self.name(used));
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

    /// Records that a path was answered with the listing of its folder.
    pub(crate) fn add_listing(&mut self, path: &str, version: u64) {
        self.add(path, &listing_of(path), version);
    }

    /// Records that some page or worker of ours asked for a path, without saying which.
    pub(crate) fn add_unsigned(&mut self, used: &str, version: u64) {
        if self.unsigned.get(used).copied().unwrap_or_default() {
            return;
        }
        if self.unsigned.len() >= UNSIGNED || self.bytes >= BYTES {
            self.whole_since = version + 1;
            return;
        }
        let name = self.name(used);
        if self.unsigned.insert(name, false).is_none() {
            self.bytes += used.len();
        }
        self.add(EVERYONE, used, version);
    }

    /// A page has reported that it uses a path: it is known who asked for it.
    pub(crate) fn explain(&mut self, used: &str) {
        if let Some(explained) = self.unsigned.get_mut(used)
            && !std::mem::replace(explained, true)
        {
            self.remove(EVERYONE, used);
        }
    }

    /// A path is gone: who asks for it now has to say so again. A page that reports its worker
    /// does not report one that is missing.
    pub(crate) fn doubt(&mut self, gone: &str) {
        if self.unsigned.get(gone) == Some(&true) {
            self.unsigned.remove(gone);
            self.bytes -= gone.len();
        }
    }

    /// Forgets what a path was seen to use before a version: it is another one since, and asks anew.
    pub(crate) fn forget(&mut self, user: &str, before: u64) {
        for used in self.uses.get(user).cloned().unwrap_or_default() {
            let users = self.users.get(&used).map(Vec::as_slice).unwrap_or_default();
            let edge = users.binary_search_by(|edge| by_user(edge, user));
            if edge.is_ok_and(|at| users[at].1 < before) {
                self.remove(user, &used);
            }
        }
    }

    /// Forgets one edge.
    pub(crate) fn remove(&mut self, user: &str, used: &str) {
        let Some(users) = self.users.get_mut(used) else { return };
        let Ok(at) = users.binary_search_by(|edge| by_user(edge, user)) else { return };
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
    }

    /// Whether it is time to forget what is stale.
    pub(crate) fn has_grown(&self) -> bool {
        self.is_full() || self.edges >= MANY.max(2 * self.left)
    }

    /// Whether there is no room for another edge.
    fn is_full(&self) -> bool {
        self.edges >= EDGES || self.bytes >= BYTES
    }

    /// Forgets what was not seen since a version: no open document is older.
    pub(crate) fn forget_before(&mut self, version: u64) {
        if version <= self.swept {
            self.left = self.edges;
            return;
        }
        self.swept = version;
        self.whole_since = self.whole_since.max(version);
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
        // Made anew, since taking out one by one would move the rest each time.
        self.uses.clear();
        for (used, users) in &self.users {
            for (user, _) in users {
                self.uses.entry(Arc::clone(user)).or_default().push(Arc::clone(used));
            }
        }
        self.uses.values_mut().for_each(|uses| uses.sort_unstable());
    }

    /// Whether the graph may lack what a document uses that was served at a version.
    pub(crate) fn is_in_doubt(&self, served: u64) -> bool {
        served < self.whole_since
    }

    /// Who is concerned by a change of this path: itself, whoever uses it, and so on. Of the ways to
    /// a user the one counts whose oldest edge is the youngest.
    pub(crate) fn concerned<'i>(&'i self, changed: &'i str) -> Concerned<'i> {
        Concerned { interest: self, changed, found: OnceCell::new() }
    }

    fn find(&self, changed: &str) -> Found<'_> {
        let spellings = spellings(changed);
        let mut users = HashMap::new();
        let mut open = BinaryHeap::new();
        for path in &spellings {
            open.extend(self.users_of(path, u64::MAX));
        }
        while let Some((seen, path)) = open.pop() {
            if let Entry::Vacant(entry) = users.entry(path) {
                entry.insert(seen);
                open.extend(self.users_of(path, seen));
            }
        }
        Found { spellings, users }
    }

    /// Who uses a path that is itself used since then, and since when.
    fn users_of(&self, path: &str, since: u64) -> impl Iterator<Item = (u64, &str)> {
        let users = self.users.get(path).into_iter().flatten();
        users.map(move |(user, edge)| (since.min(*edge), &**user))
    }

    /// A path, with the memory of those that are known shared.
    fn name(&self, path: &str) -> Arc<str> {
        let known = self.users.get_key_value(path).map(|(path, _)| path);
        let known = known.or_else(|| self.uses.get_key_value(path).map(|(path, _)| path));
        known.map_or_else(|| Arc::from(path), Arc::clone)
    }
}

/// The order of a file's users.
fn by_user(edge: &(Arc<str>, u64), user: &str) -> Ordering {
    (*edge.0).cmp(user)
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
mod tests;
