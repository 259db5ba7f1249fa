//! Bodies of saved messages: which control judges one, and what it says.

use http::{HeaderMap, StatusCode};
use portcullis_contract::conform::body::{self, xml};
use portcullis_contract::conform::json::{Code, Limits, SchemaId, Undeclared};
use portcullis_contract::conform::media_type::Content;
use portcullis_contract::conform::operation::BodyRule;

use super::{Stripped, Trial};
use crate::account::Found;
use crate::codes::Place;
use crate::controls::contract_in::{content_type, of_decode_error};
use crate::controls::request_body::files_on_their_way;
use crate::controls::violations::Member;
use crate::controls::{forms, judge_text, undeclared_name, violations};
use crate::forward::decode::{Budget, Coding, decode};
use crate::limit::Mode;
use crate::refusal::Refusal;

impl Trial<'_, '_> {
    pub(super) fn request_body(&mut self, headers: &HeaderMap, body: &[u8], present: bool) {
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

    pub(super) fn xml(&mut self, place: Place, xml: &[u8]) {
        if let Err(code) = xml::check(xml) {
            self.found(place, code, None);
        }
    }

    pub(super) fn json(&mut self, place: Place, schema: SchemaId, json: &[u8], level: Undeclared) {
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

    pub(super) fn text(&mut self, place: Place, schema: SchemaId, text: &[u8]) {
        let program = &self.route.api.contract.program;
        if let Err(violation) = judge_text(program, schema, text, &mut self.scratch.json) {
            let offset = violation.offset;
            self.breaks(place, violation, None, Some(offset));
        }
    }
}
