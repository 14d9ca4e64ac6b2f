//! What clients on the network learn, and the names they may use.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use serde_json::Value;

use crate::support::backend::Backend;
use crate::support::dir::TempDir;
use crate::support::http::{self, Response, Wire};
use crate::support::server::Livers;
#[cfg(feature = "esm")]
use crate::support::tab::Tab;

/// Returns an address of this machine by which others reach it, if it has a default route.
fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737). Nothing is sent.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

/// Sends a GET request from another machine, as far as the server can tell: through a tunnel, and
/// on a machine with a network also from its address there.
async fn remote(port: u16, path: &str, fields: &[(&str, &str)]) -> Vec<Response> {
    let tunnel = [fields, &[("X-Forwarded-For", "192.0.2.7")]].concat();
    let mut responses = vec![http::get_with(port, path, &tunnel).await];
    if let Some(address) = network_address() {
        let stream = tokio::net::TcpStream::connect((address, port)).await.expect("connect");
        let mut wire = Wire::over(stream);
        let host = format!("{address}:{port}");
        let fields = [fields, &[("Host", &*host)]].concat();
        wire.send(http::request_head(port, "GET", path, &fields, 0)).await;
        responses.push(wire.response(false).await);
    }
    responses
}

#[tokio::test]
async fn clients_on_the_network_learn_no_paths_and_no_backends() {
    let dir = TempDir::with_page("<p>");
    let mut backend = Backend::answering("").await;
    backend.stop().await;
    let route = format!("/api={}", backend.port());
    let args = ["--host", "0.0.0.0", "--proxy", &route];
    let livers = Livers::on(dir.path()).args(args).start().await;
    let port = livers.port();
    let (folder, address) = (dir.path().to_string_lossy(), format!(":{}", backend.port()));

    let own: Value = http::get(port, "/__livers/status").await.json();
    assert_eq!(own["root"], *folder, "at this machine");
    assert!(own["routes"][0].as_str().expect("a route").ends_with(&address), "{own}");
    let text = http::get(port, "/api/").await;
    assert!(text.text().contains(&address), "{text:?}");

    for response in remote(port, "/__livers/status", &[]).await {
        let status: Value = response.json();
        assert_eq!((&status["root"], &status["routes"][0]), (&".".into(), &"/api".into()));
    }
    for fields in [&[][..], &[("Sec-Fetch-Dest", "document")]] {
        for response in remote(port, "/api/", fields).await {
            assert_eq!(response.status, 502);
            let text = response.text();
            assert!(text.contains("The backend of /api is unreachable"), "{text}");
            assert!(!text.contains(&address) && !text.contains("localhost"), "{text}");
        }
    }
    for path in ["/", "/missing", "/.env", "/%zz", "/__livers/missing", "/__livers/status"] {
        for response in remote(port, path, &[("Sec-Fetch-Dest", "document")]).await {
            assert!(!response.text().contains(&*folder), "{path}: {response:?}");
        }
    }
}

#[tokio::test]
async fn clients_on_the_network_cannot_use_the_tools() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).args(["--host", "0.0.0.0"]).start().await;
    let port = livers.port();
    for name in ["wait", "errors", "tabs", "logs", "reload", "open", "mcp"] {
        for response in remote(port, &format!("/__livers/{name}"), &[]).await {
            assert_eq!(response.status, 403, "{name}: {response:?}");
        }
    }
    let workspace = "/.well-known/appspecific/com.chrome.devtools.json";
    for response in remote(port, workspace, &[]).await {
        assert_eq!(response.status, 404, "{response:?}");
    }
    let import = [
        ("Sec-Fetch-Dest", "script"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    let module = http::get_with(port, "/__livers/editor.js", &import).await;
    assert!(!module.text().contains("TOKEN = ''"), "at this machine");
    for response in remote(port, "/__livers/editor.js", &import).await {
        assert!(response.text().contains("TOKEN = ''"), "{response:?}");
    }
}

/// Sources with an error whose message has, or could have, the path of a file.
#[cfg(feature = "esm")]
const FAULTY: &[(&str, &str)] = &[
    ("syntax.ts", "let = ;"),
    ("missing.ts", "import './none.js';"),
    ("package.ts", "import 'nothing-installed';"),
    ("outside.ts", "import '../../etc/hosts?raw';"),
    ("above.ts", "import '../above.js';"),
    ("broken-package.ts", "import 'broken';"),
    ("no-entry.ts", "import 'no-entry';"),
    ("bad-json.ts", "import 'bad-json';"),
    ("sheet.ts", "import './sheet.module.css';"),
    ("sheet.module.css", ".a { composes: b from './none.css' }"),
    ("configured/a.ts", "export {};"),
    ("extended/a.ts", "export {};"),
    ("glob.ts", "import.meta.glob('../../**/*.ts');"),
    ("linked.ts", "import './link.js';"),
];

#[cfg(feature = "esm")]
#[tokio::test]
async fn compile_errors_name_files_relative_to_the_folder() {
    let parent = TempDir::new();
    let dir = parent.at("site");
    let write = |name: &str, text: &str| parent.write(format!("site/{name}"), text);
    write("index.html", "<p>");
    for (name, text) in FAULTY {
        write(name, text);
    }
    write("node_modules/broken/package.json", r#"{"name":"broken","version":"1.0.0"}"#);
    write("node_modules/broken/index.js", "let = ;");
    write("node_modules/no-entry/package.json", r#"{"name":"no-entry","main":"none.js"}"#);
    write("node_modules/bad-json/package.json", "{");
    write("node_modules/bad-json/index.js", "");
    write("configured/tsconfig.json", r#"{"compilerOptions":{"target":5}"#);
    write("extended/tsconfig.json", r#"{"extends":"../../none.json"}"#);
    std::os::unix::fs::symlink("/etc/hosts", dir.join("link.js")).expect("a link");
    let livers = Livers::on(&dir).start().await;
    let port = livers.port();
    let uses: Vec<_> = FAULTY.iter().map(|(name, _)| format!("/{name}")).collect();
    let uses: Vec<_> = uses.iter().map(String::as_str).collect();
    let mut tab = Tab::page(&livers, "/", &uses).await;
    let folder = parent.path().to_string_lossy();
    let mut faults = 0;
    let check = |what: &str, text: &str| {
        assert!(!text.contains(&*folder), "{what}: {text}");
    };
    for (name, _) in FAULTY {
        for mode in ["cors", "navigate"] {
            let dest = if mode == "cors" { "script" } else { "document" };
            let fields = [("Sec-Fetch-Dest", dest), ("Sec-Fetch-Mode", mode)];
            let response = http::get_with(port, &format!("/{name}"), &fields).await;
            faults += usize::from(response.status == 500);
            check(name, response.text());
            // Packages have a path of their own.
            for path in response.text().split('"').filter(|text| text.starts_with("/__livers/npm/"))
            {
                let response = http::get_with(port, path, &fields).await;
                faults += usize::from(response.status == 500);
                check(path, response.text());
            }
        }
    }
    assert!(faults >= 8, "only {faults} requests failed");
    // The same errors arrived on the socket. The change is the last message.
    write("index.html", "<p>changed");
    let mut messages = Vec::new();
    while messages.last().is_none_or(|message: &Value| message["type"] != "updated") {
        messages.push(tab.socket.next_json().await);
        check("message", &messages[messages.len() - 1].to_string());
    }
    assert!(messages.iter().any(|message| message.to_string().contains("none.js")), "{messages:?}");
}

#[tokio::test]
async fn the_machine_is_reached_by_its_own_name_if_it_listens_on_the_network() {
    let dir = TempDir::with_page("<p>");
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a host name");
    let name = name.trim().split('.').next().expect("a label").to_owned();
    let status = async |port, host: &str| {
        http::get_with(port, "/", &[("Host", &format!("{host}:{port}"))]).await.status
    };
    let network = Livers::on(dir.path()).args(["--host", "0.0.0.0"]).start().await;
    for host in [name.clone(), format!("{name}.local"), name.to_uppercase()] {
        assert_eq!(status(network.port(), &host).await, 200, "{host}");
    }
    for host in [
        format!("{name}.evil.example"),
        format!("evil.{name}"),
        format!("evil.{name}.local"),
        format!("{name}local"),
        "local".to_owned(),
        "evil.local".to_owned(),
        "evil.example".to_owned(),
    ] {
        assert_eq!(status(network.port(), &host).await, 403, "{host}");
    }
    let loopback = Livers::on(dir.path()).start().await;
    if !name.eq_ignore_ascii_case("localhost") {
        assert_eq!(status(loopback.port(), &format!("{name}.local")).await, 403);
    }
}

#[tokio::test]
async fn http_1_0_may_omit_the_host() {
    let dir = TempDir::with_page("<p>the page");
    let backend = Backend::start(|mut wire| async move {
        let head = wire.request().await.expect("a request");
        let host = head.headers.get("host").unwrap_or("none").to_owned();
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{host}", host.len())).await;
    })
    .await;
    let route = format!("/api={}", backend.port());
    let livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    for (line, status) in [
        ("GET / HTTP/1.0", 200),
        ("HEAD / HTTP/1.0", 200),
        ("GET /__livers/status HTTP/1.0", 200),
        ("GET /api/ HTTP/1.0", 200),
        ("GET / HTTP/1.1", 400),
        ("GET http://evil.example/ HTTP/1.0", 403),
    ] {
        let response = http::request(livers.port(), format!("{line}\r\n\r\n")).await;
        assert_eq!(response.status, status, "{line}");
        if line.contains("/api/") {
            assert_eq!(response.text(), format!("localhost:{}", backend.port()), "the backend's");
        }
    }
    let evil = "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n";
    assert_eq!(http::request(livers.port(), evil).await.status, 403);
}
