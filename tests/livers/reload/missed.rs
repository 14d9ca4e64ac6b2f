//! What a tab missed, while it was loading or its socket was down, is told
//! when it says hello: once, and only if it uses it.

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
    dir
}

/// Loads a page and gives the first two parts of its stamp: the boot and the version.
async fn load(livers: &Livers, path: &str) -> (String, u64) {
    let page = get_with(livers.port(), path, &[("Sec-Fetch-Dest", "document")]).await;
    for file in ["/used.css", "/other.css", "/marker.txt", "/missing.js"] {
        get_with(livers.port(), file, &[("Sec-Fetch-Dest", "empty")]).await;
    }
    let text = page.text();
    let stamp = text.split("client.js?").nth(1).and_then(|rest| rest.split('"').next());
    let mut parts = stamp.expect("a stamp").split('.');
    let (boot, version) = (parts.next().expect("a boot"), parts.next().expect("a version"));
    (boot.to_owned(), version.parse().expect("a version"))
}

fn hello(page: &str, boot: &str, version: u64, age: Option<u128>) -> Value {
    let uses = ["/used.css", "/missing.js", "/marker.txt"];
    let mut hello = json!({"type":"hello","page":page,"uses":uses,"boot":boot,"version":version});
    if let Some(age) = age {
        hello["age"] = u64::try_from(age).unwrap().into();
    }
    hello
}

/// Says hello; gives what was missed: all that is told before a change that
/// comes after.
async fn missed(
    livers: &Livers,
    dir: &TempDir,
    hello: impl FnOnce() -> Value,
) -> Vec<(String, String)> {
    let mut tool = Tab::tool(livers).await;
    let mut tab = Tab::tool(livers).await;
    tab.socket.send_json(&hello()).await;
    // The marker must not overtake the hello: it answers a ping after it.
    let mut told = tab.updates_until_pong().await;
    tool.until_quiet(dir.path()).await;
    let marker = String::from_utf8(dir.read("marker.txt")).unwrap() + "1";
    dir.write("marker.txt", marker);
    told.extend(tab.until("/marker.txt").await);
    let changes = told.into_iter().flat_map(|updated| updated.changes);
    changes.filter(|(path, _)| path != "/marker.txt" && !path.starts_with("/marker-")).collect()
}

fn change(path: &str, kind: &str) -> (String, String) {
    (path.to_owned(), kind.to_owned())
}

#[tokio::test]
async fn what_happened_while_a_page_was_loading_is_told_once() {
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
    // Another tab of the same age is told the same; one that was served since is told nothing.
    assert_eq!(missed(&livers, &dir, || hello("/", &boot, version, Some(5))).await, all);
    let (boot, version) = load(&livers, "/").await;
    assert_eq!(missed(&livers, &dir, || hello("/", &boot, version, None)).await, []);
    // And one that comes back is told what happened since it last heard.
    dir.write("used.css", "newer");
    tool.until("/used.css").await;
    dir.write("other.css", "newer");
    tool.until("/other.css").await;
    let told = missed(&livers, &dir, || hello("/", &boot, version, Some(5))).await;
    assert_eq!(told, [change("/used.css", "modified")]);
}

#[tokio::test]
async fn what_happened_before_hello_is_not_told_twice() {
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
async fn a_page_is_told_nothing_of_others_before_its_hello() {
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
    // One that never says hello is told everything in the end.
    silent.until_all(&["/other.css", "/used.css"]).await;
    dir.write("other.css", "later");
    silent.expect(&[("/other.css", "modified")]).await;
    page.say(&json!({"type":"uses","add":[]})).await;
}

#[tokio::test]
async fn a_tab_of_another_run_is_told_of_what_changed_meanwhile() {
    type Meanwhile = fn(&TempDir);
    let table: &[(&str, &str, Meanwhile, &[(&str, &str)])] = &[
        ("nothing", "/", |_| (), &[]),
        ("a file of others", "/", |dir| dir.write("other.css", "new"), &[]),
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
            // The folder has changed, so the file that was missing may have come and gone.
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
        ("a listing of old", "/listed/", |dir| dir.write("other.css", "new"), &[]),
    ];
    for (name, page, meanwhile, wanted) in table {
        let dir = site();
        let mut livers = Livers::on(dir.path()).start().await;
        let (boot, _) = load(&livers, page).await;
        let heard = Instant::now();
        // The age that a page says is older by the time that its hello is heard.
        after(&dir, SystemTime::now() + Duration::from_millis(300)).await;
        livers.kill();
        meanwhile(&dir);
        livers.restart().await;
        load(&livers, page).await;
        let hello = || hello(page, &boot, 0, Some(heard.elapsed().as_millis()));
        let told = missed(&livers, &dir, hello).await;
        let wanted: Vec<_> = wanted.iter().map(|(path, kind)| change(path, kind)).collect();
        assert_eq!(told, wanted, "{name}");
    }
}

#[tokio::test]
async fn what_a_tab_of_another_run_uses_is_watched() {
    let dir = site();
    // Nobody watches what is ignored, unless it is used.
    dir.write(".gitignore", "used.css");
    let mut livers = Livers::on(dir.path()).start().await;
    let (boot, _) = load(&livers, "/").await;
    livers.restart().await;
    let mut tab = Tab::tool(&livers).await;
    tab.socket.send_json(&hello("/", &boot, 0, Some(1000))).await;
    tab.updates_until_pong().await;
    dir.write("used.css", "new");
    tab.expect(&[("/used.css", "modified")]).await;
    // The same bytes once more.
    dir.write("used.css", "new");
    dir.write("marker.txt", "new");
    tab.expect(&[("/marker.txt", "modified")]).await;
}

/// Waits until files that are written are of a later time.
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
