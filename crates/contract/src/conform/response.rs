//! Declared answers: the statuses they are for, their header fields, their bodies. Nothing here reads a body.

use std::ops::ControlFlow;

use http::{HeaderMap, StatusCode};

use super::json::{Limits, Program, Undeclared};
use super::media_type::{Content, Contents};
use super::parameter::{HeadScratch, Judging, Parameter, Report, judge_declared};

/// The statuses that one entry of `responses` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statuses {
    /// One.
    One(StatusCode),
    /// `4XX`: the first digit.
    Class(u16),
    /// `default`: every other.
    Default,
}

impl Statuses {
    /// Reads a key of `responses`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "default" {
            return Some(Self::Default);
        }
        match text.as_bytes() {
            [digit @ b'1'..=b'5', b'X' | b'x', b'X' | b'x'] => Some(Self::Class(u16::from(digit - b'0'))),
            [_, _, _] => StatusCode::from_bytes(text.as_bytes()).ok().map(Self::One),
            _ => None,
        }
    }

    /// Whether a status is one of them, and how exactly they say so: larger is more exact.
    fn includes(self, status: StatusCode) -> Option<u8> {
        match self {
            Self::One(one) => (one == status).then_some(2),
            Self::Class(digit) => (status.as_u16() / 100 == digit).then_some(1),
            Self::Default => Some(0),
        }
    }
}

/// One declared answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The key as declared: `200`, `4XX`, `default`.
    pub declared: Box<str>,
    /// The statuses it is for.
    pub statuses: Statuses,
    /// The header fields it declares; `Content-Type` is not among them (OpenAPI 3.1 §4.8.17).
    pub headers: Vec<Parameter>,
    /// Its bodies by media type; empty means no body is declared.
    pub contents: Contents,
}

impl Response {
    /// Judges the declared header fields of an answer.
    pub fn judge_headers(
        &self,
        program: &Program,
        headers: &HeaderMap,
        limits: &Limits,
        scratch: &mut HeadScratch,
        report: &mut Report<'_>,
    ) -> ControlFlow<()> {
        let level = Undeclared::Allow;
        scratch.json.share_steps();
        let mut judging = Judging {
            program,
            limits,
            level,
            scratch,
            report,
        };
        let judged = judge_declared(&self.headers, headers, &mut judging);
        scratch.json.end_sharing();
        judged
    }

    /// Whether it is for parts of a body (206), which no schema of the whole can judge.
    pub fn is_partial(&self) -> bool {
        self.statuses == Statuses::One(StatusCode::PARTIAL_CONTENT)
    }

    /// Whether it declares a header field, by its name in lower case.
    pub fn declares_header(&self, name: &str) -> bool {
        self.headers.iter().any(|header| *header.name == *name)
    }

    /// The content for the value of a Content-Type field.
    pub fn content(&self, content_type: &str) -> Content {
        self.contents.find(content_type)
    }
}

/// The most exact of the answers that are for a status.
pub(crate) fn find(responses: &[Response], status: StatusCode) -> Option<&Response> {
    let exactness = |response: &&Response| response.statuses.includes(status);
    responses
        .iter()
        .filter(|response| exactness(response).is_some())
        .max_by_key(exactness)
}
