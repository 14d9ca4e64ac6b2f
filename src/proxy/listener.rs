//! Detects restarts of a local backend without connecting to it.
//!
//! Open pages are reloaded after a restart of their backend, even if nothing requests it meanwhile.
//! Connecting again and again would fill the backend's log. Linux lists the sockets that listen on
//! a port, each with an inode number of its own, and a Unix socket is a file, so a restarted
//! backend has other numbers.
//!
//! Deliberately absent: other systems and remote backends. There, only a connection that ends shows
//! a restart.

use super::upstream::Endpoint;

/// The sockets that listen at an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code))]
pub(super) enum Listener {
    /// This system cannot list them.
    Unknown,
    None,
    /// Their unique numbers.
    Sockets(Vec<u64>),
}

/// The listener at one time, and the number of times that the backend had come up before.
#[derive(Debug)]
pub(super) struct Observation {
    pub(super) listener: Listener,
    pub(super) recoveries: u64,
}

impl Observation {
    /// Returns what has changed at the next observation. `recoveries` is the current number: a
    /// restart that a connection has already shown, so that the pages are reloaded, is no change.
    pub(super) fn transition(&self, next: &Self, recoveries: u64) -> Transition {
        match self.listener.transition(&next.listener) {
            Transition::Restarted if recoveries != self.recoveries => Transition::None,
            Transition::Stopped if recoveries != next.recoveries => Transition::None,
            transition => transition,
        }
    }
}

/// A change of a backend between two observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    None,
    Stopped,
    Restarted,
}

impl Listener {
    /// Returns the sockets that listen at an endpoint now.
    ///
    /// # Blocking
    /// Reads a table of the kernel, or the metadata of a file.
    pub(super) fn at(endpoint: &Endpoint) -> Self {
        match endpoint {
            Endpoint::Tcp { port, .. } if endpoint.is_local() => of_port(*port),
            Endpoint::Tcp { .. } => Self::Unknown,
            Endpoint::Unix(path) => of_socket(path),
        }
    }

    fn transition(&self, now: &Self) -> Transition {
        match (self, now) {
            (Self::Sockets(_), Self::None) => Transition::Stopped,
            (Self::Sockets(before), Self::Sockets(now))
                if !before.iter().any(|number| now.contains(number)) =>
            {
                Transition::Restarted
            }
            _ => Transition::None,
        }
    }

    #[cfg_attr(not(unix), allow(dead_code))]
    fn of(numbers: Vec<u64>) -> Self {
        if numbers.is_empty() { Self::None } else { Self::Sockets(numbers) }
    }
}

#[cfg(target_os = "linux")]
fn of_port(port: u16) -> Listener {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(|list| numbers(list, port));
    let mut known = lists.into_iter().flatten().peekable();
    if known.peek().is_none() {
        return Listener::Unknown;
    }
    Listener::of(known.flatten().collect())
}

/// Returns the inode numbers of the sockets in `/proc/net/tcp` or `tcp6` that listen on a port.
/// Listening sockets come first in these tables; reading stops at the connections, which may be
/// thousands.
#[cfg(target_os = "linux")]
fn numbers(list: &str, port: u16) -> std::io::Result<Vec<u64>> {
    use std::io::BufRead;

    // The kernel fills at most this at a time.
    const PAGE: usize = 4096;
    let list = std::io::BufReader::with_capacity(PAGE, std::fs::File::open(list)?);
    let mut numbers = Vec::new();
    for line in list.lines().skip(1) {
        let Some((own, number)) = listening(&line?) else { break };
        numbers.extend((own == port).then_some(number));
    }
    Ok(numbers)
}

#[cfg(not(target_os = "linux"))]
fn of_port(_port: u16) -> Listener {
    Listener::Unknown
}

/// Parses port and inode number of a listening socket from its line in `/proc/net/tcp`.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn listening(line: &str) -> Option<(u16, u64)> {
    const LISTEN: &str = "0A";
    let mut columns = line.split_ascii_whitespace();
    let (_, own) = columns.nth(1)?.split_once(':')?;
    let state = columns.nth(1)?;
    let number = columns.nth(5)?;
    let own = u16::from_str_radix(own, 16).ok().filter(|_| state == LISTEN)?;
    Some((own, number.parse().ok()?))
}

#[cfg(unix)]
fn of_socket(path: &std::path::Path) -> Listener {
    use std::os::unix::fs::MetadataExt;
    // The file system may reuse an inode number at once; the time of change differs.
    let number =
        |file: std::fs::Metadata| file.ino() ^ file.ctime_nsec().unsigned_abs().rotate_left(32);
    Listener::of(std::fs::metadata(path).ok().map(number).into_iter().collect())
}

#[cfg(not(unix))]
fn of_socket(_path: &std::path::Path) -> Listener {
    Listener::Unknown
}

#[cfg(test)]
mod tests {
    use super::{Listener, Observation, Transition, listening};
    use crate::proxy::upstream::Upstream;

    #[test]
    fn listening_sockets_are_parsed() {
        let line = "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                    1000        0 81316 1 0000000000000000 100 0 0 10 0";
        let six = "   1: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 \
                   0A 00000000:00000000 00:00000000 00000000     0        0 99 1 0 100 0 0 10 0";
        let table = [
            (line, Some((3000, 81316))),
            (six, Some((3000, 99))),
            ("  sl  local_address rem_address   st tx_queue rx_queue", None),
            ("", None),
            (&line.replace(" 0A ", " 01 "), None),
        ];
        for (line, expected) in table {
            assert_eq!(listening(line), expected, "{line}");
        }
    }

    #[test]
    fn restart_is_distinguished_from_an_additional_listener() {
        let of = |numbers: &[u64]| Listener::of(numbers.to_vec());
        let table = [
            (of(&[1]), of(&[1]), Transition::None),
            (of(&[1]), of(&[2, 1]), Transition::None),
            (of(&[1, 2]), of(&[2]), Transition::None),
            (of(&[1]), of(&[2]), Transition::Restarted),
            (of(&[1]), of(&[]), Transition::Stopped),
            (of(&[]), of(&[1]), Transition::None),
            (Listener::Unknown, of(&[]), Transition::None),
        ];
        for (before, now, expected) in table {
            assert_eq!(before.transition(&now), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn restart_that_a_connection_has_shown_is_no_transition() {
        let observation = |number: &[u64], recoveries| {
            let listener = Listener::of(number.to_vec());
            Observation { listener, recoveries }
        };
        let table = [
            (observation(&[1], 0), observation(&[2], 0), 0, Transition::Restarted),
            (observation(&[1], 0), observation(&[2], 1), 1, Transition::None), // a request was first
            (observation(&[1], 0), observation(&[2], 0), 1, Transition::None), // during the observation
            (observation(&[2], 1), observation(&[3], 1), 1, Transition::Restarted),
            (observation(&[1], 0), observation(&[], 0), 0, Transition::Stopped),
            (observation(&[1], 0), observation(&[], 1), 1, Transition::Stopped), // it came up and stopped again
            (observation(&[1], 0), observation(&[], 0), 1, Transition::None),
        ];
        for (before, next, recoveries, expected) in table {
            assert_eq!(before.transition(&next, recoveries), expected, "{before:?} {next:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn rebound_port_has_another_listener() {
        let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = first.local_addr().unwrap();
        let upstream = Upstream::parse("/", &address.to_string()).unwrap();
        let observe = || Listener::at(upstream.endpoint());
        let before = observe();
        assert!(matches!(before, Listener::Sockets(_)));
        drop(first);
        assert_eq!(before.transition(&observe()), Transition::Stopped);
        let _second = std::net::TcpListener::bind(address).unwrap();
        assert_eq!(before.transition(&observe()), Transition::Restarted);
        let remote = Upstream::parse("/", "example.test:80").unwrap();
        assert_eq!(Listener::at(remote.endpoint()), Listener::Unknown);
    }

    #[cfg(unix)]
    #[test]
    fn recreated_unix_socket_is_another_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        let upstream = Upstream::parse("/", &format!("unix:{}", path.display())).unwrap();
        let observe = || Listener::at(upstream.endpoint());
        assert_eq!(observe(), Listener::None);
        std::fs::write(&path, "").unwrap();
        let before = observe();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(before.transition(&observe()), Transition::Stopped);
    }
}
