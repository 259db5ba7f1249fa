//! Policies that are allowed and most likely not meant: that can never apply, that permit everything, that are there twice, that no case
//! ever needed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::explain::conjuncts;
use super::{Cedar, Compiled, Effect, shape};
use crate::decision::Rule;
use crate::lint::{Lint, LintKind};
use cedar_policy_core::ast::{
    ActionConstraint, Context, EntityReference, EntityUID, EntityUIDEntry, Expr, ExprKind,
    PrincipalOrResourceConstraint, Request, SlotEnv,
};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

impl Cedar {
    /// Looks at every policy. With the rules that decided in cases ([`crate::cases::Report`]), it finds those that never did.
    pub(super) fn linted(&self, decided: Option<&BTreeSet<Rule>>) -> Vec<Lint> {
        let mut first: BTreeMap<String, &Rule> = BTreeMap::new();
        let known = self.named();
        let mut found = Vec::new();
        for policy in &self.policies {
            let mut add = |kind: LintKind| {
                found.push(Lint {
                    rule: policy.rule.clone(),
                    place: Some(policy.place.clone()),
                    kind,
                });
            };
            if let Some(because) = self.unreachable(policy, &known) {
                add(LintKind::Unreachable { because });
            }
            if is_too_wide(policy) {
                add(LintKind::TooWide);
            }
            match first.get(&meaning(policy)) {
                Some(rule) => add(LintKind::Identical { to: (*rule).clone() }),
                None => {
                    first.insert(meaning(policy), &policy.rule);
                }
            }
            if decided.is_some_and(|decided| !decided.contains(&policy.rule)) {
                add(LintKind::Unused);
            }
        }
        found
    }

    fn unreachable(&self, policy: &Compiled, named: &HashSet<&EntityUID>) -> Option<String> {
        let source = &policy.source;
        if let Some(condition) = source.non_scope_constraints().and_then(never_true) {
            return Some(format!("`{condition}` never holds"));
        }
        if let ActionConstraint::In(actions) = source.action_constraint()
            && actions.is_empty()
        {
            return Some("its list of actions is empty".to_owned());
        }
        let mut groups = [
            within(
                source.principal_constraint().as_inner(),
                &self.known.subject_memberships,
            ),
            within(
                source.resource_constraint().as_inner(),
                &self.known.resource_memberships,
            ),
        ]
        .into_iter()
        .flatten();
        groups
            .find(|group| is_unknown(group, named))
            .map(|group| format!("nothing is known to be in `{group}`"))
    }

    /// The entities that are configured, and those that they are within.
    fn named(&self) -> HashSet<&EntityUID> {
        let entities = &self.known.entities;
        entities
            .keys()
            .chain(entities.values().flat_map(|entity| entity.ancestors()))
            .collect()
    }
}

/// Whether entities of the type are named, and this one is not among them.
fn is_unknown(uid: &EntityUID, named: &HashSet<&EntityUID>) -> bool {
    !named.contains(uid) && named.iter().any(|known| known.entity_type() == uid.entity_type())
}

/// The entity that the scope asks to be within, unless questions themselves say who is.
fn within(
    constraint: &PrincipalOrResourceConstraint,
    memberships: &[(String, cedar_policy_core::ast::EntityType)],
) -> Option<EntityUID> {
    let (PrincipalOrResourceConstraint::In(EntityReference::EUID(uid))
    | PrincipalOrResourceConstraint::IsIn(_, EntityReference::EUID(uid))) = constraint
    else {
        return None;
    };
    let told = memberships.iter().any(|(_, kind)| kind == uid.entity_type());
    (!told).then(|| (**uid).clone())
}

/// The first of a condition's parts that holds for no question, because it asks nothing and is false or fails.
fn never_true(condition: &Expr) -> Option<String> {
    let constant = |one: &&Expr| {
        let mut parts = one.subexpressions();
        !parts.any(|part| matches!(part.expr_kind(), ExprKind::Var(_) | ExprKind::Slot(_)) || looks_up(part))
    };
    let parts = conjuncts(condition);
    let mut constants = parts.into_iter().filter(constant);
    constants.find(|one| !holds_for_nobody(one)).map(ToString::to_string)
}

/// Whether an entity is looked up, which depends on what is known of it.
fn looks_up(expression: &Expr) -> bool {
    let needs = super::needs::Needs::of(expression, &mut super::needs::Names::new());
    needs.steps > 0
}

fn holds_for_nobody(expression: &Expr) -> bool {
    let entities = Entities::new();
    let Ok(kind) = "Nobody".parse() else { return true };
    let nobody = EntityUIDEntry::known(shape::entity(kind, ""), None);
    let request = Request::new_unchecked(nobody.clone(), nobody.clone(), nobody, Some(Context::empty()));
    let evaluator = Evaluator::new(request, &entities, Extensions::all_available());
    evaluator
        .interpret(expression, &SlotEnv::new())
        .is_ok_and(|value| super::decide::is_true(&value))
}

fn is_too_wide(policy: &Compiled) -> bool {
    let source = &policy.source;
    policy.effect == Effect::Permit
        && *source.principal_constraint().as_inner() == PrincipalOrResourceConstraint::Any
        && *source.action_constraint() == ActionConstraint::Any
        && *source.resource_constraint().as_inner() == PrincipalOrResourceConstraint::Any
        && source
            .non_scope_constraints()
            .is_none_or(|condition| conjuncts(condition).is_empty())
}

/// The same text for policies that say the same in the same words.
fn meaning(policy: &Compiled) -> String {
    let source = &policy.source;
    let condition = source
        .non_scope_constraints()
        .map(ToString::to_string)
        .unwrap_or_default();
    let (principal, resource) = (source.principal_constraint(), source.resource_constraint());
    format!(
        "{:?} {principal} {} {resource} {condition}",
        policy.effect,
        source.action_constraint()
    )
}
