//! The paths of livers itself: the client's modules, the reload socket, status, packages.

use hyper::{Method, Request, StatusCode};

use super::{
    Site, UTF8,
    policy::Policy,
    response::{guard, method_not_allowed, plain},
    scripts,
};
use crate::{
    http::{body::Response, guard::same_origin, own_paths, representation::Representation},
    refusal::Refusal,
};

impl Site {
    /// Answers a request for one of livers' own paths. `local`: it was sent on this machine.
    pub(super) async fn own<B>(&self, request: Request<B>, host: &str, local: bool) -> Response {
        let path = request.uri().path();
        if !same_origin(request.headers(), host) {
            return self.refuse(path, Refusal::CrossOriginOwnPath);
        }
        let (method, headers) = (request.method(), request.headers());
        let mut response = match &path[own_paths::PREFIX.len()..] {
            _ if method == Method::OPTIONS => Policy::default().options(headers),
            _ if ![Method::GET, Method::HEAD].contains(method) => method_not_allowed(),
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
                    .into_response(method, headers),
                None => plain(StatusCode::NOT_FOUND, "This source is no longer kept.\n"),
            },
            "/status" => {
                self.watch.established().await;
                Representation::from_bytes(StatusCode::OK, "application/json", self.status(local))
                    .into_response(method, headers)
            }
            "/logs" if local => {
                let follow = request.uri().query().is_some_and(|query| {
                    query.split('&').any(|pair| pair.split('=').next() == Some("follow"))
                });
                self.log.response(follow && method == Method::GET)
            }
            #[cfg(feature = "esm")]
            "/pack" => self.pack(method, request.uri(), headers, host).await,
            name if name.starts_with("/npm/") => {
                self.package(&name["/npm/".len()..], method, request.uri(), headers).await
            }
            name => scripts::answer(name, &request, self.console)
                .unwrap_or_else(|| plain(StatusCode::NOT_FOUND, format!("There is no {path}.\n"))),
        };
        guard(&mut response);
        response
    }

    /// Returns the JSON of `/__livers/status`. Other machines learn neither where the folder is nor
    /// the addresses of backends.
    fn status(&self, local: bool) -> String {
        let hub = self.live.hub();
        let root = if local { self.root.path().to_string_lossy() } else { ".".into() };
        let routes = if local { self.routes.clone() } else { self.proxy.prefixes() };
        let pages = hub.pages().into_iter();
        let pages = pages.map(|(page, uses)| serde_json::json!({ "page": page, "uses": uses }));
        let status = serde_json::json!({
            "livers": env!("CARGO_PKG_VERSION"),
            "boot": hub.boot(),
            "version": hub.version(),
            "root": root,
            "routes": routes,
            "clients": hub.open_tabs(),
            "pages": pages.collect::<Vec<_>>(),
            "watch": {
                "folders": self.watch.folders(),
                "polling": self.watch.polling().map(|reason| reason.to_string()),
            },
        });
        status.to_string() + "\n"
    }
}
