//! The contract, on the way out: nothing undeclared leaves. Properties that no schema declares are left out, whatever
//! else does not conform blocks the answer; an error of the upstream becomes a sober one.

mod listed;
mod whole;

use std::ops::ControlFlow;
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::response::Parts;
use http::{Method, Response, StatusCode};
use http_body::Body;
use portcullis_contract::conform::body::xml;
use portcullis_contract::conform::json::{Cuts, Limits, SchemaId, Undeclared, Violation};
use portcullis_contract::conform::media_type::Content;
use portcullis_contract::conform::response::Response as Declared;

use self::whole::{Held, Whole};
use super::authorize::{asking, collection};
use super::forward::Answered;
use super::tenure::Tenure;
use super::{response_headers, response_tokens, security_headers, stack_traces, violations};
use crate::account::{Account, Found};
use crate::body::ResponseBody;
use crate::codes::{self, Place};
use crate::forward::headers::is_event_stream;
use crate::gate::Gate;
use crate::limit::{Mode, Outcome};
use crate::metrics::{self, Unjudged};
use crate::refusal::{Blocked, Refusal};
use crate::routes::{Behind, Route};

/// An answer that may leave.
pub struct Judged {
    pub(super) response: Response<ResponseBody>,
    pub(super) tenure: Tenure,
}

/// Judges an answer, and gives back what a success need not have cost.
///
/// # Errors
/// The first violation, where the control enforces; an answer that cannot be read, in any mode.
pub(crate) async fn check(answered: Answered<'_>, gate: &Gate, account: &mut Account) -> Result<Judged, Refusal> {
    let Answered {
        route,
        method,
        ranged,
        charges,
        mut parts,
        body,
        tenure,
        proven,
        address,
    } = answered;
    if charges.may_be_refunded() {
        let outcome = Outcome::of(parts.status);
        gate.limiter().settle(charges, outcome, Instant::now()).await;
    }
    if let Behind::DecisionPoint(_) = route.api.behind {
        // Made by the gate, as its own contract says.
        let response = Response::from_parts(parts, body);
        return Ok(Judged { response, tenure });
    }
    security_headers::remove_banners(&mut parts.headers);
    let mode = route.operation.policy.modes.contract_out;
    let status = parts.status;
    let mut judging = Judging {
        route: &route,
        method,
        ranged,
        parts,
        gate,
        account,
        mode,
        reduced: false,
    };
    let judged = match collection(&route.operation.policy) {
        Some((decided, collection)) if status.is_success() => {
            judging
                .listed(body, collection, |listed| {
                    let mut asking = asking(gate, &proven, address, None);
                    decided.visible(&mut asking, &collection.action, listed)
                })
                .await
        }
        Some(_) if status.is_redirection() => judging.elsewhere(body).await,
        _ => judging.by_contract(body).await,
    };
    match judged {
        Ok(body) => Ok(Judged {
            response: Response::from_parts(judging.parts, body),
            tenure,
        }),
        Err(refusal) => Err(sober(status, refusal)),
    }
}

/// What the client is told when an answer is blocked: of an error, that it was one, and nothing of its making.
pub(crate) fn sober(status: StatusCode, refusal: Refusal) -> Refusal {
    if !matches!(refusal, Refusal::Contract { .. }) {
        return refusal;
    }
    let because = Blocked {
        code: refusal.code(),
        place: refusal.place().map(Into::into),
    };
    match status.as_u16() {
        400..=499 => Refusal::UpstreamStatus { status, because },
        500..=599 => Refusal::UpstreamError { because: Some(because) },
        _ => refusal,
    }
}

/// An answer being judged.
struct Judging<'a, 'r> {
    route: &'a Route<'r>,
    method: Method,
    ranged: bool,
    parts: Parts,
    gate: &'a Gate,
    account: &'a mut Account,
    mode: Mode,
    /// Whether its body is what was left of the upstream's.
    reduced: bool,
}

impl Judging<'_, '_> {
    async fn by_contract(&mut self, body: ResponseBody) -> Result<ResponseBody, Refusal> {
        match self.mode {
            Mode::Off => self.tokens_alone(body).await,
            Mode::Enforce | Mode::Observe => self.judge(body).await,
        }
    }

    async fn judge(&mut self, body: ResponseBody) -> Result<ResponseBody, Refusal> {
        let Some(declared) = self.route.declared.response(self.parts.status) else {
            let status = self.parts.status;
            self.found("contract.response.status", Some(status.as_str()), None)?;
            return Ok(self.pass(body, Unjudged::NoSchema));
        };
        self.headers(declared)?;
        if self.method == Method::HEAD || body.is_end_stream() {
            return Ok(body);
        }
        if declared.contents.is_empty() {
            let sent = self.media_type();
            self.found(
                "contract.response.body.undeclared",
                sent.as_deref(),
                Some(&declared.declared),
            )?;
            return Ok(self.pass(body, Unjudged::NoSchema));
        }
        if self.is_range() {
            return Ok(self.pass(body, Unjudged::Range));
        }
        match self.content(declared) {
            Content::Json(schema) => self.json(body, schema).await,
            Content::Text(schema) => self.text(body, schema).await,
            Content::Xml => self.xml(body).await,
            Content::Streamed => Ok(self.pass(body, Unjudged::Stream)),
            Content::Form(_) | Content::Multipart(_) | Content::Unread => Ok(self.pass(body, Unjudged::MediaType)),
            Content::Undeclared => {
                let sent = self.media_type();
                self.found(
                    "contract.response.media_type",
                    sent.as_deref(),
                    Some(&declared.declared),
                )?;
                Ok(self.pass(body, Unjudged::MediaType))
            }
        }
    }

    /// Where the contract is not asked, tokens may still be looked for, in what is text.
    async fn tokens_alone(&mut self, body: ResponseBody) -> Result<ResponseBody, Refusal> {
        let text = may_hold_tokens(&self.parts.headers);
        let stream = is_event_stream(&self.parts.headers);
        let looking = self.route.operation.policy.modes.response_tokens != Mode::Off;
        if !looking || !text || stream || self.method == Method::HEAD || body.is_end_stream() {
            return Ok(self.pass(body, Unjudged::Off));
        }
        let whole = match self.whole(body).await? {
            Held::Whole(whole) => whole,
            Held::Passing(body) => return Ok(body),
        };
        self.account.unjudged(metrics::Body::Response, Unjudged::Off);
        self.look_for_tokens(&whole.text)?;
        Ok(ResponseBody::Whole(whole.sent))
    }

    /// The media type without its parameters; only observing has a use for it.
    fn media_type(&self) -> Option<String> {
        let sent = self.parts.headers.get(header::CONTENT_TYPE)?;
        let sent = sent.to_str().ok().filter(|_| self.mode == Mode::Observe)?;
        Some(sent.split(';').next().unwrap_or(sent).trim().to_ascii_lowercase())
    }

    /// Whether the body is a part of one, as it was asked for (RFC 9110 §15.3.7). Nobody else's part passes as one.
    fn is_range(&self) -> bool {
        self.ranged && self.parts.status == StatusCode::PARTIAL_CONTENT
    }

    /// By the only `Content-Type`; two could be read as either.
    fn content(&self, declared: &Declared) -> Content {
        let mut values = self.parts.headers.get_all(header::CONTENT_TYPE).iter();
        match (values.next().map(HeaderValue::to_str), values.next()) {
            (Some(Ok(content_type)), None) => declared.content(content_type),
            _ => Content::Undeclared,
        }
    }

    /// Judges the declared header fields, and leaves out those that are neither declared nor everyone's.
    fn headers(&mut self, declared: &Declared) -> Result<(), Refusal> {
        let mut refusal = None;
        let (account, mode) = (&mut *self.account, self.mode);
        let judged = declared.judge_headers(
            &self.route.api.contract.program,
            &self.parts.headers,
            &Limits::default(),
            &mut self.gate.scratch.borrow_mut(),
            &mut |finding| {
                let code = codes::code(Place::ResponseHeader, finding.violation.code);
                let found = contract(code, None, finding.name.map(str::to_owned));
                let schema = finding.violation.schema;
                match account.found(
                    mode,
                    Found {
                        refusal: found,
                        undeclared: None,
                        at: Some(&declared.declared),
                        schema,
                    },
                ) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(found) => {
                        refusal = Some(found);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if judged.is_break() {
            return Err(refusal.unwrap_or(Refusal::Internal));
        }
        if self.mode == Mode::Enforce {
            response_headers::keep_declared(&mut self.parts.headers, declared);
        }
        Ok(())
    }

    /// Passes a body on as it comes, counted.
    fn pass(&mut self, body: ResponseBody, reason: Unjudged) -> ResponseBody {
        if !body.is_end_stream() {
            self.account.unjudged(metrics::Body::Response, reason);
        }
        body
    }

    async fn json(&mut self, body: ResponseBody, schema: SchemaId) -> Result<ResponseBody, Refusal> {
        let whole = match self.whole(body).await? {
            Held::Whole(whole) => whole,
            Held::Passing(body) => return Ok(body),
        };
        let undeclared = if self.route.operation.policy.answer.strip {
            Undeclared::Strip
        } else {
            Undeclared::Refuse
        };
        let program = &self.route.api.contract.program;
        if self.mode == Mode::Observe {
            self.observe(&whole.text, schema, undeclared)?;
            self.look_inside(&whole.text)?;
            return Ok(ResponseBody::Whole(whole.sent));
        }
        let judged = {
            let scratch = &mut self.gate.scratch.borrow_mut().json;
            program.judge(schema, &whole.text, undeclared, &Limits::default(), scratch)
        };
        match judged {
            Err(violation) => {
                self.violates(&violation, &whole.text)?;
                self.look_inside(&whole.text)?;
                Ok(ResponseBody::Whole(whole.sent))
            }
            Ok(cuts) => {
                let kept = self.cut(&whole, &cuts);
                self.look_inside(&kept)?;
                Ok(self.forward(whole, kept))
            }
        }
    }

    async fn text(&mut self, body: ResponseBody, schema: SchemaId) -> Result<ResponseBody, Refusal> {
        let whole = match self.whole(body).await? {
            Held::Whole(whole) => whole,
            Held::Passing(body) => return Ok(body),
        };
        let judged = {
            let scratch = &mut self.gate.scratch.borrow_mut().json;
            super::judge_text(&self.route.api.contract.program, schema, &whole.text, scratch)
        };
        if let Err(violation) = judged {
            self.violates(&violation, &whole.text)?;
        }
        self.look_inside(&whole.text)?;
        let kept = whole.text.clone();
        Ok(self.forward(whole, kept))
    }

    async fn xml(&mut self, body: ResponseBody) -> Result<ResponseBody, Refusal> {
        let whole = match self.whole(body).await? {
            Held::Whole(whole) => whole,
            Held::Passing(body) => return Ok(body),
        };
        if let Err(code) = xml::check(&whole.text) {
            self.found(codes::code(Place::ResponseBody, code), None, None)?;
        }
        self.look_inside(&whole.text)?;
        let kept = whole.text.clone();
        Ok(self.forward(whole, kept))
    }

    /// Forwards what was judged; observing forwards what was sent.
    fn forward(&mut self, whole: Whole, kept: Bytes) -> ResponseBody {
        if self.mode != Mode::Enforce {
            return ResponseBody::Whole(whole.sent);
        }
        if whole.decoded || kept.len() != whole.text.len() {
            super::forget_bytes(&mut self.parts.headers);
        }
        ResponseBody::Whole(kept)
    }

    /// Leaves out what is to be left out.
    fn cut(&mut self, whole: &Whole, cuts: &Cuts) -> Bytes {
        if cuts.is_empty() {
            return whole.text.clone();
        }
        self.account.stripped(cuts.len());
        Bytes::from(cuts.apply(&whole.text))
    }

    /// Tells all that is wrong with a body, and what would be left out of it; leaves it as it is.
    fn observe(&mut self, json: &[u8], schema: SchemaId, undeclared: Undeclared) -> Result<(), Refusal> {
        let program = &self.route.api.contract.program;
        let all = {
            let scratch = &mut self.gate.scratch.borrow_mut().json;
            violations::of_json(program, schema, json, undeclared, &Limits::default(), scratch)
        };
        for member in all.members {
            self.breaks(&member.violation, Some(&member.name))?;
        }
        all.other.map_or(Ok(()), |violation| self.breaks(&violation, None))
    }

    /// Looks for what no schema forbids: tokens that betray, and traces of the software behind.
    fn look_inside(&mut self, body: &[u8]) -> Result<(), Refusal> {
        self.look_for_tokens(body)?;
        if self.parts.status.as_u16() >= 400 && stack_traces::show(body) {
            self.found("contract.response.stack_trace", None, None)?;
        }
        Ok(())
    }

    fn look_for_tokens(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let policy = &self.route.operation.policy;
        let mode = policy.modes.response_tokens;
        if mode != Mode::Off && response_tokens::betray(body, &policy.sensitive_claims) {
            self.account
                .found(mode, contract("contract.response.jwt", None, None).into())?;
        }
        Ok(())
    }

    fn violates(&mut self, violation: &Violation, body: &[u8]) -> Result<(), Refusal> {
        let undeclared = super::undeclared_name(violation, body);
        self.breaks(violation, undeclared.as_deref())
    }

    fn breaks(&mut self, violation: &Violation, undeclared: Option<&str>) -> Result<(), Refusal> {
        let code = codes::code(Place::ResponseBody, violation.code);
        let refusal = contract(code, Some(violation.pointer.clone()), None);
        self.account.found(
            self.mode,
            Found {
                refusal,
                undeclared,
                at: None,
                schema: violation.schema,
            },
        )
    }

    fn found(&mut self, code: &'static str, undeclared: Option<&str>, at: Option<&str>) -> Result<(), Refusal> {
        let found = Found {
            refusal: contract(code, None, None),
            undeclared,
            at,
            schema: self.route.declared.span,
        };
        self.account.found(self.mode, found)
    }
}

fn contract(code: &'static str, pointer: Option<String>, parameter: Option<String>) -> Refusal {
    Refusal::Contract {
        code,
        status: StatusCode::BAD_GATEWAY,
        pointer,
        parameter,
    }
}

/// Whether a body is text by its media type, so that tokens may stand in it.
pub(crate) fn may_hold_tokens(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let mut words = content_type.unwrap_or_default().windows(4);
    words.any(|word| word.eq_ignore_ascii_case(b"json") || word.eq_ignore_ascii_case(b"text"))
}
