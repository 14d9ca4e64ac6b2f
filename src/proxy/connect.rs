//! Opens connections to backends.
//!
//! A host name may have addresses of both families of which only one accepts connections. They are
//! tried in turn, the next one once the last has failed or has not answered for a moment, and the
//! first connection that opens is used (RFC 8305, without its DNS rules). `localhost` is not looked
//! up: it is the loopback (RFC 6761, section 6.3).
//!
//! A remote host that disappears is detected by TCP keep-alive, so that a long poll or a WebSocket
//! does not wait for it forever.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    error::ConnectError,
    socket::Socket,
    tls::Tls,
    upstream::{Endpoint, Upstream},
};

/// Time limit for opening a connection: all addresses of the name, and the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an address may be silent before the next one is tried as well (RFC 8305, section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// When TCP keep-alive probes start on a quiet connection, and their interval. The number of probes
/// is the system's, usually nine.
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Opens a connection to a backend.
///
/// # Errors
/// The reason, for people, if no connection was opened within [`CONNECT_TIMEOUT`].
pub(super) async fn connect(upstream: &Upstream, tls: &Tls) -> Result<Socket, ConnectError> {
    timeout(CONNECT_TIMEOUT, open(upstream.endpoint(), tls)).await.unwrap_or_else(|_| {
        let reason = format!("no answer within {} seconds", CONNECT_TIMEOUT.as_secs());
        Err(ConnectError { reason, timed_out: true })
    })
}

async fn open(endpoint: &Endpoint, tls: &Tls) -> Result<Socket, ConnectError> {
    match endpoint {
        Endpoint::Tcp { host, port, tls: encrypted, insecure } => {
            let socket = open_tcp(host, *port).await?;
            // A small message must not wait for the acknowledgement of the last one.
            socket.set_nodelay(true)?;
            if *encrypted {
                // In a box, because every request would reserve the space for it.
                Box::pin(tls.handshake(socket, host, *insecure)).await
            } else {
                Ok(Box::new(socket))
            }
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => match tokio::net::UnixStream::connect(path).await {
            Ok(socket) => Ok(Box::new(socket)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err("the socket does not exist".to_owned().into())
            }
            Err(error) => Err(error.into()),
        },
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err("this system has no Unix sockets".to_owned().into()),
    }
}

async fn open_tcp(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(connect_to(SocketAddr::new(address, port)).await?);
    }
    if host == "localhost" {
        let [v6, v4] = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
        return match connect_to(SocketAddr::new(v6, port)).await {
            Ok(socket) => Ok(socket),
            Err(_) => Ok(connect_to(SocketAddr::new(v4, port)).await?),
        };
    }
    let addresses = lookup_host((host, port))
        .await
        .map_err(|error| format!("the host name could not be resolved ({error})"))?;
    Ok(race(interleave(addresses.collect())).await?)
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address).await?;
    if !address.ip().is_loopback() {
        set_keepalive(&socket);
    }
    Ok(socket)
}

/// Enables TCP keep-alive, if the system supports it.
fn set_keepalive(socket: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_TIME).with_interval(KEEPALIVE_INTERVAL);
    let _ = SockRef::from(socket).set_tcp_keepalive(&keepalive);
}

/// Alternates between the address families, and keeps the order of the system within each.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut same, mut other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    same.reverse();
    other.reverse();
    let mut turns = Vec::new();
    while !same.is_empty() || !other.is_empty() {
        turns.extend(same.pop());
        turns.extend(other.pop());
    }
    turns
}

/// Connects to the first address that accepts.
///
/// # Errors
/// The error of the last attempt, if all failed.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    loop {
        match addresses.next() {
            Some(address) => drop(attempts.spawn(connect_to(address))),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        tokio::select! {
            Some(ended) = attempts.join_next() => match ended {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => failure = error,
                Err(_) => {}
            },
            () = sleep(ATTEMPT_DELAY), if addresses.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::net::{TcpListener, TcpStream};

    use super::{interleave, race, set_keepalive};

    #[test]
    fn address_families_alternate() {
        let list = |text: &str| -> Vec<std::net::SocketAddr> {
            text.split(' ').map(|address| address.parse().unwrap()).collect()
        };
        let table = [
            ("[::1]:1 [::2]:1 1.1.1.1:1 2.2.2.2:1", "[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1"),
            ("1.1.1.1:1 2.2.2.2:1 [::1]:1", "1.1.1.1:1 [::1]:1 2.2.2.2:1"),
            ("1.1.1.1:1", "1.1.1.1:1"),
        ];
        for (given, expected) in table {
            assert_eq!(interleave(list(given)), list(expected), "{given}");
        }
    }

    #[tokio::test]
    async fn race_returns_the_address_that_accepts() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepts = listener.local_addr().unwrap();
        let bound = tokio::net::TcpSocket::new_v4().unwrap();
        bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let refuses = bound.local_addr().unwrap();
        for addresses in [vec![refuses, accepts], vec![accepts, refuses], vec![accepts]] {
            assert_eq!(race(addresses).await.unwrap().peer_addr().unwrap(), accepts);
        }
        let failure = race(vec![refuses, refuses]).await.unwrap_err();
        assert_eq!(failure.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(race(Vec::new()).await.is_err());
    }

    #[tokio::test]
    async fn keepalive_is_enabled() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!SockRef::from(&socket).keepalive().unwrap(), "off by default");
        set_keepalive(&socket);
        assert!(SockRef::from(&socket).keepalive().unwrap());
    }
}
