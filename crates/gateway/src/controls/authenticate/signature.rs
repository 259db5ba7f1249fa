//! Signatures of the request itself (RFC 9421), over the head as it came.

use std::sync::Arc;

use http::HeaderMap;
use http::header::HeaderName;
use portcullis_identity::jose::key::Kid;
use portcullis_identity::principal::Credential;
use portcullis_identity::signatures::{self, Fields, Refusal, Request, Signers, Verified};

use super::attempt::Names;
use super::once::Once;
use super::{Attempting, Shown, Unproven};
use crate::access::Access;
use crate::listen::{Received, unix_time};

/// The fields as they came, without those of one hop.
struct Lines<'h>(&'h HeaderMap);

impl Fields for Lines<'_> {
    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return Vec::new();
        };
        let lines = self.0.get_all(name).iter();
        lines.map(|value| value.as_bytes().trim_ascii()).collect()
    }
}

/// Shows who signed the request, if anybody says to have and the operation accepts signatures.
pub(super) async fn verify<'p>(attempting: Attempting<'p>, shown: &mut Shown<'p>) -> Result<(), Unproven> {
    let Attempting { access, request, .. } = attempting;
    if !access.accepts(Credential::Signature) {
        return Ok(());
    }
    let fields = Lines(request.headers());
    let request = seen(request, &fields);
    let Some(signatures) = signatures::Presented::read(&request).map_err(unproven)? else {
        return Ok(());
    };
    let names = names(&signatures, attempting);
    let attempt = attempting.attempt_of(&names).await?;
    let signed = attempt.settle(signed(&signatures, &request, attempting.access)).await?;
    let nonce = |once| Once::Nonce(Arc::clone(&signed.identity), once);
    shown.once.extend(signed.uses.into_iter().map(nonce));
    shown.names.extend(names);
    shown.proven.add(signed.identity);
    shown.content = signed.digest;
    Ok(())
}

/// Whose signatures they would be, from where they come.
fn names(signatures: &signatures::Presented, attempting: Attempting<'_>) -> Names {
    let (lately, address) = (attempting.gate.lately(), attempting.request.arrival().client().address);
    let of = |signers: &Arc<Signers>| {
        let name = |keyid: &Kid| lately.signer(signers.authority(), keyid.as_str(), address);
        signers.known(signatures).map(name).collect::<Names>()
    };
    attempting.access.signers().flat_map(of).collect()
}

/// Who made signatures that are there.
fn signed(signatures: &signatures::Presented, request: &Request<'_>, access: &Access) -> Result<Verified, Unproven> {
    // What was verified before this may have taken a while.
    let now = unix_time();
    let mut proven: Option<Verified> = None;
    for signers in access.signers() {
        let Some(verified) = signers.verify(signatures, request, now).map_err(unproven)? else {
            continue;
        };
        // One request is one caller's, whoever of them is asked for.
        if proven.is_some() {
            return Err(unproven(Refusal::Ambiguous));
        }
        proven = Some(verified);
    }
    proven.ok_or_else(|| unproven(Refusal::KeyUnknown))
}

/// The request as a signature sees it.
fn seen<'r>(request: &'r Received, fields: &'r Lines<'r>) -> Request<'r> {
    Request {
        method: request.method().as_str(),
        scheme: request.arrival().client().scheme.as_str(),
        authority: request.host(),
        path: request.path(),
        query: request.uri().query(),
        target: request.request_target(),
        has_content: request.has_content(),
        fields,
    }
}

fn unproven(refusal: Refusal) -> Unproven {
    if refusal.is_of_form() {
        Unproven::Unreadable
    } else {
        Unproven::Rejected(refusal.code())
    }
}
