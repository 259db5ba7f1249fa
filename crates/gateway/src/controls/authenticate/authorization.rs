//! The `Authorization` field (RFC 9110 §11.6.2): its scheme says who verifies it.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use portcullis_identity::authorization::{Authorization, Unreadable};
use portcullis_identity::challenge::{BearerError, DpopError};
use portcullis_identity::confirmation::{self, Binding, Possession, Unconfirmed};
use portcullis_identity::principal::{Credential, Identity};
use smallvec::smallvec;

use super::dpop::{self, DPOP};
use super::{Attempting, Unproven, password, token};
use crate::listen::PeerCertificate;

const NOT_ACCEPTED: Unproven = Unproven::Rejected("scheme-not-accepted");

/// Whom the field speaks of, if it is there and the operation accepts any of its schemes. A token that is bound to a certificate
/// needs the caller's.
pub(super) async fn verify(
    attempting: Attempting<'_>,
    certificate: Option<&PeerCertificate>,
) -> Result<Option<Arc<Identity>>, Unproven> {
    let tokens = attempting.access.accepts(Credential::AccessToken);
    let passwords = attempting.access.passwords();
    if !tokens && passwords.is_none() {
        return Ok(None);
    }
    let certificate = certificate.map(PeerCertificate::thumbprint);
    let values = attempting.request.headers().get_all(AUTHORIZATION).iter();
    match Authorization::read(values.map(|value| value.as_bytes())) {
        Err(Unreadable) => Err(Unproven::Unreadable),
        Ok(None) => Ok(None),
        Ok(Some(Authorization::Bearer(token))) if tokens => {
            let shown = Possession { certificate, key: None };
            bearer(token, shown, attempting).await.map(Some)
        }
        Ok(Some(Authorization::Dpop(token))) if tokens => {
            let shown = Possession { certificate, key: None };
            with_proof(token, shown, attempting).await.map(Some)
        }
        Ok(Some(Authorization::Basic(credential))) => match passwords {
            Some(passwords) => password::verify(credential, passwords, attempting).await.map(Some),
            None => Err(NOT_ACCEPTED),
        },
        Ok(Some(Authorization::Bearer(_) | Authorization::Dpop(_) | Authorization::Other)) => Err(NOT_ACCEPTED),
    }
}

/// A token alone. A proof beside it would not be looked at, and its caller believes that it is.
async fn bearer(token: &str, shown: Possession, attempting: Attempting<'_>) -> Result<Arc<Identity>, Unproven> {
    if attempting.request.headers().contains_key(DPOP) {
        return Err(Unproven::Rejected("proof-beside-bearer"));
    }
    let identity = token::verify(token, attempting).await?;
    let Err(unconfirmed) = confirm(&identity, shown, attempting) else {
        return Ok(identity);
    };
    let unproven = match unconfirmed {
        // Whoever holds such a token has to learn how to present it.
        Unconfirmed::ProofMissing => invalid(unconfirmed.code()),
        other => Unproven::Rejected(other.code()),
    };
    attempting.no_guess().settle(Err(unproven)).await
}

/// A token with a proof that its caller has the key which it is bound to. What needs a token comes after it was found good.
async fn with_proof(token: &str, shown: Possession, attempting: Attempting<'_>) -> Result<Arc<Identity>, Unproven> {
    let identity = token::verify(token, attempting)
        .await
        .map_err(|unproven| match unproven {
            Unproven::Rejected(why) => invalid(why),
            other => other,
        })?;
    let address = attempting.request.arrival().client().address;
    let prover = attempting.gate.lately().prover(identity.subject(), address);
    let attempt = attempting.attempt_of(smallvec![prover]).await?;
    let possessed = possess(token, &identity, shown, attempting);
    attempt.settle(possessed).await?;
    Ok(identity)
}

/// Whether the proof of a request is good, for its token, and not used before.
fn possess(token: &str, identity: &Identity, shown: Possession, attempting: Attempting<'_>) -> Result<(), Unproven> {
    let proof = dpop::check(token, attempting)?;
    let key = Some(proof.key);
    confirm(identity, Possession { key, ..shown }, attempting).map_err(|unconfirmed| invalid(unconfirmed.code()))?;
    dpop::remember(&proof, identity, attempting)
}

fn invalid(why: &'static str) -> Unproven {
    Unproven::Dpop(DpopError::Token(BearerError::InvalidToken), why)
}

/// Whether the request shows what its token is bound to: asked every time, also of a token that is remembered.
fn confirm(identity: &Identity, shown: Possession, attempting: Attempting<'_>) -> Result<(), Unconfirmed> {
    let authority = identity.subject().authority();
    let mut issuers = attempting.access.issuers();
    let issuer = issuers.find(|issuer| issuer.authority() == authority);
    let binding = issuer.map_or(Binding::None, |issuer| issuer.binding());
    confirmation::check(identity.claims(), binding, &shown)
}
