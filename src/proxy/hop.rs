//! Hop-by-hop header fields: those that describe one connection, not the message.
//!
//! They are removed whether or not `Connection` names them (RFC 9110, section 7.6.1). Of the
//! protocols that `Upgrade` may ask for, only WebSocket is forwarded: any other, h2c above all,
//! would let a client reach the backend around the checks of this server.

use hyper::{
    HeaderMap, Method, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
        TRANSFER_ENCODING, UPGRADE, VIA,
    },
};

use crate::http::field::{has_token, list_members};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
/// A request that has passed through livers this often is in a loop.
const MAX_HOPS: usize = 5;

/// The only protocol that is tunneled.
pub(super) const WEBSOCKET: &str = "websocket";

/// Removed even if `Connection` does not name them. The credentials are for a forward proxy (RFC
/// 9110, section 11.7); `HTTP2-Settings` belongs to h2c (RFC 9113, section 3.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HTTP2_SETTINGS,
];

/// Returns whether a request opens a WebSocket (RFC 6455, section 4.1; RFC 9110, section 7.8).
pub(super) fn opens_websocket(method: &Method, version: Version, headers: &HeaderMap) -> bool {
    *method == Method::GET
        && version == Version::HTTP_11
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, WEBSOCKET)
}

/// Returns whether a route leads back to livers (RFC 9110, section 7.6.3). A few instances behind
/// each other are no loop.
pub(super) fn is_loop(headers: &HeaderMap) -> bool {
    list_members(headers, &VIA).filter(|hop| hop.ends_with(" livers")).count() >= MAX_HOPS
}

/// Returns whether a response switches to the WebSocket protocol.
pub(super) fn accepts_websocket(headers: &HeaderMap) -> bool {
    has_token(headers, &UPGRADE, WEBSOCKET)
}

/// Returns whether a response has a transfer coding other than `chunked`, which was not requested
/// (RFC 9112, section 6.1): the field would be removed and the body forwarded as coded. RFC 2616
/// had `identity`.
pub(super) fn has_unknown_transfer_coding(response: &HeaderMap) -> bool {
    let known = |coding: &str| ["", "chunked", "identity"].contains(&coding);
    !list_members(response, &TRANSFER_ENCODING).all(|coding| known(&coding.to_ascii_lowercase()))
}

/// Removes the hop-by-hop fields: those that `Connection` names, and the known ones. A
/// `Content-Length` next to a `Transfer-Encoding` is invalid and removed, too (RFC 9112, section
/// 6.3).
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = list_members(headers, &CONNECTION)
        .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, Method, Version, header::HeaderName};

    use super::{is_loop, opens_websocket};

    fn map(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn loop_is_detected_and_chain_is_not() {
        let table: [(&[&str], bool); 4] = [
            (&[], false),
            (&["Via: 1.1 livers, 1.1 other", "Via: 1.0 livers"], false),
            (&["Via: 1.1 delivers, 1.1 livers.test, 1.1 a, 1.1 b, 1.1 c"], false),
            (
                &["Via: 1.1 livers, 1.1 livers", "Via: 1.1 livers, 1.1 x, 1.1 livers,1.0 livers"],
                true,
            ),
        ];
        for (given, expected) in table {
            assert_eq!(is_loop(&map(given)), expected, "{given:?}");
        }
    }

    #[test]
    fn only_websocket_upgrades_are_recognized() {
        let both = ["Connection: Upgrade", "Upgrade: websocket"];
        let table: [(Method, Version, &[&str], bool); 8] = [
            (Method::GET, Version::HTTP_11, &both, true),
            (
                Method::GET,
                Version::HTTP_11,
                &["Connection: a, UPGRADE", "Upgrade: x,WebSocket"],
                true,
            ),
            (Method::POST, Version::HTTP_11, &both, false),
            (Method::GET, Version::HTTP_10, &both, false),
            (Method::GET, Version::HTTP_11, &["Connection: Upgrade", "Upgrade: h2c"], false),
            (Method::GET, Version::HTTP_11, &["Connection: Upgrade"], false),
            (Method::GET, Version::HTTP_11, &["Upgrade: websocket"], false),
            (Method::GET, Version::HTTP_11, &["Connection: close", "Upgrade: websocket"], false),
        ];
        for (method, version, given, expected) in table {
            let found = opens_websocket(&method, version, &map(given));
            assert_eq!(found, expected, "{method} {version:?} {given:?}");
        }
    }
}
