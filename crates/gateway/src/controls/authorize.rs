//! What they may do: with this operation, before the body is read; with this very object, after it was judged.
//!
//! With the operation: what its contract's `security` asks for, then what roles and policies say. With the object: what policies
//! and relations say of each resource that the request names.

use std::net::IpAddr;

use portcullis_decision::words::Evaluation;
use portcullis_identity::challenge::{BearerError, DpopError};
use portcullis_identity::content_digest::ContentDigest;
use portcullis_identity::principal::Credential;

use super::audit_log::Recorded;
use super::authenticate::{Identified, Known, Proof, Unproven};
use super::contract_in::Conforming;
use super::route::Routed;
use super::tenure::Tenure;
use crate::access::{Access, Proven, Standing};
use crate::account::Account;
use crate::body::RequestBody;
use crate::decisions::questions::Urgency;
use crate::decisions::{Asking, Collection, Content, Decided, Naming, may_use, may_use_elsewhere};
use crate::dpop::Nonce;
use crate::gate::Gate;
use crate::limit::Mode;
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
    /// What was asked about the operation: it tells of the caller.
    pub(super) question: Option<Box<Evaluation>>,
}

/// A request whose caller may do this to this object.
pub struct Permitted<'r> {
    pub(super) conforming: Conforming<'r>,
}

/// Decides on the operation.
///
/// # Errors
/// [`Refusal::Unauthenticated`] where the credential is missing or bad, also where none was needed;
/// [`Refusal::Forbidden`] where it is good for something else; [`Refusal::Denied`] where nothing permits it; [`Refusal::StepUp`] where its subject has to prove itself anew;
/// [`Refusal::Unverifiable`] and [`Refusal::Busy`] where nothing can be said of it now; [`Refusal::Rate`] where too many were bad.
pub(crate) async fn operation<'r>(
    recorded: Recorded<'r>,
    gate: &Gate,
    account: &mut Account,
) -> Result<Authorized<'r>, Refusal> {
    let Identified { routed, proof, .. } = recorded.budgeted.identified;
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
    let mut question = None;
    if policy.modes.authorization != Mode::Off {
        let mut asking = asking(gate, &proven, routed.received.arrival().client().address, None);
        asking.recorded = account.recorded();
        let decided = policy.decided.as_ref();
        let denied = match decided.and_then(Decided::operation_asks) {
            None => may_use(policy, &mut asking),
            // On the heap, so that requests that wait for nobody carry nothing of it.
            Some(elsewhere) => {
                let told = may_use_elsewhere(policy, elsewhere, &mut asking, Urgency::Request);
                Box::pin(told).await.into()
            }
        };
        account.decided(asking.made, &routed.route.api.name);
        question = asking.question;
        denied.or_else(|denied| account.found(policy.modes.authorization, Refusal::from(denied).into()))?;
    }
    Ok(Authorized {
        routed,
        proven,
        tenure,
        content,
        question,
    })
}

/// A caller who is decided on now.
pub(super) fn asking<'a>(
    gate: &'a Gate,
    proven: &'a Proven,
    address: IpAddr,
    question: Option<Box<Evaluation>>,
) -> Asking<'a> {
    Asking {
        proven,
        address,
        now: unix_time(),
        remembered: &gate.decisions,
        question,
        recorded: None,
        made: Vec::new(),
    }
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

/// Decides on every resource that the request names.
///
/// # Errors
/// [`Refusal::Denied`].
pub(crate) async fn object<'r>(
    mut conforming: Conforming<'r>,
    gate: &Gate,
    account: &mut Account,
) -> Result<Permitted<'r>, Refusal> {
    let policy = &conforming.route.operation.policy;
    let Some(decided) = decided(policy) else {
        return Ok(Permitted { conforming });
    };
    let question = conforming.question.take();
    let address = conforming.head.arrival.client().address;
    let named = match decided.named(naming(&conforming)) {
        Err(denied) => Err(denied),
        Ok(named) => {
            let mut asking = asking(gate, &conforming.proven, address, question);
            asking.recorded = account.recorded();
            let denied = match decided.resources_ask(&named) {
                None => decided.resources(&mut asking, &named),
                Some(elsewhere) => {
                    let told = decided.resources_elsewhere(elsewhere, &mut asking, Urgency::Request, &named);
                    Box::pin(told).await.into()
                }
            };
            account.decided(asking.made, &conforming.route.api.name);
            denied.map(|()| named)
        }
    };
    match named {
        Ok(named) => conforming.tenure.keep(named),
        Err(denied) => account.found(policy.modes.authorization, Refusal::from(denied).into())?,
    }
    Ok(Permitted { conforming })
}

/// How the answers of an operation list resources, where they are reduced to those that the caller may see.
pub(super) fn collection(policy: &Policy) -> Option<(&Decided, &Collection)> {
    let decided = decided(policy)?;
    Some((decided, decided.collection.as_ref()?))
}

/// How an operation is decided on, where it is.
pub(super) fn decided(policy: &Policy) -> Option<&Decided> {
    policy
        .decided
        .as_ref()
        .filter(|_| policy.modes.authorization != Mode::Off)
}

/// What of a judged request is looked at for names.
pub(super) fn naming<'c>(conforming: &'c Conforming<'_>) -> Naming<'c> {
    Naming {
        route: &conforming.route,
        parts: &conforming.head.parts,
        body: match (&conforming.json, &conforming.body) {
            (Some(json), _) => Content::Json(json),
            (None, RequestBody::Empty) => Content::None,
            (None, _) => Content::Unreadable,
        },
    }
}
