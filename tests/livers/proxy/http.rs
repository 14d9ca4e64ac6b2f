//! Requests and responses.

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::{http_response, route, start};
use crate::support::{
    backend::Backend,
    http::{self, RequestHead, Wire},
    socket::Socket,
};

/// Responds with its name, the method, the target and the body of the request.
async fn echo(name: &'static str) -> Backend {
    Backend::start(move |mut wire| async move {
        let head = wire.request().await.expect("a request");
        let (body, complete) = wire.request_body(&head).await;
        assert!(complete, "all of {head:?}");
        let line = format!("{name} {} {}\n", head.method, head.target);
        let body = [line.as_bytes(), &body].concat();
        wire.send(http_response("200 OK", "Content-Type: application/octet-stream\r\n", body))
            .await;
    })
    .await
}

#[tokio::test]
async fn longest_prefix_wins_and_is_kept_or_replaced() {
    let (a, b) = (echo("a").await, echo("b").await);
    let (livers, _dir) = start([
        route("/api", &a),
        format!("{}/v1", route("/api/v2", &b)),
        format!("{}/", route("/off", &b)),
    ])
    .await;
    let table = [
        ("/api", "a GET /api\n"),
        ("/api/", "a GET /api/\n"),
        ("/api/users/%2F..%2f?x=%20&y=?", "a GET /api/users/%2F..%2f?x=%20&y=?\n"),
        ("/api/v22", "a GET /api/v22\n"),
        ("/api/v2", "b GET /v1\n"),
        ("/api/v2?x", "b GET /v1?x\n"),
        ("/api/v2/users?x=1", "b GET /v1/users?x=1\n"),
        ("/off/a%20b", "b GET /a%20b\n"),
        ("/off", "b GET /\n"),
    ];
    for (path, expected) in table {
        let response = http::get(livers.port(), path).await;
        assert_eq!((response.status, response.text()), (200, expected), "{path}");
    }
    for path in ["/apix", "/ap", "/index.html"] {
        assert!(!http::get(livers.port(), path).await.text().contains(" GET "), "{path}");
    }

    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for (method, path, line) in
        [("POST", "/api/x", "a POST /api/x\n"), ("PUT", "/api/v2/x", "b PUT /v1/x\n")]
    {
        let response = http::send(livers.port(), method, path, &[], &body).await;
        assert_eq!(response.status, 200);
        assert!(
            response.body == [line.as_bytes(), &body].concat(),
            "{method} {path}: {}",
            response.body.len()
        );
    }
}

#[tokio::test]
async fn root_route_serves_all_paths_except_those_of_livers() {
    let backend = echo("all").await;
    let (livers, _dir) = start([route("/", &backend)]).await;
    let table = [
        ("GET", "/__livers", 404),
        ("GET", "/__livers/", 404),
        ("GET", "/__livers/client.js", 200),
        ("GET", "/__livers/status", 200),
        ("GET", "/__livers/no/such", 404),
        ("POST", "/__livers/status", 405),
        ("DELETE", "/__livers/no/such", 405),
        ("GET", "/__livers/socket", 426),
        ("POST", "/__livers/socket", 405),
    ];
    for (method, path, status) in table {
        let response = http::send(livers.port(), method, path, &[], b"").await;
        assert_eq!(response.status, status, "{method} {path}: {response:?}");
    }
    let mut socket = Socket::on(livers.port()).open().await;
    assert_eq!(socket.next_json().await["type"], "connected");
    let mut events = Wire::open(livers.port()).await;
    events.send(http::request_head(livers.port(), "GET", "/__livers/events", &[], 0)).await;
    events.until(b"\"type\":\"connected\"").await.expect("the first event");
    assert_eq!(backend.connections(), 0, "the backend was not contacted");

    for path in ["/", "/index.html", "/__liversX", "/.env"] {
        let response = http::get(livers.port(), path).await;
        assert_eq!(response.text(), format!("all GET {path}\n"));
    }
}

#[tokio::test]
async fn request_for_an_unknown_host_reaches_no_backend() {
    let backend = echo("all").await;
    let (livers, _dir) = start([route("/", &backend)]).await;
    let response = http::get_with(livers.port(), "/x", &[("Host", "evil.test")]).await;
    assert_eq!(response.status, 403, "{response:?}");
    let upgrade = [
        ("Host", "evil.test"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    assert_eq!(http::get_with(livers.port(), "/x", &upgrade).await.status, 403);
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn header_fields_are_rewritten_as_documented() {
    let seen: Arc<Mutex<Option<RequestHead>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let backend = Backend::start(move |mut wire| {
        let keep = Arc::clone(&keep);
        async move {
            *keep.lock().unwrap() = wire.request().await;
            let fields = "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
                          Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-End: kept\r\n";
            wire.send(http_response("201 Made Up", fields, "{}")).await;
        }
    })
    .await;
    let (livers, _dir) = start([route("/api", &backend)]).await;
    let host = format!("localhost:{}", livers.port());
    let sent = [
        ("Host", host.as_str()),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("Origin", "https://other.test"),
        ("Cookie", "session=1; theme=dark"),
        ("Authorization", "Bearer x"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.test"),
        ("Forwarded", "for=6.6.6.6"),
        ("Via", "1.0 other"),
    ];
    let response = http::get_with(livers.port(), "/api", &sent).await;
    let received = seen.lock().unwrap().take().expect("a request");
    let table: [(&str, &[&str]); 12] = [
        ("Host", &[&host]),
        ("Origin", &["https://other.test"]),
        ("Cookie", &["session=1; theme=dark"]),
        ("Authorization", &["Bearer x"]),
        ("X-Forwarded-For", &["127.0.0.1"]),
        ("X-Forwarded-Proto", &["http"]),
        ("X-Forwarded-Host", &[&host]),
        ("Forwarded", &[]),
        ("Via", &["1.0 other", "1.1 livers"]),
        ("X-Hop", &[]),
        ("Connection", &[]),
        ("Upgrade", &[]),
    ];
    for (name, values) in table {
        assert_eq!(received.headers.get_all(name), values, "{name} in {received:?}");
    }
    assert_eq!((response.status, response.text()), (201, "{}"));
    assert_eq!(response.headers.get_all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(response.header("x-end"), Some("kept"));
    for name in ["x-hop", "keep-alive", "access-control-allow-origin"] {
        assert_eq!(response.header(name), None, "{name} in {response:?}");
    }
}

#[tokio::test]
async fn redirects_and_cookies_lead_back_to_livers() {
    let backend = Backend::start(|mut wire| async move {
        while let Some(received) = wire.request().await {
            let own = received.headers.get("x-own").unwrap_or_default().to_owned();
            let host = received.headers.get("host").unwrap_or_default().to_owned();
            let origin = received.headers.get("origin").unwrap_or_default().to_owned();
            let fields = format!(
                "Location: http://{own}{}/next?a#b\r\nRefresh: 1; url=http://{own}/v1/\r\n\
                 Set-Cookie: a=1; Domain=127.0.0.1; Path=/v1; HttpOnly\r\nSet-Cookie: b=2\r\n",
                received.target
            );
            wire.send(http_response("302 Found", &fields, format!("{host} {origin}"))).await;
        }
    })
    .await;
    let own = format!("127.0.0.1:{}", backend.port());
    let args = [route("/app", &backend), format!("{}/v1", route("/api", &backend))];
    let (livers, _dir) = start(args.clone()).await;
    let (changed, _dir) = start(args.into_iter().chain(["--proxy-change-origin".into()])).await;
    for (livers, changes) in [(&livers, false), (&changed, true)] {
        let port = livers.port();
        let here = format!("localhost:{port}");
        let origin = format!("http://{here}");
        let fields = [("X-Own", own.as_str()), ("Origin", origin.as_str())];
        let response = http::get_with(port, "/api/users", &fields).await;
        assert_eq!(
            (response.status, response.header("location")),
            (302, Some("/api/users/next?a#b"))
        );
        assert_eq!(response.header("refresh"), Some("1; url=/api/"));
        assert_eq!(response.headers.get_all("set-cookie"), ["a=1; Path=/api; HttpOnly", "b=2"]);
        let seen = if changes { format!("{own} http://{own}") } else { format!("{here} {origin}") };
        assert_eq!(response.text(), seen);
        let response = http::get_with(port, "/app/x", &fields).await;
        assert_eq!(response.header("location"), Some("/app/x/next?a#b"));
        // Other origins stay unchanged.
        let fields = [("X-Own", "other.test"), ("Origin", "http://evil.test")];
        let response = http::get_with(port, "/app/x", &fields).await;
        assert_eq!(response.header("location"), Some("http://other.test/app/x/next?a#b"));
        assert!(response.text().ends_with(" http://evil.test"), "{response:?}");
    }
}

#[tokio::test]
async fn events_of_a_stream_arrive_one_by_one() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let backend = Backend::start(move |mut wire| {
        let gate = Arc::clone(&opened);
        async move {
            wire.request().await.expect("a request");
            wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
            for n in 0..5 {
                gate.acquire().await.expect("open").forget();
                wire.send(format!("data: {n}\n\n")).await;
            }
        }
    })
    .await;
    let (livers, _dir) = start([route("/events", &backend)]).await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(http::request_head(livers.port(), "GET", "/events", &[], 0)).await;
    let head = wire.until(b"\r\n\r\n").await.expect("a head before the first event");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/event-stream"), "{head}");
    for n in 0..5 {
        gate.add_permits(1);
        let event = wire.until(b"\n\n").await.expect("an event");
        assert!(event.ends_with(&format!("data: {n}")), "{event:?}");
    }
    while !wire.some().await.expect("an orderly end").is_empty() {}
}
