//! Tests of the harness, without livers. If these fail, other failures may be caused by the
//! harness.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;

use super::backend::Backend;
use super::browser::browser;
use super::dir::TempDir;
use super::http::{self, Framing, Wire};
use super::socket::Socket;

/// A site whose pages show their own paths.
async fn site() -> Backend {
    Backend::start(|mut wire| async move {
        while let Some(head) = wire.request().await {
            let (status, body) = match head.target.as_str() {
                "/favicon.ico" | "/missing" => ("404 Not Found", String::new()),
                path => ("200 OK", format!("<!doctype html><title>{path}</title><p>{path}")),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n"
            );
            if wire.try_send(head + &body).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn page_counts_navigations_and_waits_for_them() {
    let (site, context) = (site().await, browser().await);
    let page = context.page().await;
    assert_eq!(page.navigations(), 0);
    let one = format!("{}/one", site.url());
    page.goto(&one).await;
    assert_eq!(page.navigations(), 1);
    assert_eq!(page.url(), one);

    page.run("history.pushState(null, '', '/pushed')").await;
    page.back().await;
    page.goto(&format!("{one}#part")).await;
    assert_eq!(page.navigations(), 1, "the URL changed within the document");

    page.run("setTimeout(() => location.assign('/two'))").await;
    page.wait_for_navigation().await;
    assert_eq!(page.eval::<String>("document.title").await, "/two");
    page.reload().await;
    assert_eq!(page.navigations(), 3);
    page.back().await;
    assert_eq!(page.eval::<String>("document.title").await, "/one");
    assert_eq!(page.navigations(), 4);

    page.goto("data:text/html,<iframe src='data:text/html,inner'></iframe>").await;
    assert_eq!(page.navigations(), 5, "a frame's navigation does not count");
}

#[tokio::test]
async fn try_goto_returns_the_network_error() {
    let (mut site, context) = (site().await, browser().await);
    site.stop().await;
    let page = context.page().await;
    let why = page.try_goto(&site.url()).await.expect_err("nothing listens");
    assert_eq!(why, "net::ERR_CONNECTION_REFUSED");
    assert_eq!(page.navigations(), 1, "the error page");
    site.start_again().await;
    page.reload().await;
    assert_eq!(page.eval::<String>("document.title").await, "/");
}

#[tokio::test]
async fn wait_until_continues_across_a_navigation() {
    let (site, context) = (site().await, browser().await);
    let page = context.open(&format!("{}/before", site.url())).await;
    assert_eq!(page.eval::<u32>("Promise.resolve(6 * 7)").await, 42);
    assert_eq!(page.eval::<Vec<String>>("['a', 'b']").await, ["a", "b"]);
    assert_eq!(page.eval::<Option<u32>>("undefined").await, None);
    page.run("setTimeout(() => location.assign('/after'), 100)").await;
    page.wait_until("document.title === '/after' && document.querySelector('p').textContent").await;
    page.run("setTimeout(() => document.body.append('late'), 50)").await;
    page.wait_until("document.body.textContent.includes('late')").await;
}

#[tokio::test]
#[should_panic(expected = "threw Error: broken")]
async fn run_panics_with_an_exception_of_the_page() {
    let page = browser().await.page().await;
    page.run("(() => { throw new Error('broken') })()").await;
}

#[tokio::test]
async fn page_records_console_and_requests() {
    let (site, context) = (site().await, browser().await);
    let page = context.open(&format!("{}/page", site.url())).await;
    page.run("console.warn('a', 1, true, undefined)").await;
    page.run("setTimeout(() => { throw new TypeError('uncaught') })").await;
    let warned = page.wait_for_console(|line| line.level == "warning").await;
    assert_eq!((warned.source.as_str(), warned.text.as_str()), ("console", "a 1 true undefined"));
    let thrown = page.wait_for_console(|line| line.source == "exception").await;
    assert!(thrown.text.starts_with("TypeError: uncaught"), "{thrown:?}");

    page.run("fetch('/missing')").await;
    let missing = page.wait_for_request(|r| r.url.ends_with("/missing")).await;
    assert_eq!((missing.kind.as_str(), missing.status), ("Fetch", Some(404)));
    let first = &page.requests()[0];
    assert_eq!((first.kind.as_str(), first.status), ("Document", Some(200)));
    page.wait_for_console(|line| line.source == "network" && line.text.contains("404")).await;
}

#[tokio::test]
async fn pages_share_storage_only_within_their_context() {
    let (site, one, other) = (site().await, browser().await, browser().await);
    let url = format!("{}/page", site.url());
    let (a, b, c) = (one.open(&url).await, one.open(&url).await, other.open(&url).await);
    a.run("localStorage.setItem('key', 'value')").await;
    b.wait_until("localStorage.getItem('key') === 'value'").await;
    assert_eq!(c.eval::<Option<String>>("localStorage.getItem('key')").await, None);

    assert!(a.eval::<bool>("!document.hidden").await, "windows are visible side by side");
    let tab = one.tab().await;
    b.wait_until("document.hidden").await;
    b.bring_to_front().await;
    b.wait_until("!document.hidden").await;
    tab.wait_until("document.hidden").await;
    tab.close().await;

    let dir = TempDir::new();
    a.screenshot(dir.at("a.png")).await;
    assert!(dir.read("a.png").starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(dir.read("a.png").ends_with(b"IEND\xaeB`\x82"));
}

/// A WebSocket server that returns every text message, at every path.
async fn echo() -> Backend {
    Backend::start(|wire| async {
        let mut socket = tokio_tungstenite::accept_async(wire.into_stream()).await.expect("accept");
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn page_records_its_sockets_as_requests() {
    let (echo, context) = (echo().await, browser().await);
    let page = context.page().await;
    let url = format!("ws://{}/path", echo.url().trim_start_matches("http://"));
    // One script, as a message that arrives before its listener is lost.
    page.run(&format!(
        "socket = new WebSocket('{url}'); socket.onopen = () => socket.send('hi');
         socket.onmessage = (event) => {{ got = event.data }}"
    ))
    .await;
    page.wait_until("got === 'hi'").await;
    let request = page.wait_for_request(|r| r.kind == "WebSocket" && r.status.is_some()).await;
    assert_eq!((request.url, request.status), (url, Some(101)));
}

#[tokio::test]
async fn expect_silence_panics_on_a_message_before_the_marker() {
    let echo = echo().await;
    let mut socket = Socket::on(echo.port()).path("/any").open().await;
    let silent = json!({ "marker": 1 });
    socket.send_json(&silent).await;
    assert_eq!(socket.expect_silence(|| async {}, |m| m["marker"] == 1).await, silent);
    socket.send_text("1").await;
    socket.send_json(&silent).await;
    let waiting = tokio::spawn(async move {
        socket.expect_silence(|| async {}, |m| m["marker"] == 1).await;
    });
    assert!(waiting.await.expect_err("a message before the marker").is_panic());
}

#[tokio::test]
async fn try_open_returns_status_and_body_of_a_refusal() {
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    let backend = Backend::answering(answer).await;
    let refused = Socket::on(backend.port()).try_open().await.err().expect("refused");
    assert_eq!((refused.status, refused.why.as_str()), (Some(403), "no"));
}

/// Not a test: the process that [`chromium_ends_with_the_test_process`] kills.
#[tokio::test]
#[ignore = "started by another test"]
async fn keep_a_browser_open() {
    let context = browser().await;
    let page = context.open("data:text/html,held").await;
    println!("profile {}", context.profile().display());
    page.run("new Promise(() => {})").await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn chromium_ends_with_the_test_process() {
    let this = std::env::current_exe().expect("this program");
    let mut child = Command::new(this)
        .args(["--ignored", "--exact", "--nocapture", "support::selftest::keep_a_browser_open"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("start this program again");
    let profile = tokio::task::spawn_blocking({
        let stdout = child.stdout.take().expect("a pipe");
        move || {
            use std::io::BufRead;
            let mut lines = std::io::BufReader::new(stdout).lines().map_while(Result::ok);
            lines.find_map(|line| Some(line.split_once("profile ")?.1.to_owned())).expect("a line")
        }
    })
    .await
    .expect("the line with the profile");
    assert!(uses(&profile) > 0);
    child.kill().expect("kill");
    child.wait().expect("wait");
    let deadline = Instant::now() + Duration::from_secs(15);
    while uses(&profile) > 0 || std::path::Path::new(&profile).exists() {
        assert!(Instant::now() < deadline, "{} processes still use {profile}", uses(&profile));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns the number of processes with `text` in their command line.
fn uses(text: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("the processes").flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

#[tokio::test]
async fn response_reports_framing_and_completeness_of_a_body() {
    let cases: [(&[u8], Framing, bool); 6] = [
        (b"Content-Length: 5\r\n\r\nhello", Framing::Length(5), true),
        (b"Content-Length: 9\r\n\r\nhello", Framing::Length(9), false),
        (b"\r\nhello", Framing::Close, true),
        (
            b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nSum: 1\r\n\r\n",
            Framing::Chunked,
            true,
        ),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Framing::Chunked, false),
        (b"transfer-encoding: Chunked\r\n\r\n7\r\nhello", Framing::Chunked, false),
    ];
    for (rest, framing, complete) in cases {
        let backend = Backend::answering([b"HTTP/1.1 200 Fine\r\n", rest].concat()).await;
        let raw = http::request_head(backend.port(), "GET", "/", &[], 0);
        let response = http::request(backend.port(), raw).await;
        assert_eq!((response.status, response.reason.as_str()), (200, "Fine"));
        assert_eq!((response.text(), response.framing), ("hello", framing));
        assert_eq!(response.complete, complete, "{response:?}");
        assert_eq!(response.trailers.get("sum").is_some(), !response.trailers.0.is_empty());
    }
}

#[tokio::test]
async fn head_skips_interim_responses_and_has_no_body() {
    let answer = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 7\r\n\r\n";
    let backend = Backend::answering(answer).await;
    let response = http::head(backend.port(), "/").await;
    assert_eq!(response.headers.get_all("Set-Cookie"), ["a=1", "b=2"]);
    assert_eq!((response.framing, response.body.len()), (Framing::None, 0));
    assert!(response.complete);
}

#[tokio::test]
async fn backend_resets_stops_and_starts_again() {
    let mut backend = Backend::start(|mut wire: Wire| async move {
        let Some(head) = wire.request().await else { return };
        let (body, complete) = wire.request_body(&head).await;
        assert!(complete);
        wire.send(&body).await;
        if head.target == "/reset" {
            wire.reset();
        } else {
            let _ = wire.some().await;
        }
    })
    .await;
    let raw = |path| http::request_head(backend.port(), "POST", path, &[], 2) + "hi";

    let mut wire = Wire::open(backend.port()).await;
    wire.send(raw("/reset")).await;
    assert_eq!(wire.exactly(2).await, b"hi");
    let error = wire.some().await.expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let mut wire = Wire::open(backend.port()).await;
    wire.send(raw("/wait")).await;
    assert_eq!(wire.exactly(2).await, b"hi");
    backend.wait_for_connections(2).await;
    backend.stop().await;
    assert_eq!(wire.some().await.expect("an orderly end"), b"");
    let refused = tokio::net::TcpStream::connect(("127.0.0.1", backend.port())).await;
    assert_eq!(refused.expect_err("stopped").kind(), std::io::ErrorKind::ConnectionRefused);

    backend.start_again().await;
    Wire::open(backend.port()).await;
    backend.wait_for_connections(3).await;
}

#[tokio::test]
#[should_panic(expected = "the backend's script panicked: no such thing")]
async fn a_panic_in_a_backend_script_fails_the_test() {
    let mut backend = Backend::start(|_| async { panic!("no such thing") }).await;
    let mut wire = Wire::open(backend.port()).await;
    let _ = wire.some().await;
    backend.stop().await;
}
