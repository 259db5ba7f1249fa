//! Roles that are allowed and most likely not meant.

use std::collections::BTreeSet;

use super::{CompiledRole, NAME, Roles};
use crate::decision::Rule;
use crate::lint::{Lint, LintKind};

impl Roles {
    /// Roles that nobody has, that may do nothing or everything; with the rules that decided in cases, those that never did.
    pub(super) fn linted(&self, decided: Option<&BTreeSet<Rule>>) -> Vec<Lint> {
        let mut found = Vec::new();
        for (index, role) in self.roles.iter().enumerate() {
            let rule = Rule {
                engine: NAME,
                id: role.name.clone(),
            };
            let mut add = |kind: LintKind| {
                found.push(Lint {
                    rule: rule.clone(),
                    place: None,
                    kind,
                });
            };
            let is_assigned = self.assignments.iter().any(|assignment| assignment.role == index);
            let is_inherited = self
                .roles
                .iter()
                .any(|other| other.name != role.name && other.includes.contains(&index));
            if !is_assigned && !is_inherited {
                let because = "nobody is given it, and no role inherits from it".to_owned();
                add(LintKind::Unreachable { because });
            }
            if !self.may_anything(role) {
                let because = "it may do no operation".to_owned();
                add(LintKind::Unreachable { because });
            }
            if self.every_operation.contains(&index) {
                add(LintKind::TooWide);
            }
            // What is only inherited from never decides itself.
            if is_assigned && decided.is_some_and(|decided| !decided.contains(&rule)) {
                add(LintKind::Unused);
            }
        }
        found
    }

    fn may_anything(&self, role: &CompiledRole) -> bool {
        let may = |included: &usize| {
            let named = self.by_operation.values().any(|roles| roles.contains(included));
            named || self.every_operation.contains(included)
        };
        role.includes.iter().any(may)
    }
}
