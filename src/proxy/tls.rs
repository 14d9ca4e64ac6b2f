//! TLS to backends.
//!
//! Trusts the root certificates of the system, and with them a local authority such as mkcert's.
//! With `proxy-insecure`, every certificate is accepted, for backends with self-signed ones; the
//! handshake is still verified against the key of that certificate. ALPN offers HTTP/1.1 only,
//! because WebSockets need it.
//!
//! The root certificates are loaded with the first connection: most servers never need them.

use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

use super::{error::ConnectError, socket::Socket};

/// Creates sessions with one configuration, which is loaded when it is needed.
type Connector = Arc<OnceLock<Result<TlsConnector, String>>>;

/// Opens TLS sessions to backends. Clones share the configuration.
#[derive(Clone, Default)]
pub(super) struct Tls {
    insecure: bool,
    connector: Connector,
    /// For backends of which every certificate is accepted.
    insecure_connector: Connector,
}

impl Tls {
    /// With `insecure`, accepts every certificate.
    pub(super) fn new(insecure: bool) -> Self {
        Self { insecure, ..Self::default() }
    }

    /// Performs the handshake with a host on a TCP connection to it. With `insecure`, accepts every
    /// certificate.
    pub(super) async fn handshake(
        &self,
        socket: TcpStream,
        host: &str,
        insecure: bool,
    ) -> Result<Socket, ConnectError> {
        let insecure = insecure || self.insecure;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("{host} is not a valid TLS server name"))?;
        let shared = if insecure { &self.insecure_connector } else { &self.connector };
        let connector = match shared.get() {
            Some(connector) => connector.clone(),
            None => load(Arc::clone(shared), insecure).await,
        };
        match connector?.connect(name, socket).await {
            Ok(socket) => Ok(Box::new(socket)),
            Err(error) => {
                let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
                Err(tls.map_or_else(|| error.to_string(), describe).into())
            }
        }
    }
}

/// Loads the root certificates on a blocking thread.
async fn load(shared: Connector, insecure: bool) -> Result<TlsConnector, String> {
    let load = move || {
        shared.get_or_init(|| config(insecure).map(|config| Arc::new(config).into())).clone()
    };
    tokio::task::spawn_blocking(load).await.unwrap_or_else(|error| Err(error.to_string()))
}

fn config(insecure: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = if insecure {
        let any = Arc::new(AcceptAny(provider));
        builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(
                "this system has no root certificates: install them (ca-certificates), or \
                 accept any certificate with proxy-insecure"
                    .to_owned(),
            );
        }
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Describes a failed handshake and its remedy.
fn describe(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => format!(
            "its certificate is not trusted ({why:?}): install its authority on this system, or \
             accept any certificate with proxy-insecure"
        ),
        Error::InvalidMessage(_) => {
            "it does not speak TLS: should the route say http://?".to_owned()
        }
        other => format!("the TLS handshake failed: {other}"),
    }
}

/// Accepts every certificate.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
