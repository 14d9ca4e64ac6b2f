//! What the header fields become on their way, as pure functions.
//!
//! livers is a gateway in RFC 9110's words (section 3.7). Fields that speak of one connection are
//! taken off in both directions (7.6.1) and set anew where they are needed; `Via` is added to
//! requests, where a gateway must, and not to answers, where it may (7.6.3). `Host` stays what the
//! browser sent, unless the backend is to see its own: then an `Origin` and a `Referer` of livers'
//! own pages become the backend's too, and those of others stay what they are, so that a backend
//! can still tell its own pages from foreign ones. `X-Forwarded-For`, `-Proto` and `-Host` say what
//! livers itself saw; whatever a client claimed in them, in `Forwarded`, or in `X_Forwarded_For` is
//! not passed on. Everything else passes untouched: cookies, `Origin`, `Authorization`, all of
//! `Sec-WebSocket-*`.
//!
//! The body's framing is not decided here: hyper writes `Content-Length` or chunks by itself.

use std::net::IpAddr;

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
    hop::{WEBSOCKET, strip},
};
use crate::http::field::{has_token, list_members};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// How a request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Onward {
    /// As it came.
    Plain,
    /// Its answer will be changed on the way if it is a page, so it must be there and readable: no
    /// 304, which would revive an old stamp in the page, no compression. A part may be asked for: it
    /// is not changed, and what is no page (a film, a download that goes on) often comes in parts.
    Injectable,
    /// As the opening of a WebSocket.
    Upgrade,
}

/// Whom a request is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backend<'b> {
    /// Its host and port.
    pub(super) authority: &'b str,
    /// Its scheme, host and port, if it is to see these rather than livers'.
    pub(super) origin: Option<&'b str>,
}

/// Makes the browser's fields the backend's.
pub(super) fn request(
    parts: &mut request::Parts,
    backend: Backend<'_>,
    from: &Client,
    onward: Onward,
) {
    let own = HeaderValue::from_str(backend.authority).ok();
    let host = host(&parts.uri, &parts.headers).or_else(|| own.clone());
    let headers = &mut parts.headers;
    let trailers = has_token(headers, &TE, "trailers");
    strip(headers);
    headers.remove(FORWARDED);
    for name in twins(headers) {
        headers.remove(name);
    }
    if onward == Onward::Upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
    } else if trailers {
        // TE must be named there (RFC 9110 section 10.1.4).
        headers.insert(CONNECTION, HeaderValue::from_static("TE"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    // HTTP/1.0 has no such thing (RFC 9110 section 10.1.1).
    if parts.version < Version::HTTP_11 {
        headers.remove(EXPECT);
    }
    if onward == Onward::Injectable {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for condition in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            headers.remove(condition);
        }
    }
    headers.append(VIA, HeaderValue::from_static(via(parts.version)));
    let proto = if from.https { "https" } else { "http" };
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
    set(headers, FORWARDED_FOR, HeaderValue::from_str(&plain(from.address).to_string()).ok());
    if let Some(origin) = backend.origin {
        let ours = host.as_ref().and_then(|host| host.to_str().ok()).map(|host| (host, origin));
        for name in [ORIGIN, REFERER] {
            let Some((host, origin)) = ours else { continue };
            let value = headers.get(&name).and_then(|value| value.to_str().ok());
            if let Some(new) = value.and_then(|value| of_backend(value, host, origin)) {
                set(headers, name, HeaderValue::from_str(&new).ok());
            }
        }
    }
    set(headers, FORWARDED_HOST, host.clone());
    set(headers, HOST, if backend.origin.is_some() { own } else { host });
}

/// The fields that backends of CGI's kind cannot tell from what livers says, since an underscore is a
/// dash to them (RFC 3875, section 4.1.18).
fn twins(headers: &HeaderMap) -> Vec<HeaderName> {
    let ours = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST];
    let is_twin = |name: &&HeaderName| {
        name.as_str().contains('_')
            && ours.iter().any(|ours| ours.as_str() == name.as_str().replace('_', "-"))
    };
    headers.keys().filter(is_twin).cloned().collect()
}

/// An origin, or a URL, of livers' own pages with the backend's origin in its place.
fn of_backend(value: &str, host: &str, origin: &str) -> Option<String> {
    let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    authority.eq_ignore_ascii_case(host).then(|| format!("{origin}{path}"))
}

/// Makes the backend's fields the browser's.
pub(super) fn response(status: StatusCode, headers: &mut HeaderMap) {
    let websocket = has_token(headers, &UPGRADE, WEBSOCKET);
    strip(headers);
    // A list of lengths is read by some and not by others (RFC 9110 section 8.6). If they were not all
    // the same, there would be no answer.
    let length =
        list_members(headers, &CONTENT_LENGTH).next().and_then(|length| length.parse().ok());
    if headers.contains_key(CONTENT_LENGTH) {
        set(headers, CONTENT_LENGTH, length);
    }
    // A 101 without them is none, and a 426 must say what it wants (RFC 9110 sections 15.2.2 and
    // 15.5.22).
    let upgrades = matches!(status, StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED);
    if websocket && upgrades {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
    }
}

/// The host that was asked for: that of an absolute-form target (or of HTTP/2's `:authority`)
/// comes before `Host` (RFC 9112 section 3.2.2).
fn host(uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    match uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => headers.get(HOST).cloned(),
    }
}

/// The version is that of the message received (RFC 9110 section 7.6.3).
fn via(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 | Version::HTTP_10 => "1.0 livers",
        Version::HTTP_2 => "2 livers",
        Version::HTTP_3 => "3 livers",
        _ => "1.1 livers",
    }
}

/// An IPv4 address that came in on an IPv6 socket, as people know it.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
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

    use super::{Backend, Client, Onward, request, response};

    const BACKEND: Backend<'_> = Backend { authority: "backend:3000", origin: None };

    /// Fields as lines, sorted, with the names in lower case.
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

    fn sent(uri: &str, given: &[&str], onward: Onward) -> Vec<String> {
        let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        parts.headers = map(given);
        let from = Client { address: IpAddr::from([127, 0, 0, 1]), https: false };
        request(&mut parts, BACKEND, &from, onward);
        lines(&parts.headers)
    }

    /// What every request gets, whoever asks.
    fn with_usual(lines: &[&str], host: &str) -> Vec<String> {
        let host = [format!("host: {host}"), format!("x-forwarded-host: {host}")];
        let usual = ["via: 1.1 livers", "x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http"];
        let mut all: Vec<String> =
            lines.iter().chain(&usual).map(ToString::to_string).chain(host).collect();
        all.sort();
        all
    }

    #[test]
    fn fields_of_one_connection_end_here() {
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
            // Nobody can have what livers itself says taken off.
            (&["Connection: host, via, x-forwarded-for, x-forwarded-host"], &[]),
        ];
        for (given, expected) in table {
            let given = [given, &["Host: a.test"]].concat();
            assert_eq!(
                sent("/x", &given, Onward::Plain),
                with_usual(expected, "a.test"),
                "{given:?}"
            );
        }
    }

    #[test]
    fn what_a_client_claims_to_be_is_not_passed_on() {
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
        let expected = with_usual(&["client_id: x"], "a.test");
        assert_eq!(sent("/x", &given, Onward::Plain), expected);
        let (mut parts, ()) = Request::new(()).into_parts();
        let from = Client { address: "::ffff:10.0.0.9".parse().unwrap(), https: true };
        parts.version = Version::HTTP_10;
        parts.headers = map(&["Via: 1.1 other"]);
        request(&mut parts, BACKEND, &from, Onward::Plain);
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
    fn the_host_of_an_absolute_target_is_the_one_that_counts() {
        let expected = with_usual(&[], "localhost:8080");
        let given = ["Host: other.test"];
        assert_eq!(sent("http://localhost:8080/x", &given, Onward::Plain), expected);
    }

    #[test]
    fn an_answer_that_will_be_changed_must_come_readable() {
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
        assert_eq!(sent("/x", &given, Onward::Injectable), with_usual(&expected, "a.test"));
        let kept = sent("/x", &given, Onward::Plain);
        for field in ["accept-encoding: gzip", "if-none-match: \"x\""] {
            assert!(kept.contains(&field.to_owned()), "{field} passes elsewhere");
        }
    }

    #[test]
    fn a_backend_may_see_its_own_host_and_its_own_pages() {
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
            let from = Client { address: IpAddr::from([127, 0, 0, 1]), https: false };
            request(&mut parts, backend, &from, Onward::Plain);
            let lines = lines(&parts.headers);
            for line in [expected, "host: b.test", "x-forwarded-host: localhost:8080"] {
                assert!(lines.contains(&line.to_owned()), "{given}: {line} in {lines:?}");
            }
        }
    }

    #[test]
    fn the_opening_of_a_websocket_keeps_what_is_its_own() {
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
        assert_eq!(sent("/x", &given, Onward::Upgrade), with_usual(&expected, "a.test"));
    }

    #[test]
    fn answers_lose_what_speaks_of_one_connection() {
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
