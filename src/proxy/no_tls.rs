//! TLS to backends, in a build without the feature `tls`, where no route can ask for it.

use tokio::net::TcpStream;

use super::{error::ConnectError, socket::Socket};

#[derive(Clone, Default)]
pub(super) struct Tls;

impl Tls {
    pub(super) fn new(_insecure: bool) -> Self {
        Self
    }

    #[allow(clippy::unused_async)]
    pub(super) async fn handshake(
        &self,
        _socket: TcpStream,
        _host: &str,
        _insecure: bool,
    ) -> Result<Socket, ConnectError> {
        Err("this build of livers has no TLS support".to_owned().into())
    }
}
