//! Who calls: the credentials that a request presents, verified.
//!
//! Nothing is refused here. No credential is the anonymous principal; what a bad one leads to is for `authorize` to say,
//! when the request is recorded. A kind of credential is one file here, and one line in `prove`.

mod api_key;
mod attempt;
mod authorization;
pub(crate) mod cache;
mod certificate;
mod dpop;
pub(crate) mod forwarded_certificate;
mod once;
mod password;
mod signature;
mod token;

use std::sync::Arc;

use portcullis_identity::challenge::DpopError;
use portcullis_identity::content_digest::ContentDigest;
use portcullis_identity::time::UnixTime;

use self::once::Once;
use super::rate_limit::Paced;
use super::route::Routed;
use super::tenure::{Began, Tenure};
use crate::access::{Access, Proven, Standing};
use crate::dpop::Nonce;
use crate::failures::Failures;
use crate::gate::Gate;
use crate::limit::Exceeded;
use crate::listen::{Received, unix_time};

/// A request whose caller is known, if only as unknown.
pub struct Identified<'r> {
    pub(super) routed: Routed<'r>,
    /// None where one of the credentials is not good.
    pub(super) proven: Proven,
    /// For how long that holds.
    pub(super) tenure: Tenure,
    pub(super) proof: Proof,
}

/// What was made of the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// All that there are, if any, are good.
    Judged(Standing),
    /// One is not good.
    Unproven(Unproven),
}

/// A credential that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// It cannot be read in one way only.
    Unreadable,
    /// It is not good: why, for the log.
    Rejected(&'static str),
    /// What came with the scheme `DPoP` is not good: what the caller is told, and why, for the log.
    Dpop(DpopError, &'static str),
    /// A proof needs this nonce.
    NonceNeeded(Nonce),
    /// Nothing can be said of it now.
    Unverifiable,
    /// It was not looked at: as many as may wait are waiting.
    Busy,
    /// It was not looked at: too many were bad.
    TooMany(Exceeded),
}

/// What verifying a credential may look at.
#[derive(Clone, Copy)]
struct Attempting<'p> {
    access: &'p Access,
    request: &'p Received,
    gate: &'p Gate,
    failures: &'p Failures,
    now: UnixTime,
}

/// Verifies what a request presents, as far as its operation accepts anything, and takes it out of what is forwarded.
pub(crate) async fn authenticate<'r>(paced: Paced<'r>, gate: &Gate, failures: &Failures) -> Identified<'r> {
    let Paced { mut routed } = paced;
    let access = Arc::clone(&routed.route.operation.policy.access);
    let attempting = Attempting {
        access: &access,
        request: &routed.received,
        gate,
        failures,
        now: unix_time(),
    };
    // Before the proof: what changes meanwhile has changed since.
    let began = Began::of(&access);
    let (Shown { proven, content, .. }, tenure, proof) = match prove(attempting).await {
        Ok(mut shown) => {
            let standing = access.admit(&mut shown.proven);
            let tenure = Tenure::of(&shown.proven, &access, began, routed.received.headers());
            (shown, tenure, Proof::Judged(standing))
        }
        Err(unproven) => (Shown::default(), Tenure::default(), Proof::Unproven(unproven)),
    };
    for name in &access.withheld {
        routed.received.headers_mut().remove(name);
    }
    api_key::take_out(&access.withheld_keys, &mut routed.received);
    if let Some(digest) = content {
        routed.received.expect_content(digest);
    }
    Identified {
        routed,
        proven,
        tenure,
        proof,
    }
}

/// What the credentials of a request show.
#[derive(Default)]
struct Shown<'p> {
    /// Whom they speak of.
    proven: Proven,
    /// What of them is good once.
    once: Vec<Once<'p>>,
    /// What the content has to be, where a signature says so.
    content: Option<ContentDigest>,
}

/// Verifies every credential. One that is bad makes the others worth nothing, and only where all are good anything is used up.
async fn prove(attempting: Attempting<'_>) -> Result<Shown<'_>, Unproven> {
    let mut shown = Shown::default();
    // First: a connection whose certificate is over is good for nothing, and tokens may be bound to it.
    let certificate = certificate::of(attempting).await?;
    if let Some(certificate) = &certificate {
        shown.proven.end_with_certificate(certificate.not_after());
    }
    authorization::verify(attempting, certificate.as_deref(), &mut shown).await?;
    if let Some(identity) = api_key::verify(attempting).await? {
        shown.proven.add(identity);
    }
    signature::verify(attempting, &mut shown).await?;
    for identity in certificate::verify(certificate.as_deref(), attempting)? {
        shown.proven.add(identity);
    }
    once::use_up(&shown.once, attempting).await?;
    Ok(shown)
}
