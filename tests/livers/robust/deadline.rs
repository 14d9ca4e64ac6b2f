//! A file whose compilation takes too long.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::as_script;
use crate::support::dir::TempDir;
use crate::support::http::request_head;
use crate::support::server::Livers;

/// Requests a path as a module script, and waits longer than the deadline of a compile.
async fn request_patiently(livers: &Livers, path: &str) -> String {
    let headers = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
    let head = request_head(livers.port(), "GET", path, &headers, 0);
    let mut stream = TcpStream::connect(("127.0.0.1", livers.port())).await.expect("connect");
    stream.write_all(head.as_bytes()).await.expect("send");
    let mut response = String::new();
    let read = timeout(Duration::from_secs(40), stream.read_to_string(&mut response)).await;
    read.expect("a response within 40 s").expect("read");
    response
}

#[tokio::test]
async fn a_compile_that_takes_too_long_is_an_error_and_delays_no_other() {
    let dir = TempDir::new();
    // The time grows with the square of the number of names: about 40 s.
    let slow = format!("namespace A{} {{ export const a = 1; }}", ".A".repeat(100_000));
    dir.write("slow.ts", slow);
    dir.write("index.html", "<p>");
    let livers = Livers::on(dir.path()).start().await;
    // Two of them take all slots of jobs that run, until they are slow.
    let slow = async {
        tokio::join!(
            request_patiently(&livers, "/slow.ts?t=0"),
            request_patiently(&livers, "/slow.ts?t=1")
        )
    };
    let others = async {
        for number in 0..20 {
            dir.write(format!("{number}.ts"), format!("export const a: number = {number};"));
            assert_eq!(as_script(&livers, &format!("/{number}.ts")).await.status, 200);
            assert_eq!(as_script(&livers, "/").await.status, 200);
        }
    };
    let ((first, second), ()) = tokio::join!(slow, others);
    for response in [first, second] {
        assert!(response.starts_with("HTTP/1.1 500 "), "{response}");
        assert!(response.contains("\"file\":\"slow.ts\""), "{response}");
        assert!(response.contains("compiling this file takes more than 10 s"), "{response}");
    }
    livers.wait_for_line(|line| line.contains("slow.ts") && line.contains("10 s")).await;
    // It still runs, and is not started again.
    assert!(as_script(&livers, "/slow.ts?t=0").await.text().contains("more than 10 s"));
}
