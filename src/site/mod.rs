//! What happens to one request, in order: this is where the rooms below meet.
//!
//! The guard, then livers' own paths, then the routes to backends, then the files. What was served
//! is told to `reload` (who uses what) and to `watch` (which content the tabs have). Nothing here
//! decides anything that could be decided in a room below. What the disk answers is in [`disk`].

pub(crate) mod changes;
mod disk;
mod modules;
pub(crate) mod policy;
mod scripts;

use std::{net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use hyper::{
    Method, Request, StatusCode,
    body::Body as HttpBody,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use self::policy::Policy;
use crate::{
    docroot::{self, Root},
    esm::Esm,
    event::{Event, Events},
    files::{Files, ServedFile},
    http::guard::{Guard, Verdict, same_origin},
    http::{
        body::{self, BodyError, Response},
        media_type, own_paths,
        representation::Representation,
    },
    live::{Live, PageSource, RequestHead},
    proxy::{Client, Proxy, Route},
    refusal::Refusal,
    watch::Watch,
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
    pub(crate) live: Arc<Live>,
    pub(crate) events: Events,
    /// Fields that answers get whatever they are.
    pub(crate) policy: Policy,
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
            "/socket" => {
                // Every change after `connected` is published.
                self.watch.established().await;
                self.live.socket(request)
            }
            "/events" => {
                self.watch.established().await;
                self.live.event_stream(&request)
            }
            "/source" => match self.live.source(request.uri().query().unwrap_or_default()) {
                Some(source) => Representation::from_bytes(StatusCode::OK, UTF8, source)
                    .into_response(request.method(), request.headers()),
                None => plain(StatusCode::NOT_FOUND, "This source is not kept.\n"),
            },
            "/status" => {
                self.watch.established().await;
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
        let hub = self.live.hub();
        let pages = hub.pages().into_iter();
        let pages = pages.map(|(page, uses)| serde_json::json!({ "page": page, "uses": uses }));
        let status = serde_json::json!({
            "livers": env!("CARGO_PKG_VERSION"),
            "boot": hub.boot(),
            "version": hub.version(),
            "root": self.root.path().to_string_lossy(),
            "routes": self.routes,
            "clients": hub.open_tabs(),
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
        let path = request.uri().path().to_owned();
        let (method, headers) = (request.method(), request.headers());
        let ticket = self.live.on_request(RequestHead { method, headers, host, path: &path }).await;
        let client = Client { address: from, https: false };
        let origin = route.upstream().to_string();
        let response = self.proxy.forward(route, request, client, ticket.is_page()).await;
        let why = match self.live.on_response(&ticket, response, &origin).await {
            Ok(response) => return response,
            Err(why) => why,
        };
        let unreadable = self.proxy.unreadable(route, &path, &why);
        self.live
            .on_response(&ticket, unreadable, &origin)
            .await
            .unwrap_or_else(|why| plain(StatusCode::BAD_GATEWAY, format!("{why}\n")))
    }

    /// Keeps the source of a page, if the page can be patched when it changes. A page in another
    /// encoding than UTF-8 cannot: only the browser knows how it reads that.
    fn keep(&self, source: &ServedFile) -> PageSource {
        let docroot::Content::Memory(bytes) = &source.content else { return PageSource::None };
        let html = media_type::is_html(&media_type::of(&source.path));
        if !html || media_type::of_html(bytes) != UTF8 {
            return PageSource::None;
        }
        let docroot::ContentHash(hash) = source.content_hash;
        self.live.keep(hash, bytes)
    }

    fn refuse(&self, path: &str, reason: Refusal) -> Response {
        let text = format!("Refused: {}.\n", reason.with_remedy());
        self.events.emit(Event::Refused { path: path.to_owned(), reason });
        plain(StatusCode::FORBIDDEN, text)
    }
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
