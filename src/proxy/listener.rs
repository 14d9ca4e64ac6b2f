//! Who listens where a backend is, as far as this machine tells without being asked there.
//!
//! A restart is to be noticed although nobody asks the backend for anything. To connect to it again
//! and again would be noise in the backend's own log. But Linux lists who listens on a port of this
//! machine, each time under another number, and a Unix socket is a file, each time another one.
//!
//! Left out on purpose: other systems, and backends elsewhere. There, a connection that ends is all
//! there is to notice.

use super::upstream::Place;

/// Who listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code))]
pub(super) enum Listener {
    /// Nobody can tell.
    Unknown,
    Nobody,
    /// These, by numbers that no two have.
    Somebody(Vec<u64>),
}

/// What one look showed, and how many times the backend had been found to be back before it.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) listener: Listener,
    pub(super) recoveries: u64,
}

impl Look {
    /// What came of the backend until the next look. What was found to be back already, `recoveries`
    /// times by now, is no news: the pages have been told.
    pub(super) fn became(&self, next: &Self, recoveries: u64) -> Became {
        match self.listener.became(&next.listener) {
            Became::Another if recoveries != self.recoveries => Became::Same,
            Became::Gone if recoveries != next.recoveries => Became::Same,
            became => became,
        }
    }
}

/// What came of a backend between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    Same,
    Gone,
    /// Another one has its place.
    Another,
}

impl Listener {
    /// Who listens at a place now. Blocking, for as long as it takes to read a list of the kernel's.
    pub(super) fn at(place: &Place) -> Self {
        match place {
            Place::Tcp { port, .. } if place.is_here() => of_port(*port),
            Place::Tcp { .. } => Self::Unknown,
            Place::Unix(path) => of_socket(path),
        }
    }

    /// What it became, seen from here.
    fn became(&self, now: &Self) -> Became {
        match (self, now) {
            (Self::Somebody(_), Self::Nobody) => Became::Gone,
            (Self::Somebody(before), Self::Somebody(now))
                if !before.iter().any(|number| now.contains(number)) =>
            {
                Became::Another
            }
            _ => Became::Same,
        }
    }

    #[cfg_attr(not(unix), allow(dead_code))]
    fn of(numbers: Vec<u64>) -> Self {
        if numbers.is_empty() { Self::Nobody } else { Self::Somebody(numbers) }
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

/// The numbers of the sockets in one of the kernel's lists that listen on a port. Those that listen come
/// first there; connections, of which there may be thousands, are not read.
#[cfg(target_os = "linux")]
fn numbers(list: &str, port: u16) -> std::io::Result<Vec<u64>> {
    use std::io::BufRead;

    // What the kernel makes up at a time.
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

/// The port and the number of a socket that listens, from its line in `/proc/net/tcp`.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn listening(line: &str) -> Option<(u16, u64)> {
    const LISTEN: &str = "0A";
    let mut words = line.split_ascii_whitespace();
    let (_, own) = words.nth(1)?.split_once(':')?;
    let state = words.nth(1)?;
    let number = words.nth(5)?;
    let own = u16::from_str_radix(own, 16).ok().filter(|_| state == LISTEN)?;
    Some((own, number.parse().ok()?))
}

#[cfg(unix)]
fn of_socket(path: &std::path::Path) -> Listener {
    use std::os::unix::fs::MetadataExt;
    // A number may be given again at once; with the time it is another.
    let number =
        |found: std::fs::Metadata| found.ino() ^ found.ctime_nsec().unsigned_abs().rotate_left(32);
    Listener::of(std::fs::metadata(path).ok().map(number).into_iter().collect())
}

#[cfg(not(unix))]
fn of_socket(_path: &std::path::Path) -> Listener {
    Listener::Unknown
}

#[cfg(test)]
mod tests {
    use super::{Became, Listener, Look, listening};
    use crate::proxy::upstream::Upstream;

    #[test]
    fn a_line_of_the_list_is_read() {
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
    fn another_one_is_told_from_one_more() {
        let of = |numbers: &[u64]| Listener::of(numbers.to_vec());
        let table = [
            (of(&[1]), of(&[1]), Became::Same),
            (of(&[1]), of(&[2, 1]), Became::Same),
            (of(&[1, 2]), of(&[2]), Became::Same),
            (of(&[1]), of(&[2]), Became::Another),
            (of(&[1]), of(&[]), Became::Gone),
            (of(&[]), of(&[1]), Became::Same),
            (Listener::Unknown, of(&[]), Became::Same),
        ];
        for (before, now, expected) in table {
            assert_eq!(before.became(&now), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn another_one_that_answered_is_known() {
        let look = |number: &[u64], recoveries| {
            let listener = Listener::of(number.to_vec());
            Look { listener, recoveries }
        };
        let table = [
            (look(&[1], 0), look(&[2], 0), 0, Became::Another),
            (look(&[1], 0), look(&[2], 1), 1, Became::Same), // a request was there first
            (look(&[1], 0), look(&[2], 0), 1, Became::Same), // while it was looked
            (look(&[2], 1), look(&[3], 1), 1, Became::Another),
            (look(&[1], 0), look(&[], 0), 0, Became::Gone),
            (look(&[1], 0), look(&[], 1), 1, Became::Gone), // it was back, and is gone again
            (look(&[1], 0), look(&[], 0), 1, Became::Same),
        ];
        for (before, next, recoveries, expected) in table {
            assert_eq!(before.became(&next, recoveries), expected, "{before:?} {next:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_that_is_bound_again_has_another_listener() {
        let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = first.local_addr().unwrap();
        let upstream = Upstream::parse("/", &address.to_string()).unwrap();
        let look = || Listener::at(upstream.place());
        let before = look();
        assert!(matches!(before, Listener::Somebody(_)));
        drop(first);
        assert_eq!(before.became(&look()), Became::Gone);
        let _second = std::net::TcpListener::bind(address).unwrap();
        assert_eq!(before.became(&look()), Became::Another);
        let elsewhere = Upstream::parse("/", "example.test:80").unwrap();
        assert_eq!(Listener::at(elsewhere.place()), Listener::Unknown);
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_that_is_made_again_is_another() {
        let name = format!("livers-listener-{}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let upstream = Upstream::parse("/", &format!("unix:{}", path.display())).unwrap();
        let look = || Listener::at(upstream.place());
        assert_eq!(look(), Listener::Nobody);
        std::fs::write(&path, "").unwrap();
        let before = look();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(before.became(&look()), Became::Gone);
    }
}
