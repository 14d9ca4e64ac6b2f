//! The server's side of the WebSocket opening handshake (RFC 6455, section 4.2).

use hyper::{
    Method, StatusCode,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::http::{
    body::{self, Response},
    field::has_token,
};

/// The subprotocol that pages offer. Tools may leave it out.
const PROTOCOL: &str = "livers";

/// Why a request is not a valid handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeError {
    /// The request asks for no upgrade (RFC 9110, section 15.5.22).
    NoUpgrade,
    /// The WebSocket version is not 13 (RFC 6455, section 4.4).
    Version,
    Malformed,
}

/// Checks a handshake request and returns the value of `Sec-WebSocket-Accept` (RFC 6455, section
/// 4.2.1).
///
/// # Errors
/// The request is not a valid handshake.
pub(crate) fn accept_key(
    method: &Method,
    headers: &HeaderMap,
) -> Result<HeaderValue, HandshakeError> {
    if method != Method::GET
        || !has_token(headers, &UPGRADE, "websocket")
        || !has_token(headers, &CONNECTION, "upgrade")
    {
        return Err(HandshakeError::NoUpgrade);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(HandshakeError::Version);
    }
    // 16 bytes in base64.
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    let key = key.ok_or(HandshakeError::Malformed)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| HandshakeError::Malformed)
}

/// Returns whether the client is a page: it offers the subprotocol, and will say hello.
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    has_token(headers, &SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
}

/// Returns the response that completes a handshake (RFC 6455, section 4.2.2).
pub(super) fn switching_protocols(key: HeaderValue, page: bool) -> Response {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    if page {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    response
}

impl HandshakeError {
    /// Returns the response that says what is wrong.
    pub(super) fn response(self) -> Response {
        let (status, text) = match self {
            Self::NoUpgrade => (
                StatusCode::UPGRADE_REQUIRED,
                "This is a WebSocket endpoint. The same messages are available as an event \
                 stream at /__livers/events.\n",
            ),
            Self::Version => {
                (StatusCode::UPGRADE_REQUIRED, "Only version 13 of WebSocket is supported.\n")
            }
            Self::Malformed => (StatusCode::BAD_REQUEST, "The WebSocket handshake is malformed.\n"),
        };
        let mut response = Response::new(body::full(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use hyper::{
        Method,
        header::{HeaderMap, HeaderName, HeaderValue},
    };

    use super::{HandshakeError, accept_key};

    #[test]
    fn only_a_valid_handshake_is_accepted() {
        const VALID: [(&str, &str); 4] = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers = |change: Option<(&'static str, &'static str)>| -> HeaderMap {
            VALID
                .into_iter()
                .map(|(name, value)| match change {
                    Some((changed, value)) if changed == name => (name, value),
                    _ => (name, value),
                })
                .map(|(name, value)| {
                    (HeaderName::from_static(name), HeaderValue::from_static(value))
                })
                .collect()
        };
        // The example of RFC 6455, section 1.3.
        let accepted = accept_key(&Method::GET, &headers(None)).unwrap();
        assert_eq!(accepted, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (change, error) in [
            (("connection", "keep-alive"), HandshakeError::NoUpgrade),
            (("upgrade", "h2c"), HandshakeError::NoUpgrade),
            (("sec-websocket-version", "8"), HandshakeError::Version),
            (("sec-websocket-key", "short"), HandshakeError::Malformed),
        ] {
            assert_eq!(accept_key(&Method::GET, &headers(Some(change))), Err(error), "{change:?}");
        }
        assert_eq!(accept_key(&Method::POST, &headers(None)), Err(HandshakeError::NoUpgrade));
    }
}
