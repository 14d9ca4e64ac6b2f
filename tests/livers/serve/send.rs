//! The behaviour that the test suites of `send` and `serve-static` (npm) check, as a table:
//! thousands of servers behave like this, and users expect it.
//!
//! livers differs on purpose in these points: several ranges are sent as multipart (there: the
//! whole), hidden names are 403 unless allowed (there: 404 by default), paths with dot segments are
//! not found (there: resolved, or 403), and folders redirect with 302 (there: 301). Tests of
//! options that livers does not have (`start`, `maxAge`, `fallthrough`) are left out.

use std::time::{Duration, SystemTime};

use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::Livers;

/// A request and the expected response: the status, the beginnings of fields (an empty one must be
/// absent), and the body.
type Row<'a> =
    (&'a str, &'a str, &'a [(&'a str, &'a str)], u16, &'a [(&'a str, &'a str)], Option<&'a str>);

const NUMS: &str = "123456789";
const FAR: &str = "Fri, 31 Dec 9999 23:59:59 GMT";
const LONG_AGO: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
const NONE: &[(&str, &str)] = &[];

const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");

/// Files, folders and missing paths.
const PATHS: &[Row<'_>] = &[
    // Files by name.
    ("GET", "/name.txt", NONE, 200, &[TEXT, ("content-length", "4")], Some("tobi")),
    ("GET", "/name.txt?x=y", NONE, 200, &[TEXT], Some("tobi")),
    ("GET", "/some%20thing.txt", NONE, 200, &[TEXT], Some("hey")),
    ("GET", "/do..ts.txt", NONE, 200, &[TEXT], Some("...")),
    ("GET", "/100%25.txt", NONE, 200, &[TEXT], Some("all")),
    ("GET", "/empty.txt", NONE, 200, &[("content-length", "0")], Some("")),
    ("GET", "/no_ext", NONE, 200, &[("content-type", "application/octet-stream")], None),
    ("GET", "/unknown.xyzzy", NONE, 200, &[("content-type", "application/oct")], Some("?")),
    ("GET", "/tobi.html", NONE, 200, &[("content-type", "text/html")], Some("<p>tobi</p>")),
    ("GET", "/name.d/name.txt", NONE, 200, &[TEXT], Some("loki")),
    // A name without its extension: a page, but not a folder, and not with a slash.
    ("GET", "/tobi", NONE, 200, &[("content-type", "text/html")], Some("<p>tobi</p>")),
    ("GET", "/name", NONE, 200, &[("content-type", "text/html")], Some("<p>tobi</p>")),
    ("GET", "/tobi/", NONE, 404, &[], None),
    ("GET", "/nums", NONE, 404, &[], None),
    // Fields of every file.
    ("GET", "/nums.txt", NONE, 200, &[("accept-ranges", "bytes")], Some(NUMS)),
    ("GET", "/nums.txt", NONE, 200, &[("etag", "\""), ("date", "")], Some(NUMS)),
    ("GET", "/nums.txt", NONE, 200, &[("cache-control", "no-cache")], Some(NUMS)),
    ("HEAD", "/nums.txt", NONE, 200, &[("content-length", "9"), TEXT], Some("")),
    ("HEAD", "/missing.txt", NONE, 404, &[], Some("")),
    // Missing files and invalid paths.
    ("GET", "/missing.txt", NONE, 404, &[], None),
    ("GET", "/name.txt/", NONE, 404, &[], None),
    ("GET", "/name.txt/more", NONE, 404, &[], None),
    ("GET", "/{long}", NONE, 404, &[], None),
    ("GET", "/some%99thing.txt", NONE, 404, &[], None),
    ("GET", "/%zz", NONE, 400, &[], None),
    ("GET", "/%", NONE, 400, &[], None),
    ("GET", "/some%00thing.txt", NONE, 400, &[], None),
    ("GET", "/../name.txt", NONE, 404, &[], None),
    ("GET", "/pets/../../name.txt", NONE, 404, &[], None),
    ("GET", "/pets/../name.txt", NONE, 404, &[], None),
    ("GET", "/%2e%2e/name.txt", NONE, 404, &[], None),
    ("POST", "/name.txt", NONE, 405, &[("allow", "GET, HEAD")], None),
    ("DELETE", "/missing.txt", NONE, 405, &[("allow", "GET, HEAD")], None),
    // Hidden names, whether they exist or not.
    ("GET", "/.hidden.txt", NONE, 403, &[], None),
    ("GET", "/.mine/name.txt", NONE, 403, &[], None),
    ("GET", "/.mine", NONE, 403, &[], None),
    ("GET", "/..name", NONE, 403, &[], None),
    ("GET", "/.nothere", NONE, 403, &[], None),
    // Folders.
    ("GET", "/pets/", NONE, 200, &[("content-type", "text/html")], Some("tobi, loki")),
    ("GET", "/pets", NONE, 302, &[("location", "/pets/")], None),
    ("GET", "/pets?name=john", NONE, 302, &[("location", "/pets/?name=john")], None),
    ("GET", "/snow%20%E2%98%83", NONE, 302, &[("location", "/snow%20%E2%98%83/")], None),
    ("HEAD", "/pets", NONE, 302, &[("location", "/pets/")], Some("")),
    ("GET", "//pets", NONE, 404, &[], None),
    ("GET", "//evil.example/..", NONE, 404, &[], None),
    ("GET", "/\\\\pets", NONE, 404, &[], None),
];

/// Preconditions.
const CONDITIONS: &[Row<'_>] = &[
    // Preconditions.
    ("GET", "/nums.txt", &[("If-Match", "*")], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("If-Match", "{tag}")], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("If-Match", "\"foo\", \"bar\"")], 412, &[], Some("")),
    ("GET", "/nums.txt", &[("If-None-Match", "{tag}")], 304, &[("content-type", "")], Some("")),
    ("GET", "/nums.txt", &[("If-None-Match", "\"foo\"")], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("If-Modified-Since", "{date}")], 304, &[("etag", "\"")], Some("")),
    ("GET", "/nums.txt", &[("If-Modified-Since", LONG_AGO)], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("If-Unmodified-Since", "{date}")], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("If-Unmodified-Since", FAR)], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("If-Unmodified-Since", LONG_AGO)], 412, &[], Some("")),
    ("GET", "/nums.txt", &[("If-Unmodified-Since", "foo")], 200, &[], Some(NUMS)),
    (
        "GET",
        "/nums.txt",
        &[("If-None-Match", "\"foo\""), ("If-Modified-Since", FAR)],
        200,
        &[],
        Some(NUMS),
    ),
];

/// Ranges.
const RANGES: &[Row<'_>] = &[
    // Ranges.
    ("GET", "/nums.txt", &[("Range", "bytes=0-4")], 206, &[], Some("12345")),
    ("GET", "/nums.txt", &[("Range", "bytes=0-0")], 206, &[], Some("1")),
    (
        "GET",
        "/nums.txt",
        &[("Range", "bytes=2-5")],
        206,
        &[("content-range", "bytes 2-5/9"), ("content-length", "4"), TEXT],
        Some("3456"),
    ),
    (
        "GET",
        "/nums.txt",
        &[("Range", "bytes=2-50")],
        206,
        &[("content-range", "bytes 2-8/9"), ("content-length", "7")],
        Some("3456789"),
    ),
    ("GET", "/nums.txt", &[("Range", "bytes=-3")], 206, &[], Some("789")),
    ("GET", "/nums.txt", &[("Range", "bytes=3-")], 206, &[], Some("456789")),
    ("GET", "/nums.txt", &[("Range", "bytes=-50")], 206, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("Range", "asdf")], 200, &[("content-range", "")], Some(NUMS)),
    ("GET", "/nums.txt", &[("Range", "lines=0-1")], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("Range", "bytes=4-2")], 200, &[], Some(NUMS)),
    (
        "GET",
        "/nums.txt",
        &[("Range", "bytes=9-50")],
        416,
        &[("content-range", "bytes */9"), ("content-length", "0")],
        Some(""),
    ),
    (
        "GET",
        "/nums.txt",
        &[("Range", "bytes=1-1,3-")],
        206,
        &[("content-type", "multipart/byteranges; boundary=")],
        None,
    ),
    ("HEAD", "/nums.txt", &[("Range", "bytes=0-4")], 200, &[("content-length", "9")], None),
    // Ranges with `If-Range`.
    ("GET", "/nums.txt", &[("Range", "bytes=0-0"), ("If-Range", "{tag}")], 206, &[], Some("1")),
    ("GET", "/nums.txt", &[("Range", "bytes=0-0"), ("If-Range", "{date}")], 206, &[], Some("1")),
    ("GET", "/nums.txt", &[("Range", "bytes=0-0"), ("If-Range", "\"foo\"")], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("Range", "bytes=0-0"), ("If-Range", LONG_AGO)], 200, &[], Some(NUMS)),
    ("GET", "/nums.txt", &[("Range", "bytes=0-0"), ("If-Range", "foo")], 200, &[], Some(NUMS)),
];

fn folder() -> TempDir {
    let dir = TempDir::new();
    for (name, text) in [
        ("nums.txt", NUMS),
        ("name.txt", "tobi"),
        ("name.html", "<p>tobi</p>"),
        ("name.d/name.txt", "loki"),
        ("empty.txt", ""),
        ("some thing.txt", "hey"),
        ("do..ts.txt", "..."),
        ("100%.txt", "all"),
        ("no_ext", "foobar"),
        ("tobi.html", "<p>tobi</p>"),
        ("pets/index.html", "tobi, loki"),
        ("pets/names.txt", "tobi\nloki"),
        ("users/tobi.txt", "ferret"),
        ("snow \u{2603}/index.html", "snow"),
        ("unknown.xyzzy", "?"),
        (".hidden.txt", "secret"),
        (".mine/name.txt", "secret"),
        ("..name", "secret"),
    ] {
        dir.write(name, text);
    }
    // A date within the current second is not a strong validator.
    let file = std::fs::File::options().write(true).open(dir.at("nums.txt")).expect("open");
    file.set_modified(SystemTime::now() - Duration::from_secs(9)).expect("a time");
    dir
}

#[tokio::test]
async fn behaves_like_send_and_serve_static() {
    let dir = folder();
    let livers = Livers::on(dir.path()).start().await;
    let nums = http::get_with(livers.port(), "/nums.txt", &[("Sec-Fetch-Dest", "empty")]).await;
    let tag = nums.header("etag").expect("a tag").to_owned();
    let date = nums.header("last-modified").expect("a date").to_owned();
    for (method, path, headers, status, fields, body) in [PATHS, CONDITIONS, RANGES].concat() {
        let row = format!("{method} {path} {headers:?}");
        let path = path.replace("{long}", &"a".repeat(1000));
        let given = |value: &str| value.replace("{tag}", &tag).replace("{date}", &date);
        let values: Vec<_> = headers.iter().map(|(name, value)| (*name, given(value))).collect();
        let values = values.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<_> = [("Sec-Fetch-Dest", "empty")].into_iter().chain(values).collect();
        let answer = http::send(livers.port(), method, &path, &headers, b"").await;
        assert_eq!(answer.status, status, "{row}");
        for (name, value) in fields {
            match answer.header(name) {
                Some(given) if *name == "date" => assert!(given.ends_with("GMT"), "{row}: {given}"),
                Some(given) => {
                    let begins = given.starts_with(value) && !value.is_empty();
                    assert!(begins, "{row}: {name}: {given}");
                }
                None => assert_eq!(*value, "", "{row}: no {name}"),
            }
        }
        if let Some(body) = body {
            assert_eq!(answer.text(), body, "{row}");
        }
    }
}
