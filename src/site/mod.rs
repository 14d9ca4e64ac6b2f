//! What happens to one request, in order: this is where the rooms below meet.
//!
//! The guard, then livers' own paths, then the routes to backends, then the files. What was served
//! is told to `reload` (who uses what) and to `watch` (which content the tabs have). Nothing here
//! decides anything that could be decided in a room below. What the disk answers is in [`disk`].

pub(crate) mod csp;
mod disk;
mod modules;
pub(crate) mod policy;
mod proxied;
pub(crate) mod referrer;
mod scripts;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use hyper::{
    Method, Request, StatusCode,
    body::Body as HttpBody,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
        TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
    },
};

use self::{
    csp::Csp,
    policy::Policy,
    referrer::{referrer, user},
};
use crate::{
    change::ChangeSet,
    docroot::{self, Located, Root},
    esm::Esm,
    event::{Event, Events},
    files::{self, Files, ServedFile},
    http::guard::{Guard, Verdict, same_origin},
    http::url_path::UrlPath,
    http::{
        body::{self, BodyError, Response},
        media_type, own_paths,
        representation::Representation,
    },
    live::inject::{self, decode::Coding, html::Injector, sources::Sources},
    live::reload::{self, socket},
    proxy::{Client, Proxy, Route},
    refusal::Refusal,
    watch::{self, Watch},
};

/// The type of the pages that are read as UTF-8.
const UTF8: &str = "text/html; charset=utf-8";

/// What all requests share.
pub(crate) struct Site {
    pub(crate) guard: Guard,
    pub(crate) root: Arc<Root>,
    pub(crate) files: Files,
    pub(crate) watch: Arc<Watch>,
    pub(crate) proxy: Proxy,
    pub(crate) routes: Vec<String>,
    pub(crate) reload: socket::Context,
    pub(crate) events: Events,
    pub(crate) csp: Csp,
    /// Fields that answers get whatever they are.
    pub(crate) policy: Policy,
    /// What open pages were made from; nothing where pages are to be reloaded.
    pub(crate) sources: Option<Mutex<Sources>>,
    /// Compiles modules; `None` where files are served as they are.
    pub(crate) esm: Option<Arc<Esm>>,
}

impl Site {
    /// Answers a request from an address. Whatever goes wrong is an answer.
    pub(crate) async fn respond<B>(&self, request: Request<B>, from: IpAddr) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        if !self.events.requests() {
            return self.answer(request, from).await;
        }
        let began = Instant::now();
        let (method, target) = (request.method().to_string(), request.uri().to_string());
        let response = self.answer(request, from).await;
        let (status, took) = (response.status().as_u16(), began.elapsed());
        self.events.emit(Event::Request { method, target, status, took });
        response
    }

    async fn answer<B>(&self, request: Request<B>, from: IpAddr) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let host = match self.guard.check(&request) {
            Verdict::Pass(host) => host,
            Verdict::Malformed(why) => {
                return plain(StatusCode::BAD_REQUEST, format!("Bad request: {why}.\n"));
            }
            Verdict::Foreign(host) => {
                return self.refuse(request.uri().path(), Refusal::UnknownHost(host));
            }
        };
        // Nothing here is a proxy for other origins, and TRACE shows cookies to scripts.
        if [Method::CONNECT, Method::TRACE].contains(request.method()) {
            return not_allowed();
        }
        // Somebody behind us may read another coding, or twice the same one, in another way.
        let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
        let chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !codings.next().is_none_or(chunked) || codings.next().is_some() {
            let mut response =
                plain(StatusCode::NOT_IMPLEMENTED, "Only the transfer coding chunked is known.\n");
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
        let path = request.uri().path();
        if own_paths::is_own(path) {
            return self.own(request, &host).await;
        }
        if let Some(route) = self.proxy.route(path) {
            return self.backend(route, request, &host, from).await;
        }
        self.file(request.method(), request.uri(), request.headers(), &host).await
    }

    /// One of livers' own paths.
    async fn own<B>(&self, request: Request<B>, host: &str) -> Response {
        let path = request.uri().path();
        if !same_origin(request.headers(), host) {
            return self.refuse(path, Refusal::CrossOriginOwnPath);
        }
        let mut response = match &path[own_paths::PREFIX.len()..] {
            _ if request.method() == Method::OPTIONS => {
                Policy::default().options(request.headers())
            }
            _ if ![Method::GET, Method::HEAD].contains(request.method()) => not_allowed(),
            "/socket" => socket::accept(self.reload.clone(), request),
            "/events" => reload::events::accept(self.reload.clone(), &request),
            "/source" => match self.source(request.uri().query().unwrap_or_default()) {
                Some(source) => Representation::from_bytes(StatusCode::OK, UTF8, source)
                    .into_response(request.method(), request.headers()),
                None => plain(StatusCode::NOT_FOUND, "This source is not kept.\n"),
            },
            "/status" => {
                Representation::from_bytes(StatusCode::OK, "application/json", self.status())
                    .into_response(request.method(), request.headers())
            }
            name if name.starts_with("/npm/") => {
                self.package(
                    &name["/npm/".len()..],
                    request.method(),
                    request.uri(),
                    request.headers(),
                )
                .await
            }
            name => scripts::answer(name, &request)
                .unwrap_or_else(|| plain(StatusCode::NOT_FOUND, format!("There is no {path}.\n"))),
        };
        guarded(&mut response);
        response
    }

    /// What `/__livers/status` says.
    fn status(&self) -> String {
        let hub = &self.reload.hub;
        let pages = hub.pages().into_iter();
        let pages = pages.map(|(page, uses)| serde_json::json!({ "page": page, "uses": uses }));
        let status = serde_json::json!({
            "livers": env!("CARGO_PKG_VERSION"),
            "boot": hub.boot(),
            "version": hub.version(),
            "root": self.root.path().to_string_lossy(),
            "routes": self.routes,
            "clients": hub.tabs(),
            "pages": pages.collect::<Vec<_>>(),
            "watch": {
                "folders": self.watch.folders(),
                "polling": self.watch.polling().map(|why| why.to_string()),
            },
        });
        status.to_string() + "\n"
    }

    /// A request that a backend answers.
    async fn backend<B>(
        &self,
        route: &Route,
        request: Request<B>,
        host: &str,
        from: IpAddr,
    ) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let page = inject::wanted(request.method(), request.headers());
        self.settle(request.headers(), host, page, request.uri().path()).await;
        // Older than the answer, like that of a file.
        let version = self.reload.hub.version();
        let head = request.method() == Method::HEAD;
        if let Ok(path) = UrlPath::parse(request.uri().path()) {
            self.observe(request.headers(), host, page, &path.to_string());
        }
        let client = Client { address: from, https: false };
        let needs = page.then(|| self.csp.needs(host, request.uri().path(), false));
        let mut response = self.proxy.forward(route, request, client, page).await;
        let Some(needs) = needs.filter(|_| inject::possible(response.status(), response.headers()))
        else {
            return response;
        };
        let coding = Coding::of(response.headers());
        if coding == Coding::Unknown {
            let (backend, why) = (
                route.upstream().to_string(),
                "its page has a Content-Encoding that livers \
                 cannot read, although it was asked for none: nothing will reload it",
            );
            let (path, why) = (needs.path, why.to_owned());
            self.events.emit(Event::BackendFault { backend, path, why });
            return response;
        }
        if !head {
            let told = (route.upstream().to_string(), needs.path.clone());
            response = match proxied::readable(response, coding, self.events.clone(), told).await {
                Ok(readable) => readable,
                Err(why) => self.proxy.unreadable(route, &needs.path, &why),
            };
        }
        self.csp.amend_head(&needs, &mut response);
        let down =
            [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT].contains(&response.status());
        let element = self.element(version, if down { ".failed" } else { "" });
        let injector = |charset: Option<&str>| {
            Injector::new(element, charset).with_policies(self.csp.amend(needs))
        };
        proxied::injected(response, injector, head)
    }

    /// Keeps what a page is made from, if it is one that can be brought up to date later: gives what
    /// its element says of it. One in another encoding than UTF-8 is not: only the browser knows how
    /// it reads that.
    fn keep(&self, source: &ServedFile) -> String {
        let (Some(sources), docroot::Content::Memory(bytes)) = (&self.sources, &source.content)
        else {
            return String::new();
        };
        let html = media_type::is_html(&media_type::of(&source.path));
        if !html || media_type::of_html(bytes) != UTF8 {
            return String::new();
        }
        let docroot::ContentHash(content_hash) = source.content_hash;
        let mut sources = sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.keep(content_hash, bytes) {
            format!(".{content_hash:032x}")
        } else {
            String::new()
        }
    }

    /// A source that was kept.
    fn source(&self, name: &str) -> Option<Bytes> {
        let sources = self.sources.as_ref()?;
        sources.lock().unwrap_or_else(PoisonError::into_inner).find(name)
    }

    /// The element that pages get: the script, and the version that was current when it was asked
    /// for; then the content hash of the file that the page was made from, or `.failed` on a page that
    /// only says that a backend is down, which nothing on the disk can bring up to date: it asks again
    /// when livers was started again, with another route perhaps.
    /// All this is the query of the script's URL, where the script finds it. It cannot be the
    /// fragment: for Chromium, a script that it kept has the URL of its first use, fragment included,
    /// so that a reloaded page would take itself for the old one, and reload for ever.
    fn element(&self, version: u64, more: &str) -> String {
        let boot = self.reload.hub.boot();
        format!(
            "<script type=\"module\" src=\"{}?{boot}.{version}{more}\" nonce=\"{}\" \
             async></script>",
            own_paths::CLIENT,
            self.csp.nonce()
        )
    }

    /// Tells `reload` who uses what, unless the request is for a page: a link is not a part of its
    /// page, and what is in a frame reports itself.
    fn observe(&self, headers: &HeaderMap, host: &str, page: bool, path: &str) {
        if !page {
            self.observe_part(headers, host, path);
        }
    }

    /// Tells `reload` who uses a path that is a part of something.
    fn observe_part(&self, headers: &HeaderMap, host: &str, path: &str) {
        if let Some(user) = user(headers, host) {
            self.reload.hub.observe(&user, path);
        }
    }

    /// Lets a page that is asked for in the middle of a burst of changes wait for its end, so that it
    /// is loaded once, and its stamp covers all of them. A page may also ask for itself by a script.
    async fn settle(&self, headers: &HeaderMap, host: &str, navigation: bool, path: &str) {
        let own = || referrer(headers, host).is_some_and(|referrer| referrer == path);
        if navigation || own() {
            self.watch.until_settled().await;
        }
    }

    fn refuse(&self, path: &str, reason: Refusal) -> Response {
        let text = format!("Refused: {}.\n", reason.with_remedy());
        self.events.emit(Event::Refused { path: path.to_owned(), reason });
        plain(StatusCode::FORBIDDEN, text)
    }
}

/// Which of the files behind these URL paths changed since a time, before which a tab was served by
/// another run of livers. From now on they are watched as those that this run has served. Blocking.
pub(crate) fn recall(root: &Root, watch: &Watch, paths: &[String], since: SystemTime) -> ChangeSet {
    let files = paths.iter().filter_map(|path| UrlPath::parse(path).ok()).filter_map(|url| {
        match root.locate(&url) {
            Located::File(path) => Some(path),
            Located::Missing(path) => {
                let page = url.with_suffix(files::PAGE).map(|page| root.locate(&page));
                if let Some(Located::File(page)) = page { Some(page) } else { path }
            }
            Located::Directory(path) => {
                let index = path.join(files::INDEX);
                Some(if index.exists() { index } else { path })
            }
            _ => None,
        }
    });
    let files: Vec<_> = files.collect();
    // First: what changes in between is told twice, perhaps, and not missed.
    for file in &files {
        watch.note_current(file);
    }
    watch::changed_since(root, files, since)
}

/// The methods that files know (RFC 9110, section 15.5.6).
fn not_allowed() -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Files know GET and HEAD.\n");
    response.headers_mut().insert(ALLOW, policy::METHODS);
    response
}

/// A short answer in words.
fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    guarded(&mut response);
    response
}

/// Says that an answer is what it says that it is, and that it is no part of a page of another origin.
fn guarded(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(policy, HeaderValue::from_static("same-origin"));
}
