//! Static roles: who has which, and which operations a role may do.
//!
//! A role comes from the configuration alone: by the id of a subject, by a group, or by the value of a claim. An evaluation can
//! give nobody a role: what it calls a role is an attribute like any other. Roles only ever permit.

mod compile;
mod condition;
mod explain;
mod lint;
mod written;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

pub use self::compile::RoleProblem;
use self::condition::Condition;
pub use self::written::{Assignment, Clock, Conditions, Role, RoleModel, Window};
use crate::decision::{Engine, Opinion, Reason, Rule, Verdict};
use crate::explained::Explanation;
use crate::lint::Lint;
use crate::listed::Listed;
use crate::time::UnixTime;
use crate::words::{Action, Evaluation, Resource, Subject};

/// The name of this engine in reasons.
pub const NAME: &str = "roles";

/// How deep a claim may be looked for, in members.
const PATH_SEPARATOR: char = '.';

/// An operation that roles can be given, as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name: that of the action in an evaluation.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
}

/// A compiled role model.
#[derive(Debug)]
pub struct Roles {
    /// For each role, with its index.
    roles: Vec<CompiledRole>,
    /// The roles that may do an operation, by its name, ascending.
    by_operation: HashMap<String, Vec<usize>>,
    /// The roles that may do whatever there is, known to the contract or not.
    every_operation: Vec<usize>,
    assignments: Vec<CompiledAssignment>,
    groups_claim: String,
}

#[derive(Debug)]
struct CompiledRole {
    name: Arc<str>,
    /// Itself and all that it inherits from, ascending.
    includes: Vec<usize>,
}

#[derive(Debug)]
struct CompiledAssignment {
    role: usize,
    to: Assignee,
    when: Vec<Condition>,
}

/// Who is given a role.
#[derive(Debug)]
enum Assignee {
    Subject { kind: Option<String>, id: String },
    Group(String),
    Claim { path: String, equals: Value },
}

impl Roles {
    /// The names of all roles.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|role| &*role.name)
    }

    /// The claims that are looked at: properties that a subject has to have wherever they are known of it.
    #[must_use]
    pub fn claims(&self) -> BTreeSet<&str> {
        let assigned = self.assignments.iter().filter_map(|assignment| match &assignment.to {
            Assignee::Subject { .. } => None,
            Assignee::Group(_) => Some(self.groups_claim.as_str()),
            Assignee::Claim { path, .. } => Some(path.as_str()),
        });
        let conditions = self.assignments.iter().flat_map(|assignment| &assignment.when);
        let conditions = conditions.filter_map(|condition| match condition {
            Condition::Claim { path, .. } => Some(path.as_str()),
            Condition::Time(_) | Condition::Networks(_) => None,
        });
        let paths: BTreeSet<&str> = assigned.chain(conditions).collect();
        let outermost = paths.iter().filter_map(|path| path.split(PATH_SEPARATOR).next());
        outermost.chain(paths.iter().copied()).collect()
    }

    /// The roles by which this subject may do the operation now, by name.
    fn permitting(&self, evaluation: &Evaluation, at: UnixTime) -> Vec<&CompiledRole> {
        let mut permitting: Vec<usize> = Vec::new();
        for assignment in &self.assignments {
            let Some(role) = self.roles.get(assignment.role) else {
                continue;
            };
            if !permitting.contains(&assignment.role)
                && self.may(role, &evaluation.action.name)
                && self.holds(assignment, evaluation, at)
            {
                permitting.push(assignment.role);
            }
        }
        permitting.sort_unstable();
        permitting.iter().filter_map(|role| self.roles.get(*role)).collect()
    }

    /// Whether a role may do an operation, itself or by what it inherits from.
    fn may(&self, role: &CompiledRole, operation: &str) -> bool {
        let named = self.by_operation.get(operation).map_or(&[][..], Vec::as_slice);
        let may = |included: &usize| named.contains(included) || self.every_operation.contains(included);
        role.includes.iter().any(may)
    }

    fn holds(&self, assignment: &CompiledAssignment, evaluation: &Evaluation, at: UnixTime) -> bool {
        self.is_assigned(&assignment.to, &evaluation.subject)
            && assignment.when.iter().all(|condition| condition.holds(evaluation, at))
    }

    fn is_assigned(&self, to: &Assignee, subject: &Subject) -> bool {
        match to {
            Assignee::Subject { kind, id } => {
                subject.id == *id && kind.as_ref().is_none_or(|kind| subject.kind == *kind)
            }
            Assignee::Group(group) => match claim(subject, &self.groups_claim) {
                Some(Value::Array(groups)) => groups.iter().any(|one| one.as_str() == Some(group)),
                Some(Value::String(one)) => one == group,
                _ => false,
            },
            Assignee::Claim { path, equals } => {
                claim(subject, path).is_some_and(|value| equals_or_contains(value, equals))
            }
        }
    }
}

/// A claim of the subject: the member of this very name if there is one, else the member of a member that dots name.
fn claim<'a>(subject: &'a Subject, path: &str) -> Option<&'a Value> {
    if let Some(value) = subject.properties.get(path) {
        return Some(value);
    }
    let mut names = path.split(PATH_SEPARATOR);
    let mut value = subject.properties.get(names.next()?)?;
    for name in names {
        value = value.as_object()?.get(name)?;
    }
    Some(value)
}

fn equals_or_contains(value: &Value, wanted: &Value) -> bool {
    match value {
        Value::Array(items) if !wanted.is_array() => items.contains(wanted),
        value => value == wanted,
    }
}

impl Engine for Roles {
    fn name(&self) -> &'static str {
        NAME
    }

    fn opinion(&self, evaluation: &Evaluation, at: UnixTime) -> Opinion {
        let permitting = self.permitting(evaluation, at);
        let rule = |role: &&CompiledRole| Rule {
            engine: NAME,
            id: Arc::clone(&role.name),
        };
        let reasons: Vec<Reason> = permitting
            .iter()
            .map(|role| Reason::Permits { rule: rule(role) })
            .collect();
        if reasons.is_empty() {
            return Opinion::silent();
        }
        Opinion {
            verdict: Verdict::Permits,
            reasons,
        }
    }

    fn wanted(&self, evaluation: &Evaluation) -> Option<Reason> {
        let may = |role: &&CompiledRole| self.may(role, &evaluation.action.name);
        let roles = self.roles.iter().filter(may).map(|role| Arc::clone(&role.name));
        Some(Reason::NoRole { roles: roles.collect() })
    }

    fn reads_time(&self) -> bool {
        let conditions = self.assignments.iter().flat_map(|assignment| &assignment.when);
        conditions.into_iter().any(Condition::reads_time)
    }

    fn changes(&self) -> u64 {
        0
    }

    fn explain(&self, evaluation: &Evaluation, at: UnixTime) -> Explanation {
        self.explained(evaluation, at)
    }

    fn lint(&self, decided: Option<&BTreeSet<Rule>>) -> Vec<Lint> {
        self.linted(decided)
    }

    /// Whom assignments name. Who is in a group, or has a claim, their tokens say, and nobody can list.
    fn subjects(&self, kind: &str, _: &Action, _: &Resource) -> Option<Listed> {
        let mut listed = None;
        for assignment in &self.assignments {
            match &assignment.to {
                Assignee::Subject { kind: own, id } if own.as_ref().is_none_or(|own| own == kind) => {
                    listed.get_or_insert_with(Listed::default).add(id);
                }
                Assignee::Subject { .. } => {}
                Assignee::Group(_) | Assignee::Claim { .. } => {
                    listed.get_or_insert_with(Listed::default).cut_off();
                }
            }
        }
        listed
    }
}

#[cfg(test)]
mod tests;
