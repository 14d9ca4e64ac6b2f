//! Saves in two halves, files with two names, and files that are read while they
//! are being written.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

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
        // What a command writes to its output, when it is done.
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
async fn a_tree_is_removed_in_one_message() {
    let dir = TempDir::new();
    for path in ["page/index.html", "page/a.css", "page/sub/b.css"] {
        dir.write(path, "a");
    }
    let mut site = watched(dir).await;
    assert_eq!(site.ask(&["/page/", "/page/a.css", "/page/sub/b.css"]).await, [200, 200, 200]);
    shell(site.dir.path(), "rm -r page");
    let told = site.tool.until_quiet(site.dir.path()).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].changes.contains(&("/page/a.css".into(), "removed".into())), "{told:?}");
}

#[tokio::test]
async fn a_write_by_another_name_of_a_file_is_told() {
    let (dir, elsewhere) = (TempDir::new(), TempDir::new());
    dir.write("a", "old");
    for name in [dir.at("b"), elsewhere.at("c")] {
        fs::hard_link(dir.at("a"), name).expect("link");
    }
    let mut site = watched(dir).await;
    assert_eq!(site.ask(&["/a"]).await, [200]);
    // The other name's own folder has a watch, and nobody asked for that name.
    fs::write(site.dir.at("b"), "by b").expect("write");
    let told = site.tool.until("/a").await;
    assert!(told[0].changes.contains(&("/a".into(), "modified".into())), "{told:?}");
    fs::write(elsewhere.at("c"), "by c").expect("write");
    site.tool.until("/a").await;
    site.dir.replace("a", "its own");
    site.tool.until("/a").await;
    fs::write(elsewhere.at("c"), "of no concern").expect("write");
    site.nothing().await;
}

#[tokio::test]
async fn a_link_that_led_nowhere_is_told_of_when_it_leads_somewhere() {
    let dir = TempDir::new();
    dir.make_dir("real");
    symlink("real/later.css", dir.at("a.css")).expect("link");
    let mut site = watched(dir).await;
    assert_eq!(site.ask(&["/a.css"]).await, [404]);
    site.dir.write("real/later.css", "a {}");
    let told = site.tool.until("/a.css").await;
    assert!(told[0].changes.contains(&("/a.css".into(), "created".into())), "{told:?}");
    assert_eq!(get(site.livers.port(), "/a.css").await.text(), "a {}");
}

#[tokio::test]
async fn a_root_that_is_replaced_is_told_at_once() {
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
async fn what_nobody_wrote_is_no_change() {
    let dir = TempDir::new();
    dir.write("unasked", "a");
    dir.write("asked", "a");
    let mut site = watched(dir).await;
    // Nothing is below a file, which is there all the same.
    assert_eq!(site.ask(&["/asked/", "/asked"]).await, [404, 200]);
    site.nothing().await;
    let line = "touch asked unasked; touch -d 2001-01-01 asked unasked; chmod 600 asked unasked; \
                : >>unasked; cp -p asked asked~; echo a >/dev/null";
    shell(site.dir.path(), line);
    site.nothing().await;
}

#[tokio::test]
async fn a_file_that_is_being_written_is_waited_for() {
    let dir = TempDir::new();
    dir.write("page.txt", "old");
    let mut site = watched(dir).await;
    for round in 0..10 {
        assert_eq!(site.ask(&["/page.txt"]).await, [200]);
        let mut file = fs::File::create(site.dir.at("page.txt")).expect("open");
        file.write_all(format!("{round}: half").as_bytes()).expect("write");
        let port = site.livers.port();
        let answer = tokio::spawn(async move { get(port, "/page.txt").await.text().to_owned() });
        // Time for the request to come first; whichever does, the answer must be the same.
        sleep(Duration::from_millis(20)).await;
        file.write_all(b" and half").expect("write");
        drop(file);
        assert_eq!(answer.await.expect("an answer"), format!("{round}: half and half"));
        site.tool.expect(&[("/page.txt", "modified")]).await;
    }
    site.nothing().await;
}

#[tokio::test]
async fn a_log_is_waited_for_once_only() {
    let dir = TempDir::new();
    dir.write("server.log", "one\n");
    let site = watched_with(dir, &["--ignore", "*.txt"]).await;
    let mut log = OpenOptions::new().append(true).open(site.dir.at("server.log")).expect("open");
    let began = Instant::now();
    assert_eq!(get(site.livers.port(), "/server.log").await.text(), "one\n");
    let first = began.elapsed();
    site.livers.wait_for_line(|line| line.starts_with("writing") && line.contains(".log")).await;
    let began = Instant::now();
    log.write_all(b"two\n").expect("write");
    for _ in 0..5 {
        assert_eq!(get(site.livers.port(), "/server.log").await.text(), "one\ntwo\n");
    }
    assert!(began.elapsed() < 5 * first, "each request was slowed down");
    let lines = site.livers.stdout();
    assert_eq!(lines.iter().filter(|line| line.starts_with("writing")).count(), 1, "{lines:?}");
}
