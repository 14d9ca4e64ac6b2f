//! The reload messages, on the WebSocket and the event stream, and which tabs are notified of which
//! changes.

mod missed;
mod stuck;

use std::collections::BTreeSet;

use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::dir::TempDir;
use crate::support::http::{Wire, get, get_with, request_head};
use crate::support::server::Livers;
use crate::support::socket::Socket;
use crate::support::tab::{Tab, status};

/// Returns a golden message of `tests/protocol` with some values replaced.
fn golden(name: &str, values: &[(&str, &str)]) -> String {
    let path = format!("{}/tests/protocol/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(path).expect("a golden file").trim().to_owned();
    for (old, new) in values {
        assert!(text.contains(old), "{old} in {text}");
        text = text.replace(old, new);
    }
    text
}

#[tokio::test]
async fn socket_and_event_stream_send_the_golden_messages() {
    let dir = TempDir::with_page("old");
    dir.write("css/app.css", "old");
    let mut livers = Livers::on(dir.path()).start().await;
    get(livers.port(), "/css/app.css").await;
    let boot = status(&livers).await["boot"].as_str().expect("a boot").to_owned();
    let connected = |n: &str| golden("connected", &[("17", n), ("k3f9x2", &boot)]);

    let origin = format!("http://localhost:{}", livers.port());
    let socket = Socket::on(livers.port()).origin(&origin).subprotocol("livers").open();
    let mut socket = socket.await;
    assert_eq!(socket.subprotocol.as_deref(), Some("livers"));
    assert_eq!(socket.next_message().await.to_text().unwrap(), connected("0"));

    let mut events = Wire::open(livers.port()).await;
    let head = request_head(livers.port(), "GET", "/__livers/events", &[], 0);
    events.send(head).await;
    let head = events.until(b"\r\n\r\n").await.expect("a head").to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    let mut next = async || {
        events.until(b"data: ").await.expect("an event");
        events.until(b"\n\n").await.expect("the end of an event")
    };
    assert_eq!(next().await, connected("0"));
    for version in 1..4 {
        dir.write("css/app.css", format!("{version}"));
        let updated = golden("updated", &[("18", &version.to_string())]);
        assert_eq!(socket.next_message().await.to_text().unwrap(), updated);
        assert_eq!(next().await, updated);
    }

    let tool = Tab::tool(&livers).await;
    assert_eq!((&tool.connected.boot, tool.connected.version), (&boot, 3), "the same run");
    assert_eq!(tool.socket.subprotocol, None);
    livers.restart().await;
    let tool = Tab::tool(&livers).await;
    assert_ne!(tool.connected.boot, boot);
    assert_eq!(tool.connected.version, 0);
}

#[tokio::test]
async fn shutdown_closes_sockets_and_event_streams_properly() {
    let dir = TempDir::with_page("old");
    let mut livers = Livers::on(dir.path()).start().await;
    let (mut tool, mut page) = (Tab::tool(&livers).await, Tab::page(&livers, "/", &[]).await);
    let mut events = Wire::open(livers.port()).await;
    events.send(request_head(livers.port(), "GET", "/__livers/events", &[], 0)).await;
    events.until(b"data: ").await.expect("an event");
    livers.interrupt();
    for tab in [&mut tool, &mut page] {
        let close = tab.socket.wait_for_close().await.expect("a close frame");
        assert_eq!(close.code, CloseCode::Away);
    }
    assert!(events.until(b"\r\n0\r\n\r\n").await.is_some(), "the stream's own end");
    assert!(livers.wait().await.success());
}

#[tokio::test]
async fn unknown_and_malformed_messages_are_ignored() {
    let dir = TempDir::with_page("old");
    dir.write("a.css", "old");
    let livers = Livers::on(dir.path()).start().await;
    get(livers.port(), "/a.css").await;
    let mut tab = Tab::page(&livers, "/", &["/a.css"]).await;
    for message in [json!({"type":"later","x":[1]}), json!([1]), json!({"type":"uses","add":5})] {
        tab.say(&message).await;
    }
    tab.socket.send_text("{not json").await;
    tab.say(&json!({"type":"applied","version":1,"how":"css","ms":1,"more":true})).await;
    dir.write("a.css", "new");
    tab.expect(&[("/a.css", "modified")]).await;
}

/// Tabs on one site, and a tool that is notified of every change.
struct Site {
    dir: TempDir,
    livers: Livers,
    tool: Tab,
    tabs: Vec<(&'static str, Tab)>,
}

const MARKER: &str = "marker.txt";

impl Site {
    async fn start(dir: TempDir) -> Self {
        dir.write(MARKER, "0");
        let livers = Livers::on(dir.path()).start().await;
        get(livers.port(), "/marker.txt").await;
        let tool = Tab::tool(&livers).await;
        Self { dir, livers, tool, tabs: Vec::new() }
    }

    /// Opens a tab that reports to use these files.
    async fn tab(&mut self, page: &'static str, uses: &[&str]) {
        let uses: Vec<_> = uses.iter().copied().chain(["/marker.txt"]).collect();
        self.tabs.push((page, Tab::page(&self.livers, page, &uses).await));
    }

    /// Requests a file as a page, style sheet or script of the site does.
    async fn request(&self, referrer: &str, path: &str) -> u16 {
        let referrer = format!("http://localhost:{}{referrer}", self.livers.port());
        let headers = [("Referer", referrer.as_str()), ("Sec-Fetch-Dest", "empty")];
        get_with(self.livers.port(), path, &headers).await.status
    }

    /// Makes a change and returns the tabs that are notified of it.
    async fn notified(
        &mut self,
        path: &str,
        change: impl FnOnce(&TempDir),
    ) -> BTreeSet<&'static str> {
        change(&self.dir);
        self.tool.until(path).await;
        let marker = String::from_utf8(self.dir.read(MARKER)).unwrap() + "1";
        self.dir.write(MARKER, marker);
        self.tool.until("/marker.txt").await;
        let mut notified = BTreeSet::new();
        for (page, tab) in &mut self.tabs {
            let updates = tab.until("/marker.txt").await;
            if updates.iter().any(|updated| updated.paths().contains(&path)) {
                notified.insert(*page);
            }
        }
        notified
    }
}

#[tokio::test]
async fn a_tab_is_notified_of_the_files_that_it_uses() {
    let dir = TempDir::new();
    let files = [
        "index.html",
        "a.html",
        "b.html",
        "sub/index.html",
        "css/app.css",
        "css/base.css",
        "js/app.js",
        "js/part.js",
        "js/worker.js",
        "data.json",
        "img/back.png",
        "unused.css",
        "listed/x.md",
        "listed/deep/y.md",
    ];
    for file in files {
        dir.write(file, "old");
    }
    let mut site = Site::start(dir).await;
    for (referrer, path) in [
        // The pages report the other files themselves; these are known by their referrers.
        ("/css/app.css", "/css/base.css"),
        ("/css/base.css", "/img/back.png"),
        ("/a.html", "/js/app.js"),
        ("/js/app.js", "/js/part.js?v=1"),
        ("/js/app.js", "/js/worker.js"),
        ("/js/worker.js", "/data.json"),
        ("/js/part.js", "/js/app.js"),
        ("/b.html", "/missing.js"),
        ("/css/base.css", "/img/missing%20too.png"),
        ("/", "/listed/"),
    ] {
        site.request(referrer, path).await;
    }
    for path in ["/", "/a.html", "/b.html", "/sub/", "/css/app.css", "/listed/", "/unused.css"] {
        get(site.livers.port(), path).await;
    }
    site.tab("/", &["/css/app.css"]).await;
    site.tab("/a.html", &["/css/app.css"]).await;
    site.tab("/b.html", &[]).await;
    site.tab("/sub/", &["/nothing.json"]).await;
    site.tab("/listed/", &[]).await;
    site.tab("/late.html", &[]).await;

    let table: &[(&str, &[&str])] = &[
        ("index.html", &["/"]),
        ("a.html", &["/a.html"]),
        ("b.html", &["/b.html"]),
        ("sub/index.html", &["/sub/"]),
        ("css/app.css", &["/", "/a.html"]),
        ("css/base.css", &["/", "/a.html"]),
        ("img/back.png", &["/", "/a.html"]),
        ("js/app.js", &["/a.html"]),
        ("js/part.js", &["/a.html"]),
        ("js/worker.js", &["/a.html"]),
        ("data.json", &["/a.html"]),
        ("missing.js", &["/b.html"]),
        ("img/missing too.png", &["/", "/a.html"]),
        ("nothing.json", &["/sub/"]),
        ("late.html", &["/late.html"]),
        ("unused.css", &[]),
        ("new.css", &[]),
        ("listed/x.md", &["/", "/listed/"]),
        ("listed/new.md", &["/", "/listed/"]),
        ("listed/deep/y.md", &[]),
    ];
    for (file, pages) in table {
        let path = format!("/{}", file.replace(' ', "%20"));
        for how in ["in place", "by a rename"] {
            // Browsers request a sheet's parts again when it has changed.
            for (sheet, part) in [
                ("/css/app.css", "/css/base.css"),
                ("/css/base.css", "/img/back.png"),
                ("/css/base.css", "/img/missing%20too.png"),
            ] {
                site.request(sheet, part).await;
            }
            let notified = site.notified(&path, |dir| match how {
                "in place" => dir.write(file, how),
                _ => dir.replace(file, how),
            });
            let wanted = pages.iter().copied().collect();
            assert_eq!(notified.await, wanted, "{file} {how}");
        }
    }
    let notified = site.notified("/listed/x.md", |dir| dir.remove("listed/x.md")).await;
    assert_eq!(notified, BTreeSet::from(["/", "/listed/"]));
    let notified = site.notified("/listed/more/", |dir| dir.make_dir("listed/more")).await;
    assert_eq!(notified, BTreeSet::from(["/", "/listed/"]));

    site.tabs[2].1.say(&json!({"type":"uses","add":["/unused.css", "/b%61.css"]})).await;
    let notified = site.notified("/unused.css", |dir| dir.write("unused.css", "used now")).await;
    assert_eq!(notified, BTreeSet::from(["/b.html"]));
    let notified = site.notified("/ba.css", |dir| dir.write("ba.css", "spelled otherwise")).await;
    assert_eq!(notified, BTreeSet::from(["/b.html"]));
}

#[tokio::test]
async fn tabs_are_notified_of_everything_when_their_uses_are_unknown() {
    let more = TempDir::new();
    more.write("templates/a.tera", "old");
    let dir = TempDir::with_page("old");
    dir.write("a.css", "old");
    dir.write(MARKER, "0");
    let folder = more.at("templates");
    let livers = Livers::on(dir.path()).arg("--watch").arg(&folder).start().await;
    get(livers.port(), "/a.css").await;
    let mut page = Tab::page(&livers, "/", &[]).await;
    // One that never said hello, and one that did not say what it uses.
    let mut tool = Tab::tool(&livers).await;
    let unknown = json!({"type":"hello","page":"/","boot":page.connected.boot,"version":0});
    let mut unknown = Tab::hello(&livers, &unknown).await;
    dir.write("a.css", "new");
    for tab in [&mut tool, &mut unknown] {
        tab.expect(&[("/a.css", "modified")]).await;
    }
    more.write("templates/a.tera", "new");
    for tab in [&mut page, &mut tool, &mut unknown] {
        tab.expect(&[("templates/a.tera", "modified")]).await;
    }
}

#[tokio::test]
async fn reload_all_notifies_every_tab_of_every_change() {
    let dir = TempDir::with_page("old");
    dir.write("a.css", "old");
    let livers = Livers::on(dir.path()).args(["--reload", "all"]).start().await;
    get(livers.port(), "/a.css").await;
    let mut tabs = [Tab::page(&livers, "/", &[]).await, Tab::page(&livers, "/b.html", &[]).await];
    dir.write("a.css", "new");
    for tab in &mut tabs {
        tab.expect(&[("/a.css", "modified")]).await;
    }
    let pages = status(&livers).await["pages"].clone();
    assert_eq!(pages, json!([{"page":"/","uses":1},{"page":"/b.html","uses":1}]));
}
