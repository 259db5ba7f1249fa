//! Who calls: the credentials that a request presents, verified.
//!
//! Nothing is refused here: no credential is the anonymous principal, and what a bad one, or one that is not enough,
//! leads to is for `authorize` to say, when the request is recorded. A kind of credential is one file here, and one
//! line in `prove`.

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

use portcullis_identity::challenge::{BearerError, DpopError};
use portcullis_identity::confirmation::Possession;
use portcullis_identity::content_digest::ContentDigest;
use portcullis_identity::time::UnixTime;

use self::attempt::Names;
use self::once::Once;
use super::grounds::Grounds;
use super::rate_limit::Paced;
use super::route::Routed;
use super::tenure::Tenure;
use crate::access::{Access, Proven, Standing};
use crate::dpop::Nonce;
use crate::failures::Failures;
use crate::gate::Gate;
use crate::limit::Exceeded;
use crate::listen::{Received, unix_time};

/// A request whose caller is known, if only as unknown.
pub struct Identified<'r> {
    pub(super) routed: Routed<'r>,
    pub(super) proof: Proof,
    /// A digest of the credential, for the audit log.
    pub(super) credential: Option<String>,
}

/// What was made of the credentials.
pub(super) enum Proof {
    /// All that there are, if any, are good.
    Good(Known),
    /// One is not good.
    Unproven(Unproven),
}

/// What is known of a caller whose credentials are all good.
pub(super) struct Known {
    pub(super) proven: Proven,
    pub(super) standing: Standing,
    /// For how long that holds.
    pub(super) tenure: Tenure,
    /// What the content has to be, where a signature says so.
    pub(super) content: Option<ContentDigest>,
}

/// A credential that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// It cannot be read in one way only.
    Unreadable,
    /// It is not good: why, for the log.
    Rejected(&'static str),
    /// What came with the scheme `Bearer` is not good: what the caller is told, and why, for the log.
    Bearer(BearerError, &'static str),
    /// What came with the scheme `DPoP` is not good: what the caller is told, and why, for the log.
    Dpop(DpopError, &'static str),
    /// A proof needs this nonce.
    NonceNeeded(Nonce),
    /// Nothing can be said of it now.
    Unavailable,
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
    /// When it began. What may come after a wait takes the time anew.
    now: UnixTime,
}

/// What the credentials of a request show.
#[derive(Default)]
struct Shown<'p> {
    /// Whom they speak of.
    proven: Proven,
    /// What their caller has.
    possession: Possession,
    /// The API key, as it was presented.
    api_key: Option<Box<str>>,
    /// What of them is good once.
    once: Vec<Once<'p>>,
    /// In whose names they were presented, where that is remembered.
    names: Names,
    /// What the content has to be, where a signature says so.
    content: Option<ContentDigest>,
}

/// Verifies what a request presents, as far as its operation accepts anything, and takes it out of what is forwarded.
pub(crate) async fn authenticate<'r>(paced: Paced<'r>, gate: &Gate, failures: &Failures) -> Identified<'r> {
    let Paced { mut routed } = paced;
    let policy = &routed.route.operation.policy;
    let (access, is_decided) = (Arc::clone(&policy.access), policy.decided.is_some());
    let attempting = Attempting {
        access: &access,
        request: &routed.received,
        gate,
        failures,
        now: unix_time(),
    };
    let is_recorded = policy.recording.is_some();
    let mut credential = None;
    let proof = match prove(attempting).await {
        Ok(shown) => {
            if is_recorded {
                credential = gate.credential_digest(&routed.received, shown.api_key.as_deref());
            }
            Proof::Good(shown.judged(attempting, is_decided))
        }
        Err(unproven) => Proof::Unproven(unproven),
    };
    withhold(&access, &mut routed.received);
    Identified {
        routed,
        proof,
        credential,
    }
}

/// Verifies every credential. One that is bad makes the others worth nothing, and only where all are good anything is
/// used up.
async fn prove(attempting: Attempting<'_>) -> Result<Shown<'_>, Unproven> {
    let mut shown = Shown::default();
    // First: a connection whose certificate is over is good for nothing, and tokens may be bound to it.
    let certificate = certificate::of(attempting, &mut shown).await?;
    authorization::verify(attempting, &mut shown).await?;
    api_key::verify(attempting, &mut shown).await?;
    signature::verify(attempting, &mut shown).await?;
    certificate::verify(certificate.as_deref(), attempting, &mut shown)?;
    once::use_up(&shown.once, attempting).await?;
    attempting.note(&shown.names);
    Ok(shown)
}

impl Proof {
    /// Whom the credentials speak of, where all are good.
    pub(super) fn proven(&self) -> Option<&Proven> {
        match self {
            Self::Good(known) => Some(&known.proven),
            Self::Unproven(_) => None,
        }
    }
}

impl Shown<'_> {
    /// Where that leads to at the operation, of whose callers somebody decides, or nobody.
    fn judged(self, attempting: Attempting<'_>, is_decided: bool) -> Known {
        let Attempting { access, request, .. } = attempting;
        let Self {
            mut proven,
            possession,
            api_key,
            once: _,
            names: _,
            content,
        } = self;
        let standing = access.admit(&mut proven);
        let admitted = standing == Standing::Admitted;
        let grounds = admitted.then(|| Grounds::of(request, &proven, possession, api_key, is_decided));
        let tenure = Tenure {
            ends: proven.ends(),
            grounds: grounds.flatten(),
        };
        Known {
            proven,
            standing,
            tenure,
            content,
        }
    }
}

/// Takes out the credentials that end here.
fn withhold(access: &Access, received: &mut Received) {
    for name in &access.withheld {
        received.headers_mut().remove(name);
    }
    api_key::take_out(&access.withheld_keys, received);
}
