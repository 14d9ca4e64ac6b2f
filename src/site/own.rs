//! The paths of livers itself: the client's modules, the reload socket, status, packages.

use std::net::IpAddr;

use bytes::Bytes;
use hyper::{Method, Request, StatusCode, body::Body as HttpBody};

use super::{
    Site, UTF8,
    policy::Policy,
    response::{guard, method_not_allowed, plain},
    scripts, tools,
};
use crate::{
    http::{
        body::{BodyError, Response},
        guard::same_origin,
        own_paths,
        representation::Representation,
    },
    refusal::Refusal,
};

impl Site {
    /// Answers a request for one of livers' own paths. `device` is the address of another device.
    pub(super) async fn own<B>(
        &self,
        request: Request<B>,
        host: &str,
        device: Option<IpAddr>,
    ) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let path = request.uri().path();
        if !same_origin(request.headers(), host) {
            return self.refuse(path, Refusal::CrossOriginOwnPath);
        }
        let (method, headers) = (request.method(), request.headers());
        let name = &path[own_paths::PREFIX.len()..];
        let mut response = if method == Method::OPTIONS {
            Policy::default().options(headers)
        } else if tools::is_tool(name) {
            self.tool(request, device.is_none()).await
        } else if [Method::GET, Method::HEAD].contains(method) {
            self.own_file(request, host, device).await
        } else {
            method_not_allowed()
        };
        guard(&mut response);
        response
    }

    /// Answers a GET or HEAD request for what pages load.
    #[cfg_attr(not(feature = "esm"), allow(unused_variables))]
    async fn own_file<B>(
        &self,
        request: Request<B>,
        host: &str,
        device: Option<IpAddr>,
    ) -> Response {
        let (method, headers) = (request.method(), request.headers());
        let path = request.uri().path();
        match &path[own_paths::PREFIX.len()..] {
            "/socket" => {
                // Every change after `connected` is published.
                self.watch.established().await;
                self.live.socket(request, device)
            }
            "/events" => {
                self.watch.established().await;
                self.live.event_stream(&request, device)
            }
            "/source" => match self.live.source(request.uri().query().unwrap_or_default()) {
                Some(source) => Representation::from_bytes(StatusCode::OK, UTF8, source)
                    .into_response(method, headers),
                None => plain(StatusCode::NOT_FOUND, "This source is no longer kept.\n"),
            },
            "/status" => {
                self.watch.established().await;
                let status = self.status(device.is_none());
                Representation::from_bytes(StatusCode::OK, "application/json", status)
                    .into_response(method, headers)
            }
            #[cfg(feature = "esm")]
            "/pack" => self.pack(method, request.uri(), headers, host).await,
            name if name.starts_with("/npm/") => {
                self.package(&name["/npm/".len()..], method, request.uri(), headers).await
            }
            scripts::EDITOR => {
                self.editor_module(&request, scripts::text(scripts::EDITOR), device.is_none())
            }
            name => scripts::answer(name, &request, self.console)
                .unwrap_or_else(|| plain(StatusCode::NOT_FOUND, format!("There is no {path}.\n"))),
        }
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
