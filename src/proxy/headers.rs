//! Rewrites the header fields of requests and responses, as pure functions.
//!
//! livers is a gateway (RFC 9110, section 3.7). [Hop-by-hop fields](super::hop) are removed in both
//! directions and set again where needed. `Via` is added to requests, where a gateway must, and not
//! to responses, where it may (section 7.6.3). `Host` stays as the browser sent it, unless the
//! backend is to see its own host: then an `Origin` and a `Referer` of livers' own pages are
//! changed to the backend's, and those of other origins are kept, so that the backend can still
//! tell them apart. `X-Forwarded-For`, `-Proto` and `-Host` contain what livers itself has seen;
//! values that the client sent in them, in `Forwarded` or in `X_Forwarded_For` are removed. All
//! other fields pass unchanged.
//!
//! hyper frames the body: it writes `Content-Length` or chunks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::{
    HeaderMap, StatusCode, Version,
    header::{
        ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, FORWARDED, HOST, HeaderName,
        HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, ORIGIN, REFERER, TE, UPGRADE, VIA,
    },
    http::{request, uri::Uri},
};

use super::{
    Client,
    hop::{WEBSOCKET, remove_hop_by_hop},
};
use crate::http::field::{has_token, list_members};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What a request is forwarded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForwardKind {
    Plain,
    /// A navigation. If its response is a page, the client script is injected, so the response must
    /// be complete and uncompressed; a 304 would also keep an old version stamp in the page. Ranges
    /// are kept: partial content is never injected, and navigations to videos and resumed downloads
    /// use them.
    Injectable,
    /// The opening handshake of a WebSocket.
    Upgrade,
}

/// How a backend is addressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backend<'b> {
    /// Host and port.
    pub(super) authority: &'b str,
    /// Scheme, host and port, if the backend is to see these instead of livers' own.
    pub(super) origin: Option<&'b str>,
}

/// Rewrites the fields of a client's request for the backend. Returns the host that the client
/// requested.
pub(super) fn request(
    parts: &mut request::Parts,
    backend: Backend<'_>,
    client: &Client,
    kind: ForwardKind,
) -> Option<HeaderValue> {
    let requested = host(&parts.uri, &parts.headers);
    let own = || HeaderValue::from_str(backend.authority).ok();
    let host = requested.clone().or_else(own);
    let headers = &mut parts.headers;
    let trailers = has_token(headers, &TE, "trailers");
    remove_hop_by_hop(headers);
    headers.remove(FORWARDED);
    for name in underscore_variants(headers) {
        headers.remove(name);
    }
    if kind == ForwardKind::Upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
    } else if trailers {
        // `Connection` must name TE (RFC 9110, section 10.1.4).
        headers.insert(CONNECTION, HeaderValue::from_static("TE"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    // HTTP/1.0 has no 100 (RFC 9110, section 10.1.1).
    if parts.version < Version::HTTP_11 {
        headers.remove(EXPECT);
    }
    if kind == ForwardKind::Injectable {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for condition in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            headers.remove(condition);
        }
    }
    headers.append(VIA, HeaderValue::from_static(via(parts.version)));
    let proto = if client.https { "https" } else { "http" };
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
    set(headers, FORWARDED_FOR, address(client.address));
    if let Some(origin) = backend.origin {
        let host = host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default();
        for name in [ORIGIN, REFERER] {
            let value = headers.get(&name).and_then(|value| value.to_str().ok());
            if let Some(new) = value.and_then(|value| replace_origin(value, host, origin)) {
                set(headers, name, HeaderValue::from_str(&new).ok());
            }
        }
    }
    set(headers, FORWARDED_HOST, host.clone());
    set(headers, HOST, if backend.origin.is_some() { own() } else { host });
    requested
}

/// Returns the fields that a CGI backend cannot distinguish from `X-Forwarded-*`, because it maps
/// underscores and dashes to one character (RFC 3875, section 4.1.18).
fn underscore_variants(headers: &HeaderMap) -> Vec<HeaderName> {
    let forwarded = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST];
    let is_variant = |name: &&HeaderName| {
        name.as_str().contains('_')
            && forwarded.iter().any(|field| field.as_str() == name.as_str().replace('_', "-"))
    };
    headers.keys().filter(is_variant).cloned().collect()
}

/// Replaces the origin in an `Origin` or `Referer` of livers' own pages.
fn replace_origin(value: &str, host: &str, origin: &str) -> Option<String> {
    let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    authority.eq_ignore_ascii_case(host).then(|| format!("{origin}{path}"))
}

/// Rewrites the fields of a backend's response for the client.
pub(super) fn response(status: StatusCode, headers: &mut HeaderMap) {
    let websocket = has_token(headers, &UPGRADE, WEBSOCKET);
    remove_hop_by_hop(headers);
    // Recipients read a list of lengths differently (RFC 9110, section 8.6). hyper has rejected
    // lists whose members differ.
    let lengths = headers.get_all(CONTENT_LENGTH);
    if lengths.iter().count() > 1 || lengths.iter().any(|value| value.as_bytes().contains(&b',')) {
        let length =
            list_members(headers, &CONTENT_LENGTH).next().and_then(|value| value.parse().ok());
        set(headers, CONTENT_LENGTH, length);
    }
    // A 101 and a 426 must have both fields (RFC 9110, sections 15.2.2 and 15.5.22).
    let upgrades = matches!(status, StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED);
    if websocket && upgrades {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
    }
}

/// Returns the requested host. That of an absolute-form target (or of HTTP/2's `:authority`) takes
/// precedence over `Host` (RFC 9112, section 3.2.2).
fn host(uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    match uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => headers.get(HOST).cloned(),
    }
}

/// Returns the value of `Via`, with the version of the received message (RFC 9110, section 7.6.3).
fn via(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 | Version::HTTP_10 => "1.0 livers",
        Version::HTTP_2 => "2 livers",
        Version::HTTP_3 => "3 livers",
        _ => "1.1 livers",
    }
}

/// Formats an address. An IPv4 address from an IPv6 socket is written as IPv4.
fn address(address: IpAddr) -> Option<HeaderValue> {
    match address.to_canonical() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => Some(HeaderValue::from_static("127.0.0.1")),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Some(HeaderValue::from_static("::1")),
        address => HeaderValue::from_str(&address.to_string()).ok(),
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use hyper::{HeaderMap, Request, StatusCode, Version, header::HeaderName};

    use super::{Backend, Client, ForwardKind, request, response};

    const BACKEND: Backend<'_> = Backend { authority: "backend:3000", origin: None };

    /// Returns fields as sorted lines, with lower-case names.
    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    fn map(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn forwarded(uri: &str, given: &[&str], kind: ForwardKind) -> Vec<String> {
        let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        parts.headers = map(given);
        let client = Client { address: IpAddr::from([127, 0, 0, 1]), https: false, local: true };
        let _ = request(&mut parts, BACKEND, &client, kind);
        lines(&parts.headers)
    }

    /// Adds the fields that every forwarded request has.
    fn with_added(lines: &[&str], host: &str) -> Vec<String> {
        let host = [format!("host: {host}"), format!("x-forwarded-host: {host}")];
        let added = ["via: 1.1 livers", "x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http"];
        let mut all: Vec<String> =
            lines.iter().chain(&added).map(ToString::to_string).chain(host).collect();
        all.sort();
        all
    }

    #[test]
    fn request_loses_hop_by_hop_fields() {
        let table: [(&[&str], &[&str]); 8] = [
            (
                &["Accept: */*", "Cookie: a=b; c", "Origin: null"],
                &["accept: */*", "cookie: a=b; c", "origin: null"],
            ),
            (
                &["Connection: keep-alive, X-One", "Connection: ,x-TWO ,", "X-One: 1", "X-Two: 2"],
                &[],
            ),
            (&["Keep-Alive: 5", "Proxy-Connection: x", "Proxy-Authorization: Basic x"], &[]),
            (&["Content-Length: 4", "Transfer-Encoding: chunked", "Trailer: X"], &["trailer: X"]),
            (&["TE: gzip;q=1, Trailers"], &["connection: TE", "te: trailers"]),
            (&["TE: gzip"], &[]),
            (&["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"], &[]),
            // Fields that livers adds cannot be removed by a client.
            (&["Connection: host, via, x-forwarded-for, x-forwarded-host"], &[]),
        ];
        for (given, expected) in table {
            let given = [given, &["Host: a.test"]].concat();
            assert_eq!(
                forwarded("/x", &given, ForwardKind::Plain),
                with_added(expected, "a.test"),
                "{given:?}"
            );
        }
    }

    #[test]
    fn forwarded_fields_of_the_client_are_replaced() {
        let given = [
            "Host: a.test",
            "X-Forwarded-For: 1.2.3.4",
            "X-Forwarded-For: 5.6.7.8",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: evil.test",
            "Forwarded: for=1.2.3.4",
            "X_Forwarded_For: 1.2.3.4",
            "X-Forwarded_Host: evil.test",
            "x_forwarded-proto: https",
            "Client_Id: x",
        ];
        let expected = with_added(&["client_id: x"], "a.test");
        assert_eq!(forwarded("/x", &given, ForwardKind::Plain), expected);
        let (mut parts, ()) = Request::new(()).into_parts();
        let client =
            Client { address: "::ffff:10.0.0.9".parse().unwrap(), https: true, local: true };
        parts.version = Version::HTTP_10;
        parts.headers = map(&["Via: 1.1 other"]);
        let _ = request(&mut parts, BACKEND, &client, ForwardKind::Plain);
        assert_eq!(
            lines(&parts.headers),
            [
                "host: backend:3000",
                "via: 1.0 livers",
                "via: 1.1 other",
                "x-forwarded-for: 10.0.0.9",
                "x-forwarded-host: backend:3000",
                "x-forwarded-proto: https",
            ]
        );
    }

    #[test]
    fn host_of_an_absolute_target_takes_precedence() {
        let expected = with_added(&[], "localhost:8080");
        let given = ["Host: other.test"];
        assert_eq!(forwarded("http://localhost:8080/x", &given, ForwardKind::Plain), expected);
    }

    #[test]
    fn injectable_request_is_unconditional_and_uncompressed() {
        let given = [
            "Host: a.test",
            "Accept-Encoding: gzip",
            "If-None-Match: \"x\"",
            "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT",
            "If-Range: \"x\"",
            "Range: bytes=0-1",
            "If-Match: \"y\"",
        ];
        let expected =
            ["accept-encoding: identity", "if-match: \"y\"", "if-range: \"x\"", "range: bytes=0-1"];
        assert_eq!(
            forwarded("/x", &given, ForwardKind::Injectable),
            with_added(&expected, "a.test")
        );
        let kept = forwarded("/x", &given, ForwardKind::Plain);
        for field in ["accept-encoding: gzip", "if-none-match: \"x\""] {
            assert!(kept.contains(&field.to_owned()), "{field} passes in other requests");
        }
    }

    #[test]
    fn changed_origin_replaces_host_origin_and_referer() {
        let table: [(&str, &str); 6] = [
            ("origin: http://localhost:8080", "origin: https://b.test"),
            ("origin: https://LOCALHOST:8080", "origin: https://b.test"),
            ("origin: http://localhost:3000", "origin: http://localhost:3000"),
            ("origin: http://localhost:8080.evil.test", "origin: http://localhost:8080.evil.test"),
            ("origin: null", "origin: null"),
            ("referer: http://localhost:8080/a?b", "referer: https://b.test/a?b"),
        ];
        let backend = Backend { authority: "b.test", origin: Some("https://b.test") };
        for (given, expected) in table {
            let (mut parts, ()) = Request::new(()).into_parts();
            parts.headers = map(&["Host: localhost:8080", given]);
            let client =
                Client { address: IpAddr::from([127, 0, 0, 1]), https: false, local: true };
            let _ = request(&mut parts, backend, &client, ForwardKind::Plain);
            let lines = lines(&parts.headers);
            for line in [expected, "host: b.test", "x-forwarded-host: localhost:8080"] {
                assert!(lines.contains(&line.to_owned()), "{given}: {line} in {lines:?}");
            }
        }
    }

    #[test]
    fn opening_handshake_keeps_its_fields() {
        let given = [
            "Host: a.test",
            "Connection: keep-alive, Upgrade",
            "Upgrade: WebSocket",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: chat, superchat",
            "Sec-WebSocket-Extensions: permessage-deflate",
            "Origin: http://a.test",
        ];
        let expected = [
            "connection: Upgrade",
            "upgrade: websocket",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-version: 13",
            "sec-websocket-protocol: chat, superchat",
            "sec-websocket-extensions: permessage-deflate",
            "origin: http://a.test",
        ];
        assert_eq!(forwarded("/x", &given, ForwardKind::Upgrade), with_added(&expected, "a.test"));
    }

    #[test]
    fn response_loses_hop_by_hop_fields() {
        let table: [(u16, &[&str], &[&str]); 7] = [
            (200, &["Content-Length: 4, 4"], &["content-length: 4"]),
            (200, &["Content-Length: 4", "Content-Length: 4"], &["content-length: 4"]),
            (
                200,
                &[
                    "Connection: close, X-Hop",
                    "X-Hop: 1",
                    "Keep-Alive: 5",
                    "Transfer-Encoding: chunked",
                    "Upgrade: h2c",
                    "Proxy-Authenticate: Basic",
                    "Set-Cookie: a=b",
                    "Set-Cookie: c=d",
                    "Trailer: X",
                ],
                &["set-cookie: a=b", "set-cookie: c=d", "trailer: X"],
            ),
            (
                101,
                &["Connection: upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Accept: x"],
                &["connection: Upgrade", "sec-websocket-accept: x", "upgrade: websocket"],
            ),
            (
                426,
                &["Connection: upgrade", "Upgrade: websocket"],
                &["connection: Upgrade", "upgrade: websocket"],
            ),
            (426, &["Connection: upgrade", "Upgrade: h2c"], &[]),
            (401, &["WWW-Authenticate: Basic", "Upgrade: websocket"], &["www-authenticate: Basic"]),
        ];
        for (status, given, expected) in table {
            let mut headers = map(given);
            response(StatusCode::from_u16(status).unwrap(), &mut headers);
            assert_eq!(lines(&headers), expected, "{status} {given:?}");
        }
    }
}
