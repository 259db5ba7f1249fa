//! The contract, on the way in: path, query, header fields, cookies and body hold only what the contract declares, and what was
//! judged is what is forwarded.

use std::ops::ControlFlow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{StatusCode, Uri};
use portcullis_contract::conform::json::{Code, Limits, Violation};
use portcullis_contract::conform::operation::{Head, HeadCuts};
use portcullis_contract::conform::parameter::Finding;
use portcullis_decision::words::Evaluation;

use super::authorize::collection;
use super::request_body::{Leftovers, Reading};
use super::route::Routed;
use super::signed_content::Genuine;
use super::tenure::Tenure;
use super::upload::Verdict;
use super::url_secrets;
use crate::access::Proven;
use crate::account::{Account, Found};
use crate::body::RequestBody;
use crate::codes::{self, Place};
use crate::forward::decode::DecodeError;
use crate::gate::Gate;
use crate::limit::{Charges, Mode};
use crate::listen::ReceivedHead;
use crate::refusal::Refusal;
use crate::routes::Route;
use crate::websocket::handshake::{Asked, Asks, Unopened};

/// A request that conforms to its contract.
pub struct Conforming<'r> {
    pub(super) route: Route<'r>,
    /// Who calls.
    pub(super) proven: Proven,
    /// For how long that holds.
    pub(super) tenure: Tenure,
    /// What was asked about the operation.
    pub(super) question: Option<Box<Evaluation>>,
    pub(super) head: Box<ReceivedHead>,
    pub(super) body: RequestBody,
    /// The judged body as JSON, where it is JSON or a form.
    pub(super) json: Option<Bytes>,
    /// Where it will stand why a body that is judged on its way was broken off.
    pub(super) verdict: Option<Verdict>,
    pub(super) charges: Charges,
    /// What limits count by of the header fields, as they came.
    pub(super) counted: HeaderMap,
    /// The handshake of a WebSocket, where the operation is one.
    pub(super) websocket: Option<Asked>,
}

/// Judges a request whole.
///
/// # Errors
/// The first violation, where the control enforces; a body that cannot be read, in any mode.
pub(crate) async fn check<'r>(
    genuine: Genuine<'r>,
    gate: &Gate,
    account: &mut Account,
) -> Result<Conforming<'r>, Refusal> {
    let Genuine {
        routed,
        proven,
        tenure,
        question,
    } = genuine;
    let Routed {
        received,
        route,
        charges,
        counted,
    } = routed;
    let modes = route.operation.policy.modes;
    let (mut head, incoming) = received.into_parts();
    let ReceivedHead { parts, arrival } = &mut *head;
    if modes.url_secrets != Mode::Off
        && let Err(refusal) = url_secrets::look(&parts.uri, route.declared)
    {
        account.found(modes.url_secrets, refusal.into())?;
    }
    if modes.contract_in != Mode::Off {
        judge_head(parts, &route, gate, account)?;
    }
    let websocket = websocket(parts, &route)?;
    let policy = &route.operation.policy;
    if (modes.contract_out == Mode::Enforce && !route.declared.passes_ranges()) || collection(policy).is_some() {
        // A part of a body cannot be judged, so nobody gets to ask for one.
        parts.headers.remove(header::RANGE);
        parts.headers.remove(header::IF_RANGE);
    }
    if collection(policy).is_some() {
        // That a list has changed would tell of items that its caller may not see.
        for condition in [
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::IF_MODIFIED_SINCE,
            header::IF_UNMODIFIED_SINCE,
        ] {
            parts.headers.remove(condition);
        }
    }
    let mut reading = Reading::new(&route, &mut parts.headers, arrival, gate, account);
    let (body, json) = reading.body(incoming).await?;
    let Leftovers { hold, verdict } = reading.leftovers();
    let body = match (body, hold) {
        (RequestBody::Whole(bytes), Some(hold)) => RequestBody::Whole(hold.tie(bytes)),
        (body, _) => body,
    };
    Ok(Conforming {
        route,
        proven,
        tenure,
        question,
        head,
        body,
        json,
        verdict,
        charges,
        counted,
        websocket,
    })
}

/// The handshake, where the operation is a WebSocket; elsewhere a wish for one is not heard (RFC 9110 section 7.8). The mode
/// does not matter: what is not a handshake cannot be forwarded as one.
fn websocket(parts: &mut Parts, route: &Route<'_>) -> Result<Option<Asked>, Refusal> {
    let Some(settings) = &route.operation.policy.websocket else {
        return Ok(None);
    };
    if parts.extensions.get::<Asks>().is_none() {
        return Err(Refusal::WebSocket(Unopened::NotAsked));
    }
    let asked = Asked::take(&mut parts.headers).and_then(|asked| asked.keep(&settings.protocols));
    asked.map(Some).map_err(Refusal::WebSocket)
}

fn judge_head(parts: &mut Parts, route: &Route<'_>, gate: &Gate, account: &mut Account) -> Result<(), Refusal> {
    let policy = &route.operation.policy;
    let mode = policy.modes.contract_in;
    if parts.uri.query().is_some_and(is_ambiguous) {
        let code = codes::code(Place::Query, Code::Syntax);
        let status = StatusCode::BAD_REQUEST;
        account.found(
            mode,
            Refusal::Contract {
                code,
                status,
                pointer: None,
                parameter: None,
            }
            .into(),
        )?;
    }
    // Observing tells what would be left out as well, but not every header field that a browser adds.
    let levels = match mode {
        Mode::Observe => policy.undeclared.observed_head(),
        Mode::Enforce | Mode::Off => policy.undeclared.head(),
    };
    let mut refusal = None;
    let head = Head {
        path: parts.uri.path(),
        captures: &route.captures,
        query: parts.uri.query(),
        headers: &parts.headers,
    };
    let judged = route.declared.judge_head(
        &route.api.contract.program,
        head,
        levels,
        &Limits::default(),
        &mut gate.scratch.borrow_mut(),
        &mut |finding| match account.found(mode, of_finding(&finding)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(found) => {
                refusal = Some(found);
                ControlFlow::Break(())
            }
        },
    );
    match judged {
        ControlFlow::Break(()) => Err(refusal.unwrap_or(Refusal::Internal)),
        // Observing changes nothing.
        ControlFlow::Continue(cuts) if mode == Mode::Enforce => cut(parts, cuts),
        ControlFlow::Continue(_) => Ok(()),
    }
}

/// Whether a query has a semicolon: some servers end a parameter there, others do not, so what was judged might not be what
/// is read.
pub(crate) fn is_ambiguous(query: &str) -> bool {
    query.contains(';')
}

pub(crate) fn of_finding<'f>(finding: &Finding<'f>) -> Found<'f> {
    let Violation {
        code, pointer, schema, ..
    } = &finding.violation;
    Found {
        refusal: Refusal::Contract {
            code: codes::code(Place::of(finding.location), *code),
            status: StatusCode::BAD_REQUEST,
            pointer: (!pointer.is_empty()).then(|| pointer.clone()),
            parameter: finding.name.map(str::to_owned),
        },
        undeclared: finding.undeclared,
        at: None,
        schema: *schema,
    }
}

/// Leaves out what the contract does not declare, where it is to be left out and not refused.
fn cut(parts: &mut Parts, cuts: HeadCuts) -> Result<(), Refusal> {
    for name in &cuts.headers {
        parts.headers.remove(name);
    }
    if let Some(cookie) = cuts.cookie {
        parts.headers.remove(header::COOKIE);
        if !cookie.is_empty() {
            let value = HeaderValue::try_from(cookie).map_err(|_| Refusal::Internal)?;
            parts.headers.insert(header::COOKIE, value);
        }
    }
    if let Some(query) = cuts.query {
        let path = parts.uri.path();
        let target = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        };
        let target = PathAndQuery::try_from(target).map_err(|_| Refusal::Internal)?;
        parts.uri = Uri::from(target);
    }
    Ok(())
}

/// The only `Content-Type`; two could be read as either.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// The refusal of a body that cannot be decoded.
pub(crate) fn of_decode_error(error: DecodeError) -> Refusal {
    match error {
        DecodeError::UnknownCoding => Refusal::EncodingUnknown,
        DecodeError::Budget => Refusal::EncodingBudget,
        DecodeError::Broken => Refusal::EncodingBroken,
    }
}
