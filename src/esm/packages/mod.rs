//! What lies in `node_modules`, as modules for the browser.
//!
//! `/__livers/npm/<id>/<file>` is a module that exports what the file does, and the names in
//! `?names=` besides, since not all names of a CommonJS file stand in its text: only those travel, so
//! that most importers have one module in common. It runs the file in
//! the page's registry (`client-snippet/packages/registry.js`), where each file is once. The definitions come
//! in packs, `?pack`, which run nothing ([`bundle`]). The module names all of them, so that the
//! browser asks for them together. `?define` is a module that has the packs, and runs nothing
//! either. Style sheets, pictures and the like are served as they are, and with `?import` as a
//! module.
//!
//! The URLs hold a stamp of what was installed ([`resolve`](super::resolve)): answers may be kept
//! for good. What lies in a workspace, and so can change, may not. What was made is kept on the disk
//! for the next run ([`store`]).
//!
//! Left out on purpose: source maps of packages, CSS modules in packages, native addons.

mod bundle;
mod decided;
mod esm;
mod graph;
mod names;
mod requests;
mod scan;
mod sloppy;
mod store;
mod visit;
mod write;

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
};

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use self::{
    graph::{Graph, Node},
    scan::Kind,
    store::Store,
    write::Facade,
};
use super::{
    Fault,
    resolve::{PACKAGES, Place, Resolver, Target, is_script, key},
};
use crate::{http::media_type, http::url_path::UrlPath};

/// JavaScript.
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// An answer: a script, or a file as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pack {
    /// The body.
    pub(crate) body: Bytes,
    /// Its type.
    pub(crate) media_type: String,
    /// Whether it may be kept for good.
    pub(crate) immutable: bool,
}

/// Answers for what lies in packages.
pub(crate) struct Packages {
    resolver: Arc<Resolver>,
    graph: Graph,
    store: Store,
    /// Whether it was looked what an earlier run knew of names.
    learned: Once,
    /// What files export, by their URLs.
    exports: Mutex<HashMap<String, Arc<Exports>>>,
}

/// The names that a file exports, as far as its text shows, and whether there can be more.
type Exports = (HashSet<String>, bool);

/// What a URL asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    pack: Option<Vec<String>>,
    define: bool,
    script: bool,
    import: bool,
    url: bool,
    raw: bool,
    names: Vec<String>,
}

impl Packages {
    /// For what a resolver comes to.
    pub(crate) fn new(resolver: Arc<Resolver>) -> Self {
        let store = Store::new(resolver.project());
        Self {
            graph: Graph::new(Arc::clone(&resolver)),
            store,
            resolver,
            learned: Once::new(),
            exports: Mutex::default(),
        }
    }

    /// Forgets what is known of the disk: see [`Resolver::forget`].
    pub(crate) fn forget(&self) {
        self.resolver.forget();
    }

    /// Whether a specifier in a file of the project still leads to this URL. Blocking.
    pub(crate) fn leads_to(&self, specifier: &str, from: &Path, url: &str) -> bool {
        match self.resolver.resolve(specifier, from) {
            Target::Package(now) => now.split('?').next() == Some(url),
            _ => false,
        }
    }

    /// The URL of the file that a package's name means in a style sheet.
    pub(crate) fn of_sheet(&self, specifier: &str, from: &Path) -> Option<String> {
        self.resolver.of_sheet(specifier, from)
    }

    /// Which of the names that somebody imports from the module at a URL must travel with the URL,
    /// since the file does not show them: so that all others have one module in common. Blocking.
    pub(crate) fn hidden(&self, url: &str, names: impl Iterator<Item = String>) -> Vec<String> {
        let Some(exports) = url.strip_prefix(PACKAGES).and_then(|rest| self.exports(rest)) else {
            return names.collect();
        };
        let (known, open) = &*exports;
        names.filter(|name| *open && !known.contains(name)).collect()
    }

    /// What the file at a URL exports. What an earlier run knew is right enough: a name that is new
    /// travels.
    fn exports(&self, rest: &str) -> Option<Arc<Exports>> {
        let place = self.place(rest)?;
        let fixed = self.resolver.is_fixed(&place.folder);
        if let Some(known) = self.known().get(rest).filter(|_| fixed) {
            return Some(Arc::clone(known));
        }
        let url = format!("{rest}?exports");
        let stored = self.store.get(&url).filter(|_| fixed);
        let stored = stored.and_then(|(text, _)| serde_json::from_slice::<Exports>(&text).ok());
        let exports = if let Some(exports) = stored {
            exports
        } else {
            // Who imports a large file is not to wait until it was read: then all names travel.
            let (node, names, open) = self.graph.names_at_once(&place)?;
            let exports: Exports = (names.into_iter().collect(), open);
            if let Ok(text) = serde_json::to_string(&exports).as_ref()
                && fixed
            {
                self.store.put(&url, text, &[node]);
            }
            exports
        };
        let exports = Arc::new(exports);
        if fixed {
            self.known().insert(rest.to_owned(), Arc::clone(&exports));
        }
        Some(exports)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<Exports>>> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers `/__livers/npm/<rest>?<query>`. Blocking. `None` is 404, a fault 500.
    pub(crate) fn answer(&self, rest: &str, query: &str) -> Option<Result<Pack, Fault>> {
        let answer = self.made(rest, query);
        if let Some(told) = self.resolver.named_anew() {
            self.store.put_names(&told);
        }
        answer
    }

    fn made(&self, rest: &str, query: &str) -> Option<Result<Pack, Fault>> {
        let asked = Query::parse(query);
        if let Some(name) = rest.strip_prefix("node:") {
            let name = percent_decode_str(name).decode_utf8().ok()?;
            return Some(Ok(script(write::builtin(&name, &asked.names), true)));
        }
        let place = self.place(rest)?;
        let url = format!("{PACKAGES}{}", key(&place));
        let fixed = self.resolver.is_fixed(&place.folder);
        let extension = place.file.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_code = is_script(&place.file) || extension == "json";
        let packed = asked.pack.is_some() || asked.define || asked.script;
        if !packed && !is_script(&place.file) && !asked.import {
            return raw(&place, self.resolver.is_fixed(&place.folder));
        }
        let text = if !packed && asked.raw {
            let text = std::fs::read(place.path()).ok()?;
            format!("export default {};\n", write::quoted(&String::from_utf8_lossy(&text)))
        } else if !packed && !asked.url && extension == "css" {
            write::style(&url)
        } else if !packed && (asked.url || !is_code) {
            format!("export default {};\n", write::quoted(&url))
        } else {
            return self.kept(&format!("{rest}?{query}"), &place, asked);
        };
        Some(Ok(script(text, fixed)))
    }

    /// What is made of many files: from the disk, if an earlier run made it from the same.
    fn kept(&self, url: &str, place: &Place, asked: Query) -> Option<Result<Pack, Fault>> {
        let fixed = self.resolver.is_fixed(&place.folder);
        if fixed && let Some((body, folders)) = self.store.get(url) {
            // The packages that it names are asked for next.
            self.resolver.learn(folders);
            return Some(Ok(Pack { body, media_type: SCRIPT.to_owned(), immutable: true }));
        }
        let (text, nodes) = if let Some(more) = &asked.pack {
            let nodes = self.pack(place, more)?;
            (write::pack(&nodes), nodes)
        } else if asked.define {
            let nodes = self.graph.reach(place);
            (write::packs(&bundle::urls(&nodes)), nodes)
        } else if asked.script {
            let node = self.graph.node(place);
            (write::script(&node), vec![node])
        } else {
            let nodes = self.graph.reach(place);
            match self.facade(place, &nodes, asked.names) {
                Ok(text) => (text, nodes),
                Err(fault) => return Some(Err(fault)),
            }
        };
        if fixed {
            self.store.put(url, &text, &nodes);
        }
        Some(Ok(script(text, fixed)))
    }

    fn place(&self, rest: &str) -> Option<Place> {
        let path = UrlPath::parse(&format!("/{rest}")).ok().filter(|path| !path.is_directory())?;
        let names: Option<Vec<_>> = path.names().map(|name| str::from_utf8(name).ok()).collect();
        let names = names?;
        let id = if rest.starts_with('@') { 2 } else { 1 };
        let (id, file) = names.split_at_checked(id)?;
        self.place_in(&id.join("/"), &file.join("/"))
    }

    /// The place of a file in a package. A page that is open may know it from an earlier run.
    fn place_in(&self, id: &str, file: &str) -> Option<Place> {
        self.resolver.place(id, file).or_else(|| {
            self.learned.call_once(|| {
                if let Some(told) = self.store.get_names() {
                    self.resolver.learn_names(&told);
                }
            });
            self.resolver.place(id, file)
        })
    }

    fn pack(&self, place: &Place, more: &[String]) -> Option<Vec<Arc<Node>>> {
        let id = &place.folder.id;
        let more = more.iter().map(|file| self.place_in(id, file));
        let entries = std::iter::once(Some(place.clone())).chain(more);
        Some(self.graph.pack(&entries.collect::<Option<Vec<_>>>()?))
    }

    fn facade(
        &self,
        place: &Place,
        all: &[Arc<Node>],
        wanted: Vec<String>,
    ) -> Result<String, Fault> {
        let entry = self.graph.node(place);
        if let Some(message) = &entry.scan.broken {
            return Err(Fault {
                file: place.path(),
                place: None,
                message: message.clone(),
                frame: String::new(),
                help: None,
            });
        }
        let (mut names, open) = self.graph.names(&entry, &mut HashSet::new());
        if open {
            names.extend(wanted.into_iter().filter(|name| name != "default" && name != "*"));
            names.sort();
            names.dedup();
        }
        let has_default = match entry.scan.kind {
            Kind::CommonJs(_) => true,
            Kind::Module { has_default, .. } => has_default,
        };
        let awaits =
            all.iter().any(|node| matches!(node.scan.kind, Kind::Module { awaits: true, .. }));
        let packs = bundle::urls(all);
        let facade = Facade { key: &entry.key, packs: &packs, names: &names, has_default, awaits };
        Ok(write::facade(&facade))
    }
}

impl Query {
    fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for field in text.split('&') {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            match name {
                "pack" => query.pack = Some(list(value)),
                "define" => query.define = true,
                "script" => query.script = true,
                "import" => query.import = true,
                "url" => query.url = true,
                "raw" => query.raw = true,
                "names" => query.names = list(value),
                _ => {}
            }
        }
        query
    }
}

/// The items of a list in a query.
fn list(text: &str) -> Vec<String> {
    let items = text.split(',').filter(|item| !item.is_empty());
    items.map(|item| percent_decode_str(item).decode_utf8_lossy().into_owned()).collect()
}

/// A file as it is.
fn raw(place: &Place, immutable: bool) -> Option<Result<Pack, Fault>> {
    let path = place.path();
    let body = Bytes::from(std::fs::read(&path).ok()?);
    Some(Ok(Pack { body, media_type: media_type::of(&path), immutable }))
}

fn script(text: String, immutable: bool) -> Pack {
    Pack { body: Bytes::from(text), media_type: SCRIPT.to_owned(), immutable }
}

#[cfg(test)]
mod tests;
