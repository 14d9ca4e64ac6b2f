//! Backends behind TLS and Unix sockets.
//!
//! A relay listens there and forwards the bytes to a backend on TCP.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::TcpStream,
    task::JoinHandle,
};

use super::{http_response, route, start};
use crate::support::{
    backend::Backend,
    dir::TempDir,
    http::{self, RequestHead},
    server::Livers,
    socket::Socket,
};

/// A task that is aborted when dropped.
struct Relay(JoinHandle<()>);

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Relays a connection to a backend until both sides end.
async fn pass(mut from: impl AsyncRead + AsyncWrite + Unpin, port: u16) {
    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await {
        let _ = copy_bidirectional(&mut from, &mut to).await;
    }
}

/// Responds with its name, and records the requests.
async fn named(name: &'static str) -> (Backend, Arc<Mutex<Vec<RequestHead>>>) {
    let seen: Arc<Mutex<Vec<RequestHead>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let backend = Backend::start(move |mut wire| {
        let keep = Arc::clone(&keep);
        async move {
            while let Some(head) = wire.request().await {
                let (body, _) = wire.request_body(&head).await;
                let upgrade = head.headers.get("upgrade").is_some();
                let target = head.target.clone();
                keep.lock().unwrap().push(head);
                if upgrade {
                    wire.send(
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                         Connection: Upgrade\r\n\
                         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello",
                    )
                    .await;
                    while !wire.some().await.unwrap_or_default().is_empty() {}
                    return;
                }
                let text = format!("{name} {target} {}", body.len());
                wire.send(http_response("200 OK", "Location: https://localhost/\r\n", text)).await;
            }
        }
    })
    .await;
    (backend, seen)
}

#[cfg(unix)]
#[tokio::test]
async fn backend_on_a_unix_socket() {
    let (backend, seen) = named("unix").await;
    let run = TempDir::new();
    let path = run.path().join("app.sock");
    let place = path.display().to_string();
    let routes = [format!("--proxy=/app=unix:{place}"), format!("--proxy=/v1=unix:{place}:/base/")];
    let (livers, _dir) = start(routes).await;
    let port = livers.port();
    let response = http::get_with(port, "/app/x", &[("Sec-Fetch-Dest", "empty")]).await;
    assert_eq!(response.status, 502);
    assert_eq!(
        response.text(),
        format!("unix:{place} is unreachable: the socket does not exist\n")
    );

    let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
    let to = backend.port();
    let _relay = Relay(tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(pass(socket, to));
        }
    }));
    assert_eq!(http::get(port, "/app/x").await.text(), "unix /app/x 0");
    livers.wait_for_line(|line| line.contains(&format!("unix:{place} is up again"))).await;
    assert_eq!(http::get(port, "/v1/x?y").await.text(), "unix /base/x?y 0");
    let response = http::send(port, "POST", "/app", &[], &vec![b'x'; 100_000]).await;
    assert_eq!(response.text(), "unix /app 100000");
    let received = seen.lock().unwrap().pop().expect("a request");
    assert_eq!(received.headers.get("host"), Some(format!("localhost:{port}").as_str()));
    drop(livers);
}

#[cfg(feature = "tls")]
mod tls {
    use tokio::net::TcpListener;
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{
            ServerConfig,
            crypto::ring,
            pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        },
    };

    use super::{
        Arc, Backend, Livers, Relay, Socket, TempDir, http, http_response, named, pass, route,
        start,
    };

    /// A self-signed test certificate for localhost and 127.0.0.1, valid until 2120.
    const CERTIFICATE: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/livers/proxy/tls/certificate.pem");
    const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/livers/proxy/tls/key.pem");

    /// Starts a TLS relay to a backend. Returns its port.
    async fn encrypted(backend: &Backend) -> (u16, Relay) {
        let certificate = CertificateDer::from_pem_file(CERTIFICATE).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(KEY).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let (port, to) = (listener.local_addr().expect("an address").port(), backend.port());
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(socket) = acceptor.accept(socket).await {
                        pass(socket, to).await;
                    }
                });
            }
        });
        (port, Relay(serving))
    }

    #[tokio::test]
    async fn backend_with_a_self_signed_certificate() {
        let (backend, seen) = named("tls").await;
        let (secure, _relay) = encrypted(&backend).await;
        let to = format!("--proxy=/app=https://localhost:{secure}");
        // Not trusted: no request is sent.
        let (livers, _dir) = start([to.clone()]).await;
        let response = http::get(livers.port(), "/app").await;
        assert_eq!(response.status, 502);
        for part in ["its certificate is not trusted", "proxy-insecure"] {
            assert!(response.text().contains(part), "{response:?}");
        }
        assert_eq!(seen.lock().unwrap().len(), 0);

        // Trusted by the system, or by proxy-insecure.
        let page = TempDir::with_page("<p>file");
        let trusting = Livers::on(page.path()).arg(to.clone()).env("SSL_CERT_FILE", CERTIFICATE);
        let (insecure, _dir) = start([to, "--proxy-insecure".into()]).await;
        for livers in [trusting.start().await, insecure] {
            let port = livers.port();
            let origin = format!("http://localhost:{port}");
            let fields = [("Origin", origin.as_str()), ("Referer", &format!("{origin}/page"))];
            let response = http::get_with(port, "/app/x", &fields).await;
            assert_eq!((response.status, response.text()), (200, "tls /app/x 0"));
            let received = seen.lock().unwrap().pop().expect("a request");
            let own = format!("localhost:{secure}");
            let table = [
                ("host", own.clone()),
                ("origin", format!("https://{own}")),
                ("referer", format!("https://{own}/page")),
                ("x-forwarded-host", format!("localhost:{port}")),
            ];
            for (name, value) in table {
                assert_eq!(received.headers.get_all(name), [value], "{received:?}");
            }
            let response = http::send(port, "POST", "/app", &[], &vec![b'x'; 3_000_000]).await;
            assert_eq!(response.text(), "tls /app 3000000");
            // A WebSocket over TLS.
            let mut wire = http::Wire::open(port).await;
            let fields = [
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ];
            wire.send(http::request_head(port, "GET", "/app", &fields, 0)).await;
            assert_eq!(wire.response(false).await.status, 101);
            assert_eq!(wire.exactly(5).await, b"hello");
            drop(wire);
            let refused = Socket::on(port).path("/app").header("Upgrade", "h2c").try_open().await;
            assert!(refused.is_err(), "not a WebSocket");
        }
    }

    #[tokio::test]
    async fn backend_without_tls_is_described() {
        let plain = Backend::start(|mut wire| async move {
            wire.some().await.expect("a TLS handshake");
            wire.send(http_response("400 Bad Request", "", "what?")).await;
        })
        .await;
        let to = route("/app", &plain).replace("=127", "=https://127");
        let (livers, _dir) = start([to, "--proxy-insecure".into()]).await;
        let response = http::get(livers.port(), "/app").await;
        assert_eq!(response.status, 502, "{response:?}");
        assert!(
            response.text().contains("it does not speak TLS: should the route say http://?"),
            "{response:?}"
        );
    }
}
