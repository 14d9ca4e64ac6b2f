//! TLS to backends, in a build without it: no route that asks for it is ever made.

use tokio::net::TcpStream;

use super::dial::{Socket, Unreachable};

#[derive(Clone, Default)]
pub(crate) struct Tls;

impl Tls {
    pub(crate) fn new(_insecure: bool) -> Self {
        Self
    }

    #[allow(clippy::unused_async)]
    pub(super) async fn over(
        &self,
        _socket: TcpStream,
        _host: &str,
    ) -> Result<Socket, Unreachable> {
        Err("this build of livers leaves out TLS".to_owned().into())
    }
}
