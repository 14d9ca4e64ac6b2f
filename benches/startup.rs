//! Measures the time from starting a server to its first answer, and its memory when idle, for
//! folders of different sizes.
//!
//! The folders hold 10 and 10,000 files, 100 files per subfolder. `cargo bench --bench startup --
//! 100000` adds one with 100,000 files. Compares livers with a bare hyper file server, which opens
//! the requested file and knows nothing of the others. `LIVERS_BASELINE=PATH` adds another livers
//! binary.
//!
//! The clock starts before the process is spawned. The server prints its port once it listens; the
//! client then connects and requests `index.html`. The servers take turns, and medians are printed.
//! The memory is read half a second after the first answer.
//!
//! Not measured: a cold disk cache, and when all folders are watched.

// The output is the result.
#![allow(clippy::print_stdout)]

mod support;

use std::{
    convert::Infallible,
    env, fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use support::{Exchange, Folder, Result, Server, number, quantile};

const ROUNDS: usize = 11;

/// The argument that makes this program the bare file server.
const BARE: &str = "bare-hyper";

const FILES_PER_FOLDER: usize = 100;

/// How long the memory is left to settle after the first answer.
const IDLE: Duration = Duration::from_millis(500);

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    if let (Some(BARE), Some(folder)) = (arguments.next().as_deref(), arguments.next()) {
        return bare(folder.as_ref());
    }
    println!("median (least, most) of {ROUNDS} starts");
    println!("{:>7}  {:<10} {:>24}  {:>7}", "files", "", "first answer, ms", "idle MB");
    for files in [10, 10_000].into_iter().chain(number()) {
        let site = site(files)?;
        let mut servers: Vec<(&str, Start)> =
            vec![("bare hyper", Box::new(|folder| Server::own(BARE, folder)))];
        servers.push(("livers", Box::new(Server::livers)));
        if let Some(baseline) = env::var_os("LIVERS_BASELINE") {
            let start = move |folder: &Path| Server::livers_binary(&baseline, folder, &[]);
            servers.push(("baseline", Box::new(start)));
        }
        let mut measured = vec![(Vec::new(), Vec::new()); servers.len()];
        for _ in 0..ROUNDS {
            for ((_, start), (times, memory)) in servers.iter().zip(&mut measured) {
                let (time, resident) = first_answer(start, site.path())?;
                times.push(time);
                memory.push(resident);
            }
        }
        for ((name, _), (times, memory)) in servers.iter().zip(&measured) {
            let [least, median, most] = [0.0, 0.5, 1.0].map(|part| quantile(times, part));
            let (range, memory) = (format!("({least:.1}, {most:.1})"), quantile(memory, 0.5));
            println!("{files:>7}  {name:<10} {median:>8.1} {range:<15}  {memory:>7.1}");
        }
    }
    Ok(())
}

/// Starts a server on a folder.
type Start = Box<dyn Fn(&Path) -> Result<Server>>;

/// Creates a site of so many files.
fn site(files: usize) -> Result<Folder> {
    let folder = Folder::new(&format!("startup-{files}"))?;
    folder.write("index.html", "<!doctype html>\n<p>A page\n")?;
    for number in 0..files.saturating_sub(1) {
        let subfolder = (number / FILES_PER_FOLDER).to_string();
        if number % FILES_PER_FOLDER == 0 {
            fs::create_dir(folder.path().join(&subfolder))?;
        }
        folder.write(&format!("{subfolder}/{number}.txt"), "A file\n")?;
    }
    Ok(folder)
}

/// Returns the milliseconds from the start of a server to its first answer, and its resident memory
/// when idle, in MB.
fn first_answer(start: &Start, folder: &Path) -> Result<(f64, f64)> {
    let began = Instant::now();
    let server = start(folder)?;
    let host = format!("localhost:{}", server.port);
    let answer =
        Exchange::new(&server, &format!("GET /index.html HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
    let elapsed = began.elapsed();
    if answer.status() != "200" {
        return Err(format!("status {}", answer.status()).into());
    }
    sleep(IDLE);
    Ok((elapsed.as_secs_f64() * 1000.0, server.resident()))
}

/// Runs the bare file server.
#[tokio::main]
async fn bare(folder: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        let folder = folder.to_owned();
        tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let path = folder.join(request.uri().path().trim_start_matches('/'));
                async move {
                    let mut response = Response::new(Full::default());
                    match tokio::fs::read(path).await {
                        Ok(bytes) => *response.body_mut() = Full::new(Bytes::from(bytes)),
                        Err(_) => *response.status_mut() = StatusCode::NOT_FOUND,
                    }
                    Ok::<_, Infallible>(response)
                }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
