//! A file that is served from memory: every change is seen by the next request, without waiting for
//! the file watcher.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::support::dir::TempDir;
use super::super::support::http::{self, Response};
use super::super::support::server::Livers;
use super::FETCH;

/// Requests that select different responses: those of a script, of a browser for a page, and of a
/// client that accepts gzip.
const REQUESTS: [&[(&str, &str)]; 3] = [
    &[FETCH],
    &[("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")],
    &[FETCH, ("Accept-Encoding", "gzip")],
];

/// The time after which a file or folder that has not changed may be cached, with a margin.
const SETTLED: Duration = Duration::from_millis(60);

/// Waits until nothing in a folder was changed so recently that it would not be cached.
async fn settle(folder: &Path) {
    let changed = |path: &Path| {
        let metadata = fs::symlink_metadata(path).expect("metadata");
        let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
        UNIX_EPOCH
            + Duration::new(seconds.try_into().expect("1970"), nanoseconds.try_into().expect("ns"))
    };
    let mut paths = vec![folder.to_owned()];
    while let Some(path) = paths.pop() {
        while SystemTime::now() < changed(&path) + SETTLED {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if path.is_dir() && !path.is_symlink() {
            paths
                .extend(fs::read_dir(&path).expect("a folder").flatten().map(|entry| entry.path()));
        }
    }
}

/// A server whose cache has the responses for a path.
struct Hot {
    livers: Livers,
    path: &'static str,
}

impl Hot {
    async fn new(dir: &TempDir, path: &'static str) -> Self {
        let hot = Self { livers: Livers::on(dir.path()).start().await, path };
        hot.warm(dir).await;
        hot
    }

    async fn warm(&self, dir: &TempDir) {
        settle(dir.path()).await;
        for headers in REQUESTS.repeat(2) {
            self.get(headers).await;
        }
    }

    async fn get(&self, headers: &[(&str, &str)]) -> Response {
        http::get_with(self.livers.port(), self.path, headers).await
    }

    /// Asserts that each request is answered with this status and a body that contains this text,
    /// or is equal to it where nothing is injected.
    async fn assert(&self, status: u16, text: &str, change: &str) {
        for headers in REQUESTS {
            let response = self.get(headers).await;
            let body = String::from_utf8_lossy(&response.body);
            let page = headers[0] != FETCH || status != 200;
            let same = if page { body.contains(text) } else { body == text };
            assert!(response.status == status && same, "{change}: {} {body}", response.status);
        }
    }
}

/// Replaces a file by another of the same size and modification time.
fn replace_unnoticeably(path: &Path, text: &str) {
    let metadata = fs::metadata(path).expect("metadata");
    let new = path.with_extension("new");
    fs::write(&new, text).expect("write");
    let file = fs::File::options().write(true).open(&new).expect("open");
    file.set_modified(metadata.modified().expect("a time")).expect("set the time");
    fs::rename(new, path).expect("rename");
    assert_eq!(fs::metadata(path).expect("metadata").len(), metadata.len());
}

/// Overwrites a file in place, and restores its modification time.
fn overwrite_unnoticeably(path: &Path, text: &str) {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time");
    fs::write(path, text).expect("write");
    let file = fs::File::options().write(true).open(path).expect("open");
    file.set_modified(modified).expect("set the time");
}

#[tokio::test]
async fn every_change_of_a_file_is_served_at_once() {
    let changes: [(&str, fn(&Path, &str)); 6] = [
        ("written in place", |path, text| fs::write(path, text).expect("write")),
        ("same size and time, in place", overwrite_unnoticeably),
        ("same size and time, by rename", replace_unnoticeably),
        ("removed and created", |path, text| {
            fs::remove_file(path).expect("remove");
            fs::write(path, text).expect("write");
        }),
        ("hard link", |path, text| {
            let new = path.with_extension("linked");
            fs::write(&new, text).expect("write");
            fs::remove_file(path).expect("remove");
            fs::hard_link(&new, path).expect("link");
            fs::remove_file(new).expect("remove");
        }),
        ("symbolic link", |path, text| {
            let new = path.with_extension("target");
            fs::write(&new, text).expect("write");
            fs::remove_file(path).expect("remove");
            symlink(new, path).expect("link");
        }),
    ];
    for (file, url) in [("index.html", "/"), ("a/b/page.html", "/a/b/page"), ("a.css", "/a.css")] {
        let dir = TempDir::new();
        dir.write(file, "old 0");
        let hot = Hot::new(&dir, url).await;
        for (number, (change, apply)) in changes.iter().enumerate() {
            hot.assert(200, &format!("old {number}"), change).await;
            apply(&dir.at(file), &format!("new {number}"));
            hot.assert(200, &format!("new {number}"), change).await;
            fs::remove_file(dir.at(file)).expect("remove");
            for headers in REQUESTS {
                // A folder without its index has a listing.
                let (removed, status) =
                    (hot.get(headers).await, if url == "/" { 200 } else { 404 });
                let stale = String::from_utf8_lossy(&removed.body).contains("new");
                assert!(removed.status == status && !stale, "{change}: {removed:?}");
            }
            dir.write(file, format!("old {}", number + 1));
            hot.warm(&dir).await;
        }
    }
}

#[tokio::test]
async fn burst_of_writes_is_never_served_stale() {
    let dir = TempDir::new();
    dir.write("a.txt", "0000");
    let hot = Hot::new(&dir, "/a.txt").await;
    for number in 1..200 {
        let text = format!("{number:04}");
        if number % 2 == 0 {
            dir.write("a.txt", &text);
        } else {
            dir.replace("a.txt", &text);
        }
        assert_eq!(hot.get(&[FETCH]).await.text(), text);
    }
}

#[tokio::test]
async fn swapped_folder_is_served_at_once() {
    let dir = TempDir::new();
    for (folder, text) in [("one", "one"), ("two", "two"), ("site", "old")] {
        dir.write(format!("{folder}/deep/a.txt"), text);
    }
    let hot = Hot::new(&dir, "/site/deep/a.txt").await;
    dir.rename("site", "gone");
    hot.assert(404, "", "the folder is renamed").await;
    dir.rename("one", "site");
    hot.assert(200, "one", "another folder has its name").await;
    hot.warm(&dir).await;
    dir.rename("site", "one");
    for (folder, text) in [("one", "one"), ("two", "two"), ("one", "one")] {
        let _ = fs::remove_file(dir.at("site"));
        symlink(dir.at(folder), dir.at("site")).expect("link");
        hot.assert(200, text, "a symbolic link leads elsewhere").await;
        hot.warm(&dir).await;
    }
}

#[tokio::test]
async fn folder_moved_out_of_the_root_is_no_longer_served() {
    let (dir, outside) = (TempDir::new(), TempDir::new());
    dir.write("a/b/c/a.txt", "a");
    let hot = Hot::new(&dir, "/a/b/c/a.txt").await;
    fs::rename(dir.at("a/b"), outside.at("b")).expect("rename");
    symlink(outside.at("b"), dir.at("a/b")).expect("link");
    hot.assert(403, "", "the folder is a link out of the root").await;
}

#[tokio::test]
async fn changed_rules_apply_at_once() {
    let dir = TempDir::new();
    dir.write("folder/a.txt", "a");
    dir.write("b.txt", "b");
    let hot = Hot::new(&dir, "/folder/a.txt").await;
    let steps: [(&str, Option<&str>, Option<&str>); 4] = [
        ("_headers", Some("/*\n  X-A: one\n"), Some("one")),
        ("_headers", Some("/*\n  X-A: two\n"), Some("two")),
        ("_headers", Some("/b\n  X-A: two\n"), None),
        ("_headers", None, None),
    ];
    for (file, text, wanted) in steps {
        match text {
            Some(text) => dir.write(file, text),
            None => dir.remove(file),
        }
        for headers in REQUESTS {
            assert_eq!(hot.get(headers).await.header("x-a"), wanted, "{text:?}");
        }
        hot.warm(&dir).await;
    }
    dir.write("_redirects", "/folder/* /b.txt 200!\n");
    hot.assert(200, "b", "a forced rewrite").await;
    hot.warm(&dir).await;
    dir.remove("_redirects");
    hot.assert(200, "a", "no rewrite").await;
}

#[tokio::test]
async fn precompressed_copy_is_served_and_forgotten_at_once() {
    let dir = TempDir::new();
    dir.write("a.txt", "plain");
    let hot = Hot::new(&dir, "/a.txt").await;
    let gzip = [FETCH, ("Accept-Encoding", "gzip")];
    for copy in [Some("one"), Some("two"), None, Some("three")] {
        match copy {
            Some(copy) => dir.write("a.txt.gz", copy),
            None => dir.remove("a.txt.gz"),
        }
        let response = hot.get(&gzip).await;
        assert_eq!(response.text(), copy.unwrap_or("plain"));
        assert_eq!(response.header("content-encoding"), copy.map(|_| "gzip"));
        let plain = hot.get(&[FETCH]).await;
        assert_eq!((plain.text(), plain.header("content-encoding")), ("plain", None));
        assert_eq!(plain.header("vary"), copy.map(|_| "Accept-Encoding"));
        hot.warm(&dir).await;
    }
    dir.write("a.txt", "newer");
    assert_eq!(hot.get(&gzip).await.text(), "newer", "the copy is older");
}

#[tokio::test]
async fn file_with_precedence_is_served_as_soon_as_it_exists() {
    let dir = TempDir::new();
    dir.write("page.html", "page");
    let hot = Hot::new(&dir, "/page").await;
    hot.assert(200, "page", "the extension is left out").await;
    dir.write("page", "file");
    assert_eq!(hot.get(&[FETCH]).await.text(), "file");
    dir.remove("page");
    hot.warm(&dir).await;
    dir.make_dir("page");
    hot.assert(200, "page", "an empty folder").await;
    hot.warm(&dir).await;
    dir.write("page/index.html", "index");
    assert_eq!(hot.get(&[FETCH]).await.status, 302);

    let missing = Hot::new(&dir, "/missing.txt").await;
    missing.assert(404, "", "missing").await;
    dir.write("missing.txt", "here");
    missing.assert(200, "here", "created").await;
}

#[tokio::test]
async fn mounted_file_takes_precedence_at_once() {
    let (dir, over) = (TempDir::new(), TempDir::new());
    dir.write("a.txt", "below");
    over.write("b.txt", "");
    let livers = Livers::on(dir.path()).arg("--mount").arg(format!("/={}", over.path().display()));
    let hot = Hot { livers: livers.start().await, path: "/a.txt" };
    settle(over.path()).await;
    hot.warm(&dir).await;
    over.write("a.txt", "above");
    hot.assert(200, "above", "created in the mount").await;
    over.remove("a.txt");
    hot.assert(200, "below", "removed from the mount").await;
}

#[tokio::test]
async fn file_that_stays_open_for_writing_is_read_each_time() {
    use std::io::Write;
    let dir = TempDir::new();
    dir.write("log.txt", "");
    settle(dir.path()).await;
    let livers = Livers::on(dir.path()).start().await;
    let mut log = fs::File::options().append(true).open(dir.at("log.txt")).expect("open");
    let mut text = String::new();
    for line in ["one\n", "two\n", "three\n"] {
        log.write_all(line.as_bytes()).expect("write");
        text += line;
        assert_eq!(http::get_with(livers.port(), "/log.txt", &[FETCH]).await.text(), text);
    }
}

/// The element carries the version, so a page has another entity tag after each change.
#[tokio::test]
async fn cached_page_is_stamped_with_the_current_version() {
    let dir = TempDir::with_page("<p>page");
    dir.write("a.css", "a { color: red }");
    let hot = Hot::new(&dir, "/").await;
    let first = hot.get(REQUESTS[1]).await;
    assert_eq!(hot.get(&[FETCH]).await.text(), "<p>page");
    http::get_with(hot.livers.port(), "/a.css", &[FETCH]).await;
    dir.write("a.css", "a { color: tan }");
    hot.livers.wait_for_line(|line| line.contains("a.css")).await;
    let second = hot.get(REQUESTS[1]).await;
    assert_ne!(first.text(), second.text());
    assert_ne!(first.header("etag"), second.header("etag"));
    let known = [REQUESTS[1], &[("If-None-Match", second.header("etag").expect("a tag"))]].concat();
    assert_eq!(hot.get(&known).await.status, 304);
    let range = [REQUESTS[1], &[("Range", "bytes=2-")]].concat();
    let part = hot.get(&range).await;
    assert_eq!((part.status, part.text()), (206, &second.text()[2..]));
}
