//! Opens the listening sockets.
//!
//! By default these are both loopback addresses, 127.0.0.1 and ::1, on one port: programs resolve
//! `localhost` to either of them. A port that is in use on one of them counts as in use.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::{TcpListener, lookup_host};

use crate::error::Error;

/// How many ports are tried after the first.
const MORE_PORTS: u16 = 100;

/// The open listening sockets.
#[derive(Debug)]
pub(crate) struct Listening {
    /// The sockets, all on one port.
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

/// Resolves a host name or address; `None` is the loopback interface.
///
/// # Errors
/// The host name cannot be resolved.
pub(super) async fn resolve(host: Option<&str>) -> Result<Vec<IpAddr>, Error> {
    let Some(host) = host else {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    };
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let unknown = |error| Error::UnknownHost(host.to_owned(), error);
    let mut addresses: Vec<_> =
        lookup_host((host, 0)).await.map_err(unknown)?.map(|address| address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// Listens on a port of all addresses: the given one, or the next free one unless `strict`.
///
/// # Errors
/// The port is in use or cannot be opened.
pub(crate) async fn listen(
    addresses: &[IpAddr],
    port: u16,
    strict: bool,
) -> Result<Listening, Error> {
    let tries = if strict { 0 } else { MORE_PORTS };
    for next in port..=port.saturating_add(tries) {
        // The system chooses port 0 for the first address; it may be in use on the second.
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

/// Listens on one port of all addresses.
async fn listen_on_all(addresses: &[IpAddr], mut port: u16) -> Result<Listening, Error> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in addresses {
        let address = SocketAddr::new(*address, port);
        match TcpListener::bind(address).await {
            Ok(listener) => {
                port = listener.local_addr().map_err(|error| Error::Bind(address, error))?.port();
                listeners.push(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(Error::AddressInUse(address));
            }
            // A machine without IPv6 has only 127.0.0.1.
            Err(_) if address.ip() == Ipv6Addr::LOCALHOST && !listeners.is_empty() => {}
            Err(error) => return Err(Error::Bind(address, error)),
        }
    }
    Ok(Listening { listeners, port })
}

#[cfg(test)]
mod tests {
    use super::{listen, resolve};
    use crate::error::Error;

    #[tokio::test]
    async fn a_port_is_opened_on_both_loopback_addresses_or_on_neither() {
        let loopback = resolve(None).await.unwrap();
        let first = listen(&loopback, 0, true).await.unwrap();
        let port = first.port;
        let in_use = listen(&loopback, port, true).await;
        assert!(matches!(in_use, Err(Error::AddressInUse(address)) if address.port() == port));
        let next = listen(&loopback, port, false).await.unwrap();
        assert!(next.port > port);

        // In use on the second address only.
        let only_v6 = listen(&loopback[1..], 0, true).await.unwrap();
        assert!(matches!(listen(&loopback, only_v6.port, true).await, Err(Error::AddressInUse(_))));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_an_error() {
        let foreign = resolve(Some("192.0.2.1")).await.unwrap();
        assert!(matches!(listen(&foreign, 0, true).await, Err(Error::Bind(..))));
    }
}
