//! Errors of a proxied exchange, as plain data, and their descriptions for people.

use std::{error::Error as _, fmt, io, time::Duration};

use hyper::StatusCode;

/// Why a request has no response from its backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProxyError {
    /// No connection could be opened.
    Unreachable(ConnectError),
    /// The backend accepted the request and sent no response head within this time.
    Timeout(Duration),
    /// The backend accepted the request and closed the connection or sent an invalid response.
    BadResponse(String),
    /// The request cannot be forwarded; this status and reason are sent to the client.
    BadRequest(StatusCode, &'static str),
    /// The server is shutting down.
    ShuttingDown,
}

impl ProxyError {
    /// Returns the status of the response that replaces the backend's.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Timeout(_) | Self::Unreachable(ConnectError { timed_out: true, .. }) => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::Unreachable(_) | Self::BadResponse(_) => StatusCode::BAD_GATEWAY,
            Self::BadRequest(status, _) => *status,
            Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Describes the cause, without the name of the backend.
impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => error.fmt(f),
            Self::Timeout(limit) => write!(f, "no response within {} seconds", limit.as_secs_f64()),
            Self::BadResponse(reason) => f.write_str(reason),
            Self::BadRequest(_, reason) => f.write_str(reason),
            Self::ShuttingDown => f.write_str("livers is shutting down"),
        }
    }
}

/// Why no connection to a backend could be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConnectError {
    pub(super) reason: String,
    /// The host did not answer at all, rather than refuse.
    pub(super) timed_out: bool,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<String> for ConnectError {
    fn from(reason: String) -> Self {
        Self { reason, timed_out: false }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        let timed_out = error.kind() == io::ErrorKind::TimedOut;
        Self { reason: describe_io(&error), timed_out }
    }
}

/// Describes an error of a socket to a backend.
pub(super) fn describe_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the backend reset the connection".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "the backend closed the connection".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        io::ErrorKind::TimedOut => "connection timed out".to_owned(),
        _ => error.to_string(),
    }
}

/// Describes an error of an HTTP connection to a backend.
pub(super) fn describe_http(error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        return "the header fields of the response are too large".to_owned();
    }
    if error.is_parse() {
        return "the response is not valid HTTP".to_owned();
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return "the backend closed the connection".to_owned();
    }
    io_cause(error).map_or_else(|| error.to_string(), describe_io)
}

/// Returns the socket error that caused an HTTP error.
pub(super) fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return Some(error);
        }
        source = cause.source();
    }
    None
}
