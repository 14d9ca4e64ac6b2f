//! Serves the modules of a page together, in a few packs, instead of a response for each.
//!
//! The response to a module script of a page (an entry) consists of a few lines: they import a pack
//! of the entry and everything that it imports, without what the entries before it have brought, and
//! run the entry from it. So an entry that cannot be loaded concerns no other one, as in a browser.
//! The page's registry (`client-snippet/packages/graph.js`) links and runs the modules of packs. It
//! requests further packs for `import()` and for changes. Any other request for a module gets that
//! module: see [`modules`](super::modules).
//!
//! A module must exist once in a page. Therefore a page gets its modules in packs only if its
//! module scripts are files of the served folder and nothing else in its source imports modules.

mod contents;
mod page;
mod query;
mod state;
mod walk;

use std::{
    collections::{HashMap, HashSet},
    slice,
    sync::Arc,
    time::SystemTime,
};

use hyper::{
    Method, StatusCode, Uri,
    header::{HeaderMap, IF_NONE_MATCH},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::{
    contents::Content,
    query::PackQuery,
    walk::{Loaded, path_of, unstamped},
};
pub(crate) use self::{contents::PackContents, state::PackState};
use super::{Site, modules::JAVASCRIPT, response::plain, scripts};
use crate::{
    docroot::Dependencies,
    esm::{self, Esm, Member, Packs},
    http::{
        body::Response,
        own_paths::{FOLDER, GRAPH, PACK, PACKAGES, is_own},
        representation::Representation,
    },
    live::referrer::referrer,
    source_map::{self, COMMENT},
};

/// The URL of the response for an entry in developer tools, where the entry itself has its own URL.
const ENTRY: &str = "/__livers/entry.js";

impl Site {
    /// Answers a request of a page for a script, if that is one of its entries or a module without
    /// exports. Returns `None` if it is something else, or the page gets no packs.
    pub(super) async fn entry(
        &self,
        path: &str,
        uri: &Uri,
        headers: &HeaderMap,
        host: &str,
    ) -> Option<Response> {
        if self.packs.mode() == Packs::Never || self.esm.is_none() {
            return None;
        }
        let is = |name, value: &str| {
            headers.get(name).is_some_and(|is| is.as_bytes() == value.as_bytes())
        };
        if uri.query().is_some()
            || !is("sec-fetch-dest", "script")
            || is("sec-fetch-mode", "no-cors")
        {
            return None;
        }
        let page = referrer(headers, host).filter(|page| !is_script(page) && !is_own(page))?;
        let disk = Arc::default();
        let entries = self.entries(&page, host, &disk).await?;
        // The browser reports the errors of an entry.
        let loaded = self.load(path.to_owned(), Some(page), host, &disk).await;
        let definition = loaded.definition.as_ref()?;
        let before = match entries.iter().position(|entry| entry == path) {
            Some(before) => before,
            // A script has inserted it. If something else imports it, that sees no difference.
            None if !definition.has_exports => entries.len(),
            None => return None,
        };
        let parameter =
            |name, url: &str| format!("{name}={}", utf8_percent_encode(url, NON_ALPHANUMERIC));
        let before = entries[..before].iter().map(|url| format!("&{}", parameter("before", url)));
        let wanted = parameter("entry", path) + &before.collect::<String>();
        let key = serde_json::to_string(path).ok()?;
        // All modules of livers that are needed are named here, so that they are requested at once.
        let own = loaded.imports().filter_map(|url| url.strip_prefix(FOLDER));
        let own = scripts::with_imports(own.chain(GRAPH.strip_prefix(FOLDER)));
        let own = own.iter().map(|name| format!("import \"{FOLDER}{name}\";\n"));
        let text = format!(
            "import * as pack from \"{PACK}?{wanted}\";\nimport \"{PACK}?packages&{wanted}\";\n\
             import {{ define, run }} from \"{GRAPH}\";\n{}define(pack);\nconst wait = run({key});\n\
             if (wait) await wait;\n",
            own.collect::<String>()
        );
        let map = source_map::ignored(ENTRY, &text).to_string();
        let map = base64_simd::STANDARD.encode_to_string(map);
        let text = format!("{text}{COMMENT}data:application/json;base64,{map}\n");
        self.packs.contents.keep_entry(path);
        let made = Representation::from_bytes(StatusCode::OK, JAVASCRIPT, text);
        Some(made.into_response(&Method::GET, headers))
    }

    /// Answers `/__livers/pack`.
    pub(super) async fn pack(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        host: &str,
    ) -> Response {
        let Some(esm) = &self.esm else { return plain(StatusCode::NOT_FOUND, "Not found.\n") };
        let asked = uri.query().unwrap_or_default();
        let query = PackQuery::parse(asked);
        let (version, began) = (self.live.hub().version(), SystemTime::now());
        // The page reports its modules, once it has them.
        if let (Some(page), Some(entry)) = (&query.page, query.entries.first()) {
            self.live.observe(page, path_of(entry));
        }
        let key = (asked.to_owned(), host.to_owned());
        if let Some(response) = self.unchanged_pack(&key, version, method, headers).await {
            return response;
        }
        let modules = self.wanted(&query, host).await;
        let modules = &*modules;
        let respond = |content_type, text| {
            let made = Representation::from_bytes(StatusCode::OK, content_type, text);
            let files = modules.iter().filter_map(|loaded| loaded.file.clone()).collect();
            if let (Some(tag), Some(files)) =
                (made.metadata.validators.tag.clone(), Dependencies::new(files, began))
            {
                self.packs.keep(key, version, files, tag);
            }
            made.into_response(method, headers)
        };
        if query.packages {
            let map = (!query.map).then(|| format!("{PACK}?map&{asked}"));
            let content_type = if query.map { "application/json" } else { JAVASCRIPT };
            let packages = packages_of(modules);
            if !query.map {
                self.packs.contents.keep(asked, Content::Packages(packages.as_slice().into()));
            }
            return match esm.package_pack(packages, map).await {
                Ok(text) => respond(content_type, text),
                Err(fault) => self.report_fault(fault),
            };
        }
        let stamps = Stamps::new(self, esm, modules, &query.entries);
        let stamped = |url: &str| stamps.stamped(url);
        let keys: Vec<_> = modules.iter().map(|loaded| stamped(&loaded.url)).collect();
        let members = modules.iter().zip(&keys).filter_map(|(loaded, key)| {
            Some(Member { key, definition: loaded.definition.as_deref()? })
        });
        let members = members.collect();
        let natives = modules.iter().filter(|loaded| loaded.definition.is_none());
        let natives = natives.map(|loaded| loaded.url.clone()).collect();
        let pack = esm::Pack {
            members,
            natives: &natives,
            entries: query.entries.iter().map(|url| unstamped(url)).collect(),
            version,
            map: format!("{PACK}?map&{asked}"),
        };
        if query.map {
            respond("application/json", pack.source_map(stamped))
        } else {
            let (code, sections) = pack.code(stamped);
            self.packs.contents.keep(asked, Content::Modules(sections));
            respond(JAVASCRIPT, code)
        }
    }

    /// Returns a 304 if the browser has a pack that is still current.
    async fn unchanged_pack(
        &self,
        key: &state::Key,
        version: u64,
        method: &Method,
        headers: &HeaderMap,
    ) -> Option<Response> {
        headers.get(IF_NONE_MATCH)?;
        let tag = self.packs.tag(key, version).await?;
        let mut empty = Representation::from_bytes(StatusCode::OK, JAVASCRIPT, "");
        empty.metadata.validators.tag = Some(tag);
        let response = empty.into_response(method, headers);
        (response.status() == StatusCode::NOT_MODIFIED).then_some(response)
    }

    /// Loads the modules that a pack contains.
    async fn wanted(&self, query: &PackQuery, host: &str) -> Arc<Vec<Loaded>> {
        let PackQuery { entries, since, after, before, .. } = query;
        let key = (format!("{entries:?}{since:?}{after:?}{before:?}"), host.to_owned());
        let walk = async {
            let disk = Arc::default();
            let mut known = self.graph(after, None, host, &disk).await;
            for script in before {
                let graph = self.graph(slice::from_ref(script), None, host, &disk).await;
                // One that fails to load brings nothing.
                if graph.iter().all(Loaded::is_certain_to_load) {
                    known.extend(graph);
                }
            }
            let known: HashSet<_> = known.into_iter().map(|loaded| loaded.url).collect();
            let mut modules = self.graph(entries, *since, host, &disk).await;
            // The page has an entry in an earlier version, if at all.
            let entries: HashSet<_> = entries.iter().map(|url| unstamped(url)).collect();
            modules.retain(|loaded| !known.contains(&loaded.url) || entries.contains(&loaded.url));
            modules
        };
        self.packs.walk(key, walk).await
    }
}

/// The version stamps of the URLs in a pack.
struct Stamps {
    /// The URLs of the entries as they were requested, by those without stamps.
    entries: HashMap<String, String>,
    /// The versions of what scripts import, by path.
    scripts: HashMap<String, u64>,
    /// The versions of the parts of style sheets.
    sheets: HashMap<String, u64>,
}

impl Stamps {
    fn new(site: &Site, esm: &Esm, modules: &[Loaded], entries: &[String]) -> Self {
        let imports = modules.iter().flat_map(|loaded| {
            let dynamic = loaded.definition.iter().flat_map(|definition| &definition.dynamic);
            loaded.imports().chain(dynamic.map(|(_, url)| url))
        });
        let (sheets, scripts): (Vec<_>, Vec<_>) = imports.partition(|url| is_part_of_sheet(url));
        let stamps = |from, urls: Vec<&String>| {
            esm.stamps(from, urls.iter().map(|url| path_of(url)), site.live.hub())
        };
        Self {
            entries: entries.iter().map(|url| (unstamped(url), url.clone())).collect(),
            scripts: stamps("", scripts),
            sheets: stamps("a.css", sheets),
        }
    }

    /// Returns a URL with its version stamp. That of an entry stays as it was requested.
    fn stamped(&self, url: &str) -> String {
        if let Some(entry) = self.entries.get(url) {
            return entry.clone();
        }
        let stamps = if is_part_of_sheet(url) { &self.sheets } else { &self.scripts };
        match stamps.get(path_of(url)) {
            Some(version) if url.starts_with('/') => {
                format!("{url}{}t={version}", if url.contains('?') { '&' } else { '?' })
            }
            _ => url.to_owned(),
        }
    }
}

/// Returns whether a URL is that of a style sheet as another one imports it.
fn is_part_of_sheet(url: &str) -> bool {
    url.contains("&part")
}

/// Returns the URLs of the package files that modules import.
fn packages_of(modules: &[Loaded]) -> Vec<String> {
    let mut seen = HashSet::new();
    let urls = modules.iter().flat_map(Loaded::imports);
    let urls = urls.filter(|url| url.starts_with(PACKAGES) && !esm::is_native(url));
    urls.filter(|url| seen.insert(*url)).cloned().collect()
}

/// Returns whether a URL path is that of a script, which may be a module.
fn is_script(path: &str) -> bool {
    Esm::is_module(path.as_ref())
}
