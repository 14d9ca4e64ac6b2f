//! Cost of the reverse proxy: small proxied responses and opened WebSockets.
//!
//! Measures, for a small `GET` and for opening a WebSocket, the CPU time of the proxy process (user
//! and system, all threads, from `/proc/PID/stat`) per 10,000, and how many complete per second.
//!
//! Compares livers with nginx (`proxy_pass` with keep-alive and `Upgrade`, as many workers as
//! cores) and with a bare hyper proxy: hyper's server and client in one task, without header
//! rewriting, connection pool or error handling. `LIVERS_BASELINE=PATH` adds another livers binary.
//!
//! Every server is a process of its own; the backend is a small hyper server. [`CONNECTIONS`]
//! client connections are kept alive, each sending its next request once the last is answered. A
//! WebSocket is opened on a new connection and closed once the 101 has arrived. The rounds of the
//! servers are interleaved; medians are printed, and ratios to nginx are computed per round. `cargo
//! bench --bench proxied -- 11` takes 11 rounds.
//!
//! The client and the backend share the cores with the proxy, so completions per second depend on
//! them too; CPU time does not.
//!
//! Not measured: large bodies, uploads, TLS, bytes through an open WebSocket, latency.

// The output is the result.
#![allow(clippy::print_stdout)]

mod support;

use std::{
    convert::Infallible,
    env,
    io::{Read, Write},
    path::Path,
    thread,
    time::Instant,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1 as client,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE},
    server::conn::http1 as server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use support::{Exchange, Folder, Result, Server, number, quantile};

const REQUESTS: u32 = 20_000;
const OPENS: u32 = 3_000;
const CONNECTIONS: u32 = 8;
const ROUNDS: usize = 7;

/// Arguments that make this program the backend or the bare hyper proxy.
const BACKEND: &str = "backend";
const BARE: &str = "bare-proxy";

const BODY: &str = "{\"id\":1,\"name\":\"a small response of a backend\"}\n";

/// A proxy and its measurements.
struct Row {
    name: &'static str,
    server: Server,
    /// CPU seconds per 10,000, one value per round.
    costs: Vec<f64>,
    /// Completions per second, one value per round.
    rates: Vec<f64>,
}

fn main() -> Result<()> {
    match env::args().nth(1).as_deref() {
        Some(BACKEND) => return runtime()?.block_on(backend()),
        Some(BARE) => {
            let port = env::args().nth(2).ok_or("no backend port")?.parse()?;
            return runtime()?.block_on(bare_proxy(port));
        }
        _ => {}
    }
    let (empty, nginx) = (Folder::new("proxied")?, Folder::new("proxied-nginx")?);
    let backend = Server::own(BACKEND, Path::new("-"))?;
    let mut rows = Vec::new();
    let mut add = |name, server| {
        rows.push(Row { name, server, costs: Vec::new(), rates: Vec::new() });
    };
    let args = ["--proxy".to_owned(), format!("/=127.0.0.1:{}", backend.port)];
    match nginx_proxy(&nginx, backend.port)? {
        Some(server) => add("nginx", server),
        None => println!("nginx is not installed: skipped"),
    }
    add("bare hyper", Server::own(BARE, Path::new(&backend.port.to_string()))?);
    if let Some(binary) = env::var_os("LIVERS_BASELINE") {
        add("baseline", Server::livers_binary(binary, empty.path(), &args)?);
    }
    let livers = env!("CARGO_BIN_EXE_livers");
    add("livers", Server::livers_binary(livers, empty.path(), &args)?);
    let rounds = number().unwrap_or(ROUNDS);
    println!("Medians of {rounds} rounds; least and most in parentheses.");
    compare(&mut rows, rounds, ("small GET", REQUESTS), requests)?;
    compare(&mut rows, rounds, ("WebSocket opened", OPENS), opens)
}

/// nginx with keep-alive to the backend and with WebSockets, if it is installed.
fn nginx_proxy(own: &Folder, backend: u16) -> Result<Option<Server>> {
    let port = support::free_port()?;
    let http = format!(
        "map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
        upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; keepalive_requests 1000000; }}
        server {{
            listen 127.0.0.1:{port};
            location / {{
                proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Host $host;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $connection_upgrade;
                proxy_set_header X-Forwarded-For $remote_addr;
            }}
        }}"
    );
    Server::nginx_with(own, "auto", port, &http)
}

type Load = fn(&Server, u32) -> Result<()>;

/// Measures all proxies in turn, and prints a table.
fn compare(rows: &mut [Row], rounds: usize, what: (&str, u32), load: Load) -> Result<()> {
    let (name, count) = what;
    for row in &mut *rows {
        row.costs.clear();
        row.rates.clear();
        load(&row.server, count / 4)?;
    }
    for _ in 0..rounds {
        for row in &mut *rows {
            let (before, began) = (row.server.cpu()?, Instant::now());
            load(&row.server, count)?;
            let seconds = began.elapsed().as_secs_f64();
            row.costs.push((row.server.cpu()? - before) * 10_000.0 / f64::from(count));
            row.rates.push(f64::from(count) / seconds);
        }
    }
    println!("\n{name:<17} {:>19} {:>26} {:>9} {:>9}", "CPU s/10,000", "per s", "CPU", "per s");
    let nginx = rows.iter().find(|row| row.name == "nginx");
    for row in &*rows {
        let ratio = |values: fn(&Row) -> &Vec<f64>| {
            let Some(nginx) = nginx else { return f64::NAN };
            let ratios: Vec<_> =
                values(row).iter().zip(values(nginx)).map(|(own, nginx)| own / nginx).collect();
            quantile(&ratios, 0.5)
        };
        let [cpu_least, cpu, cpu_most] = [0.0, 0.5, 1.0].map(|part| quantile(&row.costs, part));
        let [least, rate, most] = [0.0, 0.5, 1.0].map(|part| quantile(&row.rates, part));
        println!(
            "{:<15} {cpu:>7.3} ({cpu_least:.3}, {cpu_most:.3}) {rate:>10.0} ({least:.0}, {most:.0}) \
             {:>6.2} x {:>6.2} x nginx",
            row.name,
            ratio(|row| &row.costs),
            ratio(|row| &row.rates),
        );
    }
    Ok(())
}

/// Runs `client` on as many threads as there are connections.
fn on_all(client: impl Fn() -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(&client)).collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })
}

fn requests(server: &Server, count: u32) -> Result<()> {
    let host = format!("127.0.0.1:{}", server.port);
    let request = format!(
        "GET /api/items?page=1 HTTP/1.1\r\nHost: {host}\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n\
        Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nSec-Fetch-Dest: empty\r\n\
        Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\n\
        Referer: http://{host}/page.html\r\n\r\n"
    );
    on_all(|| {
        let mut exchange = Exchange::new(server, &request)?;
        if exchange.status() != "200" || exchange.body() != BODY.as_bytes() {
            return Err(format!("status {}", exchange.status()).into());
        }
        (1..count / CONNECTIONS).try_for_each(|_| exchange.again())
    })
}

fn opens(server: &Server, count: u32) -> Result<()> {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server.port
    );
    on_all(|| {
        for _ in 0..count / CONNECTIONS {
            let mut stream = server.connect()?;
            stream.write_all(request.as_bytes())?;
            let (mut head, mut length) = ([0; 2048], 0);
            while !head[..length].ends_with(b"\r\n\r\n") {
                match stream.read(&mut head[length..])? {
                    0 => return Err("closed before the 101".into()),
                    count => length += count,
                }
            }
            if !head.starts_with(b"HTTP/1.1 101 ") {
                return Err(String::from_utf8_lossy(&head[..length]).into_owned().into());
            }
        }
        Ok(())
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(4);
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?)
}

/// The next connection, without Nagle's algorithm.
async fn accept(listener: &TcpListener) -> Result<TokioIo<TcpStream>> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

/// Answers every `GET` with [`BODY`]; accepts every WebSocket and waits for its end.
async fn backend() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let stream = accept(&listener).await?;
        let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request)) });
        let connection = server::Builder::new().serve_connection(stream, service);
        tokio::spawn(connection.with_upgrades());
    }
}

fn answer(mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    if !request.headers().contains_key(UPGRADE) {
        let mut response = Response::new(Full::from(BODY));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        return response;
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await?);
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        Ok::<_, support::Error>(())
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    response
}

/// Forwards each client connection over one backend connection of its own.
async fn bare_proxy(backend: u16) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let stream = accept(&listener).await?;
        tokio::spawn(async move {
            let socket = TcpStream::connect(("127.0.0.1", backend)).await?;
            socket.set_nodelay(true)?;
            let (sender, connection) = client::handshake(TokioIo::new(socket)).await?;
            let sender = std::sync::Arc::new(tokio::sync::Mutex::new(sender));
            let service = service_fn(move |request| forward(sender.clone(), request));
            let connection_from = server::Builder::new().serve_connection(stream, service);
            // One task drives both connections.
            let both = (connection_from.with_upgrades(), connection.with_upgrades());
            let _ = futures_util::future::join(both.0, both.1).await;
            Ok::<_, support::Error>(())
        });
    }
}

async fn forward(
    sender: std::sync::Arc<tokio::sync::Mutex<client::SendRequest<Incoming>>>,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>> {
    let browser = hyper::upgrade::on(&mut request);
    let mut sender = sender.lock().await;
    sender.ready().await?;
    let mut response = sender.send_request(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let backend = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (browser, backend) = tokio::try_join!(browser, backend)?;
            let (mut browser, mut backend) = (TokioIo::new(browser), TokioIo::new(backend));
            tokio::io::copy_bidirectional(&mut browser, &mut backend).await?;
            Ok::<_, support::Error>(())
        });
    }
    Ok(response)
}
