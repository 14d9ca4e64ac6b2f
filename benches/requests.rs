//! What a request costs: CPU seconds of the server for 10,000 of them.
//!
//! **What**: user and system time of the server's process, all threads, from `/proc/PID/stat` before
//! and after, for a page of 10 KB that livers puts its script into, for a style sheet of 10 KB, and
//! for both where the browser has them already (304). The wall clock is not looked at: it would
//! measure the client as well, and whatever else runs.
//!
//! **Against**: a bare hyper server that answers with a fixed body from memory, with as many threads
//! as livers, which is what the HTTP stack alone costs; and nginx with one worker and `sendfile`, if
//! there is one, which serves the page as it is.
//!
//! **How**: each server is a process of its own. Six connections, as many as a browser opens, are
//! kept alive, each asking again as soon as it was answered, with the headers that a browser sends.
//! The rounds of the servers are interleaved, and each ratio is of one round; medians are shown,
//! with the extremes of the rounds. The kernel says CPU time in hundredths of a second, so that a
//! round is of more than 10,000 requests. `cargo bench --bench requests -- 11` takes 11 rounds.
//!
//! **Idle**: the memory of livers on a small site in RAM, and its CPU time while nothing happens.
//!
//! **Left out**: the client's share of the network's cost, connections being made, TLS (there is
//! none), large files, many files, the proxy, and the time until an answer.

// The output is the result.
#![allow(clippy::print_stdout)]

mod support;

use std::{convert::Infallible, env, thread, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use support::{Exchange, Folder, Result, Server, number, quantile, text};

const REQUESTS: u32 = 30_000;
const CONNECTIONS: u32 = 6;
const ROUNDS: usize = 7;
const LENGTH: usize = 10_240;

/// The argument that makes this program the server to compare with.
const BARE: &str = "bare-hyper";

/// What is asked for.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    path: &'static str,
    /// The headers that tell what a browser wants it for.
    headers: &'static str,
    /// Whether the browser has it already.
    known: bool,
}

const PAGE: Case = Case {
    name: "page",
    path: "/page.html",
    headers: "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Dest: document\r\n",
    known: false,
};

const SHEET: Case = Case {
    name: "sheet",
    path: "/sheet.css",
    headers: "Accept: text/css,*/*;q=0.1\r\nSec-Fetch-Dest: style\r\n",
    known: false,
};

const CASES: [Case; 4] = [
    PAGE,
    SHEET,
    Case { name: "page, 304", known: true, ..PAGE },
    Case { name: "sheet, 304", known: true, ..SHEET },
];

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some(BARE) {
        return bare();
    }
    let (one, two, own) = (site("livers")?, site("nginx")?, Folder::new("nginx-own")?);
    let mut servers = vec![
        ("bare hyper", Server::own(BARE, one.path())?),
        ("livers", Server::livers(one.path())?),
    ];
    match Server::nginx(two.path(), &own)? {
        // A folder of its own: what it opens would wake livers' watch.
        Some(nginx) => servers.push(("nginx", nginx)),
        None => println!("There is no nginx here."),
    }
    let rounds = number().unwrap_or(ROUNDS);
    println!("CPU s for 10,000 requests, median (least, most) of {rounds} rounds of {REQUESTS}");
    println!("{:<12} {:<11} {:>6}  {:<14} {:>8}", "", "", "CPU s", "", "to hyper");
    for case in CASES {
        compare(case, &servers, rounds)?;
    }
    let (_, livers) = &servers[1];
    println!("\nlivers after that: {:.1} MB in RAM", livers.resident()?);
    drop(servers);
    idle()
}

/// A small site.
fn site(name: &str) -> Result<Folder> {
    let folder = Folder::new(name)?;
    folder.write("page.html", page())?;
    folder.write("sheet.css", sheet())?;
    for name in ["a.html", "b.html", "c.css", "d.js", "e.txt", "f.svg"] {
        folder.write(name, "something\n")?;
    }
    Ok(folder)
}

fn page() -> String {
    let begin = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <title>A page</title>\n<link rel=\"stylesheet\" href=\"sheet.css\">\n</head>\n<body>\n";
    let line = "<p class=\"text\">The quick brown fox jumps over the <em>lazy</em> dog.</p>\n";
    text(LENGTH, begin, line, "</body>\n</html>\n")
}

fn sheet() -> String {
    text(LENGTH, "/* A sheet */\n", ".fox > .dog:hover { color: #123456; margin: 1px 2px }\n", "\n")
}

/// One case, by all servers in turn.
fn compare(case: Case, servers: &[(&str, Server)], rounds: usize) -> Result<()> {
    let requests: Vec<_> =
        servers.iter().map(|(_, server)| request(case, server)).collect::<Result<_>>()?;
    let mut costs = vec![Vec::new(); servers.len()];
    for round in 0..=rounds {
        for (((_, server), request), costs) in servers.iter().zip(&requests).zip(&mut costs) {
            if round == 0 {
                load(server, request, REQUESTS / 10)?;
                continue;
            }
            let before = server.cpu()?;
            load(server, request, REQUESTS)?;
            costs.push((server.cpu()? - before) * 10_000.0 / f64::from(REQUESTS));
        }
    }
    for ((name, _), own) in servers.iter().zip(&costs) {
        let ratios: Vec<_> = own.iter().zip(&costs[0]).map(|(own, bare)| own / bare).collect();
        let [least, median, most] = [0.0, 0.5, 1.0].map(|part| quantile(own, part));
        let (case, range) = (case.name, format!("({least:.3}, {most:.3})"));
        println!(
            "{case:<12} {name:<11} {median:>6.3}  {range:<14} {:>8.2}",
            quantile(&ratios, 0.5)
        );
    }
    Ok(())
}

/// The request of a case, to this server.
fn request(case: Case, server: &Server) -> Result<String> {
    let Case { path, headers, known, .. } = case;
    let host = format!("127.0.0.1:{}", server.port);
    let start = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
        Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nSec-Fetch-Mode: no-cors\r\n\
        Sec-Fetch-Site: same-origin\r\nReferer: http://{host}/page.html\r\n{headers}"
    );
    let request = format!("{start}\r\n");
    let exchange = Exchange::new(server, &request)?;
    if exchange.status() != "200" || exchange.body().len() < LENGTH {
        return Err(format!("{path}: {}", exchange.status()).into());
    }
    if !known {
        return Ok(request);
    }
    let tag = exchange.header("etag").ok_or("no ETag")?;
    let request = format!("{start}If-None-Match: {tag}\r\n\r\n");
    match Exchange::new(server, &request)?.status() {
        "304" => Ok(request),
        status => Err(format!("{path} with its ETag: {status}").into()),
    }
}

/// So many requests, over a handful of connections.
fn load(server: &Server, request: &str, requests: u32) -> Result<()> {
    let client = || -> Result<()> {
        let mut exchange = Exchange::new(server, request)?;
        (1..requests / CONNECTIONS).try_for_each(|_| exchange.again())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })
}

/// What livers costs while nothing happens.
fn idle() -> Result<()> {
    let folder = site("idle")?;
    let livers = Server::livers(folder.path())?;
    thread::sleep(Duration::from_secs(1));
    let before = livers.cpu()?;
    thread::sleep(Duration::from_secs(3));
    let ticks = (livers.cpu()? - before) * 100.0;
    println!("livers idle: {:.1} MB in RAM, {ticks:.0} ticks in 3 s", livers.resident()?);
    Ok(())
}

/// The server to compare with: the same stack, and nothing else.
fn bare() -> Result<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(4);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?.port());
        let bodies = [page().into(), sheet().into()];
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let bodies: [Bytes; 2] = bodies.clone();
            let service = service_fn(move |request| {
                let response = fixed(&request, &bodies);
                async move { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

fn fixed(request: &Request<Incoming>, [page, sheet]: &[Bytes; 2]) -> Response<Full<Bytes>> {
    let (kind, body) = match request.uri().path() {
        "/page.html" => ("text/html; charset=utf-8", page),
        _ => ("text/css; charset=utf-8", sheet),
    };
    let known = request.headers().contains_key(IF_NONE_MATCH);
    let mut response = Response::new(if known { Full::default() } else { body.clone().into() });
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from_static("\"1\""));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}
