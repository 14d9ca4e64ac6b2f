//! Opens the sockets to listen on.
//!
//! By default those are both loopback addresses, 127.0.0.1 and ::1, on one port: `localhost` means
//! the one to some programs and the other to others, and a server on only one of them is down for
//! the rest. A port that is taken on either is taken.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::{TcpListener, lookup_host};

use crate::error::Error;

/// How many ports are tried after the first.
const TRIES: u16 = 100;

/// What was opened.
#[derive(Debug)]
pub(crate) struct Listening {
    /// The sockets, all of one port.
    pub(crate) listeners: Vec<TcpListener>,
    /// The port.
    pub(crate) port: u16,
}

impl Listening {
    /// Returns the addresses of the sockets.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

/// The addresses that a host name or address stands for; without one, the loopback.
pub(super) async fn resolve(host: Option<&str>) -> Result<Vec<IpAddr>, Error> {
    let Some(host) = host else {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    };
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let unknown = |why| Error::UnknownHost(host.to_owned(), why);
    let mut addresses: Vec<_> =
        lookup_host((host, 0)).await.map_err(unknown)?.map(|address| address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// Opens a port on all addresses: this one, or, unless `strict`, the next one that is free.
pub(crate) async fn listen(
    addresses: &[IpAddr],
    port: u16,
    strict: bool,
) -> Result<Listening, Error> {
    let tries = if strict { 0 } else { TRIES };
    for next in port..=port.saturating_add(tries) {
        // Port 0 is the system's choice, on the first address; the next may have it taken already.
        match listen_on_all(addresses, if port == 0 { 0 } else { next }).await {
            Err(Error::AddressInUse(_)) if !strict => {}
            result => return result,
        }
    }
    Err(Error::AddressInUse(SocketAddr::new(
        addresses.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into()),
        port,
    )))
}

async fn listen_on_all(addresses: &[IpAddr], mut port: u16) -> Result<Listening, Error> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in addresses {
        let address = SocketAddr::new(*address, port);
        match TcpListener::bind(address).await {
            Ok(listener) => {
                port = listener.local_addr().map_err(|why| Error::Bind(address, why))?.port();
                listeners.push(listener);
            }
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
                return Err(Error::AddressInUse(address));
            }
            // A machine without IPv6 still has a loopback.
            Err(_) if address.ip() == Ipv6Addr::LOCALHOST && !listeners.is_empty() => {}
            Err(why) => return Err(Error::Bind(address, why)),
        }
    }
    Ok(Listening { listeners, port })
}

#[cfg(test)]
mod tests {
    use super::{listen, resolve};
    use crate::error::Error;

    #[tokio::test]
    async fn a_port_is_opened_on_both_loopback_addresses_or_not_at_all() {
        let loopback = resolve(None).await.unwrap();
        let first = listen(&loopback, 0, true).await.unwrap();
        let port = first.port;
        let taken = listen(&loopback, port, true).await;
        assert!(matches!(taken, Err(Error::AddressInUse(address)) if address.port() == port));
        let next = listen(&loopback, port, false).await.unwrap();
        assert!(next.port > port);

        // Taken on the second address only.
        let only_v6 = listen(&loopback[1..], 0, true).await.unwrap();
        assert!(matches!(listen(&loopback, only_v6.port, true).await, Err(Error::AddressInUse(_))));
    }

    #[tokio::test]
    async fn an_address_that_is_not_ours_is_said() {
        let foreign = resolve(Some("192.0.2.1")).await.unwrap();
        assert!(matches!(listen(&foreign, 0, true).await, Err(Error::Bind(..))));
    }
}
