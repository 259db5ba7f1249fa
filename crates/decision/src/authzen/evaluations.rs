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
    let mut batch = Batch::of(request);
    while let Some(evaluation) = batch.question() {
        batch.answer(EvaluationResponse::of(&point.evaluate(&evaluation, at)));
    }
    batch.finish()
}

/// A request that is being answered: question after question, as its semantic says. Whoever answers may wait for each answer.
pub struct Batch<'r> {
    request: &'r EvaluationsRequest,
    /// The evaluations that are left; of a request without any, one that says nothing itself.
    left: std::slice::Iter<'r, Partial>,
    answers: Vec<EvaluationResponse>,
    ended: bool,
}

/// What an evaluation says that leaves all to the defaults.
const NOTHING: &[Partial] = &[Partial {
    subject: None,
    action: None,
    resource: None,
    context: None,
}];

impl<'r> Batch<'r> {
    /// Nothing is answered yet.
    #[must_use]
    pub fn of(request: &'r EvaluationsRequest) -> Self {
        let written: &[Partial] = match request.evaluations.as_slice() {
            [] => NOTHING,
            written => written,
        };
        Self {
            request,
            left: written.iter(),
            answers: Vec::new(),
            ended: false,
        }
    }

    /// The next questions, so many at most, for whoever asks about several at once: [`Batch::question`] gives the same ones, for as long as
    /// no answer ends it.
    #[must_use]
    pub fn upcoming(&self, questions_max: usize) -> Vec<Evaluation> {
        if self.ended {
            return Vec::new();
        }
        let left = self.left.clone();
        let complete = left.filter_map(|partial| merged(self.request, partial).ok());
        complete.take(questions_max).collect()
    }

    /// The next question; none where all are answered that are to be. What is incomplete is answered on the way.
    pub fn question(&mut self) -> Option<Evaluation> {
        while !self.ended {
            match merged(self.request, self.left.next()?) {
                Ok(evaluation) => return Some(evaluation),
                Err(incomplete) => self.answer(EvaluationResponse::refused(&incomplete.to_string())),
            }
        }
        None
    }

    /// The answer to the last question.
    pub fn answer(&mut self, answer: EvaluationResponse) {
        self.ended = match self.request.options.evaluations_semantic {
            Semantic::ExecuteAll => false,
            Semantic::DenyOnFirstDeny => !answer.decision,
            Semantic::PermitOnFirstPermit => answer.decision,
        };
        self.answers.push(answer);
    }

    /// The answers.
    #[must_use]
    pub fn finish(mut self) -> EvaluationsResponse {
        match (self.request.evaluations.is_empty(), self.answers.pop()) {
            (true, Some(only)) => EvaluationsResponse::One(only),
            (_, last) => {
                self.answers.extend(last);
                EvaluationsResponse::Several {
                    evaluations: self.answers,
                }
            }
        }
    }
}

fn merged(request: &EvaluationsRequest, partial: &Partial) -> Result<Evaluation, Incomplete> {
    let subject = partial.subject.as_ref().or(request.subject.as_ref());
    let action = partial.action.as_ref().or(request.action.as_ref());
    let resource = partial.resource.as_ref().or(request.resource.as_ref());
    let context = partial.context.as_ref().or(request.context.as_ref());
    Ok(Evaluation {
        subject: subject.ok_or(Incomplete("subject"))?.clone().into(),
        action: action.ok_or(Incomplete("action"))?.clone(),
        resource: resource.ok_or(Incomplete("resource"))?.clone(),
        context: context.cloned().unwrap_or_default().into(),
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
