//! The audit log: an entry is begun before anything is decided, and durable when the operation asks for that.
//!
//! What became of the request is written when its answer has ended, however that ends ([`Account`]'s drop): one entry for each
//! request. Where an operation asks for more, an entry is durable before the upstream sees the request ([`keep`]), or before the
//! caller sees the answer ([`answer`]); a request that is refused gets its one entry before the refusal is told.

use http::Response;

use super::authenticate::Proof;
use super::authorize::{Permitted, naming};
use super::rate_limit::Budgeted;
use crate::account::Account;
use crate::audit_log::Durability;
use crate::audit_log::OnFailure;
use crate::body::ResponseBody;
use crate::forward::headers::is_event_stream;
use crate::refusal::Refusal;

/// A request whose entry was begun.
pub struct Recorded<'r> {
    pub(super) budgeted: Budgeted<'r>,
}

/// A request that is in the log, as far as its operation asks for that before it is acted upon.
pub struct Kept<'r> {
    pub(super) permitted: Permitted<'r>,
}

/// Begins the entry, with who calls.
///
/// # Errors
/// [`Refusal::Unrecorded`] where entries cannot be written, and requests are refused then.
pub(crate) fn open<'r>(mut budgeted: Budgeted<'r>, account: &mut Account) -> Result<Recorded<'r>, Refusal> {
    let identified = &mut budgeted.identified;
    let route = &identified.routed.route;
    if let Some(how) = &route.operation.policy.recording {
        let proven = match &identified.proof {
            Proof::Good(known) => known.proven.first(),
            Proof::Unproven(_) => None,
        };
        let credential = identified.credential.take();
        let is_writable = account.record(how, route, &identified.routed.received, proven, credential);
        if !is_writable && how.on_failure == OnFailure::Refuse {
            return Err(Refusal::Unrecorded);
        }
    }
    Ok(Recorded { budgeted })
}

/// Writes down what is about to be done, where that has to be durable before it is.
///
/// # Errors
/// [`Refusal::Unrecorded`].
pub(crate) async fn keep<'r>(permitted: Permitted<'r>, account: &mut Account) -> Result<Kept<'r>, Refusal> {
    if let Some(recording) = &permitted.conforming.route.operation.policy.recording {
        account.recorded_fields(naming(&permitted.conforming));
        if recording.durability == Durability::BeforeForward {
            // On the heap, so that requests that wait for nothing carry nothing of it.
            Box::pin(account.open_durably(None)).await?;
        }
    }
    Ok(Kept { permitted })
}

/// Lets an answer leave when what has to be durable before that is.
///
/// # Errors
/// The refusal that it was, or [`Refusal::Unrecorded`].
pub(crate) async fn answer(
    passed: Result<Response<ResponseBody>, Refusal>,
    account: &mut Account,
) -> Result<Response<ResponseBody>, Refusal> {
    match (account.durability(), passed) {
        (None, passed) | (Some(Durability::Async), passed @ Err(_)) => passed,
        (Some(Durability::Async), Ok(response)) => {
            // What may go on for hours is in the log from its beginning.
            if is_open_ended(&response) {
                account.open_soon(response.status().as_u16());
            }
            Ok(response)
        }
        (Some(Durability::BeforeForward), Ok(response)) => Ok(response),
        (Some(Durability::BeforeResponse), Ok(response)) => {
            let status = response.status().as_u16();
            Box::pin(account.open_durably(Some(status))).await?;
            Ok(response)
        }
        (Some(_), Err(refusal)) => {
            Box::pin(account.refused_durably(&refusal)).await?;
            Err(refusal)
        }
    }
}

/// Whether an answer may go on for as long as somebody wants it to.
fn is_open_ended(response: &Response<ResponseBody>) -> bool {
    is_event_stream(response.headers()) || matches!(response.body(), ResponseBody::Switched(_))
}
