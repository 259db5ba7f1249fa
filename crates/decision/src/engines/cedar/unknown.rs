//! Attributes that are asked for with `has` and that nothing has. Cedar takes such a question for false and says nothing, so that a name
//! misspelt in `resource has frozen && resource.frozen` would switch a `forbid` off.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{Expr, ExprKind, PolicySet};
use cedar_policy_core::parser::Loc;
use smol_str::SmolStr;

use super::known::Known;
use super::shape::{Members, Shape};
use super::written::Text;
use crate::problem::Problem;

/// How many names are told of those that there are.
const TOLD_MAX: usize = 30;

/// An error for every name after `has` that no entity, record or context of the schema has.
pub(super) fn attributes(known: &Known, by_file: &[(Text<'_>, PolicySet)]) -> Vec<Problem> {
    let mut names = BTreeSet::new();
    let declared = known.attributes.values().chain(known.contexts.values());
    declared.for_each(|members| collect(members, &mut names));
    let mut problems = Vec::new();
    for (text, set) in by_file {
        let places = text.places();
        for condition in set
            .all_templates()
            .filter_map(|template| template.non_scope_constraints())
        {
            for (name, offset) in asked(condition).filter(|(name, _)| !names.contains(name)) {
                let message = format!("nothing has an attribute `{name}`, so that `has {name}` never holds");
                let problem = Problem::error(offset.map(|offset| places.at(offset)), message);
                problems.push(problem.with_help(Some(told(&names))));
            }
        }
    }
    problems
}

fn collect<'k>(members: &'k Members, names: &mut BTreeSet<&'k SmolStr>) {
    for (name, shape) in members {
        names.insert(name);
        let mut shape = shape;
        while let Shape::Set(item) = shape {
            shape = item;
        }
        if let Shape::Record(members) = shape {
            collect(members, names);
        }
    }
}

/// The names that a condition asks for with `has`, and where.
fn asked(condition: &Expr) -> impl Iterator<Item = (&SmolStr, Option<usize>)> {
    condition.subexpressions().flat_map(|one| {
        let offset = one.source_loc().map(Loc::start);
        let names: Vec<&SmolStr> = match one.expr_kind() {
            ExprKind::HasAttr { attr, .. } => vec![attr],
            ExprKind::ExtHasAttr { attrs, .. } => attrs.iter().collect(),
            _ => Vec::new(),
        };
        names.into_iter().map(move |name| (name, offset))
    })
}

fn told(names: &BTreeSet<&SmolStr>) -> String {
    let first: Vec<&str> = names.iter().take(TOLD_MAX).map(|name| name.as_str()).collect();
    let more = if names.len() > TOLD_MAX { ", and others" } else { "" };
    match first.is_empty() {
        true => "nothing has attributes".to_owned(),
        false => format!("there are: {}{more}", first.join(", ")),
    }
}
