//! The lookup of one request on the disk. Everything here blocks.

use std::{io, path::PathBuf, sync::Arc, time::SystemTime};

use hyper::StatusCode;

use super::{
    Completeness, FileRequest, INDEX, Lookup, PAGE, Precompressed, Resolution, ServedFile, listing,
    precompressed,
    rules::{HEADERS, REDIRECTS, RuleMatch, RuleTarget, Rules},
};
use crate::{
    docroot::{CheckedPath, Dependencies, FileRead, Located, Root},
    http::{media_type, url_path::UrlPath},
};

/// The page that is served with status 404 for the paths below its folder.
const NOT_FOUND: &str = "404.html";

/// The served folders and their rules.
#[derive(Debug)]
pub(super) struct Disk {
    root: Arc<Root>,
    rules: Rules,
    /// The page of a single-page application.
    spa: Option<UrlPath>,
}

impl Disk {
    pub(super) fn new(root: Arc<Root>, spa: Option<UrlPath>) -> Self {
        Self { root, rules: Rules::default(), spa }
    }

    /// Resolves a path, and reads the file that it resolves to.
    pub(super) fn resolve(&self, url: &UrlPath, request: &FileRequest) -> Resolution {
        let began = SystemTime::now();
        let mut rules = self.rules.matching(&self.root, url, request.query.as_deref());
        let (mut lookup, direct) = match rules.forced.take() {
            Some(target) => (self.follow_rule(target, request), false),
            None => (self.at(url, request), true),
        };
        let direct = direct && matches!(lookup, Lookup::File(..));
        if let Lookup::NotFound(_) = lookup {
            lookup = self.fall_back(lookup, url, request, &mut rules);
        }
        if let Lookup::File(_, file) = &mut lookup
            && !request.content_only
            // A page is sent with the element in it, so a compressed copy of its file is of no use.
            && !(request.page && media_type::markup(&media_type::of(&file.path)).is_some())
        {
            file.precompressed = Precompressed::find(file, &self.root, request.accepted);
        }
        let cacheable = match &lookup {
            Lookup::File(_, file) if direct && !request.content_only => {
                self.cacheable(url, file, began)
            }
            _ => None,
        };
        let RuleMatch { fields, dependencies, faults, .. } = rules;
        Resolution { lookup, fields, dependencies, faults, cacheable }
    }

    /// Returns what a file found at its own path, or at that of its folder or page, depends on.
    fn cacheable(
        &self,
        url: &UrlPath,
        file: &ServedFile,
        began: SystemTime,
    ) -> Option<Dependencies> {
        // A file created at `/page` takes the place of `page.html`; so does an index in a folder of
        // that name, which would not show in the stamps.
        let is_page = file.url != *url && !url.is_directory();
        if is_page && !matches!(self.root.locate(url), Located::Missing(_)) {
            return None;
        }
        let rules = [HEADERS, REDIRECTS].map(|name| self.root.path().join(name));
        let beside = rules.into_iter().chain(precompressed::candidates(&file.path));
        let beside = beside.filter(|path| path.exists());
        self.root.dependencies(&file.url, (&file.path, file.stamp?), beside, began)
    }

    /// Resolves a path without the rules.
    fn at(&self, url: &UrlPath, request: &FileRequest) -> Lookup {
        match self.root.locate(url) {
            Located::File(_) if url.is_directory() => Lookup::NotFound(None),
            Located::File(file) => read(file, url.clone()),
            Located::Directory(folder) => self.folder(folder.path, url, request),
            Located::Missing(path) => self.page(url).unwrap_or(Lookup::NotFound(path)),
            Located::Refused(reason) => Lookup::Refused(reason),
            Located::Unreadable(path, error) => Lookup::Unreadable(path, error),
        }
    }

    /// Resolves a folder: to its index, to the page of the same name beside it, or to its listing.
    fn folder(&self, path: PathBuf, url: &UrlPath, request: &FileRequest) -> Lookup {
        let index = url.child(INDEX);
        match self.root.locate(&index) {
            Located::File(_) | Located::Unreadable(..) | Located::Refused(_)
                if !url.is_directory() =>
            {
                Lookup::AddSlash(url.as_directory())
            }
            Located::File(file) => read(file, index),
            Located::Unreadable(path, error) => Lookup::Unreadable(path, error),
            // A listing instead would hide the reason.
            Located::Refused(reason) => Lookup::Refused(reason),
            // The routes of an application have no listings.
            _ if request.navigation && self.spa.is_some() => Lookup::NotFound(None),
            _ if !url.is_directory() => {
                self.page(url).unwrap_or_else(|| Lookup::AddSlash(url.as_directory()))
            }
            _ => {
                // Before the names are read: what changes in between is noticed.
                let modified = path.metadata().and_then(|metadata| metadata.modified()).ok();
                match listing::page(&self.root, url, request.query.as_deref()) {
                    Ok(page) => Lookup::Listing(path, modified, page),
                    Err(error) => Lookup::Unreadable(path, error),
                }
            }
        }
    }

    /// Resolves `/page` to `page.html`.
    fn page(&self, url: &UrlPath) -> Option<Lookup> {
        self.file(&url.with_suffix(PAGE)?)
    }

    fn file(&self, url: &UrlPath) -> Option<Lookup> {
        match self.root.locate(url) {
            Located::File(file) => Some(read(file, url.clone())),
            _ => None,
        }
    }

    /// Resolves the target of a rule.
    fn follow_rule(&self, target: RuleTarget, request: &FileRequest) -> Lookup {
        match target {
            RuleTarget::Redirect(status, location) => Lookup::RuleRedirect(status, location),
            RuleTarget::Rewrite(status, url) => match self.at(&url, request) {
                Lookup::File(_, file) => Lookup::File(status, file),
                // The relative links of a listing would be wrong under another URL.
                Lookup::Listing(..) => Lookup::NotFound(None),
                lookup => lookup,
            },
        }
    }

    /// Resolves a path without a file: by a rule, to the `--spa` page, or to the nearest
    /// `404.html`.
    ///
    /// Every file that could have answered becomes a dependency, because creating it is a change.
    fn fall_back(
        &self,
        not_found: Lookup,
        url: &UrlPath,
        request: &FileRequest,
        rules: &mut RuleMatch,
    ) -> Lookup {
        rules.dependencies.extend(url.with_suffix(PAGE));
        if let Some(target) = rules.fallback.take() {
            match self.follow_rule(target, request) {
                Lookup::NotFound(_) => {}
                lookup => return lookup,
            }
        }
        if let Some(spa) = self.spa.as_ref().filter(|_| request.navigation) {
            rules.dependencies.push(spa.clone());
            if let Some(lookup) = self.file(spa) {
                return lookup;
            }
        }
        if !request.page {
            return not_found;
        }
        let folders = url
            .folders()
            .take_while(|folder| matches!(self.root.locate(folder), Located::Directory(_)));
        let pages: Vec<_> = folders.map(|folder| folder.child(NOT_FOUND)).collect();
        let nearest = pages.iter().rev().find_map(|page| self.file(page));
        rules.dependencies.extend(pages);
        match nearest {
            Some(Lookup::File(_, file)) => Lookup::File(StatusCode::NOT_FOUND, file),
            _ => not_found,
        }
    }
}

/// Opens and reads a file.
fn read(file: CheckedPath, url: UrlPath) -> Lookup {
    let read = file.read();
    let path = file.path;
    match read {
        Ok(FileRead { content, content_hash, writer, modified, stamp }) => {
            let (precompressed, completeness) = (Precompressed::default(), Completeness::Complete);
            let file = ServedFile {
                path,
                url,
                content,
                content_hash,
                modified,
                precompressed,
                writer,
                stamp,
                completeness,
            };
            Lookup::File(StatusCode::OK, file)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Lookup::NotFound(Some(path)),
        Err(error) => Lookup::Unreadable(path, error),
    }
}
