//! TLS to an upstream: whom to believe, as whom to appear, what to speak.
//!
//! No upstream is ever believed without a look at its certificate: either an authority vouches for it (RFC 9525), or it is
//! one of those whose digests the operator wrote down. Files are read by the caller.

use std::io;
use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::stream::Stream;
use super::upstream::Protocol;

/// Sessions that are remembered for resumption: what rustls keeps for one server.
const SESSIONS_MAX: usize = 8;

/// What TLS to one upstream needs.
#[derive(Debug)]
pub struct Settings {
    /// Whom to believe.
    pub trust: Trust,
    /// Whose name the upstream's certificate has to carry; sent in the clear as SNI, unless it is an address.
    pub name: ServerName<'static>,
    /// What the gate shows of itself when it is asked.
    pub identity: Option<Identity>,
    /// Whether TLS 1.2 will do.
    pub tls_1_2: bool,
}

/// Whom to believe.
#[derive(Debug)]
pub enum Trust {
    /// Certificates that one of these authorities vouches for.
    Authorities(Vec<CertificateDer<'static>>),
    /// Certificates with one of these SHA-256 digests, whatever they say of themselves: neither names nor dates count.
    Certificates(Vec<[u8; 32]>),
}

/// A certificate with its chain, and the key that it is for.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Settled TLS to one upstream. Cheap to clone; clones share the sessions that can be resumed.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    digest: [u8; 32],
}

impl Identity {
    /// A chain, the own certificate first, and its key.
    #[must_use]
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self { chain, key }
    }
}

impl Tls {
    /// Settles what is spoken: TLS 1.3, and 1.2 where it is allowed; X25519MLKEM768 before X25519 before P-256.
    ///
    /// # Errors
    /// A sentence: an authority that is no certificate, a key that does not fit its certificate.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let digest = digest_of(&settings);
        let Settings {
            trust,
            name,
            identity,
            tls_1_2,
        } = settings;
        let provider = Arc::new(provider());
        let versions: &[_] = if tls_1_2 { &[&TLS13, &TLS12] } else { &[&TLS13] };
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?;
        let builder = match trust {
            Trust::Authorities(authorities) => builder.with_root_certificates(store(authorities)?),
            Trust::Certificates(digests) => {
                let verifier = Arc::new(Pinned { digests, algorithms });
                builder.dangerous().with_custom_certificate_verifier(verifier)
            }
        };
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("the certificate and the key do not fit: {error}"))?,
        };
        config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
        Ok(Self {
            config: Arc::new(config),
            name,
            digest,
        })
    }

    /// Tells settings apart: equal for equal trust, name, identity and versions.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What a client needs that speaks something else than HTTP: its settings, and whom it means.
    #[must_use]
    pub fn client(&self) -> (Arc<ClientConfig>, ServerName<'static>) {
        (Arc::clone(&self.config), self.name.clone())
    }

    /// Speaks TLS over an open connection.
    pub(super) async fn handshake(&self, socket: TcpStream, protocol: Protocol) -> io::Result<Stream> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let (h1, h2) = (b"http/1.1".to_vec(), b"h2".to_vec());
        let offered = match protocol {
            Protocol::Http1 => vec![h1],
            Protocol::Http2 => vec![h2],
            Protocol::Negotiated => vec![h2, h1],
        };
        let connecting = connector.with_alpn(offered).connect(self.name.clone(), socket);
        let stream = Stream::Tls(Box::new(connecting.await?));
        if protocol == Protocol::Http2 && !stream.is_http2() {
            return Err(io::Error::other("it does not speak HTTP/2"));
        }
        Ok(stream)
    }
}

fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1],
        ..default_provider()
    }
}

fn store(authorities: Vec<CertificateDer<'static>>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for authority in authorities {
        store
            .add(authority)
            .map_err(|error| format!("an authority cannot be used: {error}"))?;
    }
    Ok(store)
}

fn digest_of(settings: &Settings) -> [u8; 32] {
    let mut context = digest::Context::new(&SHA256);
    // Each part with its length, so that no two lists of parts read alike.
    let mut part = |bytes: &[u8]| {
        context.update(&bytes.len().to_le_bytes());
        context.update(bytes);
    };
    match &settings.trust {
        Trust::Authorities(authorities) => authorities.iter().for_each(|authority| part(authority)),
        Trust::Certificates(digests) => digests.iter().for_each(|digest| part(digest)),
    }
    part(settings.name.to_str().as_bytes());
    part(&[u8::from(settings.tls_1_2)]);
    if let Some(Identity { chain, key }) = &settings.identity {
        chain.iter().for_each(|certificate| part(certificate));
        part(key.secret_der());
    }
    finish(context)
}

fn finish(context: digest::Context) -> [u8; 32] {
    // A SHA-256 digest has 32 bytes; anything else would equal no digest that is believed.
    <[u8; 32]>::try_from(context.finish().as_ref()).unwrap_or([0; 32])
}

/// Believes certificates by their digest alone. That the upstream holds the key is checked as for every other.
#[derive(Debug)]
struct Pinned {
    digests: Vec<[u8; 32]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut context = digest::Context::new(&SHA256);
        context.update(certificate);
        if self.digests.contains(&finish(context)) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
pub(super) mod tests;
