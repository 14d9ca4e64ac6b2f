//! Many changes at once: bursts are gathered, and an overflow loses nothing.

use std::time::{Duration, Instant};

use super::watched;
use crate::support::dir::TempDir;
use crate::support::tab::Updated;

#[tokio::test]
async fn burst_is_at_most_two_messages() {
    const FILES: usize = 500;
    let dir = TempDir::new();
    let names: Vec<_> = (0..FILES).map(|n| format!("{}/{n}.html", n % 7)).collect();
    for name in &names {
        dir.write(name, "old");
    }
    let mut site = watched(dir).await;
    let paths: Vec<_> = names.iter().map(|name| format!("/{name}")).collect();
    for path in paths.iter().step_by(3) {
        site.ask(&[path]).await;
    }
    // On a busy machine the writer may be suspended for so long that a burst is two. Ten rounds
    // must include one that was not.
    for round in 0.. {
        let mut pause = Duration::ZERO;
        let mut last = Instant::now();
        for name in &names {
            site.dir.write(name, format!("round {round}"));
            pause = pause.max(last.elapsed());
            last = Instant::now();
        }
        let updates: Vec<Updated> = site.tool.until_quiet(site.dir.path()).await;
        let mut seen: Vec<_> = updates.iter().flat_map(Updated::paths).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), FILES, "every file is published");
        println!("round {round}: {} messages, the longest pause {pause:?}", updates.len());
        if updates.len() <= 2 {
            return;
        }
        assert!(round < 10, "more than two messages in each round");
    }
}

/// Returns how many events the kernel queues.
fn kernel_queue() -> u32 {
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events");
    limit.ok().and_then(|limit| limit.trim().parse().ok()).unwrap_or(16_384)
}

#[tokio::test]
async fn queue_overflow_loses_no_change() {
    const FOLDERS: usize = 40;
    let dir = TempDir::new();
    dir.write("used.css", "old");
    dir.make_dir("listed");
    dir.write("renamed/sub/a.css", "old");
    for file in 0..100 {
        dir.write(format!("touched/{file}"), "");
    }
    let mut site = watched(dir).await;
    let late = format!("/flood-{}/late.css", FOLDERS - 1);
    let paths = ["/used.css", &late, "/listed/", "/gone.css", "/away/sub/a.css"];
    assert_eq!(site.ask(&paths).await, [200, 404, 200, 404, 404]);
    // While the server is stopped, the queue overflows. The changes that matter come after that,
    // and raise no event.
    site.livers.pause();
    for n in 0..kernel_queue() + 100 {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600 + n / 100 % 2 * 0o44);
        std::fs::set_permissions(site.dir.at(format!("touched/{}", n % 100)), mode).expect("chmod");
    }
    for folder in 0..FOLDERS {
        for file in 0..20 {
            site.dir.write(format!("flood-{folder}/{file}"), "new");
        }
    }
    site.dir.write("used.css", "in the middle of it");
    site.dir.write("listed/new.css", "in the middle of it");
    site.dir.write(&late[1..], "in the middle of it");
    site.dir.rename("renamed", "away");
    site.livers.signal("CONT");

    site.tool.until_all(&["/used.css", &late, "/listed/", "/away/sub/a.css"]).await;
    site.tool.until_quiet(site.dir.path()).await;
    for name in ["used.css", &late[1..], "away/sub/a.css"] {
        site.dir.write(name, "live after it");
        site.tool.expect(&[(&format!("/{name}"), "modified")]).await;
    }
    let name = format!("flood-{}/new.css", FOLDERS / 2);
    site.dir.write(&name, "new after it");
    site.tool.expect(&[(&format!("/{name}"), "created")]).await;
    site.dir.write("new-folder/new.css", "new after it");
    site.tool.until("/new-folder/new.css").await;
}

#[tokio::test]
async fn endless_writer_is_published_and_delays_no_other_file() {
    let dir = TempDir::new();
    dir.write("log.txt", "");
    dir.write("a.css", "old");
    let mut site = watched(dir).await;
    site.ask(&["/log.txt", "/a.css"]).await;
    let path = site.dir.at("log.txt");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("open");
        // The pace of the log, not a wait for anything.
        while stopped
            .recv_timeout(Duration::from_millis(5))
            .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            file.write_all(b"a line\n").expect("write");
        }
    });
    site.tool.until("/log.txt").await;
    for round in 0..3 {
        site.dir.write("a.css", format!("{round}"));
        site.tool.until("/a.css").await;
    }
    drop(stop);
    writer.join().expect("the writer");
}
