//! Routes requests: to livers' own paths, to a backend, or to a file.
//!
//! Each request passes the host guard first. Requests for files are answered in [`files`], from a
//! cache where possible. Whatever is served is noted: which page uses which file (`live`), and the
//! content that tabs have (`watch`). Decisions are left to the modules below; this one connects
//! them.

pub(crate) mod changes;
pub(crate) mod event_log;
mod files;
mod masked;
mod missing;
mod modules;
mod own;
#[cfg(feature = "esm")]
mod packs;
pub(crate) mod page_errors;
pub(crate) mod policy;
mod prepared;
mod response;
mod scripts;
mod tools;
mod workspace;

use std::{net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use hyper::{
    Method, Request, StatusCode,
    body::Body as HttpBody,
    header::{CONNECTION, HeaderValue, TRANSFER_ENCODING},
};

pub(crate) use self::missing::MissingFiles;
#[cfg(feature = "esm")]
pub(crate) use self::packs::PackState;
pub(crate) use self::tools::tokens::Tokens;
use self::{
    event_log::EventLog,
    policy::Policy,
    prepared::PreparedFile,
    response::{method_not_allowed, plain, redirect},
};
use crate::{
    config::Console,
    docroot::Root,
    editor::Editor,
    esm::Esm,
    event::{Event, Events},
    files::{Files, cache::FileCache},
    http::{
        body::{BodyError, Response},
        guard::{Guard, Verdict, is_local},
        own_paths,
    },
    live::{Live, RequestHead, inject::is_navigation},
    proxy::{Client, Proxy, Route},
    refusal::Refusal,
    watch::Watch,
};

/// The `Content-Type` of pages in UTF-8.
const UTF8: &str = "text/html; charset=utf-8";

/// The state that all requests share.
pub(crate) struct Site {
    pub(crate) guard: Guard,
    pub(crate) root: Arc<Root>,
    /// The path below which the application is, with a slash at both ends. Its index redirects
    /// there.
    pub(crate) base: Option<String>,
    pub(crate) files: Files,
    pub(crate) cache: Cache,
    pub(crate) watch: Arc<Watch>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) routes: Vec<String>,
    pub(crate) live: Arc<Live>,
    pub(crate) events: Events,
    /// The last events.
    pub(crate) log: Arc<EventLog>,
    /// What the listener of pages hears.
    pub(crate) console: Console,
    /// The missing files that were reported.
    pub(crate) missing: MissingFiles,
    /// Opens places in the editor.
    pub(crate) editor: Editor,
    /// Allow to open places.
    pub(crate) tokens: Tokens,
    /// Header fields of all responses with files.
    pub(crate) policy: Policy,
    /// Compiles modules; `None` where files are served as they are.
    pub(crate) esm: Option<Arc<Esm>>,
    /// Which pages get their modules in packs, and what is known of packs.
    #[cfg(feature = "esm")]
    pub(crate) packs: PackState,
}

/// The cache of served files.
pub(crate) type Cache = FileCache<PreparedFile>;

impl Site {
    /// Answers a request from an address. Errors become responses.
    pub(crate) async fn respond<B>(&self, request: Request<B>, from: IpAddr) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        if !self.events.requests() {
            return self.route(request, from).await;
        }
        let began = Instant::now();
        let (method, target) = (request.method().to_string(), request.uri().to_string());
        let response = self.route(request, from).await;
        let (status, took) = (response.status().as_u16(), began.elapsed());
        self.events.emit(Event::Request { method, target, status, took });
        response
    }

    /// Checks a request, and passes it to what is at its path.
    async fn route<B>(&self, request: Request<B>, from: IpAddr) -> Response
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
        // CONNECT is for forward proxies, and TRACE would show cookies to scripts.
        if [Method::CONNECT, Method::TRACE].contains(request.method()) {
            return method_not_allowed();
        }
        // Another coding, or a repeated one, may be parsed differently by a backend: request
        // smuggling.
        let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
        let chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !codings.next().is_none_or(chunked) || codings.next().is_some() {
            let mut response = plain(
                StatusCode::NOT_IMPLEMENTED,
                "The only supported transfer coding is chunked.\n",
            );
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
        let path = request.uri().path();
        if own_paths::is_own(path) {
            let device = (!is_local(&request, from)).then_some(from);
            return self.own(request, &host, device).await;
        }
        if let Some(route) = self.proxy.route(path) {
            return self.backend(route, request, &host, from).await;
        }
        if let Some(base) = &self.base
            && ["/", "/index.html"].contains(&path)
            && is_navigation(request.headers())
        {
            let query = request.uri().query().map(|query| format!("?{query}"));
            return redirect(StatusCode::FOUND, &format!("{base}{}", query.unwrap_or_default()));
        }
        if path == workspace::PATH
            && is_local(&request, from)
            && let Some(response) = self.workspace(request.method(), request.headers(), &host).await
        {
            return response;
        }
        self.file(request.method(), request.uri(), request.headers(), &host).await
    }

    /// Answers a request by the backend of a route.
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
        let (method, headers, uri) = (request.method(), request.headers(), request.uri());
        let (path, query) = (uri.path(), uri.query());
        let ticket = self.live.on_request(RequestHead { method, headers, host, path, query }).await;
        let local = is_local(&request, from);
        let client = Client { address: from, https: false, local };
        let origin = route.upstream().name();
        let response = self.proxy.forward(route, request, client, ticket.is_page()).await;
        let why = match self.live.on_response(&ticket, response, origin).await {
            Ok(response) => return response,
            Err(why) => why,
        };
        let failed = self.proxy.failed_page(route, &*why, local);
        self.live
            .on_response(&ticket, failed, origin)
            .await
            .unwrap_or_else(|why| plain(StatusCode::BAD_GATEWAY, format!("{why}\n")))
    }

    /// Refuses a request with 403.
    fn refuse(&self, path: &str, reason: Refusal) -> Response {
        let text = format!("Refused: {}.\n", reason.with_remedy());
        self.events.emit(Event::Refused { path: path.to_owned(), reason });
        plain(StatusCode::FORBIDDEN, text)
    }
}
