//! The content that a signature covers: read whole and held against its digest (RFC 9530) before anything of it goes on.
//!
//! The digest is of the bytes as they were sent, in their coding. What is longer than what is held of a body is refused:
//! nothing goes on as verified that was not.

use bytes::Bytes;
use http::Extensions;
use http_body::Body as _;
use portcullis_identity::challenge::BearerError;
use portcullis_identity::content_digest::ContentDigest;

use super::request_body::unread;
use crate::body::{Bounded, Collected, collect_bounded};
use crate::gate::Gate;
use crate::listen::{Arrival, Incoming};
use crate::refusal::Refusal;
use crate::routes::Route;

/// The body, which is the one that was signed, if anything was said of it.
///
/// # Errors
/// It is another, too long, or cannot be read.
pub(crate) async fn verified(
    incoming: Incoming,
    extensions: &mut Extensions,
    arrival: &Arrival,
    route: &Route<'_>,
    gate: &Gate,
) -> Result<Incoming, Refusal> {
    let Some(digest) = extensions.remove::<ContentDigest>() else {
        return Ok(incoming);
    };
    let content = read(incoming, arrival, route, gate).await?;
    if digest.is_of(&content) {
        return Ok(Incoming::Read(content));
    }
    Err(Refusal::Unauthenticated {
        challenges: route
            .operation
            .policy
            .access
            .challenges(Some(BearerError::InvalidToken), &[]),
        why: "content-digest",
        nonce: None,
    })
}

async fn read(incoming: Incoming, arrival: &Arrival, route: &Route<'_>, gate: &Gate) -> Result<Bytes, Refusal> {
    if incoming.is_end_stream() {
        return Ok(Bytes::new());
    }
    let bytes_max = route.operation.policy.body_bytes_max;
    let unread = |error| unread(error, arrival);
    let body = Bounded::new(incoming, bytes_max as u64).map_err(unread)?;
    let mut hold = gate.hold_request();
    match collect_bounded(body, bytes_max, &mut hold).await.map_err(unread)? {
        Collected::Whole(content) => Ok(hold.tie(content)),
        Collected::Overflow(_) => Err(Refusal::BodyTooLarge),
    }
}
