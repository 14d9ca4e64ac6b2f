//! Pages whose body breaks off, before or after a part of it was sent.

use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

use super::{route, start};
use crate::support::{
    backend::Backend,
    http::{self, Wire},
};

const NAVIGATION: [(&str, &str); 1] = [("Sec-Fetch-Dest", "document")];

/// `<p>brotli</p>` and white space.
const BROTLI: &[u8] = b"\x1b\x44\x02\xf8\x8d\xc3\x38\x46\xbc\x7a\xf8\x8a\xaa\x79\xe8\xca\x7c\
    \xe6\x0b\x1c\x5e\x17\xc2\x89\x30\x04\x6a\x01\x18\xc0\x40\x05\x15\x1b\x8e\xb5\xd6\x8f\x00";

/// Text that compresses badly, so that a part of it is decoded from a part of the bytes.
fn noise(length: usize) -> String {
    let digits = (0..).scan(1_u32, |state, _| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(format!("{state:x}"))
    });
    digits.flat_map(String::into_bytes).map(char::from).take(length).collect()
}

fn gzip(page: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(page.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(page: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(page.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn raw(page: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(page.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// A page with these fields; a body of the announced length.
fn complete(fields: &str, body: &[u8]) -> Vec<u8> {
    let fields = format!("{fields}Content-Length: {}\r\n", body.len());
    page(&fields, body)
}

/// A page with these fields.
fn page(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{fields}\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn page_that_breaks_off_before_any_of_it_was_sent_is_an_error_page() {
    const GZIP: &str = "Content-Encoding: gzip\r\n";
    const DEFLATE: &str = "Content-Encoding: deflate\r\n";
    const BR: &str = "Content-Encoding: br\r\n";
    const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
    let text = format!("<!doctype html><title>t</title>{}", noise(8000));
    let (gzip, zlib, raw) = (gzip(&text), zlib(&text), raw(&text));
    let coded = "not encoded as its Content-Encoding says";
    let closed = "the backend closed the connection";
    let mut table = Vec::new();
    // The message is complete, and its coding is not.
    for (fields, bytes) in [(GZIP, &*gzip), (DEFLATE, &zlib), (DEFLATE, &raw), (BR, BROTLI)] {
        for end in [1, 3, bytes.len() / 2, bytes.len() - 1] {
            table.push((format!("{fields}{end}"), complete(fields, &bytes[..end]), coded));
        }
    }
    // The message is not complete, and no part of the page can be sent yet.
    let lines = ["", GZIP, DEFLATE, BR];
    for fields in lines {
        let length = format!("{fields}Content-Length: 1000\r\n");
        let chunks = format!("{fields}{CHUNKED}");
        table.push((length.clone(), page(&length, b""), closed));
        for body in ["", "4", "4\r\n", "ffff\r\n"] {
            table.push((format!("{chunks}{body:?}"), page(&chunks, body.as_bytes()), closed));
        }
    }
    let held = page("Content-Length: 1000\r\n", b"<!doctype html>\n<!-- ");
    table.push(("an incomplete beginning".to_owned(), held, closed));
    let part = page(&format!("{GZIP}Content-Length: 9000\r\n"), &gzip[..10]);
    table.push(("the header of gzip".to_owned(), part, closed));
    let invalid = page(CHUNKED, b"x\r\n");
    table.push(("an invalid chunk".to_owned(), invalid, "Invalid chunk"));

    for (what, response, reason) in table {
        let backend = Backend::answering(response).await;
        let (livers, _dir) = start([route("/app", &backend)]).await;
        let shown = http::get_with(livers.port(), "/app", &NAVIGATION).await;
        assert_eq!(shown.status, 502, "{what}: {shown:?}");
        assert_eq!(shown.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(shown.header("content-encoding"), None, "{what}");
        assert!(shown.text().contains(reason), "{what}: {shown:?}");
        assert_eq!(shown.text().matches("/__livers/client.js").count(), 1, "{what}: {shown:?}");
        livers.wait_for_line(|line| line.contains("/app: ") && line.contains(reason)).await;
        http::get(livers.port(), "/").await;
        let reported = livers.stdout().iter().filter(|line| line.contains(reason)).count();
        assert_eq!(reported, 1, "{what}: {:?}", livers.stdout());
    }
}

#[tokio::test]
async fn page_that_breaks_off_later_is_incomplete() {
    let text = format!("<!doctype html><title>t</title>{}", noise(300_000));
    let gzip = gzip(&text);
    let half = &gzip[..gzip.len() / 2];
    let identity = page("Content-Length: 600000\r\n", text.as_bytes());
    let chunk = [format!("{:x}\r\n", text.len()).as_bytes(), text.as_bytes()].concat();
    let table = [
        ("a length", identity),
        ("chunks", page("Transfer-Encoding: chunked\r\n", &chunk)),
        ("gzip", complete("Content-Encoding: gzip\r\n", half)),
        ("gzip and a length", page("Content-Encoding: gzip\r\nContent-Length: 900000\r\n", half)),
    ];
    for (what, response) in table {
        let backend = Backend::answering(response).await;
        let (livers, _dir) = start([route("/app", &backend)]).await;
        let mut wire = Wire::open(livers.port()).await;
        wire.send(http::request_head(livers.port(), "GET", "/app", &NAVIGATION, 0)).await;
        let response = wire.response(false).await;
        assert_eq!(response.status, 200, "{what}");
        assert!(!response.complete, "{what}: must not look complete");
        assert!(response.body.len() > 50_000, "{what}: what came before the end is passed on");
        livers.wait_for_line(|line| line.contains("/app: ")).await;
    }
}
