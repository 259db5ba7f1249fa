//! What they may do: with this operation, before the body is read; with this very object, after it was judged.
//!
//! With the operation: what its contract's `security` asks for. With the object, nothing is decided yet.

use portcullis_identity::challenge::{BearerError, DpopError};
use portcullis_identity::content_digest::ContentDigest;
use portcullis_identity::principal::Credential;

use super::audit_log::Recorded;
use super::authenticate::{Identified, Known, Proof, Unproven};
use super::contract_in::Conforming;
use super::route::Routed;
use super::tenure::Tenure;
use crate::access::{Access, Proven, Standing};
use crate::dpop::Nonce;
use crate::listen::unix_time;
use crate::policy::Policy;
use crate::refusal::Refusal;

/// A request whose caller may use the operation.
pub struct Authorized<'r> {
    pub(super) routed: Routed<'r>,
    pub(super) proven: Proven,
    pub(super) tenure: Tenure,
    /// What the content has to be, where a signature says so.
    pub(super) content: Option<ContentDigest>,
}

/// A request whose caller may do this to this object.
pub struct Permitted<'r> {
    pub(super) conforming: Conforming<'r>,
}

/// Decides on the operation.
///
/// # Errors
/// [`Refusal::Unauthenticated`] where the credential is missing or bad, also where none was needed;
/// [`Refusal::Forbidden`] where it is good for something else; [`Refusal::StepUp`] where its subject has to prove itself anew;
/// [`Refusal::Unverifiable`] and [`Refusal::Busy`] where nothing can be said of it now; [`Refusal::Rate`] where too many were bad.
pub(crate) fn operation(recorded: Recorded<'_>) -> Result<Authorized<'_>, Refusal> {
    let Identified { routed, proof } = recorded.budgeted.identified;
    let policy = &routed.route.operation.policy;
    let Known {
        proven,
        standing,
        tenure,
        content,
    } = match proof {
        Proof::Good(known) => known,
        Proof::Unproven(unproven) => return Err(refusal(&policy.access, unproven)),
    };
    if let Some(refusal) = refused(&policy.access, standing, &proven) {
        return Err(refusal);
    }
    step_up(policy, &proven)?;
    Ok(Authorized {
        routed,
        proven,
        tenure,
        content,
    })
}

/// What a caller is told whose credentials are good, and not enough; none: they are.
fn refused(access: &Access, standing: Standing, proven: &Proven) -> Option<Refusal> {
    match standing {
        Standing::Admitted => None,
        Standing::Missing => Some(unauthenticated(access, None, "missing")),
        Standing::Incomplete => Some(unauthenticated(access, None, "incomplete")),
        Standing::Insufficient(scopes) => {
            let token = proven.by(Credential::AccessToken);
            Some(Refusal::Forbidden {
                challenges: access.challenges(token.map(|_| BearerError::InsufficientScope), &scopes),
            })
        }
    }
}

/// What a caller is told of a credential that proves nothing.
fn refusal(access: &Access, unproven: Unproven) -> Refusal {
    match unproven {
        Unproven::Unreadable => unauthenticated(access, None, "unreadable"),
        Unproven::Rejected(why) => unauthenticated(access, None, why),
        Unproven::Bearer(error, why) => unauthenticated(access, Some(error), why),
        Unproven::Dpop(error, why) => unproved(access, error, why, None),
        Unproven::NonceNeeded(nonce) => unproved(access, DpopError::UseNonce, "nonce-needed", Some(nonce)),
        Unproven::Unavailable => Refusal::Unverifiable,
        Unproven::Busy => Refusal::Busy,
        Unproven::TooMany(exceeded) => exceeded.into(),
    }
}

/// Asks for a better authentication (RFC 9470) where the operation needs one and this is not it. The principal is whom an access
/// token speaks of wherever there is one.
fn step_up(policy: &Policy, proven: &Proven) -> Result<(), Refusal> {
    let Some(step_up) = &policy.step_up else {
        return Ok(());
    };
    match proven.by(Credential::AccessToken) {
        Some(identity) if step_up.is_met(identity, unix_time()) => Ok(()),
        _ => Err(Refusal::StepUp {
            challenges: vec![step_up.challenge(&policy.access.realm)],
        }),
    }
}

/// For a caller that speaks DPoP.
fn unproved(access: &Access, error: DpopError, why: &'static str, nonce: Option<Nonce>) -> Refusal {
    Refusal::Unauthenticated {
        challenges: access.challenges_of_dpop(error),
        why,
        nonce,
    }
}

fn unauthenticated(access: &Access, error: Option<BearerError>, why: &'static str) -> Refusal {
    Refusal::Unauthenticated {
        challenges: access.challenges(error, &[]),
        why,
        nonce: None,
    }
}

/// Decides on the object.
pub(crate) fn object(conforming: Conforming<'_>) -> Permitted<'_> {
    Permitted { conforming }
}
