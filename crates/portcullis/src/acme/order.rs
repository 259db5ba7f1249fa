//! One order: account, challenges, certificate.

use std::io;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use portcullis_gateway::listen::tls::{Certificate, Tls, TlsProblem};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use super::store::Store;
use crate::assemble::{StartError, tls};
use crate::config::acme::Acme;
use crate::config::listen;

/// How long an authority may take to look, and to make the certificate.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));

/// Why there is no certificate.
#[derive(Debug, Error)]
pub(super) enum OrderError {
    /// The authority refuses, or cannot be reached.
    #[error("the authority: {0}")]
    Authority(#[from] instant_acme::Error),
    /// It does not offer to look in the way that we can answer.
    #[error("the authority does not offer the challenge TLS-ALPN-01 for `{0}`")]
    NoChallenge(String),
    /// It looked and did not find what it should.
    #[error("the authority does not accept that `{host}` is ours: {why}")]
    Unproven {
        /// The host.
        host: String,
        /// What the authority says.
        why: String,
    },
    /// The order did not become ready.
    #[error("the order ended as {0:?}")]
    Ended(OrderStatus),
    /// Keys or certificates cannot be made.
    #[error("{0}")]
    Made(#[from] rcgen::Error),
    /// What came cannot be used.
    #[error("what the authority sent cannot be used: {0}")]
    Unusable(String),
    /// The storage cannot be read or written.
    #[error("the storage: {0}")]
    Storage(#[from] io::Error),
}

impl From<TlsProblem> for OrderError {
    fn from(problem: TlsProblem) -> Self {
        Self::Unusable(problem.to_string())
    }
}

impl From<StartError> for OrderError {
    fn from(problem: StartError) -> Self {
        Self::Unusable(problem.to_string())
    }
}

/// Orders a certificate, keeps it, and puts it in force.
///
/// # Errors
/// [`OrderError`]; what was in force stays.
pub(super) async fn order(acme: &Acme, offered: &listen::Tls, tls: &Tls, store: &Store) -> Result<(), OrderError> {
    let account = account(acme, store).await?;
    let identifiers: Vec<Identifier> = acme.hosts.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let proven = prove(&mut order, tls).await;
    tls.challenges_met();
    proven?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(acme.hosts.clone())?;
    params.distinguished_name = DistinguishedName::new();
    order.finalize_csr(params.serialize_request(&key)?.der()).await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    // First whether it can be used. Then it is kept, because a reload offers what is kept; where it cannot be, it is offered all the
    // same, and the next one is ordered sooner.
    let certificate = read(&chain, &key)?;
    let offer = tls.prepare(tls::terms_with(offered, vec![certificate])?)?;
    let kept = store.keep_certificate(&chain, &key.serialize_pem());
    tls.replace(offer);
    Ok(kept?)
}

async fn account(acme: &Acme, store: &Store) -> Result<Account, OrderError> {
    let builder = match &acme.root {
        Some(root) => Account::builder_with_root(&root.value)?,
        None => Account::builder()?,
    };
    if let Some(credentials) = store.account()? {
        return Ok(builder.from_credentials(credentials).await?);
    }
    let contact: Vec<&str> = acme.contacts.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        // The configuration is not accepted without.
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let (account, credentials) = builder.create(&new, acme.directory.clone(), None).await?;
    store.keep_account(&credentials)?;
    Ok(account)
}

/// Answers every challenge and waits until the authority has looked.
async fn prove(order: &mut Order, tls: &Tls) -> Result<(), OrderError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let host = authorization.identifier().to_string();
        let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
        let mut challenge = challenge.ok_or_else(|| OrderError::NoChallenge(host.clone()))?;
        let answer = answer(&host, challenge.key_authorization().digest().as_ref())?;
        tls.challenge(&host, answer)?;
        challenge.set_ready().await?;
    }
    match order.poll_ready(&PATIENCE).await? {
        OrderStatus::Ready => Ok(()),
        status => Err(unproven(order).await?.unwrap_or(OrderError::Ended(status))),
    }
}

/// The host that the authority does not accept, and why.
async fn unproven(order: &mut Order) -> Result<Option<OrderError>, OrderError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let state = authorization.refresh().await?;
        let mut problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = problems.next() {
            return Ok(Some(OrderError::Unproven {
                host: state.identifier().to_string(),
                why: problem.to_string(),
            }));
        }
    }
    Ok(None)
}

/// The certificate that answers a challenge (RFC 8737 section 3).
fn answer(host: &str, digest: &[u8]) -> Result<Certificate, OrderError> {
    let mut params = CertificateParams::new(vec![host.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Certificate {
        chain: vec![certificate.der().clone()],
        key: private(&key)?,
    })
}

fn read(chain: &str, key: &KeyPair) -> Result<Certificate, OrderError> {
    let certificates = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>();
    Ok(Certificate {
        chain: certificates.map_err(|error| OrderError::Unusable(error.to_string()))?,
        key: private(key)?,
    })
}

fn private(key: &KeyPair) -> Result<PrivateKeyDer<'static>, OrderError> {
    PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| OrderError::Unusable(error.to_owned()))
}
