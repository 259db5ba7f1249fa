//! The `Authorization` field (RFC 9110 §11.6.2): its scheme says who verifies it.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use portcullis_identity::authorization::{Authorization, Unreadable};
use portcullis_identity::challenge::{BearerError, DpopError};
use portcullis_identity::confirmation::{self, Binding, Possession, Unconfirmed};
use portcullis_identity::principal::{Credential, Identity};
use portcullis_identity::thumbprint::Thumbprint;
use smallvec::smallvec;

use super::dpop::{self, DPOP};
use super::once::Once;
use super::{Attempting, Shown, Unproven, password, token};
use crate::issuer::Issuer;
use crate::listen::PeerCertificate;

const NOT_ACCEPTED: Unproven = Unproven::Rejected("scheme-not-accepted");

/// Shows whom the field speaks of, if it is there and the operation accepts any of its schemes. A token that is bound to a certificate
/// needs the caller's.
pub(super) async fn verify<'p>(
    attempting: Attempting<'p>,
    certificate: Option<&PeerCertificate>,
    shown: &mut Shown<'p>,
) -> Result<(), Unproven> {
    let tokens = attempting.access.accepts(Credential::AccessToken);
    let passwords = attempting.access.passwords();
    if !tokens && passwords.is_none() {
        return Ok(());
    }
    let certificate = certificate.map(PeerCertificate::thumbprint);
    let values = attempting.request.headers().get_all(AUTHORIZATION).iter();
    let identity = match Authorization::read(values.map(|value| value.as_bytes())) {
        Err(Unreadable) => return Err(Unproven::Unreadable),
        Ok(None) => return Ok(()),
        Ok(Some(Authorization::Bearer(token))) if tokens => bearer(token, certificate, attempting, shown).await?,
        Ok(Some(Authorization::Dpop(token))) if tokens => with_proof(token, certificate, attempting, shown).await?,
        Ok(Some(Authorization::Basic(credential))) => {
            let passwords = passwords.ok_or(NOT_ACCEPTED)?;
            password::verify(credential, passwords, attempting).await?
        }
        Ok(Some(Authorization::Bearer(_) | Authorization::Dpop(_) | Authorization::Other)) => return Err(NOT_ACCEPTED),
    };
    shown.proven.add(identity);
    Ok(())
}

/// A token alone. A proof beside it would not be looked at, and its caller believes that it is.
async fn bearer<'p>(
    token: &str,
    certificate: Option<Thumbprint>,
    attempting: Attempting<'p>,
    shown: &mut Shown<'p>,
) -> Result<Arc<Identity>, Unproven> {
    if attempting.request.headers().contains_key(DPOP) {
        return Err(Unproven::Rejected("proof-beside-bearer"));
    }
    let identity = token::verify(token, attempting).await?;
    let issuer = attempting.access.issuer_of(&identity);
    if let Err(unconfirmed) = confirm(&identity, issuer, &Possession { certificate, key: None }) {
        let unproven = match unconfirmed {
            // Whoever holds such a token has to learn how to present it.
            Unconfirmed::ProofMissing => invalid(unconfirmed.code()),
            other => Unproven::Rejected(other.code()),
        };
        return attempting.no_guess().settle(Err(unproven)).await;
    }
    shown.once.extend(once(&identity, issuer, Unproven::Rejected));
    Ok(identity)
}

/// A token with a proof that its caller has the key which it is bound to. What needs a token comes after it was found good.
async fn with_proof<'p>(
    token: &str,
    certificate: Option<Thumbprint>,
    attempting: Attempting<'p>,
    shown: &mut Shown<'p>,
) -> Result<Arc<Identity>, Unproven> {
    let identity = token::verify(token, attempting).await;
    let identity = identity.map_err(|unproven| match unproven {
        Unproven::Rejected(why) => invalid(why),
        other => other,
    })?;
    let issuer = attempting.access.issuer_of(&identity);
    let address = attempting.request.arrival().client().address;
    let prover = attempting.gate.lately().prover(identity.subject(), address);
    let attempt = attempting.attempt_of(smallvec![prover]).await?;
    let proof = dpop::check(token, attempting).and_then(|proof| {
        let key = Some(proof.key);
        let confirmed = confirm(&identity, issuer, &Possession { certificate, key });
        confirmed
            .map(|()| proof)
            .map_err(|unconfirmed| invalid(unconfirmed.code()))
    });
    let proof = attempt.settle(proof).await?;
    // The proof before the token: where it needs a nonce, both come again.
    shown.once.push(Once::Proof(proof, Arc::clone(&identity)));
    shown.once.extend(once(&identity, issuer, invalid));
    Ok(identity)
}

fn invalid(why: &'static str) -> Unproven {
    Unproven::Dpop(DpopError::Token(BearerError::InvalidToken), why)
}

/// Whether a request shows what its token is bound to: asked every time, also of a token that is remembered.
fn confirm(identity: &Identity, issuer: Option<&Arc<Issuer>>, shown: &Possession) -> Result<(), Unconfirmed> {
    let binding = issuer.map_or(Binding::None, |issuer| issuer.binding());
    confirmation::check(identity.claims(), binding, shown)
}

/// The token, where it is good once; `rejected` is what one that was used before is to its caller.
fn once<'p>(
    identity: &Arc<Identity>,
    issuer: Option<&'p Arc<Issuer>>,
    rejected: fn(&'static str) -> Unproven,
) -> Option<Once<'p>> {
    let issuer = issuer.filter(|issuer| issuer.is_one_time())?;
    Some(Once::Token(issuer, Arc::clone(identity), rejected))
}
