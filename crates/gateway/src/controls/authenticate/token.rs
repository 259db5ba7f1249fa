//! Access tokens: of the gate's own, told by their form; the others remembered, or verified with the keys of the issuer that they
//! name.

use std::sync::Arc;

use portcullis_identity::credentials::OpaqueToken;
use portcullis_identity::jose;
use portcullis_identity::jose::jws::Unverified;
use portcullis_identity::principal::Identity;

use super::cache::Digest;
use super::{Presented, Unproven};
use crate::issuer::{Issuer, Unbelieved};

/// Whom a token speaks of. One that is remembered costs little and is counted nowhere.
pub(super) async fn verify(token: &str, presented: Presented<'_>) -> Result<Arc<Identity>, Unproven> {
    if let Some(keyring) = presented.access.own_tokens()
        && OpaqueToken::parse(token).is_some()
    {
        let taken = keyring.token(token, presented.now).await;
        return presented.taken(taken).await;
    }
    let Presented { access, gate, now, .. } = presented;
    let digest = Digest::of(token);
    if let Some(digest) = &digest
        && let Some(identity) = gate.tokens.borrow_mut().get(digest, access.issuers(), now)
    {
        return Ok(identity);
    }
    let attempt = presented.attempt().await?;
    let believed = believe(token, digest, presented).await;
    let believed = believed.map_err(|unbelieved| match unbelieved {
        Unbelieved::NoKeys => Unproven::Unverifiable,
        Unbelieved::Refused(refusal) => Unproven::Rejected(refusal.code()),
    });
    attempt.settle(believed, gate).await
}

/// Which issuer's keys a token is verified with, it may say itself; that it is that issuer's, only they show.
async fn believe(token: &str, digest: Option<Digest>, presented: Presented<'_>) -> Result<Arc<Identity>, Unbelieved> {
    let Presented { access, gate, now, .. } = presented;
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
