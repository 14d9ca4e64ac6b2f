//! TLS to backends.
//!
//! The system's roots are trusted, so that a certificate authority of one's own (mkcert) is, too. With
//! `--proxy-insecure` any certificate will do, for backends that signed theirs themselves; what is
//! said is still signed with the key of that certificate. HTTP/1.1 is spoken: WebSockets need it.
//!
//! The roots are read when the first connection is opened: most servers never need them.

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

use super::dial::{Socket, Unreachable};

/// How TLS is spoken with backends. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    insecure: bool,
    connector: Arc<OnceLock<Result<TlsConnector, String>>>,
}

impl Tls {
    /// Whether any certificate will do.
    pub(crate) fn new(insecure: bool) -> Self {
        Self { insecure, ..Self::default() }
    }

    /// Speaks TLS with a host on a connection to it.
    pub(super) async fn over(&self, socket: TcpStream, host: &str) -> Result<Socket, Unreachable> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("{host} is no name that a certificate can have"))?;
        let connector = match self.connector.get() {
            Some(connector) => connector.clone(),
            None => self.connect().await,
        };
        match connector?.connect(name, socket).await {
            Ok(socket) => Ok(Box::new(socket)),
            Err(error) => {
                let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
                Err(tls.map_or_else(|| error.to_string(), explain).into())
            }
        }
    }

    /// Reads what is needed, off the threads that serve.
    async fn connect(&self) -> Result<TlsConnector, String> {
        let (shared, insecure) = (Arc::clone(&self.connector), self.insecure);
        let read =
            move || shared.get_or_init(|| config(insecure).map(|c| Arc::new(c).into())).clone();
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(error.to_string()))
    }
}

fn config(insecure: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = if insecure {
        let any = Arc::new(Any(provider));
        builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("this system has no certificates to trust: install them \
                 (ca-certificates), or trust any with --proxy-insecure"
                .to_owned());
        }
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A failed handshake, with what would help.
fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => format!(
            "its certificate is not trusted ({why:?}): add its authority to the system's, or trust \
             any with --proxy-insecure"
        ),
        Error::InvalidMessage(_) => "what it speaks is not TLS: is it http://?".to_owned(),
        other => format!("no TLS with it: {other}"),
    }
}

/// Takes any certificate.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
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
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
