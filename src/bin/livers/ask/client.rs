//! A connection to a running server of this machine.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    header::HOST,
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::{net::TcpStream, time::timeout};

use crate::servers::RunningServer;

/// How long a server may take to say which one it is. It waits until it watches the folder, which
/// takes seconds in a large one.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer, bytes.
const MAX_ANSWER: usize = 64 << 20;

/// An HTTP connection to a server.
pub(super) struct Connection {
    requests: SendRequest<Empty<Bytes>>,
    /// Loopback names are always accepted.
    host: String,
}

/// Why a server cannot be asked.
#[derive(Debug)]
pub(super) enum Unreachable {
    /// It is gone.
    Gone,
    /// It does not answer.
    Silent,
}

/// The part of a server's status that tells which run it is.
#[derive(Debug, Deserialize)]
struct Status {
    boot: String,
}

impl Connection {
    /// Connects to the server of a file.
    pub(super) async fn to(server: &RunningServer) -> Result<Self, Unreachable> {
        Self::to_boot(server.address, Some(&server.boot)).await
    }

    /// Connects to an address where a server runs, if `boot` is given this run of it.
    pub(super) async fn to_boot(
        address: SocketAddr,
        boot: Option<&str>,
    ) -> Result<Self, Unreachable> {
        let asked = timeout(STATUS_TIMEOUT, async {
            let mut connection = Self::open(address).await.map_err(|_| Unreachable::Gone)?;
            let (status, body) = connection
                .ask(Method::GET, "/__livers/status")
                .await
                .map_err(|_| Unreachable::Gone)?;
            let found = serde_json::from_slice::<Status>(&body);
            let found = found.ok().filter(|_| status == 200).ok_or(Unreachable::Gone)?;
            if boot.is_none_or(|boot| boot == found.boot) {
                Ok(connection)
            } else {
                Err(Unreachable::Gone)
            }
        });
        asked.await.unwrap_or(Err(Unreachable::Silent))
    }

    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) =
            handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Ends with the connection, at the latest with the process.
        tokio::spawn(connection);
        Ok(Self { requests, host: format!("localhost:{}", address.port()) })
    }

    /// Sends a request, and returns the response as soon as its head has arrived.
    pub(super) async fn send(
        &mut self,
        method: Method,
        target: &str,
    ) -> io::Result<Response<Incoming>> {
        let request = Request::builder().method(method).uri(target).header(HOST, &self.host);
        let request = request.body(Empty::new()).map_err(io::Error::other)?;
        self.requests.ready().await.map_err(io::Error::other)?;
        self.requests.send_request(request).await.map_err(io::Error::other)
    }

    /// Sends a request, and returns the status and the whole body of its response.
    pub(super) async fn ask(&mut self, method: Method, target: &str) -> io::Result<(u16, Bytes)> {
        let response = self.send(method, target).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        Ok((status, body.map_err(io::Error::other)?.to_bytes()))
    }
}
