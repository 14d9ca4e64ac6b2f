//! The proxy's part of the [door](crate::fuzzing).

use std::net::IpAddr;

use hyper::{HeaderMap, Request, StatusCode, Uri, http::request};

use super::{
    Client, Route,
    headers::{self, Backend, Onward},
    hop,
    rewrite::{self, Way},
    route::best,
};

/// The route of a path, by its place in the list.
pub fn routed(routes: &[Route], path: &str) -> Option<usize> {
    let found = best(routes, path)?;
    routes.iter().position(|route| std::ptr::eq(route, found))
}

/// What a backend is asked for.
pub fn target(route: &Route, asked: &Uri) -> Option<Uri> {
    route.target(asked).ok()
}

/// The head of a request as the backend gets it. It opens a WebSocket if it asks for one.
pub fn forwarded(
    request: Request<()>,
    own_origin: bool,
    injectable: bool,
) -> (request::Parts, bool) {
    let (mut parts, ()) = request.into_parts();
    let opens = hop::opens_websocket(&parts.method, parts.version, &parts.headers);
    let onward = match (opens, injectable) {
        (true, _) => Onward::Upgrade,
        (false, true) => Onward::Injectable,
        (false, false) => Onward::Plain,
    };
    let origin = own_origin.then_some("https://backend.test:3000");
    let backend = Backend { authority: "backend.test:3000", origin };
    let client = Client { address: IpAddr::from([192, 0, 2, 7]), https: false };
    headers::request(&mut parts, backend, &client, onward);
    (parts, opens)
}

/// The head of an answer as the browser gets it, by the first of the routes.
pub fn relayed(routes: &[Route], host: &str, status: StatusCode, headers: &mut HeaderMap) {
    headers::response(status, headers);
    if let Some(route) = routes.first() {
        rewrite::response(headers, Way { routes, route, host });
    }
}
