//! Shutdown: on SIGINT and SIGTERM, with everything closed.

use crate::support::backend::Backend;
use crate::support::dir::TempDir;
use crate::support::http::{self, Wire, request_head};
use crate::support::server::Livers;
use crate::support::socket::Socket;
use crate::support::within;

/// Sends a signal and asserts that the server exits successfully. `wait` has a time limit.
async fn shut_down(livers: &mut Livers, signal: &str) {
    livers.signal(signal);
    assert_eq!(livers.wait().await.code(), Some(0), "after SIG{signal}");
}

#[tokio::test]
async fn an_idle_server_exits_with_0_and_prints_no_error() {
    let dir = TempDir::with_page("<p>");
    for signal in ["INT", "TERM"] {
        let mut livers = Livers::on(dir.path()).start().await;
        shut_down(&mut livers, signal).await;
        assert_eq!(livers.stderr(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn open_connections_delay_neither_shutdown_nor_the_next_start() {
    let dir = TempDir::with_page("<p>");
    dir.write("large.bin", vec![0; 32 << 20]);
    let backend = Backend::start(|mut wire| async move {
        // Reads requests and never responds.
        while wire.some().await.is_ok_and(|bytes| !bytes.is_empty()) {}
    })
    .await;
    let route = format!("/api={}", backend.port());
    let mut livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    let port = livers.port();
    for (start, signal) in ["INT", "TERM"].into_iter().enumerate() {
        let mut socket = Socket::on(port).subprotocol("livers").open().await;
        socket.next_json().await;
        let mut open = Vec::new();
        for raw in [
            request_head(port, "GET", "/__livers/events", &[], 0),
            request_head(port, "GET", "/large.bin", &[], 0),
            request_head(port, "GET", "/", &[("Connection", "keep-alive")], 0),
        ] {
            let mut wire = Wire::open(port).await;
            wire.send(raw).await;
            wire.until(b"\r\n\r\n").await.expect("a head");
            open.push(wire);
        }
        for raw in [
            String::new(),
            "GET / HT".to_owned(),
            format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\n"),
            request_head(port, "POST", "/api/slow", &[], 1000),
            request_head(port, "GET", "/api/slow", &[], 0),
        ] {
            let mut wire = Wire::open(port).await;
            wire.send(raw).await;
            open.push(wire);
        }
        backend.wait_for_connections(2 * (start + 1)).await;
        shut_down(&mut livers, signal).await;
        let close = socket.wait_for_close().await.expect("a close frame");
        assert_eq!(u16::from(close.code), 1001, "going away");
        for wire in &mut open[..1] {
            while within("the end of the stream", wire.some()).await.is_ok_and(|b| !b.is_empty()) {}
        }
        livers.restart().await;
        assert_eq!(http::get(port, "/").await.status, 200, "on the same port");
    }
}

#[tokio::test]
async fn a_response_in_progress_is_finished() {
    let dir = TempDir::new();
    dir.write("large.bin", vec![7; 8 << 20]);
    let mut livers = Livers::on(dir.path()).start().await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(request_head(livers.port(), "GET", "/large.bin", &[], 0)).await;
    let first = wire.exactly(1000).await;
    assert_eq!(first.len(), 1000);
    livers.interrupt();
    let mut length = first.len();
    while let Ok(bytes) = wire.some().await {
        if bytes.is_empty() {
            break;
        }
        length += bytes.len();
    }
    assert!(length > 8 << 20, "the response is complete: {length} bytes");
    assert_eq!(livers.wait().await.code(), Some(0));
}

/// Files that block the server's threads.
#[cfg(target_os = "linux")]
mod hanging {
    use std::future::Future;
    use std::time::Duration;

    use super::{Livers, TempDir, Wire, http, request_head, shut_down, within};
    use crate::support::hang::{FrozenMount, Lease};
    use crate::support::skip::skip;

    /// More requests than the server has threads for blocking calls.
    const REQUESTS: usize = 40;

    /// Asserts that one signal ends a server that hangs, and two end it at once. Each is tried on a
    /// server of its own, which is returned with what makes it hang.
    async fn ends<H, F: Future<Output = (Livers, H)>>(hanging: impl Fn() -> F) {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let (mut livers, hang) = hanging().await;
            shut_down(&mut livers, signal).await;
            drop(hang);

            let (mut livers, _hang) = hanging().await;
            // Two signals that are sent at once can arrive as one.
            let signals = async {
                while !livers.has_ended() {
                    livers.signal(signal);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            within("the end of the server", signals).await;
            assert_eq!(livers.wait().await.code(), Some(code), "after two SIG{signal}");
        }
    }

    /// Sends more requests than there are threads to answer them.
    async fn request_often(port: u16, path: &str) -> Vec<Wire> {
        let mut open = Vec::new();
        for _ in 0..REQUESTS {
            let mut wire = Wire::open(port).await;
            wire.send(request_head(port, "GET", path, &[("Sec-Fetch-Dest", "script")], 0)).await;
            open.push(wire);
        }
        open
    }

    #[tokio::test]
    async fn a_server_that_hangs_while_it_starts_ends() {
        let dir = TempDir::new();
        dir.make_dir(".git");
        dir.write(".gitignore", "a");
        dir.write("site/index.html", "<p>");
        for signal in ["INT", "TERM"] {
            let lease = Lease::on(&dir.at(".gitignore")).await;
            let mut livers = Livers::on(dir.at("site")).start_without_waiting();
            lease.wait_for_opener().await;
            shut_down(&mut livers, signal).await;
        }
    }

    #[tokio::test]
    async fn a_server_whose_reads_of_a_file_hang_ends() {
        let dir = TempDir::with_page("<p>");
        dir.write("app.js", "export default 1;");
        dir.write("tsconfig.json", "{}");
        for file in ["app.js", "tsconfig.json"] {
            dir.write("app.ts", "export default 1;");
            let path = if file == "app.js" { "/app.js" } else { "/app.ts" };
            ends(|| async {
                let livers = Livers::on(dir.path()).start().await;
                let lease = Lease::on(&dir.at(file)).await;
                let open = request_often(livers.port(), path).await;
                lease.wait_for_opener().await;
                (livers, (open, lease))
            })
            .await;
        }
    }

    #[tokio::test]
    async fn a_server_whose_mount_is_dead_ends() {
        let probe = TempDir::new();
        if let Err(error) = FrozenMount::at(probe.path(), "fuse") {
            println!("{error}");
            return skip("cli::shutdown::hanging", "FUSE");
        }
        // Like a network mount, and like a disk, whose files are cached.
        for kind in ["fuse", "fuse.ntfs-3g"] {
            ends(|| async {
                let dir = TempDir::new();
                let mount = FrozenMount::at(dir.path(), kind).expect("a mount");
                let livers = Livers::on(dir.path()).start().await;
                http::get(livers.port(), "/__livers/status").await;
                for _ in 0..2 {
                    assert_eq!(http::get(livers.port(), "/app.js").await.status, 200);
                }
                mount.freeze();
                let open = request_often(livers.port(), "/app.js").await;
                (livers, (open, mount, dir))
            })
            .await;
        }
    }
}
