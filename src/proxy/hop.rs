//! Fields that speak of one connection, and what is read in them.
//!
//! They end here whether or not `Connection` names them (RFC 9110 section 7.6.1). Of the protocols
//! that `Upgrade` may ask for, only WebSocket is known: anything else, h2c above all, would let a
//! client speak to the backend past everything that is decided here.

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
/// How often a request may come through livers.
const ROUNDS: usize = 5;

/// The only protocol that is tunnelled.
pub(super) const WEBSOCKET: &str = "websocket";

/// What ends here unnamed. The credentials are for a proxy, which no browser takes us for (RFC 9110
/// section 11.7); `HTTP2-Settings` came with h2c (RFC 9113 section 3.1).
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

/// Whether a request opens a WebSocket (RFC 6455 section 4.1, RFC 9110 section 7.8).
pub(super) fn opens_websocket(method: &Method, version: Version, headers: &HeaderMap) -> bool {
    *method == Method::GET
        && version == Version::HTTP_11
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, WEBSOCKET)
}

/// Whether a request has come through livers so often that a route must lead back to it: one livers
/// behind another is somebody's wish, a round is nobody's (RFC 9110 section 7.6.3).
pub(super) fn goes_round(headers: &HeaderMap) -> bool {
    list_members(headers, &VIA).filter(|hop| hop.ends_with(" livers")).count() >= ROUNDS
}

/// Whether an answer agrees to what was asked for.
pub(super) fn agrees_to_websocket(headers: &HeaderMap) -> bool {
    has_token(headers, &UPGRADE, WEBSOCKET)
}

/// Whether an answer is in a transfer coding that nobody asked for: its body would arrive with the
/// coding on, and without the word that says so (RFC 9112, section 6.1). `identity` was one once.
pub(super) fn is_recoded(answer: &HeaderMap) -> bool {
    let known = |coding: &str| ["", "chunked", "identity"].contains(&coding);
    !list_members(answer, &TRANSFER_ENCODING).all(|coding| known(&coding.to_ascii_lowercase()))
}

/// Takes off what speaks of one connection only: what `Connection` names, in all its lines, and
/// what is known to. A length beside a transfer coding is none, and must not outlive it (RFC 9112
/// section 6.3).
pub(super) fn strip(headers: &mut HeaderMap) {
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

    use super::{goes_round, opens_websocket};

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
    fn a_round_is_told_from_a_chain() {
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
            assert_eq!(goes_round(&map(given)), expected, "{given:?}");
        }
    }

    #[test]
    fn only_a_websocket_is_an_upgrade() {
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
