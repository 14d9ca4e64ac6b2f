//! Changes that a tab missed while it was loading or its socket was down. They are delivered once,
//! in response to its hello, if the tab uses the files.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::support::dir::TempDir;
use crate::support::http::get_with;
use crate::support::server::Livers;
use crate::support::socket::Socket;
use crate::support::tab::Tab;

fn site() -> TempDir {
    let dir = TempDir::new();
    for file in ["index.html", "used.css", "other.css", "marker.txt"] {
        dir.write(file, "<p>old");
    }
    dir.write("listed/x.md", "old");
    // Written by `after`: creating it then would change the directory after the page has loaded.
    dir.write("listed/.clock", "");
    dir
}

/// Loads a page and returns the first two parts of its stamp: the run's id and the version.
async fn load(livers: &Livers, path: &str) -> (String, u64) {
    let (boot, version, _) = load_with_time(livers, path).await;
    (boot, version)
}

/// Loads a page and returns its stamp: the run's id, the version, and when that began.
async fn load_with_time(livers: &Livers, path: &str) -> (String, u64, u64) {
    let page = get_with(livers.port(), path, &[("Sec-Fetch-Dest", "document")]).await;
    for file in ["/used.css", "/other.css", "/marker.txt", "/missing.js"] {
        get_with(livers.port(), file, &[("Sec-Fetch-Dest", "empty")]).await;
    }
    let text = page.text();
    let stamp = text.split("client.js?").nth(1).and_then(|rest| rest.split('"').next());
    let mut parts = stamp.expect("a stamp").split('.');
    let (boot, version) = (parts.next().expect("a boot"), parts.next().expect("a version"));
    let since = parts.next().expect("a time").parse().expect("a number");
    (boot.to_owned(), version.parse().expect("a version"), since)
}

fn hello(page: &str, boot: &str, version: u64, age: Option<u128>) -> Value {
    let uses = ["/used.css", "/missing.js", "/marker.txt"];
    let mut hello = json!({"type":"hello","page":page,"uses":uses,"boot":boot,"version":version});
    if let Some(age) = age {
        hello["age"] = u64::try_from(age).unwrap().into();
    }
    hello
}

/// Says hello and returns the changes that are delivered before a later one.
async fn missed(
    livers: &Livers,
    dir: &TempDir,
    hello: impl FnOnce() -> Value,
) -> Vec<(String, String)> {
    let mut tool = Tab::tool(livers).await;
    let mut tab = Tab::tool(livers).await;
    tab.socket.send_json(&hello()).await;
    // The pong shows that the hello was read before the marker changes.
    let mut updates = tab.updates_until_pong().await;
    tool.until_quiet(dir.path()).await;
    let marker = String::from_utf8(dir.read("marker.txt")).unwrap() + "1";
    dir.write("marker.txt", marker);
    updates.extend(tab.until("/marker.txt").await);
    let changes = updates.into_iter().flat_map(|updated| updated.changes);
    changes.filter(|(path, _)| path != "/marker.txt" && !path.starts_with("/marker-")).collect()
}

fn change(path: &str, kind: &str) -> (String, String) {
    (path.to_owned(), kind.to_owned())
}

#[tokio::test]
async fn changes_while_a_page_was_loading_are_delivered_once() {
    let dir = site();
    let livers = Livers::on(dir.path()).start().await;
    let mut tool = Tab::tool(&livers).await;
    let (boot, version) = load(&livers, "/").await;
    assert_eq!((&boot, version), (&tool.connected.boot, 0));
    let nothing = missed(&livers, &dir, || hello("/", &boot, version, None)).await;
    assert_eq!(nothing, [], "nothing changed");

    let (_, version) = load(&livers, "/").await;
    tool.until("/marker.txt").await;
    for file in ["used.css", "other.css", "index.html", "missing.js"] {
        dir.write(file, "new");
        tool.until(&format!("/{file}")).await;
    }
    let all = [("/index.html", "modified"), ("/missing.js", "created"), ("/used.css", "modified")];
    let all = all.map(|(path, kind)| change(path, kind));
    assert_eq!(missed(&livers, &dir, || hello("/", &boot, version, None)).await, all);
    // Another tab of that version missed the same changes; one that was served since missed none.
    assert_eq!(missed(&livers, &dir, || hello("/", &boot, version, Some(5))).await, all);
    let (boot, version) = load(&livers, "/").await;
    assert_eq!(missed(&livers, &dir, || hello("/", &boot, version, None)).await, []);
    // A tab that reconnects missed what changed since it was last notified.
    dir.write("used.css", "newer");
    tool.until("/used.css").await;
    dir.write("other.css", "newer");
    tool.until("/other.css").await;
    let changes = missed(&livers, &dir, || hello("/", &boot, version, Some(5))).await;
    assert_eq!(changes, [change("/used.css", "modified")]);
}

#[tokio::test]
async fn changes_delivered_before_the_hello_are_not_repeated() {
    let dir = site();
    let livers = Livers::on(dir.path()).start().await;
    let (boot, version) = load(&livers, "/").await;
    let mut tab = Tab::tool(&livers).await;
    dir.write("used.css", "before hello");
    tab.expect(&[("/used.css", "modified")]).await;
    tab.say(&hello("/", &boot, version, None)).await;
    dir.write("marker.txt", "after hello");
    tab.expect(&[("/marker.txt", "modified")]).await;
}

#[tokio::test]
async fn a_page_is_not_notified_of_unused_files_before_its_hello() {
    let dir = site();
    let livers = Livers::on(dir.path()).start().await;
    let (boot, version) = load(&livers, "/").await;
    let mut tool = Tab::tool(&livers).await;
    let mut page = Tab::over(Socket::on(livers.port()).subprotocol("livers").open().await).await;
    let mut silent = Tab::over(Socket::on(livers.port()).subprotocol("livers").open().await).await;
    for file in ["other.css", "used.css"] {
        dir.write(file, "before hello");
        tool.until(&format!("/{file}")).await;
    }
    page.socket.send_json(&hello("/", &boot, version, None)).await;
    page.expect(&[("/used.css", "modified")]).await;
    // A page that never says hello is notified of everything after a second.
    silent.until_all(&["/other.css", "/used.css"]).await;
    dir.write("other.css", "later");
    silent.expect(&[("/other.css", "modified")]).await;
    page.say(&json!({"type":"uses","add":[]})).await;
}

#[tokio::test]
async fn a_tab_of_an_earlier_run_is_notified_of_changes_since() {
    type Meanwhile = fn(&TempDir);
    let table: &[(&str, &str, Meanwhile, &[(&str, &str)])] = &[
        ("nothing", "/", |_| (), &[]),
        ("a file that it does not use", "/", |dir| dir.write("other.css", "new"), &[]),
        ("in place", "/", |dir| dir.write("used.css", "new"), &[("/used.css", "modified")]),
        (
            "an older file, by a rename",
            "/",
            |dir| {
                crate::watch::shell(
                    dir.path(),
                    "echo older >listed/.old && touch -d 2001-01-01 listed/.old",
                );
                dir.rename("listed/.old", "used.css");
            },
            // The directory has changed, so the missing file may have existed meanwhile.
            &[("/missing.js", "removed"), ("/used.css", "modified")],
        ),
        ("the page", "/", |dir| dir.write("index.html", "new"), &[("/index.html", "modified")]),
        (
            "created",
            "/index.html",
            |dir| dir.write("missing.js", "new"),
            &[("/missing.js", "modified")],
        ),
        (
            "removed",
            "/",
            |dir| dir.remove("used.css"),
            &[("/missing.js", "removed"), ("/used.css", "removed")],
        ),
        ("a listing", "/listed/", |dir| dir.write("listed/y", ""), &[("/listed/", "modified")]),
        ("an unchanged listing", "/listed/", |dir| dir.write("other.css", "new"), &[]),
    ];
    for (name, page, meanwhile, wanted) in table {
        let dir = site();
        let mut livers = Livers::on(dir.path()).start().await;
        let (boot, _) = load(&livers, page).await;
        let notified = Instant::now();
        // The age in a hello is higher by the time that the server reads it.
        after(&dir, SystemTime::now() + Duration::from_millis(300)).await;
        livers.kill();
        meanwhile(&dir);
        livers.restart().await;
        load(&livers, page).await;
        let hello = || hello(page, &boot, 0, Some(notified.elapsed().as_millis()));
        let changes = missed(&livers, &dir, hello).await;
        let wanted: Vec<_> = wanted.iter().map(|(path, kind)| change(path, kind)).collect();
        assert_eq!(changes, wanted, "{name}");
    }
}

/// A page that received nothing since it was served has no age, but the time in its stamp.
#[tokio::test]
async fn a_page_of_an_earlier_run_that_received_nothing_is_notified_of_changes_since() {
    type Meanwhile = fn(&TempDir);
    let table: &[(&str, Meanwhile, &[(&str, &str)])] = &[
        ("nothing", |_| (), &[]),
        ("a file that it does not use", |dir| dir.write("other.css", "new"), &[]),
        ("in place", |dir| dir.write("used.css", "new"), &[("/used.css", "modified")]),
        ("the page", |dir| dir.write("index.html", "new"), &[("/index.html", "modified")]),
        ("created", |dir| dir.write("missing.js", "new"), &[("/missing.js", "modified")]),
    ];
    for (name, meanwhile, wanted) in table {
        let dir = site();
        let mut livers = Livers::on(dir.path()).start().await;
        let mut tool = Tab::tool(&livers).await;
        // This change is in the page already.
        dir.write("used.css", "before");
        tool.until("/used.css").await;
        let (boot, version, since) = load_with_time(&livers, "/").await;
        after(&dir, SystemTime::now()).await;
        livers.kill();
        meanwhile(&dir);
        livers.restart().await;
        // Another tab has the unchanged page.
        load(&livers, "/").await;
        let hello = || {
            let mut hello = hello("/", &boot, version, None);
            hello["since"] = since.into();
            hello
        };
        let changes = missed(&livers, &dir, hello).await;
        let wanted: Vec<_> = wanted.iter().map(|(path, kind)| change(path, kind)).collect();
        assert_eq!(changes, wanted, "{name}");
    }
}

#[tokio::test]
async fn a_page_that_does_not_know_when_it_was_served_reloads() {
    let dir = site();
    let mut livers = Livers::on(dir.path()).start().await;
    let (boot, version) = load(&livers, "/").await;
    livers.restart().await;
    load(&livers, "/").await;
    let unknown = [change("unknown files", "modified")];
    assert_eq!(missed(&livers, &dir, || hello("/", &boot, version, None)).await, unknown);
    let mut too_many = hello("/", &boot, version, Some(5));
    too_many["uses"].take();
    assert_eq!(missed(&livers, &dir, || too_many).await, unknown);
}

#[tokio::test]
async fn files_used_by_a_tab_of_an_earlier_run_are_watched() {
    let dir = site();
    // Ignored files are watched only if they are used.
    dir.write(".gitignore", "used.css");
    let mut livers = Livers::on(dir.path()).start().await;
    let (boot, _) = load(&livers, "/").await;
    livers.restart().await;
    let mut tab = Tab::tool(&livers).await;
    tab.socket.send_json(&hello("/", &boot, 0, Some(1000))).await;
    tab.updates_until_pong().await;
    dir.write("used.css", "new");
    tab.expect(&[("/used.css", "modified")]).await;
    // The same content again is no change.
    dir.write("used.css", "new");
    dir.write("marker.txt", "new");
    tab.expect(&[("/marker.txt", "modified")]).await;
}

/// Waits until newly written files have a later modification time.
async fn after(dir: &TempDir, time: SystemTime) {
    loop {
        dir.write("listed/.clock", "");
        let written = std::fs::metadata(dir.at("listed/.clock")).and_then(|file| file.modified());
        if written.expect("a time") > time {
            return;
        }
        tokio::task::yield_now().await;
    }
}
