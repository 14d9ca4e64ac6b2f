//! Requests for files: a file from memory or from the disk, a page with the element in it, a folder
//! listing, a redirect, or an error page.

use std::sync::Arc;

use hyper::{
    Method, StatusCode, Uri,
    header::{
        ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, HeaderMap,
        HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{
    Site, UTF8, missing,
    prepared::{Fields, Prepared, PreparedFile, PreparedPage, StreamedFile, select},
    response::{add_slash, method_not_allowed, plain, redirect},
};
use crate::{
    docroot, esm,
    event::Event,
    files::{
        Completeness, FileRequest, Lookup, Precompressed, Resolution, ServedFile, cache::Variant,
        error_page,
    },
    http::{
        body::{self, Response},
        conditional::EntityTag,
        encoding::Accepted,
        media_type::{self, Markup},
        representation::{Content, Representation},
        url_path::{PathError, UrlPath},
    },
    live::{
        PageSource, RequestHead, Stamp,
        inject::{self, body::InjectedBody, injector::Injector, placement::placement},
    },
    refusal::Refusal,
    watch::PathState,
};

/// A GET or HEAD request for a file.
#[derive(Clone, Copy)]
struct FileQuery<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    /// The host and port that the request was sent to.
    host: &'r str,
    /// Whether the response is displayed as a page in a tab or frame.
    page: bool,
    /// Whether the request is certain to be a navigation, or a script's for HTML.
    navigation: bool,
    /// What a page is stamped with.
    stamp: Stamp,
}

impl<'r> FileQuery<'r> {
    fn head(&self) -> RequestHead<'r> {
        let Self { method, uri, headers, host, .. } = *self;
        RequestHead { method, headers, host, path: uri.path(), query: uri.query() }
    }
}

impl Site {
    /// Answers a request for a file or folder.
    pub(super) async fn file(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        host: &str,
    ) -> Response {
        if self.policy.refuses(headers) {
            return self.refuse(uri.path(), Refusal::CrossOriginEmbed);
        }
        if method != Method::GET && method != Method::HEAD {
            let mut response = match *method {
                Method::OPTIONS => self.policy.options(headers),
                _ => method_not_allowed(),
            };
            self.policy.apply(headers, &[], &mut response);
            return response;
        }
        let head = RequestHead { method, headers, host, path: uri.path(), query: uri.query() };
        let ticket = self.live.on_request(head).await;
        let (page, stamp) = (ticket.is_page(), ticket.stamp);
        // A script may ask for the page of a route: the client does before it reloads, and so do
        // libraries that navigate by `fetch`.
        let navigation = page && inject::is_navigation(headers) || inject::asks_for_html(headers);
        let query = FileQuery { method, uri, headers, host, page, navigation, stamp };
        let variant = Variant { page, navigation, accepted: Accepted::from_headers(headers) };
        match self.cache.get(uri.path(), variant) {
            Some(file) => self.send(&file, query).await,
            None => self.resolve(variant, query).await,
        }
    }

    /// Resolves the path of a request on the disk, and answers it.
    async fn resolve(&self, variant: Variant, mut query: FileQuery<'_>) -> Response {
        let url = match UrlPath::parse(query.uri.path()) {
            Ok(url) => url,
            Err(PathError::Malformed) => {
                let text = "Bad request: the path is malformed.\n";
                return self.finish(query, &[], None, plain(StatusCode::BAD_REQUEST, text));
            }
            Err(PathError::Unsafe) => {
                return self.finish(query, &[], None, plain(StatusCode::NOT_FOUND, "Not found.\n"));
            }
        };
        let path = &*url.to_string();
        let Variant { page, navigation, accepted } = variant;
        let uri_query = query.uri.query().map(str::to_owned);
        let request =
            FileRequest { query: uri_query, page, navigation, accepted, ..FileRequest::default() };
        let mut found = self.files.find(&url, request.clone()).await;
        if found.lookup.is_without_file() && self.watch.until_files_are_back().await {
            query.stamp = self.live.stamp();
            found = self.files.find(&url, request.clone()).await;
        }
        let Resolution { mut lookup, fields, dependencies, faults, mut cacheable } = found;
        let mut dependencies: Vec<_> = dependencies.iter().map(ToString::to_string).collect();
        for (file, fault) in faults {
            let why = match fault.line {
                0 => fault.message,
                line => format!("line {line}: {}", fault.message),
            };
            self.events.emit(Event::RuleFault { file: file.to_owned(), why });
        }
        if let Lookup::NotFound(_) | Lookup::File(StatusCode::NOT_FOUND, _) = lookup
            && let Some(fallback) = self.project_fallback(&url, request, &lookup).await
        {
            (lookup, cacheable) = (fallback, None);
        }
        let (status, mut file) = match lookup {
            Lookup::File(status, file) => (status, file),
            other => {
                // Scripts can request missing files under any number of names: those are not
                // recorded.
                if page || !matches!(other, Lookup::NotFound(_)) {
                    for used in &dependencies {
                        self.live.observe(path, used);
                    }
                }
                return self.without_file(path, other, &fields, query).await;
            }
        };
        self.note(&file);
        if let Some(used) = self.insert_variables(&mut file).await {
            dependencies.extend(used);
            cacheable = None;
        }
        if !missing::stands_for_another(&file, &url, status) {
            if let Some(source) = self.missing.remove(path) {
                self.clear_fault(&source);
            }
        } else if !page {
            self.report_missing(&url, query.headers, query.host).await;
        }
        // Only the URL of a large file is needed in memory.
        if matches!(file.content, docroot::Content::Large(..)) && !page {
            let url = file.url.to_string();
            let FileQuery { method, uri, headers, host, .. } = query;
            let asked = (headers, host);
            if let Some(module) = self.module(&file, (&url, path), method, uri, asked).await {
                self.live.observe(path, &url);
                return self.finish(query, &fields, None, module);
            }
        }
        let prepared = match self.prepare(path, (status, file), (fields, dependencies), query) {
            Prepared::File(prepared) => prepared,
            Prepared::Stream(file) => return self.stream(path, *file, query),
        };
        if let Some(dependencies) = cacheable
            && self.watch.needs_no_polling()
        {
            self.cache.insert(query.uri.path(), variant, Arc::clone(&prepared), dependencies);
        }
        self.send(&prepared, query).await
    }

    /// Prepares the response to requests for a path. `uses` are the URL paths of the rules files.
    fn prepare(
        &self,
        path: &str,
        (status, mut file): (StatusCode, ServedFile),
        (fields, mut uses): (Fields, Vec<String>),
        FileQuery { page, navigation, .. }: FileQuery<'_>,
    ) -> Prepared {
        let url = file.url.to_string();
        uses.push(url.clone());
        if let Precompressed::Accepted(copy) = &file.precompressed {
            uses.push(copy.url.to_string());
        }
        uses.retain(|used| used != path);
        let of_name = media_type::of(&file.path);
        let markup = page.then(|| inject::markup(&of_name, navigation)).flatten();
        let may_compile = {
            let content = match &file.content {
                docroot::Content::Memory(bytes) => Some(&**bytes),
                docroot::Content::Large(..) => None,
            };
            self.may_compile(&file.path, "", content)
        };
        let (metadata, content) = select(status, &mut file, markup.is_some(), may_compile);
        let bytes = match content {
            docroot::Content::Memory(bytes) => bytes,
            docroot::Content::Large(file, facts, _) => {
                let content = Content::File(file, facts);
                let file = StreamedFile { metadata, content, fields, uses };
                return Prepared::Stream(Box::new(file));
            }
        };
        let page = markup
            .map(|markup| PreparedPage::new(status, &file, markup, &bytes, self.esm.is_some()))
            // XML without the script element is sent as a file: no script reports that it is used.
            .filter(|page| markup == Some(Markup::Html) || page.placement.has_element());
        // The page may have had an import that did not resolve.
        if page.as_ref().is_some_and(|page| !page.may_import) {
            self.clear_fault(&url);
        }
        let path = path.to_owned();
        let prepared =
            PreparedFile { path, uses, fields, metadata, file, url, bytes, may_compile, page };
        Prepared::File(Arc::new(prepared))
    }

    /// Notes the content of a served file, as what tabs have.
    pub(super) fn note(&self, file: &ServedFile) {
        self.watch.note(&file.path, PathState::File(file.content_hash));
        if let Precompressed::Accepted(copy) = &file.precompressed {
            self.watch.note(&copy.path, PathState::File(copy.content_hash));
        }
        if file.completeness == Completeness::TimedOut {
            self.events.emit(Event::StillWritten { path: file.path.clone() });
        }
    }

    /// Sends a file that is not in memory, with the element in it if it is a page.
    fn stream(&self, path: &str, file: StreamedFile, query: FileQuery<'_>) -> Response {
        let FileQuery { method, uri, headers, host, page, navigation, stamp } = query;
        let StreamedFile { metadata, content, fields, uses } = file;
        for used in &uses {
            self.live.observe(path, used);
        }
        let content_type = metadata.content_type.to_str().ok().filter(|_| page);
        let markup = content_type.and_then(|name| inject::markup(name, navigation));
        let content = if let Some(markup) = markup {
            let amend = self.live.amender(self.live.needs(host, uri.path(), false));
            let element = self.live.element(stamp, PageSource::None);
            let injector = Injector::new(markup, element, None, amend);
            Content::Stream(body::stream(InjectedBody::new(content.into_body(), injector)))
        } else {
            if page {
                // A displayed video has no script that would report it.
                self.live.observe_request(&query.head());
            }
            content
        };
        let response = Representation { metadata, content }.into_response(method, headers);
        self.finish(query, &fields, markup.map(|_| false), response)
    }

    /// Answers a request with a prepared file: as a module, as a page, or as it is.
    async fn send(&self, prepared: &PreparedFile, query: FileQuery<'_>) -> Response {
        for used in &prepared.uses {
            self.live.observe(&prepared.path, used);
        }
        let PreparedFile { file, url, path, .. } = prepared;
        #[cfg(feature = "esm")]
        if prepared.may_compile
            && let Some(entry) = self.entry(path, query.uri, query.headers, query.host).await
        {
            return self.finish(query, &prepared.fields, None, entry);
        }
        let may_compile = prepared.may_compile || query.uri.query().is_some();
        if may_compile
            && !query.page
            && let Some(module) = self
                .module(file, (url, path), query.method, query.uri, (query.headers, query.host))
                .await
        {
            return self.finish(query, &prepared.fields, None, module);
        }
        self.send_file(prepared, query).await
    }

    /// Answers a request with a file as it is, or as a page.
    async fn send_file(&self, prepared: &PreparedFile, query: FileQuery<'_>) -> Response {
        let FileQuery { method, uri, headers, host, page, stamp, .. } = query;
        let PreparedFile { fields, bytes, file, .. } = prepared;
        let mut metadata = prepared.metadata.clone();
        let Some(html) = &prepared.page else {
            if page {
                // A displayed image has no script that would report it.
                self.live.observe_request(&query.head());
            }
            if let Some(parameters) = uri.query()
                && !prepared.may_compile
                && self.may_compile(&file.path, parameters, None)
            {
                metadata.add_vary(esm::VARY);
            }
            let content = Content::from(bytes.clone());
            let response = Representation { metadata, content }.into_response(method, headers);
            return self.finish(query, fields, None, response);
        };
        let map = if html.may_import { self.import_map(file).await } else { String::new() };
        let element = html.element(&self.live, stamp, bytes, &map);
        if metadata.status == StatusCode::OK {
            metadata.validators.tag = Some(element.tag);
        }
        let inline = !map.is_empty();
        let segments = if html.placement.has_policies() {
            let amend = self.live.amender(self.live.needs(host, uri.path(), inline));
            html.placement.assemble(bytes, element.html, amend)
        } else {
            html.placement.assemble(bytes, element.html, |_| None)
        };
        let content = Content::Memory(segments);
        let response = Representation { metadata, content }.into_response(method, headers);
        self.finish(query, fields, Some(inline), response)
    }

    /// Answers a request that does not resolve to a file.
    async fn without_file(
        &self,
        path: &str,
        lookup: Lookup,
        fields: &Fields,
        query: FileQuery<'_>,
    ) -> Response {
        let finish = |response| self.finish(query, fields, None, response);
        let (status, html) = match lookup {
            Lookup::File(..) => return finish(plain(StatusCode::NOT_FOUND, "Not found.\n")),
            Lookup::AddSlash(to) => return finish(add_slash(&to, query.uri.query())),
            Lookup::RuleRedirect(status, location) => return finish(redirect(status, &location)),
            Lookup::Listing(folder, modified, listing) => {
                self.watch.note_listing(&folder, modified);
                self.live.observe_listing(path);
                (StatusCode::OK, listing)
            }
            Lookup::NotFound(place) => {
                let asked = (path, query.uri.query());
                let package = self.resolve_in_package(asked, query.headers, query.host).await;
                if let Some(redirect) = package {
                    return finish(redirect);
                }
                if let Ok(url) = UrlPath::parse(path) {
                    self.report_missing(&url, query.headers, query.host).await;
                }
                self.clear_fault(path);
                if let Some(place) = place {
                    self.watch.note(&place, PathState::Missing);
                }
                (StatusCode::NOT_FOUND, error_page::not_found(path))
            }
            Lookup::Refused(reason) => (StatusCode::FORBIDDEN, self.forbidden(path, reason)),
            Lookup::Unreadable(place, error) => {
                self.watch.note(&place, PathState::Unreadable);
                let reason = Refusal::Unreadable(error.to_string());
                (StatusCode::FORBIDDEN, self.forbidden(path, reason))
            }
        };
        if !query.page && status != StatusCode::OK {
            return finish(error_for_scripts(status, query.headers));
        }
        let mut page = Representation::from_bytes(status, UTF8, html);
        page.metadata.add_vary(inject::VARIES);
        if query.page
            && let Content::Memory([html, ..]) = page.content
        {
            let element = self.live.element(query.stamp, PageSource::None);
            if status == StatusCode::OK {
                page.metadata.validators.tag =
                    Some(EntityTag::derived(0, &[&html[..], &element].concat()));
            }
            page.content = Content::Memory(placement(&html, Markup::Html, None).assemble(
                &html,
                element,
                |_| None,
            ));
        }
        let response = page.into_response(query.method, query.headers);
        self.finish(query, fields, query.page.then_some(false), response)
    }

    /// Reports a refused request, and returns the page for it.
    fn forbidden(&self, path: &str, reason: Refusal) -> String {
        let page = error_page::forbidden(path, &reason.with_remedy());
        self.events.emit(Event::Refused { path: path.to_owned(), reason });
        page
    }

    /// Adds the header fields that all responses for files have, and amends a Content Security
    /// Policy among them if `injected` says that the response is a page with the element in it:
    /// `Some(true)` if there is an inline script beside the element.
    fn finish(
        &self,
        query: FileQuery<'_>,
        fields: &[(hyper::header::HeaderName, HeaderValue)],
        injected: Option<bool>,
        mut response: Response,
    ) -> Response {
        self.policy.apply(query.headers, fields, &mut response);
        let headers = response.headers_mut();
        let policies = [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY];
        if let Some(inline) = injected
            && policies.iter().any(|name| headers.contains_key(name))
        {
            let needs = self.live.needs(query.host, query.uri.path(), inline);
            self.live.amend_head(&needs, headers);
        }
        response
    }
}

/// Returns an error response to a request that is not for a page.
fn error_for_scripts(status: StatusCode, request: &HeaderMap) -> Response {
    let mut response = plain(status, format!("{status}\n"));
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static(inject::VARIES));
    // Chromium treats a missing imported style sheet with `nosniff` as one of another origin. Then
    // no script can read the sheet that imports it, and the client could not update it.
    if is_for_style_sheet(request) {
        headers.remove(X_CONTENT_TYPE_OPTIONS);
    }
    response
}

/// Whether a request is for a style sheet. Without Fetch Metadata, browsers name CSS in `Accept`.
fn is_for_style_sheet(request: &HeaderMap) -> bool {
    let text = |name: &str| request.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-dest") {
        Some(destination) => destination == "style",
        None => text(ACCEPT.as_str()).is_some_and(|accepted| accepted.starts_with("text/css")),
    }
}
