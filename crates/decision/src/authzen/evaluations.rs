//! Several evaluations in one request (section 7), with defaults and with the three ways to go on after a decision.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::EvaluationResponse;
use crate::decision::DecisionPoint;
use crate::properties::Properties;
use crate::time::UnixTime;
use crate::words::{Action, Evaluation, Resource, Subject};

/// How many evaluations a request may have.
pub const EVALUATIONS_MAX: usize = 1_000;

/// The request: evaluations, with what counts where one of them says nothing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct EvaluationsRequest {
    /// For evaluations without a subject.
    pub subject: Option<Subject>,
    /// For evaluations without an action.
    pub action: Option<Action>,
    /// For evaluations without a resource.
    pub resource: Option<Resource>,
    /// For evaluations without a context.
    pub context: Option<Properties>,
    /// The evaluations. Without any, the request is one evaluation, of the defaults.
    #[serde(default, deserialize_with = "bounded")]
    pub evaluations: Vec<Partial>,
    /// How they are executed.
    #[serde(default)]
    pub options: Options,
}

/// An evaluation that leaves to the defaults what it does not say. A part that is there replaces the default's as a whole.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Partial {
    /// Who.
    pub subject: Option<Subject>,
    /// Does what.
    pub action: Option<Action>,
    /// To what.
    pub resource: Option<Resource>,
    /// Under which circumstances.
    pub context: Option<Properties>,
}

/// Options of the request (section 7.1.2).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Options {
    /// How the evaluations are executed.
    #[serde(default)]
    pub evaluations_semantic: Semantic,
}

/// When to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Semantic {
    /// Never.
    #[default]
    ExecuteAll,
    /// After the first deny.
    DenyOnFirstDeny,
    /// After the first permit.
    PermitOnFirstPermit,
}

/// The answer: one for each evaluation that was executed, in their order; alone where the request had no evaluations.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EvaluationsResponse {
    /// For a request without evaluations.
    One(EvaluationResponse),
    /// For one with them.
    Several {
        /// The answers.
        evaluations: Vec<EvaluationResponse>,
    },
}

/// What is missing of an evaluation that neither it nor the defaults say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete(pub &'static str);

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} is missing", self.0)
    }
}

impl std::error::Error for Incomplete {}

/// Answers a request. An evaluation that is incomplete is denied, and says so.
#[must_use]
pub fn evaluate(point: &dyn DecisionPoint, request: &EvaluationsRequest, at: UnixTime) -> EvaluationsResponse {
    if request.evaluations.is_empty() {
        return EvaluationsResponse::One(answer(point, request, &Partial::default(), at));
    }
    let mut evaluations = Vec::new();
    for partial in &request.evaluations {
        let answer = answer(point, request, partial, at);
        let last = match request.options.evaluations_semantic {
            Semantic::ExecuteAll => false,
            Semantic::DenyOnFirstDeny => !answer.decision,
            Semantic::PermitOnFirstPermit => answer.decision,
        };
        evaluations.push(answer);
        if last {
            break;
        }
    }
    EvaluationsResponse::Several { evaluations }
}

fn answer(
    point: &dyn DecisionPoint,
    request: &EvaluationsRequest,
    partial: &Partial,
    at: UnixTime,
) -> EvaluationResponse {
    match merged(request, partial) {
        Ok(evaluation) => EvaluationResponse::of(&point.evaluate(&evaluation, at)),
        Err(incomplete) => EvaluationResponse::refused(&incomplete.to_string()),
    }
}

fn merged(request: &EvaluationsRequest, partial: &Partial) -> Result<Evaluation, Incomplete> {
    let subject = partial.subject.as_ref().or(request.subject.as_ref());
    let action = partial.action.as_ref().or(request.action.as_ref());
    let resource = partial.resource.as_ref().or(request.resource.as_ref());
    let context = partial.context.as_ref().or(request.context.as_ref());
    Ok(Evaluation {
        subject: subject.ok_or(Incomplete("subject"))?.clone(),
        action: action.ok_or(Incomplete("action"))?.clone(),
        resource: resource.ok_or(Incomplete("resource"))?.clone(),
        context: context.cloned().unwrap_or_default(),
    })
}

/// Reads no more evaluations than there may be.
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Partial>, D::Error> {
    deserializer.deserialize_seq(Evaluations)
}

struct Evaluations;

impl<'de> Visitor<'de> for Evaluations {
    type Value = Vec<Partial>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of evaluations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut read = Vec::new();
        while let Some(one) = access.next_element()? {
            if read.len() == EVALUATIONS_MAX {
                return Err(A::Error::custom(format!("more than {EVALUATIONS_MAX} evaluations")));
            }
            read.push(one);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
