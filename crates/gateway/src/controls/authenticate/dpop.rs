//! Proofs of possession beside an access token (DPoP, RFC 9449 §7).

use http::header::HeaderName;
use portcullis_identity::challenge::DpopError;
use portcullis_identity::dpop::{self, Proved, Request, Target};
use portcullis_identity::principal::Identity;

use super::{Attempting, Unproven};
use crate::dpop::Shown;

/// Where a proof stands.
pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The proof of a request, which is for its token; there has to be exactly one.
pub(super) fn check(token: &str, attempting: Attempting<'_>) -> Result<Proved, Unproven> {
    let invalid = |why| Unproven::Dpop(DpopError::InvalidProof, why);
    let Attempting {
        access, request, now, ..
    } = attempting;
    let mut values = request.headers().get_all(&DPOP).iter();
    let (Some(proof), None) = (values.next(), values.next()) else {
        return Err(invalid("proof-not-one"));
    };
    let proof = proof.to_str().map_err(|_| invalid("proof-not-one"))?;
    let asked = Request {
        method: request.method().as_str(),
        target: Target {
            scheme: request.arrival().client().scheme.as_str(),
            authority: request.host(),
            path: request.path(),
        },
        token,
    };
    dpop::check(proof, &asked, &access.dpop.window, now).map_err(|unproved| invalid(unproved.code()))
}

/// Remembers a proof that is good, of somebody whose token is bound to its key. One that was seen before proves nothing: it may have
/// been taken down on its way.
pub(super) fn remember(proof: &Proved, identity: &Identity, attempting: Attempting<'_>) -> Result<(), Unproven> {
    let Attempting { access, gate, now, .. } = attempting;
    match gate.proofs().show(proof, identity.subject(), &access.dpop, now) {
        Shown::First => Ok(()),
        Shown::Again => Err(Unproven::Dpop(DpopError::InvalidProof, "proof-seen-before")),
        Shown::NonceNeeded(nonce) => Err(Unproven::NonceNeeded(nonce)),
        Shown::NoRoom => Err(Unproven::Unverifiable),
    }
}
