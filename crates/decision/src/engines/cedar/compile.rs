//! A source is read, validated and compiled, or every problem that it has is told.

use std::sync::Arc;

use cedar_policy_core::ast::{Effect as Written, Expr, PolicySet};
use cedar_policy_core::validator::{ValidationMode, ValidationWarning, Validator, ValidatorSchema};

use super::bare::bare;
use super::index::Index;
use super::known::Known;
use super::needs::{Names, Needs};
use super::read::{self, ReadPolicy};
use super::term::Term;
use super::unknown;
use super::written::{Source, Text};
use super::{Cedar, Compiled, Conditional, Effect, NAME};
use crate::decision::Rule;
use crate::problem::{Problem, Severity};

impl Cedar {
    /// Compiles policies, with warnings about what is allowed and odd.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the texts: none is half compiled.
    pub fn compile(source: &Source<'_>) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let read = read::read(source);
        let known = Known::of(source);
        let (read, known) = match (read, known) {
            (Ok(read), Ok(known)) => (read, known),
            (read, known) => return Err([read.err(), known.err()].into_iter().flatten().flatten().collect()),
        };
        let mut found = Vec::new();
        if let Some(schema) = &known.schema {
            found.extend(unknown::attributes(&known, &read.by_file));
            found.extend(validate(schema, &read.by_file));
        }
        if found.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(found);
        }
        let index = Index::of(read.policies.iter().map(|read| &read.policy), &known.entities);
        let mut names = Names::new();
        let policies = read.policies.into_iter();
        let policies: Vec<Compiled> = policies.map(|policy| compile_one(policy, &mut names)).collect();
        let mut conditions = policies.iter().filter_map(|policy| policy.condition.as_ref());
        let engine = Self {
            reads_time: conditions.any(|condition| condition.needs.clock),
            policies,
            index,
            known,
            names,
            failed_forbid: source.failed_forbid,
        };
        Ok((engine, found))
    }
}

/// Every finding about every file, errors before warnings.
fn validate(schema: &ValidatorSchema, by_file: &[(Text<'_>, PolicySet)]) -> Vec<Problem> {
    let validator = Validator::new(schema.clone());
    let mut problems = Vec::new();
    for (text, set) in by_file {
        let result = validator.validate(set, ValidationMode::Strict);
        let places = text.places();
        let errors = result.validation_errors();
        problems.extend(errors.map(|error| read::of_diagnostic(&places, error)));
        problems.extend(result.validation_warnings().map(|warning| Problem {
            severity: severity(warning, set),
            ..read::of_diagnostic(&places, warning)
        }));
    }
    problems.sort_by(|a, b| (a.severity, &a.place, &a.message).cmp(&(b.severity, &b.place, &b.message)));
    problems.dedup();
    problems
}

/// Whoever writes a `forbid` relies on it: one that can never apply is an error.
fn severity(warning: &ValidationWarning, of: &PolicySet) -> Severity {
    match warning {
        ValidationWarning::ImpossiblePolicy(found) => {
            let policy = of.get(&found.policy_id);
            let forbids = policy.is_some_and(|policy| policy.effect() == Written::Forbid);
            if forbids { Severity::Error } else { Severity::Warning }
        }
        _ => Severity::Warning,
    }
}

fn compile_one(read: ReadPolicy, names: &mut Names) -> Compiled {
    let ReadPolicy { policy, place } = read;
    let condition = policy.non_scope_constraints().map(|condition| Conditional {
        term: Term::of(condition, policy.env(), names),
        expression: Expr::and(Expr::val(true), bare(condition)),
        slots: policy.env().clone(),
        needs: Needs::of(condition, names),
    });
    Compiled {
        rule: Rule {
            engine: NAME,
            id: Arc::from(policy.id().as_ref()),
        },
        effect: match policy.effect() {
            Written::Permit => Effect::Permit,
            Written::Forbid => Effect::Forbid,
        },
        condition,
        place,
        source: policy,
    }
}
