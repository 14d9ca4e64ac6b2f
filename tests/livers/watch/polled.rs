//! Polling, where the system reports no events: the messages are the same as with events.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Watched, Way, each_is_one_message, shell, watched, watched_with};
use crate::support::dir::TempDir;
use crate::support::http::get;
use crate::support::server::Livers;
use crate::support::skip::skip;
use crate::support::tab::{Tab, status};

/// A site that is polled because the command line asks for it.
async fn polled(dir: TempDir) -> Watched {
    watched_with(dir, &["--poll"]).await
}

#[tokio::test]
async fn save_is_one_message_however_it_is_done() {
    let ways: &[(&str, Way)] = &[
        ("in place", |dir| dir.write("a", "new")),
        ("of the same length", |dir| dir.write("a", "dlo\n")),
        ("a rename into place", |dir| dir.replace("a", "new")),
        ("delete and write", |dir| {
            dir.remove("a");
            dir.write("a", "new");
        }),
        ("cp -p of an older file", |dir| {
            shell(dir.path(), "echo dlo >.old && touch -d 2001-01-01 .old && cp -p .old a");
        }),
        ("mv of an older file", |dir| {
            shell(dir.path(), "echo dlo >.old && touch -d 2001-01-01 .old && mv .old a");
        }),
        ("the same length and time", |dir| {
            shell(dir.path(), "touch -r a .ref && echo dlo >a && touch -r .ref a");
        }),
        ("a rename of the same length and time", |dir| {
            shell(dir.path(), "echo dlo >.new && touch -r a .new && mv .new a");
        }),
    ];
    each_is_one_message(ways, &["--poll"]).await;
}

#[tokio::test]
async fn slow_writer_is_one_message() {
    // On a busy machine a writer may be suspended for so long that it seems to have finished. Ten
    // rounds must include one that was not.
    for round in 0.. {
        let dir = TempDir::new();
        dir.write("a", "old\n");
        let mut site = polled(dir).await;
        site.ask(&["/a"]).await;
        let mut file = OpenOptions::new().append(true).open(site.dir.at("a")).expect("open");
        let mut pause = Duration::ZERO;
        for _ in 0..40 {
            let last = Instant::now();
            file.write_all(b"some more\n").expect("write");
            // The pace of the writer, not a wait for anything.
            std::thread::sleep(Duration::from_millis(5));
            pause = pause.max(last.elapsed());
        }
        drop(file);
        let updates = site.tool.until_quiet(site.dir.path()).await;
        println!("round {round}: {} messages, the longest pause {pause:?}", updates.len());
        if updates.len() == 1 {
            return;
        }
        assert!(round < 10, "more than one message in each round");
    }
}

#[tokio::test]
async fn saves_within_one_second_are_all_published() {
    let dir = TempDir::new();
    dir.write("a", "0");
    let mut site = polled(dir).await;
    site.ask(&["/a"]).await;
    for content in ["1", "2", "3", "4"] {
        site.dir.write("a", content);
        site.tool.expect(&[("/a", "modified")]).await;
    }
}

#[tokio::test]
async fn events_without_a_change_of_content_are_no_message() {
    let ways: &[(&str, Way)] = &[
        ("the same bytes in place", |dir| dir.write("a", "old\n")),
        ("the same bytes by a rename", |dir| dir.replace("a", "old\n")),
        ("touch", |dir| shell(dir.path(), "touch a")),
        ("chmod", |dir| shell(dir.path(), "chmod 600 a b && chmod 644 a b")),
        ("a folder's mode", |dir| shell(dir.path(), "chmod 700 folder && touch folder")),
        ("files in node_modules", |dir| dir.write("node_modules/x/index.js", "new")),
    ];
    for (name, way) in ways {
        println!("{name}");
        let dir = TempDir::new();
        dir.write("a", "old\n");
        dir.write("b", "not requested");
        dir.make_dir("folder");
        dir.make_dir("node_modules");
        let mut site = polled(dir).await;
        assert_eq!(site.ask(&["/a"]).await, [200]);
        way(&site.dir);
        site.nothing().await;
        site.dir.write("a", "another");
        site.tool.expect(&[("/a", "modified")]).await;
    }
}

#[tokio::test]
async fn created_modified_and_removed_files_are_published() {
    let mut site = polled(TempDir::new()).await;
    assert_eq!(site.ask(&["/requested.html", "/deep/er/requested.html"]).await, [404, 404]);
    for path in ["/requested.html", "/other.html"] {
        let before = site.tool.connected.version;
        site.dir.write(&path[1..], "one");
        let created = site.tool.expect(&[(path, "created")]).await;
        site.dir.write(&path[1..], "two");
        let modified = site.tool.expect(&[(path, "modified")]).await;
        site.dir.remove(&path[1..]);
        let removed = site.tool.expect(&[(path, "removed")]).await;
        assert_eq!([created, modified, removed], [1, 2, 3].map(|n| before + n), "{path}");
        site.tool.connected.version = removed;
    }
    site.dir.write("deep/er/requested.html", "one");
    let updates = site.tool.until("/deep/er/requested.html").await;
    assert!(
        updates.iter().all(|updated| updated.changes.iter().all(|(_, kind)| kind == "created"))
    );
    site.tool.until_quiet(site.dir.path()).await;
    site.dir.write("deep/er/requested.html", "two");
    site.tool.expect(&[("/deep/er/requested.html", "modified")]).await;
}

#[tokio::test]
async fn folder_moved_in_is_published_and_moved_out_is_no_longer_watched() {
    let (dir, elsewhere) = (TempDir::new(), TempDir::new());
    elsewhere.write("pack/sub/a.css", "old");
    let mut site = polled(dir).await;
    let path = "/pack/sub/a.css";
    assert_eq!(site.ask(&[path]).await, [404]);
    fs::rename(elsewhere.at("pack"), site.dir.at("pack")).expect("move in");
    // One message, unless a round of polling and the move coincide.
    let updates = site.tool.until_all(&["/pack/", "/pack/sub/", path]).await;
    let changes: Vec<_> = updates.iter().flat_map(|updated| &updated.changes).collect();
    assert!(changes.len() == 3 && changes.iter().all(|(_, kind)| kind == "created"), "{updates:?}");
    site.nothing().await;
    site.dir.write("pack/sub/a.css", "new");
    site.tool.expect(&[(path, "modified")]).await;

    fs::rename(site.dir.at("pack"), elsewhere.at("pack")).expect("move out");
    site.tool.until(path).await;
    site.tool.until_quiet(site.dir.path()).await;
    elsewhere.write("pack/sub/a.css", "written elsewhere");
    site.nothing().await;
}

#[tokio::test]
async fn root_that_is_removed_and_created_again_is_live() {
    let dir = TempDir::new();
    dir.write("site/a.css", "old");
    let livers = Livers::on(dir.at("site")).arg("--poll").start().await;
    assert_eq!(get(livers.port(), "/a.css").await.status, 200);
    let mut tool = Tab::tool(&livers).await;
    dir.remove("site");
    tool.until("/a.css").await;
    dir.write("site/a.css", "made again");
    tool.until("/a.css").await;
    tool.until_quiet(dir.at("site")).await;
    dir.write("site/a.css", "live again");
    tool.expect(&[("/a.css", "modified")]).await;
}

#[tokio::test]
async fn burst_publishes_every_file() {
    let dir = TempDir::new();
    let names: Vec<_> = (0..300).map(|n| format!("{}/{n}.html", n % 7)).collect();
    for name in &names {
        dir.write(name, "old");
    }
    let mut site = polled(dir).await;
    let paths: Vec<_> = names.iter().map(|name| format!("/{name}")).collect();
    for path in paths.iter().step_by(3) {
        site.ask(&[path]).await;
    }
    for name in &names {
        site.dir.write(name, "new");
    }
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    site.tool.until_all(&paths).await;
    site.nothing().await;
}

#[tokio::test]
async fn banner_and_status_name_the_reason_for_polling() {
    let site = polled(TempDir::new()).await;
    let row = format!("  serving  {}  (polling: as configured)", site.dir.path().display());
    site.livers.wait_for_line(|line| line == row).await;
    assert_eq!(status(&site.livers).await["watch"]["polling"], "as configured");
    let events = watched(TempDir::new()).await;
    assert!(status(&events.livers).await["watch"]["polling"].is_null());
}

/// Returns the arguments of `unshare` that run a program in a user namespace of its own, with a
/// limit.
fn limited(limit: &str) -> Option<[String; 4]> {
    let line = format!("echo {limit} && exec \"$0\" \"$@\"");
    let tried = Command::new("unshare").args(["-Ur", "sh", "-ec", &line, "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        skip("watch::polled", "user namespaces");
        return None;
    }
    Some(["-Ur", "sh", "-ec", &line].map(str::to_owned))
}

#[tokio::test]
async fn folders_beyond_the_limit_on_watches_are_polled() {
    let Some(limited) = limited("6 >/proc/sys/user/max_inotify_watches") else { return };
    let dir = TempDir::new();
    for folder in 0..20 {
        dir.write(format!("{folder}/a.css"), "old");
    }
    let livers = Livers::on(dir.path()).under("unshare", limited).start().await;
    let remedy = "'sysctl fs.inotify.max_user_watches=524288'";
    livers.wait_for_line(|line| line.contains(remedy)).await;
    let mut tool = Tab::tool(&livers).await;
    let watch = &status(&livers).await["watch"];
    assert_eq!(watch["folders"], 21);
    assert!(watch["polling"].as_str().expect("a reason").contains("limit"), "{watch}");
    for folder in 0..20 {
        let path = format!("/{folder}/a.css");
        let missing = format!("/{folder}/missing.css");
        assert_eq!(get(livers.port(), &path).await.status, 200);
        assert_eq!(get(livers.port(), &missing).await.status, 404);
        dir.write(&path[1..], "new");
        tool.expect(&[(&path, "modified")]).await;
        dir.write(&missing[1..], "new");
        tool.expect(&[(&missing, "created")]).await;
    }
    tool.expect_nothing(dir.path()).await;
    assert_eq!(livers.lines().iter().filter(|(_, line)| line.contains(remedy)).count(), 1);
}

#[tokio::test]
async fn system_without_a_watcher_is_polled() {
    let Some(limited) = limited("0 >/proc/sys/user/max_inotify_instances") else { return };
    let dir = TempDir::new();
    dir.write("a.css", "old");
    let livers = Livers::on(dir.path()).under("unshare", limited).start().await;
    livers.wait_for_line(|line| line.contains("'sysctl fs.inotify.max_user_instances=512'")).await;
    let mut tool = Tab::tool(&livers).await;
    assert_eq!(get(livers.port(), "/a.css").await.status, 200);
    dir.write("a.css", "new");
    tool.expect(&[("/a.css", "modified")]).await;
}
