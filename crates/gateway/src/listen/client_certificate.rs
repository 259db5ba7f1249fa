//! Certificates of clients: verified when a connection begins, and again while it goes on.
//!
//! A connection may outlive its client's certificate, or its authority's word for it. So what a handshake verified is held against the
//! authorities as they are now: at once when they or their revocation lists were replaced, and once a minute besides.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_identity::certificate::{Names, Nobody};
use portcullis_identity::principal::{Credential, Identity};
use portcullis_identity::thumbprint::Thumbprint;
use portcullis_identity::time::UnixTime;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{self, CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use smallvec::SmallVec;
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::tls::{Offer, TlsProblem};
use crate::certificates::Certificates;

/// How long a certificate is believed before its authorities are asked again, in seconds: of a revocation list that ends, and of an
/// authority's own certificate, nobody tells.
const BELIEVED_SECONDS: u64 = 60;
/// Most names of one kind that are looked at.
const NAMES_MAX: usize = 100;
/// Most rules that whom a certificate names is remembered for.
const KNOWN_MAX: usize = 8;

/// The authorities whose certificates clients may present, and what these revoked.
pub struct Trust(Arc<dyn ClientCertVerifier>);

/// Whether a client may come without a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It may.
    Politely,
    /// The handshake fails then.
    Firmly,
}

/// A client's certificate, of which the names are read once. Whether it is believed, whoever hands it out says.
pub(crate) struct PeerCertificate {
    /// The leaf first.
    chain: Box<[CertificateDer<'static>]>,
    thumbprint: Thumbprint,
    names: Names,
    not_after: UnixTime,
    /// Whom it names, by the rules that were asked.
    known: RefCell<Known>,
}

type Known = SmallVec<[(Arc<Certificates>, Result<Arc<Identity>, Nobody>); 1]>;

/// The certificate that a connection began with.
#[derive(Clone)]
pub(crate) struct OfConnection {
    peer: Rc<PeerCertificate>,
    /// What is offered at its address.
    now: Arc<ArcSwap<Offer>>,
    believed: RefCell<Believed>,
}

/// Who believed a certificate, and until when that needs not be asked again.
#[derive(Clone)]
struct Believed {
    by: Arc<Trust>,
    until: UnixTime,
}

/// What became of the certificate that a connection began with.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// It is believed.
    Good(Rc<PeerCertificate>),
    /// Its time is over, or its authorities do not stand for it any more.
    Ended,
    /// None is asked for any more.
    Forgotten,
}

/// A certificate that nobody can read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the certificate cannot be read")]
pub(crate) struct Unreadable;

impl Trust {
    /// These authorities, and their revocation lists. A list that is out of date fails the certificates that it is about.
    ///
    /// # Errors
    /// [`TlsProblem::ClientAuthorities`]
    pub fn new(
        authorities: Vec<CertificateDer<'static>>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Self, TlsProblem> {
        let provider = Arc::new(super::tls::provider(true));
        Self::asked(authorities, revoked, provider, Asked::Firmly)
    }

    pub(super) fn asked(
        authorities: Vec<CertificateDer<'static>>,
        revoked: Vec<CertificateRevocationListDer<'static>>,
        provider: Arc<CryptoProvider>,
        asked: Asked,
    ) -> Result<Self, TlsProblem> {
        let wrong = |cause: &dyn fmt::Display| TlsProblem::ClientAuthorities(cause.to_string());
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(|cause| wrong(&cause))?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .with_crls(revoked)
            .enforce_revocation_expiration()
            .allow_unknown_revocation_status();
        let builder = match asked {
            Asked::Politely => builder.allow_unauthenticated(),
            Asked::Firmly => builder,
        };
        Ok(Self(builder.build().map_err(|cause| wrong(&cause))?))
    }

    pub(super) fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.0)
    }

    /// Until when a certificate is believed without asking again; `None` where it is not believed now.
    pub(crate) fn believes(&self, certificate: &PeerCertificate, now: UnixTime) -> Option<UnixTime> {
        let (leaf, others) = certificate.chain.split_first()?;
        let at = pki_types::UnixTime::since_unix_epoch(Duration::from_secs(now.seconds()));
        self.0.verify_client_cert(leaf, others, at).ok()?;
        Some(certificate.not_after.min(now.plus(BELIEVED_SECONDS)))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl PeerCertificate {
    /// Reads the names in the first certificate of a chain.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub(crate) fn read(chain: Vec<CertificateDer<'static>>) -> Result<Self, Unreadable> {
        let leaf = chain.first().ok_or(Unreadable)?;
        let (rest, parsed) = X509Certificate::from_der(leaf).map_err(|_| Unreadable)?;
        if !rest.is_empty() {
            return Err(Unreadable);
        }
        let not_after = u64::try_from(parsed.validity().not_after.timestamp()).ok();
        let (thumbprint, names) = (Thumbprint::of_certificate(leaf), names(&parsed)?);
        Ok(Self {
            chain: chain.into(),
            thumbprint,
            names,
            not_after: not_after.and_then(UnixTime::from_seconds).ok_or(Unreadable)?,
            known: RefCell::default(),
        })
    }

    /// What tokens are bound to it by (RFC 8705 §3.1).
    pub(crate) fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// From when on it is no longer good.
    pub(crate) fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Whom it names by these rules; found once.
    ///
    /// # Errors
    /// [`Nobody`]
    pub(crate) fn identity(&self, by: &Arc<Certificates>) -> Result<Arc<Identity>, Nobody> {
        let mut known = self.known.borrow_mut();
        if let Some((_, found)) = known.iter().find(|(rules, _)| Arc::ptr_eq(rules, by)) {
            return found.clone();
        }
        let found = by.rules().identify(&self.names);
        let found = found.map(|subject| Identity::new(Credential::Certificate, subject).until(self.not_after));
        let found = found.map(Arc::new);
        if known.len() == KNOWN_MAX {
            // Rules that a reload replaced.
            known.clear();
        }
        known.push((Arc::clone(by), found.clone()));
        found
    }
}

impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerCertificate({})", self.thumbprint)
    }
}

impl OfConnection {
    /// A certificate that these authorities believed in a handshake. `now` is what is offered where it was presented.
    pub(super) fn new(peer: PeerCertificate, by: Arc<Trust>, now: Arc<ArcSwap<Offer>>) -> Self {
        // Asked again by the first request: handshakes tell no time, and one may lie long before it.
        let until = UnixTime::EPOCH;
        Self {
            peer: Rc::new(peer),
            now,
            believed: RefCell::new(Believed { by, until }),
        }
    }

    /// What became of it.
    pub(crate) fn standing(&self, now: UnixTime) -> Standing {
        let offer = self.now.load();
        let Some(trust) = offer.trust() else {
            return Standing::Forgotten;
        };
        let mut believed = self.believed.borrow_mut();
        if now < believed.until && Arc::ptr_eq(trust, &believed.by) {
            return Standing::Good(Rc::clone(&self.peer));
        }
        match trust.believes(&self.peer, now) {
            Some(until) => {
                let by = Arc::clone(trust);
                *believed = Believed { by, until };
                Standing::Good(Rc::clone(&self.peer))
            }
            None => Standing::Ended,
        }
    }
}

impl fmt::Debug for OfConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peer.fmt(f)
    }
}

/// The names in a certificate. An extension that stands twice, or cannot be read, makes it unreadable.
fn names(certificate: &X509Certificate<'_>) -> Result<Names, Unreadable> {
    let mut names = Names::default();
    let alternative = certificate.subject_alternative_name().map_err(|_| Unreadable)?;
    for name in alternative.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::URI(uri) => names.uris.push((*uri).into()),
            GeneralName::DNSName(name) => names.dns.push((*name).into()),
            GeneralName::RFC822Name(name) => names.emails.push((*name).into()),
            GeneralName::Invalid(..) => return Err(Unreadable),
            _ => {}
        }
    }
    let common_names = certificate.subject().iter_common_name();
    names.common_names = common_names
        .filter_map(|name| name.as_str().ok())
        .map(Into::into)
        .collect();
    let usage = certificate.key_usage().map_err(|_| Unreadable)?;
    names.may_sign = usage.is_some_and(|usage| usage.value.key_cert_sign() || usage.value.crl_sign());
    let counts = [&names.uris, &names.dns, &names.emails, &names.common_names].map(Vec::len);
    if counts.into_iter().any(|count| count > NAMES_MAX) {
        return Err(Unreadable);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose, SanType};

    use super::*;

    /// A certificate of a key of its own.
    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<CertificateDer<'static>> {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        vec![params.self_signed(&key).unwrap().der().clone()]
    }

    #[test]
    fn every_kind_of_name_is_read() {
        let chain = certificate(|params| {
            let uri = "spiffe://example.org/orders".try_into().unwrap();
            let email = "ann@example.com".try_into().unwrap();
            let names = [SanType::DnsName("a.example".try_into().unwrap()), SanType::URI(uri)];
            params.subject_alt_names.extend(names);
            params.subject_alt_names.push(SanType::Rfc822Name(email));
            params.distinguished_name.push(DnType::CommonName, "orders");
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.not_after = rcgen::date_time_ymd(2033, 5, 18);
        });
        let read = PeerCertificate::read(chain).unwrap();
        let one = |name: &str| vec![name.into()];
        let expected = Names {
            uris: one("spiffe://example.org/orders"),
            dns: one("a.example"),
            emails: one("ann@example.com"),
            // Its maker writes one of its own where none is asked for.
            common_names: read.names.common_names.clone(),
            may_sign: false,
        };
        assert_eq!(read.names, expected);
        assert!(read.names.common_names.contains(&"orders".into()), "{:?}", read.names);
        assert_eq!(read.not_after.seconds(), 1_999_987_200);
        let signing = certificate(|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
        assert!(PeerCertificate::read(signing).unwrap().names.may_sign);
    }

    #[test]
    fn what_is_no_certificate_is_not_read() {
        let good = certificate(|_| {}).remove(0);
        let longer: Vec<u8> = good.iter().copied().chain([0]).collect();
        let shorter = good[..good.len() - 1].to_vec();
        for octets in [vec![], b"-----BEGIN".to_vec(), longer, shorter] {
            assert!(PeerCertificate::read(vec![octets.into()]).is_err());
        }
        assert!(PeerCertificate::read(vec![]).is_err());
        let many = certificate(|params| {
            let name = |number: usize| SanType::DnsName(format!("{number}.example").try_into().unwrap());
            params.subject_alt_names = (0..=NAMES_MAX).map(name).collect();
        });
        assert!(PeerCertificate::read(many).is_err());
    }

    /// RFC 8705 appendix A: the certificate and its thumbprint.
    #[test]
    fn oauth_16_the_example_of_rfc_8705() {
        use base64::Engine as _;
        let text = "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsG\
                    A1UEAwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7Lf\
                    A4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83Ai\
                    EA5x2eXZOVbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=";
        let der = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        let read = PeerCertificate::read(vec![der.into()]).unwrap();
        assert_eq!(
            read.thumbprint().to_string(),
            "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
        );
        assert_eq!(read.names.common_names, ["mtls".into()]);
    }
}
