//! Host and origin checks, and the security fields of every response.

use super::support::backend::Backend;
use super::support::browser::browser;
use super::support::dir::TempDir;
use super::support::http::{self, Response, Wire};
use super::support::server::Livers;
use super::support::socket::Socket;

const OWN_PATHS: [&str; 5] = [
    "/__livers/socket",
    "/__livers/events",
    "/__livers/status",
    "/__livers/client.js",
    "/__livers/update.js",
];

/// Sends a request with exactly these lines, and asserts that the response has no CORS field.
async fn send(port: u16, line: &str, fields: &[&str]) -> Response {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let response =
        http::request(port, format!("{line} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n")).await;
    let allowed = |name: &str| name.to_ascii_lowercase().starts_with("access-control-");
    assert!(!response.headers.0.iter().any(|(name, _)| allowed(name)), "{response:?}");
    response
}

/// Asserts that browsers neither sniff the type of a response nor let other origins embed it.
fn assert_guarded(response: &Response, line: &str) {
    let policy = response.header("cross-origin-resource-policy");
    let sniffing = response.header("x-content-type-options");
    assert_eq!((policy, sniffing), (Some("same-origin"), Some("nosniff")), "{line}: {response:?}");
}

/// One request for each kind of response.
#[tokio::test]
async fn every_response_forbids_sniffing_and_embedding() {
    let dir = TempDir::with_page("<p>");
    for (name, text) in [("a.css", "b{}"), ("a.ts", "1"), ("bad.ts", "("), (".env", "a")] {
        dir.write(name, text);
    }
    dir.make_dir("folder");
    let livers = Livers::on(dir.path()).start().await;
    let host = format!("Host: localhost:{}", livers.port());
    let script = ["Sec-Fetch-Dest: script", "Sec-Fetch-Mode: cors"];
    let upgrade = ["Connection: upgrade", "Upgrade: websocket"];
    let table: &[(&str, &[&str], u16)] = &[
        ("GET /", &[], 200),
        ("GET /a.css", &[], 200),
        ("GET /a.css", &["Range: bytes=0-0"], 206),
        ("GET /a.css", &["Range: bytes=9-"], 416),
        ("GET /a.css", &["If-None-Match: *"], 304),
        ("GET /a.css", &["If-Match: \"x\""], 412),
        ("GET /a.ts", &script, 200),
        ("GET /bad.ts", &script, 500),
        ("GET /folder/", &[], 200),
        ("GET /folder", &[], 302),
        ("GET /missing", &[], 404),
        ("GET /missing", &["Sec-Fetch-Dest: script"], 404),
        ("GET /..", &[], 404),
        ("GET /.env", &[], 403),
        ("GET /.env", &["Sec-Fetch-Dest: script"], 403),
        ("GET /%zz", &[], 400),
        ("GET /", &["Host: localhost"], 400),
        ("GET http://evil.example/", &[], 403),
        ("GET ftp://localhost/", &[], 400),
        ("GET /a.css", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
        ("GET /", &["Transfer-Encoding: gzip, chunked"], 501),
        ("PUT /", &[], 405),
        ("TRACE /", &[], 405),
        ("OPTIONS /", &[], 204),
        ("OPTIONS *", &[], 204),
        ("GET /__livers", &[], 404),
        ("GET /__livers/npm/a@1~0000000/a.js", &[], 404),
        ("GET /__livers/npm/node:fs", &[], 200),
        ("GET /__livers/source?0", &[], 404),
        ("GET /__livers/status", &[], 200),
        ("GET /__livers/client.js", &[], 200),
        ("GET /__livers/socket", &[], 426),
        ("GET /__livers/socket", &upgrade, 426),
        ("POST /__livers/socket", &[], 405),
        ("OPTIONS /__livers/socket", &[], 204),
        ("HEAD /__livers/events", &[], 200),
        ("GET /__livers/socket", &["Origin: null"], 403),
    ];
    for (line, fields, status) in table {
        let esm = cfg!(feature = "esm") || !(line.contains(".ts") || line.contains("node:"));
        if !esm {
            continue;
        }
        let fields: Vec<_> = fields.iter().copied().chain([&*host]).collect();
        let response = send(livers.port(), line, &fields).await;
        assert_eq!(response.status, *status, "{line} {fields:?}: {response:?}");
        if *status == 204 {
            assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"), "{line}");
        } else {
            assert_guarded(&response, line);
        }
    }
}

#[tokio::test]
async fn only_host_names_of_this_machine_are_accepted() {
    let dir = TempDir::with_page("<p>the page");
    let livers = Livers::on(dir.path()).start().await;
    let port = livers.port();
    let table: &[(&str, u16)] = &[
        ("localhost", 200),
        ("localhost:PORT", 200),
        ("LOCALHOST:PORT", 200),
        ("localhost.:PORT", 200),
        ("app.localhost:PORT", 200),
        ("127.0.0.1:PORT", 200),
        ("127.0.0.2", 200),
        ("[::1]:PORT", 200),
        ("[::ffff:127.0.0.1]:PORT", 200),
        ("localhost:1", 200), // a tunnel's port, say
        ("evil.example", 403),
        ("evil.example:PORT", 403),
        ("localhost.evil.example", 403),
        ("evil-localhost", 403),
        ("127.0.0.1.evil.example", 403),
        ("192.168.0.7:PORT", 403),
        ("0.0.0.0:PORT", 403),
        ("[::]:PORT", 403),
        ("[::ffff:192.168.0.7]", 403),
        ("169.254.169.254", 403),
        ("", 400),
        (":PORT", 400),
        ("user@localhost", 400),
        ("localhost evil.example", 400),
        ("localhost,evil.example", 400),
        ("localhost:port", 400),
        ("localhost:+80", 400),
        ("localhost:99999", 400),
        ("localhost/evil.example", 400),
        ("[::1", 400),
        ("::1", 400),
        ("loc\u{e4}lhost", 400),
    ];
    for path in ["/", "/missing", "/__livers/status", "/__livers/client.js"] {
        for (host, status) in table {
            let host = format!("Host: {}", host.replace("PORT", &port.to_string()));
            let response = send(port, &format!("GET {path}"), &[&host]).await;
            let wanted = if (*status, path) == (200, "/missing") { 404 } else { *status };
            assert_eq!(response.status, wanted, "{path} {host}");
            if wanted == 403 {
                assert!(
                    response.text().contains("setting allowed-host"),
                    "the remedy: {response:?}"
                );
                assert!(!response.text().contains("the page"));
            }
        }
        for fields in [&[][..], &["Host: localhost", "Host: localhost"]] {
            assert_eq!(send(port, &format!("GET {path}"), fields).await.status, 400, "{path}");
        }
    }
    let refused = |line: &str| line.contains("refused") && line.contains("evil.example");
    livers.wait_for_line(refused).await;
    let printed =
        livers.lines().into_iter().filter(|(_, l)| l.contains("name evil-localhost")).count();
    assert!(printed <= 4, "a refusal is printed once for each path, not {printed} times");
}

#[tokio::test]
async fn the_listening_host_is_accepted() {
    let dir = TempDir::with_page("<p>");
    let table: [(&str, &[(&str, u16)]); 3] = [
        ("127.0.0.1", &[("127.0.0.1", 200), ("localhost", 200), ("evil.example", 403)]),
        ("localhost", &[("localhost", 200), ("127.0.0.1", 200), ("box.local", 403)]),
        ("0.0.0.0", &[("192.168.0.7", 200), ("[fd00::1]", 200), ("box.local", 403)]),
    ];
    for (listening, hosts) in table {
        let livers = Livers::on(dir.path()).args(["--host", listening]).start().await;
        for (host, status) in hosts {
            let response = send(livers.port(), "GET /", &[&format!("Host: {host}")]).await;
            assert_eq!(response.status, *status, "--host {listening}, {host}");
        }
        // The banner has the address for other devices only if they can connect, and it works.
        livers.wait_for_line(|line| line.contains("serving")).await;
        let network = livers.stdout().into_iter().find_map(|line| {
            let rest = line.trim().strip_prefix("network")?.trim().to_owned();
            Some(rest.strip_prefix("http://").unwrap_or(&rest).trim_end_matches('/').to_owned())
        });
        let network = network.filter(|address| !address.starts_with("--host"));
        assert_eq!(network.is_some(), listening == "0.0.0.0", "{network:?}");
        if let Some(address) = network.filter(|address| !address.contains(' ')) {
            let stream = tokio::net::TcpStream::connect(&address).await.expect("a connection");
            let mut wire = Wire::over(stream);
            wire.send(format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n")).await;
            assert_eq!(wire.response(false).await.status, 200, "{address}");
        }
    }
}

#[tokio::test]
async fn an_additional_host_is_accepted_and_is_an_own_origin() {
    let dir = TempDir::with_page("<p>");
    let args = ["--allowed-host", "app.test", "--allowed-host=.tunnel.example"];
    let livers = Livers::on(dir.path()).args(args).start().await;
    let port = livers.port();
    for (host, status) in [
        ("localhost", 200),
        ("app.test", 200),
        ("App.Test:443", 200),
        ("tunnel.example", 200),
        ("a.b.tunnel.example", 200),
        ("x.app.test", 403),
        ("eviltunnel.example", 403),
        ("tunnel.example.evil.example", 403),
    ] {
        for path in ["/", "/__livers/status"] {
            let fields = [&*format!("Host: {host}"), &*format!("Origin: https://{host}")];
            // Browsers omit the default port of the scheme in `Origin`.
            let fields = fields.map(|field| field.replace("Origin: https://App.Test:443", "X: y"));
            let fields: Vec<_> = fields.iter().map(String::as_str).collect();
            assert_eq!(send(port, &format!("GET {path}"), &fields).await.status, status, "{host}");
        }
    }
    let foreign = ["Host: app.test", "Origin: https://tunnel.example"];
    assert_eq!(send(port, "GET /__livers/status", &foreign).await.status, 403);
}

#[tokio::test]
async fn the_host_of_an_absolute_target_overrides_the_field() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let port = livers.port();
    let own = format!("localhost:{port}");
    for (line, host, status) in [
        (format!("GET http://{own}/"), own.as_str(), 200),
        (format!("GET http://{own}"), &own, 200),
        (format!("GET http://{own}/"), "evil.example", 200),
        ("GET http://evil.example/".to_owned(), &own, 403),
        ("GET http://evil.example/__livers/status".to_owned(), &own, 403),
        ("GET https://evil.example/".to_owned(), &own, 403),
        ("CONNECT evil.example:443".to_owned(), &own, 403),
        ("CONNECT evil.example:443".to_owned(), "evil.example:443", 403),
        (format!("CONNECT {own}"), &own, 405),
        ("TRACE /".to_owned(), &own, 405),
        ("TRACE /__livers/status".to_owned(), &own, 405),
        ("OPTIONS *".to_owned(), &own, 204),
    ] {
        let response = send(port, &line, &[&format!("Host: {host}"), "Cookie: a=secret"]).await;
        assert_eq!(response.status, status, "{line}, Host: {host}");
        assert!(!String::from_utf8_lossy(&response.body).contains("a=secret"), "{line}");
    }
    let old = http::request(port, "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n").await;
    assert_eq!(old.status, 403);
}

/// Fields with which browsers name the requesting page, and whether it is of this server.
fn origins(port: u16) -> Vec<(Vec<(&'static str, String)>, bool)> {
    let own = format!("http://localhost:{port}");
    let origin = |origin: String, own_page| (vec![("Origin", origin)], own_page);
    let site = |site: &str, own_page| (vec![("Sec-Fetch-Site", site.to_owned())], own_page);
    let both = |origin: &str, site: &str, own_page| {
        (vec![("Origin", origin.to_owned()), ("Sec-Fetch-Site", site.to_owned())], own_page)
    };
    vec![
        (vec![], true),
        origin(own.clone(), true),
        origin(format!("HTTP://LocalHost:{port}"), true),
        origin(format!("http://localhost:{}", port ^ 1), false),
        origin("http://localhost".into(), false),
        origin(format!("http://127.0.0.1:{port}"), false),
        origin(format!("http://app.localhost:{port}"), false),
        origin(format!("{own}.evil.example"), false),
        origin(format!("{own}/"), false),
        origin("https://evil.example".into(), false),
        origin("null".into(), false),
        origin(String::new(), false),
        origin("file://".into(), false),
        site("same-origin", true),
        site("none", true),
        site("same-site", false),
        site("cross-site", false),
        site("Same-Origin", false),
        both(&own, "same-origin", true),
        both(&own, "cross-site", false),
        both("null", "same-origin", false),
    ]
}

#[tokio::test]
async fn pages_of_other_origins_cannot_use_own_paths() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let port = livers.port();
    for (fields, own) in origins(port) {
        let mut open = Socket::on(port).subprotocol("livers");
        for (name, value) in &fields {
            open = open.header(name, value);
        }
        match open.try_open().await {
            Ok(mut socket) => {
                assert!(own, "{fields:?}");
                assert_eq!(socket.next_json().await["type"], "connected");
            }
            Err(refused) => assert_eq!((refused.status, own), (Some(403), false), "{fields:?}"),
        }
        let mut lines = vec![format!("Host: localhost:{port}")];
        lines.extend(fields.iter().map(|(name, value)| format!("{name}: {value}")));
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        for path in OWN_PATHS {
            // HEAD, because the event stream has no end.
            let response = send(port, &format!("HEAD {path}"), &lines).await;
            let wanted = match (own, path) {
                (false, _) => 403,
                (true, "/__livers/socket") => 426,
                (true, _) => 200,
            };
            assert_eq!(response.status, wanted, "{path} {fields:?}");
            assert_guarded(&response, path);
        }
        let page = send(port, "GET /", &lines).await;
        assert_eq!(page.status, 200, "a page may link to files: {fields:?}");
    }
    let twice = format!("Origin: http://localhost:{port}");
    let host = format!("Host: localhost:{port}");
    let response = send(port, "GET /__livers/status", &[&host, &twice, &twice]).await;
    assert_eq!(response.status, 403, "two origins");
}

#[tokio::test]
async fn no_cors_field_is_sent_by_default() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.woff2", "font");
    dir.make_dir("folder");
    let livers = Livers::on(dir.path()).start().await;
    let host = format!("Host: localhost:{}", livers.port());
    let preflight = ["Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-a"];
    for path in ["/", "/a.woff2", "/folder", "/folder/", "/missing", "/.env", "/%zz"]
        .iter()
        .chain(&OWN_PATHS)
    {
        for method in ["HEAD", "OPTIONS"] {
            for origin in
                ["https://evil.example".to_owned(), livers.url().trim_end_matches('/').into()]
            {
                let origin = format!("Origin: {origin}");
                send(
                    livers.port(),
                    &format!("{method} {path}"),
                    &[&host, &origin, preflight[0], preflight[1]],
                )
                .await;
            }
        }
    }
}

/// CVE-2025-30359 of webpack-dev-server: a page can embed a script without CORS.
#[tokio::test]
async fn a_page_of_another_site_cannot_embed_a_script() {
    let dir = TempDir::with_page("<p>");
    dir.write("app.js", "function secret() { return 'not for you' }");
    dir.write("app.ts", "function secret(): string { return 'not for you' }");
    let livers = Livers::on(dir.path()).start().await;
    let host = format!("Host: localhost:{}", livers.port());
    for (site, mode, dest, status) in [
        ("cross-site", "no-cors", "script", 403),
        ("cross-site", "no-cors", "image", 403),
        ("cross-site", "navigate", "document", 200),
        ("cross-site", "cors", "script", 200), // Not readable without a CORS field.
        ("same-site", "no-cors", "script", 403), // Another port of this machine.
        ("same-origin", "no-cors", "script", 200),
        ("none", "no-cors", "script", 200),
    ] {
        let fields = [("Site", site), ("Mode", mode), ("Dest", dest)];
        let fields = fields.map(|(name, value)| format!("Sec-Fetch-{name}: {value}"));
        let fields: Vec<_> = fields.iter().chain([&host]).map(String::as_str).collect();
        for path in ["/app.js", "/app.ts"] {
            let response = send(livers.port(), &format!("GET {path}"), &fields).await;
            assert_eq!(response.status, status, "{path} {fields:?}");
            assert_eq!(response.text().contains("setting cors"), status == 403, "the remedy");
        }
    }
}

/// In a browser, another port is another origin, and 127.0.0.1 is another site than localhost.
#[tokio::test]
async fn a_page_of_another_origin_in_a_browser_reads_no_response_and_gets_no_message() {
    let dir = TempDir::with_page("<title>own</title>");
    let livers = Livers::on(dir.path()).start().await;
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<p>";
    let foreign = Backend::answering(page).await;
    let context = browser().await;
    for origin in [foreign.url(), format!("http://localhost:{}", foreign.port())] {
        let page = context.open(&origin).await;
        let socket = format!(
            "new Promise(done => {{
                const socket = new WebSocket('{}', 'livers');
                socket.onmessage = () => done('message');
                socket.onerror = () => done('refused');
            }})",
            livers.ws_url()
        );
        assert_eq!(page.eval::<String>(&socket).await, "refused", "{origin}");
        for path in ["/", "/__livers/status", "/__livers/events"] {
            let read = format!("fetch('{}').then(() => 'read', () => 'failed')", livers.at(path));
            assert_eq!(page.eval::<String>(&read).await, "failed", "{origin} {path}");
        }
        let script = format!(
            "new Promise(done => {{
                const script = document.createElement('script');
                script.src = '{}';
                script.onload = () => done('ran');
                script.onerror = () => done('refused');
                document.body.append(script);
            }})",
            livers.at("/__livers/client.js")
        );
        assert_eq!(page.eval::<String>(&script).await, "refused", "{origin}");
    }
}
