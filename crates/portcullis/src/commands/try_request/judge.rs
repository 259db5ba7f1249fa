//! One saved request after the other through the controls, in the order of the pipeline.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::HOST;
use portcullis_contract::conform::parameter::HeadScratch;
use portcullis_contract::document::Document;
use portcullis_gateway::forward::headers::strip_hop_by_hop;
use portcullis_gateway::listen::{Bounds, PathProblem, check_path};
use portcullis_gateway::policy::Mode;
use portcullis_gateway::refusal::Refusal;
use portcullis_gateway::routes::Route;
use portcullis_gateway::trial::{self, Finding, Stripped, Verdict};

use super::astray::{self, Aim};
use super::har::Answer;
use super::http::{Message, Whole};
use crate::assemble::{self, Looked, Offline, StartError};
use crate::config::checked::Configuration;
use crate::contracts::{Loaded, place};

/// The controls of a configuration.
pub(super) struct Judge {
    offline: Offline,
    /// By the name of the API.
    documents: HashMap<String, Arc<Document>>,
    scratch: HeadScratch,
}

/// What became of one request.
#[derive(Debug)]
pub(super) struct Judged {
    /// Where it was saved.
    pub(super) name: String,
    /// Its method and path; empty where it is not HTTP.
    pub(super) target: String,
    /// The API and the operation that it is for.
    pub(super) operation: Option<(String, String)>,
    pub(super) request: Told,
    pub(super) answer: Option<Told>,
}

/// What the controls say of a message, for a reader.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The code and the status of the refusal.
    pub(super) refused: Option<(&'static str, u16)>,
    /// For an answer, its own status.
    pub(super) status: Option<u16>,
    pub(super) violations: Vec<Violation>,
    pub(super) stripped: Vec<Stripped>,
    pub(super) unjudged: Option<&'static str>,
}

/// One violation, in full.
#[derive(Debug, Default)]
pub(super) struct Violation {
    pub(super) code: &'static str,
    pub(super) status: u16,
    /// The mode of its control, if it does not enforce.
    pub(super) mode: Option<&'static str>,
    /// Where in the body; `Some("")` is the whole of it.
    pub(super) pointer: Option<String>,
    pub(super) parameter: Option<String>,
    /// The sender's name for what is not declared.
    pub(super) undeclared: Option<String>,
    /// Where in the decoded body, or in the malformed message, in bytes.
    pub(super) offset: Option<usize>,
    /// The broken schema, as `file:line:column`.
    pub(super) schema: Option<String>,
    /// What else is to be said.
    pub(super) reason: Option<String>,
}

impl Judged {
    /// Whether the gate would refuse the request, or block its answer.
    pub(super) fn is_refused(&self) -> bool {
        let answer = self.answer.as_ref().is_some_and(|answer| answer.refused.is_some());
        self.request.refused.is_some() || answer
    }
}

impl Judge {
    /// # Errors
    /// The rate limits cannot be used.
    pub(super) fn new(configuration: &Configuration, looked: &Looked, apis: Vec<Loaded>) -> Result<Self, StartError> {
        let documents = apis.iter().map(|api| (api.api.name.clone(), Arc::clone(&api.document)));
        let documents = documents.collect();
        Ok(Self {
            offline: assemble::offline(configuration, looked, apis)?,
            documents,
            scratch: HeadScratch::default(),
        })
    }

    /// The bounds of a head.
    pub(super) fn bounds(&self) -> Bounds {
        self.offline.bounds
    }

    /// Judges a request and, if it has one, its answer.
    pub(super) fn judge(&mut self, name: String, message: Message, answer: Option<Answer>) -> Judged {
        let whole = match message {
            Message::Whole(whole) => whole,
            Message::Malformed { offset, reason } => {
                let mut request = refused(&Refusal::Malformed(reason));
                for violation in &mut request.violations {
                    violation.offset = Some(offset);
                    violation.reason = Some(reason.reason().to_owned());
                }
                return Judged {
                    name,
                    target: String::new(),
                    operation: None,
                    request,
                    answer: None,
                };
            }
        };
        let Whole {
            mut parts,
            body,
            present,
        } = *whole;
        strip_hop_by_hop(&mut parts.headers);
        let target = format!("{} {}", parts.method, parts.uri.path());
        let host = parts
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        let canonical = check_path(parts.uri.path()).map_err(Refusal::Path);
        let found = canonical.and_then(|()| trial::find(&self.offline.routes, host, parts.uri.path(), &parts.method));
        let route = match found {
            Ok(route) => route,
            Err(refusal) => {
                let mut request = refused(&refusal);
                let aim = Aim {
                    host,
                    path: parts.uri.path(),
                    method: &parts.method,
                };
                if let Some(reason) = astray::reason(&self.offline.routes, aim, &refusal) {
                    request
                        .violations
                        .iter_mut()
                        .for_each(|violation| violation.reason = Some(reason.clone()));
                }
                return Judged {
                    name,
                    target,
                    operation: None,
                    request,
                    answer: None,
                };
            }
        };
        let scratch = &mut self.scratch;
        let document = self.documents.get(&*route.api.name).map(|document| &**document);
        let request = told(trial::request(&route, &parts, &body, present, scratch), document);
        let answer = answer.map(|answer| judge_answer(&route, &parts.method, &answer, document, scratch));
        Judged {
            name,
            target,
            operation: Some((route.api.name.to_string(), route.declared.name().into_owned())),
            request,
            answer,
        }
    }
}

fn judge_answer(
    route: &Route<'_>,
    method: &http::Method,
    answer: &Answer,
    document: Option<&Document>,
    scratch: &mut HeadScratch,
) -> Told {
    let Answer { status, headers, body } = answer;
    let verdict = trial::answer(route, method, *status, headers, body.as_deref(), scratch);
    let mut told = told(verdict, document);
    told.status = Some(status.as_u16());
    if body.is_none() && told.unjudged.is_none() {
        told.unjudged = Some("it was not saved");
    }
    told
}

fn told(verdict: Verdict, document: Option<&Document>) -> Told {
    Told {
        refused: verdict
            .refusal()
            .map(|refusal| (refusal.code(), refusal.status().as_u16())),
        status: None,
        violations: verdict
            .findings
            .iter()
            .map(|finding| violation(finding, document))
            .collect(),
        stripped: verdict.stripped,
        unjudged: verdict.unjudged,
    }
}

fn violation(finding: &Finding, document: Option<&Document>) -> Violation {
    let Finding {
        refusal,
        mode,
        undeclared,
        offset,
        schema,
    } = finding;
    let schema = document
        .filter(|_| schema.line > 0)
        .map(|document| place(document, *schema));
    Violation {
        mode: match mode {
            Mode::Enforce => None,
            Mode::Observe => Some("observe"),
            Mode::Off => Some("off"),
        },
        undeclared: undeclared.clone(),
        offset: *offset,
        schema,
        ..of_refusal(refusal)
    }
}

/// A refusal that has no more to it than its code.
fn refused(refusal: &Refusal) -> Told {
    Told {
        refused: Some((refusal.code(), refusal.status().as_u16())),
        violations: vec![of_refusal(refusal)],
        ..Told::default()
    }
}

fn of_refusal(refusal: &Refusal) -> Violation {
    let (pointer, parameter, reason) = match refusal {
        Refusal::Contract { pointer, parameter, .. } => (pointer.clone(), parameter.clone(), None),
        Refusal::UrlSecret { parameter } => (None, parameter.clone(), None),
        Refusal::Path(problem) => (None, None, Some(words(*problem))),
        Refusal::RouteMethod { allow } => (None, None, Some(format!("allowed: {allow}"))),
        _ => (None, None, None),
    };
    Violation {
        code: refusal.code(),
        status: refusal.status().as_u16(),
        pointer,
        parameter,
        reason: reason.or_else(|| Some(refusal.line().title.to_owned())),
        ..Violation::default()
    }
}

/// A problem of a path, in words.
fn words(problem: PathProblem) -> String {
    let words = match problem {
        PathProblem::DotSegment => "a dot segment",
        PathProblem::TrailingDot => "a segment that ends with a dot",
        PathProblem::EmptySegment => "an empty segment",
        PathProblem::EncodedSlash => "an encoded slash, or a backslash",
        PathProblem::Control => "a control character",
        PathProblem::Escape => "a `%` without two hexadecimal digits",
        PathProblem::DoubleEncoding => "something encoded twice",
        PathProblem::Utf8 => "bytes that are not UTF-8",
        PathProblem::Semicolon => "a semicolon where no matrix parameter is declared",
        PathProblem::Character => "a character that no path has",
        PathProblem::NeedlessEscape => "an escape of a character that needs none",
    };
    format!("the path has {words}")
}
