//! Connections to backends: how one is opened.
//!
//! A name may have addresses of both families, of which only one answers (`localhost` is the best
//! known): they are tried in turn, the next one when the last has failed or has kept silent for a
//! moment, and the first that answers is taken (RFC 8305 without its lookups).
//!
//! A host that vanishes says nothing. The system asks for it while a connection is quiet, so that a
//! long poll or a socket does not wait for ever.

use std::{fmt, io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    tls::Tls,
    upstream::{Place, Upstream},
};

/// How long opening a connection may take, all addresses of the name together, and TLS.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an address may be silent before the next one is tried, too (RFC 8305, section 8).
const HEAD_START: Duration = Duration::from_millis(250);

/// A quiet connection is asked after this long, and then so often: ten times, the system's number.
const QUIET: Duration = Duration::from_secs(30);
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// What bytes pass through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection to a backend.
pub(super) type Socket = Box<dyn Stream>;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreachable {
    pub(super) why: String,
    /// Nothing was heard, rather than a refusal.
    pub(super) timed_out: bool,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<String> for Unreachable {
    fn from(why: String) -> Self {
        Self { why, timed_out: false }
    }
}

impl From<io::Error> for Unreachable {
    fn from(error: io::Error) -> Self {
        Self { why: in_words(&error), timed_out: error.kind() == io::ErrorKind::TimedOut }
    }
}

/// Opens a connection to a backend, or says why it cannot.
pub(super) async fn dial(upstream: &Upstream, tls: &Tls) -> Result<Socket, Unreachable> {
    timeout(CONNECT, open(upstream.place(), tls)).await.unwrap_or_else(|_| {
        let why = format!("no answer within {} seconds", CONNECT.as_secs());
        Err(Unreachable { why, timed_out: true })
    })
}

async fn open(place: &Place, tls: &Tls) -> Result<Socket, Unreachable> {
    match place {
        Place::Tcp { host, port, tls: encrypted } => {
            let addresses = lookup_host((host.as_str(), *port))
                .await
                .map_err(|error| format!("its name has no address ({error})"))?;
            let socket = race(in_turn(addresses.collect())).await?;
            // Small messages are what a development server carries: they must not wait for each
            // other.
            socket.set_nodelay(true)?;
            ask_when_quiet(&socket);
            if *encrypted { tls.over(socket, host).await } else { Ok(Box::new(socket)) }
        }
        #[cfg(unix)]
        Place::Unix(path) => match tokio::net::UnixStream::connect(path).await {
            Ok(socket) => Ok(Box::new(socket)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err("there is no such socket".to_owned().into())
            }
            Err(error) => Err(error.into()),
        },
        #[cfg(not(unix))]
        Place::Unix(_) => Err("this system has no Unix sockets".to_owned().into()),
    }
}

/// Has the system notice a host that vanishes.
fn ask_when_quiet(socket: &TcpStream) {
    let asked = TcpKeepalive::new().with_time(QUIET).with_interval(ASK_AGAIN);
    // Where it cannot be had, such a host is noticed later.
    let _ = SockRef::from(socket).set_tcp_keepalive(&asked);
}

/// Addresses of both families by turns, in the order of the system otherwise.
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
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

/// Connects to the first address that answers.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    if let [only] = addresses[..] {
        return TcpStream::connect(only).await;
    }
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    loop {
        match addresses.next() {
            Some(address) => drop(attempts.spawn(TcpStream::connect(address))),
            None if attempts.is_empty() => return Err(failed),
            None => {}
        }
        tokio::select! {
            Some(ended) = attempts.join_next() => match ended {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => failed = error,
                Err(_) => {}
            },
            () = sleep(HEAD_START), if addresses.len() > 0 => {}
        }
    }
}

/// A socket's error, in the words that people know.
pub(super) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "it reset the connection".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        io::ErrorKind::HostUnreachable => "no way to its host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no way to its network".to_owned(),
        io::ErrorKind::TimedOut => "its host no longer answers".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::net::{TcpListener, TcpStream};

    use super::{ask_when_quiet, in_turn, race};

    #[test]
    fn families_take_turns() {
        let list = |text: &str| -> Vec<std::net::SocketAddr> {
            text.split(' ').map(|address| address.parse().unwrap()).collect()
        };
        let table = [
            ("[::1]:1 [::2]:1 1.1.1.1:1 2.2.2.2:1", "[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1"),
            ("1.1.1.1:1 2.2.2.2:1 [::1]:1", "1.1.1.1:1 [::1]:1 2.2.2.2:1"),
            ("1.1.1.1:1", "1.1.1.1:1"),
        ];
        for (given, expected) in table {
            assert_eq!(in_turn(list(given)), list(expected), "{given}");
        }
    }

    #[tokio::test]
    async fn the_address_that_answers_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let lives = listener.local_addr().unwrap();
        let dead = tokio::net::TcpSocket::new_v4().unwrap();
        dead.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let refuses = dead.local_addr().unwrap();
        for addresses in [vec![refuses, lives], vec![lives, refuses], vec![lives]] {
            assert_eq!(race(addresses).await.unwrap().peer_addr().unwrap(), lives);
        }
        let failed = race(vec![refuses, refuses]).await.unwrap_err();
        assert_eq!(failed.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(race(Vec::new()).await.is_err());
    }

    #[tokio::test]
    async fn a_host_that_vanishes_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!SockRef::from(&socket).keepalive().unwrap(), "it is not so by itself");
        ask_when_quiet(&socket);
        assert!(SockRef::from(&socket).keepalive().unwrap());
    }
}
