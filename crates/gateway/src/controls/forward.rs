//! Forwarding: what was judged goes to the upstream, as it was judged.

use std::time::Instant;

use http::uri::PathAndQuery;
use http::{Method, Request, Uri, header, response};

use super::authorize::Permitted;
use super::contract_in::Conforming;
use crate::account::Account;
use crate::body::ResponseBody;
use crate::forward::Patience;
use crate::forward::headers::{Codings, Origin, to_upstream};
use crate::gate::{Gate, refusal_of};
use crate::limit::Charges;
use crate::limit::Mode;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::routes::Route;

/// A request that was answered by its upstream; the answer is not judged yet.
pub struct Answered<'r> {
    pub(super) route: Route<'r>,
    pub(super) method: Method,
    pub(super) charges: Charges,
    pub(super) parts: response::Parts,
    pub(super) body: ResponseBody,
}

/// Sends the request and waits for the head of the answer.
///
/// # Errors
/// Everything that an upstream can do wrong.
pub(crate) async fn send<'r>(
    permitted: Permitted<'r>,
    gate: &Gate,
    account: &mut Account,
) -> Result<Answered<'r>, Refusal> {
    let Conforming {
        route,
        mut parts,
        body,
        charges,
        arrival,
        hold,
        ..
    } = permitted.conforming;
    let upstream = &route.api.upstream;
    let host = parts.headers.get(header::HOST).cloned();
    let client = arrival.client();
    let origin = Origin {
        path: &[client.address],
        scheme: client.scheme.as_str(),
        host: host.as_ref(),
    };
    // An answer that will be judged has to come as it is; decoding it here would cost more than the wire saves.
    let judged = route.operation.policy.modes.contract_out != Mode::Off && route.declared.judges_answers();
    let codings = if judged { Codings::Identity } else { Codings::AsAsked };
    to_upstream(&mut parts.headers, &upstream.address, &upstream.rules, origin, codings);
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = origin_form(&parts.uri)?;
    *request.headers_mut() = parts.headers;
    let Policy {
        head_time_max,
        total_time_max,
        ..
    } = route.operation.policy;
    let patience = Patience {
        head_time_max,
        total_time_max,
    };
    let sent = Instant::now();
    let answer = gate
        .pool(upstream)
        .send_within(request, patience)
        .await
        .map_err(|error| {
            account.upstream_failed(&error);
            refusal_of(&error, arrival.body())
        })?;
    drop(hold);
    account.upstream(sent.elapsed());
    let (answer, body) = answer.into_parts();
    Ok(Answered {
        route,
        method: parts.method,
        charges,
        parts: answer,
        body,
    })
}

/// The target as an origin server takes it (RFC 9112 §3.2.1).
fn origin_form(uri: &Uri) -> Result<Uri, Refusal> {
    let target = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::builder()
        .path_and_query(target)
        .build()
        .map_err(|_| Refusal::Internal)
}
