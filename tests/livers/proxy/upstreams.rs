//! Backends that are reached otherwise than by TCP: with TLS, and through Unix sockets.
//!
//! What listens there passes bytes to a backend that knows nothing of it.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::TcpStream,
    task::JoinHandle,
};

use super::{answer, front, route};
use crate::support::{
    backend::Backend,
    dir::TempDir,
    http::{self, RequestHead},
    server::Livers,
    socket::Socket,
};

/// Ends with the test.
struct Aside(JoinHandle<()>);

impl Drop for Aside {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Passes what comes on a connection to a backend, until one of them ends.
async fn pass(mut from: impl AsyncRead + AsyncWrite + Unpin, port: u16) {
    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await {
        // How it ends is seen at both ends.
        let _ = copy_bidirectional(&mut from, &mut to).await;
    }
}

/// Answers with its name, and keeps what it was asked.
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
                wire.send(answer("200 OK", "Location: https://localhost/\r\n", text)).await;
            }
        }
    })
    .await;
    (backend, seen)
}

#[cfg(unix)]
#[tokio::test]
async fn a_backend_behind_a_unix_socket() {
    let (backend, seen) = named("unix").await;
    let run = TempDir::new();
    let path = run.path().join("app.sock");
    let place = path.display().to_string();
    let routes = [format!("--proxy=/app=unix:{place}"), format!("--proxy=/v1=unix:{place}:/base/")];
    let (livers, _dir) = front(routes).await;
    let port = livers.port();
    let got = http::get_with(port, "/app/x", &[("Sec-Fetch-Dest", "empty")]).await;
    assert_eq!(got.status, 502);
    assert_eq!(got.text(), format!("unix:{place} cannot be reached: there is no such socket\n"));

    let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
    let to = backend.port();
    let _aside = Aside(tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(pass(socket, to));
        }
    }));
    assert_eq!(http::get(port, "/app/x").await.text(), "unix /app/x 0");
    livers.wait_for_line(|line| line.contains(&format!("unix:{place} is up again"))).await;
    assert_eq!(http::get(port, "/v1/x?y").await.text(), "unix /base/x?y 0");
    let got = http::send(port, "POST", "/app", &[], &vec![b'x'; 100_000]).await;
    assert_eq!(got.text(), "unix /app 100000");
    let asked = seen.lock().unwrap().pop().expect("a request");
    assert_eq!(asked.headers.get("host"), Some(format!("localhost:{port}").as_str()));
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
        Arc, Aside, Backend, Livers, Socket, TempDir, answer, front, http, named, pass, route,
    };

    /// Of localhost and 127.0.0.1, signed by itself, until 2120. Nobody else uses it.
    const CERTIFICATE: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/livers/proxy/tls/certificate.pem");
    const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/livers/proxy/tls/key.pem");

    /// A port where TLS is spoken for a backend.
    async fn encrypted(backend: &Backend) -> (u16, Aside) {
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
        (port, Aside(serving))
    }

    #[tokio::test]
    async fn a_backend_that_signed_its_own_certificate() {
        let (backend, seen) = named("tls").await;
        let (secure, _aside) = encrypted(&backend).await;
        let to = format!("--proxy=/app=https://localhost:{secure}");
        // Not trusted: nothing is asked.
        let (livers, _dir) = front([to.clone()]).await;
        let got = http::get(livers.port(), "/app").await;
        assert_eq!(got.status, 502);
        for part in ["its certificate is not trusted", "--proxy-insecure"] {
            assert!(got.text().contains(part), "{got:?}");
        }
        assert_eq!(seen.lock().unwrap().len(), 0);

        // Trusted by the system, or by the one who asks.
        let page = TempDir::with_page("<p>file");
        let trusting = Livers::on(page.path()).arg(to.clone()).env("SSL_CERT_FILE", CERTIFICATE);
        let (insecure, _dir) = front([to, "--proxy-insecure".into()]).await;
        for livers in [trusting.start().await, insecure] {
            let port = livers.port();
            let origin = format!("http://localhost:{port}");
            let fields = [("Origin", origin.as_str()), ("Referer", &format!("{origin}/page"))];
            let got = http::get_with(port, "/app/x", &fields).await;
            assert_eq!((got.status, got.text()), (200, "tls /app/x 0"));
            let asked = seen.lock().unwrap().pop().expect("a request");
            let own = format!("localhost:{secure}");
            let table = [
                ("host", own.clone()),
                ("origin", format!("https://{own}")),
                ("referer", format!("https://{own}/page")),
                ("x-forwarded-host", format!("localhost:{port}")),
            ];
            for (name, value) in table {
                assert_eq!(asked.headers.get_all(name), [value], "{asked:?}");
            }
            let got = http::send(port, "POST", "/app", &[], &vec![b'x'; 3_000_000]).await;
            assert_eq!(got.text(), "tls /app 3000000");
            // A WebSocket goes the same way.
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
            assert!(refused.is_err(), "that is no WebSocket");
        }
    }

    #[tokio::test]
    async fn who_speaks_no_tls_is_told_from_who_is_not_there() {
        let plain = Backend::start(|mut wire| async move {
            wire.some().await.expect("what is no HTTP");
            wire.send(answer("400 Bad Request", "", "what?")).await;
        })
        .await;
        let to = route("/app", &plain).replace("=127", "=https://127");
        let (livers, _dir) = front([to, "--proxy-insecure".into()]).await;
        let got = http::get(livers.port(), "/app").await;
        assert_eq!(got.status, 502, "{got:?}");
        assert!(got.text().contains("not TLS: is it http://?"), "{got:?}");
    }
}
