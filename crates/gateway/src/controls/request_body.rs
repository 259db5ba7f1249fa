//! The body of a request: read as far as its media type asks for, judged, and handed on as it was judged. What cannot be
//! judged is passed under a bound and counted, or refused; nothing passes in silence.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderMap;
use http_body::Body;
use portcullis_contract::conform::body::multipart::Bounds;
use portcullis_contract::conform::body::{self, xml};
use portcullis_contract::conform::json::{Code, Limits, SchemaId, Undeclared, Violation};
use portcullis_contract::conform::media_type::{Content, Kind, MediaType, boundary};
use portcullis_contract::conform::operation::BodyRule;
use portcullis_contract::document::Span;

use super::contract_in::{content_type, of_decode_error};
use super::upload::{Rules, Upload, Verdict};
use super::{forms, violations};
use crate::account::{Account, Found};
use crate::body::{BodyError, Bounded, Collected, RequestBody, Resumed, collect_bounded};
use crate::codes::{self, Place};
use crate::forward::decode::{Budget, Coding, decode};
use crate::gate::Gate;
use crate::holdings::Hold;
use crate::limit::{Mode, Stage};
use crate::listen::{Arrival, Incoming};
use crate::metrics::{self, Unjudged};
use crate::refusal::Refusal;
use crate::routes::Route;

/// What reading a body needs.
pub(crate) struct Reading<'a, 'r> {
    route: &'a Route<'r>,
    headers: &'a mut HeaderMap,
    arrival: &'a Arrival,
    gate: &'a Gate,
    account: &'a mut Account,
    left: Leftovers,
}

/// What stays of reading a body until it is sent.
#[derive(Default)]
pub(crate) struct Leftovers {
    /// The room that it takes.
    pub(crate) hold: Option<Hold>,
    /// Why it was broken off, if it is judged on its way and will be.
    pub(crate) verdict: Option<Verdict>,
}

/// A body to forward, and its JSON if it was judged as such.
type Read = (RequestBody, Option<Bytes>);

impl<'a, 'r> Reading<'a, 'r> {
    pub(crate) fn new(
        route: &'a Route<'r>,
        headers: &'a mut HeaderMap,
        arrival: &'a Arrival,
        gate: &'a Gate,
        account: &'a mut Account,
    ) -> Self {
        Self {
            route,
            headers,
            arrival,
            gate,
            account,
            left: Leftovers::default(),
        }
    }

    pub(crate) fn leftovers(self) -> Leftovers {
        self.left
    }
}

impl Reading<'_, '_> {
    /// Reads the body as far as its media type asks for, and judges it.
    ///
    /// # Errors
    /// The first violation, where the control enforces; a body that cannot be read, in any mode.
    pub(crate) async fn body(&mut self, incoming: Incoming) -> Result<Read, Refusal> {
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
            BodyRule::Content(form @ (Content::Form(_) | Content::Multipart(_))) => self.form(incoming, form).await,
            BodyRule::Content(Content::Xml) => self.xml(incoming).await,
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
        self.tell(refusal, undeclared, self.route.declared.span)
    }

    /// Tells what is wrong with the body, and which schema it breaks.
    ///
    /// # Errors
    /// The refusal, where the control enforces.
    fn tell(&mut self, refusal: Refusal, undeclared: Option<&str>, schema: Span) -> Result<(), Refusal> {
        let found = Found {
            undeclared,
            schema,
            ..refusal.into()
        };
        self.account.found(self.mode(), found)
    }

    /// How large the body may be: files of a form with parts may come on top.
    fn bytes_max(&self) -> u64 {
        let policy = &self.route.operation.policy;
        let found = self.content_type().and_then(MediaType::parse);
        let has_parts = found.is_some_and(|found| found.kind() == Kind::Multipart);
        let files = policy.file_bytes_max.filter(|_| has_parts).unwrap_or_default();
        files.saturating_add(policy.body_bytes_max as u64)
    }

    /// Passes a body on as it comes, within the bound, counted.
    fn pass(&mut self, incoming: Incoming, reason: Unjudged) -> Result<Read, Refusal> {
        if incoming.is_end_stream() {
            return Ok((RequestBody::Empty, None));
        }
        let body = Bounded::new(incoming, self.bytes_max()).map_err(|_| Refusal::BodyTooLarge)?;
        self.account.unjudged(metrics::Body::Request, reason);
        Ok((RequestBody::Streamed(body), None))
    }

    async fn json(&mut self, incoming: Incoming, schema: SchemaId) -> Result<Read, Refusal> {
        let (sent, json) = self.decoded(incoming).await?;
        let Some(json) = json else {
            return Ok((RequestBody::Whole(sent), None));
        };
        let undeclared = self.route.operation.policy.undeclared.body;
        if self.mode() == Mode::Observe {
            let conforms = self.observe(&json, schema, &Limits::default())?;
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
    fn observe(&mut self, json: &[u8], schema: SchemaId, limits: &Limits) -> Result<bool, Refusal> {
        let program = &self.route.api.contract.program;
        let level = self.route.operation.policy.undeclared.body;
        let all = {
            let scratch = &mut self.gate.scratch.borrow_mut().json;
            violations::of_json(program, schema, json, level, limits, scratch)
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
        let Some(text) = text else {
            return Ok((RequestBody::Whole(sent), None));
        };
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

    async fn form(&mut self, incoming: Incoming, content: Content) -> Result<Read, Refusal> {
        let announced = incoming.size_hint().lower();
        let held_bytes_max = self.route.operation.policy.body_bytes_max as u64;
        if self.mode() == Mode::Observe && announced > held_bytes_max {
            // An upload that would be judged on its way; observing breaks nothing off.
            return self.pass(incoming, Unjudged::TooLarge);
        }
        let (sent, form) = match self.streamable(content) {
            None => self.decoded(incoming).await?,
            Some(rules) => match self.collected(incoming, &rules).await? {
                Collected::Whole(sent) => (sent.clone(), Some(sent)),
                Collected::Overflow(rest) => return self.upload(rest, rules).await,
            },
        };
        let Some(form) = form else {
            return Ok((RequestBody::Whole(sent), None));
        };
        let (id, boundary) = forms::of(content, self.content_type()).ok_or(Refusal::Internal)?;
        let fields = self.route.declared.fields(id).ok_or(Refusal::Internal)?;
        let read = forms::read(&form, boundary, fields, self.route, &mut self.gate.scratch.borrow_mut());
        let object = match read {
            Ok(object) => object,
            Err(unfit) => {
                let (refusal, schema) = forms::refusal(unfit);
                self.tell(refusal, None, schema)?;
                return Ok((RequestBody::Whole(sent), None));
            }
        };
        if let Some(hold) = &mut self.left.hold {
            hold.grow(object.json.len()).map_err(|_| Refusal::Busy)?;
        }
        if object.opaque {
            self.account.unjudged(metrics::Body::Request, Unjudged::File);
        }
        if self.mode() == Mode::Observe {
            let conforms = self.observe(&object.json, fields.schema, &body::limits())?;
            return Ok((RequestBody::Whole(sent), conforms.then(|| object.json.into())));
        }
        let judged = forms::judge(&object, &form, fields, self.route, &mut self.gate.scratch.borrow_mut());
        match judged {
            Err(violation) => {
                self.violates(violation, &object.json)?;
                Ok((RequestBody::Whole(sent), None))
            }
            Ok(None) => Ok((self.forward(sent, form).0, Some(object.json.into()))),
            Ok(Some(kept)) => Ok((self.forward(sent, kept.form.into()).0, Some(kept.json.into()))),
        }
    }

    /// How a form is judged on its way, where it may be larger than what is held: it has parts, is not compressed, and nobody
    /// needs to know all of it first.
    fn streamable(&self, content: Content) -> Option<Rules> {
        let Content::Multipart(fields) = content else {
            return None;
        };
        let policy = &self.route.operation.policy;
        let file_bytes_max = files_on_their_way(self.route, self.headers)?;
        Some(Rules {
            contract: Arc::clone(&self.route.api.contract),
            operation: self.route.index,
            fields,
            undeclared: match policy.undeclared.body {
                Undeclared::Strip => Undeclared::Refuse,
                level => level,
            },
            bounds: Bounds {
                held_bytes_max: policy.body_bytes_max,
                file_bytes_max,
            },
        })
    }

    async fn collected(&mut self, incoming: Incoming, rules: &Rules) -> Result<Collected<Bounded<Incoming>>, Refusal> {
        let Bounds {
            held_bytes_max,
            file_bytes_max,
        } = rules.bounds;
        let bytes_max = file_bytes_max.saturating_add(held_bytes_max as u64);
        let body = Bounded::new(incoming, bytes_max).map_err(|error| unread(error, self.arrival))?;
        let hold = self.left.hold.insert(self.gate.hold_request());
        let collected = collect_bounded(body, held_bytes_max, hold).await;
        let collected = collected.map_err(|error| unread(error, self.arrival))?;
        if let Collected::Whole(sent) = &collected {
            self.account.bytes_in += sent.len() as u64;
        }
        Ok(collected)
    }

    /// Begins to forward a form that is judged on its way.
    async fn upload(&mut self, body: Resumed<Bounded<Incoming>>, rules: Rules) -> Result<Read, Refusal> {
        let boundary = self.content_type().and_then(boundary).ok_or(Refusal::Internal)?;
        let mut upload = Upload::new(body, boundary, rules, self.gate.hold_request());
        // What was read so far is taken by the upload again.
        self.left.hold = None;
        let verdict = upload.verdict();
        if let Err(error) = upload.begin().await {
            let refused = verdict.take();
            return Err(refused.unwrap_or_else(|| unread(error, self.arrival)));
        }
        self.left.verdict = Some(verdict);
        self.account.unjudged(metrics::Body::Request, Unjudged::File);
        Ok((RequestBody::Upload(Box::new(upload)), None))
    }

    async fn xml(&mut self, incoming: Incoming) -> Result<Read, Refusal> {
        let (sent, xml) = self.decoded(incoming).await?;
        let Some(xml) = xml else {
            return Ok((RequestBody::Whole(sent), None));
        };
        if let Err(code) = xml::check(&xml) {
            self.found(codes::code(Place::Body, code), StatusCode::BAD_REQUEST, None)?;
            return Ok((RequestBody::Whole(sent), None));
        }
        if self.mode() == Mode::Observe {
            return Ok((RequestBody::Whole(sent), None));
        }
        let (body, _) = self.forward(sent, xml);
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
        self.tell(refusal, undeclared, schema)
    }

    /// The whole body, as it was sent and decoded; not decoded where that cannot be done, and the control only observes. It passes then,
    /// and says nothing that could be relied upon: whoever decodes it in another way may find what they will in it.
    async fn decoded(&mut self, incoming: Incoming) -> Result<(Bytes, Option<Bytes>), Refusal> {
        let bytes_max = self.route.operation.policy.body_bytes_max;
        let coding = Coding::of(self.headers).map_err(of_decode_error)?;
        let arrival = self.arrival;
        let unread = |error| unread(error, arrival);
        let body = Bounded::new(incoming, bytes_max as u64).map_err(unread)?;
        let hold = self.left.hold.insert(self.gate.hold_request());
        let sent = match collect_bounded(body, bytes_max, hold).await.map_err(unread)? {
            Collected::Whole(sent) => sent,
            Collected::Overflow(_) => return Err(Refusal::BodyTooLarge),
        };
        self.account.bytes_in += sent.len() as u64;
        let Some(coding) = coding else {
            return Ok((sent.clone(), Some(sent)));
        };
        let budget = Budget {
            bytes_max,
            ..Budget::default()
        };
        let decoded = match decode(coding, &sent, budget) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.tell(of_decode_error(error), None, self.route.declared.span)?;
                return Ok((sent, None));
            }
        };
        hold.grow(decoded.len()).map_err(unread)?;
        Ok((sent, Some(Bytes::from(decoded))))
    }
}

/// How large the files of a form with parts may be that are passed on while they come, on top of what is held; none where the
/// whole form is held: it is compressed, somebody needs to know all of it first, or nothing is enforced.
pub(crate) fn files_on_their_way(route: &Route<'_>, headers: &HeaderMap) -> Option<u64> {
    let policy = &route.operation.policy;
    let counted = route.operation.limits.any(Stage::Target);
    let plain = matches!(Coding::of(headers), Ok(None));
    let enforced = policy.modes.contract_in == Mode::Enforce;
    policy.file_bytes_max.filter(|_| plain && enforced && !counted)
}

/// The refusal of a body that cannot be read.
pub(crate) fn unread(error: BodyError, arrival: &Arrival) -> Refusal {
    match error {
        BodyError::TooLarge => Refusal::BodyTooLarge,
        BodyError::NoRoom => Refusal::Busy,
        BodyError::Broken | BodyError::TimedOut => arrival.body().refusal(),
        BodyError::Refused | BodyError::CredentialEnded => Refusal::Internal,
    }
}
