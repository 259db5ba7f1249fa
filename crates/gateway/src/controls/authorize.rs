//! What they may do: with this operation, before the body is read; with this very object, after it was judged.
//!
//! With the operation: what its contract's `security` asks for. With the object, nothing is decided yet.

use portcullis_identity::challenge::{BearerError, DpopError};
use portcullis_identity::principal::Credential;

use super::audit_log::Recorded;
use super::authenticate::{Proof, Unproven};
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
    let identified = recorded.budgeted.identified;
    let access = &identified.routed.route.operation.policy.access;
    match identified.proof {
        Proof::Judged(Standing::Admitted) => {
            step_up(&identified.routed.route.operation.policy, &identified.proven)?;
            Ok(Authorized {
                routed: identified.routed,
                proven: identified.proven,
                tenure: identified.tenure,
            })
        }
        Proof::Judged(Standing::Missing) => Err(unauthenticated(access, None, "missing")),
        Proof::Judged(Standing::Foreign) => {
            Err(unauthenticated(access, Some(BearerError::InvalidToken), "other-issuer"))
        }
        Proof::Judged(Standing::Insufficient(scopes)) => Err(Refusal::Forbidden {
            challenges: access.challenges(Some(BearerError::InsufficientScope), &scopes),
        }),
        Proof::Unproven(Unproven::Unreadable) => {
            Err(unauthenticated(access, Some(BearerError::InvalidRequest), "unreadable"))
        }
        Proof::Unproven(Unproven::Rejected(why)) => Err(unauthenticated(access, Some(BearerError::InvalidToken), why)),
        Proof::Unproven(Unproven::Dpop(error, why)) => Err(unproved(access, error, why, None)),
        Proof::Unproven(Unproven::NonceNeeded(nonce)) => {
            Err(unproved(access, DpopError::UseNonce, "nonce-needed", Some(nonce)))
        }
        Proof::Unproven(Unproven::Unverifiable) => Err(Refusal::Unverifiable),
        Proof::Unproven(Unproven::Busy) => Err(Refusal::Busy),
        Proof::Unproven(Unproven::TooMany(exceeded)) => Err(exceeded.into()),
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
