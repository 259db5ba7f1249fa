//! What is good once. It is used up last, when everything else about the request's credentials held, so that whoever is
//! refused for another reason, or told to come back because something cannot be verified now, still has it.

use std::sync::Arc;

use portcullis_identity::challenge::DpopError;
use portcullis_identity::dpop::Proved;
use portcullis_identity::principal::Identity;
use portcullis_identity::signatures::OneUse;
use portcullis_identity::time::UnixTime;

use super::attempt::Failure;
use super::{Attempting, Unproven};
use crate::dpop::Shown;
use crate::issuer::{Issuer, Unbelieved};
use crate::listen::unix_time;
use crate::replay::{Name, Seen};

/// One thing that is good once.
pub(super) enum Once<'p> {
    /// A proof of whoever has this subject's token. One that was seen before proves nothing: it may have been taken
    /// down on its way.
    Proof(Proved, Arc<Identity>),
    /// A token of an issuer whose tokens are.
    Token {
        issuer: &'p Issuer,
        identity: Arc<Identity>,
        /// What it is to the caller where it was used before,
        rejected: fn(&'static str) -> Unproven,
        /// and what that is counted as.
        failure: Failure,
    },
    /// A nonce of a signature by this caller.
    Nonce(Arc<Identity>, OneUse),
}

/// Uses it all up. What was used before is counted as a failure.
///
/// # Errors
/// What was used before, or cannot be remembered; [`Unproven::NonceNeeded`].
pub(super) async fn use_up(all: &[Once<'_>], attempting: Attempting<'_>) -> Result<(), Unproven> {
    if all.is_empty() {
        return Ok(());
    }
    // Verifying may have taken a while.
    let now = unix_time();
    // Tokens last: a new proof or nonce is made in no time, and a token is not.
    let (tokens, others): (Vec<_>, Vec<_>) = all.iter().partition(|once| matches!(once, Once::Token { .. }));
    for once in others.into_iter().chain(tokens) {
        let used = once.use_up(attempting, now);
        attempting.counted_as(once.failure()).settle(used).await?;
    }
    Ok(())
}

impl Once<'_> {
    /// What it is counted as where it was used before.
    fn failure(&self) -> Failure {
        match self {
            Self::Token { failure, .. } => *failure,
            Self::Proof(..) | Self::Nonce(..) => Failure::Any,
        }
    }

    fn use_up(&self, attempting: Attempting<'_>, now: UnixTime) -> Result<(), Unproven> {
        let Attempting { access, gate, .. } = attempting;
        match self {
            Self::Proof(proof, identity) => match gate.proofs().show(proof, identity.subject(), &access.dpop, now) {
                Shown::First => Ok(()),
                Shown::Again => Err(Unproven::Dpop(DpopError::InvalidProof, "proof-seen-before")),
                Shown::NonceNeeded(nonce) => Err(Unproven::NonceNeeded(nonce)),
                Shown::NoRoom => Err(Unproven::Unavailable),
            },
            Self::Token {
                issuer,
                identity,
                rejected,
                failure: _,
            } => match issuer.use_up(identity, now) {
                Ok(()) => Ok(()),
                Err(Unbelieved::Refused(refusal)) => Err(rejected(refusal.code())),
                Err(Unbelieved::Unavailable) => Err(Unproven::Unavailable),
            },
            Self::Nonce(signer, OneUse { keyid, nonce, life }) => {
                let name = Name::Nonce { keyid, nonce };
                match gate.replay().first_use(signer.subject(), name, *life, now) {
                    Seen::First => Ok(()),
                    Seen::Again => Err(Unproven::Rejected("signature-replayed")),
                    Seen::Full => Err(Unproven::Unavailable),
                }
            }
        }
    }
}
