//! Proofs of possession beside an access token (DPoP, RFC 9449 §7).

use http::header::HeaderName;
use portcullis_identity::challenge::DpopError;
use portcullis_identity::dpop::{self, Proved, Request, Target};

use super::{Attempting, Unproven};
use crate::listen::unix_time;

/// Where a proof stands.
pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The proof of a request, which is for its token; there has to be exactly one.
pub(super) fn check(token: &str, attempting: Attempting<'_>) -> Result<Proved, Unproven> {
    let invalid = |why| Unproven::Dpop(DpopError::InvalidProof, why);
    let Attempting { access, request, .. } = attempting;
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
    dpop::check(proof, &asked, &access.dpop.window, unix_time()).map_err(|unproved| invalid(unproved.code()))
}
