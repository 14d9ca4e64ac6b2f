//! Requests that the disk answers: a file, a page, a listing, or what says that there is none.

use std::time::SystemTime;

use bytes::Bytes;
use hyper::{
    Method, StatusCode, Uri,
    header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS},
};

use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::{Site, UTF8, not_allowed, plain};
use crate::{
    docroot,
    event::Event,
    files::{Completeness, FileRequest, Lookup, Precompressed, Resolution, ServedFile, error_page},
    http::url_path::{PathError, UrlPath},
    http::{
        body::{self, Response},
        conditional::{EntityTag, Validators},
        date::Date,
        encoding::Accepted,
        media_type,
        representation::{Content, Representation},
    },
    live::inject::{
        self,
        csp::Needs,
        html::{InjectedBody, Injector},
        meta::Amend,
        placement::placement,
    },
    live::{PageSource, RequestHead},
    refusal::Refusal,
    watch::PathState,
};

/// A request, and what was found out about it on the way.
struct Asked<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    host: &'r str,
    /// The path, as livers spells it.
    path: &'r str,
    /// Whether the answer becomes a page.
    page: bool,
    /// The version that the answer is stamped with.
    version: u64,
}

impl Site {
    /// A request for a file or folder.
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
        let mut fields = Vec::new();
        let mut response = if method == Method::OPTIONS {
            self.policy.options(headers)
        } else if [Method::GET, Method::HEAD].contains(method) {
            match UrlPath::parse(uri.path()) {
                Ok(url) => self.found(&url, method, uri, headers, host, &mut fields).await,
                Err(PathError::Malformed) => {
                    plain(StatusCode::BAD_REQUEST, "Bad request: the path is malformed.\n")
                }
                Err(PathError::Unsafe) => plain(StatusCode::NOT_FOUND, "Not found.\n"),
            }
        } else {
            not_allowed()
        };
        self.policy.apply(headers, fields, &mut response);
        // The policies are known only now.
        if let Some(needs) = response.extensions_mut().remove::<Needs>() {
            self.live.amend_head(&needs, response.headers_mut());
        }
        response
    }

    /// What there is for a path; `fields` are those that the folder's own rules add.
    async fn found(
        &self,
        url: &UrlPath,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        host: &str,
        fields: &mut Vec<(HeaderName, HeaderValue)>,
    ) -> Response {
        let head = RequestHead { method, headers, host, path: uri.path() };
        let ticket = self.live.on_request(head).await;
        let (page, version) = (ticket.is_page(), ticket.version);
        let path = &*url.to_string();
        let ask = FileRequest {
            query: uri.query().map(str::to_owned),
            page,
            navigation: page && inject::is_navigation(headers),
            accepted: Accepted::from_headers(headers),
        };
        let answer = self.files.find(url, ask.clone()).await;
        let Resolution { lookup: mut found, fields: added, dependencies: uses, faults } = answer;
        *fields = added;
        // What a part gets that is not there is nobody's concern, and its names can be without end.
        if page || !matches!(found, Lookup::NotFound(_)) {
            for used in uses {
                self.live.observe(path, &used.to_string());
            }
        }
        for (file, fault) in faults {
            let why = match fault.line {
                0 => fault.message,
                line => format!("line {line}: {}", fault.message),
            };
            self.events.emit(Event::RuleFault { file: file.to_owned(), why });
        }
        if let Lookup::NotFound(_) | Lookup::File(StatusCode::NOT_FOUND, _) = found
            && let Some(fallback) = self.project_fallback(url, ask, &found).await
        {
            found = fallback;
        }
        self.show(found, &Asked { method, uri, headers, host, path, page, version }).await
    }

    /// The answer that shows what was found.
    async fn show(&self, found: Lookup, asked: &Asked<'_>) -> Response {
        let path = asked.path;
        let (status, text) = match found {
            Lookup::File(status, source) => return self.source_file(status, source, asked).await,
            Lookup::AddSlash(to) => return redirect(&to, asked.uri.query()),
            Lookup::RuleRedirect(status, place) => return elsewhere(status, &place),
            Lookup::Listing(folder, listing) => {
                self.watch.note(&folder, PathState::Folder);
                self.live.observe_listing(path);
                (StatusCode::OK, listing)
            }
            Lookup::NotFound(place) => {
                if let Some(elsewhere) =
                    self.resolve_in_package(path, asked.headers, asked.host).await
                {
                    return elsewhere;
                }
                self.clear_fault(path);
                if let Some(place) = place {
                    self.watch.note(&place, PathState::Missing);
                }
                (StatusCode::NOT_FOUND, error_page::not_found(path))
            }
            Lookup::Refused(reason) => {
                let page = error_page::forbidden(path, &reason.with_remedy());
                self.events.emit(Event::Refused { path: path.to_owned(), reason });
                (StatusCode::FORBIDDEN, page)
            }
            Lookup::Unreadable(place, why) => {
                self.watch.note(&place, PathState::Unreadable);
                let reason = Refusal::Unreadable(why.to_string());
                let page = error_page::forbidden(path, &reason.with_remedy());
                self.events.emit(Event::Refused { path: path.to_owned(), reason });
                (StatusCode::FORBIDDEN, page)
            }
        };
        if !asked.page && status != StatusCode::OK {
            let mut response = plain(status, format!("{status}\n"));
            let fields = response.headers_mut();
            fields.insert(VARY, HeaderValue::from_static(inject::VARIES));
            // To Chromium, a sheet that is imported, missing, and not to be sniffed is one of another
            // origin: no script could look into the sheet that imports it, the client included.
            if asks_for_sheet(asked.headers) {
                fields.remove(X_CONTENT_TYPE_OPTIONS);
            }
            return response;
        }
        let mut text = Bytes::from(text);
        if asked.page {
            let element = self.live.element(asked.version, PageSource::None);
            text = placement(&text, None).assemble(&text, element, |_| None).concat().into();
        }
        let mut text = Representation::from_bytes(status, UTF8, text);
        text.varies.push(inject::VARIES);
        let mut response = text.into_response(asked.method, asked.headers);
        if asked.page {
            let needs = self.live.needs(asked.host, asked.uri.path(), false);
            response.extensions_mut().insert(needs);
        }
        response
    }

    /// A file: as a module, as a page, or as it is.
    async fn source_file(
        &self,
        status: StatusCode,
        source: ServedFile,
        asked: &Asked<'_>,
    ) -> Response {
        let Asked { method, uri, headers, host, path, page, version } = *asked;
        let html = media_type::is_html(&media_type::of(&source.path));
        self.watch.note(&source.path, PathState::File(source.content_hash));
        self.live.observe(path, &source.url.to_string());
        if page && !html {
            // An image in a frame has no script that would report it.
            self.live.observe_request(&RequestHead { method, headers, host, path });
        }
        if source.completeness == Completeness::TimedOut {
            self.events.emit(Event::StillWritten { path: source.path.clone() });
        }
        if !page && let Some(module) = self.module(&source, method, uri, headers).await {
            return module;
        }
        if !(page && html) {
            if let Precompressed::Accepted(sibling) = &source.precompressed {
                self.watch.note(&sibling.path, PathState::File(sibling.content_hash));
                self.live.observe(path, &sibling.url.to_string());
            }
            let otherwise = self.module_varies(&source, uri);
            let mut as_it_is = file(status, source, None);
            as_it_is.varies.extend(otherwise);
            return as_it_is.into_response(method, headers);
        }
        // What stands for something else is not what the page at this path is made from.
        let own = status == StatusCode::OK;
        let kept = if own { self.keep(&source) } else { PageSource::None };
        // A map must come before what needs it.
        let map = self.import_map(&source).await;
        let needs = self.live.needs(host, uri.path(), !map.is_empty());
        let element = self.live.element(version, kept);
        let element = if map.is_empty() { element } else { [map.into(), element].concat().into() };
        let elements = (element, self.live.amender(needs.clone()));
        let mut response = file(status, source, Some(elements)).into_response(method, headers);
        response.extensions_mut().insert(needs);
        response
    }
}

/// Whether a request is for a style sheet. Where browsers do not say so, they ask for CSS by name.
fn asks_for_sheet(request: &HeaderMap) -> bool {
    let text = |name: &str| request.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-dest") {
        Some(destination) => destination == "style",
        None => text(ACCEPT.as_str()).is_some_and(|accepted| accepted.starts_with("text/css")),
    }
}

/// A file as something to send, with the element where it is a page.
fn file(
    status: StatusCode,
    source: ServedFile,
    elements: Option<(Bytes, Amend)>,
) -> Representation {
    let (docroot::Content::Memory(beginning) | docroot::Content::Large(_, _, beginning)) =
        &source.content;
    let content_type = media_type::of_file(&source.path, beginning);
    let html = media_type::is_html(&content_type);
    let mut varies = Vec::new();
    if html {
        varies.push(inject::VARIES);
    }
    let ServedFile { mut content, mut content_hash, mut modified, precompressed: encoded, .. } =
        source;
    let mut coding = None;
    if !matches!(encoded, Precompressed::None) {
        varies.push("Accept-Encoding");
    }
    if let (Precompressed::Accepted(sibling), None) = (encoded, &elements) {
        coding = Some(sibling.coding);
        (content, content_hash, modified) =
            (sibling.content, sibling.content_hash, sibling.modified);
    }
    let tag = EntityTag::from_hash(content_hash.0);
    let (content, tag) = match (content, elements) {
        (docroot::Content::Memory(bytes), None) => (Content::Bytes(bytes), Some(tag)),
        (docroot::Content::Memory(bytes), Some((element, amend))) => {
            let bytes = placement(&bytes, None).assemble(&bytes, element, amend).concat();
            let bytes = Bytes::from(bytes);
            let tag = EntityTag::of(&bytes);
            // Its bytes are others after each change, whatever the file's time.
            modified = None;
            (Content::Bytes(bytes), Some(tag))
        }
        (docroot::Content::Large(file, was, _), None) => (Content::File(file, was), Some(tag)),
        // Its bytes are made while they are sent, so there is nothing to compare a copy with.
        (docroot::Content::Large(file, was, _), Some((element, amend))) => {
            let injector = Injector::new(element, None).with_policies(amend);
            let body = InjectedBody::new(Content::File(file, was).into_body(), injector);
            modified = None;
            (Content::Stream(body::stream(body)), None)
        }
    };
    let octets = HeaderValue::from_static("application/octet-stream");
    let content_type = HeaderValue::from_str(&content_type).unwrap_or(octets);
    // What only says that nothing is there is not to be asked for by halves.
    let validators = if status == StatusCode::OK {
        // No answer says that it will have been changed (RFC 9110, section 8.8.2.1).
        let modified = modified.map(|modified| modified.min(SystemTime::now()));
        Validators { tag, modified: modified.and_then(Date::of) }
    } else {
        Validators::default()
    };
    Representation { status, content_type, validators, coding, content, varies }
}

/// A place as the value of `Location`, which is ASCII: what is not is said in UTF-8, as browsers do.
fn location(place: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&utf8_percent_encode(place, CONTROLS).to_string()).ok()
}

/// To the same folder with a slash (RFC 9110, section 15.4.2). The location is a path of names, so
/// it cannot lead to another host. 302, since a folder may become a file.
fn redirect(to: &UrlPath, query: Option<&str>) -> Response {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = plain(StatusCode::FOUND, format!("See {to}\n"));
    if let Some(location) = location(&format!("{to}{query}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// To another place, that a rule names.
fn elsewhere(status: StatusCode, place: &str) -> Response {
    let mut response = plain(status, format!("See {place}\n"));
    if let Some(location) = location(place) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
