//! Judging saved messages: what the gate would say to a request, and to an answer, told in full and with nothing sent.
//!
//! Every judgement is the controls' own; which of them a body gets is decided here a second time, since nothing stops at the
//! first violation. Left out is what depends on more than the message: rate limits, addresses, pages of other origins, the
//! credentials of callers and what they may do, handshakes of WebSockets.

mod bodies;

use std::ops::ControlFlow;

use http::HeaderMap;
use http::request::Parts;
use http::{Method, StatusCode};
use portcullis_contract::conform::json::{Code, Limits, Undeclared, Violation};
use portcullis_contract::conform::media_type::Content;
use portcullis_contract::conform::operation::Head;
use portcullis_contract::conform::parameter::{HeadScratch, Location};
use portcullis_contract::document::Span;

use crate::account::Found;
use crate::codes::{self, Place};
use crate::controls::contract_in::{self, content_type, of_finding};
use crate::controls::contract_out;
use crate::controls::contract_out::may_hold_tokens;
use crate::controls::route::check_semicolons;
use crate::controls::url_secrets;
use crate::controls::{response_headers, response_tokens, stack_traces};
use crate::forward::headers::is_event_stream;
use crate::limit::Mode;
use crate::refusal::Refusal;
use crate::routes::{Route, Routes, Target};

/// What the controls say of one message.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Everything that would be refused, in the order in which the gate meets it.
    pub findings: Vec<Finding>,
    /// What would be left out before the message goes on.
    pub stripped: Vec<Stripped>,
    /// Why the body passes without being judged, where it does.
    pub unjudged: Option<&'static str>,
    /// The status of an answer; none of a request.
    pub status: Option<StatusCode>,
}

/// Something that would be refused.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The refusal.
    pub refusal: Refusal,
    /// The mode of the control: only [`Mode::Enforce`] refuses.
    pub mode: Mode,
    /// The sender's name for what the contract does not declare. No refusal tells it.
    pub undeclared: Option<String>,
    /// Where in the (decoded) body, in bytes; none outside of bodies.
    pub offset: Option<usize>,
    /// The schema or parameter that was broken; line 0 where there is none.
    pub schema: Span,
}

/// Something that would be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripped {
    /// `query`, `header`, `cookie` or `body`.
    pub location: &'static str,
    /// The sender's name for it.
    pub name: String,
    /// Where in a body, as an RFC 6901 pointer; empty elsewhere.
    pub pointer: String,
}

impl Verdict {
    /// What the gate answers instead of passing the message on; none where it passes.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let mut refused = self.findings.iter().filter(|finding| finding.mode == Mode::Enforce);
        let refusal = refused.next()?.refusal.clone();
        Some(match self.status {
            Some(status) => contract_out::sober(status, refusal),
            None => refusal,
        })
    }
}

/// Finds the operation of a request. `host` is the `Host` field; `path` has been found canonical by
/// [`check_path`](crate::listen::check_path).
///
/// # Errors
/// See [`Routes::find`]; [`Refusal::Path`] for a semicolon that belongs to no parameter.
pub fn find<'r>(routes: &'r Routes, host: &str, path: &str, method: &Method) -> Result<Route<'r>, Refusal> {
    let target = Target {
        host,
        path,
        listener: None,
    };
    let route = routes.find(target, method)?;
    check_semicolons(path, &route)?;
    Ok(route)
}

/// Judges a request for an operation that routing found. `body` is as it was sent, without its transfer coding;
/// `present` says whether the request has one at all. Fields of one hop must be gone
/// ([`strip_hop_by_hop`](crate::forward::headers::strip_hop_by_hop)).
#[must_use]
pub fn request(route: &Route<'_>, parts: &Parts, body: &[u8], present: bool, scratch: &mut HeadScratch) -> Verdict {
    let modes = route.operation.policy.modes;
    let mut trial = Trial {
        route,
        mode: modes.contract_in,
        scratch,
        verdict: Verdict::default(),
    };
    if modes.url_secrets != Mode::Off
        && let Err(refusal) = url_secrets::look(&parts.uri, route.declared)
    {
        trial.push(modes.url_secrets, refusal.into(), None);
    }
    if modes.contract_in != Mode::Off {
        if parts.uri.query().is_some_and(contract_in::is_ambiguous) {
            trial.found(Place::Query, Code::Syntax, None);
        }
        trial.head(parts);
    }
    trial.request_body(&parts.headers, body, present);
    trial.verdict
}

/// Judges the answer to a request for this operation. `body` is decoded already; none where it was not saved.
#[must_use]
pub fn answer(
    route: &Route<'_>,
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    scratch: &mut HeadScratch,
) -> Verdict {
    let mut trial = Trial {
        route,
        mode: route.operation.policy.modes.contract_out,
        scratch,
        verdict: Verdict {
            status: Some(status),
            ..Verdict::default()
        },
    };
    match (trial.mode, body) {
        (Mode::Off, body) => {
            trial.verdict.unjudged = Some("the control is off");
            if may_hold_tokens(headers) && !is_event_stream(headers) {
                trial.look_for_tokens(body.unwrap_or_default());
            }
        }
        (_, body) => trial.answer(status, headers, body.filter(|_| *method != Method::HEAD)),
    }
    trial.verdict
}

/// One message being judged.
struct Trial<'a, 'r> {
    route: &'a Route<'r>,
    mode: Mode,
    scratch: &'a mut HeadScratch,
    verdict: Verdict,
}

impl Trial<'_, '_> {
    fn head(&mut self, parts: &Parts) {
        let policy = &self.route.operation.policy;
        let head = Head {
            path: parts.uri.path(),
            captures: &self.route.captures,
            query: parts.uri.query(),
            headers: &parts.headers,
        };
        let (mode, verdict) = (self.mode, &mut self.verdict);
        let levels = policy.undeclared;
        let strips = |location| match location {
            Location::Path => false,
            Location::Query => levels.query == Undeclared::Strip,
            Location::Header => levels.header == Undeclared::Strip,
            Location::Cookie => levels.cookie == Undeclared::Strip,
        };
        // Nothing breaks off, so there is no refusal to hand back.
        let _ = self.route.declared.judge_head(
            &self.route.api.contract.program,
            head,
            levels.told_head(),
            &Limits::default(),
            self.scratch,
            &mut |finding| {
                match finding.undeclared.filter(|_| strips(finding.location)) {
                    Some(name) => verdict.stripped.push(Stripped {
                        location: finding.location.name(),
                        name: name.to_owned(),
                        pointer: String::new(),
                    }),
                    None => verdict.push(mode, of_finding(&finding), None),
                }
                ControlFlow::Continue(())
            },
        );
    }

    fn answer(&mut self, status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) {
        let Some(declared) = self.route.declared.response(status) else {
            return self.found_code(
                "contract.response.status",
                StatusCode::BAD_GATEWAY,
                Some(status.as_str()),
            );
        };
        self.answer_headers(declared, headers);
        let Some(body) = body.filter(|body| !body.is_empty()) else {
            return;
        };
        let policy = &self.route.operation.policy;
        if declared.contents.is_empty() {
            return self.found(Place::ResponseBody, Code::Undeclared, content_type(headers));
        }
        if body.len() > policy.answer.body_bytes_max {
            match policy.answer.stream_oversize {
                true => self.verdict.unjudged = Some("it is over the bound for judging"),
                false => self.found_code("contract.response.oversize", StatusCode::BAD_GATEWAY, None),
            }
            return;
        }
        match content_type(headers).map_or(Content::Undeclared, |sent| declared.content(sent)) {
            Content::Json(schema) => {
                let level = match policy.answer.strip {
                    true => Undeclared::Strip,
                    false => Undeclared::Refuse,
                };
                self.json(Place::ResponseBody, schema, body, level);
                self.look_inside(status, body);
            }
            Content::Text(schema) => {
                self.text(Place::ResponseBody, schema, body);
                self.look_inside(status, body);
            }
            Content::Xml => {
                self.xml(Place::ResponseBody, body);
                self.look_inside(status, body);
            }
            Content::Streamed | Content::Form(_) | Content::Multipart(_) | Content::Unread => {
                self.verdict.unjudged = Some("its media type passes without being judged");
            }
            Content::Undeclared => {
                let sent = content_type(headers);
                self.found_code("contract.response.media_type", StatusCode::BAD_GATEWAY, sent);
            }
        }
    }

    fn answer_headers(&mut self, declared: &portcullis_contract::conform::response::Response, headers: &HeaderMap) {
        let (mode, verdict) = (self.mode, &mut self.verdict);
        let _ = declared.judge_headers(
            &self.route.api.contract.program,
            headers,
            &Limits::default(),
            self.scratch,
            &mut |finding| {
                let code = codes::code(Place::ResponseHeader, finding.violation.code);
                let refusal = contract(code, StatusCode::BAD_GATEWAY, None, finding.name.map(str::to_owned));
                let found = Found {
                    schema: finding.violation.schema,
                    ..refusal.into()
                };
                verdict.push(mode, found, None);
                ControlFlow::Continue(())
            },
        );
        if mode == Mode::Enforce {
            let left_out = headers
                .keys()
                .filter(|name| !response_headers::leaves(name.as_str(), declared));
            verdict.stripped.extend(left_out.map(|name| Stripped {
                location: "header",
                name: name.to_string(),
                pointer: String::new(),
            }));
        }
    }

    fn look_inside(&mut self, status: StatusCode, body: &[u8]) {
        self.look_for_tokens(body);
        if status.as_u16() >= 400 && stack_traces::show(body) {
            let refusal = contract("contract.response.stack_trace", StatusCode::BAD_GATEWAY, None, None);
            self.push(self.mode, refusal.into(), None);
        }
    }

    fn look_for_tokens(&mut self, body: &[u8]) {
        let policy = &self.route.operation.policy;
        let mode = policy.modes.response_tokens;
        if mode != Mode::Off && response_tokens::betray(body, &policy.sensitive_claims) {
            let refusal = contract("contract.response.jwt", StatusCode::BAD_GATEWAY, None, None);
            self.push(mode, refusal.into(), None);
        }
    }

    fn breaks(&mut self, place: Place, violation: Violation, undeclared: Option<&str>, offset: Option<usize>) {
        let code = codes::code(place, violation.code);
        let found = Found {
            refusal: contract(code, status_of(place), Some(violation.pointer), None),
            undeclared,
            at: None,
            schema: violation.schema,
        };
        self.push(self.mode, found, offset);
    }

    fn found(&mut self, place: Place, code: Code, undeclared: Option<&str>) {
        self.found_code(codes::code(place, code), status_of(place), undeclared);
    }

    fn found_code(&mut self, code: &'static str, status: StatusCode, undeclared: Option<&str>) {
        let found = Found {
            refusal: contract(code, status, None, None),
            undeclared,
            at: None,
            schema: self.route.declared.span,
        };
        self.push(self.mode, found, None);
    }

    fn push(&mut self, mode: Mode, found: Found<'_>, offset: Option<usize>) {
        self.verdict.push(mode, found, offset);
    }
}

impl Verdict {
    fn push(&mut self, mode: Mode, found: Found<'_>, offset: Option<usize>) {
        self.findings.push(Finding {
            refusal: found.refusal,
            mode,
            undeclared: found.undeclared.map(str::to_owned),
            offset,
            schema: found.schema,
        });
    }
}

fn status_of(place: Place) -> StatusCode {
    match place {
        Place::ResponseHeader | Place::ResponseBody => StatusCode::BAD_GATEWAY,
        Place::Path | Place::Query | Place::Header | Place::Cookie | Place::Body => StatusCode::BAD_REQUEST,
    }
}

fn contract(code: &'static str, status: StatusCode, pointer: Option<String>, parameter: Option<String>) -> Refusal {
    Refusal::Contract {
        code,
        status,
        pointer,
        parameter,
    }
}
