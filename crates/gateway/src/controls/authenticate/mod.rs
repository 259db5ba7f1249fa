//! Who calls: the credential that a request presents, verified.
//!
//! Nothing is refused here. No credential is the anonymous principal; what a bad one leads to is for `authorize` to say,
//! when the request is recorded.

pub(crate) mod cache;

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use portcullis_identity::authorization::{Authorization, Unreadable};
use portcullis_identity::jose;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::principal::{Identity, Principal};

use self::cache::Digest;
use super::cors::Expected;
use super::route::Routed;
use crate::access::{Access, Standing};
use crate::gate::Gate;
use crate::issuer::{Issuer, Unbelieved};
use crate::listen::unix_time;

/// A request whose caller is known, if only as unknown.
pub struct Identified<'r> {
    pub(super) routed: Routed<'r>,
    pub(super) principal: Principal,
    pub(super) proof: Proof,
}

/// What was made of the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is good, or there is none.
    Judged(Standing),
    /// It cannot be read in one way only.
    Unreadable,
    /// It is not good.
    Rejected(&'static str),
    /// Nothing can be said of it now.
    Unverifiable,
}

/// Verifies what a request presents, as far as its operation accepts anything, and takes it out of what is forwarded.
pub(crate) async fn authenticate<'r>(expected: Expected<'r>, gate: &Gate) -> Identified<'r> {
    let Expected { mut routed } = expected;
    let access = Arc::clone(&routed.route.operation.policy.access);
    let presented = present(&access, routed.received.headers(), gate).await;
    if !access.forward_authorization {
        routed.received.headers_mut().remove(AUTHORIZATION);
    }
    let (identity, proof) = match presented {
        Ok(identity) => {
            let standing = access.standing(identity.as_deref());
            (identity, Proof::Judged(standing))
        }
        Err(proof) => (None, proof),
    };
    Identified {
        routed,
        principal: identity.map_or(Principal::Anonymous, Principal::Known),
        proof,
    }
}

/// Who presents a token, if anybody does.
async fn present(access: &Access, headers: &HeaderMap, gate: &Gate) -> Result<Option<Arc<Identity>>, Proof> {
    if access.issuers().next().is_none() {
        return Ok(None);
    }
    let values = headers.get_all(AUTHORIZATION).iter();
    match Authorization::read(values.map(|value| value.as_bytes())) {
        Err(Unreadable) => Err(Proof::Unreadable),
        Ok(None) => Ok(None),
        Ok(Some(Authorization::Other)) => Err(Proof::Rejected("scheme-not-accepted")),
        Ok(Some(Authorization::Bearer(token))) => match believe(token, access, gate).await {
            Ok(identity) => Ok(Some(identity)),
            Err(Unbelieved::NoKeys) => Err(Proof::Unverifiable),
            Err(Unbelieved::Refused(refusal)) => Err(Proof::Rejected(refusal.code())),
        },
    }
}

/// Whom a token speaks of. Which issuer's keys it is verified with, it may say itself; that it is that issuer's, only they show.
async fn believe(token: &str, access: &Access, gate: &Gate) -> Result<Arc<Identity>, Unbelieved> {
    let now = unix_time();
    let digest = Digest::of(token);
    if let Some(digest) = &digest
        && let Some(identity) = gate.tokens.borrow_mut().get(digest, access.issuers(), now)
    {
        return Ok(identity);
    }
    let unverified = Unverified::parse(token).map_err(Unbelieved::Refused)?;
    let claimed = unverified.claimed_issuer();
    let named = |issuer: &&Arc<Issuer>| Some(issuer.tokens().expected().issuer()) == claimed.as_deref();
    let issuer = access.issuers().find(named);
    let issuer = issuer.ok_or(Unbelieved::Refused(jose::Refusal::IssuerMismatch))?;
    let generation = issuer.generation();
    let identity = Arc::new(issuer.verify(unverified, now).await?);
    if let Some(digest) = digest {
        gate.tokens.borrow_mut().put(digest, &identity, issuer, generation, now);
    }
    Ok(identity)
}
