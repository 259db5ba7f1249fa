//! Why an evaluation came out as it did: the policies in scope, which of their conditions held, and what was missing. For people; never
//! on the path of a request.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{Expr, ExprKind, SlotEnv};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use serde::Serialize;

use super::decide::Failure;
use super::needs::Needs;
use super::question::Question;
use super::{Cedar, Compiled, Effect, NAME};
use crate::decision::{Engine as _, Opinion, Rule};
use crate::explained::{self, Condition, Considered, Held};
use crate::problem::Place;
use crate::time::UnixTime;
use crate::words::Evaluation;

/// A policy whose scope holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InScope {
    /// Which one.
    pub rule: Rule,
    /// Whether it forbids; it permits otherwise.
    pub forbids: bool,
    /// Where it is written.
    pub place: Place,
    /// What became of it.
    pub held: Held,
    /// What became of its conditions.
    pub conditions: Vec<Condition>,
    /// What its conditions ask for and nobody has, such as `principal.department`.
    pub missing: Vec<String>,
}

/// The whole explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether Cedar permits.
    pub permits: bool,
    /// The policies that made the decision.
    pub determining: Vec<Rule>,
    /// Every policy whose scope holds, in their order.
    pub in_scope: Vec<InScope>,
    /// How many others there are.
    pub out_of_scope: usize,
}

impl Cedar {
    /// Explains Cedar's answer.
    ///
    /// # Errors
    ///
    /// Those of [`Cedar::answer`].
    pub fn explain(&self, evaluation: &Evaluation, at: UnixTime) -> Result<Explanation, Failure> {
        let answer = self.answer(evaluation, at)?;
        let question = Question::of(&self.known, &self.names, evaluation)?;
        let candidates = self.in_scope(&question);
        let mut in_scope = Vec::new();
        for policy in &candidates {
            in_scope.push(self.explain_one(&question, policy, at)?);
        }
        Ok(Explanation {
            permits: answer.permits,
            determining: answer.determining,
            out_of_scope: self.policies.len() - in_scope.len(),
            in_scope,
        })
    }

    /// The same as any engine tells it.
    pub(super) fn explained(&self, evaluation: &Evaluation, at: UnixTime) -> explained::Explanation {
        let failed = |failure: Failure| {
            let opinion = Opinion::indeterminate(NAME, failure.to_string());
            explained::Explanation::of(NAME, opinion)
        };
        let opinion = self.opinion(evaluation, at);
        let explained = self.explain(evaluation, at).map(|explanation| explained::Explanation {
            engine: NAME,
            verdict: opinion.verdict,
            considered: explanation.in_scope.into_iter().map(Considered::from).collect(),
            others: explanation.out_of_scope,
            indeterminate: None,
        });
        explained.unwrap_or_else(failed)
    }

    fn explain_one(&self, question: &Question<'_>, policy: &Compiled, at: UnixTime) -> Result<InScope, Failure> {
        let mut explained = InScope {
            rule: policy.rule.clone(),
            forbids: policy.effect == Effect::Forbid,
            place: policy.place.clone(),
            held: Held::Held,
            conditions: Vec::new(),
            missing: Vec::new(),
        };
        let (Some(compiled), Some(written)) = (&policy.condition, policy.source.non_scope_constraints()) else {
            return Ok(explained);
        };
        // Steps are counted anew, because asking whether an attribute is there may go one further than the condition does.
        let needs = Needs {
            steps: compiled.needs.steps + 1,
            ..compiled.needs.clone()
        };
        let scene = question.scene(&needs, compiled.needs.literals.iter(), at)?;
        let entities = scene.entities()?;
        let evaluator = Evaluator::new(scene.request(), &entities, Extensions::all_available());
        explained.held = outcome(&evaluator, &compiled.expression, &compiled.slots);
        for conjunct in conjuncts(written) {
            let whole = Expr::and(Expr::val(true), conjunct.clone());
            explained.conditions.push(Condition {
                text: text_of(conjunct),
                held: outcome(&evaluator, &whole, &compiled.slots),
            });
        }
        let missing: BTreeSet<String> = written
            .subexpressions()
            .filter_map(|one| absent(&evaluator, one))
            .collect();
        explained.missing = missing.into_iter().collect();
        Ok(explained)
    }
}

impl From<InScope> for Considered {
    fn from(policy: InScope) -> Self {
        Self {
            rule: policy.rule,
            forbids: policy.forbids,
            place: Some(policy.place),
            held: policy.held,
            conditions: policy.conditions,
            missing: policy.missing,
        }
    }
}

fn outcome(evaluator: &Evaluator<'_>, expression: &Expr, slots: &SlotEnv) -> Held {
    match evaluator.interpret(expression, slots) {
        Ok(value) if super::decide::is_true(&value) => Held::Held,
        Ok(_) => Held::NotHeld,
        Err(error) => Held::Failed {
            message: error.to_string(),
        },
    }
}

/// The conditions that a condition consists of, in their order.
pub(super) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut waiting = vec![condition];
    while let Some(one) = waiting.pop() {
        match one.expr_kind() {
            ExprKind::And { left, right } => waiting.extend([right.as_ref(), left.as_ref()]),
            ExprKind::Lit(cedar_policy_core::ast::Literal::Bool(true)) => {}
            _ => found.push(one),
        }
    }
    found
}

/// As it is written, if it is; with its whitespace made single.
fn text_of(expression: &Expr) -> String {
    let written = expression.source_loc().and_then(|place| place.snippet());
    let text = written.map_or_else(|| expression.to_string(), str::to_owned);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name of the attribute that an expression asks for, if what should have it is there and has it not.
fn absent(evaluator: &Evaluator<'_>, expression: &Expr) -> Option<String> {
    let (of, name) = match expression.expr_kind() {
        ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } => (expr, attr),
        ExprKind::ExtHasAttr { expr, attrs } => (expr, attrs.first()),
        _ => return None,
    };
    let question = Expr::has_attr((**of).clone(), name.clone());
    let value = evaluator.interpret(&question, &SlotEnv::new()).ok()?;
    (!super::decide::is_true(&value)).then(|| format!("{}.{name}", path_of(of)))
}

/// The attributes that lead to a value, by their names: the place of one is that of all that follow it. Otherwise as it is written.
fn path_of(expression: &Expr) -> String {
    match expression.expr_kind() {
        ExprKind::Var(variable) => variable.to_string(),
        ExprKind::GetAttr { expr, attr } => format!("{}.{attr}", path_of(expr)),
        _ => text_of(expression),
    }
}
