//! Why a role counts for a question, or does not: to whom it is given, and under which conditions.

use super::condition::Condition as When;
use super::{Assignee, CompiledAssignment, NAME, Roles, claim};
use crate::decision::{Engine as _, Rule};
use crate::explained::{Condition, Considered, Explanation, Held};
use crate::time::UnixTime;
use crate::words::Evaluation;

impl Roles {
    /// Every role that may do the operation, with each of its assignments.
    pub(super) fn explained(&self, evaluation: &Evaluation, at: UnixTime) -> Explanation {
        let mut considered = Vec::new();
        for (index, role) in self.roles.iter().enumerate() {
            if !self.may(role, &evaluation.action.name) {
                continue;
            }
            let assigned: Vec<&CompiledAssignment> = self
                .assignments
                .iter()
                .filter(|assignment| assignment.role == index)
                .collect();
            let holds = assigned.iter().any(|assignment| self.holds(assignment, evaluation, at));
            let conditions = assigned
                .iter()
                .flat_map(|assignment| self.conditions(assignment, evaluation, at));
            let missing = assigned
                .iter()
                .filter_map(|assignment| self.missing(assignment, evaluation));
            considered.push(Considered {
                rule: Rule {
                    engine: NAME,
                    id: role.name.clone(),
                },
                forbids: false,
                place: None,
                held: Held::of(holds),
                conditions: conditions.collect(),
                missing: missing.collect(),
            });
        }
        Explanation {
            engine: NAME,
            verdict: self.opinion(evaluation, at).verdict,
            others: self.roles.len() - considered.len(),
            considered,
            indeterminate: None,
        }
    }

    /// To whom it is given; and where that is so, under which conditions.
    fn conditions(&self, assignment: &CompiledAssignment, evaluation: &Evaluation, at: UnixTime) -> Vec<Condition> {
        let is_assigned = self.is_assigned(&assignment.to, &evaluation.subject);
        let mut conditions = vec![Condition {
            text: self.told(&assignment.to),
            held: Held::of(is_assigned),
        }];
        if is_assigned {
            conditions.extend(assignment.when.iter().map(|when| Condition {
                text: when.told(),
                held: Held::of(when.holds(evaluation, at)),
            }));
        }
        conditions
    }

    fn told(&self, to: &Assignee) -> String {
        match to {
            Assignee::Subject { kind: Some(kind), id } => format!("given to {kind} `{id}`"),
            Assignee::Subject { kind: None, id } => format!("given to `{id}`"),
            Assignee::Group(group) => format!("given to whoever has `{group}` in `{}`", self.groups_claim),
            Assignee::Claim { path, equals } => format!("given to whoever has {equals} in `{path}`"),
        }
    }

    /// The claim that an assignment asks for and the subject does not have.
    fn missing(&self, assignment: &CompiledAssignment, evaluation: &Evaluation) -> Option<String> {
        let path = match &assignment.to {
            Assignee::Subject { .. } => return None,
            Assignee::Group(_) => &self.groups_claim,
            Assignee::Claim { path, .. } => path,
        };
        let is_missing = claim(&evaluation.subject, path).is_none();
        is_missing.then(|| format!("subject.{path}"))
    }
}

impl When {
    fn told(&self) -> String {
        match self {
            Self::Time(window) => {
                let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
                let (from, until) = (clock(window.from.minute()), clock(window.until.minute()));
                match window.days.is_empty() {
                    true => format!("from {from} until {until}"),
                    false => format!("from {from} until {until} on some days"),
                }
            }
            Self::Networks(networks) => {
                let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
                format!("from {}", networks.join(", "))
            }
            Self::Claim { path, equals } => format!("`{path}` is {equals}"),
        }
    }
}
