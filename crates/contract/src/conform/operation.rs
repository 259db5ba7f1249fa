//! One operation: one method on one path template, ready to judge requests.

use std::borrow::Cow;
use std::ops::ControlFlow;

use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::body::fields::Fields;
use super::json::{Limits, Program, SchemaId, Undeclared};
use super::media_type::{Content, Contents, FieldsId, Kind};
use super::parameter::{
    HeadScratch, Judging, Parameter, Report, decoded, judge_cookies, judge_headers, judge_path, judge_query,
};
use super::response::{self, Response};
use super::route::Captures;
use super::security::Alternative;
use crate::document::Span;

/// A compiled operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path template as declared.
    pub template: Box<str>,
    /// `operationId`
    pub id: Option<Box<str>>,
    /// `tags`
    pub tags: Vec<Box<str>>,
    /// Where it is declared.
    pub span: Span,
    /// Its parameters.
    pub parameters: Parameters,
    /// Its body; nothing where none is declared.
    pub body: Option<Body>,
    /// Its answers.
    pub responses: Vec<Response>,
    /// Who may call: any of these alternatives. Empty: everybody, and that was said. None: nothing is said.
    pub security: Option<Vec<Alternative>>,
}

/// The parameters of an operation, those of its path item included.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// Of the path, with the index of their capture.
    pub path: Vec<(usize, Parameter)>,
    /// Of the query.
    pub query: Vec<Parameter>,
    /// In header fields.
    pub header: Vec<Parameter>,
    /// In cookies.
    pub cookie: Vec<Parameter>,
    /// Names that security schemes read, declared by that and not judged here.
    pub security: SecurityNames,
}

/// Where the security schemes of an operation look.
#[derive(Clone, Debug, Default)]
pub struct SecurityNames {
    /// Query parameters.
    pub query: Vec<Box<str>>,
    /// Header fields.
    pub header: Vec<HeaderName>,
    /// Cookies.
    pub cookie: Vec<Box<str>>,
}

/// A declared request body.
#[derive(Clone, Debug)]
pub struct Body {
    /// Whether it has to be there.
    pub required: bool,
    /// By media type.
    pub contents: Contents,
}

/// What a request's body has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// None is declared: one that is there is refused (`contract.body.undeclared`).
    Forbidden,
    /// None is there and none is needed.
    Absent,
    /// None is there, but one is needed (`contract.body.required`).
    Missing,
    /// Judge it so; `Undeclared` and `Unread` are 415 (`contract.body.media_type`).
    Content(Content),
}

/// The head of a request, as far as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Head<'r> {
    /// The path as sent, without query.
    pub path: &'r str,
    /// The captures that routing found in it.
    pub captures: &'r Captures,
    /// The query, without `?`.
    pub query: Option<&'r str>,
    /// The header fields.
    pub headers: &'r HeaderMap,
}

/// What happens to undeclared names, by location.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Query parameters.
    pub query: Undeclared,
    /// Header fields that are not [standard](super::parameter::is_standard).
    pub header: Undeclared,
    /// Cookies.
    pub cookie: Undeclared,
}

/// What is to be stripped from a head before it is forwarded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadCuts {
    /// The query to send instead; empty means none.
    pub query: Option<String>,
    /// Header fields to leave out.
    pub headers: Vec<HeaderName>,
    /// The Cookie field to send instead; empty means none.
    pub cookie: Option<String>,
}

impl Operation {
    /// Judges path, query, header fields and cookies, in that order. Every violation is reported until the report
    /// breaks.
    pub fn judge_head(
        &self,
        program: &Program,
        head: Head<'_>,
        levels: Levels,
        limits: &Limits,
        scratch: &mut HeadScratch,
        report: &mut Report<'_>,
    ) -> ControlFlow<(), HeadCuts> {
        scratch.json.share_steps();
        let judged = self.judge_places(program, head, levels, limits, scratch, report);
        scratch.json.end_sharing();
        judged
    }

    fn judge_places(
        &self,
        program: &Program,
        head: Head<'_>,
        levels: Levels,
        limits: &Limits,
        scratch: &mut HeadScratch,
        report: &mut Report<'_>,
    ) -> ControlFlow<(), HeadCuts> {
        let parameters = &self.parameters;
        let security = &parameters.security;
        let mut judging = Judging {
            program,
            limits,
            level: levels.query,
            scratch,
            report,
        };
        judge_path(&parameters.path, head.path, head.captures, &mut judging)?;
        let query = judge_query(&parameters.query, &security.query, head.query, &mut judging)?;
        judging.level = levels.header;
        let headers = judge_headers(&parameters.header, &security.header, head.headers, &mut judging)?;
        judging.level = levels.cookie;
        let cookie = judge_cookies(&parameters.cookie, &security.cookie, head.headers, &mut judging)?;
        ControlFlow::Continue(HeadCuts { query, headers, cookie })
    }

    /// Settles what depends on all schemas being compiled. `anything` is a schema that allows everything. Gives what is
    /// wrong with the encodings of forms.
    pub(crate) fn settle(&mut self, program: &Program, anything: SchemaId) -> Vec<(Span, String)> {
        let bodies = self.body.iter_mut().map(|body| &mut body.contents);
        let answers = self.responses.iter_mut().map(|response| &mut response.contents);
        let settled = bodies
            .chain(answers)
            .flat_map(|contents| contents.settle(program, anything));
        settled.collect()
    }

    /// How the forms of the request's body are read.
    pub fn fields(&self, id: FieldsId) -> Option<&Fields> {
        self.body.as_ref()?.contents.fields(id)
    }

    /// What the body has to be; `present` says whether there is one (a length above nought, or chunks).
    pub fn body_rule(&self, content_type: Option<&str>, present: bool) -> BodyRule {
        match (&self.body, present) {
            (None, true) => BodyRule::Forbidden,
            (None, false) => BodyRule::Absent,
            (Some(body), false) if body.required => BodyRule::Missing,
            (Some(_), false) => BodyRule::Absent,
            (Some(body), true) => {
                BodyRule::Content(content_type.map_or(Content::Undeclared, |text| body.contents.find(text)))
            }
        }
    }

    /// How it is called in logs, metrics and reports: its `operationId`, or its method and path.
    pub fn name(&self) -> Cow<'_, str> {
        match &self.id {
            Some(id) => Cow::Borrowed(id),
            None => Cow::Owned(format!("{} {}", self.method, self.template)),
        }
    }

    /// Whether any declared answer has a body that is judged.
    pub fn judges_answers(&self) -> bool {
        let judged = |kind| matches!(kind, Kind::Json | Kind::Text | Kind::Xml);
        let mut contents = self.responses.iter().flat_map(|response| response.contents.entries());
        contents.any(|entry| judged(entry.kind()) || entry.is_range())
    }

    /// Whether a part of an answer may be asked for (RFC 9110 §14.2): where the contract declares such answers (206), or
    /// lets them pass and has no body that is judged, which only a whole one can be.
    pub fn passes_ranges(&self) -> bool {
        let partial = self.response(StatusCode::PARTIAL_CONTENT);
        partial.is_some_and(|response| response.is_partial() || !self.judges_answers())
    }

    /// The value of a path parameter, decoded; none where it is not declared or cannot be decoded.
    pub fn path_value<'p>(&self, path: &'p str, captures: &Captures, name: &str) -> Option<Cow<'p, str>> {
        let (index, _) = self
            .parameters
            .path
            .iter()
            .find(|(_, parameter)| *parameter.name == *name)?;
        let range = captures.get(*index)?;
        decoded(path.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)?)
    }

    /// The value of a query parameter, decoded; of one that occurs more than once, all values at commas.
    pub fn query_value<'q>(&self, query: Option<&'q str>, name: &str) -> Option<Cow<'q, str>> {
        let mut values = self.query_values(query, name).flatten();
        let first = values.next()?;
        let mut rest = values.peekable();
        if rest.peek().is_none() {
            return Some(first);
        }
        let all = rest.fold(first.into_owned(), |all, value| format!("{all},{value}"));
        Some(Cow::Owned(all))
    }

    /// The values of a query parameter wherever it occurs, decoded; none for one that cannot be, or whose name cannot be or is one that
    /// some take for it: in other letters, or with a bracket behind it.
    pub fn query_values<'q>(&self, query: Option<&'q str>, name: &str) -> impl Iterator<Item = Option<Cow<'q, str>>> {
        let pairs = query.into_iter().flat_map(|query| query.split('&'));
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.filter_map(move |(raw, value)| match decoded(raw) {
            None => Some(None),
            Some(decoded) if *decoded == *name => Some(form_decoded(value)),
            Some(decoded) => is_taken_for(&decoded, name).then_some(None),
        })
    }

    /// The declared answer for a status: the exact one, else its class, else `default`.
    pub fn response(&self, status: StatusCode) -> Option<&Response> {
        response::find(&self.responses, status)
    }
}

/// Whether a reader may take a name in a query for another one.
fn is_taken_for(name: &str, other: &str) -> bool {
    let head = name.as_bytes().get(..other.len());
    let alike = head.is_some_and(|head| head.eq_ignore_ascii_case(other.as_bytes()));
    alike && matches!(name.as_bytes().get(other.len()), None | Some(b'['))
}

/// A value of a query as forms spell it, `+` for a space, so that two spellings of one value are one value.
fn form_decoded(raw: &str) -> Option<Cow<'_, str>> {
    if raw.contains('+') {
        return decoded(&raw.replace('+', " ")).map(|value| Cow::Owned(value.into_owned()));
    }
    decoded(raw)
}
