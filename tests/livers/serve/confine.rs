//! Files outside the served folder, hidden files and special files are never served.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use super::FETCH;
use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::Livers;

const SECRET: &str = "the secret beside the folder";

/// Returns a folder with `site`, which is served, and a secret beside it.
fn with_secret() -> TempDir {
    let dir = TempDir::new();
    dir.write("secret.txt", SECRET);
    dir.write("secrets/secret.txt", SECRET);
    dir.write("site/index.html", "<p>");
    dir.write("site/sub/a.txt", "a");
    dir
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_out_of_the_folder() {
    let dir = with_secret();
    let livers = Livers::on(dir.at("site")).start().await;
    let port = livers.port();
    let absolute = dir.at("secret.txt");
    let absolute = absolute.to_str().expect("a path of UTF-8");
    let table = [
        ("/../secret.txt", 404),
        ("/..", 404),
        ("/../", 404),
        ("/./index.html", 404),
        ("/sub/../../secret.txt", 404),
        ("/sub/../index.html", 404),
        ("/%2e%2e/secret.txt", 404),
        ("/.%2e/secret.txt", 404),
        ("/%2E./secret.txt", 404),
        ("/%2e%2e%2fsecret.txt", 404),
        ("/..%2fsecret.txt", 404),
        ("/sub%2f..%2f..%2fsecret.txt", 404),
        ("/sub%2fa.txt", 404),
        ("/%252e%252e/secret.txt", 404),
        ("/%252e%252e%252fsecret.txt", 404),
        ("/..%252fsecret.txt", 403),
        ("/..%c0%afsecret.txt", 403),
        ("/%c0%ae%c0%ae/secret.txt", 404),
        ("/%uff0e%uff0e/secret.txt", 400),
        ("/..\\secret.txt", 403),
        ("/..%5csecret.txt", 403),
        ("/%5c..%5csecret.txt", 404),
        ("/%2e%2e%5csecret.txt", 403),
        ("/....//secret.txt", 404),
        ("/..;/secret.txt", 403),
        ("/../secret.txt%00.html", 404),
        ("/index.html%00", 400),
        ("/%00", 400),
        ("/%", 400),
        ("/%2", 400),
        ("/%zz", 400),
        ("//", 404),
        ("/sub//a.txt", 404),
        ("/index.html/../../secret.txt", 404),
        ("/index.html/", 404),
        ("../secret.txt", 400),
        ("secret.txt", 403),
        ("\\..\\secret.txt", 400),
        ("file:///etc/passwd", 400),
    ];
    let own = [
        (format!("/{absolute}"), 404),
        (absolute.to_owned(), 404),
        (absolute.replace('/', "%2f"), 400),
        (format!("http://localhost:{port}/../secret.txt"), 404),
        (format!("http://localhost:{port}/%2e%2e/secret.txt"), 404),
        (format!("http://localhost:{port}/..%5csecret.txt"), 403),
    ];
    let table = table.iter().map(|(target, status)| ((*target).to_owned(), *status));
    for (target, status) in table.chain(own) {
        for method in ["GET", "HEAD"] {
            let raw = http::request_head(port, method, &target, &[FETCH], 0);
            let answer = http::request(port, raw).await;
            assert_eq!(answer.status, status, "{target}");
            assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET), "{target}");
            assert_eq!(answer.header("location"), None, "{target}");
        }
    }
    let nul = http::request(port, format!("GET /\0 HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"));
    assert_eq!(nul.await.status, 400);
}

#[tokio::test]
async fn symbolic_links_are_followed_inside_and_refused_outside() {
    let dir = with_secret();
    let link = |to: &str, at: &str| symlink(to, dir.at("site").join(at)).expect("a link");
    link("index.html", "inside.html");
    link("sub", "folder");
    link("folder/a.txt", "twice.txt");
    link("index.html", "INDEX.html");
    link("sub", "Sub");
    link("../secret.txt", "out.txt");
    link("../secrets", "out");
    link("out.txt", "chain.txt");
    link("nowhere", "dangling");
    link("loop", "loop");
    link(".", "here");
    link("../../secret.txt", "sub/index.html");
    symlink(dir.at("secret.txt"), dir.at("site/absolute.txt")).expect("a link");
    let livers = Livers::on(dir.at("site")).start().await;
    for (path, status) in [
        ("/inside.html", 200),
        ("/folder/a.txt", 200),
        ("/twice.txt", 200),
        ("/INDEX.html", 200),
        ("/Sub/a.txt", 200),
        ("/SUB/a.txt", 404),
        ("/here/here/index.html", 200),
        ("/folder", 302),
        ("/out.txt", 403),
        ("/absolute.txt", 403),
        ("/out", 403),
        ("/out/", 403),
        ("/out/secret.txt", 403),
        ("/out/missing", 404),
        ("/chain.txt", 403),
        ("/sub/", 403),
        ("/dangling", 404),
        ("/loop", 404),
    ] {
        let page = http::get(livers.port(), path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(!page.text().contains(SECRET), "{path}");
        if status == 403 {
            assert!(page.text().contains("links out of the served folder"), "{path}: {page:?}");
        }
    }
    dir.remove("site/index.html");
    let listing = http::get(livers.port(), "/").await;
    for (name, listed) in [
        ("folder/", true),
        ("twice.txt", true),
        ("out.txt", false),
        ("out/", false),
        ("loop", false),
    ] {
        let link = format!("href=\"/{name}\"");
        assert_eq!(listing.text().contains(&link), listed, "{name}: {}", listing.text());
    }
}

#[tokio::test]
async fn root_may_be_a_symbolic_link_and_be_replaced() {
    let dir = with_secret();
    symlink(dir.at("site"), dir.at("link")).expect("a link");
    let livers = Livers::on(dir.at("link")).start().await;
    assert_eq!(http::get(livers.port(), "/sub/a.txt").await.text(), "a");
    dir.remove("link");
    dir.write("other/sub/a.txt", "b");
    symlink(dir.at("other"), dir.at("link")).expect("a link");
    assert_eq!(http::get(livers.port(), "/sub/a.txt").await.text(), "b");
    dir.remove("link");
    assert_eq!(http::get(livers.port(), "/sub/a.txt").await.status, 404);
}

#[tokio::test]
async fn dotfiles_are_refused_unless_allowed() {
    let dir = TempDir::new();
    let table = [
        ("/.env", ".env"),
        ("/%2eenv", ".env"),
        ("/.git/config", ".git/config"),
        ("/sub/.secret", "sub/.secret"),
        ("/.well-known/.hidden", ".well-known/.hidden"),
    ];
    for (_, file) in table {
        dir.write(file, SECRET);
    }
    dir.write(".well-known/security.txt", "public");
    let livers = Livers::on(dir.path()).start().await;
    for (path, _) in table.iter().chain(&[("/.missing", ""), ("/.git", ""), ("/.git/", "")]) {
        let page = http::get(livers.port(), path).await;
        assert_eq!(page.status, 403, "{path}: there or not");
        assert!(page.text().contains("setting dotfiles"), "{path} says what to do: {page:?}");
    }
    let public = http::get(livers.port(), "/.well-known/security.txt").await;
    assert_eq!((public.status, public.text()), (200, "public"));
    let listing = http::get(livers.port(), "/").await;
    assert!(!listing.text().contains("/.env") && !listing.text().contains("/.git"));
    assert!(listing.text().contains("\"/.well-known/\""), "{}", listing.text());

    let livers = Livers::on(dir.path()).arg("--dotfiles").start().await;
    for (path, _) in table {
        assert_eq!(http::get(livers.port(), path).await.text(), SECRET, "{path}");
    }
    let listing = http::get(livers.port(), "/").await;
    assert!(listing.text().contains("\"/.env\"") && listing.text().contains("\"/.git/\""));
}

#[tokio::test]
async fn special_files_are_refused_and_block_no_request() {
    let dir = TempDir::with_page("<p>");
    let made = Command::new("mkfifo").arg(dir.at("fifo")).status().expect("run mkfifo");
    assert!(made.success());
    let socket = std::os::unix::net::UnixListener::bind(dir.at("socket")).expect("a socket");
    let livers = Livers::on(dir.path()).start().await;
    let asked: Vec<_> = (0..64)
        .map(|_| {
            let port = livers.port();
            tokio::spawn(async move { http::get(port, "/fifo").await.status })
        })
        .collect();
    for status in asked {
        assert_eq!(status.await.expect("an answer"), 403);
    }
    assert_eq!(http::get(livers.port(), "/socket").await.status, 403);
    assert_eq!(http::get(livers.port(), "/").await.status, 200);
    dir.remove("index.html");
    let listing = http::get(livers.port(), "/").await;
    assert!(!listing.text().contains("\"/fifo\"") && !listing.text().contains("\"/socket\""));
    drop(socket);
}

#[tokio::test]
async fn unreadable_files_are_403_and_leave_others_served() {
    let dir = TempDir::with_page("<p>");
    dir.write("locked.txt", SECRET);
    dir.write("locked/a.txt", SECRET);
    for (path, mode) in [("locked.txt", 0o000), ("locked", 0o000)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.at(path), mode).expect("a mode");
    }
    let livers = Livers::on(dir.path()).unprivileged().start().await;
    for path in ["/locked.txt", "/locked/", "/locked/a.txt"] {
        let page = http::get(livers.port(), path).await;
        assert_eq!(page.status, 403, "{path}");
        assert!(page.text().contains("ermission denied"), "{page:?}");
    }
    assert_eq!(http::get(livers.port(), "/").await.status, 200);
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(dir.at("locked"), mode).expect("a mode");
    assert_eq!(http::get(livers.port(), "/locked/a.txt").await.text(), SECRET);
}

#[tokio::test]
async fn name_that_is_not_utf8_is_served() {
    let dir = TempDir::new();
    dir.write(std::ffi::OsStr::from_bytes(b"b\xff.txt"), "latin");
    let livers = Livers::on(dir.path()).start().await;
    assert_eq!(http::get(livers.port(), "/b%ff.txt").await.text(), "latin");
    assert!(http::get(livers.port(), "/").await.text().contains("\"/b%FF.txt\""));
}
