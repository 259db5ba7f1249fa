//! Forwarding: what was judged goes to the upstream, as it was judged. What the gate answers itself goes nowhere (`decide.rs`).

use std::net::IpAddr;
use std::time::Instant;

use http::{Method, Request, Response, header, response};

use super::audit_log::Kept;
use super::authorize::{Permitted, collection};
use super::contract_in::Conforming;
use super::decide;
use super::tenure::Tenure;
use super::upload::Verdict;
use crate::access::Proven;
use crate::account::Account;
use crate::body::{BodyError, RequestBody, ResponseBody};
use crate::forward::balance::{Asked, Pools, Repeat};
use crate::forward::headers::{Codings, Edits, Origin};
use crate::forward::{ForwardError, Patience};
use crate::gate::{Gate, refusal_of};
use crate::limit::Charges;
use crate::limit::Mode;
use crate::listen::{Arrival, ReceivedHead, unix_time};
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::routes::{Api, Behind, Route, Upstream, Way};
use crate::upstream_identity::{Told, Unsigned};

/// A request that was answered, by its upstream or by the gate itself; the answer is not judged yet.
pub struct Answered<'r> {
    pub(super) route: Route<'r>,
    pub(super) method: Method,
    /// Whether a part of the answer was asked for.
    pub(super) ranged: bool,
    pub(super) charges: Charges,
    pub(super) parts: response::Parts,
    pub(super) body: ResponseBody,
    pub(super) tenure: Tenure,
    /// Who asked, and from where.
    pub(super) proven: Proven,
    pub(super) address: IpAddr,
}

/// Sends the request and waits for the head of the answer.
///
/// # Errors
/// Everything that an upstream can do wrong.
pub(crate) async fn send<'r>(kept: Kept<'r>, gate: &Gate, account: &mut Account) -> Result<Answered<'r>, Refusal> {
    let Kept { permitted } = kept;
    match &permitted.conforming.route.api.behind {
        Behind::Upstream(upstream) => exchanged(permitted, upstream, gate, account).await,
        Behind::DecisionPoint(point) => decide::answer(permitted, point, gate).await,
    }
}

async fn exchanged<'r>(
    permitted: Permitted<'r>,
    upstream: &Upstream,
    gate: &Gate,
    account: &mut Account,
) -> Result<Answered<'r>, Refusal> {
    let Conforming {
        route,
        proven,
        tenure,
        head,
        body,
        charges,
        websocket,
        verdict,
        ..
    } = permitted.conforming;
    let ReceivedHead { parts, arrival } = *head;
    let host = parts.headers.get(header::HOST).cloned();
    let client = arrival.client();
    // An answer that will be judged has to come as it is; decoding it here would cost more than the wire saves.
    let policy = &route.operation.policy;
    let judged = policy.modes.contract_out != Mode::Off && route.declared.judges_answers();
    let judged = judged || collection(policy).is_some();
    let told = told(route.api, &proven, gate)?;
    let edits = Edits {
        rules: &upstream.rules,
        origin: Origin {
            path: &[client.address],
            scheme: client.scheme.as_str(),
            host: host.as_ref(),
        },
        codings: if judged { Codings::Identity } else { Codings::AsAsked },
        trace: account.propagated(),
        identity: &told,
    };
    let method = parts.method.clone();
    let ranged = parts.headers.contains_key(header::RANGE);
    let websocket = websocket.as_ref().zip(policy.websocket.as_ref());
    let (request, sent, pools) = (Request::from_parts(parts, body), Instant::now(), gate.pools());
    let asked = Asked {
        edits,
        patience: patience(policy),
        websocket: websocket.map(|(asked, settings)| (asked, settings.bounds)),
        wish: route.wish,
        repeat: policy.repeat,
        at: sent,
        is_retry: false,
    };
    let answer = exchange(&upstream.way, pools, request, asked).await;
    let answer = answer.map_err(|error| unanswered(&error, verdict, &arrival, account));
    note_exchange(account, &upstream.way, sent, &answer);
    let answer = answer?;
    account.upstream(sent.elapsed());
    let (answer, body) = answer.into_parts();
    Ok(Answered {
        route,
        method,
        ranged,
        charges,
        parts: answer,
        body,
        tenure,
        proven,
        address: client.address,
    })
}

/// What the upstream is told of who calls: nothing of those that we do not know.
fn told(api: &Api, proven: &Proven, gate: &Gate) -> Result<Told, Refusal> {
    let (Some(upstream), Some(identity)) = (&api.identity, proven.first()) else {
        return Ok(Told::new());
    };
    let told = upstream.tell(identity, &mut gate.signed.borrow_mut(), unix_time());
    told.map_err(|Unsigned| Refusal::Internal)
}

/// The refusal of a request that got no answer. Why a body was broken off that was judged on its way, its verdict says.
fn unanswered(error: &ForwardError, verdict: Option<Verdict>, arrival: &Arrival, account: &Account) -> Refusal {
    let verdict = verdict.and_then(|verdict| verdict.take());
    if let (ForwardError::RequestBody(BodyError::Refused), Some(refusal)) = (error, verdict) {
        return refusal;
    }
    if !matches!(error, ForwardError::RequestBody(_) | ForwardError::Unsendable) {
        account.upstream_failed(error);
    }
    refusal_of(error, arrival.body())
}

/// Sends the request on by the way that its upstream is reached.
async fn exchange(
    way: &Way,
    pools: &Pools,
    request: Request<RequestBody>,
    asked: Asked<'_>,
) -> Result<Response<ResponseBody>, ForwardError> {
    match way {
        Way::Direct(endpoint) => pools.send(endpoint, request, asked, None).await,
        // On the heap: what is rare would take room in every request.
        Way::Balanced(balanced) => Box::pin(balanced.send(pools, request, asked)).await,
    }
}

/// Tells the trace, where there is one, what became of the exchange.
fn note_exchange(account: &mut Account, way: &Way, sent: Instant, answer: &Result<Response<ResponseBody>, Refusal>) {
    let Some(trace) = account.trace() else { return };
    let authority = match way {
        Way::Direct(endpoint) => Some(endpoint.upstream().authority()),
        Way::Balanced(_) => None,
    };
    let outcome = answer.as_ref().map(Response::status).map_err(Refusal::code);
    trace.exchanged(authority, sent, outcome);
}

fn patience(policy: &Policy) -> Patience {
    Patience {
        head_time_max: policy.head_time_max,
        total_time_max: policy.total_time_max,
        event_stream_time_max: Some(policy.event_stream_time_max),
        once: matches!(policy.repeat, Repeat::Never | Repeat::Unseen),
    }
}
