//! Serves one connection: any stream, with the protocol that was agreed on.
//!
//! A handshake, as of TLS, belongs in the connection's task, before [`serve`].

use std::{io, net::IpAddr, pin::pin, sync::Arc};

use hyper::{
    Request, StatusCode, Version,
    body::{Body as _, Incoming},
    header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    activity::{TrackedBody, TrackedStream},
    limit::{Close, Permit},
    request::RequestProgress,
};
use crate::{
    http::{
        body::{self, Response},
        informational::{InformationalStream, InformationalWriter},
    },
    site::Site,
};

/// The application protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 and HTTP/1.1 (RFC 9112).
    Http1,
}

/// What the requests of a connection share.
struct Shared {
    site: Arc<Site>,
    permit: Arc<Permit>,
    progress: Arc<RequestProgress>,
    from: IpAddr,
    /// Present if there are backends: only they send informational responses.
    informational: Option<InformationalWriter>,
}

/// Serves the requests of a connection until either side closes it.
pub(super) async fn serve<S>(
    stream: S,
    protocol: Protocol,
    from: IpAddr,
    site: Arc<Site>,
    permit: Arc<Permit>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match protocol {
        Protocol::Http1 => serve_http1(stream, from, site, permit).await,
    }
}

async fn serve_http1<S>(stream: S, from: IpAddr, site: Arc<Site>, permit: Arc<Permit>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let has_backends = !site.routes.is_empty();
    let informational = InformationalWriter::default();
    let stream = InformationalStream::new(stream, informational.clone());
    let progress = RequestProgress::new();
    let stream = TrackedStream::new(stream, Arc::clone(&permit), Arc::clone(&progress));
    let shared = Arc::new(Shared {
        site,
        permit: Arc::clone(&permit),
        progress,
        from,
        informational: has_backends.then_some(informational),
    });
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    let connection = http1::Builder::new()
        // Some hand-written backends find `Sec-WebSocket-Key` in this spelling only.
        .preserve_header_case(has_backends)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // Errors are those of the client's connection, and end nothing else.
    let close = tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        close = permit.close_requested() => close,
    };
    if close == Close::Gracefully {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            _ = connection => {}
            _ = permit.close_requested() => {}
        }
    }
}

/// Responds to one request. Fails if the connection was evicted just before, which closes it.
async fn respond(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
) -> io::Result<hyper::Response<TrackedBody>> {
    if !shared.permit.request_started() {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    if let Some(informational) = &shared.informational {
        request.extensions_mut().insert(informational.clone());
    }
    let version = request.version();
    let (request, dropped_body) = shared.progress.start(request);
    let mut response = shared.site.respond(request, shared.from).await;
    if !shared.progress.finish(dropped_body).await {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if version == Version::HTTP_10 && !has_known_length(&response) {
        // Its end is the end of the connection. hyper would promise to keep it if the client asks.
        *response.version_mut() = Version::HTTP_10;
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && !shared.permit.upgrade() {
        response = too_many_upgrades();
    }
    let permit = Arc::clone(&shared.permit);
    Ok(response.map(|body| TrackedBody::new(body, permit)))
}

/// Returns whether a response can be sent with a `Content-Length`.
fn has_known_length(response: &Response) -> bool {
    response.body().size_hint().exact().is_some() || response.headers().contains_key(CONTENT_LENGTH)
}

/// The response to a WebSocket handshake while the limit of upgraded connections is reached.
fn too_many_upgrades() -> Response {
    let mut response = Response::new(body::full("Busy: too many WebSockets are open.\n"));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
