//! TLS towards clients: which versions, suites, groups and certificates are offered, and the handshake.
//!
//! Nothing here reads a file: certificates and keys arrive as DER, and a reload swaps the whole terms, which the next handshake
//! takes. Session resumption is by tickets that the process encrypts, so a client that never comes back holds no memory here;
//! early data is never accepted, because it can be replayed.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::{self, Ticketer, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ProtocolVersion, SupportedCipherSuite};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::client_certificate::{Asked, OfConnection, PeerCertificate, Trust};

/// What an authority speaks to see that a host is ours (RFC 8737), and nothing else speaks.
const ACME_TLS_1: &[u8] = b"acme-tls/1";
/// Tickets that one full handshake is given. A client that opens several connections at once asks for more on each.
const TICKETS_PER_HANDSHAKE: usize = 1;
/// Most names that one certificate is found by.
const NAMES_MAX: usize = 1_000;

/// What clients are offered at one address.
#[derive(Debug)]
pub struct Terms {
    /// Clients that name no host get the first. None at all only where certificates are ordered: what was in force stays, and
    /// until the first is there, every handshake fails.
    pub certificates: Vec<Certificate>,
    /// Whether certificates are ordered by ACME: authorities may then look whether a challenge is answered.
    pub ordered: bool,
    /// Also TLS 1.2, with suites that have forward secrecy and authenticated encryption.
    pub tls_1_2: bool,
    /// Whether HTTP/2 is offered beside HTTP/1.1 (ALPN, RFC 7301).
    pub http2: bool,
    /// Whether clients present a certificate.
    pub client: ClientCertificates,
    /// `Strict-Transport-Security` on every answer (RFC 6797): how long; zero is none.
    pub hsts: Duration,
}

/// A certificate chain, the leaf first, and its key.
#[derive(Debug)]
pub struct Certificate {
    /// The leaf, then what leads to a root.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key.
    pub key: PrivateKeyDer<'static>,
}

/// Whether clients present a certificate, and whose.
#[derive(Debug, Default)]
pub enum ClientCertificates {
    /// None is asked for.
    #[default]
    Ignored,
    /// One is asked for, and clients without one come in as well; one that is not good fails the handshake.
    Optional(Authorities),
    /// One is needed: without, the handshake fails.
    Required(Authorities),
}

/// Whose certificates clients present.
#[derive(Debug)]
pub struct Authorities {
    /// The authorities that clients' certificates lead to.
    pub certificates: Vec<CertificateDer<'static>>,
    /// What these authorities revoked; one that is out of date fails every handshake it concerns.
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
}

/// Why terms cannot be offered.
#[derive(Debug, Error)]
pub enum TlsProblem {
    /// There is no certificate.
    #[error("there is no certificate to offer")]
    NoCertificate,
    /// A chain or a key cannot be used.
    #[error("the certificate number {number} cannot be used: {cause}")]
    Certificate {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        cause: String,
    },
    /// The authorities of clients, or their revocation lists, cannot be used.
    #[error("clients' certificates cannot be verified: {0}")]
    ClientAuthorities(String),
    /// The random numbers of the system, or the library itself, failed.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// The terms of one address, as they are now. Shared by all workers.
#[derive(Debug)]
pub struct Tls {
    /// Connections hold it too: they ask whether their client's certificate is still believed.
    now: Arc<ArcSwap<Offer>>,
    /// Outlives the terms, so that a reload does not cost every client a full handshake.
    tickets: Arc<dyn ProducesTickets>,
    challenges: Arc<Challenges>,
}

/// Certificates that answer challenges, by the host that is challenged (RFC 8737).
type Challenges = ArcSwap<HashMap<Box<str>, Arc<CertifiedKey>>>;

/// Terms made ready.
#[derive(Debug)]
pub struct Offer {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    /// Who has to stand for clients; none where no certificate is asked for.
    trust: Option<Arc<Trust>>,
    hsts: Option<http::HeaderValue>,
}

impl Offer {
    /// Who has to stand for clients; none where no certificate is asked for.
    pub(super) fn trust(&self) -> Option<&Arc<Trust>> {
        self.trust.as_ref()
    }
}

/// What the handshake settled.
#[derive(Clone, Debug)]
pub struct Secured {
    /// The version.
    pub version: Option<ProtocolVersion>,
    /// The host that the client named (SNI), in lower case.
    pub server_name: Option<Box<str>>,
    /// The client's certificate, if it presented one.
    pub(crate) certificate: Option<OfConnection>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Whether HTTP/2 was chosen.
    pub(crate) http2: bool,
    /// What `Strict-Transport-Security` says.
    pub(crate) hsts: Option<http::HeaderValue>,
}

impl Tls {
    /// Offers these terms.
    ///
    /// # Errors
    /// [`TlsProblem`].
    pub fn new(terms: Terms) -> Result<Self, TlsProblem> {
        let (tickets, challenges) = (Ticketer::new()?, Arc::<Challenges>::default());
        let offer = offer(terms, &tickets, &challenges, None)?;
        Ok(Self {
            now: Arc::new(ArcSwap::from_pointee(offer)),
            tickets,
            challenges,
        })
    }

    /// Answers the challenge for a host with this certificate, until [`Tls::challenges_met`].
    ///
    /// # Errors
    /// The certificate cannot be used.
    pub fn challenge(&self, host: &str, certificate: Certificate) -> Result<(), TlsProblem> {
        let Certificate { chain, key } = certificate;
        // Not read like others: the extension that answers is critical, and known to authorities alone.
        let key = aws_lc_rs::sign::any_supported_type(&key)?;
        let certified = CertifiedKey::new(chain, key);
        let mut challenges = HashMap::clone(&self.challenges.load());
        challenges.insert(host.to_ascii_lowercase().into(), Arc::new(certified));
        self.challenges.store(Arc::new(challenges));
        Ok(())
    }

    /// Answers no challenge any more.
    pub fn challenges_met(&self) {
        self.challenges.store(Arc::default());
    }

    /// Makes terms ready to take the place of those in force, which stay until [`Tls::replace`].
    ///
    /// # Errors
    /// [`TlsProblem`].
    pub fn prepare(&self, terms: Terms) -> Result<Offer, TlsProblem> {
        let former = self.now.load();
        offer(terms, &self.tickets, &self.challenges, Some(&former.certificates))
    }

    /// Offers what was prepared here to every handshake from now on; connections that are open stay as they are.
    pub fn replace(&self, offer: Offer) {
        self.now.store(Arc::new(offer));
    }

    /// The handshake, within `time_max`. `None`: an authority looked, and nothing follows.
    ///
    /// # Errors
    /// The client broke off, was too slow, or nothing that it offers is accepted.
    pub(crate) async fn handshake(
        &self,
        socket: TcpStream,
        time_max: Duration,
    ) -> io::Result<Option<(TlsStream<TcpStream>, Secured)>> {
        let offer = self.now.load_full();
        let accepting = TlsAcceptor::from(Arc::clone(&offer.config)).accept(socket);
        let stream = tokio::time::timeout(time_max, accepting)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let session = stream.get_ref().1;
        if session.alpn_protocol() == Some(ACME_TLS_1) {
            return Ok(None);
        }
        let certificate = self.certificate(session.peer_certificates(), offer.trust())?;
        let secured = Secured {
            version: session.protocol_version(),
            server_name: session.server_name().map(Into::into),
            certificate,
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            http2: session.alpn_protocol() == Some(b"h2"),
            hsts: offer.hsts.clone(),
        };
        Ok(Some((stream, secured)))
    }

    /// The certificate that a client presented and `trust` believed.
    fn certificate(
        &self,
        chain: Option<&[CertificateDer<'static>]>,
        trust: Option<&Arc<Trust>>,
    ) -> io::Result<Option<OfConnection>> {
        let (Some(chain), Some(trust)) = (chain, trust) else {
            return Ok(None);
        };
        let peer = PeerCertificate::read(chain.to_vec());
        let peer = peer.map_err(|unreadable| io::Error::new(io::ErrorKind::InvalidData, unreadable))?;
        Ok(Some(OfConnection::new(peer, Arc::clone(trust), Arc::clone(&self.now))))
    }
}

/// The suites and groups that we stand behind: authenticated encryption with forward secrecy, hybrid post-quantum first.
pub(super) fn provider(tls_1_2: bool) -> CryptoProvider {
    let mut cipher_suites: Vec<SupportedCipherSuite> = vec![
        cipher_suite::TLS13_AES_128_GCM_SHA256,
        cipher_suite::TLS13_AES_256_GCM_SHA384,
        cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    if tls_1_2 {
        cipher_suites.extend([
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]);
    }
    let kx_groups: Vec<&'static dyn SupportedKxGroup> =
        vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1];
    CryptoProvider {
        cipher_suites,
        kx_groups,
        ..aws_lc_rs::default_provider()
    }
}

fn offer(
    terms: Terms,
    tickets: &Arc<dyn ProducesTickets>,
    challenges: &Arc<Challenges>,
    former: Option<&Arc<Certificates>>,
) -> Result<Offer, TlsProblem> {
    let provider = Arc::new(provider(terms.tls_1_2));
    let versions: &[_] = if terms.tls_1_2 { &[&TLS13, &TLS12] } else { &[&TLS13] };
    if terms.certificates.is_empty() && !terms.ordered {
        return Err(TlsProblem::NoCertificate);
    }
    let certificates = match former.filter(|_| terms.certificates.is_empty()) {
        Some(former) => Arc::clone(former),
        None => Arc::new(Certificates::new(
            terms.certificates,
            &provider,
            Arc::clone(challenges),
        )?),
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions)?;
    let trust = trust(terms.client, &provider)?;
    let builder = match &trust {
        Some(trust) => builder.with_client_cert_verifier(trust.verifier()),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::clone(&certificates) as _);
    config.alpn_protocols = if terms.http2 {
        vec![b"h2".to_vec(), b"http/1.1".to_vec()]
    } else {
        vec![b"http/1.1".to_vec()]
    };
    if terms.ordered {
        config.alpn_protocols.push(ACME_TLS_1.to_vec());
    }
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // A ticket brings back the certificate of the handshake before, unlooked at: it would outlive revocation, expiry, and the
    // reload that asks for one.
    if trust.is_none() {
        config.ticketer = Arc::clone(tickets);
        config.send_tls13_tickets = TICKETS_PER_HANDSHAKE;
    } else {
        config.send_tls13_tickets = 0;
    }
    let hsts = format!("max-age={}", terms.hsts.as_secs());
    Ok(Offer {
        config: Arc::new(config),
        certificates,
        trust,
        hsts: Some(hsts)
            .filter(|_| !terms.hsts.is_zero())
            .and_then(|value| value.parse().ok()),
    })
}

/// Who has to stand for clients, if anybody does.
fn trust(client: ClientCertificates, provider: &Arc<CryptoProvider>) -> Result<Option<Arc<Trust>>, TlsProblem> {
    let (Authorities { certificates, revoked }, asked) = match client {
        ClientCertificates::Ignored => return Ok(None),
        ClientCertificates::Optional(authorities) => (authorities, Asked::Politely),
        ClientCertificates::Required(authorities) => (authorities, Asked::Firmly),
    };
    let trust = Trust::asked(certificates, revoked, Arc::clone(provider), asked)?;
    Ok(Some(Arc::new(trust)))
}

/// Certificates by the names that they are valid for.
#[derive(Debug)]
struct Certificates {
    /// For clients that name no host.
    first: Option<Arc<CertifiedKey>>,
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// `*.example.com` by `example.com`; stands for exactly one label (RFC 9525 section 6.3).
    wildcard: HashMap<Box<str>, Arc<CertifiedKey>>,
    challenges: Arc<Challenges>,
}

impl Certificates {
    fn new(
        certificates: Vec<Certificate>,
        provider: &CryptoProvider,
        challenges: Arc<Challenges>,
    ) -> Result<Self, TlsProblem> {
        let (mut exact, mut wildcard) = (HashMap::new(), HashMap::new());
        let mut first = None;
        for (index, Certificate { chain, key }) in certificates.into_iter().enumerate() {
            let wrong = |cause: &dyn std::fmt::Display| TlsProblem::Certificate {
                number: index + 1,
                cause: cause.to_string(),
            };
            let certified = CertifiedKey::from_der(chain, key, provider).map_err(|cause| wrong(&cause))?;
            let certified = Arc::new(certified);
            let leaf = certified.end_entity_cert().map_err(|cause| wrong(&cause))?;
            let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|cause| wrong(&cause))?;
            for name in leaf.valid_dns_names().take(NAMES_MAX) {
                let name = name.to_ascii_lowercase();
                match name.strip_prefix("*.") {
                    // Of two certificates for one name the first counts, as it is written.
                    Some(parent) => wildcard.entry(parent.into()).or_insert_with(|| Arc::clone(&certified)),
                    None => exact.entry(name.into()).or_insert_with(|| Arc::clone(&certified)),
                };
            }
            first.get_or_insert(certified);
        }
        Ok(Self {
            first,
            exact,
            wildcard,
            challenges,
        })
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        let parent = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(name.as_str()).or_else(parent)
    }
}

impl ResolvesServerCert for Certificates {
    /// A host that no certificate is for ends the handshake (`unrecognized_name`): a wrong certificate would only teach people
    /// to click warnings away.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut spoken = hello.alpn().into_iter().flatten();
        if spoken.any(|protocol| protocol == ACME_TLS_1) {
            // The certificate of a challenge proves nothing but that, so it is shown to nobody else.
            return self.challenges.load().get(hello.server_name()?).cloned();
        }
        match hello.server_name() {
            None => self.first.clone(),
            Some(name) => self.find(name).cloned(),
        }
    }
}
