//! Saves in two halves, files with two names, and files that are requested while they are being
//! written.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tokio::time::sleep;

use super::{shell, watched, watched_with};
use crate::support::dir::TempDir;
use crate::support::http::get;

#[tokio::test]
async fn two_halves_of_a_save_are_one_message() {
    let dir = TempDir::new();
    dir.write("a", "old");
    let mut site = watched(dir).await;
    let ways = [
        "rm a; sleep 0.02; echo deleted >a",
        ": >a; sleep 0.02; echo emptied >a",
        ": >a; echo emptied at once >a",
        // A command that writes its output when it ends.
        "(sleep 0.8; echo generated) >a",
        "mv a .old; sleep 0.02; cp .old a; echo copied >>a; rm .old",
    ];
    for way in ways {
        assert_eq!(site.ask(&["/a"]).await, [200]);
        shell(site.dir.path(), way);
        site.tool.expect(&[("/a", "modified")]).await;
        site.nothing().await;
    }
    assert_eq!(site.ask(&["/a"]).await, [200]);
    site.dir.write("a", "");
    site.tool.expect(&[("/a", "modified")]).await;
}

#[tokio::test]
async fn removal_of_a_tree_is_one_message() {
    let dir = TempDir::new();
    for path in ["page/index.html", "page/a.css", "page/sub/b.css"] {
        dir.write(path, "a");
    }
    let mut site = watched(dir).await;
    assert_eq!(site.ask(&["/page/", "/page/a.css", "/page/sub/b.css"]).await, [200, 200, 200]);
    shell(site.dir.path(), "rm -r page");
    let updates = site.tool.until_quiet(site.dir.path()).await;
    assert_eq!(updates.len(), 1, "{updates:?}");
    assert!(updates[0].changes.contains(&("/page/a.css".into(), "removed".into())), "{updates:?}");
}

#[tokio::test]
async fn write_through_another_hard_link_is_published() {
    let (dir, elsewhere) = (TempDir::new(), TempDir::new());
    dir.write("a", "old");
    for name in [dir.at("b"), elsewhere.at("c")] {
        fs::hard_link(dir.at("a"), name).expect("link");
    }
    let mut site = watched(dir).await;
    assert_eq!(site.ask(&["/a"]).await, [200]);
    // The folder of the other name is watched, but that name was not requested.
    fs::write(site.dir.at("b"), "by b").expect("write");
    let updates = site.tool.until("/a").await;
    assert!(updates[0].changes.contains(&("/a".into(), "modified".into())), "{updates:?}");
    fs::write(elsewhere.at("c"), "by c").expect("write");
    site.tool.until("/a").await;
    site.dir.replace("a", "its own");
    site.tool.until("/a").await;
    fs::write(elsewhere.at("c"), "another inode by now").expect("write");
    site.nothing().await;
}

#[tokio::test]
async fn broken_link_is_published_when_its_target_is_created() {
    let dir = TempDir::new();
    dir.make_dir("real");
    symlink("real/later.css", dir.at("a.css")).expect("link");
    let mut site = watched(dir).await;
    assert_eq!(site.ask(&["/a.css"]).await, [404]);
    site.dir.write("real/later.css", "a {}");
    let updates = site.tool.until("/a.css").await;
    assert!(updates[0].changes.contains(&("/a.css".into(), "created".into())), "{updates:?}");
    assert_eq!(get(site.livers.port(), "/a.css").await.text(), "a {}");
}

#[tokio::test]
async fn replaced_root_is_published() {
    let dir = TempDir::new();
    for version in ["v1", "v2", "v3"] {
        dir.write(format!("{version}/a"), version);
    }
    symlink("v1", dir.at("site")).expect("link");
    let livers = crate::support::server::Livers::on(dir.at("site")).start().await;
    let mut tool = crate::support::tab::Tab::tool(&livers).await;
    let text = async || get(livers.port(), "/a").await.text().to_owned();
    assert_eq!(text().await, "v1");
    shell(dir.path(), "ln -sfn v2 site");
    tool.until("/a").await;
    assert_eq!(text().await, "v2");
    dir.write("v2/a", "v2, saved");
    tool.until("/a").await;
    shell(dir.path(), "ln -s v3 next && mv -T next site");
    tool.until("/a").await;
    assert_eq!(text().await, "v3");
    dir.write("v3/a", "v3, saved");
    tool.until("/a").await;
    assert_eq!(text().await, "v3, saved");
}

#[tokio::test]
async fn metadata_and_equal_content_are_no_change() {
    let dir = TempDir::new();
    dir.write("other", "a");
    dir.write("requested", "a");
    let mut site = watched(dir).await;
    // The missing path below a file must not hide the file.
    assert_eq!(site.ask(&["/requested/", "/requested"]).await, [404, 200]);
    site.nothing().await;
    let line = "touch requested other; touch -d 2001-01-01 requested other; chmod 600 requested other; \
                : >>other; cp -p requested requested~; echo a >/dev/null";
    shell(site.dir.path(), line);
    site.nothing().await;
}

#[tokio::test]
async fn request_waits_for_a_writer() {
    let dir = TempDir::new();
    dir.write("page.txt", "old");
    let mut site = watched(dir).await;
    for round in 0..10 {
        assert_eq!(site.ask(&["/page.txt"]).await, [200]);
        let mut file = fs::File::create(site.dir.at("page.txt")).expect("open");
        file.write_all(format!("{round}: half").as_bytes()).expect("write");
        let port = site.livers.port();
        let answer = tokio::spawn(async move { get(port, "/page.txt").await.text().to_owned() });
        // Lets the request come first. The answer must be the same if it does not.
        sleep(Duration::from_millis(20)).await;
        file.write_all(b" and half").expect("write");
        drop(file);
        assert_eq!(answer.await.expect("an answer"), format!("{round}: half and half"));
        site.tool.expect(&[("/page.txt", "modified")]).await;
    }
    site.nothing().await;
}

#[tokio::test]
async fn request_waits_for_an_endless_writer_once() {
    let dir = TempDir::new();
    dir.write("server.log", "one\n");
    let site = watched_with(dir, &["--ignore", "*.txt"]).await;
    let mut log = OpenOptions::new().append(true).open(site.dir.at("server.log")).expect("open");
    assert_eq!(get(site.livers.port(), "/server.log").await.text(), "one\n");
    site.livers.wait_for_line(|line| line.starts_with("writing") && line.contains(".log")).await;
    log.write_all(b"two\n").expect("write");
    for _ in 0..5 {
        assert_eq!(get(site.livers.port(), "/server.log").await.text(), "one\ntwo\n");
    }
    // A request that waits in vain prints such a line.
    let lines = site.livers.stdout();
    assert_eq!(lines.iter().filter(|line| line.starts_with("writing")).count(), 1, "{lines:?}");
}
