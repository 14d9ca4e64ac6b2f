//! Cost of requests for files: CPU time of the server.
//!
//! Measures user and system time of the server's process, all threads, from `/proc/PID/stat`:
//! seconds for 10,000 requests, and for the large file seconds per GB. The cases are a page of 10
//! KB into which livers injects its element, a style sheet of 10 KB, both with the entity tag that
//! the client has (304), a script of 1 MB, which livers sends from memory, and a file of 100 MB,
//! which it streams. The wall clock is not used: it would measure the client as well, and whatever
//! else runs.
//!
//! Compares livers with a bare hyper server that answers with fixed bodies from memory, with as
//! many threads as livers; and with nginx with one worker and `sendfile`, which serves the page as
//! it is. Where they are on the `PATH`, static-web-server and live-server (from crates.io) take
//! part. `LIVERS_BASELINE=PATH` adds another livers binary.
//!
//! Every server is a process of its own. The connections are kept alive, each sending its next
//! request once the last is answered, with the header fields that a browser sends. The rounds of
//! the servers are interleaved, and ratios are computed per round; medians are printed, with the
//! extremes. The kernel counts CPU time in hundredths of a second, so a round has many requests.
//! `cargo bench --bench requests -- 11` takes 11 rounds.
//!
//! Also prints the memory of livers on a small site, and its CPU time while nothing happens.
//!
//! Not measured: the client's share, new connections, TLS, many files, the proxy, latency.

// The output is the result.
#![allow(clippy::print_stdout)]

mod support;

use std::{convert::Infallible, env, process::Command, thread, time::Duration};

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

use support::{Exchange, Folder, Result, Server, free_port, number, quantile, text};

const ROUNDS: usize = 7;

/// The length of the page and of the style sheet, bytes.
const SMALL: usize = 10_240;

/// The length of the script, bytes.
const SCRIPT: usize = 1_000_000;

/// The length of the streamed file, bytes.
const LARGE: usize = 100_000_000;

/// The argument that makes this program the bare hyper server.
const BARE: &str = "bare-hyper";

/// A kind of request.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    path: &'static str,
    length: usize,
    /// What a browser says about the purpose of the request.
    headers: &'static str,
    /// Whether the client has the representation already.
    known: bool,
    connections: u32,
    /// Requests per round, on all connections together.
    requests: u32,
}

const PAGE: Case = Case {
    name: "page",
    path: "/page.html",
    length: SMALL,
    headers: "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Dest: document\r\n\
        Sec-Fetch-Mode: navigate\r\nUpgrade-Insecure-Requests: 1\r\n",
    known: false,
    connections: 6,
    requests: 30_000,
};

const SHEET: Case = Case {
    name: "sheet",
    path: "/sheet.css",
    headers: "Accept: text/css,*/*;q=0.1\r\nSec-Fetch-Dest: style\r\nSec-Fetch-Mode: no-cors\r\n",
    ..PAGE
};

const CASES: [Case; 6] = [
    PAGE,
    SHEET,
    Case { name: "page, 304", known: true, ..PAGE },
    Case { name: "sheet, 304", known: true, ..SHEET },
    Case {
        name: "script, 1 MB",
        path: "/script.js",
        length: SCRIPT,
        headers: "Accept: */*\r\nSec-Fetch-Dest: script\r\nSec-Fetch-Mode: no-cors\r\n",
        requests: 1_800,
        ..PAGE
    },
    Case {
        name: "100 MB",
        path: "/large.bin",
        length: LARGE,
        headers: "Accept: */*\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n",
        connections: 2,
        requests: 10,
        ..PAGE
    },
];

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some(BARE) {
        return bare();
    }
    let sites: Vec<_> =
        (0..5).map(|number| site(&format!("site-{number}"))).collect::<Result<_>>()?;
    let own = Folder::new("nginx-own")?;
    let mut servers = vec![
        ("bare hyper", Server::own(BARE, sites[0].path())?),
        ("livers", Server::livers(sites[0].path())?),
    ];
    if let Some(baseline) = env::var_os("LIVERS_BASELINE") {
        servers.push(("baseline", Server::livers_binary(baseline, sites[1].path(), &[])?));
    }
    // Each has a folder of its own, because files that it opens would wake livers' watch.
    match Server::nginx(sites[2].path(), &own)? {
        Some(nginx) => servers.push(("nginx", nginx)),
        None => println!("nginx is not installed."),
    }
    for (name, folder) in ["static-web-server", "live-server"].into_iter().zip(&sites[3..]) {
        let port = free_port()?;
        let mut command = Command::new(name);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        if name == "static-web-server" {
            command.arg("--root");
        }
        command.arg(folder.path());
        match Server::listening(command, port) {
            Ok(server) => servers.push((name, server)),
            Err(_) => println!("{name} is not installed."),
        }
    }
    let rounds = number().unwrap_or(ROUNDS);
    println!("CPU s for 10,000 requests (100 MB: per GB), median (least, most) of {rounds} rounds");
    println!("{:<13} {:<18} {:>6}  {:<16} {:>8}", "", "", "CPU s", "", "to hyper");
    for case in CASES {
        compare(case, &servers, rounds)?;
    }
    let (_, livers) = &servers[1];
    println!("\nlivers after that: {:.1} MB in RAM", livers.resident());
    drop(servers);
    idle()
}

/// Creates a small site.
fn site(name: &str) -> Result<Folder> {
    let folder = Folder::new(name)?;
    folder.write("page.html", page())?;
    folder.write("sheet.css", sheet())?;
    folder.write("script.js", script())?;
    folder.write("large.bin", vec![b'x'; LARGE])?;
    for name in ["a.html", "b.html", "c.css", "d.js", "e.txt", "f.svg"] {
        folder.write(name, "something\n")?;
    }
    Ok(folder)
}

fn page() -> String {
    let begin = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <title>A page</title>\n<link rel=\"stylesheet\" href=\"sheet.css\">\n\
        <script type=\"module\" src=\"d.js\"></script>\n</head>\n<body>\n";
    let line = "<p class=\"text\">The quick brown fox jumps over the <em>lazy</em> dog.</p>\n";
    text(SMALL, begin, line, "</body>\n</html>\n")
}

fn sheet() -> String {
    text(SMALL, "/* A sheet */\n", ".fox > .dog:hover { color: #123456; margin: 1px 2px }\n", "\n")
}

fn script() -> String {
    text(SCRIPT, "// A script\n", "window.fox = [1, 2, 3].map(dog => dog * 2);\n", "\n")
}

/// Measures one case with all servers in turn, and prints the results.
fn compare(case: Case, servers: &[(&str, Server)], rounds: usize) -> Result<()> {
    let requests: Vec<_> =
        servers.iter().map(|(_, server)| request(case, server)).collect::<Result<_>>()?;
    let units = if case.length == LARGE {
        f64::from(case.requests) * 0.1
    } else {
        f64::from(case.requests) / 10_000.0
    };
    let mut costs = vec![Vec::new(); servers.len()];
    for round in 0..=rounds {
        for (((_, server), request), costs) in servers.iter().zip(&requests).zip(&mut costs) {
            if round == 0 {
                load(server, request, case, case.requests / 10)?;
                continue;
            }
            let before = server.cpu()?;
            load(server, request, case, case.requests)?;
            costs.push((server.cpu()? - before) / units);
        }
    }
    for ((name, _), own) in servers.iter().zip(&costs) {
        let ratios: Vec<_> = own.iter().zip(&costs[0]).map(|(own, bare)| own / bare).collect();
        let [least, median, most] = [0.0, 0.5, 1.0].map(|part| quantile(own, part));
        let (case, range) = (case.name, format!("({least:.3}, {most:.3})"));
        println!(
            "{case:<13} {name:<18} {median:>6.3}  {range:<16} {:>8.2}",
            quantile(&ratios, 0.5)
        );
    }
    Ok(())
}

/// Returns the request of a case, after checking that the server answers it as expected.
fn request(case: Case, server: &Server) -> Result<String> {
    let Case { path, headers, known, length, .. } = case;
    let host = format!("127.0.0.1:{}", server.port);
    let start = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en\r\n\
        Sec-Fetch-Site: same-origin\r\nReferer: http://{host}/page.html\r\n{headers}"
    );
    let request = format!("{start}\r\n");
    // A file is cached by livers once it has not changed for some milliseconds.
    thread::sleep(Duration::from_millis(50));
    let exchange = Exchange::new(server, &request)?;
    if exchange.status() != "200" || exchange.body().len() < length {
        return Err(
            format!("{path}: {}, {} bytes", exchange.status(), exchange.body().len()).into()
        );
    }
    if !known {
        return Ok(request);
    }
    let tag = match (exchange.header("etag"), exchange.header("last-modified")) {
        (Some(tag), _) => format!("If-None-Match: {tag}"),
        (None, Some(date)) => format!("If-Modified-Since: {date}"),
        (None, None) => return Ok(request),
    };
    let request = format!("{start}{tag}\r\n\r\n");
    match Exchange::new(server, &request)?.status() {
        "304" => Ok(request),
        status => Err(format!("{path} with its validator: {status}").into()),
    }
}

/// Sends this many requests over the connections of a case.
fn load(server: &Server, request: &str, case: Case, requests: u32) -> Result<()> {
    let client = || -> Result<()> {
        let mut exchange = Exchange::new(server, request)?;
        (1..requests / case.connections).try_for_each(|_| exchange.again())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..case.connections).map(|_| scope.spawn(client)).collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })
}

/// Prints the memory and the CPU time of livers while nothing happens.
fn idle() -> Result<()> {
    let folder = site("idle")?;
    let livers = Server::livers(folder.path())?;
    thread::sleep(Duration::from_secs(1));
    let before = livers.cpu()?;
    thread::sleep(Duration::from_secs(3));
    let ticks = (livers.cpu()? - before) * 100.0;
    println!("livers idle: {:.1} MB in RAM, {ticks:.0} ticks in 3 s", livers.resident());
    Ok(())
}

/// Runs the bare hyper server.
fn bare() -> Result<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(4);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?.port());
        let bodies: Bodies =
            [page().into(), sheet().into(), script().into(), vec![b'x'; LARGE].into()];
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let bodies = bodies.clone();
            let service = service_fn(move |request| {
                let response = fixed(&request, &bodies);
                async move { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

/// The page, the style sheet, the script, and the large file.
type Bodies = [Bytes; 4];

fn fixed(
    request: &Request<Incoming>,
    [page, sheet, script, large]: &Bodies,
) -> Response<Full<Bytes>> {
    let (kind, body) = match request.uri().path() {
        "/page.html" => ("text/html; charset=utf-8", page),
        "/sheet.css" => ("text/css; charset=utf-8", sheet),
        "/script.js" => ("text/javascript; charset=utf-8", script),
        _ => ("application/octet-stream", large),
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
