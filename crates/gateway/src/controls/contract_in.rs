//! The contract, on the way in: path, query, header fields, cookies and body hold only what the contract declares, and what was
//! judged is what is forwarded.

use std::ops::ControlFlow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{StatusCode, Uri};
use http_body::Body;
use portcullis_contract::conform::json::{Code, Limits, SchemaId, Violation};
use portcullis_contract::conform::media_type::Content;
use portcullis_contract::conform::operation::{BodyRule, Head, HeadCuts};
use portcullis_contract::conform::parameter::Finding;

use super::authorize::Authorized;
use super::route::Routed;
use super::{url_secrets, violations};
use crate::account::{Account, Found};
use crate::body::{BodyError, Bounded, Collected, RequestBody, collect_bounded};
use crate::codes::{self, Place};
use crate::forward::decode::{Budget, Coding, DecodeError, decode};
use crate::gate::Gate;
use crate::holdings::Hold;
use crate::limit::{Charges, Mode};
use crate::listen::{Arrival, Incoming, ReceivedHead};
use crate::metrics::{self, Unjudged};
use crate::refusal::Refusal;
use crate::routes::Route;
use crate::websocket::handshake::{Asked, Asks, Unopened};

/// A request that conforms to its contract.
pub struct Conforming<'r> {
    pub(super) route: Route<'r>,
    pub(super) head: Box<ReceivedHead>,
    pub(super) body: RequestBody,
    /// The judged body, where it is JSON.
    pub(super) json: Option<Bytes>,
    pub(super) charges: Charges,
    /// The room that the body takes, until it is sent.
    pub(super) hold: Option<Hold>,
    /// The handshake of a WebSocket, where the operation is one.
    pub(super) websocket: Option<Asked>,
}

/// Judges a request whole.
///
/// # Errors
/// The first violation, where the control enforces; a body that cannot be read, in any mode.
pub(crate) async fn check<'r>(
    authorized: Authorized<'r>,
    gate: &Gate,
    account: &mut Account,
) -> Result<Conforming<'r>, Refusal> {
    let Routed {
        received,
        route,
        charges,
    } = authorized.routed;
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
    let mut reading = Reading {
        route: &route,
        headers: &mut parts.headers,
        arrival,
        gate,
        account,
        hold: None,
    };
    let (body, json) = reading.body(incoming).await?;
    let hold = reading.hold.take();
    Ok(Conforming {
        route,
        head,
        body,
        json,
        charges,
        hold,
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

/// What reading a body needs.
struct Reading<'a, 'r> {
    route: &'a Route<'r>,
    headers: &'a mut HeaderMap,
    arrival: &'a Arrival,
    gate: &'a Gate,
    account: &'a mut Account,
    hold: Option<Hold>,
}

/// A body to forward, and its JSON if it was judged as such.
type Read = (RequestBody, Option<Bytes>);

impl Reading<'_, '_> {
    async fn body(&mut self, incoming: Incoming) -> Result<Read, Refusal> {
        let present = !incoming.is_end_stream();
        if self.mode() == Mode::Off {
            return self.pass(incoming, Unjudged::Off);
        }
        let readable = Coding::of(self.headers).is_ok();
        match self.route.declared.body_rule(self.content_type(), present) {
            BodyRule::Content(_) if self.mode() == Mode::Observe && !readable => {
                self.pass(incoming, Unjudged::MediaType)
            }
            BodyRule::Absent => Ok((RequestBody::Empty, None)),
            BodyRule::Missing => {
                self.found(codes::code(Place::Body, Code::Required), StatusCode::BAD_REQUEST, None)?;
                Ok((RequestBody::Empty, None))
            }
            BodyRule::Forbidden => {
                let sent = self.media_type();
                let code = codes::code(Place::Body, Code::Undeclared);
                self.found(code, StatusCode::BAD_REQUEST, sent.as_deref())?;
                self.pass(incoming, Unjudged::NoSchema)
            }
            BodyRule::Content(Content::Json(schema)) => self.json(incoming, schema).await,
            BodyRule::Content(Content::Text(schema)) => self.text(incoming, schema).await,
            BodyRule::Content(Content::Streamed) => self.pass(incoming, Unjudged::MediaType),
            BodyRule::Content(Content::Undeclared | Content::Unread) => {
                let (code, status) = ("contract.body.media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE);
                let sent = self.media_type();
                self.found(code, status, sent.as_deref())?;
                self.pass(incoming, Unjudged::MediaType)
            }
        }
    }

    fn mode(&self) -> Mode {
        self.route.operation.policy.modes.contract_in
    }

    fn content_type(&self) -> Option<&str> {
        content_type(self.headers)
    }

    /// The media type without its parameters; only observing has a use for it.
    fn media_type(&self) -> Option<String> {
        let sent = self.content_type().filter(|_| self.mode() == Mode::Observe)?;
        Some(sent.split(';').next().unwrap_or(sent).trim().to_ascii_lowercase())
    }

    fn found(&mut self, code: &'static str, status: StatusCode, undeclared: Option<&str>) -> Result<(), Refusal> {
        let refusal = Refusal::Contract {
            code,
            status,
            pointer: None,
            parameter: None,
        };
        let schema = self.route.declared.span;
        self.account.found(
            self.mode(),
            Found {
                refusal,
                undeclared,
                at: None,
                schema,
            },
        )
    }

    /// Passes a body on as it comes, within the bound, counted.
    fn pass(&mut self, incoming: Incoming, reason: Unjudged) -> Result<Read, Refusal> {
        if incoming.is_end_stream() {
            return Ok((RequestBody::Empty, None));
        }
        self.account.unjudged(metrics::Body::Request, reason);
        let bytes_max = self.route.operation.policy.body_bytes_max as u64;
        let body = Bounded::new(incoming, bytes_max).map_err(|_| Refusal::BodyTooLarge)?;
        Ok((RequestBody::Streamed(body), None))
    }

    async fn json(&mut self, incoming: Incoming, schema: SchemaId) -> Result<Read, Refusal> {
        let (sent, json) = self.decoded(incoming).await?;
        let undeclared = self.route.operation.policy.undeclared.body;
        if self.mode() == Mode::Observe {
            let conforms = self.observe(&json, schema)?;
            return Ok((RequestBody::Whole(sent), conforms.then_some(json)));
        }
        let program = &self.route.api.contract.program;
        let judged = {
            let scratch = &mut self.gate.scratch.borrow_mut().json;
            program.judge(schema, &json, undeclared, &Limits::default(), scratch)
        };
        match judged {
            Err(violation) => {
                self.violates(violation, &json)?;
                Ok((RequestBody::Whole(sent), None))
            }
            Ok(cuts) if cuts.is_empty() => Ok(self.forward(sent, json)),
            Ok(cuts) => Ok(self.forward(sent, Bytes::from(cuts.apply(&json)))),
        }
    }

    /// Tells all that is wrong with a body; says whether nothing is.
    fn observe(&mut self, json: &[u8], schema: SchemaId) -> Result<bool, Refusal> {
        let program = &self.route.api.contract.program;
        let level = self.route.operation.policy.undeclared.body;
        let all = {
            let scratch = &mut self.gate.scratch.borrow_mut().json;
            violations::of_json(program, schema, json, level, scratch)
        };
        let conforms = all.members.is_empty() && all.other.is_none();
        for member in all.members {
            self.breaks(member.violation, Some(&member.name))?;
        }
        if let Some(violation) = all.other {
            self.breaks(violation, None)?;
        }
        Ok(conforms)
    }

    async fn text(&mut self, incoming: Incoming, schema: SchemaId) -> Result<Read, Refusal> {
        let (sent, text) = self.decoded(incoming).await?;
        let judged = {
            let scratch = &mut self.gate.scratch.borrow_mut().json;
            super::judge_text(&self.route.api.contract.program, schema, &text, scratch)
        };
        if let Err(violation) = judged {
            self.violates(violation, &text)?;
            return Ok((RequestBody::Whole(sent), None));
        }
        if self.mode() == Mode::Observe {
            return Ok((RequestBody::Whole(sent), None));
        }
        let (body, _) = self.forward(sent, text);
        Ok((body, None))
    }

    /// Forwards `judged`; where those are not the bytes that were sent, the fields that speak of them go.
    fn forward(&mut self, sent: Bytes, judged: Bytes) -> Read {
        if sent.as_ptr() != judged.as_ptr() || sent.len() != judged.len() {
            super::forget_bytes(self.headers);
        }
        (RequestBody::Whole(judged.clone()), Some(judged))
    }

    fn violates(&mut self, violation: Violation, body: &[u8]) -> Result<(), Refusal> {
        let undeclared = super::undeclared_name(&violation, body);
        self.breaks(violation, undeclared.as_deref())
    }

    fn breaks(&mut self, violation: Violation, undeclared: Option<&str>) -> Result<(), Refusal> {
        let Violation {
            code, pointer, schema, ..
        } = violation;
        let refusal = Refusal::Contract {
            code: codes::code(Place::Body, code),
            status: StatusCode::BAD_REQUEST,
            pointer: Some(pointer),
            parameter: None,
        };
        self.account.found(
            self.mode(),
            Found {
                refusal,
                undeclared,
                at: None,
                schema,
            },
        )
    }

    /// The whole body, as it was sent and decoded.
    async fn decoded(&mut self, incoming: Incoming) -> Result<(Bytes, Bytes), Refusal> {
        let bytes_max = self.route.operation.policy.body_bytes_max;
        let coding = Coding::of(self.headers).map_err(of_decode_error)?;
        let unread = |error| match error {
            BodyError::TooLarge => Refusal::BodyTooLarge,
            BodyError::NoRoom => Refusal::Busy,
            BodyError::Broken | BodyError::TimedOut => self.arrival.body().refusal(),
        };
        let body = Bounded::new(incoming, bytes_max as u64).map_err(unread)?;
        let hold = self.hold.insert(self.gate.hold_request());
        let sent = match collect_bounded(body, bytes_max, hold).await.map_err(unread)? {
            Collected::Whole(sent) => sent,
            Collected::Overflow(_) => return Err(Refusal::BodyTooLarge),
        };
        self.account.bytes_in += sent.len() as u64;
        let Some(coding) = coding else {
            return Ok((sent.clone(), sent));
        };
        let budget = Budget {
            bytes_max,
            ..Budget::default()
        };
        let decoded = match decode(coding, &sent, budget) {
            Ok(decoded) => decoded,
            // What was sent is judged then, which finds it wrong, and passes.
            Err(_) if self.mode() == Mode::Observe => return Ok((sent.clone(), sent)),
            Err(error) => return Err(of_decode_error(error)),
        };
        hold.grow(decoded.len()).map_err(unread)?;
        Ok((sent, Bytes::from(decoded)))
    }
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
