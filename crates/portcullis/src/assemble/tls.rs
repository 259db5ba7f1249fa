//! From certificate files to what TLS offers.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_gateway::listen::Listener;
use portcullis_gateway::listen::tls::{Authorities, Certificate, ClientCertificates, Terms, Tls};
use rustls::pki_types::PrivateKeyDer;

use super::StartError;
use super::fixed::{now_of, tls_can_become};
use crate::acme;
use crate::address_files::AddressFiles;
use crate::config::listen::{self, Certificates};
use crate::config::spanned::NamedFile;
use crate::tls_files::pem::{self, Fault};

/// How long a certificate that is made for development lasts.
const DEVELOPMENT_DAYS: i64 = 30;

/// What each address expects and offers.
///
/// # Errors
/// [`StartError::Tls`]
pub(super) fn listeners(configured: &[listen::Listener], files: &AddressFiles) -> Result<Vec<Listener>, StartError> {
    let listener = |one: &listen::Listener| {
        let tls = one.tls.as_ref().map(|tls| offered(one, tls)).transpose()?;
        Ok(Listener {
            tls: tls.map(Arc::new),
            proxy_protocol: one.proxy_protocol,
            h2c: one.h2c,
            peers: Arc::new(ArcSwap::from_pointee(files.list(&one.addresses))),
        })
    };
    configured.iter().map(listener).collect()
}

fn offered(listener: &listen::Listener, tls: &listen::Tls) -> Result<Tls, StartError> {
    Tls::new(terms(tls)?).map_err(|problem| unusable(listener, &problem))
}

/// Reads every certificate again and offers it from now on, at each address where that can be done while it is served. Where one
/// cannot be used, all stays as it was.
///
/// # Errors
/// [`StartError::Tls`]
pub(super) fn replace(
    bound: &[listen::Listener],
    configured: &[listen::Listener],
    running: &[Listener],
) -> Result<(), StartError> {
    // Everything is read before anything is replaced.
    let mut prepared = Vec::new();
    for (bound, listener) in bound.iter().zip(running) {
        if let Some(now) = now_of(bound, configured)
            && let (Some(tls), Some(offered)) = (&now.tls, &listener.tls)
            && tls_can_become(bound.tls.as_ref(), now.tls.as_ref())
            && tls.certificates != Certificates::SelfSigned
        {
            let offer = offered.prepare(terms(tls)?);
            prepared.push((offered, offer.map_err(|problem| unusable(now, &problem))?));
        }
    }
    for (offered, offer) in prepared {
        offered.replace(offer);
    }
    Ok(())
}

/// What is offered at an address, read from its files now.
fn terms(tls: &listen::Tls) -> Result<Terms, StartError> {
    let certificates = match &tls.certificates {
        Certificates::Files(pairs) => {
            let pairs = pairs.iter().map(|(chain, key)| certificate(&chain.value, &key.value));
            pairs.collect::<Result<_, _>>()?
        }
        Certificates::SelfSigned => vec![self_signed()?],
        Certificates::InMemory(certificate, key) => vec![Certificate {
            chain: vec![certificate.clone()],
            key: key.clone_key().into(),
        }],
        Certificates::Acme(acme) => acme::kept(acme).into_iter().collect(),
    };
    terms_with(tls, certificates)
}

/// What is offered at an address with these certificates; authorities of callers are read now.
///
/// # Errors
/// [`StartError::Tls`]
pub(crate) fn terms_with(tls: &listen::Tls, certificates: Vec<Certificate>) -> Result<Terms, StartError> {
    Ok(Terms {
        certificates,
        ordered: matches!(tls.certificates, Certificates::Acme(_)),
        tls_1_2: tls.tls_1_2,
        http2: tls.http2,
        client: match &tls.client_authorities {
            None => ClientCertificates::Ignored,
            Some(named) => {
                let authorities = authorities(named, &tls.client_revocations)?;
                match tls.client_certificates {
                    listen::ClientCertificates::Required => ClientCertificates::Required(authorities),
                    listen::ClientCertificates::Optional => ClientCertificates::Optional(authorities),
                }
            }
        },
        hsts: tls.hsts,
    })
}

/// The authorities of clients, and what they revoked.
///
/// # Errors
/// [`Fault`]
pub(crate) fn authorities(named: &listen::Authorities, revocations: &[NamedFile]) -> Result<Authorities, Fault> {
    let revoked = revocations.iter().map(|file| pem::revocations(&file.value));
    Ok(Authorities {
        certificates: match named {
            listen::Authorities::File(file) => pem::certificates(&file.value)?,
            listen::Authorities::InMemory(one) => vec![one.clone()],
        },
        revoked: revoked.collect::<Result<Vec<_>, _>>()?.concat(),
    })
}

fn certificate(chain: &Path, key: &Path) -> Result<Certificate, StartError> {
    Ok(Certificate {
        chain: pem::certificates(chain)?,
        key: pem::key(key)?,
    })
}

/// A certificate for this machine alone, which nobody trusts.
fn self_signed() -> Result<Certificate, StartError> {
    let failed = |cause: rcgen::Error| StartError::System(format!("no certificate can be made: {cause}"));
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = rcgen::CertificateParams::new(names).map_err(failed)?;
    let now = rustls::pki_types::UnixTime::now().as_secs();
    let from = i64::try_from(now).unwrap_or(0) - 3600;
    let at = |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds.unsigned_abs());
    params.not_before = at(from);
    params.not_after = at(from + DEVELOPMENT_DAYS * 86_400);
    let key = rcgen::KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|cause| StartError::System(format!("no key can be made: {cause}")))?;
    Ok(Certificate {
        chain: vec![certificate.der().clone()],
        key,
    })
}

fn unusable(listener: &listen::Listener, problem: &dyn std::fmt::Display) -> StartError {
    StartError::Tls(format!("TLS at `{}`: {problem}", listener.address))
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Tls(fault.to_string())
    }
}
