//! Large uploads and downloads in constant memory.

use std::{fs, time::Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{route, start};
use crate::support::{
    backend::Backend,
    http::{self, Wire},
    server::Livers,
    within,
};

const TOTAL: usize = 1 << 30;

/// By how much the memory of the server may grow, in bytes: some buffers, far less than the body.
const MAX_GROWTH: usize = 12 << 20;

/// Length of the block that the data repeats. It is prime, so that no buffer boundary repeats.
const BLOCK: usize = 262_147;

fn block() -> Vec<u8> {
    (0..BLOCK).map(|n| (n % 251).to_le_bytes()[0]).collect()
}

/// Writes `TOTAL` bytes, and checks the server's memory in between.
async fn write(stream: &mut TcpStream, livers: Option<&Memory>) {
    let block = block();
    let mut left = TOTAL;
    for n in 0.. {
        let bytes = &block[..left.min(BLOCK)];
        within("a write", stream.write_all(bytes)).await.expect("write");
        left -= bytes.len();
        if left == 0 {
            return;
        }
        if n % 64 == 0 {
            livers.into_iter().for_each(Memory::check);
        }
    }
}

/// Reads `TOTAL` bytes, of which `first` are read already, and compares them.
async fn read(stream: &mut TcpStream, first: &[u8], livers: Option<&Memory>) {
    let block = block();
    let mut at = 0;
    let mut check = |bytes: &[u8]| {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let place = at % BLOCK;
            let here = bytes.len().min(BLOCK - place);
            assert!(bytes[..here] == block[place..place + here], "other bytes after {at}");
            bytes = &bytes[here..];
            at += here;
        }
        at
    };
    let mut total = check(first);
    let mut buffer = vec![0; BLOCK];
    for n in 0.. {
        if total == TOTAL {
            return;
        }
        let count = within("bytes", stream.read(&mut buffer)).await.expect("read");
        assert!(count > 0, "ended after {total} bytes");
        total = check(&buffer[..count]);
        if n % 64 == 0 {
            livers.into_iter().for_each(Memory::check);
        }
    }
}

/// Reads a head, and returns the bytes read past it.
async fn after_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        let count = within("a head", stream.read_buf(&mut read)).await.expect("read");
        assert!(count > 0, "no head in {:?}", String::from_utf8_lossy(&read));
        if let Some(at) = read.windows(4).position(|part| part == b"\r\n\r\n") {
            return read.split_off(at + 4);
        }
    }
}

/// The resident memory of a server, in bytes.
struct Memory {
    id: u32,
    before: usize,
}

impl Memory {
    fn new(livers: &Livers) -> Self {
        let id = livers.id();
        Self { id, before: Self::now(id, "VmRSS") }
    }

    fn now(id: u32, field: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a line");
        let kilobytes = line.split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok());
        kilobytes.expect("a number") << 10
    }

    fn check(&self) {
        let now = Self::now(self.id, "VmRSS");
        assert!(now < self.before + MAX_GROWTH, "{} bytes before, {now} now", self.before);
    }

    /// Prints the memory, and checks its peak.
    fn report(&self, what: &str, since: Instant) {
        let peak = Self::now(self.id, "VmHWM");
        println!(
            "{what}: {} MB in {:.1} s; {:.1} MB before, {:.1} MB at most",
            TOTAL >> 20,
            since.elapsed().as_secs_f64(),
            megabytes(self.before),
            megabytes(peak),
        );
        assert!(
            peak < self.before + MAX_GROWTH,
            "{} bytes before, {peak} at the peak",
            self.before
        );
    }
}

fn megabytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes >> 10).expect("less than 4 TB")) / 1024.0
}

#[tokio::test]
async fn upload_of_a_gigabyte_needs_constant_memory() {
    let backend = Backend::start(|wire| async move {
        let mut stream = wire.into_stream();
        let first = after_head(&mut stream).await;
        read(&mut stream, &first, None).await;
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nall!";
        stream.write_all(response).await.expect("write");
    })
    .await;
    let (livers, _dir) = start([route("/upload", &backend)]).await;
    let port = livers.port();
    http::get(port, "/").await;
    let (memory, since) = (Memory::new(&livers), Instant::now());
    let mut wire = Wire::open(port).await;
    wire.send(http::request_head(port, "POST", "/upload", &[], TOTAL)).await;
    let mut stream = wire.into_stream();
    write(&mut stream, Some(&memory)).await;
    assert_eq!(Wire::over(stream).response(false).await.text(), "all!");
    memory.report("upload", since);
}

#[tokio::test]
async fn download_of_a_gigabyte_needs_constant_memory() {
    let backend = Backend::start(|wire| async move {
        let mut stream = wire.into_stream();
        assert_eq!(after_head(&mut stream).await, b"");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("a head");
        write(&mut stream, None).await;
    })
    .await;
    let (livers, _dir) = start([route("/download", &backend)]).await;
    let port = livers.port();
    http::get(port, "/").await;
    let (memory, since) = (Memory::new(&livers), Instant::now());
    let mut wire = Wire::open(port).await;
    wire.send(http::request_head(port, "GET", "/download", &[], 0)).await;
    let mut stream = wire.into_stream();
    let first = after_head(&mut stream).await;
    read(&mut stream, &first, Some(&memory)).await;
    memory.report("download", since);
}
