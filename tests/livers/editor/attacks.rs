//! Requests that must not start an editor. The ids are those of SECURITY.md.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};

use super::{IMPORT, StandIn, on, open, token, token_in};
use crate::support::dir::TempDir;
use crate::support::http::{get_with, send};

const PLACE: &str = r#"{"file":"/index.html","line":1}"#;

/// Files of a site, and some that are not served.
fn site() -> TempDir {
    let dir = TempDir::new();
    for file in [
        "secret.txt",
        "site/index.html",
        "site/.env",
        "site/.git/config",
        "site/server.key",
        "site/folder/a.ts",
    ] {
        dir.write(file, "");
    }
    for (to, at) in [
        ("../secret.txt", "out.txt"),
        ("..", "up"),
        ("/etc", "etc"),
        (".env", "env.txt"),
        ("server.key", "key.txt"),
    ] {
        symlink(to, dir.at("site").join(at)).expect("a link");
    }
    assert!(Command::new("mkfifo").arg(dir.at("site/fifo")).status().expect("mkfifo").success());
    dir
}

#[tokio::test]
async fn only_files_of_the_folder_are_opened() {
    let stand_in = StandIn::named("own-editor");
    let dir = site();
    let outside = dir.at("secret.txt");
    let inside = dir.at("site/index.html");
    let start = crate::support::server::Livers::on(dir.at("site"));
    let livers = start.env("LIVERS_EDITOR", stand_in.program("own-editor")).start().await;
    for file in [
        "",
        "index.html",
        "/etc/passwd",
        outside.to_str().unwrap(),
        inside.to_str().unwrap(),
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/folder/..%2f..%2fsecret.txt",
        "/folder/../index.html",
        "//etc/passwd",
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/server.key",
        "/out.txt",
        "/up/secret.txt",
        "/etc/hostname",
        "/env.txt",
        "/key.txt",
        "/fifo",
        "/folder",
        "/folder/",
        "/",
        "/missing.ts",
        "/index.html%00",
        "/index.html%0",
        "/index.html?x",
        "/index.html#x",
        "/index.html:3",
        "/INDEX.HTML",
        "file:///etc/passwd",
        "http://localhost/index.html",
        "~/.ssh/id_rsa",
        "-rf",
        // CVE-2026-53632
        "\\\\host\\share\\a.ts",
        "/\\\\host\\share\\a.ts",
        "//host/share/a.ts",
        "///host/share/a.ts",
        "/%5c%5chost%5cshare%5ca.ts",
        "file://host/share/a.ts",
        "C:\\Windows\\win.ini",
        "/C:/Windows/win.ini",
        "\\\\?\\C:\\a.ts",
        // CVE-2024-52011
        "/index.html&calc",
        "/index.html%0acalc",
    ] {
        let response = open(&livers, &json!({ "file": file })).await;
        assert!(matches!(response.status, 400 | 403 | 404), "{file}: {response:?}");
    }
    // Nothing was started before this.
    assert_eq!(open(&livers, &json!({ "file": "/index.html" })).await.status, 200);
    assert_eq!(stand_in.called().await, [inside.into_os_string()]);
}

#[tokio::test]
async fn only_requests_with_a_token_open_a_file() {
    let stand_in = StandIn::named("own-editor");
    let dir = TempDir::with_page("<p>a");
    dir.write("last.html", "");
    let livers = on(&dir).env("LIVERS_EDITOR", stand_in.program("own-editor")).start().await;
    let port = livers.port();
    let origin = &*format!("http://localhost:{port}");
    let (json_type, token_name) = ("application/json", "X-Livers-Token");
    let long = format!("{{\"file\":\"/index.html\"{}}}", " ".repeat(4096));
    for (headers, wanted) in [
        (&[("Content-Type", json_type), ("Origin", origin)][..], 403),
        (&[("Content-Type", json_type), ("Origin", origin), (token_name, "")], 403),
        (&[("Content-Type", json_type), ("Origin", origin), (token_name, "0")], 403),
        (&[("Content-Type", json_type), (token_name, "TOKEN")], 403),
        (&[("Content-Type", json_type), (token_name, "TOKEN"), ("Origin", "null")], 403),
        (
            &[
                ("Content-Type", json_type),
                (token_name, "TOKEN"),
                ("Origin", "https://evil.example"),
            ],
            403,
        ),
        (
            &[
                ("Content-Type", json_type),
                (token_name, "TOKEN"),
                ("Origin", origin),
                ("Sec-Fetch-Site", "same-site"),
            ],
            403,
        ),
        (
            &[
                ("Content-Type", json_type),
                (token_name, "TOKEN"),
                ("Origin", "http://evil.example"),
                ("Host", "evil.example"),
            ],
            403,
        ),
        // Behind a tunnel or a proxy.
        (
            &[
                ("Content-Type", json_type),
                (token_name, "TOKEN"),
                ("Origin", origin),
                ("X-Forwarded-For", "192.0.2.1"),
            ],
            403,
        ),
        (&[("Content-Type", "text/plain"), (token_name, "TOKEN"), ("Origin", origin)], 415),
        (
            &[
                ("Content-Type", "application/x-www-form-urlencoded"),
                (token_name, "TOKEN"),
                ("Origin", origin),
            ],
            415,
        ),
        (&[(token_name, "TOKEN"), ("Origin", origin)], 415),
    ] {
        let token = token(&livers).await;
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, if *value == "TOKEN" { &*token } else { value }))
            .collect();
        let response = send(port, "POST", "/__livers/open", &headers, PLACE.as_bytes()).await;
        assert_eq!(response.status, wanted, "{headers:?}: {response:?}");
        assert!(response.header("access-control-allow-origin").is_none());
    }
    for (body, wanted) in [
        ("", 400),
        ("{}", 400),
        ("[]", 400),
        (r#"{"file":1}"#, 400),
        (r#"{"file":["/index.html"]}"#, 400),
        (r#"{"file":"/index.html","line":-1}"#, 400),
        (r#"{"file":"/index.html","line":"1 --option"}"#, 400),
        (r#"{"file":"/index.html","line":4294967296}"#, 400),
        (r#"{"file":"/index.html","editor":"calc"}"#, 400),
        (&*long, 413),
    ] {
        let token = token(&livers).await;
        let headers = [("Content-Type", json_type), ("Origin", origin), (token_name, &*token)];
        let response = send(port, "POST", "/__livers/open", &headers, body.as_bytes()).await;
        assert_eq!(response.status, wanted, "{body}: {response:?}");
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
        let token = token(&livers).await;
        let headers = [("Content-Type", json_type), ("Origin", origin), (token_name, &*token)];
        let path = "/__livers/open?file=/index.html";
        let response = send(port, method, path, &headers, b"").await;
        assert_eq!((response.status, response.header("allow")), (405, Some("POST")), "{method}");
    }
    // A token works once: the same request cannot be repeated.
    let token = token(&livers).await;
    let headers = [("Content-Type", json_type), ("Origin", origin), (token_name, &*token)];
    let body = br#"{"file":"/last.html"}"#;
    assert_eq!(send(port, "POST", "/__livers/open", &headers, body).await.status, 200);
    assert_eq!(send(port, "POST", "/__livers/open", &headers, body).await.status, 403);
    assert_eq!(stand_in.called().await, [dir.at("last.html").into_os_string()]);
}

#[tokio::test]
async fn the_token_is_only_in_modules_that_pages_of_this_machine_import() {
    let dir = TempDir::with_page("<p>a");
    let livers = on(&dir).start().await;
    let module = |path: &'static str, headers: Vec<(&'static str, &'static str)>| {
        let port = livers.port();
        async move { get_with(port, path, &headers).await }
    };
    let response = module("/__livers/editor.js", IMPORT.to_vec()).await;
    assert_eq!(token_in(response.text()).len(), 32);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("cross-origin-resource-policy"), Some("same-origin"));
    let with = |name: &'static str, value: &'static str| {
        let others = IMPORT.into_iter().filter(move |(other, _)| *other != name);
        others.chain([(name, value)]).collect::<Vec<_>>()
    };
    for headers in [
        vec![],
        with("Sec-Fetch-Dest", "empty"),
        with("Sec-Fetch-Dest", "text"),
        with("Sec-Fetch-Dest", "worker"),
        with("Sec-Fetch-Dest", "document"),
        with("Sec-Fetch-Mode", "no-cors"),
        with("Sec-Fetch-Mode", "same-origin"),
        with("Sec-Fetch-Site", "none"),
        with("X-Forwarded-For", "192.0.2.1"),
        with("Via", "1.1 tunnel"),
    ] {
        let response = module("/__livers/editor.js", headers.clone()).await;
        assert_eq!((response.status, token_in(response.text())), (200, ""), "{headers:?}");
    }
    for headers in [
        with("Sec-Fetch-Site", "cross-site"),
        with("Sec-Fetch-Site", "same-site"),
        with("Origin", "https://evil.example"),
    ] {
        assert_eq!(module("/__livers/editor.js", headers).await.status, 403);
    }
    let map: Value = module("/__livers/editor.js.map", IMPORT.to_vec()).await.json();
    assert!(map["sourcesContent"][0].as_str().is_none_or(|text| token_in(text).is_empty()));
}
