//! An answer: Cedar's own, of the policies whose scope holds.

use cedar_policy_core::ast::{Literal, Value, ValueKind};
use cedar_policy_core::evaluator::{EvaluationError, Evaluator};
use cedar_policy_core::extensions::Extensions;

use smallvec::SmallVec;

use super::index::Keys;
use super::needs::Needs;
pub use super::question::Failure;
use super::question::Question;
use super::{Cedar, Compiled, Effect};
use crate::decision::Rule;
use crate::time::UnixTime;
use crate::words::Evaluation;

/// What Cedar's authorizer answers: the decision, the policies that made it, those that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether a policy permits and none forbids.
    pub permits: bool,
    /// The policies that permit, if that is the decision; those that forbid otherwise. In their order.
    pub determining: Vec<Rule>,
    /// The policies that failed, and how. They count as if they were not there.
    pub errors: Vec<(Rule, String)>,
    /// Whether one of those that failed forbids.
    pub forbid_failed: bool,
}

impl Cedar {
    /// Cedar's answer.
    ///
    /// # Errors
    ///
    /// The evaluation cannot be put to Cedar: a type that can have no such name, a property that is not what the schema says.
    pub fn answer(&self, evaluation: &Evaluation, at: UnixTime) -> Result<Answer, Failure> {
        let question = Question::of(&self.known, &self.names, evaluation)?;
        let candidates = self.in_scope(&question);
        let mut held: Vec<&Compiled> = Vec::new();
        let mut errors = Vec::new();
        self.evaluate(&question, &candidates, at, |policy, result| match result {
            Ok(true) => held.push(policy),
            Ok(false) => {}
            Err(error) => errors.push((policy, error.to_string())),
        })?;
        let forbidden = held.iter().any(|policy| policy.effect == Effect::Forbid);
        let deciding = if forbidden { Effect::Forbid } else { Effect::Permit };
        held.retain(|policy| policy.effect == deciding);
        Ok(Answer {
            permits: !forbidden && !held.is_empty(),
            determining: held.into_iter().map(|policy| policy.rule.clone()).collect(),
            forbid_failed: errors.iter().any(|(policy, _)| policy.effect == Effect::Forbid),
            errors: errors
                .into_iter()
                .map(|(policy, message)| (policy.rule.clone(), message))
                .collect(),
        })
    }

    /// The policies whose scope holds, in their order.
    pub(super) fn in_scope(&self, question: &Question<'_>) -> SmallVec<[&Compiled; 32]> {
        let index = &self.index;
        let Question {
            principal,
            action,
            resource,
            ..
        } = question;
        let numbers = index.in_scope(Keys {
            principal: &index.principals.keys(principal, &question.principal_parents),
            action: &index.actions.keys(action, &[]),
            resource: &index.resources.keys(resource, &question.resource_parents),
        });
        let policies = numbers
            .into_iter()
            .filter_map(|number| self.policies.get(number as usize));
        policies.collect()
    }

    /// Evaluates the conditions of these policies, one after the other.
    pub(super) fn evaluate<'a>(
        &self,
        question: &Question<'_>,
        policies: &[&'a Compiled],
        at: UnixTime,
        mut each: impl FnMut(&'a Compiled, Result<bool, EvaluationError>),
    ) -> Result<(), Failure> {
        if policies.iter().all(|policy| policy.condition.is_none()) {
            policies.iter().for_each(|policy| each(policy, Ok(true)));
            return Ok(());
        }
        let conditions = policies.iter().filter_map(|policy| policy.condition.as_ref());
        let needs = Needs::together(conditions.clone().map(|condition| &condition.needs));
        let named = conditions.flat_map(|condition| condition.needs.literals.iter());
        let scene = question.scene(&needs, named, at)?;
        // Cedar's own evaluator is made ready only if it is asked.
        let mut entities = None;
        for policy in policies {
            let Some(condition) = &policy.condition else {
                each(policy, Ok(true));
                continue;
            };
            if let Some(holds) = condition.term.holds(&scene) {
                each(policy, Ok(holds));
                continue;
            }
            let entities = match &mut entities {
                Some(entities) => entities,
                none => none.insert(scene.entities()?),
            };
            let evaluator = Evaluator::new(scene.request(), entities, Extensions::all_available());
            let value = evaluator.interpret(&condition.expression, &condition.slots);
            each(policy, value.map(|value| is_true(&value)));
        }
        Ok(())
    }
}

/// The value of `true && condition` is a boolean, or there is an error in its place.
pub(super) fn is_true(value: &Value) -> bool {
    matches!(value.value, ValueKind::Lit(Literal::Bool(true)))
}
