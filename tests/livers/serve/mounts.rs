//! Resolution of paths: pages without their extension, `404.html`, `--spa`, mounts, keys, links.

use std::os::unix::fs::symlink;

use super::FETCH;
use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::{self, Livers};
use crate::support::tab::Tab;

/// The header fields of a navigation.
const GOES: [(&str, &str); 2] = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")];

/// Opens a tab that shows a page and uses nothing else.
async fn shown(livers: &Livers, path: &str) -> Tab {
    http::get(livers.port(), path).await;
    Tab::page(livers, path, &[]).await
}

#[tokio::test]
async fn page_is_served_without_its_extension() {
    let dir = TempDir::new();
    for (name, text) in [
        ("about.html", "about"),
        ("both.html", "page"),
        ("both/a.txt", "a"),
        ("index/index.html", "index"),
        ("index.html", "root"),
        ("exact", "exact"),
        ("exact.html", "page"),
        ("q%3F.html", "odd"),
        ("sub/deep.html", "deep"),
        (".html", "hidden"),
    ] {
        dir.write(name, text);
    }
    let livers = Livers::on(dir.path()).start().await;
    let table = [
        ("/about", 200, "about"),
        ("/about?x", 200, "about"),
        ("/about.html", 200, "about"),
        ("/sub/deep", 200, "deep"),
        ("/q%253F", 200, "odd"),
        ("/exact", 200, "exact"),
        ("/both", 200, "page"),
        ("/index", 302, "See /index/\n"),
        ("/both/", 200, ""),
        ("/about/", 404, ""),
        ("/about.htm", 404, ""),
        ("/", 200, "root"),
        ("/sub", 302, "See /sub/\n"),
        ("/.html", 403, ""),
    ];
    for (path, status, text) in table {
        let answer = http::get_with(livers.port(), path, &[FETCH]).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(text.is_empty() || answer.text() == text, "{path}: {answer:?}");
    }
    // A tab with the page is notified of changes, whether the file exists or not.
    let mut there = shown(&livers, "/about").await;
    let mut missing = shown(&livers, "/new").await;
    dir.write("about.html", "about it");
    assert_eq!(there.updated().await.paths(), ["/about.html"]);
    dir.write("new.html", "new");
    assert_eq!(missing.updated().await.paths(), ["/new.html"]);
}

#[tokio::test]
async fn nearest_404_page_is_served() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let mut before = shown(&livers, "/docs/missing").await;
    dir.write("404.html", "<p>nothing here");
    assert_eq!(before.updated().await.paths(), ["/404.html"]);
    dir.write("docs/404.html", "<p>no such document");
    dir.write("docs/empty/a.txt", "a");
    for (path, text) in [
        ("/missing", "nothing here"),
        ("/missing/deep/er.html", "nothing here"),
        ("/docs/missing", "no such document"),
        ("/docs/empty/missing", "no such document"),
    ] {
        let page = http::get(livers.port(), path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text().contains(text), "{path}: {page:?}");
        assert_eq!(page.text().matches("<script").count(), 2, "the client: {page:?}");
        assert_eq!((page.header("etag"), page.header("last-modified")), (None, None), "{path}");
        let script = http::get_with(livers.port(), path, &[FETCH]).await;
        assert_eq!((script.status, script.text()), (404, "404 Not Found\n"), "{path}");
    }
    let mut shown = shown(&livers, "/docs/missing").await;
    dir.write("docs/404.html", "<p>really no such document");
    assert_eq!(shown.updated().await.paths(), ["/docs/404.html"]);
}

#[tokio::test]
async fn spa_page_is_served_to_navigations_without_a_file() {
    let dir = TempDir::with_page("<p>root");
    dir.write("app.html", "<p>app");
    dir.write("folder/a.txt", "a");
    dir.write(".env", "secret");
    for (flag, text) in [("--spa", "root"), ("--spa=app.html", "app"), ("--spa=/app.html", "app")] {
        let livers = Livers::on(dir.path()).arg(flag).start().await;
        for path in ["/user/7", "/user/john.doe", "/deep/er/", "/folder", "/folder/", "/a%20b"] {
            let page = http::get_with(livers.port(), path, &GOES).await;
            assert_eq!(page.status, 200, "{flag} {path}");
            assert!(page.text().contains(text), "{flag} {path}: {page:?}");
        }
        let html = [("Accept", "text/html,*/*")];
        for headers in [&html[..], &[html[0], FETCH]] {
            let page = http::get_with(livers.port(), "/user/7", headers).await;
            assert!(page.text().contains(text), "{flag} {headers:?}");
        }
        for headers in [&[FETCH][..], &[("Sec-Fetch-Dest", "script")], &[("Accept", "*/*")]] {
            let answer = http::get_with(livers.port(), "/user/7.js", headers).await;
            assert_eq!(answer.status, 404, "{flag} {headers:?}");
        }
        for (path, status) in [("/folder/a.txt", 200), ("/.env", 403), ("/%zz", 400), ("/..", 404)]
        {
            assert_eq!(http::get_with(livers.port(), path, &GOES).await.status, status, "{path}");
        }
        assert_eq!(http::get_with(livers.port(), "/folder/", &[FETCH]).await.status, 200);
        http::get_with(livers.port(), "/user/7", &GOES).await;
        let mut tab = Tab::page(&livers, "/user/7", &[]).await;
        let file = if text == "root" { "index.html" } else { "app.html" };
        dir.write(file, format!("<p>{text} {flag}"));
        assert_eq!(tab.updated().await.paths(), [format!("/{file}")]);
    }
    let (status, _, stderr) =
        server::run([dir.path().to_str().expect("UTF-8"), "--port=0", "--spa=../app.html"]).await;
    assert_eq!(status.code(), Some(2));
    assert!(
        stderr.contains("--spa=../app.html is not a path inside the folder: write"),
        "{stderr}"
    );
}

#[tokio::test]
async fn mounted_folder_takes_precedence_and_its_changes_are_published() {
    let dir = TempDir::new();
    dir.write("site/index.html", "<link rel=stylesheet href=/assets/a.css><p>root");
    dir.write("site/assets/own.css", "own");
    dir.write("site/assets/both.css", "root");
    dir.write("site/inner/in.css", "in");
    dir.write("shared/a.css", "a {}");
    dir.write("shared/both.css", "first");
    dir.write("shared/sub/x.txt", "x");
    dir.write("shared/.env", "secret");
    dir.write("more/both.css", "second");
    dir.write("more/second.css", "second");
    dir.write("outside.txt", "outside");
    let mount = |at: &str, folder: &str| format!("--mount={at}={}", dir.at(folder).display());
    let livers = Livers::on(dir.at("site"))
        .args([mount("/assets", "shared"), mount("/assets/", "more"), mount("/in", "site/inner")])
        .start()
        .await;
    let table = [
        ("/assets/a.css", 200, "a {}"),
        ("/assets/both.css", 200, "first"),
        ("/assets/second.css", 200, "second"),
        ("/assets/own.css", 200, "own"),
        ("/assets/sub/x.txt", 200, "x"),
        ("/assets/sub", 302, "See /assets/sub/\n"),
        ("/in/in.css", 200, "in"),
        ("/inner/in.css", 200, "in"),
        ("/assets/missing", 404, ""),
        ("/assets/.env", 403, ""),
        ("/assets/../outside.txt", 404, ""),
        ("/assets/%2e%2e/outside.txt", 404, ""),
        ("/assetsx/a.css", 404, ""),
        ("/a.css", 404, ""),
    ];
    for (path, status, text) in table {
        let answer = http::get_with(livers.port(), path, &[FETCH]).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(text.is_empty() || answer.text() == text, "{path}: {answer:?}");
    }
    let listing = http::get(livers.port(), "/assets/").await;
    for name in ["a.css", "both.css", "second.css", "own.css", "sub/"] {
        let link = format!("href=\"/assets/{name}\"");
        assert_eq!(listing.text().matches(&link).count(), 1, "{name}: {}", listing.text());
    }

    let page = browser().await.open(livers.url()).await;
    page.wait_for_request(|r| r.kind == "WebSocket" && r.status == Some(101)).await;
    dir.write("shared/a.css", "p { color: rgb(1, 2, 3) }");
    page.wait_until("getComputedStyle(document.querySelector('p')).color === 'rgb(1, 2, 3)'").await;

    let mut tab =
        Tab::page(&livers, "/", &["/assets/second.css", "/in/in.css", "/assets/new"]).await;
    dir.write("more/second.css", "changed");
    assert_eq!(tab.updated().await.paths(), ["/assets/second.css"]);
    dir.write("site/inner/in.css", "changed");
    assert_eq!(tab.updated().await.paths(), ["/in/in.css"]);
    dir.write("shared/new", "new");
    assert_eq!(tab.updated().await.paths(), ["/assets/new"]);
}

#[tokio::test]
async fn invalid_mount_is_an_error() {
    let dir = TempDir::with_page("<p>");
    let root = dir.path().to_str().expect("UTF-8");
    for (mount, wanted) in [
        ("assets=x", "--mount assets=x does not begin with a path: write it like /assets"),
        ("/assets", "--mount /assets is not a mount: write /PATH=FOLDER"),
        ("/__livers=x", "--mount /__livers=x is livers' own path: choose another"),
        ("/a=/no/such/folder", "/no/such/folder does not exist: name a folder to serve"),
    ] {
        let (status, _, stderr) = server::run([root, "--port=0", "--mount", mount]).await;
        assert_eq!(status.code(), Some(2), "{mount}: {stderr}");
        assert!(stderr.contains(wanted), "{mount}: {stderr}");
    }
}

#[tokio::test]
async fn private_keys_are_refused_under_any_name_unless_allowed() {
    let dir = TempDir::new();
    let keys = ["server.pem", "SERVER.KEY", "a.p12", "id_rsa", "sub/id_ed25519", "keys.pem/a.txt"];
    for key in keys {
        dir.write(key, "secret");
    }
    dir.write("id_rsa.pub", "public");
    dir.write(".env", "secret");
    symlink("server.pem", dir.at("key.txt")).expect("a link");
    symlink(".env", dir.at("env.txt")).expect("a link");
    symlink("keys.pem", dir.at("folder")).expect("a link");
    let livers = Livers::on(dir.path()).start().await;
    let kept = keys.map(|key| format!("/{key}"));
    let kept = kept.iter().map(String::as_str);
    for path in
        kept.chain(["/server%2epem", "/missing.pem", "/key.txt", "/folder/", "/folder/a.txt"])
    {
        let page = http::get(livers.port(), path).await;
        assert_eq!(page.status, 403, "{path}");
        assert!(
            page.text().contains("setting serve-keys") && !page.text().contains("secret"),
            "{path}"
        );
    }
    livers.wait_for_line(|line| line.starts_with("refused") && line.contains("--serve-keys")).await;
    let env = http::get(livers.port(), "/env.txt").await;
    assert!(env.status == 403 && env.text().contains("setting dotfiles"), "{env:?}");
    assert_eq!(http::get(livers.port(), "/id_rsa.pub").await.text(), "public");
    let listing = http::get(livers.port(), "/").await;
    for (name, listed) in [
        ("id_rsa.pub", true),
        ("sub/", true),
        ("id_rsa", false),
        ("server.pem", false),
        ("key.txt", false),
        ("env.txt", false),
        ("folder/", false),
    ] {
        let link = format!("href=\"/{name}\"");
        assert_eq!(listing.text().contains(&link), listed, "{name}: {}", listing.text());
    }
    let livers = Livers::on(dir.path()).arg("--serve-keys").start().await;
    assert_eq!(http::get(livers.port(), "/key.txt").await.text(), "secret");
    assert_eq!(http::get(livers.port(), "/server.pem").await.text(), "secret");
    assert_eq!(http::get(livers.port(), "/env.txt").await.status, 403);
}

#[tokio::test]
async fn symbolic_links_out_of_the_folder_are_followed_if_allowed() {
    let dir = TempDir::new();
    dir.write("site/index.html", "<p>");
    dir.write(".hidden/out/a.txt", "a");
    dir.write(".hidden/out/server.pem", "secret");
    symlink("../.hidden/out", dir.at("site/out")).expect("a link");
    symlink("../.hidden/out/a.txt", dir.at("site/a.txt")).expect("a link");
    symlink("../.hidden/out/server.pem", dir.at("site/key.txt")).expect("a link");
    symlink("../.hidden", dir.at("site/dots")).expect("a link");
    let livers = Livers::on(dir.at("site")).arg("--follow-symlinks").start().await;
    for (path, status) in [
        ("/out/a.txt", 200),
        ("/a.txt", 200),
        ("/out/", 200),
        ("/out", 302),
        ("/key.txt", 403),
        ("/out/server.pem", 403),
        ("/dots/", 403),
        ("/../a.txt", 404),
    ] {
        assert_eq!(http::get(livers.port(), path).await.status, status, "{path}");
    }
    let listing = http::get(livers.port(), "/").await;
    assert!(listing.status == 200, "{listing:?}");
    // Changes of their targets are published, too.
    for path in ["/out/a.txt", "/a.txt"] {
        http::get_with(livers.port(), path, &[FETCH]).await;
    }
    let mut tab = Tab::page(&livers, "/", &["/out/a.txt", "/a.txt"]).await;
    dir.write(".hidden/out/a.txt", "changed");
    let mut changed: Vec<String> = Vec::new();
    while changed.len() < 2 {
        changed.extend(tab.updated().await.changes.into_iter().map(|(path, _)| path));
    }
    changed.sort_unstable();
    assert_eq!(changed, ["/a.txt", "/out/a.txt"]);
}
