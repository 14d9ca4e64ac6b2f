//! Reads the JSON in the body of a request, with limits.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    StatusCode,
    body::Body as HttpBody,
    header::{CONTENT_TYPE, HeaderMap},
};
use tokio::time::timeout;

use super::body::BodyError;

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The media type is another one. HTML forms cannot send JSON, and scripts of other origins only
    /// with a permission that livers never gives.
    NotJson,
    /// It is longer than the limit.
    TooLong,
    /// It did not arrive in time.
    TimedOut,
    /// It broke off.
    Incomplete,
}

impl Unread {
    /// Returns the status of a response.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Incomplete => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "the Content-Type must be application/json",
            Self::TooLong => "the body is too long",
            Self::TimedOut => "the body took too long",
            Self::Incomplete => "the body is incomplete",
        })
    }
}

/// Reads a body of up to `limit` bytes that claims to be JSON.
///
/// # Errors
/// Fails if the body is not read.
pub(crate) async fn read_json<B>(
    headers: &HeaderMap,
    body: B,
    limit: usize,
) -> Result<Bytes, Unread>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BodyError>,
{
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Unread::NotJson);
    }
    // It is not read at all if the client tells that it is longer.
    if body.size_hint().lower() > limit as u64 {
        return Err(Unread::TooLong);
    }
    match timeout(TIMEOUT, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(why)) if why.is::<LengthLimitError>() => Err(Unread::TooLong),
        Ok(Err(_)) => Err(Unread::Incomplete),
        Err(_elapsed) => Err(Unread::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::{Full, StreamBody};
    use hyper::{
        body::Frame,
        header::{CONTENT_TYPE, HeaderMap},
    };

    use super::{Unread, read_json};
    use crate::http::body::BodyError;

    fn headers(media_type: &str) -> HeaderMap {
        [(CONTENT_TYPE, media_type.parse().unwrap())].into_iter().collect()
    }

    #[tokio::test]
    async fn only_json_is_read() {
        for (media_type, is_read) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("text/plain; a=application/json", false),
            ("application/json-seq", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            let read = read_json(&headers(media_type), Full::new(Bytes::from("{}")), 2).await;
            let wanted = if is_read { Ok("{}".into()) } else { Err(Unread::NotJson) };
            assert_eq!(read, wanted, "{media_type}");
        }
        let read = read_json(&HeaderMap::new(), Full::new(Bytes::from("{}")), 2).await;
        assert_eq!(read, Err(Unread::NotJson));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_are_bounded_in_length_and_time() {
        let json = headers("application/json");
        let long = Full::new(Bytes::from("{} "));
        assert_eq!(read_json(&json, long, 2).await, Err(Unread::TooLong));
        let frame = || Ok::<_, BodyError>(Frame::data(Bytes::from("{")));
        let endless = StreamBody::new(futures_util::stream::repeat_with(frame));
        assert_eq!(read_json(&json, endless, 100).await, Err(Unread::TooLong));
        let silent = StreamBody::new(futures_util::stream::pending::<Result<_, BodyError>>());
        let began = tokio::time::Instant::now();
        assert_eq!(
            read_json(&json, http_body_util::combinators::BoxBody::new(typed(silent)), 100).await,
            Err(Unread::TimedOut)
        );
        assert_eq!(began.elapsed(), Duration::from_secs(10));
        let broken = StreamBody::new(futures_util::stream::iter([frame(), Err("reset".into())]));
        assert_eq!(read_json(&json, broken, 100).await, Err(Unread::Incomplete));
    }

    /// Names the type of the data of a stream without any.
    fn typed<B: hyper::body::Body<Data = Bytes, Error = BodyError>>(body: B) -> B {
        body
    }
}
