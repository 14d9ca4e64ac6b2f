//! Precompressed copies of files.

use std::time::Duration;

use super::FETCH;
use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::Livers;

#[tokio::test]
async fn precompressed_copy_is_sent_to_clients_that_accept_it() {
    let dir = TempDir::with_page("<p>page");
    dir.write("app.css", "plain");
    for (suffix, bytes) in [("br", "brotli"), ("gz", "gzip"), ("zst", "zstd")] {
        dir.write(format!("app.css.{suffix}"), bytes);
        dir.write(format!("index.html.{suffix}"), bytes);
    }
    dir.write("one.svg", "plain");
    dir.write("one.svg.gz", "gzip");
    dir.write("none.txt", "plain");
    let livers = Livers::on(dir.path()).start().await;
    let table = [
        ("/app.css", "", "plain", None),
        ("/app.css", "identity", "plain", None),
        ("/app.css", "gzip, deflate, br, zstd", "brotli", Some("br")),
        ("/app.css", "gzip, zstd", "zstd", Some("zstd")),
        ("/app.css", "br;q=0.5, gzip;q=0.8", "gzip", Some("gzip")),
        ("/app.css", "br;q=0, *", "zstd", Some("zstd")),
        ("/app.css", "deflate", "plain", None),
        ("/one.svg", "gzip, br", "gzip", Some("gzip")),
        ("/one.svg", "br", "plain", None),
        ("/none.txt", "gzip, br", "plain", None),
        ("/", "br", "brotli", Some("br")),
        ("/app.css.gz", "gzip", "gzip", None),
    ];
    for (path, accept, body, coding) in table {
        let headers = [FETCH, ("Accept-Encoding", accept)];
        let answer = http::get_with(livers.port(), path, &headers).await;
        assert_eq!((answer.status, answer.text()), (200, body), "{path} {accept}");
        assert_eq!(answer.header("content-encoding"), coding, "{path} {accept}");
        let length = body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()), "{path} {accept}");
        let varies = answer.header("vary").is_some_and(|vary| vary.contains("Accept-Encoding"));
        let made_a_difference = !matches!(path, "/none.txt" | "/app.css.gz");
        assert_eq!(varies, made_a_difference, "{path} {accept}: {answer:?}");
        // The copy has its own entity tag and ranges.
        let tag = answer.header("etag").expect("a tag").to_owned();
        let known = [FETCH, ("Accept-Encoding", accept), ("If-None-Match", &tag)];
        assert_eq!(http::get_with(livers.port(), path, &known).await.status, 304, "{path}");
        let part = [FETCH, ("Accept-Encoding", accept), ("Range", "bytes=1-2")];
        let part = http::get_with(livers.port(), path, &part).await;
        assert_eq!((part.status, part.text()), (206, &body[1..3]), "{path} {accept}");
        assert_eq!(part.header("content-encoding"), coding, "{path} {accept}");
    }
    let tag = |response: &http::Response| response.header("etag").map(str::to_owned);
    let plain = http::get_with(livers.port(), "/app.css", &[FETCH]).await;
    let br = [FETCH, ("Accept-Encoding", "br")];
    let coded = http::get_with(livers.port(), "/app.css", &br).await;
    assert_ne!(tag(&plain), tag(&coded));
    assert_eq!(coded.header("content-type"), plain.header("content-type"));
    // A page has the element in it, so it is never sent precompressed.
    let page = http::get_with(livers.port(), "/", &[("Accept-Encoding", "br")]).await;
    assert!(page.text().contains("<p>page"), "{page:?}");
    assert_eq!(page.header("content-encoding"), None);
}

#[tokio::test]
async fn copy_that_is_older_than_its_file_is_ignored() {
    let dir = TempDir::new();
    dir.write("a.js.gz", "old");
    let written = std::fs::metadata(dir.at("a.js.gz")).expect("a file").modified().expect("a time");
    dir.write("a.js", "new");
    let set = |name, time| {
        let file = std::fs::File::options().write(true).open(dir.at(name)).expect("open");
        file.set_modified(time).expect("a time");
    };
    let livers = Livers::on(dir.path()).start().await;
    let headers = [FETCH, ("Accept-Encoding", "gzip")];
    // The comparison is finer than a second.
    set("a.js", written + Duration::from_millis(1));
    let answer = http::get_with(livers.port(), "/a.js", &headers).await;
    assert_eq!((answer.text(), answer.header("content-encoding")), ("new", None));
    // gzip copies the time of the original file.
    set("a.js", written);
    let answer = http::get_with(livers.port(), "/a.js", &headers).await;
    assert_eq!((answer.text(), answer.header("content-encoding")), ("old", Some("gzip")));
}
