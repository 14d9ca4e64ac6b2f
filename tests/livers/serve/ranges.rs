//! Ranges and preconditions, as used by video players, resumed downloads and caches.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::FETCH;
use crate::support::dir::TempDir;
use crate::support::http::{self, Response};
use crate::support::server::Livers;

/// `Sun, 06 Nov 1994 08:49:37 GMT` in the three formats.
const DATES: [&str; 3] =
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn modified() -> SystemTime {
    // Fractions of a second are not in the date.
    UNIX_EPOCH + Duration::new(784_111_777, 987_654_321)
}

/// Returns a folder with a small file and a large one, which is streamed, of the same age.
fn with_two() -> (TempDir, Vec<u8>) {
    let dir = TempDir::new();
    let large: Vec<u8> =
        (0..6_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    dir.write("small.txt", &large[..1000]);
    dir.write("large.bin", &large);
    dir.write("empty.txt", "");
    for name in ["small.txt", "large.bin", "empty.txt"] {
        let file = std::fs::File::options().write(true).open(dir.at(name)).expect("open");
        file.set_modified(modified()).expect("a time");
    }
    (dir, large)
}

/// Returns the parts of a response, each with its `Content-Range`.
fn parts(answer: &Response) -> Vec<(String, Vec<u8>)> {
    let kind = answer.header("content-type").expect("a type");
    let Some(boundary) = kind.strip_prefix("multipart/byteranges; boundary=") else {
        let range = answer.header("content-range").expect("a range");
        return vec![(range.to_owned(), answer.body.clone())];
    };
    assert_eq!(answer.header("content-range"), None, "each part has its own");
    let mut body = [b"\r\n", &answer.body[..]].concat();
    let find =
        |body: &[u8], text: &str| body.windows(text.len()).position(|part| part == text.as_bytes());
    let limit = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    assert_eq!(find(&body, &limit), Some(0), "nothing stands before the first part");
    loop {
        body.drain(..limit.len());
        if body == b"--\r\n" {
            return parts;
        }
        let head = find(&body, "\r\n\r\n").expect("a part's head");
        let fields = String::from_utf8(body[..head].to_vec()).expect("fields");
        assert!(fields.to_ascii_lowercase().contains("content-type: application/octet-stream"));
        let range = fields.rsplit_once("Content-Range: ").expect("a range").1.to_owned();
        let end = find(&body, &limit).expect("the end of the part");
        parts.push((range, body[head + 4..end].to_vec()));
        body.drain(..end);
    }
}

#[tokio::test]
async fn range_selects_its_bytes() {
    let (dir, large) = with_two();
    let livers = Livers::on(dir.path()).start().await;
    for (path, bytes) in [("/small.txt", &large[..1000]), ("/large.bin", &large[..])] {
        let length = bytes.len();
        let last = length - 1;
        let table = [
            ("bytes=0-0".to_owned(), Some((0, 0))),
            ("bytes=0-".into(), Some((0, last))),
            (format!("bytes=0-{last}"), Some((0, last))),
            ("bytes=500-599".into(), Some((500, 599))),
            ("bytes=990-99999999".into(), Some((990, last.min(99_999_999)))),
            (format!("bytes={last}-"), Some((last, last))),
            ("bytes=-1".into(), Some((last, last))),
            ("bytes=-100".into(), Some((length - 100, last))),
            ("bytes=-99999999999999999999999".into(), Some((0, last))),
            ("bytes=0-9,10-19,5-12".into(), Some((0, 19))),
            ("bytes=5-2".into(), None),
            ("bytes=a-b".into(), None),
            ("lines=0-1".into(), None),
            ("bytes=0".into(), None),
        ];
        for (range, wanted) in table {
            let answer = http::get_with(livers.port(), path, &[("Range", &range)]).await;
            assert_eq!(answer.header("accept-ranges"), Some("bytes"), "{path} {range}");
            assert_eq!(answer.header("last-modified"), Some(DATES[0]), "{path} {range}");
            assert!(answer.header("etag").is_some() && answer.header("date").is_some());
            let (status, (first, end)) =
                wanted.map_or((200, (0, last)), |(first, last)| (206, (first, last)));
            assert_eq!(answer.status, status, "{path} {range}");
            let written = wanted.map(|(first, last)| format!("bytes {first}-{last}/{length}"));
            assert_eq!(answer.header("content-range"), written.as_deref(), "{path} {range}");
            assert!(answer.body == bytes[first..=end], "{path} {range}: other bytes");
            // Ranges are defined for GET only.
            let head = http::send(livers.port(), "HEAD", path, &[("Range", &range)], b"").await;
            assert_eq!((head.status, head.header("content-range")), (200, None), "{path} {range}");
            assert_eq!(head.header("content-length"), Some(length.to_string().as_str()));
        }
        for range in [format!("bytes={length}-"), "bytes=-0".into(), "bytes=99999999-".into()] {
            let answer = http::get_with(livers.port(), path, &[("Range", &range)]).await;
            assert_eq!((answer.status, &answer.body[..]), (416, &b""[..]), "{path} {range}");
            let written = format!("bytes */{length}");
            assert_eq!(answer.header("content-range"), Some(written.as_str()), "{path} {range}");
        }
    }
    for (range, status) in [("bytes=0-", 416), ("bytes=0-0", 416), ("bytes=-1", 200)] {
        let answer = http::get_with(livers.port(), "/empty.txt", &[("Range", range)]).await;
        assert_eq!(answer.status, status, "{range}");
        let written = (status == 416).then_some("bytes */0");
        assert_eq!(answer.header("content-range"), written, "{range}");
    }
    let missing = http::get_with(livers.port(), "/missing", &[FETCH, ("Range", "bytes=0-1")]).await;
    assert_eq!((missing.status, missing.text()), (404, "404 Not Found\n"));
}

#[tokio::test]
async fn several_ranges_are_sent_as_multipart() {
    let (dir, large) = with_two();
    dir.write("copy.bin", &large[..1000]);
    let livers = Livers::on(dir.path()).start().await;
    for (path, bytes) in [("/copy.bin", &large[..1000]), ("/large.bin", &large[..])] {
        let length = bytes.len();
        let many: Vec<_> = (0..50).map(|at| format!("{}-{}", at * 20, at * 20 + 9)).collect();
        let table = [
            ("0-9,20-29".to_owned(), vec![(0, 9), (20, 29)]),
            ("20-29, 0-9 ,,".into(), vec![(20, 29), (0, 9)]),
            ("0-9,-10".into(), vec![(0, 9), (length - 10, length - 1)]),
            ("0-9,99999999-".into(), vec![(0, 9)]),
            ("700-800,0-99,50-150,400-401".into(), vec![(700, 800), (0, 150), (400, 401)]),
            (many.join(","), (0..50).map(|at| (at * 20, at * 20 + 9)).collect()),
        ];
        for (set, wanted) in table {
            let range = format!("bytes={set}");
            let answer = http::get_with(livers.port(), path, &[("Range", &range)]).await;
            assert_eq!(answer.status, 206, "{path} {range}");
            let announced = answer.body.len().to_string();
            assert_eq!(answer.header("content-length"), Some(announced.as_str()), "{path}");
            let wanted: Vec<_> = wanted
                .into_iter()
                .map(|(first, last)| {
                    (format!("bytes {first}-{last}/{length}"), bytes[first..=last].to_vec())
                })
                .collect();
            assert!(parts(&answer) == wanted, "{path} {range}: other parts");
        }
        // Overlapping ranges are merged, so no byte is sent twice.
        let absurd = format!("bytes={}", "0-,".repeat(1000));
        let answer = http::get_with(livers.port(), path, &[("Range", &absurd)]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body == bytes, "{path}: other bytes");
    }
}

#[tokio::test]
async fn download_is_resumed_only_if_the_file_is_the_same() {
    let (dir, large) = with_two();
    let livers = Livers::on(dir.path()).start().await;
    for path in ["/small.txt", "/large.bin"] {
        let first = http::get(livers.port(), path).await;
        let tag = first.header("etag").expect("a tag").to_owned();
        let weak = format!("W/{tag}");
        let table = [
            (tag.as_str(), 206),
            (DATES[0], 206),
            (DATES[1], 206),
            (DATES[2], 206),
            (&weak, 200),
            ("\"x\"", 200),
            (BEFORE, 200),
            (AFTER, 200),
            ("nonsense", 200),
        ];
        for (condition, status) in table {
            let headers = [("Range", "bytes=2-4"), ("If-Range", condition)];
            let answer = http::get_with(livers.port(), path, &headers).await;
            assert_eq!(answer.status, status, "{path} {condition}");
            let wanted = if status == 206 { &large[2..5] } else { &first.body[..] };
            assert!(answer.body == wanted, "{path} {condition}: other bytes");
        }
    }
}

#[tokio::test]
async fn preconditions_are_evaluated_in_order() {
    let (dir, _) = with_two();
    dir.write("index.html", "<p>");
    let livers = Livers::on(dir.path()).start().await;
    for path in ["/small.txt", "/large.bin"] {
        let tag = http::get(livers.port(), path).await.header("etag").expect("a tag").to_owned();
        let weak = format!("W/{tag}, \"y\"");
        let (own, other) = (tag.as_str(), "\"x\"");
        let table: &[(&[(&str, &str)], u16)] = &[
            (&[("If-Modified-Since", DATES[0])], 304),
            (&[("If-Modified-Since", DATES[1])], 304),
            (&[("If-Modified-Since", DATES[2])], 304),
            (&[("If-Modified-Since", AFTER)], 304),
            (&[("If-Modified-Since", BEFORE)], 200),
            (&[("If-Modified-Since", "nonsense")], 200),
            (&[("If-Unmodified-Since", DATES[0])], 200),
            (&[("If-Unmodified-Since", BEFORE)], 412),
            (&[("If-Unmodified-Since", "nonsense")], 200),
            (&[("If-Match", own)], 200),
            (&[("If-Match", "*")], 200),
            (&[("If-Match", &weak)], 412),
            (&[("If-Match", other)], 412),
            (&[("If-None-Match", &weak)], 304),
            (&[("If-None-Match", other)], 200),
            // A tag takes precedence over a date.
            (&[("If-None-Match", other), ("If-Modified-Since", AFTER)], 200),
            (&[("If-None-Match", own), ("If-Modified-Since", BEFORE)], 304),
            (&[("If-Match", own), ("If-Unmodified-Since", BEFORE)], 200),
            // 412 takes precedence over 304.
            (&[("If-Match", other), ("If-None-Match", own)], 412),
            (&[("If-Unmodified-Since", BEFORE), ("If-None-Match", own)], 412),
            (&[("If-Match", own), ("If-None-Match", own)], 304),
            // Both take precedence over a range.
            (&[("If-None-Match", own), ("Range", "bytes=0-0")], 304),
            (&[("If-Match", other), ("Range", "bytes=0-0")], 412),
            (&[("If-Match", own), ("Range", "bytes=0-0")], 206),
        ];
        for (headers, status) in table {
            for method in ["GET", "HEAD"] {
                let answer = http::send(livers.port(), method, path, headers, b"").await;
                let wanted = if method == "HEAD" && *status == 206 { 200 } else { *status };
                assert_eq!(answer.status, wanted, "{method} {path} {headers:?}");
                assert_eq!(answer.header("etag"), Some(own), "{method} {path} {headers:?}");
                let sends = method == "GET" && wanted < 300;
                let said = answer.header("content-length");
                assert!(wanted != 412 || said == Some("0"), "{method} {path} {headers:?}");
                assert_eq!(answer.body.is_empty(), !sends, "{method} {path} {headers:?}");
            }
        }
    }
    // A page carries the version, so the date of its file does not apply.
    let page = http::get_with(livers.port(), "/", &[("If-Modified-Since", AFTER)]).await;
    assert_eq!((page.status, page.header("last-modified")), (200, None));
    // Preconditions apply to existing files only.
    let missing = http::get_with(livers.port(), "/missing", &[FETCH, ("If-Match", "*")]).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn file_from_before_1970_has_no_last_modified() {
    let dir = TempDir::new();
    dir.write("old.txt", "old");
    let file = std::fs::File::options().write(true).open(dir.at("old.txt")).expect("open");
    file.set_modified(UNIX_EPOCH - Duration::from_secs(1)).expect("a time");
    drop(file);
    let livers = Livers::on(dir.path()).start().await;
    let answer = http::get_with(livers.port(), "/old.txt", &[FETCH]).await;
    assert_eq!((answer.status, answer.text()), (200, "old"));
    assert_eq!(answer.header("last-modified"), None);
}

/// RFC 9110, section 8.8.2.1: `Last-Modified` is never later than `Date`.
#[tokio::test]
async fn file_from_the_future_is_dated_now() {
    let dir = TempDir::new();
    dir.write("new.txt", "new");
    let file = std::fs::File::options().write(true).open(dir.at("new.txt")).expect("open");
    file.set_modified(SystemTime::now() + Duration::from_hours(9)).expect("a time");
    drop(file);
    let livers = Livers::on(dir.path()).start().await;
    let answer = http::get_with(livers.port(), "/new.txt", &[FETCH]).await;
    let time = |name| httpdate::parse_http_date(answer.header(name)?).ok();
    let (modified, date) = (time("last-modified"), time("date"));
    assert!(modified.is_some() && modified <= date, "{answer:?}");
    // The file may change within this second.
    let modified = answer.header("last-modified").expect("a time").to_owned();
    let part = [("Range", "bytes=0-0"), ("If-Range", &*modified)];
    assert_eq!(http::get_with(livers.port(), "/new.txt", &part).await.status, 200);
}
