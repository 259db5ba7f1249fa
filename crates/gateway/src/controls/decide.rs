//! Answering in the place of an upstream: a decision point is asked what callers of another API may do (AuthZEN 1.0, section 10).

use http::{HeaderName, HeaderValue, Response, header};

use super::authorize::Permitted;
use super::contract_in::Conforming;
use super::forward::Answered;
use crate::body::ResponseBody;
use crate::decision_point::{Point, Unanswerable};
use crate::gate::Gate;
use crate::listen::{Received, ReceivedHead, unix_time};
use crate::refusal::Refusal;
use crate::routes::{Routes, Target};

/// By what an enforcement point knows its request again (section 10.1.3).
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the answer to a request has to repeat, whatever becomes of it: the identifier that its sender gave it, where it is for a decision
/// point. `path` is the request's own.
pub(crate) fn request_id(routes: &Routes, received: &Received, path: &str) -> Option<HeaderValue> {
    let mut given = received.headers().get_all(REQUEST_ID).iter();
    let (Some(only), None) = (given.next(), given.next()) else {
        return None;
    };
    routes.decides(Target::of(received, path)).then(|| only.clone())
}

/// Answers a request.
///
/// # Errors
/// [`Refusal::Question`].
pub(crate) async fn answer<'r>(permitted: Permitted<'r>, point: &Point, gate: &Gate) -> Result<Answered<'r>, Refusal> {
    let Conforming {
        route,
        proven,
        tenure,
        head,
        json,
        charges,
        ..
    } = permitted.conforming;
    let ReceivedHead { parts, arrival } = *head;
    let endpoint = point.endpoint(route.index).ok_or(Refusal::Internal)?;
    // What was not judged says nothing.
    let question = json.unwrap_or_default();
    // On the heap, so that requests for upstreams carry nothing of it.
    let body = Box::pin(point.answer(endpoint, &question, unix_time(), &gate.decisions)).await;
    let body = body.map_err(|why| match why {
        Unanswerable::Unwritten => Refusal::Internal,
        why => Refusal::Question(why),
    })?;
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(endpoint.cached()));
    Ok(Answered {
        route,
        method: parts.method,
        ranged: false,
        charges,
        parts: response.into_parts().0,
        body: ResponseBody::Whole(body),
        tenure,
        proven,
        address: arrival.client().address,
    })
}
