//! Judging saved messages: what the gate would say to a request, and to an answer, told in full and with nothing sent.
//!
//! Every judgement is the controls' own; which of them a body gets is decided here a second time, since nothing stops at the
//! first violation. Left out is what depends on more than the message: rate limits, addresses, pages of other origins, the
//! credentials of callers, handshakes of WebSockets.

use std::ops::ControlFlow;

use http::HeaderMap;
use http::request::Parts;
use http::{Method, StatusCode};
use portcullis_contract::conform::body::{self, xml};
use portcullis_contract::conform::json::{Code, Limits, SchemaId, Undeclared, Violation};
use portcullis_contract::conform::media_type::Content;
use portcullis_contract::conform::operation::{BodyRule, Head};
use portcullis_contract::conform::parameter::{HeadScratch, Location};
use portcullis_contract::document::Span;

use crate::account::Found;
use crate::codes::{self, Place};
use crate::controls::contract_in::{self, content_type, of_decode_error, of_finding};
use crate::controls::contract_out;
use crate::controls::contract_out::may_hold_tokens;
use crate::controls::request_body::files_on_their_way;
use crate::controls::route::check_semicolons;
use crate::controls::violations::Member;
use crate::controls::{forms, judge_text, response_headers, response_tokens, stack_traces, undeclared_name};
use crate::controls::{url_secrets, violations};
use crate::forward::decode::{Budget, Coding, decode};
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

    fn request_body(&mut self, headers: &HeaderMap, body: &[u8], present: bool) {
        if body.len() as u64 > self.bytes_max(headers) {
            return self.push(Mode::Enforce, Refusal::BodyTooLarge.into(), None);
        }
        if self.mode == Mode::Off {
            self.verdict.unjudged = present.then_some("the control is off");
            return;
        }
        let sent = content_type(headers);
        let rule = self.route.declared.body_rule(sent, present);
        if let (Mode::Observe, BodyRule::Content(content)) = (self.mode, &rule) {
            let is_form = matches!(content, Content::Multipart(_));
            let is_large = body.len() > self.route.operation.policy.body_bytes_max;
            if Coding::of(headers).is_err() || (is_form && is_large) {
                self.verdict.unjudged = Some("observing, the gate passes what it cannot read or hold");
                return;
            }
        }
        match rule {
            BodyRule::Absent => {}
            BodyRule::Missing => self.found(Place::Body, Code::Required, None),
            BodyRule::Forbidden => self.found(Place::Body, Code::Undeclared, sent),
            BodyRule::Content(Content::Streamed) => {
                self.verdict.unjudged = Some("its media type passes as bytes, under a bound");
            }
            BodyRule::Content(Content::Undeclared | Content::Unread) => {
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                self.found_code("contract.body.media_type", status, sent);
            }
            BodyRule::Content(Content::Json(schema)) => self.decoded(headers, body, |trial, json| {
                let level = trial.route.operation.policy.undeclared.body;
                trial.json(Place::Body, schema, json, level);
            }),
            BodyRule::Content(Content::Text(schema)) => self.decoded(headers, body, |trial, text| {
                trial.text(Place::Body, schema, text);
            }),
            BodyRule::Content(content @ (Content::Form(_) | Content::Multipart(_))) => {
                self.decoded(headers, body, |trial, form| trial.form(content, sent, form));
            }
            BodyRule::Content(Content::Xml) => self.decoded(headers, body, |trial, xml| trial.xml(Place::Body, xml)),
        }
    }

    /// How large a request's body may be: files of forms may come on top.
    fn bytes_max(&self, headers: &HeaderMap) -> u64 {
        let policy = &self.route.operation.policy;
        let found = self.route.declared.body_rule(content_type(headers), true);
        let files = match found {
            BodyRule::Content(Content::Multipart(_)) if self.mode == Mode::Enforce => {
                files_on_their_way(self.route, headers)
            }
            BodyRule::Content(Content::Multipart(_)) => policy.file_bytes_max,
            _ => None,
        };
        files.unwrap_or_default().saturating_add(policy.body_bytes_max as u64)
    }

    fn decoded(&mut self, headers: &HeaderMap, body: &[u8], judge: impl FnOnce(&mut Self, &[u8])) {
        let budget = Budget {
            bytes_max: self.route.operation.policy.body_bytes_max,
            ..Budget::default()
        };
        let decoded = match Coding::of(headers) {
            Ok(None) => return judge(self, body),
            Ok(Some(coding)) => decode(coding, body, budget),
            Err(error) => Err(error),
        };
        match decoded {
            Ok(body) => judge(self, &body),
            // What was sent is judged then, which finds it wrong, and passes.
            Err(_) if self.mode == Mode::Observe => judge(self, body),
            Err(error) => self.push(Mode::Enforce, of_decode_error(error).into(), None),
        }
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

    fn form(&mut self, content: Content, content_type: Option<&str>, form: &[u8]) {
        let declared = self.route.declared;
        let found = forms::of(content, content_type);
        let Some((fields, boundary)) = found.and_then(|(id, boundary)| Some((declared.fields(id)?, boundary))) else {
            return self.push(Mode::Enforce, Refusal::Internal.into(), None);
        };
        let object = match forms::read(form, boundary, fields, self.route, self.scratch) {
            Ok(object) => object,
            Err(unfit) => {
                let (refusal, schema) = forms::refusal(unfit);
                return self.push(
                    self.mode,
                    Found {
                        schema,
                        ..refusal.into()
                    },
                    None,
                );
            }
        };
        if object.opaque {
            self.verdict.unjudged = Some("it holds a file of whose media type nothing is known; all else was judged");
        }
        let policy = &self.route.operation.policy;
        let level = match policy.undeclared.body {
            // What is passed on while it comes cannot be cut.
            Undeclared::Strip if form.len() > policy.body_bytes_max => Undeclared::Refuse,
            level => level,
        };
        let (program, limits) = (&self.route.api.contract.program, body::limits());
        let json = &object.json;
        let all = violations::of_json(program, fields.schema, json, level, &limits, &mut self.scratch.json);
        for member in all.members {
            // A field can be left out, what is inside of one cannot.
            if level == Undeclared::Strip && member.violation.pointer.is_empty() {
                self.strips(member);
            } else {
                self.breaks(Place::Body, member.violation, Some(&member.name), None);
            }
        }
        if let Some(violation) = all.other {
            let name = undeclared_name(&violation, json);
            self.breaks(Place::Body, violation, name.as_deref(), None);
        }
    }

    fn xml(&mut self, place: Place, xml: &[u8]) {
        if let Err(code) = xml::check(xml) {
            self.found(place, code, None);
        }
    }

    fn json(&mut self, place: Place, schema: SchemaId, json: &[u8], level: Undeclared) {
        let program = &self.route.api.contract.program;
        let limits = Limits::default();
        let all = violations::of_json(program, schema, json, level, &limits, &mut self.scratch.json);
        for member in all.members {
            if level == Undeclared::Strip {
                self.strips(member);
            } else {
                self.breaks(place, member.violation, Some(&member.name), Some(member.offset));
            }
        }
        if let Some(violation) = all.other {
            let (offset, name) = (violation.offset, undeclared_name(&violation, json));
            self.breaks(place, violation, name.as_deref(), Some(offset));
        }
    }

    fn strips(&mut self, member: Member) {
        self.verdict.stripped.push(Stripped {
            location: "body",
            name: member.name,
            pointer: member.violation.pointer,
        });
    }

    fn text(&mut self, place: Place, schema: SchemaId, text: &[u8]) {
        let program = &self.route.api.contract.program;
        if let Err(violation) = judge_text(program, schema, text, &mut self.scratch.json) {
            let offset = violation.offset;
            self.breaks(place, violation, None, Some(offset));
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
