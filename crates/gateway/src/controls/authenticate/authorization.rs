//! The `Authorization` field (RFC 9110 §11.6.2): its scheme says who verifies it.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use portcullis_identity::authorization::{Authorization, Unreadable};
use portcullis_identity::challenge::{BearerError, DpopError};
use portcullis_identity::confirmation::Unconfirmed;
use portcullis_identity::principal::{Credential, Identity};

use super::attempt::Failure;
use super::dpop::{self, DPOP};
use super::once::Once;
use super::{Attempting, Shown, Unproven, password, token};
use crate::access::Access;

const NOT_ACCEPTED: Unproven = Unproven::Rejected("scheme-not-accepted");

/// Shows whom the field speaks of, if it is there and the operation accepts any of its schemes. A token that is bound
/// to a certificate needs the caller's.
pub(super) async fn verify<'p>(attempting: Attempting<'p>, shown: &mut Shown<'p>) -> Result<(), Unproven> {
    let tokens = attempting.access.accepts(Credential::AccessToken);
    let passwords = attempting.access.passwords();
    if !tokens && passwords.is_none() {
        return Ok(());
    }
    let values = attempting.request.headers().get_all(AUTHORIZATION).iter();
    let identity = match Authorization::read(values.map(|value| value.as_bytes())) {
        Err(Unreadable) if tokens => return Err(Unproven::Bearer(BearerError::InvalidRequest, "unreadable")),
        Err(Unreadable) => return Err(Unproven::Unreadable),
        Ok(None) => return Ok(()),
        Ok(Some(Authorization::Bearer(token))) if tokens => {
            let identity = bearer(token, attempting, shown).await;
            identity.map_err(|unproven| unproven.or(refused))?
        }
        Ok(Some(Authorization::Dpop(token))) if tokens => with_proof(token, attempting, shown).await?,
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
async fn bearer<'p>(token: &str, attempting: Attempting<'p>, shown: &mut Shown<'p>) -> Result<Arc<Identity>, Unproven> {
    if attempting.request.headers().contains_key(DPOP) {
        return Err(Unproven::Rejected("proof-beside-bearer"));
    }
    let identity = token::verify(token, attempting).await?;
    if let Err(unconfirmed) = attempting.access.confirm(&identity, &shown.possession) {
        let unproven = match unconfirmed {
            // Whoever holds such a token has to learn how to present it.
            Unconfirmed::ProofMissing => invalid(unconfirmed.code()),
            other => Unproven::Rejected(other.code()),
        };
        return attempting.no_guess().settle(Err(unproven)).await;
    }
    shown.once.extend(once(token, &identity, attempting.access, refused));
    Ok(identity)
}

/// A token with a proof that its caller has the key which it is bound to. What needs a token comes after it was found good.
async fn with_proof<'p>(
    token: &str,
    attempting: Attempting<'p>,
    shown: &mut Shown<'p>,
) -> Result<Arc<Identity>, Unproven> {
    let identity = token::verify(token, attempting).await;
    let identity = identity.map_err(|unproven| unproven.or(invalid))?;
    let address = attempting.request.arrival().client().address;
    let prover = attempting.gate.lately().prover(identity.subject(), address);
    let attempt = attempting.attempt_of(&[prover]).await?;
    let proof = dpop::check(token, attempting).and_then(|proof| {
        shown.possession.key = Some(proof.key);
        let confirmed = attempting.access.confirm(&identity, &shown.possession);
        confirmed
            .map(|()| proof)
            .map_err(|unconfirmed| invalid(unconfirmed.code()))
    });
    let proof = attempt.settle(proof).await?;
    shown.names.push(prover);
    // The proof before the token: where it needs a nonce, both come again.
    shown.once.push(Once::Proof(proof, Arc::clone(&identity)));
    shown.once.extend(once(token, &identity, attempting.access, invalid));
    Ok(identity)
}

/// What a token that is not good is to whoever presented it alone.
fn refused(why: &'static str) -> Unproven {
    Unproven::Bearer(BearerError::InvalidToken, why)
}

/// The same to whoever presented it with a proof.
fn invalid(why: &'static str) -> Unproven {
    Unproven::Dpop(DpopError::Token(BearerError::InvalidToken), why)
}

impl Unproven {
    /// The same, where what is not good is a token: `rejected` is what that is to its caller.
    fn or(self, rejected: fn(&'static str) -> Self) -> Self {
        match self {
            Self::Rejected(why) => rejected(why),
            other => other,
        }
    }
}

/// The token, where it is good once; `rejected` is what one that was used before is to its caller.
fn once<'p>(
    token: &str,
    identity: &Arc<Identity>,
    access: &'p Access,
    rejected: fn(&'static str) -> Unproven,
) -> Option<Once<'p>> {
    let issuer = access.issuer_of(identity).filter(|issuer| issuer.is_one_time())?;
    let failure = if token::costs_decryption(token, access) {
        Failure::Decryption
    } else {
        Failure::Any
    };
    Some(Once::Token {
        issuer,
        identity: Arc::clone(identity),
        rejected,
        failure,
    })
}
