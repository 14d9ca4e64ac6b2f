//! The URL that is opened in the browser.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What a URL cannot contain (RFC 3986, section 2). A path that is encoded already is kept.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Returns the URL of a path, which begins with a slash and may have a query and a fragment.
/// `server` is the URL of `/`.
pub(crate) fn url(server: &str, path: &str) -> String {
    let origin = server.strip_suffix('/').unwrap_or(server);
    format!("{origin}{}", utf8_percent_encode(path, ENCODED))
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn a_path_is_appended_and_encoded() {
        let table = [
            ("/", "http://localhost:80/"),
            ("/guide/?a=b%20c#d", "http://localhost:80/guide/?a=b%20c#d"),
            ("/a b/é\"", "http://localhost:80/a%20b/%C3%A9%22"),
            ("//evil.test", "http://localhost:80//evil.test"),
        ];
        for (path, wanted) in table {
            assert_eq!(url("http://localhost:80/", path), wanted);
        }
    }
}
