//! The content that a signature covers: read whole and held against its digest (RFC 9530) before anything of it goes on.
//!
//! The digest is of the bytes as they were sent, in their coding. What is longer than what is held of a body is refused:
//! nothing goes on as verified that was not.

use bytes::Bytes;
use http_body::Body as _;
use portcullis_decision::words::Evaluation;

use super::authorize::Authorized;
use super::request_body::unread;
use super::route::Routed;
use super::tenure::Tenure;
use crate::access::Proven;
use crate::body::{Bounded, Collected, collect_bounded};
use crate::gate::Gate;
use crate::listen::Incoming;
use crate::refusal::Refusal;

/// A request whose content is the one that was signed, if anything was said of it.
pub struct Genuine<'r> {
    pub(super) routed: Routed<'r>,
    pub(super) proven: Proven,
    pub(super) tenure: Tenure,
    /// What was asked about the operation.
    pub(super) question: Option<Box<Evaluation>>,
}

/// Holds the content against the digest that a signature covers.
///
/// # Errors
/// It is another, too long, or cannot be read.
pub(crate) async fn hold<'r>(authorized: Authorized<'r>, gate: &Gate) -> Result<Genuine<'r>, Refusal> {
    let Authorized {
        mut routed,
        proven,
        tenure,
        content,
        question,
    } = authorized;
    if let Some(digest) = content {
        let content = read(&mut routed, gate).await?;
        if !digest.is_of(&content) {
            return Err(Refusal::Unauthenticated {
                challenges: routed.route.operation.policy.access.challenges(None, &[]),
                why: "content-digest",
                nonce: None,
            });
        }
        *routed.received.body_mut() = Incoming::Read(content);
    }
    Ok(Genuine {
        routed,
        proven,
        tenure,
        question,
    })
}

async fn read(routed: &mut Routed<'_>, gate: &Gate) -> Result<Bytes, Refusal> {
    let bytes_max = routed.route.operation.policy.body_bytes_max;
    let incoming = std::mem::replace(routed.received.body_mut(), Incoming::Read(Bytes::new()));
    if incoming.is_end_stream() {
        return Ok(Bytes::new());
    }
    let unread = |error| unread(error, routed.received.arrival());
    let body = Bounded::new(incoming, bytes_max as u64).map_err(unread)?;
    let mut hold = gate.hold_request();
    match collect_bounded(body, bytes_max, &mut hold).await.map_err(unread)? {
        Collected::Whole(content) => Ok(hold.tie(content)),
        Collected::Overflow(_) => Err(Refusal::BodyTooLarge),
    }
}
