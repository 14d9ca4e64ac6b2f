//! Files that are streamed, and slow clients.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};

use super::FETCH;
use crate::support::dir::TempDir;
use crate::support::http::{self, Framing, Wire};
use crate::support::server::Livers;

const MB: usize = 1 << 20;

/// Creates a sparse file of zeros, with these bytes at these positions.
fn sparse(dir: &TempDir, name: &str, length: usize, marks: &[(usize, &[u8])]) {
    dir.write(name, "");
    let mut file = OpenOptions::new().write(true).open(dir.at(name)).expect("open");
    file.set_len(length as u64).expect("a length");
    for (at, mark) in marks {
        file.seek(SeekFrom::Start(*at as u64)).expect("seek");
        file.write_all(mark).expect("write");
    }
}

/// Returns a memory figure of a process in MB, such as its peak (`VmHWM`).
fn memory(livers: &Livers, figure: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", livers.id())).expect("status");
    let line = status.lines().find(|line| line.starts_with(figure)).expect("the figure");
    let kib: usize = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib / 1024
}

#[tokio::test]
async fn large_file_is_streamed_in_little_memory() {
    let length = 192 * MB + 12345;
    let marks: [(usize, &[u8]); 4] =
        [(0, b"first"), (65535, b"across"), (100 * MB + 1, b"middle"), (length - 4, b"last")];
    let dir = TempDir::new();
    sparse(&dir, "large.bin", length, &marks);
    let livers = Livers::on(dir.path()).start().await;
    let port = livers.port();
    http::get(port, "/").await;
    let before = memory(&livers, "VmHWM");

    let head = http::head(port, "/large.bin").await;
    let announced = length.to_string();
    assert_eq!(head.header("content-length"), Some(announced.as_str()));

    let mut wire = Wire::open(port).await;
    wire.send(http::request_head(port, "GET", "/large.bin", &[], 0)).await;
    let head = wire.until(b"\r\n\r\n").await.expect("a head");
    assert!(head.contains(&format!("content-length: {announced}")), "{head}");
    let mut at = 0;
    let mut found = Vec::new();
    loop {
        let bytes = wire.some().await.expect("bytes");
        if bytes.is_empty() {
            break;
        }
        let set = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0);
        found.extend(set.map(|(i, byte)| (at + i, *byte)));
        at += bytes.len();
    }
    assert_eq!(at, length);
    let wanted = marks
        .iter()
        .flat_map(|(at, mark)| mark.iter().enumerate().map(move |(i, byte)| (at + i, *byte)));
    assert_eq!(found, wanted.collect::<Vec<_>>());
    let after = memory(&livers, "VmHWM");
    assert!(after < before + 24, "{before} MB before, at most {after} MB while it was sent");
}

#[tokio::test]
async fn large_page_is_streamed_with_the_element() {
    let dir = TempDir::new();
    let rest = format!("<title>a</title><body>{}</body>", "<p>a\n".repeat(MB));
    dir.write("large.html", format!("<!doctype html><html><head>{rest}"));
    dir.write("comment.html", format!("<!--{}--><p>b", "a".repeat(5 * MB)));
    let livers = Livers::on(dir.path()).start().await;
    let page = http::get(livers.port(), "/large.html").await;
    assert_eq!((page.framing, page.header("etag")), (Framing::Chunked, None));
    let after = page.text().strip_prefix("<!doctype html><html><head><script ").expect("the place");
    let after = after.split_once("></script>").expect("an element").1;
    assert!(after.split_once("></script>").expect("an element").1 == rest, "other bytes");

    let plain = http::get_with(livers.port(), "/large.html", &[FETCH]).await;
    assert!(plain.body == dir.read("large.html"), "other bytes");
    assert_eq!(plain.framing, Framing::Length(plain.body.len()));
    assert!(plain.header("etag").is_some());

    let comment = http::get(livers.port(), "/comment.html").await;
    assert!(comment.body == dir.read("comment.html"), "no place in sight, so it stays as it is");

    let old = http::request_head(livers.port(), "GET", "/large.html", &[], 0);
    let old = http::request(livers.port(), old.replace("HTTP/1.1", "HTTP/1.0")).await;
    assert_eq!(old.framing, Framing::Close, "HTTP/1.0 knows no chunks");
    assert!(old.body.ends_with(rest.as_bytes()));
}

#[tokio::test]
async fn large_page_has_the_same_charset_as_a_small_one() {
    let dir = TempDir::new();
    for (name, text) in
        [("small.html", "\u{fc}".to_owned()), ("large.html", "\u{fc}".repeat(3 * MB))]
    {
        dir.write(name, text);
    }
    let livers = Livers::on(dir.path()).start().await;
    for path in ["/small.html", "/large.html"] {
        for headers in [&[][..], &[FETCH]] {
            let answer = http::get_with(livers.port(), path, headers).await;
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        }
    }
}

#[tokio::test]
async fn clients_that_stop_reading_do_not_delay_others() {
    let dir = TempDir::with_page("<p>");
    sparse(&dir, "large.bin", 256 * MB, &[]);
    let livers = Livers::on(dir.path()).start().await;
    let port = livers.port();
    http::get(port, "/").await;
    let before = memory(&livers, "VmHWM");
    let mut stuck = Vec::new();
    for _ in 0..40 {
        let mut wire = Wire::open(port).await;
        wire.send(http::request_head(port, "GET", "/large.bin", &[], 0)).await;
        wire.until(b"\r\n\r\n").await.expect("a head");
        stuck.push(wire);
    }
    for _ in 0..20 {
        assert_eq!(http::get(port, "/").await.status, 200);
    }
    let after = memory(&livers, "VmHWM");
    assert!(after < before + 64, "{before} MB before, {after} MB with 40 that do not read");
    let first = stuck.remove(0).exactly(8 * MB).await;
    assert_eq!(first.len(), 8 * MB, "a client that reads on gets the rest");
}

#[tokio::test]
async fn file_that_shrinks_while_it_is_sent_ends_the_connection_early() {
    let dir = TempDir::with_page("<p>");
    sparse(&dir, "large.bin", 128 * MB, &[]);
    let livers = Livers::on(dir.path()).start().await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(http::request_head(livers.port(), "GET", "/large.bin", &[], 0)).await;
    wire.until(b"\r\n\r\n").await.expect("a head");
    sparse(&dir, "large.bin", MB, &[]);
    let mut got = 0;
    while let Ok(bytes) = wire.some().await {
        if bytes.is_empty() {
            break;
        }
        got += bytes.len();
    }
    assert!(got < 128 * MB, "{got} bytes of a file that has fewer");
    assert_eq!(http::get(livers.port(), "/").await.status, 200);
}
