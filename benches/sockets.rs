//! How many reload sockets the server carries, and at what price.
//!
//! **What**: the time until 1,000 and 5,000 clients have their socket open and have read the first
//! message on it; the memory that each socket adds to the server's process; and the time from a
//! save (right before a file that was written in place is closed) until the last of those clients
//! has read the message about it.
//!
//! **Against**: a bare server: tokio-tungstenite's handshake, one task per socket, and notify. It
//! writes a message on each socket when it is opened and whenever the file is closed after writing,
//! and knows nothing else. Both are processes of their own, and run in turns.
//!
//! **How**: each client stands for a tab. It offers the subprotocol `livers`, reads `connected`,
//! and says `hello` with a style sheet in `uses`. Up to 128 handshakes are under way at once. The
//! client runs on one thread and shares the machine with the server. Medians of three rounds, each
//! with servers just started; `cargo bench --bench sockets -- 5` takes five rounds. `LIVERS=path`
//! measures another build of livers.
//!
//! The bench raises its limit of open files (`RLIMIT_NOFILE`) to the hard limit, and the servers
//! inherit that. livers raises its own limit when it starts.
//!
//! **Left out**: TLS, browsers, tabs that use many files, clients that read slowly.

// The output is the result.
#![allow(clippy::print_stdout)]

mod support;

use std::{
    env,
    fs::File,
    io::{Read, Write},
    path::Path,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt, stream};
use notify::{
    EventKind, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{broadcast, watch},
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;

use support::{Folder, Result, Server, number, quantile};

/// The argument that makes this program the bare server.
const BARE: &str = "bare-sockets";

const ROUNDS: usize = 3;

const SIZES: [usize; 2] = [1_000, 5_000];

/// How many handshakes are under way at once.
const CONCURRENCY: usize = 128;

/// How many saves are made while all sockets are open.
const SAVES: usize = 5;

/// Longer than a burst of changes, which livers would gather.
const PAUSE: Duration = Duration::from_millis(150);

const PATIENCE: Duration = Duration::from_mins(2);

/// What one round measured with one number of sockets.
#[derive(Clone, Copy, Debug)]
struct Measured {
    /// Seconds.
    connect: f64,
    /// Kilobytes per socket.
    memory: f64,
    /// Milliseconds from a save to the last message.
    save: f64,
    /// CPU milliseconds of the server for all saves.
    cpu: f64,
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    if let (Some(BARE), Some(folder)) = (arguments.next().as_deref(), arguments.next()) {
        return tokio::runtime::Runtime::new()?.block_on(bare(folder.as_ref()));
    }
    raise_file_limit();
    let folder = Folder::in_memory("sockets")?;
    folder.write("page.html", "<!doctype html><link rel=\"stylesheet\" href=\"sheet.css\">\n")?;
    folder.write("sheet.css", "p { color: red }\n")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rounds = number().unwrap_or(ROUNDS);
    println!("reload sockets, medians of {rounds} rounds");
    println!(
        "{:<8} {:<8} {:>10} {:>14} {:>18} {:>14}",
        "sockets", "server", "connect s", "kB per socket", "save to last, ms", "CPU ms / save"
    );
    for size in SIZES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(runtime.block_on(measure(&livers(folder.path())?, folder.path(), size))?);
            let bare = Server::own(BARE, folder.path())?;
            theirs.push(runtime.block_on(measure(&bare, folder.path(), size))?);
        }
        let medians = |rounds: &[Measured]| {
            let median = |field: fn(&Measured) -> f64| {
                quantile(&rounds.iter().map(field).collect::<Vec<_>>(), 0.5)
            };
            [median(|r| r.connect), median(|r| r.memory), median(|r| r.save), median(|r| r.cpu)]
        };
        let (ours, theirs) = (medians(&ours), medians(&theirs));
        for (name, [connect, memory, save, cpu]) in [("bare", theirs), ("livers", ours)] {
            println!("{size:<8} {name:<8} {connect:>10.3} {memory:>14.1} {save:>18.2} {cpu:>14.1}");
        }
        let [connect, memory, save, cpu] = [0, 1, 2, 3].map(|field| ours[field] / theirs[field]);
        println!(
            "{:<8} {:<8} {connect:>10.2} {memory:>14.2} {save:>18.2} {cpu:>14.2}",
            "", "ratio"
        );
    }
    Ok(())
}

/// Starts livers, or the build of it that `LIVERS` names.
fn livers(folder: &Path) -> Result<Server> {
    match env::var_os("LIVERS") {
        Some(binary) => {
            let port = support::free_port()?;
            let mut command = Command::new(binary);
            command.args(["--port", &port.to_string()]).arg(folder);
            Server::listening(command, port)
        }
        None => Server::livers(folder),
    }
}

async fn measure(server: &Server, folder: &Path, size: usize) -> Result<Measured> {
    // Whatever the first connection sets up is not a socket's.
    let (_warm, _) = connect(server, 1).await?;
    sleep(PAUSE).await;
    let before = server.resident();
    let began = Instant::now();
    let (clients, received) = connect(server, size).await?;
    let connect = began.elapsed().as_secs_f64();
    // Hellos are read, and the timers of the first second are gone.
    sleep(Duration::from_millis(1_500)).await;
    #[allow(clippy::cast_precision_loss)]
    let memory = (server.resident() - before) * 1024.0 / size as f64;

    let mut saves = Vec::new();
    let cpu = server.cpu()?;
    for number in 0..SAVES {
        load(server)?;
        let mut received = received.clone();
        let last = *received.borrow_and_update();
        let mut file = File::create(folder.join("sheet.css"))?;
        file.write_all(format!("p {{ color: #{number:06} }}\n").as_bytes())?;
        let began = Instant::now();
        drop(file);
        let all = received.wait_for(|count| *count >= last + size);
        timeout(PATIENCE, all).await.map_err(|_| "a message did not arrive")??;
        saves.push(began.elapsed().as_secs_f64() * 1_000.0);
        sleep(PAUSE).await;
    }
    #[allow(clippy::cast_precision_loss)]
    let cpu = (server.cpu()? - cpu) * 1_000.0 / SAVES as f64;
    drop(clients);
    Ok(Measured { connect, memory, save: quantile(&saves, 0.5), cpu })
}

/// Asks for the style sheet, as a tab does that shows it, so that the server watches it closely.
fn load(server: &Server) -> Result<()> {
    let host = format!("127.0.0.1:{}", server.port);
    let mut stream = server.connect()?;
    let request = format!(
        "GET /sheet.css HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Dest: style\r\n\
         Referer: http://{host}/page.html\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    // The bare server knows no files, and closes the connection.
    let _ = stream.read_to_end(&mut Vec::new());
    Ok(())
}

/// Clients that read until they are dropped.
struct Clients(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Clients {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Opens sockets, and counts the messages that come on them after the first.
async fn connect(server: &Server, size: usize) -> Result<(Clients, watch::Receiver<usize>)> {
    let (count, received) = watch::channel(0);
    let count = Arc::new(count);
    let opened = stream::iter(0..size).map(|_| open(server.port)).buffer_unordered(CONCURRENCY);
    let opened: Vec<_> = timeout(PATIENCE, opened.collect()).await.map_err(|_| "no sockets")?;
    let clients = opened.into_iter().map(|stream| {
        let (stream, count) = (stream?, Arc::clone(&count));
        Ok(tokio::spawn(read(stream, move || count.send_modify(|count| *count += 1))))
    });
    Ok((Clients(clients.collect::<Result<_>>()?), received))
}

/// Opens a socket, reads the first message, and says hello.
async fn open(port: u16) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /__livers/socket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: livers\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await? == 0 {
            return Err("a socket was not opened".into());
        }
        head.push(byte[0]);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(String::from_utf8_lossy(&head).into());
    }
    let connected = message(&mut stream).await?;
    if let Ok(connected) = serde_json::from_slice::<serde_json::Value>(&connected) {
        let hello = serde_json::json!({
            "type": "hello",
            "page": "/page.html",
            "uses": ["/page.html", "/sheet.css"],
            "boot": connected["boot"],
            "version": connected["version"],
        });
        stream.write_all(&masked(hello.to_string().as_bytes())?).await?;
    }
    Ok(stream)
}

/// A text frame of a client, masked with zeros (RFC 6455, section 5.2).
fn masked(text: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(text.len())?.to_be_bytes();
    Ok([&[0x81, 0xfe], &length[..], &[0; 4], text].concat())
}

/// The payload of the next frame, which has a length of less than 126, or of two bytes.
async fn message(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let length = match head[1] {
        126 => usize::from(stream.read_u16().await?),
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

async fn read(mut stream: TcpStream, received: impl Fn()) {
    let mut frame = vec![0; 4096];
    // One message at a time is under way, and fits.
    while stream.read(&mut frame).await.is_ok_and(|length| length > 0) {
        received();
    }
}

/// The server that livers is compared with.
async fn bare(folder: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let (saved, _) = broadcast::channel(16);
    let saves = Mutex::new(saved.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        if event.is_ok_and(|event| event.kind == closed) {
            let _ = saves.lock().unwrap_or_else(PoisonError::into_inner).send(());
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut saves = saved.subscribe();
        tokio::spawn(async move {
            let socket = tokio_tungstenite::accept_async(stream).await;
            let Ok(mut socket) = socket else { return };
            let _ = socket.send(Message::text("{\"type\":\"connected\"}")).await;
            loop {
                let sent = tokio::select! {
                    frame = socket.next() => match frame {
                        Some(Ok(_)) => Ok(()),
                        _ => return,
                    },
                    Ok(()) = saves.recv() => socket.send(Message::text("{\"type\":\"updated\"}")).await,
                };
                if sent.is_err() {
                    return;
                }
            }
        });
    }
}

/// Raises the soft limit of open files to the hard limit.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn raise_file_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a valid pointer to a local value.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn raise_file_limit() {}
