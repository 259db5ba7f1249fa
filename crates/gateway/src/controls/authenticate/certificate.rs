//! Client certificates: the one of the connection, or the one that a trusted proxy forwards, and whom it names.

use std::rc::Rc;
use std::sync::Arc;

use portcullis_identity::principal::Identity;
use smallvec::SmallVec;

use super::{Attempting, Shown, Unproven, forwarded_certificate};
use crate::listen::{CertificateStanding, PeerCertificate};

/// Whom a certificate names: one for each set of rules that it meets.
type Named = SmallVec<[Arc<Identity>; 1]>;

/// The certificate of whoever sent the request, believed now. A connection whose own certificate is over is good for nothing, also
/// where none is looked at: nobody would begin it any more.
///
/// Of a trusted proxy that forwards certificates only those count. Its own names the proxy, and not who stands behind it.
pub(super) async fn of(
    attempting: Attempting<'_>,
    shown: &mut Shown<'_>,
) -> Result<Option<Rc<PeerCertificate>>, Unproven> {
    let certificate = presented(attempting).await?;
    if let Some(certificate) = &certificate {
        shown.proven.end_with_certificate(certificate.not_after());
        shown.possession.certificate = Some(certificate.thumbprint());
    }
    Ok(certificate)
}

async fn presented(attempting: Attempting<'_>) -> Result<Option<Rc<PeerCertificate>>, Unproven> {
    let Attempting {
        access, request, now, ..
    } = attempting;
    let connected = request.arrival().connected();
    let own = match connected.certificate(now) {
        Some(CertificateStanding::Ended) => return Err(Unproven::Rejected("certificate-ended")),
        Some(CertificateStanding::Good(certificate)) => Some(certificate),
        Some(CertificateStanding::Forgotten) | None => None,
    };
    match &access.forwarded {
        Some(_) if connected.of_trusted_proxy && access.alternatives.is_empty() => Ok(None),
        Some(forwarded) if connected.of_trusted_proxy => forwarded_certificate::of(forwarded, attempting).await,
        _ => Ok(own),
    }
}

/// Shows whom a certificate names, where the operation asks for one.
pub(super) fn verify(
    certificate: Option<&PeerCertificate>,
    attempting: Attempting<'_>,
    shown: &mut Shown<'_>,
) -> Result<(), Unproven> {
    let Some(certificate) = certificate else {
        return Ok(());
    };
    let listener = attempting.request.arrival().listener();
    let (mut named, mut why) = (Named::new(), None);
    for rules in attempting.access.certificates() {
        match certificate.identity(rules) {
            _ if !rules.are_for(listener) => why = Some("certificate-of-other-listener"),
            Ok(identity) if named.iter().any(|known| Arc::ptr_eq(known, &identity)) => {}
            Ok(identity) => named.push(identity),
            Err(nobody) => why = Some(nobody.code()),
        }
    }
    match why {
        Some(why) if named.is_empty() => return Err(Unproven::Rejected(why)),
        _ => named.into_iter().for_each(|identity| shown.proven.add(identity)),
    }
    Ok(())
}
